#include <nniesim/io/caffemodel.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "catch.hpp"
#include "support/crc32c.hpp"
#include "support/random.hpp"
#include "support/scratch_folder.hpp"

using namespace nniesim;

namespace caffemodel_test {

namespace {

// Protobuf's encoding, written here a second time so that the reader is not tested by its own library.

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7U) bytes += static_cast<char>((value & 0x7fU) | 0x80U);
  return bytes + static_cast<char>(value);
}
std::string number(std::uint32_t tag, std::uint64_t value) { return varint(tag << 3U) + varint(value); }
std::string text(std::uint32_t tag, const std::string& content) {
  return varint((tag << 3U) | 2U) + varint(content.size()) + content;
}
template <class T>
std::string raw(T value) {
  std::string bytes;
  const auto bits = std::bit_cast<std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>(value);
  for (std::size_t i = 0; i < sizeof(T); ++i) bytes += static_cast<char>((bits >> (8 * i)) & 255U);
  return bytes;
}
template <class T>
std::string packed(const std::vector<T>& values) {
  std::string bytes;
  for (const T v : values) bytes += raw(v);
  return bytes;
}
template <class T>
std::string single(std::uint32_t tag, T value) {
  return varint((tag << 3U) | (sizeof(T) == 4 ? 5U : 1U)) + raw(value);
}
std::string shape_field(const std::vector<std::uint64_t>& extents) {
  std::string dims;
  for (const std::uint64_t e : extents) dims += varint(e);
  return text(7, text(1, dims));
}
std::string blob(const std::vector<std::uint64_t>& extents, const std::vector<float>& values) {
  return shape_field(extents) + text(5, packed(values));
}
/// A file with one layer of the current format that holds the blob.
std::string net_with(const std::string& blob_bytes) {
  return text(100, text(1, "conv") + text(2, "Convolution") + text(7, blob_bytes));
}

/// The message of the parse_error that reading must throw, without the file's name.
std::string problem(const std::string& bytes) {
  try {
    (void)parse_caffemodel(bytes, "m");
  } catch (const parse_error& e) {
    const std::string message = e.what();
    return message.starts_with("m: ") ? message.substr(3) : "(no name) " + message;
  }
  return "(no parse_error)";
}
std::string blob_problem(const std::string& bytes) {
  try {
    (void)parse_binaryproto(bytes, "b");
  } catch (const parse_error& e) {
    const std::string message = e.what();
    return message.starts_with("b: ") ? message.substr(3) : "(no name) " + message;
  }
  return "(no parse_error)";
}

caffe_model small_model() {
  caffe_model model;
  model.name = "small";
  model.layers.push_back({"data", "Input", {}, {"data"}, {}});
  model.layers.push_back(
      {"conv", "Convolution", {"data"}, {"conv"}, {counted({2, 1, 3, 3}, -4.5F), counted({2}, 100.25F)}});
  model.layers.push_back({"sum", "Eltwise", {"data", "conv"}, {"sum"}, {counted({}, 7.0F)}});
  return model;
}

bool same(const caffe_model& a, const caffe_model& b) {
  if (a.name != b.name || a.layers.size() != b.layers.size()) return false;
  for (std::size_t l = 0; l < a.layers.size(); ++l) {
    const caffe_layer& x = a.layers[l];
    const caffe_layer& y = b.layers[l];
    if (x.name != y.name || x.type != y.type || x.bottoms != y.bottoms || x.tops != y.tops) return false;
    if (!std::equal(x.blobs.begin(), x.blobs.end(), y.blobs.begin(), y.blobs.end(), same_bits<float>)) return false;
  }
  return true;
}

std::string written(const caffe_model& model) { return detail::caffemodel_bytes(model, "out"); }

