#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

namespace tunescope {

/// Incremental SHA-256 (FIPS 180-4) over bytes.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  /// Adds bytes to the message.
  Sha256& update(std::string_view bytes);

  /// Ends the message and returns its digest as 64 lower-case hexadecimal digits; call it once.
  std::string hex_digest();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

/// SHA-256 of a string, 64 hexadecimal digits.
std::string sha256_hex(std::string_view bytes);

/// SHA-256 of a file's first `bytes` bytes, or of all if it has no more; 64 hexadecimal digits. Throws `DataError` if
/// the file cannot be read.
std::string sha256_hex_of_file(const std::filesystem::path& path,
                               std::uintmax_t bytes = std::numeric_limits<std::uintmax_t>::max());

}  // namespace tunescope
