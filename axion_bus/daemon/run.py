"""The daemon's life: serve with one configuration after another, until a signal ends it."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog

from axion_bus.daemon.control import listening
from axion_bus.daemon.orders import Orders
from axion_bus.daemon.serve import serve
from axion_bus.errors import AxionError
from axion_bus.systemd import Notifier, configure_logging
from axion_bus.telemetry import Figures

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from axion_bus.config import Settings

log = structlog.get_logger()


async def run(settings: Settings, reload: Callable[[], Settings], control: Sequence[Path] = ()) -> None:
    """Serve until SIGTERM or SIGINT. SIGHUP: go on with what ``reload`` gives; if that raises ConfigError, with what is in force.

    At the first of the ``control`` sockets that can be made, ``axion-bus reload`` is answered.

    Raises:
        AlreadyRunning: another daemon has this client id or this database.
        SchemaError: the database's schema does not fit.

    """
    notifier = Notifier.from_environment()
    orders = Orders(settings, reload, notifier)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, orders.leave)
    loop.add_signal_handler(signal.SIGHUP, orders.reload)
    _tune_interpreter()
    async with listening(control, orders):
        await _serve_all(orders, notifier)
    log.info("stopped")


async def _serve_all(orders: Orders, notifier: Notifier) -> None:
    """Serve with what was ordered, and after it with what was ordered next.

    New settings that cannot even be begun with (certificates, a schema, another daemon's client id) are given up for the old.
    """
    boot_id, figures = str(uuid4()), Figures()
    before: Settings | None = None
    while (settings := orders.begin()) is not None:
        configure_logging(settings.log.level, style=settings.log.format)
        try:
            await serve(settings, boot_id=boot_id, orders=orders, notifier=notifier, figures=figures)
        except AxionError as exc:
            if before is None or orders.is_serving:
                raise
            if not orders.is_leaving:
                orders.refuse(str(exc))
                orders.settings = orders.settings or before
            before = None
        else:
            before = settings


def _tune_interpreter() -> None:
    """For a process that lives long, makes much and keeps little, and shares the interpreter's lock with SQLite's thread."""
    sys.setswitchinterval(0.0005)  # that thread asks for the lock at each row, and would wait 5 ms for it each time
    gc.collect()
    gc.freeze()  # what is loaded by now stays: no collection need go through it again
    gc.set_threshold(10_000, 20, 20)
