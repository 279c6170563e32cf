"""``axion-bus doctor`` as a whole: a host that is well is well, and does not notice; what it says, and how long it takes."""

from __future__ import annotations

import socket
import time

from axion_bus.config import load
from axion_bus.doctor.finding import LIMIT_S
from axion_bus.doctor.visitor import Visitor
from tests.chaos import ledger
from tests.people import CHANNELS, SECRETS
from tests.system.doctor.host import ALONE


def test_all_is_well_on_a_host_that_is_well(host, healthy):
    assert (0, {}) == host.examine()
    assert {"broker.session", "broker.queue", "database.grants", "disk.space", "daemon"} <= host.findings.keys()


def test_nobody_notices_the_doctor(host, healthy):
    """Neither the daemon, whose client id and lock it must not take, nor the broker, nor the database."""
    tables = ("data_incident_communication", "data_alert", "data_incident", "data_ingest_slot")
    before = [ledger.count(as_root(host), table) for table in tables]
    host.examine()
    log = host.broker.log.read_text()
    ids = {line.split(" as ")[1].split()[0] for line in log.splitlines() if " as axion-bus-doctor-" in line}
    sessions = [has_session(host, each) for each in ids]

    assert before == [ledger.count(as_root(host), table) for table in tables]
    assert (1, []) == (len(healthy.logged("broker_connected")), healthy.logged("broker_away"))
    assert (True, [False] * len(sessions)) == (len(sessions) > 5, sessions)


def has_session(host, client_id):
    with Visitor(load(host.file, environ={}).mqtt, client_id=client_id, keeps=True) as visitor:
        return visitor.is_session_present


def as_root(host):
    return host.store.replace("doctored@", "root@")


def test_channels_that_answer_are_well_are_sent_nothing_and_no_secret_is_told(host, providers):
    for name, value in SECRETS.items():
        host.shell.set(name, value)
    host.configure(more=providers.channels())
    code, troubles = host.examine()
    told = host.shell("doctor", "--no-probe", "--config", host.file).out

    assert (0, ALONE, []) == (code, troubles, list(providers.asked))
    assert {f"channels.{name.lower()}" for name in CHANNELS} <= host.findings.keys()
    assert [value for value in SECRETS.values() if value in told] == []


def test_a_configuration_in_force_that_is_not_the_files_is_told(host, healthy):
    host.file.write_text(host.file.read_text() + '\n[log]\nlevel = "loud"\n')
    host.shell("reload", "--config", host.file)
    host.file.write_text(host.file.read_text().replace('level = "loud"', ""))
    code, troubles = host.examine()

    assert (1, "fail") == (code, troubles["daemon"])


def test_a_faulty_configuration_is_told_key_by_key(host):
    host.file.write_text("[nonsense]\n[log]\nlevel = 3\n")
    said = host.shell("doctor", "--config", host.file)

    assert (1, True, True) == (said.code, "nonsense" in said.out, "log.level" in said.out)
    assert "the rest was not looked at" in said.out


def test_a_server_that_takes_connections_and_says_nothing_costs_no_more_than_the_limit(host):
    began = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        host.configure(store=f"mysql://doctored@127.0.0.1:{port}/x")
        host.file.write_text(host.file.read_text().replace(host.broker.url, f"mqtt://127.0.0.1:{port}"))
        code, troubles = host.examine()

    assert (1, {"daemon": "warn", "database.reach": "fail", "broker.reach": "fail"}) == (code, troubles)
    assert time.monotonic() - began < 2 * LIMIT_S  # side by side: a limit each would be more


def test_the_text_has_a_line_for_each_check_and_the_repair_below(host):
    host.broker.stop()
    lines = host.shell("doctor", "--config", host.file).out.splitlines()
    (number,) = (number for number, line in enumerate(lines) if line.startswith("fail  broker.reach"))

    assert "-> start it (systemctl start mosquitto)" in lines[number + 1]
    assert lines[-1].endswith(" 1 failed")
