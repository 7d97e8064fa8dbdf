#pragma once

#include <map>
#include <string>
#include <vector>

#include "tunescope/method/method.hpp"

namespace tunescope {

/// Whether a tensor of the backbone belongs to a pool.
using PoolPredicate = bool (*)(const ParameterInfo&);

/// A named set of tensors: the method of that name trains all of it, subset methods draw from it.
struct Pool {
  std::string name;
  std::string description;
  PoolPredicate contains;
};

/// Every pool; the name is also that of the method that trains it.
const std::vector<Pool>& pools();

/// The pool of that name. Throws `ConfigError` naming the nearest known pool.
const Pool& find_pool(const std::string& name);

/// How a method with options is spelled, checked and applied.
struct SubsetMethod {
  std::string name;
  std::string description;
  std::map<std::string, std::string> defaults;  ///< every option; an empty default must be given
  bool needs_scores = false;                    ///< whether `select` reads `SelectionContext::scores`
  Selection (*select)(const Method&, const ParameterCatalogue&, const SelectionContext&) = nullptr;
};

/// Every method that trains a part of a pool.
const std::vector<SubsetMethod>& subset_methods();

}  // namespace tunescope
