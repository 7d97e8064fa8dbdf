#pragma once

namespace tunescope {

/// Sets what LibTorch would otherwise take from the environment or from defaults that do not suit. Products of float32
/// numbers on a GPU are exact (TORCH_ALLOW_TF32_CUBLAS_OVERRIDE does not count), and no part of the sum of a product in
/// bfloat16 is rounded to bfloat16. The memory of a GPU is taken in segments that grow, because the lengths of batches
/// differ from step to step; PYTORCH_ALLOC_CONF replaces that. Call it once, before CUDA starts.
void prepare_libtorch();

/// While such an object lives with `is_wanted`, products of float32 numbers on a GPU are in TF32: with factors of ten
/// bits.
class Tf32Products {
 public:
  explicit Tf32Products(bool is_wanted);
  ~Tf32Products();
  Tf32Products(const Tf32Products&) = delete;
  Tf32Products& operator=(const Tf32Products&) = delete;
};

/// Whether they are now. Tunescope's own kernels that square gradients of matrices on a GPU follow it; those of
/// attention and of the head's last layer multiply in float32.
bool multiplies_in_tf32();

}  // namespace tunescope
