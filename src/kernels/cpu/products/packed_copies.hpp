#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

#include "tunescope/kernels/products/packed_matrix.hpp"

namespace tunescope::cpu {

/// The number of rows that a copy is said to be for. A library may choose the order by it, so it is the same in all
/// runs, and their results are.
inline constexpr int kUsualRows = 256;

/// Whether the BLAS inside LibTorch is MKL, with its products by copies.
bool mkl_packs();
std::shared_ptr<const PackedMatrix::Copy> packed_by_mkl(const at::Tensor& matrix);

/// Whether LibTorch has oneDNN, on a CPU that it supports.
bool onednn_packs();
std::shared_ptr<const PackedMatrix::Copy> packed_by_onednn(const at::Tensor& matrix);

}  // namespace tunescope::cpu
