#include "tunescope/text/text_file.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "tunescope/base/error.hpp"
#include "tunescope/text/utf8.hpp"

namespace tunescope {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// How files of other formats begin, and the command that turns them into text. UTF-32 is listed before UTF-16 because
// its byte-order mark begins with that of UTF-16.
struct Signature {
  std::string_view bytes;
  std::string_view name;
  std::string_view remedy;
};
constexpr std::array kSignatures = {
    Signature{"\x1F\x8B"sv, "gzip data", "unpack it with gunzip"},
    Signature{"PK\x03\x04"sv, "a zip archive", "unpack it with unzip"},
    Signature{"\xFD\x37zXZ\0"sv, "xz data", "unpack it with unxz"},
    Signature{"\x28\xB5\x2F\xFD"sv, "Zstandard data", "unpack it with unzstd"},
    Signature{"\xFF\xFE\0\0"sv, "text in UTF-32", "convert it: iconv -f UTF-32 -t UTF-8 FILE > NEW"},
    Signature{"\0\0\xFE\xFF"sv, "text in UTF-32", "convert it: iconv -f UTF-32 -t UTF-8 FILE > NEW"},
    Signature{"\xFF\xFE"sv, "text in UTF-16", "convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW"},
    Signature{"\xFE\xFF"sv, "text in UTF-16", "convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW"},
};

// English text in UTF-16 has a NUL in every other byte.
bool looks_like_utf16(std::string_view text) {
  if (text.size() < 4) return false;
  std::array<std::size_t, 2> zeros{};
  for (std::size_t i = 0; i < text.size(); ++i) zeros[i % 2] += text[i] == '\0' ? 1 : 0;
  const auto [few, many] = std::minmax(zeros[0], zeros[1]);
  return many * 3 > text.size() && few * 20 < text.size();
}

void refuse_other_contents(std::string_view text, const std::filesystem::path& path) {
  const auto refuse = [&](std::string_view name, std::string_view remedy) {
    throw DataError(fmt::format("{}: is {}, not text in UTF-8; {}", path.string(), name, remedy));
  };
  for (const Signature& signature : kSignatures) {
    if (text.starts_with(signature.bytes)) refuse(signature.name, signature.remedy);
  }
  if (looks_like_utf16(text)) {
    refuse("text in UTF-16 without a byte-order mark",
           fmt::format("convert it: iconv -f UTF-16{} -t UTF-8 FILE > NEW", text.front() == '\0' ? "BE" : "LE"));
  }
}

}  // namespace

std::string read_text(const std::filesystem::path& path, std::string_view noun) {
  std::error_code error;
  const auto type = std::filesystem::status(path, error).type();
  if (type == std::filesystem::file_type::not_found) {
    throw DataError(fmt::format("{}: no such {}", path.string(), noun));
  }
  if (type == std::filesystem::file_type::directory) {
    throw DataError(fmt::format("{}: no such {}, it is a folder", path.string(), noun));
  }
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  if (!file || (file.peek() != std::ifstream::traits_type::eof() && !(bytes << file.rdbuf())) || file.bad()) {
    throw DataError(fmt::format("{}: cannot be read: {}", path.string(), std::strerror(errno)));
  }
  std::string text = std::move(bytes).str();
  refuse_other_contents(text, path);
  if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
  return text;
}

std::string shortened(std::string_view text) {
  constexpr std::size_t kLongest = 200;
  if (text.size() <= kLongest) return std::string(text);
  std::size_t end = kLongest;
  while ((static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;  // do not cut a code point
  return fmt::format("{} ... ({} bytes)", text.substr(0, end), text.size());
}

std::optional<std::string> find_damage(std::string_view line) {
  if (line.find('\0') != std::string_view::npos) return "holds a NUL byte";
  const std::size_t invalid = utf8::find_invalid(line);
  if (invalid == line.size()) return std::nullopt;
  return fmt::format("is not UTF-8 (byte 0x{:02X} at position {})", static_cast<unsigned char>(line[invalid]),
                     invalid + 1);
}

void refuse_damage(std::string_view text, const std::filesystem::path& path) {
  LineReader lines(text);
  while (const std::optional<std::string_view> line = lines.next()) {
    const std::optional<std::string> damage = find_damage(*line);
    if (!damage) continue;
    throw DataError(fmt::format("{}:{}: {}; save the file as UTF-8, e.g. iconv -f LATIN1 -t UTF-8 FILE > NEW",
                                path.string(), lines.number(), *damage));
  }
}

std::optional<std::string_view> LineReader::next() {
  if (rest_.empty()) return std::nullopt;
  const std::size_t end = rest_.find(end_);
  std::string_view line = rest_.substr(0, end);
  rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  ++number_;
  return line;
}

}  // namespace tunescope
