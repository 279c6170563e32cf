"""The interfaces of the service as one table: what can be called, with what, what is told and shown, and what it means.

Everything else follows from it: introspection, the documents in ``config/dbus``, which signatures are taken. No code of a method is
here. The names keep to the D-Bus API design guidelines; within ``org.axion.Bus1`` they only grow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from axion_bus.config.dbus import BUS_NAME, OBJECT_PATH
from axion_bus.domain.note import NoteType

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = OBJECT_PATH
INCIDENTS = f"{ROOT}/incidents"
MANAGER = f"{BUS_NAME}.Manager"
INCIDENT = f"{BUS_NAME}.Incident"
ALERT = "org.axion.Alert1"

PEER = "org.freedesktop.DBus.Peer"
INTROSPECTABLE = "org.freedesktop.DBus.Introspectable"
PROPERTIES = "org.freedesktop.DBus.Properties"
OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument: its name, its type as a signature, what it means."""

    name: str
    type: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Method:
    """What can be called."""

    name: str
    text: str
    takes: Sequence[Argument] = ()
    gives: Sequence[Argument] = ()

    @property
    def signature(self) -> str:
        """What it takes, as the bus writes it."""
        return "".join(each.type for each in self.takes)


@dataclass(frozen=True, slots=True)
class Signal:
    """What is told."""

    name: str
    text: str
    carries: Sequence[Argument] = ()

    @property
    def signature(self) -> str:
        """What it carries, as the bus writes it."""
        return "".join(each.type for each in self.carries)


