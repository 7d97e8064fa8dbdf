#include "tunescope/io/safetensors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "support/floats.hpp"
#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// 8 bytes of length, little-endian, and the header.
std::string with_length(std::uint64_t length, const std::string& rest) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(length >> (8 * i) & 0xFFU));
  return bytes + rest;
}

std::string safetensors(const std::string& header, const std::string& data) {
  return with_length(header.size(), header + data);
}

std::string entry(const std::string& name, const char* type, const char* shape, const char* offsets) {
  return "\"" + name + R"(":{"dtype":")" + type + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) text.push_back(static_cast<char>(value));
  return text;
}

// 1.0, -2.0 and 0.5 in IEEE 754 single precision.
std::string three_floats() { return bytes({0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0, 0, 0, 0, 0x3F}); }

class SafetensorsFile : public ::testing::Test {
 protected:
  Safetensors open(const std::string& content) const {
    return Safetensors::open_file(folder_.write("weights.safetensors", content));
  }
  std::string refusal(const std::string& content) const {
    return message_of<ModelError>([&] { open(content); });
  }

  test::TemporaryFolder folder_;
};

TEST_F(SafetensorsFile, ReadsSinglePrecision) {
  const Safetensors file = open(safetensors("{" + entry("w", "F32", "[3,1]", "[0,12]") + "}", three_floats()));
  EXPECT_TRUE(file.has("w"));
  EXPECT_FALSE(file.has("v"));
  EXPECT_THAT(file.names(), ElementsAre("w"));
  EXPECT_THAT(file.shape("w"), ElementsAre(3, 1));
  EXPECT_THAT(test::floats(file.float_tensor("w")), ElementsAre(1.0F, -2.0F, 0.5F));
  EXPECT_EQ(file.tensor("w").sizes().vec(), (std::vector<std::int64_t>{3, 1}));
}

TEST_F(SafetensorsFile, ConvertsHalfPrecision) {
  // 1.0, -2.0, 65504 (the largest) and 2^-24 (the smallest) in IEEE 754 half precision.
  const Safetensors file =
      open(safetensors("{" + entry("w", "F16", "[4]", "[0,8]") + "}", bytes({0, 0x3C, 0, 0xC0, 0xFF, 0x7B, 0x01, 0})));
  EXPECT_EQ(file.tensor("w").scalar_type(), at::kHalf);
  EXPECT_THAT(test::floats(file.float_tensor("w")), ElementsAre(1.0F, -2.0F, 65504.0F, 0x1p-24F));
}

TEST_F(SafetensorsFile, ConvertsBfloat16) {
  // The upper halves of 1.0, -2.0 and 3.140625 in single precision.
  const Safetensors file =
      open(safetensors("{" + entry("w", "BF16", "[3]", "[0,6]") + "}", bytes({0x80, 0x3F, 0, 0xC0, 0x49, 0x40})));
  EXPECT_EQ(file.tensor("w").scalar_type(), at::kBFloat16);
  EXPECT_THAT(test::floats(file.float_tensor("w")), ElementsAre(1.0F, -2.0F, 3.140625F));
}

TEST_F(SafetensorsFile, ReadsTensorsAtAnyAlignment) {
  // Headers of eight lengths put the data at every offset from a multiple of 8.
  for (int padding = 0; padding < 8; ++padding) {
    const std::string header = "{" + entry("w", "F32", "[3]", "[0,12]") + "}" + std::string(padding, ' ');
    EXPECT_THAT(test::floats(open(safetensors(header, three_floats())).float_tensor("w")),
                ElementsAre(1.0F, -2.0F, 0.5F))
        << padding;
  }
}

TEST_F(SafetensorsFile, SkipsItsMetadata) {
  const Safetensors file = open(
      safetensors(R"({"__metadata__":{"format":"pt"},)" + entry("w", "F32", "[3]", "[0,12]") + "}", three_floats()));
  EXPECT_THAT(file.names(), ElementsAre("w"));
}

