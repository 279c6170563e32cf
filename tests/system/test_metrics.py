"""The figures of a real daemon, scraped and as a file; and that the dashboard and the rules ask for nothing that is not there."""

from __future__ import annotations

import json
import re
import signal
import socket
import time
from pathlib import Path

import httpx2
import pytest
import yaml

from axion_bus.telemetry import catalogue
from tests import people
from tests.chaos import ledger
from tests.chaos.scene import start_hearing
from tests.scraped import Scraped
from tests.servers import free_port, wait_until

ROOT = Path(__file__).parents[2]
DASHBOARD = json.loads((ROOT / "config/grafana/axion-bus.json").read_text("utf-8"))
RULES = yaml.safe_load((ROOT / "config/prometheus/axion-bus.rules.yml").read_text("utf-8"))
BY_PROMETHEUS = {"instance", "job", "le"}


def panels():
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def expressions():
    """Every PromQL expression that we ship, with where it stands."""
    shown = [(panel["title"], target["expr"]) for panel in panels() for target in panel["targets"]]
    rules = [(rule["alert"], rule["expr"]) for group in RULES["groups"] for rule in group["rules"]]
    return [*shown, *rules]


class Live:
    """A daemon's figures on ``port``, as Prometheus gets them; ``more`` is the section that has them there."""

    def __init__(self) -> None:
        self.port = free_port()
        self.more = f'\n[metrics]\nlisten = "127.0.0.1:{self.port}"\n'

    def text(self) -> bytes:
        answer = httpx2.get(f"http://127.0.0.1:{self.port}/metrics", timeout=5)
        assert answer.status_code == 200
        return answer.content

    def scrape(self) -> Scraped:
        return Scraped(self.text())

    def wait_for(self, expected: float, name: str, **labels: str) -> None:
        """Wait until a figure is ``expected``."""

        def found() -> list[float]:
            try:
                return self.scrape().all(name, labels)
            except httpx2.HTTPError:
                return []

        wait_until(lambda: found() == [expected], lambda: f"{name} {labels} is {found()}, not {expected}", every_s=0.1)


@pytest.fixture
def live():
    return Live()


@pytest.fixture
def start(broker, make_daemon, live):
    """Starts a daemon whose figures are ``live``'s."""
    return lambda store, url=broker.url: start_hearing(make_daemon(store=store, broker=url, more=live.more))


def used(expression):
    """The metrics of ``expression``, each with what its selector asks of labels: (label, operator, value)."""
    found = re.findall(r"\b(axion_\w+)(?:\{([^}]*)\})?", expression)
    return [(name, re.findall(r'(\w+)(=~|!=|!~|=)"([^"]*)"', selector)) for name, selector in found]


def lacking(scraped, expression):
    """What ``expression`` asks for that ``scraped`` does not have."""
    grouped = {label for labels in re.findall(r"\bby \(([^)]*)\)", expression) for label in re.split(r",\s*", labels)}
    for name, selectors in used(expression):
        shown = [sample.labels for sample in scraped.samples if sample.name == name]
        if not shown:
            yield name
        for label, operator, value in selectors:
            values = {labels.get(label) for labels in shown}
            if label not in BY_PROMETHEUS and None in values:
                yield f"{name}{{{label}}}"
            for each in value.split("|"):
                if label not in BY_PROMETHEUS and operator in ("=", "=~") and each not in values:
                    yield f'{name}{{{label}="{each}"}}'
        yield from (f"{name} by {label}" for label in grouped - BY_PROMETHEUS if any(label not in labels for labels in shown))


def test_what_the_dashboard_and_the_rules_ask_for_is_there(sqlite_url, start, publish, live):
    start(sqlite_url)
    publish("alerts/web/api", title="API slow", severity="HIGH")
    live.wait_for(1, "axion_incidents_open", severity="HIGH")

    scraped = live.scrape()

    assert [] == [(where, what) for where, expression in expressions() for what in lacking(scraped, expression)]
    assert [] == [where for where, expression in expressions() if not used(expression)]