void put(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

std::string content(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file.is_open());
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("a layer's name, type, bottoms, tops and blobs are read; all else is passed over") {
  const std::string param = number(3, 5) + single(4, 1.0F) + single(5, 1.0) + text(6, "x");
  const std::string layer = text(1, "conv") + text(106, param) + text(2, "Convolution") + text(3, "a") + text(3, "b") +
                            number(10, 1) + text(4, "t") +
                            text(7, blob({2, 3}, {1, 2, 3, 4, 5, 6}) + text(6, packed<float>({9}))) +
                            text(7, blob({2}, {-1, -2}));
  const auto model = parse_caffemodel(text(1, "net") + number(5, 1) + text(100, layer) + text(100, text(1, "x")), "m");
  CHECK(model.name == "net");
  REQUIRE(model.layers.size() == 2);
  const caffe_layer& conv = model.layers[0];
  CHECK(conv.name == "conv");
  CHECK(conv.type == "Convolution");
  CHECK(conv.bottoms == std::vector<std::string>{"a", "b"});
  CHECK(conv.tops == std::vector<std::string>{"t"});
  REQUIRE(conv.blobs.size() == 2);
  CHECK(same_bits(conv.blobs[0], counted({2, 3}, 1)));
  CHECK(conv.blobs[1].data()[1] == -2.0F);
  CHECK(model.layers[1].name == "x");
  CHECK(model.layers[1].type.empty());
}

TEST_CASE("values are read packed, one by one, in several parts, and as doubles") {
  const auto values = counted({2, 2}, 1.5F);
  const auto read = [](const std::string& bytes) { return parse_binaryproto(bytes, "b"); };
  const std::string shape = shape_field({2, 2});
  CHECK(same_bits(read(shape + text(5, packed<float>({1.5F, 2.5F, 3.5F, 4.5F}))), values));
  CHECK(same_bits(read(single(5, 1.5F) + single(5, 2.5F) + single(5, 3.5F) + single(5, 4.5F) + shape), values));
  CHECK(same_bits(read(text(5, packed<float>({1.5F})) + shape + text(5, "") + text(5, packed<float>({2.5F, 3.5F})) +
                       single(5, 4.5F)),
                  values));
  CHECK(same_bits(read(shape + text(8, packed<double>({1.5, 2.5, 3.5, 4.5}))), values));
  CHECK(same_bits(read(shape + single(8, 1.5) + single(8, 2.5) + text(8, packed<double>({3.5, 4.5}))), values));
  // A double is rounded to the nearest float.
  CHECK(read(text(8, packed<double>({0.1}))).data()[0] == 0.1F);
  // Every bit of a float arrives.
  CHECK(std::bit_cast<std::uint32_t>(read(text(5, packed<float>({-0.0F}))).data()[0]) == 0x80000000U);
  CHECK(read(text(5, packed<float>({0x1p-149F}))).data()[0] == 0x1p-149F);
}

TEST_CASE("shapes are read packed, one by one, of every rank, and in the old form of four extents") {
  const auto shape = [](const std::string& bytes, std::size_t values) {
    return shape_of(parse_binaryproto(bytes + text(5, packed(std::vector<float>(values, 1.0F))), "b"));
  };
  CHECK(shape(shape_field({2, 3}), 6) == tensor_shape{2, 3});
  CHECK(shape(text(7, number(1, 2) + number(1, 3)), 6) == tensor_shape{2, 3});
  CHECK(shape(text(7, number(1, 2)) + text(7, text(1, "\x03\x04")), 24) == tensor_shape{2, 3, 4});
  CHECK(shape(shape_field({1, 1, 1, 1, 1, 1, 1, 5}), 5) == tensor_shape{1, 1, 1, 1, 1, 1, 1, 5});
  CHECK(shape(text(7, ""), 1) == tensor_shape{});
  CHECK(shape("", 1) == tensor_shape{});
  CHECK(shape(shape_field({300}), 300) == tensor_shape{300});
  CHECK(shape(number(1, 1) + number(2, 3) + number(3, 2) + number(4, 5), 30) == tensor_shape{1, 3, 2, 5});
  // As in Caffe, the old form counts where there are both.
  CHECK(shape(shape_field({6}) + number(1, 1) + number(2, 1) + number(3, 2) + number(4, 3), 6) ==
        tensor_shape{1, 1, 2, 3});
}

TEST_CASE("V1 layers have numbered types, and other field numbers") {
  const std::string layer = text(4, "ip1") + number(5, 14) + text(2, "a") + text(3, "t") + text(6, blob({2}, {1, 2}));
  const auto model = parse_caffemodel(text(2, layer) + text(2, text(4, "none")), "m");
  REQUIRE(model.layers.size() == 2);
  CHECK(model.layers[0].name == "ip1");
  CHECK(model.layers[0].type == "InnerProduct");
  CHECK(model.layers[0].bottoms == std::vector<std::string>{"a"});
  CHECK(model.layers[0].tops == std::vector<std::string>{"t"});
  REQUIRE(model.layers[0].blobs.size() == 1);
  CHECK(same_bits(model.layers[0].blobs[0], counted({2}, 1)));
  CHECK(model.layers[1].type.empty());
  for (std::size_t i = 0; i < caffe_v1_types.size(); ++i) {
    CHECK(caffe_v1_types[i].number == i);
    CHECK(parse_caffemodel(text(2, number(5, i)), "m").layers[0].type == caffe_v1_types[i].type);
  }
}

TEST_CASE("V0 layers, unknown V1 types and layers of both formats are refused") {
  CHECK(problem(text(2, text(1, "")) + text(1, "x")) ==
        "byte 2: layer 0: got a layer of Caffe's V0 format, expected V1 or newer: Caffe's upgrade_net_proto_binary "
        "converts it");
  CHECK(problem(text(2, number(5, 40))) == "byte 2: layer 0: got layer type 40, expected 0 to 39");
  CHECK_THAT(problem(text(2, number(5, std::uint64_t{1} << 32U))), contains("got layer type 4294967296"));
  CHECK(problem(text(2, "") + text(100, "")) ==
        "byte 2: got layers of Caffe's V1 format beside newer ones, expected one kind");
  CHECK_THAT(problem(text(100, "") + text(2, "")), contains("byte 3: got layers of Caffe's V1 format beside newer"));
}

TEST_CASE("a file that is no model is refused at its beginning") {
  CHECK(problem("") == "byte 0: the file ends, got no layer, expected a Caffe model");
  CHECK(problem(text(1, "name")) == "byte 6: the file ends, got no layer, expected a Caffe model");
  CHECK(problem("name: 'net'") ==
        "byte 0: got a field number or wire type that protobuf does not have, expected a field of a binary file");
  CHECK_THAT(problem(std::string(16, '\0')), contains("byte 0: got a field number or wire type"));
  CHECK_THAT(problem(std::string(16, '\xff')), contains("byte 0: got a number of more than 10 bytes"));
}

TEST_CASE("what runs past the end of its message is refused where it begins") {
  CHECK(problem(varint(100 << 3 | 2) + varint(10) + "abc") ==
        "byte 0: got a layer of 10 bytes, but 3 are left in its message");
  CHECK(problem(text(100, varint(7 << 3 | 2) + varint(5) + "abcd") + "more") ==
        "byte 3: layer 0: got a field of 5 bytes, but 4 are left in its message");
  // Beyond 32 bits and 63: not cut to what would fit.
  CHECK_THAT(problem(varint(100 << 3 | 2) + varint((std::uint64_t{1} << 32U) + 1) + "x"),
             contains("byte 0: got a layer of 4294967297 bytes, but 1 are left"));
  CHECK_THAT(problem(varint(99 << 3 | 2) + varint((std::uint64_t{1} << 32U) + 1) + "x"),
             contains("byte 0: got a field of 4294967297 bytes, but 1 are left"));
  CHECK_THAT(problem(text(100, text(1, "x")) + varint(100 << 3 | 2) + varint(~std::uint64_t{0})),
             contains("byte 6: got a layer of 18446744073709551615 bytes, but 0 are left"));
  CHECK(problem(varint(5 << 3) + "\x80") == "byte 0: got a field that its message ends in, expected a whole one");
  CHECK_THAT(problem(varint(5 << 3 | 5) + "abc"), contains("byte 0: got a field that its message ends in"));
  CHECK_THAT(problem(varint(5 << 3 | 1) + "abcdefg"), contains("byte 0: got a field that its message ends in"));
  CHECK_THAT(problem(text(100, "\x0a")), contains("byte 3: layer 0: got a field that its message ends in"));
  CHECK_THAT(problem(varint(5 << 3) + std::string(10, '\x80') + '\1'), contains("got a number of more than 10 bytes"));
}

TEST_CASE("fields of the wrong wire type are refused, not misread") {
  CHECK(problem(number(1, 5)) == "byte 0: got wire type 0 for the network's name, expected 2");
  CHECK(problem(single(100, 1.0F)) == "byte 0: got wire type 5 for a layer, expected 2");
  CHECK(problem(text(100, number(1, 1))) == "byte 3: layer 0: got wire type 0 for its name, expected 2");
  CHECK(problem(text(100, number(2, 1))) == "byte 3: layer 0: got wire type 0 for its type, expected 2");
  CHECK(problem(text(100, number(4, 1))) == "byte 3: layer 0: got wire type 0 for the name of a blob, expected 2");
  CHECK(problem(text(100, number(7, 1))) == "byte 3: layer 0 '': blob 0: got wire type 0 for the blob, expected 2");
  CHECK(problem(text(2, text(5, "x"))) == "byte 2: layer 0: got wire type 2 for its type, expected 0");
  CHECK(blob_problem(text(1, "x")) == "byte 0: got wire type 2 for an extent, expected 0");
  CHECK(blob_problem(number(5, 1)) == "byte 0: got wire type 0 for the values, expected 2");
  CHECK(blob_problem(number(7, 1)) == "byte 0: got wire type 0 for the shape, expected 2");
  CHECK(blob_problem(text(7, single(1, 1.0F))) == "byte 2: got wire type 5 for the shape, expected 0");
}

TEST_CASE("a blob whose values do not fill its shape is refused with layer and blob") {
  CHECK(problem(net_with(blob({2, 3}, {1, 2, 3, 4, 5}))) ==
        "byte 24: layer 0 'conv': blob 0: got 5 values, expected as many as shape 2x3 has");
  CHECK(problem(text(100, text(7, blob({1}, {1})) + text(7, blob({}, {1, 2})) + text(1, "late"))) ==
        "byte 18: layer 0 'late': blob 1: got 2 values, expected as many as shape scalar has");
  CHECK(blob_problem(blob({4}, {})) == "byte 0: got 0 values, expected as many as shape 4 has");
  CHECK(blob_problem("") == "byte 0: got 0 values, expected as many as shape scalar has");
  CHECK(blob_problem(blob({0, 4}, {})) == "byte 0: got no values, expected at least one");
  CHECK(blob_problem(number(2, 3) + text(5, packed<float>({1, 2, 3}))) ==
        "byte 0: got 3 values, expected as many as shape 0x3x0x0 has");
  CHECK(blob_problem(blob({1}, {1}) + text(8, packed<double>({1}))) ==
        "byte 0: got values in both data and double_data, expected them in one");
  CHECK(blob_problem(text(5, "abcde")) == "byte 0: got values of 5 bytes, expected a multiple of 4");
  CHECK(blob_problem(text(8, "abcde")) == "byte 0: got values of 5 bytes, expected a multiple of 8");
}

TEST_CASE("huge and negative shapes end in an error, not in an allocation") {
  constexpr std::uint64_t half = std::uint64_t{1} << 32U;
  CHECK(blob_problem(blob({half, half}, {1})) ==
        "byte 0: got 1 values, expected as many as shape 4294967296x4294967296 has");
  // The product of these is 1 modulo 2^64.
  CHECK_THAT(blob_problem(blob({3, 0x2aaaaaaaaaaaaaab, 4}, {1})),
             contains("got 1 values, expected as many as shape 3x"));
  CHECK_THAT(blob_problem(blob({half, half, 0}, {1})), contains("got 1 values, expected as many as shape"));
  CHECK_THAT(blob_problem(blob({half, half, 0}, {})), contains("got no values"));
  CHECK_THAT(blob_problem(blob({std::uint64_t{1} << 40U}, {1, 2})), contains("got 2 values, expected as many as"));
  CHECK(blob_problem(blob({~std::uint64_t{0}}, {1})) == "byte 2: got an extent of -1, expected one not below 0");
  CHECK_THAT(blob_problem(number(3, ~std::uint64_t{1})), contains("got an extent of -2, expected one not below 0"));
  CHECK_THAT(blob_problem(blob({1, 1, 1, 1, 1, 1, 1, 1, 1}, {1})), contains("byte 2: got a shape of rank above 8"));
  CHECK_THAT(blob_problem(text(7, text(1, "\x80"))), contains("byte 2: got a field that its message ends in"));
}

TEST_CASE("a value that is not finite is refused with its layer, blob and place") {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  constexpr float infinity = std::numeric_limits<float>::infinity();
  CHECK(problem(net_with(blob({2, 2}, {1, 2, infinity, 4}))) ==
        "byte 40: layer 0 'conv': blob 0: got inf at (1, 0), expected a finite float");
  CHECK_THAT(problem(net_with(blob({1}, {-infinity}))), contains("got -inf at (0), expected a finite float"));
  CHECK_THAT(problem(net_with(blob({1}, {nan}))), contains("got nan at (0), expected a finite float"));
  CHECK(blob_problem(shape_field({2}) + text(8, packed<double>({1, 1e39}))) ==
        "byte 15: got 1e+39 at (1), expected a finite float");
  CHECK_THAT(blob_problem(text(8, packed<double>({-std::numeric_limits<double>::infinity()}))),
             contains("got -inf at (), expected"));
}

TEST_CASE("control characters of a name do not reach the message") {
  const std::string message = problem(text(100, text(1, "\x1b[2J\n") + text(7, "")));
  CHECK_THAT(message, contains("layer 0 '\\x1b[2J\\x0a': blob 0: got 0 values"));
  CHECK(message.find('\x1b') == std::string::npos);
}

TEST_CASE("parts that take more memory than their bytes are limited in number") {
  std::string many;
  for (int i = 0; i < 65536; ++i) many += text(100, "");
  CHECK(parse_caffemodel(many, "m").layers.size() == 65536);
  CHECK(problem(many + text(100, "")) ==
        "byte 196608: layer 65536: more than 65536 layers, bottoms, tops and blobs, the limit");
  std::string tops;
  for (int i = 0; i < 65536; ++i) tops += text(4, "");
  CHECK_THAT(problem(text(100, tops)), contains("more than 65536 layers, bottoms, tops and blobs"));
}

TEST_CASE("what is written is read again, bit for bit, from memory and from a file") {
  const auto model = small_model();
  CHECK(same(parse_caffemodel(written(model), "m"), model));
  const scratch_folder folder;
  const auto path = folder / "small.caffemodel";
  write_caffemodel(path, model);
  CHECK(content(path) == written(model));
  CHECK(same(read_caffemodel(path), model));
  CHECK_THROWS_WITH(read_caffemodel(path, 20), contains("bytes, the limit is 20"));
  CHECK_THROWS_WITH(read_caffemodel(folder / "none"), contains("none: no such file, expected a .caffemodel file"));
}

TEST_CASE("the written bytes are those of caffe.proto") {
  caffe_model model;
  model.name = "n";
  model.layers.push_back({"l", "T", {"a"}, {"b"}, {counted({1, 2}, 3)}});
  const std::string blob_bytes = blob({1, 2}, {3, 4});
  CHECK(written(model) ==
        text(1, "n") + text(100, text(1, "l") + text(2, "T") + text(3, "a") + text(4, "b") + text(7, blob_bytes)));
}

TEST_CASE("models of random layers and shapes survive writing and reading") {
  draws d(3);
  for (int i = 0; i < 200; ++i) {
    caffe_model model;
    model.name = std::string(d.between(0, 200), 'n');
    for (std::size_t l = d.between(1, 5); l-- > 0;) {
      caffe_layer layer;
      layer.name = std::string(d.between(0, 3), static_cast<char>(d.bits() & 255U));
      layer.type = std::string(d.between(0, 3), 'T');
      layer.bottoms.resize(d.between(0, 3), "b");
      layer.tops.resize(d.between(0, 3), std::string(d.between(0, 3), 't'));
      for (std::size_t b = d.between(0, 3); b-- > 0;) {
        std::vector<std::size_t> extents(d.between(0, 8));
        for (auto& e : extents) e = d.between(1, 3);
        auto values = make_tensor<float>(tensor_shape(extents));
        for (auto& v : values) v = d.any_finite();
        layer.blobs.push_back(values);
      }
      model.layers.push_back(layer);
    }
    CHECK(same(parse_caffemodel(written(model), "m"), model));
  }
}

TEST_CASE("models that could not be read again are not written") {
  const scratch_folder folder;
  const auto path = folder / "bad.caffemodel";
  const auto refused = [&](const caffe_model& model) {
    try {
      write_caffemodel(path, model);
    } catch (const format_error& e) {
      return std::string(e.what()).substr(path.string().size());
    }
    return std::string("(no format_error)");
  };
  auto model = small_model();
  model.layers[1].blobs[0].data()[4] = std::numeric_limits<float>::infinity();
  CHECK(refused(model) == ": layer 1 'conv': blob 0: got inf at (0, 0, 1, 1), expected a finite float");
  model.layers[1].blobs[0] = make_tensor<float>({2, 0});
  CHECK(refused(model) == ": layer 1 'conv': blob 0: got no values, expected at least one");
  CHECK(refused({}) == ": got a model without layers, expected at least one");
  CHECK_FALSE(std::filesystem::exists(path));
  CHECK_THROWS_WITH(write_caffemodel(folder / "no" / "x", small_model()), contains("cannot be opened for writing"));
}

TEST_CASE("a mean image is one blob") {
  const scratch_folder folder;
  const auto path = folder / "mean.binaryproto";
  put(path, number(1, 1) + number(2, 3) + number(3, 1) + number(4, 2) + text(5, packed<float>({1, 2, 3, 4, 5, 6})));
  CHECK(same_bits(read_binaryproto(path), counted({1, 3, 1, 2}, 1)));
  put(path, "");
  CHECK_THROWS_WITH(read_binaryproto(path), contains("mean.binaryproto: byte 0: got 0 values"));
  CHECK_THROWS_WITH(read_binaryproto(folder / "none"), contains("expected a .binaryproto file"));
}

TEST_CASE("a model cut short anywhere is refused or read up to a layer's end") {
  const auto whole = small_model();
  const std::string bytes = written(whole);
  std::vector<std::size_t> layers_read;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    try {
      auto part = parse_caffemodel(std::string_view(bytes).substr(0, size), "m");
      auto beginning = whole;
      beginning.layers.resize(part.layers.size());
      CHECK(same(part, beginning));
      layers_read.push_back(part.layers.size());
    } catch (const parse_error& e) {
      CHECK(std::string(e.what()).starts_with("m: byte "));
    }
  }
  CHECK(layers_read == std::vector<std::size_t>{1, 2});
}

