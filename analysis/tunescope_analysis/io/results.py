"""Opening a result file: the only module that knows the HDF5 layout's version and group names."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
import xarray as xr

from tunescope_analysis.io.lazy_group import open_group
from tunescope_analysis.io.roles import component_of, name_by_role
from tunescope_analysis.io.screening import mark_screened_out
from tunescope_analysis.io.selection import with_selection
from tunescope_analysis.io.vocabulary import FRESH_LAYER

NEWEST_SCHEMA = 9
WITH_ARCHITECTURE = 4  # the schema version from which on a file names it; before, there was BERT alone
WRITTEN_BY = "`tunescope merge JOB` writes results/NAME/NAME.h5"
TRIAL_COLUMNS = (
    "id", "task", "method", "learning_rate", "seed", "state", "metric", "score",
    "trainable_parameters", "total_parameters", "wall_seconds", "device", "rank", "hostname", "error",
)  # fmt: skip


class ResultsError(ValueError):
    """The file cannot be used: missing, not HDF5, not Tunescope's, or of a newer schema."""


@dataclass(frozen=True)
class Attributes:
    """The root attributes; `created` is ISO 8601 UTC, `is_complete` says whether the sweep had finished."""

    schema_version: int
    tunescope_version: str
    git_commit: str
    architecture: str  # such as BERT; empty if nobody knows
    inputs: str  # a line per model, tokenizer and task: name and SHA-256 of the content
    drawn_anew: (
        str  # tensors that the model's file lacks and each trial drew from its seed, blanks between them
    )
    job: str
    created: str
    is_complete: bool


@dataclass(frozen=True)
class Results:
    """One open result file. Use it as a context manager, or call `close`."""

    path: Path
    attributes: Attributes
    groups: tuple[str, ...]
    _file: h5py.File = field(repr=False, compare=False)
    _opened: dict[str, xr.Dataset] = field(default_factory=dict, repr=False, compare=False)

    @property
    def name(self) -> str:
        """The file's name, for readers."""
        return readable(self.path.name)

    def dataset(self, group: str) -> xr.Dataset:
        """The group as a labelled dataset, opened at first use and read lazily; `ResultsError` if absent.

        Components of maps have BERT's names in every architecture (`roles.name_by_role`).
        """
        if group.split("/")[0] not in self.groups:
            raise ResultsError(f"{self.path}: no group /{group}; the file has {', '.join(self.groups)}")
        if group not in self._opened:
            try:
                self._opened[group] = name_by_role(open_group(self._file[group]))
            except (OSError, KeyError, ValueError) as error:
                raise ResultsError(f"{self.path}: cannot read group /{group}: {error}") from error
        return self._opened[group]

    @cached_property
    def trials(self) -> xr.Dataset:
        """One entry per trial: `[trial]` columns such as task, method, score (a fraction), wall_seconds.

        `is_screened_out` says of which trials screening has not chosen the learning rate.
        """
        return mark_screened_out(with_selection(self.dataset("trials")), self.screening)

    @property
    def screening(self) -> xr.Dataset | None:
        """One entry per learning rate that was screened: `[rate]` columns; None if none was."""
        return self.dataset("screening") if "screening" in self.groups else None

    @property
    def scores(self) -> xr.Dataset:
        """Every metric of every trial: `best`, `final` `[trial, metric]`, NaN if it does not apply."""
        return self.dataset("scores")

    @property
    def change(self) -> xr.Dataset:
        """How far each tensor moved: `mean_abs` and others `[trial, layer, component]`, `size` in scalars."""
        change = self.dataset("change")
        if "size" not in change:
            raise ResultsError(f"{self.path}: /change lacks size")
        return change

    @property
    def evaluations(self) -> xr.Dataset:
        """Every evaluation on the dev set: `[row]` columns; `trial` is an index into `trials`."""
        return self.dataset("evaluations")

    @property
    def history(self) -> xr.Dataset:
        """The training log: `[row]` columns trial, step, loss, learning_rate, gradient_norm."""
        return self.dataset("history")

    def predictions(self, trial_id: str) -> xr.Dataset:
        """Dev-set `logits` `[example, class]` and `label` `[example]`, float32, of one trial."""
        return self.dataset(f"predictions/{trial_id}")

    @property
    def fisher(self) -> xr.Dataset:
        """Maps `mean`, `sum`, `max`, `share` `[run, layer, component]`, `size`, and `[run]` columns."""
        fisher = self.dataset("fisher")
        if "size" not in fisher:
            raise ResultsError(f"{self.path}: /fisher lacks size")
        return fisher

    def fisher_parameters(self, run_id: str) -> xr.Dataset:
        """F of every scalar that a Fisher run kept: a variable per tensor, float32 in its shape."""
        return self.dataset(f"fisher_parameters/{run_id}")

    def fisher_scalars(self, run_ids: list[str], is_wanted: Callable[[str], bool]) -> np.ndarray:
        """F of the wanted tensors that all these runs kept, `[run, scalar]` float32, tensor by tensor.

        Read directly: opening thousands of tensors as labelled variables would take minutes.
        """
        groups = [self._file[f"fisher_parameters/{run_id}"] for run_id in run_ids]
        shared = set.intersection(*(set(group) for group in groups))
        names = sorted(name for name in shared if is_wanted(name))
        if not names:
            return np.empty((len(groups), 0), np.float32)
        return np.array([np.concatenate([group[name][...].ravel() for name in names]) for group in groups])

    def fisher_mask(self, mask_id: str) -> xr.Dataset:
        """A mask: names `tensor`, `count` `[tensor]`; `index` `[row]`, flat indices, tensor by tensor."""
        return self.dataset(f"fisher_masks/{mask_id}")

    @cached_property
    def component_names(self) -> dict[tuple[str, str], str]:
        """The component of `change` that a tensor of the model is in, by its layer and its own name there."""
        maps = open_group(self._file["change"])
        layers, components = maps["layer"].values, maps["component"].values
        roles = maps["role"].values if "role" in maps else np.full((len(layers), len(components)), "")
        return {
            (str(layer), str(name)): component_of(role, str(name), str(layer))
            for layer, row in zip(layers, roles, strict=True)
            for name, role in zip(components, row, strict=True)
            if role
        }

    def members(self, group: str) -> tuple[str, ...]:
        """Names of the groups inside a group; none if it is absent."""
        parent = self._file.get(group)
        if not isinstance(parent, h5py.Group):
            return ()
        return tuple(name for name in parent if parent.get(name, getclass=True) is h5py.Group)

    def close(self) -> None:
        """Close the file; what was not read cannot be read any more."""
        self._opened.clear()
        self._file.close()

    def __enter__(self) -> Self:
        """Return the open file itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()


def open_results(path: str | Path) -> Results:
    """Open a merged Tunescope file; raises `ResultsError` with one line that says what is wrong."""
    path = Path(path)
    if not path.exists():
        raise ResultsError(f"{path}: no such file; {WRITTEN_BY}")
    if path.is_dir():
        raise ResultsError(f"{path}: is a folder; {WRITTEN_BY}")
    if not _is_hdf5(path):
        raise ResultsError(f"{path}: not an HDF5 file; {WRITTEN_BY}")
    try:
        file = _open_for_reading(path)
    except OSError as error:
        raise ResultsError(f"{path}: cannot be opened as HDF5, is it whole? {WRITTEN_BY}: {error}") from error
    try:
        attributes = _read_attributes(file, path)
        _check_trials(file, path)
        groups = tuple(name for name in file if file.get(name, getclass=True) is h5py.Group)
    except (OSError, ResultsError) as error:
        file.close()
        if isinstance(error, ResultsError):
            raise
        raise ResultsError(f"{path}: cannot be read as HDF5: {error}") from error
    return Results(path, attributes, groups, file)


def _open_for_reading(path: Path) -> h5py.File:
    """Open as h5py does, so that a notebook may open it as well; without a lock if none is granted."""
    try:
        return h5py.File(path, "r")
    except OSError:
        return h5py.File(path, "r", locking=False)


def readable(text: str) -> str:
    """The text with a mark for each byte that is no UTF-8: Python keeps them, but nobody can print them."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def head_size(results: Results) -> float:
    """Scalars of the head, which every method trains, from whichever maps the file has; NaN without any."""
    for group in ("change", "fisher"):
        if group in results.groups:
            size = results.dataset(group)["size"]
            return float(size.sel(layer=size["layer"] == FRESH_LAYER).sum())
    return float("nan")


