"""What a process has used so far, as the kernel counts it: steadier on a busy machine than any time on the wall."""

from __future__ import annotations

import os
from pathlib import Path


def cpu_s(pid: int) -> float:
    """User and system time of ``pid`` with all its threads (proc(5), /proc/pid/stat 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
