#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "tunescope/data/packed_batch.hpp"
#include "tunescope/model/additions.hpp"
#include "tunescope/model/depth_observer.hpp"
#include "tunescope/model/gradient_sink.hpp"
#include "tunescope/model/network.hpp"
#include "tunescope/model/weights/bfloat16_weights.hpp"
#include "tunescope/model/weights/packed_weights.hpp"

namespace tunescope {

// How a pass works. The sequences of a batch are packed end to end without padding, so a tensor has one row per
// token, [T, ...], or, above the encoder, one per sequence. The network's forward function calls coarse operations (a
// linear layer, attention, the end of a block), each of which computes its output and records, on a tape, how to
// compute the gradient of its inputs. The backward pass plays the tape from its end. It is written by hand for each
// operation, not recorded by LibTorch's autograd: parameter gradients are never computed, but their two operands are
// handed to a `GradientSink`. An operation below which nothing needs a gradient is not recorded, and keeps nothing: a
// trial that trains the top of the network alone never pays for the bottom, and a pass without a sink keeps no
// activations at all.

/// Which tokens' hidden states leave the last layer of the encoder. The head reads only one token of each sequence: the
/// others change no logit, and their gradients are zero. If all tokens are kept, dropout on this layer's attention
/// draws a different mask.
enum class LastLayer { kPooledTokens, kAllTokens };

/// What one model brings to a pass: its parameters and its batch. Several models of one architecture that share most
/// of their tensors (co-trained trials on one frozen backbone) are computed in one pass: their batches are laid end to
/// end, and a weight that is the same object in all of them is multiplied with all rows at once. Each model gets, to
/// rounding, the numbers that a pass of its own would give.
struct ModelInput {
  const Parameters& parameters;
  const PackedBatch& batch;
  std::optional<std::uint64_t> dropout_key = {};  ///< a new key for each step, see `DropoutStreams`; absent: no dropout
  /// If set, the matrix products of the backbone's linear layers read their operands in bfloat16; attention and the
  /// last layer of the head stay in full precision. Built from the model whose tensors the parameters share; those that
  /// it does not know are cast in each pass.
  const Bfloat16Weights* bfloat16_weights = nullptr;
  /// What is added to the model; its tensors are the last of the parameters. Models may differ in it.
  const Additions* additions = nullptr;
  /// For products in full precision on the CPU, those of the model whose tensors the parameters share; null: none.
  PackedWeights* packed_weights = nullptr;
};

struct PassOptions {
  GradientSink* sink = nullptr;  ///< null if no gradient is needed
  /// Probability of every dropout layer; absent: as the network's configuration says.
  std::optional<double> dropout = {};
  LastLayer last_layer = LastLayer::kPooledTokens;
  DepthObserver* observer = nullptr;
};

/// Whether a backward pass may be repeated, with other gradients of the logits.
enum class Keep { kNothing, kActivations };

/// Floating-point operations of the matrix products of linear layers: one for each multiplication and each addition.
/// Attention's own products and elementwise work are left out.
struct PassFlops {
  double forward = 0.0;
  double backward = 0.0;
};

/// A forward pass, computed on construction, and its backward pass. What the models and options refer to must outlive
/// it.
class Pass {
 public:
  /// The models must have the same network, and either all or none of them have a dropout key, and weights in bfloat16;
  /// all else may differ, the number of outputs included. Throws `Error` if only some have one.
  Pass(const Network& network, std::span<const ModelInput> models, const PassOptions& options = {});
  Pass(const Network& network, const ModelInput& model, const PassOptions& options = {});
  ~Pass();
  Pass(const Pass&) = delete;
  Pass& operator=(const Pass&) = delete;

  /// For each model, [its sequences, its outputs].
  const std::vector<at::Tensor>& logits() const { return logits_; }
  /// For each model the labels of its batch on the device, which went there with all else that the pass has of it;
  /// undefined if it has none.
  const std::vector<at::Tensor>& labels() const;

  /// Of the forward pass and all backward passes so far.
  const PassFlops& flops() const;

  /// Computes the gradients from those of the logits, one tensor for each model, which the pass may change, and hands
  /// the operands of parameter gradients to the sink. Frees the activations as it goes unless they are to be kept;
  /// those of a weight that is used several times stay until its first use is reached. Throws `Error` if an earlier
  /// call has freed them.
  void backward(std::span<const at::Tensor> logits_gradients, Keep keep = Keep::kNothing);
  void backward(const at::Tensor& logits_gradient, Keep keep = Keep::kNothing) {
    backward({&logits_gradient, 1}, keep);
  }

 private:
  struct State;
  std::unique_ptr<State> state_;
  std::vector<at::Tensor> logits_;
};

/// Logits [B, outputs] of a model. Keeps no activations.
at::Tensor evaluate_logits(const Network& network, const ModelInput& model);

}  // namespace tunescope
