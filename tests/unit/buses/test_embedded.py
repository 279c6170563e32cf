"""Which broker the demo gets: the better one that is installed, the one that was asked for, or a plain word that there is none."""

from __future__ import annotations

import sys

import pytest

from axion_bus.buses.embedded import Mosquitto, choose
from axion_bus.buses.embedded_amqtt import Amqtt
from axion_bus.errors import BrokerMissing


@pytest.fixture
def path(tmp_path):
    """A path on which there is a mosquitto."""
    program = tmp_path / "mosquitto"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return str(tmp_path)


@pytest.fixture
def without_amqtt(monkeypatch):
    """As if the extra were not installed."""
    monkeypatch.setitem(sys.modules, "amqtt", None)


def test_mosquitto_goes_before_amqtt(path):
    assert Mosquitto(f"{path}/mosquitto") == choose(path=path)


def test_amqtt_is_taken_where_there_is_no_mosquitto(tmp_path):
    assert isinstance(choose(path=str(tmp_path)), Amqtt)


def test_amqtt_can_be_asked_for(path):
    assert isinstance(choose("amqtt", path=path), Amqtt)


def test_amqtt_says_what_it_does_not_guarantee():
    assert "no delivery is promised" in (Amqtt.caveat or "")


def test_mosquitto_is_found_in_the_places_of_servers(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))

    assert isinstance(choose(), Mosquitto)


@pytest.mark.usefixtures("without_amqtt")
def test_without_any_broker_it_says_where_it_has_looked(tmp_path):
    with pytest.raises(BrokerMissing) as caught:
        choose(path=str(tmp_path))

    nowhere = "no program mosquitto on PATH, in /usr/sbin or in /usr/local/sbin, and no Python package amqtt"
    assert f"there is no broker to start: {nowhere}" == str(caught.value)


@pytest.mark.usefixtures("without_amqtt")
def test_the_broker_that_was_asked_for_is_not_replaced_by_another(path):
    with pytest.raises(BrokerMissing, match="no Python package amqtt"):
        choose("amqtt", path=path)


def test_a_missing_mosquitto_that_was_asked_for_is_named(tmp_path):
    with pytest.raises(BrokerMissing, match="no program mosquitto"):
        choose("mosquitto", path=str(tmp_path))
