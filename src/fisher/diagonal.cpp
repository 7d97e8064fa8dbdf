#include "tunescope/fisher/diagonal.hpp"

#include <ATen/ops/stack.h>
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <iterator>
#include <optional>
#include <span>
#include <string>

#include "tunescope/base/error.hpp"
#include "tunescope/data/packed_batch.hpp"
#include "tunescope/device/failure.hpp"
#include "tunescope/fisher/depth_profile.hpp"
#include "tunescope/fisher/squared_gradients.hpp"
#include "tunescope/model/pass.hpp"

namespace tunescope {
namespace {

using Examples = std::vector<std::int64_t>;

std::int64_t group_count(const FisherInputs& inputs, std::int64_t examples) {
  return (examples + inputs.batch_size - 1) / inputs.batch_size;
}

// Each micro-batch reads and writes the sums of all parameters once. A GPU spends a tenth of its time on that if
// micro-batches are small, so they are larger there, if enough are left for many ranks. Their size does not depend on
// the number of ranks, for squares within a micro-batch are added in float32, in another order for each size.
std::int64_t micro_batch_tokens(const FisherInputs& inputs) {
  constexpr std::int64_t kEnoughForManyRanks = 16;
  if (inputs.parameters.front().device().is_cpu()) return kMicroBatchTokens;
  return std::clamp(inputs.dataset.token_count() / kEnoughForManyRanks, kMicroBatchTokens, 4 * kMicroBatchTokens);
}

// Cuts the examples into runs of consecutive whole groups.
std::vector<Examples> micro_batches(const FisherInputs& inputs) {
  const std::vector<std::int64_t>& offsets = inputs.dataset.offsets;
  const std::int64_t most_tokens = micro_batch_tokens(inputs);
  std::vector<Examples> batches;
  std::int64_t tokens = most_tokens;
  for (std::int64_t first = 0; first < inputs.dataset.size(); first += inputs.batch_size) {
    const std::int64_t last = std::min(first + inputs.batch_size, inputs.dataset.size());
    const std::int64_t length = offsets[static_cast<std::size_t>(last)] - offsets[static_cast<std::size_t>(first)];
    if (tokens + length > most_tokens) {
      batches.emplace_back();
      tokens = 0;
    }
    tokens += length;
    for (std::int64_t example = first; example < last; ++example) batches.back().push_back(example);
  }
  return batches;
}

std::int64_t shard_size(const std::vector<Examples>& batches, const Shard& shard) {
  const auto count = static_cast<std::int64_t>(batches.size());
  return std::max<std::int64_t>(0, (count - shard.rank + shard.ranks - 1) / shard.ranks);
}

std::int64_t most_groups(const FisherInputs& inputs, const std::vector<Examples>& batches) {
  std::int64_t most = 1;
  for (const Examples& batch : batches) {
    most = std::max(most, group_count(inputs, static_cast<std::int64_t>(batch.size())));
  }
  return most;
}

void restore(const FisherState& saved, FisherState& state) {
  state.micro_batches = saved.micro_batches;
  if (saved.groups_per_pass > 0) state.groups_per_pass = std::min(state.groups_per_pass, saved.groups_per_pass);
  state.depth_sums.copy_(saved.depth_sums);
  for (ParameterIndex i = 0; i < state.sums.size(); ++i) {
    if (state.sums[i].defined()) state.sums[i].copy_(saved.sums[i]);
  }
}

// Of the gradients of a group's examples, to those of its mean.
void average_in_groups(const at::Tensor& gradients, std::int64_t group_size) {
  for (std::int64_t first = 0; first < gradients.size(0); first += group_size) {
    const std::int64_t count = std::min(group_size, gradients.size(0) - first);
    if (count > 1) gradients.narrow(0, first, count).div_(count);
  }
}

// The sums of one or several micro-batches, and of the sizes over depth.
struct Sums {
  explicit Sums(const FisherInputs& inputs)
      : squares(inputs.catalogue, inputs.needs_gradient, inputs.parameters.front().device(), inputs.batch_size),
        profile(inputs.catalogue, inputs.parameters.front().device()) {}

  // In passes of at most so many groups.
  void add(const FisherInputs& inputs, std::span<const std::int64_t> examples, std::int64_t groups_per_pass) {
    const auto per_pass = static_cast<std::size_t>(groups_per_pass * inputs.batch_size);
    for (std::size_t first = 0; first < examples.size(); first += per_pass) {
      add_pass(inputs, examples.subspan(first, std::min(per_pass, examples.size() - first)));
    }
  }

