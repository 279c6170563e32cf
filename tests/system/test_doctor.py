"""``axion-bus doctor`` names the fault that there is, and no other; a host that is well is well, and does not notice."""

from __future__ import annotations

import json
import socket
import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import apsw
import pytest

from axion_bus.buses.mqtt import DROPPED_TOPIC
from axion_bus.config import load
from axion_bus.doctor.finding import LIMIT_S
from axion_bus.doctor.visitor import Visitor
from axion_bus.store.grants import NEEDED_GRANTS
from tests.chaos import ledger
from tests.chaos.scene import start_hearing
from tests.people import CHANNELS, SECRETS
from tests.servers import Daemon, MariaDb, Mosquitto, configuration, free_port, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.shell import Shell

MACHINE = "clock.synchronised"  # the machine's own business
ALONE = {"daemon": "warn", "broker.session": "warn"}  # as long as no daemon runs
ACL = """
user axion-bus
topic read axion/alerts/#
topic read axion/request/#
topic read axion/inbound/#
topic read $SYS/broker/publish/messages/dropped
topic readwrite axion/events/#
topic readwrite axion/incidents/#
topic readwrite axion/summary
topic readwrite axion/instances/#
topic write axion/response/#
"""


@dataclass
class Host:
    """A broker, a database server and a configuration, all as they should be, and no daemon."""

    directory: Path
    broker: Mosquitto
    mariadb: MariaDb
    store: str
    shell: Shell

    @property
    def file(self):
        return self.directory / "axion-bus.toml"

    @property
    def database(self):
        return self.store.rpartition("/")[2]

    def configure(self, *, store=None, mqtt="", more=""):
        account = f'username = "axion-bus"\npassword = {{ file = "{self.directory}/mqtt_password" }}'
        password = f'{store or self.store}"\npassword = {{ file = "{self.directory}/db_password" }}\n#"'
        text = configuration(store="URL", broker=self.broker.url, mqtt=f"{account}\n{mqtt}", more=more)
        self.file.write_text(text.replace('"URL"', f'"{password}'))
        for name in ("mqtt_password", "db_password"):
            (self.directory / name).write_text("hunter2\n")
            (self.directory / name).chmod(0o600)

    def sql(self, *statements):
        with self.mariadb.connect(self.database) as cursor:
            for statement in statements:
                cursor.execute(statement)

    def examine(self, *arguments):
        """Exit code, and what is not as it should be, by check."""
        said = self.shell("doctor", "--json", "--config", self.file, *arguments)
        self.findings = {finding["check"]: finding for finding in said.json["data"]["findings"]}
        found = said.json["data"]["findings"]
        troubles = {each["check"]: each["verdict"] for each in found if each["verdict"] != "ok" and each["check"] != MACHINE}
        assert all(each["repair"] for each in found if each["verdict"] != "ok")
        return said.code, troubles


@pytest.fixture
def host(tmp_path, mariadb, shell):
    directory = tmp_path / "host"
    directory.mkdir()
    store = mariadb.fresh_database().replace("axion@", "doctored@")
    shell.set("RUNTIME_DIRECTORY", str(directory))
    with Mosquitto(directory, users={"axion-bus": "hunter2"}, acl=ACL, sys_interval=1) as broker:
        found = Host(directory, broker, mariadb, store, shell)
        found.sql(
            f"ALTER DATABASE {found.database} CHARACTER SET utf8mb4",
            "DROP USER IF EXISTS doctored@127.0.0.1",
            "CREATE USER doctored@127.0.0.1 IDENTIFIED BY 'hunter2'",
            f"GRANT {', '.join(NEEDED_GRANTS)} ON {found.database}.* TO doctored@127.0.0.1",
        )
        found.configure()
        assert shell("db", "upgrade", "--config", found.file).code == 0
        yield found
        found.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 1")


def broker_is_down(host):
    host.broker.stop()
    return {"broker.reach": "fail"}


def broker_password_is_wrong(host):
    (host.directory / "mqtt_password").write_text("wrong\n")
    return {"broker.login": "fail"}


def broker_acl_lacks_events(host):
    host.broker.set_acl(ACL.replace("topic readwrite axion/events/#\n", ""))
    host.broker.restart()
    return {"broker.acl.write": "fail"}


