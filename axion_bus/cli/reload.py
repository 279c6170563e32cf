"""``axion-bus reload``: ask the daemon that runs on this configuration file to take it up again, and tell what came of it."""

from __future__ import annotations

import json
import os
import socket
from typing import TYPE_CHECKING, Any

import click

from axion_bus.cli.invocation import Invocation, common_options
from axion_bus.config.loading import control_sockets, find
from axion_bus.errors import ConfigError, DaemonAway

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_MAX_ANSWER_BYTES = 1_048_576


@click.command("reload")
@click.option("--timeout", "timeout_s", type=click.FloatRange(min=0.1), default=60.0, show_default=True, help="Seconds to wait.")
@common_options
@click.pass_obj
def command(invocation: Invocation, *, timeout_s: float) -> None:
    """Let the running daemon take up its changed configuration, and wait until it has.

    A faulty file changes nothing: the old configuration stays in force, the faults are told, and the exit code is 6.
    """
    file = find(invocation.config, os.environ)
    answer = ask(control_sockets(file, os.environ), "reload", timeout_s)
    if not answer["ok"]:
        raise ConfigError(answer["text"])
    invocation.succeed({"file": str(file) if file else None, "status": answer["text"]}, f"{file or 'the defaults'}: in force")


def ask(paths: Sequence[Path], order: str, timeout_s: float) -> dict[str, Any]:
    """What the daemon behind one of ``paths`` answers to ``order``.

    Raises:
        DaemonAway: there is none that we may ask, or it gives no answer in time.

    """
    refused: list[str] = []
    for path in paths:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(timeout_s)
            try:
                sock.connect(os.fsencode(path))
            except OSError as exc:
                refused += [f"{path}: {exc.strerror or exc}"] if isinstance(exc, PermissionError) else []
                continue
            return _conversation(sock, order, timeout_s)
    raise DaemonAway(f"no daemon takes orders here ({'; '.join(refused) or f'tried {paths[0]}'})")


def _conversation(sock: socket.socket, order: str, timeout_s: float) -> dict[str, Any]:
    try:
        sock.sendall(order.encode() + b"\n")
        with sock.makefile("rb") as answers:
            answer = answers.readline(_MAX_ANSWER_BYTES)
        said: dict[str, Any] = json.loads(answer)
    except TimeoutError:
        raise DaemonAway(f"the daemon has the order, and has not said within {timeout_s:g} s what came of it") from None
    except (OSError, ValueError) as exc:
        raise DaemonAway("the daemon ended before it said what came of the order") from exc
    return said
