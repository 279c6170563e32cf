"""Keeping a channel's secrets out of what is kept: a provider may say in its answer what it was told. For every channel."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from axion_bus.config.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from axion_bus.config.notify import Channel

MASK = "[secret]"
_SHORTEST = 6
"""Shorter than that it is no secret, and would mask half of any text."""


class Redaction:
    """Masks the secrets of one channel's ``settings``, however they are written: plain, quoted, as one logs in, in parts."""

    def __init__(self, settings: Channel) -> None:
        written = {form for secret in _secrets(settings) for part in _parts(secret) for form in _forms(part)}
        users = [str(getattr(settings, name, None) or "") for name in ("account_sid", "username")]
        written |= {each for secret in _secrets(settings) for user in users for each in _logins(user, secret)}
        self._written = sorted((each for each in written if len(each) >= _SHORTEST), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """``text`` without them."""
        for each in self._written:
            text = text.replace(each, MASK)
        return text


def _secrets(settings: Channel) -> Iterator[str]:
    for _, value in settings:
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, Secret) and each.value is not None:
                yield each.reveal()


def _logins(user: str, secret: str) -> Iterable[str]:
    """HTTP's Basic (RFC 7617), SMTP's PLAIN (RFC 4616) and LOGIN."""
    return {base64.b64encode(text.encode()).decode() for text in (f"{user}:{secret}", f"\0{user}\0{secret}", secret)}


def _parts(secret: str) -> Iterable[str]:
    """The secret, and of an address its path and what stands in that: a host is no secret, and is needed to understand a fault."""
    parts = {secret}
    if "://" in secret:
        path = urlsplit(secret).path
        parts |= {path, *path.split("/")[-1:]}
    return parts


def _forms(part: str) -> Iterable[str]:
    return {part, quote(part), quote(part, safe=""), json.dumps(part)[1:-1]}
