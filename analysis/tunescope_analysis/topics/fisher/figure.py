"""Maps of Fisher information."""

import xarray as xr
from matplotlib.figure import Figure

from tunescope_analysis.report.drawing.heat_map import MapStyle, map_figure
from tunescope_analysis.report.labels import FISHER_FORMULAS, fisher_label
from tunescope_analysis.topics.fisher.table import typical_over_tasks


def fisher_figure(by_task: xr.DataArray) -> Figure:
    """Fisher maps in the same form; the first panel is `typical_over_tasks`."""
    measure = str(by_task.name)
    style = MapStyle(
        title=fisher_label(measure, capital=True),
        bar=FISHER_FORMULAS.get(measure, measure),
        also_grey=", or it was not measured",
        overall="mean of {} tasks" if measure == "share" else "typical of {} tasks",
        shown_fraction=1e-6,
    )
    return map_figure(by_task, typical_over_tasks(by_task), style)
