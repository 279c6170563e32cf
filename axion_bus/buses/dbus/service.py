"""The service ``org.axion.Bus1``: method calls become messages for the intake, and what became of them the methods' returns.

Nothing is decided here but who is answered what, and every call is answered once, in time: by its outcome, or as Busy. Knows no
connection; the bus calls it for each method call of a sender that it knows, and is given the replies.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import structlog
from dbus_next.constants import MessageFlag
from dbus_next.message import Message
from pydantic_core import to_json

from axion_bus.buses.dbus import calls, standard, values
from axion_bus.buses.dbus.calls import CallError
from axion_bus.buses.dbus.framing import is_cut
from axion_bus.buses.dbus.interfaces import INCIDENT, INCIDENT_INTERFACE, MANAGER, PEER, STANDARD
from axion_bus.domain.communication import Channel, Fault
from axion_bus.formats import Malformed
from axion_bus.ports import Received

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from axion_bus.buses.dbus.calls import Call
    from axion_bus.buses.dbus.interfaces import Interface, Method
    from axion_bus.buses.dbus.tree import Carrier, Tree
    from axion_bus.buses.dbus.trust import Sender
    from axion_bus.ports import Clock, Outcome

log = structlog.get_logger()

ANSWER_WITHIN_S = 20.0
"""Clients give up after 25 s, and then know nothing."""
LIMITS_EXCEEDED = "org.freedesktop.DBus.Error.LimitsExceeded"
_TEXT_CHARACTERS = 1000
_BUSY = "the database does not keep up; it is not known to be recorded: ask again later, under the same id"


@dataclass(slots=True, eq=False)
class _Waiting:
    """A call that was handed on, and is to be answered over ``connection``."""

    message: Message
    method: Method
    call: Call | None
    connection: int
    timer: asyncio.TimerHandle | None = None


class Service:
    """``allows`` says why a sender may not use a verb, or None; ``deliver`` takes what is to be recorded.

    ``ration`` gives what is recorded of a refusal; None: nothing, there were too many.
    """

    def __init__(
        self,
        *,
        bus: Carrier,
        tree: Tree,
        deliver: Callable[[Received], None],
        allows: Callable[[str, Sender], Malformed | None],
        ration: Callable[[Malformed], Malformed | None],
        clock: Clock,
        answer_within_s: float = ANSWER_WITHIN_S,
    ) -> None:
        self._bus = bus
        self._tree = tree
        self._standard = standard.Standard(tree)
        self._deliver = deliver
        self._allows = allows
        self._ration = ration
        self._clock = clock
        self._answer_within_s = answer_within_s
        self._is_busy = self._is_late = False

    @property
    def is_busy(self) -> bool:
        """Whether every command is answered Busy at once, because nothing more can be taken in."""
        return self._is_busy

    @is_busy.setter
    def is_busy(self, is_busy: bool) -> None:
        self._is_busy = is_busy
        self._tell_state()

    def _tell_state(self) -> None:
        self._tree.tell_state("busy" if self._is_busy or self._is_late else "running")

    def call(self, message: Message, sender: Sender) -> None:
        """Answer a method call, now or when it is recorded. Never raises."""
        try:
            interface, method = self._method(message)
            call = calls.call_of(interface.name, method.name)
            if call is not None or interface.name == MANAGER:
                self._take(message, method, call, sender)
                return
            _check_signature(message, method)
            self._return(message, method, self._standard.answer(message, interface.name))
        except CallError as exc:
            self._refuse(message, exc)
        except Exception:
            log.exception("call_failed", member=message.member, path=message.path)
            self._refuse(message, CallError(calls.FAILED, "it failed, which is not your fault"))

    def _method(self, message: Message) -> tuple[Interface, Method]:
        """The method that is meant; without an interface, the first of that name. Raises CallError."""
        name, found = message.interface, self._interfaces(message)
        if name and name not in {each.name for each in found}:
            raise CallError(standard.UNKNOWN_INTERFACE, f"{message.path} has no interface {name}")
        for interface in found:
            if not name or interface.name == name:
                method = interface.method(message.member)
                if method is not None:
                    return interface, method
        raise CallError(standard.UNKNOWN_METHOD, f"{name or message.path} has no method {message.member}")

    def _interfaces(self, message: Message) -> Sequence[Interface]:
        found = self._standard.interfaces(message.path)
        if found is not None:
            return found
        if message.interface == PEER:
            return STANDARD
        if message.interface in (None, INCIDENT) and standard.INCIDENT_PATH.fullmatch(message.path):
            return (INCIDENT_INTERFACE,)  # the database knows better what there is, and says what became of it
        raise CallError(standard.UNKNOWN_OBJECT, f"there is no object {message.path}")

    def _take(self, message: Message, method: Method, call: Call | None, sender: Sender) -> None:
        """Hand a command on, unless it is refused. Raises CallError."""
        verb = calls.SUBMIT if call is None else call.verb
        refusal = self._allows(verb, sender)
        if refusal is not None:
            self._record_refusal(message, verb, sender, refusal)
            raise CallError(calls.ACCESS_DENIED, refusal.detail)
        if self._is_busy:
            raise CallError(calls.BUSY, _BUSY)
        refusal = _unreadable(message, method)
        if refusal is not None:
            self._record_refusal(message, verb, sender, refusal)
            raise CallError(standard.INVALID_ARGS if refusal.fault is Fault.WRONG_TYPE else calls.INVALID, refusal.detail)
        waiting = _Waiting(message, method, call, self._bus.connection)
        waiting.timer = asyncio.get_running_loop().call_later(self._answer_within_s, self._give_up, waiting)
        received = self._received(message, _body(message, call, sender), sender, lambda told: self._answer(waiting, told))
        self._deliver(replace(received, request=None if call is None else verb))

    def _record_refusal(self, message: Message, verb: str, sender: Sender, refusal: Malformed) -> None:
        recorded = None if self._is_busy else self._ration(refusal)
        if recorded is not None:
            body = b"" if is_cut(message) else to_json(values.plain(message.body))
            received = self._received(message, body, sender, lambda _: None)
            self._deliver(replace(received, request=verb, refusal=recorded))

    def _received(self, message: Message, body: bytes, sender: Sender, ack: Callable[[Sequence[Outcome]], None]) -> Received:
        return Received(
            channel=Channel.DBUS, address=message.path, body=body, received_at=self._clock.now(), ack=ack, sender=sender.told()
        )

    def _answer(self, waiting: _Waiting, outcomes: Sequence[Outcome]) -> None:
        self._is_late = False
        self._tell_state()
        if not self._is_waited_for(waiting):
            return
        message, call = waiting.message, waiting.call
        try:
            body = _submitted(outcomes) if call is None else _carried_out(call, outcomes[0])
            self._return(message, waiting.method, body)
        except CallError as exc:
            self._refuse(message, exc)
        except Exception:
            log.exception("dbus_call_not_answered", member=message.member)
            self._refuse(message, CallError(calls.FAILED, "it was recorded, and cannot be answered; see the daemon's log"))

    def _give_up(self, waiting: _Waiting) -> None:
        if self._is_waited_for(waiting):
            self._refuse(waiting.message, CallError(calls.BUSY, _BUSY))
            self._is_late = True
            self._tell_state()

    def _is_waited_for(self, waiting: _Waiting) -> bool:
        """Whether an answer is still due, which it is not twice; on another connection its name may be another program's."""
        if waiting.timer is None:
            return False
        waiting.timer.cancel()
        waiting.timer = None
        return waiting.connection == self._bus.connection

    def _return(self, message: Message, method: Method, body: list[Any]) -> None:
        signature = "".join(each.type for each in method.gives)
        self._reply(message, Message.new_method_return(message, signature, body))

    def _refuse(self, message: Message, error: CallError) -> None:
        self._reply(message, Message.new_error(message, error.name, values.variant(error.text[:_TEXT_CHARACTERS]).value))

    def _reply(self, message: Message, reply: Message) -> None:
        if message.flags & MessageFlag.NO_REPLY_EXPECTED:
            return
        sent = self._bus.send(reply)
        if sent.done() and not sent.cancelled() and sent.exception() is not None:  # too large, or the bus is gone
            self._bus.send(Message.new_error(message, LIMITS_EXCEEDED, "the answer is too large; ask for less"))


