// The engine whose threads are threads of the host, for programs under ThreadSanitizer: it sees all their accesses and
// what orders them. They run at the same time between their meetings; the meetings have the same rules as among fibers.
// The engine's own locks would order what CUDA does not, so it hides them and tells of barriers alone.

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "../simt.hpp"
#include "block.hpp"
#include "memory.hpp"

// Of ThreadSanitizer's run-time library.
extern "C" {
void AnnotateIgnoreSyncBegin(const char* file, int line);
void AnnotateIgnoreSyncEnd(const char* file, int line);
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
void __tsan_acquire(void* address);
void __tsan_release(void* address);
}

namespace tunescope::emulator {
namespace {

constexpr std::size_t kMaxHostThreads = 64;

// Ends a thread whose launch has failed.
struct Abandoned {};

std::mutex mutex;
std::condition_variable has_changed;
Block block;
std::size_t running_count = 0;
std::exception_ptr error;
thread_local Thread* self = nullptr;

// While it lives, ThreadSanitizer does not look at this thread.
class Unseen {
 public:
  Unseen() {
    AnnotateIgnoreSyncBegin(__FILE__, __LINE__);
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
  }
  ~Unseen() {
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
    AnnotateIgnoreSyncEnd(__FILE__, __LINE__);
  }
  Unseen(const Unseen&) = delete;
  Unseen& operator=(const Unseen&) = delete;
};

// What threads release before a barrier and acquire after it. Barriers take turns, as the first threads may be at the
// next while the last still leave.
struct Barrier {
  char turns[2] = {};
};
Barrier of_block;
Barrier of_warp[kMaxHostThreads / kWarpSize];
thread_local unsigned block_barriers = 0;
thread_local unsigned warp_barriers = 0;

// Called with the lock when no thread runs.
void go_on() {
  bool all_ended = true;
  for (const Thread& thread : block.threads) all_ended = all_ended && thread.state == State::kEnded;
  if (all_ended) return;
  try {
    block.release();
  } catch (...) {
    error = std::current_exception();
  }
  for (const Thread& thread : block.threads) running_count += thread.state == State::kRuns ? 1 : 0;
  has_changed.notify_all();
}

void stop_running(State state) {
  self->state = state;
  if (--running_count == 0 && !error) go_on();
}

void wait(State state, const std::source_location& where) {
  bool is_abandoned = false;
  {
    const Unseen unseen;
    std::unique_lock lock(mutex);
    self->where = where;
    stop_running(state);
    has_changed.wait(lock, [] { return self->state == State::kRuns || error; });
    is_abandoned = error != nullptr;
  }
  if (is_abandoned) throw Abandoned{};
}

void run_thread(Thread& thread, const std::function<void()>& kernel) {
  self = &thread;
  std::exception_ptr thrown;
  try {
    kernel();
  } catch (const Abandoned&) {
  } catch (...) {
    thrown = std::current_exception();
  }
  const Unseen unseen;
  const std::lock_guard lock(mutex);
  if (thrown && !error) {
    error = thrown;
    has_changed.notify_all();
  }
  stop_running(State::kEnded);
}

void wait_in_warp(unsigned mask, const void* own, std::size_t bytes, const std::source_location& where) {
  {
    const Unseen unseen;
    const std::lock_guard lock(mutex);
    self->mask = mask;
    self->brought = own;
    self->bytes = bytes;
    self->orders_memory = false;
  }
  wait(State::kInWarp, where);
}

}  // namespace

void run(const Shape& shape, const std::function<void()>& kernel) {
  block.begin_launch(shape);
  if (block.threads.size() > kMaxHostThreads) throw EmulatorError("this engine runs blocks of up to 64 threads");
  error = nullptr;
  for (const dim3& index : block.blocks()) {
    block.begin_block(index);
    running_count = block.threads.size();
    std::vector<std::thread> threads;
    for (Thread& thread : block.threads) threads.emplace_back([&thread, &kernel] { run_thread(thread, kernel); });
    for (std::thread& thread : threads) thread.join();
    if (error) std::rethrow_exception(error);
  }
}

dim3 thread_index() { return self->index; }
dim3 block_index() { return block.index; }
dim3 block_size() { return block.shape.block; }
dim3 grid_size() { return block.shape.grid; }
unsigned lane() { return self->number % kWarpSize; }

void fail(const std::source_location& where, std::string what) { throw block.error(text_of(where), *self, what); }

void block_barrier(const std::source_location& where) {
  char* const turn = &of_block.turns[block_barriers++ % 2];
  __tsan_release(turn);
  wait(State::kAtBarrier, where);
  __tsan_acquire(turn);
}

const std::byte* warp_meeting(unsigned mask, const void* own, std::size_t bytes, const std::source_location& where) {
  wait_in_warp(mask, own, bytes, where);
  return block.exchanged(*self);
}

void warp_barrier(unsigned mask, const std::source_location& where) {
  char* const turn = &of_warp[self->number / kWarpSize].turns[warp_barriers++ % 2];
  __tsan_release(turn);
  wait_in_warp(mask, nullptr, 0, where);
  __tsan_acquire(turn);
}

std::byte* shared(const void* tag, const char* name, std::size_t bytes) {
  const Unseen unseen;
  const std::lock_guard lock(mutex);
  return block.shared(*self, {tag, name, bytes});
}
std::byte* dynamic_shared_bytes() { return shared(nullptr, "dynamic_shared", block.shape.shared_bytes); }

// The atomic operations themselves release and acquire.
void memory_fence() {}
void before_atomic(const void* address, std::size_t bytes, const std::source_location& where) {
  check_alignment(address, bytes, where);
}

// ThreadSanitizer watches memory in place of `memory.cpp`.
void forbid(const void* /*first*/, std::size_t /*bytes*/) {}
void permit(const void* /*first*/, std::size_t /*bytes*/) {}
void memory::begin_launch() {}
void memory::begin_block(std::size_t /*threads*/) {}
void memory::add_shared_array(std::size_t /*place*/, const char* /*name*/, std::size_t /*bytes*/) {}
void memory::order_block() {}
void memory::order_lanes(unsigned /*first_thread*/, unsigned /*mask*/) {}

}  // namespace tunescope::emulator
