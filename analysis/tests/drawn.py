"""What a reader would see of a drawn figure."""

from matplotlib.backends.backend_agg import FigureCanvasAgg

from tunescope_analysis.report.drawing.panel_grid import PAGE_WIDTH


def draw_within_page(figure):
    """Draw a figure, assert that no label leaves the page, and return the renderer."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    assert figure.get_figwidth() <= PAGE_WIDTH
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            box = axis.get_tightbbox(renderer)
            assert box is None or (box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1)
    return renderer
