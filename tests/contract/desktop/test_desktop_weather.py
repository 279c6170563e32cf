"""Daemons, buses and notification servers come and go; the screen shows what is so, and never too much."""

from __future__ import annotations

import asyncio

import pytest
from dbus_next.message import Message

from axion_bus.domain.alert import Severity
from axion_bus.domain.incident import IncidentStatus
from tests.contract.desktop.conftest import running_desktop
from tests.desktop import a_view, guid
from tests.servers.bus1 import Bus1
from tests.servers.notifications import NotificationServer

CLOSED = IncidentStatus.CLOSED


async def test_what_is_open_at_the_start_is_seen(system_bus, session_bus, server):
    in_work = a_view(2, status=IncidentStatus.INVESTIGATING)
    async with Bus1(system_bus.address, a_view(1), in_work, a_view(3)), running_desktop(system_bus, session_bus):
        await server.until(lambda: len(server.seen) == 2)

    assert [1, 2] == server.numbers


async def test_what_is_shown_is_withdrawn_when_the_desktop_ends(system_bus, session_bus, server):
    async with Bus1(system_bus.address, a_view(1)), running_desktop(system_bus, session_bus):
        await server.until(lambda: server.seen)

    assert {} == server.seen


async def test_a_daemon_that_comes_later_is_asked_then(system_bus, session_bus, server):
    async with running_desktop(system_bus, session_bus):
        await server.until(lambda: server.calls)
        async with Bus1(system_bus.address, a_view(1)):
            await server.until(lambda: server.seen)

    assert [1] == server.numbers


async def test_what_happened_while_the_daemon_was_away_is_seen_when_it_is_back(system_bus, session_bus, server):
    async with running_desktop(system_bus, session_bus):
        async with Bus1(system_bus.address, a_view(1), a_view(2)):
            await server.until(lambda: len(server.seen) == 2)
        async with Bus1(system_bus.address, a_view(2), a_view(3)):
            await server.until(lambda: server.summaries == ["HIGH: Incident 2", "HIGH: Incident 3"])

    assert [1, 2, 3] == server.numbers


async def test_objects_that_appear_late_are_seen_and_those_that_go_are_withdrawn(system_bus, session_bus, server):
    async with Bus1(system_bus.address) as bus1, running_desktop(system_bus, session_bus):
        await bus1.until(lambda: bus1.calls)
        await bus1.added(a_view(1))
        await server.until(lambda: server.seen)
        await bus1.removed(guid(1))

        await server.until(lambda: not server.seen)


async def test_an_answer_while_the_daemon_is_away_says_so(system_bus, session_bus, server):
    async with running_desktop(system_bus, session_bus):
        async with Bus1(system_bus.address, a_view(1)):
            await server.until(lambda: server.seen)
        server.click(server.only.number, "acknowledge")
        await server.until(lambda: len(server.seen) == 2)

        assert ["HIGH: Incident 1", "Could not acknowledge: Incident 1"] == server.summaries


async def test_the_daemons_bus_may_be_restarted(system_bus, session_bus, server):
    async with running_desktop(system_bus, session_bus):
        async with Bus1(system_bus.address, a_view(1)):
            await server.until(lambda: server.seen)
            await asyncio.to_thread(system_bus.kill)
        await asyncio.to_thread(system_bus.start)
        async with Bus1(system_bus.address, a_view(1), a_view(2)) as bus1:
            await server.until(lambda: len(server.seen) == 2)
            server.click(1, "acknowledge")
            await bus1.until(lambda: bus1.asked)

            assert [("Acknowledge", ["ann"])] == bus1.asked


async def test_the_sessions_bus_may_be_restarted(system_bus, session_bus, server):
    async with Bus1(system_bus.address, a_view(1)) as bus1, running_desktop(system_bus, session_bus):
        await server.until(lambda: server.seen)
        await asyncio.to_thread(session_bus.kill)
        await asyncio.to_thread(session_bus.start)
        async with NotificationServer(session_bus.address, first=70) as another:
            await another.until(lambda: another.seen)
            another.click(70, "acknowledge")
            await bus1.until(lambda: bus1.asked)

            assert [("Acknowledge", ["ann"])] == bus1.asked


async def test_another_notification_server_gets_everything_anew(system_bus, session_bus):
    async with Bus1(system_bus.address, a_view(1), a_view(2)), running_desktop(system_bus, session_bus):
        async with NotificationServer(session_bus.address) as first:
            await first.until(lambda: len(first.seen) == 2)
        async with NotificationServer(session_bus.address, first=70) as second:
            await second.until(lambda: len(second.seen) == 2)

            assert [70, 71] == second.numbers


async def test_ids_of_a_server_that_is_gone_mean_nothing_to_the_next(system_bus, session_bus):
    async with Bus1(system_bus.address, a_view(1), a_view(2)) as bus1, running_desktop(system_bus, session_bus):
        async with NotificationServer(session_bus.address) as first:
            await first.until(lambda: len(first.seen) == 2)
        async with NotificationServer(session_bus.address, first=2) as second:
            await second.until(lambda: len(second.seen) == 2)
            await bus1.closed(a_view(1, status=CLOSED, version=2))
            await second.until(lambda: len(second.seen) == 1)

            assert {3: "HIGH: Incident 2"} == {number: each.summary for number, each in second.seen.items()}


