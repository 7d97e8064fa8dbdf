#include "cli/doctor/report.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "cli/display/wrapped.hpp"
#include "cli/doctor/diagnosis.hpp"
#include "cli/reports/json.hpp"

namespace tunescope::cli {
namespace {

void print_lines(const DoctorReport& report) {
  constexpr std::size_t kSmallestWidth = 9;
  std::vector<Fact> lines = report.facts;
  for (Fact& line : rank_lines(report.ranks)) lines.push_back(std::move(line));
  std::size_t width = kSmallestWidth;
  for (const Fact& line : lines) width = std::max(width, line.name.size());
  for (const Fact& line : lines) fmt::print("{:<{}}  {}\n", line.name, width, wrapped(line.value, width + 2));
  if (report.problems.empty()) fmt::print("\nnothing is wrong here\n");
  constexpr std::string_view kWrong = "wrong: ";
  for (const std::string& problem : report.problems) fmt::print("\n{}{}\n", kWrong, wrapped(problem, kWrong.size()));
}

Json report_json(const DoctorReport& report) {
  Json facts = Json::object();
  for (const Fact& fact : report.facts) facts[fact.name] = fact.value;
  return {{"facts", facts}, {"ranks", nlohmann::json(report.ranks)}, {"problems", report.problems}};
}

}  // namespace

void print_report(const DoctorReport& report, bool as_json) {
  if (as_json) {
    print_json(report_json(report));
  } else {
    print_lines(report);
  }
}

}  // namespace tunescope::cli
