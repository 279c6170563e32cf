"""``axion-bus run``: the daemon as a plain foreground process."""

from __future__ import annotations

import asyncio

import click

from axion_bus import daemon
from axion_bus.cli.invocation import Invocation, common_options
from axion_bus.config import Settings, load_with_origin
from axion_bus.config.check import require_secrets


@click.command("run")
@common_options
@click.pass_obj
def command(invocation: Invocation) -> None:
    """Run the daemon in the foreground until SIGTERM or ctrl-c; SIGHUP reads the configuration again. Logs go to stderr."""
    settings = _settings(invocation)
    for warning in settings.warnings():
        click.echo(f"warning: {warning}", err=True)
    asyncio.run(daemon.run(settings, reload=lambda: _settings(invocation)))


def _settings(invocation: Invocation) -> Settings:
    settings, origin = load_with_origin(invocation.config)
    require_secrets(settings, origin)
    if invocation.verbosity:
        settings = settings.model_copy(update={"log": settings.log.model_copy(update={"level": "debug"})})
    return settings
