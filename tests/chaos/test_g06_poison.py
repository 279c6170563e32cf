"""G6: bad input ends in a FAILED row with its raw bytes and a named reason, and what is behind it is accepted."""

from __future__ import annotations

import gzip
import json

import pytest

from tests.chaos import ledger
from tests.chaos.alerts import Message
from tests.chaos.scene import what_is_left
from tests.servers import wait_until

pytestmark = pytest.mark.chaos

POISON = {
    "invalid UTF-8 in JSON": (b'{"title":"\xff\xfe"}', "bad_encoding"),
    "invalid UTF-8 in text": (b"disk full \xc3\x28", "bad_encoding"),
    "UTF-16": ('{"title":"x"}'.encode("utf-16"), "bad_encoding"),
    "gzip": (gzip.compress(b'{"title":"x"}', mtime=0), "bad_encoding"),
    "half a surrogate pair": (b'{"title":"\\ud800"}', "bad_encoding"),
    "NaN": (b'{"title":"x","value":NaN}', "bad_number"),
    "infinity": (b'{"title":"x","value":-Infinity}', "bad_number"),
    "a number beyond all": (b'{"title":"x","value":1e999}', "bad_number"),
    "a number of 5000 digits": (b'{"title":"x","value":' + b"7" * 5000 + b"}", "bad_number"),
    "nested 40 deep": (b'{"title":"x","labels":' + b'{"a":' * 40 + b"1" + b"}" * 41, "too_deep"),
    "100,000 brackets": (b"[" * 100_000, "too_deep"),
    "100,000 braces": (b'{"a":' * 50_000, "too_deep"),
    "the same key twice": (b'{"title":"x","severity":"LOW","severity":"CRITICAL"}', "duplicate_key"),
    "NUL escaped": (b'{"title":"a\\u0000b"}', "nul"),
    "NUL in JSON": (b'{"title":"a\x00b"}', "nul"),
    "NUL in text": (b"a\x00b", "nul"),
    "a long title": (b'{"title":"' + b"x" * 513 + b'"}', "too_long"),
    "a long text": ("ü".encode() * 513, "too_long"),
    "a title that is a number": (b'{"title":5}', "wrong_type"),
    "labels that are a list": (b'{"title":"x","labels":[]}', "wrong_type"),
    "just a number": (b"5", "wrong_type"),
    "just null": (b"null", "wrong_type"),
    "nothing": (b"", "empty"),
    "white space": (b" \r\n\t", "empty"),
    "no alerts": (b"[]", "empty"),
    "JSON cut off": (b'{"title":"x', "bad_json"),
    "no title": (b'{"severity":"HIGH"}', "missing_field"),
    "a title of spaces": (b'{"title":"   "}', "missing_field"),
    "neither firing nor resolved": (b'{"title":"x","status":"perhaps"}', "unknown_status"),
    "a guid with a space": (b'{"title":"x","alert_guid":"a b"}', "bad_value"),
    "1001 members": (json.dumps({"title": "x"} | {f"k{n}": n for n in range(1001)}).encode(), "too_many"),
    "1001 alerts": (json.dumps([{"title": "x"}] * 1001).encode(), "too_many"),
    "65 labels": (json.dumps({"title": "x", "labels": {f"k{n}": "v" for n in range(65)}}).encode(), "too_many"),
    "300,000 bytes": (b'{"title":"' + b"x" * 300_000 + b'"}', "too_large"),
}
_KEPT_OF_TOO_LARGE = 65_536


def failed(store, base_topic):
    """(reason, raw) of each FAILED row by the last level of its topic."""
    where = "Direction = 'INBOUND' AND Status = 'FAILED'"
    rows = ledger.query(store, f"SELECT Recipient, Raw, Metadata FROM data_incident_communication WHERE {where}")
    prefix = f"{base_topic}/alerts/poison/"
    return {row["Recipient"].removeprefix(prefix): (ledger.metadata(row)["reason"], row["Raw"]) for row in rows}


def sent(store):
    """The ids that were accepted."""
    rows = ledger.query(store, "SELECT ExternalId FROM data_incident_communication WHERE Status = 'RECEIVED'")
    return {row["ExternalId"] for row in rows}


def test_every_bad_input_is_kept_with_its_reason_and_what_is_behind_it_is_accepted(broker, store_url, make_scene):
    scene = make_scene(broker, store_url)
    daemon = scene.start_daemon()
    for name, (body, _) in POISON.items():
        scene.publisher.send([Message(topic=f"{scene.base_topic}/alerts/poison/{name}", body=body), *scene.alerts.singles(1)])
    wait_until(lambda: len(sent(store_url)) == len(POISON), lambda: f"all good alerts accepted; {len(sent(store_url))} are")
    found = failed(store_url, scene.base_topic)
    pid = daemon.pid
    daemon.stop()

    wanted = {name: (reason, body) for name, (body, reason) in POISON.items()}
    wanted["300,000 bytes"] = ("too_large", wanted["300,000 bytes"][1][:_KEPT_OF_TOO_LARGE])
    assert {name: reason for name, (reason, _) in wanted.items()} == {name: reason for name, (reason, _) in found.items()}
    assert (wanted, what_is_left(broker, daemon), daemon.pid) == (found, (True, []), pid)


def test_a_bad_alert_among_good_ones_fails_alone(broker, sqlite_url, make_scene):
    scene = make_scene(broker, sqlite_url)
    scene.start_daemon()
    body = b'[{"title":"one","id":"1"}, {"title":2,"id":"2"}, {"title":"three","id":"3"}]'
    scene.publisher.send([Message(topic=f"{scene.base_topic}/alerts/poison/two", body=body)])

    wait_until(lambda: len(sent(sqlite_url)) == 2, "the good ones accepted")

    assert sent(sqlite_url) == {"1", "3"}
    assert failed(sqlite_url, scene.base_topic) == {"two": ("wrong_type", b'{"title":2,"id":"2"}')}


def test_a_retained_message_is_refused_and_the_live_one_is_accepted(broker, sqlite_url, make_scene):
    scene = make_scene(broker, sqlite_url)
    topic = f"{scene.base_topic}/alerts/poison/retained"
    scene.publisher.send([Message(topic=topic, body=b'{"title":"x","id":"old"}', is_retained=True)])
    wait_until(lambda: not scene.publisher.waiting, "the retained message is at the broker")
    scene.start_daemon()
    scene.publisher.send([Message(topic=topic, body=b'{"title":"x","id":"new"}', is_retained=True)])

    wait_until(lambda: sent(sqlite_url), "the live one accepted")

    assert sent(sqlite_url) == {"new"}
    assert failed(sqlite_url, scene.base_topic) == {"retained": ("retained", b'{"title":"x","id":"old"}')}
