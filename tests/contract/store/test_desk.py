"""What people's work on incidents needs of a transaction: merges, links, notes, references, answers, leases of their own."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from axion_bus.domain.communication import CommunicationStatus
from axion_bus.domain.incident import CloseReason, IncidentStatus, TimelineEntry, TimelineEvent
from axion_bus.domain.note import Note, NoteType
from axion_bus.domain.routing import NotifyCode
from axion_bus.ports import Link
from tests.builders import an_incident
from tests.contract.store.scenes import LEASE, a_message, a_record, an_event, claim, look, outbox_row, queue, save
from tests.fakes import NOON

MERGED = {"status": IncidentStatus.CLOSED, "closed_at": NOON, "close_reason": CloseReason.MERGED}


async def ask(store, method, *arguments):
    """What the transaction's ``method`` gives."""
    return await store.write(lambda transaction: getattr(transaction, method)(*arguments))


async def test_a_merged_incident_s_key_leads_to_where_it_went(store):
    target = an_incident(guid="target", correlation_key="t")
    await save(store, new_incidents=[target, an_incident(guid="source", correlation_key="s", merged_into="target", **MERGED)])

    assert {"s": target} == dict(await ask(store, "merge_targets", ["s", "t", "x"]))


async def test_a_merged_incident_s_key_leads_nowhere_when_its_target_is_closed(store):
    closed = {**MERGED, "close_reason": CloseReason.RESOLVED}
    await save(
        store,
        new_incidents=[
            an_incident(guid="target", **closed),
            an_incident(guid="source", correlation_key="s", merged_into="target", **MERGED),
        ],
    )

    assert {} == dict(await ask(store, "merge_targets", ["s"]))


async def test_of_several_merges_of_a_key_the_last_one_leads(store):
    targets = [an_incident(guid=guid) for guid in "ab"]
    first = an_incident(guid="1", correlation_key="s", merged_into="b", **{**MERGED, "closed_at": NOON.replace(hour=1)})
    last = an_incident(guid="2", correlation_key="s", merged_into="a", **{**MERGED, "closed_at": NOON.replace(hour=2)})
    await save(store, new_incidents=[*targets, last, first])

    assert {"s": targets[0]} == dict(await ask(store, "merge_targets", ["s"]))


async def test_the_alerts_of_an_incident_are_those_linked_to_it(store):
    links = [Link("a", "1", NOON), Link("a", "2", NOON), Link("b", "3", NOON)]
    await save(store, new_incidents=[an_incident(guid=guid) for guid in "ab"], links=links)

    assert frozenset({"1", "2"}) == await ask(store, "linked_alerts", "a")


async def test_free_references_are_those_that_no_row_has(store):
    await save(store, communications=[a_message(short_ref="REF-1")])

    assert frozenset({"REF-2"}) == await ask(store, "free_references", ["REF-1", "REF-2"])


async def test_everything_of_one_incident_can_be_given_to_another(store):
    note = Note(incident_guid="source", type=NoteType.GENERAL, content="seen", by="ann", at=NOON)
    entry = TimelineEntry(incident_guid="source", event=TimelineEvent.CREATED, description="created", by="ann", at=NOON)
    await save(
        store,
        new_alerts=[a_record("a", incident_guid="source"), a_record("b", incident_guid="else")],
        new_incidents=[
            *(an_incident(guid=guid) for guid in ("source", "target", "else")),
            an_incident(guid="older", merged_into="source", **MERGED),
        ],
        links=[Link("source", "both", NOON), Link("target", "both", NOON), Link("source", "one", NOON), Link("else", "x", NOON)],
        notes=[note],
        timeline=[entry],
        communications=[a_message(guid="said", incident_guid="source"), an_event("source", 1, guid="told")],
    )

    await ask(store, "move_belongings", "source", "target")

    assert [("alert-a", "target"), ("alert-b", "else")] == await look(
        store, "SELECT AlertGuid, IncidentGuid FROM data_alert ORDER BY AlertGuid"
    )
    assert [("else", "x"), ("target", "both"), ("target", "one")] == await look(
        store, "SELECT IncidentGuid, AlertGuid FROM data_incident_alert ORDER BY IncidentGuid, AlertGuid"
    )
    assert [("target", "seen")] == await look(store, "SELECT IncidentGuid, Content FROM data_incident_note")
    assert [("target", "created")] == await look(store, "SELECT IncidentGuid, Description FROM data_incident_timeline")
    assert [("said", "target"), ("told", "source")] == await look(
        store, "SELECT CommunicationGuid, IncidentGuid FROM data_incident_communication ORDER BY CommunicationGuid"
    )
    assert [("target",)] == await look(store, "SELECT MergedInto FROM data_incident WHERE IncidentGuid = 'older'")


