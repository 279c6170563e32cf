"""Who may ask a running daemon for what, on a bus like the system's: by the shipped policy, and by the lists of users."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from tests.chaos import ledger
from tests.gdbus import MANAGER, NAME, ROOT
from tests.servers import wait_until

US = os.getuid()
NOBODY = 65534
EVERYBODY_WE_CAN_BE = [US, NOBODY] if US == 0 else [US]
ALERT = '{"title": "Disk full", "severity": "HIGH"}'


def call(dbus, uid, method, *arguments):
    """What gdbus says when the user ``uid`` runs it."""
    user = [] if uid == US else ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
    command = ["gdbus", "call", "--session", "--dest", NAME, "--object-path", ROOT, "--method", f"{MANAGER}.{method}", *arguments]
    environment = {"PATH": os.environ["PATH"], "DBUS_SESSION_BUS_ADDRESS": dbus.address}
    return subprocess.run([*user, *command], capture_output=True, text=True, timeout=60, check=False, env=environment)


def refused(store):
    """Of each FAILED row: why, what was asked, by which user."""
    rows = ledger.query(store, "SELECT * FROM data_incident_communication WHERE Direction = 'INBOUND' AND Status = 'FAILED'")
    told = [ledger.metadata(row) for row in rows]
    return [(each["reason"], each.get("verb"), each["sender"]["uid"]) for each in told]


@pytest.mark.parametrize("uid", EVERYBODY_WE_CAN_BE)
def test_a_user_who_is_not_listed_is_refused_and_on_record(dbus, serving, sqlite_url, uid):
    daemon = serving(sqlite_url, more=f"allowed_uids = {{ default = [{US + 1}], get-incident = [{uid}] }}\n")

    said = call(dbus, uid, "ListIncidents", "{}")
    wait_until(lambda: refused(sqlite_url), "a row")
    allowed = call(dbus, uid, "GetIncident", "unknown")

    assert "org.axion.Bus1.Error.AccessDenied" in said.stderr
    assert "org.axion.Bus1.Error.NotFound" in allowed.stderr
    assert [("access_denied", "list-incidents", uid)] == refused(sqlite_url)[:1]
    assert 0 == daemon.stop()


@pytest.mark.parametrize("uid", EVERYBODY_WE_CAN_BE)
def test_a_user_who_is_listed_and_whom_the_policy_lets_is_served(dbus, serving, sqlite_url, uid):
    daemon = serving(sqlite_url, more=f"allowed_uids = {{ default = [{US}, {uid}] }}\n")

    listed = call(dbus, uid, "ListIncidents", "{}")
    submitted = call(dbus, uid, "Submit", ALERT)

    assert (0, "(@aa{sv} [],)\n") == (listed.returncode, listed.stdout)
    if uid == US:
        assert 0 == submitted.returncode
    else:
        assert "org.freedesktop.DBus.Error.AccessDenied" in submitted.stderr, "the policy lets only its group send alerts"
    assert (1 if uid == US else 0) == ledger.count(sqlite_url, "data_alert")
    assert [] == [each for each in refused(sqlite_url) if each[0] == "access_denied"]
    assert 0 == daemon.stop()


def test_a_signal_of_a_user_who_is_not_listed_is_refused_and_on_record(dbus, serving, sqlite_url):
    daemon = serving(sqlite_url, more=f"allowed_uids = {{ submit = [{US + 1}] }}\n")
    environment = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": dbus.address}
    command = ["gdbus", "emit", "--session", "--object-path", "/", "--signal", "org.axion.Alert1.Alert", json.dumps(ALERT)]

    subprocess.run(command, env=environment, timeout=60, check=True)
    wait_until(lambda: ledger.count(sqlite_url, "data_incident_communication"), "a row")

    [row] = ledger.query(sqlite_url, "SELECT * FROM data_incident_communication")
    assert ("FAILED", "access_denied", "/") == (row["Status"], ledger.metadata(row)["reason"], row["Recipient"])
    assert 0 == daemon.stop()
