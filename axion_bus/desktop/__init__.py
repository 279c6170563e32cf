"""``axion-bus desktop``: open incidents on a person's screen, with buttons that answer. A program of its own beside the daemon.

``board`` decides what is to be seen, ``notices`` how it looks, ``views`` reads what the daemon tells; these are pure. ``screen``
talks to the notification server, ``service`` to the daemon, ``run`` puts them together.
"""
