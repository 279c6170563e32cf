"""What is measured, on which store, with which goal, and which ceilings stand beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from tests.bench.alerts import Load, alert
from tests.bench.ceilings import measure_acks, measure_echo, measure_inserts
from tests.bench.dbus import measure_signals, measure_submit
from tests.bench.figures import Figure, Sample, percentile
from tests.bench.metrics import measure_metrics
from tests.bench.people import measure_people
from tests.bench.workloads import measure_latency, measure_load

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from tests.servers import MariaDb

STORES = ("sqlite", "mariadb")
LOADS = {
    "repeats": Load(count=60_000),
    "fresh": Load(count=10_000, fresh_every=1),
    "mixed": Load(count=20_000, fresh_every=10),
}
GOALS = {"repeats/sqlite": 8000.0, "repeats/mariadb": 6000.0, "fresh/sqlite": 1500.0, "fresh/mariadb": 1500.0}
LATENCY_ALERTS, LATENCY_EVERY_S = 6000, 1 / 200
LATENCY_GOALS_MS = {50: 10.0, 99: 50.0}
METRICS_GOAL_MS = 1000.0
SIGNALS = Load(count=20_000)
SIGNALS_GOALS = {"mariadb": 2000.0}
SUBMITS, SUBMIT_EVERY_S = 1000, 1 / 100
SUBMIT_GOALS_MS = {99: 30.0}
NOTIFY = ("notify", "notify-beside-a-hanging-channel")
SENDS_GOAL = 200.0
MEMORY_GOAL_MIB = 256.0
MQTT = {"mqtt 5": 5, "mqtt 3.1.1": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one step works: a directory of its own, and a database server for those that need one."""

    directory: Path
    mariadb: MariaDb | None

    def url(self, store: str) -> str:
        """The URL of an empty database of the kind ``store``."""
        if store == "sqlite":
            return f"sqlite:///{self.directory}/axion-bus.db"
        assert self.mariadb is not None
        return self.mariadb.fresh_database()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One measurement of a run: ``take`` gives its samples by the names of their figures."""

    name: str
    take: Callable[[Place], Mapping[str, Sample]]

    @property
    def needs_mariadb(self) -> bool:
        """Whether a MariaDB has to be there."""
        return self.name.endswith("/mariadb")


def steps() -> list[Step]:
    """All of them, in the order of a run."""
    return [
        *(Step(name=f"acks/{name}", take=partial(_take_acks, name)) for name in MQTT),
        *(Step(name=f"inserts/{store}", take=partial(_take_inserts, store)) for store in STORES),
        Step(name="echo", take=_take_echo),
        *(Step(name=f"{load}/{store}", take=partial(_take_load, load, store)) for load in LOADS for store in STORES),
        *(Step(name=f"latency/{store}", take=partial(_take_latency, store)) for store in STORES),
        *(Step(name=f"signals/{store}", take=partial(_take_signals, store)) for store in STORES),
        *(Step(name=f"submit/{store}", take=partial(_take_submit, store)) for store in STORES),
        *(Step(name=f"{kind}/{store}", take=partial(_take_people, kind, store)) for kind in NOTIFY for store in STORES),
        *(Step(name=f"metrics/{store}", take=partial(_take_metrics, store)) for store in STORES),
    ]


def figures(taken: Mapping[str, Sequence[Sample]]) -> list[Figure]:
    """The figures of what was ``taken``, by name."""
    found = [_figure(name, samples, taken) for name, samples in taken.items()]
    peaks = [figure.peak_mib for figure in found if figure.peak_mib is not None and not figure.name.startswith("acks/")]
    if peaks:
        most = [Sample(value=max(peaks))]
        found.append(Figure(name="memory", unit="MiB", samples=most, goal=MEMORY_GOAL_MIB, less_is_better=True))
    return found


def _figure(name: str, samples: Sequence[Sample], taken: Mapping[str, Sequence[Sample]]) -> Figure:
    kind, _, rest = name.partition("/")
    if kind in ("echo", "latency"):
        percent = int(rest.rpartition("p")[2])
        goal = LATENCY_GOALS_MS[percent] if kind == "latency" else None
        best = _median(taken, f"echo/p{percent}") if kind == "latency" else None
        return Figure(name=name, unit="ms", samples=samples, goal=goal, best=best, less_is_better=True)
    if kind == "submit":
        goal = SUBMIT_GOALS_MS.get(int(rest.rpartition("p")[2]))
        return Figure(name=name, unit="ms", samples=samples, goal=goal, less_is_better=True)
    if kind == "signals":
        return Figure(name=name, unit="signals/s", samples=samples, goal=SIGNALS_GOALS.get(rest))
    if kind in NOTIFY:
        best = _median(taken, f"{NOTIFY[0]}/{rest}") if kind != NOTIFY[0] else None
        return Figure(name=name, unit="sends/s", samples=samples, goal=SENDS_GOAL, best=best)
    if kind == "metrics":
        return Figure(name=name, unit="ms", samples=samples, goal=METRICS_GOAL_MS, less_is_better=True)
    unit = {"acks": "messages/s", "inserts": "rows/s"}.get(kind, "alerts/s")
    return Figure(name=name, unit=unit, samples=samples, goal=GOALS.get(name), best=_best(kind, rest, taken))


def _best(kind: str, store: str, taken: Mapping[str, Sequence[Sample]]) -> float | None:
    """The lower of the two ceilings: receiving each alert, and writing its audit row and those of its events."""
    if kind not in LOADS:
        return None
    load = LOADS[kind]
    acks, inserts = _median(taken, "acks/mqtt 5"), _median(taken, f"inserts/{store}")
    if acks is None or inserts is None:
        return None
    return min(acks, inserts / (1 + load.incidents / load.count))


def _median(taken: Mapping[str, Sequence[Sample]], name: str) -> float | None:
    return Figure(name=name, unit="", samples=taken[name]).median if name in taken else None


def _take_acks(name: str, place: Place) -> dict[str, Sample]:
    return {f"acks/{name}": measure_acks(place.directory, LOADS["repeats"].lines(), MQTT[name])}


def _take_inserts(store: str, place: Place) -> dict[str, Sample]:
    return {f"inserts/{store}": measure_inserts(place.url(store), LOADS["repeats"].lines())}


def _take_echo(place: Place) -> dict[str, Sample]:
    payloads = [alert(f"bench-{number}", "echo") for number in range(LATENCY_ALERTS // 3)]
    latencies = measure_echo(place.directory, payloads, LATENCY_EVERY_S)
    return {f"echo/p{percent}": Sample(value=percentile(latencies, percent)) for percent in LATENCY_GOALS_MS}


def _take_load(load: str, store: str, place: Place) -> dict[str, Sample]:
    return {f"{load}/{store}": measure_load(place.directory, place.url(store), LOADS[load])}


def _take_people(kind: str, store: str, place: Place) -> dict[str, Sample]:
    sample = measure_people(place.directory, place.url(store), beside_a_hanging_one=kind != NOTIFY[0])
    return {f"{kind}/{store}": sample}


def _take_latency(store: str, place: Place) -> dict[str, Sample]:
    latencies, used = measure_latency(place.directory, place.url(store), LATENCY_ALERTS, LATENCY_EVERY_S)
    return {f"latency/{store}/p{percent}": replace(used, value=percentile(latencies, percent)) for percent in LATENCY_GOALS_MS}


def _take_signals(store: str, place: Place) -> dict[str, Sample]:
    return {f"signals/{store}": measure_signals(place.directory, place.url(store), SIGNALS)}


def _take_submit(store: str, place: Place) -> dict[str, Sample]:
    latencies = measure_submit(place.directory, place.url(store), SUBMITS, SUBMIT_EVERY_S)
    return {f"submit/{store}/p{percent}": Sample(value=percentile(latencies, percent)) for percent in (50, 99)}


def _take_metrics(store: str, place: Place) -> dict[str, Sample]:
    return {f"metrics/{store}": measure_metrics(place.url(store))}
