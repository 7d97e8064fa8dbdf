#include "tunescope/base/hash.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <vector>

#include "tunescope/base/error.hpp"

namespace tunescope {

struct Sha256::Context {
  EVP_MD_CTX* handle = EVP_MD_CTX_new();
  ~Context() { EVP_MD_CTX_free(handle); }
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  if (EVP_DigestInit_ex(context_->handle, EVP_sha256(), nullptr) != 1) {
    throw EnvironmentError("OpenSSL does not provide SHA-256 on this system");
  }
}

Sha256::~Sha256() = default;

Sha256& Sha256::update(std::string_view bytes) {
  EVP_DigestUpdate(context_->handle, bytes.data(), bytes.size());
  return *this;
}

std::string Sha256::hex_digest() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_DigestFinal_ex(context_->handle, digest.data(), &size);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) {
    hex += kDigits[digest[i] >> 4U];
    hex += kDigits[digest[i] & 15U];
  }
  return hex;
}

std::string sha256_hex(std::string_view bytes) { return Sha256().update(bytes).hex_digest(); }

std::string sha256_hex_of_file(const std::filesystem::path& path, std::uintmax_t bytes) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw DataError(path.string() + ": cannot be read");
  Sha256 hash;
  std::vector<char> buffer(1 << 20);
  while (bytes > 0) {
    file.read(buffer.data(), static_cast<std::streamsize>(std::min<std::uintmax_t>(bytes, buffer.size())));
    const auto count = static_cast<std::size_t>(file.gcount());
    if (count == 0) break;
    hash.update({buffer.data(), count});
    bytes -= count;
  }
  if (file.bad()) throw DataError(path.string() + ": reading failed");
  return hash.hex_digest();
}

}  // namespace tunescope
