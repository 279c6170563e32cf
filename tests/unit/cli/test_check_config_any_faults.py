"""Any number of wrong keys and values of any sections, in a file: all of them are told at once, each in full, with exit code 6."""

from __future__ import annotations

import io
import json
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from functools import reduce
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from axion_bus.cli import invoke
from axion_bus.config.keys import dotted, kind_at
from tests.unit.test_config_faults import LEAVES, placed, wrong_type

UNKNOWN = "zzz"
NEW = [path for path in LEAVES if dotted(path).startswith(("dbus", "silences", "metrics", "mqtt.homeassistant"))]


def merged(one, other):
    """What ``one`` and ``other`` say together; of arrays, in the first element."""
    if isinstance(one, dict):
        both = {key: merged(one[key], value) for key, value in other.items() if key in one}
        return {**one, **other, **both}
    return [merged(one[0], other[0])] if isinstance(one, list) else other


def toml(value):
    """As inline tables; what is here besides tables and arrays, JSON writes as TOML does."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{json.dumps(key)} = {toml(each)}' for key, each in value.items())} }}"
    return f"[{', '.join(map(toml, value))}]" if isinstance(value, list) else json.dumps(value)


def checked(document):
    """Exit code of ``check-config`` and the lines that it says, without the file's name before each."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "axion-bus.toml")
        file.write_text("\n".join(f"{key} = {toml(value)}" for key, value in document.items()))
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = invoke(["check-config", str(file)])
        *lines, hint = err.getvalue().splitlines()
        assert (out.getvalue(), hint.partition(":")[0]) == ("", "hint")
        assert all(line.startswith(f"axion-bus: {file}: ") for line in lines)
        return code, [line.removeprefix(f"axion-bus: {file}: ") for line in lines]


def beside(path):
    """A key that nobody knows, in the table that has the key at ``path``."""
    return (*path[: -2 if path[-1] == 0 else -1], UNKNOWN)


@given(st.sets(st.sampled_from(LEAVES), min_size=1, max_size=12), st.sets(st.sampled_from(LEAVES), max_size=3))
@example(set(LEAVES), set(LEAVES))
@example(set(NEW), set())
def test_every_wrong_value_and_key_is_told_at_once_with_what_was_found_and_what_is_allowed(wrong, misspelled):
    values = [placed(path, wrong_type(kind_at(path))) for path in wrong]
    keys = [placed(beside(path), 1) for path in misspelled]
    code, lines = checked(reduce(merged, values + keys))
    told = dict(line.split(": ", 1) for line in lines)

    assert code == 6
    assert [] == [path for path in wrong if not told.get(dotted(path), "").startswith("found ")]
    assert [] == [path for path in wrong if "; allowed: " not in told[dotted(path)] and ": write {" not in told[dotted(path)]]
    assert {dotted(beside(path)) for path in misspelled} == {key for key, text in told.items() if text.startswith("unknown key")}
