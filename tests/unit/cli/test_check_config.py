"""``axion-bus check-config``: what a configuration says, every fault in it, exit code 6."""

from __future__ import annotations

import pytest

GOOD = """
[instance]
name = "north"
[store]
url = "mysql://axion@db.example/axion"
[mqtt]
protocol = 4
"""
BAD = """
[mqtt]
keepalive = 5
pasword = "x"
"""


@pytest.fixture
def write(tmp_path):
    def write(text, name="axion-bus.toml"):
        (tmp_path / name).write_text(text)
        return name

    return write


def test_a_valid_file_is_summed_up(shell, write):
    said = shell("check-config", write(GOOD))

    expected = """\
axion-bus.toml: valid
  instance               north
  store                  mysql://axion@db.example:3306/axion
  broker                 mqtt://127.0.0.1:1883 (MQTT 3.1.1, client id axion-bus-north)
  sources                1
  rules                  0
  environment variables  0
"""
    assert (0, expected, "") == (said.code, said.out, said.err)


def test_every_fault_is_a_line(shell, write):
    said = shell("check-config", write(BAD))

    keepalive, pasword, hint = said.err.splitlines()
    assert (6, "") == (said.code, said.out)
    assert "axion-bus: axion-bus.toml: mqtt.keepalive: found 5; allowed: a whole number, from 60 on, 65535 at most" == keepalive
    assert "axion-bus: axion-bus.toml: mqtt.pasword: unknown key; did you mean password?" == pasword
    assert hint.startswith("hint: docs/configuration.md")


def test_each_file_is_checked_even_when_another_is_faulty(shell, write):
    said = shell("check-config", write(BAD, "bad.toml"), write(GOOD, "good.toml"))

    assert (6, "good.toml: valid") == (said.code, said.out.splitlines()[0])
    assert said.err.startswith("axion-bus: bad.toml: ")


def test_without_a_file_the_configuration_in_force_is_checked(shell, write, tmp_path):
    shell.set("AXION_BUS_CONFIG", str(tmp_path / write(GOOD)))
    shell.set("AXION_BUS__INSTANCE__NAME", "south")
    said = shell("check-config")

    lines = said.out.splitlines()
    assert f"{tmp_path}/axion-bus.toml: valid" == lines[0]
    assert {"  instance               south", "  environment variables  1"} <= set(lines)


def test_json_has_what_was_found_and_no_second_object(shell, write):
    good, bad = write(GOOD, "good.toml"), write(BAD, "bad.toml")
    valid, faulty = shell("check-config", good, "--json"), shell("--json", "check-config", bad, good)

    assert (0, "north") == (valid.code, valid.json["data"][0]["found"]["instance"])
    assert (6, "", "invalid") == (faulty.code, faulty.err, faulty.json["error"]["code"])


def test_what_is_allowed_and_looks_wrong_is_a_warning(shell, write):
    said = shell("check-config", write('[[mqtt.sources]]\ntopic = "a/#"\n[[mqtt.sources]]\ntopic = "a/b"\n'))

    assert 0 == said.code
    assert said.out.splitlines()[-1].startswith("  warning: mqtt.sources[1].topic: a/b overlaps a/# (sources[0]);")


def test_a_secret_that_cannot_be_read_is_a_fault_and_its_value_is_never_shown(shell, write, tmp_path):
    (tmp_path / "password").write_text("hunter2\n")
    text = GOOD.replace("[mqtt]", f'password = {{ file = "{tmp_path}/password" }}\n[mqtt]')
    text += 'username = "u"\npassword = { env = "NOT_SET" }\n'
    said = shell("check-config", write(text), "-vv")

    assert (6, False) == (said.code, "hunter2" in said.out + said.err)
    assert 'axion-bus.toml: mqtt.password: { env = "NOT_SET" } cannot be read: the variable is not set' in said.err


def test_config_show_prints_what_is_in_force_and_where_it_came_from(shell, write, tmp_path):
    shell.set("AXION_BUS__LOG__LEVEL", "debug")
    said = shell("config", "show", "--config", write(GOOD))

    lines = said.out.splitlines()
    assert (0, ["# file: axion-bus.toml", "# environment: AXION_BUS__LOG__LEVEL sets log.level"]) == (said.code, lines[:2])
    assert {'name = "north"', 'url = "mysql://axion@db.example:3306/axion"', 'level = "debug"'} <= set(lines)


def test_what_config_show_prints_is_a_configuration_that_says_the_same(shell, write, tmp_path):
    first = shell("config", "show", "--config", write(GOOD))
    write(first.out, "shown.toml")
    again = shell("config", "show", "--config", "shown.toml")

    assert first.out.replace("axion-bus.toml", "shown.toml") == again.out


def test_config_show_prints_a_secret_as_its_reference(shell, write, tmp_path):
    (tmp_path / "password").write_text("hunter2\n")
    name = write(GOOD.replace("[mqtt]", f'password = {{ file = "{tmp_path}/password" }}\n[mqtt]'))
    text, data = shell("config", "show", "--config", name), shell("config", "show", "--config", name, "--json")

    assert f'password = {{ file = "{tmp_path}/password" }}' in text.out.splitlines()
    assert {"file": f"{tmp_path}/password"} == data.json["data"]["settings"]["store"]["password"]
    assert "hunter2" not in text.out + data.out
