"""The broker: whether it lets us in, whether it would keep what waits for the daemon, and what the account may do.

Everything is tried as the daemon would, with the same account, by clients of our own. Each check is a thread: paho blocks.
"""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

from axion_bus.buses.mqtt import DROPPED_TOPIC
from axion_bus.doctor.finding import LIMIT_S, Finding, fail, limited, ok, unread, warn
from axion_bus.doctor.mosquitto import on_this_machine
from axion_bus.doctor.visitor import BrokerRefused, Visitor
from axion_bus.errors import AxionError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from axion_bus.config import Settings
    from axion_bus.config.mqtt import Mqtt

_PROBED = 1001
"""One more than mosquitto keeps for an absent client by default (max_queued_messages)."""
_RETAINED_S = 3.0  # a retained message comes at once, but for the probes beside it on a busy machine
_PROBE_LIMIT_S = 20.0
_BAD_PROTOCOL, _BAD_LOGIN = (132,), (134, 135)
_REFUSED = 0x80
_ACL = "config/mosquitto.acl has the lines; then 'systemctl reload mosquitto'"
_RAISE = "set max_queued_messages 1000000 (config/mosquitto.conf), and restart the broker"


async def examine(settings: Settings, *, probe_queue: bool) -> Sequence[Finding]:
    """All about the broker; only that, if it does not let us in."""
    mqtt = settings.mqtt
    untried = unread("broker.login", mqtt.password)
    if untried is not None:
        return [untried]
    entered = await limited("broker.reach", asyncio.to_thread(reach, mqtt), _start(mqtt))
    if entered.repair:
        return [entered]
    checks: list[tuple[str, Callable[[], Finding], str, float]] = [
        ("broker.session", partial(session, mqtt, settings.instance.name), _start(mqtt), LIMIT_S),
        ("broker.drops", partial(drops, mqtt), _start(mqtt), LIMIT_S),
        ("broker.acl.write", partial(may_write, mqtt, settings.instance.name), _ACL, LIMIT_S),
        ("broker.acl.read", partial(may_read, mqtt), _ACL, LIMIT_S),
        ("broker.persistence", partial(persistence, mqtt), _start(mqtt), LIMIT_S),
    ]
    if probe_queue:
        checks.append(("broker.queue", partial(queue, mqtt, settings.instance.name), _RAISE, _PROBE_LIMIT_S))
    found = [limited(name, asyncio.to_thread(check), repair, limit_s) for name, check, repair, limit_s in checks]
    protocol = ok("broker.protocol", f"MQTT {'5' if mqtt.protocol == 5 else '3.1.1'}")
    return [entered, protocol, *await asyncio.gather(*found)]


def _start(mqtt: Mqtt) -> str:
    return f"start it (systemctl start mosquitto), or correct [mqtt] url, which is {mqtt.url}"


def reach(mqtt: Mqtt) -> Finding:
    """Connect and be let in."""
    who = f"as {mqtt.username}" if mqtt.username else "without an account"
    try:
        with Visitor(mqtt):
            return ok("broker.reach", f"{mqtt.url} lets us in {who}")
    except BrokerRefused as exc:
        if exc.reason in _BAD_PROTOCOL:
            return fail("broker.protocol", str(exc), "set [mqtt] protocol = 4, which is MQTT 3.1.1")
        if exc.reason in _BAD_LOGIN:
            user = mqtt.username or "axion-bus"
            repair = f"set its password anew, here and in [mqtt]: mosquitto_passwd /etc/mosquitto/axion-bus.passwd {user}"
            return fail("broker.login", f"{exc} ({who})", repair)
        raise
    except AxionError as exc:
        if "certificate" in str(exc).lower():
            return fail("broker.tls", str(exc), "name the authority of the broker's certificate by [mqtt.tls] ca_file")
        raise


def session(mqtt: Mqtt, instance: str) -> Finding:
    """Whether the daemon's session is connected, by what it says of itself: to ask the broker would be to take the session."""
    topic = f"{mqtt.base_topic}/instances/{instance}/state"
    with Visitor(mqtt) as visitor:
        visitor.subscribe([topic], wants_retained=True)
        visitor.hear(lambda: bool(visitor.heard), _RETAINED_S)
        said = visitor.heard[0][1].decode("utf-8", "replace") if visitor.heard else None
    if said == "online":
        return ok("broker.session", f"{mqtt.client_id} is connected: {topic} is online")
    if said is None:
        text = f"no daemon called {instance} was ever connected here, so nothing waits for it yet"
        return warn("broker.session", text, "start the daemon (systemctl start axion-bus): its first connection makes the session")
    text = f"{topic} is {said}: the daemon is not connected; what is published waits in its session"
    return warn(
        "broker.session",
        text,
        "start the daemon: systemctl start axion-bus; one that runs comes back within a minute, or waits for its database",
    )


def drops(mqtt: Mqtt) -> Finding:
    """The broker's own count of messages that it threw away."""
    with Visitor(mqtt) as visitor:
        visitor.subscribe([DROPPED_TOPIC], wants_retained=True)
        visitor.hear(lambda: bool(visitor.heard), _RETAINED_S)
        said = visitor.heard[0][1] if visitor.heard else b""
    if not said.isdigit():
        text = f"the broker does not tell on {DROPPED_TOPIC}: it has no $SYS, or the account may not read it"
        return warn("broker.drops", text, f"topic read {DROPPED_TOPIC} for the account, and no sys_interval 0; {_ACL}")
    if int(said):
        return warn("broker.drops", f"{int(said)} messages dropped since the broker was started, for some client", _RAISE)
    return ok("broker.drops", "none since the broker was started")


