#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tunescope/model/parameter_catalogue.hpp"

namespace tunescope {

/// How far training moved the n scalars of a tensor from θ0 to θF. Sums are in float64. `mean_abs` is the measure of
/// arXiv 2403.20284.
struct ParameterChange {
  double mean_abs = 0.0;  ///< (1/n) ‖θF − θ0‖₁
  double rms = 0.0;       ///< ‖θF − θ0‖₂ / √n
  double relative_l2 = 0.0;  ///< ‖θF − θ0‖₂ / ‖θ0‖₂; 0 if nothing moved, infinite if θ0 = 0 and something moved
  double max_abs = 0.0;  ///< largest |θF − θ0|
};

/// How far a tensor moved that the method has added to the model.
struct AddedChange {
  std::string tensor;     ///< its name
  std::int64_t size = 0;  ///< number of scalars
  ParameterChange change;
};

/// The change of each tensor; none where both are the same object. It is measured on their device and read once.
std::vector<ParameterChange> measure_parameter_changes(const Parameters& initial, const Parameters& trained);

}  // namespace tunescope
