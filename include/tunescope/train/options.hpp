#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "tunescope/train/schedule.hpp"

namespace tunescope {

/// Operand type of the matrix products: bfloat16 in the encoder alone, TF32 wherever a GPU multiplies. All else is
/// float32.
enum class Precision { kFloat32, kBfloat16, kTf32 };

/// Their names in job files, descriptions of trials and result files.
inline constexpr std::array<std::pair<std::string_view, Precision>, 3> kPrecisions = {
    {{"float32", Precision::kFloat32}, {"bfloat16", Precision::kBfloat16}, {"tf32", Precision::kTf32}}};
constexpr std::string_view to_string(Precision precision) {
  return kPrecisions.at(static_cast<std::size_t>(precision)).first;
}

/// How a trial is trained. The paper states none of these, so the defaults are our choice.
struct TrainOptions {
  std::int64_t epochs = 3;
  std::int64_t max_steps = 0;  ///< training ends after so many steps; 0 = no limit
  std::int64_t batch_size = 32;
  double warmup_fraction = 0.1;  ///< of all steps, rounded up
  ScheduleShape schedule = ScheduleShape::kLinear;
  double weight_decay = 0.01;          ///< not applied to LayerNorm, biases and IA3's vectors
  double clip_norm = 1.0;              ///< largest Euclidean norm of the gradients, which are scaled down; 0 = off
  std::int64_t evaluate_every = 0;     ///< steps between evaluations; 0 = at the end of each epoch
  std::optional<double> dropout = {};  ///< replaces every dropout probability of config.json
  Precision precision = Precision::kFloat32;
};

}  // namespace tunescope
