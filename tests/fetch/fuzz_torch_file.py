"""Damages a file of torch.save at random and converts it, 3000 times, with 500 MB of memory: each time it is read or
refused, and no code is run. With SECONDS it goes on until they are over.

    python fuzz_torch_file.py FILE FOLDER [SECONDS]

Prints how many were refused and how many were read.
"""

import codecs
import random
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "scripts"))
from fetch_assets.convert import convert  # noqa: E402
from fetch_assets.errors import WrongAssetError  # noqa: E402

RUNS_CODE = ("exec", "compile", "import", "pickle.find_class", "os.", "subprocess.", "socket.", "ctypes.", "code.")
NAMES = [b"cos\nsystem\n", b"cbuiltins\neval\n", b"\x93", b"R", b"\x81", b"o", b"\x82\x01", b"b", b"\xff" * 8]


def damage(content: bytes, draw: random.Random) -> bytes:
    """Cut, change, repeat or insert bytes, most often among those of the pickle."""
    damaged = bytearray(content)
    for _ in range(draw.randint(1, 4)):
        place = draw.randrange(min(len(damaged), draw.choice([400, 3000, 1 << 30])) or 1)
        match draw.randrange(5):
            case 0:
                del damaged[place:]
            case 1:
                damaged[place : place + 1] = draw.randbytes(1)
            case 2:
                damaged[place:place] = draw.choice(NAMES)
            case 3:
                damaged[place : place + 8] = draw.choice(NAMES)
            case 4:
                start = draw.randrange(len(damaged) or 1)
                damaged[place:place] = damaged[start : start + draw.randrange(200)]
    return bytes(damaged)


def refuse_code(event: str, arguments: tuple) -> None:
    """End the process if Python is about to run code, start a process or change a file by name."""
    if event.startswith(RUNS_CODE) and event != "os.putenv":
        raise SystemExit(f"ran code: {event} {arguments[:1]}")


def main() -> None:
    """Convert damaged files until the count is reached."""
    source, folder = map(Path, sys.argv[1:3])
    seconds = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    content, target = source.read_bytes(), folder / "weights.bin"
    target.write_bytes(content)
    convert(target, folder / "weights.safetensors")  # so that all modules are there
    for encoding in ("cp437", "raw_unicode_escape"):  # which Python imports at their first use
        codecs.lookup(encoding)
    resource.setrlimit(resource.RLIMIT_AS, (500 << 20, 500 << 20))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds + 60, seconds + 60))
    sys.addaudithook(refuse_code)
    draw = random.Random(1)
    refused = read = 0
    end = time.monotonic() + seconds
    while refused + read < 3000 or time.monotonic() < end:
        target.write_bytes(damage(content, draw))
        try:
            convert(target, folder / "weights.safetensors")
            read += 1
        except WrongAssetError:
            refused += 1
    print(refused, read)


if __name__ == "__main__":
    main()
