#include <chrono>
#include <cstdint>
#include <cstring>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "tunescope/text/read_tokenizer.hpp"

/// Drives the tokenizer of a folder for the scripts that compare it with Hugging Face:
///
///     tokenize_stdin FOLDER MAX_LENGTH [REPEAT] < records > results
///
/// A record is a little-endian uint32 byte count and the bytes of the first text, then the same for the second,
/// where the count 0xFFFFFFFF means that there is none. A result is an int32 count, that many token ids and as many
/// type ids. With REPEAT it encodes all records that often, writes the seconds of each round to standard error
/// and no results.
namespace {

struct Record {
  std::string first;
  std::optional<std::string> second;
};

constexpr std::uint32_t kNoText = 0xFFFFFFFFU;

std::optional<std::string> read_text(std::istream& input) {
  unsigned char bytes[4];
  if (!input.read(reinterpret_cast<char*>(bytes), 4)) return std::nullopt;
  const std::uint32_t size = bytes[0] | static_cast<std::uint32_t>(bytes[1]) << 8U |
                             static_cast<std::uint32_t>(bytes[2]) << 16U | static_cast<std::uint32_t>(bytes[3]) << 24U;
  if (size == kNoText) return std::nullopt;
  std::string text(size, '\0');
  if (!input.read(text.data(), static_cast<std::streamsize>(size))) return std::nullopt;
  return text;
}

std::vector<Record> read_records(std::istream& input) {
  std::vector<Record> records;
  while (std::optional<std::string> first = read_text(input)) {
    records.push_back({std::move(*first), read_text(input)});
  }
  return records;
}

tunescope::Encoding encode(const tunescope::Tokenizer& tokenizer, const Record& record, std::size_t max_length) {
  return record.second.has_value() ? tokenizer.encode_pair(record.first, *record.second, max_length)
                                   : tokenizer.encode(record.first, max_length);
}

void write_integer(std::string& output, std::int32_t value) {
  for (int shift = 0; shift < 32; shift += 8) {
    output.push_back(static_cast<char>(static_cast<std::uint32_t>(value) >> shift & 0xFFU));
  }
}

void write_results(const tunescope::Tokenizer& tokenizer, const std::vector<Record>& records, std::size_t max_length) {
  std::string output;
  for (const Record& record : records) {
    const tunescope::Encoding encoding = encode(tokenizer, record, max_length);
    write_integer(output, static_cast<std::int32_t>(encoding.token_ids.size()));
    for (const std::int32_t id : encoding.token_ids) write_integer(output, id);
    for (const std::int32_t type : encoding.type_ids) write_integer(output, type);
  }
  std::cout.write(output.data(), static_cast<std::streamsize>(output.size()));
}

void time_rounds(const tunescope::Tokenizer& tokenizer, const std::vector<Record>& records, std::size_t max_length,
                 int rounds) {
  for (int round = 0; round < rounds; ++round) {
    std::vector<tunescope::Encoding> encodings;
    encodings.reserve(records.size());
    const auto begin = std::chrono::steady_clock::now();
    for (const Record& record : records) encodings.push_back(encode(tokenizer, record, max_length));
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    std::cerr << seconds.count() << '\n';
  }
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count != 3 && argument_count != 4) {
    std::cerr << "usage: tokenize_stdin FOLDER MAX_LENGTH [REPEAT] < records > results\n";
    return 2;
  }
  try {
    std::ios::sync_with_stdio(false);
    const std::unique_ptr<const tunescope::Tokenizer> tokenizer = tunescope::read_tokenizer(arguments[1]);
    const std::size_t max_length = std::stoul(arguments[2]);
    const std::vector<Record> records = read_records(std::cin);
    if (argument_count == 4) {
      time_rounds(*tokenizer, records, max_length, std::stoi(arguments[3]));
    } else {
      write_results(*tokenizer, records, max_length);
    }
  } catch (const std::exception& error) {
    std::cerr << "tokenize_stdin: " << error.what() << '\n';
    return 1;
  }
}
