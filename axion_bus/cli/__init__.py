"""The command line: the root command, its verbs, and how a failure becomes one line and an exit code.

A verb lives in a file of its own, imported only when it is called, so that what needs no database starts at once. A verb parses,
calls, prints; it decides nothing.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

import click

from axion_bus.cli.failures import report_failure, report_usage
from axion_bus.cli.invocation import Invocation, common_options

if TYPE_CHECKING:
    from collections.abc import Sequence

VERBS = {
    "run": ("axion_bus.cli.run", "Run the daemon in the foreground."),
    "demo": ("axion_bus.cli.demo", "Look at it at work: a broker, a database, the daemon and a short story."),
    "send": ("axion_bus.cli.send", "Publish one alert over MQTT."),
    "check-config": ("axion_bus.cli.check_config", "Check configuration files; report every fault."),
    "config": ("axion_bus.cli.config", "Show the configuration in force."),
    "db": ("axion_bus.cli.db", "Upgrade the database's schema, or show its state."),
    "version": ("axion_bus.cli.version", "Print the version."),
}
"""Each verb's module, whose ``command`` it is, and its line in the list of verbs."""


class Verbs(click.Group):
    """A group that imports a verb when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all verbs."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb, or None if there is no such one."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(VERBS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of verbs in ``--help``, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in VERBS.items()])


@click.group("axion-bus", cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@common_options
def axion_bus() -> None:
    """Alerts on MQTT become incidents, with nothing lost and every decision explained."""


def invoke(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code. Whatever fails is reported, without a traceback."""
    invocation = Invocation()
    try:
        result = axion_bus.main(list(arguments), prog_name="axion-bus", standalone_mode=False, obj=invocation)
    except click.Abort:
        return 130
    except click.ClickException as exc:
        return report_usage(exc, as_json="--json" in arguments)
    except Exception as exc:  # noqa: BLE001 - the last place where a failure can be put into words
        return report_failure(exc, invocation)
    return result if isinstance(result, int) else 0


def main() -> None:
    """The ``axion-bus`` script."""
    sys.exit(invoke(sys.argv[1:]))