TEST_CASE("every single flipped bit and ten thousand mutations are refused with a place or read within bounds") {
  const std::string v1 = text(2, text(4, "a") + number(5, 4) + text(2, "x") + text(6, blob({2, 2}, {1, 2, 3, 4}))) +
                         text(2, text(4, "a") + text(6, number(1, 1) + number(2, 1) + number(3, 1) + number(4, 2) +
                                                            single(5, 1.0F) + single(5, 2.0F)));
  const std::vector<std::string> originals = {
      written(small_model()), v1, net_with(shape_field({3}) + text(8, packed<double>({1, 2, 3})) + text(6, "0123"))};
  int read = 0;
  int refused = 0;
  const auto attempt = [&](const std::string& bytes) {
    try {
      const auto model = parse_caffemodel(bytes, "m");
      std::size_t values = 0;
      for (const caffe_layer& layer : model.layers) {
        for (const auto& b : layer.blobs) values += b.size();
      }
      // Every value has its own four or eight bytes in the file, and the model is one that can be written.
      if (values * sizeof(float) > bytes.size()) CHECK(values * sizeof(float) <= bytes.size());
      if (!same(parse_caffemodel(written(model), "m"), model)) CHECK(std::string("the same model") == "another one");
      ++read;
    } catch (const parse_error& e) {
      if (!std::string(e.what()).starts_with("m: byte ")) CHECK(std::string(e.what()) == "a message with its place");
      ++refused;
    }
  };
  for (const std::string& original : originals) {
    for (std::size_t bit = 0; bit < 8 * original.size(); ++bit) {
      std::string bytes = original;
      bytes[bit / 8] = static_cast<char>(static_cast<unsigned char>(bytes[bit / 8]) ^ (1U << (bit % 8)));
      attempt(bytes);
    }
  }
  CHECK(read > 500);
  CHECK(refused > 500);
  draws d(5);
  for (int i = 0; i < 10'000; ++i) {
    std::string bytes = originals[d.between(0, originals.size() - 1)];
    for (std::size_t edits = d.between(1, 3); edits-- > 0 && !bytes.empty();) {
      const std::size_t at = d.between(0, bytes.size() - 1);
      switch (d.between(0, 5)) {
        case 0: bytes[at] = static_cast<char>(d.bits() & 255U); break;
        case 1: bytes.erase(at, d.between(1, 5)); break;
        case 2: bytes.insert(at, varint(std::uint64_t{d.bits()} << d.between(0, 32))); break;
        case 3: bytes.insert(at, bytes.substr(d.between(0, bytes.size() - 1), 40)); break;
        case 4: bytes.resize(at); break;
        default: bytes.replace(at, 1, varint(~std::uint64_t{0} >> d.between(0, 40))); break;
      }
    }
    attempt(bytes);
  }
  CHECK(read > 1000);
  CHECK(refused > 5000);
}

