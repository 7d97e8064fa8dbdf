"""Makes the bundle: programs of a build, what they need of this machine's libraries, golden files and scripts."""

import lzma
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from .bundle import PROGRAMS, Manifest, Program, write_manifest
from .errors import PackError
from .libraries import libraries_to_carry, open_mpi_folders

NAME = "tunescope-check-gpu"  # the folder in the archive
LARGEST_BYTES = 34_000_000
GOLDEN = (
    "model", "fisher", "train",
    "earlier_build/model", "earlier_build/glue",  # what trap_tests sweeps
)  # fmt: skip
# Of the checkout, beside the golden files. A test reads the table of kernels in CONTRIBUTING.
FILES = ("scripts/check-gpu", "scripts/check_gpu", "benchmarks/transformers_speed.py", "CONTRIBUTING.md", "LICENSE")


def build_command(build: Path, has_cuda: bool) -> str:
    """Return the commands that make the programs of a build."""
    preset = build.name
    options = "-DTUNESCOPE_TESTS=ON -DTUNESCOPE_BENCHMARKS=ON"
    options += " -DCMAKE_CUDA_ARCHITECTURES=90" if has_cuda else ""
    return f"cmake --preset {preset} {options} && cmake --build --preset {preset}"


def is_cuda_build(build: Path) -> bool:
    """Return whether a build has the CUDA backend; one that is not there would, if it has that preset's name."""
    cache = build / "CMakeCache.txt"
    if not cache.is_file():
        return build.name == "cuda"
    return re.search(r"^TUNESCOPE_CUDA:BOOL=(ON|TRUE|1)$", cache.read_text(encoding="utf-8"), re.MULTILINE) is not None


def check_build(build: Path) -> None:
    """Refuse a build without the programs that the checks need."""
    missing = [program.path for program in PROGRAMS if program.is_needed and not (build / program.path).is_file()]
    if missing:
        raise PackError(
            f"{build} lacks {', '.join(missing)}. Make them with\n  {build_command(build, is_cuda_build(build))}"
        )


def copy_program(build: Path, program: Program, target: Path) -> None:
    """Copy a program without its symbols, which are half of it."""
    subprocess.run(["strip", "-o", target / program.name, build / program.path], check=True)


def copy_file(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(
            source, target, ignore=shutil.ignore_patterns("__pycache__", "make_*.py", "*_reference.py", "*_subjects.py")
        )
    else:
        shutil.copy2(source, target)


def find_in(file: Path, pattern: str) -> tuple[str, ...]:
    """Return the groups of a pattern's first match in a file of the build."""
    found = re.search(pattern, file.read_text(encoding="utf-8"), re.MULTILINE)
    if not found:
        raise PackError(f"{file} has no {pattern}; configure the build again")
    return found.groups()


def read_manifest(build: Path) -> Manifest:
    """Read what the build is. The program itself cannot tell where the CUDA libraries are missing that it runs with."""
    (commit,) = find_in(build / "generated" / "git_commit.hpp", r'GIT_COMMIT "(.+)"')
    (headers,) = find_in(build / "CMakeCache.txt", r"^TORCH_INCLUDE_DIR:PATH=(.+)$")
    (libtorch,) = find_in(Path(headers) / "torch" / "headeronly" / "version.h", r'TORCH_VERSION \\\s+"(.+)"')
    left_out = {program.name: program.purpose for program in PROGRAMS if not (build / program.path).is_file()}
    return Manifest(commit, libtorch, is_cuda_build(build), left_out)


def fill(root: Path, checkout: Path, build: Path) -> Manifest:
    """Fill the folder of a bundle."""
    manifest = read_manifest(build)
    programs = [program for program in PROGRAMS if program.name not in manifest.left_out]
    (root / "bin").mkdir()
    for program in programs:
        copy_program(build, program, root / "bin")
    for name, path in libraries_to_carry(build / program.path for program in programs).items():
        copy_file(path, root / "lib" / name)
    for name, path in open_mpi_folders().items():
        copy_file(path, root / "mpi" / name)
    for golden in GOLDEN:
        copy_file(checkout / "tests" / "golden" / golden, root / "tests" / "golden" / golden)
    for file in FILES:
        copy_file(checkout / file, root / file)
    write_manifest(root, manifest)
    return manifest


def of_nobody(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Leave the builder's name out of the archive."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def folder_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def pack(checkout: Path, build: Path, archive: Path, level: int) -> str:
    """Make the bundle and return what to print of it."""
    check_build(build)
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / NAME
        root.mkdir()
        manifest = fill(root, checkout, build)
        archive.parent.mkdir(parents=True, exist_ok=True)
        with lzma.open(archive, "wb", preset=level) as compressed, tarfile.open(fileobj=compressed, mode="w") as target:
            target.add(root, NAME, filter=of_nobody)
        lines = [
            f"  {part.name:<12} {folder_bytes(part) / 1e6:6.1f} MB in {sum(map(Path.is_file, part.rglob('*')))} files"
            for part in sorted(root.iterdir())
            if part.is_dir()
        ]
    size = archive.stat().st_size
    if size > LARGEST_BYTES:
        raise PackError(
            f"{archive} has {size / 1e6:.1f} MB, more than the {LARGEST_BYTES / 1e6:.0f} MB that it may have"
        )
    lines += [f"  left out: {name} ({purpose}), not built" for name, purpose in manifest.left_out.items()]
    kind = "with CUDA" if manifest.has_cuda else "for the CPU alone"
    return "\n".join(
        [
            f"{archive}: {size / 1e6:.1f} MB, commit {manifest.commit}, {kind}",
            *lines,
            f"On the machine with the GPU: tar xf {archive.name} && {NAME}/scripts/check-gpu",
        ]
    )
