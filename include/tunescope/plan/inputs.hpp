#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "tunescope/data/dataset.hpp"
#include "tunescope/model/weights/bfloat16_weights.hpp"
#include "tunescope/plan/pass_costs.hpp"
#include "tunescope/plan/sweep_spec.hpp"
#include "tunescope/plan/trial.hpp"
#include "tunescope/text/tokenizer/tokenizer.hpp"

namespace tunescope {

/// What a job's trials read: the model and its tokenizer, loaded at once, and the tasks, loaded when first asked for.
class SweepInputs {
 public:
  /// Throws `ModelError`, `DataError` or `ConfigError` if model, vocabulary and job do not fit each other.
  SweepInputs(const SweepSpec& spec, DataWarning warning);

  /// Loads every task of the job and hashes all inputs, so that whatever is wrong is found before any training.
  InputHashes load_and_hash();

  /// A task's splits, each limited to the job's number of examples, and what chooses set aside.
  const TaskData& task(const std::string& name);
  /// A task of the job.
  const Task& find_task(const std::string& name) const { return spec_.find_task(name); }
  /// The model's tensors with the head of a task.
  const ParameterCatalogue& catalogue(const Task& task) { return pass_costs_.catalogue(task.output_size()); }
  PassCosts& pass_costs() { return pass_costs_; }
  const PretrainedModel& model() const { return model_; }
  const Tokenizer& tokenizer() const { return *tokenizer_; }
  /// What was unusual about model and tokenizer. The constructor has given the warnings already.
  const FolderNotes& notes() const { return notes_; }
  /// Moves the model's weights to a device.
  void move_model_to(at::Device device);
  /// Of the copies of the model's weights that trials share, if all are made (see `PackedWeights`).
  double packed_bytes() const { return model_.packed_weights ? model_.packed_weights->expected_bytes() : 0.0; }
  /// Whether products in bfloat16 are faster on the model's device: on the CPU as measured now, on a GPU if it has
  /// units for them. A GPU is not timed, for two runs of one job must decide alike.
  bool is_bfloat16_faster() const;
  /// Rounds the model's matrices to bfloat16. What asks for products in bfloat16 gets them from then on, and products
  /// in float32 before.
  void cast_to_bfloat16() { bfloat16_weights_.emplace(model_); }
  Precision precision_in_use(Precision wanted) const {
    return wanted == Precision::kBfloat16 && !bfloat16_weights_ ? Precision::kFloat32 : wanted;
  }
  /// Null unless that is bfloat16.
  const Bfloat16Weights* bfloat16_weights(Precision wanted) const {
    return precision_in_use(wanted) == Precision::kBfloat16 ? &*bfloat16_weights_ : nullptr;
  }

 private:
  const SweepSpec& spec_;
  DataWarning warning_;
  PretrainedModel model_;
  std::optional<Bfloat16Weights> bfloat16_weights_;
  std::unique_ptr<const Tokenizer> tokenizer_;
  FolderNotes notes_;
  bool may_write_cache_ = false;
  std::map<std::string, TaskData> tasks_;
  PassCosts pass_costs_;
};

}  // namespace tunescope
