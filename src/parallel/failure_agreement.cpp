#include "parallel/failure_agreement.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

namespace tunescope {

std::optional<std::string> MpiFailureAgreement::agree(const std::string& error, std::chrono::milliseconds timeout) {
  const Communicator& communicator = team_.communicator();
  if (!error.empty()) {
    for (int rank = 0; rank < team_.size(); ++rank) {
      if (rank != team_.rank()) communicator.send(std::int8_t{1}, rank, Tag::kFailure);
    }
  }
  const auto has_failed = team_.all_gather_within(timeout, error.empty() ? 0 : 1);
  if (!has_failed) return std::nullopt;
  for (int rank = 0; rank < team_.size(); ++rank) {  // so that no message is left for the next operation
    if (rank != team_.rank() && (*has_failed)[static_cast<std::size_t>(rank)] != 0) {
      communicator.receive<std::int8_t>(rank, Tag::kFailure);
    }
  }
  const auto first = std::find(has_failed->begin(), has_failed->end(), 1);
  if (first == has_failed->end()) return "";
  const auto rank = static_cast<int>(first - has_failed->begin());
  return fmt::format("rank {}: {}", rank, team_.broadcast(error, rank));
}

}  // namespace tunescope
