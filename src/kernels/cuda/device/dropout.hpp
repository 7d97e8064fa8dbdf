#pragma once

#include "../../backends/dropout_numbers.hpp"
#include "simt.hpp"

namespace tunescope {

/// A dropout layer, as kernels need it. Off if the threshold is 0.
struct DeviceDropout {
  const std::int64_t* examples = nullptr;  ///< by sequence
  const std::uint64_t* keys = nullptr;     ///< by sequence
  std::uint32_t site = 0;
  std::uint32_t threshold = 0;
  float scale = 1.0F;
};

/// A block of random numbers.
struct RandomWords {
  std::uint32_t at[4];
};

/// Ten rounds of Philox 4x32 (Salmon et al. 2011, section 3.3).
__device__ inline RandomWords random_words(std::uint64_t key, std::uint64_t stream, std::uint64_t block) {
  std::uint32_t key0 = static_cast<std::uint32_t>(key);
  std::uint32_t key1 = static_cast<std::uint32_t>(key >> 32U);
  RandomWords words = {{static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32U),
                        static_cast<std::uint32_t>(stream), static_cast<std::uint32_t>(stream >> 32U)}};
  for (int round = 0; round < 10; ++round) {
    const std::uint32_t high0 = __umulhi(0xD2511F53U, words.at[0]);
    const std::uint32_t low0 = 0xD2511F53U * words.at[0];
    const std::uint32_t high1 = __umulhi(0xCD9E8D57U, words.at[2]);
    const std::uint32_t low1 = 0xCD9E8D57U * words.at[2];
    words = {{high1 ^ words.at[1] ^ key0, low1, high0 ^ words.at[3] ^ key1, low0}};
    key0 += 0x9E3779B9U;
    key1 += 0xBB67AE85U;
  }
  return words;
}

/// The mask of one example at one site, for a thread that asks for elements one after another. A block of random words
/// serves eight elements (see `dropout_numbers.hpp`) and is computed again only for an element of another block:
/// threads should take elements that are 16 or 32 apart.
class DropoutMask {
 public:
  __device__ DropoutMask(const DeviceDropout& dropout, std::int64_t sequence)
      : threshold_(dropout.threshold), scale_(dropout.scale) {
    if (threshold_ == 0) return;
    key_ = dropout.keys[sequence];
    stream_ = dropout_stream(dropout.site, dropout.examples[sequence]);
  }

  /// What an element of the example is multiplied with: 0, or the scale.
  __device__ float factor(std::int64_t element) { return keeps(element) ? scale_ : 0.0F; }

  __device__ bool keeps(std::int64_t element) {
    if (threshold_ == 0) return true;
    const std::uint64_t block =
        static_cast<std::uint64_t>(element / kDropoutTile * kDropoutLanes + element % kDropoutLanes);
    if (block != block_) compute(block);
    const auto number_of_word = static_cast<unsigned>(element % kDropoutHalf / kDropoutLanes);
    // Constant indices, for registers have no others.
    const std::uint32_t even = (number_of_word & 2U) == 0 ? words_.at[0] : words_.at[2];
    const std::uint32_t odd = (number_of_word & 2U) == 0 ? words_.at[1] : words_.at[3];
    const std::uint32_t word = (number_of_word & 1U) == 0 ? even : odd;
    const std::uint32_t number = element % kDropoutTile < kDropoutHalf ? word & 0xFFFFU : word >> 16U;
    return number >= threshold_;
  }

  /// Bit n tells of element 16 n of those that share this block whether it is kept.
  __device__ unsigned kept_of_block(std::uint64_t block) {
    compute(block);
    unsigned kept = 0;
    for (unsigned n = 0; n < 4; ++n) {
      if ((words_.at[n] & 0xFFFFU) >= threshold_) kept |= 1U << n;
      if (words_.at[n] >> 16U >= threshold_) kept |= 16U << n;
    }
    return kept;
  }

 private:
  __device__ void compute(std::uint64_t block) {
    block_ = block;
    words_ = random_words(key_, stream_, block);
  }

  std::uint32_t threshold_;
  float scale_;
  std::uint64_t key_ = 0;
  std::uint64_t stream_ = 0;
  std::uint64_t block_ = ~std::uint64_t{0};
  RandomWords words_ = {};
};

}  // namespace tunescope
