"""From bytes to alerts, and from events to bytes. One file for each format, and one closed table of their names.

Pure: no clock, no I/O, no logging; a decoder never raises, whatever the bytes. Called by the pipeline and the configuration.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from axion_bus.errors import ConfigError
from axion_bus.formats import alertmanager, auto, cloudevents, limits, nagios, native, pagerduty, telegraf, text, zabbix
from axion_bus.formats.message import Context, Decoder, Element, Malformed

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Context", "Decoder", "Element", "FormatName", "Malformed", "decoder", "topic_defaults"]


class FormatName(StrEnum):
    """How messages are read. ``auto`` looks at each; ``json`` is any JSON, by a mapping."""

    AUTO = "auto"
    NATIVE = "native"
    CLOUDEVENTS = "cloudevents"
    ALERTMANAGER = "alertmanager"
    PAGERDUTY = "pagerduty"
    TELEGRAF = "telegraf"
    ZABBIX = "zabbix"
    NAGIOS = "nagios"
    TEXT = "text"
    JSON = "json"


_DECODERS: Mapping[FormatName, Decoder] = {
    FormatName.AUTO: auto.decode,
    FormatName.NATIVE: native.decode,
    FormatName.CLOUDEVENTS: cloudevents.decode,
    FormatName.ALERTMANAGER: alertmanager.decode,
    FormatName.PAGERDUTY: pagerduty.decode,
    FormatName.TELEGRAF: telegraf.decode,
    FormatName.ZABBIX: zabbix.decode,
    FormatName.NAGIOS: nagios.decode,
    FormatName.TEXT: text.decode,
}


def decoder(format: FormatName, mapping: Mapping[str, str] | None) -> Decoder:  # noqa: A002 - the configuration's word
    """What reads messages of ``format``; ``mapping`` is for any other JSON: field = JMESPath expression.

    Raises:
        ConfigError: the mapping cannot be used, or stands beside a format that takes none; the message says what is allowed.

    """
    if mapping is not None and format in (FormatName.AUTO, FormatName.JSON):
        from axion_bus.formats.mapping import compile_mapping  # noqa: PLC0415 - jmespath is loaded only where it is used

        return compile_mapping(mapping)
    if mapping is not None:
        raise ConfigError(f'format "{format}" takes no mapping: write format = "{FormatName.JSON}", or remove the mapping')
    if format is FormatName.JSON:
        raise ConfigError(f'format "{format}" needs a mapping: field = JMESPath expression, for title at least')
    return _DECODERS[format]


def topic_defaults(topic: str, base_topic: str) -> tuple[str | None, str | None]:
    """Source and package as ``<base_topic>/alerts/<source>/<package>`` names them; None for what it does not."""
    prefix = f"{base_topic}/alerts/"
    if not topic.startswith(prefix):
        return None, None
    source, package, *_ = (*topic.removeprefix(prefix).split("/"), "")
    return source[: limits.SOURCE] or None, package[: limits.PACKAGE] or None
