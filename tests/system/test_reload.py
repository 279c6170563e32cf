"""``axion-bus reload``: the daemon takes up its file again, and whoever asked is told what came of it."""

from __future__ import annotations

import signal
import stat
from contextlib import closing

import apsw
import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from axion_bus.buses.client import leave
from tests.chaos import ledger
from tests.chaos.scene import start_hearing
from tests.servers import wait_until

RULE = '\n[[rules]]\nname = "{}"\n'
FAULTY = '\n[correlation]\ncreate_at = "LOUD"\n'
STALE = "the new configuration is faulty, the old one is in force"


@pytest.fixture
def daemon(broker, sqlite_url, make_daemon, shell):
    running = start_hearing(make_daemon(store=sqlite_url, broker=broker.url))
    shell.set("RUNTIME_DIRECTORY", str(running.directory))
    return running


def change(daemon, more):
    daemon.config_file.write_text(daemon.config_file.read_text() + more)


def refused(store):
    rows = ledger.query(store, "SELECT * FROM data_incident_communication WHERE Channel = 'CONFIGURATION'")
    return [(row["Status"], row["ErrorMessage"]) for row in rows]


def last_status(daemon):
    lines = [line for text in daemon.notifications for line in text.splitlines() if line.startswith("STATUS=")]
    return lines[-1]


def test_a_good_file_is_in_force_when_the_command_returns(daemon, shell):
    change(daemon, RULE.format("new"))
    said = shell("reload", "--config", daemon.config_file)
    wait_until(lambda: 2 == len([text for text in daemon.notifications if "READY=1" in text]), "it has said so to systemd, too")

    assert (0, f"{daemon.config_file}: in force\n", "") == (said.code, said.out, said.err)


def test_a_faulty_file_is_6_with_every_fault_and_tells_audit_and_status(daemon, shell, sqlite_url):
    change(daemon, FAULTY + "[nonsense]\n")
    said = shell("reload", "--config", daemon.config_file)
    wait_until(lambda: refused(sqlite_url), "a row")
    ((status, error),) = refused(sqlite_url)

    assert (6, "") == (said.code, said.out)
    assert all("correlation.create_at" in text and "nonsense" in text for text in (said.err, error))
    assert ("FAILED", True) == (status, error.startswith("reload_refused: "))
    wait_until(lambda: STALE in last_status(daemon), "the status tells of the fault")
    assert daemon.is_running


def test_the_status_tells_of_the_fault_until_the_file_is_good_again(daemon, shell):
    good = daemon.config_file.read_text()
    change(daemon, FAULTY)
    shell("reload", "--config", daemon.config_file)
    wait_until(lambda: STALE in last_status(daemon), "the status tells of the fault")
    daemon.config_file.write_text(good)
    shell("reload", "--config", daemon.config_file)
    wait_until(lambda: STALE not in last_status(daemon), "it tells of it no more")

    assert daemon.is_running


def test_certificates_that_cannot_be_used_are_a_fault(daemon, broker, shell):
    faulty = daemon.config_file.read_text().replace(broker.url, f"mqtts://localhost:{broker.port}")
    daemon.config_file.write_text(faulty + '[mqtt.tls]\nca_file = "/nonexistent.pem"\n')
    said = shell("reload", "--config", daemon.config_file)

    assert (6, True) == (said.code, "the certificates cannot be used" in said.err)
    assert daemon.logged("reloading") == []


def test_a_file_that_cannot_be_served_with_leaves_the_old_one_in_force(daemon, shell, sqlite_url):
    """It is valid: only at the database it turns out that a newer program uses that one."""
    newer = sqlite_url.removesuffix(".db") + "-newer.db"
    shell.set("AXION_BUS__STORE__URL", newer)
    shell("db", "upgrade")
    shell.unset("AXION_BUS__STORE__URL")
    with closing(apsw.Connection(newer.removeprefix("sqlite:///"))) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    daemon.config_file.write_text(daemon.config_file.read_text().replace(sqlite_url, newer))
    said = shell("reload", "--config", daemon.config_file)
    wait_until(lambda: len(daemon.logged("broker_connected")) == 2, "it is back at the broker")
    wait_until(lambda: refused(sqlite_url), "a row")
    wait_until(lambda: STALE in last_status(daemon), "the status tells of the fault")

    assert (6, True) == (said.code, "the database has schema 9999" in said.err)
    assert "the database has schema 9999" in refused(sqlite_url)[0][1]
    assert daemon.is_running


def test_a_secret_that_is_missing_is_a_fault(daemon, shell, tmp_path):
    change(daemon, '\n[channels.pagerduty]\nrouting_key = { file = "/nonexistent" }\n')
    said = shell("reload", "--config", daemon.config_file)

    assert (6, True) == (said.code, "channels.pagerduty.routing_key" in said.err)


