"""The reader of pytorch_model.bin: every tensor as torch wrote it, and nothing else."""

import pickle
import struct
import subprocess
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
from conftest import GOLDEN, ROOT, tensors_of, zip_of

sys.path.insert(0, str(ROOT / "scripts"))
from fetch_assets.convert import convert  # noqa: E402
from fetch_assets.errors import WrongAssetError  # noqa: E402

GLOBAL, MARK, REDUCE = b"c%s\n%s\n", b"(", b"R"
FLOATS = b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04"  # key, device and count of a storage of four items
STORAGE = b"(X\x07\x00\x00\x00storage" + GLOBAL % (b"torch", b"FloatStorage") + FLOATS + b"tQ"
REBUILD = GLOBAL % (b"torch._utils", b"_rebuild_tensor_v2")


def tensor(offset=b"K\x00", shape=b"K\x04\x85", strides=b"K\x01\x85", storage=STORAGE):
    """Return the instructions that make a tensor of four items."""
    return REBUILD + MARK + storage + offset + shape + strides + b"\x89)t" + REDUCE


def state(value, name=b"a"):
    return b"\x80\x02}X" + struct.pack("<I", len(name)) + name + value + b"s."


def archive(instructions, **members):
    content = {"a/data.pkl": instructions, "a/data/0": bytes(16), "a/byteorder": b"little"} | members
    return zip_of({name: data for name, data in content.items() if data is not None})


@pytest.fixture
def converted(tmp_path):
    """Return a function from the content of a file of torch.save to the safetensors made of it."""

    def run(content):
        (tmp_path / "weights.bin").write_bytes(content)
        convert(tmp_path / "weights.bin", tmp_path / "weights.safetensors")
        return (tmp_path / "weights.safetensors").read_bytes()

    return run


@pytest.fixture
def refusal(converted):
    """Return a function from the content of a file to the message that refuses it."""

    def run(content):
        with pytest.raises(WrongAssetError) as error:
            converted(content)
        return str(error.value)

    return run


@pytest.mark.parametrize(
    ("file", "expected"),
    [("zip", "expected.safetensors"), ("sequence", "expected.safetensors"), ("model", "model.safetensors")],
)
def test_tensors_are_those_that_torch_wrote(converted, file, expected):
    tensors = tensors_of(converted((GOLDEN / f"{file}.bin").read_bytes()))

    assert tensors == tensors_of((GOLDEN / expected).read_bytes())


def test_each_tensor_begins_at_a_multiple_of_its_items(converted):
    content = converted((GOLDEN / "zip.bin").read_bytes())

    header = __import__("json").loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    sizes = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "F16": 2, "BF16": 2, "I16": 2}
    entries = [entry for name, entry in header.items() if name != "__metadata__"]
    assert all(entry["data_offsets"][0] % sizes.get(entry["dtype"], 1) == 0 for entry in entries)
    assert int.from_bytes(content[:8], "little") % 8 == 0


def test_a_tensor_by_hand(converted):
    content = archive(state(tensor()), **{"a/data/0": struct.pack("<4f", 1, 2, 3, 4)})

    assert tensors_of(converted(content)) == {"a": ("F32", [4], struct.pack("<4f", 1, 2, 3, 4))}


