"""A broker of one's own, for the demo: the system's mosquitto as a child process, else amqtt in this one.

Which one, what it promises, and its life from start to end. What is published on it is not known here. Called by the demo only: a
daemon that has to keep its promises is given a broker that outlives it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from axion_bus.errors import BrokerMissing, BusUnavailable

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

ALSO_IN = ("/usr/sbin", "/usr/local/sbin")
"""Where servers are installed, which is often not on a user's PATH."""

_START_TIMEOUT_S = 10.0
_STOP_TIMEOUT_S = 5.0
_ASK_EVERY_S = 0.02
_NO_PROGRAM = f"no program mosquitto on PATH, in {' or in '.join(ALSO_IN)}"
_NO_PACKAGE = "no Python package amqtt"
_MISSING = {"mosquitto": _NO_PROGRAM, "amqtt": _NO_PACKAGE, None: f"{_NO_PROGRAM}, and {_NO_PACKAGE}"}
_TIED = Path(__file__).with_name("tied.py")


class RunningBroker(Protocol):
    """A broker that takes connections."""

    async def watch(self) -> None:
        """Wait; raises BusUnavailable when the broker ends by itself."""
        ...


class EmbeddedBroker(Protocol):
    """A broker that can be started. ``protocol`` and ``username`` are as ``[mqtt]`` wants them; ``caveat`` is one line or None."""

    name: ClassVar[str]
    protocol: ClassVar[int]
    username: ClassVar[str | None]
    caveat: ClassVar[str | None]

    def running(self, directory: Path, port: int) -> AbstractAsyncContextManager[RunningBroker]:
        """The broker on ``port`` of 127.0.0.1, its files in ``directory``, while the body runs. Raises BusUnavailable."""
        ...


def choose(wanted: str | None = None, *, path: str | None = None) -> EmbeddedBroker:
    """``wanted`` (``mosquitto`` or ``amqtt``), else the better one that is installed. ``path`` stands in for $PATH and ALSO_IN.

    Raises:
        BrokerMissing: it, or every one, is not.

    """
    if path is None:
        path = os.pathsep.join((os.environ.get("PATH", os.defpath), *ALSO_IN))
    program = shutil.which("mosquitto", path=path)
    if program is not None and wanted in (None, "mosquitto"):
        return Mosquitto(program)
    if wanted in (None, "amqtt") and find_spec("amqtt") is not None:
        from axion_bus.buses.embedded_amqtt import Amqtt  # noqa: PLC0415 - an extra, and slow to import

        return Amqtt()
    raise BrokerMissing(f"there is no broker to start: {_MISSING[wanted]}")


@dataclass(frozen=True, slots=True)
class Mosquitto:
    """The mosquitto at ``program``, open to this machine, with a persistent store that is saved each second."""

    name: ClassVar[str] = "mosquitto"
    protocol: ClassVar[int] = 5
    username: ClassVar[str | None] = None
    caveat: ClassVar[str | None] = None
    program: str

    @asynccontextmanager
    async def running(self, directory: Path, port: int) -> AsyncIterator[RunningBroker]:
        """As ``EmbeddedBroker.running``. It ends with us even when we are killed, and does not see the terminal's ctrl-c."""
        file, log = directory / "mosquitto.conf", directory / "mosquitto.log"
        file.write_text(_configuration(directory, port))
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", _TIED, str(os.getpid()), self.program, "-c", file),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        broker = _Child(process, log)
        try:
            await broker.answers(port)
            yield broker
        finally:
            await broker.stop()


@dataclass(frozen=True, slots=True)
class _Child:
    process: Process
    log: Path

    async def watch(self) -> None:
        code = await self.process.wait()
        raise BusUnavailable(f"mosquitto ended, with {code}; {self.log} says: {self._last_words()}")

    async def answers(self, port: int) -> None:
        """Wait until it takes connections. Raises BusUnavailable when it does not come to that."""
        try:
            async with asyncio.timeout(_START_TIMEOUT_S), asyncio.TaskGroup() as group:
                watching = group.create_task(self.watch(), name="mosquitto")
                await _connection(port)
                watching.cancel()
        except TimeoutError:
            raise BusUnavailable(f"mosquitto takes no connection on port {port}; {self.log}: {self._last_words()}") from None
        except BaseExceptionGroup as group_of_errors:
            raise group_of_errors.exceptions[0] from None

    async def stop(self) -> None:
        """End it in order, so that it saves its store."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.process.returncode is None:
                with suppress(ProcessLookupError):
                    self.process.send_signal(number)
                with suppress(TimeoutError):
                    async with asyncio.timeout(_STOP_TIMEOUT_S):
                        await self.process.wait()

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="backslashreplace").splitlines()
        return lines[-1] if lines else "nothing"


async def _connection(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(_ASK_EVERY_S)
        else:
            writer.close()
            return


def _configuration(directory: Path, port: int) -> str:
    """As ``config/mosquitto.conf`` recommends, for a broker that only this machine can reach."""
    lines = [
        f"listener {port} 127.0.0.1",
        "allow_anonymous true",
        "persistence true",
        f"persistence_location {directory.resolve()}/",
        "autosave_interval 1",
        "autosave_on_changes false",
        "max_queued_messages 1000000",
        "max_inflight_messages 1000",
        "max_packet_size 1048576",
        "log_dest stderr",
    ]
    if os.geteuid() == 0:
        lines.append("user root")  # else it would become a user that may not write here, and the kernel would forget who we are
    return "\n".join(lines) + "\n"
