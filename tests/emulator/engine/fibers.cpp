// The engine whose threads are fibers of one thread of the host. Stacks are made once and used by all launches. A
// thread that is found at fault is left where it stands, without unwinding its stack: memory is watched from hooks that
// the compiler believes not to throw. That is why this uses Boost.Context's switch itself and not its `fiber`.

#include <sys/mman.h>

#include <algorithm>
#include <boost/context/detail/fcontext.hpp>
#include <exception>
#include <new>

#include "../simt.hpp"
#include "block.hpp"
#include "memory.hpp"
#ifdef __SANITIZE_ADDRESS__
#include <pthread.h>
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace tunescope::emulator {
namespace {

namespace context = boost::context::detail;

#ifdef __SANITIZE_ADDRESS__
constexpr std::size_t kStackBytes = 512 * 1024;
#else
constexpr std::size_t kStackBytes = 128 * 1024;
#endif
constexpr std::size_t kGuardBytes = 4096;
constexpr std::size_t kMaxThreads = 1024;

struct Fiber {
  context::fcontext_t context = nullptr;
  void* sanitizer = nullptr;
};

struct Engine {
  Block block;
  std::vector<Fiber> fibers;
  std::vector<unsigned> ready;
  Thread* running = nullptr;
  const std::function<void()>* kernel = nullptr;
  context::fcontext_t scheduler = nullptr;
  std::exception_ptr error;
  std::string failed_at;
};
Engine engine;

std::byte* stacks() {
  static std::byte* const memory = [] {
    void* const mapped = mmap(nullptr, kStackBytes * kMaxThreads, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) throw std::bad_alloc();
    auto* const first = static_cast<std::byte*>(mapped);
    for (std::size_t i = 0; i < kMaxThreads; ++i) mprotect(first + i * kStackBytes, kGuardBytes, PROT_NONE);
    memory::ignore(first, kStackBytes * kMaxThreads);
    return first;
  }();
  return memory;
}

// AddressSanitizer must know of each change of stacks. `kept` null: the stack that is left is not entered again.
void say_switch_begins([[maybe_unused]] void** kept, [[maybe_unused]] const void* stack,
                       [[maybe_unused]] std::size_t bytes) {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_start_switch_fiber(kept, stack, bytes);
#endif
}
void say_switch_ended([[maybe_unused]] void* kept) {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(kept, nullptr, nullptr);
#endif
}

struct Stack {
  void* first = nullptr;
  std::size_t bytes = 0;
};
Stack host_stack() {
  Stack stack;
#ifdef __SANITIZE_ADDRESS__
  pthread_attr_t attributes;
  pthread_getattr_np(pthread_self(), &attributes);
  pthread_attr_getstack(&attributes, &stack.first, &stack.bytes);
  pthread_attr_destroy(&attributes);
#endif
  return stack;
}
Stack scheduler_stack;

void go_to_scheduler() {
  Fiber& fiber = engine.fibers[engine.running->number];
  const bool returns = engine.running->state != State::kEnded;
  say_switch_begins(returns ? &fiber.sanitizer : nullptr, scheduler_stack.first, scheduler_stack.bytes);
  const context::transfer_t back = context::jump_fcontext(engine.scheduler, nullptr);
  say_switch_ended(fiber.sanitizer);
  engine.scheduler = back.fctx;
}

[[noreturn]] void leave_for_good() {
  engine.running->state = State::kEnded;
  go_to_scheduler();
  std::terminate();
}

void enter(context::transfer_t from) {
  say_switch_ended(nullptr);
  engine.scheduler = from.fctx;
  try {
    (*engine.kernel)();
  } catch (...) {
    engine.error = std::current_exception();
  }
  leave_for_good();
}

void resume(Thread& thread) {
  engine.running = &thread;
  Fiber& fiber = engine.fibers[thread.number];
  void* kept = nullptr;
  std::byte* const stack = stacks() + thread.number * kStackBytes + kGuardBytes;
  say_switch_begins(&kept, stack, kStackBytes - kGuardBytes);
  const context::transfer_t back = context::jump_fcontext(fiber.context, nullptr);
  say_switch_ended(kept);
  fiber.context = back.fctx;
  engine.running = nullptr;
  if (engine.error) std::rethrow_exception(engine.error);
}

void start_fibers() {
  engine.fibers.assign(engine.block.threads.size(), {});
  for (std::size_t i = 0; i < engine.fibers.size(); ++i) {
    std::byte* const stack = stacks() + i * kStackBytes;
#ifdef __SANITIZE_ADDRESS__
    __asan_unpoison_memory_region(stack + kGuardBytes, kStackBytes - kGuardBytes);
#endif
    // Tops at multiples of a power of two would share a few lines of the processor's caches.
    const std::size_t unused = i % 64 * 320;
    engine.fibers[i].context =
        context::make_fcontext(stack + kStackBytes - unused, kStackBytes - kGuardBytes - unused, enter);
  }
}

void run_block() {
  start_fibers();
  for (;;) {
    engine.ready.clear();
    bool all_ended = true;
    for (const Thread& thread : engine.block.threads) {
      if (thread.state == State::kRuns) engine.ready.push_back(thread.number);
      all_ended = all_ended && thread.state == State::kEnded;
    }
    if (all_ended) return;
    if (engine.ready.empty()) {
      engine.block.release();
      continue;
    }
    std::shuffle(engine.ready.begin(), engine.ready.end(), random_order());
    for (const unsigned number : engine.ready) resume(engine.block.threads[number]);
  }
}

Thread& wait(State state, const std::source_location& where) {
  Thread& thread = *engine.running;
  thread.state = state;
  thread.where = where;
  go_to_scheduler();
  return thread;
}

// Nothing that owns memory may be alive on the stack that is left.
[[noreturn]] void end_launch(const std::string& where, std::string what) {
  {
    const std::string text = std::move(what);
    engine.error = std::make_exception_ptr(engine.block.error(where, *engine.running, text));
  }
  leave_for_good();
}

std::byte* shared_array(const SharedArray& array) {
  try {
    return engine.block.shared(*engine.running, array);
  } catch (...) {
    engine.error = std::current_exception();
  }
  leave_for_good();
}

}  // namespace

void run(const Shape& shape, const std::function<void()>& kernel) {
  engine.error = nullptr;
  engine.kernel = &kernel;
  scheduler_stack = host_stack();
  engine.block.begin_launch(shape);
  for (const dim3& index : engine.block.blocks()) {
    engine.block.begin_block(index);
    run_block();
  }
}

dim3 thread_index() { return engine.running->index; }
dim3 block_index() { return engine.block.index; }
dim3 block_size() { return engine.block.shape.block; }
dim3 grid_size() { return engine.block.shape.grid; }
unsigned lane() { return engine.running->number % kWarpSize; }

void fail(const std::source_location& where, std::string what) {
  engine.failed_at = text_of(where);
  end_launch(engine.failed_at, std::move(what));
}
void memory::fail(const void* code, std::string what) {
  engine.failed_at = line_of_code(code);
  end_launch(engine.failed_at, std::move(what));
}
const Thread* memory::running() { return engine.running; }

void block_barrier(const std::source_location& where) { wait(State::kAtBarrier, where); }

const std::byte* warp_meeting(unsigned mask, const void* own, std::size_t bytes, const std::source_location& where) {
  Thread& thread = *engine.running;
  thread.mask = mask;
  thread.brought = own;
  thread.bytes = bytes;
  thread.orders_memory = false;
  return engine.block.exchanged(wait(State::kInWarp, where));
}

void warp_barrier(unsigned mask, const std::source_location& where) {
  Thread& thread = *engine.running;
  thread.mask = mask;
  thread.bytes = 0;
  thread.orders_memory = true;
  wait(State::kInWarp, where);
}

std::byte* shared(const void* tag, const char* name, std::size_t bytes) { return shared_array({tag, name, bytes}); }
std::byte* dynamic_shared_bytes() { return shared_array({nullptr, "dynamic_shared", engine.block.shape.shared_bytes}); }

void memory_fence() { memory::fence(engine.running->number); }
void before_atomic(const void* address, std::size_t bytes, const std::source_location& where) {
  check_alignment(address, bytes, where);
  memory::atomic(address, bytes, where);
}

}  // namespace tunescope::emulator