@dataclass(frozen=True, slots=True)
class Property:
    """What is shown, and may only be read. ``is_constant``: as long as the daemon runs; else PropertiesChanged tells of changes."""

    name: str
    type: str
    text: str
    is_constant: bool = False


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface."""

    name: str
    text: str
    methods: Sequence[Method] = ()
    signals: Sequence[Signal] = ()
    properties: Sequence[Property] = ()

    def method(self, name: str) -> Method | None:
        """The method ``name``."""
        return next((each for each in self.methods if each.name == name), None)


_GUID = Argument("guid", "s", "The incident's guid.")
_BY = Argument("by", "s", "Who does it, for the record. If empty, the user of the caller: uid 1000.")
_NOTE = (
    Argument("type", "s", f"One of {', '.join(NoteType)}."),
    Argument("content", "s", "The text."),
)
_CLOSING = (
    Argument("resolution", "s", "What was done about it; becomes a note, unless empty."),
    Argument("root_cause", "s", "Why it happened; becomes a note, unless empty."),
)
_STATUS = Argument("status", "s", "INVESTIGATING, MONITORING or CLOSED.")
_SHOWN = Argument(
    "incident",
    "a{sv}",
    "The incident as it is after the event: incident_guid, version, title, severity, status ... Beside that event_id, which is\n"
    "the same when the event is told again; sequence, which counts the events of an incident; and the event's reason and by.",
)

MANAGER_INTERFACE = Interface(
    MANAGER,
    "Takes alerts, and carries out commands about incidents. Every call is on record in the audit stream, with who called. A call\n"
    "is answered when all of it is in the database; one that cannot be recorded within 20 s is answered Error.Busy, and if it is\n"
    "recorded afterwards it holds all the same: an alert with an id, an incident with an idempotency_key, is safely sent again.\n"
    "Errors: org.axion.Bus1.Error.NotFound, InvalidTransition, Invalid, Busy and AccessDenied.",
    methods=(
        Method(
            "Submit",
            "Take an alert. The reply comes after the commit: what was answered is not lost. A JSON array is a batch; its answer\n"
            "is the guid of its first alert, or Error.Invalid if one of them was not accepted, which the text names.",
            (Argument("alert_json", "s", "The alert in the native format; only title is required."),),
            (Argument("alert_guid", "s", "Its guid, the same for the same id; empty where there was nothing to resolve."),),
        ),
        Method(
            "CreateIncident",
            "Open an incident.",
            (
                Argument(
                    "fields",
                    "a{sv}",
                    "title, severity and package; perhaps description, assigned_to, alert_links (as), by, idempotency_key.",
                ),
            ),
            (Argument("guid", "s", "Its guid."),),
        ),
        Method("UpdateStatus", "Move an incident on in its life cycle.", (_GUID, _STATUS, _BY)),
        Method("AddNote", "Write a note on an incident.", (_GUID, *_NOTE, _BY)),
        Method("CloseIncident", "Close an incident as resolved.", (_GUID, *_CLOSING, _BY)),
        Method(
            "LinkAlert",
            "Link an alert to an incident.",
            (_GUID, Argument("alert_guid", "s", "The alert's guid; known or not.")),
        ),
        Method(
            "MergeIncidents",
            "Close an incident and give everything it has to another.",
            (
                Argument("source", "s", "The guid of the one that ends."),
                Argument("target", "s", "The guid of the one that goes on."),
                _BY,
            ),
        ),
        Method(
            "Notify",
            "Tell people of an incident. The messages are sent after the reply.",
            (_GUID, Argument("code", "s", "The notify code, which says whom and how.")),
            (Argument("counts", "a{sv}", "sent, failed and pending: how many messages."),),
        ),
        Method("GetIncident", "All that is known of an incident.", (_GUID,), (Argument("incident", "a{sv}", "Its fields."),)),
        Method(
            "ListIncidents",
            "Incidents, open and closed, the newest first.",
            (
                Argument(
                    "filter", "a{sv}", "status, severity, package, assigned_to, limit (100 unless told) and offset; empty: all."
                ),
            ),
            (Argument("incidents", "aa{sv}", "Their fields."),),
        ),
        Method(
            "LookupRef",
            "The message with a reference such as REF-20260131-A7K.",
            (Argument("ref", "s", "The reference."),),
            (Argument("communication", "a{sv}", "Its fields."),),
        ),
    ),
    signals=(
        Signal("IncidentCreated", "An incident was opened; its object is there already.", (_GUID, _SHOWN)),
        Signal(
            "IncidentChanged",
            "Something happened to an incident.",
            (_GUID, Argument("event", "s", "status-changed, severity-changed, assigned, note-added, alert-linked ..."), _SHOWN),
        ),
        Signal("IncidentClosed", "An incident was closed, or merged into another; its object is gone.", (_GUID, _SHOWN)),
        Signal(
            "CommunicationRecorded",
            "A message to people was sent, has failed, or is for those who sit at this bus.",
            (
                Argument("ref", "s", "The message's reference."),
                Argument("communication", "a{sv}", "Its status; of a message to desktops its subject, text, severity ..."),
            ),
        ),
    ),
    properties=(
        Property("Version", "s", "The version of the program.", is_constant=True),
        Property("Instance", "s", "The name of this daemon.", is_constant=True),
        Property("OpenIncidents", "u", "How many incidents are open."),
        Property("State", "s", "running, or busy while calls are answered Error.Busy because the database does not keep up."),
    ),
)

INCIDENT_INTERFACE = Interface(
    INCIDENT,
    "An open incident, at /org/axion/Bus1/incidents/ and its guid without dashes. It is there as long as the incident is open;\n"
    "ObjectManager at /org/axion/Bus1 tells of those that come and go. What has no value is an empty string; times are RFC 3339.",
    methods=(
        Method("Acknowledge", "Take it on: it is INVESTIGATING then, and assigned to who does it if to nobody before.", (_BY,)),
        Method("UpdateStatus", "Move it on in its life cycle.", (_STATUS, _BY)),
        Method("AddNote", "Write a note on it.", (*_NOTE, _BY)),
        Method("Close", "Close it as resolved.", (*_CLOSING, _BY)),
    ),
    properties=(
        Property("IncidentGuid", "s", "Its guid.", is_constant=True),
        Property("Version", "u", "How often it has changed, from 1 on."),
        Property("Title", "s", "What it is about."),
        Property("Severity", "s", "CRITICAL, HIGH, MEDIUM or LOW."),
        Property("Status", "s", "CREATED, INVESTIGATING or MONITORING."),
        Property("Package", "s", "The part of the world that it is about."),
        Property("Description", "s", "More; its first 4096 characters."),
        Property("AssignedTo", "s", "Who works on it."),
        Property("CreatedAt", "s", "When it was opened."),
        Property("UpdatedAt", "s", "When it last changed."),
        Property("AcknowledgedAt", "s", "When somebody took it on."),
        Property("Rule", "s", "The rule that opened it."),
    ),
)

ALERT_INTERFACE = Interface(
    ALERT,
    "For programs that tell of an alert and wait for nothing: the daemon takes this signal from any object of any sender that it\n"
    "lets in. Nothing says that it arrived, and while the daemon is away it is lost; org.axion.Bus1.Manager.Submit is the\n"
    "reliable way.",
    signals=(
        Signal(
            "Alert",
            "An alert.",
            (Argument("json", "s", "The alert in the native format; only title is required."),),
        ),
    ),
)

STANDARD = (
    Interface(
        PROPERTIES,
        "",
        methods=(
            Method("Get", "", (Argument("interface", "s"), Argument("property", "s")), (Argument("value", "v"),)),
            Method("GetAll", "", (Argument("interface", "s"),), (Argument("properties", "a{sv}"),)),
            Method("Set", "", (Argument("interface", "s"), Argument("property", "s"), Argument("value", "v"))),
        ),
        signals=(
            Signal(
                "PropertiesChanged",
                "",
                (Argument("interface", "s"), Argument("changed", "a{sv}"), Argument("invalidated", "as")),
            ),
        ),
    ),
    Interface(INTROSPECTABLE, "", methods=(Method("Introspect", "", (), (Argument("xml", "s"),)),)),
    Interface(PEER, "", methods=(Method("Ping", ""), Method("GetMachineId", "", (), (Argument("machine_uuid", "s"),)))),
)
"""What every object of ours has (D-Bus specification, Standard Interfaces)."""

MANAGING = Interface(
    OBJECT_MANAGER,
    "",
    methods=(Method("GetManagedObjects", "", (), (Argument("objects", "a{oa{sa{sv}}}"),)),),
    signals=(
        Signal("InterfacesAdded", "", (Argument("object", "o"), Argument("interfaces", "a{sa{sv}}"))),
        Signal("InterfacesRemoved", "", (Argument("object", "o"), Argument("interfaces", "as"))),
    ),
)
"""What the root object has besides."""
