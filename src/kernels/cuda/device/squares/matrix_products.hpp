#pragma once

#include <bit>
#include <cstddef>

#include "../matrix.hpp"
#include "../vector.hpp"
#include "squared_sums.hpp"

namespace tunescope {

// What `SquaresTile` does, by the matrix instruction. Eight warps share a tile of 128 x 128 numbers of a weight's
// gradient; each keeps 64 x 32 of them and the sums of their squares in registers. A step is the rows that one
// instruction multiplies, 16 in bfloat16 and 8 in TF32, all of one group; where a group ends before a step does, zeros
// stand in. Shared memory has two steps at a time, and the next two are on their way to registers meanwhile.
//
// In shared memory lie words (see `FactorType`): words of the same numbers of the sum side by side, so that both
// factors of a product are read alike. Column c of the tile lies at place c % 8 / 4 * 64 + c / 8 * 4 + c % 4: a thread
// that has eight columns writes them as two vectors, and a warp reads and writes without bank conflicts.
inline constexpr int kMatrixTile = 128;
inline constexpr int kMatrixThreads = 256;

/// Rows of 16-byte vectors.
struct VectorRows {
  const std::byte* data = nullptr;
  std::int64_t row_bytes = 0;
};

/// Of eight columns: the words, or what has been read of them.
struct EightWords {
  Vector<std::uint32_t, 4> at[2];
};

/// How the numbers of a type become words.
template <FactorType>
struct WordsOf;

template <>
struct WordsOf<FactorType::kBfloat16> {
  static constexpr int kBytes = 2;  // of a number
  static constexpr int kRows = 2;   // whose numbers a word has

  /// Reads eight columns of the first `rows` rows at an address, unchanged.
  __device__ static void fetch(EightWords& fetched, const std::byte* from, std::int64_t row_bytes, int rows) {
    if (rows > 0) fetched.at[0] = load<4>(reinterpret_cast<const std::uint32_t*>(from));
    if (rows > 1) fetched.at[1] = load<4>(reinterpret_cast<const std::uint32_t*>(from + row_bytes));
  }
  __device__ static EightWords words(const EightWords& fetched) {
    EightWords words;
    UNROLL
    for (int pair = 0; pair < 4; ++pair) {
      const std::uint32_t first = fetched.at[0].at[pair];
      const std::uint32_t second = fetched.at[1].at[pair];
      words.at[pair / 2].at[pair % 2 * 2] = (first & 0xFFFFU) | second << 16U;
      words.at[pair / 2].at[pair % 2 * 2 + 1] = first >> 16U | (second & 0xFFFF0000U);
    }
    return words;
  }
  __device__ static float sum(std::uint32_t word) {
    return std::bit_cast<float>(word << 16U) + std::bit_cast<float>(word & 0xFFFF0000U);
  }
};

template <>
struct WordsOf<FactorType::kTf32> {
  static constexpr int kBytes = 4;
  static constexpr int kRows = 1;

  __device__ static void fetch(EightWords& fetched, const std::byte* from, std::int64_t /*row_bytes*/, int rows) {
    if (rows <= 0) return;
    fetched.at[0] = load<4>(reinterpret_cast<const std::uint32_t*>(from));
    fetched.at[1] = load<4>(reinterpret_cast<const std::uint32_t*>(from) + 4);
  }
  /// Rounded to the nearest, for the instruction would cut. A NaN stays one: rounded, it could become a number.
  __device__ static EightWords words(const EightWords& fetched) {
    constexpr std::uint32_t kCut = 0x1FFFU;
    constexpr std::uint32_t kExponent = 0x7F800000U;
    EightWords words;
    UNROLL
    for (int i = 0; i < 8; ++i) {
      const std::uint32_t word = fetched.at[i / 4].at[i % 4];
      words.at[i / 4].at[i % 4] = (word & kExponent) == kExponent ? word : (word + (kCut + 1) / 2) & ~kCut;
    }
    return words;
  }
  __device__ static float sum(std::uint32_t word) { return std::bit_cast<float>(word); }
};

/// The grid is tiles of inputs by tiles of outputs, of which none belongs to two layers.
template <FactorType kType>
class MatrixSquaresTile {
 public:
  __device__ MatrixSquaresTile(const DeviceSquaredLayers& layers, const VectorRows& gradients, const VectorRows& inputs,
                               std::int64_t in, const DeviceRowGroups& groups)
      : groups_(groups),
        gradients_(gradients),
        inputs_(inputs),
        in_(in),
        first_in_(std::int64_t{blockIdx.x} * kMatrixTile),
        end_(groups.begin(1)),
        next_end_(groups.begin(2)) {
    const TilesOfLayer own(layers, kMatrixTile);
    layer_ = own.layer;
    first_out_ = own.first_output;
    if (blockIdx.x > 0) layer_.bias = nullptr;
    gradients_.data += (own.first_column + first_out_ + own_column()) * Words::kBytes;
    inputs_.data += (first_in_ + own_column()) * Words::kBytes;
  }

