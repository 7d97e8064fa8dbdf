from small_sweep import trial

from tunescope_analysis import open_results
from tunescope_analysis.topics.run.section import run_section


def rows(section):
    (table,) = [table for table in section.tables if table.name == "cost"] or [None]
    return [[cell.text for cell in row] for row in table.rows] if table else []


def test_cost_is_of_each_method_over_the_trials_that_tell_it(write):
    cpu = {"peak_host_bytes": 2_000_000_000}
    trials = [
        trial("RTE", "layernorm", 1e-3, 1, 0.6, examples_per_second=30.0, tokens_per_second=900.0, **cpu),
        trial("RTE", "full", 1e-5, 1, 0.6, examples_per_second=10.0, tokens_per_second=300.0,
              energy_joules=7200.0, peak_host_bytes=1_000_000_000, peak_device_bytes=3_000_000_000),
        trial("RTE", "full", 2e-5, 1, 0.6, examples_per_second=20.0, tokens_per_second=500.0,
              energy_joules=3600.0, **cpu),
        trial("RTE", "full", 3e-5, 1, 0.6, state="failed", peak_host_bytes=9_000_000_000),
    ]  # fmt: skip
    with open_results(write(trials)) as results:
        section = run_section(results)
    assert rows(section) == [
        ["full", "2", "15", "400", "1.50", "2.00", "3.00"],
        ["layernorm", "1", "30", "900", "–", "2.00", "0.00"],
    ]


def test_cost_is_left_out_if_no_trial_tells_it(write):
    with open_results(write([trial("RTE", "full", 1e-5, 1, 0.6)])) as results:
        assert rows(run_section(results)) == []
