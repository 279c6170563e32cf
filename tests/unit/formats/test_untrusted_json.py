"""Bytes that are not the JSON of an alert: each fault has its name, its place, and words for people."""

from __future__ import annotations

import json

import pytest

from axion_bus.domain.communication import Fault
from axion_bus.formats import Malformed
from tests.reading import a_fault, an_alert, elements

DEEPEST = '{"title":"t","x":' + "[" * 31 + "]" * 31 + "}"
TOO_DEEP = '{"title":"t","x":' + "[" * 32 + "]" * 32 + "}"

FAULTS = [
    (b"", Fault.EMPTY, "$"),
    (b" \r\n\t", Fault.EMPTY, "$"),
    (b"[]", Fault.EMPTY, "$"),
    (b" [\n] ", Fault.EMPTY, "$"),
    (b"\xff", Fault.BAD_ENCODING, "$"),
    (b'{"title":"\xff"}', Fault.BAD_ENCODING, "$"),
    (b'{"title":"\xed\xa0\x80"}', Fault.BAD_ENCODING, "$"),  # a surrogate in UTF-8
    (b'[{"title":"\xc3"}]', Fault.BAD_ENCODING, "$"),
    (b'{"title":"\\ud800"}', Fault.BAD_ENCODING, "$.title"),
    (b'{"title":"t","labels":{"\\udc00":"x"}}', Fault.BAD_ENCODING, '$.labels["\\udc00"]'),
    (b'\xef\xbb\xbf{"title":"t"}', Fault.BAD_ENCODING, "$"),
    ('{"title":"t"}'.encode("utf-16"), Fault.BAD_ENCODING, "$"),
    (b"\x1f\x8b\x08\x00\x00\x00", Fault.BAD_ENCODING, "$"),  # gzip
    (b"{", Fault.BAD_JSON, "$"),
    (b'{"title":"t"', Fault.BAD_JSON, "$"),
    (b'{"title":"t",}', Fault.BAD_JSON, "$"),
    (b"{'title':'t'}", Fault.BAD_JSON, "$"),
    (b'{"title":"t"} {"title":"u"}', Fault.BAD_JSON, "$"),
    (b'{"title":"a\nb"}', Fault.BAD_JSON, "$"),
    (b'{"title":"t","x":01}', Fault.BAD_JSON, "$"),
    (b'[{"title":"t"},]', Fault.BAD_JSON, "$"),
    (b'[{"title":"t"}', Fault.BAD_JSON, "$"),
    (b'[{"title":"t"}] x', Fault.BAD_JSON, "$"),
    (b"title", Fault.BAD_JSON, "$"),
    (b'{"title":"t","x":NaN}', Fault.BAD_NUMBER, "$.x"),
    (b'{"title":"t","x":[0,-Infinity]}', Fault.BAD_NUMBER, "$.x[1]"),
    (b'{"title":"t","x":1e999}', Fault.BAD_NUMBER, "$.x"),
    (b'{"title":"t","labels":{"a":-1e999}}', Fault.BAD_NUMBER, "$.labels.a"),
    (b'{"title":"t","x":' + b"9" * 4301 + b"}", Fault.BAD_NUMBER, "$.x"),
    (b'{"title":"t","title":"u"}', Fault.DUPLICATE_KEY, "$.title"),
    (b'{"title" : "t","title" : "u"}', Fault.DUPLICATE_KEY, "$.title"),
    (b'{"title"\n:"t","title"\t:"u"}', Fault.DUPLICATE_KEY, "$.title"),
    (b'{"title":"t","\\u0074itle":"u"}', Fault.DUPLICATE_KEY, "$.title"),
    (b'{"title":"t","labels":{"a":"1","a":"1"}}', Fault.DUPLICATE_KEY, "$.labels.a"),
    (b'{"title":"t","x":[{"a":1,"b":2,"a":3}]}', Fault.DUPLICATE_KEY, "$.x[0].a"),
    (b'{"title":"\\":","labels":{"a":"1","a":"1"}}', Fault.DUPLICATE_KEY, "$.labels.a"),
    (b'{"title":"a\0b"}', Fault.NUL, "$"),
    (b'{"title":"t"}\0', Fault.NUL, "$"),
    (b'{"title":"a\\u0000b"}', Fault.NUL, "$.title"),
    (b'{"title":"t","labels":{"\\u0000":"x"}}', Fault.NUL, '$.labels["\\u0000"]'),
    (b'{"title":"t","x":{"y":["\\u0000"]}}', Fault.NUL, "$.x.y[0]"),
    (TOO_DEEP.encode(), Fault.TOO_DEEP, "$.x" + "[0]" * 31),
    (b'{"title":"t","x":' + b"[" * 300 + b"]" * 300 + b"}", Fault.TOO_DEEP, "$.x" + "[0]" * 31),
    (b"[" * 100_000, Fault.TOO_DEEP, "$"),
    (b'{"a":' * 100_000, Fault.TOO_DEEP, "$"),
    (json.dumps({"title": "t"} | dict.fromkeys(map(str, range(1000)))).encode(), Fault.TOO_MANY, "$"),
    (json.dumps([{"title": "t"}] * 1001).encode(), Fault.TOO_MANY, "$"),
    (b"null", Fault.WRONG_TYPE, "$"),
    (b"true", Fault.WRONG_TYPE, "$"),
    (b"42", Fault.WRONG_TYPE, "$"),
    (b'"Disk full"', Fault.WRONG_TYPE, "$"),
    (b"[[]]", Fault.WRONG_TYPE, "$[0]"),
]


