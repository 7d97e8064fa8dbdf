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

#include "tunescope/device/host_memory.hpp"
#include "tunescope/kernels/activation.hpp"
#include "tunescope/kernels/attention.hpp"
#include "tunescope/kernels/forced_kernels.hpp"
#include "tunescope/kernels/layer_norm.hpp"

namespace tunescope {
namespace {

constexpr std::int64_t kHidden = 384;  // MiniLM-L6
constexpr std::int64_t kHeads = 12;
constexpr Dropout kDropout{.probability = 0.1, .site = 1};

// The layout of equally long sequences of one model.
BatchLayout layout_of(std::int64_t length, std::int64_t count) {
  std::vector<std::int64_t> offsets, examples(static_cast<std::size_t>(count));
  std::iota(examples.begin(), examples.end(), 0);
  for (std::int64_t b = 0; b <= count; ++b) offsets.push_back(b * length);
  return BatchLayout({offsets, examples, {0, count}, std::vector<std::uint64_t>(examples.size(), 7)}, at::kCPU);
}

struct Batch {
  Batch(std::int64_t length, std::int64_t count)
      : tokens(length * count),
        layout(layout_of(length, count)),
        projections{at::randn({tokens, kHidden}), at::randn({tokens, 2 * kHidden})},
        context(at::randn({tokens, kHidden})),
        products(2.0 * static_cast<double>(kHidden * tokens * length)) {}

  const RowLayout& rows() const { return layout.tokens(); }
  AttentionLayout attention() const { return {rows(), rows(), kHeads}; }

  std::int64_t tokens;
  BatchLayout layout;
  AttentionInputs projections;
  at::Tensor context;  // [T, H]
  double products;     // floating-point operations of one product of all heads
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
  for (auto _ : state) benchmark::DoNotOptimize(attention(batch.projections, batch.attention(), kDropout));
  count_operations(state, 2 * batch.products);
}

void attend_backward(benchmark::State& state, const Batch& batch) {
  const AttentionOutput output = attention(batch.projections, batch.attention(), kDropout);
  const AttentionGradients gradients{
      {at::empty_like(batch.projections.query), at::empty_like(batch.projections.key_value)}};
  for (auto _ : state) attention_backward(batch.context, output.saved, batch.attention(), kDropout, gradients);
  count_operations(state, 4 * batch.products);
}

void drop(benchmark::State& state, const Batch& batch) {
  for (auto _ : state) apply_dropout_(batch.context, batch.rows(), kDropout);
  count_bytes(state, 2.0 * static_cast<double>(batch.context.nbytes()));
}

void drop_composed(benchmark::State& state, const Batch& batch) {
  for (auto _ : state) benchmark::DoNotOptimize(at::native_dropout(batch.context, kDropout.probability, true));
  count_bytes(state, 2.0 * static_cast<double>(batch.context.nbytes()));
}

// What a feed-forward block has beside its products. One lane.
struct FeedForward {
  explicit FeedForward(const Batch& batch)
      : ids(at::randint(30000, {batch.tokens}, at::TensorOptions().dtype(at::kLong))),
        tables{EmbeddingLookup{{at::randn({30000, kHidden})}, ids}},
        intermediate(at::randn({batch.tokens, 4 * kHidden})) {
    saved.input = batch.context.clone();
  }

  at::Tensor ids;  // [T]
  std::array<EmbeddingLookup, 1> tables;
  at::Tensor intermediate;  // [T, 4 H]
  PerModelTensors bias = {at::zeros({kHidden})};
  PerModelTensors wide_bias = {at::zeros({4 * kHidden})};
  LayerNormWeights parameters = {{at::ones({kHidden})}, {at::zeros({kHidden})}, 1e-12};
  LayerNormActivations saved;
};

void end_block(benchmark::State& state, const Batch& batch) {
  FeedForward block(batch);
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        residual_layer_norm({block.bias, batch.context}, block.parameters, batch.rows(), kDropout, block.saved));
  }
  count_bytes(state, 4.0 * static_cast<double>(batch.context.nbytes()));
}

void end_block_backward(benchmark::State& state, const Batch& batch) {
  FeedForward block(batch);
  residual_layer_norm({block.bias, batch.context}, block.parameters, batch.rows(), kDropout, block.saved);
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        residual_layer_norm_backward(batch.context, block.parameters.weight, batch.rows(), kDropout, block.saved));
  }
  count_bytes(state, 4.0 * static_cast<double>(batch.context.nbytes()));
}

void sum_parameter_gradients(benchmark::State& state, const Batch& batch) {
  FeedForward block(batch);
  residual_layer_norm({block.bias, batch.context}, block.parameters, batch.rows(), kDropout, block.saved);
  const LayerNormTargets targets{{at::zeros({kHidden})}, {at::zeros({kHidden})}};
  for (auto _ : state) layer_norm_parameter_gradients(batch.context, block.saved, batch.rows(), {&targets, 1});
  count_bytes(state, 2.0 * static_cast<double>(batch.context.nbytes()));
}

void embed(benchmark::State& state, const Batch& batch) {
  FeedForward block(batch);
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        embedding_layer_norm(block.tables, block.parameters, batch.rows(), {.of_output = kDropout}, block.saved));
  }
  count_bytes(state, 3.0 * static_cast<double>(batch.context.nbytes()));
}

void activate(benchmark::State& state, const Batch& batch) {
  FeedForward block(batch);
  for (auto _ : state) {
    benchmark::DoNotOptimize(bias_activation(Activation::kGelu, block.intermediate, block.wide_bias, batch.rows()));
  }
  count_bytes(state, 3.0 * static_cast<double>(block.intermediate.nbytes()));
}

void activate_backward(benchmark::State& state, const Batch& batch) {
  FeedForward block(batch);
  for (auto _ : state) {
    benchmark::DoNotOptimize(activation_backward(Activation::kGelu, block.intermediate, block.intermediate));
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
  // A kernel of the CPU, and the reference.
  const auto add_both = [&](const std::string& name, void (*run)(benchmark::State&, const Batch&)) {
    add(name.c_str(), with_batch(run));
    add((name + "/composed").c_str(), [&batch, run](benchmark::State& state) {
      const ForcedKernels reference(KernelBackend::kReference);
      run(state, batch);
    });
  };
  add_both("attention", attend);
  add_both("attention_backward", attend_backward);
  add("dropout", with_batch(drop));
  add("dropout/composed", with_batch(drop_composed));
  add_both("residual_layer_norm", end_block);
  add_both("residual_layer_norm_backward", end_block_backward);
  add_both("layer_norm_parameter_gradients", sum_parameter_gradients);
  add_both("embedding_layer_norm", embed);
  add_both("bias_gelu", activate);
  add_both("gelu_backward", activate_backward);
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
