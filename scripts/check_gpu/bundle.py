"""What lies where in a bundle. Its folders are those of the checkout, beside bin, lib and mpi."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from .errors import PackError

MANIFEST = "bundle.json"


@dataclass(frozen=True)
class Program:
    """A program of the build; what uses one that is not needed is skipped where it was not built."""

    path: str  # below the build folder
    is_needed: bool
    purpose: str

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


PROGRAMS = (
    Program("tunescope", True, "the program"),
    Program("tests/kernels_tests", True, "kernels against the reference"),
    Program("tests/model_tests", True, "logits and gradients of transformers"),
    Program("tests/train_tests", True, "training curves of transformers"),
    Program("tests/fisher_tests", True, "Fisher information in float64"),
    Program("tests/mpi_tests", True, "sums over ranks"),
    Program("tests/simt_device_tests", False, "device code without LibTorch, for compute-sanitizer"),
    Program("tests/trap_tests", False, "a kernel that traps"),
    Program("benchmarks/engine_benchmark", False, "speed"),
)


@dataclass(frozen=True)
class Manifest:
    """What the bundle was made from."""

    commit: str
    libtorch: str  # version
    has_cuda: bool  # whether the build has the CUDA backend
    left_out: dict[str, str]  # programs that were not built, with what they are for


@dataclass(frozen=True)
class Bundle:
    """An unpacked bundle."""

    root: Path
    manifest: Manifest

    def program(self, name: str) -> Path:
        return self.root / "bin" / name

    def has_program(self, name: str) -> bool:
        return self.program(name).is_file()

    @property
    def programs(self) -> list[Path]:
        return sorted((self.root / "bin").iterdir())


def write_manifest(root: Path, manifest: Manifest) -> None:
    """Write the manifest of a bundle in the making."""
    (root / MANIFEST).write_text(json.dumps(asdict(manifest), indent=1) + "\n", encoding="utf-8")


def open_bundle(root: Path) -> Bundle:
    """Return the bundle that was unpacked into this folder."""
    file = root / MANIFEST
    if not file.is_file():
        raise PackError(
            f"{root} is no unpacked bundle: it has no {MANIFEST}. Make one with scripts/check-gpu --pack, carry it to "
            "the machine with the GPU, unpack it there with tar xf, and run the scripts/check-gpu in it."
        )
    return Bundle(root, Manifest(**json.loads(file.read_text(encoding="utf-8"))))
