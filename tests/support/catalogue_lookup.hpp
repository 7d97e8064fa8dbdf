#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include "tunescope/model/parameter_catalogue.hpp"

namespace tunescope::test {

/// The index of the tensor with this name. Throws `std::out_of_range` if there is none.
inline ParameterIndex index_of(const ParameterCatalogue& catalogue, std::string_view name) {
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    if (catalogue[i].name == name) return i;
  }
  throw std::out_of_range(std::string(name));
}

}  // namespace tunescope::test