  void add_pass(const FisherInputs& inputs, std::span<const std::int64_t> examples) {
    const PackedBatch batch = pack(inputs.dataset, examples, inputs.task.is_regression());
    // All tokens leave the last layer for the sizes over depth.
    Pass pass(inputs.network,
              ModelInput{inputs.parameters, batch, std::nullopt, inputs.bfloat16_weights, inputs.additions},
              {.sink = &squares, .last_layer = LastLayer::kAllTokens, .observer = &profile});
    const std::vector<at::Tensor> gradients =
        log_likelihood_gradients(inputs.mode, pass, batch, inputs.seed, inputs.draws);
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      average_in_groups(gradients[i], inputs.batch_size);
      pass.backward(gradients[i], i + 1 < gradients.size() ? Keep::kActivations : Keep::kNothing);
      profile.add_up();
    }
  }

  SquaredGradients squares;
  DepthProfile profile;
};

at::Tensor root_mean_squares(const FisherInputs& inputs, const at::Tensor& sums) {
  const auto tokens = static_cast<std::int64_t>(inputs.dataset.token_ids.size());
  return sums.div(static_cast<double>(tokens * inputs.network.limits().hidden_size)).sqrt_();
}

std::optional<ParameterIndex> find_non_finite(const std::vector<at::Tensor>& sums) {
  std::vector<ParameterIndex> measured;
  std::vector<at::Tensor> totals;
  for (ParameterIndex i = 0; i < sums.size(); ++i) {
    if (!sums[i].defined()) continue;
    measured.push_back(i);
    totals.push_back(sums[i].sum());
  }
  const at::Tensor on_host = at::stack(totals).cpu();  // the host waits for the device once
  const std::span<const double> values(on_host.const_data_ptr<double>(), totals.size());
  const auto found = std::ranges::find_if(values, [](double value) { return !std::isfinite(value); });
  if (found == values.end()) return std::nullopt;
  return measured[static_cast<std::size_t>(found - values.begin())];
}

// Searches for the example that made the sums infinite or NaN, one group at a time. Slow, but called at most once.
[[noreturn]] void refuse_non_finite(const FisherInputs& inputs, const std::vector<Examples>& batches,
                                    const Shard& shard) {
  for (std::size_t number = static_cast<std::size_t>(shard.rank); number < batches.size();
       number += static_cast<std::size_t>(shard.ranks)) {
    const std::span<const std::int64_t> batch(batches[number]);
    const auto group_size = static_cast<std::size_t>(inputs.batch_size);
    for (std::size_t first = 0; first < batch.size(); first += group_size) {
      Sums sums(inputs);
      sums.add_pass(inputs, batch.subspan(first, std::min(group_size, batch.size() - first)));
      if (const auto tensor = find_non_finite(sums.squares.sums())) {
        throw NumericalError(
            fmt::format("task {}, example {} (from 0, in the fixed random order of [data] "
                        "train_examples): the gradient of {} is not finite",
                        inputs.task.name, batch[first], inputs.catalogue[*tensor].name));
      }
    }
  }
  throw NumericalError(fmt::format("task {}: the sum of squared gradients is not finite", inputs.task.name));
}

// How this rank's shard ended.
struct ShardEnd {
  enum Kind : std::int64_t { kFinished, kStopped, kNotFinite, kBroken };
  Kind kind = kFinished;
  std::string message = {};           // if it failed
  std::exception_ptr exception = {};  // if it is broken
};

// Whether a rank was stopped. Throws on every rank if a shard failed. A gradient that is not finite is a result like
// another, and its error the same on all ranks. Anything else, such as memory that does not suffice, ends the job: the
// rank where it happened throws what it caught, so that the type decides the exit status.
bool is_any_stopped(RankTeam& team, const ShardEnd& end) {
  const std::vector<std::int64_t> kinds = team.all_gather(end.kind);
  const auto first = [&](ShardEnd::Kind kind) {
    const auto found = std::find(kinds.begin(), kinds.end(), kind);
    return found == kinds.end() ? -1 : static_cast<int>(found - kinds.begin());
  };
  if (const int broken = first(ShardEnd::kBroken); broken >= 0) {
    const std::string message = team.broadcast(end.message, broken);
    if (end.exception) std::rethrow_exception(end.exception);
    throw PeerError(fmt::format("rank {}: {}", broken, message));
  }
  if (const int failed = first(ShardEnd::kNotFinite); failed >= 0) {
    throw NumericalError(team.broadcast(end.message, failed));
  }
  return first(ShardEnd::kStopped) >= 0;
}

void sum_over_ranks(RankTeam& team, Reducer& reducer, const FisherState& state) {
  std::vector<at::Tensor> tensors;
  std::ranges::copy_if(state.sums, std::back_inserter(tensors), [](const at::Tensor& sum) { return sum.defined(); });
  tensors.push_back(state.depth_sums);
  AllReduceSpeed speed{.ranks = team.size()};
  for (const at::Tensor& tensor : tensors) speed.bytes += static_cast<std::int64_t>(tensor.nbytes());
  const auto begin = std::chrono::steady_clock::now();
  reducer.all_reduce_sum(tensors);
  speed.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (team.is_root()) spdlog::info("Fisher sums over {}: {}", reducer.name(), speed.text());
}

// `groups` is, on entry, the most in a pass, and then the number of those in the latest one.
FisherState sum_shard(const FisherInputs& inputs, const Shard& shard, const std::vector<Examples>& batches,
                      std::int64_t& groups, const FisherControl& control) {
  Sums sums(inputs);
  FisherState state{.micro_batch_tokens = micro_batch_tokens(inputs),
                    .total = shard_size(batches, shard),
                    .sums = sums.squares.sums(),
                    .depth_sums = sums.profile.sums(),
                    .groups_per_pass = groups,
                    .is_in_bfloat16 = inputs.bfloat16_weights != nullptr};
  if (const std::optional<FisherState> saved = control.load()) {
    const bool is_alike =
        saved->micro_batch_tokens == state.micro_batch_tokens && saved->is_in_bfloat16 == state.is_in_bfloat16;
    if (is_alike && saved->total == state.total) {
      restore(*saved, state);
    } else {
      spdlog::info(
          "what was saved of this shard is of other micro-batches or products, as on another device; it "
          "starts again");
    }
  }
  for (; state.micro_batches < state.total; ++state.micro_batches) {
    const NextAction action = control.next_action();
    if (action != NextAction::kContinue) control.save(state);
    if (action == NextAction::kSaveAndStop) return state;
    const Examples& batch = batches[static_cast<std::size_t>(shard.rank + state.micro_batches * shard.ranks)];
    groups = std::min(state.groups_per_pass, group_count(inputs, static_cast<std::int64_t>(batch.size())));
    sums.add(inputs, batch, groups);
    control.on_progress(state.micro_batches + 1, state.total);
  }
  return state;
}

// A micro-batch that does not fit into memory is computed in parts.
FisherState sum_shard_in_parts(const FisherInputs& inputs, const Shard& shard, const std::vector<Examples>& batches,
                               const FisherControl& control) {
  for (std::int64_t groups = most_groups(inputs, batches);; groups /= 2) {
    try {
      return sum_shard(inputs, shard, batches, groups, control);
    } catch (const std::exception& error) {
      throw_if_broken(inputs.parameters.front().device(), error);
      if (!is_out_of_memory(error) || groups == 1) throw;
    }
    // Sums of squares cannot be taken back, and a copy of them for each micro-batch would take the memory that is
    // short.
    spdlog::warn(
        "{} groups of examples do not fit into memory; the shard goes back to where it was saved last, and goes on "
        "with half as many in a pass",
        groups);
  }
}

}  // namespace

