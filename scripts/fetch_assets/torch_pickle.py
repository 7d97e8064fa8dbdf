"""Reads the pickles that torch.save writes for a state dict, and runs no code.

A pickle is a program for a stack machine, which can call any function of Python by name. This machine knows the
instructions that torch.save uses for tensors alone, looks no name up, and calls nothing: the few names that it admits
stand for functions of this file. Sources: CPython's Lib/pickletools.py; torch's _utils.py and serialization.py.
"""

import io
import pickletools
import struct
from dataclasses import dataclass
from math import prod

MOST_BYTES = 1 << 20  # a tensor takes some 150 bytes; what is longer is no state dict
MOST_DIMENSIONS = 16

# Storages of torch by the data types of safetensors, and how many bytes an item of each has.
STORAGES = {
    "torch.DoubleStorage": "F64",
    "torch.FloatStorage": "F32",
    "torch.HalfStorage": "F16",
    "torch.BFloat16Storage": "BF16",
    "torch.LongStorage": "I64",
    "torch.IntStorage": "I32",
    "torch.ShortStorage": "I16",
    "torch.CharStorage": "I8",
    "torch.ByteStorage": "U8",
    "torch.BoolStorage": "BOOL",
}
ITEM_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}


class RefusedError(Exception):
    """The file is damaged, or holds something else than tensors."""


@dataclass(frozen=True)
class Storage:
    """Where the items of tensors lie."""

    key: str
    dtype: str  # as safetensors calls it
    count: int  # items

    @property
    def size(self) -> int:
        """Bytes."""
        return self.count * ITEM_BYTES[self.dtype]


