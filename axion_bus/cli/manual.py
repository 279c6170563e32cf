"""Writes the manual page from the commands themselves: ``python -m axion_bus.cli.manual`` prints it, for man(1).

A test compares ``share/man`` with it, so that it cannot go stale. Not part of the command line: nothing there imports it.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import click

from axion_bus import __version__
from axion_bus.cli import axion_bus

if TYPE_CHECKING:
    from collections.abc import Iterator

EXITS = {
    0: "Done.",
    1: "It failed.",
    2: "The command line, or an argument, is not allowed.",
    3: "What was named does not exist.",
    4: "Refused: the state of things does not allow it.",
    5: "The database, the broker, a bus or the daemon cannot be reached.",
    6: "The configuration is not valid; every fault is told.",
    7: "Partly done.",
    130: "Interrupted.",
}
_ENVIRONMENT = {
    "AXION_BUS_CONFIG": "The configuration file, where --config does not name one.",
    "AXION_BUS__SECTION__KEY": "Overrides a key of the configuration, such as AXION_BUS__MQTT__URL.",
    "CREDENTIALS_DIRECTORY": "Where the secrets are that the configuration calls credentials; systemd sets it.",
    "STATE_DIRECTORY": "Where the database is, unless the configuration says so; systemd sets it.",
    "NO_COLOR": "Set to anything, it keeps colours away.",
}
_FILES = {
    "/etc/axion-bus/axion-bus.toml": "The configuration. Without it, defaults are in force.",
    "/var/lib/axion-bus/axion-bus.db": "The database, unless the configuration names another.",
}


def page() -> str:
    """The manual page."""
    root = click.Context(axion_bus, info_name="axion-bus")
    lines = [
        f'.TH AXION\\-BUS 1 "" "axion\\-bus {_plain(__version__)}" "User Commands"',
        ".SH NAME",
        "axion\\-bus \\- turns alerts on MQTT and D\\-Bus into incidents",
        ".SH SYNOPSIS",
        "\\fBaxion\\-bus\\fR [\\fIOPTIONS\\fR] \\fICOMMAND\\fR [\\fIARGUMENTS\\fR]...",
        ".SH DESCRIPTION",
        *_paragraphs(axion_bus.help),
        ".PP",
        "Results are printed on stdout, all else on stderr. A guid may be shortened to a prefix of six characters or more.",
        ".SH OPTIONS",
        "Every command takes these, before or after its name.",
        *_options(root, ()),
        ".SH COMMANDS",
        *_commands(root),
        ".SH EXIT STATUS",
        *_terms({str(code): text for code, text in EXITS.items()}),
        ".SH ENVIRONMENT",
        *_terms(_ENVIRONMENT),
        ".SH FILES",
        *_terms(_FILES),
        ".SH SEE ALSO",
        ".BR mosquitto (8),",
        ".BR mosquitto_pub (1),",
        ".BR systemd.exec (5)",
    ]
    return "\n".join(lines) + "\n"


def _commands(parent: click.Context) -> Iterator[str]:
    """Each command below ``parent``, and those below it."""
    group = parent.command
    assert isinstance(group, click.Group)  # noqa: S101 - for mypy: it is called for groups only
    shared = tuple(name for param in parent.find_root().command.params for name in param.opts)
    for name in group.list_commands(parent):
        command = group.get_command(parent, name)
        if command is None or command.hidden:
            continue
        context = click.Context(command, info_name=name, parent=parent)
        if isinstance(command, click.Group):
            yield from _commands(context)
            continue
        pieces = [each for each in command.collect_usage_pieces(context) if each != "[OPTIONS]" or _own(context, shared)]
        yield f".SS {_plain(' '.join([context.command_path.removeprefix('axion-bus '), *pieces]))}"
        yield from _paragraphs(command.help)
        yield from _options(context, shared)


def _own(context: click.Context, shared: tuple[str, ...]) -> list[tuple[str, str]]:
    """The options of a command that are not everybody's: how they are written, and what they do."""
    options = [param for param in context.command.get_params(context) if isinstance(param, click.Option)]
    own = [option for option in options if not set(option.opts) & {*shared, "--help"}]
    return [record for option in own if (record := option.get_help_record(context)) is not None]


def _options(context: click.Context, shared: tuple[str, ...]) -> Iterator[str]:
    return _terms(dict(_own(context, shared)))


def _terms(texts: dict[str, str]) -> Iterator[str]:
    for term, text in texts.items():
        yield from (".TP", f"\\fB{_plain(term)}\\fR", _line(text) or "\\&")


def _paragraphs(text: str | None) -> Iterator[str]:
    """Help text; a paragraph that begins with a backspace character keeps its lines, as click has it."""
    for number, paragraph in enumerate(inspect.cleandoc(text or "").split("\n\n")):
        if number:
            yield ".PP"
        if paragraph.startswith("\b\n"):
            yield from (".nf", *map(_line, paragraph.removeprefix("\b\n").splitlines()), ".fi")
        else:
            yield _line(" ".join(paragraph.split()))


def _line(text: str) -> str:
    """A line of text: one that begins with . or ' would be a request."""
    plain = _plain(text)
    return f"\\&{plain}" if plain.startswith((".", "'")) else plain


def _plain(text: str) -> str:
    return text.replace("\\", "\\e").replace("-", "\\-")


if __name__ == "__main__":
    click.echo(page(), nl=False)
