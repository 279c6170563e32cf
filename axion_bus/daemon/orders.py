"""What is asked of the running daemon from outside: to stop, or to take up its configuration again; and what became of it.

Signals and ``axion-bus reload`` give the orders, ``run`` obeys them, ``serve`` tells when it serves.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from axion_bus.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from axion_bus.config import Settings
    from axion_bus.systemd import Notifier

log = structlog.get_logger()

STALE = "the new configuration is faulty, the old one is in force"
"""What the status says until a reload succeeds."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an order; ``text`` is for people, the faults of a configuration one a line."""

    is_obeyed: bool
    text: str


@dataclass(slots=True)
class Orders:
    """``stop`` ends the serving; ``settings`` is what to serve with afterwards, None: nothing.

    ``read`` reads the configuration again, or raises ConfigError. ``fault`` is why what it read last is not in force; None: it is.
    """

    settings: Settings | None
    read: Callable[[], Settings]
    notifier: Notifier
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    is_leaving: bool = False
    is_serving: bool = False
    fault: str | None = None
    status: str = "starting"
    _asked: list[asyncio.Future[Outcome]] = field(default_factory=list)
    _refused: list[str] = field(default_factory=list)
    _tell: Callable[[str], None] | None = None

    def leave(self) -> None:
        """Stop for good."""
        self.notifier.stopping("finishing what is at hand")
        self.is_leaving, self.settings = True, None
        self._answer(Outcome(is_obeyed=False, text="the daemon is stopping"))
        self.stop.set()

    def reload(self) -> None:
        """Read the configuration; a good one ends the serving and begins it anew, of a faulty one it is told that it is.

        Also while a reload is under way: the file may have changed since that one read it.
        """
        if self.is_leaving:
            return  # a stop is a stop
        self.notifier.reloading()
        try:
            settings = self.read()
        except ConfigError as exc:
            self.refuse(str(exc))
            if self.is_serving:
                self.notifier.ready(self.with_fault(self.status))
        else:
            self.settings, self.fault = settings, None
            self.stop.set()

    async def reloaded(self) -> Outcome:
        """Reload, and wait for what becomes of it."""
        if self.is_leaving:
            return Outcome(is_obeyed=False, text="the daemon is stopping")
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._asked.append(answer)
        self.reload()
        return await answer

    def begin(self) -> Settings | None:
        """What to serve with now; None: nothing more."""
        settings, self.settings = self.settings, None
        if settings is not None:
            self.stop.clear()
            self.is_serving, self.status, self._tell = False, "starting", None
        return settings

    def serves(self, status: str) -> None:
        """The serving has begun: what was read last is in force, unless it was refused."""
        self.is_serving, self.status = True, status
        self.notifier.ready(self.with_fault(status))
        self._answer(Outcome(is_obeyed=True, text=status))

    def refuse(self, fault: str) -> None:
        """What was read cannot be served with."""
        log.error("reload_refused", error=fault)
        self.fault = fault
        self._refused.append(fault)
        self._tell_audit()
        self._answer(Outcome(is_obeyed=False, text=fault))

    def audit_by(self, tell: Callable[[str], None]) -> None:
        """Let ``tell`` have what was refused, now and from now on."""
        self._tell = tell
        self._tell_audit()

    def with_fault(self, status: str) -> str:
        """``status``, and that the configuration in force is not the file's."""
        return status if self.fault is None else f"{status}; {STALE}: {self.fault.splitlines()[0]}"

    def _tell_audit(self) -> None:
        if self._tell is not None:
            for fault in self._refused:
                self._tell(fault)
            self._refused.clear()

    def _answer(self, outcome: Outcome) -> None:
        asked, self._asked = self._asked, []
        for answer in asked:
            if not answer.done():
                answer.set_result(outcome)
