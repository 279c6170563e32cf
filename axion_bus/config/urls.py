"""The two addresses of the configuration, parsed: where the broker is, where the database is.

A URL never holds a password: ``password`` beside it does. Faults show a URL only with its password blanked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import PurePosixPath
from typing import Annotated
from urllib.parse import SplitResult, quote, unquote, urlsplit

from pydantic import AfterValidator

from axion_bus.config.values import Allowed, Parsed

_USERINFO = re.compile(r"//([^/:@]*):.*@")
_HOST = re.compile(r"[A-Za-z0-9_.-]{1,253}|[0-9A-Fa-f:.]{2,45}(%[A-Za-z0-9_.-]{1,32})?")
_DATABASE = re.compile(r"[A-Za-z0-9_$-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerUrl:
    """An MQTT broker: ``mqtt://host[:1883]``, or ``mqtts://host[:8883]`` for TLS."""

    host: str
    port: int
    tls: bool = False

    def __str__(self) -> str:
        """As it is written in the configuration, the port always named."""
        return f"{'mqtts' if self.tls else 'mqtt'}://{_bracketed(self.host)}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether what is sent there stays on this machine."""
        return is_loopback(self.host)


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteUrl:
    """A database in one file of this machine; ``path`` is absolute and literal: nothing in it is percent-decoded."""

    path: PurePosixPath

    def __str__(self) -> str:
        """As it is written in the configuration: four slashes."""
        return f"sqlite:///{self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MysqlUrl:
    """A database of a MariaDB or MySQL server."""

    user: str
    host: str
    port: int
    database: str

    def __str__(self) -> str:
        """As it is written in the configuration, the port always named."""
        return f"mysql://{quote(self.user, safe='')}@{_bracketed(self.host)}:{self.port}/{self.database}"


StoreUrl = SqliteUrl | MysqlUrl


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine by its own name or address; no name is looked up."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def without_password(text: str) -> str:
    """``text`` with the password of every URL in it blanked, for messages."""
    return _USERINFO.sub(r"//\1:***@", text)


def parse_broker_url(value: object) -> BrokerUrl:
    """Parse ``mqtt://host[:port]`` or ``mqtts://host[:port]``. Raises ValueError that says what is wrong."""
    url = _split(value)
    if url.scheme not in ("mqtt", "mqtts"):
        raise ValueError("it does not begin with mqtt:// or mqtts://")
    if url.username is not None:
        raise ValueError("it holds a user name: write username = ... beside it")
    if url.path.strip("/"):
        raise ValueError("it has a path")
    tls = url.scheme == "mqtts"
    return BrokerUrl(host=_host(url), port=url.port or (8883 if tls else 1883), tls=tls)


def parse_store_url(value: object) -> StoreUrl:
    """Parse ``sqlite:////path`` or ``mysql://user@host[:port]/database``. Raises ValueError that says what is wrong."""
    url = _split(value)
    match url.scheme:
        case "sqlite":
            return _sqlite(url)
        case "mysql":
            return _mysql(url)
        case _:
            raise ValueError("it does not begin with sqlite:// or mysql://")


def check_web_url(text: str) -> str:
    """``text``, if it is an http or https address without user name. Raises ValueError that says what is wrong."""
    url = urlsplit(text)
    if url.scheme not in ("http", "https") or not text.isprintable() or " " in text:
        raise ValueError("it does not begin with https:// or http://, or holds a space or a control character")
    if url.username is not None or url.password is not None:
        raise ValueError("it holds a user name or password")
    _host(url)
    return text


def _split(value: object) -> SplitResult:
    if not isinstance(value, str):
        raise ValueError("not a text")  # noqa: TRY004 - pydantic collects ValueError, not TypeError
    if not value.isprintable() or len(value) > 2048:
        raise ValueError("it holds a control character, or is longer than 2048")
    url = urlsplit(value)
    if url.password is not None:
        raise ValueError("it holds a password: write password = { credential = ... } beside it")
    if url.query or url.fragment:
        raise ValueError("it has a part after ? or #")
    if url.port == 0:
        raise ValueError("port 0 cannot be connected to")
    return url


def _host(url: SplitResult) -> str:
    if url.hostname is None or not _HOST.fullmatch(url.hostname):
        raise ValueError("it names no valid host")
    return url.hostname


def _sqlite(url: SplitResult) -> SqliteUrl:
    if url.netloc or not url.path.startswith("//") or url.path.endswith("/"):
        raise ValueError("the path is not absolute (four slashes begin one) or ends with a slash")
    return SqliteUrl(path=PurePosixPath("/" + url.path.lstrip("/")))


def _mysql(url: SplitResult) -> MysqlUrl:
    if not url.username:
        raise ValueError("it names no user")
    database = url.path.removeprefix("/")
    if not _DATABASE.fullmatch(database):
        raise ValueError("it names no valid database")
    return MysqlUrl(user=unquote(url.username), host=_host(url), port=url.port or 3306, database=database)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


Broker = Annotated[BrokerUrl, Parsed(parse_broker_url), Allowed('"mqtt://host[:port]" or "mqtts://host[:port]"')]
Database = Annotated[
    StoreUrl,
    Parsed(parse_store_url),
    Allowed('"sqlite:////absolute/path.db" or "mysql://user@host[:port]/database"'),
]
WebUrl = Annotated[str, AfterValidator(check_web_url), Allowed('"https://host[:port][/path]"')]
