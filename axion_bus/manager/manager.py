"""AsyncIncidentManager: the guide's calls. Each checks its arguments, runs one verb in one transaction and answers with dicts.

Dicts are keyed by the guide's column names; times are aware UTC datetimes. Thin on purpose: what happens is in ``verbs``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from axion_bus.manager import arguments as a
from axion_bus.manager import notify, report, silences, verbs
from axion_bus.manager.questions import Questions, given_by
from axion_bus.manager.views import incident_view

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from axion_bus.domain.alert import Severity
    from axion_bus.domain.incident import CloseReason, IncidentStatus
    from axion_bus.domain.note import NoteType


Row = dict[str, Any]


class AsyncIncidentManager(Questions):
    """The incident manager, for asyncio. ``config`` is a configuration file's path, settings, or None: the file that a daemon uses.

    Use it as ``async with``; it may be used from many tasks at once, and beside a running daemon, which publishes what is changed
    here. The database is opened (and, if empty or embedded, set up) on entry.

    Every method raises ``StoreUnavailable`` when the database is away, and ``ValidationFailed`` for an argument that is not
    allowed; then, as with every other error, nothing was changed.
    """

    async def create_incident(  # noqa: PLR0917 - the guide's call, its arguments in its order
        self,
        title: str,
        severity: str | Severity,
        package: str,
        description: str = "",
        assigned_to: str | None = None,
        alert_links: Sequence[str] | None = None,
        created_by: str = a.SYSTEM,
    ) -> str:
        """Open an incident and return its guid. ``alert_links`` are guids of alerts, known or not."""
        return (await self._open.act(a.CreateIncident, given_by(locals()), verbs.create_incident)).guid

    async def update_incident_status(
        self,
        incident_guid: str,
        new_status: str | IncidentStatus,
        updated_by: str = a.SYSTEM,
        *,
        expected_version: int | None = None,
    ) -> Row:
        """Move an incident along its life cycle; CLOSED closes it as RESOLVED. Returns the incident as it is then.

        Raises:
            NotFound: there is no such incident.
            InvalidTransition: the life cycle does not lead there; the error names what is allowed.
            Conflict: it is not at ``expected_version`` any more. So does every other change.

        """
        return incident_view(await self._open.act(a.UpdateStatus, given_by(locals()), verbs.update_status))

    async def acknowledge(self, incident_guid: str, acknowledged_by: str = a.SYSTEM, *, expected_version: int | None = None) -> Row:
        """Take on an incident that is CREATED: it becomes INVESTIGATING, and is yours if it was nobody's. Returns it.

        Raises:
            NotFound, Conflict: as ``update_incident_status``.
            InvalidTransition: it is not CREATED any more.

        """
        return incident_view(await self._open.act(a.Acknowledge, given_by(locals()), verbs.acknowledge))

    async def assign(
        self, incident_guid: str, assigned_to: str | None, assigned_by: str = a.SYSTEM, *, expected_version: int | None = None
    ) -> Row:
        """Put an incident into somebody's hands; None: nobody's. Returns it. Raises NotFound, Conflict."""
        return incident_view(await self._open.act(a.Assign, given_by(locals()), verbs.assign))

    async def add_incident_note(
        self,
        incident_guid: str,
        note_type: str | NoteType,
        content: str,
        created_by: str = a.SYSTEM,
        *,
        expected_version: int | None = None,
    ) -> Row:
        """Add a note, to a closed incident too. Returns the incident. Raises NotFound, Conflict."""
        return incident_view(await self._open.act(a.AddNote, given_by(locals()), verbs.add_note))

    async def close_incident(
        self,
        incident_guid: str,
        resolution_summary: str | None = None,
        root_cause: str | None = None,
        closed_by: str = a.SYSTEM,
        *,
        close_reason: str | CloseReason = "RESOLVED",
        expected_version: int | None = None,
    ) -> Row:
        """Close an incident; what is given is kept as notes. Returns it.

        Raises:
            NotFound, Conflict: as ``update_incident_status``.
            InvalidTransition: it is closed already.

        """
        return incident_view(await self._open.act(a.CloseIncident, given_by(locals()), verbs.close_incident))

    async def reopen_incident(self, incident_guid: str, reopened_by: str = a.SYSTEM, *, expected_version: int | None = None) -> Row:
        """Bring a closed incident back under investigation, with its history. Returns it.

        Raises:
            NotFound: there is no such incident.
            InvalidTransition: it is open, or was merged into another.
            Conflict: another incident is open for the same cause, or it is not at ``expected_version`` any more.

        """
        return incident_view(await self._open.act(a.ReopenIncident, given_by(locals()), verbs.reopen_incident))

    async def link_alert_to_incident(
        self, incident_guid: str, alert_guid: str, linked_by: str = a.SYSTEM, *, expected_version: int | None = None
    ) -> Row:
        """Link an alert, known or not, to an open incident; once linked, again changes nothing. Returns the incident.

        Raises:
            NotFound, Conflict: as ``update_incident_status``.
            InvalidTransition: the incident is closed.

        """
        return incident_view(await self._open.act(a.LinkAlert, given_by(locals()), verbs.link_alert))

    async def merge_incidents(
        self,
        source_incident_guid: str,
        target_incident_guid: str,
        merged_by: str = a.SYSTEM,
        *,
        expected_version: int | None = None,
    ) -> Row:
        """Move everything of the source to the target, close the source as MERGED, and return the target.

        Later alerts of the source's cause go to the target. ``expected_version`` is the source's.

        Raises:
            NotFound, Conflict: as ``update_incident_status``.
            InvalidTransition: they are one incident, or one of them is closed.

        """
        return incident_view(await self._open.act(a.MergeIncidents, given_by(locals()), verbs.merge_incidents))

    async def log_communication(  # noqa: PLR0917 - the guide's call
        self,
        incident_guid: str,
        channel: str,
        direction: str = "OUTBOUND",
        message: str = "",
        recipient: str | None = None,
        status: str = "SENT",
        metadata: dict[str, Any] | None = None,
        *,
        external_id: str | None = None,
        logged_by: str = a.SYSTEM,
    ) -> tuple[str, str]:
        """Record what was said by other means (a call, a visit); return its guid and its reference. Raises NotFound."""
        row = await self._open.act(a.LogCommunication, given_by(locals()), verbs.log_communication)
        return row.guid, row.short_ref

    async def notify_incident(
        self,
        incident_guid: str,
        notify_code: str,
        message_template: str | None = None,
        sent_by: str = a.SYSTEM,
    ) -> dict[str, int]:
        """Tell the people whom ``notify_code`` stands for; return how many messages were ``sent``, ``failed``, are ``pending``.

        ``message_template`` has the guide's placeholders. What fails for now is pending: a daemon tries it again. A channel that is
        not configured counts as failed, and so does an unknown code; the audit stream says why. Raises NotFound: no such incident.
        """
        given = a.check(a.NotifyIncident, given_by(locals()))
        return await self._open.post.send(lambda work: notify.notify(work, given))

    async def preview_notification(self, incident_guid: str, notify_code: str, message_template: str | None = None) -> list[Row]:
        """What ``notify_incident`` would send, a row for each message: nothing is sent or written. Raises NotFound."""
        given = a.check(a.NotifyIncident, given_by(locals()))
        return await notify.previewed(self._open, given)

    async def add_silence(
        self,
        match: str | Sequence[str],
        ends_at: str | datetime | timedelta,
        comment: str = "",
        created_by: str = a.SYSTEM,
        *,
        starts_at: str | datetime | None = None,
        silence_guid: str | None = None,
    ) -> str:
        """Silence the alerts that all conditions of ``match`` fit, until ``ends_at`` (or for so long: ``"2h"``). Returns its guid.

        They are recorded and counted, but open no incident and page nobody; those that fire still when it ends do so then.
        ``starts_at`` None: from now on. With the ``silence_guid`` of a silence, that one is changed.
        """
        return (await self._open.act(a.AddSilence, given_by(locals()), silences.add_silence)).guid

    async def expire_silence(self, silence_guid: str, expired_by: str = a.SYSTEM) -> None:
        """End a silence now; one that has ended stays as it is.

        Raises:
            NotFound: there is no such silence; one of the configuration is ended there.
            Conflict: somebody wrote it into the table by hand, and it cannot be read.

        """
        await self._open.act(a.ExpireSilence, given_by(locals()), silences.expire_silence)

    async def generate_incident_report(self, incident_guid: str, format: str = "text") -> str:  # noqa: A002 - the guide's word
        """What is known of an incident, as ``text``, ``markdown`` or one self-contained ``html`` page. Raises NotFound."""
        given = a.check(a.Report, given_by(locals()))
        return await report.written(self._open, given)

    async def email_incident_report(
        self,
        incident_guid: str,
        format: str = "html",  # noqa: A002 - the guide's word
        additional_recipients: Sequence[str] | None = None,
        *,
        sent_by: str = a.SYSTEM,
    ) -> dict[str, int]:
        """Mail the report to ``to`` of ``[channels.email]`` and ``additional_recipients``, each a message of its own.

        Every mail is text, with HTML beside it if ``format`` is ``html``. Returns counts as ``notify_incident``; what the mail
        server does not take for now is pending, and a daemon tries it again.

        Raises:
            NotFound: there is no such incident.
            ConfigError: there is no ``[channels.email]``.

        """
        given = a.check(a.EmailReport, given_by(locals()))
        return await self._open.post.send(lambda work: report.mailed(work, given))
