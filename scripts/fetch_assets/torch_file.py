"""Opens a file of torch.save: a zip archive with an uncompressed member for each storage, or the older format, in which
pickles and storages follow each other. Sources: torch/serialization.py; torch's caffe2/serialize/inline_container.h."""

import mmap
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path

from .torch_pickle import Machine, RefusedError, Storage, Tensor

ZIP_START = b"PK\x03\x04"
MAGIC = 0x1950A86A20F9469CFC6C  # the first object of the older format
PROTOCOL = 1001
LOCAL_HEADER_BYTES = 30


@dataclass(frozen=True)
class TorchFile:
    """The tensors of a state dict, and the bytes of each storage by its key."""

    tensors: dict[str, Tensor]
    bytes_of: dict[str, memoryview]


def open_torch_file(path: Path) -> TorchFile:
    """Map a file into memory and read its pickles. Raises `RefusedError`."""
    with path.open("rb") as file:
        try:
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except ValueError as error:  # mmap's of an empty file
            raise RefusedError("damaged: the file is empty") from error
    read = read_zip if data[:4] == ZIP_START else read_sequence
    state, bytes_of = read(path, data)
    if not isinstance(state, dict):
        raise RefusedError(f"refused: it holds a {type(state).__name__}, not a dict of tensors")
    for name, value in state.items():
        if not isinstance(value, Tensor):
            raise RefusedError(f"refused: {name!r:.200} is a {type(value).__name__}, not a tensor")
    return TorchFile(state, bytes_of)


def read_zip(path: Path, data: memoryview) -> tuple[object, dict[str, memoryview]]:
    """Read the format since torch 1.6."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = {member.filename: member for member in archive.infolist()}
            if any(member.compress_type != zipfile.ZIP_STORED for member in members.values()):
                raise RefusedError("refused: its members are compressed, which torch.save never does")
            if sum(member.file_size for member in members.values()) > len(data):
                raise RefusedError("damaged: its members are larger than the file")
            if wrong := archive.testzip():
                raise RefusedError(f"damaged: the checksum of {wrong!r:.200} is wrong")
    except (zipfile.BadZipFile, RuntimeError, ValueError, OSError, EOFError, struct.error) as error:
        raise RefusedError(f"damaged: no valid zip archive ({error!r:.200})") from error
    pickles = [name for name in members if name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise RefusedError("refused: a zip archive, but none of torch.save, which has one data.pkl")
    folder = pickles[0].removesuffix("data.pkl")

    def content(name: str) -> memoryview:
        if name not in members:
            raise RefusedError(f"damaged: it has no {name!r:.200}")
        start = members[name].header_offset
        name_bytes, extra_bytes = struct.unpack_from("<HH", data, start + LOCAL_HEADER_BYTES - 4)
        start += LOCAL_HEADER_BYTES + name_bytes + extra_bytes
        return data[start : start + members[name].file_size]

    if folder + "byteorder" in members and bytes(content(folder + "byteorder")) != b"little":
        raise RefusedError("refused: its numbers are big-endian")
    machine = Machine()
    state, _ = machine.run(content(pickles[0]))
    return state, {key: whole_of(content(f"{folder}data/{key}"), storage) for key, storage in machine.storages.items()}


def read_sequence(path: Path, data: memoryview) -> tuple[object, dict[str, memoryview]]:
    """Read the older format: magic number, version, system, state dict, keys; then count and items of each storage."""
    position = 0

    def next_object() -> tuple[object, Machine]:
        nonlocal position
        machine = Machine()
        value, size = machine.run(data[position:])
        position += size
        return value, machine

    try:
        is_torch = next_object()[0] == MAGIC
    except RefusedError:
        is_torch = False
    if not is_torch:
        raise RefusedError("refused: neither a zip archive nor the older format of torch.save")
    version = next_object()[0]
    system = next_object()[0]
    if version != PROTOCOL or not isinstance(system, dict) or system.get("little_endian") is not True:
        raise RefusedError("refused: another version of torch.save's older format, or big-endian numbers")
    state, machine = next_object()
    keys = next_object()[0]
    if not isinstance(keys, list) or keys != sorted(machine.storages):
        raise RefusedError("damaged: the list of its storages is not that of its tensors")
    bytes_of = {}
    for key in keys:
        storage = machine.storages[key]
        if int.from_bytes(data[position : position + 8], "little") != storage.count:
            raise RefusedError(f"damaged: storage {key!r:.80} has another length than its tensors say")
        begin, position = position + 8, position + 8 + storage.size
        bytes_of[key] = whole_of(data[begin:position], storage)
    return state, bytes_of


def whole_of(content: memoryview, storage: Storage) -> memoryview:
    """Return the bytes of a storage, refusing another number than it must have."""
    if len(content) != storage.size:
        raise RefusedError(f"damaged: storage {storage.key!r:.80} has {len(content)} bytes instead of {storage.size}")
    return content
