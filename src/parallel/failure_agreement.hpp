#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "tunescope/parallel/rank_team.hpp"

namespace tunescope {

/// Makes an error of one rank one of all, although the others may be waiting for it in another library. An operation
/// that all ranks carry out on their own ends on each of them with `agree`, whether it went well or not.
class FailureAgreement {
 public:
  virtual ~FailureAgreement() = default;

  /// Local and quick: whether another rank has ended the present operation with an error. Then this one should end it
  /// too, without an error of its own.
  virtual bool has_failed_elsewhere() = 0;

  /// Ends an operation: the error of the first rank that has one, with the rank's number, the same on every rank; empty
  /// if no rank has one. Nothing if not all ranks have come here in that time; then there can be no agreement any more.
  /// *Collective.*
  virtual std::optional<std::string> agree(const std::string& error, std::chrono::milliseconds timeout) = 0;
};

/// Over MPI.
class MpiFailureAgreement final : public FailureAgreement {
 public:
  /// `team` must outlive it.
  explicit MpiFailureAgreement(RankTeam& team) : team_(team) {}

  bool has_failed_elsewhere() override { return team_.communicator().probe(Tag::kFailure).has_value(); }
  std::optional<std::string> agree(const std::string& error, std::chrono::milliseconds timeout) override;

 private:
  RankTeam& team_;
};

}  // namespace tunescope
