"""One group of an HDF5 file as a labelled dataset, of which only what is indexed is read.

xarray's own engine for HDF5 asks for the path of every dimension, for which HDF5 searches the file. That
takes half a minute if the file holds the predictions of 10,000 trials. Here a dimension is known by its
address.
"""

from typing import Any, Self

import h5py
import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

BOOKKEEPING = {"CLASS", "NAME", "DIMENSION_LABELS", "DIMENSION_LIST", "REFERENCE_LIST"}


class StoredArray(BackendArray):
    """An HDF5 dataset behind xarray's lazy indexing; text comes as `str`."""

    def __init__(self, dataset: h5py.Dataset) -> None:
        """Keep the dataset; nothing is read."""
        is_text = h5py.check_string_dtype(dataset.dtype) is not None
        self.source = dataset.asstr(errors="replace") if is_text else dataset
        self.shape = dataset.shape
        self.dtype = np.dtype(object) if is_text else dataset.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:  # noqa: ANN401
        """What the key selects, read now."""
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER_1VECTOR, self._read
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Copies share the dataset, which is only read."""
        return self

    def _read(self, key: tuple[Any, ...]) -> np.ndarray:
        return np.asarray(self.source[key])


def open_group(group: h5py.Group) -> xr.Dataset:
    """The datasets of a group as lazy variables; its dimension scales are coordinates, which are read.

    Columns stay in memory once they were read as a whole; arrays of more dimensions do not.
    """
    datasets = {name: item for name, item in group.items() if isinstance(item, h5py.Dataset)}
    scales = {_address(item): name for name, item in datasets.items() if item.is_scale}
    variables, coordinates = {}, {}
    for name, item in datasets.items():
        if item.is_scale:
            coordinates[name] = (name, StoredArray(item)[indexing.BasicIndexer((slice(None),))])
            continue
        names = tuple(_dimension(item, axis, scales) for axis in range(item.ndim))
        array = indexing.LazilyIndexedArray(StoredArray(item))
        cached = indexing.MemoryCachedArray(array) if item.ndim == 1 else array  # type: ignore[no-untyped-call]
        variables[name] = xr.Variable(names, cached, _attributes(item))
    return xr.Dataset(variables, coordinates, _attributes(group))


def _attributes(item: h5py.Group | h5py.Dataset) -> dict[str, Any]:
    """The attributes that are not HDF5's own bookkeeping of dimensions."""
    return {name: value for name, value in item.attrs.items() if name not in BOOKKEEPING}


def _dimension(dataset: h5py.Dataset, axis: int, scales: dict[int, str]) -> str:
    attached = dataset.dims[axis]
    if not len(attached):
        raise ValueError(f"axis {axis} of {dataset.name} has no dimension scale")
    return scales[_address(attached[0])]


def _address(dataset: h5py.Dataset) -> int:
    return int(h5py.h5o.get_info(dataset.id).addr)
