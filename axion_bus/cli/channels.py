"""``axion-bus channels list|test``: which ways to reach people are configured, and whether one works."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click

from axion_bus.channels import configured
from axion_bus.cli.invocation import Invocation, common_options
from axion_bus.cli.managing import succeed
from axion_bus.cli.tables import table
from axion_bus.config import load
from axion_bus.config.dbus import BUS_NAME
from axion_bus.domain.communication import Channel as Name
from axion_bus.domain.routing import EVERY_DESKTOP
from axion_bus.errors import BusUnavailable, DeliveryFailed, NotFound
from axion_bus.ports import Letter

if TYPE_CHECKING:
    from axion_bus.config import Settings
    from axion_bus.ports import Channel

Row = dict[str, Any]


@click.group("channels")
@common_options
def command() -> None:
    """List the channels, or test one."""


@command.command("list")
@common_options
@click.pass_obj
def list_(invocation: Invocation) -> None:
    """List every channel, and whom it reaches."""
    settings = load(invocation.config)
    reached = {name: channel.recipients for name, channel in configured(settings.channels).items()}
    if settings.channels.mqtt is not None:
        reached[Name.MQTT] = [f"{settings.mqtt.base_topic}/notify/{name}" for name in settings.channels.mqtt.to]
    if settings.dbus.is_on:
        reached[Name.DBUS] = (EVERY_DESKTOP,)
    rows = [_row(name, reached.get(name)) for name in Name]
    succeed(invocation, rows, table(rows, ("Channel", "State", "Recipients"), "no channel"))


def _row(name: str, recipients: Any) -> Row:
    state = "off" if recipients is None else "configured"
    return {"Channel": str(name), "State": state, "Recipients": ", ".join(recipients or ())}


@command.command("test")
@click.argument("name", type=click.Choice([name for name in Name if name is not Name.MQTT], case_sensitive=False))
@click.option("--live", is_flag=True, help="Really send a message, marked as a test, to every recipient.")
@common_options
@click.pass_obj
def test(invocation: Invocation, *, name: str, live: bool) -> int:
    """Check that channel NAME is configured; with --live, send it a message that says that it is a test.

    What goes over D-Bus is the daemon's to send: with --live it is looked for there.
    """
    settings = load(invocation.config)
    if name == Name.DBUS:
        return _test_dbus(invocation, settings, live=live)
    channel = configured(settings.channels).get(name)
    if channel is None:
        raise NotFound(f"channel {name} is not configured: [channels.{name.lower()}] is missing")
    if not live:
        recipients = list(channel.recipients)
        text = f"{name} is configured and would reach {', '.join(recipients)}; --live sends a test message"
        succeed(invocation, {"channel": name, "recipients": recipients, "sent": False}, text)
        return 0
    rows = asyncio.run(_send(settings, channel))
    succeed(invocation, rows, table(rows, ("Recipient", "Result", "ExternalId", "Answer"), "nobody to send to"))
    return 0 if all(row["Result"] == "sent" for row in rows) else 1


def _test_dbus(invocation: Invocation, settings: Settings, *, live: bool) -> int:
    bus = settings.dbus.bus
    if not settings.dbus.is_on:
        raise NotFound('channel DBUS is not configured: [dbus] bus is "off"')
    if not live:
        text = f"DBUS is configured: desktops are told on the bus {bus}; --live looks for the daemon there"
        succeed(invocation, {"channel": Name.DBUS, "recipients": [EVERY_DESKTOP], "sent": False}, text)
        return 0
    owner = asyncio.run(_owner(bus))
    row = {"Recipient": EVERY_DESKTOP, "Result": "reached", "ExternalId": None, "Answer": f"{BUS_NAME} is {owner} on the bus {bus}"}
    succeed(invocation, [row], table([row], ("Recipient", "Result", "Answer"), ""))
    return 0


async def _owner(bus: str) -> str:
    from axion_bus.buses.dbus import link as dbus  # noqa: PLC0415 - a library is loaded only for what needs it

    link = await dbus.Link.open(bus, take=lambda _message: None)
    try:
        (owner,) = await link.call(dbus.BUS_NAME, dbus.BUS_PATH, dbus.BUS_NAME, "GetNameOwner", "s", [BUS_NAME])
    except dbus.DbusRefused as exc:
        raise BusUnavailable(f"nobody has the name {BUS_NAME} on the bus {bus}; does axion-bus run with this [dbus]?") from exc
    finally:
        await link.close()
    return str(owner)


async def _send(settings: Settings, channel: Channel) -> list[Row]:
    try:
        return [await _send_one(settings, channel, recipient) for recipient in channel.recipients]
    finally:
        await channel.close()


async def _send_one(settings: Settings, channel: Channel, recipient: str) -> Row:
    now = datetime.now(UTC)
    letter = Letter(
        guid=str(uuid4()),
        reference="TEST",
        recipient=recipient,
        subject=f"[TEST] axion-bus {settings.instance.name} can reach you",
        text=f"This is a test of {now:%Y-%m-%d %H:%M:%S} UTC. Nothing is wrong, and nothing need be done.\n",
        occasion="test",
        incident={"severity": "LOW", "package": "AXION-BUS", "created_at": now.isoformat()},
    )
    try:
        receipt = await channel.send(letter)
    except DeliveryFailed as exc:
        return {"Recipient": recipient, "Result": "failed", "ExternalId": None, "Answer": str(exc)}
    return {"Recipient": recipient, "Result": "sent", "ExternalId": receipt.external_id, "Answer": receipt.answer}
