#pragma once

#include <string>
#include <vector>

#include "tunescope/plan/sweep_spec.hpp"
#include "tunescope/plan/trial.hpp"

namespace tunescope {

/// One computation of the Fisher information, as a value: everything that can change its numbers. See `FisherSpec`.
struct FisherRun {
  Trial training;  ///< whose weights are measured; also an ordinary trial
  double point = 1.0;
  FisherMode mode = FisherMode::kEmpirical;
  std::int64_t examples = 0;
  std::int64_t batch_size = 1;
  std::string parameters;
  std::string keep;
  Precision precision = Precision::kFloat32;  ///< of the passes that measure; the training has its own
  std::int64_t draws = 1;                     ///< more only where it changes the numbers

  /// One line per field, in a fixed order and spelling.
  std::string description() const;
  /// The first 16 hexadecimal digits of the description's SHA-256.
  std::string id() const;
};

/// The grid of the job's `[fisher]` section over all its tasks. Exact expectations (`FisherMode::kTrue`) are of single
/// examples, so they are not combined with larger batches. Throws `ConfigError` if that leaves nothing.
std::vector<FisherRun> expand_fisher_runs(const SweepSpec& spec, const InputHashes& hashes);

/// The runs that `method` chooses by on `task`: one for each task of its scope, none if it is no Fisher method. Throws
/// `ConfigError` if the scope leave-one-out leaves no task.
std::vector<FisherRun> fisher_runs_of(const SweepSpec& spec, const InputHashes& hashes, const Method& method,
                                      const std::string& task);

/// All runs that the job's methods choose by, each once.
std::vector<FisherRun> needed_fisher_runs(const SweepSpec& spec, const InputHashes& hashes);

/// Every run that belongs to the job: those that methods choose by, then the rest of the grid.
std::vector<FisherRun> job_fisher_runs(const SweepSpec& spec, const InputHashes& hashes);

/// Their identifiers.
std::vector<std::string> job_fisher_ids(const SweepSpec& spec, const InputHashes& hashes);

}  // namespace tunescope
