"""Mailing a report without a daemon: what the caller is told, and what is on record."""

from __future__ import annotations

import pytest

from axion_bus import AsyncIncidentManager
from axion_bus.config import parse
from axion_bus.errors import ConfigError, NotFound
from tests.servers.mail import DROP, MailServer


@pytest.fixture
def server():
    with MailServer() as running:
        yield running


@pytest.fixture
async def mailing(shared_url, server):
    """A manager that mails to the server."""
    email = {
        "host": "127.0.0.1",
        "port": server.port,
        "starttls": False,
        "rate": 100,
        "from": "a@b.example",
        "to": ["ops@b.example"],
    }
    async with AsyncIncidentManager(parse({"store": {"url": shared_url}, "channels": {"email": email}})) as manager:
        yield manager


@pytest.mark.parametrize(
    ("stage", "answer", "effect"),
    [
        ("at_data", "250 Ok: queued as Q17", ("sent", "SENT", "SENT", "Q17")),
        ("at_data", "451 try later", ("pending", "PENDING", "FAILED", None)),
        ("at_data", DROP, ("pending", "PENDING", "AMBIGUOUS", None)),
        ("at_recipient", "550 no such user", ("failed", "FAILED", "FAILED", None)),
    ],
)
async def test_a_report_is_sent_or_pending_or_failed_and_says_so(mailing, server, stage, answer, effect):
    setattr(server, stage, answer)
    guid = await mailing.create_incident("t", "LOW", "P")

    told = await mailing.email_incident_report(guid)

    (row,) = await mailing.get_incident_communications(guid, channel="EMAIL")
    found = await mailing.get_communication_by_ref(row["ShortRef"])
    counted, status, attempt, external_id = effect
    assert {"sent": 0, "failed": 0, "pending": 0, counted: 1} == told
    assert (status, "ops@b.example", external_id) == (row["Status"], row["Recipient"], row["ExternalId"])
    assert [attempt] == [each["Status"] for each in found["AttemptLog"]]


@pytest.mark.parametrize(("form", "types"), [("html", ["text/plain", "text/html"]), ("text", []), ("markdown", [])])
async def test_a_page_goes_beside_its_text_and_a_text_goes_alone(mailing, server, form, types):
    guid = await mailing.create_incident("t", "LOW", "P")

    await mailing.email_incident_report(guid, form)

    (message,) = server.taken
    assert types == [part.get_content_type() for part in message.iter_parts()]
    assert ("# t" if form == "markdown" else "INCIDENT REPORT") in message.get_body(("plain",)).get_content()


async def test_each_recipient_gets_a_message_of_its_own_once(mailing, server):
    guid = await mailing.create_incident("t", "LOW", "P")

    told = await mailing.email_incident_report(guid, additional_recipients=["x@b.example", "ops@b.example", "x@b.example"])

    assert {"sent": 2, "failed": 0, "pending": 0} == told
    assert ["ops@b.example", "x@b.example"] == sorted(message["To"] for message in server.taken)


async def test_without_a_mail_server_in_the_configuration_nothing_is_queued(manager, an_incident):
    guid = await an_incident()

    with pytest.raises(ConfigError, match=r"\[channels.email\]"):
        await manager.email_incident_report(guid)

    assert [] == await manager.get_incident_communications(guid, channel="EMAIL")


async def test_a_report_of_nothing_is_not_mailed(mailing, server):
    with pytest.raises(NotFound):
        await mailing.email_incident_report("nobody")

    assert [] == server.offered
