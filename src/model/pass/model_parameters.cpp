#include "model_parameters.hpp"

#include <algorithm>

namespace tunescope {

bool ModelParameters::is_shared(ParameterIndex index) const {
  return std::all_of(models_.begin() + 1, models_.end(),
                     [&](const Parameters* other) { return (*other)[index].is_same(first(index)); });
}

PerModelTensors ModelParameters::of_each(ParameterIndex index) const {
  PerModelTensors tensors;
  for (const Parameters* model : models_) tensors.push_back((*model)[index]);
  return tensors;
}

}  // namespace tunescope
