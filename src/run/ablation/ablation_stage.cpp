#include "tunescope/run/ablation/ablation_stage.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "tunescope/base/error.hpp"
#include "tunescope/io/atomic_file.hpp"
#include "tunescope/results/ablation_record.hpp"
#include "tunescope/run/ablation/ablated_parameters.hpp"
#include "tunescope/run/ablation/ablation_groups.hpp"
#include "tunescope/run/prediction/predict_together.hpp"
#include "tunescope/schedule/stop_channel.hpp"
#include "tunescope/storage/folder_lock.hpp"
#include "tunescope/storage/kept_weights.hpp"
#include "tunescope/storage/status.hpp"

namespace tunescope {
namespace {

constexpr std::array kKinds = {AblationKind::kReset, AblationKind::kTransplant};

bool has_row(const std::vector<AblationRow>& rows, const Method& group, AblationKind kind) {
  return std::ranges::any_of(
      rows, [&](const AblationRow& row) { return row.group == group.text() && row.kind == name_of(kind); });
}

bool has_all_rows(const std::vector<AblationRow>& rows, const std::vector<Method>& groups) {
  return std::ranges::all_of(groups, [&](const Method& group) {
    return std::ranges::all_of(kKinds, [&](AblationKind kind) { return has_row(rows, group, kind); });
  });
}

bool lacks_rows(const PlannedTrial& planned, const SweepSpec& spec) {
  return !has_all_rows(read_ablation(JobFolder(spec).ablation_file(planned.id)), ablation_groups(spec));
}

// The done trials whose files lack rows.
TrialIndices lacking_rows(const std::vector<PlannedTrial>& trials, const SweepSpec& spec) {
  const JobFolder folder(spec);
  TrialIndices lacking;
  for (TrialIndex i = 0; i < trials.size(); ++i) {
    const PlannedTrial& planned = trials[i];
    if (planned.is_stand_in || !spec.ablation.has_models_of(planned.trial.method)) continue;
    if (load_status(folder, planned.id).end != TrialEnd::kDone) continue;
    if (lacks_rows(planned, spec)) lacking.push_back(i);
  }
  return lacking;
}

bool has_weights(const PlannedTrial& planned, const JobFolder& folder) {
  return kept_step(folder.kept_file(planned.id), planned.id).has_value();
}

// The trained weights, on every rank or on none.
std::optional<Parameters> load_together(RankTeam& team, const RankContext& rank, const Trial& trial,
                                        const ParameterCatalogue& catalogue) {
  std::optional<Parameters> trained;
  try {
    wait_for_file(rank.job.folder.kept_file(trial.id()));
    trained = load_kept_weights(rank.job.folder, trial, rank.job.inputs.model(), catalogue).parameters;
  } catch (const Error& error) {
    spdlog::error("ablation of trial {}: {}", trial.id(), error.what());
  }
  return team.all_of(trained.has_value()) ? std::move(trained) : std::nullopt;
}

// One trained model.
class Ablation {
 public:
  Ablation(const Trial& trial, const RankContext& rank, const ParameterCatalogue& catalogue, Parameters trained)
      : trial_(trial),
        model_(rank.job.inputs.model()),
        data_(rank.job.inputs.task(trial.task)),
        catalogue_(catalogue),
        head_size_(trainable_count(parse_method("head"), catalogue)),
        initial_(with_new_head(model_, catalogue, trial.seed)),
        trained_(std::move(trained)) {}

  Selection select(const Method& group) const {
    return select_parameters(group, catalogue_, {trial_.seed, {}, model_.backbone});
  }

  AblationRow row(RankTeam& team, const Method& group, const Selection& selection, AblationKind kind) const {
    const Parameters parameters = ablated_parameters(initial_, trained_, selection, kind, catalogue_);
    const EvaluatedModel evaluated{
        .network = *model_.network, .parameters = parameters, .packed_weights = model_.packed_weights.get()};
    const Predictions predictions = predict_together(team, evaluated, data_.dev, *data_.task);
    return {.id = trial_.id(),
            .group = group.text(),
            .kind = std::string(name_of(kind)),
            .scalars = trainable_count(selection, catalogue_) - head_size_,
            .loss = mean_loss(predictions, *data_.task),
            .score = compute_score(data_.task->primary_metric, predictions, *data_.task)};
  }

