"""What ``axion-bus init`` writes and where, each file once: made only where nothing is, with its mode and owner from the start."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from axion_bus.cli.shipped import shipped
from axion_bus.errors import AxionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CREDENTIALS = "/etc/axion-bus/credentials"
ACCOUNTS = "/etc/mosquitto/axion-bus.passwd"
OTHER = "kept, differs from ours"
_CONFIGURATION = "config/axion-bus.toml"
_UNIT = "systemd/axion-bus.service"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What differs from host to host; None: as the example has it. ``program`` is the path of axion-bus.

    ``credentials``: names of what systemd is to hand to the daemon.
    """

    program: str
    database: str | None = None
    broker_user: str | None = None
    credentials: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A file of ours (``source`` None: an empty one), its path on the host, its mode, and whose it is (None: root's)."""

    target: str
    source: str | None
    mode: int = 0o644
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of a Place: ``written``, ``kept`` (it says what ours says) or OTHER."""

    target: str
    path: Path
    state: str


_SYSTEMD = (
    Place(target="/etc/systemd/system/axion-bus.service", source=_UNIT),
    Place(target="/etc/sysusers.d/axion-bus.conf", source="systemd/sysusers.d/axion-bus.conf"),
    Place(target="/etc/tmpfiles.d/axion-bus.conf", source="systemd/tmpfiles.d/axion-bus.conf"),
)
_MOSQUITTO = (
    Place(target="/etc/mosquitto/axion-bus.acl", source="config/mosquitto.acl", mode=0o600, owner="mosquitto"),
    Place(target=ACCOUNTS, source=None, mode=0o600, owner="mosquitto"),
    Place(target="/etc/mosquitto/conf.d/axion-bus.conf", source="config/mosquitto.conf"),
)
_DBUS = (Place(target="/etc/dbus-1/system.d/org.axion.Bus1.conf", source="config/dbus/org.axion.Bus1.conf"),)


def places(file: Path, *, is_host: bool, root: Path) -> Iterator[Place]:
    """What is to be written: the configuration to ``file``, and for a host what those of its services read that it has."""
    yield Place(target=str(file), source=_CONFIGURATION)
    if is_host:
        yield from _SYSTEMD
        for needed, parts in (("/etc/mosquitto/conf.d", _MOSQUITTO), ("/etc/dbus-1", _DBUS)):
            if below(root, needed).is_dir():
                yield from parts


def place(each: Place, answers: Answers, root: Path) -> Placed:
    """Write it, unless something is there already. Raises AxionError where it cannot be written."""
    path, text = below(root, each.target), _text(each, answers)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            return Placed(each.target, path, "kept" if _is_ours(path, text) else OTHER)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), each.mode)
        if each.owner is not None and root == Path("/") and os.geteuid() == 0:  # below another root its users are not ours
            shutil.chown(path, each.owner, each.owner)
    except LookupError as exc:
        raise AxionError(f"{path} was written, and there is no user {each.owner} to own it: install its service first") from exc
    except OSError as exc:
        raise AxionError(f"{path} cannot be written: {exc.strerror}; run as root, or name another file by --config") from exc
    return Placed(each.target, path, "written")


def is_answered(each: Placed) -> bool:
    """Whether people are to change it, so that a difference says nothing: the configuration, the accounts."""
    return each.target == ACCOUNTS or each.target.endswith(".toml")


def below(root: Path, target: str) -> Path:
    """Where ``target`` of a host is whose root is ``root``."""
    return root / target.lstrip("/") if Path(target).is_absolute() and root != Path("/") else Path(target)


def _is_ours(path: Path, text: str) -> bool:
    try:
        return path.read_text("utf-8") == text
    except (OSError, ValueError):
        return False


def _text(each: Place, answers: Answers) -> str:
    if each.source is None:
        return ""
    text = shipped(each.source)
    if each.source == _CONFIGURATION:
        return _changed(text, _settings(answers))
    if each.source == _UNIT:
        return _changed(text, _unit(answers)).replace("/usr/bin/axion-bus", answers.program)
    return text


def _settings(answers: Answers) -> Mapping[str, str]:
    """What lines of the example, by how they begin, become."""
    lines: dict[str, str] = {}
    if answers.database:
        lines["#[store]"] = "[store]"
        lines['# url = "mysql://'] = f"url = {json.dumps(answers.database)}"
        lines['# password = { credential = "db_password" }'] = 'password = { credential = "db_password" }'
    if answers.broker_user:
        lines["#[mqtt]"] = "[mqtt]"
        lines['#username = "axion-bus"'] = f"username = {json.dumps(answers.broker_user)}"
        lines['#password = { credential = "mqtt_password" }'] = 'password = { credential = "mqtt_password" }'
    return lines


def _unit(answers: Answers) -> Mapping[str, str]:
    lines = [f"LoadCredential={name}:{CREDENTIALS}/{name}" for name in answers.credentials]
    return {"#LoadCredential=": "\n".join(lines)} if lines else {}


def _changed(text: str, lines: Mapping[str, str]) -> str:
    """``text`` with the line that begins with each of ``lines`` replaced; it has to be there, once."""
    found = text.split("\n")
    for beginning, line in lines.items():
        (number,) = (number for number, each in enumerate(found) if each.startswith(beginning))
        found[number] = line
    return "\n".join(found)
