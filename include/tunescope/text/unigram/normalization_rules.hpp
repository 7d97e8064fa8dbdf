#pragma once

#include <string_view>

namespace tunescope {

/// Checks the compiled normalization rules of an `spm.model`, which SentencePiece follows without looking where they
/// lead. Throws `DataError` if they point outside of themselves, or the model is no protocol buffer.
void check_normalization_rules(std::string_view model);

}  // namespace tunescope
