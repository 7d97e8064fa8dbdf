#pragma once

#include <span>
#include <string_view>

namespace tunescope {

/// What becomes of a key of `config.json`.
enum class KeyUse {
  kRead,     ///< decides the computation
  kRefused,  ///< would change numbers in a way that is not supported; refused unless it is empty, false or `plain`
  kWarned,   ///< may mean another model than the one that is read; a warning unless it is empty
  kHarmless  ///< changes no number here
};

/// A key that transformers, or a tool before it, writes into the `config.json` of a BERT.
struct ConfigKey {
  std::string_view name;
  KeyUse use = KeyUse::kHarmless;
  std::string_view meaning = {};  ///< why it is refused, warned of or harmless
  std::string_view plain = {};    ///< the text that is accepted of a refused key
};

/// Every key that is known, in the order of docs/model-folders.md, which says the same in words.
std::span<const ConfigKey> bert_config_keys();

}  // namespace tunescope
