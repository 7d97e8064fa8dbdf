#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tunescope {

/// The tokens of a model and their ids. Movable, not copyable: its map refers to its own strings.
class Vocabulary {
 public:
  /// The id of a token is its index; an empty string is an id without a token. Throws `DataError` if there are no
  /// tokens, or a token occurs twice or is not UTF-8.
  explicit Vocabulary(std::vector<std::string> tokens);
  Vocabulary(Vocabulary&&) = default;
  Vocabulary& operator=(Vocabulary&&) = default;
  Vocabulary(const Vocabulary&) = delete;
  Vocabulary& operator=(const Vocabulary&) = delete;
  ~Vocabulary() = default;

  /// The largest id + 1.
  std::size_t size() const { return tokens_.size(); }

  /// All tokens in the order of their ids.
  const std::vector<std::string>& tokens() const { return tokens_; }

  /// The id of a token, spelled as in the vocabulary.
  std::optional<std::int32_t> find(std::string_view token) const;

 private:
  std::vector<std::string> tokens_;
  std::unordered_map<std::string_view, std::int32_t> ids_;
};

/// More ids than any vocabulary has (LaBSE's has 501,153). A larger id means a damaged file, for which no memory should
/// be allocated.
inline constexpr std::size_t kMaxVocabularySize = 2'000'000;

}  // namespace tunescope
