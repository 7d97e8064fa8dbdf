// Passes of the engine over the same examples: evaluation, a training step by method, its forward and backward pass
// alone, and the Fisher information. All run in one process, so that their ratios hold on a noisy machine. Beside them
// the rate of a layer's largest product and of a copy on the same device.
//
//   engine_benchmark --model=FOLDER --glue=FOLDER --task=RTE --examples=64 --threads=2 --precision=float32
//   engine_benchmark --configuration=bert-large --lengths=11,64,128 --lanes=1,16 --device=cuda --precision=bfloat16
//
// The second form draws weights and examples at random; lengths may be "mixed". --methods=full,lora:rank=16 leaves out
// the others. --format=lines prints each measurement at once, for programs. Google Benchmark's options come beside
// these.

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>
#include <benchmark/benchmark.h>

#include <deque>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "device_clock.hpp"
#include "engine_subject.hpp"
#include "line_reporter.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/device/host_memory.hpp"
#include "tunescope/device/libtorch_settings.hpp"
#include "tunescope/fisher/diagonal.hpp"
#include "tunescope/kernels/training/batch_losses.hpp"
#include "tunescope/model/pass.hpp"
#include "tunescope/train/training_sink.hpp"

namespace tunescope {
namespace {

void count(benchmark::State& state, const Workload& workload) {
  state.SetItemsProcessed(state.iterations() * workload.dataset.size());
}

void evaluate(benchmark::State& state, const Subject& subject, const Workload& workload) {
  measure(state, subject.device, [&] {
    for (const PackedBatch& batch : workload.batches) {
      benchmark::DoNotOptimize(
          evaluate_logits(*subject.model.network, {.parameters = subject.parameters,
                                                   .batch = batch,
                                                   .bfloat16_weights = subject.bfloat16(),
                                                   .packed_weights = subject.model.packed_weights.get()}));
    }
  });
  count(state, workload);
}

Parameters initial_parameters(const Subject& subject, const Additions& additions, std::uint64_t seed) {
  Parameters parameters = with_new_head(subject.model, subject.catalogue, seed);
  additions.append_initial(parameters, seed);
  return parameters;
}

// A trial with its own copy of what it trains.
struct Lane {
  Lane(const Subject& subject, const Method& method, std::uint64_t seed)
      : additions(additions_of(method, subject.catalogue)),
        parameters(initial_parameters(subject, additions, seed)),
        trainable(additions.catalogue(), select_parameters(method, additions.catalogue(), {.seed = seed}), parameters) {
    if (subject.bfloat16_weights) {
      bfloat16_weights.emplace(*subject.bfloat16_weights).add(trainable.values(), trainable.keep_rounded());
    }
  }

