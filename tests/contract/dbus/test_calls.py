"""What is called becomes what is recorded, and what became of it the answer, once and in time."""

from __future__ import annotations

import asyncio
import json
import os

import pytest
from dbus_next.constants import MessageFlag
from dbus_next.message import Message
from dbus_next.signature import Variant

from axion_bus.buses.dbus.link import DbusRefused
from axion_bus.buses.dbus.tree import path_of
from axion_bus.buses.dbus.values import plain
from axion_bus.domain.communication import Channel, Fault
from axion_bus.ports import Outcome
from tests.builders import an_incident
from tests.contract.dbus.served import BUS_ERROR, GUID, INCIDENT, MANAGER, NAME, PROPERTIES, ROOT, SUBMIT, US, Client, Served


@pytest.fixture
async def client(parties):
    return Client(await parties.join())


@pytest.fixture
async def station(dbus):
    async with Served(dbus.address, incidents=[an_incident(guid=GUID, title="Disk full")]) as station:
        yield await station.connected()


def answer(data=None, *, code=None):
    error = None if code is None else {"code": code, "message": "because"}
    return Outcome("REF", answer={"status": "error" if code else "ok", "data": data, "error": error, "transaction": None})


async def test_an_alert_is_recorded_as_it_came_with_who_sent_it(station, client):
    client.submit()

    [received] = await station.got(1)
    assert (Channel.DBUS, ROOT, b'{"title": "Disk full"}', None) == (
        received.channel, received.address, received.body, received.request,
    )  # fmt: skip
    assert {"name": client.link.unique_name, "uid": os.geteuid(), "pid": os.getpid()} == received.sender


async def test_an_alert_is_answered_when_it_is_recorded_and_not_before(station, client):
    submitted = client.submit()
    await station.got(1)
    await client.call("org.freedesktop.DBus.Peer", "Ping")
    before = submitted.done()

    await station.answered(1, Outcome("REF", alert_guid="alert-a"))

    assert (False, ["alert-a"]) == (before, await submitted)


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([Outcome("REF")], [""]),
        ([Outcome("REF", alert_guid="a"), Outcome("REF", alert_guid="b")], ["a"]),
        ([Outcome("REF", error="bad_json at $: no")], f"{NAME}.Error.Invalid: bad_json at $: no"),
        (
            [Outcome("REF", alert_guid="a"), Outcome("REF", error="no title"), Outcome("REF", alert_guid="c")],
            f"{NAME}.Error.Invalid: 1 of 3 alerts were not accepted, 2 were: no title",
        ),
    ],
    ids=["resolves nothing", "a batch", "broken", "partly broken"],
)
async def test_what_became_of_alerts_is_the_answer(station, client, outcomes, expected):
    submitted = client.submit()

    await station.answered(1, *outcomes)

    (found,) = await asyncio.gather(submitted, return_exceptions=True)
    assert expected == (str(found) if isinstance(found, DbusRefused) else found)


@pytest.mark.parametrize(
    ("called", "verb", "arguments"),
    [
        (("CreateIncident", "a{sv}", [{"title": Variant("s", "T"), "alert_links": Variant("as", ["a"])}]), "create-incident",
         {"by": US, "title": "T", "alert_links": ["a"]}),
        (("CreateIncident", "a{sv}", [{"by": Variant("s", "ada")}]), "create-incident", {"by": "ada"}),
        (("UpdateStatus", "sss", ["g", "MONITORING", "ada"]), "update-status",
         {"incident_guid": "g", "new_status": "MONITORING", "by": "ada"}),
        (("AddNote", "ssss", ["g", "GENERAL", "seen", ""]), "add-note",
         {"incident_guid": "g", "note_type": "GENERAL", "content": "seen", "by": US}),
        (("CloseIncident", "ssss", ["g", "restarted", "", "ada"]), "close-incident",
         {"incident_guid": "g", "resolution_summary": "restarted", "by": "ada"}),
        (("LinkAlert", "ss", ["g", "a"]), "link-alert", {"incident_guid": "g", "alert_guid": "a", "by": US}),
        (("MergeIncidents", "sss", ["g", "h", "ada"]), "merge-incidents",
         {"source_incident_guid": "g", "target_incident_guid": "h", "by": "ada"}),
        (("Notify", "ss", ["g", "CODE"]), "notify", {"incident_guid": "g", "notify_code": "CODE", "by": US}),
        (("GetIncident", "s", ["g"]), "get-incident", {"incident_guid": "g", "by": US}),
        (("ListIncidents", "a{sv}", [{"limit": Variant("u", 3)}]), "list-incidents", {"limit": 3, "by": US}),
        (("LookupRef", "s", ["REF-1"]), "lookup-ref", {"short_ref": "REF-1", "by": US}),
    ],
)  # fmt: skip
async def test_a_method_of_the_manager_is_a_command(station, client, called, verb, arguments):
    client.call(MANAGER, *called)

    [received] = await station.got(1)
    assert (verb, ROOT, arguments) == (received.request, received.address, json.loads(received.body))


