"""Files of results: compared, to the bit or to rounding, and damaged."""

import os

import pytest

h5py = pytest.importorskip("h5py")
np = pytest.importorskip("numpy")

DIFFERS_BETWEEN_RUNS = {
    f"trials/{column}"
    for column in ("wall_seconds", "rank", "hostname", "examples_per_second", "tokens_per_second", "energy_joules",
                   "peak_host_bytes", "peak_device_bytes")
}  # fmt: skip


def contents(path, without=DIFFERS_BETWEEN_RUNS):
    """Every dataset of a file, as comparable values: numbers by their bits."""
    values = {}

    def visit(name, node):
        if not isinstance(node, h5py.Dataset) or name in without:
            return
        is_text = h5py.check_string_dtype(node.dtype) is not None
        data = node.asstr()[:].tolist() if is_text else node[:].tobytes()
        values[name] = (node.shape, str(node.dtype), data)

    with h5py.File(path) as file:
        file.visititems(visit)
    return values


def assert_close_results(one, other):
    """That two files tell of the same trial, to rounding."""
    with h5py.File(one) as first, h5py.File(other) as second:
        assert first["trials/id"][0] == second["trials/id"][0]
        np.testing.assert_allclose(first["history/loss"][:], second["history/loss"][:], rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(first["change/rms"][:], second["change/rms"][:], rtol=1e-2, atol=1e-4)


def flip_a_byte(path, share=0.5):
    """One bit of the byte at this share of the file; the modification time stays."""
    content, times = bytearray(path.read_bytes()), path.stat()
    content[int(share * (len(content) - 1))] ^= 4
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def trials(job):
    """Id, task and method of each trial."""
    with h5py.File(job.merged) as merged:
        columns = (merged[f"trials/{name}"].asstr()[:] for name in ("id", "task", "method"))
        return list(zip(*columns, strict=True))


def kept_file(job, trial):
    return job.results / "trials" / f"{trial}.safetensors"
