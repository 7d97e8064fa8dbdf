#include "tunescope/run/fisher_execution.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <optional>

#include "tunescope/base/error.hpp"
#include "tunescope/device/libtorch_settings.hpp"
#include "tunescope/fisher/diagonal.hpp"
#include "tunescope/results/fisher_record.hpp"
#include "tunescope/run/trial_rows.hpp"
#include "tunescope/schedule/stop_channel.hpp"
#include "tunescope/storage/fisher_checkpoint.hpp"
#include "tunescope/storage/measured_weights.hpp"
#include "tunescope/storage/status.hpp"

namespace tunescope {
namespace {

using Clock = std::chrono::steady_clock;

std::vector<std::pair<std::string, at::Tensor>> kept_diagonal(const std::vector<at::Tensor>& diagonal,
                                                              const ParameterCatalogue& catalogue,
                                                              const std::string& pool) {
  const std::vector<bool> is_kept = group_members(pool, catalogue);
  std::vector<std::pair<std::string, at::Tensor>> kept;
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    if (is_kept[i]) kept.emplace_back(catalogue[i].name, diagonal[i].cpu());
  }
  return kept;
}

std::optional<Bfloat16Weights> weights_in_bfloat16(const SweepInputs& inputs, Precision precision,
                                                   const ParameterCatalogue& catalogue, const Parameters& measured) {
  const Bfloat16Weights* const of_model = inputs.bfloat16_weights(precision);
  if (of_model == nullptr) return std::nullopt;
  std::optional<Bfloat16Weights> weights(*of_model);
  weights->add(catalogue, measured);
  return weights;
}

// One Fisher run: what it measures, this rank's shard of it, and its file.
class FisherExecution {
 public:
  FisherExecution(RankTeam& team, const RankContext& rank, const PlannedFisher& planned)
      : team_(team),
        rank_(rank),
        planned_(planned),
        data_(rank.job.inputs.task(planned.run.training.task)),
        catalogue_(rank.job.inputs.catalogue(*data_.task)),
        parameters_(load_measured_weights(rank.job.folder, planned, rank.job.inputs.model(), catalogue_)),
        bfloat16_weights_(weights_in_bfloat16(rank.job.inputs, planned.run.precision, catalogue_, parameters_)),
        dataset_(subsample(data_.train, planned.run.examples)),
        inputs_{.network = *rank.job.inputs.model().network,
                .catalogue = catalogue_,
                .parameters = parameters_,
                .dataset = dataset_,
                .task = *data_.task,
                .needs_gradient = group_members(planned.run.parameters, catalogue_),
                .mode = planned.run.mode,
                .batch_size = planned.run.batch_size,
                .seed = planned.run.training.seed,
                .draws = planned.run.draws,
                .bfloat16_weights = bfloat16_weights_ ? &*bfloat16_weights_ : nullptr},
        checkpoint_(rank.job.folder, planned.id, {.rank = team.rank(), .ranks = team.size()}, inputs_) {}

  // Nothing if it was stopped. `on_progress` gets the numbers of this rank's shard.
  std::optional<FisherInformation> compute(Reducer& reducer,
                                           const std::function<void(std::int64_t, std::int64_t)>& on_progress) {
    const Tf32Products products(planned_.run.precision == Precision::kTf32);
    CheckpointClock clock(rank_.job.spec.checkpoint_seconds, rank_.stop);
    StopChannel channel(team_.communicator(), rank_.stop);
    const FisherControl control{.on_progress = on_progress,
                                .next_action =
                                    [&] {
                                      channel.poll();
                                      return clock.next_action();
                                    },
                                .save =
                                    [&](FisherState state) {
                                      state.seconds = seconds();
                                      clock.save([&] { checkpoint_.save(state); });
                                    },
                                .load = [&] { return load(); }};
    std::optional<FisherInformation> measured;
    std::exception_ptr error;
    try {
      measured = fisher_information(inputs_, team_, reducer, control);
    } catch (const NumericalError&) {  // on every rank
      error = std::current_exception();
    }
    channel.close(team_);
    if (error) std::rethrow_exception(error);
    return measured;
  }

