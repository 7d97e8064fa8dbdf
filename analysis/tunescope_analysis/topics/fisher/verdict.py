"""Does LayerNorm, output LayerNorm first, have the largest Fisher information, and its biases more of it?"""

from tunescope_analysis.io.vocabulary import is_output_layernorm
from tunescope_analysis.report.claims import Claim, Ruling, Verdict, rule_on_most_tasks
from tunescope_analysis.report.formatting import plural
from tunescope_analysis.topics.leaders import Finding
from tunescope_analysis.topics.ratios import Ratio


def fisher_largest_verdict(finding: Finding, sentence: str, unmeasured: int) -> Verdict:
    """Whether output LayerNorm leads over all tasks and on most.

    `unmeasured` counts the tensors without a number on every task: one of them might lead.
    """
    holds = is_output_layernorm(finding.component) and 2 * finding.output_layernorm_tasks > finding.tasks
    ruling = rule_on_most_tasks(finding.tasks, holds)
    if unmeasured and ruling == Ruling.SUPPORTED:
        ruling = Ruling.NOT_DECIDABLE
        sentence += (
            f" But of {plural(unmeasured, 'tensor')} there is no number on every task: run "
            "`tunescope fisher` with `[fisher] parameters = all`."
        )
    return Verdict(Claim.FISHER_LARGEST, ruling, sentence, "fisher_map_mean")


def fisher_bias_verdict(ratio: Ratio | None) -> Verdict | None:
    """Whether a bias of output LayerNorm has more than a weight; None if the file has not both."""
    if ratio is None:
        return None
    reason = f"A bias of output LayerNorm has {ratio.words} the Fisher information of a weight of it."
    return Verdict(Claim.FISHER_BIAS, ratio.ruling, reason, "fisher_map_mean")
