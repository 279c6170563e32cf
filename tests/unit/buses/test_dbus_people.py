"""A message of a notify code as a signal: what the outbox writes is what a desktop reads."""

from __future__ import annotations

from axion_bus.buses.dbus.people import signal_to
from axion_bus.buses.dbus.values import plain
from axion_bus.desktop.views import LetterView, letter
from axion_bus.domain.alert import Severity
from axion_bus.domain.communication import Channel
from axion_bus.domain.routing import EVERY_DESKTOP, NotifyCode
from axion_bus.pipeline.notifications import Notifications
from axion_bus.pipeline.wording import Reach
from tests.builders import an_incident
from tests.fakes import NOON, MemoryStore

GUID = "0b0b0b0b-0000-4000-8000-000000000001"
CODE = NotifyCode(code="DESK", channels=(Channel.DBUS,))


async def rows(reach, code=CODE):
    notifications = Notifications(new_guid=lambda _now: "row-1", reach=reach)
    incident = an_incident(guid=GUID, title="Disk full", severity=Severity.CRITICAL, description="web-3")
    drafts = notifications.drafts(incident, "DESK", code, occasion="reminder")
    return await MemoryStore().write(lambda transaction: notifications.rows(transaction, drafts, NOON))


async def test_a_desktop_reads_what_the_outbox_wrote():
    (row,) = await rows({Channel.DBUS: Reach(recipients=(EVERY_DESKTOP,))})
    signal = signal_to(row.recipient, row.message.encode())

    reference, fields = signal.body
    read = letter(reference, plain(fields))
    assert read is not None
    assert "web-3" in read.text
    assert read == LetterView(
        reference=row.short_ref,
        recipient="desktop",
        occasion="reminder",
        subject="[CRITICAL] Disk full (CREATED)",
        text=read.text,
        severity=Severity.CRITICAL,
        incident_guid=GUID,
    )


async def test_the_signal_is_the_managers():
    (row,) = await rows({Channel.DBUS: Reach(recipients=("ann",))})
    signal = signal_to(row.recipient, row.message.encode())

    assert ("/org/axion/Bus1", "org.axion.Bus1.Manager", "CommunicationRecorded", "sa{sv}") == (
        signal.path,
        signal.interface,
        signal.member,
        signal.signature,
    )


async def test_where_the_bus_is_off_the_row_says_so():
    (row,) = await rows({})

    assert ("FAILED", "channel DBUS is not configured: [dbus] bus is off") == (row.status, row.error_message)
