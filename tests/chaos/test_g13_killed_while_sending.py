"""G13: what is killed between the first byte and the row is sent again; whatever a provider got, an attempt is on record for."""

from __future__ import annotations

import os
import signal
from collections import Counter
from threading import Lock

import pytest

from tests.chaos import ledger
from tests.chaos.scene import start_hearing
from tests.people import messages
from tests.servers import wait_until

pytestmark = pytest.mark.chaos

CHANNELS = ("PAGERDUTY", "SLACK", "SMS")
NOTIFY = '[notify]\ncreated = "EVERYBODY"\n'
_OPEN_ATTEMPT = """
SELECT 1 FROM data_incident_communication_attempt AS a JOIN data_incident_communication AS c
ON a.CommunicationGuid = c.CommunicationGuid WHERE c.ShortRef = %s AND a.FinishedAt IS NULL
"""


class Killer:
    """Kills the daemon at some requests, before they are answered; looks, at each, whether its attempt is on record."""

    def __init__(self, daemon, store, at):
        self.kills = 0
        self.without_a_row = []
        self._daemon = daemon
        self._store = store
        self._at = at
        self._requests = 0
        self._lock = Lock()

    def __call__(self, channel, asked):
        with self._lock:
            if not ledger.query(self._store, _OPEN_ATTEMPT, asked.reference):
                self.without_a_row.append((channel, asked.reference))
            self._requests += 1
            if self._requests in self._at:
                os.kill(self._daemon.pid, signal.SIGKILL)
                self.kills += 1


def unsettled(store):
    return [row for row in messages(store) if row["NextAttemptAt"] is not None]


def test_what_a_killed_daemon_may_have_sent_is_sent_again(paging, publish, store_url, providers, is_long):
    incidents, kills = (60, 20) if is_long else (8, 3)
    at = {2 + 7 * kill for kill in range(kills)}
    daemon = paging(store_url, *CHANNELS, more=NOTIFY)
    killer = providers.on_request = Killer(daemon, store_url, at)

    for number in range(incidents):
        publish("alerts/db/main", id=str(number), title=f"Disk {number} full", severity="CRITICAL", package="STORAGE")
    for _ in at:
        daemon.wait()
        start_hearing(daemon)
    wait_until(lambda: len(messages(store_url)) == incidents * len(CHANNELS) and not unsettled(store_url), "all is settled", 60)

    rows = {row["ShortRef"]: row for row in messages(store_url)}
    got = Counter(asked.reference for channel in CHANNELS for asked in providers.asked[channel])
    attempts = ledger.query(store_url, "SELECT CommunicationGuid FROM data_incident_communication_attempt")
    tried = Counter(row["CommunicationGuid"] for row in attempts)
    doubtful = ledger.count(store_url, "data_incident_communication_attempt", "Status = %s", "AMBIGUOUS")
    assert ({"SENT"}, kills, []) == ({row["Status"] for row in rows.values()}, killer.kills, killer.without_a_row)
    assert rows.keys() == got.keys()
    assert [] == [ref for ref, row in rows.items() if got[ref] > tried[row["CommunicationGuid"]]]
    assert (True, True) == (doubtful >= kills, sum(got.values()) >= incidents * len(CHANNELS) + kills)
    keys = {asked.said["dedup_key"] for asked in providers.asked["PAGERDUTY"]}
    assert {row["IncidentGuid"] for row in ledger.query(store_url, "SELECT IncidentGuid FROM data_incident")} == keys
