#include <nniesim/io/npy.hpp>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include <nniesim/tensor/eigen.hpp>
#include "catch.hpp"
#include "support/mutate.hpp"
#include "support/scratch_folder.hpp"

using namespace nniesim;

namespace npy_test {

namespace {

std::filesystem::path fixture(const std::string& name) {
  return std::string(NNIESIM_SOURCE_DIR) + "/tests/golden/npy/" + name + ".npy";
}

std::string content(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file.is_open());
  return {std::istreambuf_iterator<char>(file), {}};
}

void put(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::remove(path);  // some file systems wait for the disk when a file is replaced in place
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << bytes;
  file.close();
  REQUIRE(file.good());
}

/// A file with the given header text and data, version 1.0.
std::string file_with(const std::string& header, const std::string& data = {}) {
  std::string bytes = "\x93NUMPY";
  bytes += {'\x01', '\x00', static_cast<char>(header.size() & 255U), static_cast<char>(header.size() >> 8U)};
  return bytes + header + data;
}

/// Element i in C order, as make_npy.py writes it.
template <class T>
T element(std::int64_t i) {
  if constexpr (std::floating_point<T>) {
    return static_cast<T>(static_cast<double>(i - 3) * 0.75);
  } else {
    return static_cast<T>(37 * i - 5);
  }
}

template <class T>
tensor<T> expected_tensor(const tensor_shape& shape) {
  auto t = make_tensor<T>(shape);
  for (std::size_t i = 0; i < t.size(); ++i) t.data()[i] = element<T>(static_cast<std::int64_t>(i));
  return t;
}

template <class T>
void check_fixture(const std::string& name, const tensor_shape& shape, npy_type type) {
  INFO(name);
  CHECK(same_bits(read_npy<T>(fixture(name)), expected_tensor<T>(shape)));
  CHECK(npy_dtype(fixture(name)) == type);
  CHECK(read_npy_header(fixture(name)).shape == shape);
}

template <class T>
void check_all_orders(const std::string& kind, npy_type type) {
  for (const char* order : {"_little", "_big"}) {
    check_fixture<T>(kind + order, {2, 3, 5}, type);
    check_fixture<T>(kind + order + "_fortran", {2, 3, 5}, type);
    CHECK(read_npy_header(fixture(kind + order)).big_endian == (std::string(order) == "_big"));
    CHECK_FALSE(read_npy_header(fixture(kind + order)).fortran_order);
    CHECK(read_npy_header(fixture(kind + order + "_fortran")).fortran_order);
  }
}

template <class T>
void check_written_as_numpy(const scratch_folder& folder, const std::string& name, const tensor_shape& shape) {
  INFO(name);
  write_npy(folder / "out.npy", expected_tensor<T>(shape));
  CHECK(content(folder / "out.npy") == content(fixture(name)));
}

/// Reads the file as T; "" where that works, else the message.
template <class T>
std::string problem_of(const std::filesystem::path& path, std::uint64_t limit = npy_default_limit) {
  try {
    (void)read_npy<T>(path, limit);
    return "";
  } catch (const error& e) {
    return e.what();
  }
}

/// The message of the parse_error that the file's reading must throw.
std::string parse_problem(const scratch_folder& folder, const std::string& bytes) {
  put(folder / "x.npy", bytes);
  try {
    (void)read_npy<float>(folder / "x.npy");
  } catch (const parse_error& e) {
    return e.what();
  }
  return "(no parse_error)";
}

const std::string good_header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";

/// Checks every element of a file that was read against the file's own last bytes.
template <class T>
bool agrees_with_bytes(const tensor<T>& t, const npy_header& h, const std::string& bytes) {
  if (bytes.size() != h.data_offset + t.size() * sizeof(T)) return false;
  for (std::size_t i = 0; i < t.size(); ++i) {
    std::size_t from = i;
    if (h.fortran_order) {
      from = 0;
      std::size_t rest = i;
      std::size_t stride = t.size();
      for (std::size_t axis = h.shape.rank(); axis-- > 0; rest /= h.shape[axis]) {
        stride /= h.shape[axis];
        from += rest % h.shape[axis] * stride;
      }
    }
    std::array<char, sizeof(T)> raw{};
    std::memcpy(raw.data(), bytes.data() + h.data_offset + from * sizeof(T), sizeof(T));
    if (h.big_endian != (std::endian::native == std::endian::big)) std::reverse(raw.begin(), raw.end());
    if (std::memcmp(raw.data(), t.data() + i, sizeof(T)) != 0) return false;
  }
  return true;
}

std::string mutated(std::string bytes, draws& d) {
  static const std::vector<std::string> pieces = {
      "9",     "0", "-1",        "99999999999999999999", "(", ")", ",", "'", "True", "False", "<", ">", "shape",
      "descr", "L", "4294967296"};
  if (d.between(0, 2) == 0) {  // one bit anywhere: half of these are in the data, and the file is still a file
    flip_bit(bytes, d.between(0, bytes.size() - 1), d);
    return bytes;
  }
  const std::size_t edits = d.between(1, 3);
  for (std::size_t k = 0; k < edits && !bytes.empty(); ++k) {
    const std::size_t size = bytes.size();
    // Mostly in the first 80 bytes: that is where the header's meaning lies.
    edit(bytes, d.between(0, d.between(0, 3) != 0 ? std::min<std::size_t>(size - 1, 80) : size - 1), d, pieces);
  }
  return bytes;
}

/// 1 if the file was read, and rightly; 0 if it was refused with a message that names it; anything else fails.
template <class T>
int outcome(const std::filesystem::path& path, const std::string& bytes) {
  try {
    const tensor<T> t = read_npy<T>(path);
    const npy_header h = read_npy_header(path);
    CHECK(shape_of(t) == h.shape);
    CHECK(agrees_with_bytes(t, h, bytes));
    return 1;
  } catch (const error& e) {
    if (!std::string(e.what()).starts_with(path.string() + ": ")) {
      CHECK(std::string(e.what()) == "a message that begins with the file's name");
    }
    return 0;
  }
}

}  // namespace

