"""References to secrets: read with the configuration, needed only where they are used, shown nowhere."""

from __future__ import annotations

import pytest

from axion_bus.config import Origin, parse
from axion_bus.config.check import check_secrets, require_secrets
from axion_bus.config.show import plain, secrets, toml
from axion_bus.errors import ConfigError

VALUE = "hunter2-do-not-show"


def settings_with(reference, *, environ=None):
    return parse({"mqtt": {"username": "u", "password": reference}}, environ=environ or {})


def test_a_credential_is_read_from_systemds_directory(tmp_path):
    (tmp_path / "mqtt").write_text(VALUE)

    assert settings_with({"credential": "mqtt"}, environ={"CREDENTIALS_DIRECTORY": str(tmp_path)}).mqtt.password.reveal() == VALUE


def test_a_secret_is_read_from_a_file(tmp_path):
    (tmp_path / "mqtt").write_text(VALUE)

    assert settings_with({"file": str(tmp_path / "mqtt")}).mqtt.password.reveal() == VALUE


def test_a_secret_is_read_from_the_environment():
    assert settings_with({"env": "PASSWORD"}, environ={"PASSWORD": VALUE}).mqtt.password.reveal() == VALUE


@pytest.mark.parametrize(("content", "expected"), [("a b\n", "a b"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a ", " a ")])
def test_only_the_last_end_of_line_is_dropped(tmp_path, content, expected):
    (tmp_path / "mqtt").write_text(content, newline="")

    assert settings_with({"file": str(tmp_path / "mqtt")}).mqtt.password.reveal() == expected


@pytest.mark.parametrize(
    ("reference", "environ", "problem"),
    [
        ({"credential": "mqtt"}, {}, r"\$CREDENTIALS_DIRECTORY is not set"),
        ({"credential": "mqtt"}, {"CREDENTIALS_DIRECTORY": "/nonexistent"}, "/nonexistent/mqtt: No such file or directory"),
        ({"file": "/nonexistent/mqtt"}, {}, "/nonexistent/mqtt: No such file or directory"),
        ({"file": "/dev"}, {}, "/dev: Is a directory"),
        ({"file": "/dev/null"}, {}, "it is empty"),
        ({"file": "/dev/zero"}, {}, "/dev/zero: larger than 65536 bytes"),
        ({"env": "PASSWORD"}, {}, "the variable is not set"),
        ({"env": "PASSWORD"}, {"PASSWORD": ""}, "it is empty"),
    ],
)
def test_a_secret_that_cannot_be_read_is_an_error_only_when_it_is_needed(reference, environ, problem):
    password = settings_with(reference, environ=environ).mqtt.password

    with pytest.raises(ConfigError, match=f"cannot be read: {problem}"):
        password.reveal()


def test_a_secret_that_is_not_utf8_cannot_be_read(tmp_path):
    (tmp_path / "mqtt").write_bytes(b"\xff")

    with pytest.raises(ConfigError, match="not UTF-8"):
        settings_with({"file": str(tmp_path / "mqtt")}).mqtt.password.reveal()


@pytest.mark.parametrize(
    "reference", [{"credential": "../x"}, {"credential": ".."}, {"file": "x"}, {"env": "A=B"}, {"env": "1A"}, {"key": "x"}, {}]
)
def test_a_reference_that_cannot_be_one_is_a_fault(reference):
    with pytest.raises(ConfigError, match=r'mqtt\.password: .*write { credential = "name" }'):
        settings_with(reference)


def test_the_value_is_in_no_text_of_the_settings():
    settings = settings_with({"env": "PASSWORD"}, environ={"PASSWORD": VALUE})

    for text in (repr(settings), str(settings), toml(settings), str(plain(settings)), settings.model_dump_json(fallback=str)):
        assert VALUE not in text
    assert 'password = { env = "PASSWORD" }' in toml(settings)
    assert str(settings.mqtt.password) == '{ env = "PASSWORD" }'


def test_every_secret_is_found_with_its_key():
    settings = parse({"mqtt": {"username": "u", "password": {"env": "A"}}, "channels": {"slack": {"webhook_url": {"file": "/b"}}}})

    assert [(path, str(secret)) for path, secret in secrets(settings)] == [
        (("mqtt", "password"), '{ env = "A" }'),
        (("channels", "slack", "webhook_url"), '{ file = "/b" }'),
    ]


def test_checking_refuses_every_secret_that_cannot_be_read():
    settings = parse({"mqtt": {"username": "u", "password": {"env": "A"}}, "channels": {"discord": {"webhook_url": {"env": "B"}}}})

    with pytest.raises(ConfigError) as caught:
        check_secrets(settings, Origin(variables={("mqtt", "password"): "AXION_BUS__MQTT__PASSWORD"}))

    assert str(caught.value).splitlines() == [
        'environment AXION_BUS__MQTT__PASSWORD: mqtt.password: { env = "A" } cannot be read: the variable is not set',
        'configuration: channels.discord.webhook_url: { env = "B" } cannot be read: the variable is not set',
    ]


def test_checking_outside_systemd_warns_of_credentials():
    (warning,) = check_secrets(settings_with({"credential": "mqtt"}), Origin())

    assert warning.startswith('mqtt.password: { credential = "mqtt" } was not checked: $CREDENTIALS_DIRECTORY is not set')


def test_starting_needs_the_secrets_of_what_is_acted_on_only():
    unused = parse({"channels": {"discord": {"webhook_url": {"env": "B"}}}})
    used = settings_with({"credential": "mqtt"})

    assert require_secrets(unused, Origin()) is None
    with pytest.raises(ConfigError, match=r"mqtt\.password"):
        require_secrets(used, Origin())
