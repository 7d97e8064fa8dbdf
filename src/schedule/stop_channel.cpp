#include "tunescope/schedule/stop_channel.hpp"

namespace tunescope {

bool agree_on_stop(RankTeam& team, StopRequest& stop, const RankTeam::Place& place) {
  const bool is_set = team.any_of(stop.is_set(), place);
  if (is_set) stop.request_stop();
  return is_set;  // not what a rank sees now: a signal may have come to it since
}

StopChannel::StopChannel(const Communicator& communicator, StopRequest& stop)
    : communicator_(communicator), stop_(stop), has_heard_of_(static_cast<std::size_t>(communicator.size())) {}

void StopChannel::poll() {
  while (const std::optional<int> sender = communicator_.probe(Tag::kStop)) receive(*sender);
  if (has_told_ || !stop_.is_set()) return;
  if (communicator_.rank() != 0) {
    if (!has_heard_of_[0]) tell(0);
    return;
  }
  for (int rank = 1; rank < communicator_.size(); ++rank) tell(rank);
}

bool StopChannel::close(RankTeam& team) {
  const bool is_stopped = agree_on_stop(team, stop_);
  const std::vector<std::int64_t> has_told = team.all_gather(has_told_ ? 1 : 0);
  for (int rank = 0; rank < team.size(); ++rank) {
    const bool sends_to_this = (rank == 0) != team.is_root();
    if (sends_to_this && has_told[static_cast<std::size_t>(rank)] != 0 &&
        !has_heard_of_[static_cast<std::size_t>(rank)]) {
      receive(rank);
    }
  }
  return is_stopped;
}

void StopChannel::receive(int sender) {
  communicator_.receive<std::int8_t>(sender, Tag::kStop);
  has_heard_of_[static_cast<std::size_t>(sender)] = true;
  stop_.request_stop();
}

void StopChannel::tell(int rank) {
  communicator_.send(std::int8_t{1}, rank, Tag::kStop);
  has_told_ = true;
}

}  // namespace tunescope
