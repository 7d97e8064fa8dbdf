#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace tunescope {

/// Reads a text file, such as a job file or a table, and drops a UTF-8 byte-order mark. Throws `DataError` (path, what
/// was found, remedy) if there is no such file (the message calls it `noun`), or it cannot be read, is compressed, or
/// is UTF-16 or UTF-32. It may still have invalid bytes, which the caller must judge: see `find_damage`.
std::string read_text(const std::filesystem::path& path, std::string_view noun = "file");

/// A text as messages quote it: at most its first 200 bytes, in whole code points, and its size if it is longer.
std::string shortened(std::string_view text);

/// Says, for a message, why a line is not text, and names the byte. Nothing if it is UTF-8 without NUL bytes.
std::optional<std::string> find_damage(std::string_view line);

/// Throws `DataError` (path, line, byte, remedy) at the first line that is not UTF-8 or holds a NUL byte.
void refuse_damage(std::string_view text, const std::filesystem::path& path);

/// Goes through the lines of a text, without their ends. A line ends with LF, CRLF or, in a text without any LF, CR.
class LineReader {
 public:
  explicit LineReader(std::string_view text)
      : rest_(text), end_(text.find('\n') == std::string_view::npos ? '\r' : '\n') {}

  /// The next line, a view of the text given to the constructor; nothing after the last line, whether or not that has
  /// an end.
  std::optional<std::string_view> next();
  /// The number, from 1, of the line that `next` returned last.
  std::size_t number() const { return number_; }

 private:
  std::string_view rest_;
  char end_;
  std::size_t number_ = 0;
};

}  // namespace tunescope
