#!/bin/bash
# flux batch docs/schedulers/sweep.flux jobs/NAME.cfg [--section.key VALUE ...]
# From the root of the checkout. Submits itself again until nothing is missing; jobs of the same sweep share its trials.
# Site settings: change these lines for your cluster, for options of flux batch's command line do not last beyond the
# first job.
# flux: --job-name=tunescope
# flux: --nodes=1 --nslots=4 --cores-per-slot=8
# flux: --time-limit=24h
# module load openmpi
binary=build/release/tunescope
ranks=(--nodes=1 --ntasks=4 --cores-per-task=8)

set -uo pipefail
# The program stops in time if it knows the end of the allocation, by Slurm's variable.
SLURM_JOB_END_TIME=$(($(date +%s) + $(flux job timeleft)))
export SLURM_JOB_END_TIME
trap : USR2  # `flux job kill --signal=USR2` reaches this script too
flux run "${ranks[@]}" "$binary" sweep "$@" --share
status=$?
if ((status == 75)); then
  flux --parent batch docs/schedulers/sweep.flux "$@"
  status=$?
fi
exit "$status"
