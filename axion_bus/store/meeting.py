"""All that the alerts of a batch meet in the database, by one statement: a round trip costs more than what most of it asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axion_bus.ports import Met
from axion_bus.store import alerts, communications, desk, incidents, silences
from axion_bus.store.prepared import Prepared

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from axion_bus.ports import Sought

# Alerts before incidents: rows are locked in the order of the parts. What was accepted is looked for when the alerts are ours.
_met = Prepared(silences.ending, alerts.open_of, incidents.open_of, incidents.closed_of, desk.leads_of, communications.accepted_of)


async def meet(connection: AsyncConnection, sought: Sought) -> Met:
    """What ``ports.Met`` says, alerts and incidents locked."""
    wanted = sorted(sought.keys)
    found = await _met.rows(
        connection,
        ends_after=sought.ends_after,
        fingerprints=sorted(sought.fingerprints),
        keys=wanted,
        reopened=wanted if sought.closed_since else (),
        since=sought.closed_since,
        merged=wanted,
        ingest_keys=sorted(sought.ingest_keys),
    )
    met = Met()
    leads = []
    for kind, *row in found:
        match kind:
            case alerts.OPEN:
                met.alerts.append(alerts.read_record(*row))
            case incidents.OPEN | incidents.CLOSED:
                met.incidents.append(incidents.read_incident(*row))
            case silences.ENDING:
                met.silences.append(silences.read_silence(*row))
            case communications.ACCEPTED:
                met.accepted[row[0]] = row[1]
            case desk.LEAD:
                leads.append(row)
    met.merged.update((key, guid) for _, key, guid in sorted(leads))
    met.silences = silences.oldest_first(met.silences)
    return met
