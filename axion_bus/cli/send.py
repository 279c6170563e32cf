"""``axion-bus send``: publish one native alert, the way any other program would, and wait until the broker has it."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import click

from axion_bus.cli.invocation import Invocation, common_options
from axion_bus.domain import topics
from axion_bus.domain.alert import Severity

if TYPE_CHECKING:
    from axion_bus.config import Settings


def _read_text(ctx: click.Context, param: click.Parameter, value: str) -> str:
    try:
        text = (sys.stdin.read() if value == "-" else value).strip()
        text.encode()
    except UnicodeError:
        raise click.BadParameter("is not UTF-8") from None
    if not text:
        raise click.BadParameter("is empty")
    return text


def _read_labels(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> dict[str, str]:
    pairs = [label.partition("=") for label in value]
    for name, equals, _ in pairs:
        if not name or not equals:
            raise click.BadParameter(f"{name!r} is not of the form name=value")
    return {name: text for name, _, text in pairs}


@click.command("send")
@click.argument("text", callback=_read_text)
@click.option("--severity", type=click.Choice([s.name for s in Severity], case_sensitive=False), default="HIGH", show_default=True)
@click.option("--package", help="What it is about; also the last level of the topic.")
@click.option("--source", help="Where it comes from; also a level of the topic. Default: the instance's name.")
@click.option("--resolve", is_flag=True, help="It is over: resolve the alert instead of raising it.")
@click.option("--dedup-key", help="What ties repeats and the resolve to the alert; else source, package and title do.")
@click.option("--id", "event_id", help="The event's id, accepted once. Default: a new one.")
@click.option("--label", "labels", multiple=True, callback=_read_labels, metavar="NAME=VALUE", help="A label; may be given often.")
@click.option("--topic", help="The topic. Default: <base_topic>/alerts/<source>[/<package>].")
@common_options
@click.pass_obj
def command(
    invocation: Invocation,
    *,
    text: str,
    severity: str,
    package: str | None,
    source: str | None,
    resolve: bool,
    dedup_key: str | None,
    event_id: str | None,
    labels: dict[str, str],
    topic: str | None,
) -> None:
    """Publish an alert with the title TEXT ("-": from stdin) at QoS 1, and wait until the broker has acknowledged it."""
    from axion_bus.cli.publisher import publish  # noqa: PLC0415 - --help publishes nothing
    from axion_bus.config import load  # noqa: PLC0415 - and needs no configuration

    settings = load(invocation.config)
    source = source or settings.instance.name
    topic = _topic(settings, source, package, topic)
    alert = {
        "id": event_id or str(uuid4()),
        "source": source,
        "title": text,
        "severity": severity,
        "package": package,
        "status": "resolved" if resolve else "firing",
        "dedup_key": dedup_key,
        "labels": labels or None,
        "occurred_at": datetime.now(UTC).isoformat(),
    }
    body = json.dumps({name: value for name, value in alert.items() if value is not None}, ensure_ascii=False)
    heard = publish(settings.mqtt, topic, body.encode())
    if not heard:
        click.echo(f"note: nobody is subscribed to {topic}; is 'axion-bus run' running?", err=True)
    invocation.succeed({"topic": topic, "id": alert["id"], "heard": heard}, f"{topic} {alert['id']}")


def _topic(settings: Settings, source: str, package: str | None, topic: str | None) -> str:
    levels = [source] if package is None else [source, package]
    if topic is None and any("/" in level or not level for level in levels):
        raise click.UsageError("a source or package that is empty or holds a / makes no topic level: give --topic")
    topic = topic or "/".join((settings.mqtt.base_topic, "alerts", *levels))
    try:
        topics.check_name(topic)
    except ValueError as exc:
        raise click.UsageError(f"{topic!r} is no topic to publish to: {exc}") from None
    return topic
