#include "tunescope/run/fisher_execution.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <optional>
#include <utility>

#include "tunescope/base/error.hpp"
#include "tunescope/device/libtorch_settings.hpp"
#include "tunescope/fisher/diagonal.hpp"
#include "tunescope/fisher/fisher_passes.hpp"
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

// What a Fisher run has found, by its passes.
struct MeasuredRun {
  FisherInformation of_model;
  std::vector<at::Tensor> of_merged;  // as `FisherInformation::diagonal`
};

// One Fisher run: what it measures, this rank's shard of it, and its file. The passes over added tensors come first,
// for their finished shard is much smaller to save than the model's.
class FisherExecution {
 public:
  using OnProgress = std::function<void(std::int64_t done, std::int64_t total)>;

  FisherExecution(RankTeam& team, const RankContext& rank, const PlannedFisher& planned)
      : team_(team),
        rank_(rank),
        planned_(planned),
        data_(rank.job.inputs.task(planned.run.training.task)),
        catalogue_(rank.job.inputs.catalogue(*data_.task)),
        passes_(planned.run.training.method, catalogue_, planned.run.parameters),
        parameters_(
            load_measured_weights(rank.job.folder, planned, rank.job.inputs.model(), catalogue_, passes_.additions)),
        merged_(passes_.additions.merged(parameters_)),
        dataset_(subsample(data_.train, planned.run.examples)) {
    if (const Bfloat16Weights* const of_model = rank.job.inputs.bfloat16_weights(planned.run.precision)) {
      bfloat16_weights_.emplace(*of_model);
      bfloat16_weights_->add(catalogue_, merged_);
      bfloat16_weights_->add(passes_.additions.catalogue(), parameters_);
    }
  }

  // Nothing if it was stopped. `on_progress` gets the numbers of this rank's shard.
  std::optional<MeasuredRun> compute(Reducer& reducer, const OnProgress& on_progress) {
    std::vector<at::Tensor> merged_diagonal(passes_.additions.catalogue().size());
    if (passes_.measure_merged()) {
      std::optional<FisherInformation> of_merged = measure(
          MeasuredPart::kMerged, reducer, [&](std::int64_t done, std::int64_t total) { on_progress(done, 2 * total); });
      if (!of_merged) return std::nullopt;
      merged_diagonal = std::move(of_merged->diagonal);
    }
    const int parts_before = passes_.measure_merged() ? 1 : 0;
    std::optional<FisherInformation> of_model =
        measure(MeasuredPart::kModel, reducer, [&](std::int64_t done, std::int64_t total) {
          on_progress(parts_before * total + done, (parts_before + 1) * total);
        });
    if (!of_model) return std::nullopt;
    return MeasuredRun{std::move(*of_model), std::move(merged_diagonal)};
  }

  // Writes the run's file. Returns the seconds that it took, over all its pieces.
  double write(const MeasuredRun& measured, std::string_view reducer) const {
    const FisherInformation& of_model = measured.of_model;
    FisherRecord record{.row = fisher_row(planned_, rank_, team_.size(), reducer),
                        .axes = MapAxes::of(catalogue_),
                        .maps = FisherMaps::of(catalogue_, of_model.diagonal),
                        .profiles = FisherProfiles::of(catalogue_, of_model.depth_profile),
                        .added = added_fisher(measured),
                        .diagonal = kept_diagonal(of_model.diagonal, catalogue_, planned_.run.keep)};
    record.row.examples = dataset_.size();
    record.row.wall_seconds = seconds();
    write_fisher(rank_.job.folder.fisher_file(planned_.id), record);
    std::filesystem::remove_all(rank_.job.folder.checkpoint_folder(planned_.id));
    return record.row.wall_seconds;
  }

 private:
  // Of the tensors that are merged, then of the others.
  std::vector<AddedFisher> added_fisher(const MeasuredRun& measured) const {
    std::vector<AddedFisher> added = AddedFisher::of(passes_.additions.catalogue(), measured.of_merged);
    std::ranges::move(AddedFisher::of(passes_.unmerged.catalogue(), measured.of_model.diagonal),
                      std::back_inserter(added));
    return added;
  }

  FisherInputs inputs(MeasuredPart part) const {
    const bool is_of_model = part == MeasuredPart::kModel;
    const Additions& additions = is_of_model ? passes_.unmerged : passes_.additions;
    return {.network = *rank_.job.inputs.model().network,
            .catalogue = additions.catalogue(),
            .parameters = is_of_model ? merged_ : parameters_,
            .dataset = dataset_,
            .task = *data_.task,
            .needs_gradient = is_of_model ? passes_.of_model : passes_.of_merged,
            .mode = planned_.run.mode,
            .batch_size = planned_.run.batch_size,
            .seed = planned_.run.training.seed,
            .draws = planned_.run.draws,
            .bfloat16_weights = bfloat16_weights_ ? &*bfloat16_weights_ : nullptr,
            .additions = &additions};
  }

  std::optional<FisherInformation> measure(MeasuredPart part, Reducer& reducer, const OnProgress& on_progress) {
    const Tf32Products products(planned_.run.precision == Precision::kTf32);
    const FisherInputs measured_inputs = inputs(part);
    const FisherCheckpoint checkpoint(rank_.job.folder.checkpoint_folder(planned_.id), part,
                                      {.rank = team_.rank(), .ranks = team_.size()}, measured_inputs);
    CheckpointClock clock(rank_.job.spec.checkpoint_seconds, rank_.stop);
    StopChannel channel(team_.communicator(), rank_.stop);
    const auto write = [&](FisherState state) {
      state.seconds = seconds();
      checkpoint.save(state);
    };
    bool is_loaded = false;
    const FisherControl control{.on_progress = on_progress,
                                .next_action =
                                    [&] {
                                      channel.poll();
                                      return clock.next_action();
                                    },
                                .save = [&](const FisherState& state) { clock.save([&] { write(state); }); },
                                .on_finished =
                                    [&](const FisherState& state) {
                                      const bool is_followed = part == MeasuredPart::kMerged;
                                      if (is_followed) clock.save_on_the_way([&] { write(state); });
                                    },
                                .load =
                                    [&] {
                                      std::optional<FisherState> saved = checkpoint.load();
                                      // Of the pieces before; a file that this piece has saved has its own time too.
                                      if (saved && !is_loaded) {
                                        seconds_before_ = std::max(seconds_before_, saved->seconds);
                                      }
                                      is_loaded = true;
                                      return saved;
                                    }};
    std::optional<FisherInformation> measured;
    std::exception_ptr error;
    try {
      measured = fisher_information(measured_inputs, team_, reducer, control);
    } catch (const NumericalError&) {  // on every rank
      error = std::current_exception();
    }
    channel.close(team_);
    if (error) std::rethrow_exception(error);
    return measured;
  }

  double seconds() const { return seconds_before_ + std::chrono::duration<double>(Clock::now() - begin_).count(); }

  Clock::time_point begin_ = Clock::now();
  RankTeam& team_;
  const RankContext& rank_;
  const PlannedFisher& planned_;
  const TaskData& data_;
  const ParameterCatalogue& catalogue_;
  FisherPasses passes_;
  Parameters parameters_;                            // of `FisherPasses::additions`
  Parameters merged_;                                // of `FisherPasses::unmerged`
  std::optional<Bfloat16Weights> bfloat16_weights_;  // of both, if products are in bfloat16
  Dataset dataset_;
  double seconds_before_ = 0.0;  // of the pieces before this one
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
    std::optional<MeasuredRun> measured;
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