def broker_keeps_nothing_on_disk(host):
    host.broker._lines[host.broker._lines.index("persistence true")] = "persistence false"
    host.broker.restart()
    return {"broker.persistence": "fail"}


def broker_saves_every_half_hour(host):
    host.broker._lines.remove("autosave_interval 1")
    host.broker.restart()
    return {"broker.persistence": "warn"}


def broker_keeps_a_thousand_messages(host):
    host.broker._lines[host.broker._lines.index("max_queued_messages 1000000")] = "max_queued_messages 1000"
    host.broker.restart()
    return {"broker.queue": "warn"}


def broker_tells_no_drops(host):
    host.broker.set_acl(ACL.replace(f"topic read {DROPPED_TOPIC}\n", ""))
    host.broker.restart()
    return {"broker.drops": "warn"}


def database_is_not_there(host):
    host.configure(store=f"mysql://doctored@127.0.0.1:{free_port()}/{host.database}")
    return {"database.reach": "fail"}


def database_password_is_wrong(host):
    (host.directory / "db_password").write_text("wrong\n")
    return {"database.login": "fail"}


def database_has_another_name(host):
    host.sql("GRANT ALL ON nowhere.* TO doctored@127.0.0.1")
    host.configure(store=host.store.replace(host.database, "nowhere"))
    return {"database.reach": "fail"}


def database_is_older(host):
    host.sql("UPDATE alembic_version SET version_num = '0001'")
    return {"database.schema": "fail"}


def database_is_newer(host):
    host.sql("UPDATE alembic_version SET version_num = '9999'")
    return {"database.schema": "fail"}


def commits_are_not_written_through(host):
    host.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 0")
    return {"database.durability": "fail"}


def a_table_has_no_transactions(host):
    host.sql("ALTER TABLE def_notify ENGINE=MyISAM")
    return {"database.engine": "fail"}


def a_table_has_another_character_set(host):
    host.sql("ALTER TABLE def_notify CONVERT TO CHARACTER SET latin1")
    return {"database.charset": "fail"}


def the_account_may_not_delete(host):
    host.sql(f"REVOKE DELETE ON {host.database}.* FROM doctored@127.0.0.1")
    return {"database.grants": "fail"}


def the_account_may_not_upgrade(host):
    host.sql(f"REVOKE ALTER ON {host.database}.* FROM doctored@127.0.0.1")
    return {"database.grants": "warn"}


def the_account_may_everything(host):
    host.sql("GRANT ALL ON *.* TO doctored@127.0.0.1")
    return {"database.grants": "warn"}


def the_clock_was_set_back(host):
    host.sql(
        "INSERT INTO data_incident_communication (CommunicationGuid, ShortRef, Channel, Message, Recipient, Timestamp, Attempts)"
        " VALUES ('00000000-0000-7000-8000-000000000000', 'REF-1', 'MQTT', '', '', UTC_TIMESTAMP() + INTERVAL 1 HOUR, 0)"
    )
    return {"clock.step": "fail"}


def a_credential_may_be_read_by_all(host):
    (host.directory / "mqtt_password").chmod(0o644)
    return {"credentials.modes": "fail"}


def the_configuration_may_be_changed_by_all(host):
    host.file.chmod(0o666)
    return {"configuration.mode": "fail"}


def a_channels_secret_is_missing(host):
    host.configure(
        more='[channels.email]\nhost="127.0.0.1"\nfrom="a@b"\nto=["c@d"]\nusername="x"\npassword={file="/nonexistent"}\n'
    )
    return {"credentials": "fail", "channels.email": "fail"}


def the_passwords_are_systemds_to_hand_over(host):
    text = host.file.read_text()
    for name in ("mqtt_password", "db_password"):
        text = text.replace(f'file = "{host.directory}/{name}"', f'credential = "{name}"')
    host.file.write_text(text)
    return {"credentials": "warn", "broker.login": "warn", "database.login": "warn"}


def a_password_is_missing(host):
    (host.directory / "db_password").unlink()
    return {"credentials": "fail", "database.login": "fail"}


def a_channel_cannot_be_reached(host):
    host.configure(more=f'[channels.webhook]\nurl = "http://127.0.0.1:{free_port()}/"\nallow_private = true\n')
    return {"channels.webhook": "fail"}


