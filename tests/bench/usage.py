"""What a process uses, as the kernel counts it: steadier on a busy machine than any time on the wall."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from tests.bench.figures import Sample


class Meter:
    """Counts from when it is made what the process ``pid`` uses."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._cpu_s, self._waited_s = cpu_s(pid), waited_s(pid)

    def sample(self, value: float, alerts: int) -> Sample:
        """``value`` with what was used for ``alerts`` alerts meanwhile."""
        return Sample(
            value=value,
            cpu_us=(cpu_s(self._pid) - self._cpu_s) / alerts * 1e6,
            waited_us=(waited_s(self._pid) - self._waited_s) / alerts * 1e6,
            peak_mib=peak_mib(self._pid),
        )


def cpu_s(pid: int) -> float:
    """User and system time of ``pid`` with all its threads (proc(5), /proc/pid/stat 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def waited_s(pid: int) -> float:
    """How long the threads of ``pid`` that still run have waited for a processor (/proc/pid/task/tid/schedstat, the second)."""
    waited_ns = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            waited_ns += int((task / "schedstat").read_text().split()[1])
    return waited_ns / 1e9


def peak_mib(pid: int) -> float:
    """The most memory that ``pid`` has had (VmHWM)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
