#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tunescope/plan/fisher_run.hpp"
#include "tunescope/plan/inputs.hpp"
#include "tunescope/plan/pass_costs.hpp"
#include "tunescope/plan/trial.hpp"

namespace tunescope {

/// Floating-point operations that a trial is expected to take, from its matrix products: 2 per weight and token
/// forward; 2 more for each input gradient above the lowest trained layer; 2 more for each trained weight. Attention's
/// own products and elementwise work are left out: the number serves to order and compare trials.
double expected_flops(const Trial& trial, PassCosts& costs, const TaskData& data);

/// The same for a Fisher run: over its examples a forward pass and a backward pass, or one per class for the exact
/// expectation and one per draw for its estimate, that computes the gradients of all that is measured; and the same
/// once more for what was merged into the model's weights (see `FisherPasses`).
double expected_flops(const FisherRun& run, PassCosts& costs, const TaskData& data);

/// Bytes that a trial takes beside the model, at most at a time: the trainer's buffers, and the tensors of a step with
/// the longest batch that the order of examples could bring together. It is what one more co-trained trial takes, which
/// shares the model with the others. Libraries and allocator come on top.
double expected_added_bytes(const Trial& trial, PassCosts& costs, const TaskData& data);

/// Floating-point operations, and the seconds that they took.
struct Measurement {
  double flops = 0.0;
  double seconds = 0.0;
};

/// How long trials and Fisher runs take, from those that were measured on the same kind of device. The rate of a trial
/// is the median of seconds per floating-point operation over trials of the same task and method, or if there are none,
/// of the same method, or if there are none either, of all. That of a Fisher run is likewise of Fisher runs with the
/// same mode, batch size, parameters and precision; if there are none, it is that of the measured training.
class CostModel {
 public:
  /// One without work or without time is left out.
  void add(const Trial& trial, const Measurement& measurement);
  void add(const FisherRun& run, const Measurement& measurement);

  /// Whether there is no trial.
  bool is_empty() const { return all_trials_.empty(); }

  /// Nothing if nothing was measured.
  std::optional<double> seconds(const Trial& trial, double flops) const;
  std::optional<double> seconds(const FisherRun& run, double flops) const;

 private:
  // By task and kind, and with an empty task, by kind.
  using Rates = std::map<std::pair<std::string, std::string>, std::vector<double>>;
  static void add(Rates& rates, const std::string& task, const std::string& kind, double rate);
  static std::optional<double> find(const Rates& rates, const std::string& task, const std::string& kind);

  Rates trials_;
  Rates fisher_runs_;
  std::vector<double> all_trials_;
};

}  // namespace tunescope
