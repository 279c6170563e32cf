"""What is known of the keys of a batch while its alerts are decided, one after another: Board.

It holds the effects of the batch so far, so alerts of one batch see each other. Filled from the store by the pipeline's record
step, read by ``correlation.decide``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from axion_bus.domain.alert import AlertStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from axion_bus.domain.alert import AlertRecord
    from axion_bus.domain.correlation import Decision
    from axion_bus.domain.incident import Incident
    from axion_bus.domain.noise import Silence
    from axion_bus.domain.rules import Rule


@dataclass(slots=True)
class Board:
    """What is known of a batch's keys: open alerts by fingerprint, incidents by guid, which one a key leads to.

    ``by_key`` leads to the open incident of a key or else to the one closed last, ``merged`` to the one that an incident of the
    key was merged into. ``firing`` counts the firing alerts of an incident; it need be filled only when the batch resolves
    something. ``rules`` are those in force, by name; ``silences`` those that are active.
    """

    rules: Mapping[str, Rule] = field(default_factory=dict)
    alerts: dict[str, AlertRecord] = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)
    by_key: dict[str, str] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)
    firing: Counter[str] = field(default_factory=Counter)
    taken: set[str] = field(default_factory=set)
    silences: Sequence[Silence] = ()

    def put_alerts(self, alerts: Iterable[AlertRecord]) -> None:
        """Put open alerts on the board."""
        self.alerts.update((alert.fingerprint, alert) for alert in alerts)

    def put_incidents(self, incidents: Iterable[Incident]) -> None:
        """Put incidents on the board; of one key the open one counts, else the one closed last."""
        for incident in incidents:
            self.incidents[incident.guid] = incident
            if incident.correlation_key is not None:
                current = self.by_key.get(incident.correlation_key)
                if current is None or _rank(incident) >= _rank(self.incidents[current]):
                    self.by_key[incident.correlation_key] = incident.guid

    def put_targets(self, targets: Mapping[str, Incident]) -> None:
        """Put on the board, by the key of what was merged, the incidents that it was merged into."""
        self.put_incidents(targets.values())
        self.merged.update((key, target.guid) for key, target in targets.items())

    def has_open(self, key: str) -> bool:
        """Whether an incident of ``key`` is open."""
        guid = self.by_key.get(key)
        return guid is not None and self.incidents[guid].is_open

    def incident_of(self, record: AlertRecord | None, key: str) -> Incident | None:
        """The open incident that ``record`` is linked to, or that of ``key``, or where it was merged; else the last of ``key``."""
        linked = None if record is None else record.incident_guid
        last = self.by_key.get(key)
        for guid in (linked, last, self.merged.get(key)):
            incident = None if guid is None else self.incidents.get(guid)
            if incident is not None and incident.is_open:
                return incident
        return None if last is None else self.incidents[last]

    def apply(self, decision: Decision) -> None:
        """Make the effects of ``decision`` visible to the next one."""
        record, incident = decision.alert, decision.incident
        if incident is not None:
            self.put_incidents((incident,))
        if record is None:
            return
        self.taken.add(record.guid)
        before = self.alerts.pop(record.fingerprint, None)
        if before is not None and before.incident_guid is not None:
            self.firing[before.incident_guid] -= 1
        if record.status is AlertStatus.FIRING:
            self.alerts[record.fingerprint] = record
            if record.incident_guid is not None:
                self.firing[record.incident_guid] += 1


def _rank(incident: Incident) -> tuple[bool, datetime]:
    return incident.is_open, incident.closed_at or incident.created_at
