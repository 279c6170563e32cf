"""``[mqtt]``: the broker, our session on it, and ``[[mqtt.sources]]``: what is listened to and how it is read.

Also the guard against hearing ourselves: what is published may not overlap what is subscribed to.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from axion_bus.config.homeassistant import HomeAssistant
from axion_bus.config.secret import Secret
from axion_bus.config.section import Misfit, Section, refuse
from axion_bus.config.urls import Broker
from axion_bus.config.values import (
    AbsolutePath,
    Allowed,
    BaseTopic,
    ColumnText,
    Default,
    FieldMapping,
    SeverityName,
    Text,
    TopicFilter,
    Whole,
)
from axion_bus.domain import topics
from axion_bus.domain.alert import Severity
from axion_bus.errors import ConfigError
from axion_bus.formats import FormatName, decoder, limits

PUBLISHED = ("events/#", "incidents/#", "summary", "instances/#", "response/#", "notify/#")
"""Below the base topic, what a daemon publishes."""


class SourceDefaults(Section):
    """What an alert of this source gets where it does not say."""

    source: ColumnText | None = Field(None, description="Its source; else the topic's level after `<base_topic>/alerts/`.")
    package: (
        Annotated[ColumnText, Field(max_length=limits.PACKAGE), Allowed(f"a text of 1 to {limits.PACKAGE} printable characters")]
        | None
    ) = Field(None, description="Its package; else the topic's level after that.")
    severity: SeverityName = Field(Severity.MEDIUM, description="Its severity, where it has none or an unknown one.")


class Source(Section):
    """A topic that is listened to, and how its messages are read."""

    topic: TopicFilter = Field(description="The topic filter that is subscribed to, at QoS 1.")
    format: FormatName = Field(FormatName.AUTO, description="How messages are read; `auto` looks at each.")
    mapping: FieldMapping | None = Field(
        None, min_length=1, description="For any other JSON: an alert's field = a JMESPath expression over the message."
    )
    defaults: SourceDefaults = Field(SourceDefaults(), description="What an alert gets where it does not say.")

    @model_validator(mode="after")
    def _mapping_compiles(self) -> Self:
        try:
            decoder(self.format, self.mapping)
        except ConfigError as exc:
            refuse([Misfit(("mapping",), str(exc))])
        return self


class Tls(Section):
    """Certificates for `mqtts://`; without them the system's authorities are trusted and no certificate is shown."""

    ca_file: AbsolutePath | None = Field(None, description="The authorities that may have signed the broker's certificate (PEM).")
    cert_file: AbsolutePath | None = Field(None, description="Our certificate, for a broker that asks for one (PEM).")
    key_file: AbsolutePath | None = Field(
        None, description="The key of `cert_file`, if it is not in that file (PEM, without passphrase)."
    )

    @model_validator(mode="after")
    def _key_has_certificate(self) -> Self:
        if self.key_file and not self.cert_file:
            refuse([Misfit(("key_file",), "a key without cert_file is of no use: add cert_file, or remove key_file")])
        return self


def _distinct(sources: tuple[Source, ...]) -> tuple[Source, ...]:
    pairs = combinations(enumerate(sources), 2)
    refuse(
        Misfit(
            (later, "topic"), f'found "{one.topic}", which is the topic of mqtt.sources[{earlier}] too; give each source its own'
        )
        for (earlier, one), (later, other) in pairs
        if one.topic == other.topic
    )
    return sources


class Mqtt(Section):
    """The broker and our session on it. Everything is subscribed and published at QoS 1."""

    url: Broker = Field("mqtt://127.0.0.1:1883", validate_default=True, description="The broker; `mqtts` is TLS.")
    username: Text | None = Field(None, description="The user name that the broker knows us by.")
    password: Secret | None = Field(None, description="The password of `username`.")
    tls: Tls | None = Field(None, description="Certificates for `mqtts://`.")
    client_id: Annotated[ColumnText, Default("`axion-bus-` and the instance's name")] = Field(
        description="The session's name on the broker, taken literally; two daemons with one name throw each other out."
    )
    protocol: Literal[5, 4] = Field(5, description="The version of MQTT: 5, or 4 for 3.1.1.")
    base_topic: BaseTopic = Field("axion", description="What all topics of ours begin with.")
    keepalive_s: Whole = Field(
        60,
        ge=60,
        le=65_535,
        alias="keepalive",
        description="Seconds of silence before a ping; a paused reader is thrown out after two of them.",
    )
    response_prefixes: tuple[Text, ...] = Field(
        (), description="Below which topics, beside `base_topic`, a command may ask for its answer (MQTT 5 Response Topic)."
    )
    sources: Annotated[tuple[Source, ...], AfterValidator(_distinct), Default("one, for `<base_topic>/alerts/#`")] = Field(
        default_factory=lambda known: (Source(topic=f"{known['base_topic']}/alerts/#"),),
        description="What is listened to. Each `[[mqtt.sources]]` adds one; the first that matches a topic reads it.",
    )
    homeassistant: HomeAssistant = HomeAssistant()

    @property
    def request_topics(self) -> tuple[str, ...]:
        """Topic filters of what people and programs ask for."""
        return (f"{self.base_topic}/request/#", f"{self.base_topic}/inbound/#")

    @property
    def published(self) -> tuple[str, ...]:
        """Topic filters of everything that a daemon publishes."""
        return (*(f"{self.base_topic}/{below}" for below in PUBLISHED), *self.homeassistant.published)

    @model_validator(mode="after")
    def _keys_fit_together(self) -> Self:
        refuse(self._misfits())
        return self

    def _misfits(self) -> Iterator[Misfit]:
        if self.tls and not self.url.tls:
            yield Misfit(("tls",), f"found certificates, but url is {self.url}: write mqtts://, or remove tls")
        if self.password and not self.username:
            yield Misfit(("password",), "found a password without a username: add username")
        yield from self._misfits_of_homeassistant()
        for number, source in enumerate(self.sources):
            heard = [ours for ours in self.published if topics.overlap(source.topic, ours)]
            if heard:
                yield Misfit(
                    ("sources", number, "topic"),
                    f'found "{source.topic}", which would hear what axion-bus itself publishes on {", ".join(heard)}; '
                    "narrow it, or change base_topic",
                )

    def _misfits_of_homeassistant(self) -> Iterator[Misfit]:
        """What is heard on its birth topic goes nowhere else, so nothing else may be expected there; nor may it be one of ours."""
        for birth in self.homeassistant.heard:
            others = (*self.published, *self.request_topics, *(source.topic for source in self.sources))
            met = [other for other in others if topics.overlap(birth, other)]
            if met:
                text = f'found "{birth}", which meets {", ".join(met)}; name the topic of Home Assistant\'s birth message'
                yield Misfit(("homeassistant", "birth_topic"), text)
