"""``python -m tests.drawing docs/picture.svg``: the daemon's picture, with what the code has in it.

Places are set here; formats, verbs, events, tables, channels and workers are read from the code. A worker that has no place stops
the drawing. ``tests/unit/test_daemon_picture.py`` says when the picture is to be drawn anew.
"""

from __future__ import annotations

import ast
import inspect
import sys
from html import escape
from pathlib import Path

from axion_bus.daemon import serve as serving
from axion_bus.domain.communication import Channel
from axion_bus.domain.events import EventKind
from axion_bus.formats import FormatName, presets
from axion_bus.manager.catalogue import CATALOGUE
from axion_bus.store.schema import metadata

WIDTH, HEIGHT = 1120, 590
INK, FAINT, PAPER, CORE, EDGE = "#1f2937", "#6b7280", "#ffffff", "#e8f0fe", "#3b6fd4"
BUSES = {Channel.MQTT, Channel.DBUS}
NAMES = {
    Channel.PAGERDUTY: "PagerDuty",
    Channel.SLACK: "Slack",
    Channel.DISCORD: "Discord",
    Channel.WHATSAPP: "WhatsApp",
    Channel.EMAIL: "e-mail",
    Channel.WEBHOOK: "webhook",
    Channel.APPRISE: "Apprise",
}
WORKERS = {
    "record": (430, 96, "record", "decode, decide, one transaction"),
    "relay": (690, 96, "relay", "claim, publish, settle"),
    "dbus relay": (690, 196, "D-Bus relay", "the same, for D-Bus"),
    "courier": (690, 296, "courier", "channel by channel"),
    "timers": (430, 396, "timers", "quiet times, reminders, silences"),
    "gaps": (280, 396, "gaps", "tells what was lost"),
    "abandoned": (690, 396, "abandoned", "gives up what nobody sends"),
    "lock": (280, 496, "lock", "one daemon for a client id"),
    "telemetry": (430, 496, "telemetry", "figures for Prometheus"),
    "health": (690, 496, "health", "systemd: ready, status, watchdog"),
}
"""Where each worker of ``serve`` stands: its left upper corner, its name and what it does."""


def workers() -> set[str]:
    """The names of what ``serve`` runs."""
    found = set()
    for node in ast.walk(ast.parse(inspect.getsource(serving.serve))):
        if isinstance(node, ast.Dict):
            found |= {key.value for key in node.keys if isinstance(key, ast.Constant)}
    return found - {"dbus"}  # the bus itself, which stands at the side


def draw() -> str:
    """The picture as SVG."""
    missing = workers() ^ WORKERS.keys()
    if missing:
        raise SystemExit(f"tests/drawing.py: no such worker, or no place for it: {', '.join(sorted(missing))}")
    parts = [*_sides(), *_core(), *_arrows()]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="system-ui, sans-serif" font-size="13">\n'
        "<title>axion-bus: what comes in, what is written, what goes out</title>\n"
        f'<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0 0 8 4 0 8z" fill="{EDGE}"/></marker></defs>\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="12" fill="{PAPER}"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _sides() -> list[str]:
    formats = ", ".join(name for name in FormatName if name not in (FormatName.AUTO, FormatName.JSON))
    known = ", ".join(sorted(presets._PRESETS))
    people = ", ".join(NAMES.get(channel, channel.value) for channel in Channel if channel not in BUSES)
    return [
        _box((20, 80, 220, 100), "MQTT", ["alerts: " + formats, "or any JSON, by a mapping"]),
        _box((20, 196, 220, 104), "D-Bus", ["Submit, Alert signals, and presets: " + known]),
        _box(
            (20, 316, 220, 84),
            "people and programs",
            [f"{len(CATALOGUE)} verbs: MQTT, D-Bus, shell, Python; replies by SMS and chat"],
        ),
        _box(
            (890, 80, 210, 100),
            "MQTT",
            [f"{len(EventKind)} kinds of events, as CloudEvents, in order", "retained states and summary"],
        ),
        _box((890, 196, 210, 84), "D-Bus", ["signals, one object for each open incident; the desktop"]),
        _box((890, 296, 210, 84), "people", [people]),
    ]


def _core() -> list[str]:
    tables = [name for name in metadata.tables if name.startswith(("data_", "def_"))]
    shown = [
        f'<rect x="262" y="20" width="608" height="{HEIGHT - 34}" rx="12" fill="none" stroke="{EDGE}" stroke-width="1.5"/>',
        f'<text x="566" y="46" text-anchor="middle" font-size="16" font-weight="600" fill="{INK}">axion-bus run</text>',
        _box((280, 96, 110, 70), "intake", ["batches; holds the buses back"], fill=CORE),
        _box(
            (430, 196, 200, 170),
            "database",
            [
                f"SQLite or MariaDB, {len(tables)} tables",
                "data_incident_communication is the inbox and the outbox: one row for each message, with reference and reason",
            ],
            fill="#fff7e0",
        ),
    ]
    for x, y, name, text in WORKERS.values():
        shown.append(_box((x, y, 110 if x == 280 else 200 if x == 430 else 160, 70), name, [text], fill=CORE))
    return shown


def _arrows() -> list[str]:
    return [
        _arrow("M240 131 H278"),
        _arrow("M240 248 H252 V140 H278"),
        _arrow("M240 368 H256 V149 H278"),
        _arrow("M390 131 H428"),
        _arrow("M530 166 V194"),
        _arrow("M430 84 H240", "acknowledged after the commit", 335, 78),
        _arrow("M630 260 H660 V131 H688"),
        _arrow("M630 270 H670 V231 H688"),
        _arrow("M630 300 H670 V331 H688"),
        _arrow("M850 131 H888"),
        _arrow("M850 231 H888"),
        _arrow("M850 331 H888"),
        _arrow("M530 394 V368"),
        _arrow("M335 394 V340 H428"),
        _arrow("M690 431 H650 V350 H632"),
    ]


def _arrow(path: str, text: str = "", x: int = 0, y: int = 0) -> str:
    line = f'<path d="{path}" fill="none" stroke="{EDGE}" stroke-width="1.5" marker-end="url(#tip)"/>'
    return line + (
        f'<text x="{x}" y="{y}" text-anchor="middle" font-size="11" fill="{FAINT}">{escape(text)}</text>' if text else ""
    )


def _box(area: tuple[int, int, int, int], title: str, texts: list[str], fill: str = "#f3f4f6") -> str:
    x, y, width, height = area
    shown = [
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="8" fill="{fill}" stroke="{FAINT}" stroke-opacity="0.4"/>',
        f'<text x="{x + 10}" y="{y + 21}" font-weight="600" fill="{INK}">{escape(title)}</text>',
    ]
    at = y + 39
    for text in texts:
        for line in _lines(text, (width - 18) / 6.3):
            shown.append(f'<text x="{x + 10}" y="{at}" font-size="11.5" fill="{INK}">{escape(line)}</text>')
            at += 15
    if at - 15 > y + height - 5:
        raise SystemExit(f"tests/drawing.py: the box {title} is too small for its text")
    return "\n".join(shown)


def _lines(text: str, characters: float) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > characters:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(draw())
