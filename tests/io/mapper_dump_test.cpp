#include <nniesim/io/mapper_dump.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "nniesim/io/file.hpp"
#include "support/mutate.hpp"
#include "support/random.hpp"
#include "support/scratch_folder.hpp"

using namespace nniesim;

namespace mapper_dump_test {

namespace {

void put(const std::filesystem::path& path, const std::string& bytes) { detail::write_whole_file(path, bytes); }
std::string content(const std::filesystem::path& path) {
  return detail::read_whole_file(path, std::uint64_t{1} << 30U, "a file");
}
std::vector<float> values(const tensor<float>& t) { return {t.begin(), t.end()}; }
using floats = std::vector<float>;

dump_name parsed(const std::string& name) {
  CAPTURE(name);
  const auto result = parse_dump_name(name);
  REQUIRE(result);
  CHECK(dump_file_name(*result) == name);
  return *result;
}

}  // namespace

TEST_CASE("names of dumps, and back") {
  const dump_name softmax = parsed("Softmax_43_output0_2_1_1_quant.linear.hex");
  CHECK(softmax.kind == dump_kind::mapper_output);
  CHECK(softmax.layer == "Softmax_43");
  CHECK(softmax.output == 0);
  CHECK(softmax.shape == tensor_shape{2, 1, 1});

  const dump_name fc = parsed("fc1_output12_128_caffe.linear.float");
  CHECK(fc.kind == dump_kind::caffe_output);
  CHECK(fc.output == 12);
  CHECK(fc.shape == tensor_shape{128});

  const dump_name tricky = parsed("a_output0_output1_3_3_3_quant.linear.hex");
  CHECK(tricky.layer == "a_output0");
  CHECK(tricky.output == 1);
  CHECK(parsed("x_1_2_3_output0_quant.linear.hex").shape.rank() == 0);
  CHECK(parsed("x_1_2_3_output0_quant.linear.hex").layer == "x_1_2_3");

  const dump_name board = parsed("seg0_layer37_output2_inst.linear.hex");
  CHECK(board.kind == dump_kind::board_output);
  CHECK(board.segment == 0);
  CHECK(board.id == 37);
  CHECK(board.output == 2);
  CHECK(board.layer.empty());
  CHECK(parsed("seg1_layer0_output0_func.linear.hex").kind == dump_kind::simulator_output);

  CHECK(parsed("conv1_input0_3_224_224_quant.nonlinear.hex").kind == dump_kind::mapper_input_codes);
  CHECK(parsed("conv1_input0_3_224_224_anti_quant.linear.float").kind == dump_kind::mapper_input);
  CHECK(parsed("conv1_weight.hex").kind == dump_kind::weight_codes);
  CHECK(parsed("conv1_weight-anti.float").layer == "conv1");
  CHECK(parsed("conv1_bias.hex").kind == dump_kind::bias);
}

TEST_CASE("a slash in a layer's name becomes an underscore") {
  dump_name name;
  name.kind = dump_kind::caffe_output;
  name.layer = "inception/1x1";
  name.shape = {64, 28, 28};
  CHECK(dump_file_name(name) == "inception_1x1_output0_64_28_28_caffe.linear.float");
}

TEST_CASE("other names are no dumps") {
  for (const std::string name : {"",
                                 "x",
                                 "x.hex",
                                 "_output0_2_1_1_quant.linear.hex",
                                 "x_output_2_1_1_quant.linear.hex",
                                 "x_output0_2_1_quant.linear.hex",
                                 "x_output0_2_1_1_1_quant.linear.hex",
                                 "x_output0_0_1_1_quant.linear.hex",
                                 "x_output-1_2_1_1_quant.linear.hex",
                                 "x_output00_2_1_1_quant.linear.hex",
                                 "x_output0_2_1_1_quant.linear.hex2",
                                 "x_output0_99999999999999999999_quant.linear.hex",
                                 "x_output0_1048576_1048576_2_quant.linear.hex",
                                 "x_output0_2__1_quant.linear.hex",
                                 "d/x_output0_2_1_1_quant.linear.hex",
                                 "seg0_output0_inst.linear.hex",
                                 "seg0_layer_output0_inst.linear.hex",
                                 "segx_layer1_output0_inst.linear.hex",
                                 "seg0_layer1_x_output0_inst.linear.hex",
                                 "seg0_layer1_output0_3_inst.linear.hex",
                                 "_weight.hex",
                                 "x_output0_2_1_1_.linear.hex",
                                 "conv_output_inst.linear.hex"}) {
    CAPTURE(name);
    CHECK_FALSE(parse_dump_name(name));
  }
}

TEST_CASE("names that a file cannot have are refused") {
  CHECK_THROWS_AS(dump_file_name({dump_kind::mapper_output, "", 0, 0, 0, {1}}), format_error);
  CHECK_THROWS_AS(dump_file_name({dump_kind::mapper_output, "x", 0, 0, 0, {1, 2}}), format_error);
  CHECK_THROWS_AS(dump_file_name({dump_kind::mapper_output, "x", 0, 0, 0, {0}}), format_error);
  CHECK_THROWS_AS(dump_file_name({dump_kind::weight, "x", 0, 0, 1, {}}), format_error);
  CHECK_THROWS_AS(dump_file_name({dump_kind::board_output, "x", 0, 0, 0, {}}), format_error);
}

TEST_CASE("what no file can be called is shortened, and differs as the names do") {
  std::set<std::string> written;
  std::vector<std::string> names = {"conv", ".hidden",   "..",  ".", std::string("nul\0", 4), std::string("nul\0\0", 5),
                                    "a\nb", "a\x1b[2Jb", "a\rb"};
  const std::string chinese = "\xe4\xb8\xad";
  std::string many;
  while (many.size() < 300) many += chinese;
  for (const std::size_t n : {139U, 140U, 141U, 142U, 250U, 254U, 255U, 256U, 5000U}) {
    names.push_back(std::string(n, 'x'));
    names.push_back(std::string(n - 1, 'x') + 'y');
    names.push_back(std::string(n - 1, 'x') + '\xd6');
  }
  for (std::size_t i = 0; i < 3; ++i) names.push_back(std::string(i, 'a') + many);
  for (const std::string& name : names) {
    CAPTURE(name);
    for (const dump_kind kind : {dump_kind::mapper_output, dump_kind::mapper_input, dump_kind::weight}) {
      const tensor_shape shape = kind == dump_kind::weight ? tensor_shape() : tensor_shape({1000000, 100, 100});
      const std::string file = dump_file_name({kind, name, 0, 0, kind == dump_kind::weight ? 0U : 99999U, shape});
      CHECK(file.size() <= file_name_max_bytes);
      CHECK(file[0] != '.');
      CHECK(parse_dump_name(file).has_value());
      if (detail::is_utf8(name)) CHECK(detail::is_utf8(file));
      CHECK(written.insert(file).second);
    }
  }
  CHECK(dump_file_name({dump_kind::weight_codes, std::string(244, 'x'), 0, 0, 0, {}}) ==
        std::string(244, 'x') + "_weight.hex");
}

TEST_CASE("linear hex files are q20_12 in two's complement") {
  const scratch_folder folder;
  const std::vector<q20_12> x = {q20_12::from_raw(0),  q20_12::from_raw(4096),       q20_12::from_raw(-1),
                                 q20_12::from_raw(-2), q20_12::from_raw(2147483647), q20_12::from_raw(-2147483648LL)};
  write_hex_dump<q20_12>(folder / "x.hex", x);
  CHECK(content(folder / "x.hex") == "00000000\n00001000\nffffffff\nfffffffe\n7fffffff\n80000000\n");
  CHECK(values(read_dump(folder / "x.hex", dump_text::linear_hex, {6})) ==
        floats{0, 1, -0x1p-12F, -0x1p-11F, 524288, -524288});
  CHECK(read_hex_dump<std::int32_t>(folder / "x.hex") ==
        std::vector<std::int32_t>{0, 4096, -1, -2, 2147483647, -2147483647 - 1});
  put(folder / "y.hex", "\r\n0000100A \n\n fffff000");
  CHECK(values(read_dump(folder / "y.hex", dump_text::linear_hex, {1, 2})) == floats{4106.0F / 4096.0F, -1});
}

TEST_CASE("float files are read back exactly, separated by lines or spaces") {
  const scratch_folder folder;
  draws d(6);
  floats x = {0, -0.0F, 1, std::numeric_limits<float>::max(), std::numeric_limits<float>::denorm_min(), 0.1F};
  for (int i = 0; i < 1000; ++i) x.push_back(d.any_finite());
  write_float_dump(folder / "x.float", x);
  const auto back = read_dump(folder / "x.float", dump_text::decimal, {x.size()});
  for (std::size_t i = 0; i < x.size(); ++i) {
    CHECK(std::bit_cast<std::uint32_t>(back.data()[i]) == std::bit_cast<std::uint32_t>(x[i]));
  }
  CHECK(content(folder / "x.float")
            .starts_with("0.000000000000000000e+00\n-0.000000000000000000e+00\n"
                         "1.000000000000000000e+00\n3.402823466385288598e+38\n"));
  put(folder / "y.float", "1.5 -2e-3\t3\n4 ");
  CHECK(values(read_dump(folder / "y.float", dump_text::decimal, {2, 2})) == floats{1.5, -2e-3F, 3, 4});
  CHECK_THROWS_AS(write_float_dump(folder / "z", floats{1, std::numeric_limits<float>::infinity()}), format_error);
  CHECK_FALSE(std::filesystem::exists(folder / "z"));
}

TEST_CASE("codes of both widths") {
  const scratch_folder folder;
  put(folder / "w8.hex", "80\n00\nff\n1f\n");
  CHECK(read_hex_dump<std::uint8_t>(folder / "w8.hex") == std::vector<std::uint8_t>{0x80, 0, 0xff, 0x1f});
  const gfpq8::scale s8 = gfpq8::scale_of(floats{1.0F});
  const auto w = read_code_dump<gfpq8>(folder / "w8.hex", s8, {2, 2});
  CHECK(values(w) == floats{0, gfpq8::decode(0, s8), gfpq8::decode(0xff, s8), gfpq8::decode(0x1f, s8)});
  write_hex_dump<std::uint8_t>(folder / "again.hex", read_hex_dump<std::uint8_t>(folder / "w8.hex"));
  CHECK(content(folder / "again.hex") == content(folder / "w8.hex"));

  const gfpq16::scale s16 = gfpq16::scale_of(floats{1.0F});
  put(folder / "w16.hex", "8000\n15fc\n");  // the magnitude stands in bits 2 to 12
  const auto read = values(read_code_dump<gfpq16>(folder / "w16.hex", s16, {2}));
  CHECK(read == floats{0, gfpq16::decode(0x57f, s16)});
  write_code_dump<gfpq16>(folder / "again.hex", read, s16);
  CHECK(content(folder / "again.hex") == content(folder / "w16.hex"));
  put(folder / "w16.hex", "8000\n057f\n");  // a low bit
  CHECK_THROWS_WITH(read_code_dump<gfpq16>(folder / "w16.hex", s16, {2}),
                    contains("w16.hex: value 2: got 057f, expected a code of gfpq16"));
  put(folder / "w16.hex", "8000\n7fff\n");
  CHECK_THROWS_WITH(read_code_dump<gfpq16>(folder / "w16.hex", s16, {2}),
                    contains("w16.hex: value 2: got 7fff, expected a code of gfpq16"));
  CHECK_THROWS_WITH(read_hex_dump<std::uint8_t>(folder / "w16.hex"),
                    contains("w16.hex:1: got '8000', expected 2 hexadecimal digits"));
  CHECK_THROWS_WITH(read_hex_dump<std::uint8_t>(folder / "w8.hex", 3), contains("w8.hex:4: more than 3 values"));
}

TEST_CASE("fully connected results are transposed in the compiler's dump") {
  const floats dumped = {1, 4, 2, 5, 3, 6};
  CHECK(values(fully_connected_from_dump(dumped, 2, 3)) == floats{1, 2, 3, 4, 5, 6});
  CHECK(shape_of(fully_connected_from_dump(dumped, 2, 3)) == tensor_shape{2, 3});
  CHECK_THROWS_AS(fully_connected_from_dump(dumped, 2, 2), shape_error);
  CHECK_THROWS_AS(fully_connected_from_dump(dumped, std::size_t{1} << 40U, 1), shape_error);
}

TEST_CASE("a long file is read block by block") {
  const scratch_folder folder;
  std::vector<std::int32_t> raw;
  for (std::int32_t i = 0; i < 30000; ++i) raw.push_back(i * 70001 - 1000000000);
  write_hex_dump<std::int32_t>(folder / "x.hex", raw);
  dump_reader reader(folder / "x.hex", dump_text::linear_hex);
  floats block(777);
  std::size_t at = 0;
  for (std::size_t n = reader.read(block); n != 0; n = reader.read(block)) {
    for (std::size_t i = 0; i < n; ++i) CHECK(block[i] == static_cast<float>(raw[at + i]) / 4096.0F);
    at += n;
    CHECK(reader.position() == at);
  }
  CHECK(at == raw.size());
  CHECK(reader.read(block) == 0);
  CHECK_NOTHROW(reader.expect_end());
}

TEST_CASE("lines end as they like, and an error has its line after thousands of them") {
  const scratch_folder folder;
  const std::array<std::string_view, 5> ends = {"\n", "\r\n", "\n\n", " \n", "  "};
  std::string text;
  floats expected;
  std::size_t line = 1;
  for (std::size_t i = 0; i < 40000; ++i) {  // of both letters' cases, over several blocks
    std::array<char, 9> word{};
    const auto raw = static_cast<std::int32_t>(i * 2654435761U);
    (void)std::snprintf(word.data(), word.size(), i % 2 == 0 ? "%08x" : "%08X", static_cast<unsigned>(raw));
    const std::string_view end = ends[i * i / 7 % ends.size()];
    text += word.data();
    text += end;
    line += static_cast<std::size_t>(std::count(end.begin(), end.end(), '\n'));
    expected.push_back(static_cast<float>(raw) / 4096.0F);
  }
  put(folder / "x", text);
  CHECK(values(read_dump(folder / "x", dump_text::linear_hex, {200, 200})) == expected);
  put(folder / "x", text + "0000100g");
  CHECK_THROWS_WITH(read_dump(folder / "x", dump_text::linear_hex, {200, 200}),
                    contains(detail::message("x:", line, ": got more than 40000 values")));
  CHECK_THROWS_WITH(read_dump(folder / "x", dump_text::linear_hex, {40001}),
                    contains(detail::message("x:", line, ": got '0000100g'")));
}

TEST_CASE("malformed dumps are refused with file and line") {
  const scratch_folder folder;
  const auto refused = [&](const std::string& text, dump_text kind) {
    put(folder / "x", text);
    try {
      (void)read_dump(folder / "x", kind, {2});
    } catch (const parse_error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  CHECK_THAT(refused("00001000\n0001000\n0", dump_text::linear_hex),
             contains("x:2: got '0001000', expected 8 hexadecimal"));
  CHECK_THAT(refused("00001000\n0x001000\n", dump_text::linear_hex), contains("x:2: got '0x001000'"));
  CHECK_THAT(refused("00001000\n", dump_text::linear_hex),
             contains("x: 9 bytes, expected at least 17 for the 2 values"));
  CHECK_THAT(refused("00001000\n\n\n\n\n\n\n\n\n", dump_text::linear_hex),
             contains("x: 1 values, expected 2 for shape 2"));
  CHECK_THAT(refused("00001000\n00001000\n00001000\n", dump_text::linear_hex), contains("x:3: got more than 2 values"));
  CHECK_THAT(refused("1\nnan\n", dump_text::decimal), contains("x:2: got 'nan', expected a finite decimal number"));
  CHECK_THAT(refused("1\ninf\n", dump_text::decimal), contains("got 'inf'"));
  CHECK_THAT(refused("1,2\n3\n", dump_text::decimal), contains("x:1: got '1,2'"));
  CHECK_THAT(refused("1\n" + std::string(70, '1'), dump_text::decimal), contains("x:2: got '1111"));
  CHECK_THROWS_AS(read_dump(folder / "none", dump_text::decimal, {2}), error);
  CHECK_THROWS_AS(read_dump(folder / "", dump_text::decimal, {2}), error);
  CHECK_THROWS_AS(read_dump(folder / "x", dump_text::decimal, {0}), shape_error);
  CHECK_THROWS_AS(read_dump(folder / "x", dump_text::decimal, {1U << 15U, 1U << 15U}), shape_error);
  CHECK_THROWS_AS(read_dump(folder / "x", dump_text::decimal, {1U << 14U, 1U << 14U}), parse_error);
}

TEST_CASE("damaged dumps are read or refused") {
  const scratch_folder folder;
  draws d(7);
  int read = 0;
  int refused = 0;
  const std::vector<std::pair<dump_text, std::string>> originals = {
      {dump_text::linear_hex, "00001000\nffffffff\n0000abcd\n80000000\n"},
      {dump_text::decimal, "1.000000000000000000e+00\n-2.500000000000000000e-01\n3 4\n"}};
  for (const auto& [kind, original] : originals) {
    for (int i = 0; i < 400; ++i) {
      const auto path = folder / std::to_string(read + refused);
      put(path, mutated(original, d, hostile_pieces()));
      try {
        dump_reader reader(path, kind);
        floats block(3);
        for (std::size_t n = reader.read(block); n != 0; n = reader.read(block)) {
          for (std::size_t k = 0; k < n; ++k) CHECK(std::isfinite(block[k]));
        }
        ++read;
      } catch (const parse_error& e) {
        CHECK_THAT(e.what(), contains(path.string() + ":"));
        ++refused;
      }
    }
  }
  CHECK(read > 100);
  CHECK(refused > 200);
  for (int i = 0; i < 1000; ++i) {
    const std::string name = mutated("Softmax_43_output0_2_1_1_quant.linear.hex", d, hostile_pieces());
    if (const auto parts = parse_dump_name(name)) CHECK(dump_file_name(*parts) == name);
  }
}

}  // namespace mapper_dump_test
