"""What alerts and incidents are and how they change: values and functions only.

PURE: no await, no clock (``now`` is an argument), no logging, no I/O. Imports nothing of ours but ``errors``.
"""
