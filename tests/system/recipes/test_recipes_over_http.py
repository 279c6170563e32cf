"""Programs that post: Alertmanager and Zabbix, by axion-hook; and Zabbix without it."""

from __future__ import annotations

import json
import re

import pytest

from tests.recipes import Page
from tests.system.recipes.conftest import post


def a_group(status):
    """What Alertmanager posts for one alert (webhook, version 4)."""
    labels = {"alertname": "InstanceDown", "instance": "db-3:9100", "service": "STORAGE", "severity": "critical"}
    ends = "0001-01-01T00:00:00Z" if status == "firing" else "2026-01-31T23:00:00Z"
    alert = {"status": status, "labels": labels, "annotations": {"summary": "db-3 is down"}, "startsAt": "2026-01-31T22:00:00Z"}
    group = {"version": "4", "groupKey": '{}:{alertname="InstanceDown"}', "status": status, "receiver": "axion-bus"}
    return json.dumps({**group, "alerts": [{**alert, "endsAt": ends, "fingerprint": "66e4e1c9d8f4a2b0"}]}).encode()


def test_alertmanager_what_it_posts_is_an_incident_until_it_posts_the_end(host, hook, plain):
    host.log_in("alertmanager")
    assert "send_resolved: true" in Page("alertmanager").file("/alertmanager.yml")
    (url,) = re.findall(r"url: (\S+)", Page("alertmanager").file("/alertmanager.yml"))
    url = host.replaced(url)

    assert post(url, a_group("firing")) == 204
    plain.sees(Title="db-3 is down", Severity="CRITICAL", Status="CREATED", Package="STORAGE")
    assert post(url, a_group("resolved")) == 204
    plain.sees(Title="db-3 is down", Status="MONITORING")


def test_alertmanager_is_told_to_try_again_while_the_broker_does_not_take_it(host, hook):
    host.log_in("nagios")

    assert 503 == post(host.replaced("http://127.0.0.1:8099/alertmanager"), a_group("firing"))


@pytest.mark.parametrize("path", ["/", "/a/b/c", "/a/%23", "/+", "/$SYS", "/a/../b"])
def test_alertmanager_a_path_that_is_no_source_and_package_is_refused(host, hook, path):
    assert 400 == post(host.replaced(f"http://127.0.0.1:8099{path}"), b"x")


def test_alertmanager_systemd_takes_the_unit_of_the_hook(host):
    host.install("alertmanager")

    assert host.what_is_wrong_with("axion-hook.service") == ""


def zabbix_sends(**macros):
    """The parameters of the media type as Zabbix fills them; what it does not know stays as it is."""
    parameters = re.findall(r"^\| `(\w+)` \| `(.*)` \|$", Page("zabbix").text, re.MULTILINE)
    return json.dumps(
        {name: re.sub(r"\{([A-Z.]+)\}", lambda found: macros.get(found[1], found[0]), value) for name, value in parameters}
    )


def test_zabbix_a_problem_its_update_and_its_recovery(host, hook, plain):
    host.log_in("zabbix")
    (url,) = re.findall(r"request\.post\('(\S+)', value\)", Page("zabbix").blocks("js")[0])
    url = host.replaced(url)
    problem = {
        "EVENT.ID": "4711", "EVENT.VALUE": "1", "EVENT.UPDATE.STATUS": "0", "EVENT.NAME": 'CPU "busy"', "EVENT.NSEVERITY": "4",
        "EVENT.TAGSJSON": '[{"tag":"component","value":"cpu"}]', "HOST.NAME": "web-1", "EVENT.OPDATA": "97 %",
    }  # fmt: skip
    title = problem["EVENT.NAME"]

    assert post(url, zabbix_sends(**problem).encode()) == 204
    plain.sees(Title=title, Severity="HIGH", Status="CREATED", Package="cpu")
    update = {**problem, "EVENT.UPDATE.STATUS": "1", "EVENT.UPDATE.NSEVERITY": "5"}
    assert post(url, zabbix_sends(**update).encode()) == 204
    plain.sees(Title=title, Severity="CRITICAL")
    assert post(url, zabbix_sends(**problem | {"EVENT.VALUE": "0"}).encode()) == 204
    plain.sees(Title=title, Status="MONITORING")


DOWN = {
    "clock": 1769899946,
    "ns": 0,
    "value": 1,
    "eventid": 42,
    "name": "web-1 is down",
    "severity": 4,
    "hosts": [{"host": "web-1", "name": "web-1"}],
}
UP = {"clock": 1769900006, "ns": 0, "value": 0, "eventid": 43, "p_eventid": 42}


def test_zabbix_each_line_of_an_export_is_an_event_and_none_counts_twice(host, plain):
    host.log_in("zabbix")
    export = host.root / "var/lib/zabbix/export/problems-main-process-0.ndjson"
    export.parent.mkdir(parents=True)
    export.write_text("")
    (command,) = (block.strip() for block in Page("zabbix").blocks("sh"))
    for lines in (DOWN, UP):
        with host.running(f"sh -c '{command}'"), export.open("a") as file:
            file.write(json.dumps(lines) + "\n")
            file.flush()
            plain.sees(Title="web-1 is down", Status="CREATED" if lines is DOWN else "MONITORING")

    assert [1] == [alert["Count"] for alert in plain.alerts() if alert["Title"] == "web-1 is down"]


def test_zabbix_a_connector_posts_several_lines(host, hook, plain):
    host.log_in("zabbix")
    down = {**DOWN, "eventid": 44, "name": "db-2 does not answer"}
    lines = [down, {**DOWN, "eventid": 45, "name": "db-4 does not answer"}, {**UP, "eventid": 46, "p_eventid": 44}]

    assert 204 == post(host.replaced("http://127.0.0.1:8099/zabbix"), "\n".join(map(json.dumps, lines)).encode())
    plain.sees(Title="db-2 does not answer", Status="MONITORING")
    plain.sees(Title="db-4 does not answer", Status="CREATED")
