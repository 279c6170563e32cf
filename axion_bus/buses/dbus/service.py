"""The service ``org.axion.Bus1``: method calls become messages for the intake, and what became of them the methods' returns.

Nothing is decided here but what is answered, and every call is answered once, in time: by its outcome, or as Busy. Who may call
is looked at before, by ``session``, which also has the connection.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog
from dbus_next.message import Message
from pydantic_core import to_json

from axion_bus.buses.dbus import calls, standard, values
from axion_bus.buses.dbus.calls import CallError
from axion_bus.buses.dbus.interfaces import INCIDENT, INCIDENT_INTERFACE, MANAGER, PEER, STANDARD
from axion_bus.domain.communication import Channel, Fault
from axion_bus.formats import Malformed
from axion_bus.ports import Received

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from axion_bus.buses.dbus.calls import Call
    from axion_bus.buses.dbus.interfaces import Interface, Method
    from axion_bus.buses.dbus.tree import Tree
    from axion_bus.buses.dbus.trust import Sender
    from axion_bus.ports import Clock, Outcome

log = structlog.get_logger()

ANSWER_WITHIN_S = 20.0
"""Clients give up after 25 s, and then know nothing."""
_TEXT_CHARACTERS = 1000
_BUSY = "the database does not answer; it is not known to be recorded: ask again later, under the same id"


class _Waiting:
    """A call that was handed on. It is answered once: by what became of it, or as Busy after a while."""

    def __init__(self, call: Message, answer: Callable[[Message], None], within_s: float) -> None:
        self._call = call
        self._answer: Callable[[Message], None] | None = answer
        self._timer = asyncio.get_running_loop().call_later(within_s, self.refuse, CallError(calls.BUSY, _BUSY))

    def give(self, method: Method, body: list[Any]) -> None:
        """Return ``body``."""
        self._reply(_return(self._call, method, body))

    def refuse(self, error: CallError) -> None:
        """Answer with ``error``."""
        self._reply(_error(self._call, error))

    def _reply(self, reply: Message) -> None:
        answer, self._answer = self._answer, None
        if answer is not None:
            self._timer.cancel()
            answer(reply)


class Service:
    """Answers for the objects of ``tree``; what is to be recorded is given to whoever calls ``serve``."""

    def __init__(self, *, tree: Tree, clock: Clock, answer_within_s: float = ANSWER_WITHIN_S) -> None:
        self._tree = tree
        self._standard = standard.Standard(tree)
        self._clock = clock
        self._answer_within_s = answer_within_s

    def tell_busy(self, is_busy: bool) -> None:
        """Commands are answered Busy from now on, or not any more."""
        self._tree.tell_state("busy" if is_busy else "running")

    def verb(self, call: Message) -> str | None:
        """The command that is called for, or ``submit``; None: a question about objects, or what does not exist."""
        try:
            interface, method = self._method(call)
        except CallError:
            return None
        if interface.name not in (MANAGER, INCIDENT):
            return None
        command = calls.call_of(interface.name, method.name)
        return calls.SUBMIT if command is None else command.verb

    def serve(self, call: Message, sender: Sender, answer: Callable[[Message], None]) -> Received | None:
        """Answer a method call, now, or when what is returned is recorded."""
        try:
            interface, method = self._method(call)
            _check_signature(call, method)
            if interface.name in (MANAGER, INCIDENT):
                return self._handed_on(call, calls.call_of(interface.name, method.name), method, sender, answer)
            answer(_return(call, method, self._standard.answer(call, interface.name)))
        except CallError as exc:
            answer(_error(call, exc))
            return self._refused(call, sender, exc)
        return None

    def _method(self, call: Message) -> tuple[Interface, Method]:
        """The method that is meant; without an interface, the first of that name. Raises CallError."""
        name, found = call.interface, self._interfaces(call)
        if name and name not in {each.name for each in found}:
            raise CallError(standard.UNKNOWN_INTERFACE, f"{call.path} has no interface {name}")
        for interface in found:
            method = interface.method(call.member) if not name or interface.name == name else None
            if method is not None:
                return interface, method
        raise CallError(standard.UNKNOWN_METHOD, f"{name or call.path} has no method {call.member}")

    def _interfaces(self, call: Message) -> Sequence[Interface]:
        found = self._standard.interfaces(call.path)
        if found is not None:
            return found
        if call.interface == PEER:
            return STANDARD
        if call.interface in (None, INCIDENT) and standard.INCIDENT_PATH.fullmatch(call.path):
            return (INCIDENT_INTERFACE,)  # the database knows better what there is, and says what became of it
        raise CallError(standard.UNKNOWN_OBJECT, f"there is no object {call.path}")

    def _handed_on(
        self, call: Message, command: Call | None, method: Method, sender: Sender, answer: Callable[[Message], None]
    ) -> Received:
        body = _body(call, command, sender)
        waiting = _Waiting(call, answer, self._answer_within_s)

        def ack(outcomes: Sequence[Outcome]) -> None:
            try:
                waiting.give(method, _submitted(outcomes) if command is None else _carried_out(command, outcomes[0]))
            except CallError as exc:
                waiting.refuse(exc)
            except Exception:
                log.exception("dbus_call_not_answered", member=call.member)
                waiting.refuse(CallError(calls.FAILED, "it was recorded, and cannot be answered; see the daemon's log"))

        return self._received(call, body, sender, ack, request=None if command is None else command.verb)

    def _refused(self, call: Message, sender: Sender, error: CallError) -> Received | None:
        """What is recorded of a call that was answered with ``error``: a command with arguments that it does not take."""
        verb = self.verb(call)
        if error.name != standard.INVALID_ARGS or verb is None:
            return None
        refusal = Malformed(fault=Fault.WRONG_TYPE, place="", detail=error.text)
        return self._received(call, to_json(values.plain(call.body)), sender, lambda _: None, request=verb, refusal=refusal)

    def _received(
        self, call: Message, body: bytes, sender: Sender, ack: Callable[[Sequence[Outcome]], None], **more: Any
    ) -> Received:
        told = sender.told()
        return Received(Channel.DBUS, call.path, body, self._clock.now(), ack, sender=told, **more)


def _return(call: Message, method: Method, body: list[Any]) -> Message:
    return Message.new_method_return(call, "".join(each.type for each in method.gives), body)


def _error(call: Message, error: CallError) -> Message:
    return Message.new_error(call, error.name, values.variant(error.text[:_TEXT_CHARACTERS]).value)


def _check_signature(call: Message, method: Method) -> None:
    if call.signature != method.signature:
        text = f"{method.name} takes {method.signature!a}, found {call.signature!a:.100}"
        raise CallError(standard.INVALID_ARGS, text)


def _body(call: Message, command: Call | None, sender: Sender) -> bytes:
    """What is recorded and read: the alert as it came, or the command as one over MQTT would have it."""
    if command is None:
        alert: str = call.body[0]
        return alert.encode()
    path = standard.INCIDENT_PATH.fullmatch(call.path)
    about = [] if path is None else [calls.guid_of(path[1])]
    by = sender.name if sender.uid is None else f"uid {sender.uid}"
    return to_json(command.request([*about, *call.body], by))


def _submitted(outcomes: Sequence[Outcome]) -> list[Any]:
    errors = [each.error for each in outcomes if each.error is not None]
    if errors and len(outcomes) > 1:
        accepted = len(outcomes) - len(errors)
        raise CallError(calls.INVALID, f"{len(errors)} of {len(outcomes)} alerts were not accepted, {accepted} were: {errors[0]}")
    if errors:
        raise CallError(calls.INVALID, errors[0])
    return [outcomes[0].alert_guid or ""]


def _carried_out(command: Call, outcome: Outcome) -> list[Any]:
    if outcome.answer is None:
        raise CallError(calls.FAILED, outcome.error or "it could not be carried out")
    return calls.returned(command, outcome.answer)
