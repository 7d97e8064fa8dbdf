#include "../backends/training/segmented_sums.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "vector_clones.hpp"

namespace tunescope::cpu {
namespace {

// Vectors add in another order than the loops below say, but always in the same one.
TUNESCOPE_VECTOR_CLONES double sum_of_squares(const float* numbers, std::int64_t count) {
  double squares = 0.0;
#pragma omp simd reduction(+ : squares)
  for (std::int64_t i = 0; i < count; ++i) {
    squares += static_cast<double>(numbers[i]) * static_cast<double>(numbers[i]);
  }
  return squares;
}

using Change = std::array<double, kChangeColumns>;

TUNESCOPE_VECTOR_CLONES Change change_of(const float* initial, const float* trained, std::int64_t count) {
  double differences = 0.0;
  double squares = 0.0;
  double initial_squares = 0.0;
  double largest = 0.0;
#pragma omp simd reduction(+ : differences, squares, initial_squares) reduction(max : largest)
  for (std::int64_t i = 0; i < count; ++i) {
    const auto before = static_cast<double>(initial[i]);
    const double difference = std::abs(static_cast<double>(trained[i]) - before);
    differences += difference;
    squares += difference * difference;
    initial_squares += before * before;
    largest = largest < difference ? difference : largest;
  }
  return {differences, squares, initial_squares, largest};
}

// A chunk of one of several tensors.
struct Chunk {
  std::size_t tensor = 0;
  std::int64_t first = 0;
  std::int64_t count = 0;
};

std::vector<Chunk> chunks_of(std::span<const std::int64_t> sizes) {
  std::vector<Chunk> chunks;
  for (std::size_t tensor = 0; tensor < sizes.size(); ++tensor) {
    for (std::int64_t first = 0; first < sizes[tensor]; first += kSumChunk) {
      chunks.push_back({tensor, first, std::min(kSumChunk, sizes[tensor] - first)});
    }
  }
  return chunks;
}

// Calls `sums_of` for each chunk, with the chunks split over the threads, and then `add` with the results one after
// another.
template <typename SumsOf, typename Add>
void sum_in_chunks(std::span<const std::int64_t> sizes, SumsOf sums_of, Add add) {
  const std::vector<Chunk> chunks = chunks_of(sizes);
  std::vector<decltype(sums_of(Chunk{}))> sums(chunks.size());
  at::parallel_for(0, static_cast<std::int64_t>(chunks.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      sums[i] = sums_of(chunks[i]);
    }
  });
  for (std::size_t i = 0; i < chunks.size(); ++i) add(chunks[i].tensor, sums[i]);
}

}  // namespace

void gradient_norms(std::span<const at::Tensor> gradients, const at::Tensor& norms) {
  std::vector<std::int64_t> sizes;
  std::vector<const float*> numbers;
  for (const at::Tensor& gradient : gradients) {
    sizes.push_back(gradient.numel());
    numbers.push_back(gradient.const_data_ptr<float>());
  }
  norms.zero_();
  const std::span<double> results(norms.mutable_data_ptr<double>(), gradients.size());
  sum_in_chunks(
      sizes, [&](const Chunk& chunk) { return sum_of_squares(numbers[chunk.tensor] + chunk.first, chunk.count); },
      [&](std::size_t tensor, double squares) { results[tensor] += squares; });
  for (double& result : results) result = std::sqrt(result);
}

void parameter_changes(std::span<const ChangedTensor> tensors, const at::Tensor& changes) {
  std::vector<std::int64_t> sizes;
  std::vector<const float*> initial;
  std::vector<const float*> trained;
  for (const ChangedTensor& tensor : tensors) {
    sizes.push_back(tensor.initial.numel());
    initial.push_back(tensor.initial.const_data_ptr<float>());
    trained.push_back(tensor.trained.const_data_ptr<float>());
  }
  changes.zero_();
  double* const rows = changes.mutable_data_ptr<double>();
  sum_in_chunks(
      sizes,
      [&](const Chunk& chunk) {
        return change_of(initial[chunk.tensor] + chunk.first, trained[chunk.tensor] + chunk.first, chunk.count);
      },
      [&](std::size_t tensor, const Change& change) {
        double* const row = rows + tensor * kChangeColumns;
        for (const int sum : {kSumOfDifferences, kSumOfSquares, kSumOfInitialSquares}) {
          row[sum] += change[static_cast<std::size_t>(sum)];
        }
        row[kLargestDifference] = std::max(row[kLargestDifference], change[kLargestDifference]);
        // A comparison leaves NaN out, a sum does not.
        if (std::isnan(row[kSumOfDifferences])) row[kLargestDifference] = std::numeric_limits<double>::quiet_NaN();
      });
}

}  // namespace tunescope::cpu
