"""The checker finds each thing that it is there to find: otherwise a fault test that passes would say nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chaos.checker import History, Seen, check
from tests.chaos.ledger import AlertRow, Inbound, IncidentRow, Ledger, Outbound

HISTORY = History(
    published={"a", "b", "c"},
    acked={"a", "b"},
    seen=[Seen("e1", "I", 1), Seen("e2", "I", 2), Seen("e1", "I", 1), Seen("e9", None, None)],
)
LEDGER = Ledger(
    inbound=[
        Inbound(guid="r1", status="RECEIVED", reason="opened", external_id="a", alert_guid="A"),
        Inbound(guid="r2", status="RECEIVED", reason="repeated", external_id="b", alert_guid="A"),
        Inbound(guid="r3", status="RECEIVED", reason="resolved", external_id="c", alert_guid="A"),
    ],
    outbound=[
        Outbound(guid="e1", status="SENT", incident_guid="I", sequence=1),
        Outbound(guid="e2", status="SENT", incident_guid="I", sequence=2),
        Outbound(guid="e9", status="SENT", incident_guid=None, sequence=None),
    ],
    alerts=[AlertRow(guid="A", fingerprint="f", status="RESOLVED", count=2, incident_guid="I")],
    incidents=[
        IncidentRow(guid="I", status="MONITORING", key="k", sequence=2),
        IncidentRow(guid="J", status="CLOSED", key="k", sequence=0),
    ],
    links={("I", "A")},
    delivered={"e1", "e2", "e9"},
)


def test_a_history_that_keeps_every_promise_has_no_fault():
    assert check(HISTORY, LEDGER) == []


def _without(rows, **named):
    ((name, value),) = named.items()
    return [row for row in rows if getattr(row, name) != value]


def _with(rows, guid, **changes):
    return [replace(row, **changes) if row.guid == guid else row for row in rows]


BROKEN = {
    "lost": (HISTORY, replace(LEDGER, inbound=_without(LEDGER.inbound, external_id="b"))),
    "unexpected": (replace(HISTORY, published={"a", "b"}), LEDGER),
    "duplicated": (HISTORY, replace(LEDGER, inbound=[*LEDGER.inbound, LEDGER.inbound[2]])),
    "refused": (HISTORY, replace(LEDGER, inbound=[*LEDGER.inbound, Inbound(guid="r4", status="FAILED", reason="internal")])),
    "orphaned": (HISTORY, replace(LEDGER, alerts=[])),
    "miscounted": (HISTORY, replace(LEDGER, alerts=_with(LEDGER.alerts, "A", count=3))),
    "two open alerts": (
        HISTORY,
        replace(LEDGER, alerts=[AlertRow(guid=guid, fingerprint="f", status="FIRING", count=0) for guid in "BC"]),
    ),
    "two open incidents": (HISTORY, replace(LEDGER, incidents=_with(LEDGER.incidents, "J", status="CREATED"))),
    "events of an unknown incident": (HISTORY, replace(LEDGER, incidents=_without(LEDGER.incidents, guid="I"))),
    "event rows are not numbered": (HISTORY, replace(LEDGER, outbound=_without(LEDGER.outbound, guid="e1"))),
    "not SENT": (HISTORY, replace(LEDGER, outbound=_with(LEDGER.outbound, "e2", status="PENDING"))),
    "SENT without a successful attempt": (HISTORY, replace(LEDGER, delivered={"e1", "e9"})),
    "an alert names its incident": (HISTORY, replace(LEDGER, links=set())),
    "a link with a missing end": (HISTORY, replace(LEDGER, links={*LEDGER.links, ("I", "gone")})),
    "never published": (replace(HISTORY, seen=HISTORY.seen[:3]), LEDGER),
    "published without a row": (replace(HISTORY, seen=[*HISTORY.seen, Seen("e7", None, None)]), LEDGER),
    "an event came again with another id": (replace(HISTORY, seen=[*HISTORY.seen, Seen("e9", "I", 2)]), LEDGER),
    "first occurrences out of order": (replace(HISTORY, seen=HISTORY.seen[1:]), LEDGER),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_each_broken_promise_is_found(fault):
    history, ledger = BROKEN[fault]

    found = check(history, ledger)

    assert any(sentence.startswith(fault) for sentence in found), found
