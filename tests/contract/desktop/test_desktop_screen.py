"""What a person sees and says: notifications that follow their incidents, buttons that answer, servers of every kind."""

from __future__ import annotations

import pytest
from dbus_next.signature import Variant

from axion_bus.domain.alert import Severity
from axion_bus.domain.incident import IncidentStatus
from tests.desktop import a_view, guid
from tests.servers.bus1 import Bus1
from tests.servers.notifications import NAME, PATH, NotificationServer

INVESTIGATING, CLOSED = IncidentStatus.INVESTIGATING, IncidentStatus.CLOSED
pytestmark = pytest.mark.usefixtures("desktop")


async def shown(bus1, server, view):
    await bus1.created(view)
    await server.until(lambda: any(view.title in each for each in server.summaries), f"{view.title} is seen")
    return next(each for each in server.seen.values() if view.title in each.summary)


async def put_away(bus1, server, number):
    """And wait until the desktop knows: it withdraws another one only after it has read what the server said before."""
    server.put_away(number)
    await shown(bus1, server, a_view(98))
    await bus1.closed(a_view(98, status=CLOSED, version=2))
    await server.until(lambda: "HIGH: Incident 98" not in server.summaries)


async def test_an_incident_that_is_opened_is_seen(bus1, server):
    seen = await shown(bus1, server, a_view(1, title="Database down", severity=Severity.CRITICAL))

    assert ("CRITICAL: Database down", 2, 0) == (seen.summary, seen.urgency, seen.expire_ms)
    assert ("acknowledge", "Acknowledge", "close", "Close") == seen.actions


async def test_a_change_replaces_the_same_notification(bus1, server):
    first = await shown(bus1, server, a_view(1))
    await bus1.changed(a_view(1, title="Worse", severity=Severity.CRITICAL, version=2), "severity-changed")
    await server.until(lambda: server.summaries == ["CRITICAL: Worse"])

    assert [first.number] == list(server.seen)


async def test_what_somebody_else_acknowledges_is_withdrawn(bus1, server):
    await shown(bus1, server, a_view(1))
    await bus1.changed(a_view(1, status=INVESTIGATING, version=2))
    await server.until(lambda: not server.seen)

    assert [] == bus1.asked


async def test_what_somebody_else_closes_is_withdrawn(bus1, server):
    await shown(bus1, server, a_view(1))
    await bus1.closed(a_view(1, status=CLOSED, version=2))

    await server.until(lambda: not server.seen)


async def test_what_is_opened_and_closed_at_once_leaves_nothing(bus1, server):
    for number in range(1, 30):
        await bus1.created(a_view(number))
        await bus1.closed(a_view(number, status=CLOSED, version=2))
    await shown(bus1, server, a_view(99))
    await server.until(lambda: len(server.seen) == 1)

    assert "HIGH: Incident 99" == server.only.summary


@pytest.mark.parametrize(
    ("button", "call"),
    [
        ("acknowledge", ("Acknowledge", ["ann"])),
        ("close", ("Close", ["Closed on the desktop of ann", "", "ann"])),
    ],
)
async def test_a_button_calls_the_daemon_in_the_persons_name(bus1, server, button, call):
    bus1.opened[guid(1)] = a_view(1)
    seen = await shown(bus1, server, a_view(1))
    server.click(seen.number, button)
    await bus1.until(lambda: bus1.asked)

    assert [call] == bus1.asked


async def test_a_server_that_leaves_it_open_after_a_click_is_told_to_close_it(bus1, server):
    bus1.opened[guid(1)] = a_view(1)
    seen = await shown(bus1, server, a_view(1))
    server.click(seen.number, "acknowledge", closes=False)
    await server.until(lambda: not server.seen)

    assert [("Acknowledge", ["ann"])] == await bus1.until(lambda: bus1.asked)


async def test_an_answer_that_is_refused_brings_the_notification_back_with_the_reason(bus1, server):
    bus1.opened[guid(1)] = a_view(1)
    bus1.refusal = "org.axion.Bus1.Error.AccessDenied"
    seen = await shown(bus1, server, a_view(1))
    server.click(seen.number, "acknowledge")
    await server.until(lambda: len(server.seen) == 2)

    bodies = {each.summary: each.body for each in server.seen.values()}
    assert {"HIGH: Incident 1", "Could not acknowledge: Incident 1"} == bodies.keys()
    assert "that is not to be" == bodies["Could not acknowledge: Incident 1"]


async def test_what_is_put_away_stays_away(bus1, server):
    seen = await shown(bus1, server, a_view(1))
    await put_away(bus1, server, seen.number)
    await bus1.changed(a_view(1, title="Incident 1, again", version=2), "alert-linked")
    await shown(bus1, server, a_view(2))

    assert ["HIGH: Incident 2"] == server.summaries


async def test_a_reminder_of_a_notify_code_brings_it_back(bus1, server):
    seen = await shown(bus1, server, a_view(1))
    await put_away(bus1, server, seen.number)
    await bus1.recorded(occasion="reminder", subject="Still open", text="please look", severity="HIGH", incident_guid=guid(1))
    await server.until(lambda: server.seen)

    assert ("HIGH: Incident 1", "DATABASE\nplease look") == (server.only.summary, server.only.body)


async def test_markup_in_an_incident_does_nothing(bus1, server):
    seen = await shown(bus1, server, a_view(1, description="<img src='file:///etc/passwd'/> <a href='x'>y</a> & z"))

    assert "DATABASE\n&lt;img src='file:///etc/passwd'/&gt; &lt;a href='x'&gt;y&lt;/a&gt; &amp; z" == seen.body


async def test_another_program_on_the_session_bus_presses_no_button(bus1, server, session_bus):
    bus1.opened[guid(1)] = a_view(1)
    seen = await shown(bus1, server, a_view(1))
    async with Bus1(session_bus.address) as intruder:
        signal = (PATH, NAME, "ActionInvoked", "us", [seen.number, "close"])
        await intruder.emit(*signal)
        await intruder.emit(*signal, to=server.callers[0])
    server.click(seen.number, "acknowledge")
    await bus1.until(lambda: bus1.asked)

    assert [("Acknowledge", ["ann"])] == bus1.asked


async def test_another_program_on_the_daemons_bus_shows_nothing(bus1, server, system_bus):
    async with NotificationServer(system_bus.address) as intruder:
        fields = {"incident_guid": guid(7), "title": "Not so", "status": "CREATED", "severity": "CRITICAL"}
        told = {name: Variant("s", value) for name, value in fields.items()}
        signal = ("/org/axion/Bus1", "org.axion.Bus1.Manager", "IncidentCreated", "sa{sv}", [guid(7), told])
        await intruder.emit(*signal)
        await intruder.emit(*signal, to=bus1.callers[0])
    await shown(bus1, server, a_view(1))

    assert ["HIGH: Incident 1"] == server.summaries
