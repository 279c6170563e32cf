"""A secret in the configuration is a reference: ``{ credential = "name" }``, ``{ file = "/path" }`` or ``{ env = "NAME" }``.

It is read when the configuration is; one that cannot be read is a fault where it is needed (``reveal``), so that a command that
needs no broker works without the broker's password. Its value is in no repr, message or output.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr
from pydantic_core import core_schema

from axion_bus.config.values import refusal
from axion_bus.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import GetCoreSchemaHandler, ValidationInfo

ALLOWED = '{ credential = "name" } ($CREDENTIALS_DIRECTORY/name), { file = "/path" } or { env = "NAME" }'
"""What may stand where a secret is wanted."""

SYSTEM_CREDENTIALS = Path("/etc/axion-bus/credentials")
"""Where the unit has its credentials from; root reads them there, so that every command of root's works without systemd."""

_MAX_BYTES = 65_536
_NO_DIRECTORY = "$CREDENTIALS_DIRECTORY is not set; systemd sets it for a unit with LoadCredential="


class _Unreadable(Exception):
    """Why a reference leads to no value."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A reference and what it led to: ``value``, or the ``problem`` that kept it from being read.

    ``kind`` is ``credential``, ``file`` or ``env``.
    """

    kind: str
    name: str
    value: SecretStr | None = field(default=None, repr=False, compare=False)
    problem: str | None = None

    def __str__(self) -> str:
        """The reference, as it is written in the configuration."""
        return f'{{ {self.kind} = "{self.name}" }}'

    def reveal(self) -> str:
        """The secret itself, to be handed to a library and to nothing else.

        Raises:
            ConfigError: it could not be read; the message says why.

        """
        if self.value is None:
            raise ConfigError(f"secret {self} cannot be read: {self.problem}")
        return self.value.get_secret_value()

    @property
    def needs_systemd(self) -> bool:
        """Whether it could not be read only because systemd, which hands out credentials, did not start this process."""
        return self.kind == "credential" and self.problem == _NO_DIRECTORY

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Let pydantic read a Secret; the environment comes as the validation's context."""
        return core_schema.with_info_plain_validator_function(_validate)


def _validate(value: object, info: ValidationInfo) -> Secret:
    if not isinstance(value, dict):
        found = "a plain text; a secret never stands in the configuration itself" if isinstance(value, str) else "no table"
        raise refusal(f"found {found}: write {ALLOWED}")
    reference = next(iter(value.items())) if len(value) == 1 else ("", "")
    kind, name = reference
    if kind not in _READERS or not isinstance(name, str) or not name.isprintable():
        raise refusal(f"found a table that is no reference to a secret: write {ALLOWED}")
    if not _NAMES[kind].fullmatch(name):
        raise refusal(f"found a {kind} reference with a name that cannot be one: write {ALLOWED}")
    environ: Mapping[str, str] = (info.context or {}).get("environ", {})
    try:
        return Secret(kind, name, value=SecretStr(_checked(_READERS[kind](name, environ))))
    except _Unreadable as exc:
        return Secret(kind, name, problem=str(exc))


def _checked(text: str) -> str:
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise _Unreadable("it is empty")
    return text


def _read_credential(name: str, environ: Mapping[str, str]) -> str:
    directory = environ.get("CREDENTIALS_DIRECTORY")
    if not directory:
        if not os.access(SYSTEM_CREDENTIALS, os.X_OK):
            raise _Unreadable(_NO_DIRECTORY)
        directory = str(SYSTEM_CREDENTIALS)
    return _read_file(str(Path(directory, name)), environ)


def _read_file(name: str, environ: Mapping[str, str]) -> str:
    try:
        with Path(name).open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as exc:
        raise _Unreadable(f"{name}: {exc.strerror or exc}") from exc
    if len(content) > _MAX_BYTES:
        raise _Unreadable(f"{name}: larger than {_MAX_BYTES} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError as exc:
        raise _Unreadable(f"{name}: not UTF-8") from exc


def _read_env(name: str, environ: Mapping[str, str]) -> str:
    if name not in environ:
        raise _Unreadable("the variable is not set")
    return environ[name]


_READERS: dict[str, Callable[[str, Mapping[str, str]], str]] = {
    "credential": _read_credential,
    "file": _read_file,
    "env": _read_env,
}
_NAMES = {
    "credential": re.compile(r"(?!\.\.?$)[^/]{1,255}"),
    "file": re.compile(r"/.+"),
    "env": re.compile(r"[A-Za-z_][A-Za-z0-9_]*"),
}
