import pytest
from make_file import Content, write_file
from small_sweep import trial

from tunescope_analysis import open_results
from tunescope_analysis.topics.run.section import run_section
from tunescope_analysis.topics.scores.table import best_trials, score_table
from tunescope_analysis.topics.training.table import budget_table, rate_table

# By the first seed 1e-5 was chosen, whose mean over both falls below the one score of 2e-5.
TRIALS = [
    trial("RTE", "full", 1e-5, 1, 0.70),
    trial("RTE", "full", 1e-5, 2, 0.60),
    trial("RTE", "full", 2e-5, 1, 0.68),
    trial("RTE", "bitfit", 1e-3, 1, 0.50),
    trial("RTE", "bitfit", 1e-3, 2, 0.52),
]
RATES = [
    {"task": "RTE", "method": "full", "seeds": 1} | rate
    for rate in (
        {"learning_rate": 1e-5, "mean_score": 0.70, "chosen": 1},
        {"learning_rate": 2e-5, "mean_score": 0.68, "chosen": 0},
        {"learning_rate": 3e-5, "mean_score": float("nan"), "chosen": 0},
    )
]


@pytest.fixture
def screened(tmp_path):
    with open_results(write_file(tmp_path / "screened.h5", Content(TRIALS, screening=RATES))) as results:
        yield results


@pytest.fixture
def unscreened(tmp_path):
    with open_results(write_file(tmp_path / "unscreened.h5", Content(TRIALS))) as results:
        yield results


def test_trials_of_learning_rates_that_were_not_chosen_are_marked(screened, unscreened):
    assert screened.trials["is_screened_out"].values.tolist() == [False, False, True, False, False]
    assert not unscreened.trials["is_screened_out"].values.any()


def test_scores_are_those_of_a_chosen_learning_rate(screened, unscreened):
    assert best_trials(screened.trials)["learning_rate"].tolist() == [1e-5, 1e-5, 1e-3, 1e-3]
    table = score_table(screened.trials).set_index("method")
    assert table.loc["full", "mean"] == pytest.approx(0.65)
    assert score_table(unscreened.trials).set_index("method").loc["full", "learning_rate"] == 2e-5


def test_learning_rates_that_were_not_chosen_stay_in_their_own_table(screened):
    assert rate_table(screened.trials)["learning_rate"].tolist() == [1e-3, 1e-5, 2e-5]


def test_budgets_are_of_trials_that_were_not_selected(screened, unscreened):
    assert set(budget_table(screened.trials)["method"]) == {"bitfit"}
    assert set(budget_table(unscreened.trials)["method"]) == {"bitfit", "full"}


def facts_of(section):
    return dict(next(block for block in section.blocks if block.kind == "facts").pairs)


def test_report_tells_that_screening_was_on_and_what_it_chose(screened, unscreened):
    section = run_section(screened)
    assert facts_of(section)["Screening"] == (
        "on: 1 seed for all learning rates, the others for those chosen; 1 of 3 were"
    )
    table = next(block for block in section.blocks if getattr(block, "name", "") == "screening")
    means = "1e-05: 70.0, 2e-05: 68.0, 3e-05: –"
    assert [cell.text for cell in table.rows[0]] == ["RTE", "full", "1e-05", means]
    assert facts_of(run_section(unscreened))["Screening"].startswith("none")
