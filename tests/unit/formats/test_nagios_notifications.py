"""Notifications of Nagios and Icinga: the macros of their documentation ("Standard Macros in Nagios", "Runtime Macros").

Two samples were recorded by the recipe's commands: nagios_acknowledgement.txt of Nagios 4.4.6, icinga_service.txt of Icinga 2.13.6.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import pytest

from axion_bus.domain.alert import Alert, AlertStatus, Severity, fingerprint
from axion_bus.domain.communication import Fault
from tests.reading import a_fault, an_alert

SAMPLES = Path(__file__).parent / "samples"
SERVICE = (SAMPLES / "nagios_service.txt").read_text()
HOST = (SAMPLES / "icinga_host.json").read_text()


def lines(**macros):
    known = {"NOTIFICATIONTYPE": "PROBLEM", "HOSTNAME": "web-1", "SERVICEDESC": "HTTP", "SERVICESTATE": "CRITICAL", **macros}
    return "".join(f"NAGIOS_{name}={value}\n" for name, value in known.items())


@pytest.mark.parametrize("format_", ["nagios", "auto"])
def test_a_service_problem_is_an_alert(format_):
    assert an_alert(format_, SERVICE) == Alert(
        title="HTTP: connect to address 192.0.2.17 and port 80: Connection refused",
        source="web-1",
        package="HTTP",
        severity=Severity.CRITICAL,
        description="tried 3 times\nlast at 22:52",
        dedup_key="web-1;HTTP",
        labels={"address": "192.0.2.17", "hostgroups": "shop,web"},
        occurred_at=datetime(2026, 1, 31, 22, 52, 26, tzinfo=UTC),
    )


@pytest.mark.parametrize("format_", ["nagios", "auto"])
def test_a_host_that_is_up_again_resolves_its_own_alert(format_):
    up, down = an_alert(format_, HOST), an_alert(format_, "ICINGA_HOSTNAME=db-3\nICINGA_HOSTSTATE=DOWN")

    assert (up.status, up.package, up.source) == (AlertStatus.RESOLVED, "HOST", "db-3")
    assert (down.status, down.severity) == (AlertStatus.FIRING, Severity.CRITICAL)
    assert fingerprint(up) == fingerprint(down)


@pytest.mark.parametrize("format_", ["nagios", "auto"])
@pytest.mark.parametrize(
    ("sample", "title", "key", "description"),
    [
        (
            "nagios_acknowledgement",
            "HTTP: HTTP CRITICAL: refused HOME id",
            "web-1;HTTP",
            "long line 1\nlong 2\nada: looking into it",
        ),
        ("icinga_service", "disk: DISK CRITICAL - free: 2%", "db-3;disk", ""),
    ],
)
def test_what_was_recorded_is_an_alert(format_, sample, title, key, description):
    alert = an_alert(format_, (SAMPLES / f"{sample}.txt").read_text())

    assert (alert.title, alert.dedup_key, alert.description) == (title, key, description)
    assert (alert.status, alert.severity) == (AlertStatus.FIRING, Severity.CRITICAL)


@pytest.mark.parametrize(
    ("state", "status", "severity"),
    [
        ("OK", "RESOLVED", "MEDIUM"),
        ("WARNING", "FIRING", "MEDIUM"),
        ("CRITICAL", "FIRING", "CRITICAL"),
        ("UNKNOWN", "FIRING", "LOW"),
        ("critical", "FIRING", "CRITICAL"),
    ],
)
def test_the_state_of_a_service_is_what_counts(state, status, severity):
    alert = an_alert("nagios", lines(SERVICESTATE=state))

    assert (alert.status, alert.severity) == (AlertStatus[status], Severity[severity])


@pytest.mark.parametrize(
    ("state", "status", "severity"),
    [("UP", "RESOLVED", "MEDIUM"), ("DOWN", "FIRING", "CRITICAL"), ("UNREACHABLE", "FIRING", "HIGH")],
)
def test_the_state_of_a_host_is_what_counts(state, status, severity):
    alert = an_alert("nagios", lines(SERVICEDESC="", HOSTSTATE=state))

    assert (alert.status, alert.severity) == (AlertStatus[status], Severity[severity])


def test_an_acknowledgement_is_a_repeat_and_says_who_wrote_what():
    alert = an_alert("nagios", lines(NOTIFICATIONTYPE="ACKNOWLEDGEMENT", NOTIFICATIONAUTHOR="ada", NOTIFICATIONCOMMENT="looking"))

    assert (alert.status, alert.description) == (AlertStatus.FIRING, "ada: looking")
    assert alert.remarks == ("a notification of type 'ACKNOWLEDGEMENT', read by the state of what it is about",)


@pytest.mark.parametrize(("kind", "status"), [("PROBLEM", "FIRING"), ("RECOVERY", "RESOLVED")])
def test_without_a_state_the_type_counts(kind, status):
    assert an_alert("nagios", lines(NOTIFICATIONTYPE=kind, SERVICESTATE="")).status is AlertStatus[status]


@pytest.mark.parametrize("unknown", ["$SERVICEDESC$", "", "  "])
def test_a_macro_that_was_not_replaced_says_nothing(unknown):
    assert an_alert("nagios", lines(SERVICEDESC=unknown, HOSTSTATE="DOWN")).dedup_key == "web-1"


def test_the_output_differs_each_time_and_the_alert_stays_the_same():
    one, other = (an_alert("nagios", lines(SERVICEOUTPUT=f"{n} % free")) for n in (3, 2))

    assert one.title != other.title
    assert fingerprint(one) == fingerprint(other)


def test_a_line_that_names_no_macro_goes_on_with_the_one_before():
    assert an_alert("nagios", lines(LONGSERVICEOUTPUT="one\r\ntwo = 2\nthree")).description == "one\ntwo = 2\nthree"


def test_a_message_of_nothing_but_lines_is_read_in_no_time():
    """It blocks all others meanwhile; a text that grows line by line would take seconds."""
    begun = perf_counter()

    assert (Fault.MISSING_FIELD, "HOSTNAME") == a_fault("nagios", "NAGIOS_X=" + "x\n" * 130_000)
    assert perf_counter() - begun < 1


def test_a_time_of_icinga_has_a_fraction():
    time = an_alert("nagios", lines(LASTSERVICESTATECHANGE="1769899946.500000")).occurred_at

    assert time == datetime(2026, 1, 31, 22, 52, 26, 500_000, UTC)


@pytest.mark.parametrize("text", ["1" * 25, "yesterday"])
def test_what_is_no_time_is_left_out_with_a_remark(text):
    alert = an_alert("nagios", lines(LASTSERVICESTATECHANGE=text))

    assert (alert.occurred_at, len(alert.remarks)) == (None, 1)


def test_no_change_yet_is_no_time():
    alert = an_alert("nagios", lines(LASTSERVICESTATECHANGE="0"))

    assert (alert.occurred_at, alert.remarks) == (None, ())


def test_names_in_json_may_have_their_prefix_or_not():
    macros = {"HOSTNAME": "h", "NOTIFICATIONTYPE": "PROBLEM", "HOSTSTATE": "DOWN", "TIMET": 1769899946}

    alerts = {repr(an_alert("auto", json.dumps({p + k: v for k, v in macros.items()}))) for p in ("", "NAGIOS_", "ICINGA_")}

    assert len(alerts) == 1


@pytest.mark.parametrize(
    ("body", "fault", "place"),
    [
        (lines(HOSTNAME=""), Fault.MISSING_FIELD, "HOSTNAME"),
        (lines(SERVICESTATE="PENDING"), Fault.UNKNOWN_STATUS, "SERVICESTATE"),
        (lines(SERVICESTATE="", NOTIFICATIONTYPE="CUSTOM"), Fault.MISSING_FIELD, "SERVICESTATE"),
        (lines(SERVICEDESC="d" * 101), Fault.TOO_LONG, "SERVICEDESC"),
        (lines(HOSTNAME="h" * 256), Fault.TOO_LONG, "HOSTNAME"),
        (lines(SERVICEOUTPUT="a\0"), Fault.NUL, ""),
        (lines(LONGSERVICEOUTPUT="x\nNAGIOS_HOSTNAME=other"), Fault.DUPLICATE_KEY, "line 6"),
        (b"NAGIOS_HOSTNAME=\xff", Fault.BAD_ENCODING, ""),
        ('{"HOSTNAME":"h","NOTIFICATIONTYPE":"PROBLEM","HOSTSTATE":[]}', Fault.WRONG_TYPE, "$.HOSTSTATE"),
        ('{"HOSTNAME":"h","NOTIFICATIONTYPE":"PROBLEM","HOSTSTATE":"ODD"}', Fault.UNKNOWN_STATUS, "$.HOSTSTATE"),
        ('{"HOSTNAME":"h","NOTIFICATIONTYPE":"X","NAGIOS_HOSTNAME":"i"}', Fault.DUPLICATE_KEY, "$.NAGIOS_HOSTNAME"),
    ],
    ids=lambda value: str(value)[:60],
)
@pytest.mark.parametrize("format_", ["nagios", "auto"])
def test_a_fault_has_its_name_and_its_place(format_, body, fault, place):
    assert (fault, place) == a_fault(format_, body)


@pytest.mark.parametrize(
    ("body", "fault", "place"),
    [("Disk full", Fault.BAD_VALUE, "line 1"), ("", Fault.EMPTY, ""), ("{", Fault.BAD_JSON, "$")],
)
def test_what_is_neither_lines_nor_json_is_told(body, fault, place):
    assert (fault, place) == a_fault("nagios", body)
