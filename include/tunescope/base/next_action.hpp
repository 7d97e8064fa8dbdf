#pragma once

namespace tunescope {

/// What a long computation does between two of its steps.
enum class NextAction { kContinue, kSave, kSaveAndStop };

}  // namespace tunescope
