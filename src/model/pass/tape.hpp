#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "tunescope/kernels/matmul.hpp"

namespace tunescope {

struct RowLayout;

/// The place of a value's gradient during a backward pass.
using GradientSlot = std::size_t;

/// A tensor of a forward pass. It has a slot if its gradient is needed: by a parameter that it depends on.
struct Value {
  at::Tensor tensor;                ///< undefined if only products in bfloat16 read it
  at::Tensor bfloat16 = {};         ///< the same, rounded; undefined if its kernel has not written that
  const RowLayout* rows = nullptr;  ///< what its rows belong to
  std::optional<GradientSlot> slot = {};
};

/// The gradients of values while a backward pass goes on. Operations are played back in the opposite order of their
/// recording, so the gradient of a value is complete once all operations that read it have been played back.
class Gradients {
 public:
  explicit Gradients(std::size_t slots) : gradients_(slots) {}

  /// Undefined if no operation has given one yet. An operation may add to the tensor in place, as a matrix product
  /// does.
  at::Tensor& operator[](GradientSlot slot) {
    gradients_[slot].bfloat16.reset();
    return gradients_[slot].own;
  }
  /// Adds to a slot, or, if it is empty, makes it hold `gradient`, to which later operations may then add in place.
  /// `rounded` is the same in bfloat16, if a kernel has written that; it is forgotten if the gradient becomes a sum.
  void add(GradientSlot slot, const at::Tensor& gradient, const at::Tensor& rounded = {}) {
    const TypedResult& sum = gradients_[slot];
    if (sum.own.defined()) {
      (*this)[slot].add_(gradient);
    } else {
      gradients_[slot] = {gradient, rounded};
    }
  }
  TypedResult take(GradientSlot slot) { return std::exchange(gradients_[slot], {}); }

 private:
  std::vector<TypedResult> gradients_;
};

/// Computes the gradients of an operation's inputs from those of its outputs, and owns what it needs for that. The
/// tensors of `outputs` are its own to change; one is undefined if nothing gave it a gradient.
using Backward = std::function<void(std::span<const TypedResult> outputs, Gradients& gradients)>;

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
