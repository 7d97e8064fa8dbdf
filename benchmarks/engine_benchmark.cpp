// Passes of the engine over the same real examples: evaluation, a training step's forward and backward pass by method,
// and the Fisher information. All run in one process, so that their ratios hold on a noisy machine.
//
//   engine_benchmark --model=FOLDER --glue=FOLDER --task=RTE --examples=64 --threads=2 --precision=float32
//                    [Google Benchmark's options]

#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>

#include <iostream>
#include <map>
#include <numeric>
#include <optional>
#include <string>

#include "tunescope/base/error.hpp"
#include "tunescope/data/packed_batch.hpp"
#include "tunescope/device/host_memory.hpp"
#include "tunescope/fisher/diagonal.hpp"
#include "tunescope/kernels/training/batch_losses.hpp"
#include "tunescope/model/pass.hpp"
#include "tunescope/train/training_sink.hpp"

namespace tunescope {
namespace {

using Options = std::map<std::string, std::string>;

// Everything that the benchmarks share.
struct Subject {
  explicit Subject(const Options& options)
      : task(find_task(options.at("task"))),
        model(load_pretrained(options.at("model"))),
        catalogue(model.network->catalogue(task.output_size())),
        parameters(with_new_head(model, catalogue, 1)),
        bfloat16_weights(options.at("precision") == "bfloat16" ? std::optional<Bfloat16Weights>(model) : std::nullopt),
        batch_size(std::stoll(options.at("batch_size"))) {
    const WordPiece tokenizer = WordPiece::from_folder(options.at("model"));
    dataset = subsample(load_task(task, tokenizer,
                                  {.glue_folder = options.at("glue"),
                                   .cache_folder = options.at("cache"),
                                   .max_length = std::stoll(options.at("max_length"))},
                                  [](const std::string&) {})
                            .train,
                        std::stoll(options.at("examples")));
    for (std::int64_t first = 0; first < dataset.size(); first += batch_size) {
      std::vector<std::int64_t> examples(static_cast<std::size_t>(std::min(batch_size, dataset.size() - first)));
      std::iota(examples.begin(), examples.end(), first);
      batches.push_back(pack(dataset, examples, task.is_regression(), at::kCPU));
    }
  }

  const Bfloat16Weights* bfloat16() const { return bfloat16_weights ? &*bfloat16_weights : nullptr; }

  const Task& task;
  PretrainedModel model;
  ParameterCatalogue catalogue;
  Parameters parameters;
  std::optional<Bfloat16Weights> bfloat16_weights;
  std::int64_t batch_size;
  Dataset dataset;
  std::vector<PackedBatch> batches;
};

void count(benchmark::State& state, const Subject& subject) {
  state.SetItemsProcessed(state.iterations() * subject.dataset.size());
}

void evaluate(benchmark::State& state, const Subject& subject) {
  for (auto _ : state) {
    for (const PackedBatch& batch : subject.batches) {
      benchmark::DoNotOptimize(evaluate_logits(*subject.model.network, subject.parameters, batch, subject.bfloat16()));
    }
  }
  count(state, subject);
}

// Dropout as in training, or off as for Fisher information.
void train(benchmark::State& state, const Subject& subject, const std::string& method, bool with_dropout,
           bool with_update) {
  Parameters parameters = subject.parameters;
  TrainableParameters trainable(subject.catalogue,
                                select_parameters(parse_method(method), subject.catalogue, {.seed = 1}), parameters);
  TrainingSink sink({&trainable}, subject.bfloat16());
  std::uint64_t step = 0;
  for (auto _ : state) {
    for (const PackedBatch& batch : subject.batches) {
      const std::optional<std::uint64_t> key = with_dropout ? std::optional(++step) : std::nullopt;
      trainable.zero_grad();
      Pass pass(*subject.model.network, ModelInput{parameters, batch, key},
                {.sink = &sink, .bfloat16_weights = subject.bfloat16()});
      const Loss loss = batch_loss(pass.logits().front(), batch.labels);
      pass.backward(loss.logits_gradient);
      const auto gradients = trainable.finish_gradients();
      if (with_update) trainable.step(gradients, loss.mean, {.learning_rate = 1e-12});
    }
  }
  count(state, subject);
}

void fisher(benchmark::State& state, const Subject& subject, const std::string& pool, FisherMode mode) {
  const FisherInputs inputs{.network = *subject.model.network,
                            .catalogue = subject.catalogue,
                            .parameters = subject.parameters,
                            .dataset = subject.dataset,
                            .task = subject.task,
                            .needs_gradient = group_members(pool, subject.catalogue),
                            .mode = mode};
  for (auto _ : state) benchmark::DoNotOptimize(sum_squared_gradients(inputs, {}).sums);
  count(state, subject);
}

void register_all(const Subject& subject) {
  const auto add = [](const std::string& name, auto run) {
    benchmark::RegisterBenchmark(name.c_str(), run)->Unit(benchmark::kMillisecond)->UseRealTime();
  };
  add("evaluate", [&](benchmark::State& state) { evaluate(state, subject); });
  for (const std::string method : {"full", "layernorm", "bitfit", "head"}) {
    add("train/" + method, [&, method](benchmark::State& state) { train(state, subject, method, true, true); });
    add("forward_backward/" + method,
        [&, method](benchmark::State& state) { train(state, subject, method, false, false); });
  }
  for (const std::string pool : {"full", "layernorm"}) {
    add("fisher/" + pool, [&, pool](benchmark::State& state) { fisher(state, subject, pool, FisherMode::kEmpirical); });
  }
  add("fisher_true/full", [&](benchmark::State& state) { fisher(state, subject, "full", FisherMode::kTrue); });
}

Options parse(int argc, char** argv) {
  Options options = {{"model", "models/minilm-l6"}, {"glue", "data/demo"}, {"task", "RTE"},
                     {"cache", "results/cache"},    {"examples", "64"},    {"batch_size", "32"},
                     {"max_length", "128"},         {"threads", "2"},      {"precision", "float32"}};
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
  try {
    const tunescope::Options options = tunescope::parse(argc, argv);
    at::set_num_threads(std::stoi(options.at("threads")));
    const tunescope::Subject subject(options);
    tunescope::register_all(subject);
    benchmark::RunSpecifiedBenchmarks();
  } catch (const std::exception& error) {
    std::cerr << "engine_benchmark: " << error.what() << "\n";
    return 2;
  }
  return 0;
}
