#include "tunescope/kernels/dropout.hpp"

#include "dropout_backends.hpp"

namespace tunescope {

void apply_dropout_(const at::Tensor& values, const ExampleSegments& segments, const Dropout& dropout) {
  if (dropout.probability <= 0.0) return;
  if (values.is_cpu()) {
    cpu::apply_dropout_(values, segments, dropout);
  } else {
    cuda::apply_dropout_(values, segments, dropout);
  }
}

}  // namespace tunescope
