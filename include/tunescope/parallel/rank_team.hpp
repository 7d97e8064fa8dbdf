#pragma once

#include <chrono>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "tunescope/base/error.hpp"
#include "tunescope/parallel/communicator.hpp"

namespace tunescope {

/// What a rank throws when another one has failed in something that they do together, with that rank's number and
/// message. The rank that failed throws its own error, whose type decides the exit status, and alone reports it.
class PeerError : public Error {
 public:
  using Error::Error;
};

/// All ranks of a job, for what they do together: a call is *collective*, so all ranks must make it, in the same order.
/// A function is collective exactly if it takes a `RankTeam&` that is not const, or belongs to an object that was made
/// with one and does not say that it is local. What a rank does alone takes a `Communicator`, or neither. `Reducer`
/// alone does without the check below.
///
/// Every call begins by comparing, over all ranks, the place in the source code that makes it. Ranks that are in
/// different calls would otherwise wait for each other for ever, or take each other's numbers; here all of them throw
/// `MpiError` with the names of two such places. That is one message of 8 bytes per call, of which there are so
/// few that it costs nothing.
class RankTeam {
 public:
  /// A place in the source code, as `std::source_location`, which clang has only since version 16.
  struct Place {
    const char* file;
    int line;
    const char* function;
    static constexpr Place current(const char* file = __builtin_FILE(), int line = __builtin_LINE(),
                                   const char* function = __builtin_FUNCTION()) {
      return {file, line, function};
    }
  };

  /// Duplicates `parent`. Collective over it.
  explicit RankTeam(MPI_Comm parent);

  int rank() const { return communicator_->rank(); }
  int size() const { return communicator_->size(); }
  bool is_root() const { return rank() == 0; }
  /// For messages between single ranks.
  const Communicator& communicator() const { return *communicator_; }

  /// Calls `work` on rank 0 and returns its value on every rank: a trivially copyable value, a string, or a vector of
  /// trivially copyable values. If it throws, so do all ranks: rank 0 what it threw, the others `PeerError`.
  template <typename Work>
  auto on_root(const Work& work, const Place& place = Place::current()) {
    using Value = std::invoke_result_t<const Work&>;
    enter(place);
    if constexpr (std::is_void_v<Value>) {
      share<std::uint8_t>([&] { return work(), std::uint8_t{0}; });
    } else {
      return share<Value>(work);
    }
  }

  /// Whether `value` holds on any rank.
  bool any_of(bool value, const Place& place = Place::current());
  /// Whether `value` holds on every rank.
  bool all_of(bool value, const Place& place = Place::current());
  /// Every rank's value, by rank.
  std::vector<std::int64_t> all_gather(std::int64_t value, const Place& place = Place::current());
  /// The same, or nothing if not all ranks have called it in that time; the team must not be used together then. Makes
  /// no check of the place: it is for ranks that may not come.
  std::optional<std::vector<std::int64_t>> all_gather_within(std::chrono::milliseconds timeout, std::int64_t value);
  /// The text of rank `source`.
  std::string broadcast(std::string text, int source, const Place& place = Place::current());
  /// Returns when all ranks have called it.
  void barrier(const Place& place = Place::current());
  /// The ranks that share this rank's memory, in the same order.
  RankTeam split_by_node(const Place& place = Place::current());

 private:
  explicit RankTeam(std::unique_ptr<Communicator> communicator) : communicator_(std::move(communicator)) {}

  // Throws on all ranks unless all of them are at the same place.
  void enter(const Place& place) const;
  std::vector<std::int64_t> gather(std::int64_t value) const;
  std::string share_bytes(std::string bytes, int source) const;

  template <typename Value, typename Work>
  Value share(const Work& work) const {
    constexpr char kValue = '+';
    constexpr char kError = '-';
    std::optional<Value> value;
    std::exception_ptr error;
    std::string message;
    if (is_root()) {
      try {
        value.emplace(work());
        message = kValue + encode(*value);
      } catch (const std::exception& caught) {
        error = std::current_exception();
        message = kError + std::string(caught.what());
      }
    }
    message = share_bytes(std::move(message), 0);
    if (error) std::rethrow_exception(error);
    if (message.front() == kError) throw PeerError("rank 0: " + message.substr(1));
    return is_root() ? std::move(*value) : decode<Value>(std::string_view(message).substr(1));
  }

  template <typename Value>
  static std::string encode(const Value& value) {
    if constexpr (std::is_same_v<Value, std::string>) {
      return value;
    } else if constexpr (std::is_trivially_copyable_v<Value>) {
      return {reinterpret_cast<const char*>(&value), sizeof value};
    } else {
      return {reinterpret_cast<const char*>(value.data()), value.size() * sizeof(typename Value::value_type)};
    }
  }

  template <typename Value>
  static Value decode(std::string_view bytes) {
    if constexpr (std::is_same_v<Value, std::string>) {
      return std::string(bytes);
    } else if constexpr (std::is_trivially_copyable_v<Value>) {
      Value value;
      std::memcpy(&value, bytes.data(), sizeof value);
      return value;
    } else {
      Value values(bytes.size() / sizeof(typename Value::value_type));
      std::memcpy(values.data(), bytes.data(), bytes.size());
      return values;
    }
  }

  std::unique_ptr<Communicator> communicator_;
};

}  // namespace tunescope
