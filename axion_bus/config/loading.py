"""Finding and reading the configuration: what depends on the machine, below the file, below the environment.

The only module of the program that looks at environment variables. Called by the commands and by whoever embeds a manager.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import re
import socket
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from axion_bus.config.environment import overlay
from axion_bus.config.faults import Fault, config_error, faults_of
from axion_bus.config.settings import Settings

if TYPE_CHECKING:
    from axion_bus.config.keys import KeyPath

FILE_VARIABLE = "AXION_BUS_CONFIG"
SYSTEM_FILE = Path("/etc/axion-bus/axion-bus.toml")
SYSTEM_STATE = Path("/var/lib/axion-bus")
SYSTEM_RUNTIME = Path("/run/axion-bus")
MAX_BYTES = 1_048_576
"""What a configuration file may have at most."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the configuration came from: the file (None: built-in defaults), and the variable that set a key, by key."""

    file: Path | None = None
    variables: Mapping[KeyPath, str] = field(default_factory=dict)

    def of(self, path: KeyPath) -> str:
        """Where the key at ``path`` was set, as a fault names it."""
        for variable_path, name in self.variables.items():
            if path[: len(variable_path)] == variable_path:
                return f"environment {name}"
        return str(self.file) if self.file else "configuration"


def load(path: Path | None = None, *, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings in force: ``path``, else $AXION_BUS_CONFIG, else /etc/axion-bus/axion-bus.toml, else defaults.

    Environment variables override any key: ``AXION_BUS__MQTT__URL``. A secret that cannot be read is no fault here, see
    ``Secret.reveal``.

    Raises:
        ConfigError: the file cannot be read or used; the message has one line for each fault.

    """
    return load_with_origin(path, environ=environ)[0]


def load_with_origin(path: Path | None = None, *, environ: Mapping[str, str] = os.environ) -> tuple[Settings, Origin]:
    """What ``load`` gives, and where it came from."""
    file = find(path, environ)
    data = read_file(file) if file else {}
    variables, faults = overlay(data, environ)
    return _validated(data, Origin(file, variables), environ, faults)


def parse(data: Mapping[str, Any], *, environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from ``data``, which has the shape of a configuration file. ``environ`` serves secrets and the state directory.

    Raises:
        ConfigError: as ``load``.

    """
    return _validated(dict(data), Origin(), environ or {}, [])[0]


def find(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The file to read: ``path`` or $AXION_BUS_CONFIG whether it exists or not, else the system's if it exists."""
    if path is not None:
        return path
    if environ.get(FILE_VARIABLE):
        return Path(environ[FILE_VARIABLE])
    try:
        return SYSTEM_FILE if SYSTEM_FILE.exists() else None
    except OSError:  # not allowed to look: read_file says so
        return SYSTEM_FILE


def read_file(path: Path) -> dict[str, Any]:
    """The tables of the TOML file ``path``. Raises ConfigError: unreadable, too large, not UTF-8, not TOML (with the place)."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or str(exc)
        raise config_error([Fault(str(path), "", f"cannot be read: {reason}")]) from exc
    if len(content) > MAX_BYTES:
        raise config_error([Fault(str(path), "", f"larger than {MAX_BYTES} bytes, which no configuration is")])
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        raise config_error([Fault(str(path), "", f"not UTF-8 (at line {line}, byte {content[exc.start]:#04x})")]) from exc
    except (ValueError, RecursionError) as exc:  # ValueError: TOMLDecodeError, and int() of too many digits
        raise config_error([Fault(str(path), "", f"not TOML: {exc}")]) from exc


def state_directory(environ: Mapping[str, str]) -> Path:
    """Where the embedded database belongs: systemd's StateDirectory=, else /var/lib/axion-bus if writable, else the user's."""
    given = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if given.startswith("/"):
        return Path(given)
    if os.access(SYSTEM_STATE, os.W_OK):
        return SYSTEM_STATE
    user_state = environ.get("XDG_STATE_HOME", "")
    if user_state.startswith("/"):
        return Path(user_state, "axion-bus")
    home = environ.get("HOME", "")
    return Path(home if home.startswith("/") else pwd.getpwuid(os.getuid()).pw_dir, ".local/state/axion-bus")


def control_sockets(file: Path | None, environ: Mapping[str, str]) -> list[Path]:
    """Where a daemon with the configuration ``file`` takes orders: the first that it can make. ``axion-bus reload`` looks there."""
    named = hashlib.sha256(os.fsencode(file.resolve()) if file else b"").hexdigest()
    service = environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    users = environ.get("XDG_RUNTIME_DIR", "")
    directories = [
        *([Path(service)] if service.startswith("/") else []),
        SYSTEM_RUNTIME,
        *([Path(users, "axion-bus")] if users.startswith("/") else []),
        state_directory(environ),
    ]
    return [directory / f"control-{named[:16]}" for directory in directories]


def host_name() -> str:
    """This machine's name, with what an instance's name may not have replaced by ``-``."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", socket.gethostname())[:64] or "localhost"


def _validated(data: dict[str, Any], origin: Origin, environ: Mapping[str, str], faults: list[Fault]) -> tuple[Settings, Origin]:
    try:
        settings = Settings.model_validate(_completed(data, environ), context={"environ": environ})
    except ValidationError as exc:
        faults = faults + faults_of(exc, origin.of)
    if faults:
        raise config_error(faults) from None  # pydantic's own error shows values, a secret's too
    return settings, origin


def _completed(data: dict[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    data = _with_default(data, "instance", "name", host_name())
    name = data["instance"].get("name") if isinstance(data["instance"], dict) else None
    data = _with_default(data, "mqtt", "client_id", f"axion-bus-{name if isinstance(name, str) else host_name()}")
    return _with_default(data, "store", "url", f"sqlite:///{state_directory(environ) / 'axion-bus.db'}")


def _with_default(data: dict[str, Any], section: str, key: str, value: str) -> dict[str, Any]:
    given = data.get(section, {})
    return {**data, section: {key: value, **given}} if isinstance(given, Mapping) else data