TEST_CASE("NumPy's files of every type, byte order and axis order are read exactly") {
  check_all_orders<float>("f4", npy_type::float32);
  check_all_orders<double>("f8", npy_type::float64);
  check_all_orders<std::int16_t>("i2", npy_type::int16);
  check_all_orders<std::uint16_t>("u2", npy_type::uint16);
  check_all_orders<std::int32_t>("i4", npy_type::int32);
  check_all_orders<std::int64_t>("i8", npy_type::int64);
  for (const char* order : {"", "_fortran"}) {
    check_fixture<std::int8_t>(std::string("i1") + order, {2, 3, 5}, npy_type::int8);
    check_fixture<std::uint8_t>(std::string("u1") + order, {2, 3, 5}, npy_type::uint8);
  }
}

TEST_CASE("versions 2.0 and 3.0, and every rank from 0 to 8, are read") {
  check_fixture<float>("version_2", {7}, npy_type::float32);
  check_fixture<float>("version_3", {7}, npy_type::float32);
  check_fixture<float>("rank_0", {}, npy_type::float32);
  check_fixture<float>("rank_1", {7}, npy_type::float32);
  check_fixture<float>("rank_8", {1, 2, 1, 3, 1, 1, 2, 1}, npy_type::float32);
  check_fixture<float>("rank_8_fortran", {1, 2, 1, 3, 1, 1, 2, 1}, npy_type::float32);
  check_fixture<float>("empty", {2, 0, 3}, npy_type::float32);
}

TEST_CASE("NaN, infinities, minus zero and denormals keep their bits") {
  const auto t = read_npy<float>(fixture("special"));
  REQUIRE(t.size() == 6);
  CHECK(std::isnan(t.data()[0]));
  CHECK(t.data()[1] == std::numeric_limits<float>::infinity());
  CHECK(t.data()[2] == -std::numeric_limits<float>::infinity());
  CHECK(std::bit_cast<std::uint32_t>(t.data()[3]) == 0x80000000U);
  CHECK(std::bit_cast<std::uint32_t>(t.data()[4]) == 1U);
  CHECK(t.data()[5] == std::numeric_limits<float>::max());
}