  // Writes the run's file. Returns the seconds that it took, over all its pieces.
  double write(const FisherInformation& measured, std::string_view reducer) const {
    FisherRecord record{.row = fisher_row(planned_, rank_, team_.size(), reducer),
                        .axes = MapAxes::of(catalogue_),
                        .maps = FisherMaps::of(catalogue_, measured.diagonal),
                        .profiles = FisherProfiles::of(catalogue_, measured.depth_profile),
                        .diagonal = kept_diagonal(measured.diagonal, catalogue_, planned_.run.keep)};
    record.row.examples = dataset_.size();
    record.row.wall_seconds = seconds();
    write_fisher(rank_.job.folder.fisher_file(planned_.id), record);
    std::filesystem::remove_all(rank_.job.folder.checkpoint_folder(planned_.id));
    return record.row.wall_seconds;
  }

 private:
  std::optional<FisherState> load() {
    std::optional<FisherState> saved = checkpoint_.load();
    if (!seconds_before_) seconds_before_ = saved ? saved->seconds : 0.0;
    return saved;
  }

  double seconds() const {
    return seconds_before_.value_or(0.0) + std::chrono::duration<double>(Clock::now() - begin_).count();
  }

  Clock::time_point begin_ = Clock::now();
  RankTeam& team_;
  const RankContext& rank_;
  const PlannedFisher& planned_;
  const TaskData& data_;
  const ParameterCatalogue& catalogue_;
  Parameters parameters_;
  std::optional<Bfloat16Weights> bfloat16_weights_;  // of them, if products are in bfloat16
  Dataset dataset_;
  FisherInputs inputs_;
  FisherCheckpoint checkpoint_;
  std::optional<double> seconds_before_;  // of the pieces before this one
};

}  // namespace

std::vector<PlannedFisher> update_fisher_status(RankTeam& team, Job& job) {
  const std::vector<std::uint8_t> is_done = team.on_root([&] {
    load_status_and_link(job.spec, job.fisher);
    std::vector<std::uint8_t> done;
    for (const PlannedFisher& planned : job.fisher) done.push_back(planned.is_done ? 1 : 0);
    return done;
  });
  for (std::size_t i = 0; i < is_done.size(); ++i) job.fisher[i].is_done = is_done[i] != 0;
  return pending_of(job.fisher);
}

void compute_fisher_runs(RankTeam& team, const RankContext& rank, RunListener& listener, Reducer& reducer,
                         const std::vector<PlannedFisher>& runs) {
  const auto report_end = [&](std::size_t number, double seconds, const std::string& error) {
    if (!team.is_root()) return;
    if (error.empty()) {
      spdlog::info("Fisher run {} done after {:.1f} s", runs[number].id, seconds);
    } else {
      spdlog::error("Fisher run {}: {}", runs[number].id, error);
    }
    listener.on_fisher_end(number, seconds, error);
  };
  for (std::size_t number = 0; number < runs.size(); ++number) {
    if (agree_on_stop(team, rank.stop)) return;
    const std::string reason = team.on_root([&] { return missing_weights_reason(rank.job.folder, runs[number]); });
    if (!reason.empty()) {
      report_end(number, 0.0, reason);
      continue;
    }
    FisherExecution execution(team, rank, runs[number]);
    std::optional<FisherInformation> measured;
    try {
      measured = execution.compute(reducer, [&](std::int64_t done, std::int64_t total) {
        if (team.is_root()) listener.on_fisher_progress(number, done, total);
      });
    } catch (const NumericalError& error) {  // on every rank
      report_end(number, 0.0, error.what());
      continue;
    }
    if (!measured) continue;  // stopped
    const double seconds = team.on_root([&] { return execution.write(*measured, reducer.name()); });
    report_end(number, seconds, "");
  }
}

}  // namespace tunescope
