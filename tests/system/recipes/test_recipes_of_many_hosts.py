"""Many hosts: one MariaDB for all, and a bridge from broker to broker."""

from __future__ import annotations

import json
import re
import subprocess
from contextlib import ExitStack, contextmanager

from tests.people import axion_bus
from tests.recipes import Page
from tests.servers import Daemon, Mosquitto, wait_until
from tests.system.recipes.conftest import PASSWORD, Bus, make_bus, shipped_acl

DATABASE = "axion_bus_fleet"


def a_fleet_in(mariadb):
    """The page's database and accounts, for loopback, and a URL by which the test looks into it."""
    statements = Page("mariadb-fleet").blocks("sql")[0].replace("axion_bus", DATABASE)
    with mariadb.connect() as cursor:
        for statement in re.sub(r"10\.0\.0\.\d+", "127.0.0.1", statements).strip().removesuffix(";").split(";\n"):
            cursor.execute(statement)
        cursor.execute("CREATE USER IF NOT EXISTS axion@127.0.0.1")
        cursor.execute(f"GRANT ALL ON {DATABASE}.* TO axion@127.0.0.1")
    return f"mysql://axion@127.0.0.1:{mariadb.port}/{DATABASE}"


def a_daemon_of_the_fleet(directory, name, password, broker, mariadb):
    (directory / "db_password").write_text(password)
    text = Page("mariadb-fleet").file("/axion-bus.toml").replace("axion_bus", DATABASE)
    ours = {
        "north": name,
        "10.0.0.10:3306": f"127.0.0.1:{mariadb.port}",
        "mqtt://127.0.0.1:1883": broker.url,
        "/etc/axion-bus/db_password": f"{directory}/db_password",
    }
    for there, here in ours.items():
        text = text.replace(there, here)
    return Daemon(directory, f'{text}client_id = "axion-bus-{name}"\n')


def test_mariadb_two_hosts_work_on_one_incident_in_one_database(tmp_path, mariadb):
    url = a_fleet_in(mariadb)
    accounts = (("north", "one-password"), ("south", "another-password"))
    with ExitStack() as stack:
        brokers = [stack.enter_context(Mosquitto(made(tmp_path / name))) for name, _ in accounts]
        daemons = [
            a_daemon_of_the_fleet(made(tmp_path / f"daemon-{name}"), name, password, broker, mariadb)
            for broker, (name, password) in zip(brokers, accounts, strict=True)
        ]
        axion_bus(daemons[0], "db", "upgrade")
        for daemon in daemons:
            stack.callback(daemon.kill)
            daemon.spawn()
        for daemon, broker in zip(daemons, brokers, strict=True):
            wait_until(lambda: daemon.logged("broker_connected"), "the daemon is connected")  # noqa: B023 - asked at once
            publish(broker, f"axion/alerts/{daemon.client_id}/DNS", title="The resolver does not answer", severity="HIGH")
        wait_until(lambda: len(Bus(daemons[0], url).alerts()) == 2, "both alerts")
        listed = axion_bus(daemons[1], "list-incidents")

    assert ["The resolver does not answer"] == [incident["Title"] for incident in listed]


def made(directory):
    directory.mkdir()
    return directory


def publish(broker, topic, **body):
    command = ["mosquitto_pub", "-p", str(broker.port), "-q", "1", "-t", topic, "-m", json.dumps(body)]
    subprocess.run(command, check=True, timeout=30)


def test_bridge_alerts_of_the_edge_wait_for_the_centre(tmp_path):
    lines = Page("bridge").file("/bridge.conf").replace("bridge_capath /etc/ssl/certs\n", "")
    lines = lines.replace("restart_timeout 5 30", "restart_timeout 1 1")
    users = {"edge-north": PASSWORD, "axion-bus": PASSWORD}
    centre = Mosquitto(made(tmp_path / "centre"), users=users, acl=f"{shipped_acl()}\n{Page('bridge').file('/axion-bus.acl')}")
    lines = lines.replace("centre.example:8883", f"127.0.0.1:{centre.port}")
    with centre, Mosquitto(made(tmp_path / "edge"), lines=lines.splitlines()) as edge:
        bus = make_bus(made(tmp_path / "daemon"), centre)
        with closing_daemon(bus):
            a_pump_stands_still(edge, 1)
            bus.sees(Title="Pump 1 stands still", Status="CREATED", Package="PUMPS")
            centre.stop()
            a_pump_stands_still(edge, 2)
            edge.restart()
            a_pump_stands_still(edge, 3)
            centre.start()
            for number in (2, 3):
                bus.sees(Title=f"Pump {number} stands still", Status="CREATED")

    assert [1, 1, 1] == [alert["Count"] for alert in bus.alerts()]


def a_pump_stands_still(edge, number):
    publish(edge, "axion/alerts/plc/PUMPS", id=f"pump-{number}", title=f"Pump {number} stands still", severity="HIGH")


@contextmanager
def closing_daemon(bus):
    try:
        yield
    finally:
        bus.daemon.kill()
