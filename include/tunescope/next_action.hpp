#pragma once

namespace tunescope {

/// What a long computation does between two of its steps.
enum class NextAction { kGoOn, kSave, kSaveAndStop };

}  // namespace tunescope
