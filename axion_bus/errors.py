"""The errors that axion-bus raises on purpose. Each message says what was tried, on what, what was found, what to do.

Adapters translate their library's exceptions into these at their edge (``raise ... from exc``); nothing else does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class AxionError(Exception):
    """Base of every error that a caller of axion-bus may want to catch."""


class ConfigError(AxionError):
    """The configuration cannot be used; the message lists every fault, one a line."""


class StoreUnavailable(AxionError):
    """The database cannot be reached or does not answer. Nothing is known to be written; trying again later is right."""


class StoreConflict(AxionError):
    """The transaction lost a race (deadlock, lock wait, duplicate key) and was rolled back. Trying it again, whole, is right."""


class StoreRefused(AxionError):
    """The database does not take what was to be written: too long, out of range, against a rule. Trying it again is useless."""


class SchemaError(AxionError):
    """The database's schema does not fit this program: it is older and may not be upgraded here, or it is newer."""


class BusUnavailable(AxionError):
    """A message bus cannot be reached, or went away while something was being sent."""


class BusRefused(BusUnavailable):
    """The broker answered, and does not let us in."""


class BrokerMissing(BusUnavailable):
    """A broker was to be started, and none is installed."""


class DeliveryFailed(AxionError):
    """A channel did not deliver a message. ``is_permanent``: trying again is useless. ``retry_after_s``: not sooner than that.

    ``is_ambiguous``: the other side may have it all the same, the answer was lost. ``is_thread_gone``: the message that it was to
    follow is not there any more. ``status`` is that of HTTP, where there was an answer.
    """

    def __init__(
        self,
        message: str,
        *,
        is_permanent: bool = False,
        is_ambiguous: bool = False,
        retry_after_s: float | None = None,
        is_thread_gone: bool = False,
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.is_permanent = is_permanent
        self.is_ambiguous = is_ambiguous
        self.retry_after_s = retry_after_s
        self.is_thread_gone = is_thread_gone
        self.status = status


class AlreadyRunning(AxionError):
    """Another daemon holds this client id or this database file."""


class DaemonAway(AxionError):
    """No daemon takes orders for this configuration, or it gives no answer."""


class NotFound(AxionError):
    """No incident, communication or notify code is known by that name. Nothing was changed."""


class Conflict(AxionError):
    """The incident has changed since the caller saw it (``expected_version``). Nothing was changed."""


class ValidationFailed(AxionError):
    """An argument is not allowed. ``faults`` are pairs of a field's name and what is wrong with it. Nothing was changed."""

    def __init__(self, faults: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{name}: {fault}" for name, fault in faults))
        self.faults = tuple(faults)


class InvalidTransition(AxionError):
    """The incident's life cycle does not lead there; ``allowed`` names the statuses that it may take. Nothing was changed."""

    def __init__(self, message: str, *, allowed: Sequence[str]) -> None:
        super().__init__(f"{message}; allowed: {', '.join(allowed) or 'none'}")
        self.allowed = tuple(allowed)
