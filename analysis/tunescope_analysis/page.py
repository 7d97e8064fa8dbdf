"""The report as one HTML page that stands alone."""

import base64
import re

import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup

from tunescope_analysis.labels import metric_label, order_tasks
from tunescope_analysis.report import Report
from tunescope_analysis.scores import glue_average, method_parameters, order_methods

FAILURES_SHOWN = 20


def render_page(report: Report) -> str:
    """The page as HTML text; pictures are embedded, nothing is fetched."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tunescope_analysis"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["picture"] = _embed
    environment.filters["breakable"] = _breakable
    environment.filters["count"] = lambda value: "–" if pd.isna(value) else f"{value:,.0f}"
    return environment.get_template("report.html.j2").render(
        report=report,
        file_name=report.results.path.name,
        attributes=report.results.attributes,
        states=report.trials["state"].value_counts().to_dict(),
        devices=_device_rows(report.trials),
        failures=_failure_rows(report.trials),
        failures_shown=FAILURES_SHOWN,
        tasks=[(task, _metric(report.scores, task)) for task in order_tasks(report.scores["task"])],
        score_rows=score_rows(report.scores),
        seeds=int(report.scores["seeds"].max()) if len(report.scores) else 0,
        parameter_rows=_parameter_rows(report.scores),
    )


def score_rows(table: pd.DataFrame) -> list[dict]:
    """The score table as text: a row a method, a cell a task, the best mean of each task marked.

    Scores are × 100 with one decimal; means that print alike are equally best (our choice).
    """
    best = table.groupby("task")["mean"].max()
    average = glue_average(table)
    rows = []
    for method in order_methods(table):
        own = table[table["method"] == method].set_index("task")
        cells = [_score_cell(own, task, best[task]) for task in order_tasks(table["task"])]
        whole = percent(average[method]) if method in average else "–"
        is_best = method in average and whole == percent(average.max())
        rows.append({"method": method, "cells": cells, "average": whole, "is_best": is_best})
    return rows


def percent(score: float) -> str:
    """A fraction as GLUE tables print it: × 100, one decimal."""
    return f"{100 * score:.1f}"


def _score_cell(own: pd.DataFrame, task: str, best: float) -> dict:
    if task not in own.index:
        return {"text": "–", "note": "", "is_best": False}
    row = own.loc[task]
    if not np.isfinite(row["mean"]):
        return {"text": "", "note": row["state"], "is_best": False}
    spread = "" if np.isnan(row["standard_deviation"]) else f"± {percent(row['standard_deviation'])}"
    text = percent(row["mean"])
    return {"text": text, "note": spread, "is_best": text == percent(best), "seeds": int(row["seeds"])}


def _parameter_rows(table: pd.DataFrame) -> list[dict]:
    if table.empty:
        return []
    average = glue_average(table)
    return [
        {
            "method": method,
            "trainable": row["trainable_parameters"],
            "share": f"{100 * row['trainable_parameters'] / row['total_parameters']:.3g} %"
            if row["total_parameters"] > 0
            else "–",
            "average": percent(average[method]) if method in average else "–",
        }
        for method, row in method_parameters(table).iterrows()
    ]


def _device_rows(frame: pd.DataFrame) -> list[dict]:
    groups = frame.groupby("device") if len(frame) else []
    return [
        {"device": device or "unknown", "trials": len(group), "seconds": float(group["wall_seconds"].sum())}
        for device, group in groups
    ]


def _failure_rows(frame: pd.DataFrame) -> list[dict]:
    return frame[frame["state"] != "done"].to_dict("records")


def _breakable(method: str) -> Markup:
    """The method's name, which may wrap after a colon or a comma."""
    return Markup("<wbr>").join(re.split(r"(?<=[:,])", method))


def _metric(table: pd.DataFrame, task: str) -> str:
    metrics = table.loc[(table["task"] == task) & (table["metric"] != ""), "metric"]
    return metric_label(str(metrics.iloc[0])) if len(metrics) else ""


def _embed(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")