@dataclass(frozen=True)
class Tensor:
    """A view of a storage. Offset and strides are in items; every item lies in the storage."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def count(self) -> int:
        """Items."""
        return prod(self.shape)

    @property
    def size(self) -> int:
        """Bytes, without gaps."""
        return self.count * ITEM_BYTES[self.storage.dtype]


def ordered_dict(pairs: object = ()) -> dict[str, object]:
    """Stand for collections.OrderedDict."""
    if not isinstance(pairs, tuple | list):
        raise RefusedError("damaged: an OrderedDict is not made of pairs")
    return {text(key): value for key, value in pairs}


def rebuild_tensor(
    storage: object, offset: object, shape: object, strides: object, gradient: object, hooks: object, *rest: object
) -> Tensor:
    """Stand for torch._utils._rebuild_tensor_v2."""
    tensor = Tensor(expect(storage, Storage), whole(offset), numbers(shape), numbers(strides))
    if len(tensor.shape) != len(tensor.strides) or len(tensor.shape) > MOST_DIMENSIONS:
        raise RefusedError(f"damaged: a tensor of {len(tensor.shape)} dimensions with {len(tensor.strides)} strides")
    last = tensor.offset + sum((n - 1) * stride for n, stride in zip(tensor.shape, tensor.strides, strict=True))
    if tensor.count > tensor.storage.count or (tensor.count > 0 and last >= tensor.storage.count):
        raise RefusedError(f"damaged: a tensor reaches beyond its storage of {tensor.storage.count} items")
    return tensor


def rebuild_parameter(tensor: object, gradient: object, hooks: object) -> Tensor:
    """Stand for torch._utils._rebuild_parameter."""
    return expect(tensor, Tensor)


FUNCTIONS = {
    "collections.OrderedDict": ordered_dict,
    "torch._utils._rebuild_tensor_v2": rebuild_tensor,
    "torch._utils._rebuild_parameter": rebuild_parameter,
}


class Machine:
    """Carries out one pickle. Only text can be a key, for a tuple in a tuple ... can take forever to hash."""

    def __init__(self) -> None:
        """Start with an empty stack."""
        self.storages: dict[str, Storage] = {}
        self._stack: list[object] = []
        self._marks: list[int] = []
        self._memo: dict[int, object] = {}

    def run(self, pickle: memoryview) -> tuple[object, int]:
        """Return the object at the begin of `pickle`, and how many bytes it takes."""
        stream = io.BytesIO(pickle[:MOST_BYTES])
        try:
            for opcode, argument, _ in pickletools.genops(stream):
                if opcode.name == "STOP":
                    return self._stack.pop(), stream.tell()
                self._step(opcode.name, argument)
        except (ValueError, TypeError, IndexError, KeyError, OverflowError, struct.error) as error:
            long = f", or longer than {MOST_BYTES:,} bytes" if len(pickle) > MOST_BYTES else ""
            raise RefusedError(f"damaged: its pickle is not valid{long} ({error!r:.200})") from error
        raise RefusedError("damaged: its pickle has no end")

    def _step(self, opcode: str, argument: object) -> None:
        match opcode:
            case "PROTO":
                pass
            case "MARK":
                self._marks.append(len(self._stack))
            case "BINPUT" | "LONG_BINPUT":
                self._memo[whole(argument)] = self._stack[-1]
            case "BINGET" | "LONG_BINGET":
                self._stack.append(self._memo[whole(argument)])
            case "GLOBAL":
                self._stack.append(admit(text(argument).replace(" ", ".")))
            case "BINUNICODE" | "BININT" | "BININT1" | "BININT2" | "LONG1" | "BINFLOAT":
                self._stack.append(argument)
            case "NONE" | "NEWTRUE" | "NEWFALSE":
                self._stack.append({"NONE": None, "NEWTRUE": True, "NEWFALSE": False}[opcode])
            case "EMPTY_DICT":
                self._stack.append({})
            case "EMPTY_LIST":
                self._stack.append([])
            case "EMPTY_TUPLE" | "TUPLE1" | "TUPLE2" | "TUPLE3":
                self._stack.append(tuple(self._pop({"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}[opcode])))
            case "TUPLE":
                self._stack.append(tuple(self._pop_to_mark()))
            case "APPEND" | "APPENDS":
                items = self._pop(1) if opcode == "APPEND" else self._pop_to_mark()
                expect(self._stack[-1], list).extend(items)
            case "SETITEM" | "SETITEMS":
                items = self._pop(2) if opcode == "SETITEM" else self._pop_to_mark()
                expect(self._stack[-1], dict).update(zip(map(text, items[::2]), items[1::2], strict=True))
            case "REDUCE":
                function, arguments = self._pop(2)
                self._stack.append(call(function, expect(arguments, tuple)))
            case "BUILD":  # attributes of a dict, such as _metadata: versions of torch's modules
                self._pop(1)
                expect(self._stack[-1], dict)
            case "BINPERSID":
                self._stack.append(self._storage(*expect(self._stack.pop(), tuple)))
            case _:
                raise RefusedError(f"refused: the instruction {opcode} of its pickle is none that tensors need")

    def _pop(self, count: int) -> list[object]:
        if len(self._stack) < count:
            raise IndexError("empty stack")
        items = self._stack[len(self._stack) - count :]
        del self._stack[len(self._stack) - count :]
        return items

    def _pop_to_mark(self) -> list[object]:
        return self._pop(max(0, len(self._stack) - self._marks.pop()))

    def _storage(self, kind: object, dtype: object, key: object, device: object, count: object, view: object = None):
        if kind != "storage" or view is not None or text(dtype) not in ITEM_BYTES:
            raise RefusedError("refused: its pickle points to something else than the storage of a tensor")
        storage = Storage(text(key), dtype, whole(count))
        if self.storages.setdefault(storage.key, storage) != storage:
            raise RefusedError(f"damaged: two storages have the key {storage.key!r:.80}")
        return storage


def admit(name: str) -> object:
    """Return what stands for a name of Python: a data type's text, or a function of this file."""
    if name not in STORAGES and name not in FUNCTIONS:
        raise RefusedError(
            f"refused: its pickle names {name!r:.200}, which may be code; of weights only "
            f"{', '.join(FUNCTIONS)} and torch's storages are read. Take the model from whom you trust, as safetensors"
        )
    return STORAGES.get(name) or FUNCTIONS[name]


def call(function: object, arguments: tuple[object, ...]) -> object:
    """Call one of FUNCTIONS."""
    if not any(function is admitted for admitted in FUNCTIONS.values()):
        raise RefusedError("damaged: its pickle calls what is no function")
    return function(*arguments)


def expect(value: object, kind: type):
    """Return a value of the type that is needed here."""
    if not isinstance(value, kind):
        raise RefusedError(f"damaged: its pickle has a {type(value).__name__} in the place of a {kind.__name__}")
    return value


def text(value: object) -> str:
    """Return a value that must be text."""
    return expect(value, str)


def whole(value: object) -> int:
    """Return a value that must be a whole number from 0 to 2^63 - 1."""
    number = expect(value, int)
    if not 0 <= number < 1 << 63:
        raise RefusedError("damaged: a size or an offset of a tensor is negative or too large")
    return number


def numbers(value: object) -> tuple[int, ...]:
    """Return a value that must be a tuple of whole numbers."""
    return tuple(whole(number) for number in expect(value, tuple))