TEST_F(SafetensorsFile, ReadsScalarsAndEmptyTensors) {
  const Safetensors file = open(
      safetensors("{" + entry("empty", "F32", "[0,4]", "[0,0]") + "," + entry("scalar", "F32", "[]", "[4,8]") + "}",
                  three_floats()));
  EXPECT_EQ(file.tensor("empty").numel(), 0);
  EXPECT_THAT(test::floats(file.float_tensor("scalar")), ElementsAre(-2.0F));
}

TEST_F(SafetensorsFile, OutlivesTheObjectThatOpenedIt) {
  at::Tensor tensor;
  {
    const Safetensors file = open(safetensors("{" + entry("w", "F32", "[3]", "[0,12]") + "} ", three_floats()));
    tensor = file.tensor("w");
  }
  EXPECT_THAT(test::floats(tensor), ElementsAre(1.0F, -2.0F, 0.5F));
}

TEST_F(SafetensorsFile, RefusesATruncatedFile) {
  const std::string whole = safetensors("{" + entry("w", "F32", "[3]", "[0,12]") + "}", three_floats());
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_THAT(refusal(whole.substr(0, length)), HasSubstr("weights.safetensors")) << length << " bytes";
  }
}

TEST_F(SafetensorsFile, RefusesAHeaderLengthBehindItsEnd) {
  for (const std::uint64_t length : {std::uint64_t{3}, std::uint64_t{1} << 40U, ~std::uint64_t{0}}) {
    EXPECT_THAT(refusal(with_length(length, "{}")), AllOf(HasSubstr("weights.safetensors"), HasSubstr("header")))
        << length;
  }
}

TEST_F(SafetensorsFile, RefusesOffsetsOutsideItsData) {
  for (const char* offsets :
       {"[4,16]", "[12,0]", "[100,112]", "[-12,0]", "[0]", "[0,6,12]", "[0,18446744073709551615]"}) {
    EXPECT_THAT(refusal(safetensors("{" + entry("w", "F32", "[3]", offsets) + "}", three_floats())),
                AllOf(HasSubstr("weights.safetensors"), HasSubstr("w")))
        << offsets;
  }
}

TEST_F(SafetensorsFile, RefusesAShapeThatDoesNotMatchItsBytes) {
  // The last shape overflows 64 bits, to 0 bytes.
  for (const char* shape : {"[2]", "[4]", "[]", "[-3]", "[3,0]", "[4611686018427387904,4]"}) {
    EXPECT_THAT(refusal(safetensors("{" + entry("w", "F32", shape, "[0,12]") + "}", three_floats())),
                AllOf(HasSubstr("weights.safetensors"), HasSubstr("tensor w")))
        << shape;
  }
}

// An empty tensor has lengths too, and LibTorch must be able to hold the product of the others.
TEST_F(SafetensorsFile, RefusesAnEmptyTensorOfImpossibleLengths) {
  for (const char* shape :
       {"[0,1099511627776,1099511627776]", "[4294967296,0,4294967296]", "[4611686018427387904,4,0]"}) {
    EXPECT_THAT(refusal(safetensors("{" + entry("w", "F32", shape, "[0,0]") + "}", three_floats())),
                AllOf(HasSubstr("weights.safetensors"), HasSubstr("tensor w")))
        << shape;
  }
}

TEST_F(SafetensorsFile, RefusesLengthsThatAreNoWholeNumbers) {
  for (const char* shape : {"[3.0]", "[1e300]", "[true,3]", "[[3]]", "{\"a\":3}", "3", "[null]"}) {
    EXPECT_THAT(refusal(safetensors("{" + entry("w", "F32", shape, "[0,12]") + "}", three_floats())),
                AllOf(HasSubstr("weights.safetensors"), HasSubstr("tensor w")))
        << shape;
  }
}

TEST_F(SafetensorsFile, RefusesAHeaderThatIsNoJsonObject) {
  for (const char* header : {"not JSON", "[1,2]", "", "{\"w\":"}) {
    EXPECT_THAT(refusal(safetensors(header, three_floats())),
                AllOf(HasSubstr("weights.safetensors"), HasSubstr("JSON")))
        << header;
  }
}

