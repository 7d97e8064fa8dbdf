#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tunescope/io/safetensors.hpp"
#include "tunescope/model/additions.hpp"
#include "tunescope/model/pretrained.hpp"
#include "tunescope/plan/sweep_spec.hpp"
#include "tunescope/plan/trial.hpp"
#include "tunescope/storage/job_folder.hpp"
#include "tunescope/train/trainer.hpp"

namespace tunescope {

// What a trial leaves of its model, beside its result file: the tensors that differ from the pre-trained model's, as
// `[run] keep` says, under Hugging Face's names, and those that its method adds, in a sealed safetensors file. Its
// metadata tell the trial and the step.

/// The tensors of a trial that are not the model's own.
NamedTensors own_tensors(const Parameters& parameters, const PretrainedModel& model,
                         const ParameterCatalogue& catalogue);

/// Replaces parameters by the tensors of these names in a file, on the device of the parameters.
void take_tensors(const Safetensors& file, const ParameterCatalogue& catalogue, Parameters& parameters);

/// Keeps the weights of one trial. Those of the best evaluations lie in the trial's checkpoint folder until it is done,
/// each as long as a run that resumes from one of the trial's checkpoints may need it.
class WeightsKeeper {
 public:
  WeightsKeeper(const JobFolder& folder, const std::string& trial, KeepWeights keep);

  /// For a training that has just had its best evaluation. If the weights cannot be written, it goes on without them,
  /// with a warning in the log.
  void on_best(std::int64_t step, const Parameters& parameters, const PretrainedModel& model,
               const ParameterCatalogue& catalogue);
  /// For a training whose state has just been saved. Throws nothing.
  void on_checkpoint(const TrainResult& result);
  /// For a training that is done or has diverged, before its result file is written: puts the weights in their place,
  /// or removes what an earlier training of the trial left there.
  void on_end(const TrainedModel& trained, const PretrainedModel& model, const ParameterCatalogue& catalogue);

 private:
  std::filesystem::path best_file(std::int64_t step) const;
  void forget_all_but(std::optional<std::int64_t> step);
  void put_best_in_place(std::int64_t step) const;

  const JobFolder& folder_;
  std::string trial_;
  KeepWeights keep_;
  // The steps that each of the last two checkpoints needs; at first one set, of all that lie in the folder.
  std::vector<std::set<std::int64_t>> needed_;
};

/// The step of the weights of this trial in a file; nothing if there is no such file, or it is damaged or of another
/// trial.
std::optional<std::int64_t> kept_step(const std::filesystem::path& file, const std::string& trial);

/// The size of the file of the weights that were kept of a trial; 0: none were.
std::int64_t kept_bytes(const JobFolder& folder, const std::string& trial);

/// Weights that were kept of a trial.
struct KeptWeights {
  Additions additions;    ///< of the trial's method
  Parameters parameters;  ///< all tensors of the model, and behind them those that are added
  std::int64_t step = 0;  ///< number of training steps done
  /// Whether an earlier build kept them, which merged into the model's tensors what could be. The added tensors are
  /// then those that change nothing.
  bool are_merged = false;
};
/// Reads them, with the model's own for all tensors that are not in the file. Throws `DataError` if the file is
/// missing, damaged, or not of this trial, with the remedy.
KeptWeights load_kept_weights(const JobFolder& folder, const Trial& trial, const PretrainedModel& model,
                              const ParameterCatalogue& catalogue);

}  // namespace tunescope