async def test_a_server_with_other_capabilities_is_told_in_its_way(system_bus, session_bus):
    story = a_view(1, description="a < b")
    async with Bus1(system_bus.address, story), running_desktop(system_bus, session_bus):
        async with NotificationServer(session_bus.address) as first:
            await first.until(lambda: first.seen)
            rich = first.only
        async with NotificationServer(session_bus.address, capabilities=["body"]) as second:
            await second.until(lambda: second.seen)
            plain = second.only

    assert ("DATABASE\na &lt; b", 4) == (rich.body, len(rich.actions))
    assert ("DATABASE\na < b", 0) == (plain.body, len(plain.actions))


async def test_a_server_that_is_silent_for_a_while_is_tried_again(system_bus, session_bus, server):
    server.is_silent = True
    async with Bus1(system_bus.address, a_view(1)), running_desktop(system_bus, session_bus, answer_s=0.1, again_s=0.05):
        await server.until(lambda: len(server.calls) >= 2)
        server.is_silent = False
        await server.until(lambda: server.seen)

        assert "HIGH: Incident 1" == server.only.summary


async def test_what_a_server_refuses_stops_nothing_else_and_is_offered_again_when_it_changes(system_bus, session_bus, server):
    server.refuses = lambda summary: summary == "HIGH: Incident 1"
    async with Bus1(system_bus.address, a_view(1), a_view(2)) as bus1, running_desktop(system_bus, session_bus):
        await server.until(lambda: server.seen)
        first = server.summaries
        await bus1.changed(a_view(1, title="Changed", version=2))
        await server.until(lambda: len(server.seen) == 2)

        assert (["HIGH: Incident 2"], ["HIGH: Incident 2", "HIGH: Changed"]) == (first, server.summaries)


async def test_what_had_to_make_room_comes_back_when_there_is_room(system_bus, session_bus, server):
    async with Bus1(system_bus.address, a_view(1)) as bus1, running_desktop(system_bus, session_bus, limit=1):
        await server.until(lambda: server.seen)
        await bus1.created(a_view(2, severity=Severity.CRITICAL))
        await server.until(lambda: server.summaries == ["CRITICAL: Incident 2", "1 more open incident"])
        await bus1.closed(a_view(2, status=CLOSED, version=2))

        await server.until(lambda: server.summaries == ["HIGH: Incident 1"])


async def test_what_comes_just_as_it_is_looked_for_is_met(system_bus, session_bus):
    for _ in range(20):
        async with (
            running_desktop(system_bus, session_bus),
            NotificationServer(session_bus.address) as server,
            Bus1(system_bus.address, a_view(1)),
        ):
            await server.until(lambda: server.seen)


async def test_a_storm_never_fills_the_screen(system_bus, session_bus, server):
    async with Bus1(system_bus.address) as bus1, running_desktop(system_bus, session_bus, limit=3):
        await bus1.until(lambda: bus1.calls)
        for number in range(1, 301):
            await bus1.created(a_view(number, severity=Severity.CRITICAL if number == 300 else Severity.HIGH))
        await server.until(lambda: "297 more open incidents" in server.summaries)
        await server.until(lambda: "CRITICAL: Incident 300" in server.summaries)
        seen = list(server.seen.values())

    assert {"CRITICAL: Incident 300", "HIGH: Incident 1", "HIGH: Incident 2", "297 more open incidents"} == {
        each.summary for each in seen
    }
    assert server.most <= 4


@pytest.mark.parametrize(("signature", "body"), [("", []), ("s", ["x"]), ("uu", [1, 2])])
async def test_a_server_that_answers_oddly_is_taken_for_one_that_refuses(system_bus, session_bus, server, signature, body):
    as_it_should, odd = server.answer, {1: True}

    def answer(call):
        if call.member == "Notify" and odd.pop(1, False):
            return Message.new_method_return(call, signature, body)
        return as_it_should(call)

    server.answer = answer
    async with Bus1(system_bus.address, a_view(1), a_view(2)), running_desktop(system_bus, session_bus):
        await server.until(lambda: server.seen)

        assert ["HIGH: Incident 2"] == server.summaries


@pytest.mark.parametrize(
    ("signature", "body"),
    [("", []), ("s", ["x"]), ("a{ss}", [{"a": "b"}]), ("a{oa{sa{sv}}}", [{"/a": {"org.axion.Bus1.Incident": {}}}])],
)
async def test_a_daemon_that_answers_oddly_ends_nothing(system_bus, session_bus, server, signature, body):
    async with Bus1(system_bus.address) as bus1, running_desktop(system_bus, session_bus):
        bus1.answer = lambda call: Message.new_method_return(call, signature, body)
        await bus1.until(lambda: bus1.calls)
        await bus1.created(a_view(1))
        await server.until(lambda: server.seen)

        assert ["HIGH: Incident 1"] == server.summaries
