"""Every metric, in one table: its name, what it tells, its labels. ``docs/metrics.md`` is written from it.

Base units; no guid and nothing that a payload says is a label: the values of each are an enum's, or the configuration's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What may be done with it: a counter only grows, a gauge goes up and down, a histogram counts by size."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """One metric. ``bounds`` are a histogram's; ``is_shared``: it tells of the database, so every daemon on that tells the same."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    is_shared: bool = False


_BRIEF_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_LONG_S = (0.0025, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_ACCEPTED_S = (*_BRIEF_S, 60.0, 300.0, 3600.0)

BUILD = Description(
    name="axion_build_info", kind=Kind.GAUGE, help="Always 1; its labels say what runs.", labels=("version", "python")
)
ALERTS = Description(
    name="axion_alerts_received_total",
    kind=Kind.COUNTER,
    help="Alerts that are on record, by configured source and by what became of them.",
    labels=("source", "outcome"),
)
REQUESTS = Description(
    name="axion_requests_received_total",
    kind=Kind.COUNTER,
    help="Commands and replies that are on record, by what became of them.",
    labels=("outcome",),
)
REFUSED = Description(
    name="axion_refused_total",
    kind=Kind.COUNTER,
    help="Alerts, commands and replies that are on record as FAILED, by what is wrong with them.",
    labels=("fault",),
)
ACCEPTED_S = Description(
    name="axion_accept_duration_seconds",
    kind=Kind.HISTOGRAM,
    help="From the arrival of a message to its acknowledgement, which follows the commit.",
    bounds=_ACCEPTED_S,
)
BATCH = Description(
    name="axion_batch_messages",
    kind=Kind.HISTOGRAM,
    help="Messages accepted in one transaction.",
    bounds=(1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0),
)
INTAKE_MESSAGES = Description(
    name="axion_intake_messages", kind=Kind.GAUGE, help="Messages that were delivered and are not yet acknowledged."
)
INTAKE_BYTES = Description(name="axion_intake_bytes", kind=Kind.GAUGE, help="The size of their payloads.")
INTAKE_PAUSED = Description(
    name="axion_intake_paused", kind=Kind.GAUGE, help="1 while the buses are held back, because too much is unacknowledged."
)
INTAKE_LAG_S = Description(
    name="axion_intake_lag_seconds", kind=Kind.GAUGE, help="How long the oldest unacknowledged message has waited; 0 without one."
)
PENDING = Description(
    name="axion_pending_messages",
    kind=Kind.GAUGE,
    help="Messages that are to be sent, those that wait for another attempt included.",
    labels=("channel",),
    is_shared=True,
)
PENDING_S = Description(
    name="axion_pending_oldest_seconds",
    kind=Kind.GAUGE,
    help="How long ago the oldest of them was queued; 0 without one.",
    labels=("channel",),
    is_shared=True,
)
RELAY_LAG_S = Description(
    name="axion_relay_lag_seconds",
    kind=Kind.GAUGE,
    help="For how long the first of them has been due; 0 when none is.",
    labels=("channel",),
    is_shared=True,
)
SENDS = Description(
    name="axion_sends_total",
    kind=Kind.COUNTER,
    help="Attempts to send a message that have ended, by how: sent, postponed to another attempt, refused, given up.",
    labels=("channel", "status"),
)
SENDS_S = Description(
    name="axion_send_duration_seconds",
    kind=Kind.HISTOGRAM,
    help="How long such an attempt took.",
    labels=("channel",),
    bounds=_LONG_S,
)
INCIDENTS = Description(
    name="axion_incidents_open",
    kind=Kind.GAUGE,
    help="Incidents that are not closed.",
    labels=("severity",),
    is_shared=True,
)
CONNECTED = Description(
    name="axion_bus_connected", kind=Kind.GAUGE, help="1 while we are connected to the bus and subscribed.", labels=("bus",)
)
CONNECTIONS = Description(
    name="axion_bus_connections_total",
    kind=Kind.COUNTER,
    help="Connections to the bus that came to be; all but the first are reconnections.",
    labels=("bus",),
)
GAPS = Description(
    name="axion_gaps_total",
    kind=Kind.COUNTER,
    help="How often a bus told that messages are lost, or may be; each time is a FAILED row of the audit stream.",
    labels=("reason",),
)
STORE_UP = Description(
    name="axion_store_up",
    kind=Kind.GAUGE,
    help="1 if the database answered when it was asked last; while it is 0, what it would tell is not there.",
)
SAMPLED = Description(
    name="axion_sampled_timestamp_seconds",
    kind=Kind.GAUGE,
    help="When the database answered last, in seconds since 1970.",
)
TRANSACTIONS_S = Description(
    name="axion_store_transaction_seconds",
    kind=Kind.HISTOGRAM,
    help="How long transactions took that were committed, waiting for a connection included.",
    bounds=_BRIEF_S,
)
STORE_ERRORS = Description(
    name="axion_store_errors_total",
    kind=Kind.COUNTER,
    help="Transactions that were not committed; one that lost a race (StoreConflict) is tried again.",
    labels=("error",),
)

ALL = (
    BUILD,
    ALERTS,
    REQUESTS,
    REFUSED,
    ACCEPTED_S,
    BATCH,
    INTAKE_MESSAGES,
    INTAKE_BYTES,
    INTAKE_PAUSED,
    INTAKE_LAG_S,
    PENDING,
    PENDING_S,
    RELAY_LAG_S,
    SENDS,
    SENDS_S,
    INCIDENTS,
    CONNECTED,
    CONNECTIONS,
    GAPS,
    STORE_UP,
    SAMPLED,
    TRANSACTIONS_S,
    STORE_ERRORS,
)
