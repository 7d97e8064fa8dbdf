// How long it takes to merge the files of many trials, and how much memory: synthetic trials of MiniLM-L6's shape.
//
//   merge_benchmark FOLDER [TRIALS [STEPS]]

#include <spdlog/fmt/fmt.h>
#include <sys/resource.h>

#include <chrono>
#include <ctime>
#include <filesystem>
#include <functional>
#include <random>
#include <string>

#include "tunescope/results/results_file.hpp"

namespace tunescope {
namespace {

constexpr std::size_t kLayers = 9;
constexpr std::size_t kComponents = 25;
constexpr std::size_t kDevExamples = 277;  // of RTE
constexpr std::size_t kEvaluations = 3;

struct Time {
  double wall = 0.0;
  double processor = 0.0;
};

Time time_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  const std::clock_t processor = std::clock();
  work();
  return {.wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(),
          .processor = static_cast<double>(std::clock() - processor) / CLOCKS_PER_SEC};
}

double peak_megabytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1e3;
}

// Random numbers, which do not compress.
template <typename Number>
std::vector<Number> random_numbers(std::size_t count, std::mt19937& generator) {
  std::uniform_real_distribution<Number> distribution;
  std::vector<Number> numbers(count);
  for (Number& number : numbers) number = distribution(generator);
  return numbers;
}

MapAxes make_axes() {
  MapAxes axes;
  for (std::size_t layer = 0; layer < kLayers; ++layer) axes.layers.push_back(std::to_string(layer));
  for (std::size_t i = 0; i < kComponents; ++i) axes.components.push_back(fmt::format("component.{}.weight", i));
  axes.sizes.assign(axes.cell_count(), 1);
  return axes;
}

TrialRecord make_trial(std::size_t number, std::size_t steps) {
  std::mt19937 generator(static_cast<std::uint32_t>(number));
  TrialRecord record;
  record.row.id = fmt::format("{:016x}", number);
  record.row.task = "RTE";
  record.row.method = "layernorm";
  record.row.state = "done";
  record.row.metric = "accuracy";
  record.row.hostname = "node";
  record.best_scores = record.final_scores = Scores(all_metrics().size(), 0.5);
  record.axes = make_axes();
  const auto map = [&] { return random_numbers<double>(record.axes.cell_count(), generator); };
  record.change = {.mean_abs = map(), .rms = map(), .relative_l2 = map(), .max_abs = map()};
  for (std::size_t i = 1; i <= kEvaluations; ++i) {
    record.evaluations.push_back({.step = static_cast<std::int64_t>(i * steps / kEvaluations),
                                  .epoch = 1.0,
                                  .loss = 0.5,
                                  .scores = record.best_scores});
  }
  const std::vector<double> losses = random_numbers<double>(steps, generator);
  for (std::size_t i = 0; i < steps; ++i) {
    record.history.push_back({.step = static_cast<std::int64_t>(i + 1),
                              .loss = losses[i],
                              .learning_rate = 1e-4,
                              .gradient_norm = losses[i]});
  }
  record.predictions = {.output_size = 2,
                        .logits = random_numbers<float>(2 * kDevExamples, generator),
                        .labels = std::vector<float>(kDevExamples, 1.0F)};
  return record;
}

void run(const std::filesystem::path& folder, std::size_t trials, std::size_t steps) {
  MergeParts parts;
  for (std::size_t trial = 0; trial < trials; ++trial)
    parts.trial_files.push_back(folder / fmt::format("{}.h5", trial));
  const Time writing = time_of([&] {
    for (std::size_t trial = 0; trial < trials; ++trial)
      write_trial(parts.trial_files[trial], make_trial(trial, steps));
  });
  fmt::print("{} trial files of {} steps, {} bytes each: written in {:.1f} s, {:.1f} s of processor time\n", trials,
             steps, std::filesystem::file_size(parts.trial_files.front()), writing.wall, writing.processor);
  const Time reading = time_of([&] {
    for (const std::filesystem::path& file : parts.trial_files) read_trial_row(file);
  });
  fmt::print("verified and looked up in {:.1f} s, {:.1f} s of processor time\n", reading.wall, reading.processor);
  const double before = peak_megabytes();
  const Time merging = time_of([&] { merge_files(folder / "merged.h5", parts, {}); });
  fmt::print(
      "merged in {:.1f} s, {:.1f} s of processor time, into {:.0f} MB; peak memory {:.0f} MB, before it {:.0f} MB\n",
      merging.wall, merging.processor, static_cast<double>(std::filesystem::file_size(folder / "merged.h5")) / 1e6,
      peak_megabytes(), before);
}

}  // namespace
}  // namespace tunescope

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: merge_benchmark FOLDER [TRIALS [STEPS]]\n");
    return 2;
  }
  const std::filesystem::path folder = std::filesystem::path(argv[1]) / "merge";
  std::filesystem::create_directories(folder);
  tunescope::run(folder, argc > 2 ? std::stoul(argv[2]) : 20'000, argc > 3 ? std::stoul(argv[3]) : 250);
  std::filesystem::remove_all(folder);
  return 0;
}
