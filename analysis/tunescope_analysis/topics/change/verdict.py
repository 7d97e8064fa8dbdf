"""Does fine-tuning change output LayerNorm most, and its biases more than its weights?"""

from tunescope_analysis.io.vocabulary import is_output_layernorm
from tunescope_analysis.report.claims import Claim, Verdict, rule_on_most_tasks
from tunescope_analysis.report.formatting import plural
from tunescope_analysis.topics.leaders import Finding
from tunescope_analysis.topics.ratios import Ratio


def change_verdict(finding: Finding, encoder: str) -> Verdict:
    """Whether output LayerNorm leads over all tasks and on most; `encoder` is said too."""
    is_most = 2 * finding.output_layernorm_tasks > finding.tasks
    holds = is_most and is_output_layernorm(finding.component)
    return Verdict(
        Claim.CHANGE,
        rule_on_most_tasks(finding.tasks, holds),
        f"By mean absolute change a tensor of output LayerNorm leads on {finding.output_layernorm_tasks} of "
        f"{plural(finding.tasks, 'task')}, any LayerNorm on {finding.layernorm_tasks}. {encoder}",
        "change_mean_abs",
    )


def change_bias_verdict(ratio: Ratio | None) -> Verdict | None:
    """Whether a bias of output LayerNorm moves further than a weight; None if the file has not both."""
    if ratio is None:
        return None
    reason = f"By mean absolute change a bias of output LayerNorm moved {ratio.words} as far as a weight."
    return Verdict(Claim.CHANGE_BIAS, ratio.ruling, reason, "change_mean_abs")
