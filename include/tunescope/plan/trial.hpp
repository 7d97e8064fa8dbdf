#pragma once

#include <map>
#include <string>
#include <vector>

#include "tunescope/data/selection.hpp"
#include "tunescope/method/method.hpp"
#include "tunescope/plan/sweep_spec.hpp"
#include "tunescope/train/options.hpp"

namespace tunescope {

/// SHA-256 hashes of what trials read.
struct InputHashes {
  std::string model;
  std::string tokenizer;
  std::map<std::string, std::string> tasks;  ///< by task name

  /// One line for each: "model", "tokenizer" or the task, and the hash.
  std::string serialize() const;
  static InputHashes parse(const std::string& text);
};

/// One training run, as a value: everything that can change its numbers.
struct Trial {
  std::string task;
  std::string task_definition = {};  ///< `Task::definition`
  Method method;
  double learning_rate = 0.0;
  std::uint64_t seed = 0;
  std::int64_t max_length = 128;
  std::int64_t train_examples = 0;
  std::int64_t dev_examples = 0;
  SelectionRule selection = {};
  TrainOptions options;
  std::string model_hash;
  std::string tokenizer_hash;
  std::string data_hash;
  std::vector<std::string> fisher_runs = {};  ///< of a Fisher method: identifiers of the runs it chooses by, sorted

  /// Identifies the set of scalars that a Fisher method chooses; empty for other methods.
  std::string mask_id() const;

  /// One line per field, in a fixed order and spelling. Device and threads are not in it: they change rounding only,
  /// and a sweep may move to another machine.
  std::string description() const;
  /// The first 16 hexadecimal digits of the description's SHA-256.
  std::string id() const;
};

/// A trial of a job's task with all that the job fixes: no method, learning rate or seed yet.
Trial make_trial(const SweepSpec& spec, const InputHashes& hashes, const std::string& task);

/// Every trial of a job: tasks x methods x learning rates x seeds, in the order of the job file.
std::vector<Trial> expand_trials(const SweepSpec& spec, const InputHashes& hashes);

}  // namespace tunescope