TEST_CASE("files are written byte for byte as NumPy writes them") {
  const scratch_folder folder;
  check_written_as_numpy<float>(folder, "f4_little", {2, 3, 5});
  check_written_as_numpy<double>(folder, "f8_little", {2, 3, 5});
  check_written_as_numpy<std::int8_t>(folder, "i1", {2, 3, 5});
  check_written_as_numpy<std::uint8_t>(folder, "u1", {2, 3, 5});
  check_written_as_numpy<std::int16_t>(folder, "i2_little", {2, 3, 5});
  check_written_as_numpy<std::uint16_t>(folder, "u2_little", {2, 3, 5});
  check_written_as_numpy<std::int32_t>(folder, "i4_little", {2, 3, 5});
  check_written_as_numpy<std::int64_t>(folder, "i8_little", {2, 3, 5});
  check_written_as_numpy<float>(folder, "rank_0", {});
  check_written_as_numpy<float>(folder, "rank_1", {7});
  check_written_as_numpy<float>(folder, "rank_8", {1, 2, 1, 3, 1, 1, 2, 1});
  check_written_as_numpy<float>(folder, "empty", {2, 0, 3});
}

TEST_CASE("whatever is written is read back with the same bits and shape") {
  const scratch_folder folder;
  draws d(1);
  for (int i = 0; i < 60; ++i) {
    std::vector<std::size_t> extents(d.between(0, 8));
    for (auto& e : extents) e = d.between(0, 4);
    auto t = make_tensor<float>(tensor_shape(std::span<const std::size_t>(extents)));
    for (auto& v : t) v = std::bit_cast<float>(d.bits());
    write_npy(folder / "t.npy", t);
    CHECK(same_bits(read_npy<float>(folder / "t.npy"), t));
  }
}

TEST_CASE("views, lazy expressions and Eigen matrices are written in C order") {
  const scratch_folder folder;
  const auto t = expected_tensor<float>({4, 5});
  write_npy(folder / "view.npy", view_of(t));
  CHECK(same_bits(read_npy<float>(folder / "view.npy"), t));
  write_npy(folder / "lazy.npy", t * 2.0F);
  CHECK(read_npy<float>(folder / "lazy.npy").data()[7] == 2 * t.data()[7]);
  const Eigen::MatrixXf columns = as_eigen(view_of(t));
  write_npy(folder / "eigen.npy", columns);
  CHECK(same_bits(read_npy<float>(folder / "eigen.npy"), t));
}

TEST_CASE("asking for another type than the file's is a format_error that names both") {
  CHECK_THROWS_AS(read_npy<float>(fixture("f8_little")), format_error);
  CHECK_THROWS_WITH(read_npy<float>(fixture("f8_little")),
                    contains("f8_little.npy") && contains("holds float64") && contains("expected float32"));
  CHECK_THROWS_WITH(read_npy<std::int16_t>(fixture("u2_big")), contains("holds uint16") && contains("expected int16"));
}

TEST_CASE("element types that are not read are a format_error that shows them") {
  for (const auto& [name, shown] : std::vector<std::pair<std::string, std::string>>{{"float16", "'<f2'"},
                                                                                    {"uint32", "'<u4'"},
                                                                                    {"bool", "'|b1'"},
                                                                                    {"complex", "'<c8'"},
                                                                                    {"text", "'<U2'"},
                                                                                    {"objects", "'|O'"},
                                                                                    {"records", "records"},
                                                                                    {"records_unicode", "records"}}) {
    INFO(name);
    CHECK_THROWS_AS(read_npy<float>(fixture(name)), format_error);
    CHECK_THROWS_WITH(npy_dtype(fixture(name)), contains(name + ".npy: byte ") && contains(shown));
  }
  CHECK_THROWS_AS(read_npy<float>(fixture("rank_9")), parse_error);
  CHECK_THROWS_WITH(read_npy<float>(fixture("rank_9")), contains("rank above 8"));
}

TEST_CASE("data beyond the caller's limit are refused before they are read") {
  CHECK(problem_of<float>(fixture("f4_little"), 120) == "");
  CHECK_THROWS_AS(read_npy<float>(fixture("f4_little"), 119), format_error);
  CHECK_THAT(problem_of<float>(fixture("f4_little"), 119), contains("120 bytes of data, the limit is 119"));
}

