"""What a report opens with."""

import numpy as np
import pytest
from make_file import write_file
from make_sample import three_tasks
from small_sweep import fisher_fields, small_content, trial

from tunescope_analysis import open_results
from tunescope_analysis.assembly import build_report
from tunescope_analysis.report.blocks import Paragraph
from tunescope_analysis.report.claims import Claim, Ruling, Verdict
from tunescope_analysis.report.html import render_page
from tunescope_analysis.topics.glance.section import glance_section


def opening(path, verdicts=()):
    """The opening section of a file's report, and its sentences."""
    with open_results(path) as results:
        section = glance_section(results, verdicts)
    assert section.is_opening
    return section, [block.text for block in section.blocks if isinstance(block, Paragraph)]


def test_three_figures_and_three_sentences(fisher_file):
    section, sentences = opening(fisher_file)
    assert [picture.name for picture in section.pictures] == [
        "glance_scores",
        "glance_change",
        "glance_fisher",
    ]
    assert len(sentences) == 3


def test_the_first_sentence_tells_the_best_score_and_what_few_parameters_reach(write):
    few = {"trainable_parameters": 1, "total_parameters": 1000}
    scores = {"full": 0.8, "layernorm": 0.7, "bitfit": 0.6}
    trials = [
        trial(task, method, 1e-3, 1, score) | ({} if method == "full" else few)
        for task in ("RTE", "CoLA")
        for method, score in scores.items()
    ]
    _, (first, *_) = opening(write(trials))
    assert first == (
        "`full` scores best on average over 2 tasks: 80.0; the best that trains less than 1 % of the "
        "parameters is `layernorm` (0.1 %), 10.0 points below."
    )


def test_where_few_parameters_are_best_there_is_nothing_to_compare(write):
    best = trial("RTE", "layernorm", 1e-3, 1, 0.9) | {"trainable_parameters": 1, "total_parameters": 1000}
    _, (first, *_) = opening(write([best, trial("RTE", "full", 1e-3, 1, 0.8)]))
    assert first == "`layernorm` scores best on RTE: 90.0, training 0.1 % of the parameters."


def test_the_second_sentence_tells_where_parameters_moved_and_where_the_information_is(fisher_file):
    _, (_, second, _) = opening(fisher_file)
    assert second == (
        "In the encoder layers training moved output LayerNorm weight furthest and it has the most Fisher "
        "information per scalar."
    )


def test_what_leads_outside_the_encoder_layers_is_told_too(tmp_path):
    content = small_content()
    content.change["mean_abs"][:, 0, 0] = 1000.0
    _, (_, second, _) = opening(write_file(tmp_path / "embeddings.h5", content))
    assert second == (
        "In the encoder layers training moved output LayerNorm weight furthest; outside them word embeddings "
        "weight moved further."
    )


def test_the_third_sentence_tells_what_the_runs_cannot(small_file, write):
    _, (*_, third) = opening(small_file)
    assert third == (
        "These runs (2 tasks, 2 seeds, 2 trials without a result) decide none of the "
        f"{len(Claim)} claims below; each tells what it needs."
    )


def test_decided_claims_are_counted_in_whatever_order(fisher_file):
    yes = [Verdict(claim, Ruling.SUPPORTED, "") for claim in (Claim.CHANGE, Claim.LORA)]
    no = [Verdict(Claim.UNION, Ruling.NOT_SUPPORTED, "")]
    undecided = [Verdict(Claim.SUBSET, Ruling.NOT_DECIDABLE, "")]
    _, (*_, third) = opening(fisher_file, [*no, *undecided, *yes])
    assert f"support 2 of the {len(Claim)} claims below and speak against 1" in third
    assert opening(fisher_file, [*yes, *no, *undecided])[1][-1] == third


def test_the_page_opens_with_it_and_folds_what_needs_more_runs_to_a_line_each(tmp_path, blank_figures):
    with open_results(write_file(tmp_path / "sample.h5", three_tasks())) as results:
        report = build_report(results)
    page = render_page(report)
    (claims,) = [table for table in report.tables if table.name == "claims"]
    counts = claims.frame["verdict"].value_counts()
    assert page.count("<details><summary>") == counts["not decidable with these runs"]
    assert (
        len(claims.rows)
        == len(Claim) - len(claims.folded)
        == counts["supported"] + counts.get("not supported", 0)
    )
    assert page.index('id="glance"') < page.index("<nav") < page.index('id="claims"')


@pytest.mark.parametrize("trials", [[], [trial("RTE", "full", 1e-5, 1, np.nan, state="failed")]])
def test_a_file_without_scores_says_so(write, trials):
    section, (first, second, _) = opening(write(trials))
    assert first == "No method has a score on every task yet, so methods cannot be compared."
    assert second == "The file tells neither how far parameters moved nor where the Fisher information is."
    assert section.pictures == []


def test_a_file_of_fisher_runs_alone_shows_their_map(tmp_path):
    content = small_content(**fisher_fields())
    content.trials, content.change = [], {}
    content.evaluations, content.history, content.predictions = [], [], {}
    section, _ = opening(write_file(tmp_path / "fisher-alone.h5", content))
    assert [picture.name for picture in section.pictures] == ["glance_fisher"]