  __device__ void run() {
    if (layer_.weight == nullptr && layer_.bias == nullptr) return;
    SHARED_ARRAY(Four, buffers, 2 * kBuffer);
    Step next[kSteps];
    fetch(next);
    for (Four* buffer = buffers; has_work(next[0]); buffer = buffer == buffers ? buffers + kBuffer : buffers) {
      put(buffer);
      __syncthreads();  // and so every warp is done with the other buffer
      const Step steps[kSteps] = {next[0], next[1]};
      fetch(next);
      UNROLL
      for (int step = 0; step < kSteps; ++step) {
        const Four* const gradients = buffer + step * kInstructionWords * kStride;
        if (steps[step].rows > 0) add_products(gradients, gradients + kRowsOfWords * kStride);
        if (steps[step].ends_group) square();
      }
    }
    store_squares();
  }

 private:
  using Words = WordsOf<kType>;
  using Four = Vector<std::uint32_t, 4>;
  static constexpr int kSteps = 2;  // in shared memory
  static constexpr int kRowsOfWords = kSteps * kInstructionWords;
  static constexpr int kStride = kMatrixTile / 4 + 2;         // of a row of words, in fours
  static constexpr int kBuffer = 2 * kRowsOfWords * kStride;  // output gradients, then inputs
  static constexpr int kThreadsOfRow = kMatrixTile / 8;       // to read the rows of a row of words

  struct Step {
    std::int64_t row = 0;
    int rows = 0;
    bool ends_group = false;
  };
  static __device__ bool has_work(const Step& step) { return step.rows > 0 || step.ends_group; }

  static __device__ int own_row_of_words() { return static_cast<int>(threadIdx.x) / kThreadsOfRow; }
  static __device__ int own_column() { return static_cast<int>(threadIdx.x) % kThreadsOfRow * 8; }
  // Of this thread's warp in the tile, and of its lane in the fragments of an instruction.
  static __device__ int first_out_of_warp() { return static_cast<int>(threadIdx.x / kWarp / 4) * 64; }
  static __device__ int first_in_of_warp() { return static_cast<int>(threadIdx.x / kWarp % 4) * 32; }
  static __device__ int line() { return static_cast<int>(threadIdx.x % kWarp / 4); }
  static __device__ int word() { return static_cast<int>(threadIdx.x % 4); }
  static __device__ int column_at(int place) { return place % 64 / 4 * 8 + place / 64 * 4 + place % 4; }

  __device__ Step take_step() {
    constexpr int kMost = kInstructionWords * Words::kRows;
    Step step{.row = row_, .rows = static_cast<int>(end_ - row_ < kMost ? end_ - row_ : kMost)};
    row_ += step.rows;
    step.ends_group = group_ < groups_.count && row_ == end_;
    if (step.ends_group) {
      ++group_;
      end_ = next_end_;
      next_end_ = groups_.begin(group_ + 2);  // read long before it is needed
    }
    return step;
  }

  // Half of the threads read the first of the next two steps, the others the second; zero where there is nothing.
  __device__ void fetch(Step (&steps)[kSteps]) {
    steps[0] = take_step();
    steps[1] = take_step();
    const bool is_first = own_row_of_words() < kInstructionWords;
    const int skipped = own_row_of_words() % kInstructionWords * Words::kRows;
    const std::int64_t row = (is_first ? steps[0].row : steps[1].row) + skipped;
    const int count = (is_first ? steps[0].rows : steps[1].rows) - skipped;
    fetched_gradients_ = {};
    fetched_inputs_ = {};
    const auto fetch_rows = [&](EightWords& fetched, const VectorRows& rows) {
      Words::fetch(fetched, rows.data + row * rows.row_bytes, rows.row_bytes, count);
    };
    if (first_out_ + own_column() < layer_.outputs) fetch_rows(fetched_gradients_, gradients_);
    if (layer_.weight != nullptr && first_in_ + own_column() < in_) fetch_rows(fetched_inputs_, inputs_);
  }

