#include "tunescope/parallel/communicator.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

#include "tunescope/base/error.hpp"

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

void wait_politely(MPI_Request& request) { wait_politely_until(std::chrono::steady_clock::time_point::max(), request); }

bool wait_politely_until(std::chrono::steady_clock::time_point end, MPI_Request& request) {
  auto pause = kShortestPause;
  for (int done = 0;;) {
    check_mpi(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test");
    if (done != 0) return true;
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, kLongestPause);
  }
}

Communicator::Communicator(MPI_Comm owned) : handle_(owned) {
  check_mpi(MPI_Comm_set_errhandler(handle_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check_mpi(MPI_Comm_rank(handle_, &rank_), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(handle_, &size_), "MPI_Comm_size");
}

Communicator::~Communicator() {
  if (handle_ != MPI_COMM_NULL) MPI_Comm_free(&handle_);
}

void Communicator::send_bytes(const void* data, std::size_t bytes, int destination, Tag tag) const {
  check_mpi(MPI_Send(data, static_cast<int>(bytes), MPI_BYTE, destination, static_cast<int>(tag), handle_), "MPI_Send");
}

void Communicator::receive_bytes(void* data, std::size_t bytes, int source, Tag tag) const {
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Irecv(data, static_cast<int>(bytes), MPI_BYTE, source, static_cast<int>(tag), handle_, &request),
            "MPI_Irecv");
  wait_politely(request);
}

std::optional<int> Communicator::probe(Tag tag) const {
  int is_there = 0;
  MPI_Status status;
  check_mpi(MPI_Iprobe(MPI_ANY_SOURCE, static_cast<int>(tag), handle_, &is_there, &status), "MPI_Iprobe");
  if (is_there == 0) return std::nullopt;
  return status.MPI_SOURCE;
}

}  // namespace tunescope