@pytest.mark.parametrize(("body", "fault", "place"), FAULTS, ids=[f"{fault}-{body[:24]!r}" for body, fault, _ in FAULTS])
def test_each_fault_is_named_and_placed(body, fault, place):
    assert (fault, place) == a_fault("native", body)


@pytest.mark.parametrize("body", [body for body, _, _ in FAULTS], ids=lambda body: repr(body[:24]))
def test_what_is_told_of_a_fault_is_short_and_printable(body):
    (element,) = elements("native", body)

    assert isinstance(element.content, Malformed)
    assert 0 < len(element.content.detail) < 120
    assert (element.content.detail + element.content.place).isprintable()


@pytest.mark.parametrize(
    "body",
    [
        DEEPEST,
        '{"title":"t","x":"\\":\\":\\":"}',  # looks like members
        '{"title":"t","x" : "a : b : c"}',
        '{"title":"t","x":"\\\\u0000"}',  # a backslash and a u
        '{"title":"t","x":"\\ud83d\\ude00"}',  # both halves of a pair
        '{"title":"t","x":[{"a":1},{"a":1}]}',
        '{"title":"t","x":' + "9" * 4300 + "}",
        '{"title":"t","x":1e-999}',
        '{"title":"t","x":""}',
        json.dumps({"title": "t"} | dict.fromkeys(map(str, range(999)))),
    ],
    ids=lambda body: body[:40],
)
def test_what_only_looks_like_a_fault_is_accepted(body):
    assert an_alert("native", body).title == "t"


def test_a_thousand_alerts_may_be_in_one_message():
    assert len(elements("native", json.dumps([{"title": "t"}] * 1000))) == 1000


def test_depth_is_counted_from_the_message_and_not_from_the_element():
    body = f'[{DEEPEST},{{"title":"t"}}]'

    bad, good = elements("native", body)
    assert (bad.content.fault, bad.content.place) == (Fault.TOO_DEEP, "$[0].x" + "[0]" * 30)
    assert good.content.title == "t"


def test_a_very_long_key_does_not_make_a_very_long_place():
    body = json.dumps({"title": "t", "labels": {"k" * 5000: []}})

    _, place = a_fault("native", body)

    assert len(place) < 100
