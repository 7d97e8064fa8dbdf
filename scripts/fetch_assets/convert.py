"""Writes the tensors of a file of torch.save as safetensors (https://github.com/huggingface/safetensors, Format)."""

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from .errors import WrongAssetError
from .torch_file import TorchFile, open_torch_file
from .torch_pickle import ITEM_BYTES, RefusedError, Tensor

FORMATS = {1: "B", 2: "H", 4: "I", 8: "Q"}  # of memoryview, by bytes of an item: bits are copied, never read as numbers
MOST_COPIES = 4  # bytes written over bytes read: tensors that share a storage are written once each


def convert(source: Path, destination: Path) -> None:
    """Write `destination` with the tensors of `source`, under their names and with their types; runs no code of it."""
    try:
        write_safetensors(open_torch_file(source), destination)
    except RefusedError as error:
        raise WrongAssetError(f"{source}: {error}") from error


def write_safetensors(file: TorchFile, destination: Path) -> None:
    """Write the tensors, those of large items first, so that each begins at a multiple of its item's size."""
    if sum(t.size for t in file.tensors.values()) > MOST_COPIES * sum(map(len, file.bytes_of.values())):
        raise RefusedError("refused: its tensors share their storages many times over")
    tensors = sorted(file.tensors.items(), key=lambda item: -ITEM_BYTES[item[1].storage.dtype])
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, tensor in tensors:
        if name in header or not name.isprintable():
            raise RefusedError(f"refused: {name!r:.200} is no name of a tensor")
        begin, end = end, end + tensor.size
        header[name] = {"dtype": tensor.storage.dtype, "shape": tensor.shape, "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with destination.open("wb") as output:
        output.write(len(text).to_bytes(8, "little") + text)
        for _, tensor in tensors:
            output.writelines(pieces(tensor, file.bytes_of[tensor.storage.key]))


def pieces(tensor: Tensor, storage: memoryview) -> Iterator[memoryview | bytes]:
    """Return the tensor's bytes in row-major order, in pieces."""
    if tensor.count == 0:
        return
    item = ITEM_BYTES[tensor.storage.dtype]
    axes = merge_axes(tensor)
    *outer, (length, stride) = axes
    items = storage.cast(FORMATS[item])
    for index in product(*(range(n) for n, _ in outer)):
        begin = tensor.offset + sum(i * step for i, (_, step) in zip(index, outer, strict=True))
        if stride == 1:
            yield storage[begin * item : (begin + length) * item]
        elif stride == 0:
            yield items[begin : begin + 1].tobytes() * length
        else:
            yield items[begin : begin + (length - 1) * stride + 1 : stride].tobytes()


def merge_axes(tensor: Tensor) -> list[tuple[int, int]]:
    """Return (length, stride) of the axes, with those made one that lie without a gap; a contiguous tensor has one."""
    axes: list[tuple[int, int]] = [(1, 1)]
    for length, stride in zip(reversed(tensor.shape), reversed(tensor.strides), strict=True):
        inner_length, inner_stride = axes[0]
        if length == 1:
            continue
        if inner_length == 1:
            axes[0] = (length, stride)
        elif stride == inner_length * inner_stride:
            axes[0] = (length * inner_length, inner_stride)
        else:
            axes.insert(0, (length, stride))
    return axes
