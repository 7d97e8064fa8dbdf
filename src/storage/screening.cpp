#include "tunescope/storage/screening.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <utility>

#include "tunescope/base/hash.hpp"
#include "tunescope/io/atomic_file.hpp"
#include "tunescope/storage/job_folder.hpp"
#include "tunescope/storage/status.hpp"
#include "tunescope/text/text_file.hpp"

namespace tunescope {
namespace {

constexpr double kNoScore = std::numeric_limits<double>::quiet_NaN();

// The trials of a task and a method in the grid: learning rates x seeds.
struct GridCell {
  TrialIndex first = 0;
  std::size_t rates = 0;
  std::size_t seeds = 0;

  TrialIndex trial(std::size_t rate, std::size_t seed) const { return first + rate * seeds + seed; }
};

// Those with more learning rates than screening keeps.
std::vector<GridCell> screened_cells(const SweepSpec& spec) {
  std::vector<GridCell> cells;
  TrialIndex next = 0;
  for (std::size_t task = 0; task < spec.tasks.size(); ++task) {
    for (const Method& method : spec.methods) {
      const GridCell cell{.first = next, .rates = spec.learning_rates_of(method).size(), .seeds = spec.seeds.size()};
      next += cell.rates * cell.seeds;
      if (spec.screening.is_on() && cell.rates > spec.screening.keep) cells.push_back(cell);
    }
  }
  return cells;
}

// Of all learning rates with the screening seeds, rate by rate.
std::vector<PlannedTrial> screening_trials(const SweepSpec& spec, const std::vector<PlannedTrial>& grid,
                                           const GridCell& cell) {
  std::vector<PlannedTrial> trials;
  for (std::size_t rate = 0; rate < cell.rates; ++rate) {
    for (std::size_t seed = 0; seed < spec.screening.seeds; ++seed) trials.push_back(grid[cell.trial(rate, seed)]);
  }
  return trials;
}

// Named by all that the choice depends on. So a job with other learning rates chooses anew, and one with more seeds
// keeps its choice.
std::filesystem::path choice_file(const SweepSpec& spec, const std::vector<PlannedTrial>& trials) {
  std::string text = fmt::format("tunescope screening 1\nkeep = {}\n", spec.screening.keep);
  for (const PlannedTrial& planned : trials) text += planned.id + "\n";
  return JobFolder(spec).screening / (sha256_hex(text).substr(0, 16) + ".json");
}

std::string serialize_choice(const std::vector<ScreenedRate>& rates) {
  nlohmann::ordered_json all;
  for (const ScreenedRate& rate : rates) {  // a mean that is NaN becomes null
    all.push_back({{"task", rate.task},
                   {"method", rate.method},
                   {"learning_rate", rate.learning_rate},
                   {"mean_score", rate.mean_score},
                   {"seeds", rate.seeds},
                   {"chosen", rate.is_chosen}});
  }
  return all.dump(1) + "\n";
}

std::vector<ScreenedRate> parse_choice(const std::string& text) {
  std::vector<ScreenedRate> rates;
  for (const nlohmann::json& rate : nlohmann::json::parse(text)) {
    const nlohmann::json& mean = rate.at("mean_score");
    rates.push_back({.task = rate.at("task"),
                     .method = rate.at("method"),
                     .learning_rate = rate.at("learning_rate"),
                     .mean_score = mean.is_null() ? kNoScore : mean.get<double>(),
                     .seeds = rate.at("seeds"),
                     .is_chosen = rate.at("chosen")});
  }
  return rates;
}

// The choice that was made for a cell; nothing if there is none or its file is damaged, which makes a sweep choose
// again.
std::optional<std::vector<ScreenedRate>> read_choice(const std::filesystem::path& file, const GridCell& cell) {
  if (!std::filesystem::exists(file)) return std::nullopt;
  try {
    std::vector<ScreenedRate> rates = parse_choice(read_text(file));
    if (rates.size() == cell.rates) return rates;
    spdlog::warn("{}: has {} learning rates, not {}; they are chosen again", file.string(), rates.size(), cell.rates);
  } catch (const nlohmann::json::exception& error) {
    spdlog::warn("{}: {}; the learning rates are chosen again", file.string(), error.what());
  }
  return std::nullopt;
}

bool have_ended(const std::vector<PlannedTrial>& trials, FailedTrials failed) {
  const auto is_finished = [](const PlannedTrial& planned) { return planned.is_finished(); };
  if (failed == FailedTrials::kAreTriedAgain) return std::ranges::all_of(trials, is_finished);
  return std::ranges::any_of(trials, is_finished) &&
         std::ranges::all_of(trials, [](const PlannedTrial& planned) { return planned.stored.end.has_value(); });
}

// By learning rate.
std::vector<double> mean_scores(const std::vector<PlannedTrial>& trials, std::size_t seeds) {
  std::vector<double> means;
  for (auto trial = trials.begin(); trial != trials.end(); trial += static_cast<std::ptrdiff_t>(seeds)) {
    const double sum = std::accumulate(trial, trial + static_cast<std::ptrdiff_t>(seeds), 0.0,
                                       [](double before, const PlannedTrial& planned) {
                                         const bool is_done = planned.stored.end == TrialEnd::kDone;
                                         return before + (is_done ? planned.stored.selection_score : kNoScore);
                                       });
    means.push_back(sum / static_cast<double>(seeds));
  }
  return means;
}

std::vector<ScreenedRate> choose(const ScreeningSpec& screening, const std::vector<PlannedTrial>& trials) {
  const std::vector<double> means = mean_scores(trials, screening.seeds);
  std::vector<ScreenedRate> rates;
  for (std::size_t rate = 0; rate < means.size(); ++rate) {
    const Trial& trial = trials[rate * screening.seeds].trial;
    rates.push_back({.task = trial.task,
                     .method = trial.method.text(),
                     .learning_rate = trial.learning_rate,
                     .mean_score = means[rate],
                     .seeds = static_cast<std::int64_t>(screening.seeds)});
  }
  for (const std::size_t rate : best_rates(means, screening.keep)) rates[rate].is_chosen = 1;
  return rates;
}

}  // namespace

std::vector<ScreenedRate> choose_learning_rates(const SweepSpec& spec, const std::vector<PlannedTrial>& grid,
                                                FailedTrials failed) {
  std::vector<ScreenedRate> chosen;
  for (const GridCell& cell : screened_cells(spec)) {
    std::vector<PlannedTrial> trials = screening_trials(spec, grid, cell);
    const std::filesystem::path file = choice_file(spec, trials);
    if (read_choice(file, cell)) continue;
    load_status_and_link(spec, trials);
    if (!have_ended(trials, failed)) continue;
    const std::vector<ScreenedRate> rates = choose(spec.screening, trials);
    make_folder(file.parent_path());
    write_text_atomically(file, serialize_choice(rates));
    chosen.insert(chosen.end(), rates.begin(), rates.end());
  }
  return chosen;
}

std::vector<ScreenedRate> screened_rates(const SweepSpec& spec, const std::vector<PlannedTrial>& grid) {
  std::vector<ScreenedRate> all;
  for (const GridCell& cell : screened_cells(spec)) {
    const auto rates = read_choice(choice_file(spec, screening_trials(spec, grid, cell)), cell);
    if (rates) all.insert(all.end(), rates->begin(), rates->end());
  }
  return all;
}

std::vector<ScreeningRole> screening_roles(const SweepSpec& spec, const std::vector<PlannedTrial>& grid) {
  std::vector<ScreeningRole> roles(grid.size(), ScreeningRole::kTrained);
  for (const GridCell& cell : screened_cells(spec)) {
    const auto rates = read_choice(choice_file(spec, screening_trials(spec, grid, cell)), cell);
    for (std::size_t rate = 0; rate < cell.rates; ++rate) {
      const bool is_trained = rates ? (*rates)[rate].is_chosen != 0 : rate < spec.screening.keep;
      const ScreeningRole trained = rates ? ScreeningRole::kTrained : ScreeningRole::kStandIn;
      for (std::size_t seed = spec.screening.seeds; seed < cell.seeds; ++seed) {
        roles[cell.trial(rate, seed)] = is_trained ? trained : ScreeningRole::kLeftOut;
      }
    }
  }
  return roles;
}

std::vector<PlannedTrial> without_left_out(std::vector<PlannedTrial> grid, const std::vector<ScreeningRole>& roles) {
  std::vector<PlannedTrial> trials;
  for (TrialIndex i = 0; i < grid.size(); ++i) {
    if (roles[i] == ScreeningRole::kLeftOut) continue;
    trials.push_back(std::move(grid[i]));
    trials.back().is_stand_in = roles[i] == ScreeningRole::kStandIn;
  }
  return trials;
}

std::vector<PlannedTrial> after_screening(const SweepSpec& spec, std::vector<PlannedTrial> grid) {
  const std::vector<ScreeningRole> roles = screening_roles(spec, grid);
  return without_left_out(std::move(grid), roles);
}

std::vector<std::size_t> best_rates(const std::vector<double>& means, std::size_t keep) {
  std::vector<std::size_t> rates(means.size());
  std::iota(rates.begin(), rates.end(), std::size_t{0});
  const auto rank = [&](std::size_t rate) {
    return std::isnan(means[rate]) ? -std::numeric_limits<double>::infinity() : means[rate];
  };
  std::ranges::stable_sort(rates, std::ranges::greater(), rank);
  rates.resize(std::min(keep, rates.size()));
  std::ranges::sort(rates);
  return rates;
}

}  // namespace tunescope
