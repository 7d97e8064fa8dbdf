#pragma once

#include <string>
#include <vector>

namespace tunescope {

/// What was out of the ordinary about a folder that another tool wrote: one phrase each, without a line break.
struct FolderNotes {
  std::vector<std::string> notes = {};     ///< what was assumed, left out or drawn at random
  std::vector<std::string> warnings = {};  ///< what may make the numbers others than the user means

  void append(const FolderNotes& other) {
    notes.insert(notes.end(), other.notes.begin(), other.notes.end());
    warnings.insert(warnings.end(), other.warnings.begin(), other.warnings.end());
  }
};

}  // namespace tunescope
