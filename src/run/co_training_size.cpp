#include "tunescope/run/co_training_size.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace tunescope {
namespace {

constexpr int kStepsToWarmUp = 2;
constexpr int kStepsToMeasure = 12;
constexpr double kSecondsToMeasure = 1.0;
constexpr std::ptrdiff_t kWorseDoublings = 2;  // a single one may be noise
constexpr double kAsGood = 0.97;

}  // namespace

CoTrainingSize::CoTrainingSize(std::int64_t fixed, std::size_t max)
    : max_(max),
      wanted_(std::min(max, static_cast<std::size_t>(std::max<std::int64_t>(fixed, 1)))),
      is_settled_(fixed > 0) {}

void CoTrainingSize::record(std::size_t trials, const TrainingRun::StepCost& cost) {
  if (!cost.fit_in_memory) {
    wanted_ = std::max<std::size_t>(1, trials / 2);
    is_settled_ = true;
    spdlog::warn("{} trials together do not fit into memory; {} are trained together from now on", trials, wanted_);
  }
  if (is_settled_ || trials != wanted_ || ++steps_ <= kStepsToWarmUp) return;
  tokens_ += cost.tokens;
  seconds_ += cost.seconds;
  if (steps_ < kStepsToWarmUp + kStepsToMeasure || seconds_ < kSecondsToMeasure) return;
  judge(static_cast<double>(tokens_) / seconds_);
}

void CoTrainingSize::judge(double rate) {
  steps_ = 0;
  tokens_ = 0;
  seconds_ = 0.0;
  rates_.emplace_back(wanted_, rate);
  const auto by_rate = [](const auto& a, const auto& b) { return a.second < b.second; };
  const auto best = std::max_element(rates_.begin(), rates_.end(), by_rate);
  const auto since_best = rates_.end() - best - 1;
  is_settled_ = since_best == kWorseDoublings || 2 * wanted_ > std::min(max_, kMaxCoTrained);
  if (!is_settled_) {
    wanted_ *= 2;
    return;
  }
  const auto is_as_good = [&](const auto& tried) { return tried.second >= kAsGood * best->second; };
  const auto& [trials, chosen] = *std::find_if(rates_.begin(), rates_.end(), is_as_good);
  wanted_ = trials;
  spdlog::info("{} trials are trained together, {:.2f} times the tokens per second of one alone", wanted_,
               chosen / rates_.front().second);
}

}  // namespace tunescope
