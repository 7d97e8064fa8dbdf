#include "../dropout_backends.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope::cuda {

void apply_dropout_(const at::Tensor&, const SequenceSegments&, const DropoutStreams&, const Dropout&) {
  throw DeviceError("this binary has no CUDA backend; build it with -DTUNESCOPE_CUDA=ON");
}

}  // namespace tunescope::cuda
