"""The Python of benchmarks/requirements.txt, if there is one."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
HOW = "benchmarks/run --help makes one, or set TUNESCOPE_PEERS_PYTHON"


def peers_python(module="transformers"):
    """A Python that has torch and this module, or None."""
    for python in (os.environ.get("TUNESCOPE_PEERS_PYTHON"), ROOT / "benchmarks" / ".venv-peers" / "bin" / "python"):
        if python and Path(python).exists() and has_module(python, module):
            return str(python)
    return None


def has_module(python, module):
    find = f"import importlib.util as util; raise SystemExit(util.find_spec({module!r}) is None)"
    return subprocess.run([python, "-c", find], check=False).returncode == 0
