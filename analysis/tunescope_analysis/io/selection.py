"""What chose the best step and learning rate: columns that files before schema version 8 lack."""

import xarray as xr

ON_DEV = "dev"  # the dev set chooses, the one that is reported


def with_selection(trials: xr.Dataset) -> xr.Dataset:
    """The trials with columns `selection` and `selection_score`, which is the score if the dev set chose."""
    score = trials["score"].astype(float)
    if "selection" not in trials:
        return trials.assign(selection=xr.full_like(trials["task"], ON_DEV), selection_score=score)
    is_own = trials["selection"] != ON_DEV
    return trials.assign(selection_score=trials["selection_score"].astype(float).where(is_own, score))
