"""What happens on one connection: the match rules, the owners of watched names, our own name; and what becomes of each message.

A signal goes to the source that it belongs to, a call to the service; before that it is known who sent it, and whether it may.
Used by ``bus``, which makes another one for the next connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from dbus_next.constants import MessageFlag, MessageType
from dbus_next.message import Message
from pydantic_core import to_json

from axion_bus.buses.dbus import values
from axion_bus.buses.dbus.confirm import Confirmations
from axion_bus.buses.dbus.link import BUS_NAME, BUS_PATH, DbusRefused, Link
from axion_bus.buses.dbus.signals import rule
from axion_bus.buses.dbus.trust import Door, Sender, refusal
from axion_bus.config import dbus as config
from axion_bus.domain.communication import Channel, Fault
from axion_bus.errors import BusUnavailable, StoreConflict, StoreUnavailable
from axion_bus.formats import Malformed
from axion_bus.ports import Received

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Collection, Sequence

    from axion_bus.buses.dbus.bus import Parts
    from axion_bus.buses.dbus.signals import Heard, SignalSource
    from axion_bus.formats.dbus_signal import Call, Wanted
    from axion_bus.ports import Outcome

log = structlog.get_logger()

_ENVELOPE_BYTES = 16 * 1024
"""What a message's body may be longer than the payload in it."""


