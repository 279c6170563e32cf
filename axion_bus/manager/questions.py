"""The questions of the incident manager, answered with dicts keyed by the guide's column names. Times are aware UTC datetimes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from axion_bus.manager import arguments as a
from axion_bus.manager import finding, silences
from axion_bus.manager.opening import Opening
from axion_bus.store import metrics, queries

if TYPE_CHECKING:
    from datetime import date

    from axion_bus.domain.alert import Severity
    from axion_bus.domain.incident import IncidentStatus

Row = dict[str, Any]


class Questions(Opening):
    """What AsyncIncidentManager can be asked; none of it changes anything."""

    async def find_incident(self, text: str) -> str:
        """The guid of the incident that ``text`` means: its guid, 6 characters or more of its beginning, or a reference.

        Raises:
            NotFound: there is none; the message names the nearest guids. ValidationFailed: there are several.

        """
        return await self._open.read(lambda connection: finding.incident(connection, text))

    async def explain(self, text: str) -> Row:
        """Why a message (its reference) was sent or what it led to, or all about an incident (its guid). Raises NotFound.

        ``subject`` is the message or None, ``incident`` what it is about, ``causes`` what came in before, ``effects`` what went out
        after, each with its ``AttemptLog``.
        """
        return await self._open.read(lambda connection: finding.chain(connection, text))

    async def get_incident(self, incident_guid: str) -> Row:
        """The incident. Raises NotFound."""
        given = a.check(a.GetIncident, given_by(locals()))
        return await self._open.read(lambda connection: queries.incident_row(connection, given.incident_guid))

    async def list_incidents(
        self,
        *,
        status: str | IncidentStatus | None = None,
        severity: str | Severity | None = None,
        package: str | None = None,
        assigned_to: str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[Row]:
        """Incidents, the newest first, of what is given."""
        given = a.check(a.ListIncidents, given_by(locals()))
        return await self._open.read(lambda connection: queries.incidents(connection, **given.model_dump()))

    async def list_silences(self, *, expired: bool = False, limit: int = 1000) -> list[Row]:
        """Silences, the newest first, behind those of the configuration; those that have ended only if ``expired``.

        ``State`` is PENDING, ACTIVE, EXPIRED, or FAULTY: ``Fault`` then says why one that was written by hand silences nothing.
        """
        given, standing = a.check(a.ListSilences, given_by(locals())), self._open.settings.standing_silences()
        return await self._open.look(lambda work: silences.listed(work, given, standing))

    async def find_silence(self, text: str) -> str:
        """The guid of the silence that ``text`` means: its guid, or 6 characters or more of its beginning.

        Raises:
            NotFound: there is none. ValidationFailed: there are several.

        """
        return await self._open.read(lambda connection: finding.silence(connection, text))

    async def get_incident_alerts(self, incident_guid: str) -> list[Row]:
        """The alerts linked to an incident, in order: ``AlertGuid``, ``LinkedAt``, and what is known of each. Raises NotFound."""
        given = a.check(a.GetIncident, given_by(locals()))
        return await self._open.read(lambda connection: queries.alerts(connection, given.incident_guid))

    async def get_incident_notes(self, incident_guid: str) -> list[Row]:
        """The notes of an incident, in the order in which they were written. Raises NotFound."""
        given = a.check(a.GetIncident, given_by(locals()))
        return await self._open.read(lambda connection: queries.notes(connection, given.incident_guid))

    async def get_incident_timeline(self, incident_guid: str) -> list[Row]:
        """What happened to an incident, in order: ``EventType``, ``Description``, ``CreatedBy``, ``Timestamp``. Raises NotFound."""
        given = a.check(a.GetIncident, given_by(locals()))
        return await self._open.read(lambda connection: queries.timeline_rows(connection, given.incident_guid))

    async def get_incident_communications(self, incident_guid: str, channel: str | None = None, limit: int = 100) -> list[Row]:
        """The communications of an incident, the newest first, bus traffic included. Raises NotFound."""
        given = a.check(a.ListCommunications, given_by(locals()))
        return await self._open.read(lambda connection: queries.communications(connection, **given.model_dump()))

    async def get_communication_by_ref(self, short_ref: str) -> Row | None:
        """The communication with this reference, or None; with ``IncidentTitle``, ``IncidentSeverity`` and ``AttemptLog``."""
        given = a.check(a.LookupRef, given_by(locals()))
        return await self._open.read(lambda connection: queries.communication_row(connection, given.short_ref))

    async def get_incident_metrics(
        self, package: str | None = None, start_date: str | date | None = None, end_date: str | date | None = None
    ) -> Row:
        """Figures of the incidents created from ``start_date`` to ``end_date``, both included, in UTC; times in hours.

        A date means all of its day. With no incident counts are zero and times None.
        """
        given = a.check(a.Metrics, given_by(locals()))
        return await self._open.read(lambda connection: metrics.metrics(connection, **given.model_dump()))


def given_by(names: Row) -> Row:
    """The arguments of a call, of its ``locals()``."""
    return {name: value for name, value in names.items() if name != "self"}
