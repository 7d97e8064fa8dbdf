#pragma once

#include <vector>

#include "tunescope/parallel/rank_team.hpp"
#include "tunescope/schedule/stop.hpp"

namespace tunescope {

/// Makes a stop of any rank one of all; returns whether there is one.
bool agree_on_stop(RankTeam& team, StopRequest& stop, const RankTeam::Place& place = RankTeam::Place::current());

/// Spreads a stop while the ranks work on their own: a rank that is asked to stop tells rank 0, and rank 0 tells every
/// other. Each message is sent once, so a stop costs at most two per rank, however many ranks a signal reaches. One
/// channel serves one phase, training or a Fisher run; `close` ends it and leaves no message for the next.
class StopChannel {
 public:
  /// The references must outlive it.
  StopChannel(const Communicator& communicator, StopRequest& stop);

  /// Passes on what is new; cheap enough for every step. One thread of a rank at a time may call it.
  void poll();

  /// Makes a stop of any rank one of all and receives what is on its way; returns whether there is one.
  bool close(RankTeam& team);

 private:
  void receive(int sender);
  void tell(int rank);

  const Communicator& communicator_;
  StopRequest& stop_;
  bool has_told_ = false;
  std::vector<bool> has_heard_of_;  // by rank
};

}  // namespace tunescope
