#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tunescope/io/folder_notes.hpp"
#include "tunescope/model/parameter_catalogue.hpp"

namespace tunescope {

class Recording;
struct PackedBatch;
struct Value;

/// What the rest of the program needs to know of a network besides its tensors.
struct NetworkLimits {
  std::int64_t layers = 0;
  std::int64_t hidden_size = 0;
  std::int64_t intermediate_size = 0;
  std::int64_t attention_heads = 0;
  std::int64_t vocabulary = 0;   ///< rows of the word embeddings
  std::int64_t positions = 0;    ///< the most tokens of a sequence
  std::int64_t token_types = 0;  ///< sentences that it can tell apart; 0: it has no token types

  bool operator==(const NetworkLimits&) const = default;
};

/// An embedding table, and the row of it for each token of a batch.
struct TableLookup {
  ParameterIndex table = 0;
  std::vector<std::int64_t> ids;  ///< [T]
};

/// An embedding table, and the row of it for each distance between two tokens of a sequence.
struct DistanceLookup {
  ParameterIndex table = 0;
  /// [2 N - 1], for sequences of up to N tokens: that of distance d at d + N - 1. They never fall.
  std::vector<std::int64_t> ids;
};

/// The structure of a transformer for sequence classification, as a `config.json` describes it: its tensors and its
/// forward pass. It holds no weights and does not change. Each architecture is a subclass in a folder of its own.
class Network {
 public:
  virtual ~Network() = default;

  /// What users call it, such as "BERT".
  virtual std::string_view architecture() const = 0;
  /// Its name in `config.json`, such as "bert".
  virtual std::string_view model_type() const = 0;
  /// The class of Hugging Face's that has its tensors, such as "BertForSequenceClassification".
  virtual std::string_view classifier_class() const = 0;
  virtual const NetworkLimits& limits() const = 0;
  /// What the names of the backbone's tensors begin with, such as "bert.". Files may leave it out.
  virtual std::string_view prefix() const = 0;
  /// What the names of tensors begin with, after the prefix, that files have and the network does not use.
  virtual std::vector<std::string_view> unused_parts() const { return {}; }
  /// Every tensor of the model with a head of `outputs` outputs, on which the numbers of tensors do not depend.
  virtual ParameterCatalogue catalogue(std::int64_t outputs) const = 0;
  /// Groups of weights, or of biases, of linear layers with the same input, in the order of their outputs. Those of a
  /// group are laid out contiguously, so that one matrix product can apply them.
  virtual std::vector<std::vector<ParameterIndex>> joint_tensors() const = 0;
  /// Standard deviation of weights that are drawn from scratch.
  virtual double initializer_range() const = 0;

  /// What the embeddings of a batch's tokens are the sum of.
  virtual std::vector<TableLookup> lookups(const PackedBatch& batch) const = 0;
  /// For sequences of up to `longest` tokens, if distances between tokens have embeddings of their own.
  virtual std::optional<DistanceLookup> distance_lookup(std::int64_t /*longest*/) const { return std::nullopt; }

  /// The row of the token of each sequence that the head reads [B]; empty: of the first.
  virtual std::vector<std::int64_t> pooled_rows(const PackedBatch& /*batch*/) const { return {}; }

  /// Computes and records the logits of each model of a pass.
  virtual std::vector<Value> forward(Recording& pass) const = 0;
};

/// A network that was read from a folder, with notes for the user.
struct NetworkFile {
  std::shared_ptr<const Network> network;
  FolderNotes notes;
};

/// Reads `config.json`. The key `model_type` names the architecture; if there is none, it is BERT's. Throws
/// `ModelError` naming file, key, what was found and what is supported.
NetworkFile read_network(const std::filesystem::path& config_file);

}  // namespace tunescope
