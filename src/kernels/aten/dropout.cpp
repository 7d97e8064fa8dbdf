#include "../backends/dropout.hpp"

#include <ATen/ops/arange.h>
#include <ATen/ops/bitwise_right_shift.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/repeat_interleave.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>

#include <array>
#include <bit>

namespace tunescope::aten {
namespace {

// Tensors have no unsigned 32-bit numbers with all operations, so words are kept in the low half of int64. A product of
// two words wraps around as a signed number, but its bits are those of the product without sign.
constexpr std::int64_t kWordMask = 0xFFFFFFFF;

at::Tensor low_word(const at::Tensor& numbers) { return numbers.bitwise_and(kWordMask); }
at::Tensor high_word(const at::Tensor& numbers) { return low_word(at::bitwise_right_shift(numbers, 32)); }

struct PhiloxInputs {
  at::Tensor key, stream, block;  // int64 of one shape, 64 bits each
};

// The four words of each block: ten rounds of Philox 4x32 (Salmon et al. 2011, section 3.3).
std::array<at::Tensor, 4> philox_blocks(const PhiloxInputs& inputs) {
  at::Tensor key0 = low_word(inputs.key);
  at::Tensor key1 = high_word(inputs.key);
  std::array words = {low_word(inputs.block), high_word(inputs.block), low_word(inputs.stream),
                      high_word(inputs.stream)};
  for (int round = 0; round < 10; ++round) {
    const at::Tensor product0 = words[0].mul(std::int64_t{0xD2511F53});
    const at::Tensor product1 = words[2].mul(std::int64_t{0xCD9E8D57});
    words = {high_word(product1).bitwise_xor_(words[1]).bitwise_xor_(key0), low_word(product1),
             high_word(product0).bitwise_xor_(words[3]).bitwise_xor_(key1), low_word(product0)};
    key0 = low_word(key0.add(std::int64_t{0x9E3779B9}));
    key1 = low_word(key1.add(std::int64_t{0xBB67AE85}));
  }
  return words;
}

// A view of a layout's numbers, with the same bits.
template <typename Number>
at::Tensor view_of(const LayoutNumbers<Number>& numbers, at::Device device) {
  static_assert(sizeof(Number) == sizeof(std::int64_t));
  return at::from_blob(const_cast<Number*>(numbers.device), {static_cast<std::int64_t>(numbers.size())},
                       at::TensorOptions(at::kLong).device(device));
}

}  // namespace

void apply_dropout_(const at::Tensor& values, const SequenceSegments& segments, const DropoutStreams& streams,
                    const Dropout& dropout) {
  const std::int64_t elements = values.numel();
  const at::Tensor starts = view_of(segments.offsets, values.device()).mul(segments.elements_per_position);
  const at::Tensor counts = starts.diff();
  const auto of_elements = [&](const at::Tensor& of_sequences) {
    return at::repeat_interleave(of_sequences, counts, 0, elements);
  };
  const at::Tensor stream = view_of(streams.examples, values.device())
                                .bitwise_xor(std::bit_cast<std::int64_t>(dropout_stream(dropout.site, 0)));
  // See backends/dropout.hpp for the order of the numbers.
  const at::Tensor element = at::arange(elements, starts.options()).sub_(of_elements(starts.slice(0, 0, -1)));
  if (segments.first_numbers.size() > 0) {
    const at::Tensor numbers = view_of(segments.first_numbers, values.device());
    element.add_(of_elements(numbers.mul(segments.elements_per_position)));
  }
  const at::Tensor block =
      element.floor_divide(kDropoutTile).mul_(kDropoutLanes).add_(element.remainder(kDropoutLanes));
  const std::array<at::Tensor, 4> words =
      philox_blocks({of_elements(view_of(streams.keys, values.device())), of_elements(stream), block});
  const at::Tensor number_of_word = element.remainder(kDropoutHalf).floor_divide_(kDropoutLanes);
  at::Tensor word = at::zeros_like(element);
  for (std::size_t i = 0; i < words.size(); ++i) {
    word.add_(words[i].mul(number_of_word.eq(static_cast<std::int64_t>(i))));
  }
  const at::Tensor is_low = element.remainder(kDropoutTile).lt(kDropoutHalf);
  const at::Tensor number = at::where(is_low, word.bitwise_and(0xFFFF), at::bitwise_right_shift(word, 16));
  const std::uint32_t threshold = dropout_threshold(dropout.probability);
  const at::Tensor is_kept = number.ge(static_cast<std::int64_t>(threshold));
  values.mul_(is_kept.to(values.scalar_type()).mul_(dropout_scale(threshold)).view(values.sizes()));
}

}  // namespace tunescope::aten
