"""What the daemon says to the machine it runs on: its state to systemd (sd_notify), its log to the journal or a terminal.

When to say it is ``daemon``'s business, and what the settings are ``config``'s: values come as arguments. Called by ``daemon``
and ``cli``.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self, TextIO

    from structlog.typing import EventDict, Processor, WrappedLogger

_SEND_TIMEOUT_S = 1.0
_SYSLOG_PRIORITY = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}


class Notifier:
    """Tells the service manager how the daemon is (sd_notify(3)).

    Every call returns whether the message was handed over, and never raises: without a manager it does nothing and returns False.
    ``watchdog_interval_s`` is how often ``watchdog`` has to be called, a third of the limit so that one late turn is no death; None
    when no watchdog was asked of this process.
    """

    def __init__(self, address: str | None = None, watchdog_interval_s: float | None = None) -> None:
        self._address = address
        self.watchdog_interval_s = watchdog_interval_s

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """A notifier for ``$NOTIFY_SOCKET``, ``$WATCHDOG_USEC`` and ``$WATCHDOG_PID`` as the manager set them."""
        return cls(environ.get("NOTIFY_SOCKET"), _watchdog_interval_s(environ))

    def ready(self, status: str = "") -> bool:
        """Start-up, or a reload, is complete."""
        return self._send("READY=1", _status(status))

    def status(self, text: str) -> bool:
        """Set the line that ``systemctl status`` shows."""
        return self._send(_status(text))

    def watchdog(self) -> bool:
        """Still alive. To be called only while the work moves."""
        return self._send("WATCHDOG=1")

    def reloading(self) -> bool:
        """A reload began; ``ready`` ends it."""
        return self._send("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self, status: str = "") -> bool:
        """Shutting down began. Nothing takes it back."""
        return self._send("STOPPING=1", _status(status))

    def extend_timeout(self, seconds: float) -> bool:
        """Starting, or stopping, takes up to ``seconds`` more from now: a migration, a long drain."""
        return self._send(f"EXTEND_TIMEOUT_USEC={round(seconds * 1_000_000)}")

    def _send(self, *assignments: str) -> bool:
        if not self._address or self._address[0] not in "/@":
            return False
        address = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        payload = "\n".join(filter(None, assignments)).encode("utf-8", "backslashreplace")
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                # a datagram waits only while the manager's queue is full: READY is worth a second, a manager that is stuck no more
                sock.settimeout(_SEND_TIMEOUT_S)
                sock.sendto(payload, address)
        except (OSError, ValueError):  # ValueError: a NUL in the path
            return False
        return True


def _status(text: str) -> str:
    return f"STATUS={' '.join(text.split())}" if text else ""  # a line break would begin another assignment


def _watchdog_interval_s(environ: Mapping[str, str]) -> float | None:
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None  # meant for the process that started us
    try:
        limit_us = int(environ.get("WATCHDOG_USEC", ""))
    except ValueError:
        return None
    return limit_us / 1_000_000 / 3 if limit_us > 0 else None


def configure_logging(
    level: str = "INFO", stream: TextIO | None = None, environ: Mapping[str, str] = os.environ, *, style: str = "auto"
) -> None:
    """Send this process's log to ``stream`` (stderr), from ``level`` on; may be called again, for instance on a reload.

    ``style`` is ``json``, ``console`` or ``auto``: a terminal gets aligned lines, anything else one JSON object a line, the journal
    with its ``<N>`` priority in front (sd-daemon(3)). What libraries log by ``logging`` goes the same way, from WARNING on. A log
    that cannot be written never stops the work.
    """
    stream = stream or sys.stderr
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            *_renderer(style, stream, environ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=lambda *_: _Sink(stream),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, handlers=[_LibraryHandler()], force=True)


def is_journal(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether ``stream`` is the journal's socket (systemd.exec(5), ``$JOURNAL_STREAM``), and not a redirection of it."""
    try:
        stat = os.fstat(stream.fileno())
    except (OSError, ValueError):  # no descriptor behind it (ValueError: closed)
        return False
    return environ.get("JOURNAL_STREAM") == f"{stat.st_dev}:{stat.st_ino}"


def _renderer(style: str, stream: TextIO, environ: Mapping[str, str]) -> list[Processor]:
    if style == "console" or (style == "auto" and stream.isatty()):
        return [
            structlog.dev.ConsoleRenderer(
                colors=stream.isatty() and "NO_COLOR" not in environ,
                exception_formatter=structlog.dev.plain_traceback,  # the rich one prints local variables, secrets included
                repr_native_str=True,  # what came over the bus may hold terminal escapes
            )
        ]
    return [structlog.processors.format_exc_info, _journal_line if is_journal(stream, environ) else _json_line]


def _json_line(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    first = {key: event.pop(key) for key in ("timestamp", "level", "event")}
    return json.dumps({**first, **event}, default=repr)


def _journal_line(logger: WrappedLogger, method: str, event: EventDict) -> str:
    return f"<{_SYSLOG_PRIORITY[event['level']]}>{_json_line(logger, method, event)}"


class _Sink(structlog.WriteLogger):
    """Writes lines, and drops what it cannot write: a full disk or a journal that went away must not stop the daemon."""

    def msg(self, message: str) -> None:
        with suppress(OSError, ValueError):  # ValueError: the stream was closed
            super().msg(message)

    log = debug = info = warn = warning = msg
    fatal = failure = err = error = critical = exception = msg


class _LibraryHandler(logging.Handler):
    """Hands what libraries log to structlog, their text as a field: only our own events have names."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            fields = {"logger": record.name, "message": record.getMessage(), "exc_info": record.exc_info}
        except Exception:  # noqa: BLE001 - a library's wrong arguments to its own message; logging's contract for handlers
            self.handleError(record)
        else:
            structlog.get_logger().log(min(record.levelno // 10 * 10, logging.CRITICAL), "library_message", **fields)
