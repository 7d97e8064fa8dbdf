#pragma once

#include <map>
#include <optional>
#include <string>

#include "tunescope/data/dataset.hpp"
#include "tunescope/model/bfloat16_weights.hpp"
#include "tunescope/plan/sweep_spec.hpp"
#include "tunescope/plan/trial.hpp"
#include "tunescope/text/word_piece/word_piece.hpp"

namespace tunescope {

/// What a job's trials read: the model and its tokenizer, loaded at once, and the tasks, loaded when first asked for.
class SweepInputs {
 public:
  /// Throws `ModelError`, `DataError` or `ConfigError` where model, vocabulary and job do not fit each other.
  SweepInputs(const SweepSpec& spec, DataWarning warning);

  /// Loads every task of the job and hashes all inputs, so that whatever is wrong is found before any training.
  InputHashes load_and_hash();

  /// A task's splits, cut to the job's numbers of examples.
  const TaskData& task(const std::string& name);
  /// The model's tensors with the head of a task.
  const ParameterCatalogue& catalogue(const Task& task);
  const PretrainedModel& model() const { return model_; }
  const WordPiece& tokenizer() const { return tokenizer_; }
  /// What was out of the ordinary about model and tokenizer; its warnings have been given already.
  const FolderNotes& notes() const { return notes_; }
  /// Moves the model's weights to a device.
  void move_model_to(at::Device device);
  /// Whether products in bfloat16 are faster where the model is, as measured now.
  bool is_bfloat16_faster() const;
  /// Rounds the model's matrices once for all: products are in bfloat16 from now on.
  void cast_to_bfloat16() { bfloat16_weights_.emplace(model_); }
  /// Null where products are in float32.
  const Bfloat16Weights* bfloat16_weights() const { return bfloat16_weights_ ? &*bfloat16_weights_ : nullptr; }

 private:
  const SweepSpec& spec_;
  DataWarning warning_;
  PretrainedModel model_;
  std::optional<Bfloat16Weights> bfloat16_weights_;
  WordPiece tokenizer_;
  FolderNotes notes_;
  bool may_write_cache_ = false;
  std::map<std::string, TaskData> tasks_;
  std::map<std::int64_t, ParameterCatalogue> catalogues_;  // by output size
};

}  // namespace tunescope
