#pragma once

#include <mpi.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tunescope {

/// Throws `MpiError` with the class and text of an MPI error code; `call` names the MPI function.
void check_mpi(int code, const char* call);

/// An MPI communicator whose errors are returned, not fatal. Owns a duplicate, so its messages never meet others'.
class Communicator {
 public:
  /// Duplicates `parent`. *Collective* over it.
  explicit Communicator(MPI_Comm parent);
  ~Communicator();
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }
  MPI_Comm get() const { return handle_; }

  /// The ranks that share this rank's memory, in the same order. *Collective.*
  Communicator split_by_node() const;

  /// Returns the text of rank `root` on every rank. *Collective.* Sleeps while waiting, so that a rank which waits
  /// takes no core from the one that works.
  std::string broadcast(std::string text, int root = 0) const;

  /// Returns rank 0's number on every rank. *Collective.* Sleeps while waiting.
  std::int64_t broadcast_integer(std::int64_t value) const;

  /// Returns when all ranks have called it. *Collective.* Sleeps while waiting.
  void barrier() const;

  /// Every rank's value, by rank. *Collective.*
  std::vector<std::int64_t> all_gather(std::int64_t value) const;

  /// Sends a value of a trivially copyable type.
  template <typename T>
  void send(const T& value, int destination, int tag) const {
    send_bytes(&value, sizeof(T), destination, tag);
  }

  /// Receives a value of a trivially copyable type from `source`; blocks politely. Throws `MpiError` on a length
  /// mismatch.
  template <typename T>
  T receive(int source, int tag) const {
    T value;
    receive_bytes(&value, sizeof(T), source, tag);
    return value;
  }

  /// The sender of a message with this tag that can be received now, if any.
  std::optional<int> probe(int tag) const;

 private:
  struct Adopt {};
  Communicator(MPI_Comm owned, Adopt);
  void send_bytes(const void* data, std::size_t bytes, int destination, int tag) const;
  void receive_bytes(void* data, std::size_t bytes, int source, int tag) const;
  void wait(MPI_Request& request) const;

  MPI_Comm handle_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 1;
};

}  // namespace tunescope
