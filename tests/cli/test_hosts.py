"""A sweep over two hosts: network namespaces with a cable between them, each with a host name of its own."""

import os
import shutil
import subprocess

import pytest

h5py = pytest.importorskip("h5py")

from result_files import contents  # noqa: E402

ADDRESSES = {"a": "10.213.7.1", "b": "10.213.7.2"}


def run(*command, **options):
    return subprocess.run([*map(str, command)], capture_output=True, text=True, **options)


class Hosts:
    """Two hosts, `a` and `b`; Open MPI reaches `b` through a program that stands for ssh."""

    def __init__(self, folder):
        self.names = {host: f"tunescope-{os.getpid()}-{host}" for host in ADDRESSES}
        self.agent = folder / "agent"
        for name in self.names.values():
            self.must("ip", "netns", "add", name)
        cables = [f"ts{os.getpid() % 10**6}{host}" for host in ADDRESSES]
        self.must("ip", "link", "add", cables[0], "type", "veth", "peer", "name", cables[1])
        for cable, (host, address) in zip(cables, ADDRESSES.items(), strict=True):
            self.must("ip", "link", "set", cable, "netns", self.names[host])
            self.must(*self.inside(host), "ip", "address", "add", f"{address}/24", "dev", cable)
            self.must(*self.inside(host), "ip", "link", "set", cable, "up")
            self.must(*self.inside(host), "ip", "link", "set", "lo", "up")
        # Called as ssh is: options, the host, then the words of a shell command.
        self.agent.write_text(
            "#!/bin/bash\n"
            f"while [[ $1 != {ADDRESSES['b']} ]]; do shift; done\nshift\n"
            f'exec {" ".join(self.inside("b"))} unshare --uts bash -c "hostname host-b; $*"\n'
        )
        self.agent.chmod(0o755)

    def inside(self, host):
        return ["ip", "netns", "exec", self.names[host]]

    def must(self, *command):
        result = run(*command)
        if result.returncode != 0:
            self.remove()
            pytest.skip(f"no network namespaces here: {' '.join(command)}: {result.stderr.strip()}")

    def mpirun(self, job, ranks):
        job.file.write_text(job.text)
        command = (
            "hostname host-a; exec mpirun --map-by node"
            f" --host {','.join(f'{address}:{ranks}' for address in ADDRESSES.values())} -n {ranks}"
            f" --mca plm_rsh_agent {self.agent} --mca btl tcp,self --mca btl_tcp_if_include 10.213.7.0/24"
            f" --mca oob_tcp_if_include 10.213.7.0/24 {job.program.binary} sweep {job.file.name}"
        )
        root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
        return run(
            *self.inside("a"), "unshare", "--uts", "bash", "-c", command,
            cwd=job.folder, env=os.environ | root, timeout=300,
        )  # fmt: skip

    def remove(self):
        for name in self.names.values():
            run("ip", "netns", "delete", name)


@pytest.fixture
def hosts(tmp_path):
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and the program ip")
    hosts = Hosts(tmp_path)
    yield hosts
    hosts.remove()


def test_two_hosts_share_a_sweep_and_give_the_numbers_of_one(make_job, tmp_path, hosts):
    keys = {"sweep.methods": "full layernorm fisher:fraction=0.5", "fisher.examples": "16", "sweep.seeds": "1 2 3"}
    together = make_job(tmp_path, keys)
    result = hosts.mpirun(together, ranks=4)
    assert result.returncode == 0, result.stdout + result.stderr
    with h5py.File(together.merged) as file:
        assert set(file["trials/hostname"].asstr()[:]) == {"host-a", "host-b"}
        assert file.attrs["complete"] == 1
    alone = make_job(tmp_path / "alone", keys)
    alone.folder.mkdir()
    alone.sweep(ranks=1)
    assert [path.name for path in alone.trial_files()] == [path.name for path in together.trial_files()]
    for one, other in zip(alone.trial_files(), together.trial_files(), strict=True):
        if h5py.File(one)["trials/method"].asstr()[0] in ("full", "layernorm"):
            assert contents(one) == contents(other), one.name
