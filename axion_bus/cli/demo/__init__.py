"""``axion-bus demo``: a broker, a database and the daemon in one process, with a short story told over real MQTT.

``command.py`` is its command line, ``play.py`` its life, ``stage.py`` its directory and configuration, ``welcome.py`` what it says
first, ``story.py`` what it publishes, ``watch.py`` what is seen of that, ``screen.py`` how that is printed. The daemon in it knows
nothing of the demo.
"""

from axion_bus.cli.demo.command import command

__all__ = ["command"]
