// Each kernel of the CPU beside the same made of ATen's operations, on batches of the lengths given. Beside the time:
// `GFLOP/s` of the products, to hold against `product`, the same machine's matrix product of a layer; and `GB/s` of
// the bytes that have to be read and written, to hold against `copy`.
//
//   kernel_benchmark [--threads=2] [--length=64] [--sequences=32] [Google Benchmark's options]

#include <ATen/Parallel.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/native_dropout.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <benchmark/benchmark.h>

#include <array>
#include <iostream>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "kernels/activation_backends.hpp"
#include "kernels/attention_backends.hpp"
#include "kernels/layer_norm_backends.hpp"
#include "tunescope/device/host_memory.hpp"

namespace tunescope {
namespace {

constexpr std::int64_t kHidden = 384;  // MiniLM-L6
constexpr std::int64_t kHeads = 12;
constexpr Dropout kDropout{.probability = 0.1, .site = 1};

// A batch of equally long sequences.
struct Batch {
  Batch(std::int64_t length, std::int64_t count)
      : sequences(count),
        tokens(length * count),
        examples(static_cast<std::size_t>(count)),
        keys(static_cast<std::size_t>(count), 7),
        projections{at::randn({tokens, kHidden}), at::randn({tokens, 2 * kHidden})},
        context(at::randn({tokens, kHidden})) {
    std::iota(examples.begin(), examples.end(), 0);
    for (std::int64_t b = 0; b <= count; ++b) offsets.push_back(b * length);
    products = 2.0 * static_cast<double>(kHidden * tokens * length);
  }

  AttentionLayout layout() const { return {offsets, offsets, {examples, keys}, kHeads}; }

