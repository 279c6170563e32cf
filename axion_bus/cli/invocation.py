"""What every verb takes: ``--config``, ``--json`` and ``-v``, before or after it; and how a verb prints its result."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from axion_bus.errors import AxionError

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")


@dataclass(slots=True)
class Invocation:
    """The common options of one command line, filled in while it is parsed; the context's ``obj``."""

    config: Path | None = None
    as_json: bool = False
    verbosity: int = 0

    def succeed(self, data: object, text: str) -> None:
        """Print the result on stdout: ``data`` as JSON if that was asked for, else ``text``. Raises AxionError if it cannot be."""
        try:
            click.echo(json.dumps({"ok": True, "data": data}, ensure_ascii=False) if self.as_json else text)
        except BrokenPipeError:
            raise  # whoever read it has seen enough; click ends the program quietly
        except OSError as exc:
            raise AxionError(f"done, but the result cannot be written: {exc.strerror or exc}") from exc


def common_options(command: F) -> F:
    """Give ``command`` the common options; their values go to the Invocation, not to the function."""
    option = partial(click.option, expose_value=False)
    options = (
        option("--config", type=click.Path(path_type=Path), callback=_set_config, help="The configuration file."),
        option("--json", is_flag=True, callback=_set_json, help="Print one JSON object."),
        option("-v", "--verbose", count=True, callback=_set_verbosity, help="Say more; -vv: tracebacks too."),
    )
    for decorate in options:
        command = decorate(command)
    return command


def _set_config(ctx: click.Context, param: click.Parameter, value: Path | None) -> None:
    if value is not None:
        ctx.ensure_object(Invocation).config = value


def _set_json(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(Invocation).as_json = True


def _set_verbosity(ctx: click.Context, param: click.Parameter, value: int) -> None:
    ctx.ensure_object(Invocation).verbosity += value
