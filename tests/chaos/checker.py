"""The judge: set algebra over what was published, what the database says and what a subscriber saw, as Jepsen's checkers do it.

Pure; every fault is a sentence, and no sentence means that the promises held. It must be asked in a quiet time, with no backlog.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from tests.chaos.ledger import Ledger

COUNTING = frozenset({"opened", "linked", "repeated", "severity_changed", "reopened", "below_create_at", "silenced"})
"""The reasons of firing alerts: each has an alert row and is counted on it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One event as a subscriber received it. ``subject`` is the incident's guid, if it has one."""

    id: str
    subject: str | None
    sequence: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What happened outside the daemon. ``published`` are the ids handed to the broker, ``acked`` those that it took (PUBACK)."""

    published: Collection[str] = ()
    acked: Collection[str] = ()
    seen: list[Seen] = field(default_factory=list)


def check(history: History, ledger: Ledger) -> list[str]:
    """Every broken promise, as a sentence with examples; empty when all held."""
    return [
        *_accepted_once(history, ledger),
        *_alerts_add_up(ledger),
        *_one_open_incident_per_key(ledger),
        *_events_are_numbered_without_gap(ledger),
        *_events_are_settled(ledger),
        *_links_are_whole(ledger),
        *_subscriber_saw_all_in_order(history.seen, ledger),
    ]


NO_MESSAGE = {"reload_refused", "session_unsure"}
"""Why a row is FAILED that tells of no message. A daemon that is killed as it connects leaves the next unsure of its session."""


def _accepted_once(history: History, ledger: Ledger) -> Iterator[str]:
    """G1: lost = unexpected = duplicated = 0."""
    rows = Counter(row.external_id for row in ledger.inbound if row.status == "RECEIVED" and row.external_id is not None)
    yield from _fault("lost: acknowledged by the broker, no row", set(history.acked) - rows.keys())
    yield from _fault("unexpected: a row for an id that was never published", rows.keys() - set(history.published))
    yield from _fault("duplicated: more than one row", (key for key, number in rows.items() if number > 1))
    yield from _fault(
        "refused: FAILED though it was well formed",
        (
            f"{row.external_id or row.guid} ({row.reason}: {row.error})"
            for row in ledger.inbound
            if row.status == "FAILED" and row.reason not in NO_MESSAGE
        ),
    )


def _alerts_add_up(ledger: Ledger) -> Iterator[str]:
    """Each firing alert that was accepted has its alert, and each alert counts those and nothing else."""
    firing = [row for row in ledger.inbound if row.status == "RECEIVED" and row.reason in COUNTING]
    alerts = {alert.guid: alert for alert in ledger.alerts}
    yield from _fault("orphaned: accepted, but its alert does not exist", (r.guid for r in firing if r.alert_guid not in alerts))
    occurrences = Counter(row.alert_guid for row in firing)
    yield from _fault(
        "miscounted: Count differs from the rows that were accepted for it",
        (f"{a.guid} (Count {a.count}, rows {occurrences[a.guid]})" for a in ledger.alerts if a.count != occurrences[a.guid]),
    )
    open_ones = Counter(alert.fingerprint for alert in ledger.alerts if alert.status == "FIRING")
    yield from _fault("two open alerts of one fingerprint", (key for key, number in open_ones.items() if number > 1))


def _one_open_incident_per_key(ledger: Ledger) -> Iterator[str]:
    """G3."""
    open_ones = Counter(incident.key for incident in ledger.incidents if incident.status != "CLOSED" and incident.key)
    yield from _fault("two open incidents of one correlation key", (key for key, number in open_ones.items() if number > 1))


def _events_are_numbered_without_gap(ledger: Ledger) -> Iterator[str]:
    """G4: of each incident the rows 1..n, where n is what the incident says."""
    sequences = defaultdict(list)
    for row in ledger.outbound:
        if row.sequence is not None:
            sequences[row.incident_guid].append(row.sequence)
    last = {incident.guid: incident.sequence for incident in ledger.incidents}
    yield from _fault("events of an unknown incident", sequences.keys() - last.keys())
    yield from _fault(
        "event rows are not numbered 1..n",
        (
            f"{guid} (1..{n} wanted, found {sorted(sequences[guid])})"
            for guid, n in last.items()
            if sorted(sequences[guid]) != list(range(1, n + 1))
        ),
    )


def _events_are_settled(ledger: Ledger) -> Iterator[str]:
    """Nothing PENDING or FAILED, and SENT only with an attempt that says so."""
    yield from _fault("not SENT", (f"{row.guid} ({row.status}: {row.error})" for row in ledger.outbound if row.status != "SENT"))
    sent = {row.guid for row in ledger.outbound if row.status == "SENT"}
    yield from _fault("SENT without a successful attempt", sent - ledger.delivered)


def _links_are_whole(ledger: Ledger) -> Iterator[str]:
    """An alert's incident has it linked, and both ends of a link exist."""
    alerts = {alert.guid for alert in ledger.alerts}
    incidents = {incident.guid for incident in ledger.incidents}
    linked = {(alert.incident_guid, alert.guid) for alert in ledger.alerts if alert.incident_guid}
    yield from _fault("an alert names its incident, but is not linked to it", (str(link) for link in linked - ledger.links))
    loose = (str(link) for link in ledger.links if link[0] not in incidents or link[1] not in alerts)
    yield from _fault("a link with a missing end", loose)


def _subscriber_saw_all_in_order(seen: Iterable[Seen], ledger: Ledger) -> Iterator[str]:
    """G4: each event at least once with a stable id; of each incident first occurrences 1, 2, 3 ... in this order."""
    seen = list(seen)
    rows = {row.guid: row for row in ledger.outbound}
    ids = {event.id for event in seen}
    yield from _fault("never published: no subscriber saw the event", rows.keys() - ids)
    yield from _fault("published without a row", ids - rows.keys())
    named: dict[tuple[str | None, int], str] = {}
    firsts: dict[str | None, list[int]] = defaultdict(list)
    changed = set()
    for event in seen:
        if event.sequence is None:
            continue
        known = named.setdefault((event.subject, event.sequence), event.id)
        if known != event.id:
            changed.add(f"{event.subject} {event.sequence} ({known}, then {event.id})")
        elif event.sequence not in firsts[event.subject]:
            firsts[event.subject].append(event.sequence)
    yield from _fault("an event came again with another id", changed)
    yield from _fault(
        "first occurrences out of order",
        (f"{guid} {numbers}" for guid, numbers in firsts.items() if numbers != list(range(1, len(numbers) + 1))),
    )


def _fault(what: str, cases: Iterable[str | None]) -> Iterator[str]:
    examples = sorted({str(case) for case in cases})
    if examples:
        more = f" and {len(examples) - 5} more" if len(examples) > 5 else ""
        yield f"{what}: {'; '.join(examples[:5])}{more}"
