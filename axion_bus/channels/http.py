"""Posting to a provider over HTTP, and what its answer means: taken, try again, or never. For the channels that speak HTTP.

https only, no redirects, no proxies of the environment; addresses of private networks only where the configuration allows them, and
checked on the address that is connected to, not on the name (SSRF).
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import httpx2

from axion_bus.channels.redaction import Redaction
from axion_bus.errors import DeliveryFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axion_bus.config.notify import Channel

MAX_ANSWER_BYTES = 65_536
KEPT_ANSWER_BYTES = 1024
"""How much of a provider's answer is kept in a row."""
MAX_RETRY_AFTER_S = 3600.0

_TRANSIENT = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider said when it took a message: 2xx."""

    status: int
    text: str
    json: Any

    @property
    def kept(self) -> str:
        """As much of it as is kept."""
        return self.text[:KEPT_ANSWER_BYTES]


@dataclass(slots=True)
class _Sent:
    """Whether a byte of a request may have left; the HTTP library tells it what it does (its extension ``trace``)."""

    has_begun: bool = False

    async def __call__(self, doing: str, _info: object) -> None:
        self.has_begun = self.has_begun or doing.startswith("http11.send_request_headers")


class Poster:
    """One HTTP client for one channel. ``base_url`` of the channel replaces scheme, host and port of what is posted to."""

    def __init__(self, settings: Channel) -> None:
        self._settings = settings
        self._redacted = Redaction(settings)
        self._client = httpx2.AsyncClient(
            timeout=settings.timeout_s,
            trust_env=False,
            follow_redirects=False,
            limits=httpx2.Limits(max_connections=settings.concurrency),
            headers={"User-Agent": "axion-bus"},
        )

    async def post(
        self,
        url: str,
        *,
        json: Any = None,
        content: bytes | None = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        method: str = "POST",
    ) -> Answer:
        """Send one request; the provider's answer if it took it.

        Raises:
            DeliveryFailed: it did not (4xx permanently, but for 408, 425 and 429), it answered 5xx, or was not reached. Ambiguous
                when it was sent and no whole answer came.

        """
        where = self._where(url)
        sent = _Sent()
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                to = await self._public(where)
                request = self._client.build_request(
                    method,
                    to,
                    json=json,
                    content=content,
                    data=form,
                    headers={**(headers or {}), "Host": where.netloc.decode()},
                    extensions={"sni_hostname": where.host, "trace": sent},
                )
                response = await self._client.send(request, auth=auth, stream=True)
                body = await _read(response)
        except TimeoutError as exc:
            text = f"{where.host} gave no answer within {self._settings.timeout_s:g} s"
            raise DeliveryFailed(text, is_ambiguous=sent.has_begun) from exc
        except httpx2.LocalProtocolError as exc:  # its text has the header, which may be the secret
            text = f"a request to {where.host} cannot be written: a secret holds what cannot stand in a header"
            raise DeliveryFailed(text, is_permanent=True) from exc
        except httpx2.HTTPError as exc:
            text = self._redacted(f"{type(exc).__name__}: {exc}")
            if not sent.has_begun:
                raise DeliveryFailed(f"{where.host} could not be reached: {text}") from exc
            raise DeliveryFailed(f"{where.host} broke off: {text}", is_ambiguous=True) from exc
        return _judged(where.host, response, self._redacted(body.decode("utf-8", "replace")))

    def _where(self, url: str) -> httpx2.URL:
        try:
            where = httpx2.URL(url)
        except httpx2.InvalidURL:
            raise DeliveryFailed("the address that is to be posted to is none", is_permanent=True) from None  # it is a secret
        if self._settings.base_url is not None:
            base = httpx2.URL(self._settings.base_url)
            path = base.path.rstrip("/") + where.path
            where = where.copy_with(scheme=base.scheme, host=base.host, port=base.port, path=path)
        if where.scheme not in ("http", "https") or not where.host:
            raise DeliveryFailed("the address that is to be posted to is none", is_permanent=True)
        if where.scheme != "https" and not self._settings.allow_private:
            raise DeliveryFailed(f"{where.host} is to be posted to without TLS; write https://", is_permanent=True)
        return where

    async def _public(self, where: httpx2.URL) -> httpx2.URL:
        """``where`` by an address of its host, all of which are public; by its name, if private ones are allowed.

        The address that was checked is the one that is connected to: a name may stand for another a moment later.
        """
        if self._settings.allow_private:
            return where
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(where.host, where.port or 443, type=socket.SOCK_STREAM)
        except OSError as exc:
            raise DeliveryFailed(f"{where.host} is not known: {exc.strerror or exc}") from exc
        addresses = [str(entry[4][0]) for entry in found]
        private = [each for each in addresses if not ip_address(each).is_global]
        if private or not addresses:
            raise DeliveryFailed(
                f"{where.host} is {private[0]}, an address that is not public; allow_private = true allows it", is_permanent=True
            )
        return where.copy_with(host=addresses[0])

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()


async def _read(response: httpx2.Response) -> bytes:
    """The answer's body, its beginning: a provider that talks without end is not listened to."""
    body = b""
    try:
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) >= MAX_ANSWER_BYTES:
                break
    finally:
        await response.aclose()
    return body[:MAX_ANSWER_BYTES]


def _judged(host: str, response: httpx2.Response, text: str) -> Answer:
    status = response.status_code
    if 200 <= status < 300:
        return Answer(status, text, _json(response, text))
    said = " ".join(text[:KEPT_ANSWER_BYTES].split())
    is_permanent = not (status >= 500 or status in _TRANSIENT)
    raise DeliveryFailed(
        f"{host} answered {status}: {said}",
        is_permanent=is_permanent,
        retry_after_s=_retry_after_s(response),
        status=status,
    )


def _json(response: httpx2.Response, text: str) -> Any:
    if "json" not in response.headers.get("content-type", ""):
        return None
    try:
        return httpx2.Response(200, text=text).json()
    except ValueError:
        return None


def _retry_after_s(response: httpx2.Response) -> float | None:
    """Retry-After (RFC 9110 10.2.3), seconds or a date, up to an hour."""
    value = response.headers.get("retry-after")
    if value is None:
        return None
    try:
        seconds = float(value) if value.isascii() and value.strip().isdigit() else _until(value, response.headers.get("date"))
    except ValueError:
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S)


def _until(value: str, date: str | None) -> float:
    if date is None:
        raise ValueError("a date without the server's own time tells nothing")
    until, now = (parsedate_to_datetime(each).replace(tzinfo=UTC) for each in (value, date))  # HTTP knows no other zone
    return (until - now).total_seconds()
