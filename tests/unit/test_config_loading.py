"""Finding and reading the configuration: which file, which defaults, which environment variables."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from axion_bus.config import load, load_with_origin, parse
from axion_bus.config.loading import MAX_BYTES, host_name, state_directory
from axion_bus.errors import ConfigError

NAMED = '[instance]\nname = "{}"\n'


@pytest.fixture
def write(tmp_path):
    def write(content, name="axion-bus.toml"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def faults(path, **environ):
    with pytest.raises(ConfigError) as caught:
        load(path, environ=environ)
    return str(caught.value).splitlines()


def test_the_file_named_by_argument_goes_before_the_one_named_by_the_environment(write):
    by_argument, by_environment = write(NAMED.format("argument"), "a.toml"), write(NAMED.format("environment"), "b.toml")

    assert load(by_argument, environ={"AXION_BUS_CONFIG": str(by_environment)}).instance.name == "argument"
    assert load(environ={"AXION_BUS_CONFIG": str(by_environment)}).instance.name == "environment"


def test_an_empty_file_gives_the_built_in_defaults(write):
    settings = load(write(""), environ={"STATE_DIRECTORY": "/state"})

    assert str(settings.store.url) == "sqlite:////state/axion-bus.db"
    assert str(settings.mqtt.url) == "mqtt://127.0.0.1:1883"
    assert settings.mqtt.client_id == f"axion-bus-{host_name()}"
    assert [source.topic for source in settings.mqtt.sources] == ["axion/alerts/#"]
    assert settings.dbus.bus == "off"


def test_the_default_client_id_and_source_follow_the_instance_and_the_base_topic():
    settings = parse({"instance": {"name": "north"}, "mqtt": {"base_topic": "site/axion"}})

    assert settings.mqtt.client_id == "axion-bus-north"
    assert [source.topic for source in settings.mqtt.sources] == ["site/axion/alerts/#"]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"STATE_DIRECTORY": "/a:/b", "XDG_STATE_HOME": "/x"}, "/a"),
        ({"XDG_STATE_HOME": "/x", "HOME": "/h"}, "/x/axion-bus"),
        ({"XDG_STATE_HOME": "relative", "HOME": "/h"}, "/h/.local/state/axion-bus"),
        ({"HOME": "/h"}, "/h/.local/state/axion-bus"),
    ],
)
def test_the_state_directory_is_systemds_else_the_users(environ, expected):
    if "STATE_DIRECTORY" not in environ and os.access("/var/lib/axion-bus", os.W_OK):
        expected = "/var/lib/axion-bus"

    assert Path(expected) == state_directory(environ)


def test_a_named_file_that_is_not_there_is_a_fault(tmp_path):
    missing = tmp_path / "none.toml"

    assert [f"{missing}: cannot be read: No such file or directory"] == faults(missing)
    assert [f"{missing}: cannot be read: No such file or directory"] == faults(None, AXION_BUS_CONFIG=str(missing))


def test_a_directory_is_a_fault(tmp_path):
    assert [f"{tmp_path}: cannot be read: Is a directory"] == faults(tmp_path)


def test_a_path_that_cannot_be_one_is_a_fault():
    assert faults(Path("a\0b")) == [r"a\x00b: cannot be read: embedded null byte"]


def test_invalid_utf8_is_a_fault_with_its_line(write):
    path = write(b"[log]\n# caf\xe9\n")

    assert [f"{path}: not UTF-8 (at line 2, byte 0xe9)"] == faults(path)


def test_a_huge_file_is_a_fault(write):
    path = write(b"#" * (MAX_BYTES + 1))

    assert [f"{path}: larger than 1048576 bytes, which no configuration is"] == faults(path)


def test_a_byte_order_mark_is_no_fault(write):
    assert load(write(b"\xef\xbb\xbf" + NAMED.format("x").encode()), environ={}).instance.name == "x"


def test_a_syntax_error_is_a_fault_with_line_and_column(write):
    path = write('[log]\nlevel = "info" "debug"\n')

    (line,) = faults(path)
    assert line.startswith(f"{path}: not TOML: ")
    assert "at line 2, column 16" in line


@pytest.mark.parametrize("content", ["a = " + "[" * 20_000, "a = " + "9" * 5000, "a = 0000-99-99", "a." * 5000 + "b = 1"])
def test_absurd_toml_is_a_fault_and_not_a_crash(write, content):
    assert len(faults(write(content))) == 1


def test_the_environment_overrides_the_file(write):
    path = write('[mqtt]\nurl = "mqtt://one"\n[intake]\nbatch_size = 7\n')

    settings = load(
        path,
        environ={
            "AXION_BUS__MQTT__URL": "mqtt://two:1884",
            "AXION_BUS__INTAKE__HIGH_WATER": "900",
            "AXION_BUS__RELAY__LEASE_S": "12.5",
            "AXION_BUS__RELAY__BUDGET": "2h",
            "AXION_BUS__MQTT__USERNAME": "12345",
            "AXION_BUS__MQTT__PASSWORD": '{ env = "SECRET" }',
            "AXION_BUS__CORRELATION__CREATE_AT": "low",
            "SECRET": "s",
            "AXION_BUS_OTHER": "not ours",
        },
    )

    assert (str(settings.mqtt.url), settings.mqtt.username) == ("mqtt://two:1884", "12345")
    assert (settings.intake.batch_size, settings.intake.high_water) == (7, 900)
    assert (settings.relay.lease_s, settings.relay.budget.total_seconds()) == (12.5, 7200)
    assert settings.correlation.create_at.name == "LOW"
    assert settings.mqtt.password is not None
    assert settings.mqtt.password.reveal() == "s"


def test_the_environment_overrides_and_adds_elements_of_an_array(write):
    path = write('[[rules]]\nname = "one"\ncreate_at = "HIGH"\n')

    settings = load(
        path,
        environ={
            "AXION_BUS__RULES__0__CREATE_AT": "LOW",
            "AXION_BUS__RULES__1__NAME": "two",
            "AXION_BUS__RULES__1__MATCH": '["package = X"]',
            "AXION_BUS__RULES__1__MATCH__1": "source = y",
            "AXION_BUS__MQTT__SOURCES": '[{ topic = "a/#" }, { topic = "b/#" }]',
        },
    )

    assert [(rule.name, rule.create_at.name) for rule in settings.rules()[:2]] == [("one", "LOW"), ("two", "HIGH")]
    assert [matcher.text for matcher in settings.rules()[1].matchers] == ["package = X", "source = y"]
    assert [source.topic for source in settings.mqtt.sources] == ["a/#", "b/#"]


def test_the_origin_names_the_file_and_the_variables(write):
    path = write("")

    _, origin = load_with_origin(path, environ={"AXION_BUS__LOG__LEVEL": "debug"})

    assert origin.file == path
    assert origin.variables == {("log", "level"): "AXION_BUS__LOG__LEVEL"}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("AXION_BUS__MQQT__URL", "x", "mqqt.url: unknown key; did you mean mqtt?"),
        ("AXION_BUS__MQTT__URRL", "x", "mqtt.urrl: unknown key; did you mean url?"),
        ("AXION_BUS__LOG", "x", "log: found a single value; allowed: a table"),
        ("AXION_BUS__LOG__LEVEL", "loud", 'log.level: found "loud"; allowed: "debug" or "info" or "warning" or "error"'),
        ("AXION_BUS__MQTT__USERNAME", "\udcff", "mqtt.username: its value is not UTF-8"),
        ("AXION_BUS__RULES__1__NAME", "x", "rules[1].name: it is below an array of 0; write the number of an element, at most 0"),
        ("AXION_BUS__MQTT__PASSWORD", "hunter2", "mqtt.password: found a plain text; a secret never stands in the configuration"),
        ("AXION_BUS__INTAKE__BATCH_SIZE", "5\nx = 1", "intake.batch_size: found "),
    ],
)
def test_a_fault_in_a_variable_names_the_variable(write, name, value, expected):
    (line,) = faults(write(""), **{name: value})

    assert line.startswith(f"environment {name}: {expected}")


def test_two_variables_that_contradict_each_other_are_a_fault(write):
    environ = {"AXION_BUS__LOG": "x", "AXION_BUS__LOG__LEVEL": "info"}

    assert "environment AXION_BUS__LOG__LEVEL: log.level: what is above it is set already, and not to a table" in faults(
        write(""), **environ
    )


def test_parse_does_not_change_what_it_is_given():
    data = {"mqtt": {"base_topic": "x"}}

    parse(data)

    assert data == {"mqtt": {"base_topic": "x"}}


def test_a_host_name_becomes_a_name_that_an_instance_may_have():
    assert parse({}).instance.name == host_name()


EXAMPLE = Path(__file__).parents[2].joinpath("config/axion-bus.toml").read_bytes().replace(b"\n#", b"\n")


@given(st.binary(max_size=200) | st.tuples(st.integers(0, len(EXAMPLE)), st.binary(max_size=8)))
@example(b"\xff")
def test_no_content_of_a_file_raises_anything_but_a_config_error(content):
    if isinstance(content, tuple):
        place, inserted = content
        content = EXAMPLE[:place] + inserted + EXAMPLE[place + len(inserted) :]
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        told = []
        try:
            load(Path(file.name), environ={})
        except ConfigError as exc:
            told = str(exc).splitlines()

    assert all(line.startswith(f"{file.name}: ") for line in told)


STEPS = st.sampled_from(["MQTT", "SOURCES", "RULES", "0", "1", "AUTO_CLOSE", "QUIET", "NOTIFY", "CREATED", "LOG", "", "X", "²"])


@given(st.lists(STEPS, max_size=5), st.text(st.characters(exclude_characters="\0"), max_size=30))
def test_no_variable_raises_anything_but_a_config_error(steps, value):
    name = "AXION_BUS__" + "__".join(steps)
    told = []
    try:
        load(Path(os.devnull), environ={name: value})
    except ConfigError as exc:
        told = str(exc).splitlines()

    assert all(line.startswith(f"environment {name}: ") for line in told)
