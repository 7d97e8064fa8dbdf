#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "tunescope/method/method.hpp"
#include "tunescope/model/network.hpp"
#include "tunescope/model/pass.hpp"

namespace tunescope {

/// What passes of a network cost. There are no formulas: a pass is run on LibTorch's meta device, where tensors have
/// shapes and no numbers. Its operations count their matrix products, and an allocator the tensors. What a network
/// computes for the head's tokens only, and what a backward pass leaves out below the lowest trained parameter, is
/// therefore as in the pass itself. Each cost is found once.
class PassCosts {
 public:
  explicit PassCosts(std::shared_ptr<const Network> network) : network_(std::move(network)) {}

  /// Where the passes would run: attention keeps less on a GPU. The CPU, unless it is said.
  void set_device(at::Device device);

  /// The model's tensors with a head of `outputs` outputs.
  const ParameterCatalogue& catalogue(std::int64_t outputs);
  /// Bytes of the parameters, with a head of `outputs` outputs.
  double model_bytes(std::int64_t outputs);

  /// How many rows of distances a pass computes for sequences of up to so many tokens.
  double distance_rows(std::int64_t longest) const;

  struct Rows {
    std::int64_t tokens = 0;
    std::int64_t sequences = 0;
    double distances = 0;  ///< of which a pass computes embeddings, if the network has any; of all passes, as expected
  };
  /// Floating-point operations of passes over so many rows, in which the gradients of these parameters, by catalogue
  /// index, are needed.
  PassFlops flops(const std::vector<bool>& needs_gradient, std::int64_t outputs, LastLayer last_layer,
                  const Rows& rows);

  /// The same of the passes that train by a method, with what it adds to the model.
  PassFlops training_flops(const Method& method, std::int64_t outputs, const Rows& rows);

  /// The same of all passes of a Fisher run that measures a pool after training by a method (see `FisherPasses`).
  PassFlops fisher_flops(const Method& method, const std::string& pool, std::int64_t outputs, const Rows& rows);

  /// The most bytes that a training step takes at a time beside the model: what the method trains, with its gradients
  /// and moments, and the tensors of the forward and backward pass over sequences of these lengths.
  /// `dropout` replaces the model's own probabilities. Scratch memory of kernels is left out, which a GPU has more of
  /// where it runs the reference kernels, and so are operands in bfloat16.
  double training_bytes(const Method& method, std::int64_t outputs, const std::vector<std::int64_t>& lengths,
                        std::optional<double> dropout);

 private:
  struct FlopsPerRow {
    PassFlops token, sequence, distance;
  };
  // What decides the cost of a row.
  struct Work {
    std::string adding;  // the method, if it adds anything
    std::vector<bool> needs_gradient;
    std::int64_t outputs = 1;
    LastLayer last_layer = LastLayer::kPooledTokens;

    auto operator<=>(const Work&) const = default;
  };
  FlopsPerRow count_flops(const Work& work, const Additions& additions) const;
  PassFlops flops(const Work& work, const Additions& additions, const Rows& rows);

  std::shared_ptr<const Network> network_;
  bool is_for_gpu_ = false;
  std::map<std::int64_t, ParameterCatalogue> catalogues_;  // by outputs
  std::map<Work, FlopsPerRow> flops_;
  std::map<std::tuple<std::string, std::int64_t, std::vector<std::int64_t>, std::optional<double>>, double> bytes_;
};

}  // namespace tunescope
