"""G13 in a storm: incidents that say the same are one message with their number, but for programs that keep them apart."""

from __future__ import annotations

import re

from tests.chaos import ledger
from tests.chaos.scene import start_hearing
from tests.people import messages
from tests.servers import wait_until

ALERTS = 200
HOST_BY_HOST = """
[[rules]]
name = "by-host"
match = ["package = STORAGE"]
group_by = ["package", "title", "source"]
[notify]
created = "EVERYBODY"
"""


def test_a_storm_of_one_kind_is_a_few_messages_with_their_number(paging, publish, sqlite_url, providers):
    daemon = paging(sqlite_url, "SLACK", "PAGERDUTY", more=HOST_BY_HOST)
    daemon.stop()  # so that the storm is there at once, in the session that the broker keeps
    storm = {"title": "Disk full", "severity": "HIGH", "package": "STORAGE"}
    for number in range(ALERTS):
        publish("alerts/fleet/disk", id=str(number), source=f"host-{number}", **storm)

    start_hearing(daemon)
    wait_until(lambda: sum(row["Status"] == "SENT" for row in messages(sqlite_url)) == 2 * ALERTS, "all are sent")

    told = [asked.said["text"] for asked in providers.asked["SLACK"]]
    numbers = [int(found[1]) if (found := re.match(r"\*(\d+)x ", text)) else 1 for text in told]
    triggered = {asked.said["dedup_key"] for asked in providers.asked["PAGERDUTY"]}
    assert (ALERTS, True) == (sum(numbers), len(told) <= 10)
    assert (ALERTS, ALERTS) == (len(triggered), len(providers.asked["PAGERDUTY"]))
    assert 0 == ledger.count(sqlite_url, "data_incident_communication", "Status = 'FAILED'")