class Call:
    """Pickles as a call of a function."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("function", [exec, eval, __import__, open, getattr, subprocess.Popen, struct.unpack])
def test_no_function_is_called(refusal, tmp_path, function, protocol):
    trap = tmp_path / "trap"
    calls = {exec: f"open({str(trap)!r}, 'w')", eval: f"open({str(trap)!r}, 'w')", open: str(trap)}
    value = Call(function, calls.get(function, "touch"), *(["w"] if function is open else []))

    message = refusal(archive(pickle.dumps(OrderedDict(a=value), protocol)))

    assert "refused: its pickle names" in message or "refused: the instruction" in message
    assert not trap.exists()


@pytest.mark.parametrize(
    "instructions",
    [
        b"(cos\nsystem\nX\x02\x00\x00\x00lso.",  # OBJ
        b"(X\x02\x00\x00\x00lsios\nsystem\n.",  # INST
        b"cos\nsystem\n)\x81.",  # NEWOBJ
        b"\x80\x04\x8c\x02os\x8c\x06system\x93.",  # STACK_GLOBAL
        b"\x82\x01.",  # EXT1
        b"Pstorage\n.",  # PERSID
        GLOBAL % (b"torch.storage", b"UntypedStorage") + b".",
        GLOBAL % (b"torch._utils", b"_rebuild_tensor_v3") + b".",
        GLOBAL % (b"torch._utils", b"_rebuild_qtensor") + b".",
        GLOBAL % (b"torch", b"QInt8Storage") + b".",
        GLOBAL % (b"collections", b"defaultdict") + b".",
    ],
)
def test_other_instructions_and_names_are_refused_by_name(refusal, instructions):
    message = refusal(archive(instructions))

    assert "refused: its pickle names" in message or "refused: the instruction" in message


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (tensor(offset=b"K\x01"), "reaches beyond its storage of 4 items"),
        (tensor(shape=b"K\x05\x85"), "reaches beyond"),
        (tensor(strides=b"K\x02\x85"), "reaches beyond"),
        (tensor(strides=b"J\xff\xff\xff\xff\x85"), "negative or too large"),
        (tensor(offset=b"J\xff\xff\xff\xff"), "negative or too large"),
        (tensor(shape=b"\x8a\x09" + b"\xff" * 8 + b"\x00\x85"), "negative or too large"),
        (tensor(shape=b"(" + b"K\x01" * 4000 + b"t", strides=b"(" + b"K\x01" * 4000 + b"t"), "4000 dimensions"),
        (tensor(shape=b"J\xff\xff\xff\x7f\x85", strides=b"K\x00\x85"), "reaches beyond"),
        (tensor(strides=b"K\x01K\x01\x86"), "1 dimensions with 2 strides"),
        (tensor(storage=b"N"), "a NoneType in the place of a Storage"),
        (b"K\x07", "'a' is a int, not a tensor"),
        (b"]", "'a' is a list, not a tensor"),
        (GLOBAL % (b"torch", b"FloatStorage"), "'a' is a str, not a tensor"),
        (REBUILD + b")R", "its pickle is not valid"),
        (GLOBAL % (b"torch", b"FloatStorage") + b")R", "calls what is no function"),
        (b"N0" * 10, "refused: the instruction POP"),
        (b"tttt", "its pickle is not valid"),
        (b"(" + b")\x85" + b"2\x86" * 90 + b"K\x01u", "refused: the instruction DUP"),
    ],
)
def test_what_is_no_sound_tensor_is_refused(refusal, value, message):
    assert message in refusal(archive(state(value)))


def test_keys_that_take_for_ever_to_hash_are_refused(refusal):
    nested = b")" + b"".join(b"q%ch%c\x86" % (i, i) for i in range(1, 100))

    assert "a tuple in the place of a str" in refusal(archive(b"}" + nested + b"K\x01s."))


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"a/data/0": None}, "it has no 'a/data/0'"),
        ({"a/data/0": bytes(15)}, "storage '0' has 15 bytes instead of 16"),
        ({"a/byteorder": b"big"}, "big-endian"),
        ({"b/data.pkl": b"."}, "none of torch.save, which has one data.pkl"),
        ({"a/data.pkl": None}, "none of torch.save"),
        ({"a/data.pkl": b""}, "its pickle is not valid"),
        ({"a/data.pkl": b"]."}, "it holds a list, not a dict of tensors"),
        ({"a/data.pkl": b"}" * (2 << 20) + b"."}, "or longer than 1,048,576 bytes"),
    ],
)
def test_an_archive_that_is_not_whole_is_refused(refusal, members, message):
    assert message in refusal(archive(state(tensor()), **members))


def test_a_damaged_storage_is_refused(refusal):
    content = (GOLDEN / "zip.bin").read_bytes()
    with zipfile.ZipFile(GOLDEN / "zip.bin") as whole:
        start = whole.getinfo("zip/data/0").header_offset + 200

    assert "checksum" in refusal(content[:start] + b"?" + content[start + 1 :])


def test_compressed_members_are_refused(refusal, tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("a/data.pkl", bytes(100_000_000))

    assert "compressed" in refusal((tmp_path / "bomb").read_bytes())


def test_tensors_that_multiply_a_storage_are_refused(refusal):
    one = tensor()
    many = b"}(" + b"".join(b"X\x03\x00\x00\x00%03d" % i + one for i in range(100)) + b"u."

    assert "share their storages many times over" in refusal(archive(many))


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x03\x04", b"\x80\x02.", b"\x93NUMPY", bytes(1000)])
def test_another_file_is_refused(refusal, content):
    assert "weights.bin: " in refusal(content)


@pytest.mark.parametrize("file", ["zip.bin", "sequence.bin"])
def test_random_damage_ends_in_an_error_and_runs_no_code(file, tmp_path):
    fuzz = [sys.executable, Path(__file__).parent / "fuzz_torch_file.py", GOLDEN / file, tmp_path]

    result = subprocess.run(fuzz, capture_output=True, text=True, timeout=100)

    assert result.returncode == 0, result.stdout + result.stderr
    refused, read = map(int, result.stdout.split())
    assert refused > 1000
    assert refused + read == 3000
