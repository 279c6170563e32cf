"""The ways to people: whether each provider's server can be reached. Nothing is sent: for that, 'axion-bus channels test'."""

from __future__ import annotations

import asyncio
import socket
import ssl
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from axion_bus.channels import pagerduty, slack, twilio
from axion_bus.config import notify
from axion_bus.config.secret import Secret
from axion_bus.doctor.finding import LIMIT_S, Finding, fail, limited, ok, unread
from axion_bus.errors import AxionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axion_bus.config.notify import Channel, Channels

_REPAIR = "let this host reach it (name, firewall, route), or correct the channel's address"


async def examine(channels: Channels) -> Sequence[Finding]:
    """Each channel that is configured."""
    checks = [
        limited(f"channels.{name}", _channel(name, channel), _REPAIR)
        for name, channel in channels
        if channel is not None and not isinstance(channel, (notify.Mqtt, notify.Apprise))
    ]
    if channels.apprise is not None:
        checks.append(limited("channels.apprise", _apprise(), _REPAIR))
    return await asyncio.gather(*checks)


async def _apprise() -> Finding:
    return ok("channels.apprise", "where Apprise sends to is its own business: 'axion-bus channels test apprise --live'")


async def _channel(name: str, channel: Channel) -> Finding:
    check = f"channels.{name}"
    untried = next(filter(None, (unread(check, value) for _, value in channel if isinstance(value, Secret))), None)
    if untried is not None:
        return untried
    if isinstance(channel, notify.Email):
        return await _mail(check, channel)
    url = urlsplit(channel.base_url or _address(channel))
    port = url.port or (443 if url.scheme == "https" else 80)
    return await _connect(check, url.hostname or "", port, tls=url.scheme == "https", is_private_allowed=channel.allow_private)


def _address(channel: Channel) -> str:
    """Where it posts to. Raises ConfigError for a secret that cannot be read."""
    match channel:
        case notify.PagerDuty():
            return pagerduty.URL
        case notify.Slack():
            return channel.webhook_url.reveal() if channel.webhook_url else slack.URL
        case notify.Discord():
            return channel.webhook_url.reveal()
        case notify.Twilio():
            return twilio.HOST
        case notify.Webhook():
            return channel.url
        case _:
            raise AxionError(f"{type(channel).__name__} has no address that is known here")


async def _connect(check: str, host: str, port: int, *, tls: bool, is_private_allowed: bool) -> Finding:
    where = f"{host}:{port}"
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        private = [str(each[4][0]) for each in found if not ip_address(str(each[4][0])).is_global]
        if private and not is_private_allowed:
            text = f"{host} is {private[0]}, an address that is not public: nothing will be sent there"
            return fail(check, text, "set allow_private = true for the channel, if that is meant")
        _, writer = await asyncio.open_connection(host, port, ssl=ssl.create_default_context() if tls else None)
    except ssl.SSLError as exc:
        return fail(check, f"{where}: {exc}", "mend its certificate, or what this host trusts (apt-get install ca-certificates)")
    except (OSError, UnicodeError) as exc:
        return fail(check, f"{where} cannot be reached: {getattr(exc, 'strerror', None) or exc}", _REPAIR)
    writer.close()
    return ok(check, f"{where} answers{' with a certificate that is trusted' if tls else ''}")


async def _mail(check: str, channel: notify.Email) -> Finding:
    """The server's greeting (RFC 5321 3.1)."""
    where = f"{channel.host}:{channel.port}"
    try:
        reader, writer = await asyncio.open_connection(channel.host, channel.port)
        try:
            async with asyncio.timeout(LIMIT_S / 2):
                greeting = await reader.readline()
        finally:
            writer.close()
    except TimeoutError:
        return fail(check, f"{where} took the connection and does not greet", "correct host and port: 587 is the usual one")
    except (OSError, UnicodeError, ValueError) as exc:
        return fail(check, f"{where} cannot be reached: {getattr(exc, 'strerror', None) or exc}", _REPAIR)
    if not greeting.startswith(b"220"):
        text = f"{where} is no mail server that takes mail: {greeting[:80].decode('ascii', 'replace').strip()}"
        return fail(check, text, "correct host and port: 587 is the usual one")
    return ok(check, f"{where} greets")
