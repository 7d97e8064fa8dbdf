#include "tunescope/kernels/dropout.hpp"

#include "dropout_backends.hpp"

namespace tunescope {

void apply_dropout_(const at::Tensor& values, const SequenceSegments& segments, const DropoutStreams& streams,
                    const Dropout& dropout) {
  if (dropout.probability <= 0.0) return;
  if (values.is_cpu()) {
    cpu::apply_dropout_(values, segments, streams, dropout);
  } else {
    cuda::apply_dropout_(values, segments, streams, dropout);
  }
}

}  // namespace tunescope
