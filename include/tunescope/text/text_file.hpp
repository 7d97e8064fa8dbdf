#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace tunescope {

/// The bytes of a text file, without a UTF-8 byte-order mark: job files and tables are read with this. Throws
/// `DataError` (path, what was found, remedy) where there is no such `noun`, or it cannot be read, is compressed, or is
/// UTF-16 or UTF-32. What else may be wrong is the caller's to judge: see `find_damage`.
std::string read_text(const std::filesystem::path& path, std::string_view noun = "file");

/// A text as a message shows it: its first 200 bytes at most, in whole code points, and its size where it is longer.
std::string shortened(std::string_view text);

/// Why a line is no text, for a message; nothing where it is UTF-8 without NUL bytes. Names the byte.
std::optional<std::string> find_damage(std::string_view line);

/// Throws `DataError` (path, line, byte, remedy) at the first line that is not UTF-8 or holds a NUL byte.
void refuse_damage(std::string_view text, const std::filesystem::path& path);

/// The lines of a text in their order, without their ends: LF, CRLF or, in a text without any LF, CR.
class LineReader {
 public:
  explicit LineReader(std::string_view text)
      : rest_(text), end_(text.find('\n') == std::string_view::npos ? '\r' : '\n') {}

  /// The next line, of the text given to the constructor; nothing behind the last one, whether or not that has an end.
  std::optional<std::string_view> next();
  /// Of the line that `next` gave last, from 1.
  std::size_t number() const { return number_; }

 private:
  std::string_view rest_;
  char end_;
  std::size_t number_ = 0;
};

}  // namespace tunescope
