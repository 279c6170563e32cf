"""``Settings``: the whole configuration, frozen, and what can be said about it as a whole.

Built by ``loading.load``, which fills in what depends on the machine. The larger sections are in the files beside this one.
"""

from datetime import timedelta
from itertools import combinations
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from axion_bus.config.dbus import Dbus
from axion_bus.config.metrics import Metrics
from axion_bus.config.mqtt import Mqtt
from axion_bus.config.notify import Channels, Notify, Silence
from axion_bus.config.rules import Correlation, RuleTable, distinct
from axion_bus.config.secret import Secret
from axion_bus.config.section import Misfit, Section, refuse
from axion_bus.config.urls import Database, MysqlUrl
from axion_bus.config.values import Default, Duration, Name, Number, Whole
from axion_bus.domain import noise, rules, topics


class Instance(Section):
    """This daemon, among others."""

    name: Annotated[Name, Default("the host's name")] = Field(description="Its name, in topics and events.")


class Store(Section):
    """The database: SQLite in a file, or a MariaDB or MySQL server."""

    url: Annotated[Database, Default("`axion-bus.db` in the state directory")] = Field(description="Where it is.")
    password: Secret | None = Field(None, description="The password of the user in `url`.")
    pool_size: Whole = Field(5, ge=1, le=100, description="Connections to a server, at most; SQLite has one.")
    timeout_s: Number = Field(10.0, ge=0.1, le=300, description="How long connecting, or one transaction, may take, in seconds.")

    @model_validator(mode="after")
    def _password_is_of_use(self) -> Self:
        if self.password and not isinstance(self.url, MysqlUrl):
            refuse([Misfit(("password",), f"found a password, but {self.url} takes none: remove it")])
        return self


class Intake(Section):
    """Taking messages from the bus: many in one transaction, and never more than can be held."""

    batch_size: Whole = Field(500, ge=1, le=10_000, description="Messages in one transaction, at most.")
    batch_wait_ms: Whole = Field(5, ge=0, le=1000, description="How long a batch waits for more messages, in milliseconds.")
    high_water: Whole = Field(2000, ge=1, le=100_000, description="Unacknowledged messages at which reading pauses.")
    max_payload_bytes: Whole = Field(
        262_144, ge=1024, le=16_777_216, description="A larger message is refused; so much of it is kept."
    )

    @model_validator(mode="after")
    def _batch_fits(self) -> Self:
        if self.high_water < self.batch_size:
            text = f"found {self.high_water}, which is less than batch_size ({self.batch_size}): no batch would ever be full"
            refuse([Misfit(("high_water",), text)])
        return self


class Relay(Section):
    """Sending what is queued, and trying again."""

    attempt_timeout_s: Number = Field(10.0, ge=0.1, le=300, description="How long one attempt may take, in seconds.")
    lease_s: Number = Field(30.0, ge=1, le=3600, description="For how long a row is claimed, in seconds; then another worker may.")
    retry_base_s: Number = Field(1.0, ge=0.01, le=3600, description="The wait before the second attempt, in seconds; it doubles.")
    retry_max_s: Number = Field(300.0, ge=0.01, le=86_400, description="The longest wait, in seconds.")
    budget: Duration = Field(
        timedelta(hours=24),
        ge=timedelta(seconds=1),
        le=timedelta(days=30),
        description="After so long a message to people is given up, and what waits for a channel that is gone. Events never are.",
    )
    max_outstanding: Whole = Field(
        100, ge=1, le=10_000, description="Messages handed to the broker and not yet acknowledged, at most."
    )

    @model_validator(mode="after")
    def _times_fit(self) -> Self:
        misfits = []
        if self.lease_s <= self.attempt_timeout_s:
            text = f"found {self.lease_s:g}, which is not more than attempt_timeout_s ({self.attempt_timeout_s:g})"
            misfits.append(Misfit(("lease_s",), f"{text}: another worker would send the same row"))
        if self.retry_max_s < self.retry_base_s:
            text = f"found {self.retry_max_s:g}, which is less than retry_base_s ({self.retry_base_s:g})"
            misfits.append(Misfit(("retry_max_s",), text))
        refuse(misfits)
        return self


class Log(Section):
    """Logs, on stderr. The audit stream is in the database and is not the log."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least of what is logged.")
    format: Literal["auto", "json", "console"] = Field(
        "auto", description="`json`: one object a line; `console`: for people; `auto`: console on a terminal, else json."
    )


class Settings(Section):
    """The whole configuration."""

    instance: Instance
    store: Store
    mqtt: Mqtt
    dbus: Dbus = Dbus()
    intake: Intake = Intake()
    correlation: Correlation = Correlation()
    rule_tables: Annotated[tuple[RuleTable, ...], AfterValidator(distinct)] = Field((), alias="rules")
    silences: tuple[Silence, ...] = ()
    notify: Notify = Notify()
    channels: Channels = Channels()
    relay: Relay = Relay()
    metrics: Metrics = Metrics()
    log: Log = Log()

    def rules(self) -> tuple[rules.Rule, ...]:
        """The rules in their order, compiled; the built-in one, which matches every alert, is the last."""
        create_at = self.correlation.create_at
        return (*(table.compiled(create_at) for table in self.rule_tables), rules.default_rule(create_at))

    def standing_silences(self) -> tuple[noise.Silence, ...]:
        """The silences of ``[[silences]]``."""
        return tuple(silence.compiled() for silence in self.silences)

    def warnings(self) -> list[str]:
        """What is allowed and still worth a second look, one sentence each, beginning with the key."""
        found: list[str] = []
        mqtt = self.mqtt
        if mqtt.password and not mqtt.url.tls and not mqtt.url.is_loopback:
            found.append(f"mqtt.url: {mqtt.url} carries the password over the network unencrypted; mqtts:// does not")
        if not mqtt.sources:
            found.append("mqtt.sources: there is none, so no alert is heard" + " over MQTT" * self.dbus.is_on)
        if self.dbus != Dbus() and not self.dbus.is_on:
            found.append('dbus.bus: it is "off", so nothing else in [dbus] is used')
        for (first, one), (second, other) in combinations(enumerate(mqtt.sources), 2):
            if topics.overlap(one.topic, other.topic):
                found.append(
                    f"mqtt.sources[{second}].topic: {other.topic} overlaps {one.topic} (sources[{first}]); "
                    "the first one that matches reads a message, and a broker may deliver it twice"
                )
        found.extend(
            f"rules[{number}].match: {rule.name} matches every alert, so no rule after it is ever used"
            for number, rule in enumerate(self.rule_tables[:-1])
            if not rule.match
        )
        return found