def _is_hdf5(path: Path) -> bool:
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise ResultsError(f"{path}: cannot be read: {error.strerror}") from error
    return bool(h5py.is_hdf5(path))


def _read_attributes(file: h5py.File, path: Path) -> Attributes:
    if "schema_version" not in file.attrs or "trials" not in file:
        raise ResultsError(
            f"{path}: HDF5, but not a Tunescope result (no schema_version or /trials); {WRITTEN_BY}"
        )
    version = int(_scalar(file.attrs["schema_version"]))
    if version > NEWEST_SCHEMA:
        raise ResultsError(
            f"{path}: schema version {version} is newer than {NEWEST_SCHEMA}, the newest known here; "
            "update tunescope-analysis"
        )
    return Attributes(
        schema_version=version,
        tunescope_version=_text(file, "tunescope_version"),
        git_commit=_text(file, "git_commit"),
        architecture=_text(file, "architecture") or ("BERT" if version < WITH_ARCHITECTURE else ""),
        inputs=_text(file, "inputs"),
        drawn_anew=_text(file, "drawn_anew"),
        job=_text(file, "job"),
        created=_text(file, "created"),
        is_complete=bool(_scalar(file.attrs.get("complete", 0))),
    )


def _check_trials(file: h5py.File, path: Path) -> None:
    missing = [name for name in TRIAL_COLUMNS if name not in file["trials"]]
    if missing:
        raise ResultsError(f"{path}: /trials lacks {', '.join(missing)}")


def _scalar(value: object) -> Any:  # noqa: ANN401
    """An attribute's single value: some writers store scalars as arrays of one."""
    return np.asarray(value).reshape(-1)[0]


def _text(file: h5py.File, name: str) -> str:
    value = _scalar(file.attrs.get(name, ""))
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else readable(str(value))
