"""Writes data files of other formats as JSON lines, which a task of a job's own may name."""

import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from .adv_glue import tables_of
from .errors import WrongAssetError

Row = dict[str, Any]


def convert(source: Path, folder: Path) -> dict[Path, int]:
    """Write the tables of a file into a folder, an object per row; return the number of rows by file.

    A Parquet file gets its own name, and of AdvGLUE's dev.json each task becomes a file.
    """
    if not source.is_file():
        raise WrongAssetError(f"{source}: no such file")
    if source.suffix == ".parquet":
        tables: dict[str, Iterable[Row]] = {source.stem: rows_of_parquet(source)}
    elif source.suffix == ".json":
        tables = dict(tables_of(source))
    else:
        raise WrongAssetError(f"{source}: is neither a .parquet file nor a .json file")
    paths = {name: folder / f"{name}.jsonl" for name in tables}
    for path in paths.values():
        if path.exists():
            raise WrongAssetError(f"{path}: is there already; remove it, or choose another folder with --to")
    folder.mkdir(parents=True, exist_ok=True)
    return {paths[name]: write_rows(rows, paths[name]) for name, rows in tables.items()}


def rows_of_parquet(source: Path) -> Iterator[Row]:
    """Read the columns of texts, numbers and truth values; others, such as images and lists, no task can name."""
    import pyarrow
    from pyarrow import parquet, types

    plain = (types.is_string, types.is_large_string, types.is_integer, types.is_floating, types.is_boolean)

    def is_plain(kind: pyarrow.DataType) -> bool:
        return is_plain(kind.value_type) if types.is_dictionary(kind) else any(test(kind) for test in plain)

    try:
        file = parquet.ParquetFile(source)
        columns = [field.name for field in file.schema_arrow if is_plain(field.type)]
        for batch in file.iter_batches(columns=columns):
            yield from batch.to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        raise WrongAssetError(f"{source}: damaged, or no Parquet file ({error})") from error


def write_rows(rows: Iterable[Row], destination: Path) -> int:
    """Write one object per line; the file appears when it is complete. Return their number."""
    partial = destination.with_name(destination.name + ".partial")
    count = 0
    try:
        with partial.open("w", encoding="utf-8", newline="\n") as output:
            for row in rows:
                line = json.dumps({name: finite(value) for name, value in row.items()}, ensure_ascii=False)
                output.write(line + "\n")
                count += 1
    except WrongAssetError:
        partial.unlink()
        raise
    partial.replace(destination)
    return count


def finite(value: object) -> object:
    """Return null for the numbers that JSON does not have."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
