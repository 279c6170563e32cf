"""The daemon's end of ``axion-bus reload``: a Unix socket that only its own user and root may open.

A socket and no pid file: it tells by itself whether a daemon is behind it, no other process can be hit by mistake, and what became
of the order comes back. One line of text each way, the answer JSON: ``{"ok": bool, "text": str}``.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

import structlog

from axion_bus.config.loading import SYSTEM_RUNTIME
from axion_bus.daemon.orders import Outcome

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from axion_bus.daemon.orders import Orders

log = structlog.get_logger()

_READ_TIMEOUT_S = 5.0
_MAX_LINE = 64


@asynccontextmanager
async def listening(paths: Sequence[Path], orders: Orders) -> AsyncIterator[None]:
    """Take orders at the first of ``paths`` that can be; without any, there are signals."""
    bound = _bound(paths)
    if bound is None:
        if paths:
            log.warning("no_control_socket", tried=[str(path) for path in paths])
        yield
        return
    path, sock = bound
    server = await asyncio.start_unix_server(partial(_serve, orders), sock=sock, limit=_MAX_LINE)
    try:
        yield
    finally:
        server.close()
        with suppress(OSError):
            path.unlink()


def _bound(paths: Sequence[Path]) -> tuple[Path, socket.socket] | None:
    for path in paths:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            if path.parent != SYSTEM_RUNTIME:  # which is systemd's to make, with its owner
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if _is_dead(path):
                path.unlink()
            before = os.umask(0o177)
            try:
                sock.bind(str(path))
            finally:
                os.umask(before)
        except OSError:  # not ours to write in, longer than a socket's path may be, or another daemon listens there
            sock.close()
            continue
        return path, sock
    return None


def _is_dead(path: Path) -> bool:
    """Whether ``path`` is the socket of a daemon that was killed."""
    if not path.is_socket():
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return True
    return False


async def _serve(orders: Orders, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one order."""
    with suppress(OSError, ValueError, TimeoutError):  # ValueError: a line without end; whoever asked is gone, or no caller of ours
        async with asyncio.timeout(_READ_TIMEOUT_S):
            line = await reader.readline()
        outcome = await _obey(orders, line.strip())
        writer.write(json.dumps({"ok": outcome.is_obeyed, "text": outcome.text}).encode() + b"\n")
        await writer.drain()
    writer.close()


async def _obey(orders: Orders, line: bytes) -> Outcome:
    match line:
        case b"reload":
            return await orders.reloaded()
        case b"status":
            return Outcome(is_obeyed=orders.fault is None, text=orders.with_fault(orders.status))
        case _:
            return Outcome(is_obeyed=False, text="unknown order")