def test_a_metric_that_is_not_there_would_be_noticed():
    scraped = Scraped(b'axion_x{a="1"} 1\n')

    assert [[], ["axion_y"], ['axion_x{a="2"}'], ["axion_x{b}", 'axion_x{b="1"}'], ["axion_x by c"]] == [
        list(lacking(scraped, expression))
        for expression in (
            'sum by (a, instance) (axion_x{a="1",instance=~"$instance"})',
            "axion_y > 0",
            'axion_x{a=~"1|2"}',
            'axion_x{b="1"}',
            "sum by (c) (axion_x)",
        )
    ]


def test_every_metric_of_the_catalogue_is_on_the_dashboard_or_in_a_rule():
    asked = {re.sub(r"_(bucket|sum|count)$", "", name) for _, expression in expressions() for name, _ in used(expression)}

    assert [] == [each.name for each in catalogue.ALL if each.name not in asked]


def test_the_dashboard_is_whole():
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    squares = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]

    assert len(ids) == len(set(ids))
    assert len(squares) == len(set(squares)), "panels lie on each other"
    assert max(x for x, _ in squares) < 24
    assert {"${datasource}"} == {target["datasource"]["uid"] for panel in panels() for target in panel["targets"]}


def test_every_rule_says_how_bad_it_is_and_what_it_means():
    rules = [rule for group in RULES["groups"] for rule in group["rules"]]

    assert len(rules) == len({rule["alert"] for rule in rules})
    assert {"critical", "warning"} == {rule["labels"]["severity"] for rule in rules}
    assert [] == [rule["alert"] for rule in rules if not rule["annotations"]["summary"] or not rule["annotations"]["description"]]


def test_alerts_events_and_messages_to_people_are_counted(paging, sqlite_url, publish, live, base_topic):
    paging(sqlite_url, "SLACK", more='[notify]\ncreated = "EVERYBODY"\n' + live.more)
    publish("alerts/web/api", id="1", title="API slow", severity="HIGH")
    publish("alerts/web/api", id="1", title="API slow", severity="HIGH")
    publish("alerts/web/api", title=7)
    source = f"{base_topic}/alerts/#"

    live.wait_for(1, "axion_sends_total", channel="SLACK", status="sent")
    live.wait_for(1, "axion_alerts_received_total", source=source, outcome="opened")
    live.wait_for(1, "axion_alerts_received_total", source=source, outcome="already_accepted")
    live.wait_for(1, "axion_alerts_received_total", source=source, outcome="refused")
    live.wait_for(1, "axion_refused_total", fault="wrong_type")
    live.wait_for(0, "axion_pending_messages", channel="MQTT")
    scraped = live.scrape()
    assert scraped["axion_accept_duration_seconds_count"] == 3
    assert scraped["axion_send_duration_seconds_count", {"channel": "SLACK"}] == 1
    assert scraped["axion_sends_total", {"channel": "MQTT", "status": "sent"}] >= 1


def test_while_the_database_is_away_a_scrape_answers_and_says_so(own_mariadb, start, publish, live):
    store = own_mariadb.fresh_database()
    start(store)
    live.wait_for(1, "axion_store_up")
    own_mariadb.pause()
    publish("alerts/web/api", title="API slow", severity="HIGH")
    live.wait_for(1, "axion_intake_messages")
    began_s = time.monotonic()
    scraped = live.scrape()
    took_s = time.monotonic() - began_s
    own_mariadb.resume()
    own_mariadb.stop()
    live.wait_for(0, "axion_store_up")
    away = live.scrape()
    own_mariadb.start()
    live.wait_for(1, "axion_store_up")
    live.wait_for(0, "axion_intake_messages")

    assert took_s < 2
    assert scraped["axion_intake_lag_seconds"] >= 0
    assert away.all("axion_incidents_open") == []
    assert away["axion_store_errors_total", {"error": "StoreUnavailable"}] > 0