  __device__ void put(Four* buffer) const {
    Four* const row = buffer + own_row_of_words() * kStride + own_column() / 8;
    const EightWords gradients = Words::words(fetched_gradients_);
    const EightWords inputs = Words::words(fetched_inputs_);
    UNROLL
    for (int half = 0; half < 2; ++half) {
      row[half * kThreadsOfRow] = gradients.at[half];
      row[kRowsOfWords * kStride + half * kThreadsOfRow] = inputs.at[half];
    }
  }

  __device__ void add_products(const Four* gradients, const Four* inputs) {
    if (layer_.weight != nullptr) {
      Four of_gradients[2][2];  // the places from one and from 32 further on; of the first and of the last four words
      Four of_inputs[2];
      UNROLL
      for (int half = 0; half < 2; ++half) {
        const int row = (word() + 4 * half) * kStride;
        of_gradients[0][half] = gradients[row + first_out_of_warp() / 4 + line()];
        of_gradients[1][half] = gradients[row + first_out_of_warp() / 4 + 8 + line()];
        of_inputs[half] = inputs[row + first_in_of_warp() / 4 + line()];
      }
      UNROLL
      for (int i = 0; i < 4; ++i) {
        UNROLL
        for (int j = 0; j < 4; ++j) {
          multiply_accumulate<kType>(
              sums_[i][j],
              {of_gradients[0][0].at[i], of_gradients[1][0].at[i], of_gradients[0][1].at[i], of_gradients[1][1].at[i]},
              {of_inputs[0].at[j], of_inputs[1].at[j]});
        }
      }
    }
    if (layer_.bias != nullptr && threadIdx.x < kMatrixTile) {
      for (int row = 0; row < kInstructionWords; ++row) {
        bias_sum_ += Words::sum(reinterpret_cast<const std::uint32_t*>(gradients + row * kStride)[threadIdx.x]);
      }
    }
  }

  __device__ void square() {
    UNROLL
    for (int i = 0; i < 4; ++i) {
      UNROLL
      for (int j = 0; j < 4; ++j) {
        UNROLL
        for (int k = 0; k < 4; ++k) {
          squares_[i][j][k] += sums_[i][j][k] * sums_[i][j][k];
          sums_[i][j][k] = 0.0F;
        }
      }
    }
    bias_squares_ += static_cast<double>(bias_sum_) * static_cast<double>(bias_sum_);
    bias_sum_ = 0.0F;
  }

  __device__ void store_squares() {
    if (layer_.weight != nullptr) {
      UNROLL
      for (int i = 0; i < 4; ++i) {
        UNROLL
        for (int k = 0; k < 4; ++k) {
          const std::int64_t out = first_out_ + column_at(first_out_of_warp() + k / 2 * 32 + line() * 4 + i);
          const std::int64_t in = first_in_ + column_at(first_in_of_warp() + (2 * word() + k % 2) * 4);
          if (out >= layer_.outputs || in >= in_) continue;
          double* const target = layer_.weight + out * in_ + in;
          Vector<double, 4> total = load<4>(target);
          UNROLL
          for (int j = 0; j < 4; ++j) total.at[j] += static_cast<double>(squares_[i][j][k]);
          store(target, total);
        }
      }
    }
    if (layer_.bias == nullptr || threadIdx.x >= kMatrixTile) return;
    const std::int64_t out = first_out_ + column_at(static_cast<int>(threadIdx.x));
    if (out < layer_.outputs) layer_.bias[out] += bias_squares_;
  }

  const DeviceRowGroups& groups_;
  DeviceSquaredSums layer_;
  VectorRows gradients_, inputs_;  // from this thread's columns on
  std::int64_t in_;
  std::int64_t first_in_;
  std::int64_t first_out_ = 0;
  std::int64_t group_ = 0;
  std::int64_t row_ = 0;
  std::int64_t end_;       // of the group
  std::int64_t next_end_;  // of the one after it
  EightWords fetched_gradients_;
  EightWords fetched_inputs_;
  // Of four times four instructions.
  float sums_[4][4][4] = {};
  float squares_[4][4][4] = {};
  float bias_sum_ = 0.0F;
  double bias_squares_ = 0.0;
};

template <FactorType kType>
__global__ __launch_bounds__(kMatrixThreads) void add_squares_by_matrix(DeviceSquaredLayers layers,
                                                                        VectorRows gradients, VectorRows inputs,
                                                                        std::int64_t in, DeviceRowGroups groups) {
  MatrixSquaresTile<kType>(layers, gradients, inputs, in, groups).run();
}

}  // namespace tunescope
