#pragma once

#include <gmock/gmock.h>

#include <limits>
#include <string>
#include <vector>

#include "tunescope/results/trial_record.hpp"

namespace tunescope::test {

inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// A record in which every field has a different value. Records with different `id` and `shift` differ.
inline TrialRecord sample_record(const std::string& id, std::int64_t shift) {
  const double x = static_cast<double>(shift);
  TrialRecord record;
  record.row = {.id = id,
                .task = "MNLI",
                .method = "random:fraction=0.2,pool=layernorm",
                .mask = "0123456789abcdef",
                .state = "done",
                .metric = "accuracy",
                .precision = "float32",
                .device = "cpu",
                .hostname = "knoten-ä",
                .error = "",
                .gpu = "NVIDIA H200",
                .gpu_software = "driver 580.95.05, CUDA 13.0, cuBLAS 13.1.0",
                .selection = "half-dev",
                .selection_hash = "fedcba9876543210",
                .learning_rate = 1e-3 + x,
                .score = 0.75 + x,
                .final_score = 0.5 + x,
                .wall_seconds = 12.25 + x,
                .seed = 11 + shift,
                .best_step = 12 + shift,
                .steps = 13 + shift,
                .trainable_parameters = 14 + shift,
                .total_parameters = 5'000'000'000 + shift,
                .train_examples = 16 + shift,
                .dev_examples = 17 + shift,
                .rank = 18 + shift,
                .threads = 19 + shift,
                .selection_examples = 20 + shift,
                .selection_score = 0.25 + x,
                .kept_bytes = 21 + shift,
                .examples_per_second = 22 + x,
                .tokens_per_second = 23 + x,
                .energy_joules = 24 + x,
                .peak_host_bytes = 25 + shift,
                .peak_device_bytes = 26 + shift};
  record.best_scores = {0.1 + x, kNan, kNan, kNan, kNan, 0.2 + x};
  record.final_scores = {0.3 + x, kNan, kNan, kNan, kNan, 0.4 + x};
  record.axes = {
      {"embeddings", "0"}, {"weight", "bias", "LayerNorm.weight"}, {6, 0, 2, 12, 3, 2}, {"a", "", "b", "c", "d", "e"}};
  record.change.mean_abs = {1 + x, kNan, 2, 3, 4, 5};
  record.change.rms = {1.5 + x, kNan, 2.5, 3.5, 4.5, 5.5};
  record.change.relative_l2 = {0.5 + x, kNan, std::numeric_limits<double>::infinity(), 0, 0.25, 0.125};
  record.change.max_abs = {7 + x, kNan, 8, 9, 10, 11};
  record.added_change = {{"layer.0.lora_A.weight", 8, {0.1 + x, 0.2, 0.3, 0.4}},
                         {"layer.0.lora_B.weight", 6, {0.5 + x, 0.6, std::numeric_limits<double>::infinity(), 0.7}}};
  record.evaluations = {{.step = 5,
                         .epoch = 0.5,
                         .loss = 0.9 + x,
                         .scores = {0.1, kNan, kNan, kNan, kNan, 0.2},
                         .selection_score = 0.15 + x},
                        {.step = 10,
                         .epoch = 1.0,
                         .loss = 0.8 + x,
                         .scores = {0.3, kNan, kNan, kNan, kNan, 0.4},
                         .selection_score = 0.25 + x}};
  record.history = {{.step = 1, .loss = 1.1 + x, .learning_rate = 1e-4, .gradient_norm = 2.5},
                    {.step = 2, .loss = 1.0 + x, .learning_rate = 2e-4, .gradient_norm = 2.25},
                    {.step = 3, .loss = 0.9 + x, .learning_rate = 3e-4, .gradient_norm = 2.125}};
  const auto f = static_cast<float>(shift);
  record.predictions = {.output_size = 3, .logits = {0.5F + f, -1, 2, 3, 4, 5}, .labels = {0, 2}};
  record.mismatched_predictions = {.output_size = 3, .logits = {9 + f, 8, 7}, .labels = {1}};
  return record;
}

/// Of numbers that may be NaN.
inline void expect_same_numbers(const std::vector<double>& found, const std::vector<double>& expected) {
  EXPECT_THAT(found, ::testing::Pointwise(::testing::NanSensitiveDoubleEq(), expected));
}

}  // namespace tunescope::test