@pytest.mark.parametrize(
    ("called", "verb", "arguments"),
    [
        (("Acknowledge", "s", ["ada"]), "acknowledge", {"by": "ada"}),
        (("UpdateStatus", "ss", ["CLOSED", ""]), "update-status", {"new_status": "CLOSED", "by": US}),
        (("AddNote", "sss", ["GENERAL", "seen", "ada"]), "add-note", {"note_type": "GENERAL", "content": "seen", "by": "ada"}),
        (("Close", "sss", ["", "disk", "ada"]), "close-incident", {"root_cause": "disk", "by": "ada"}),
    ],
)  # fmt: skip
async def test_a_method_of_an_incident_is_a_command_about_it(station, client, called, verb, arguments):
    client.call(INCIDENT, *called, path=path_of(GUID))

    [received] = await station.got(1)
    assert (verb, path_of(GUID)) == (received.request, received.address)
    assert {"incident_guid": GUID, **arguments} == json.loads(received.body)


@pytest.mark.parametrize(
    ("called", "data", "expected"),
    [
        (("CreateIncident", "a{sv}", [{}]), {"incident_guid": "g", "title": "T"}, ["g"]),
        (("UpdateStatus", "sss", ["g", "CLOSED", ""]), {"incident_guid": "g"}, []),
        (("Notify", "ss", ["g", "CODE"]), {"sent": 0, "failed": 1, "pending": 2}, [{"sent": 0, "failed": 1, "pending": 2}]),
        (("GetIncident", "s", ["g"]), {"title": "T", "closed_at": None, "labels": {"a": [1, 2.5, True]}},
         [{"title": "T", "labels": {"a": [1, 2.5, True]}}]),
        (("ListIncidents", "a{sv}", [{}]), [{"title": "T"}, {"title": "U"}], [[{"title": "T"}, {"title": "U"}]]),
        (("ListIncidents", "a{sv}", [{}]), [], [[]]),
        (("LookupRef", "s", ["REF"]), {"short_ref": "REF"}, [{"short_ref": "REF"}]),
    ],
)  # fmt: skip
async def test_a_command_is_answered_with_what_it_gives_back(station, client, called, data, expected):
    waiting = client.call(MANAGER, *called)

    await station.answered(1, answer(data))

    assert expected == plain(await waiting)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (answer(code="not_found"), f"{NAME}.Error.NotFound"),
        (answer(code="invalid_transition"), f"{NAME}.Error.InvalidTransition"),
        (answer(code="conflict"), f"{NAME}.Error.InvalidTransition"),
        (answer(code="invalid"), f"{NAME}.Error.Invalid"),
        (answer(code="refused"), f"{NAME}.Error.Invalid"),
        (answer(code="unheard_of"), f"{BUS_ERROR}.Failed"),
        (answer(None), f"{NAME}.Error.NotFound"),
        (answer("no fields"), f"{BUS_ERROR}.Failed"),
        (Outcome("REF", error="internal: our fault"), f"{BUS_ERROR}.Failed"),
    ],
)
async def test_a_command_that_is_refused_is_answered_with_the_error(station, client, outcome, expected):
    refused = asyncio.ensure_future(client.refused(MANAGER, "GetIncident", "s", ["g"]))

    await station.answered(1, outcome)

    assert expected == await refused


async def test_what_is_not_recorded_in_time_is_answered_busy_and_not_again(dbus, client):
    async with Served(dbus.address, answer_within_s=0.05) as station:
        await station.connected()

        refused = await client.refused(MANAGER, *SUBMIT)
        await station.answered(1, Outcome("REF", alert_guid="late"))

        replies = [each.error_name for each in station.wire.sent if each.destination]
        assert (f"{NAME}.Error.Busy", [f"{NAME}.Error.Busy"]) == (refused, replies)


