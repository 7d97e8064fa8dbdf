"""A Slurm cluster of two nodes on this machine: munged, slurmctld and two slurmd, below one folder, with free ports.

    python3 cluster.py    # starts one, prints how to use it, stops it at Ctrl-C

Each node is a slurmd in namespaces of its own: a hostname, /dev/shm and PMIx folder that it shares with no other node,
and process ids, so that whatever it started ends with it. All daemons also end when the process that started them does.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

NODES = ("n1", "n2")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel", "sinfo", "unshare", "setpriv")
# A job that goes back into the queue waits for `cred_expire` seconds, 120 of them by default.
SLURM_CONF = """\
ClusterName=tunescope-test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmdLogFile={folder}/slurmd.%n.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
MpiDefault=pmix
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SlurmdTimeout=10
KillWait=10
GresTypes=gpu
SchedulerParameters=sched_interval=2,bf_interval=2
ReturnToService=2
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing():
    """Why no cluster can be started here, or None."""
    for program in PROGRAMS:
        if find(program) is None:
            return f"{program} is not installed (Debian: slurm-wlm slurm-client munge)"
    if os.geteuid() != 0:
        return "only root can start a Slurm cluster"
    if subprocess.run(["unshare", "-m", "-u", "-p", "--fork", "true"], capture_output=True).returncode != 0:
        return "this machine does not allow mount, UTS and process id namespaces (unshare failed)"
    return None


def find(program):
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin")


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Cluster:
    """A context manager; `environment` is what Slurm's commands need."""

    def __init__(self):
        self.processes = {}

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="tunescope-slurm-"))
        self.environment = os.environ | {"SLURM_CONF": str(self.folder / "slurm.conf")}
        try:
            self.write_files()
            self.start_daemons()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for name in reversed(list(self.processes)):
            self.kill(name)
        shutil.rmtree(self.folder)

    def write_files(self):
        self.folder.chmod(0o711)  # munged insists that all users can reach its socket
        for name in ("state", "pmix"):
            (self.folder / name).mkdir()
        key = self.folder / "munge.key"
        key.touch(mode=0o400)
        key.write_bytes(secrets.token_bytes(1024))
        controller_port, *node_ports = free_ports(1 + len(NODES))
        host = socket.gethostname().split(".")[0]
        nodes = "\n".join(
            f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=2 RealMemory=4000 Gres=gpu:2"
            for node, port in zip(NODES, node_ports, strict=True)
        )
        text = SLURM_CONF.format(host=host, controller_port=controller_port, folder=self.folder, nodes=nodes)
        (self.folder / "slurm.conf").write_text(text)
        # Any character device stands for a GPU.
        gpus = [f"NodeName={node} Name=gpu File={file}\n" for node in NODES for file in ("/dev/null", "/dev/zero")]
        (self.folder / "gres.conf").write_text("".join(gpus))
        (self.folder / "mpi.conf").write_text(f"PMIxCliTmpDirBase={self.folder}/pmix\n")

    def start_daemons(self):
        ends = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        files = [f"--{kind}={self.folder}/munge.{end}" for kind, end in ends.items()]
        self.start("munged", find("munged"), "--foreground", "--force", *files)
        self.wait_until("munged listens", (self.folder / "munge.socket").exists)
        self.start("slurmctld", find("slurmctld"), "-D")
        for node in NODES:
            self.start_node(node)
        states = ("sinfo", "--noheader", "-N", "--format=%T")
        self.wait_until("all nodes are idle", lambda: self.run(*states).split() == ["idle"] * len(NODES))

    def start_node(self, node):
        spool = self.folder / f"spool.{node}"
        shutil.rmtree(spool, ignore_errors=True)  # of a node that died: PMIx stumbles over the sockets it left
        spool.mkdir()
        own_mounts = f"mount -t tmpfs tmpfs {self.folder}/pmix && mount -t tmpfs tmpfs /dev/shm"
        # The shell stays, as process 1, and reaps orphans; slurmd there would not, and Slurm drain the node.
        script = f"hostname {node} && {own_mounts} && {find('slurmd')} -D -N {node}; exit $?"
        namespaces = ["-m", "-u", "-p", "--fork", "--mount-proc", "--kill-child"]
        self.start(f"slurmd.{node}", find("unshare"), *namespaces, "sh", "-c", script)

    def kill_node(self, node):
        """Its daemon and everything it started end at once; `start_node` brings it back."""
        self.kill(f"slurmd.{node}")

    def start(self, name, *command):
        with open(self.folder / f"{name}.out", "w") as output:
            process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *command],
                env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        self.processes[name] = process

    def kill(self, name):
        # unshare passes no signal on; killed, it takes its namespace's processes with it.
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def wait_until(self, what, condition, seconds=150):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return
            time.sleep(0.2)
        logs = "".join(f"--- {path.name}\n{path.read_text()[-2000:]}" for path in self.folder.glob("*.log"))
        raise TimeoutError(f"waited in vain {seconds} s until {what}\n{logs}")

    def run(self, *command, cwd=None):
        """What one of Slurm's commands prints."""
        result = subprocess.run(command, env=self.environment, cwd=cwd, capture_output=True, text=True, timeout=60)
        return result.stdout + result.stderr


if __name__ == "__main__":
    if reason := missing():
        raise SystemExit(f"cluster.py: {reason}")
    with Cluster() as cluster:
        print(f"export SLURM_CONF={cluster.environment['SLURM_CONF']}", flush=True)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            signal.pause()
        except KeyboardInterrupt:
            pass
