#include "tunescope/kernels/dropout.hpp"

#include "backends/dropout.hpp"

namespace tunescope {

const Kernel<ApplyDropout>& apply_dropout_kernel() {
  static const Kernel<ApplyDropout> kernel{"apply_dropout", aten::apply_dropout_, cpu::apply_dropout_,
                                           cuda::apply_dropout_};
  return kernel;
}

void apply_dropout_(const at::Tensor& values, const SequenceSegments& segments, const DropoutStreams& streams,
                    const Dropout& dropout) {
  if (dropout.probability <= 0.0) return;
  const Kernel<ApplyDropout>& kernel = apply_dropout_kernel();
  check_contract(
      values.is_contiguous() && values.numel() == segments.offsets.host.back() * segments.elements_per_position,
      kernel.name, "the values are not contiguous, or not those of the sequences");
  const std::size_t sequences = segments.offsets.size() - 1;
  check_contract(streams.examples.size() == sequences && streams.keys.size() == sequences, kernel.name,
                 "there is not one example and one key for each sequence");
  check_contract(segments.first_numbers.size() == 0 || segments.first_numbers.size() == sequences, kernel.name,
                 "there is not one first number for each sequence");
  if (!has_numbers(values)) return;
  kernel.on(values.device(), {.by_cuda = segments.first_numbers.size() == 0})(values, segments, streams, dropout);
}

void apply_dropout_(const at::Tensor& values, const RowLayout& rows, const Dropout& dropout) {
  apply_dropout_(values, {rows.sequence_offsets, values.size(1), rows.first_numbers}, rows.streams, dropout);
}

}  // namespace tunescope
