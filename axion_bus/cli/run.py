"""``axion-bus run``: the daemon as a plain foreground process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from axion_bus.cli.invocation import Invocation, common_options

if TYPE_CHECKING:
    from pathlib import Path

    from axion_bus.config import Settings


@click.command("run")
@common_options
@click.pass_obj
def command(invocation: Invocation) -> None:
    """Run the daemon in the foreground until SIGTERM or ctrl-c; SIGHUP reads the configuration again. Logs go to stderr."""
    settings = _settings(invocation)
    for warning in settings.warnings():
        click.echo(f"warning: {warning}", err=True)
    import asyncio  # noqa: PLC0415 - --help and a faulty configuration need no daemon

    from axion_bus import daemon  # noqa: PLC0415 - the same

    asyncio.run(daemon.run(settings, reload=lambda: _settings(invocation, is_reload=True), control=_control(invocation)))


def _settings(invocation: Invocation, *, is_reload: bool = False) -> Settings:
    from axion_bus.config import load_with_origin  # noqa: PLC0415 - --help needs none
    from axion_bus.config.check import require_secrets  # noqa: PLC0415 - the same

    settings, origin = load_with_origin(invocation.config)
    require_secrets(settings, origin, every=is_reload)  # to start without a channel is better than not to start
    if is_reload:
        from axion_bus.buses.client import check_certificates  # noqa: PLC0415 - the same

        check_certificates(settings.mqtt)
    if invocation.verbosity:
        settings = settings.model_copy(update={"log": settings.log.model_copy(update={"level": "debug"})})
    return settings


def _control(invocation: Invocation) -> list[Path]:
    from axion_bus.config.loading import control_sockets, find  # noqa: PLC0415 - the same

    return control_sockets(find(invocation.config, os.environ), os.environ)
