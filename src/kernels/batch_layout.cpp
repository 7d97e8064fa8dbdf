#include "tunescope/kernels/batch_layout.hpp"

#include <algorithm>
#include <numeric>

#include "tunescope/device/host_tensor.hpp"

namespace tunescope {
namespace {

using Numbers = std::vector<std::int64_t>;

// Offsets in pairs of two tokens of the same sequence.
Numbers squares_of(const Numbers& sequence_offsets) {
  Numbers offsets = {0};
  for (std::size_t b = 0; b + 1 < sequence_offsets.size(); ++b) {
    const std::int64_t length = sequence_offsets[b + 1] - sequence_offsets[b];
    offsets.push_back(offsets.back() + length * length);
  }
  return offsets;
}

Numbers chosen(const Numbers& from, const Numbers& indices) {
  Numbers numbers;
  for (const std::int64_t index : indices) numbers.push_back(from[static_cast<std::size_t>(index)]);
  return numbers;
}

// The number of the part of each element, for parts that begin at `offsets`.
Numbers parts_of(const Numbers& offsets) {
  Numbers parts;
  for (std::size_t part = 0; part + 1 < offsets.size(); ++part) {
    parts.insert(parts.end(), static_cast<std::size_t>(offsets[part + 1] - offsets[part]),
                 static_cast<std::int64_t>(part));
  }
  return parts;
}

Numbers counted(std::size_t count) {
  Numbers numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

}  // namespace

CopiedNumbers::CopiedNumbers(std::span<const std::int64_t> numbers, at::Device device) {
  const auto count = static_cast<std::int64_t>(numbers.size());
  host_ = host_tensor({count}, at::kLong, device);
  std::copy(numbers.begin(), numbers.end(), host_.mutable_data_ptr<std::int64_t>());
  device_ = host_.to(device, /*non_blocking=*/true);
  numbers_ = {{host_.const_data_ptr<std::int64_t>(), numbers.size()},
              device.is_meta() ? nullptr : device_.const_data_ptr<std::int64_t>()};
}

BatchLayout::BatchLayout(const Contents& contents, at::Device device) {
  Numbers all;
  const auto append = [&all](const auto& numbers) {
    all.insert(all.end(), numbers.begin(), numbers.end());
    return numbers.size();
  };
  const std::size_t models = append(contents.model_sequences);
  append(chosen(contents.sequence_offsets, contents.model_sequences));
  const std::size_t offsets = append(contents.sequence_offsets);
  append(squares_of(contents.sequence_offsets));
  append(counted(offsets));
  const std::size_t rows = append(parts_of(contents.sequence_offsets));
  append(parts_of(contents.model_sequences));
  const std::size_t examples = append(contents.examples);
  const std::size_t keys = append(contents.dropout_keys);

  numbers_ = CopiedNumbers(all, device);
  std::size_t first = 0;
  const auto next = [&](std::size_t size) {
    first += size;
    return numbers_.all().part(first - size, size);
  };
  sequences_.model_sequences = sequences_.model_offsets = tokens_.model_sequences = next(models);
  tokens_.model_offsets = next(models);
  sequences_.pair_offsets = tokens_.sequence_offsets = next(offsets);
  tokens_.pair_offsets = next(offsets);
  sequences_.sequence_offsets = next(offsets);
  sequences_.row_sequences = sequences_.sequence_offsets.part(0, offsets - 1);  // 0, 1, 2, ...
  tokens_.row_sequences = next(rows);
  sequences_.sequence_models = tokens_.sequence_models = next(offsets - 1);
  tokens_.streams.examples = next(examples);
  const LayoutNumbers<std::int64_t> as_signed = next(keys);
  // The generator takes keys without sign; the bits are the same.
  tokens_.streams.keys = {{reinterpret_cast<const std::uint64_t*>(as_signed.host.data()), keys},
                          reinterpret_cast<const std::uint64_t*>(as_signed.device)};
  sequences_.streams = tokens_.streams;
}

}  // namespace tunescope
