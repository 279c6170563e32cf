"""Runs a program that ends when the process that started it does, however that ended: ``tied.py PARENT PROGRAM [ARGUMENT]...``.

A program of its own, run by path and before any import of ours: in the process that starts it, nothing may be called safely between
fork and exec (subprocess documents so of ``preexec_fn``). Started by ``buses.embedded`` only.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask the kernel for a SIGTERM at our parent's death (prctl(2); kept by execv), then become PROGRAM."""
    parent, *command = sys.argv[1:]
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):  # it died before we could ask
        sys.exit(f"the process {parent}, which this was started for, is gone")
    os.execv(command[0], command)  # noqa: S606 - a shell between us and PROGRAM would take the signal in its place


if __name__ == "__main__":
    main()