FisherState sum_squared_gradients(const FisherInputs& inputs, const Shard& shard, const FisherControl& control) {
  const std::vector<Examples> batches = micro_batches(inputs);
  FisherState state = sum_shard_in_parts(inputs, shard, batches, control);
  const bool is_complete = state.micro_batches == state.total;
  if (is_complete && find_non_finite(state.sums)) refuse_non_finite(inputs, batches, shard);
  return state;
}

std::optional<FisherInformation> fisher_information(const FisherInputs& inputs, RankTeam& team, Reducer& reducer,
                                                    const FisherControl& control) {
  const Shard shard{.rank = team.rank(), .ranks = team.size()};
  FisherState state;
  ShardEnd end;
  try {
    state = sum_squared_gradients(inputs, shard, control);
    if (state.micro_batches < state.total) end.kind = ShardEnd::kStopped;
  } catch (const NumericalError& caught) {
    end = {.kind = ShardEnd::kNotFinite, .message = caught.what()};
  } catch (const std::exception& caught) {
    end = {.kind = ShardEnd::kBroken, .message = caught.what(), .exception = std::current_exception()};
  }
  if (is_any_stopped(team, end)) {
    if (end.kind == ShardEnd::kFinished) control.save(state);
    return std::nullopt;
  }
  control.on_finished(state);
  sum_over_ranks(team, reducer, state);
  for (const at::Tensor& sum : state.sums) {
    if (sum.defined()) sum.div_(static_cast<double>(group_count(inputs, inputs.dataset.size())));
  }
  return FisherInformation{.diagonal = state.sums, .depth_profile = root_mean_squares(inputs, state.depth_sums)};
}

}  // namespace tunescope