async def test_its_state_is_busy_from_the_first_call_that_took_too_long_until_one_is_recorded(dbus, client):
    async with Served(dbus.address, answer_within_s=0.05) as station:
        await station.connected()

        await client.refused(MANAGER, *SUBMIT)
        late = await client.call(PROPERTIES, "Get", "ss", [MANAGER, "State"])
        await station.answered(1, Outcome("REF", alert_guid="late"))
        recorded = await client.call(PROPERTIES, "Get", "ss", [MANAGER, "State"])

    assert ["busy", "running"] == [late[0].value, recorded[0].value]


async def test_while_it_is_busy_commands_are_answered_so_and_questions_are_answered(station, client):
    station.bus.service.is_busy = True

    refused = await client.refused(MANAGER, *SUBMIT)
    [state] = await client.call(PROPERTIES, "Get", "ss", [MANAGER, "State"])

    assert (f"{NAME}.Error.Busy", "busy", []) == (refused, state.value, station.received)
    station.bus.service.is_busy = False
    assert "running" == (await client.call(PROPERTIES, "Get", "ss", [MANAGER, "State"]))[0].value


@pytest.mark.parametrize(("called", "verb"), [(("Submit", "s", ["{}"]), "submit"), (("GetIncident", "s", ["g"]), "get-incident")])
async def test_who_may_not_call_is_told_so_and_is_on_record(dbus, client, called, verb):
    async with Served(dbus.address, allowed_uids={verb: [4711]}) as station:
        await station.connected()

        refused = await client.refused(MANAGER, *called)

        [received] = station.received
        assert (f"{NAME}.Error.AccessDenied", Fault.ACCESS_DENIED) == (refused, received.refusal.fault)
        assert (verb, os.geteuid(), called[-1]) == (received.request, received.sender["uid"], json.loads(received.body))


async def test_of_very_many_refusals_only_some_are_recorded(dbus, client):
    async with Served(dbus.address, allowed_uids={"submit": [4711]}) as station:
        await station.connected()

        refused = await asyncio.gather(*(client.refused(MANAGER, *SUBMIT) for _ in range(100)))

        assert ({f"{NAME}.Error.AccessDenied"}, 60) == (set(refused), len(station.received))


@pytest.mark.parametrize(("signature", "body"), [("", []), ("i", [1]), ("ss", ["a", "b"]), ("as", [["a"]]), ("a{sv}", [{}])])
async def test_a_command_with_other_arguments_is_refused_and_on_record(station, client, signature, body):
    refused = await client.refused(MANAGER, "Submit", signature, body)

    [received] = station.received
    assert (f"{BUS_ERROR}.InvalidArgs", Fault.WRONG_TYPE, body) == (refused, received.refusal.fault, json.loads(received.body))


async def test_a_message_that_is_too_large_is_refused_and_on_record(dbus, client):
    async with Served(dbus.address, max_payload_bytes=1024) as station:
        await station.connected()

        refused = await client.refused(MANAGER, "Submit", "s", ["x" * 100_000])

        [received] = station.received
        assert (f"{NAME}.Error.Invalid", Fault.TOO_LARGE, b"") == (refused, received.refusal.fault, received.body)


async def test_whether_there_is_an_incident_the_database_knows_better_than_the_objects(station, client):
    client.call(INCIDENT, "Acknowledge", "s", ["ada"], path=path_of("f" * 32))

    [received] = await station.got(1)
    assert {"incident_guid": "ffffffff-ffff-ffff-ffff-ffffffffffff", "by": "ada"} == json.loads(received.body)


async def test_a_method_may_be_called_without_its_interface(station, client):
    submitted = client.call(None, "Submit", "s", ["{}"])

    await station.answered(1, Outcome("REF", alert_guid="alert-a"))

    assert ["alert-a"] == await submitted


async def test_who_wants_no_answer_is_heard_all_the_same(station, client):
    message = Message(destination=NAME, path=ROOT, interface=MANAGER, member="Submit", signature="s", body=["{}"])
    message.flags = MessageFlag.NO_REPLY_EXPECTED
    await client.link.send(message)

    await station.answered(1, Outcome("REF", alert_guid="alert-a"))

    assert ([b"{}"], []) == (station.bodies, [each for each in station.wire.sent if each.destination])


async def test_what_was_asked_on_an_earlier_connection_is_not_answered_on_this_one(dbus, parties, client, station):
    client.submit().add_done_callback(lambda called: called.exception())
    await station.got(1)
    dbus.kill()
    dbus.start()
    await station.connected(2)
    station.wire.sent.clear()

    await station.answered(1, Outcome("REF", alert_guid="alert-a"))

    assert [] == station.wire.sent
