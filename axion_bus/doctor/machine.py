"""The machine: space on the disk that the state is on, the clock, and who else may read the secrets or change the configuration."""

from __future__ import annotations

import ctypes
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from axion_bus.config.secret import SYSTEM_CREDENTIALS
from axion_bus.config.show import secrets
from axion_bus.config.urls import SqliteUrl
from axion_bus.doctor.finding import Finding, fail, ok, warn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from axion_bus.config import Origin, Settings

_MIB = 1024 * 1024
FULL_BYTES = 64 * _MIB
LOW_BYTES = 1024 * _MIB
_TIMEX_BYTES = 1024  # struct timex has 208 of them
_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised


async def examine(settings: Settings, origin: Origin, state: Path) -> Sequence[Finding]:
    """The disk, the clock, the files."""
    url = settings.store.url
    directory = Path(url.path).parent if isinstance(url, SqliteUrl) else state
    return [disk(directory), clock(), *modes(settings, origin)]


def disk(directory: Path) -> Finding:
    """How much may still be written in ``directory``, or where it will be made."""
    while not directory.exists():
        directory = directory.parent
    try:
        system = os.statvfs(directory)
    except OSError as exc:
        return fail("disk.space", f"{directory}: {exc.strerror}", f"make {directory} accessible to the user axion-bus")
    return judge_disk(directory, system.f_bavail * system.f_frsize, system.f_blocks * system.f_frsize)


def judge_disk(directory: Path, free: int, whole: int) -> Finding:
    """FAIL where a transaction may soon not be written any more, WARN well before."""
    found = f"{free // _MIB} MiB free of {whole // _MIB} MiB at {directory}"
    repair = f"free space on the file system of {directory}, or enlarge it: on a full disk nothing is accepted"
    if free < min(FULL_BYTES, whole // 50):
        return fail("disk.space", found, repair)
    if free < min(LOW_BYTES, whole // 20):
        return warn("disk.space", found, repair)
    return ok("disk.space", found)


def clock() -> Finding:
    """Whether something keeps the clock right (adjtimex(2)): else it drifts, and steps when somebody notices."""
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(_TIMEX_BYTES)
    state = libc.adjtimex(buffer)  # of zeros: nothing is set
    if state == -1:
        return ok("clock.synchronised", f"cannot be seen here: {os.strerror(ctypes.get_errno())}")
    if state == _TIME_ERROR:
        repair = "let something set the clock: apt-get install systemd-timesyncd (in a container, on its host)"
        return warn("clock.synchronised", "nothing keeps the clock of this machine right", repair)
    return ok("clock.synchronised", "kept right")


def modes(settings: Settings, origin: Origin) -> Iterator[Finding]:
    """Secrets that others may read, a configuration that others may write."""
    files = sorted(_secret_files(settings))
    loose = [(file, mode) for file in files for mode in [_mode(file)] if mode is not None and mode & 0o077]
    for file, mode in loose:
        verdict = fail if mode & 0o007 else warn
        yield verdict("credentials.modes", f"{file} has mode {mode:04o}: others may read it", f"chmod 600 {file}")
    if not loose:
        yield ok("credentials.modes", f"{len(files)} files, each its owner's alone" if files else "no secret is in a file")
    if origin.file is not None:
        writable = _mode(origin.file) or 0
        if writable & 0o022:
            text = f"{origin.file} has mode {writable:04o}: others may change what the daemon does"
            yield fail("configuration.mode", text, f"chmod 644 {origin.file}")


def _secret_files(settings: Settings) -> Iterator[Path]:
    """Where secrets are kept; not what systemd hands out, whose modes are its own."""
    for _, secret in secrets(settings):
        if secret.kind == "file":
            yield Path(secret.name)
        elif secret.kind == "credential" and os.access(SYSTEM_CREDENTIALS / secret.name, os.F_OK):
            yield SYSTEM_CREDENTIALS / secret.name
    tls = settings.mqtt.tls
    if tls is not None and (tls.key_file or tls.cert_file):
        yield Path(tls.key_file or tls.cert_file or "")


def _mode(file: Path) -> int | None:
    try:
        return stat.S_IMODE(file.stat().st_mode)
    except OSError:
        return None  # that it cannot be read is told elsewhere
