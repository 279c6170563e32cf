"""From the address of a bus to a socket that the bus has let in (D-Bus specification, Server Addresses, Authentication Protocol).

Used by ``link`` only. Transports that run a program or ask a desktop for the address are none of ours.
"""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from axion_bus.errors import BusUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SYSTEM_BUS = "unix:path=/run/dbus/system_bus_socket"


@dataclass(frozen=True, slots=True)
class _Target:
    """What ``socket.connect`` takes."""

    family: socket.AddressFamily
    address: str | tuple[str, int]


async def connect(address: str) -> socket.socket:
    """A socket that the bus has let in. Raises BusUnavailable with what the last address that was tried said."""
    fault: Exception | None = None
    for target in _targets(address):
        sock = socket.socket(target.family, socket.SOCK_STREAM)
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, target.address)
            await _authenticate(sock, address)
        except OSError as exc:
            sock.close()
            fault = exc
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise BusUnavailable(f"cannot connect to the bus {address}: {fault}; does it run?") from fault


async def _authenticate(sock: socket.socket, address: str) -> None:
    """Say who we are; the kernel bears witness (D-Bus specification, Authentication Protocol, EXTERNAL)."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, b"\0AUTH EXTERNAL " + str(os.geteuid()).encode().hex().encode() + b"\r\n")
    answer = b""
    while not answer.endswith(b"\r\n"):
        more = await loop.sock_recv(sock, 4096)
        if not more:
            raise ConnectionError("it ended the connection before it let us in")
        answer += more
    if not answer.startswith(b"OK "):
        text = answer.decode("ascii", "backslashreplace").strip()[:200]
        raise BusUnavailable(f"the bus {address} does not let us in as user {os.geteuid()}: {text}")
    await loop.sock_sendall(sock, b"BEGIN\r\n")


def _targets(address: str, environment: Mapping[str, str] | None = None) -> list[_Target]:
    """Where to try, in this order; at least one.

    Raises:
        BusUnavailable: no session bus is known, or the address is not one that can be used.

    """
    text = _text(address, os.environ if environment is None else environment)
    found = [_target(part, text) for part in text.split(";") if part]
    if not found:
        raise BusUnavailable(f'"{text}" is no address of a bus; write "system", "session" or one such as unix:path=/run/bus')
    return found


def _text(address: str, environment: Mapping[str, str]) -> str:
    if address == "system":
        return environment.get("DBUS_SYSTEM_BUS_ADDRESS") or _SYSTEM_BUS
    if address != "session":
        return address
    known = environment.get("DBUS_SESSION_BUS_ADDRESS")
    runtime = environment.get("XDG_RUNTIME_DIR")
    if known:
        return known
    if runtime and Path(runtime, "bus").exists():  # where systemd has the user's bus
        return f"unix:path={runtime}/bus"
    raise BusUnavailable("no session bus is known: neither DBUS_SESSION_BUS_ADDRESS is set, nor is there a bus in XDG_RUNTIME_DIR")


def _target(part: str, text: str) -> _Target:
    transport, _, rest = part.partition(":")
    options = dict(_options(rest))
    try:
        match transport:
            case "unix" if "path" in options:
                return _Target(socket.AF_UNIX, options["path"])
            case "unix" if "abstract" in options:
                return _Target(socket.AF_UNIX, f"\0{options['abstract']}")
            case "unix" if "runtime" in options:
                return _Target(socket.AF_UNIX, f"{os.environ['XDG_RUNTIME_DIR']}/bus")
            case "tcp":
                family = socket.AF_INET6 if options.get("family") == "ipv6" else socket.AF_INET
                return _Target(family, (options["host"], int(options["port"])))
    except (KeyError, ValueError):
        pass
    raise BusUnavailable(f'"{text}": cannot connect to {part}; give unix:path=, unix:abstract= or tcp:host=,port=')


def _options(rest: str) -> Iterator[tuple[str, str]]:
    for each in rest.split(","):
        key, _, value = each.partition("=")
        yield key, unquote(value)