def may_write(mqtt: Mqtt, instance: str) -> Finding:
    """Publish what nobody takes for anything where the daemon publishes; only MQTT 5 tells of a refusal."""
    base, event = mqtt.base_topic, json.dumps(_event(instance)).encode()
    topics = {
        f"{base}/events/doctor/probed": event,
        f"{base}/incidents/doctor/probed": b"",
        f"{base}/instances/{instance}/doctor": event,
        f"{base}/response/doctor": event,
    }
    with Visitor(mqtt.model_copy(update={"protocol": 5})) as visitor:
        refused = [topic for topic, body in topics.items() if visitor.publish(topic, body).value >= _REFUSED]
    if refused:
        text = f"the broker refuses what is published on {', '.join(refused)}"
        where = ", ".join(f"{topic.rsplit('/', 1 if topic.count('/') < 3 else 2)[0]}/#" for topic in refused)
        return fail("broker.acl.write", text, f"let the account write {where}: {_ACL}")
    return ok("broker.acl.write", f"{', '.join(topics)} may be written")


def _event(instance: str) -> dict[str, str]:
    return {
        "specversion": "1.0",
        "id": str(uuid4()),
        "source": f"/axion-bus/{instance}",
        "type": "org.axion.bus.doctor.probed.v1",
    }


def may_read(mqtt: Mqtt) -> Finding:
    """Subscribe to what the daemon does; a shared subscription as a plain one, which takes nothing away from anybody."""
    topics = [_plain(topic) for topic in (*(source.topic for source in mqtt.sources), *mqtt.request_topics)]
    with Visitor(mqtt) as visitor:
        reasons = visitor.subscribe(topics)
    refused = [f"{topic} ({reason})" for topic, reason in zip(topics, reasons, strict=False) if reason.value != 1]
    if refused:
        text = f"the broker does not let us subscribe at QoS 1 to {', '.join(refused)}"
        return fail("broker.acl.read", text, f"let the account read them: {_ACL}")
    found = f"{', '.join(topics)} may be subscribed to; that alerts then come only an alert shows ('axion-bus send')"
    return ok("broker.acl.read", found)


def _plain(topic: str) -> str:
    return topic.split("/", 2)[2] if topic.startswith("$share/") else topic


def persistence(mqtt: Mqtt) -> Finding:
    """What the broker's own files say, where it is on this machine; over MQTT nothing tells."""
    mosquitto = on_this_machine(mqtt.url.port) if mqtt.url.is_loopback else None
    if mosquitto is None:
        text = "cannot be seen from here; see to it that sessions are on disk (mosquitto: persistence true, autosave_interval 1)"
        return ok("broker.persistence", text)
    file, repair = mosquitto.file, "install config/mosquitto.conf in /etc/mosquitto/conf.d, and restart the broker"
    if not mosquitto.is_persistent:
        text = f"{file} has no persistence true: a restart of the broker loses the session and what waits in it"
        return fail("broker.persistence", text, repair)
    if mosquitto.autosave_s != 1:
        every = f"every {mosquitto.autosave_s} s" if mosquitto.autosave_s else "only when it ends"
        return warn("broker.persistence", f"{file} saves sessions {every}: a killed broker loses what came since", repair)
    expiration = mosquitto.settings.get("persistent_client_expiration")
    if expiration:
        text = f"{file} has persistent_client_expiration {expiration}: it forgets a daemon that was stopped for longer"
        return warn("broker.persistence", text, "remove persistent_client_expiration, and restart the broker")
    return ok("broker.persistence", f"{file}: on disk once a second")


def queue(mqtt: Mqtt, instance: str) -> Finding:
    """Let one more message wait for a session of ours than mosquitto keeps by default, count them, and clear the session away."""
    topic = f"{mqtt.base_topic}/instances/{instance}/doctor/{uuid4().hex[:12]}"
    with Visitor(mqtt, keeps=True) as absent:
        absent.subscribe([topic])
    try:
        with Visitor(mqtt) as publisher:
            reason = publisher.publish(topic, b"", times=_PROBED)
        if reason.value >= _REFUSED:
            return warn("broker.queue", f"cannot be tried: the broker refuses what is published on {topic}", _ACL)
        with Visitor(mqtt, client_id=absent.client_id, keeps=True) as back:
            back.hear(lambda: len(back.heard) >= _PROBED)
            kept, was_there = len(back.heard), back.is_session_present
    finally:
        with Visitor(mqtt, client_id=absent.client_id):  # without keeping it: the session ends
            pass
    if not was_there:
        return fail("broker.queue", "the broker keeps no session of a client that is away", "let it keep sessions; use mosquitto")
    if kept < _PROBED:
        text = f"{kept} of {_PROBED} messages waited for an absent client, the others were dropped without a word (and are counted)"
        return warn("broker.queue", text, _RAISE)
    return ok("broker.queue", f"at least {_PROBED} messages wait for an absent client")