TEST_CASE("files that cannot be read or written are an error that names them") {
  const scratch_folder folder;
  CHECK_THROWS_AS(read_npy<float>(folder / "none.npy"), error);
  CHECK_THAT(problem_of<float>(folder / "none.npy"), contains("none.npy: no such file"));
  std::filesystem::create_directory(folder / "directory");
  CHECK_THAT(problem_of<float>(folder / "directory"), contains("not a regular file"));
  CHECK_THROWS_AS(write_npy(folder / "no/such/folder.npy", expected_tensor<float>({2})), error);
  CHECK_THROWS_AS(write_npy(folder / "directory", expected_tensor<float>({2})), error);
}

TEST_CASE("a write that falls short is an error") {
  if (!std::filesystem::exists("/dev/full")) {
    WARN("skipped: there is no /dev/full here");
    return;
  }
  CHECK_THROWS_AS(write_npy("/dev/full", expected_tensor<float>({2, 3})), error);
  CHECK_THROWS_WITH(write_npy("/dev/full", expected_tensor<double>({100, 300})), contains("could not be written"));
  CHECK(std::filesystem::exists("/dev/full"));
}

TEST_CASE("headers that mean the same are read the same, however long and in whatever order") {
  const scratch_folder folder;
  const std::string data("\0\0\x80\x3f\0\0\0\xc0", 8);  // 1, -2
  for (const std::string& header :
       std::vector<std::string>{good_header, "{'descr':'<f4','fortran_order':False,'shape':(2,)}",
                                "{\"shape\": (2L,), \"fortran_order\": True, \"descr\": \"<f4\"}",
                                "\n{ 'fortran_order' :\tFalse , 'shape' : ( 2 , ) , 'descr' : '<f4' , } \n",
                                good_header + std::string(300, ' '), std::string(60000, ' ') + good_header}) {
    put(folder / "x.npy", file_with(header, data));
    const auto t = read_npy<float>(folder / "x.npy");
    REQUIRE(t.size() == 2);
    CHECK((t.data()[0] == 1.0F && t.data()[1] == -2.0F));
  }
}