  Additions additions;
  Parameters parameters;
  TrainableParameters trainable;
  std::optional<Bfloat16Weights> bfloat16_weights;
  at::Tensor loss = at::empty({}, parameters.front().options().dtype(at::kDouble));
};

struct Training {
  std::string method;
  std::size_t lanes = 1;     // trials that train together, each on a batch of its own
  bool with_dropout = true;  // as in training, or off as for Fisher information
  bool with_update = true;
};

void train(benchmark::State& state, const Subject& subject, const Workload& workload, const Training& training) {
  std::deque<Lane> lanes;
  for (std::uint64_t seed = 1; seed <= training.lanes; ++seed) {
    lanes.emplace_back(subject, parse_method(training.method), seed);
  }
  std::vector<TrainableParameters*> trained;
  for (Lane& lane : lanes) trained.push_back(&lane.trainable);
  TrainingSink sink(trained);
  std::uint64_t step = 0;
  const MemoryCounters memory(state, subject.device);
  measure(state, subject.device, [&] {
    for (const PackedBatch& batch : workload.batches) {
      std::vector<ModelInput> inputs;
      for (Lane& lane : lanes) {
        lane.trainable.zero_grad();
        const std::optional<std::uint64_t> key = training.with_dropout ? std::optional(++step) : std::nullopt;
        inputs.push_back({.parameters = lane.parameters,
                          .batch = batch,
                          .dropout_key = key,
                          .bfloat16_weights = lane.bfloat16_weights ? &*lane.bfloat16_weights : nullptr,
                          .additions = &lane.additions,
                          .packed_weights = subject.model.packed_weights.get()});
      }
      Pass pass(*subject.model.network, inputs, {.sink = &sink});
      std::vector<LossBatch> losses;
      for (std::size_t lane = 0; lane < lanes.size(); ++lane) {
        losses.push_back({.logits = pass.logits()[lane], .labels = pass.labels()[lane], .loss = lanes[lane].loss});
      }
      pass.backward(batch_losses(losses));
      const auto gradients = TrainableParameters::finish_gradients(trained);
      if (!training.with_update) continue;
      std::vector<TrainableParameters::Update> updates;
      for (std::size_t lane = 0; lane < lanes.size(); ++lane) {
        updates.push_back({*trained[lane], gradients[lane], lanes[lane].loss, {.learning_rate = 1e-12}});
      }
      TrainableParameters::step(updates);
    }
  });
  state.SetItemsProcessed(state.iterations() * workload.dataset.size() * static_cast<std::int64_t>(training.lanes));
}

void fisher(benchmark::State& state, const Subject& subject, const Workload& workload, const std::string& pool,
            FisherMode mode) {
  const FisherInputs inputs{.network = *subject.model.network,
                            .catalogue = subject.catalogue,
                            .parameters = subject.parameters,
                            .dataset = workload.dataset,
                            .task = subject.task,
                            .needs_gradient = group_members(pool, subject.catalogue),
                            .mode = mode,
                            .bfloat16_weights = subject.bfloat16()};
  measure(state, subject.device, [&] { benchmark::DoNotOptimize(sum_squared_gradients(inputs, {}).sums); });
  count(state, workload);
}

// The largest product of a layer on a batch: what the passes could reach at best.
void product(benchmark::State& state, const Subject& subject, const Workload& workload) {
  const NetworkLimits& limits = subject.model.network->limits();
  const at::TensorOptions options = at::TensorOptions(subject.operand_type()).device(subject.device);
  const at::Tensor rows = at::ones({workload.batches.front().token_count(), limits.hidden_size}, options);
  const at::Tensor weight = at::ones({limits.intermediate_size, limits.hidden_size}, options);
  measure(state, subject.device, [&] { benchmark::DoNotOptimize(at::mm(rows, weight.t())); });
  const auto operations = 2.0 * static_cast<double>(rows.numel() * limits.intermediate_size);
  state.counters["FLOP/s"] = benchmark::Counter(operations, benchmark::Counter::kIsIterationInvariantRate);
}

void copy(benchmark::State& state, const Subject& subject) {
  const at::Tensor source = at::ones({std::int64_t{1} << 26}, at::TensorOptions(at::kFloat).device(subject.device));
  const at::Tensor target = at::empty_like(source);
  measure(state, subject.device, [&] { target.copy_(source); });
  state.SetBytesProcessed(state.iterations() * 2 * static_cast<std::int64_t>(source.nbytes()));  // read and written
}

template <typename Run>
void add(const std::string& name, Run run) {
  benchmark::RegisterBenchmark(name.c_str(), run)->Unit(benchmark::kMillisecond)->UseRealTime();
}

void register_training(const Subject& subject, const Workload& workload, const Training& training) {
  const std::string lanes = training.lanes > 1 ? "/lanes:" + std::to_string(training.lanes) : "";
  add((training.with_update ? "train/" : "forward_backward/") + training.method + workload.suffix + lanes,
      [&subject, &workload, training](benchmark::State& state) { train(state, subject, workload, training); });
}

void register_all(const Subject& subject, const Workload& workload, const Options& options) {
  add("evaluate" + workload.suffix, [&](benchmark::State& state) { evaluate(state, subject, workload); });
  for (const std::string& method : words_of(options, "methods")) {
    for (const std::string& lanes : words_of(options, "lanes")) {
      if (method == "full" && lanes != "1") continue;  // trials of it share nothing
      register_training(subject, workload, {.method = method, .lanes = std::stoul(lanes)});
    }
    register_training(subject, workload, {.method = method, .with_dropout = false, .with_update = false});
  }
  for (const std::string pool : {"full", "layernorm"}) {
    add("fisher/" + pool + workload.suffix,
        [&, pool](benchmark::State& state) { fisher(state, subject, workload, pool, FisherMode::kEmpirical); });
  }
  for (const FisherMode mode : {FisherMode::kTrue, FisherMode::kHutchinson}) {
    add("fisher_" + std::string(fisher_mode_name(mode)) + "/full" + workload.suffix,
        [&, mode](benchmark::State& state) { fisher(state, subject, workload, "full", mode); });
  }
  add("product" + workload.suffix, [&](benchmark::State& state) { product(state, subject, workload); });
}

Options parse(int argc, char** argv) {
  Options options = {{"model", "models/minilm-l6"},
                     {"glue", "data/demo"},
                     {"task", "RTE"},
                     {"cache", "results/cache"},
                     {"examples", "64"},
                     {"batch_size", "32"},
                     {"max_length", "128"},
                     {"threads", "2"},
                     {"precision", "float32"},
                     {"device", "cpu"},
                     {"configuration", ""},
                     {"lengths", "11,64,128"},
                     {"lanes", "1"},
                     {"format", "table"},
                     {"methods", "full,layernorm,bitfit,head"}};
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const std::size_t equals = argument.find('=');
    const std::string key =
        argument.starts_with("--") && equals != std::string::npos ? argument.substr(2, equals - 2) : "";
    if (!options.contains(key)) throw ConfigError("unknown option '" + argument + "'");
    options[key] = argument.substr(equals + 1);
  }
  return options;
}

}  // namespace
}  // namespace tunescope

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  tunescope::keep_freed_memory();
  tunescope::prepare_libtorch();
  try {
    const tunescope::Options options = tunescope::parse(argc, argv);
    at::set_num_threads(std::stoi(options.at("threads")));
    const tunescope::Subject subject(options);
    for (const tunescope::Workload& workload : subject.workloads) {
      tunescope::register_all(subject, workload, options);
    }
    tunescope::add("copy", [&](benchmark::State& state) { tunescope::copy(state, subject); });
    tunescope::LineReporter lines;
    benchmark::RunSpecifiedBenchmarks(options.at("format") == "lines" ? &lines : nullptr);
  } catch (const std::exception& error) {
    std::cerr << "engine_benchmark: " << error.what() << "\n";
    return 2;
  }
  return 0;
}
