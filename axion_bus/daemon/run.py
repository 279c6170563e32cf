"""The daemon's life: serve with one configuration after another, until a signal ends it."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog

from axion_bus.daemon.serve import Orders, serve
from axion_bus.errors import ConfigError
from axion_bus.systemd import Notifier, configure_logging
from axion_bus.telemetry import Figures

if TYPE_CHECKING:
    from collections.abc import Callable

    from axion_bus.config import Settings

log = structlog.get_logger()


async def run(settings: Settings, reload: Callable[[], Settings]) -> None:
    """Serve until SIGTERM or SIGINT. SIGHUP: go on with what ``reload`` gives; if that raises ConfigError, with what is in force.

    Raises:
        AlreadyRunning: another daemon has this client id or this database.
        SchemaError: the database's schema does not fit.

    """
    notifier = Notifier.from_environment()
    orders = Orders(settings)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _order_stop, orders, notifier)
    loop.add_signal_handler(signal.SIGHUP, _order_reload, orders, notifier, reload)
    boot_id, figures = str(uuid4()), Figures()
    _tune_interpreter()
    while orders.settings is not None:
        settings, orders.settings = orders.settings, None
        orders.stop.clear()
        configure_logging(settings.log.level, style=settings.log.format)
        await serve(settings, boot_id=boot_id, orders=orders, notifier=notifier, figures=figures)
    log.info("stopped")


def _tune_interpreter() -> None:
    """For a process that lives long, makes much and keeps little, and shares the interpreter's lock with SQLite's thread."""
    sys.setswitchinterval(0.0005)  # that thread asks for the lock at each row, and would wait 5 ms for it each time
    gc.collect()
    gc.freeze()  # what is loaded by now stays: no collection need go through it again
    gc.set_threshold(10_000, 20, 20)


def _order_stop(orders: Orders, notifier: Notifier) -> None:
    notifier.stopping("finishing what is at hand")
    orders.settings = None
    orders.stop.set()


def _order_reload(orders: Orders, notifier: Notifier, reload: Callable[[], Settings]) -> None:
    if orders.stop.is_set():
        return  # a stop is a stop, and a reload that is under way reads the file anyway
    notifier.reloading()
    try:
        orders.settings = reload()
    except ConfigError as exc:
        log.error("reload_refused", error=str(exc))  # noqa: TRY400 - the faults are the message
        notifier.ready("the new configuration is faulty; the old one is in force")
        return
    orders.stop.set()
