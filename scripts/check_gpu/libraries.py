"""The shared libraries that programs need, and which of them another machine has."""

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from .errors import CheckFailed, PackError

# Part of every Linux with a C++ compiler. They must be the machine's own: its other libraries need them too, and the
# bundle is built against older ones.
OF_THE_SYSTEM = re.compile(
    r"(linux-vdso|ld-linux-x86-64|libc|libm|libdl|librt|libpthread|libutil|libresolv|libanl|libstdc\+\+|libgcc_s"
    r"|libgomp)\.so"
)
# LibTorch and what comes with its wheel.
OF_LIBTORCH = re.compile(
    r"lib(torch|c10|caffe2|shm|cuda|cublas|cupti|cudnn|cufft|cufile|curand|cusolver|cusparse|nvrtc|nvJitLink"
    r"|nvToolsExt|nvshmem|nccl)\w*(-[\w.]+)?\.so"
)
LINE = re.compile(r"^\s*(\S+)(?: => (not found|\S+))?(?: \(0x[0-9a-f]+\))?$", re.MULTILINE)


def needed_libraries(program: Path, environment: dict[str, str] | None = None) -> dict[str, Path | None]:
    """Return the libraries that the loader finds for a program, by name; None for those that it does not find."""
    result = subprocess.run(["ldd", program], env=environment, capture_output=True, text=True)
    if result.returncode != 0:
        said = result.stderr.strip() or result.stdout.strip() or "ldd fails"
        raise CheckFailed(f"{program.name}: {said.splitlines()[-1].strip()}")
    found: dict[str, Path | None] = {}
    for name, place in LINE.findall(result.stdout):
        found[Path(name).name] = None if place == "not found" else Path(place or name)
    return found


def libraries_to_carry(programs: Iterable[Path]) -> dict[str, Path]:
    """Return the libraries of the programs that a machine with LibTorch may lack, by name."""
    carried: dict[str, Path] = {}
    for program in programs:
        for name, path in needed_libraries(program).items():
            if OF_THE_SYSTEM.match(name) or OF_LIBTORCH.match(name):
                continue
            if path is None:
                raise PackError(f"{program} needs {name}, which is not on this machine")
            carried[name] = path.resolve()
    return carried


def open_mpi_folders() -> dict[str, Path]:
    """Return the folders that Open MPI reads at run time, by their path below its prefix, which OPAL_PREFIX moves."""
    names = ("prefix", "pkglibdir", "pkgdatadir")
    command = ["ompi_info", "--parsable", *(word for name in names for word in ("--path", name))]
    try:
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise PackError(f"ompi_info, which knows where Open MPI's plugins are, does not work here: {error}") from None
    paths = dict(re.findall(r"^path:(\w+):(.+)$", output, re.MULTILINE))
    prefix = Path(paths["prefix"])
    return {str(Path(paths[name]).relative_to(prefix)): Path(paths[name]) for name in names[1:]}
