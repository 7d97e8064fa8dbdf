#include "emulator/simt.hpp"

#include <algorithm>
#include <boost/context/fiber.hpp>
#include <boost/context/fixedsize_stack.hpp>
#include <exception>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>

namespace tunescope::emulator {
namespace {

namespace context = boost::context;

constexpr unsigned kWarpSize = 32;
constexpr std::size_t kStackBytes = 64 * 1024;

std::int64_t launch_count = 0;
std::mt19937_64 random_order(1);

enum class Waits { kNot, kAtBarrier, kInWarp, kEnded };

struct Thread {
  Place place;
  unsigned number = 0;
  Waits waits = Waits::kNot;
  std::source_location where;
  unsigned mask = 0;
  std::vector<std::byte> brought;
  context::fiber fiber;
};

// The block that runs now.
struct Block {
  std::vector<Thread> threads;
  std::map<const void*, std::vector<std::byte>> shared;
  std::vector<std::byte> dynamic;
  std::vector<std::vector<std::byte>> exchanged;  // by warp
  context::fiber scheduler;
  Thread* running = nullptr;
  std::exception_ptr error;
};
Block* block_now = nullptr;

bool is_same_line(const std::source_location& a, const std::source_location& b) {
  return a.line() == b.line() && a.column() == b.column() && std::string_view(a.file_name()) == b.file_name();
}

std::string text_of(const std::source_location& where) {
  return std::string(where.file_name()) + ":" + std::to_string(where.line());
}

void wait() {
  Block& block = *block_now;
  block.scheduler = std::move(block.scheduler).resume();
}

// Lets the threads go on that wait for each other and are all there. Returns whether any does.
bool release() {
  Block& block = *block_now;
  bool has_released = false;
  for (std::size_t first = 0; first < block.threads.size(); first += kWarpSize) {
    const std::size_t count = std::min<std::size_t>(kWarpSize, block.threads.size() - first);
    for (std::size_t i = 0; i < count; ++i) {
      const Thread& one = block.threads[first + i];
      if (one.waits != Waits::kInWarp) continue;
      bool are_there = true;
      for (unsigned lane = 0; lane < kWarpSize; ++lane) {
        if ((one.mask >> lane & 1U) == 0) continue;
        if (lane >= count || block.threads[first + lane].waits == Waits::kEnded) {
          throw EmulatorError(text_of(one.where) + ": lane " + std::to_string(lane) + " of the mask has ended");
        }
        const Thread& other = block.threads[first + lane];
        if (other.waits != Waits::kInWarp) {
          are_there = false;
        } else if (!is_same_line(other.where, one.where) || other.mask != one.mask) {
          throw EmulatorError(text_of(one.where) + ": lane " + std::to_string(lane) + " is in " + text_of(other.where) +
                              " or has another mask");
        }
      }
      if (!are_there) continue;
      std::vector<std::byte>& all = block.exchanged[first / kWarpSize];
      const std::size_t bytes = one.brought.size();
      all.assign(bytes * kWarpSize, std::byte{0});
      for (unsigned lane = 0; lane < kWarpSize; ++lane) {
        if ((one.mask >> lane & 1U) == 0) continue;
        std::copy(block.threads[first + lane].brought.begin(), block.threads[first + lane].brought.end(),
                  all.begin() + static_cast<std::ptrdiff_t>(lane * bytes));
      }
      const unsigned mask = one.mask;
      for (unsigned lane = 0; lane < kWarpSize; ++lane) {
        if ((mask >> lane & 1U) != 0) block.threads[first + lane].waits = Waits::kNot;
      }
      has_released = true;
    }
  }
  if (has_released) return true;
  const Thread* at_barrier = nullptr;
  for (const Thread& thread : block.threads) {
    if (thread.waits == Waits::kEnded) continue;
    if (thread.waits != Waits::kAtBarrier) return false;
    if (at_barrier != nullptr && !is_same_line(at_barrier->where, thread.where)) {
      throw EmulatorError("threads of a block are at two barriers: " + text_of(at_barrier->where) + " and " +
                          text_of(thread.where));
    }
    at_barrier = &thread;
  }
  if (at_barrier == nullptr) return false;
  for (Thread& thread : block.threads) {
    if (thread.waits == Waits::kAtBarrier) thread.waits = Waits::kNot;
  }
  return true;
}

void run_block(Block& block, const std::function<void()>& kernel) {
  block_now = &block;
  for (Thread& thread : block.threads) {
    thread.fiber = context::fiber(std::allocator_arg, context::fixedsize_stack(kStackBytes),
                                  [&block, &thread, &kernel](context::fiber&& back) {
                                    block.scheduler = std::move(back);
                                    try {
                                      kernel();
                                    } catch (const context::detail::forced_unwind&) {
                                      throw;
                                    } catch (...) {
                                      if (!block.error) block.error = std::current_exception();
                                    }
                                    thread.waits = Waits::kEnded;
                                    return std::move(block.scheduler);
                                  });
  }
  std::vector<Thread*> ready;
  for (;;) {
    ready.clear();
    bool all_ended = true;
    for (Thread& thread : block.threads) {
      if (thread.waits == Waits::kNot) ready.push_back(&thread);
      all_ended = all_ended && thread.waits == Waits::kEnded;
    }
    if (all_ended) break;
    if (ready.empty()) {
      if (release()) continue;
      throw EmulatorError("threads of a block wait for others that never come");
    }
    std::shuffle(ready.begin(), ready.end(), random_order);
    for (Thread* thread : ready) {
      block.running = thread;
      thread->fiber = std::move(thread->fiber).resume();
      if (block.error) std::rethrow_exception(block.error);
    }
  }
}

}  // namespace

void run(const Shape& shape, const std::function<void()>& kernel) {
  ++launch_count;
  const auto& [grid, size, shared_bytes] = shape;
  std::vector<dim3> blocks;
  for (unsigned z = 0; z < grid.z; ++z) {
    for (unsigned y = 0; y < grid.y; ++y) {
      for (unsigned x = 0; x < grid.x; ++x) blocks.emplace_back(x, y, z);
    }
  }
  std::shuffle(blocks.begin(), blocks.end(), random_order);
  for (const dim3& number : blocks) {
    Block block;
    block.dynamic.assign(shared_bytes, std::byte{0xFF});
    block.threads.resize(std::size_t{size.x} * size.y * size.z);
    block.exchanged.resize((block.threads.size() + kWarpSize - 1) / kWarpSize);
    for (unsigned i = 0; i < block.threads.size(); ++i) {
      block.threads[i].number = i;
      block.threads[i].place = {{i % size.x, i / size.x % size.y, i / (size.x * size.y)}, number, size, grid};
    }
    run_block(block, kernel);
    block_now = nullptr;
  }
}

std::int64_t launches() { return launch_count; }
void set_seed(std::uint64_t seed) { random_order.seed(seed); }
const Place& place() { return block_now->running->place; }
unsigned lane() { return block_now->running->number % kWarpSize; }

void block_barrier(std::source_location where) {
  Thread& thread = *block_now->running;
  thread.waits = Waits::kAtBarrier;
  thread.where = where;
  wait();
}

const std::byte* warp_meeting(unsigned mask, const void* own, std::size_t bytes, const std::source_location& where) {
  Thread& thread = *block_now->running;
  if ((mask >> lane() & 1U) == 0) throw EmulatorError(text_of(where) + ": the mask does not have the lane itself");
  thread.waits = Waits::kInWarp;
  thread.where = where;
  thread.mask = mask;
  const auto* const first = static_cast<const std::byte*>(own);
  thread.brought.assign(first, first + bytes);
  wait();
  return block_now->exchanged[thread.number / kWarpSize].data();
}

std::byte* shared(const void* tag, std::size_t bytes) {
  std::vector<std::byte>& memory = block_now->shared[tag];
  if (memory.empty()) memory.assign(bytes, std::byte{0xFF});  // as a float, NaN
  return memory.data();
}

std::byte* dynamic_shared_bytes() { return block_now->dynamic.data(); }

}  // namespace tunescope::emulator
