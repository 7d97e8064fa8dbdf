// Device code as the kernels use it, on whatever runs it: the emulator's fibers, its threads under ThreadSanitizer, and
// GPUs (device_code_test.cu). Blocks have at most 64 threads, as the second of them asks.

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include "emulator/device_test.hpp"
#include "kernels/cuda/device/dropout.hpp"
#include "kernels/cuda/device/matrix.hpp"
#include "tunescope/random/philox.hpp"

namespace tunescope {
namespace {

using test::DeviceArray;
using test::run_kernel;

constexpr unsigned kThreads = 64;

std::vector<float> first_numbers(std::size_t count) {
  std::vector<float> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 1.0F);
  return numbers;
}

__device__ float sum_of_warp(float value) {
  for (int lanes = 16; lanes > 0; lanes /= 2) value += __shfl_xor_sync(kAllLanes, value, lanes);
  return value;
}

// The same in all threads of a block of whole warps.
__device__ float sum_of_block(float value) {
  SHARED_ARRAY(float, sums, 32);
  const unsigned warps = blockDim.x / kWarp;
  value = sum_of_warp(value);
  if (threadIdx.x % kWarp == 0) sums[threadIdx.x / kWarp] = value;
  __syncthreads();
  float sum = 0.0F;
  for (unsigned i = 0; i < warps; ++i) sum += sums[i];
  __syncthreads();
  return sum;
}

__global__ void add_up_rows(const float* rows, float* sums, unsigned width) {
  float sum = 0.0F;
  for (unsigned i = threadIdx.x; i < width; i += blockDim.x) sum += rows[blockIdx.x * width + i];
  sum = sum_of_block(sum);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

TEST(DeviceCode, AddsUpTheRowsOfAMatrix) {
  const DeviceArray<float> rows(first_numbers(3 * 100));
  const DeviceArray<float> sums(3);
  run_kernel(add_up_rows, 3, kThreads, 0, rows.data(), sums.data(), 100);
  EXPECT_EQ(sums.values(), (std::vector<float>{5050, 15050, 25050}));
}

// The block that takes the last ticket adds up what all have left, in their order.
__global__ void add_up(const float* numbers, unsigned count, float* partial_sums, unsigned* tickets, float* sum) {
  SHARED_ARRAY(bool, is_last, 1);
  float own = 0.0F;
  for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x) own += numbers[i];
  own = sum_of_block(own);
  if (threadIdx.x == 0) {
    partial_sums[blockIdx.x] = own;
    __threadfence();
    is_last[0] = atomicAdd(tickets, 1U) == gridDim.x - 1;
  }
  __syncthreads();
  if (!is_last[0]) return;
  __threadfence();
  float all = threadIdx.x < gridDim.x ? partial_sums[threadIdx.x] : 0.0F;
  all = sum_of_block(all);
  if (threadIdx.x == 0) {
    *sum = all;
    *tickets = 0;
  }
}

TEST(DeviceCode, AddsUpOverBlocksWithATicket) {
  const DeviceArray<float> numbers(first_numbers(1000));
  const DeviceArray<float> partial_sums(7);
  const DeviceArray<unsigned> tickets(1);
  const DeviceArray<float> sum(1);
  for (int run = 0; run < 3; ++run) {
    run_kernel(add_up, 7, kThreads, 0, numbers.data(), 1000U, partial_sums.data(), tickets.data(), sum.data());
    EXPECT_EQ(sum.values().front(), 500500.0F);
    EXPECT_EQ(tickets.values().front(), 0U);
  }
}

__global__ void find_largest(const unsigned* numbers, unsigned* largest) {
  atomicMax(largest, numbers[blockIdx.x * blockDim.x + threadIdx.x]);
}

TEST(DeviceCode, FindsTheLargestOfAllBlocks) {
  std::vector<unsigned> numbers(2 * kThreads);
  for (unsigned i = 0; i < numbers.size(); ++i) numbers[i] = i * 37 % 128;
  const DeviceArray<unsigned> array(numbers);
  const DeviceArray<unsigned> largest(1);
  run_kernel(find_largest, 2, kThreads, 0, array.data(), largest.data());
  EXPECT_EQ(largest.values().front(), 127U);
}

__global__ void reverse(const float4* numbers, float4* reversed, unsigned count) {
  auto* const copy = dynamic_shared<float4>();
  const unsigned i = threadIdx.x;
  if (i < count) copy[i] = load_vector<float4>(numbers + i);
  __syncthreads();
  if (i < count) store_vector(reversed + i, copy[count - 1 - i]);
}

TEST(DeviceCode, ReversesVectorsThroughSharedMemoryOfALaunch) {
  const DeviceArray<float4> numbers(std::vector<float4>{{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10, 11, 12}});
  const DeviceArray<float4> reversed(3);
  run_kernel(reverse, 1, kThreads, 3 * sizeof(float4), numbers.data(), reversed.data(), 3U);
  EXPECT_EQ(reversed.values()[0].x, 9.0F);
  EXPECT_EQ(reversed.values()[2].w, 4.0F);
  run_kernel(reverse, 1, kThreads, std::size_t{100} * 1024, numbers.data(), reversed.data(), 3U);
}

// Each warp moves the numbers that are not zero to its front.
__global__ void gather_nonzero(const float* numbers, float* gathered, unsigned* counts) {
  const unsigned lane = threadIdx.x % kWarp;
  const float value = numbers[threadIdx.x];
  const unsigned kept = __ballot_sync(kAllLanes, value != 0.0F);
  unsigned place = 0;
  unsigned count = 0;
  for (unsigned i = 0; i < kWarp; ++i) {
    place += i < lane ? kept >> i & 1U : 0U;
    count += kept >> i & 1U;
  }
  if (value != 0.0F) gathered[threadIdx.x - lane + place] = value;
  if (lane == 0) counts[threadIdx.x / kWarp] = count;
}

TEST(DeviceCode, GathersByBallots) {
  std::vector<float> numbers(kThreads, 0.0F);
  numbers[3] = 1.0F;
  numbers[30] = 2.0F;
  numbers[63] = 3.0F;
  const DeviceArray<float> array(numbers);
  const DeviceArray<float> gathered(kThreads);
  const DeviceArray<unsigned> counts(2);
  run_kernel(gather_nonzero, 1, kThreads, 0, array.data(), gathered.data(), counts.data());
  EXPECT_EQ(counts.values(), (std::vector<unsigned>{2, 1}));
  EXPECT_EQ(gathered.values()[0], 1.0F);
  EXPECT_EQ(gathered.values()[1], 2.0F);
  EXPECT_EQ(gathered.values()[32], 3.0F);
}

// Lanes of one half of a warp exchange through shared memory, the other half through shuffles.
__global__ void exchange_in_halves(float* results) {
  SHARED_ARRAY(float, values, 32);
  const unsigned lane = threadIdx.x;
  constexpr unsigned kLowerHalf = 0x0000FFFFU;
  if (lane < 16) {
    values[lane] = static_cast<float>(lane);
    __syncwarp(kLowerHalf);
    results[lane] = values[15 - lane];
  } else {
    results[lane] = __shfl_down_sync(~kLowerHalf, static_cast<float>(lane), 1) +
                    __shfl_sync(~kLowerHalf, static_cast<float>(lane), 16);
  }
}

TEST(DeviceCode, MeetsInPartsOfAWarp) {
  const DeviceArray<float> results(32);
  run_kernel(exchange_in_halves, 1, 32, 0, results.data());
  EXPECT_EQ(results.values()[0], 15.0F);
  EXPECT_EQ(results.values()[15], 0.0F);
  EXPECT_EQ(results.values()[16], 33.0F);
  EXPECT_EQ(results.values()[31], 47.0F);
}

// A, B and C lie as words: A [16, 8], B [8, 8], the columns of which are those of the product.
template <FactorType kType>
__global__ void multiply_matrices(const std::uint32_t* a, const std::uint32_t* b, float* sums) {
  const unsigned g = threadIdx.x / 4;
  const unsigned t = threadIdx.x % 4;
  std::uint32_t of_a[4];
  std::uint32_t of_b[2];
  for (unsigned i = 0; i < 4; ++i) of_a[i] = a[(g + i % 2 * 8) * 8 + t + i / 2 * 4];
  for (unsigned i = 0; i < 2; ++i) of_b[i] = b[(t + i * 4) * 8 + g];
  float of_sums[4];
  for (unsigned i = 0; i < 4; ++i) of_sums[i] = sums[(g + i / 2 * 8) * 8 + 2 * t + i % 2];
  multiply_accumulate<kType>(of_sums, of_a, of_b);
  for (unsigned i = 0; i < 4; ++i) sums[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = of_sums[i];
}

// Small integers, so that every order of the sums is exact.
template <FactorType kType>
void expect_plain_product() {
  constexpr std::size_t kPerWord = kType == FactorType::kBfloat16 ? 2 : 1;
  constexpr std::size_t kDepth = 8 * kPerWord;
  std::mt19937 random(5);
  const auto draw = [&random] { return static_cast<float>(static_cast<int>(random() % 17) - 8); };
  std::vector<float> a(16 * kDepth), b(kDepth * 8), sums(16 * 8);
  for (std::vector<float>* matrix : {&a, &b, &sums}) {
    for (float& value : *matrix) value = draw();
  }
  // Of the numbers k, k + 1, ... in the sum, as many as a word holds.
  const auto word_of = [](auto number_at) {
    const auto bits = [&](std::size_t k) { return std::bit_cast<std::uint32_t>(number_at(k)); };
    return kPerWord == 1 ? bits(0) : bits(0) >> 16U | (bits(1) & 0xFFFF0000U);
  };
  std::vector<std::uint32_t> words_of_a, words_of_b;
  for (std::size_t row = 0; row < 16; ++row) {
    for (std::size_t word = 0; word < 8; ++word) {
      words_of_a.push_back(word_of([&](std::size_t k) { return a[row * kDepth + word * kPerWord + k]; }));
    }
  }
  for (std::size_t word = 0; word < 8; ++word) {
    for (std::size_t column = 0; column < 8; ++column) {
      words_of_b.push_back(word_of([&](std::size_t k) { return b[(word * kPerWord + k) * 8 + column]; }));
    }
  }
  const DeviceArray<std::uint32_t> device_a(words_of_a);
  const DeviceArray<std::uint32_t> device_b(words_of_b);
  const DeviceArray<float> device_sums(sums);
  run_kernel(multiply_matrices<kType>, 1, 32, 0, device_a.data(), device_b.data(), device_sums.data());
  for (std::size_t i = 0; i < 16; ++i) {
    for (std::size_t j = 0; j < 8; ++j) {
      for (std::size_t k = 0; k < kDepth; ++k) sums[i * 8 + j] += a[i * kDepth + k] * b[k * 8 + j];
    }
  }
  EXPECT_EQ(device_sums.values(), sums);
}

TEST(DeviceCode, MultipliesMatricesAsAPlainProductDoes) {
  expect_plain_product<FactorType::kBfloat16>();
  expect_plain_product<FactorType::kTf32>();
}

__global__ void write_factors(float* factors, unsigned count, DeviceDropout dropout) {
  DropoutMask mask(dropout, blockIdx.x);
  for (unsigned e = threadIdx.x; e < count; e += blockDim.x) factors[blockIdx.x * count + e] = mask.factor(e);
}

TEST(DeviceCode, DropsAsTheDefinitionOfDropoutSays) {
  constexpr unsigned kCount = 300;
  const DeviceArray<std::int64_t> examples(std::vector<std::int64_t>{12, 5});
  const DeviceArray<std::uint64_t> keys(std::vector<std::uint64_t>{99, 7});
  const DeviceArray<float> factors(std::size_t{2} * kCount);
  const DeviceDropout dropout{
      .examples = examples.data(), .keys = keys.data(), .site = 3, .threshold = 32768, .scale = 2.0F};
  run_kernel(write_factors, 2, kThreads, 0, factors.data(), kCount, dropout);
  const std::vector<float> all = factors.values();
  for (unsigned e = 0; e < kCount; ++e) {
    for (unsigned sequence = 0; sequence < 2; ++sequence) {
      const std::int64_t example = sequence == 0 ? 12 : 5;
      const std::uint64_t key = sequence == 0 ? 99 : 7;
      const std::uint32_t word = philox(key, dropout_stream(3, example), e / 128 * 16 + e % 16)[e % 64 / 16];
      const std::uint32_t number = e % 128 < 64 ? word & 0xFFFFU : word >> 16U;
      EXPECT_EQ(all[sequence * kCount + e], number < 32768U ? 0.0F : 2.0F) << sequence << " " << e;
    }
  }
}

}  // namespace
}  // namespace tunescope
