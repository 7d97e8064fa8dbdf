#include "tunescope/text/unigram/normalization_rules.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "tunescope/base/error.hpp"

// An spm.model is a protocol buffer, sentencepiece_model.proto: a ModelProto, whose fields 3 and 5 are a
// NormalizerSpec, whose field 2 holds the compiled rules. Those are the size of a trie in bytes (uint32), the trie, and
// texts that end with a NUL each. The trie is a double array of Darts-clone (https://github.com/s-yata/darts-clone): a
// search goes from a unit at `i` to the unit at i ^ offset ^ byte, and a unit with a leaf has the place of its text in
// the unit at i ^ offset.
namespace tunescope {
namespace {

[[noreturn]] void refuse_model() {
  throw DataError("SentencePiece cannot read the model: it is damaged or of another kind, fetch the file again");
}

std::uint64_t take_varint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
    if (byte < 0x80) return value;
  }
  refuse_model();
}

std::string_view take(std::string_view& bytes, std::uint64_t size) {
  if (size > bytes.size()) refuse_model();
  const std::string_view taken = bytes.substr(0, size);
  bytes.remove_prefix(size);
  return taken;
}

/// The contents of every field of a message that has this number and is a message or bytes itself.
std::vector<std::string_view> fields_of(std::string_view message, std::uint64_t number) {
  constexpr std::uint64_t kVarint = 0;
  constexpr std::uint64_t k64Bits = 1;
  constexpr std::uint64_t kBytes = 2;
  constexpr std::uint64_t k32Bits = 5;
  std::vector<std::string_view> contents;
  while (!message.empty()) {
    const std::uint64_t tag = take_varint(message);
    const std::uint64_t type = tag & 7U;
    if (type == kBytes) {
      const std::string_view content = take(message, take_varint(message));
      if (tag >> 3U == number) contents.push_back(content);
    } else if (type == kVarint) {
      take_varint(message);
    } else if (type == k64Bits || type == k32Bits) {
      take(message, type == k64Bits ? 8 : 4);
    } else {
      refuse_model();
    }
  }
  return contents;
}

struct Unit {
  std::uint32_t bits;

  bool has_leaf() const { return (bits >> 8U & 1U) != 0; }
  std::size_t value() const { return bits & 0x7FFFFFFFU; }
  std::uint32_t label() const { return bits & 0x800000FFU; }  // no byte if the unit is a leaf
  std::size_t offset() const { return static_cast<std::size_t>(bits >> 10U) << ((bits & 0x200U) >> 6U); }
};

/// Follows every search that the trie allows.
class RuleTrie {
 public:
  RuleTrie(std::string_view trie, std::string_view texts)
      : units_(trie.size() / sizeof(Unit)), leaves_(units_.size(), kUnknown), texts_(texts) {
    if (!units_.empty()) std::memcpy(units_.data(), trie.data(), units_.size() * sizeof(Unit));
  }

  /// Whether all searches stay within the trie, end, and find texts that are there, no more than SentencePiece has room
  /// for.
  bool is_sound() {
    constexpr int kMostResults = 32;
    if (units_.empty() || texts_.empty() || texts_.back() != '\0') return false;
    const int leaves = most_leaves(0, 0);
    return leaves >= 0 && leaves <= kMostResults;
  }

 private:
  static constexpr int kDamaged = -1;
  static constexpr int kUnknown = -2;
  static constexpr int kLongestRule = 256;

  /// The most leaves on a way from a unit to the end of a search, or kDamaged. A unit may be reached on several ways,
  /// but not from itself.
  int most_leaves(std::size_t place, int depth) {
    if (leaves_[place] != kUnknown) return leaves_[place];
    if (depth > kLongestRule) return kDamaged;
    leaves_[place] = kDamaged;
    const Unit unit = units_[place];
    const std::size_t base = place ^ unit.offset();
    if ((base | 0xFFU) >= units_.size()) return kDamaged;
    if (unit.has_leaf() && units_[base].value() >= texts_.size()) return kDamaged;
    int most = 0;
    for (std::size_t byte = 0; byte < 256; ++byte) {
      if (units_[base ^ byte].label() != byte) continue;
      const int leaves = most_leaves(base ^ byte, depth + 1);
      if (leaves == kDamaged) return kDamaged;
      most = std::max(most, leaves);
    }
    leaves_[place] = most + (unit.has_leaf() ? 1 : 0);
    return leaves_[place];
  }

  std::vector<Unit> units_;
  std::vector<int> leaves_;
  std::string_view texts_;
};

void check_rules(std::string_view rules) {
  if (rules.empty()) return;
  std::uint32_t trie_bytes = 0;
  const std::string_view size = take(rules, sizeof(trie_bytes));
  std::memcpy(&trie_bytes, size.data(), sizeof(trie_bytes));
  const std::string_view trie = take(rules, trie_bytes);
  if (!RuleTrie(trie, rules).is_sound()) {
    throw DataError("the normalization rules of the SentencePiece model are damaged: fetch the file again");
  }
}

}  // namespace

void check_normalization_rules(std::string_view model) {
  constexpr std::uint64_t kNormalizer = 3;
  constexpr std::uint64_t kDenormalizer = 5;
  constexpr std::uint64_t kRules = 2;
  for (const std::uint64_t field : {kNormalizer, kDenormalizer}) {
    for (const std::string_view normalizer : fields_of(model, field)) {
      for (const std::string_view rules : fields_of(normalizer, kRules)) check_rules(rules);
    }
  }
}

}  // namespace tunescope
