"""Ways to reach people: one small file each, all implementing ``ports.Channel``. The registry says which are configured.

Channels don't see each other. What they need of SMTP or HTTP they take from a library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from axion_bus.domain.communication import Channel as Name
from axion_bus.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from axion_bus.config.notify import Channels
    from axion_bus.ports import Channel

__all__ = ["configured"]


def configured(settings: Channels) -> Mapping[str, Channel]:
    """The channels that have a section in the configuration, by the names of the audit stream. Nothing is connected yet."""
    channels: dict[str, Channel] = {}
    for name, make in _MAKERS.items():
        section = getattr(settings, name.lower())
        if section is not None:
            channels[name] = make(section)
    return channels


def _email(section: Any) -> Channel:
    from axion_bus.channels.email import EmailChannel  # noqa: PLC0415 - a library is loaded only for a channel that is configured

    return EmailChannel(section)


def _pagerduty(section: Any) -> Channel:
    from axion_bus.channels.pagerduty import PagerDutyChannel  # noqa: PLC0415 - the same

    return PagerDutyChannel(section)


def _slack(section: Any) -> Channel:
    from axion_bus.channels.slack import SlackChannel  # noqa: PLC0415 - the same

    return SlackChannel(section)


def _discord(section: Any) -> Channel:
    from axion_bus.channels.discord import DiscordChannel  # noqa: PLC0415 - the same

    return DiscordChannel(section)


def _sms(section: Any) -> Channel:
    from axion_bus.channels.twilio import TwilioChannel  # noqa: PLC0415 - the same

    return TwilioChannel(section)


def _whatsapp(section: Any) -> Channel:
    from axion_bus.channels.twilio import TwilioChannel  # noqa: PLC0415 - the same

    return TwilioChannel(section, prefix="whatsapp:")


def _webhook(section: Any) -> Channel:
    from axion_bus.channels.webhook import WebhookChannel  # noqa: PLC0415 - the same

    return WebhookChannel(section)


def _apprise(section: Any) -> Channel:
    try:
        from axion_bus.channels.apprise import AppriseChannel  # noqa: PLC0415 - the same
    except ImportError as exc:
        raise ConfigError("[channels.apprise] needs the library apprise: install axion-bus with its extra 'apprise'") from exc
    return AppriseChannel(section)


_MAKERS: Mapping[str, Callable[[Any], Channel]] = {
    Name.PAGERDUTY: _pagerduty,
    Name.SLACK: _slack,
    Name.DISCORD: _discord,
    Name.SMS: _sms,
    Name.WHATSAPP: _whatsapp,
    Name.EMAIL: _email,
    Name.WEBHOOK: _webhook,
    Name.APPRISE: _apprise,
}