def test_what_was_asked_for_while_a_reload_is_under_way_is_read_too(daemon, shell):
    change(daemon, RULE.format("first"))
    daemon.signal(signal.SIGHUP)
    change(daemon, RULE.format("second"))
    shell("reload", "--config", daemon.config_file)
    shown = []
    listener = Client(CallbackAPIVersion.VERSION2)
    listener.on_message = lambda client, data, message: shown.append(message.payload.decode())
    listener.connect("127.0.0.1", int(daemon.config_file.read_text().split("127.0.0.1:")[1].split('"')[0]))
    base = daemon.client_id.removeprefix("axion-bus-test-")
    listener.loop_start()
    listener.subscribe(f"{base}/instances/test/info")
    wait_until(lambda: any('"second"' in info for info in shown), "the second rule is in force")
    leave(listener)

    assert '"first"' in shown[-1]


def test_the_session_is_kept_and_nobody_hears_that_the_daemon_is_offline(daemon, broker, shell, base_topic, sqlite_url):
    heard = []
    listener = Client(CallbackAPIVersion.VERSION2)
    listener.on_message = lambda client, data, message: heard.append(message.payload)
    listener.connect("127.0.0.1", broker.port)
    listener.loop_start()
    listener.subscribe(f"{base_topic}/instances/test/state", qos=1)
    wait_until(lambda: heard, "the first state")
    change(daemon, RULE.format("new"))
    shell("reload", "--config", daemon.config_file)
    wait_until(lambda: len(heard) == 2, "the second state")
    leave(listener)
    gaps = ledger.query(sqlite_url, "SELECT * FROM data_incident_communication WHERE Status = 'FAILED'")

    assert ([b"online", b"online"], []) == (heard, gaps)


def test_a_source_that_was_removed_is_heard_no_more(daemon, shell, publish, sqlite_url, base_topic):
    """The session at the broker would remember it, and its messages would be read as another source's."""
    plain = daemon.config_file.read_text()
    change(daemon, f'\n[[mqtt.sources]]\ntopic = "{base_topic}/alerts/#"\n[[mqtt.sources]]\ntopic = "{base_topic}/other/#"\n')
    shell("reload", "--config", daemon.config_file)
    wait_until(lambda: len(daemon.logged("broker_connected")) == 2, "it hears both")
    publish("other/first", title="heard")
    daemon.config_file.write_text(plain)
    wait_until(lambda: titles(sqlite_url) == ["heard"], "an alert of the second source")
    shell("reload", "--config", daemon.config_file)
    wait_until(lambda: len(daemon.logged("broker_connected")) == 3, "it hears the first only")
    publish("other/second", title="not heard")
    publish("alerts/web/api", title="last")
    wait_until(lambda: "last" in titles(sqlite_url), "an alert of the first source")

    assert ["heard", "last"] == titles(sqlite_url)


def test_a_source_that_was_removed_while_no_daemon_ran_is_heard_no_more(daemon, publish, sqlite_url, base_topic):
    plain = daemon.config_file.read_text()
    daemon.stop()
    change(daemon, f'\n[[mqtt.sources]]\ntopic = "{base_topic}/alerts/#"\n[[mqtt.sources]]\ntopic = "{base_topic}/other/#"\n')
    start_hearing(daemon)
    publish("other/first", title="heard")
    wait_until(lambda: titles(sqlite_url) == ["heard"], "an alert of the second source")
    daemon.stop()
    daemon.config_file.write_text(plain)
    start_hearing(daemon)
    publish("other/second", title="not heard")
    publish("alerts/web/api", title="last")
    wait_until(lambda: "last" in titles(sqlite_url), "an alert of the first source")

    assert ["heard", "last"] == titles(sqlite_url)


def titles(store):
    return [row["Title"] for row in ledger.query(store, "SELECT * FROM data_alert ORDER BY FirstSeenAt")]


def test_without_a_daemon_it_is_5_and_says_so(shell, tmp_path):
    shell.set("RUNTIME_DIRECTORY", str(tmp_path))
    said = shell("reload")

    assert (5, "") == (said.code, said.out)
    assert "no daemon takes orders here" in said.err


def test_another_configuration_files_daemon_is_not_asked(daemon, shell, tmp_path):
    other = tmp_path / "other.toml"
    other.touch()

    assert 5 == shell("reload", "--config", other).code


def test_the_socket_of_a_killed_daemon_is_nobody_and_the_next_one_takes_it(daemon, shell):
    daemon.kill()
    dead = shell("reload", "--config", daemon.config_file)
    daemon.start()
    alive = shell("reload", "--config", daemon.config_file)
    daemon.stop()

    assert (5, 0) == (dead.code, alive.code)
    assert [] == list(daemon.directory.glob("control-*"))


def test_only_its_own_user_may_give_orders(daemon):
    (control,) = daemon.directory.glob("control-*")

    assert 0o600 == stat.S_IMODE(control.stat().st_mode)


def test_a_second_daemon_that_must_end_leaves_the_firsts_socket_alone(daemon, shell, sqlite_url, broker, make_daemon):
    second = make_daemon(store=sqlite_url, broker=broker.url)
    second.spawn()
    code = second.wait()

    assert (4, 0) == (code, shell("reload", "--config", daemon.config_file).code)
