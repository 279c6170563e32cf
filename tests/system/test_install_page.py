"""docs/install.md: its commands are known, and its channel fits what ``init`` writes. Read, never run: they are a host's own."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from axion_bus.config import load
from tests.readme import blocks, files_in

PAGE = Path(__file__).parents[2] / "docs/install.md"
URL = "mysql://axion-bus@127.0.0.1/axion_bus"
COMMANDS = sorted({line for block in blocks("sh", PAGE) for line in block.splitlines() if line.startswith("axion-bus ")})


def test_it_has_the_commands_that_a_newcomer_needs():
    assert {"axion-bus check-config", "axion-bus doctor", "axion-bus channels test pagerduty --live"} <= set(COMMANDS)


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_of_the_page_is_one(shell, line):
    said = shell(*shlex.split(line)[1:], "--help")

    assert (0, "") == (said.code, said.err)


def test_a_command_that_there_is_not_would_be_noticed(shell):
    assert [2, 2] == [shell(*line.split(), "--help").code for line in ("doctr", "channels test pagerduty --alive")]


def test_the_channel_of_the_page_fits_the_configuration_that_init_writes(shell, tmp_path):
    shell("init", "--host", "--root", tmp_path, "--database", URL)
    written = dict(each for block in blocks("sh", PAGE) for each in files_in(block))
    file = tmp_path / "etc/axion-bus/axion-bus.toml"
    file.write_text(file.read_text() + written["/etc/axion-bus/axion-bus.toml"])
    settings = load(file, environ={})

    assert '{ credential = "pagerduty" }' == str(settings.channels.pagerduty.routing_key)
    assert all([settings.notify.created, settings.notify.acknowledged, settings.notify.closed])
    assert (
        "[Service]\nLoadCredential=pagerduty:/etc/axion-bus/credentials/pagerduty\n"
        == written["/etc/systemd/system/axion-bus.service.d/pagerduty.conf"]
    )
