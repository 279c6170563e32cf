"""TLS, certificates and passwords: what lets us in, and what is told when something does not."""

from __future__ import annotations

import signal
import ssl
import subprocess

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat, load_pem_private_key

from axion_bus.errors import ConfigError
from tests.chaos.wire import publish
from tests.contract.mqtt.station import Party, Station, settings
from tests.servers import Mosquitto
from tests.servers.process import find_program
from tests.servers.scripted_broker import ScriptedBroker

USERS = {"axion-bus": "pass word", "other": "other"}


async def _serve(visit):
    await visit.accept()
    await visit.serve()


@pytest.fixture
def account(tmp_path):
    """Settings of a user with this password."""

    def make(username, password):
        file = tmp_path / "secret"
        file.write_text(password)
        return {"username": username, "password": {"file": str(file)}}

    return make


async def test_with_tls_and_a_password_everything_works(tmp_path, base_topic, protocol, account):
    bodies = [b"%d" % number * 50 for number in range(1000)]
    with Mosquitto(tmp_path, tls=True, users=USERS) as broker:
        ca_file = str(broker.ca_file)
        access = {"tls": {"ca_file": ca_file}, **account("axion-bus", "pass word")}
        async with (
            Station(settings(broker.url, base_topic, protocol, **access)) as station,
            Party(broker.port, user=("other", "other"), ca_file=ca_file) as party,
        ):
            await station.connected()
            await party.publish(station.alert_topic(), *bodies)
            for received in await station.got(1000):
                received.ack([])
            await station.settled()

    assert (bodies, 1) == (station.bodies, station.bus.connection)


async def test_large_messages_pass_through_tls_whole(authority, base_topic):
    large = bytes(range(256)) * 4096

    async def script(visit):
        await visit.accept()
        await visit.grant()
        visit.send(publish(f"{base_topic}/alerts/web", large), publish(f"{base_topic}/alerts/web", b"behind"))
        await visit.serve()

    async with (
        ScriptedBroker(script, tls=authority.server) as scripted,
        Station(settings(scripted.url, base_topic, tls={"ca_file": authority.ca_file})) as station,
    ):
        await station.got(2)

    assert [large, b"behind"] == station.bodies


async def test_a_broker_that_the_authority_did_not_sign_is_not_trusted(authority, tmp_path, base_topic):
    trustme.CA().cert_pem.write_to_path(tmp_path / "stranger.pem")
    async with (
        ScriptedBroker(_serve, tls=authority.server) as scripted,
        Station(settings(scripted.url, base_topic, tls={"ca_file": f"{tmp_path}/stranger.pem"})) as station,
    ):
        trouble = await station.in_trouble("certificate")

    assert trouble.startswith(f"cannot connect to {scripted.url}: ")
    assert "certificate verify failed" in trouble
    assert 0 == sum(len(visit.seen) for visit in scripted.visits)


async def test_a_certificate_for_another_name_is_not_trusted(authority, base_topic):
    async with ScriptedBroker(_serve, tls=authority.server) as scripted:
        url = scripted.url.replace("localhost", "127.0.0.1")
        async with Station(settings(url, base_topic, tls={"ca_file": authority.ca_file})) as station:
            trouble = await station.in_trouble("certificate")

    assert "IP address mismatch, certificate is not valid for '127.0.0.1'" in trouble


async def test_a_broker_without_tls_is_told_as_one(base_topic):
    async def plain(visit):
        visit.send(b"\x20\x02\x00\x00")
        await visit.next()

    async with ScriptedBroker(plain) as scripted, Station(settings(f"mqtts://localhost:{scripted.port}", base_topic)) as station:
        trouble = await station.in_trouble("SSL")

    assert trouble.startswith(f"cannot connect to mqtts://localhost:{scripted.port}: [SSL")


