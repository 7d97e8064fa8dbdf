"""What the machine has: a GPU, LibTorch in this Python, and the tools of CUDA's toolkit."""

import ctypes
import importlib.metadata
import importlib.util
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from .bundle import Bundle


@dataclass(frozen=True)
class Gpu:
    """The first GPU that the driver shows; without a name, there is none, for the reason given."""

    name: str = ""
    driver: str = ""  # the newest CUDA version that it supports
    problem: str = ""


def find_gpu() -> Gpu:
    """Ask CUDA's driver."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        return Gpu(problem=f"no NVIDIA driver ({error})")
    status = driver.cuInit(0)
    if status != 0:
        return Gpu(problem=f"CUDA's driver does not start (error {status} of cuInit)")
    count, version, device = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    driver.cuDeviceGetCount(ctypes.byref(count))
    if count.value == 0:
        return Gpu(problem="CUDA's driver shows no device")
    name = ctypes.create_string_buffer(256)
    driver.cuDeviceGet(ctypes.byref(device), 0)
    driver.cuDeviceGetName(name, len(name), device)
    driver.cuDriverGetVersion(ctypes.byref(version))
    return Gpu(name.value.decode(), f"{version.value // 1000}.{version.value % 1000 // 10}")


def package_version(name: str) -> str:
    """Return the version of an installed package without its local part, empty if it is not installed."""
    try:
        return importlib.metadata.version(name).partition("+")[0]
    except importlib.metadata.PackageNotFoundError:
        return ""


def has_module(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def libtorch_folders() -> list[Path]:
    """Return where this Python's torch and its CUDA libraries lie. Nothing is imported."""
    spec = importlib.util.find_spec("torch")
    if spec is None or not spec.submodule_search_locations:
        return []
    torch = Path(spec.submodule_search_locations[0])
    return [torch / "lib", *sorted(torch.parent.glob("nvidia/*/lib"))]


def find_tool(name: str) -> str | None:
    """Return a tool of CUDA's toolkit, which need not be on the PATH."""
    toolkits = sorted(str(path) for path in Path("/usr/local").glob("cuda*/bin"))
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(toolkits))


def program_environment(bundle: Bundle) -> dict[str, str]:
    """Return the environment of the bundle's programs, which find their libraries, plugins and golden files in it."""
    folders = [str(folder) for folder in (bundle.root / "lib", *libtorch_folders())]
    # What is there already comes last: in a container the driver may be found by it alone.
    folders += filter(None, [os.environ.get("LD_LIBRARY_PATH")])
    return os.environ | {
        "LD_LIBRARY_PATH": os.pathsep.join(folders),
        "OPAL_PREFIX": str(bundle.root / "mpi"),
        # A single rank without mpirun: it must not look for the daemon that would start others. Plugins for networks
        # whose libraries are not here are passed over in silence.
        "OMPI_MCA_ess_singleton_isolated": "1",
        "OMPI_MCA_mca_base_component_show_load_errors": "0",
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "4"),
        "TUNESCOPE_SOURCE_DIR": str(bundle.root),
    }


def python_environment() -> dict[str, str]:
    """Return the environment of scripts that use this machine's own Python packages, offline."""
    scripts = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, [scripts, os.environ.get("PYTHONPATH")]))
    return os.environ | {"PYTHONPATH": path, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