def a_channel_is_private(host):
    host.configure(more='[channels.webhook]\nurl = "https://127.0.0.1/"\n')
    return {"channels.webhook": "fail"}


def the_bus_is_not_there(host):
    host.configure(more='[dbus]\nbus = "unix:path=/nonexistent"\n')
    return {"dbus.reach": "fail"}


@pytest.mark.parametrize(
    "fault",
    [
        broker_is_down,
        broker_password_is_wrong,
        broker_acl_lacks_events,
        broker_keeps_nothing_on_disk,
        broker_saves_every_half_hour,
        broker_keeps_a_thousand_messages,
        broker_tells_no_drops,
        database_is_not_there,
        database_password_is_wrong,
        database_has_another_name,
        database_is_older,
        database_is_newer,
        commits_are_not_written_through,
        a_table_has_no_transactions,
        a_table_has_another_character_set,
        the_account_may_not_delete,
        the_account_may_not_upgrade,
        the_account_may_everything,
        the_clock_was_set_back,
        a_credential_may_be_read_by_all,
        the_configuration_may_be_changed_by_all,
        a_channels_secret_is_missing,
        the_passwords_are_systemds_to_hand_over,
        a_password_is_missing,
        a_channel_cannot_be_reached,
        a_channel_is_private,
        the_bus_is_not_there,
    ],
)
def test_the_fault_that_there_is_is_named_and_no_other(host, fault):
    expected = fault(host)
    is_broker_away = expected.keys() & {"broker.reach", "broker.login"}
    code, troubles = host.examine()

    assert ({"daemon": "warn"} if is_broker_away else ALONE) | expected == troubles
    assert int("fail" in expected.values()) == code


@pytest.fixture
def healthy(host):
    """The host with its daemon."""
    with Daemon(host.directory, host.file.read_text()) as daemon:
        wait_until(lambda: daemon.logged("broker_connected"), "the daemon is connected")
        yield daemon


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
    broker_is_down(host)
    lines = host.shell("doctor", "--config", host.file).out.splitlines()
    (number,) = (number for number, line in enumerate(lines) if line.startswith("fail  broker.reach"))

    assert "-> start it (systemctl start mosquitto)" in lines[number + 1]
    assert lines[-1].endswith(" 1 failed")


@pytest.fixture
def file_host(tmp_path, broker, shell):
    """A configuration with an embedded database that does not exist yet."""
    file = tmp_path / "axion-bus.toml"
    file.write_text(configuration(store=f"sqlite:///{tmp_path}/axion.db", broker=broker.url, base_topic="axion-doctor"))
    shell.set("RUNTIME_DIRECTORY", str(tmp_path))

    def database():
        said = shell("doctor", "--json", "--no-probe", "--config", file)
        return {each["check"]: each["verdict"] for each in json.loads(said.out)["data"]["findings"] if "database" in each["check"]}

    return tmp_path / "axion.db", database


def test_a_file_that_is_not_there_is_not_made(file_host):
    path, database = file_host

    assert ({"database.reach": "warn"}, False) == (database(), path.exists())


def test_a_file_that_is_no_database_is_a_fault(file_host):
    path, database = file_host
    path.write_text("no database\n" * 100)

    assert {"database.reach": "fail"} == database()


@pytest.mark.parametrize("mode", ["WAL", "TRUNCATE"])
def test_a_file_is_read_and_nothing_is_left_beside_it(file_host, shell, mode):
    path, database = file_host
    shell("db", "upgrade", "--config", path.with_name("axion-bus.toml"))
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
    before = sorted(path.parent.glob("axion.db*"))

    assert {"database.reach": "ok", "database.schema": "ok"} == database()
    assert before == sorted(path.parent.glob("axion.db*"))


def test_a_running_daemons_file_is_read_without_its_lock(broker, make_daemon, sqlite_url, shell):
    daemon = start_hearing(make_daemon(store=sqlite_url, broker=broker.url))
    shell.set("RUNTIME_DIRECTORY", str(daemon.directory))
    said = shell("doctor", "--json", "--no-probe", "--config", daemon.config_file)
    troubles = {each["check"] for each in said.json["data"]["findings"] if each["verdict"] != "ok"}

    assert (0, set()) == (said.code, troubles - {MACHINE, "broker.drops"})
    assert daemon.is_running
