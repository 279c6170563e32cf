"""``axion-bus init``: what it writes is used as it is by the programs that read it, and nothing of anybody's is ever touched."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from axion_bus.config import load

CHECKOUT = Path(__file__).parents[2]
URL = "mysql://axion-bus@127.0.0.1:3306/axion_bus"


@pytest.fixture
def host(tmp_path):
    """A host's root, on which mosquitto and dbus are installed."""
    root = tmp_path / "host"
    (root / "etc/mosquitto/conf.d").mkdir(parents=True)
    (root / "etc/dbus-1").mkdir()
    return root


def files(root):
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def test_the_configuration_is_the_commented_example_and_gives_the_defaults(shell, tmp_path):
    file = tmp_path / "etc" / "axion-bus.toml"
    said = shell("init", "--config", file)

    assert (0, "") == (said.code, said.err)
    assert file.read_text() == (CHECKOUT / "config/axion-bus.toml").read_text()
    assert load(file, environ={}) == load(CHECKOUT / "config/axion-bus.toml", environ={})


def test_the_answers_are_in_the_configuration(shell, tmp_path):
    file = tmp_path / "axion-bus.toml"
    shell("init", "--config", file, "--database", URL, "--broker-user", "bus")
    settings = load(file, environ={})

    assert (URL, '{ credential = "db_password" }') == (str(settings.store.url), str(settings.store.password))
    assert ("bus", '{ credential = "mqtt_password" }') == (settings.mqtt.username, str(settings.mqtt.password))


def test_what_is_there_is_never_overwritten(shell, host):
    shell("init", "--host", "--root", host)
    (host / "etc/axion-bus/axion-bus.toml").write_text("# mine\n")
    (host / "etc/mosquitto/axion-bus.acl").write_text("# mine\n")
    before = files(host)
    said = shell("init", "--host", "--root", host, "--database", URL)

    assert (0, before) == (said.code, files(host))
    states = {line.split("  ")[0].split("/")[-1]: line.split("  ")[-1] for line in said.out.split("\n\n")[0].splitlines()}
    assert ("kept, differs from ours", "kept") == (states["axion-bus.acl"], states["org.axion.Bus1.conf"])
    assert f"other than ours, with what it should say: {host}/etc/mosquitto/axion-bus.acl\n" in said.out


def test_what_is_there_and_is_ours_needs_no_look(shell, host):
    shell("init", "--host", "--root", host)
    (host / "etc/mosquitto/axion-bus.passwd").write_text("axion-bus:$7$\n")
    said = shell("init", "--host", "--root", host)

    assert "other than ours" not in said.out


def test_a_host_gets_the_parts_of_the_services_that_it_has(shell, host):
    shutil.rmtree(host / "etc/dbus-1")
    shell("init", "--host", "--root", host)

    assert {
        "etc/axion-bus/axion-bus.toml",
        "etc/systemd/system/axion-bus.service",
        "etc/sysusers.d/axion-bus.conf",
        "etc/tmpfiles.d/axion-bus.conf",
        "etc/mosquitto/axion-bus.acl",
        "etc/mosquitto/axion-bus.passwd",
        "etc/mosquitto/conf.d/axion-bus.conf",
    } == set(files(host))


def test_the_broker_alone_reads_its_accounts_and_everybody_the_configuration(shell, host):
    shell("init", "--host", "--root", host)
    modes = {
        name: f"{(host / name).stat().st_mode & 0o777:o}"
        for name in ("etc/mosquitto/axion-bus.passwd", "etc/mosquitto/axion-bus.acl", "etc/axion-bus/axion-bus.toml")
    }

    assert ["600", "600", "644"] == list(modes.values())


def test_the_unit_starts_this_program_with_the_credentials_that_the_configuration_names(shell, host, monkeypatch):
    program = host / "bin" / "axion-bus"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(program)])
    shell("init", "--host", "--root", host, "--database", URL)
    unit = host / "etc/systemd/system/axion-bus.service"
    verified = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, timeout=60, check=False)
    lines = unit.read_text().splitlines()

    assert (0, "") == (verified.returncode, verified.stderr)
    assert f"ExecStart={program} run" in lines
    assert [
        "LoadCredential=mqtt_password:/etc/axion-bus/credentials/mqtt_password",
        "LoadCredential=db_password:/etc/axion-bus/credentials/db_password",
    ] == [line for line in lines if line.startswith("LoadCredential=")]


