"""The verbs that the bus knows, by name: their arguments, which of these says who acts, and what is answered.

The same functions as behind the Python calls. A question is answered from inside the transaction that records it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from axion_bus.domain.communication import CommunicationStatus
from axion_bus.formats.events import incident_view
from axion_bus.manager import arguments as a
from axion_bus.manager import notify, report, silences, verbs
from axion_bus.store import queries

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from axion_bus.domain.communication import Communication
    from axion_bus.domain.incident import Incident
    from axion_bus.manager.verbs import Work

_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NAMES = {"RuleName": "rule"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a verb gives back: ``data`` for the caller, and the incident that it was about."""

    data: Any
    incident_guid: str | None = None


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb. ``actor`` is the argument that ``by`` stands for; None: it asks only."""

    arguments: type[a.Arguments]
    act: Callable[[Work, Any], Awaitable[Answer]]
    actor: str | None = None

    def incident_of(self, arguments: a.Arguments) -> str | None:
        """The guid of the incident that ``arguments`` are about, known or not."""
        guid: str | None = getattr(arguments, "incident_guid", getattr(arguments, "source_incident_guid", None))
        return guid


def _changes(act: Callable[[Work, Any], Awaitable[Incident]]) -> Callable[[Work, Any], Awaitable[Answer]]:
    async def run(work: Work, given: a.Arguments) -> Answer:
        incident = await act(work, given)
        return Answer(incident_view(incident), incident.guid)

    return run


async def _log(work: Work, given: a.LogCommunication) -> Answer:
    row = await verbs.log_communication(work, given)
    return Answer({"communication_guid": row.guid, "short_ref": row.short_ref}, row.incident_guid)


async def _notify(work: Work, given: a.NotifyIncident) -> Answer:
    return _queued(await notify.notify(work, given), given.incident_guid)


async def _report(work: Work, given: a.Report) -> Answer:
    return Answer({"format": given.format, "report": await report.asked(work, given)}, given.incident_guid)


async def _email_report(work: Work, given: a.EmailReport) -> Answer:
    return _queued(await report.mailed(work, given), given.incident_guid)


def _queued(rows: Sequence[Communication], incident_guid: str) -> Answer:
    """Nothing is sent inside a transaction: what can be is pending, and the daemon's courier takes it up."""
    pending = sum(row.status is CommunicationStatus.PENDING for row in rows)
    return Answer({"sent": 0, "failed": len(rows) - pending, "pending": pending}, incident_guid)


async def _silence(work: Work, given: a.AddSilence) -> Answer:
    return Answer(on_the_bus(silences.silence_view(await silences.add_silence(work, given), work.now)))


async def _expire_silence(work: Work, given: a.ExpireSilence) -> Answer:
    ended = await silences.expire_silence(work, given)
    return Answer(None if ended is None else on_the_bus(silences.silence_view(ended, work.now)))


async def _list_silences(work: Work, given: a.ListSilences) -> Answer:
    return Answer([on_the_bus(row) for row in await silences.listed(work, given)])


async def _get(work: Work, given: a.GetIncident) -> Answer:
    row = await work.transaction.ask(lambda connection: queries.incident_row(connection, given.incident_guid))
    return Answer(on_the_bus(row), given.incident_guid)


async def _list(work: Work, given: a.ListIncidents) -> Answer:
    rows = await work.transaction.ask(lambda connection: queries.incidents(connection, **given.model_dump()))
    return Answer([on_the_bus(row) for row in rows])


async def _look_up(work: Work, given: a.LookupRef) -> Answer:
    row = await work.transaction.ask(lambda connection: queries.communication_row(connection, given.short_ref))
    if row is None:
        return Answer(None)
    metadata = {name: value for name, value in (row["Metadata"] or {}).items() if name != "html"}  # a page: too much for an answer
    tries = [on_the_bus(each) for each in row["AttemptLog"]]
    return Answer(on_the_bus({**row, "Metadata": metadata, "AttemptLog": tries}), row["IncidentGuid"])


def on_the_bus(row: Mapping[str, Any]) -> dict[str, Any]:
    """``row`` with the guide's column names as the bus writes names: ``IncidentGuid`` as ``incident_guid``. Values stay."""
    return {_NAMES.get(name) or _WORD.sub("_", name).lower(): value for name, value in row.items()}


CATALOGUE: Mapping[str, Verb] = {
    "create-incident": Verb(a.CreateIncident, _changes(verbs.create_incident), "created_by"),
    "update-status": Verb(a.UpdateStatus, _changes(verbs.update_status), "updated_by"),
    "acknowledge": Verb(a.Acknowledge, _changes(verbs.acknowledge), "acknowledged_by"),
    "assign": Verb(a.Assign, _changes(verbs.assign), "assigned_by"),
    "add-note": Verb(a.AddNote, _changes(verbs.add_note), "created_by"),
    "close-incident": Verb(a.CloseIncident, _changes(verbs.close_incident), "closed_by"),
    "reopen-incident": Verb(a.ReopenIncident, _changes(verbs.reopen_incident), "reopened_by"),
    "link-alert": Verb(a.LinkAlert, _changes(verbs.link_alert), "linked_by"),
    "merge-incidents": Verb(a.MergeIncidents, _changes(verbs.merge_incidents), "merged_by"),
    "log-communication": Verb(a.LogCommunication, _log, "logged_by"),
    "notify": Verb(a.NotifyIncident, _notify, "sent_by"),
    "silence": Verb(a.AddSilence, _silence, "created_by"),
    "expire-silence": Verb(a.ExpireSilence, _expire_silence, "expired_by"),
    "list-silences": Verb(a.ListSilences, _list_silences),
    "get-incident": Verb(a.GetIncident, _get),
    "list-incidents": Verb(a.ListIncidents, _list),
    "lookup-ref": Verb(a.LookupRef, _look_up),
    "report": Verb(a.Report, _report),
    "email-report": Verb(a.EmailReport, _email_report, "sent_by"),
}
"""By the last level of ``<base>/request/<verb>``."""
