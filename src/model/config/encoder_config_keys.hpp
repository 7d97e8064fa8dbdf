#pragma once

#include <span>
#include <string_view>

namespace tunescope {

/// How a key of `config.json` is treated.
enum class KeyUse {
  kRead,     ///< determines the computation
  kRefused,  ///< would change numbers in an unsupported way; refused unless it is empty, false or `plain`
  kWarned,   ///< may mean another model than the one that is read; warned about unless it is empty
  kHarmless  ///< changes no number here
};

/// A key that transformers, or an older tool, writes into the `config.json` of BERT and its descendants.
struct ConfigKey {
  std::string_view name;
  KeyUse use = KeyUse::kHarmless;
  std::string_view meaning = {};  ///< why it is refused, warned about or harmless
  std::string_view plain = {};    ///< the one value of a refused key that is accepted
};

/// Every known key, in the order of docs/model-folders.md, which explains them in words.
std::span<const ConfigKey> encoder_config_keys();

}  // namespace tunescope
