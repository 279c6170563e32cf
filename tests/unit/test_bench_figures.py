"""What the benchmark makes of its samples: medians, ratios, goals, and a table that says so."""

from __future__ import annotations

import pytest

from tests.bench.figures import Figure, Sample, percentile, table
from tests.bench.plan import figures


def a_figure(*values, **given):
    samples = [Sample(value=value) for value in values]
    return Figure(**{"name": "repeats/sqlite", "unit": "alerts/s", "samples": samples, **given})


@pytest.mark.parametrize(("values", "median"), [([7], 7), ([9, 1, 5], 5), ([4, 1, 2, 9], 3)])
def test_the_median_is_the_middle_one(values, median):
    assert median == a_figure(*values).median


def test_the_spread_is_from_the_least_to_the_greatest():
    assert (1, 9) == a_figure(5, 9, 1).spread


@pytest.mark.parametrize(
    ("median", "less_is_better", "is_met"),
    [(8000, False, True), (8001, False, True), (7999, False, False), (8000, True, True), (8001, True, False), (7999, True, True)],
)
def test_a_goal_is_a_floor_or_where_less_is_better_a_ceiling(median, less_is_better, is_met):
    assert is_met is a_figure(median, goal=8000, less_is_better=less_is_better).is_met


def test_without_a_goal_nothing_is_met_or_missed():
    assert a_figure(1).is_met is None


def test_the_ratio_is_to_the_ceiling():
    assert (0.25, None) == (a_figure(5000, best=20_000).ratio, a_figure(5000).ratio)


def test_processor_time_and_waiting_are_medians_and_memory_is_the_most_of_any_run():
    used = [Sample(value=1, cpu_us=cpu, waited_us=2 * cpu, peak_mib=mib) for cpu, mib in ((100, 70), (130, 90), (110, 80))]

    figure = a_figure(samples=used)

    assert (110, 220, 90) == (figure.cpu_us, figure.waited_us, figure.peak_mib)


def test_what_was_not_measured_is_not_known():
    figure = a_figure(1, 2)

    assert (None, None, None) == (figure.cpu_us, figure.waited_us, figure.peak_mib)


@pytest.mark.parametrize(("percent", "expected"), [(0, 1), (1, 1), (50, 50), (99, 99), (99.1, 100), (100, 100)])
def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed(percent, expected):
    assert expected == percentile(list(range(100, 0, -1)), percent)


def test_of_a_few_values_the_99th_percentile_is_the_greatest():
    assert percentile([3.0, 1.0, 2.0], 99) == 3.0


def test_no_values_have_no_percentile():
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


def test_the_table_has_a_line_for_each_figure_under_its_headers():
    reached = a_figure(8100, 9000, 8500, goal=8000, best=17_000)
    missed = a_figure(12.5, name="latency/p50", unit="ms", goal=10, less_is_better=True)

    lines = table([reached, missed]).splitlines()

    assert [
        ["figure", "median", "unit", "min..max", "goal", "met", "ceiling", "of", "it", "CPU", "us", "wait", "us", "MiB"],
        ["repeats/sqlite", "8,500", "alerts/s", "8,100..9,000", ">=", "8,000", "yes", "17,000", "0.50"],
        ["latency/p50", "12.5", "ms", "12.5..12.5", "<=", "10.0", "NO"],
    ] == [line.split() for line in (lines[0], *lines[2:])]


def test_names_begin_and_numbers_end_under_each_other():
    small, large = table([a_figure(1, name="short"), a_figure(1_000_000, name="a longer name")]).splitlines()[2:]

    assert (0, 0) == (small.index("short"), large.index("a longer name"))
    assert large.index("1,000,000") + len("1,000,000") == small.index("1.0") + len("1.0")


def test_the_ceiling_of_a_load_is_the_lower_of_receiving_and_of_writing_its_rows():
    taken = {
        "acks/mqtt 5": [Sample(value=9000)],
        "inserts/sqlite": [Sample(value=30_000)],
        "repeats/sqlite": [Sample(value=4500)],
        "inserts/mariadb": [Sample(value=12_000)],
        "fresh/mariadb": [Sample(value=1500)],
    }

    ratios = {figure.name: figure.ratio for figure in figures(taken)}

    assert (0.5, 0.25) == (ratios["repeats/sqlite"], ratios["fresh/mariadb"])  # fresh: two rows for each alert


def test_the_memory_is_the_most_that_any_daemon_had():
    taken = {
        "acks/mqtt 5": [Sample(value=1, peak_mib=300)],
        "repeats/sqlite": [Sample(value=1, peak_mib=100), Sample(value=1, peak_mib=120)],
        "fresh/sqlite": [Sample(value=1, peak_mib=110)],
    }

    memory = figures(taken)[-1]

    assert ("memory", 120, True) == (memory.name, memory.median, memory.is_met)


def test_a_latency_stands_beside_the_brokers_own():
    taken = {"echo/p99": [Sample(value=2)], "latency/sqlite/p99": [Sample(value=30)]}

    found = {figure.name: figure for figure in figures(taken)}

    assert (15, True) == (found["latency/sqlite/p99"].ratio, found["latency/sqlite/p99"].is_met)
