#include "tunescope/run/prediction/predict_together.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <string>

namespace tunescope {
namespace {

// The first example of a rank; of `ranks`, the end of the last one's.
std::int64_t first_example(const Dataset& dataset, int rank, int ranks) {
  const std::int64_t tokens_before = dataset.token_count() * rank / ranks;
  return std::ranges::lower_bound(dataset.offsets, tokens_before) - dataset.offsets.begin();
}

std::vector<float> logits_of_share(const EvaluatedModel& model, const Dataset& share, const Task& task) {
  if (share.size() == 0) return {};
  return predict(model, share, task, [] { return true; })->logits;
}

}  // namespace

Predictions predict_together(RankTeam& team, const EvaluatedModel& model, const Dataset& dataset, const Task& task) {
  const std::int64_t first = first_example(dataset, team.rank(), team.size());
  const std::int64_t last = first_example(dataset, team.rank() + 1, team.size());
  std::vector<std::int64_t> share(static_cast<std::size_t>(last - first));
  std::iota(share.begin(), share.end(), first);
  const std::vector<float> own = logits_of_share(model, examples_of(dataset, share), task);
  Predictions all{.output_size = task.output_size(), .logits = {}, .labels = dataset.labels};
  for (int source = 0; source < team.size(); ++source) {
    const bool is_own = source == team.rank();
    const std::string bytes = team.broadcast(
        is_own ? std::string(reinterpret_cast<const char*>(own.data()), own.size() * sizeof(float)) : "", source);
    const std::size_t before = all.logits.size();
    all.logits.resize(before + bytes.size() / sizeof(float));
    std::memcpy(all.logits.data() + before, bytes.data(), bytes.size());
  }
  return all;
}

}  // namespace tunescope
