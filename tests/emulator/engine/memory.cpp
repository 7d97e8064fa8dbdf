#include "memory.hpp"

#include <array>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "../simt.hpp"
#include "order.hpp"

namespace tunescope::emulator::memory {
namespace {

// Memory that is watched as one, and the segments that touched it last: a byte of a shared array, two bytes elsewhere,
// where tensors have no smaller numbers.
struct Cell {
  std::uint32_t writer = 0;
  std::uint32_t reader = 0;
  std::uint32_t other_reader = 0;  // by another thread than `reader`
};
constexpr std::size_t kCellBytes = 2;
constexpr std::uint32_t kForbidden = ~0U;

constexpr std::size_t kPageBytes = 4096;
using Page = std::array<Cell, kPageBytes / kCellBytes>;

struct SharedCells {
  const char* name = nullptr;
  std::size_t bytes = 0;
  std::vector<Cell> cells;
};

std::array<SharedCells, kMaxArrays> shared_cells;
std::size_t shared_count = 0;

std::uintptr_t ignored_first = 0;
std::size_t ignored_bytes = 0;

std::mutex pages_mutex;
struct Pages {
  std::unordered_map<std::uintptr_t, std::unique_ptr<Page>> all;
  // The pages that were asked for last, by their lowest bits.
  struct Recent {
    std::uintptr_t number = 0;
    Page* page = nullptr;
  };
  std::array<Recent, 1024> recent{};
};
// Never destroyed: tensors may be freed after it.
Pages& pages() {
  static auto* const made = new Pages;
  return *made;
}

Cell& global_cell(std::uintptr_t address) {
  const std::uintptr_t number = address / kPageBytes;
  Pages::Recent& recent = pages().recent[number % pages().recent.size()];
  if (recent.number != number) {
    std::unique_ptr<Page>& page = pages().all[number];
    if (page == nullptr) page = std::make_unique<Page>();
    recent = {number, page.get()};
  }
  return (*recent.page)[address % kPageBytes / kCellBytes];
}

struct Attempt {
  std::uintptr_t address;
  std::size_t bytes;
  bool writes;
  bool is_atomic;
  const char* shared_name;  // null: global memory
  const void* code;
  const std::source_location* where;  // instead of `code`
};

[[noreturn]] void refuse(const Attempt& attempt, std::string what) {
  if (attempt.where != nullptr) emulator::fail(*attempt.where, std::move(what));
  fail(attempt.code, std::move(what));
}

std::string text_of(const Attempt& attempt) {
  std::string text = attempt.is_atomic ? "an atomic operation on " : attempt.writes ? "a write of " : "a read of ";
  text += std::to_string(attempt.bytes) + " bytes ";
  if (attempt.shared_name == nullptr) return text + "of global memory";
  return text + "of the shared array '" + attempt.shared_name + "'";
}

[[noreturn]] void fail_race(const Attempt& attempt, std::uint32_t other, const char* done) {
  refuse(attempt, text_of(attempt) + " that " + actor_of(other) + " " + done + ", and nothing orders the two: a race");
}

void check_cell(Cell& cell, unsigned thread, const Attempt& attempt) {
  if (cell.writer == kForbidden) refuse(attempt, text_of(attempt) + ", which is out of bounds");
  const std::uint32_t own = segment_of(thread);
  const bool is_kept = attempt.writes && !attempt.is_atomic;  // an atomic operation is no race with another
  if (attempt.shared_name != nullptr && !is_of_block(cell.writer)) {
    if (!is_kept) refuse(attempt, text_of(attempt) + " that no thread has written");
    cell = {own, 0, 0};
    return;
  }
  if (cell.writer != own && !is_ordered(cell.writer, thread)) fail_race(attempt, cell.writer, "has written");
  if (!attempt.writes) {
    if (cell.reader != own && is_of_launch(cell.reader) && !is_by(cell.reader, thread)) {
      cell.other_reader = cell.reader;
    }
    cell.reader = own;
    return;
  }
  for (const std::uint32_t reader : {cell.reader, cell.other_reader}) {
    if (reader != own && !is_ordered(reader, thread)) fail_race(attempt, reader, "has read");
  }
  if (is_kept) cell = {own, 0, 0};
}

void check(Attempt attempt) {
  const Thread* const thread = running();
  if (thread == nullptr || attempt.address - ignored_first < ignored_bytes) return;
  static const auto arena = reinterpret_cast<std::uintptr_t>(shared_arena());
  if (attempt.address - arena >= kArrayStride * kMaxArrays) {
    for (std::size_t i = 0; i < attempt.bytes; i += kCellBytes) {
      check_cell(global_cell(attempt.address + i), thread->number, attempt);
    }
    return;
  }
  const std::size_t place = (attempt.address - arena) / kArrayStride;
  const std::size_t offset = (attempt.address - arena) % kArrayStride;
  SharedCells& array = shared_cells[place];
  attempt.shared_name = array.name;
  if (place >= shared_count || offset + attempt.bytes > array.bytes) {
    // An index below zero leads to the end of the place before.
    if (offset > kArrayStride / 2 && place + 1 < shared_count) attempt.shared_name = shared_cells[place + 1].name;
    refuse(attempt, text_of(attempt) + ", which is out of bounds");
  }
  for (std::size_t i = 0; i < attempt.bytes; ++i) check_cell(array.cells[offset + i], thread->number, attempt);
}

void forget_segments() {
  for (SharedCells& array : shared_cells) array.cells.clear();
  for (const auto& [number, page] : pages().all) {
    for (Cell& cell : *page) {
      if (cell.writer != kForbidden) cell = {};
    }
  }
}

}  // namespace

void begin_launch() {
  if (begin_launch_order()) forget_segments();
}

void begin_block(std::size_t threads) {
  begin_block_order(threads);
  shared_count = 0;
}

void add_shared_array(std::size_t place, const char* name, std::size_t bytes) {
  SharedCells& array = shared_cells[place];
  array.name = name;
  array.bytes = bytes;
  if (array.cells.size() < bytes) array.cells.resize(bytes);
  shared_count = place + 1;
}

void ignore(const void* first, std::size_t bytes) {
  ignored_first = reinterpret_cast<std::uintptr_t>(first);
  ignored_bytes = bytes;
}

void atomic(const void* address, std::size_t bytes, const std::source_location& where) {
  check({reinterpret_cast<std::uintptr_t>(address), bytes, true, true, nullptr, nullptr, &where});
  note_atomic(address, running()->number);
}

void access(const void* address, std::size_t bytes, Access kind, const void* code) {
  check({reinterpret_cast<std::uintptr_t>(address), bytes, kind == Access::kWrite, false, nullptr, code, nullptr});
}

}  // namespace tunescope::emulator::memory

namespace tunescope::emulator {
namespace {

void mark(const void* first, std::size_t bytes, std::uint32_t writer) {
  using namespace memory;
  const std::lock_guard lock(pages_mutex);
  const auto begin = reinterpret_cast<std::uintptr_t>(first);
  // A cell that is shared with what lies before belongs to that.
  for (std::uintptr_t i = begin + begin % kCellBytes; i < begin + bytes;) {
    const bool is_whole_page = i % kPageBytes == 0 && i + kPageBytes <= begin + bytes;
    if (writer == 0 && is_whole_page) {  // as if nobody had ever touched it
      pages().all.erase(i / kPageBytes);
      pages().recent[i / kPageBytes % pages().recent.size()] = {};
      i += kPageBytes;
    } else {
      global_cell(i) = {writer, 0, 0};
      i += kCellBytes;
    }
  }
}

}  // namespace

void forbid(const void* first, std::size_t bytes) { mark(first, bytes, memory::kForbidden); }
void permit(const void* first, std::size_t bytes) { mark(first, bytes, 0); }

}  // namespace tunescope::emulator
