"""What a method of ours asks for, as a verb with arguments, and what its answer gives back. Pure; called by ``service``.

The verbs and the names of their arguments are the manager's, the same as over MQTT.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from axion_bus.buses.dbus import values
from axion_bus.buses.dbus.interfaces import INCIDENT, MANAGER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

SUBMIT = "submit"
"""What ``Submit`` is called where it is said who may call what."""

ERROR = "org.axion.Bus1.Error."
NOT_FOUND = f"{ERROR}NotFound"
INVALID = f"{ERROR}Invalid"
BUSY = f"{ERROR}Busy"
ACCESS_DENIED = f"{ERROR}AccessDenied"
FAILED = "org.freedesktop.DBus.Error.Failed"

_ERRORS = {
    "not_found": NOT_FOUND,
    "invalid_transition": f"{ERROR}InvalidTransition",
    "conflict": f"{ERROR}InvalidTransition",  # the state of things does not allow it, here as there
    "invalid": INVALID,
    "refused": INVALID,
}
_MAY_BE_EMPTY = frozenset({"by", "resolution_summary", "root_cause"})
_GUID_PARTS = ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))


class CallError(Exception):
    """What is answered instead: an error's name and a text for people."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name
        self.text = text


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """``arguments`` names those of the method, in order; None: its one argument is a dictionary of them.

    ``gives`` makes what the method returns of the answer's data.
    """

    verb: str
    arguments: Sequence[str] | None
    gives: Callable[[Any], list[Any]] = lambda _: []

    def request(self, body: Sequence[Any], by: str) -> dict[str, Any]:
        """What is asked for; whoever does not say who asks is ``by``."""
        given: dict[str, Any]
        given = values.plain(body[0]) if self.arguments is None else dict(zip(self.arguments, body, strict=True))
        return {"by": by, **{name: value for name, value in given.items() if value != "" or name not in _MAY_BE_EMPTY}}


def _fields(data: Any) -> list[Any]:
    if data is None:
        raise CallError(NOT_FOUND, "nothing has this guid or reference")
    return [values.variants(data)]


_CALLS: Mapping[tuple[str, str], Call] = {
    (MANAGER, "CreateIncident"): Call(verb="create-incident", arguments=None, gives=lambda data: [data["incident_guid"]]),
    (MANAGER, "UpdateStatus"): Call(verb="update-status", arguments=("incident_guid", "new_status", "by")),
    (MANAGER, "AddNote"): Call(verb="add-note", arguments=("incident_guid", "note_type", "content", "by")),
    (MANAGER, "CloseIncident"): Call(verb="close-incident", arguments=("incident_guid", "resolution_summary", "root_cause", "by")),
    (MANAGER, "LinkAlert"): Call(verb="link-alert", arguments=("incident_guid", "alert_guid")),
    (MANAGER, "MergeIncidents"): Call(verb="merge-incidents", arguments=("source_incident_guid", "target_incident_guid", "by")),
    (MANAGER, "Notify"): Call(verb="notify", arguments=("incident_guid", "notify_code"), gives=_fields),
    (MANAGER, "GetIncident"): Call(verb="get-incident", arguments=("incident_guid",), gives=_fields),
    (MANAGER, "ListIncidents"): Call(
        verb="list-incidents", arguments=None, gives=lambda data: [[values.variants(each) for each in data]]
    ),
    (MANAGER, "LookupRef"): Call(verb="lookup-ref", arguments=("short_ref",), gives=_fields),
    (INCIDENT, "Acknowledge"): Call(verb="acknowledge", arguments=("incident_guid", "by")),
    (INCIDENT, "UpdateStatus"): Call(verb="update-status", arguments=("incident_guid", "new_status", "by")),
    (INCIDENT, "AddNote"): Call(verb="add-note", arguments=("incident_guid", "note_type", "content", "by")),
    (INCIDENT, "Close"): Call(verb="close-incident", arguments=("incident_guid", "resolution_summary", "root_cause", "by")),
}


def call_of(interface: str, member: str) -> Call | None:
    """What a method asks for; None: it is ``Submit``, or the bus's own."""
    return _CALLS.get((interface, member))


def returned(call: Call, answer: Mapping[str, Any]) -> list[Any]:
    """What the method returns. Raises CallError if that is an error."""
    error = answer["error"]
    if error is None:
        return call.gives(answer["data"])
    raise CallError(_ERRORS.get(error["code"], FAILED), error["message"])


def guid_of(name: str) -> str:
    """The guid that the last element of an incident's path stands for."""
    return "-".join(name[start:end] for start, end in _GUID_PARTS)