TEST_F(SafetensorsFile, RefusesEntriesThatAreIncomplete) {
  for (const char* description :
       {"{}", "1", "null", R"({"dtype":"F32","shape":[3]})", R"({"dtype":1,"shape":[3],"data_offsets":[0,12]})"}) {
    EXPECT_THAT(refusal(safetensors("{\"w\":" + std::string(description) + "}", three_floats())),
                AllOf(HasSubstr("weights.safetensors"), HasSubstr("tensor w")))
        << description;
  }
}

TEST_F(SafetensorsFile, RefusesTypesItDoesNotKnow) {
  EXPECT_THAT(refusal(safetensors("{" + entry("w", "F8_E4M3", "[12]", "[0,12]") + "}", three_floats())),
              AllOf(HasSubstr("weights.safetensors"), HasSubstr("F8_E4M3")));
}

TEST_F(SafetensorsFile, RefusesAMissingFile) {
  EXPECT_THAT(message_of<ModelError>([&] { Safetensors::open_file(folder_.path() / "absent.safetensors"); }),
              HasSubstr("absent.safetensors"));
}

TEST_F(SafetensorsFile, HasAHashOfItsContent) {
  const std::string header = "{" + entry("w", "F32", "[3]", "[0,12]") + "}";
  const std::string hash = open(safetensors(header, three_floats())).content_hash();
  EXPECT_EQ(open(safetensors(header + "   ", three_floats())).content_hash(), hash);
  std::string other = three_floats();
  other[0] = 1;
  EXPECT_NE(open(safetensors(header, other)).content_hash(), hash);
}

class ShardedSafetensors : public ::testing::Test {
 protected:
  ShardedSafetensors() {
    folder_.write("model-1.safetensors", safetensors("{" + entry("a", "F32", "[3]", "[0,12]") + "}", three_floats()));
    folder_.write("model-2.safetensors", safetensors("{" + entry("b", "F32", "[1]", "[8,12]") + "}", three_floats()));
  }
  Safetensors open(const std::string& index) const {
    folder_.write("model.safetensors.index.json", index);
    return Safetensors::open_folder(folder_.path());
  }
  std::string refusal(const std::string& index) const {
    return message_of<ModelError>([&] { open(index); });
  }

  test::TemporaryFolder folder_;
};

TEST_F(ShardedSafetensors, AreReadThroughTheirIndex) {
  const Safetensors file = open(R"({"weight_map":{"a":"model-1.safetensors","b":"model-2.safetensors"}})");
  EXPECT_THAT(file.names(), ElementsAre("a", "b"));
  EXPECT_THAT(test::floats(file.float_tensor("a")), ElementsAre(1.0F, -2.0F, 0.5F));
  EXPECT_THAT(test::floats(file.float_tensor("b")), ElementsAre(0.5F));
}

TEST_F(ShardedSafetensors, RefusesAShardThatIsMissing) {
  EXPECT_THAT(refusal(R"({"weight_map":{"a":"model-1.safetensors","b":"model-3.safetensors"}})"),
              HasSubstr("model-3.safetensors"));
}

TEST_F(ShardedSafetensors, RefusesATensorThatItsShardLacks) {
  EXPECT_THAT(refusal(R"({"weight_map":{"a":"model-1.safetensors","c":"model-2.safetensors"}})"),
              AllOf(HasSubstr("model.safetensors.index.json"), HasSubstr("tensor c")));
}

TEST_F(ShardedSafetensors, RefusesAnIndexWithoutWeightMap) {
  for (const char* index : {"{}", "not JSON", "[]", R"({"weight_map":[]})", R"({"weight_map":{"a":1}})"}) {
    EXPECT_THAT(refusal(index), HasSubstr("model.safetensors.index.json")) << index;
  }
}

TEST_F(ShardedSafetensors, RefusesAFolderWithNeitherWeightsNorIndex) {
  const test::TemporaryFolder empty;
  EXPECT_THAT(message_of<ModelError>([&] { Safetensors::open_folder(empty.path()); }),
              AllOf(HasSubstr(empty.path().string()), HasSubstr("model.safetensors")));
}

}  // namespace
}  // namespace tunescope
