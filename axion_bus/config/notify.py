"""``[notify]``, ``[channels.<name>]`` and ``[[silences]]``: who is told of what, by which ways, and when nobody is."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from axion_bus.config.rules import Condition
from axion_bus.config.secret import Secret
from axion_bus.config.section import Misfit, Section, refuse
from axion_bus.config.urls import WebUrl
from axion_bus.config.values import Allowed, Duration, Flag, Moment, Name, Number, SeverityName, Text, Whole
from axion_bus.domain import noise, template
from axion_bus.domain.alert import Severity, digest


def _for_every_severity(value: object) -> object:
    return {severity.name: value for severity in Severity} if isinstance(value, str) else value


Codes = Annotated[
    Mapping[SeverityName, Name],
    BeforeValidator(_for_every_severity),
    Allowed('a notify code, or a table by severity: { CRITICAL = "INCIDENT_CRITICAL", HIGH = "..." }'),
]


def _check_template(text: str) -> str:
    template.parse(text)
    return text


MessageTemplate = Annotated[
    str,
    StringConstraints(min_length=1, max_length=template.MAX_CHARACTERS),
    AfterValidator(_check_template),
    Allowed(f"a text with the placeholders {', '.join(f'{{{name}}}' for name in template.PLACEHOLDERS)}"),
]


TopicLevel = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$"), Allowed("1 to 64 of A-Z a-z 0-9 _ . -")]


class Notify(Section):
    """Which notify code (a row of `def_notify`) an event of an incident calls for: one, or one by severity."""

    created: Codes = Field({}, description="An incident was opened.")
    severity_raised: Codes = Field({}, description="It became worse.")
    acknowledged: Codes = Field({}, description="Somebody took it on.")
    closed: Codes = Field({}, description="It was closed.")
    reopened: Codes = Field({}, description="It was reopened.")
    reminder: Codes = Field({}, description="It is still open and nobody has taken it on.")
    reminder_every: Duration = Field(
        timedelta(minutes=30),
        ge=timedelta(seconds=1),
        le=timedelta(days=30),
        description="How long an incident waits for a reminder.",
    )


class Channel(Section):
    """What every channel has."""

    base_url: WebUrl | None = Field(None, description="Replaces scheme, host and port of the provider's address; its path stays.")
    timeout_s: Number = Field(10.0, ge=0.1, le=300, description="How long one delivery may take, in seconds.")
    rate: Number = Field(1.0, gt=0, le=1000, description="Deliveries a second, at most.")
    concurrency: Whole = Field(4, ge=1, le=64, description="Deliveries at a time, at most.")
    allow_private: Flag = Field(False, description="Allow http and addresses of this machine or network, for relays and tests.")
    allowed_senders: tuple[Text, ...] = Field(
        (), description="Who may answer with `ack`, `close` or `note` and a reference, beside those in `to`."
    )
    title: MessageTemplate | None = Field(
        None, description="The first line of a message; placeholders as `{incident_title}`, see docs/incidents.md."
    )
    template: MessageTemplate | None = Field(None, description="The message itself, with the same placeholders.")
    on_ambiguous: Literal["resend", "hold"] = Field(
        "resend", description="After a timeout, when it may have been delivered: send it again, or leave it to a person."
    )

    @property
    def senders(self) -> tuple[str, ...]:
        """Who may command by a reply."""
        return (*self.allowed_senders, *getattr(self, "to", ()))

    @model_validator(mode="after")
    def _base_url_is_safe(self) -> Self:
        refuse(_plain_http(self, "base_url", self.base_url))
        return self


def _plain_http(channel: Channel, key: str, url: str | None) -> list[Misfit]:
    if url is None or channel.allow_private or not url.startswith("http:"):
        return []
    return [Misfit((key,), "found http://, which needs allow_private = true; write https://")]


class PagerDuty(Channel):
    """PagerDuty, by its Events API v2."""

    routing_key: Secret = Field(description="The integration key of the service.")


class Slack(Channel):
    """Slack: `token` and `channel`, or `webhook_url`."""

    token: Secret | None = Field(None, description="A bot token; with it messages of an incident stay in one thread.")
    channel: Text | None = Field(None, description="Where the bot writes.")
    webhook_url: Secret | None = Field(None, description="An incoming webhook, instead of a bot.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.token is None) == (self.webhook_url is None) or (self.token is None) != (self.channel is None):
            refuse([Misfit((), "write token and channel, or webhook_url, and not both")])
        return self


class Discord(Channel):
    """Discord, by a webhook."""

    webhook_url: Secret = Field(description="The webhook's address.")


class Twilio(Channel):
    """SMS or WhatsApp, by Twilio."""

    account_sid: Text = Field(description="The account.")
    auth_token: Secret = Field(description="Its token.")
    from_: Text = Field(alias="from", description="The number that messages come from.")
    to: tuple[Text, ...] = Field(min_length=1, description="The numbers that they go to.")
    status_callback: WebUrl | None = Field(
        None,
        description="Where Twilio tells what became of a message; a gateway puts it on `<base_topic>/inbound/<channel>/status`.",
    )


class Email(Channel):
    """E-mail, by a server of yours."""

    host: Text = Field(description="The mail server.")
    port: Whole = Field(587, ge=1, le=65_535, description="Its port.")
    starttls: Flag = Field(True, description="Refuse to go on without TLS.")
    tls: Flag = Field(False, description="TLS from the first byte on, as at port 465, instead of STARTTLS.")
    username: Text | None = Field(None, description="The user that logs in.")
    password: Secret | None = Field(None, description="The password of `username`.")
    from_: Text = Field(alias="from", description="The address that mails come from.")
    to: tuple[Text, ...] = Field(min_length=1, description="The addresses that they go to.")


class Webhook(Channel):
    """Any HTTP service; the body is signed."""

    url: WebUrl = Field(description="Where the body is posted to.")
    secret: Secret | None = Field(None, description="The key of the signature.")

    @model_validator(mode="after")
    def _url_is_safe(self) -> Self:
        refuse(_plain_http(self, "url", self.url))
        return self


class Apprise(Channel):
    """Everything else, by the URLs of Apprise; needs the extra `apprise`."""

    urls: tuple[Secret, ...] = Field(min_length=1, description="Apprise's URLs, which hold secrets.")


class Mqtt(Channel):
    """Programs and displays on the broker: each recipient has a topic of its own, `<base_topic>/notify/<recipient>`."""

    to: tuple[TopicLevel, ...] = Field(min_length=1, description="The recipients.")


class Channels(Section):
    """The ways to reach people; one that is not there is off."""

    pagerduty: PagerDuty | None = Field(None, description="PagerDuty.")
    slack: Slack | None = Field(None, description="Slack.")
    discord: Discord | None = Field(None, description="Discord.")
    sms: Twilio | None = Field(None, description="SMS.")
    whatsapp: Twilio | None = Field(None, description="WhatsApp.")
    email: Email | None = Field(None, description="E-mail.")
    webhook: Webhook | None = Field(None, description="Any HTTP service.")
    mqtt: Mqtt | None = Field(None, description="Topics on the broker.")
    apprise: Apprise | None = Field(None, description="Everything else.")


class Silence(Section):
    """A time in which alerts that match open no incident and notify nobody. They are recorded and counted all the same."""

    match: tuple[Condition, ...] = Field(min_length=1, description="Conditions that all have to hold, as in a rule.")
    starts_at: Moment | None = Field(None, description="From when on; without it, from now on.")
    ends_at: Moment | None = Field(None, description="Until when; without it, as long as it stands here.")
    comment: Text | None = Field(None, description="Why, for people.")

    @model_validator(mode="after")
    def _ends_after_start(self) -> Self:
        if self.starts_at and self.ends_at and self.ends_at <= self.starts_at:
            refuse([Misfit(("ends_at",), f"found {self.ends_at.isoformat()}, which is not after starts_at")])
        return self

    def compiled(self) -> noise.Silence:
        """The silence as the domain knows it. Its guid is made of what it says: it is the same wherever it stands in the file."""
        conditions = [matcher.text for matcher in self.match]
        times = [str(moment) for moment in (self.starts_at, self.ends_at)]
        return noise.Silence(
            guid=f"configuration-{digest('silence', [*conditions, *times])[:8]}",
            matchers=self.match,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            comment=self.comment or "",
            created_by="configuration",
        )
