"""``axion-bus check-config``: what a configuration says, and every fault in it, without acting on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from axion_bus.cli.invocation import Invocation, common_options
from axion_bus.config import Origin, Settings, load_with_origin
from axion_bus.config.check import check_secrets
from axion_bus.errors import ConfigError


@click.command("check-config")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
@common_options
@click.pass_obj
def command(invocation: Invocation, files: tuple[Path, ...]) -> None:
    """Check each FILE; without one, the configuration that the daemon would use. Exit code 6 if there is a fault."""
    checked: list[dict[str, Any]] = []
    faults = []
    for file in files or (invocation.config,):
        try:
            checked.append(_checked(file))
        except ConfigError as exc:
            faults.append(str(exc))
    if checked and not (faults and invocation.as_json):
        invocation.succeed(checked, "\n".join(map(_text, checked)))
    if faults:
        raise ConfigError("\n".join(faults))


def _checked(file: Path | None) -> dict[str, Any]:
    settings, origin = load_with_origin(file)
    unchecked = check_secrets(settings, origin)
    return {
        "file": str(origin.file) if origin.file else None,
        "environment": sorted(origin.variables.values()),
        "found": _found(settings, origin),
        "warnings": settings.warnings() + unchecked,
    }


def _found(settings: Settings, origin: Origin) -> dict[str, str | int]:
    mqtt = settings.mqtt
    return {
        "instance": settings.instance.name,
        "store": str(settings.store.url),
        "broker": f"{mqtt.url} (MQTT {'5' if mqtt.protocol == 5 else '3.1.1'}, client id {mqtt.client_id})",
        "sources": len(mqtt.sources),
        "rules": len(settings.rule_tables),
        "environment variables": len(origin.variables),
    }


def _text(checked: dict[str, Any]) -> str:
    width = max(map(len, checked["found"]))
    lines = [f"{checked['file'] or 'built-in defaults'}: valid"]
    lines += [f"  {name:<{width}}  {value}" for name, value in checked["found"].items()]
    return "\n".join(lines + [f"  warning: {warning}" for warning in checked["warnings"]])
