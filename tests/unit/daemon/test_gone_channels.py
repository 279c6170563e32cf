"""Which channels nothing is sent on: those without a section, and D-Bus where it is off."""

from __future__ import annotations

from axion_bus.config import load
from axion_bus.daemon.build import gone_channels

WEBHOOK = '[channels.webhook]\nurl = "https://hooks.example/axion"\n'


def gone(tmp_path, text):
    (tmp_path / "axion-bus.toml").write_text(text)
    return gone_channels(load(tmp_path / "axion-bus.toml"))


def test_without_sections_all_are_gone_but_mqtt(tmp_path):
    names = {"PAGERDUTY", "SLACK", "DISCORD", "SMS", "WHATSAPP", "EMAIL", "WEBHOOK", "APPRISE", "DBUS"}

    assert names == gone(tmp_path, "").keys()


def test_a_channel_with_a_section_is_not_gone(tmp_path):
    assert "WEBHOOK" not in gone(tmp_path, WEBHOOK)


def test_dbus_is_not_gone_where_it_is_on(tmp_path):
    assert "DBUS" not in gone(tmp_path, '[dbus]\nbus = "session"\n')


def test_the_reason_names_the_section(tmp_path):
    found = gone(tmp_path, WEBHOOK)

    assert "given up: no daemon with [channels.sms] came to send it" == found["SMS"]
    assert "given up: no daemon with [dbus] came to send it" == found["DBUS"]
