#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace tunescope {

/// How a key of `config.json` is treated.
enum class KeyUse {
  kRead,     ///< determines the computation
  kRefused,  ///< would change numbers in an unsupported way; refused unless it is empty, false or `plain`
  kWarned,   ///< may mean another model than the one that is read; warned about unless it is empty
  kHarmless  ///< changes no number here
};

/// A key that transformers, or an older tool, writes into a `config.json`.
struct ConfigKey {
  std::string_view name;
  KeyUse use = KeyUse::kHarmless;
  std::string_view meaning = {};  ///< why it is refused, warned about or harmless
  std::string_view plain = {};    ///< the one value of a refused key that is accepted
};

/// The tables of the keys that files of this `model_type` may have: its own, then those of all architectures.
/// docs/model-folders.md explains them in words.
std::vector<std::span<const ConfigKey>> config_keys(std::string_view model_type);

}  // namespace tunescope
