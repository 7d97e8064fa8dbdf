#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "tunescope/io/safetensors.hpp"
#include "tunescope/model/pretrained.hpp"
#include "tunescope/plan/sweep_spec.hpp"
#include "tunescope/plan/trial.hpp"
#include "tunescope/storage/job_folder.hpp"
#include "tunescope/train/trainer.hpp"

namespace tunescope {

// What a trial leaves of its model, beside its result file: the tensors that differ from the pre-trained model's, as
// `[run] keep` says, under Hugging Face's names, in a sealed safetensors file. Its metadata tell the trial and the
// step.

/// The tensors of a trial that are not the model's own.
NamedTensors own_tensors(const Parameters& parameters, const PretrainedModel& model,
                         const ParameterCatalogue& catalogue);

/// Keeps the weights of one trial. The weights of the best evaluation so far lie in the trial's checkpoint folder until
/// it is done.
class WeightsKeeper {
 public:
  WeightsKeeper(const JobFolder& folder, const std::string& trial, KeepWeights keep);

  /// For a training that has just had its best evaluation.
  void on_best(std::int64_t step, const Parameters& parameters, const PretrainedModel& model,
               const ParameterCatalogue& catalogue) const;
  /// Called after a checkpoint was written: forgets weights that a run resumed from it cannot need.
  void on_checkpoint(const TrainResult& result) const;
  /// Called before the result file of a finished trial is written.
  void on_done(const TrainResult& result, const Parameters& parameters, const PretrainedModel& model,
               const ParameterCatalogue& catalogue) const;

 private:
  bool keeps_last(const TrainResult& result) const;
  std::filesystem::path best_file(std::int64_t step) const;

  const JobFolder& folder_;
  std::string trial_;
  KeepWeights keep_;
};

/// Weights that were kept of a trial.
struct KeptWeights {
  Parameters parameters;  ///< all tensors of the model
  std::int64_t step = 0;  ///< number of training steps done
};
/// Reads them, with the model's own for all tensors that are not in the file. Throws `DataError` if the file is missing
/// or damaged, with the remedy.
KeptWeights load_kept_weights(const JobFolder& folder, const Trial& trial, const PretrainedModel& model,
                              const ParameterCatalogue& catalogue);

}  // namespace tunescope
