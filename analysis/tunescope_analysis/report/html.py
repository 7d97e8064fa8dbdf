"""The report as one HTML page that stands alone."""

import base64
import re

import jinja2
from markupsafe import Markup, escape

from tunescope_analysis.report.report import Report


def render_page(report: Report) -> str:
    """The page as HTML text; pictures are embedded, nothing is fetched."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tunescope_analysis.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["picture"] = _embed
    environment.filters["words"] = _mark_words
    return environment.get_template("report.html.j2").render(report=report)


def _mark_words(text: str) -> Markup:
    """Words between backticks as code; a method's name may wrap after a colon or a comma, × 100 may not."""
    text = text.replace("× ", "×\N{NO-BREAK SPACE}").replace(" %", "\N{NO-BREAK SPACE}%")
    breakable = re.sub(r"(?<=[:,])(?=[^\s\d])", "<wbr>", str(escape(text)))
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", breakable))


def _embed(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")
