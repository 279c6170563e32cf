"""G6 on D-Bus: every method, called with what nobody thought of. Each call is answered, and the connection stays."""

from __future__ import annotations

import asyncio
import json
import os

import pytest
from dbus_next.aio.message_bus import MessageBus
from dbus_next.message import Message
from dbus_next.signature import SignatureTree, Variant
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from axion_bus.buses.dbus.interfaces import INCIDENT_INTERFACE, MANAGER_INTERFACE, MANAGING, STANDARD
from axion_bus.buses.dbus.link import DbusRefused
from axion_bus.domain.communication import Fault
from tests.chaos import ledger
from tests.chaos.scene import start_hearing
from tests.contract.dbus.parties import Parties
from tests.gdbus import MANAGER, NAME, ROOT
from tests.servers import DbusDaemon, wait_until

pytestmark = pytest.mark.chaos

GUID = "01a21021-dba7-7001-bb75-482adbd3e9de"
PATHS = (ROOT, f"{ROOT}/incidents", f"{ROOT}/incidents/{GUID.replace('-', '')}", "/", "/org", "/nobody/here")
METHODS = [
    (interface.name, method.name, method.signature)
    for interface in (MANAGER_INTERFACE, INCIDENT_INTERFACE, MANAGING, *STANDARD)
    for method in interface.methods
]
ERRORS = ("org.axion.Bus1.Error.", "org.freedesktop.DBus.Error.")
WORDS = (GUID, MANAGER, "Version", "title", "severity", "HIGH", "CLOSED", "limit", "by", "idempotency_key", "{}", "")
SIGNATURES = ("", "s", "v", "i", "b", "as", "a{sv}", "aas", "(sv)", "a{s(ii)}", "ay", "d", "ss", "sv", "a{sv}a{sv}", "t", "g", "o")
IN_VARIANTS = ("s", "i", "b", "d", "as", "a{sv}", "ay", "x", "av")

_text = st.sampled_from(WORDS) | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=300)
_basic = {
    "s": _text,
    "o": st.sampled_from(PATHS),
    "g": st.sampled_from(SIGNATURES),
    "b": st.booleans(),
    "d": st.floats(),
    "v": st.deferred(lambda: st.sampled_from(IN_VARIANTS).flatmap(_variants)),
    "y": st.integers(0, 2**8 - 1),
    "n": st.integers(-(2**15), 2**15 - 1),
    "q": st.integers(0, 2**16 - 1),
    "i": st.integers(-(2**31), 2**31 - 1),
    "u": st.integers(0, 2**32 - 1),
    "x": st.integers(-(2**63), 2**63 - 1),
    "t": st.integers(0, 2**64 - 1),
}


def values_of(kind):
    """Values of one type of a signature."""
    if kind.token == "(":
        return st.tuples(*map(values_of, kind.children)).map(list)
    if kind.token != "a":
        return _basic[kind.token]
    (inner,) = kind.children
    if inner.token == "{":
        return st.dictionaries(*map(values_of, inner.children), max_size=5)
    return st.binary(max_size=50) if inner.token == "y" else st.lists(values_of(inner), max_size=5)


def _variants(signature):
    return values_of(SignatureTree._get(signature).types[0]).map(lambda value: Variant(signature, value))


def bodies_of(signature):
    """Arguments of a signature."""
    return st.tuples(st.just(signature), st.tuples(*map(values_of, SignatureTree._get(signature).types)).map(list))


