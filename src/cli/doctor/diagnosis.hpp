#pragma once

#include <string>
#include <vector>

#include "cli/doctor/report.hpp"

namespace tunescope::cli {

/// The ranks, in a line for all that have the same to say: "ranks 0-3" and "on n1, n2: 1 thread on 2 of 2 cores, ...".
std::vector<Fact> rank_lines(const std::vector<RankFacts>& ranks);

/// What is wrong with how the ranks were started and with the machines that they are on, each with the remedy.
std::vector<std::string> rank_problems(const std::vector<RankFacts>& ranks);

/// The environment variables that are set and bear on a sweep. Others are left out, for some hold secrets.
std::vector<std::string> telling_variables();

}  // namespace tunescope::cli
