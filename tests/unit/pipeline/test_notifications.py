"""Who is told by itself: ``[notify]`` by occasion and severity, the code's channels and people, and what nobody could be told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from axion_bus.domain import desk, template
from axion_bus.domain.alert import Severity
from axion_bus.domain.communication import CommunicationStatus
from axion_bus.domain.events import Event, EventKind
from axion_bus.domain.incident import CloseReason
from axion_bus.domain.routing import NotifyCode, Occasion
from axion_bus.formats.events import incident_view
from axion_bus.pipeline.notifications import Notifications
from axion_bus.pipeline.outbox import Outbox
from axion_bus.pipeline.wording import Reach
from tests.builders import an_incident, numbered
from tests.fakes import NOON

EVERY = dict.fromkeys(Severity, "LOUD")
REACH = {
    "SLACK": Reach(recipients=("#ops",)),
    "SMS": Reach(recipients=("+1", "+2")),
    "MQTT": Reach(recipients=("axion/notify/ops",), template=template.parse("{incident_title}")),
}


def a_code(*channels, **given):
    return NotifyCode(code="LOUD", channels=channels or ("SLACK",), **given)


@pytest.fixture
def notifications():
    def make(**codes):
        return Notifications(new_guid=numbered("guid"), reach=REACH, codes=codes or dict.fromkeys(Occasion, EVERY))

    return make


@pytest.fixture
def told(store, notifications):
    """The rows that events call for."""

    async def told(*events, **codes):
        made = notifications(**codes)
        return await store.write(lambda transaction: made.of_events(transaction, events, NOON))

    return told


def created(**given):
    return desk.opened(an_incident(**given), by="ann", now=NOON).events[0]


def shown(rows):
    return [(row.channel, row.recipient, row.status.value) for row in rows]


async def test_each_recipient_of_each_channel_has_a_row_of_its_own(told, store):
    store.codes["LOUD"] = a_code("SMS", "SLACK")

    rows = await told(created())

    assert [("SMS", "+1", "PENDING"), ("SMS", "+2", "PENDING"), ("SLACK", "#ops", "PENDING")] == shown(rows)
    assert 3 == len({row.short_ref for row in rows}) == len({row.guid for row in rows})


async def test_a_row_has_all_that_the_message_needs(told, store):
    store.codes["LOUD"] = a_code()
    event = created()

    [row] = await told(event)

    assert {
        "reason": "notification",
        "occasion": "created",
        "reference": row.short_ref,
        "title": "[HIGH] API slow (CREATED)",
        "subject": f"[HIGH] API slow (CREATED) {row.short_ref}",
        "queued_at": NOON.isoformat(),
        "incident": incident_view(event.incident),
    } == row.metadata
    assert ("incident-1", NOON, NOON, None) == (row.incident_guid, row.timestamp, row.next_attempt_at, row.sequence)
    assert row.message.startswith("HIGH: API slow\n")


OCCASIONS = {
    Occasion.CREATED: lambda: desk.opened(an_incident(), by="ann", now=NOON),
    Occasion.ACKNOWLEDGED: lambda: desk.acknowledged(an_incident(), by="ann", now=NOON),
    Occasion.CLOSED: lambda: desk.closed(an_incident(), CloseReason.RESOLVED, by="ann", now=NOON),
    Occasion.REOPENED: lambda: desk.reopened(
        an_incident(status="CLOSED", close_reason=CloseReason.RESOLVED, closed_at=NOON), by="ann", now=NOON
    ),
    Occasion.SEVERITY_RAISED: lambda: desk.merged(
        an_incident(guid="other", severity=Severity.CRITICAL), an_incident(), by="ann", now=NOON, fires=False
    )[1],
}


@pytest.mark.parametrize("occasion", OCCASIONS)
async def test_people_are_told_of_the_occasion_by_its_own_code(told, store, occasion):
    store.codes["LOUD"] = a_code()
    others = {each: dict.fromkeys(Severity, "OTHER") for each in Occasion if each is not occasion}

    rows = await told(*OCCASIONS[occasion]().events, **{occasion: EVERY, **others})

    assert [(occasion, "SLACK")] == [(row.metadata["occasion"], row.channel) for row in rows if row.recipient != "OTHER"]


async def test_who_is_told_may_depend_on_the_severity(told, store):
    store.codes["LOUD"], store.codes["QUIET"] = a_code("SMS"), a_code("SLACK")
    codes = {"created": {Severity.CRITICAL: "LOUD", Severity.HIGH: "QUIET"}}

    severities = (Severity.CRITICAL, Severity.HIGH, Severity.LOW)
    rows = [await told(created(severity=severity), **codes) for severity in severities]

    assert [["SMS", "SMS"], ["SLACK"], []] == [[row.channel for row in each] for each in rows]


async def test_where_nobody_is_to_be_told_nothing_is_asked(notifications):
    made = notifications(created={Severity.CRITICAL: "LOUD"})

    assert [] == await made.of_events(None, [created()], NOON)


async def test_an_event_about_no_incident_tells_nobody(told):
    assert [] == await told(Event(kind=EventKind.INCIDENT_CREATED, reason="opened", by="ann"))


async def test_a_code_may_name_its_own_people(told, store):
    store.codes["LOUD"] = a_code("SLACK", "SMS", recipients={"SLACK": ("#dba", "#dev"), "SMS": ()})

    rows = await told(created())

    assert [("SLACK", "#dba"), ("SLACK", "#dev"), ("SMS", "+1"), ("SMS", "+2")] == [(row.channel, row.recipient) for row in rows]


async def test_a_code_that_nobody_defined_is_a_failed_row(told):
    [row] = await told(created())

    assert ("NONE", "LOUD", "FAILED") == shown([row])[0]
    assert ("def_notify has no code LOUD; add it there, or choose another", None) == (row.error_message, row.next_attempt_at)


async def test_a_code_without_channels_is_a_failed_row(told, store):
    store.codes["LOUD"] = replace(a_code(), channels=())

    [row] = await told(created())

    assert ("FAILED", "code LOUD of def_notify names no channel") == (row.status.value, row.error_message)


async def test_a_channel_that_is_not_configured_is_a_failed_row_beside_the_others(told, store):
    store.codes["LOUD"] = a_code("PAGERDUTY", "SLACK")

    rows = await told(created())

    assert [("PAGERDUTY", "", "FAILED"), ("SLACK", "#ops", "PENDING")] == shown(rows)
    assert "channel PAGERDUTY is not configured: [channels.pagerduty] is missing" == rows[0].error_message


async def test_a_channel_s_name_of_any_length_fits_its_column(told, store):
    store.codes["LOUD"] = a_code("X" * 200)

    [row] = await told(created())

    assert ("X" * 50, True) == (row.channel, "X" * 200 in row.error_message)


async def test_what_is_wrong_with_a_code_is_on_record(told, store):
    store.codes["LOUD"] = a_code(template="{nobody}")

    [row] = await told(created())

    assert ("PENDING", True) == (row.status.value, "{nobody} is not a placeholder" in row.metadata["remark"])


async def test_the_guide_s_codes_work_without_a_row_and_a_row_overrules_them(told, store):
    codes = {"created": {Severity.HIGH: "INCIDENT_CRITICAL"}}
    built_in = await told(created(), **codes)
    store.codes["INCIDENT_CRITICAL"] = a_code("SLACK")
    overruled = await told(created(), **codes)

    assert ["PAGERDUTY", "SLACK", "SMS", "SMS"] == [row.channel for row in built_in]
    assert ["SLACK"] == [row.channel for row in overruled]


async def test_programs_get_the_message_as_json(told, store):
    store.codes["LOUD"] = a_code("MQTT")

    [row] = await told(created())

    assert row.message.startswith('{"occasion":"created","reference":"REF-')
    assert row.message.endswith('"text":"API slow\\n"}')


async def test_a_reminder_is_an_occasion_without_an_event(store, notifications):
    store.codes["LOUD"] = a_code()
    made = notifications(reminder={Severity.HIGH: "LOUD"})

    rows = [
        await store.write(lambda tx, each=each: made.of_occasion(tx, an_incident(severity=each), Occasion.REMINDER, NOON))
        for each in (Severity.HIGH, Severity.LOW)
    ]

    assert [["reminder"], []] == [[row.metadata["occasion"] for row in each] for each in rows]


async def test_a_code_that_cannot_be_used_at_all_stops_nothing(told, store):
    store.codes["LOUD"] = a_code("SLACK", recipients={"SLACK": 17})

    rows = await told(created(), created(guid="incident-2"))

    assert [("NONE", "LOUD", "FAILED")] * 2 == shown(rows)
    assert "notify code LOUD cannot be used: TypeError: 'int' object is not iterable" == rows[0].error_message


async def test_a_storm_of_new_incidents_is_recorded_in_one_transaction(make_recorder, store, bus, stop):
    store.codes["LOUD"] = a_code("SLACK", "SMS")
    outbox = Outbox(
        instance="test",
        base_topic="axion",
        new_guid=numbered("guid"),
        new_reference=numbered("REF"),
        notifications=Notifications(new_guid=numbered("message"), reach=REACH, codes={"created": EVERY}),
    )
    alerts = [{"id": str(number), "title": f"Disk {number} full", "severity": "HIGH"} for number in range(400)]

    await make_recorder(outbox=outbox).record([bus.message(each) for each in alerts], stop)

    rows = [row.communication for row in store.tables.rows.values()]
    assert (400, 1200) == (len(bus.acknowledged), sum(row.metadata.get("reason") == "notification" for row in rows))
    assert not [row for row in rows if row.status is CommunicationStatus.FAILED]
