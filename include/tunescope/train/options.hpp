#pragma once

#include <cstdint>
#include <optional>

#include "tunescope/train/schedule.hpp"

namespace tunescope {

/// Operand type of the encoder's matrix products. Everything else is float32.
enum class Precision { kFloat32, kBfloat16 };

/// How a trial is trained. The paper states none of these, so the defaults are our choice.
struct TrainOptions {
  std::int64_t epochs = 3;
  std::int64_t max_steps = 0;  ///< training ends after so many steps; 0 = no limit
  std::int64_t batch_size = 32;
  double warmup_fraction = 0.1;  ///< of all steps, rounded up
  ScheduleShape schedule = ScheduleShape::kLinear;
  double weight_decay = 0.01;          ///< not applied to LayerNorm and biases
  double clip_norm = 1.0;              ///< largest Euclidean norm of the gradients, which are scaled down; 0 = off
  std::int64_t evaluate_every = 0;     ///< steps between evaluations; 0 = at the end of each epoch
  std::optional<double> dropout = {};  ///< replaces every dropout probability of config.json
  Precision precision = Precision::kFloat32;
};

}  // namespace tunescope