 private:
  const Trial& trial_;
  const PretrainedModel& model_;
  const TaskData& data_;
  const ParameterCatalogue& catalogue_;
  std::int64_t head_size_;
  Parameters initial_;
  Parameters trained_;
};

enum class AblationEnd { kDone, kStopped, kUnreadable };

// Computes what a trial's file lacks. If it is stopped, the file has what has been computed by then.
AblationEnd ablate(RankTeam& team, const RankContext& rank, const Trial& trial) {
  SweepInputs& inputs = rank.job.inputs;
  const ParameterCatalogue& catalogue = inputs.catalogue(*inputs.task(trial.task).task);
  std::optional<Parameters> trained = load_together(team, rank, trial, catalogue);
  if (!trained) return AblationEnd::kUnreadable;
  const Ablation ablation(trial, rank, catalogue, std::move(*trained));
  const std::filesystem::path file = rank.job.folder.ablation_file(trial.id());
  std::vector<AblationRow> rows = read_ablation(file);  // of rank 0
  AblationEnd end = AblationEnd::kDone;
  for (const Method& group : ablation_groups(rank.job.spec)) {
    std::optional<Selection> selection;  // the same for both kinds
    for (const AblationKind kind : kKinds) {
      if (end == AblationEnd::kStopped || team.on_root([&] { return has_row(rows, group, kind); })) continue;
      if (agree_on_stop(team, rank.stop)) end = AblationEnd::kStopped;
      if (end == AblationEnd::kStopped) continue;
      if (!selection) selection = ablation.select(group);
      rows.push_back(ablation.row(team, group, *selection, kind));
    }
  }
  team.on_root([&] { write_ablation(file, rows); });
  return end;
}

// The stage on all ranks. Sweeps that share a folder share the trials, by their claims.
class AblationStage {
 public:
  AblationStage(RankTeam& team, const RankContext& rank, const std::vector<PlannedTrial>& trials, RunListener& listener)
      : team_(team), rank_(rank), trials_(trials), listener_(listener), folder_(rank.job.folder) {}

  // Returns false if it was stopped.
  bool run() {
    team_.on_root([&] { begin(); });
    for (;;) {
      const TrialIndices pending = team_.on_root([&] {
        std::erase_if(pending_, [&](TrialIndex i) { return !lacks_rows(trials_[i], rank_.job.spec); });
        return pending_;
      });
      if (pending.empty()) return true;
      bool is_waiting = true;
      for (const TrialIndex trial : pending) {
        std::optional<Claim> claim;  // of rank 0
        if (!team_.on_root([&] { return take(trial, claim); })) continue;
        is_waiting = false;
        const AblationEnd end = ablate(team_, rank_, trials_[trial].trial);
        if (end == AblationEnd::kStopped) return false;
        if (team_.is_root()) tell_end(trial, end);
      }
      if (!is_waiting) continue;
      if (agree_on_stop(team_, rank_.stop)) return false;
      if (team_.is_root()) std::this_thread::sleep_for(kClaimInterval);
    }
  }

 private:
  static constexpr std::chrono::seconds kClaimInterval{1};  // between two looks at what another sweep ablates

  void begin() {
    pending_ = lacking_rows(trials_, rank_.job.spec);
    const std::size_t without =
        std::erase_if(pending_, [&](TrialIndex i) { return !has_weights(trials_[i], folder_); });
    if (without > 0) {
      listener_.on_warning(
          fmt::format("{} trial{} cannot be ablated, for their weights were not kept; a sweep with run.keep = trained "
                      "keeps those of the trials that it trains: remove their files in {} to train them again",
                      without, without == 1 ? "" : "s", folder_.trials.string()));
    }
    listener_.on_ablation(pending_.size());
  }

  // Whether this sweep has the trial, which another one may have ablated since.
  bool take(TrialIndex trial, std::optional<Claim>& claim) const {
    if (std::optional<Claim> taken = Claim::try_trial(folder_.lock, trials_[trial].id))
      claim.emplace(std::move(*taken));
    return claim && lacks_rows(trials_[trial], rank_.job.spec);
  }

  void tell_end(TrialIndex trial, AblationEnd end) {
    if (end == AblationEnd::kDone) {
      listener_.on_ablated(trials_[trial]);
    } else {
      std::erase(pending_, trial);
      listener_.on_warning(fmt::format("trial {} is not ablated: its weights cannot be read; {} tells why",
                                       trials_[trial].id, folder_.log.string()));
    }
  }

  RankTeam& team_;
  const RankContext& rank_;
  const std::vector<PlannedTrial>& trials_;
  RunListener& listener_;
  const JobFolder& folder_;
  TrialIndices pending_;  // of rank 0
};

}  // namespace

bool is_ablation_missing(const std::vector<PlannedTrial>& trials, const SweepSpec& spec) {
  return !ablation_groups(spec).empty() && !lacking_rows(trials, spec).empty();
}

bool ablate_kept_models(RankTeam& team, const RankContext& rank, const std::vector<PlannedTrial>& trials,
                        RunListener& listener) {
  return ablation_groups(rank.job.spec).empty() || AblationStage(team, rank, trials, listener).run();
}

}  // namespace tunescope
