#pragma once

#include <benchmark/benchmark.h>

#include <nlohmann/json.hpp>
#include <vector>

namespace tunescope {

/// Prints a line of JSON as soon as something is measured, so that what a program has measured until it is stopped is
/// not lost: its name, "median" or another aggregate of repetitions, milliseconds, and the counters.
class LineReporter final : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      nlohmann::json line = {{"name", run.run_name.str()},
                             {"aggregate", run.aggregate_name},
                             {"ms", run.GetAdjustedRealTime()}};  // the unit of all
      for (const auto& [name, counter] : run.counters) line[name] = counter.value;
      GetOutputStream() << line.dump() << std::endl;
    }
  }
};

}  // namespace tunescope
