"""What goes into the database comes out as it was, whatever it is, on both kinds."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from axion_bus.domain.alert import AlertStatus, Severity
from axion_bus.domain.communication import Channel, CommunicationStatus
from axion_bus.domain.incident import CloseReason, IncidentStatus
from axion_bus.errors import StoreRefused
from tests.builders import an_incident
from tests.contract.store.scenes import a_message, a_record, an_event, claim, look, open_alerts, save
from tests.fakes import NOON

NASTY_TEXTS = {
    "emoji": "disk 💥 full 👩‍🚒",
    "four bytes": "\U0001f600\U00020000",
    "quotes": "it's \"quoted\" `ticked` \\ and \\' ''",
    "control characters": "tab\t newline\n return\r bell\x07 escape\x1b[31m",
    "sql": "'; DROP TABLE data_alert; -- %s %(a)s :b ?",
    "json": '{"a": [1, null], "b": "\\u0000"}',
    "spaces": "  two before, two behind  ",
    "empty": "",
    "bidi": "user\u202egnp.exe",
    "null byte": "a\x00b",
}
texts = pytest.mark.parametrize("text", NASTY_TEXTS.values(), ids=NASTY_TEXTS)
FULL_ALERT = a_record(
    description="slow since noon",
    labels={"env": "prod", "host": "a b"},
    severity=Severity.CRITICAL,
    status=AlertStatus.RESOLVED,
    count=2_000_000_000,
    first_seen_at=NOON - timedelta(microseconds=1),
    last_seen_at=NOON + timedelta(microseconds=999_999),
    occurred_at=datetime(1999, 12, 31, 23, 59, 59, 5, tzinfo=UTC),
    resolved_at=datetime(2099, 1, 1, tzinfo=UTC),
    incident_guid="incident-1",
)
FULL_INCIDENT = an_incident(
    severity=Severity.LOW,
    status=IncidentStatus.CLOSED,
    description="slow",
    assigned_to="dba-team",
    acknowledged_at=NOON + timedelta(microseconds=1),
    closed_at=NOON + timedelta(hours=1),
    close_reason=CloseReason.MERGED,
    merged_into="incident-0",
    version=7,
    sequence=9,
    correlation_key="key",
    auto_close_at=NOON + timedelta(minutes=10),
)


async def read_alert(store, guid):
    (found,) = await store.write(lambda transaction: transaction.alerts_by_guid([guid]))
    return found


async def read_incident(store, guid="incident-1"):
    (found,) = await store.write(lambda transaction: transaction.incidents_by_guid([guid]))
    return found


async def test_every_byte_value_comes_back(store):
    raw = bytes(range(256)) * 4 + b"'\\\x00\x1a"
    message = a_message(status=CommunicationStatus.FAILED, raw=raw)

    await save(store, communications=[message])

    assert [(raw,)] == await look(store, "SELECT Raw FROM data_incident_communication")


async def test_every_field_of_an_alert_comes_back(store):
    await save(store, new_alerts=[FULL_ALERT])

    assert FULL_ALERT == await read_alert(store, FULL_ALERT.guid)


async def test_every_changing_field_of_an_alert_comes_back(store):
    await save(store, new_alerts=[a_record(description=FULL_ALERT.description, labels=FULL_ALERT.labels)])
    changed = replace(FULL_ALERT, first_seen_at=NOON)

    await save(store, changed_alerts=[changed])

    assert changed == await read_alert(store, FULL_ALERT.guid)


async def test_what_an_alert_no_longer_has_is_gone(store):
    await save(store, new_alerts=[FULL_ALERT])
    bare = replace(FULL_ALERT, status=AlertStatus.FIRING, occurred_at=None, resolved_at=None, incident_guid=None)

    await save(store, changed_alerts=[bare])

    assert bare == await read_alert(store, FULL_ALERT.guid)


async def test_every_field_of_an_incident_comes_back(store):
    await save(store, new_incidents=[FULL_INCIDENT])

    assert FULL_INCIDENT == await read_incident(store)


async def test_every_field_of_a_changed_incident_comes_back(store):
    await save(store, new_incidents=[an_incident()])

    await save(store, changed_incidents=[FULL_INCIDENT])

    assert FULL_INCIDENT == await read_incident(store)


async def test_what_an_incident_no_longer_has_is_gone(store):
    bare = an_incident(rule=None)
    await save(store, new_incidents=[FULL_INCIDENT])

    await save(store, changed_incidents=[bare])

    assert bare == await read_incident(store)


@texts
async def test_any_text_of_an_alert_comes_back(store, text):
    record = a_record(title=text, source=text, package=text, description=text, labels={text: text})

    await save(store, new_alerts=[record])

    assert record == await read_alert(store, record.guid)


@texts
async def test_any_text_of_an_incident_comes_back_after_it_is_written_and_after_it_is_changed(store, text):
    written = an_incident(title=text, package=text, description=text, assigned_to=text, rule=text)
    changed = an_incident(guid="incident-2", title=text, package=text, description=text, assigned_to=text, rule=text)
    await save(store, new_incidents=[written, an_incident(guid="incident-2")])
    await save(store, changed_incidents=[changed])

    found = [await read_incident(store, "incident-1"), await read_incident(store, "incident-2")]

    assert [written, changed] == found


@texts
async def test_any_text_of_an_event_comes_back(store, text):
    event = an_event(None, None, message=text, recipient=text)

    await save(store, communications=[event])

    (outgoing,) = await claim(store)
    assert (text, text) == (outgoing.message, outgoing.recipient)


async def test_any_mixture_of_what_is_special_to_a_database_comes_back(store):
    draw = random.Random(7)
    special = [
        "'",
        '"',
        "\\",
        "%",
        "%s",
        ":a",
        "?",
        "\x00",
        "\x1a",
        "\n",
        ";",
        "--",
        "/*",
        "`",
        "\u2028",
        "\U0001f600",
        "é",
        " ",
        "a",
    ]
    events = [an_event(None, None, message="".join(draw.choices(special, k=draw.randrange(12)))) for _ in range(500)]

    await save(store, communications=events)

    assert [event.message for event in events] == [each.message for each in await claim(store, limit=500)]


async def test_a_long_text_comes_back(store):
    message = "0123456789abcdef" * 65_536

    await save(store, communications=[an_event(None, None, message=message)])

    (outgoing,) = await claim(store)
    assert message == outgoing.message


async def test_many_long_rows_come_back_in_order(store):
    """The driver cuts a statement of many rows into pieces of a megabyte."""
    events = [an_event(None, None, message=f"{number}:" + "x" * 100_000) for number in range(30)]

    await save(store, communications=events)

    assert [event.message for event in events] == [each.message for each in await claim(store)]


async def test_identifiers_that_differ_in_case_or_spaces_are_different(store):
    names = ["abc", "ABC", "abc ", " abc", "äbc", "a\u0308bc", "abc\t"]
    records = [a_record(name, guid=name) for name in names]

    await save(store, new_alerts=records)

    found = await store.write(lambda transaction: transaction.taken_alert_guids(["abc  ", *names]))
    assert frozenset(names) == found


async def test_fingerprints_that_differ_in_case_or_spaces_are_different(store):
    records = [a_record(str(number), fingerprint=name) for number, name in enumerate(["abc", "ABC", "abc "])]

    await save(store, new_alerts=records)

    found = await store.write(lambda transaction: open_alerts(transaction, ["abc "]))
    assert [records[2]] == found


async def test_packages_that_differ_in_a_trailing_space_are_counted_apart(store):
    await save(store, new_incidents=[an_incident(package="A"), an_incident(guid="incident-2", package="A ")])

    summary = await store.summary()

    assert {"A": 1, "A ": 1} == summary["package"]


async def test_a_text_that_is_too_long_for_a_server_is_refused_and_nothing_is_written(mariadb_store):
    with pytest.raises(StoreRefused, match="Title"):
        await save(mariadb_store, new_alerts=[a_record("a"), a_record("b", title="x" * 513)])

    assert [(0,)] == await look(mariadb_store, "SELECT COUNT(*) FROM data_alert")


async def test_a_link_to_no_incident_is_refused_and_nothing_is_written(store):
    with pytest.raises(StoreRefused, match=r"(?i)foreign key"):
        await save(store, new_alerts=[a_record()], communications=[an_event("nobody", 1)])

    assert [(0,)] == await look(store, "SELECT COUNT(*) FROM data_alert")


async def test_the_metadata_of_a_row_is_json(store):
    metadata = {"reason": "repeated", "remarks": ("a", "b"), "n": 1, "none": None}

    await save(store, communications=[a_message(metadata=metadata)])

    ((text,),) = await look(store, "SELECT CAST(Metadata AS CHAR) FROM data_incident_communication")
    assert text == '{"reason":"repeated","remarks":["a","b"],"n":1,"none":null}'


async def test_the_columns_of_an_inbound_row_are_the_guide_s(store):
    row = a_message(
        channel=Channel.DBUS,
        status=CommunicationStatus.FAILED,
        message="shown",
        recipient="/org/axion",
        alert_guid="alert-a",
        external_id="e-1",
        error_message="bad_json: no",
        ingest_key="key",
    )

    await save(store, communications=[row])

    columns = "Channel, Direction, Status, Message, Recipient, AlertGuid, ExternalId, ErrorMessage, IngestKey, ShortRef"
    expected = "DBUS", "INBOUND", "FAILED", "shown", "/org/axion", "alert-a", "e-1", "bad_json: no", "key", row.short_ref
    assert [expected] == await look(store, f"SELECT {columns} FROM data_incident_communication")
