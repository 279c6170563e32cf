"""How fast the daemon is, measured from outside: real servers, the daemon as a process, and the ceilings in the same run.

``python -m tests.bench`` (``make bench``) prints one table. Nothing here asserts a time: the table says which goals are met.
"""