def test_a_broker_that_goes_and_comes_is_seen(own_broker, sqlite_url, start, live):
    start(sqlite_url, own_broker.url)
    live.wait_for(1, "axion_bus_connected", bus="MQTT")
    live.wait_for(0, "axion_gaps_total", reason="session_lost")
    own_broker.stop()
    own_broker.forget()
    live.wait_for(0, "axion_bus_connected", bus="MQTT")
    own_broker.start()

    live.wait_for(1, "axion_bus_connected", bus="MQTT")
    live.wait_for(2, "axion_bus_connections_total", bus="MQTT")
    live.wait_for(1, "axion_gaps_total", reason="session_lost")


def test_dbus_has_figures_of_its_own(sqlite_url, serving, gdbus, live):
    serving(sqlite_url, more=live.more)
    assert gdbus.call("Submit", '{"title": "Disk full", "severity": "HIGH"}').code == 0

    live.wait_for(1, "axion_bus_connected", bus="DBUS")
    live.wait_for(1, "axion_alerts_received_total", source="dbus", outcome="opened")
    live.wait_for(1, "axion_sends_total", channel="DBUS", status="sent")
    live.wait_for(1, "axion_sends_total", channel="MQTT", status="sent")


def test_figures_go_on_over_a_reload_and_the_address_may_change(sqlite_url, start, publish, live):
    daemon = start(sqlite_url)
    publish("alerts/web/api", title="API slow", severity="HIGH")
    live.wait_for(1, "axion_alerts_received_total", outcome="opened")
    other = free_port()
    daemon.config_file.write_text(daemon.config_file.read_text().replace(f":{live.port}", f":{other}", 1))
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: len(daemon.logged("metrics_served")) > 1, "the new address is served")

    scraped = Scraped(httpx2.get(f"http://127.0.0.1:{other}/metrics").content)

    assert scraped.all("axion_alerts_received_total", {"outcome": "opened"}) == [1]
    assert scraped["axion_bus_connections_total", {"bus": "MQTT"}] >= 1
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"http://127.0.0.1:{live.port}/metrics")


def test_a_port_that_is_taken_is_told_and_the_daemon_runs_on(sqlite_url, start, publish, live):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", live.port))
        taken.listen()
        daemon = start(sqlite_url)
        publish("alerts/web/api", title="API slow", severity="HIGH")
        wait_until(lambda: ledger.count(sqlite_url, "data_incident"), "the incident")
        (told,) = wait_until(lambda: daemon.logged("metrics_not_served"), "it says so")
        code = daemon.stop()

    assert (told["level"], told["port"], code) == ("warning", live.port, 0)


def test_the_file_for_node_exporter_is_written_and_goes_with_the_daemon(broker, sqlite_url, make_daemon, tmp_path):
    path = tmp_path / "axion-bus.prom"
    daemon = start_hearing(make_daemon(store=sqlite_url, broker=broker.url, more=f'\n[metrics]\ntextfile = "{path}"\n'))
    wait_until(path.exists, "the file is there")
    scraped = Scraped(path.read_bytes())
    code = daemon.stop()

    assert scraped.families.keys() >= {each.name for each in catalogue.ALL}
    assert (code, path.exists(), list(tmp_path.glob("axion-bus.prom*"))) == (0, False, [])


def test_without_metrics_nothing_is_served(broker, sqlite_url, make_daemon):
    daemon = start_hearing(make_daemon(store=sqlite_url, broker=broker.url))
    daemon.stop()

    assert daemon.logged("metrics_served") == []


def test_a_daemon_stops_in_time_while_somebody_hangs_on_its_metrics(sqlite_url, start, live):
    daemon = start(sqlite_url)
    wait_until(lambda: daemon.logged("metrics_served"), "it is served")
    with socket.create_connection(("127.0.0.1", live.port)):
        began_s = time.monotonic()
        code = daemon.stop()
        took_s = time.monotonic() - began_s

    assert (code, took_s < 4, daemon.logged("worker_late")) == (0, True, [])


def test_no_secret_is_shown(paging, sqlite_url, live):
    paging(sqlite_url, more=live.more)
    live.wait_for(1, "axion_store_up")

    text = live.text()

    assert [] == [secret for secret in people.SECRETS.values() if secret.encode() in text]
