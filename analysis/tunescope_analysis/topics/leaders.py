"""Which component leads a ranking, and how sure that is."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from tunescope_analysis.io.vocabulary import is_layernorm, is_output_layernorm
from tunescope_analysis.report.formatting import count, plural, share
from tunescope_analysis.report.labels import component_label
from tunescope_analysis.stats.bootstrap import DRAWS


@dataclass(frozen=True)
class Finding:
    """What a measure says: the leading component over all tasks, and on how many tasks LayerNorm leads."""

    measure: str
    component: str
    value: float
    tasks: int
    layernorm_tasks: int
    output_layernorm_tasks: int


def finding_of(measure: str, ranking: pd.Series, leaders: list[str]) -> Finding:
    """The finding of a ranking over all tasks, which is not empty, and the leading component of each task."""
    return Finding(
        measure=measure,
        component=str(ranking.index[0]),
        value=float(ranking.iloc[0]),
        tasks=len(leaders),
        layernorm_tasks=sum(map(is_layernorm, leaders)),
        output_layernorm_tasks=sum(map(is_output_layernorm, leaders)),
    )


def encoder_sentence(finding: Finding | None) -> str:
    """Which component is first when embeddings and pooler, of which there is one each, are left out."""
    if finding is None:
        return ""
    return (
        f"Among the components of encoder layers {component_label(finding.component, '0')} is first; one "
        f"of output LayerNorm leads on {finding.output_layernorm_tasks} of {plural(finding.tasks, 'task')}."
    )


def certainty_sentence(shares: pd.Series | None, component: str) -> str:
    """How often the component stays first when the seeds are drawn again; nothing for single seeds."""
    if shares is None:
        return ""
    return f"It is first in {share(shares[component])} of {count(DRAWS)} bootstrap draws of the seeds."


def shares_by_component(shares: np.ndarray | None, values: xr.DataArray) -> pd.Series | None:
    """Shares `[component]` with the names of the components; None stays None."""
    return None if shares is None else pd.Series(shares, index=values["component"].values)
