#include "tunescope/run/ablation/ablation_stage.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>

#include "tunescope/results/ablation_record.hpp"
#include "tunescope/run/ablation/ablated_parameters.hpp"
#include "tunescope/run/ablation/ablation_groups.hpp"
#include "tunescope/run/prediction/predict_together.hpp"
#include "tunescope/schedule/stop_channel.hpp"
#include "tunescope/storage/kept_weights.hpp"
#include "tunescope/storage/status.hpp"

namespace tunescope {
namespace {

constexpr std::array kKinds = {AblationKind::kReset, AblationKind::kTransplant};

bool is_ablated(const PlannedTrial& planned, const SweepSpec& spec) {
  const std::string method = planned.trial.method.text();
  return std::ranges::any_of(spec.ablation.methods, [&](const Method& other) { return other.text() == method; });
}

bool has_row(const std::vector<AblationRow>& rows, const Method& group, AblationKind kind) {
  return std::ranges::any_of(
      rows, [&](const AblationRow& row) { return row.group == group.text() && row.kind == name_of(kind); });
}

bool has_all_rows(const std::vector<AblationRow>& rows, const std::vector<Method>& groups) {
  return std::ranges::all_of(groups, [&](const Method& group) {
    return std::ranges::all_of(kKinds, [&](AblationKind kind) { return has_row(rows, group, kind); });
  });
}

// The done trials that have still to be ablated and can be. The listener is told how many cannot.
TrialIndices pending_trials(const std::vector<PlannedTrial>& trials, const SweepSpec& spec, RunListener& listener) {
  const JobFolder folder(spec);
  TrialIndices pending;
  std::size_t without_weights = 0;
  for (TrialIndex i = 0; i < trials.size(); ++i) {
    const PlannedTrial& planned = trials[i];
    if (planned.is_stand_in || !is_ablated(planned, spec)) continue;
    if (load_status(folder, planned.id).end != TrialEnd::kDone) continue;
    if (has_all_rows(read_ablation(folder.ablation_file(planned.id)), ablation_groups(spec))) continue;
    if (kept_step(folder.kept_file(planned.id), planned.id)) {
      pending.push_back(i);
    } else {
      ++without_weights;
    }
  }
  if (without_weights > 0) {
    listener.on_warning(
        fmt::format("{} trial{} cannot be ablated, for their weights were not kept; a sweep with run.keep = trained "
                    "keeps those of the trials that it trains: remove their files in {} to train them again",
                    without_weights, without_weights == 1 ? "" : "s", folder.trials.string()));
  }
  return pending;
}

// One trained model.
class Ablation {
 public:
  Ablation(const PlannedTrial& planned, const RankContext& rank)
      : trial_(planned.trial),
        model_(rank.job.inputs.model()),
        data_(rank.job.inputs.task(trial_.task)),
        catalogue_(rank.job.inputs.catalogue(*data_.task)),
        initial_(with_new_head(model_, catalogue_, trial_.seed)),
        trained_(load_kept_weights(rank.job.folder, trial_, model_, catalogue_).parameters) {}

  AblationRow row(RankTeam& team, const Method& group, AblationKind kind) const {
    const Selection selection = select_parameters(group, catalogue_, {trial_.seed, {}, model_.backbone});
    const Parameters parameters = ablated_parameters(initial_, trained_, selection, kind, catalogue_);
    const EvaluatedModel evaluated{
        .network = *model_.network, .parameters = parameters, .packed_weights = model_.packed_weights.get()};
    const Predictions predictions = predict_together(team, evaluated, data_.dev, *data_.task);
    return {.id = trial_.id(),
            .group = group.text(),
            .kind = std::string(name_of(kind)),
            .scalars = trainable_count(selection, catalogue_) - head_size(),
            .loss = mean_loss(predictions, *data_.task),
            .score = compute_score(data_.task->primary_metric, predictions, *data_.task)};
  }

 private:
  std::int64_t head_size() const {
    std::int64_t size = 0;
    for (const ParameterInfo& parameter : catalogue_.parameters()) size += parameter.is_head() ? parameter.size() : 0;
    return size;
  }

  const Trial& trial_;
  const PretrainedModel& model_;
  const TaskData& data_;
  const ParameterCatalogue& catalogue_;
  Parameters initial_;
  Parameters trained_;
};

// Computes what a trial's file lacks. If it is stopped, the file has what has been computed by then; returns false.
bool ablate(RankTeam& team, const RankContext& rank, const PlannedTrial& planned, const std::vector<Method>& groups) {
  const std::filesystem::path file = rank.job.folder.ablation_file(planned.id);
  const Ablation ablation(planned, rank);
  std::vector<AblationRow> rows = read_ablation(file);  // of rank 0
  bool is_stopped = false;
  for (const Method& group : groups) {
    for (const AblationKind kind : kKinds) {
      if (is_stopped || team.on_root([&] { return has_row(rows, group, kind); })) continue;
      is_stopped = agree_on_stop(team, rank.stop);
      if (!is_stopped) rows.push_back(ablation.row(team, group, kind));
    }
  }
  team.on_root([&] { write_ablation(file, rows); });
  return !is_stopped;
}

}  // namespace

bool ablate_kept_models(RankTeam& team, const RankContext& rank, const std::vector<PlannedTrial>& trials,
                        RunListener& listener) {
  const SweepSpec& spec = rank.job.spec;
  const std::vector<Method> groups = ablation_groups(spec);
  if (groups.empty()) return true;
  const TrialIndices pending = team.on_root([&] { return pending_trials(trials, spec, listener); });
  if (team.is_root()) listener.on_ablation(pending.size());
  for (const TrialIndex trial : pending) {
    if (!ablate(team, rank, trials[trial], groups)) return false;
    if (team.is_root()) listener.on_ablated(trials[trial]);
  }
  return true;
}

}  // namespace tunescope
