"""Fixtures of the fault tests: full speed, a seed that a failure names, and the scene that they play on."""

from __future__ import annotations

import os
from contextlib import ExitStack
from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.chaos.scene import Stage, open_scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.chaos.scene import Scene
    from tests.servers import Daemon, Mosquitto


@pytest.fixture(autouse=True)
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Daemons run without coverage: killed, they could not write it down."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> Random:
    """Randomness that can be had again: AXION_TEST_SEED=<the number in the failed test's report>."""
    seed = int(os.environ.get("AXION_TEST_SEED", "0")) or Random().randrange(1, 1 << 32)
    request.node.add_report_section("setup", "seed", f"AXION_TEST_SEED={seed}")
    return Random(seed)


@pytest.fixture
def stage(base_topic: str, dice: Random, make_daemon: Callable[..., Daemon], is_long: bool) -> Stage:
    """What a scene is played on."""
    return Stage(base_topic=base_topic, dice=dice, is_long=is_long, make_daemon=make_daemon)


@pytest.fixture
def make_scene(stage: Stage) -> Iterator[Callable[..., Scene]]:
    """Opens scenes at a broker and a store, ended with the test."""
    with ExitStack() as stack:

        def make(broker: Mosquitto, store: str) -> Scene:
            return stack.enter_context(open_scene(stage, broker, store))

        yield make
