"""Asking for a report over the bus: the page itself, or mails that a daemon sends."""

from __future__ import annotations

import pytest

from tests.contract.manager.bus import ON_SQLITE

pytestmark = ON_SQLITE
MAIL = {"email": {"host": "127.0.0.1", "port": 1, "starttls": False, "from": "axion@example.com", "to": ["ops@example.com"]}}


@pytest.mark.parametrize(
    ("format_", "start"), [("text", "INCIDENT REPORT"), ("markdown", "# Disk full"), ("html", "<!doctype html>")]
)
async def test_a_report_is_in_the_answer(desk, format_, start):
    guid = await desk.an_incident()

    data = (await desk.ask("report", {"incident_guid": guid, "format": format_})).data

    assert format_ == data["format"]
    assert data["report"].lower().startswith(start.lower())


async def test_a_report_is_mailed_to_those_of_the_channel_and_those_who_are_named(make_desk):
    desk = await make_desk(channels=MAIL)
    guid = await desk.an_incident()

    data = (await desk.ask("email-report", {"incident_guid": guid, "additional_recipients": ["ada@example.com"]})).data

    assert {"sent": 0, "failed": 0, "pending": 2} == data


async def test_without_mail_in_the_configuration_it_is_refused_and_the_answer_says_what_to_add(desk):
    guid = await desk.an_incident()

    asked = await desk.ask("email-report", {"incident_guid": guid})

    assert "refused" == asked.error["code"]
    assert "there is no [channels.email] in the configuration; add host, from and to" in asked.error["message"]
    assert ("FAILED", guid) == (asked.row["Status"], asked.row["IncidentGuid"])


@pytest.mark.parametrize("verb", ["report", "email-report"])
async def test_a_report_of_no_incident_is_not_found(desk, verb):
    asked = await desk.ask(verb, {"incident_guid": "nobody"})

    assert "not_found" == asked.error["code"]
    assert asked.row["IncidentGuid"] is None
