"""What every command has in common: options before or after the verb, one line for what is wrong, exit codes, no tracebacks."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from axion_bus import __version__, errors
from axion_bus.cli import VERBS
from axion_bus.cli.failures import verdict_on


def test_the_version_is_printed(shell):
    said = shell("version")

    assert (0, f"axion-bus {__version__}\n", "") == (said.code, said.out, said.err)


@pytest.mark.parametrize("arguments", [("--json", "version"), ("version", "--json")])
def test_json_is_asked_for_before_or_after_the_verb(shell, arguments):
    said = shell(*arguments)

    assert (0, True, __version__) == (said.code, said.json["ok"], said.json["data"]["version"])


@pytest.mark.parametrize(
    "arguments",
    [
        ("--config", "other.toml", "config", "show"),
        ("config", "--config", "other.toml", "show"),
        ("config", "show", "--config", "other.toml"),
    ],
)
def test_the_configuration_is_named_before_or_after_the_verb(shell, tmp_path, arguments):
    (tmp_path / "other.toml").write_text('[instance]\nname = "other"\n')

    assert 'name = "other"' in shell(*arguments).out.splitlines()


def test_help_lists_every_verb_and_says_what_it_does(shell):
    said = shell("--help")
    listed = {line.split()[0] for line in said.out.partition("Commands:")[2].splitlines() if line[2:3].strip()}

    assert (0, set(VERBS)) == (said.code, listed)


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_explains_itself(shell, verb):
    said = shell(verb, "--help")

    assert (0, f"Usage: axion-bus {verb} ", "") == (said.code, said.out[: len(f"Usage: axion-bus {verb} ")], said.err)


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["nope"], "No such command 'nope'.", "'axion-bus --help' shows what is allowed"),
        (["version", "--nope"], "No such option '--nope'.", "'axion-bus version --help' shows what is allowed"),
        (["send"], "Missing argument 'TEXT'.", "'axion-bus send --help' shows what is allowed"),
        (["db", "nope"], "No such command 'nope'.", "'axion-bus db --help' shows what is allowed"),
        (
            ["config", "show", "more"],
            "Got unexpected extra argument (more)",
            "'axion-bus config show --help' shows what is allowed",
        ),
    ],
)
def test_a_wrong_command_line_is_2_with_one_line_of_what_and_one_of_what_to_do(shell, arguments, message, hint):
    said = shell(*arguments)

    assert (2, "", f"axion-bus: {message}\nhint: {hint}\n") == (said.code, said.out, said.err)


@pytest.mark.parametrize("arguments", [("--json", "nope"), ("nope", "--json"), ("send", "--json"), ("--json",)])
def test_a_wrong_command_line_is_json_if_that_was_asked_for(shell, arguments):
    said = shell(*arguments)

    assert (2, "", False, "usage") == (said.code, said.err, said.json["ok"], said.json["error"]["code"])
    assert {"code", "message", "hint"} == set(said.json["error"])


@pytest.mark.parametrize(("group", "title"), [([], "Usage: axion-bus [OPTIONS]"), (["db"], "Usage: axion-bus db [OPTIONS]")])
def test_a_group_without_a_verb_shows_its_help(shell, group, title):
    said = shell(*group)

    assert (2, True) == (said.code, (said.out + said.err).startswith(title))


@pytest.mark.parametrize("verbosity", [[], ["-v"]])
def test_a_failure_has_no_traceback(shell, verbosity):
    said = shell(*verbosity, "config", "show", "--config", "missing.toml")

    assert (6, False) == (said.code, "Traceback" in said.err)


@pytest.mark.parametrize("arguments", [("-vv", "config", "show"), ("config", "show", "-v", "-v"), ("-v", "config", "show", "-v")])
def test_vv_shows_the_traceback_above_the_message(shell, arguments):
    said = shell(*arguments, "--config", "missing.toml")

    assert (6, True) == (said.code, said.err.startswith("Traceback (most recent call last):\n"))
    assert said.err.splitlines()[-2] == "axion-bus: missing.toml: cannot be read: No such file or directory"


def test_what_is_no_error_of_ours_is_reported_as_a_bug(shell, monkeypatch):
    monkeypatch.setattr("platform.python_version", lambda: 1 / 0)
    said = shell("version")

    assert (1, "axion-bus: internal error: ZeroDivisionError: division by zero") == (said.code, said.err.splitlines()[0])


def test_a_result_that_cannot_be_written_is_told_and_is_no_bug():
    done = subprocess.run(
        f"{sys.executable} -m axion_bus version > /dev/full", shell=True, capture_output=True, text=True, check=False
    )

    expected = "axion-bus: done, but the result cannot be written: No space left on device"
    assert (1, expected) == (done.returncode, done.stderr.splitlines()[0])


def test_whoever_reads_no_further_ends_it_without_a_word():
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer) as nobody:
        command = [sys.executable, "-m", "axion_bus", "version"]
        done = subprocess.run(command, stdout=nobody, stderr=subprocess.PIPE, text=True, check=False)

    assert (1, "") == (done.returncode, done.stderr)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.AxionError("x"), 1),
        (errors.ValidationFailed([("severity", "x")]), 2),
        (errors.NotFound("x"), 3),
        (errors.InvalidTransition("x", allowed=["CLOSED"]), 4),
        (errors.Conflict("x"), 4),
        (errors.StoreConflict("x"), 4),
        (errors.SchemaError("x"), 4),
        (errors.AlreadyRunning("x"), 4),
        (errors.StoreUnavailable("x"), 5),
        (errors.BusUnavailable("x"), 5),
        (errors.BrokerMissing("x"), 5),
        (errors.ConfigError("x"), 6),
        (ValueError("x"), 1),
    ],
)
def test_each_error_has_its_exit_code(error, code):
    assert code == verdict_on(error).exit_code


def test_a_missing_broker_is_told_how_to_get_one():
    assert "apt-get install mosquitto" in verdict_on(errors.BrokerMissing("x")).hint
