"""The private servers do what the fault tests rely on."""

from __future__ import annotations

import socket
import ssl

import pymysql
import pytest

from tests.servers import MissingProgram, Mosquitto, TcpProxy, wait_until
from tests.servers.process import Process, ServerFailed, can_connect, find_program


class _Ends(Process):
    """A server that ends at once."""

    name = "ends"

    def command(self):
        return "sh", "-c", "echo no luck; exit 3"

    def is_ready(self):
        return False


@pytest.fixture
def echo():
    """A server that sends back what it gets."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxied = TcpProxy(listener.getsockname()[1])
        with proxied:
            yield listener, proxied


def test_a_missing_program_is_an_error_with_the_line_that_installs_it():
    with pytest.raises(MissingProgram, match="apt-get install -y some-package"):
        find_program("no-such-program-at-all", "some-package")


def test_a_server_that_ends_before_it_is_ready_is_an_error_with_its_log(tmp_path):
    with pytest.raises(ServerFailed, match=r"ended with 3 before it was ready:\nno luck"):
        _Ends(tmp_path).start()


def test_waiting_in_vain_says_for_what():
    with pytest.raises(TimeoutError, match="the second coming"):
        wait_until(lambda: False, "the second coming", timeout_s=0)


def test_a_killed_database_server_has_what_was_committed_when_it_is_started_again(own_mariadb):
    database = own_mariadb.fresh_database().rpartition("/")[2]
    with own_mariadb.connect(database) as cursor:
        cursor.execute("CREATE TABLE kept (n INT)")
        cursor.execute("INSERT INTO kept VALUES (7)")
    own_mariadb.kill()

    with pytest.raises(pymysql.err.OperationalError), own_mariadb.connect():
        pass
    own_mariadb.start()

    with own_mariadb.connect(database) as cursor:
        cursor.execute("SELECT n FROM kept")
        rows = cursor.fetchall()
    assert rows == ((7,),)


def test_a_stopped_broker_comes_back_on_its_port(own_broker):
    code = own_broker.stop()
    was_there = can_connect(own_broker.port)
    own_broker.start()

    assert (code, was_there, can_connect(own_broker.port)) == (0, False, True)


def test_a_tls_broker_shows_a_certificate_of_its_own_authority(tmp_path):
    with Mosquitto(tmp_path, tls=True) as broker:
        context = ssl.create_default_context(cafile=broker.ca_file)
        raw = socket.create_connection(("127.0.0.1", broker.port))
        with context.wrap_socket(raw, server_hostname="localhost") as tls:
            version = tls.version()

    assert version == "TLSv1.3"


def test_the_proxy_passes_on_both_ways(echo):
    listener, proxy = echo
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
        server, _ = listener.accept()
        with server:
            client.sendall(b"there")
            there = server.recv(16)
            server.sendall(b"back")
            back = client.recv(16)

    assert (there, back) == (b"there", b"back")


def test_the_proxy_holds_back_while_it_is_frozen_and_loses_nothing(echo):
    listener, proxy = echo
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
        server, _ = listener.accept()
        with server:
            proxy.freeze()
            client.sendall(b"late")
            server.settimeout(0.2)
            with pytest.raises(TimeoutError):
                server.recv(16)
            proxy.thaw()
            server.settimeout(5)
            late = server.recv(16)

    assert late == b"late"


def test_the_proxy_cuts_and_takes_new_connections(echo):
    listener, proxy = echo
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
        server, _ = listener.accept()
        with server:
            proxy.cut()
            ends = _end_of(client), _end_of(server)
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5):
        listener.accept()[0].close()

    assert ends == ("ended", "ended")


def test_the_proxy_refuses_until_it_accepts_again(echo):
    _, proxy = echo
    proxy.refuse()
    refused = can_connect(proxy.port)
    proxy.accept()

    assert (refused, can_connect(proxy.port)) == (False, True)


def _end_of(connection):
    try:
        return "ended" if connection.recv(16) == b"" else "data"
    except ConnectionResetError:
        return "ended"