def _check_signature(message: Message, method: Method) -> None:
    if message.signature != method.signature:
        raise CallError(standard.INVALID_ARGS, _wrong_signature(message, method))


def _wrong_signature(message: Message, method: Method) -> str:
    return f"{method.name} takes {method.signature!a}, found {message.signature!a:.100}"


def _unreadable(message: Message, method: Method) -> Malformed | None:
    """Why a command is not even read; None: it may be."""
    if message.unix_fds:
        return Malformed(fault=Fault.FILE_DESCRIPTORS, place="", detail="file descriptors are not taken")
    if message.signature != method.signature:
        return Malformed(fault=Fault.WRONG_TYPE, place="", detail=_wrong_signature(message, method))
    if is_cut(message):
        return Malformed(fault=Fault.TOO_LARGE, place="", detail="it is larger than [intake] max_payload_bytes allows")
    return None


def _body(message: Message, call: Call | None, sender: Sender) -> bytes:
    """What is recorded and read: the alert as it came, or the command as one over MQTT would have it."""
    if call is None:
        alert: str = message.body[0]
        return alert.encode()
    path = standard.INCIDENT_PATH.fullmatch(message.path)
    about = [] if path is None else [calls.guid_of(path[1])]
    by = sender.name if sender.uid is None else f"uid {sender.uid}"
    return to_json(call.request([*about, *message.body], by))


def _submitted(outcomes: Sequence[Outcome]) -> list[Any]:
    errors = [each.error for each in outcomes if each.error is not None]
    if errors and len(outcomes) > 1:
        accepted = len(outcomes) - len(errors)
        raise CallError(calls.INVALID, f"{len(errors)} of {len(outcomes)} alerts were not accepted, {accepted} were: {errors[0]}")
    if errors:
        raise CallError(calls.INVALID, errors[0])
    return [outcomes[0].alert_guid or ""]


def _carried_out(call: Call, outcome: Outcome) -> list[Any]:
    if outcome.answer is None:
        raise CallError(calls.FAILED, outcome.error or "it could not be carried out")
    return calls.returned(call, outcome.answer)
