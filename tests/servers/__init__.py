"""Real private servers for the tests: loopback, free ports, own directories, started and ended by us, never mocked.

Each is a context manager with start, stop, kill, restart, pause and resume, on the same port with the same data. A missing
program is an error that says how to install it, never a skip. Used by ``tests/conftest.py``, the fault tests, the benchmark.
"""

from tests.servers.daemon import Daemon, configuration
from tests.servers.dbus_daemon import DbusDaemon
from tests.servers.mariadb import MariaDb
from tests.servers.mosquitto import Mosquitto
from tests.servers.process import RUNNING, MissingProgram, Process, free_port, wait_until
from tests.servers.proxy import TcpProxy

__all__ = [
    "RUNNING",
    "Daemon",
    "DbusDaemon",
    "MariaDb",
    "MissingProgram",
    "Mosquitto",
    "Process",
    "TcpProxy",
    "configuration",
    "free_port",
    "wait_until",
]
