"""The files that a report is written to."""

from pathlib import Path

from tunescope_analysis.page import render_page
from tunescope_analysis.report import Report


def write_report(report: Report, folder: Path) -> list[Path]:
    """Write the page and its companions into `folder`; returns the paths in order, `report.html` last."""
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / "scores.csv"]
    report.scores.to_csv(written[0], index=False)
    if report.scores_png:
        written.append(_save(report.scores_png, folder / "scores.png"))
    if report.change is not None:
        written.append(folder / "change.csv")
        report.change.to_csv(written[-1], index=False)
    written += [_save(part.png, folder / f"change_{part.measure}.png") for part in report.change_sections]
    written.append(folder / "report.html")
    written[-1].write_text(render_page(report), encoding="utf-8")
    return written


def _save(png: bytes, path: Path) -> Path:
    path.write_bytes(png)
    return path