async def test_rows_that_were_just_written_can_be_kept_for_whoever_sends_them(store):
    event = an_event(None, None)
    await queue(store, event)

    await ask(store, "lease", [event.guid], "me", NOON + LEASE)

    assert ("PENDING", 0, 0, "me", 0, None) == await outbox_row(store, event.guid)
    assert [] == list(await claim(store))


@pytest.mark.parametrize("key", ["unknown", "alert"])
async def test_what_was_no_command_has_no_answer(store, key):
    await save(store, communications=[a_message(ingest_key="alert", status=CommunicationStatus.RECEIVED)])

    assert await ask(store, "answer_to", key) is None


async def test_a_command_s_answer_is_found_by_the_command_s_key(store):
    answer = an_event(None, None, message='{"status":"ok"}')
    command = a_message(ingest_key="command", metadata={"reason": "accepted", "response": answer.guid})
    await save(store, communications=[command, answer])

    assert '{"status":"ok"}' == await ask(store, "answer_to", "command")


async def define(store, **columns):
    """A row of def_notify, as a person writes it."""
    names, marks = ", ".join(columns), ", ".join(f":{name}" for name in columns)

    async def work(transaction):
        await transaction.connection.execute(text(f"INSERT INTO def_notify ({names}) VALUES ({marks})"), columns)

    await store.write(work)


async def test_a_notify_code_needs_three_columns(store):
    await define(store, NotifyCode="LOUD", NotifyName="Wake everybody", NotifyChannels="PAGERDUTY, sms")

    assert {"LOUD": NotifyCode(code="LOUD", channels=("PAGERDUTY", "SMS"))} == await ask(store, "notify_codes", ["LOUD", "OTHER"])


async def test_a_notify_code_may_have_templates_and_recipients(store):
    await define(
        store,
        NotifyCode="LOUD",
        NotifyName="Wake everybody",
        NotifyChannels="SLACK",
        Title="{incident_title} ☎",
        Template="{incident_description}",
        Recipients='{"slack": ["#ops", "#büro"]}',
    )

    expected = NotifyCode(
        code="LOUD",
        channels=("SLACK",),
        title="{incident_title} ☎",
        template="{incident_description}",
        recipients={"SLACK": ("#ops", "#büro")},
    )
    assert {"LOUD": expected} == await ask(store, "notify_codes", ["LOUD"])


@pytest.mark.parametrize("recipients", ['["#ops"]', '{"SLACK": "#ops"}', "null"])
async def test_recipients_that_are_written_otherwise_are_a_fault_and_no_error(store, recipients):
    await define(store, NotifyCode="LOUD", NotifyName="x", NotifyChannels="SLACK", Recipients=recipients)

    code = (await ask(store, "notify_codes", ["LOUD"]))["LOUD"]

    assert (("SLACK",), {}, True) == (code.channels, dict(code.recipients), "not written like" in (code.fault or ""))


async def test_recipients_that_are_no_json_are_a_fault_and_no_error(sqlite_store):
    await define(sqlite_store, NotifyCode="LOUD", NotifyName="x", NotifyChannels="SLACK", Recipients="#ops")

    assert "not written like" in ((await ask(sqlite_store, "notify_codes", ["LOUD"]))["LOUD"].fault or "")
