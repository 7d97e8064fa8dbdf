#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace tunescope {

struct RowLayout;

/// The place of a value's gradient during a backward pass.
using GradientSlot = std::size_t;

/// A tensor of a forward pass. It has a slot if its gradient is needed: by a parameter that it depends on.
struct Value {
  at::Tensor tensor;
  const RowLayout* rows = nullptr;  ///< what its rows belong to
  std::optional<GradientSlot> slot = {};
};

/// The gradients of values while a backward pass goes on. Operations are played back in the opposite order of their
/// recording, so the gradient of a value is complete once all operations that read it have been played back.
class Gradients {
 public:
  explicit Gradients(std::size_t slots) : tensors_(slots) {}

  /// Undefined if no operation has given one yet. An operation may add to the tensor in place, as a matrix product
  /// does.
  at::Tensor& operator[](GradientSlot slot) { return tensors_[slot]; }
  /// Adds to a slot, or, if it is empty, makes it hold `gradient`, to which later operations may then add in place.
  void add(GradientSlot slot, const at::Tensor& gradient) {
    at::Tensor& sum = tensors_[slot];
    if (sum.defined()) {
      sum.add_(gradient);
    } else {
      sum = gradient;
    }
  }
  at::Tensor take(GradientSlot slot) { return std::exchange(tensors_[slot], {}); }

 private:
  std::vector<at::Tensor> tensors_;
};

/// Computes the gradients of an operation's inputs from those of its outputs, and owns what it needs for that. The
/// tensors of `outputs` are its own to change; one is undefined if nothing gave it a gradient.
using Backward = std::function<void(std::span<const at::Tensor> outputs, Gradients& gradients)>;

/// The operations of a forward pass, in their order.
class Tape {
 public:
  GradientSlot add_slot() { return slots_++; }
  /// `outputs` are the slots of an operation's outputs.
  void record(std::vector<GradientSlot> outputs, Backward backward) {
    entries_.push_back({std::move(outputs), std::move(backward)});
  }
  std::size_t slots() const { return slots_; }

  /// Plays all operations back, from the last to the first. Forgets each, with all that it owns, unless `keep`.
  void play_back(Gradients& gradients, bool keep);

 private:
  struct Entry {
    std::vector<GradientSlot> outputs;
    Backward backward;
  };

  std::size_t slots_ = 0;
  std::vector<Entry> entries_;
};

}  // namespace tunescope