@pytest.fixture
def two_way(tmp_path):
    """An authority, the context of a broker that asks for a certificate of its, and one of those in ``client.pem``."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.issue_cert("axion-bus").private_key_and_cert_chain_pem.write_to_path(tmp_path / "client.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    return context, {"ca_file": f"{tmp_path}/ca.pem"}, {"cert_file": f"{tmp_path}/client.pem"}


async def test_a_broker_that_asks_for_our_certificate_gets_it(two_way, base_topic):
    context, trusted, ours = two_way
    async with (
        ScriptedBroker(_serve, tls=context) as scripted,
        Station(settings(scripted.url, base_topic, tls=trusted | ours)) as station,
    ):
        await station.connected()
        await station.settled()

    assert 1 == station.bus.connection


async def test_a_broker_that_asks_for_a_certificate_in_vain_is_told_with_its_reason(tmp_path, base_topic):
    with Mosquitto(tmp_path, tls=True, lines=["require_certificate true"]) as broker:
        async with Station(settings(broker.url, base_topic, tls={"ca_file": str(broker.ca_file)})) as station:
            trouble = await station.in_trouble("certificate required")

    assert trouble.startswith(f"{broker.url}: the connection is gone: ended by the network: ")


@pytest.mark.parametrize("content", [None, "nonsense", "encrypted"])
async def test_certificates_that_cannot_be_used_end_the_start_with_the_reason(two_way, tmp_path, base_topic, content):
    _, trusted, ours = two_way
    file = tmp_path / "client.pem"
    if content is None:
        file.unlink()
    else:
        file.write_bytes(_encrypted(file.read_bytes()) if content == "encrypted" else content.encode())
    async with Station(settings("mqtts://localhost:1", base_topic, tls=trusted | ours)) as station:
        error = await station.ended()

    assert isinstance(error, ConfigError)
    expected = {None: "No such file", "nonsense": "PEM", "encrypted": "the key has a passphrase"}[content]
    assert str(error).startswith("mqtt.tls: the certificates cannot be used: ")
    assert expected in str(error)


def _encrypted(pem):
    key, _, chain = pem.partition(b"-----END EC PRIVATE KEY-----\n")
    private = load_pem_private_key(key + b"-----END EC PRIVATE KEY-----\n", None)
    return private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"secret")) + chain


async def test_certificates_that_are_being_renewed_do_not_end_a_running_bus(two_way, tmp_path, base_topic):
    context, trusted, ours = two_way
    file = tmp_path / "client.pem"
    async with (
        ScriptedBroker(_serve, tls=context) as scripted,
        Station(settings(scripted.url, base_topic, tls=trusted | ours)) as station,
    ):
        await station.connected()
        file.rename(tmp_path / "away.pem")
        scripted.visits[-1].cut()
        trouble = await station.in_trouble("certificates")
        (tmp_path / "away.pem").rename(file)
        await station.connected(2)

    assert "mqtt.tls: the certificates cannot be used: [Errno 2] No such file or directory" == trouble


@pytest.mark.parametrize("given", [("axion-bus", "wrong"), ("nobody", "pass word"), None])
async def test_a_broker_that_does_not_let_us_in_is_told_with_its_reason(tmp_path, base_topic, protocol, account, given):
    access = account(*given) if given else {}
    with Mosquitto(tmp_path, users=USERS) as broker:
        async with Station(settings(broker.url, base_topic, protocol, **access)) as station:
            trouble = await station.in_trouble("refused")

    assert f"{broker.url} refused the connection: Not authorized; check username and password" == trouble


async def test_it_is_let_in_when_its_account_has_been_made(tmp_path, base_topic, account):
    with Mosquitto(tmp_path, users=USERS) as broker:
        async with Station(settings(broker.url, base_topic, **account("late", "late"))) as station:
            await station.in_trouble("refused")
            _make_account(broker, "late", "late")
            await station.connected()

    assert station.bus.trouble is None


def _make_account(broker, username, password):
    command = [find_program("mosquitto_passwd", "mosquitto"), "-b", str(broker.directory / "passwords"), username, password]
    subprocess.run(command, check=True, capture_output=True)
    broker.signal(signal.SIGHUP)
