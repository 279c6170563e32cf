"""What the doctor makes of facts that no test can bring about on this machine: a full disk, an old server, another clock."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from axion_bus.config.urls import MysqlUrl
from axion_bus.doctor import broker, database, dbus, machine, mosquitto
from axion_bus.doctor.finding import Verdict, limited
from axion_bus.errors import StoreUnavailable
from axion_bus.store.inspection import Facts, ServerFacts
from axion_bus.store.migrate import SchemaStatus

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
MIB = 1024 * 1024
URL = MysqlUrl(user="axion-bus", host="127.0.0.1", port=3306, database="axion_bus")
FACTS = ServerFacts(
    schema=SchemaStatus("0004", wanted="0004"),
    version="10.11.6-MariaDB-0+deb12u1",
    user="axion-bus@localhost",
    variables={
        "innodb_flush_log_at_trx_commit": "1",
        "sql_mode": "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ENGINE_SUBSTITUTION",
        "time_zone": "+00:00",
        "character_set_database": "utf8mb4",
    },
    tables={"data_alert": ("InnoDB", "utf8mb4_bin")},
    grants=["GRANT USAGE ON *.* TO `axion-bus`@`localhost`", "GRANT ALL PRIVILEGES ON `axion\\_bus`.* TO `axion-bus`@`localhost`"],
)


def troubles(facts):
    """What is not well of a server, by check."""
    return {finding.check: finding.verdict.value for finding in database.judge(facts, URL) if finding.verdict is not Verdict.OK}


def with_variable(name, value):
    return replace(FACTS, variables={**FACTS.variables, name: value})


def test_a_server_as_it_should_be_is_well():
    assert {} == troubles(FACTS)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (with_variable("innodb_flush_log_at_trx_commit", "2"), {"database.durability": "warn"}),
        (with_variable("innodb_flush_log_at_trx_commit", "0"), {"database.durability": "fail"}),
        (with_variable("sql_mode", "NO_ENGINE_SUBSTITUTION"), {"database.sql_mode": "fail"}),
        (with_variable("time_zone", "SYSTEM"), {"database.time_zone": "fail"}),
        (with_variable("character_set_database", "latin1"), {"database.charset": "warn"}),
        (replace(FACTS, offset=timedelta(seconds=3)), {"database.time_zone": "warn"}),
        (replace(FACTS, offset=timedelta(hours=-1)), {"database.time_zone": "warn"}),
        (replace(FACTS, version="10.5.23-MariaDB"), {"database.version": "fail"}),
        (replace(FACTS, version="5.5.5-10.3.1-MariaDB"), {"database.version": "fail"}),
        (replace(FACTS, version="8.0.36"), {}),
        (replace(FACTS, version="5.7.44-log"), {"database.version": "fail"}),
        (replace(FACTS, grants=["GRANT SELECT, INSERT, UPDATE ON `axion_bus`.* TO x"]), {"database.grants": "fail"}),
        (replace(FACTS, grants=["GRANT ALL PRIVILEGES ON `other`.* TO x"]), {"database.grants": "fail"}),
        (replace(FACTS, grants=["GRANT SELECT, INSERT, UPDATE, DELETE ON `axion_bus`.* TO x"]), {"database.grants": "warn"}),
        (replace(FACTS, grants=[*FACTS.grants, "GRANT FILE ON *.* TO x"]), {"database.grants": "warn"}),
    ],
)
def test_what_a_server_has_wrong_is_named_and_nothing_else(facts, expected):
    assert expected == troubles(facts)


@pytest.mark.parametrize(
    ("newest", "verdict"),
    [(None, "ok"), (NOON, "ok"), (NOON + timedelta(milliseconds=900), "ok"), (NOON + timedelta(seconds=2), "fail")],
)
def test_a_message_from_the_future_tells_that_the_clock_was_set_back(newest, verdict):
    assert verdict == database.clock_step(Facts(schema=SchemaStatus(None), newest=newest), NOON).verdict


def test_gaps_of_the_last_day_are_told_with_the_newest():
    finding = database.gaps(Facts(schema=SchemaStatus(None), gaps=[("REF-2", "session_lost: x"), ("REF-1", "broker_dropped: y")]))

    assert (Verdict.WARN, True) == (finding.verdict, "2 within the last day, the newest REF-2: session_lost: x" in finding.found)
    assert "axion-bus explain REF-2" in finding.repair


@pytest.mark.parametrize(
    ("free", "whole", "verdict"),
    [
        (50_000 * MIB, 100_000 * MIB, "ok"),
        (900 * MIB, 100_000 * MIB, "warn"),
        (63 * MIB, 100_000 * MIB, "fail"),
        (6 * MIB, 8 * MIB, "ok"),
    ],
)
def test_a_disk_is_told_to_fill_up_before_it_is_full(free, whole, verdict):
    assert verdict == machine.judge_disk(Path("/var/lib/axion-bus"), free, whole).verdict


def test_only_the_daemons_user_may_own_its_name():
    assert ("ok", "fail") == (dbus.judge_uid(4711, [0, 4711]).verdict, dbus.judge_uid(1000, [0, 4711]).verdict)


def test_the_policy_has_to_be_where_the_bus_looks(tmp_path):
    before = dbus.policy([tmp_path]).verdict
    (tmp_path / "org.axion.Bus1.conf").touch()

    assert ("fail", "ok") == (before, dbus.policy([tmp_path]).verdict)


def test_the_settings_of_mosquitto_are_those_of_its_file_and_of_what_it_includes(tmp_path):
    process = tmp_path / "proc" / "4711"
    process.mkdir(parents=True)
    (process / "comm").write_text("mosquitto\n")
    (process / "cmdline").write_text(f"/usr/sbin/mosquitto\0-c\0{tmp_path}/mosquitto.conf\0")
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "axion-bus.conf").write_text("listener 1884 127.0.0.1\nautosave_interval 1\n")
    (tmp_path / "mosquitto.conf").write_text(f"# persistence false\npersistence true\ninclude_dir {tmp_path}/conf.d\n")
    found = mosquitto.on_this_machine(1884, tmp_path / "proc")

    assert (True, 1) == (found.is_persistent, found.autosave_s)
    assert mosquitto.on_this_machine(1883, tmp_path / "proc") is None


@pytest.mark.parametrize("why", ["unreadable", "container"])
def test_a_mosquitto_whose_files_are_not_ours_to_see_is_not_looked_at(tmp_path, why):
    process = tmp_path / "proc" / "4711"
    process.mkdir(parents=True)
    (process / "comm").write_text("mosquitto\n")
    (process / "cmdline").write_text(f"mosquitto\0-c\0{tmp_path}/mosquitto.conf\0")
    if why == "container":
        (process / "root").symlink_to(tmp_path)
        (tmp_path / "mosquitto.conf").write_text("persistence false\n")

    assert mosquitto.on_this_machine(1883, tmp_path / "proc") is None


def test_a_shared_subscription_is_tried_as_a_plain_one():
    assert ["axion/alerts/#", "a/b"] == [broker._plain(topic) for topic in ("$share/group/axion/alerts/#", "a/b")]


async def test_a_check_that_does_not_end_is_ended_and_named():
    async def forever():
        await asyncio.Event().wait()

    finding = await limited("some.check", forever(), "repair it", limit_s=0.01)

    assert ("some.check", Verdict.FAIL, "no answer within 0.01 s", "repair it") == (
        finding.check,
        finding.verdict,
        finding.found,
        finding.repair,
    )


async def test_a_file_that_is_a_directory_is_a_fault(tmp_path):
    (finding,) = await database._file(tmp_path)

    assert ("database.reach", Verdict.FAIL) == (finding.check, finding.verdict)


def test_the_drivers_number_is_found_behind_our_error():
    error = StoreUnavailable("x")
    error.__cause__ = OSError(1049, "Unknown database")

    assert "CREATE DATABASE axion_bus" in database.unreachable(URL, error).repair


def test_a_directory_that_is_not_made_yet_will_be_on_its_parents_disk(tmp_path):
    assert f"at {tmp_path}" in machine.disk(tmp_path / "not" / "there" / "yet").found
