"""What may stand in [dbus] and [[dbus.sources]], and how what does not fit is told."""

from __future__ import annotations

from typing import get_args

import pytest

from axion_bus.config import parse
from axion_bus.config.dbus import Asked, Dbus
from axion_bus.errors import ConfigError
from axion_bus.manager.catalogue import CATALOGUE

BOILER = {"interface": "org.example.Boiler"}


def source(**keys):
    return {"dbus": {"sources": [keys]}}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (source(), "dbus.sources[0].interface: is missing"),
        (source(**BOILER, watch=["a"]), "dbus.sources[0].watch: is for a preset"),
        (source(**BOILER, path="/a", path_namespace="/b"), "dbus.sources[0].path_namespace: stands beside path"),
        (source(**BOILER, format="json"), 'dbus.sources[0].mapping: format "json" needs a mapping'),
        (source(**BOILER, mapping={"title": "["}), "dbus.sources[0].mapping: title = '[' is not a JMESPath expression"),
        (source(**BOILER, mapping={"severity": "a"}), "dbus.sources[0].mapping: title is missing"),
        (source(**BOILER, allowed_uids=[]), "dbus.sources[0].allowed_uids"),
        (source(**BOILER, allowed_uids=[-1]), "dbus.sources[0].allowed_uids[0]"),
        (source(interface="Boiler"), "dbus.sources[0].interface"),
        (source(preset="nonesuch"), 'dbus.sources[0].preset: there is no preset "nonesuch"; there are: '),
        (source(preset="nonesuch", **BOILER), 'dbus.sources[0].interface: stands beside preset = "nonesuch"'),
        ({"dbus": {"allowed_uids": {"close": [0]}}}, 'found "close"'),
        ({"dbus": {"allowed_uids": {"close-incident": []}}}, "dbus.allowed_uids.close-incident"),
        ({"dbus": {"bus": "unixexec:path=/bin/sh"}}, "dbus.bus"),
    ],
)
def test_what_does_not_fit_is_named(data, said):
    with pytest.raises(ConfigError) as caught:
        parse(data)

    assert said in str(caught.value)


def test_a_mapping_may_fill_labels_as_toml_writes_them():
    settings = parse(source(**BOILER, mapping={"title": "args[0]", "labels": {"room": "args[1]"}}))

    assert {"title": "args[0]", "labels.room": "args[1]"} == settings.dbus.sources[0].mapping


def test_users_are_those_of_the_verb_or_the_default():
    dbus = Dbus(allowed_uids={"default": [0], "submit": [1000, 0]})

    assert ((1000, 0), (0,)) == (dbus.users_of("submit"), dbus.users_of("close-incident"))


def test_without_a_list_whoever_the_bus_lets_may_ask():
    assert (None, None, (5,)) == (
        Dbus().users_of("submit"),
        Dbus(allowed_uids={"submit": [5]}).users_of("notify"),
        Dbus(allowed_uids={"submit": [5]}).users_of("submit"),
    )


def test_only_verbs_that_there_are_can_have_a_list():
    assert set(get_args(Asked)) - {"default", "submit"} <= set(CATALOGUE)
