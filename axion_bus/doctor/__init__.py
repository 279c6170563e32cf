"""``axion-bus doctor``: looks at everything that the daemon stands on, and says of each thing how it is and what repairs it.

A file for each group of checks; ``examination`` runs them side by side. Nothing here changes what it looks at, takes the daemon's
client id, lock or bus name, or asks longer than its limit.
"""
