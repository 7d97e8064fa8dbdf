#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "tunescope/parallel/rank_team.hpp"
#include "tunescope/plan/inputs.hpp"
#include "tunescope/plan/job_device.hpp"
#include "tunescope/plan/planned_fisher.hpp"
#include "tunescope/run/listener.hpp"
#include "tunescope/storage/folder_lock.hpp"
#include "tunescope/storage/job_folder.hpp"

namespace tunescope {

/// A job with its inputs, on one rank.
struct Job {
  explicit Job(SweepSpec parsed);
  Job(const Job&) = delete;  // `inputs` refers to `spec`
  Job& operator=(const Job&) = delete;

  Stages stages() const { return fisher.empty() ? Stages::kTraining : Stages::kTrainingAndFisher; }

  SweepSpec spec;
  JobFolder folder;
  SweepInputs inputs;
  InputHashes hashes;
  std::vector<PlannedFisher> fisher;  ///< the Fisher runs that are computed if they are missing
  std::unique_ptr<FolderLock> lock;   ///< on rank 0
};

/// Which of its Fisher runs a job computes: `needed_fisher_runs` or `expand_fisher_runs`.
using FisherRunsOf = std::vector<FisherRun> (*)(const SweepSpec& spec, const InputHashes& hashes);

/// Opens a job: reads and checks it on rank 0, takes its results folder and hashes its inputs there, then reads it on
/// the other ranks. Everything that can be wrong with a job is found here, before any training, and thrown on every
/// rank as by `RankTeam::on_root`. `parse` is called once on each rank.
std::unique_ptr<Job> open_job(RankTeam& team, const std::function<SweepSpec()>& parse, FisherRunsOf fisher_runs,
                              RunListener& listener);

}  // namespace tunescope
