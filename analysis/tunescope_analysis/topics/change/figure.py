"""Maps of parameter change."""

import xarray as xr
from matplotlib.figure import Figure

from tunescope_analysis.report.drawing.heat_map import MapStyle, map_figure
from tunescope_analysis.report.labels import FORMULAS, measure_label, method_label
from tunescope_analysis.topics.change.table import mean_over_tasks


def change_figure(by_task: xr.DataArray) -> Figure:
    """Change maps, the mean over tasks first, then a panel per task, on one colour scale.

    `by_task` is `[task, layer, component]`, named after its measure.
    """
    measure = str(by_task.name)
    method = by_task.attrs.get("method", "full")
    style = MapStyle(
        title=f"{measure_label(measure).capitalize()} of each tensor, {method_label(method)}",
        bar=FORMULAS.get(measure, measure),
        also_grey=", or it was zero before" if measure == "relative_l2" else "",
    )
    return map_figure(by_task, mean_over_tasks(by_task), style)
