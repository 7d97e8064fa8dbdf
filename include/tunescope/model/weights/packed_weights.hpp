#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <tuple>

#include "tunescope/kernels/products/packed_matrix.hpp"
#include "tunescope/model/parameter_catalogue.hpp"

namespace tunescope {

/// Copies of a pre-trained model's matrices in the order in which products on the CPU read them. Trials that leave
/// these matrices frozen share the tensors, and so the copies. Each is made when a product first asks for it: one for
/// the forward pass and one for the backward pass.
class PackedWeights {
 public:
  /// `backbone` has the first tensors of `catalogue`, which never change. Those that are no matrices, not float32 or
  /// not on the CPU are left out.
  PackedWeights(const ParameterCatalogue& catalogue, std::span<const at::Tensor> backbone);

  /// The copy of a matrix [k, n], which is one of those tensors or several that are contiguous in memory, transposed or
  /// not. Null if it is no such matrix, if it is so small that packing gains nothing, if LibTorch's BLAS has no
  /// products with copies, or if there is no memory for it.
  const PackedMatrix* find(const at::Tensor& matrix);

  /// Bytes of the copies of all matrices, for both passes. Where some trials train a part of what others multiply as
  /// one matrix, there are more.
  double expected_bytes() const;
  std::size_t copies() const { return copies_.size(); }  ///< made so far

 private:
  struct Place {
    const void* address = nullptr;
    std::int64_t inputs = 0;
    std::int64_t outputs = 0;
    std::int64_t stride = 0;
    auto operator<=>(const Place&) const = default;
  };
  std::map<const void*, at::Tensor> frozen_;  // one of each storage, by its address
  std::int64_t frozen_numbers_ = 0;
  std::map<Place, PackedMatrix> copies_;
};

}  // namespace tunescope
