"""What each provider documents of its request is what it gets; what it answers is kept."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import replace
from typing import Literal

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from pydantic import BaseModel, ConfigDict, Field

from axion_bus.channels.slack import escaped
from tests.contract.channels.conftest import CANARY, TAKEN


class Exact(BaseModel):
    """A documented body: nothing else may be in it."""

    model_config = ConfigDict(extra="forbid", strict=True)


class PagerDutyPayload(Exact):
    """developer.pagerduty.com, Events API v2, "Send an Alert Event"."""

    summary: str = Field(max_length=1024)
    source: str
    severity: Literal["critical", "error", "warning", "info"]
    component: str
    timestamp: str
    custom_details: dict[str, str]


class PagerDutyTrigger(Exact):
    routing_key: str
    event_action: Literal["trigger"]
    dedup_key: str = Field(max_length=255)
    payload: PagerDutyPayload


class PagerDutyFollowUp(Exact):
    routing_key: str
    event_action: Literal["acknowledge", "resolve"]
    dedup_key: str


class SlackMessage(Exact):
    """docs.slack.dev, chat.postMessage."""

    channel: str
    text: str = Field(max_length=4000)
    unfurl_links: bool
    unfurl_media: bool
    thread_ts: str | None = None


class DiscordMessage(Exact):
    """discord.com/developers, Execute Webhook."""

    content: str = Field(max_length=2000)
    allowed_mentions: dict[str, list[str]]


@pytest.fixture
def send(sink, channel):
    """Sends a letter over the channel of that name; gives the receipt and what the sink got."""

    async def run(name, letter, **more):
        sink.answers = [TAKEN[name]]
        async with channel(name, **more) as made:
            receipt = await made.send(letter)
        return receipt, sink.seen[-1]

    return run


async def test_pagerduty_triggers_under_the_incidents_guid(send, letter):
    receipt, seen = await send("PAGERDUTY", letter)

    body = PagerDutyTrigger.model_validate(seen.json)
    assert ("POST", "/v2/enqueue", "application/json") == (seen.method, seen.path, seen.headers["Content-Type"])
    assert (CANARY, "incident-1", "critical", "DATABASE") == (
        body.routing_key, body.dedup_key, body.payload.severity, body.payload.component,
    )  # fmt: skip
    assert "incident-1" == receipt.external_id


@pytest.mark.parametrize(("occasion", "action"), [("acknowledged", "acknowledge"), ("closed", "resolve")])
async def test_pagerduty_follows_the_incident_by_the_same_key(send, letter, occasion, action):
    _, seen = await send("PAGERDUTY", replace(letter, occasion=occasion))

    body = PagerDutyFollowUp.model_validate(seen.json)
    assert (action, "incident-1") == (body.event_action, body.dedup_key)


@pytest.mark.parametrize(
    ("status", "action"), [("CREATED", "trigger"), ("INVESTIGATING", "trigger"), ("MONITORING", "trigger"), ("CLOSED", "resolve")]
)
async def test_pagerduty_is_not_triggered_for_what_is_closed(send, letter, status, action):
    by_hand = replace(letter, occasion="notification", incident={**letter.incident, "status": status})

    _, seen = await send("PAGERDUTY", by_hand)

    assert action == seen.json["event_action"]


async def test_pagerduty_is_told_nothing_of_what_is_not_known(send, letter):
    _, seen = await send("PAGERDUTY", replace(letter, incident={}))

    assert ["custom_details", "severity", "source", "summary"] == sorted(seen.json["payload"])


async def test_slack_posts_as_the_bot_and_keeps_channel_and_time(send, letter):
    receipt, seen = await send("SLACK", letter)

    body = SlackMessage.model_validate(seen.json)
    assert ("POST", "/api/chat.postMessage", f"Bearer {CANARY}") == (seen.method, seen.path, seen.headers["Authorization"])
    assert body.text == "*[CRITICAL] DB down (CREATED) REF-20251229-A7K*\nAll &lt;slots&gt; are taken &amp; gone.\n"
    assert "C024BE91L:1503435956.000247" == receipt.external_id


async def test_slack_answers_in_the_thread_of_the_first_message(send, letter):
    _, seen = await send("SLACK", replace(letter, thread="C024BE91L:1503435956.000247"))

    body = SlackMessage.model_validate(seen.json)
    assert ("C024BE91L", "1503435956.000247") == (body.channel, body.thread_ts)


async def test_slack_takes_an_incoming_webhook_as_well(send, letter):
    receipt, seen = await send("SLACK", letter, token=None, channel=None, webhook_url={"env": "SLACK"})

    assert (f"/services/T0/B0/{CANARY}", ["text"]) == (seen.path, list(seen.json))
    assert receipt.external_id is None


async def test_discord_waits_for_the_messages_id_and_mentions_nobody(send, letter):
    receipt, seen = await send("DISCORD", replace(letter, text="@everyone look"))

    body = DiscordMessage.model_validate(seen.json)
    assert ("POST", f"/api/webhooks/17/{CANARY}", "wait=true") == (seen.method, seen.path, seen.query)
    assert {"parse": []} == body.allowed_mentions
    assert "1050" == receipt.external_id


async def test_discord_edits_the_first_message(send, letter):
    receipt, seen = await send("DISCORD", replace(letter, thread="1050"))

    assert ("PATCH", f"/api/webhooks/17/{CANARY}/messages/1050") == (seen.method, seen.path)
    assert "1050" == receipt.external_id


async def test_a_callback_s_own_query_is_kept(send, letter):
    _, seen = await send("SMS", letter, status_callback="https://gate.example/twilio?key=1")

    assert "https://gate.example/twilio?key=1&reference=REF-20251229-A7K" == seen.form["StatusCallback"]


@pytest.mark.parametrize(("name", "prefix", "sid"), [("SMS", "", "SM0a"), ("WHATSAPP", "whatsapp:", "SM0b")])
async def test_twilio_gets_a_form_and_its_sid_is_kept(send, letter, name, prefix, sid):
    receipt, seen = await send(name, replace(letter, recipient="+15550123"), status_callback="https://gate.example/twilio")

    expected = {
        "To": f"{prefix}+15550123",
        "From": f"{prefix}+15550100",
        "Body": f"{letter.subject}\n{letter.text}",
        "StatusCallback": "https://gate.example/twilio?reference=REF-20251229-A7K",
    }
    assert ("POST", "/2010-04-01/Accounts/AC17/Messages.json") == (seen.method, seen.path)
    assert expected == seen.form
    assert f"Basic {base64.b64encode(f'AC17:{CANARY}'.encode()).decode()}" == seen.headers["Authorization"]
    assert sid == receipt.external_id


async def test_a_webhook_gets_a_signed_cloudevent(send, letter):
    _, seen = await send("WEBHOOK", letter)

    event = from_http_event(HTTPMessage(headers=seen.headers, body=seen.body))
    signed = f"letter-1.{seen.headers['Webhook-Timestamp']}.".encode() + seen.body
    expected = base64.b64encode(hmac.new(CANARY.encode(), signed, hashlib.sha256).digest()).decode()
    assert ("letter-1", "incident-1", "org.axion.bus.notification.created.v1") == (
        event.get_id(), event.get_subject(), event.get_type(),
    )  # fmt: skip
    assert f"v1,{expected}" == seen.headers["Webhook-Signature"]
    assert "DATABASE" == event.get_data()["incident"]["package"]


@pytest.mark.parametrize(("name", "limit"), [("SLACK", 4000), ("DISCORD", 2000), ("SMS", 1600)])
async def test_a_long_text_is_cut_to_the_providers_limit(send, letter, name, limit):
    _, seen = await send(name, replace(letter, text="<&>" * 5000))

    sent = {"SLACK": lambda: seen.json["text"], "DISCORD": lambda: seen.json["content"], "SMS": lambda: seen.form["Body"]}[name]()
    assert len(sent) <= limit
    assert sent.endswith("…")


@pytest.mark.parametrize("length", range(3900, 3930))
def test_a_slack_text_is_never_cut_inside_an_escape(length):
    cut = escaped("x" * length + "<&>" * 50)

    assert len(cut) <= 4000
    assert re.fullmatch(r"(&lt;|&amp;|&gt;)*…", cut[length:])
