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
/// expectation and one per draw for its estimate, that computes the gradients of all that is measured.
double expected_flops(const FisherRun& run, PassCosts& costs, const TaskData& data);

/// Bytes that a trial takes beside the model, at most at a time: the trainer's buffers, and the tensors of a step with
/// the longest batch that the order of examples could bring together. It is what one more co-trained trial takes, which
/// shares the model with the others. Libraries and allocator come on top.
double expected_added_bytes(const Trial& trial, PassCosts& costs, const TaskData& data);

/// How long trials take, from trials that were measured on the same kind of device: the median of seconds per
/// floating-point operation over those of the same task and method, or if there are none, of the same method, or if
/// there are none either, of all.
class CostModel {
 public:
  void add(const Trial& trial, double flops, double seconds);

  bool is_empty() const { return all_.empty(); }

  /// Nothing if nothing was measured.
  std::optional<double> seconds(const Trial& trial, double flops) const;

 private:
  using Rates = std::vector<double>;
  std::map<std::pair<std::string, std::string>, Rates> by_task_and_method_;
  std::map<std::string, Rates> by_method_;
  Rates all_;
};

struct Measurement {
  double flops = 0.0;
  double seconds = 0.0;
};
/// Trains a trial's first steps and returns the seconds and floating-point operations of all but the first, without
/// what happens once per trial. A Fisher method is measured as a random subset of the same size.
Measurement measure_first_steps(Trial trial, SweepInputs& inputs);

}  // namespace tunescope