  std::int64_t sequences;
  std::int64_t tokens;
  std::vector<std::int64_t> offsets;
  std::vector<std::int64_t> examples;
  std::vector<std::uint64_t> keys;
  AttentionInputs projections;
  at::Tensor context;     // [T, H]
  double products = 0.0;  // floating-point operations of one product of all heads
};

void count_operations(benchmark::State& state, double operations) {
  state.counters["GFLOP/s"] =
      benchmark::Counter(operations / 1e9 * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

void count_bytes(benchmark::State& state, double bytes) {
  state.counters["GB/s"] =
      benchmark::Counter(bytes / 1e9 * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

void attend(benchmark::State& state, const Batch& batch) {
  for (auto _ : state) benchmark::DoNotOptimize(attention(batch.projections, batch.layout(), kDropout));
  count_operations(state, 2 * batch.products);
}

void attend_composed(benchmark::State& state, const Batch& batch) {
  const AttentionLayout layout = batch.layout();
  const AttentionOutput output = attention(batch.projections, layout, kDropout);
  for (auto _ : state) {
    aten::attention({batch.projections, output.probabilities, layout, kDropout}, output.context);
  }
  count_operations(state, 2 * batch.products);
}

void attend_backward(benchmark::State& state, const Batch& batch) {
  const AttentionLayout layout = batch.layout();
  const AttentionOutput output = attention(batch.projections, layout, kDropout);
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        attention_backward(batch.context, output.probabilities, batch.projections, layout, kDropout));
  }
  count_operations(state, 4 * batch.products);
}

void attend_backward_composed(benchmark::State& state, const Batch& batch) {
  const AttentionLayout layout = batch.layout();
  const AttentionOutput output = attention(batch.projections, layout, kDropout);
  const AttentionInputs gradients{at::empty_like(batch.projections.query), at::empty_like(batch.projections.key_value)};
  for (auto _ : state) {
    aten::attention_backward({batch.projections, output.probabilities, layout, kDropout}, batch.context, gradients);
  }
  count_operations(state, 4 * batch.products);
}

void drop(benchmark::State& state, const Batch& batch) {
  const AttentionLayout layout = batch.layout();
  for (auto _ : state) apply_dropout_(batch.context, {layout.sequence_offsets, kHidden}, layout.streams, kDropout);
  count_bytes(state, 2.0 * static_cast<double>(batch.context.nbytes()));
}

void drop_composed(benchmark::State& state, const Batch& batch) {
  for (auto _ : state) benchmark::DoNotOptimize(at::native_dropout(batch.context, kDropout.probability, true));
  count_bytes(state, 2.0 * static_cast<double>(batch.context.nbytes()));
}

// What a feed-forward block has beside its products. One lane.
struct FeedForward {
  explicit FeedForward(const Batch& batch)
      : rows_of_models{0, batch.tokens},
        layout{rows_of_models, batch.offsets, {batch.examples, batch.keys}},
        ids(at::randint(30000, {batch.tokens}, at::TensorOptions().dtype(at::kLong))),
        tables{EmbeddingLookup{{at::randn({30000, kHidden})}, ids}},
        intermediate(at::randn({batch.tokens, 4 * kHidden})) {
    saved.input = batch.context.clone();
  }

  std::vector<std::int64_t> rows_of_models;
  RowLayout layout;
  at::Tensor ids;  // [T]
  std::array<EmbeddingLookup, 1> tables;
  at::Tensor intermediate;  // [T, 4 H]
  PerModelTensors bias = {at::zeros({kHidden})};
  PerModelTensors wide_bias = {at::zeros({4 * kHidden})};
  LayerNormWeights parameters = {{at::ones({kHidden})}, {at::zeros({kHidden})}, 1e-12};
  LayerNormActivations saved;
};

template <auto kKernel>
void end_block(benchmark::State& state, const Batch& batch) {
  FeedForward block(batch);
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        kKernel({block.bias, batch.context}, block.parameters, block.layout, kDropout, block.saved));
  }
  count_bytes(state, 4.0 * static_cast<double>(batch.context.nbytes()));
}

template <auto kKernel>
void end_block_backward(benchmark::State& state, const Batch& batch) {
  FeedForward block(batch);
  residual_layer_norm({block.bias, batch.context}, block.parameters, block.layout, kDropout, block.saved);
  for (auto _ : state) {
    benchmark::DoNotOptimize(kKernel(batch.context, block.parameters.weight, block.layout, kDropout, block.saved));
  }
  count_bytes(state, 4.0 * static_cast<double>(batch.context.nbytes()));
}

template <auto kKernel>
void embed(benchmark::State& state, const Batch& batch) {
  FeedForward block(batch);
  for (auto _ : state) {
    benchmark::DoNotOptimize(kKernel(block.tables, block.parameters, block.layout, kDropout, block.saved));
  }
  count_bytes(state, 3.0 * static_cast<double>(batch.context.nbytes()));
}

template <auto kKernel>
void activate(benchmark::State& state, const Batch& batch) {
  FeedForward block(batch);
  for (auto _ : state) {
    benchmark::DoNotOptimize(kKernel(Activation::kGelu, block.intermediate, block.wide_bias, block.layout));
  }
  count_bytes(state, 3.0 * static_cast<double>(block.intermediate.nbytes()));
}

template <auto kKernel>
void activate_backward(benchmark::State& state, const Batch& batch) {
  FeedForward block(batch);
  for (auto _ : state) {
    benchmark::DoNotOptimize(kKernel(Activation::kGelu, block.intermediate, block.intermediate));
  }
  count_bytes(state, 3.0 * static_cast<double>(block.intermediate.nbytes()));
}

void copy(benchmark::State& state, const Batch& batch) {
  const at::Tensor target = at::empty_like(batch.context);
  for (auto _ : state) target.copy_(batch.context);
  count_bytes(state, 2.0 * static_cast<double>(batch.context.nbytes()));
}

// A layer's query, key and value: one product, and three.
void project(benchmark::State& state, const Batch& batch, std::int64_t products) {
  const at::Tensor weights = at::randn({3 * kHidden, kHidden});
  const at::Tensor bias = at::randn({3 * kHidden});
  const std::int64_t width = 3 * kHidden / products;
  for (auto _ : state) {
    for (std::int64_t i = 0; i < products; ++i) {
      benchmark::DoNotOptimize(
          at::addmm(bias.narrow(0, i * width, width), batch.context, weights.narrow(0, i * width, width).t()));
    }
  }
  count_operations(state, 6.0 * static_cast<double>(kHidden * kHidden * batch.tokens));
}

void register_all(const Batch& batch) {
  const auto add = [](const char* name, auto run) {
    benchmark::RegisterBenchmark(name, run)->Unit(benchmark::kMicrosecond)->UseRealTime();
  };
  const auto with_batch = [&](void (*run)(benchmark::State&, const Batch&)) {
    return [&batch, run](benchmark::State& state) { run(state, batch); };
  };
  add("attention", with_batch(attend));
  add("attention/composed", with_batch(attend_composed));
  add("attention_backward", with_batch(attend_backward));
  add("attention_backward/composed", with_batch(attend_backward_composed));
  add("dropout", with_batch(drop));
  add("dropout/composed", with_batch(drop_composed));
  add("residual_layer_norm", with_batch(end_block<residual_layer_norm>));
  add("residual_layer_norm/composed", with_batch(end_block<aten::residual_layer_norm>));
  add("residual_layer_norm_backward", with_batch(end_block_backward<residual_layer_norm_backward>));
  add("residual_layer_norm_backward/composed", with_batch(end_block_backward<aten::residual_layer_norm_backward>));
  add("embedding_layer_norm", with_batch(embed<embedding_layer_norm>));
  add("embedding_layer_norm/composed", with_batch(embed<aten::embedding_layer_norm>));
  add("bias_gelu", with_batch(activate<bias_activation>));
  add("bias_gelu/composed", with_batch(activate<aten::bias_activation>));
  add("gelu_backward", with_batch(activate_backward<activation_backward>));
  add("gelu_backward/composed", with_batch(activate_backward<aten::activation_backward>));
  add("copy", with_batch(copy));
  add("projections", [&batch](benchmark::State& state) { project(state, batch, 1); });
  add("projections/three_products", [&batch](benchmark::State& state) { project(state, batch, 3); });
}

}  // namespace
}  // namespace tunescope

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  tunescope::keep_freed_memory();
  std::map<std::string, std::int64_t> options = {{"threads", 2}, {"length", 64}, {"sequences", 32}};
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const std::size_t equals = argument.find('=');
    const auto option = argument.starts_with("--") && equals != std::string::npos
                            ? options.find(argument.substr(2, equals - 2))
                            : options.end();
    if (option == options.end()) {
      std::cerr << "kernel_benchmark: unknown option '" << argument << "'\n";
      return 2;
    }
    option->second = std::stoll(argument.substr(equals + 1));
  }
  at::set_num_threads(static_cast<int>(options["threads"]));
  const tunescope::Batch batch(options["length"], options["sequences"]);
  tunescope::register_all(batch);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
