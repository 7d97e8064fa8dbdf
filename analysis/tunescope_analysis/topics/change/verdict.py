"""Does fine-tuning change output LayerNorm most?"""

from tunescope_analysis.io.vocabulary import is_output_layernorm
from tunescope_analysis.report.claims import Claim, Verdict, rule_on_most_tasks
from tunescope_analysis.report.formatting import plural
from tunescope_analysis.topics.leaders import Finding


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
