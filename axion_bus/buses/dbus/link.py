"""One connection to a D-Bus message bus, driven by the event loop, from connect to its end. Never reused.

dbus-next gives the messages their form; the socket is ours, because dbus-next's own reading and writing ends the connection at a
full socket buffer (its issue 153), lets calls hang when it is gone, and reads without pause. Used by all of D-Bus in this program.
"""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

from dbus_next.constants import MessageFlag, MessageType
from dbus_next.message import Message

from axion_bus.buses.dbus.entry import connect
from axion_bus.buses.dbus.framing import Broken, Frames
from axion_bus.buses.dbus.writer import Writer, fail
from axion_bus.errors import AxionError, BusUnavailable

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

BUS_NAME = "org.freedesktop.DBus"
BUS_PATH = "/org/freedesktop/DBus"

_READ_BYTES = 256 * 1024
_MESSAGES_A_TURN = 64
_MAX_REPLY_BYTES = 16 * 1024 * 1024
_MAX_MESSAGE_BYTES = 16 * 1024 * 1024
_FAREWELL_S = 1.0
_DO_NOT_QUEUE = 4
_OWNER = (1, 4)
_REPLIES = (MessageType.METHOD_RETURN, MessageType.ERROR)


class DbusRefused(AxionError):
    """The other side answered a call with an error; ``name`` is the error's."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{name}: {text}" if text else name)
        self.name = name
        self.text = text


class Link:
    """``take`` gets each method call and signal, in order, and must not raise.

    A message whose body is longer than ``max_body_bytes`` has lost it (``framing.is_cut``). ``ended`` is done, with the reason,
    when nothing more can come.
    """

    def __init__(self, sock: socket.socket, address: str, *, take: Callable[[Message], None], max_body_bytes: int) -> None:
        self._sock = sock
        self._address = address
        self._take = take
        self._loop = asyncio.get_running_loop()
        self._frames = Frames(lambda kind: max_body_bytes if kind in (1, 4) else _MAX_REPLY_BYTES)
        self._serials = itertools.count(1)
        self._calls: dict[int, tuple[str, asyncio.Future[Message]]] = {}
        self._writer = Writer(sock, give_up=self._end)
        self._is_paused = self._is_at_end = False
        self._next_turn: asyncio.Handle | None = None
        self.unique_name = ""
        self.ended: asyncio.Future[str] = self._loop.create_future()

    @classmethod
    async def open(
        cls, address: str, *, take: Callable[[Message], None], timeout_s: float = 5.0, max_body_bytes: int = 1024 * 1024
    ) -> Link:
        """Connect to "system", "session" or an address, and be greeted. File descriptors are not negotiated: none can arrive.

        Raises:
            BusUnavailable: there is no bus, it does not let us in, or not in time.

        """
        try:
            async with asyncio.timeout(timeout_s):
                sock = await connect(address)
        except TimeoutError:
            raise BusUnavailable(f"the bus {address} did not let us in within {timeout_s:g} s") from None
        link = cls(sock, address, take=take, max_body_bytes=max_body_bytes)
        link._loop.add_reader(sock.fileno(), link._read)
        try:
            (link.unique_name,) = await link.call(BUS_NAME, BUS_PATH, BUS_NAME, "Hello", timeout_s=timeout_s)
        except DbusRefused as exc:
            link._end(f"refused: {exc}")
            raise BusUnavailable(f"the bus {address} refused us: {exc}") from exc
        except BaseException:
            link._end("not greeted")
            raise
        return link

    async def call(  # noqa: PLR0917 - in the order of dbus-send and busctl
        self,
        destination: str,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: Sequence[Any] = (),
        *,
        timeout_s: float = 5.0,
        is_started: bool = True,
    ) -> list[Any]:
        """Call a method; the arguments of its return. ``is_started``: the bus may start a service for it.

        Raises:
            DbusRefused: it answered with an error. BusUnavailable: the connection is gone, or no answer came in time.

        """
        message = Message(
            destination=destination, path=path, interface=interface, member=member, signature=signature, body=list(body)
        )
        message.flags = MessageFlag.NONE if is_started else MessageFlag.NO_AUTOSTART
        message.serial = next(self._serials)
        answered: asyncio.Future[Message] = self._loop.create_future()
        self._calls[message.serial] = destination, answered
        try:
            async with asyncio.timeout(timeout_s):
                await self.send(message)
                reply = await answered
        except TimeoutError:
            raise BusUnavailable(f"{destination} did not answer {member} within {timeout_s:g} s") from None
        finally:
            self._calls.pop(message.serial, None)
        if reply.message_type is MessageType.ERROR:
            raise DbusRefused(reply.error_name, str(reply.body[0]) if reply.signature.startswith("s") and reply.body else "")
        return list(reply.body)

    def send(self, message: Message) -> asyncio.Future[None]:
        """Send; the future ends when the socket has all of it, or with BusUnavailable. What is sent is written in order."""
        future: asyncio.Future[None] = self._loop.create_future()
        if self.ended.done():
            return fail(future, self._gone())
        if not message.serial:
            message.serial = next(self._serials)
        try:
            data = message._marshall()  # type: ignore[no-untyped-call]  # noqa: SLF001 - dbus-next has no other way to its bytes
        except Exception as exc:  # noqa: BLE001 - dbus-next raises whatever its writer stumbled over
            return fail(future, BusUnavailable(f"{message.member or 'a reply'} cannot be sent: {type(exc).__name__}: {exc}"))
        if len(data) > _MAX_MESSAGE_BYTES:
            return fail(future, BusUnavailable(f"{len(data)} bytes cannot be sent; at most {_MAX_MESSAGE_BYTES} can"))
        return self._writer.write(data)

    @property
    def unreadable(self) -> int:
        """How many messages could not be read, and were passed over."""
        return self._frames.unreadable

    async def add_match(self, rule: str) -> None:
        """Ask for the signals that ``rule`` describes (D-Bus specification, Match Rules). Raises as ``call``."""
        await self.call(BUS_NAME, BUS_PATH, BUS_NAME, "AddMatch", "s", [rule])

    async def request_name(self, name: str) -> None:
        """Own ``name`` from now on, at once or not at all.

        Raises:
            BusUnavailable: it is somebody else's, or the bus's policy does not let us have it.

        """
        try:
            (answer,) = await self.call(BUS_NAME, BUS_PATH, BUS_NAME, "RequestName", "su", [name, _DO_NOT_QUEUE])
        except DbusRefused as exc:
            raise BusUnavailable(
                f"the bus {self._address} does not let us own {name}: {exc}; is its policy (config/dbus/{name}.conf) installed?"
            ) from exc
        if answer not in _OWNER:
            raise BusUnavailable(f"{name} is owned by another program on the bus {self._address}; does a second axion-bus run?")

    def pause(self) -> None:
        """Stop reading: nothing is taken, and no answer arrives, until ``resume``."""
        if not self._is_paused and not self.ended.done():
            self._is_paused = True
            self._loop.remove_reader(self._sock.fileno())

    def resume(self) -> None:
        """Read again."""
        if self._is_paused and not self.ended.done():
            self._is_paused = False
            self._loop.add_reader(self._sock.fileno(), self._read)
            self._take_soon()

    async def close(self) -> None:
        """Leave the bus; what was sent before is written first, if the bus takes it."""
        if not self.ended.done():
            await self._writer.flush(_FAREWELL_S)
        self._end("closed by us")

    def _read(self) -> None:
        try:
            data = self._sock.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as exc:
            self._end(f"ended by the bus: {exc}")
            return
        if data:
            self._frames.feed(data)
        else:
            self._is_at_end = True
            self._loop.remove_reader(self._sock.fileno())
        if self._next_turn is None:
            self._take_some()

    def _take_soon(self) -> None:
        if self._next_turn is None:
            self._next_turn = self._loop.call_soon(self._take_some)

    def _take_some(self) -> None:
        """Hand on what is here, but not so much that others on the loop have to wait."""
        self._next_turn = None
        for _ in range(_MESSAGES_A_TURN):
            if self._is_paused or self.ended.done():
                return
            try:
                message = self._frames.next()
            except Broken as exc:
                self._end(f"the bus does not speak D-Bus: {exc}")
                return
            if message is None:
                if self._is_at_end:
                    self._end("ended by the bus")
                return
            self._dispatch(message)
        self._take_soon()

    def _dispatch(self, message: Message) -> None:
        if message.message_type not in _REPLIES:
            self._take(message)
            return
        destination, answered = self._calls.get(message.reply_serial, ("", None))
        # the bus answers for who has gone; nobody can send in its name
        is_asked = message.sender in (destination, BUS_NAME) or not (destination == BUS_NAME or destination.startswith(":"))
        if answered is not None and is_asked and not answered.done():
            answered.set_result(message)

    def _gone(self) -> BusUnavailable:
        return BusUnavailable(f"the connection to the bus {self._address} is gone: {self.ended.result()}")

    def _end(self, reason: str) -> None:
        """Once: everything that still waits for the bus waits in vain."""
        if self.ended.done():
            return
        self.ended.set_result(reason)
        if self._next_turn is not None:
            self._next_turn.cancel()
        self._loop.remove_reader(self._sock.fileno())
        self._writer.close(self._gone())
        for _, answered in self._calls.values():
            fail(answered, self._gone())
        self._calls.clear()
        self._sock.close()
