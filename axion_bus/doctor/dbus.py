"""D-Bus: whether the bus lets us in, who owns the daemon's name there, and whether its policy lets us speak to it."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import TYPE_CHECKING

from axion_bus.buses.dbus.link import BUS_NAME as BUS
from axion_bus.buses.dbus.link import BUS_PATH, DbusRefused, Link
from axion_bus.config.dbus import BUS_NAME, OBJECT_PATH
from axion_bus.doctor.finding import LIMIT_S, Finding, fail, ok, warn
from axion_bus.errors import BusUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axion_bus.config.dbus import Dbus

_DIRECTORIES = (Path("/etc/dbus-1/system.d"), Path("/usr/share/dbus-1/system.d"))
_INSTALL = f"install config/dbus/{BUS_NAME}.conf in /etc/dbus-1/system.d ('axion-bus init --host'), then systemctl reload dbus"
_START = "start the daemon: systemctl start axion-bus"
_USER = "axion-bus"


async def examine(dbus: Dbus, *, limit_s: float = LIMIT_S) -> Sequence[Finding]:
    """The bus, the policy, the name and its owner."""
    if not dbus.is_on:
        return [ok("dbus", "off")]
    try:
        link = await Link.open(dbus.bus, take=lambda _message: None, timeout_s=limit_s)
    except BusUnavailable as exc:
        return [fail("dbus.reach", str(exc), "start the bus (systemctl start dbus), or correct [dbus] bus")]
    try:
        findings = [ok("dbus.reach", f"{dbus.bus} lets us in")]
        if dbus.bus == "system":
            findings.append(policy(_DIRECTORIES))
        return [*findings, *await _owner(link, limit_s)]
    finally:
        await link.close()


def policy(directories: Sequence[Path]) -> Finding:
    """Whether the file that lets the daemon own its name is where the system bus looks."""
    found = [directory / f"{BUS_NAME}.conf" for directory in directories if (directory / f"{BUS_NAME}.conf").exists()]
    if found:
        return ok("dbus.policy", f"{found[0]} is there")
    return fail("dbus.policy", f"no {BUS_NAME}.conf in {' or '.join(map(str, directories))}", _INSTALL)


async def _owner(link: Link, limit_s: float) -> Sequence[Finding]:
    try:
        (name,) = await link.call(BUS, BUS_PATH, BUS, "GetNameOwner", "s", [BUS_NAME])
        (uid,) = await link.call(BUS, BUS_PATH, BUS, "GetConnectionUnixUser", "s", [name])
    except DbusRefused:
        return [warn("dbus.name", f"nobody owns {BUS_NAME}: the daemon does not run, or its policy does not let it", _START)]
    except BusUnavailable as exc:
        return [fail("dbus.name", str(exc), "start the bus anew: it does not answer")]
    return [ok("dbus.name", f"{BUS_NAME} is owned"), judge_uid(uid, _known_uids()), await _speak(link, limit_s / 2)]


def judge_uid(uid: int, known: Sequence[int]) -> Finding:
    """Whether the name's owner is who may be behind it."""
    if uid in known:
        return ok("dbus.uid", f"its owner is {_user(uid)}")
    text = f"{BUS_NAME} is owned by {_user(uid)}, and not by {_USER}"
    return fail("dbus.uid", text, f"end that program, and let the policy allow the name to {_USER} alone: {_INSTALL}")


def _known_uids() -> Sequence[int]:
    """The daemon's own user, or ours, where a person runs it."""
    return [os.getuid(), *(entry.pw_uid for entry in pwd.getpwall() if entry.pw_name == _USER)]


def _user(uid: int) -> str:
    try:
        return f"{pwd.getpwuid(uid).pw_name} (uid {uid})"
    except KeyError:
        return f"uid {uid}"


async def _speak(link: Link, timeout_s: float) -> Finding:
    """Read a property, which changes nothing."""
    properties = "org.freedesktop.DBus.Properties"
    try:
        asked = [f"{BUS_NAME}.Manager", "Version"]
        (version,) = await link.call(BUS_NAME, OBJECT_PATH, properties, "Get", "ss", asked, timeout_s=timeout_s)
    except DbusRefused as exc:
        return fail("dbus.speak", f"{BUS_NAME} cannot be spoken to: {exc}", _INSTALL)
    except BusUnavailable as exc:
        return fail("dbus.speak", f"{BUS_NAME} does not answer: {exc}", "restart the daemon: systemctl restart axion-bus")
    return ok("dbus.speak", f"it answers, version {version.value}")