TEST_CASE("malformed files are a parse_error that gives the file and the byte") {
  const scratch_folder folder;
  const std::string data(8, '\0');
  const auto header_problem = [&](const std::string& header) { return parse_problem(folder, file_with(header, data)); };
  const auto shape_problem = [&](const std::string& shape) {
    return header_problem("{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }");
  };

  CHECK_THAT(parse_problem(folder, ""), contains("x.npy: byte 0: the file ends, 8 bytes are missing"));
  CHECK_THAT(parse_problem(folder, "GARBAGE FILE"), contains("byte 0: got 'GARBAG', expected '\\x93NUMPY'"));
  std::string version = file_with(good_header, data);
  version[6] = 4;
  CHECK_THAT(parse_problem(folder, version), contains("byte 6: version 4.0, expected 1.0, 2.0 or 3.0"));
  version[6] = 1;
  version[7] = 1;
  CHECK_THAT(parse_problem(folder, version), contains("byte 6: version 1.1"));

  std::string longer = file_with(good_header, data);
  longer[8] = '\xff';
  CHECK_THAT(parse_problem(folder, longer), contains("byte 8: a header of 255 bytes, but the file has 65 bytes more"));
  longer[6] = 2;
  longer[11] = '\x7f';
  CHECK_THAT(parse_problem(folder, longer), contains("byte 8: a header of") && contains("expected at most 1048576"));

  const std::string whole = file_with(good_header, data);
  CHECK_THAT(parse_problem(folder, whole.substr(0, whole.size() - 1)),
             contains("byte 67: 7 bytes of data, expected 8 for float32 of shape 2"));
  CHECK_THAT(parse_problem(folder, whole + "x"), contains("byte 67: 9 bytes of data, expected 8"));

  CHECK_THAT(header_problem(""), contains("byte 10: got the header's end, expected '{'"));
  CHECK_THAT(header_problem("[]"), contains("byte 10: got '[]', expected '{'"));
  CHECK_THAT(header_problem("{}"), contains("byte 10: the header lacks one of the keys"));
  CHECK_THAT(header_problem("{'descr': '<f4', 'shape': (2,), }"), contains("lacks one of the keys"));
  CHECK_THAT(header_problem("{'descr': '<f4', 'descr': '<f4'}"), contains("byte 27: key 'descr' stands there twice"));
  CHECK_THAT(header_problem("{'color': 'red'}"), contains("byte 11: got key 'color'"));
  CHECK_THAT(header_problem("{descr: '<f4'}"), contains("byte 11: got 'descr: '<f4'}', expected a quoted string"));
  CHECK_THAT(header_problem("{'descr"), contains("byte 11: got ''descr', a string that does not end"));
  CHECK_THAT(header_problem("{'descr' '<f4'}"), contains("byte 19: got ''<f4'}', expected ':'"));
  CHECK_THAT(header_problem("{'fortran_order': 0}"), contains("byte 28: got '0}', expected True or False"));
  CHECK_THAT(header_problem("{'fortran_order': Truely}"), contains("expected '}'"));
  CHECK_THAT(header_problem(good_header + "x"), contains("byte 67: got 'x' after the header's end"));

  CHECK_THAT(shape_problem("(-2,)"), contains("byte 61: got '-2,), }', expected an extent"));
  CHECK_THAT(shape_problem("(2)"), contains("byte 60: a number in parentheses, expected a tuple"));
  CHECK_THAT(shape_problem("2"), contains("expected '('"));
  CHECK_THAT(shape_problem("(2"), contains("got '}', expected an extent"));
  CHECK_THAT(shape_problem("(1 2)"), contains("got '2), }', expected ',' or ')'"));
  CHECK_THAT(shape_problem("(1,,2)"), contains("expected an extent"));
  CHECK_THAT(shape_problem("(2.0,)"), contains("got '.0,), }'"));
  CHECK_THAT(shape_problem("(99999999999999999999,)"), contains("byte 61: an extent beyond 64 bits"));
  CHECK_THAT(shape_problem("(18446744073709551615,)"), contains("byte 60: a shape of more bytes"));
  CHECK_THAT(shape_problem("(4294967296, 4294967296)"), contains("byte 60: a shape of more bytes"));
  // 2^64 + 8 bytes: an unchecked product would find the eight that are there.
  CHECK_THAT(shape_problem("(2, 2305843009213693953)"), contains("byte 60: a shape of more bytes"));
  CHECK_THAT(shape_problem("(0, 4294967296, 4294967296)"), contains("byte 60: a shape of more bytes"));
  CHECK_THAT(shape_problem("(1000000, 1000000)"), contains("8 bytes of data, expected 4000000000000"));
  CHECK_THAT(shape_problem("(1, 1, 1, 1, 1, 1, 1, 1, 2)"), contains("byte 60: rank above 8"));
  CHECK_THAT(shape_problem("(0,)"), contains("8 bytes of data, expected 0"));
}

TEST_CASE("control characters of a file do not reach the message") {
  const scratch_folder folder;
  const std::string m = parse_problem(folder, file_with("{'\x1b[2J\n': 1}"));
  CHECK_THAT(m, contains("'\\x1b[2J\\x0a'"));
  CHECK(m.find('\x1b') == std::string::npos);
}

TEST_CASE("six thousand mutated files are each read rightly or refused with a clear error") {
  const scratch_folder folder;
  const auto path = folder / "mutated.npy";
  draws d(2);
  int read = 0;
  int refused = 0;
  for (const char* name : {"f4_little", "f4_big_fortran", "rank_8_fortran", "version_2", "i4_big", "u1"}) {
    const std::string original = content(fixture(name));
    for (int i = 0; i < 1000; ++i) {
      const std::string bytes = mutated(original, d);
      put(path, bytes);
      const int result = name[0] == 'i'   ? outcome<std::int32_t>(path, bytes)
                         : name[0] == 'u' ? outcome<std::uint8_t>(path, bytes)
                                          : outcome<float>(path, bytes);
      (result == 1 ? read : refused) += 1;
    }
  }
  // Both happen often, so that neither check stands idle.
  CHECK(read > 600);
  CHECK(refused > 3000);
}

TEST_CASE("the bytes of a file are what is written", "[io]") {
  const scratch_folder folder;
  const tensor<float> x = draws(1).tensor({2, 3, 5});
  write_npy(folder / "x.npy", x);
  std::ifstream file(folder / "x.npy", std::ios::binary);
  CHECK(npy_bytes(x) == std::string(std::istreambuf_iterator<char>(file), {}));
}

}  // namespace npy_test
