#include "tunescope/mpi/communicator.hpp"

#include <thread>

#include "tunescope/error.hpp"

namespace tunescope {
namespace {

constexpr std::chrono::microseconds kShortestPause{20};
constexpr std::chrono::microseconds kLongestPause{2000};

}  // namespace

void check_mpi(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  int error_class = 0;
  MPI_Error_class(code, &error_class);
  MPI_Error_string(code, text, &length);
  throw MpiError(std::string(call) + " failed with error class " + std::to_string(error_class) + ": " +
                 std::string(text, static_cast<std::size_t>(length)));
}

Communicator::Communicator(MPI_Comm parent) {
  check_mpi(MPI_Comm_dup(parent, &handle_), "MPI_Comm_dup");
  check_mpi(MPI_Comm_set_errhandler(handle_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check_mpi(MPI_Comm_rank(handle_, &rank_), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(handle_, &size_), "MPI_Comm_size");
}

Communicator::Communicator(MPI_Comm owned, Adopt) : handle_(owned) {
  check_mpi(MPI_Comm_set_errhandler(handle_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check_mpi(MPI_Comm_rank(handle_, &rank_), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(handle_, &size_), "MPI_Comm_size");
}

Communicator::~Communicator() {
  if (handle_ != MPI_COMM_NULL) MPI_Comm_free(&handle_);
}

Communicator Communicator::split_by_node() const {
  MPI_Comm node = MPI_COMM_NULL;
  check_mpi(MPI_Comm_split_type(handle_, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &node), "MPI_Comm_split_type");
  return Communicator(node, Adopt{});
}

// MPI's own waiting spins at full speed; with as many ranks as cores that would slow the ranks that still work.
void Communicator::wait(MPI_Request& request) const {
  auto pause = kShortestPause;
  for (int done = 0;;) {
    check_mpi(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test");
    if (done != 0) return;
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, kLongestPause);
  }
}

std::string Communicator::broadcast(std::string text, int root) const {
  auto length = static_cast<std::uint64_t>(text.size());
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Ibcast(&length, 1, MPI_UINT64_T, root, handle_, &request), "MPI_Ibcast");
  wait(request);
  text.resize(length);
  check_mpi(MPI_Ibcast(text.data(), static_cast<int>(length), MPI_CHAR, root, handle_, &request), "MPI_Ibcast");
  wait(request);
  return text;
}

std::int64_t Communicator::broadcast_integer(std::int64_t value) const {
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Ibcast(&value, 1, MPI_INT64_T, 0, handle_, &request), "MPI_Ibcast");
  wait(request);
  return value;
}

void Communicator::barrier() const {
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Ibarrier(handle_, &request), "MPI_Ibarrier");
  wait(request);
}

std::vector<std::int64_t> Communicator::all_gather(std::int64_t value) const {
  std::vector<std::int64_t> values(static_cast<std::size_t>(size_));
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Iallgather(&value, 1, MPI_INT64_T, values.data(), 1, MPI_INT64_T, handle_, &request), "MPI_Iallgather");
  wait(request);
  return values;
}

void Communicator::send_bytes(const void* data, std::size_t bytes, int destination, int tag) const {
  check_mpi(MPI_Send(data, static_cast<int>(bytes), MPI_BYTE, destination, tag, handle_), "MPI_Send");
}

void Communicator::receive_bytes(void* data, std::size_t bytes, int source, int tag) const {
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Irecv(data, static_cast<int>(bytes), MPI_BYTE, source, tag, handle_, &request), "MPI_Irecv");
  wait(request);
}

std::optional<int> Communicator::probe(int tag) const {
  int is_there = 0;
  MPI_Status status;
  check_mpi(MPI_Iprobe(MPI_ANY_SOURCE, tag, handle_, &is_there, &status), "MPI_Iprobe");
  if (is_there == 0) return std::nullopt;
  return status.MPI_SOURCE;
}

}  // namespace tunescope
