"""What the demo says first: where everything is, and what to type in a second terminal, as lines that can be copied."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from axion_bus import __version__
from axion_bus.cli.demo.stage import USUAL_PORT

if TYPE_CHECKING:
    from axion_bus.buses.embedded import EmbeddedBroker
    from axion_bus.cli.demo.stage import Stage

_TOPIC = "axion/alerts/web/api"
_ALERT = '{"title":"API slow","severity":"HIGH","package":"WEBAPI"}'


def introduction(stage: Stage, broker: EmbeddedBroker, *, kept: int) -> str:
    """The first lines. ``kept`` is how many incidents are open from earlier runs."""
    facts = [("broker", f"{broker.name} on 127.0.0.1, port {stage.port}")]
    if not stage.is_port_wanted:
        facts.append(("", f"{USUAL_PORT} is taken by another program"))
    if broker.caveat:
        facts.append(("", broker.caveat))
    facts.append(("database", f"{stage.database}{_kept(kept)}"))
    facts.append(("log", str(stage.log_file)))
    return "\n".join(
        (
            click.style(f"axion-bus {__version__}, a demo. ctrl-c ends it.", bold=True),
            "",
            *(f"  {name:<8}  {text}" for name, text in facts),
            "",
            "In a second terminal, publish an alert one way or the other, and look at the incidents; what happens is shown here:",
            "",
            *(f"  {line}" for line in second_terminal(stage)),
            "",
        )
    )


def second_terminal(stage: Stage) -> tuple[str, ...]:
    """The commands for a second terminal: two that publish an alert to this demo, one that lists its incidents."""
    hint = "" if shutil.which("mosquitto_pub") else "   # in Debian's package mosquitto-clients"
    ours = *_program(), "--config", str(stage.config_file)
    return (
        f"mosquitto_pub -p {stage.port} -t {_TOPIC} -m '{_ALERT}'{hint}",
        shlex.join((*ours, "send", "API slow", "--source", "web", "--package", "WEBAPI")),
        shlex.join((*ours, "list-incidents")),
    )


def _kept(count: int) -> str:
    match count:
        case 0:
            return ""
        case 1:
            return ", with 1 open incident of earlier runs"
        case _:
            return f", with {count} open incidents of earlier runs"


def _program() -> tuple[str, ...]:
    """How this program was called, so that it can be called again."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return sys.executable, "-m", "axion_bus"
    on_path = shutil.which(called.name)
    return (called.name,) if on_path and Path(on_path).resolve() == called.resolve() else (sys.argv[0],)
