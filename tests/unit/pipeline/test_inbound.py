"""The row of a message that came in: what it was, what became of it, why, and enough to send it again."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest

from axion_bus.domain.communication import Channel, CommunicationStatus, Direction, Fault, Reason
from axion_bus.domain.correlation import Decision, candidate
from axion_bus.domain.rules import default_rule
from axion_bus.formats import Element, Malformed
from axion_bus.pipeline.inbound import KEPT_RAW_BYTES, Item, accepted_row, failed_row, items, shown
from tests.builders import Desk, an_alert
from tests.fakes import NOON, FakeBus

BUS = FakeBus()
BAD = Malformed(fault=Fault.WRONG_TYPE, place="$.labels.env", detail="an array where text is wanted")


def accepted(alert, decision, **item):
    received = BUS.message(b'{"title": "API slow"}', received_at=NOON + timedelta(seconds=1))
    found = candidate(alert, [default_rule()])
    return accepted_row(Item(received, "guid", found, **item), found, decision, "REF-20260131-0000000", "key")


def failed(body, malformed=BAD, **item):
    return failed_row(Item(BUS.message(body), "guid", malformed, **item), malformed, "REF-20260131-0000000")


def test_the_row_of_an_accepted_alert_tells_what_it_did_and_why():
    desk = Desk()
    decision = desk.fire(id="7")

    row = accepted(an_alert(id="7"), decision)

    assert (Direction.INBOUND, CommunicationStatus.RECEIVED, Channel.MQTT) == (row.direction, row.status, row.channel)
    assert (decision.incident.guid, decision.alert.guid, "7") == (row.incident_guid, row.alert_guid, row.external_id)
    assert ("guid", "REF-20260131-0000000", "key") == (row.guid, row.short_ref, row.ingest_key)
    assert ("axion/alerts/web/api", '{"title": "API slow"}', NOON + timedelta(seconds=1)) == (
        row.recipient,
        row.message,
        row.timestamp,
    )
    assert {"reason": "opened", "rule": "default"} == row.metadata
    assert (None, None, None) == (row.raw, row.sequence, row.next_attempt_at)


def test_what_touches_no_incident_is_recorded_too():
    row = accepted(an_alert(), Decision(reason=Reason.NOTHING_TO_RESOLVE))

    assert (None, None, "nothing_to_resolve") == (row.incident_guid, row.alert_guid, row.metadata["reason"])


def test_what_was_assumed_while_reading_is_told():
    row = accepted(an_alert(remarks=("severity 'loud' is unknown",)), Decision(reason=Reason.NOTHING_TO_RESOLVE))

    assert row.metadata["remarks"] == ("severity 'loud' is unknown",)


def test_one_of_several_alerts_keeps_its_own_part_and_the_name_of_the_message():
    row = accepted(an_alert(), Decision(reason=Reason.NOTHING_TO_RESOLVE), text='{"title": "x"}', message="m")

    assert ('{"title": "x"}', "m") == (row.message, row.metadata["message"])


def test_the_row_of_what_failed_tells_what_is_wrong_and_where():
    row = failed(b"{}")

    assert (Direction.INBOUND, CommunicationStatus.FAILED) == (row.direction, row.status)
    assert row.error_message == "wrong_type at $.labels.env: an array where text is wanted"
    assert {"reason": "wrong_type", "place": "$.labels.env"} == row.metadata
    assert (None, None, None) == (row.incident_guid, row.alert_guid, row.ingest_key)


def test_a_fault_of_the_whole_message_has_no_place():
    row = failed(b"", Malformed(fault=Fault.EMPTY, place="", detail="no bytes"))

    assert ("empty: no bytes", {"reason": "empty"}) == (row.error_message, row.metadata)


@pytest.mark.parametrize("raw", [b"\xff\xfe\x00", b"", "grün".encode(), bytes(range(256)), b"x" * 100_000])
def test_what_failed_keeps_its_bytes_exactly(raw):
    assert raw == failed(raw).raw


def test_of_what_is_too_large_the_first_bytes_are_kept_and_what_identifies_the_rest():
    raw = bytes(range(256)) * 2000

    row = failed(raw, Malformed(fault=Fault.TOO_LARGE, place="", detail="512000 bytes"))

    assert raw[:KEPT_RAW_BYTES] == row.raw
    assert {"reason": "too_large", "length": 512_000, "sha256": hashlib.sha256(raw).hexdigest()} == row.metadata


def test_a_bad_element_keeps_its_own_part():
    row = failed(b"[1, 2]", text="2", message="m")

    assert (b"2", "2", "m") == (row.raw, row.message, row.metadata["message"])


@pytest.mark.parametrize(
    ("raw", "expected"),
    [(b"plain", "plain"), (b"\xff", "\\xff"), (b"a\x00b", "a\\x00b"), ("ü".encode(), "ü"), (b"x" * 5000, "x" * 4096)],
)
def test_bytes_are_shown_as_people_can_read_them(raw, expected):
    assert expected == shown(raw)


def test_each_element_of_a_message_is_an_item_with_a_guid_of_its_own(outbox):
    received = BUS.message(b"[1, 2]")

    made = items(received, [Element(BAD, "1"), Element(BAD, "2")], lambda element: element.content, outbox.new_guid, NOON)

    assert [("1", received), ("2", received)] == [(item.text, item.received) for item in made]
    assert len({made[0].guid, made[1].guid, made[0].message}) == 3
    assert made[0].message == made[1].message


def test_a_message_with_one_element_needs_no_name(outbox):
    [item] = items(BUS.message(b"1"), [Element(BAD, None)], lambda element: element.content, outbox.new_guid, NOON)

    assert item.message is None
