"""The shipped example and the reference: complete, true, and up to date; and what ``config show`` writes reads back."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axion_bus.config import load, parse
from axion_bus.config.keys import fields_of, kind_of, sections
from axion_bus.config.reference import MARKER, main, markdown
from axion_bus.config.settings import Settings
from axion_bus.config.show import literal, plain, toml
from axion_bus.config.values import Default
from axion_bus.errors import ConfigError

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "config/axion-bus.toml").read_text("utf-8")
DOCS = ROOT / "docs/configuration.md"
UNCOMMENTED = re.sub(r"^#(?=[a-z\[])", "", EXAMPLE, flags=re.MULTILINE)
REPEATED = ("rules", "silences", "dbus.sources", "notify")  # their values are examples, for there is no default one


def test_the_example_as_it_is_gives_the_defaults(tmp_path):
    path = tmp_path / "axion-bus.toml"
    path.write_text(EXAMPLE)

    assert load(path, environ={}) == parse({})


def test_the_example_with_every_setting_uncommented_is_valid():
    settings = parse(tomllib.loads(UNCOMMENTED))

    assert [rule.name for rule in settings.rules()] == ["database", "default"]


def test_every_key_is_in_the_example():
    missing = []
    for header, section in sections():
        text = EXAMPLE if section_is_inline(header) else body_of(header)
        missing += [f"{header} {name}" for name, info in fields_of(section).items() if is_absent(name, info, header, text)]

    assert missing == []


def section_is_inline(header):
    return header == "[rules.auto_close]"


def body_of(header):
    """What follows ``header`` up to the next header."""
    found = re.search(rf"^# ?{re.escape(header)}.*?(?=^# ?\[|\Z)", EXAMPLE, re.MULTILINE | re.DOTALL)
    return found[0] if found else ""


def is_absent(name, info, header, text):
    kind = kind_of(info)
    if kind.section or (kind.item and kind.item.section):
        return False  # it has a header of its own
    if header.startswith("[channels.") and name in fields_of(Settings.model_fields["channels"].annotation.__mro__[0]):
        return False
    every_channel = header.startswith("[channels.") and re.search(rf"^# ?{name} = ", body_of("[channels.pagerduty]"), re.MULTILINE)
    mapped = header == "[[mqtt.sources]]" and name == "mapping"
    return not (every_channel or re.search(rf"^# ?{name} = |\b{name} = ", EXAMPLE if mapped else text, re.MULTILINE))


def test_the_example_shows_the_true_defaults():
    data = tomllib.loads(UNCOMMENTED)
    wrong = []
    for header, section in sections():
        path = header.strip("[]")
        if path.startswith(REPEATED):
            continue
        table = at(data, path)
        for name, info in fields_of(section).items():
            has_default = info.default is not None and not info.is_required() and name in table
            if has_default and not is_table(kind_of(info)) and plain(info.default) != table[name]:
                wrong.append(f"{path}.{name} = {table[name]}")

    assert wrong == []


def is_table(kind):
    """Whether the key stands for a table, or tables, with a header of their own."""
    return kind.section or (kind.item and kind.item.section)


def at(data, path):
    for step in path.split("."):
        data = data.get(step, {})
        data = data[0] if isinstance(data, list) else data
    return data


def test_the_reference_is_up_to_date():
    prose, _, generated = DOCS.read_text("utf-8").partition(MARKER)

    assert markdown() + "\n" == generated, "run: python -m axion_bus.config.reference docs/configuration.md"
    assert "## Every key" in prose


def test_writing_the_reference_keeps_what_stands_above_it(tmp_path):
    file = tmp_path / "configuration.md"
    file.write_text(f"# Prose\n{MARKER}old\n")

    main(file)

    assert file.read_text() == f"# Prose\n{MARKER}{markdown()}\n"


def test_a_default_that_depends_on_the_machine_is_told_in_words():
    described = [name for _, section in sections() for name, info in fields_of(section).items() if in_words(info)]

    assert described == ["name", "url", "client_id", "sources", "create_at"]
    assert "| `axion-bus-` and the instance's name |" in markdown()


def in_words(info):
    return any(isinstance(mark, Default) for mark in info.metadata)


def test_the_faults_in_the_documentation_are_what_is_printed(tmp_path):
    path = tmp_path / "axion-bus.toml"
    path.write_text('[mqtt]\nkeepalive = 5\npasword = "x"\n')

    with pytest.raises(ConfigError) as caught:
        load(path, environ={"AXION_BUS__LOG__LEVEL": "warn"})

    printed = [f"axion-bus: {line}".replace(str(path), path.name) for line in str(caught.value).splitlines()]
    assert sorted(printed) == sorted(re.findall(r"^axion-bus: .*$", DOCS.read_text("utf-8"), re.MULTILINE))


@pytest.mark.parametrize(
    "data", [{}, tomllib.loads(UNCOMMENTED), {"mqtt": {"sources": []}}], ids=["defaults", "everything", "no source"]
)
def test_what_is_shown_as_toml_reads_back_to_the_same_settings(data):
    settings = parse(data)

    assert parse(tomllib.loads(toml(settings))) == settings


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_written_as_toml_reads_back(text):
    assert tomllib.loads(f"value = {literal(text)}") == {"value": text}
