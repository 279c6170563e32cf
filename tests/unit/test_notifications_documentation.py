"""docs/notifications.md says what the code does: its tables, its figures, its configuration and its SQL."""

from __future__ import annotations

import re
import tomllib
from contextlib import closing
from dataclasses import fields
from pathlib import Path

import apsw
import pytest

from axion_bus.channels import discord, http, pagerduty, slack, twilio
from axion_bus.config import load
from axion_bus.config.notify import Channel as Section
from axion_bus.config.notify import Channels
from axion_bus.domain import template
from axion_bus.domain.communication import Channel
from axion_bus.domain.delivery import FAILURES_TO_OPEN, OPEN_FOR_S, AttemptStatus, Manner, Patience
from axion_bus.domain.routing import BUILT_IN_CODES, KEEP_INCIDENTS_APART, Occasion, recipients_by_channel

DOCS = (Path(__file__).parents[2] / "docs" / "notifications.md").read_text()


def section(title):
    """The text below a heading."""
    return DOCS.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def first_cells(title):
    """The first column of the table below a heading."""
    table = re.search(r"(?:^\|.*\n)+", section(title), re.MULTILINE)[0].splitlines()[2:]
    return [line.split("|")[1].strip().strip("`") for line in table]


def test_every_channel_has_its_line():
    told = [name for cell in first_cells("Channels") for name in cell.split(", ")]

    assert list(Channel) == sorted(told, key=list(Channel).index)


def test_what_a_channel_needs_is_what_its_section_cannot_do_without():
    needs = {}
    for line in re.findall(r"^\| ([A-Z, ]+) \| (.*?) \|", section("Channels"), re.MULTILINE):
        for name in line[0].split(", "):
            needs[name] = set(re.findall(r"`(\w+)`", line[1]))
    required = {}
    for name, info in Channels.model_fields.items():
        keys = info.annotation.__args__[0].model_fields.items()
        required[name.upper()] = {key.alias or field for field, key in keys if key.is_required()}

    assert {} == {name: wanted - needs[name] for name, wanted in required.items() if not wanted <= needs[name]}


def test_every_channel_has_what_every_channel_is_said_to_have():
    told = re.findall(r"`(\w+)`", section("Channels").partition("Every channel also has")[2].partition("; [conf")[0])

    assert sorted(Section.model_fields) == sorted(told)
    assert f"`timeout_s` (10), `rate` ({Manner().rate:g} a second), `concurrency` ({Manner().concurrency} at a time)" in DOCS


def test_the_codes_that_are_built_in_are_the_true_ones():
    told = re.search(r"codes are built in: (.*?)\. A row", section("Notify codes"), re.DOTALL)[1]

    assert list(BUILT_IN_CODES) == re.findall(r"INCIDENT_\w+", told)
    assert BUILT_IN_CODES["INCIDENT_CRITICAL"].channels == ("PAGERDUTY", "SLACK", "SMS")
    assert {("SLACK", "EMAIL")} == {code.channels for name, code in BUILT_IN_CODES.items() if name != "INCIDENT_CRITICAL"}


def test_its_sql_defines_codes(shell, tmp_path):
    shell.set("AXION_BUS__STORE__URL", f"sqlite:///{tmp_path}/axion-bus.db")
    shell("db", "upgrade")
    with closing(apsw.Connection(f"{tmp_path}/axion-bus.db")) as connection:
        connection.execute(re.search(r"```sql\n(.*?)```", DOCS, re.DOTALL)[1])
        rows = connection.execute("SELECT NotifyCode, NotifyChannels, Title, Template, Recipients FROM def_notify ORDER BY 1")
        (code, channels, title, body, recipients), _ = rows.fetchall()

    assert ("DATABASE", "SLACK,EMAIL") == (code, channels)
    assert {"SLACK": ("#dba",), "EMAIL": ("dba@example.com",)} == recipients_by_channel(recipients)
    assert template.parse(title)
    assert template.parse(body)


def test_its_configuration_is_one(tmp_path):
    toml = re.search(r"```toml\n(.*?)```", DOCS, re.DOTALL)[1]
    (tmp_path / "axion-bus.toml").write_text(toml)
    for name in ("slack", "pagerduty"):
        (tmp_path / name).write_text("secret")

    settings = load(tmp_path / "axion-bus.toml", environ={"CREDENTIALS_DIRECTORY": str(tmp_path)})

    assert tomllib.loads(toml)["channels"].keys() == {name for name, channel in settings.channels if channel is not None}


def test_every_occasion_has_its_line():
    assert [each for each in Occasion if each in first_cells("Occasions")] == first_cells("Occasions")
    assert "reminder_every" not in first_cells("Occasions")


def test_the_placeholders_are_those_that_there_are():
    told = re.findall(r"`\{(\w+)\}`", section("Templates"))

    assert sorted(template.PLACEHOLDERS) == sorted(told)


def test_every_state_of_an_attempt_has_its_line():
    assert list(AttemptStatus) == first_cells("Delivery")


@pytest.mark.parametrize(
    "said",
    [
        f"Slack {slack.MAX_CHARACTERS} characters, Discord {discord.MAX_CHARACTERS}, SMS {twilio.MAX_CHARACTERS}",
        f"PagerDuty's summary {pagerduty._SUMMARY_CHARACTERS}",
        f"... {Patience().max_s:g} s",
        f"for {Patience().budget.total_seconds() / 3600:g} hours",
        f"left alone for {OPEN_FOR_S:g} seconds",
        {5: "fails five times in a row"}[FAILURES_TO_OPEN],
        {3600.0: "(an hour at most)"}[http.MAX_RETRY_AFTER_S],
    ],
)
def test_a_figure_that_it_gives_is_the_true_one(said):
    assert said in DOCS


def test_where_incidents_are_kept_apart_is_said():
    told = set(re.search(r"On (\w+) and (\w+), whose\s+programs keep incidents apart", DOCS).groups())

    assert {channel.value for channel in KEEP_INCIDENTS_APART} - {"MQTT", "DBUS"} == told  # whose messages are no courier's


def test_every_key_of_a_row_that_it_names_is_one_of_a_code():
    assert {"title", "template", "recipients"} <= {each.name for each in fields(BUILT_IN_CODES["INCIDENT_CRITICAL"])}
