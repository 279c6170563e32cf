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
    "run": ("run", "command", "Run the daemon in the foreground."),
    "init": ("init", "command", "Write a commented configuration, and say what to do next."),
    "doctor": ("doctor", "command", "Say what is wrong, and what repairs it."),
    "reload": ("reload", "command", "Let the running daemon take up its changed configuration."),
    "demo": ("demo", "command", "Look at it at work: a broker, a database, the daemon and a short story."),
    "send": ("send", "command", "Publish one alert over MQTT."),
    "watch": ("watch", "command", "Show the open incidents, live."),
    "explain": ("explain", "command", "Show what led to a message or incident, and what followed."),
    "create-incident": ("incidents", "create", "Open an incident."),
    "list-incidents": ("incidents", "list_", "List incidents, the newest first."),
    "get-incident": ("incidents", "get", "Show one incident."),
    "update-status": ("incidents", "update_status", "Move an incident along its life cycle."),
    "acknowledge": ("incidents", "acknowledge", "Take an incident on."),
    "assign": ("incidents", "assign", "Put an incident into somebody's hands."),
    "add-note": ("incidents", "add_note", "Write a note on an incident."),
    "close-incident": ("incidents", "close", "Close an incident."),
    "reopen-incident": ("incidents", "reopen", "Bring a closed incident back."),
    "link-alert": ("incidents", "link_alert", "Link an alert to an incident."),
    "merge-incidents": ("incidents", "merge", "Merge one incident into another."),
    "timeline": ("looking", "timeline", "Show everything that happened to an incident."),
    "list-alerts": ("looking", "list_alerts", "List the alerts of an incident."),
    "list-communications": ("looking", "list_communications", "List what was said of an incident."),
    "lookup-ref": ("looking", "lookup_ref", "Show the message with a reference."),
    "notify-incident": ("telling", "notify", "Tell people about an incident."),
    "channels": ("channels", "command", "List the ways to reach people, or test one."),
    "silence": ("silences", "command", "Keep alerts from opening incidents for a time."),
    "log-communication": ("telling", "log", "Record what was said by other means."),
    "email-report": ("telling", "email_report", "Mail the report of an incident."),
    "report": ("figures", "report", "Print all that is known of an incident."),
    "metrics": ("figures", "metrics", "Count incidents, and how long they took."),
    "check-config": ("check_config", "command", "Check configuration files; report every fault."),
    "config": ("config", "command", "Show the configuration in force."),
    "db": ("db", "command", "Upgrade the database's schema, or show its state."),
    "desktop": ("desktop", "command", "Show the open incidents in this desktop session."),
    "schema": ("schemas", "command", "Print what is on the bus as JSON Schema or AsyncAPI."),
    "completion": ("completion", "command", "Print what makes a shell complete our commands."),
    "version": ("version", "command", "Print the version."),
}
"""Each verb's module in this package, its command there, and its line in the list of verbs."""


class Verbs(click.Group):
    """A group that imports a verb when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all verbs."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb, or None if there is no such one."""
        if cmd_name not in VERBS:
            return None
        module, name, _ = VERBS[cmd_name]
        command: click.Command = getattr(import_module(f"axion_bus.cli.{module}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of verbs in ``--help``, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in VERBS.items()])


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
