"""docs/silences.md shows commands that work, and says which verbs there are."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

from axion_bus import IncidentManager
from axion_bus.domain.correlation import SILENCE_ENDED
from axion_bus.manager import arguments as a
from axion_bus.manager.catalogue import CATALOGUE

DOCS = (Path(__file__).parents[2] / "docs" / "silences.md").read_text()


def test_its_commands_work(shell):
    added, listed, expired = re.findall(r"^axion-bus (silence .*)$", DOCS, re.MULTILINE)

    guid = shell(*shlex.split(added)).out.strip()
    lines = shell(*shlex.split(listed)).out.splitlines()
    said = shell(*shlex.split(expired)[:-1], guid)

    assert (2, 0, f"{guid} has ended\n") == (len(lines), said.code, said.out)


def test_its_example_of_a_command_is_one():
    (body,) = re.findall(r"```json\n(.*?)```", DOCS, re.DOTALL)
    given = json.loads(body)

    assert a.check(CATALOGUE["silence"].arguments, {"created_by": given.pop("by"), **given})


def test_the_calls_and_verbs_that_it_names_are_there():
    calls = re.findall(r"`(\w+_silences?)\(", DOCS)
    verbs = re.findall(r"`(?:axion/request/)?((?:expire-|list-)?silences?)`", DOCS)

    assert ["add_silence", "list_silences", "expire_silence"] == calls
    assert [] == [call for call in calls if not hasattr(IncidentManager, call)]
    assert {"silence", "expire-silence", "list-silences"} == set(verbs) & set(CATALOGUE)


def test_its_reasons_are_the_true_ones():
    assert f"`{SILENCE_ENDED}`" in DOCS