TEST_CASE("real models are read whole and written again without loss") {
  struct expected_model {
    const char* file;
    std::size_t layers;
    std::size_t blobs;
    std::uint32_t crc;  // of all values in order, computed by another program
  };
  for (const auto& [file, layers, blobs, crc] : {expected_model{"mnet.caffemodel", 223, 322, 0xa556b988},
                                                 expected_model{"RFB-320.caffemodel", 116, 104, 0xb8811140}}) {
    const std::string path = std::string(NNIESIM_SHARED_DIR) + "/models/" + file;
    if (std::string(NNIESIM_SHARED_DIR).empty() || !std::filesystem::exists(path)) {
      WARN("skipped: " << file << " is not there");
      continue;
    }
    INFO(file);
    const auto model = read_caffemodel(path);
    CHECK(model.layers.size() == layers);
    CHECK(model.layers[0].type == "Input");
    CHECK(model.layers[1].type == "Convolution");
    std::size_t found = 0;
    std::uint32_t sum = 0;
    for (const caffe_layer& layer : model.layers) {
      found += layer.blobs.size();
      for (const auto& b : layer.blobs) {
        std::vector<std::uint32_t> words;
        for (const float v : b) words.push_back(std::bit_cast<std::uint32_t>(v));
        sum = crc32c(words, sum);
      }
    }
    CHECK(found == blobs);
    CHECK(sum == crc);
    CHECK(same(parse_caffemodel(written(model), "again"), model));
    // Cut anywhere, a real file is refused or loses whole layers at its end.
    const std::string bytes = content(path);
    draws d(7);
    for (int i = 0; i < 50; ++i) {
      try {
        const auto part = parse_caffemodel(std::string_view(bytes).substr(0, d.between(0, bytes.size() - 1)), "m");
        CHECK(part.layers.size() < layers);
      } catch (const parse_error& e) {
        CHECK(std::string(e.what()).starts_with("m: byte "));
      }
    }
  }
}

}  // namespace caffemodel_test
