"""What was fetched is what the program takes: real layouts in, a sweep that is satisfied, the server gone."""

from conftest import ARCHIVES, COMMIT, MRPC_CORPUS, MRPC_DEV_IDS, publish_task, task_files, tiny_model

JOB = """name = fetched
[model]
path = models/tiny
[data]
glue = data/glue
max_length = 32
train_examples = 8
dev_examples = 8
[sweep]
methods = head
peft_learning_rates = 1e-2
seeds = 1
[train]
max_steps = 1
[run]
threads = 1
"""


def publish_demo(server, folder):
    """Serve the program's own demo of GLUE as the real servers serve GLUE."""
    for task in ARCHIVES:
        publish_task(server, task, {name: (folder / task / name).read_bytes() for name in task_files(task)})
    header, *train = (folder / "MRPC" / "train.tsv").read_bytes().splitlines(keepends=True)
    dev = (folder / "MRPC" / "dev.tsv").read_bytes().splitlines(keepends=True)[1:]
    renumbered = [renumber(row, number) for number, row in enumerate(train + dev)]
    server.files[MRPC_CORPUS] = header + b"".join(renumbered)
    dev_ids = [b"\t".join(row.split(b"\t")[1:3]) for row in renumbered[len(train) :]]
    server.files[MRPC_DEV_IDS] = b"\n".join(dev_ids) + b"\n"
    return renumbered[len(train) :]


def renumber(row, number):
    """Give a pair ids of its own: the demo numbers train and dev each from the start."""
    label, _, _, first, second = row.split(b"\t")
    return b"\t".join([label, b"%d" % (2 * number), b"%d" % (2 * number + 1), first, second])


def test_the_program_takes_what_was_fetched(program, server, tunescope, tmp_path):
    assert tunescope("demo", "demo").returncode == 0
    mrpc_dev = publish_demo(server, tmp_path / "demo")
    server.publish_model("someone/tiny", tiny_model(), COMMIT)

    program.fetch("someone/tiny")
    server.close()

    (tmp_path / "job.cfg").write_text(JOB)
    result = tunescope("sweep", "job.cfg")
    assert result.returncode == 0, result.stdout + result.stderr
    assert program.task("MRPC")["dev.tsv"].endswith(b"".join(mrpc_dev))