class Session:
    """One connection, made by ``open``. ``parts`` is what all connections share; ``spawn`` runs what lasts as long as this one."""

    link: Link
    confirmations: Confirmations

    def __init__(self, parts: Parts, *, spawn: Callable[..., asyncio.Task[None]]) -> None:
        self._parts = parts
        self._spawn = spawn
        self._door = Door(spawn=spawn, drop=self._drop)
        self._owners: dict[str, str] = {}
        self._is_open = False
        senders = {wanted.sender for source in parts.sources for wanted in source.wanted}
        self._watched = {sender for sender in senders if sender is not None and not sender.startswith(":")} - {BUS_NAME}

    async def open(self) -> None:
        """Connect, and ask for all signals. Raises BusUnavailable."""
        parts = self._parts
        self.link = await Link.open(
            parts.dbus.bus,
            take=self._take,
            timeout_s=parts.patience.connect_s,
            max_body_bytes=parts.max_payload_bytes + _ENVELOPE_BYTES,
        )
        self._is_open = True
        self.confirmations = Confirmations(self.link, spawn=self._spawn)
        try:
            for text in self._rules():
                await self.link.add_match(text)
            for name in sorted(self._watched):
                await self._find_owner(name)
        except DbusRefused as exc:
            raise BusUnavailable(f"the bus {parts.dbus.bus} does not let us listen: {exc}") from exc

    async def close(self) -> None:
        """Leave the bus, if it was joined."""
        if self._is_open:
            await self.link.close()

    def prepare(self) -> None:
        """Make the calls that presets need; whoever is not there is asked when it comes."""
        for source in self._parts.sources:
            if source.calls:
                self._spawn(self._call_all(source, source.calls), name=f"dbus-calls {source.key}")

    def _rules(self) -> list[str]:
        owners = "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',member='NameOwnerChanged'"
        wanted = [rule(each) for source in self._parts.sources for each in source.wanted]
        watched = [f"{owners},arg0='{name}'" for name in sorted(self._watched)]
        return list(dict.fromkeys([*watched, *wanted]))

    async def _find_owner(self, name: str) -> None:
        try:
            (owner,) = await self.link.call(BUS_NAME, BUS_PATH, BUS_NAME, "GetNameOwner", "s", [name])
        except DbusRefused:
            return  # nobody has it now; NameOwnerChanged will tell
        self._owners[name] = owner

    async def _call_all(self, source: SignalSource, calls: Sequence[Call]) -> None:
        keys = await self._open_keys(source)  # before it is asked: what opens later is not for the answer to tell of
        for call in calls:
            try:
                answer = await self._call(call)
            except (BusUnavailable, DbusRefused) as exc:
                log.info(
                    "dbus_call_failed", source=source.key, destination=call.destination, member=call.member, error=str(exc)[:300]
                )
                continue
            if call.is_reading:
                self._read(source, call, answer, keys)

    async def _open_keys(self, source: SignalSource) -> Collection[str]:
        """The dedup keys of its alerts that are open; none, if the database is away."""
        roll_call, open_keys = source.roll_call, self._parts.open_keys
        if roll_call is None or open_keys is None:
            return ()
        try:
            return await open_keys(roll_call.prefix)
        except (StoreUnavailable, StoreConflict) as exc:
            log.warning("dbus_roll_call_waits", source=source.key, error=str(exc)[:300])
            return ()

    async def _call(self, call: Call) -> list[Any]:
        """Without starting the service: that it does not run is its own matter."""
        return await self.link.call(
            call.destination,
            call.path,
            call.interface,
            call.member,
            call.signature,
            call.arguments,
            timeout_s=self._parts.patience.answer_s,
            is_started=False,
        )

    def _read(self, source: SignalSource, call: Call, answer: list[Any], keys: Collection[str]) -> None:
        document = {
            "sender": call.destination,
            "path": call.path,
            "interface": call.interface,
            "member": call.member,
            "args": values.plain(answer),
        }
        sender: dict[str, str | int] = {"name": call.destination}
        try:
            read = [*source.read(document, is_reading=True), *source.absent(document, keys)]
        except Exception as exc:
            log.exception("dbus_answer_not_read", source=source.key, member=call.member)
            self._parts.refuse(_our_fault(exc), to_json(document), call.path, source.key, sender)
            return
        for heard in read:
            self._deliver(heard, source.key, call.path, sender)

    def _take(self, message: Message) -> None:
        """What the link hands on. Never raises."""
        if not self._is_open or message.sender == self.link.unique_name:
            return
        try:
            if message.message_type is MessageType.SIGNAL:
                self._take_signal(message)
            else:
                self._take_call(message)
        except Exception:
            log.exception("dbus_message_not_taken", sender=message.sender, interface=message.interface, member=message.member)

    def _take_signal(self, message: Message) -> None:
        if (message.sender, message.member) == (BUS_NAME, "NameOwnerChanged"):
            self._take_owner(*message.body)
        source, wanted = next(
            ((source, wanted) for source in self._parts.sources if (wanted := source.match(message, self._owners))), (None, None)
        )
        if source is None or wanted is None:
            return
        if self._parts.valve.is_overflowing:
            self._parts.valve.drop()
            return

        def take(message: Message, sender: Sender) -> None:
            self._hear(source, wanted, message, sender)

        self._door.admit(self.link, message, take)

    def _take_owner(self, name: str, _old: str, new: str) -> None:
        if name not in self._watched:
            return
        if not new:
            self._owners.pop(name, None)
            return
        self._owners[name] = new
        for source in self._parts.sources:
            calls = [call for call in source.calls if call.destination == name]
            if calls:
                self._spawn(self._call_all(source, calls), name=f"dbus-calls {source.key}")

    def _hear(self, source: SignalSource, wanted: Wanted, message: Message, sender: Sender) -> None:
        refused = refusal(sender, source.users, f"{message.interface}.{message.member}")
        told = sender.told(wanted.sender)
        if refused is not None:
            self._parts.refuse(refused, _body(message), message.path, source.key, told)
            return
        try:
            read = list(source.hear(message, wanted.sender or message.sender))
        except Exception as exc:
            log.exception("dbus_signal_not_read", source=source.key, interface=message.interface, member=message.member)
            self._parts.refuse(_our_fault(exc), _body(message), message.path, source.key, told)
            return
        for heard in read:
            self._deliver(heard, source.key, message.path, told)

    def _deliver(self, heard: Heard, key: str | None, path: str, sender: dict[str, str | int]) -> None:
        if heard.refusal is not None:
            self._parts.refuse(heard.refusal, heard.body, path, key, sender)
            return
        self._parts.deliver(
            Received(
                channel=Channel.DBUS,
                address=path,
                body=heard.body,
                received_at=self._parts.clock.now(),
                ack=_ignore,
                request=heard.request,
                source=key,
                sender=sender,
                is_state=heard.is_state,
                is_reading=heard.is_reading,
            )
        )

    def _take_call(self, call: Message) -> None:
        service = self._parts.service
        if service is None:
            self._refuse(call, "org.freedesktop.DBus.Error.UnknownMethod", "nothing can be called here")
        else:
            self._door.admit(self.link, call, service.call)

    def _drop(self, message: Message) -> None:
        """More wait than can be held until their senders are known."""
        if message.message_type is MessageType.SIGNAL:
            self._parts.valve.drop()
        else:
            self._refuse(message, f"{config.BUS_NAME}.Error.Busy", "too much is asked at once; ask again later")

    def _refuse(self, call: Message, name: str, text: str) -> None:
        if not call.flags & MessageFlag.NO_REPLY_EXPECTED:
            self.link.send(Message.new_error(call, name, text))


def _body(message: Message) -> bytes:
    """The arguments of a message that is refused, as its row keeps them."""
    return to_json(values.document(message, message.sender))


def _our_fault(exc: Exception) -> Malformed:
    return Malformed(fault=Fault.INTERNAL, place="", detail=f"{type(exc).__name__}: {exc}"[:300])


def _ignore(_outcomes: Sequence[Outcome]) -> None:
    """A signal has no acknowledgement."""
