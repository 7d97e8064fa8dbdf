"""The checks, cheap ones first: a run that is cut short still tells most."""

from ..runner import Check
from .programs import check_device_code, check_goldens, check_kernels, check_start, check_trap
from .reducers import check_reducers
from .speed import check_fisher_speed, check_peer, check_speed, check_varying_lengths
from .training import (
    check_both_devices,
    check_lanes,
    check_little_memory,
    check_repetition,
    check_resuming,
    check_sweep,
)

CHECKS = (
    Check("start", 15, check_start),
    Check("kernels", 60, check_kernels),
    Check("goldens", 60, check_goldens),
    Check("sweep", 20, check_sweep),
    Check("resuming", 30, check_resuming),
    Check("repetition", 20, check_repetition, has_cpu_form=False),
    Check("lanes", 20, check_lanes),
    Check("reducers", 25, check_reducers),
    Check("trap", 20, check_trap, has_cpu_form=False),
    Check("device code", 60, check_device_code, has_cpu_form=False),
    Check("both devices", 40, check_both_devices, has_cpu_form=False),
    Check("little memory", 40, check_little_memory, has_cpu_form=False),
    Check("lengths", 40, check_varying_lengths, has_cpu_form=False),
    Check("speed", 75, check_speed, has_cpu_form=False),
    Check("fisher", 40, check_fisher_speed, has_cpu_form=False),
    Check("transformers", 60, check_peer, has_cpu_form=False),
)
# What one GPU cannot show.
UNPROVED = "NCCL between ranks, MIG, and links between GPUs need more than one GPU: they stay unproved"
