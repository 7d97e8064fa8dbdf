#pragma once

#include <ATen/core/Tensor.h>

#include <map>

#include "tunescope/model/parameter_catalogue.hpp"
#include "tunescope/model/pretrained.hpp"

namespace tunescope {

/// The weights of a model's matrix products in bfloat16. Those of a pre-trained encoder are shared by all trials and,
/// while frozen, never change, so they are cast once, here, and looked up from then on. A trial has a copy of this
/// object, to which it adds the weights that it trains.
class Bfloat16Weights {
 public:
  explicit Bfloat16Weights(const PretrainedModel& model);

  /// From now on, `rounded` has in bfloat16 what the storage of `values` begins with. Whoever changes those numbers
  /// changes both.
  void add(const at::Tensor& values, const at::Tensor& rounded) {
    storages_[values.storage().data()] = {values, rounded};
  }

  /// Rounds those matrices of a model's parameters that are not known yet. They must not change.
  void add(const ParameterCatalogue& catalogue, const Parameters& parameters);

  /// `matrix` in bfloat16. If it is a known weight, or a view of several that are contiguous in memory, the result is a
  /// view of the stored copy; every other matrix is cast each time.
  at::Tensor cast(const at::Tensor& matrix) const;

 private:
  struct Twins {
    at::Tensor values;  // keeps the address from being another tensor's
    at::Tensor rounded;
  };
  void add_storage_of(const at::Tensor& weight);

  std::map<const void*, Twins> storages_;  // by the address of the float32 storage
};

}  // namespace tunescope
