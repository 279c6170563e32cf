"""IncidentManager: AsyncIncidentManager for programs without an event loop, and inside programs that run one of their own.

It owns one loop in one thread; every call is handed over and waited for. No method is written here again: each is made from the
asynchronous one, with its types and its documentation.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar, cast

from axion_bus.errors import AxionError
from axion_bus.manager import AsyncIncidentManager

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from axion_bus.config import Settings

P = ParamSpec("P")
T = TypeVar("T")

_CLOSE_TIMEOUT_S = 10.0


class _Worker:
    """The loop, its thread, and the manager that lives there; opened by the first call."""

    def __init__(self, manager: AsyncIncidentManager) -> None:
        self.manager = manager
        self.is_closed = False
        self._loop = asyncio.new_event_loop()
        self._opening = asyncio.Lock()
        self._is_open = False
        self._thread = threading.Thread(target=self._loop.run_forever, name="axion-bus-manager", daemon=True)
        self._thread.start()

    def wait_for(self, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run what ``call`` makes on the loop, and wait for it; an interrupt cancels it there."""
        future = asyncio.run_coroutine_threadsafe(self._opened(call), self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    async def _opened(self, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        async with self._opening:
            if not self._is_open:
                await self.manager.__aenter__()
                self._is_open = True
        return await call()

    def close(self) -> None:
        """Close the database, end the thread. Once; calls that still run are cancelled."""
        if self.is_closed:
            return
        self.is_closed = True
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(_CLOSE_TIMEOUT_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CLOSE_TIMEOUT_S)
        self._loop.close()

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self.manager.__aexit__(None, None, None)


def _blocking(
    method: Callable[Concatenate[AsyncIncidentManager, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[IncidentManager, P], T]:
    def call(self: IncidentManager, *args: P.args, **kwargs: P.kwargs) -> T:
        worker = self._open_worker()
        return worker.wait_for(lambda: method(worker.manager, *args, **kwargs))

    return cast("Callable[Concatenate[IncidentManager, P], T]", update_wrapper(call, method))


class IncidentManager:
    """The incident manager, blocking: for scripts, and for any thread. Arguments and errors as AsyncIncidentManager's.

    It may be used by several threads at once, and where an event loop runs (which it blocks meanwhile). Close it, or use it as
    ``with``; what is forgotten is closed when the program ends.
    """

    def __init__(self, config: Path | str | Settings | None = None) -> None:
        """``config`` is a configuration file's path, settings, or None: the file that a daemon uses. Opened by the first call."""
        self._worker = _Worker(AsyncIncidentManager(config))
        self._finalizer = weakref.finalize(self, self._worker.close)

    def __enter__(self) -> Self:
        """Nothing yet: the first call opens the database."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close the database's connections and end the thread; the manager is of no use then."""
        self._finalizer()

    def _open_worker(self) -> _Worker:
        if self._worker.is_closed:
            raise AxionError("the incident manager is closed; make another one")
        return self._worker

    create_incident = _blocking(AsyncIncidentManager.create_incident)
    update_incident_status = _blocking(AsyncIncidentManager.update_incident_status)
    acknowledge = _blocking(AsyncIncidentManager.acknowledge)
    assign = _blocking(AsyncIncidentManager.assign)
    add_incident_note = _blocking(AsyncIncidentManager.add_incident_note)
    close_incident = _blocking(AsyncIncidentManager.close_incident)
    reopen_incident = _blocking(AsyncIncidentManager.reopen_incident)
    link_alert_to_incident = _blocking(AsyncIncidentManager.link_alert_to_incident)
    merge_incidents = _blocking(AsyncIncidentManager.merge_incidents)
    log_communication = _blocking(AsyncIncidentManager.log_communication)
    notify_incident = _blocking(AsyncIncidentManager.notify_incident)
    preview_notification = _blocking(AsyncIncidentManager.preview_notification)
    add_silence = _blocking(AsyncIncidentManager.add_silence)
    list_silences = _blocking(AsyncIncidentManager.list_silences)
    find_silence = _blocking(AsyncIncidentManager.find_silence)
    expire_silence = _blocking(AsyncIncidentManager.expire_silence)
    generate_incident_report = _blocking(AsyncIncidentManager.generate_incident_report)
    email_incident_report = _blocking(AsyncIncidentManager.email_incident_report)
    find_incident = _blocking(AsyncIncidentManager.find_incident)
    explain = _blocking(AsyncIncidentManager.explain)
    get_incident = _blocking(AsyncIncidentManager.get_incident)
    list_incidents = _blocking(AsyncIncidentManager.list_incidents)
    get_incident_alerts = _blocking(AsyncIncidentManager.get_incident_alerts)
    get_incident_notes = _blocking(AsyncIncidentManager.get_incident_notes)
    get_incident_timeline = _blocking(AsyncIncidentManager.get_incident_timeline)
    get_incident_communications = _blocking(AsyncIncidentManager.get_incident_communications)
    get_communication_by_ref = _blocking(AsyncIncidentManager.get_communication_by_ref)
    get_incident_metrics = _blocking(AsyncIncidentManager.get_incident_metrics)
