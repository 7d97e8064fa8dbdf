#pragma once

#include <ATen/core/Tensor.h>

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
  /// The most bytes that the copies of a model's matrices take.
  static double most_bytes(const ParameterCatalogue& catalogue);

  /// Tensors that never change. Those that are not float32, or not on the CPU, are left out.
  explicit PackedWeights(std::span<const at::Tensor> frozen);

  /// The copy of a matrix [k, n], which is one of those tensors or several that are contiguous in memory, transposed or
  /// not. Null if it is no such matrix, if it is so small that packing gains nothing, or if LibTorch's BLAS has no
  /// products with copies.
  const PackedMatrix* find(const at::Tensor& matrix);

 private:
  struct Place {
    const void* address = nullptr;
    std::int64_t inputs = 0;
    std::int64_t outputs = 0;
    std::int64_t stride = 0;
    auto operator<=>(const Place&) const = default;
  };
  std::map<const void*, at::Tensor> frozen_;  // by the address of the storage
  std::map<Place, PackedMatrix> copies_;
};

}  // namespace tunescope
