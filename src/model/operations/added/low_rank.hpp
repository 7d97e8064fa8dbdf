#pragma once

#include <span>
#include <vector>

#include "model/pass/recording.hpp"

namespace tunescope {

/// The matrices of low rank that the models of a pass add to linear layers with one input (see `LowRank`), in one use
/// of these layers. Each has products of its own with the rows of its model.
class LowRankTerms {
 public:
  /// Counts the use of the matrices. `rows` are those of the input.
  LowRankTerms(Recording& pass, const RowLayout& rows, std::span<const LinearParameters> layers);

  /// Whether the gradient of any matrix is needed, and whether it needs the layers' input.
  bool needs_gradients() const { return needs_gradients_; }
  bool needs_input() const { return needs_input_; }

  /// Adds s drop(x) Aᵀ Bᵀ to the outputs of the layers, which lie side by side. `input` is what products read.
  void add_to(const at::Tensor& outputs, const at::Tensor& input);

  /// Tells the sink, and adds to the gradient of the input unless it is undefined. `input` as above, if it is needed.
  void backward(const at::Tensor& input, const TypedResult& output_gradient, const at::Tensor& input_gradient) const;

 private:
  struct Term {
    Recording::AddedTensor down, up;
    Columns columns;  // of all outputs
    double scale = 1.0;
    at::Tensor hidden = {};  // s drop(x) Aᵀ, if the gradient of B is needed
  };
  // Terms that read the input through one dropout layer, or as it is. Each is of another model, so their products are
  // computed together.
  struct Group {
    Dropout dropout;
    std::vector<Term> terms;
  };
  void add_terms(std::size_t model, const LayerAdditions& added, std::int64_t first_column);
  Group& group_for(const Term& term, const Dropout& dropout);
  at::Tensor dropped(const at::Tensor& input, const Dropout& dropout) const;
  at::Tensor rows_of(const at::Tensor& all, const Term& term) const { return rows_->of_model(all, term.down.model); }
  at::Tensor outputs_of(const at::Tensor& all, const Term& term) const;
  at::Tensor operand(const Recording::AddedTensor& matrix) const;
  // Place for what lies between A and B, of all terms [R, highest rank]; and the part of a term [its R, r].
  at::Tensor empty_hidden(const Group& group) const;
  at::Tensor hidden_of(const at::Tensor& all, const Term& term) const;
  void backward(const Group& group, const at::Tensor& read, const TypedResult& output_gradient,
                const at::Tensor& of_read) const;

  Recording& pass_;
  const RowLayout* rows_;
  std::vector<Group> groups_;
  bool needs_gradients_ = false;
  bool needs_input_ = false;
};

}  // namespace tunescope