def calls(number, dice):
    """So many calls of each method: mostly with its own arguments, some with others, on any object."""
    found = []

    @seed(dice.randrange(1 << 32))
    @settings(max_examples=number, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(st.data())
    def collect(data):
        for interface, member, signature in METHODS:
            wrong = data.draw(st.integers(0, 4)) == 0
            given = data.draw(bodies_of(data.draw(st.sampled_from(SIGNATURES)) if wrong else signature))
            found.append((data.draw(st.sampled_from(PATHS)), interface, member, *given))

    collect()
    return found


@pytest.fixture
def dbus(tmp_path):
    with DbusDaemon(tmp_path) as bus:
        yield bus


@pytest.fixture
def daemon(dbus, broker, sqlite_url, make_daemon):
    daemon = start_hearing(make_daemon(store=sqlite_url, broker=broker.url, more=f"[dbus]\nbus = {json.dumps(dbus.address)}\n"))
    wait_until(lambda: daemon.logged("dbus_connected"), "the daemon is on the bus")
    return daemon


@pytest.fixture
async def caller(dbus):
    async with Parties(dbus.address) as everybody:
        yield (await everybody.join()).link


async def answer_to(caller, path, interface, member, signature, body):  # noqa: PLR0917 - as it is called
    """What answers a call: its values, or the error's name."""
    try:
        return await caller.call(NAME, path, interface, member, signature, body, timeout_s=60)
    except DbusRefused as exc:
        return exc.name


def assert_unharmed(daemon, store):
    assert (True, 1) == (daemon.is_running, len(daemon.logged("dbus_connected")))
    assert [] == [*daemon.logged("dbus_message_not_taken"), *daemon.logged("call_failed"), *daemon.logged("dbus_call_not_answered")]
    internal = "Direction = 'INBOUND' AND ErrorMessage LIKE %s"
    assert 0 == ledger.count(store, "data_incident_communication", internal, f"%{Fault.INTERNAL.value}:%")


async def test_whatever_a_method_is_called_with_it_is_answered_and_the_connection_stays(daemon, caller, sqlite_url, dice, is_long):
    everything = calls(200 if is_long else 15, dice)

    for start in range(0, len(everything), 100):
        answers = await asyncio.gather(*(answer_to(caller, *each) for each in everything[start : start + 100]))
        assert [] == [each for each in answers if isinstance(each, str) and not each.startswith(ERRORS)]

    alert = await answer_to(caller, ROOT, MANAGER, "Submit", "s", ['{"title": "after all"}'])
    assert 36 == len(alert[0])
    assert_unharmed(daemon, sqlite_url)


def nested(depth):
    """A variant in a variant in a variant ..."""
    value = Variant("s", "x")
    for _ in range(depth):
        value = Variant("v", value)
    return value


@pytest.mark.parametrize(
    ("signature", "body", "error"),
    [
        ("a{sv}", [{"title": nested(60)}], "org.axion.Bus1.Error.Invalid"),
        ("a{sv}", [{"title": Variant("as", ["x"] * 20_000)}], "org.axion.Bus1.Error.Invalid"),
        ("a{sv}", [{f"key{number}": Variant("i", number) for number in range(20_000)}], "org.axion.Bus1.Error.Invalid"),
        ("a{sv}", [{"description": Variant("s", "x" * 1_000_000)}], "org.axion.Bus1.Error.Invalid"),
        ("as", [["x"] * 200_000], "org.freedesktop.DBus.Error.InvalidArgs"),
        ("as", [["x"] * 1000], "org.freedesktop.DBus.Error.InvalidArgs"),
        ("", [], "org.freedesktop.DBus.Error.InvalidArgs"),
    ],
    ids=["nested variants", "a long array", "many keys", "a long text", "a huge array", "an array", "nothing"],
)
async def test_what_is_too_much_is_an_error_and_on_record(daemon, caller, sqlite_url, signature, body, error):  # noqa: PLR0917 - three are the table's
    answer = await answer_to(caller, ROOT, MANAGER, "CreateIncident", signature, body)

    assert error == answer
    wait_until(lambda: ledger.count(sqlite_url, "data_incident_communication", "Status = 'FAILED'"), "a row")
    assert_unharmed(daemon, sqlite_url)


async def test_who_passes_file_descriptors_is_refused_and_the_connection_stays(dbus, daemon, caller, sqlite_url):
    passing = await MessageBus(bus_address=dbus.address, negotiate_unix_fd=True).connect()
    reading, writing = os.pipe()
    try:
        call = Message(
            destination=NAME, path=ROOT, interface=MANAGER, member="CreateIncident", signature="a{sv}",
            body=[{"title": Variant("h", 0)}], unix_fds=[reading],
        )  # fmt: skip
        answer = await passing.call(call)
    finally:
        passing.disconnect()
        await passing.wait_for_disconnect()
        passing._sock.close()  # which it leaves open
        os.close(reading)
        os.close(writing)

    assert answer.error_name.startswith(ERRORS)
    assert 36 == len((await answer_to(caller, ROOT, MANAGER, "Submit", "s", ['{"title": "after all"}']))[0])
    assert_unharmed(daemon, sqlite_url)
