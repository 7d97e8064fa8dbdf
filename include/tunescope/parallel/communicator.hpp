#pragma once

#include <mpi.h>

#include <chrono>
#include <optional>

#include "tunescope/parallel/tags.hpp"

namespace tunescope {

/// Throws `MpiError` with the class and text of an MPI error code; `call` names the MPI function.
void check_mpi(int code, const char* call);

/// Waits for a request with naps in between. MPI's own waiting spins at full speed, which slows the ranks that still
/// work when there are as many ranks as cores.
void wait_politely(MPI_Request& request);
/// The same until that time at most; returns whether the request is done.
bool wait_politely_until(std::chrono::steady_clock::time_point end, MPI_Request& request);

/// An MPI communicator whose errors are returned, not fatal, for messages between single ranks. What all ranks do
/// together is `RankTeam`'s.
class Communicator {
 public:
  /// Takes over `owned`, which must not be used otherwise: messages never meet those of others.
  explicit Communicator(MPI_Comm owned);
  ~Communicator();
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }
  MPI_Comm get() const { return handle_; }

  /// Sends a value of a trivially copyable type.
  template <typename T>
  void send(const T& value, int destination, Tag tag) const {
    send_bytes(&value, sizeof(T), destination, tag);
  }

  /// Receives a value of a trivially copyable type from `source`, waiting politely. Throws `MpiError` if the message is
  /// longer than that.
  template <typename T>
  T receive(int source, Tag tag) const {
    T value;
    receive_bytes(&value, sizeof(T), source, tag);
    return value;
  }

  /// The sender of a message with this tag that can be received now, if there is one.
  std::optional<int> probe(Tag tag) const;

 private:
  void send_bytes(const void* data, std::size_t bytes, int destination, Tag tag) const;
  void receive_bytes(void* data, std::size_t bytes, int source, Tag tag) const;

  MPI_Comm handle_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 1;
};

}  // namespace tunescope