KEPT = """
[mqtt]
{account}
[channels.slack]
webhook_url = {{ credential = "slack" }}
"""


@pytest.mark.parametrize(
    ("account", "credentials", "is_asked_for"),
    [
        ("", ["slack", "mqtt_password"], True),
        ('username = "bus"\npassword = { credential = "broker" }', ["broker", "slack"], False),
    ],
)
def test_a_configuration_that_is_kept_decides_what_the_unit_hands_over(shell, host, account, credentials, is_asked_for):
    (host / "etc/axion-bus").mkdir()
    (host / "etc/axion-bus/axion-bus.toml").write_text(KEPT.format(account=account))
    said = shell("init", "--host", "--root", host)
    unit = (host / "etc/systemd/system/axion-bus.service").read_text()

    assert credentials == re.findall(r"^LoadCredential=(\w+):", unit, re.MULTILINE)
    assert is_asked_for is ('[mqtt] of /etc/axion-bus/axion-bus.toml: username = "axion-bus"' in said.out)


def test_without_a_broker_of_its_own_a_host_needs_no_account(shell, host):
    shutil.rmtree(host / "etc/mosquitto")
    (host / "etc/axion-bus").mkdir()
    (host / "etc/axion-bus/axion-bus.toml").write_text("# the defaults\n")
    said = shell("init", "--host", "--root", host)

    assert "LoadCredential=" not in uncommented(host / "etc/systemd/system/axion-bus.service")
    assert "mqtt_password" not in said.out


def uncommented(file):
    return "\n".join(line for line in file.read_text().splitlines() if not line.startswith("#"))


def test_a_faulty_configuration_is_told_before_anything_is_written(shell, host):
    (host / "etc/axion-bus").mkdir()
    (host / "etc/axion-bus/axion-bus.toml").write_text("[mqqt]\n")
    said = shell("init", "--host", "--root", host)

    assert (6, ["etc/axion-bus/axion-bus.toml"]) == (said.code, list(files(host)))
    assert "mqqt: unknown key; did you mean mqtt?" in said.err


def test_only_the_configuration_is_written_without_host_and_nothing_is_answered(shell, host):
    shell("init", "--root", host, "--config", "/axion-bus.toml")

    assert {"axion-bus.toml": (CHECKOUT / "config/axion-bus.toml").read_text()} == files(host)


def test_each_next_step_is_said_and_is_in_json_too(shell, host):
    said = shell("init", "--host", "--root", host, "--database", URL, "--json")
    steps = said.json["data"]["next"]
    commands = "\n".join(step["do"] for step in steps)

    for wanted in (
        "systemd-sysusers",
        "mosquitto_passwd",
        "CREATE DATABASE",
        "check-config",
        "systemctl enable --now axion-bus",
        "axion-bus doctor",
    ):
        assert wanted in commands
    assert all(step["what"] for step in steps)


@pytest.mark.parametrize("url", ["postgres://x/y", "mysql://u:secret@h/d"])
def test_an_answer_that_is_wrong_writes_nothing(shell, tmp_path, url):
    said = shell("init", "--config", tmp_path / "new.toml", "--database", url)

    assert (6, False) == (said.code, (tmp_path / "new.toml").exists())


def test_a_place_that_cannot_be_written_is_named_without_a_traceback(shell, tmp_path):
    (tmp_path / "file").touch()
    said = shell("init", "--config", tmp_path / "file" / "axion-bus.toml")

    assert (1, True, False) == (said.code, f"{tmp_path}/file/axion-bus.toml cannot be written" in said.err, "Traceback" in said.err)


def test_an_installed_package_has_the_files(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=CHECKOUT, capture_output=True, timeout=120, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    assert {
        "axion_bus/shipped/config/axion-bus.toml",
        "axion_bus/shipped/config/mosquitto.conf",
        "axion_bus/shipped/config/mosquitto.acl",
        "axion_bus/shipped/config/dbus/org.axion.Bus1.conf",
        "axion_bus/shipped/systemd/axion-bus.service",
        "axion_bus/shipped/systemd/sysusers.d/axion-bus.conf",
        "axion_bus/shipped/systemd/tmpfiles.d/axion-bus.conf",
    } <= names
