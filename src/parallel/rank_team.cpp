#include "tunescope/parallel/rank_team.hpp"

#include <algorithm>
#include <functional>

namespace tunescope {
namespace {

MPI_Comm duplicate(MPI_Comm parent) {
  MPI_Comm copy = MPI_COMM_NULL;
  check_mpi(MPI_Comm_dup(parent, &copy), "MPI_Comm_dup");
  return copy;
}

// "sweep_run.cpp:31 in run_sweep"
std::string name_of(const RankTeam::Place& place) {
  const std::string_view file = place.file;
  return std::string(file.substr(file.rfind('/') + 1)) + ":" + std::to_string(place.line) + " in " + place.function;
}

}  // namespace

RankTeam::RankTeam(MPI_Comm parent) : communicator_(std::make_unique<Communicator>(duplicate(parent))) {}

void RankTeam::enter(const Place& place) const {
  if (size() == 1) return;
  const std::string name = name_of(place);
  const std::vector<std::int64_t> hashes = gather(static_cast<std::int64_t>(std::hash<std::string>{}(name)));
  const auto other = std::find_if(hashes.begin(), hashes.end(), [&](auto hash) { return hash != hashes.front(); });
  if (other == hashes.end()) return;
  const auto other_rank = static_cast<int>(other - hashes.begin());
  const std::string first = share_bytes(name, 0);
  const std::string second = share_bytes(name, other_rank);
  throw MpiError("ranks are in different collective calls: rank 0 at " + first + ", rank " +
                 std::to_string(other_rank) + " at " + second);
}

bool RankTeam::any_of(bool value, const Place& place) {
  enter(place);
  const std::vector<std::int64_t> values = gather(value ? 1 : 0);
  return std::find(values.begin(), values.end(), 1) != values.end();
}

bool RankTeam::all_of(bool value, const Place& place) { return !any_of(!value, place); }

std::vector<std::int64_t> RankTeam::all_gather(std::int64_t value, const Place& place) {
  enter(place);
  return gather(value);
}

std::optional<std::vector<std::int64_t>> RankTeam::all_gather_within(std::chrono::milliseconds timeout,
                                                                     std::int64_t value) {
  struct Exchange {
    std::int64_t own;
    std::vector<std::int64_t> all;
  };
  auto exchange =
      std::make_unique<Exchange>(Exchange{value, std::vector<std::int64_t>(static_cast<std::size_t>(size()))});
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Iallgather(&exchange->own, 1, MPI_INT64_T, exchange->all.data(), 1, MPI_INT64_T, communicator_->get(),
                           &request),
            "MPI_Iallgather");
  if (wait_politely_until(std::chrono::steady_clock::now() + timeout, request)) return std::move(exchange->all);
  static_cast<void>(exchange.release());  // MPI may still write to it, as long as the process lives
  return std::nullopt;
}

std::string RankTeam::broadcast(std::string text, int source, const Place& place) {
  enter(place);
  return share_bytes(std::move(text), source);
}

void RankTeam::barrier(const Place& place) {
  enter(place);
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Ibarrier(communicator_->get(), &request), "MPI_Ibarrier");
  wait_politely(request);
}

RankTeam RankTeam::split_by_node(const Place& place) {
  enter(place);
  MPI_Comm node = MPI_COMM_NULL;
  check_mpi(MPI_Comm_split_type(communicator_->get(), MPI_COMM_TYPE_SHARED, rank(), MPI_INFO_NULL, &node),
            "MPI_Comm_split_type");
  return RankTeam(std::make_unique<Communicator>(node));
}

std::vector<std::int64_t> RankTeam::gather(std::int64_t value) const {
  std::vector<std::int64_t> values(static_cast<std::size_t>(size()));
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Iallgather(&value, 1, MPI_INT64_T, values.data(), 1, MPI_INT64_T, communicator_->get(), &request),
            "MPI_Iallgather");
  wait_politely(request);
  return values;
}

std::string RankTeam::share_bytes(std::string bytes, int source) const {
  auto length = static_cast<std::uint64_t>(bytes.size());
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Ibcast(&length, 1, MPI_UINT64_T, source, communicator_->get(), &request), "MPI_Ibcast");
  wait_politely(request);
  bytes.resize(length);
  check_mpi(MPI_Ibcast(bytes.data(), static_cast<int>(length), MPI_CHAR, source, communicator_->get(), &request),
            "MPI_Ibcast");
  wait_politely(request);
  return bytes;
}

}  // namespace tunescope
