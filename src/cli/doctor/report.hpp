#pragma once

#include <string>
#include <vector>

#include "cli/doctor/rank_facts.hpp"

namespace tunescope::cli {

/// A line of what `tunescope doctor` finds.
struct Fact {
  std::string name;
  std::string value;
};

/// What `tunescope doctor` tells.
struct DoctorReport {
  std::vector<Fact> facts;
  std::vector<RankFacts> ranks;
  std::vector<std::string> problems;  ///< each with the remedy
};

/// Prints it as lines, the problems last, or as the object that docs/scripts.md describes.
void print_report(const DoctorReport& report, bool as_json);

}  // namespace tunescope::cli
