#include <nniesim/debug/dump_folder.hpp>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "catch.hpp"
#include "nniesim/io/file.hpp"
#include "support/mutate.hpp"
#include "support/random.hpp"
#include "support/scratch_folder.hpp"

using namespace nniesim;

namespace dump_folder_test {

namespace fs = std::filesystem;

namespace {

void put(const fs::path& path, const std::string& bytes) { detail::write_whole_file(path, bytes); }

/// Values that q20_12 holds exactly.
tensor<float> on_grid(draws& d, const tensor_shape& shape) {
  auto t = d.tensor(shape, 4.0F);
  for (float& v : t) v = std::floor(v * 4096.0F) / 4096.0F;
  return t;
}

void put_hex(const fs::path& path, const tensor<float>& t) {
  std::vector<std::int32_t> raw;
  for (const float v : t) raw.push_back(static_cast<std::int32_t>(std::lround(v * 4096.0F)));
  write_hex_dump<std::int32_t>(path, raw);
}

/// A .npy file with the given header and bytes.
std::string npy_bytes(const std::string& descr, bool fortran, const std::string& shape, const std::string& data) {
  std::string header =
      "{'descr': '" + descr + "', 'fortran_order': " + (fortran ? "True" : "False") + ", 'shape': " + shape + ", }\n";
  std::string bytes = "\x93NUMPY";
  bytes += {'\x01', '\x00', static_cast<char>(header.size()), '\x00'};
  return bytes + header + data;
}

std::vector<std::string> layers(const std::vector<dump_entry>& entries) {
  std::vector<std::string> names;
  for (const dump_entry& e : entries) names.push_back(e.layer);
  return names;
}
using names = std::vector<std::string>;

}  // namespace

TEST_CASE("reports of MindSpore Lite are known by their header, and files of any name by their words") {
  const scratch_folder folder;
  CHECK(parse_report_header("conv 1 4 1 2 3 5\n").value().layer == "conv 1");
  CHECK(parse_report_header("conv 4 1 2 3 5").value().shape == tensor_shape{5, 2, 3});
  for (const char* text : {"", "conv 4 1 2 3", "4 1 2 3 5", "conv 3 1 2 3 5", "conv 4 1 0 3 5", "conv 4 1 2 3 5.0",
                           "conv 4 1 99999999999 99999999999 5"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_report_header(text));
  }
  put(folder / "fseg0(0,5)_conv.txt", "conv 4 1 1 2 2\n0.500000 -1.250000 2.000000 3.000000 ");
  put(folder / "notes.txt", "about conv\n");
  const dump_list list = list_dumps(folder / ".");
  REQUIRE(list.dumps.size() == 1);
  CHECK(list.dumps[0].layer == "conv");
  CHECK(list.dumps[0].shape == tensor_shape{2, 1, 2});
  CHECK(read_values(list.dumps[0]) == std::vector<float>{0.5F, -1.25F, 2, 3});
  CHECK(list.others.size() == 1);

  put(folder / "board", "00000800\nffffec00\n00002000\n00003000\n");
  put(folder / "caffe.out", "0.5 -1.25\n2 3\n");
  CHECK(compare_files(folder / "board", folder / "caffe.out").max_abs == 0);
  CHECK(compare_files(folder / "board", folder / "fseg0(0,5)_conv.txt").max_abs == 0);
  put(folder / "my report", "conv 4 1 1 2 2\n0.5 -1.25 2 3");
  CHECK(compare_files(folder / "my report", folder / "caffe.out").max_abs == 0);

  for (const char* name : {"digits", "digits.hex", "digits.float"}) put(folder / name, "00000800\n12345678\n");
  CHECK_THROWS_WITH(named_dump_entry_of(folder / "digits"), contains("can be read as decimal numbers and as eight"));
  CHECK(read_values(named_dump_entry_of(folder / "digits.hex"))[0] == 0.5F);
  CHECK(read_values(named_dump_entry_of(folder / "digits.float"))[0] == 800.0F);
  CHECK_THROWS_WITH(named_dump_entry_of(folder / "notes.txt"), contains("got neither .npy nor lines of numbers"));
  put(folder / "empty", "");
  CHECK_THROWS_AS(named_dump_entry_of(folder / "empty"), format_error);
  CHECK_THROWS_AS(named_dump_entry_of(folder / "none"), error);
  put(folder / "short.txt", "conv 4 1 1 2 2\n0.5 -1.25 2");
  CHECK_THROWS_WITH(read_values(named_dump_entry_of(folder / "short.txt")), contains("3 values, expected 4"));
}

TEST_CASE("numbers in names count as numbers") {
  CHECK(natural_less("conv2", "conv10"));
  CHECK_FALSE(natural_less("conv10", "conv2"));
  CHECK(natural_less("seg0_layer9_output0", "seg0_layer10_output0"));
  CHECK(natural_less("seg1_layer0", "seg10_layer0"));
  CHECK(natural_less("conv", "conv1"));
  CHECK(natural_less("a01", "a1"));
  CHECK(natural_less("a1", "a02"));
  CHECK_FALSE(natural_less("a1", "a1"));
  CHECK(natural_less("a99999999999999999999998", "a99999999999999999999999"));

  draws d(1);
  std::vector<std::string> texts;
  for (int i = 0; i < 60; ++i) {
    std::string text;
    for (std::size_t k = d.between(0, 5); k-- > 0;) text += "0129ab_"[d.between(0, 6)];
    texts.push_back(text);
  }
  for (const auto& a : texts) {
    for (const auto& b : texts) {
      REQUIRE((a == b || natural_less(a, b) != natural_less(b, a)));
      for (const auto& c : texts) {
        if (natural_less(a, b) && natural_less(b, c)) REQUIRE(natural_less(a, c));
      }
    }
  }
}

TEST_CASE("the files of a folder") {
  const scratch_folder folder;
  draws d(2);
  const auto t = on_grid(d, {1, 4, 2, 2});
  fs::create_directory(folder / "inception");
  for (const std::string name : {"conv10", "conv2", "fc_output1", "inception/1x1"}) {
    write_npy(folder / (name + ".npy"), t);
  }
  put_hex(folder / "seg0_layer10_output0_inst.linear.hex", t);
  put_hex(folder / "seg0_layer9_output0_inst.linear.hex", t);
  put_hex(folder / "pool_output0_4_2_2_quant.linear.hex", t);
  put(folder / "pool_input0_4_2_2_quant.nonlinear.hex", "00\n");
  put(folder / "readme.txt", "text");
  put(folder / "broken.npy", "text");

  const dump_list list = list_dumps(folder / "");
  CHECK(layers(list.dumps) ==
        names{"broken", "conv2", "conv10", "fc", "inception/1x1", "pool", "pool", "seg0_layer9", "seg0_layer10"});
  REQUIRE(list.others.size() == 1);
  CHECK(list.others[0].filename() == "readme.txt");
  CHECK_THAT(list.dumps[0].problem, contains("broken.npy: byte 4"));
  CHECK(list.dumps[1].problem.empty());
  CHECK(list.dumps[1].shape == tensor_shape{1, 4, 2, 2});
  CHECK(list.dumps[3].output == 1);
  CHECK(list.dumps[5].role == dump_role::output);
  CHECK(list.dumps[5].shape == tensor_shape{4, 2, 2});
  CHECK(list.dumps[6].role == dump_role::input);
  CHECK_THAT(list.dumps[6].problem, contains("holds codes"));
  CHECK(list.dumps[7].kind == dump_kind::board_output);

  CHECK_THROWS_WITH(list_dumps(folder / "none"), contains("no such folder"));
  CHECK_THROWS_WITH(list_dumps(folder / "readme.txt"), contains("not a folder"));
}

TEST_CASE("an empty folder is an empty list, and no comparison") {
  const scratch_folder folder;
  fs::create_directory(folder / "a");
  fs::create_directory(folder / "b");
  CHECK(list_dumps(folder / "a").dumps.empty());
  CHECK_THROWS_WITH(compare_folders(folder / "a", folder / "b"), contains("no dumps among 0 files"));
  put(folder / "b/x.txt", "");
  write_npy(folder / "a/x.npy", zeros({3}));
  CHECK_THROWS_WITH(compare_folders(folder / "a", folder / "b"), contains("no dumps among 1 files"));
}

TEST_CASE("npy files against the compiler's dumps, names with a slash") {
  const scratch_folder folder;
  fs::create_directories(folder / "caffe/inception");
  fs::create_directory(folder / "mapper");
  draws d(3);
  for (const std::string name : {"conv2", "conv10", "inception/1x1"}) {
    const auto t = on_grid(d, {1, 3, 5, 7});
    write_npy(folder / ("caffe/" + name + ".npy"), t);
    dump_name dump;
    dump.layer = name;
    dump.shape = {3, 5, 7};
    put_hex(folder / ("mapper/" + dump_file_name(dump)), t);
  }
  const folder_comparison result = compare_folders(folder / "caffe", folder / "mapper");
  REQUIRE(result.pairs.size() == 3);
  CHECK(result.pairs[0].reference.layer == "conv2");
  CHECK(result.pairs[1].reference.layer == "conv10");
  CHECK(result.pairs[2].reference.layer == "inception/1x1");
  CHECK(result.pairs[2].other.layer == "inception_1x1");
  for (const dump_pair& pair : result.pairs) {
    CAPTURE(pair.reference.layer, pair.problem);
    REQUIRE(pair.result);
    CHECK(pair.result->cosine == 1);
    CHECK(pair.result->max_abs == 0);
    CHECK(pair.result->count == 105);
  }
  CHECK(result.only_reference.empty());
  CHECK(result.only_other.empty());
  CHECK(result.passed_over.empty());
}

TEST_CASE("the board's dumps, named by the compiler's graph") {
  const scratch_folder folder;
  fs::create_directory(folder / "caffe");
  fs::create_directory(folder / "board");
  draws d(9);
  net_tree tree;
  for (std::size_t i = 0; i < 11; ++i) {
    const std::string layer = i == 10 ? "a_last" : "z" + std::to_string(20 - i);
    const auto t = on_grid(d, {1, 2, 3, 3});
    write_npy(folder / ("caffe/" + layer + ".npy"), t);
    put_hex(folder / ("board/seg0_layer" + std::to_string(i) + "_output0_inst.linear.hex"), t);
    tree.nodes.push_back({std::to_string(i), layer, layer, i});
    ++tree.labelled;
  }
  put_hex(folder / "board/seg1_layer0_output0_inst.linear.hex", zeros({1}));
  dump_list board = list_dumps(folder / "board");
  CHECK(name_board_dumps(board, tree) == 1);
  CHECK(board.dumps[2].layer == "z18");
  CHECK(board.dumps[10].layer == "a_last");
  CHECK(board.dumps[11].layer == "seg1_layer0");
  // In the order of execution, since the board's list is.
  const folder_comparison result = compare_folders(board, list_dumps(folder / "caffe"));
  REQUIRE(result.pairs.size() == 11);
  CHECK(result.pairs[0].other.layer == "z20");
  CHECK(result.pairs[10].other.layer == "a_last");
  for (const dump_pair& pair : result.pairs) CHECK(pair.result.value().cosine == 1);
  CHECK(layers(result.only_reference) == names{"seg1_layer0"});
}

TEST_CASE("layers without partner are a state of their own") {
  const scratch_folder folder;
  fs::create_directory(folder / "a");
  fs::create_directory(folder / "b");
  draws d(4);
  const auto t = d.tensor({2, 3});
  write_npy(folder / "a/conv1.npy", t);
  write_npy(folder / "a/missing.npy", t);
  write_npy(folder / "b/conv1_output0.npy", t);
  write_npy(folder / "b/conv1_output1.npy", t);
  write_npy(folder / "b/extra.npy", t);
  const folder_comparison result = compare_folders(folder / "a", folder / "b");
  REQUIRE(result.pairs.size() == 1);
  CHECK(result.pairs[0].result->cosine == 1);
  CHECK(layers(result.only_reference) == names{"missing"});
  CHECK(layers(result.only_other) == names{"conv1", "extra"});
  CHECK(result.only_other[0].output == 1);
}

TEST_CASE("outputs are preferred, and what was passed over is told") {
  const scratch_folder folder;
  fs::create_directory(folder / "a");
  fs::create_directory(folder / "b");
  draws d(5);
  const auto t = on_grid(d, {4, 2, 2});
  const std::vector<float> values(t.begin(), t.end());
  for (const std::string side : {"a/", "b/"}) {
    put_hex(folder / (side + "conv1_output0_4_2_2_quant.linear.hex"), t);
    write_float_dump(folder / (side + "conv1_input0_4_2_2_anti_quant.linear.float"), values);
    put(folder / (side + "conv1_input0_4_2_2_quant.nonlinear.hex"), "00\n");
    write_float_dump(folder / (side + "fc_input0_16_anti_quant.linear.float"), values);
  }
  write_float_dump(folder / "a/conv1_output0_4_2_2_caffe.linear.float", values);
  write_npy(folder / "a/pool.npy", t);
  write_float_dump(folder / "b/pool_input0_4_2_2_anti_quant.linear.float", values);

  const folder_comparison result = compare_folders(folder / "a", folder / "b");
  REQUIRE(result.pairs.size() == 2);
  CHECK(result.pairs[0].reference.kind == dump_kind::mapper_output);
  CHECK(result.pairs[0].other.kind == dump_kind::mapper_output);
  CHECK(result.pairs[1].reference.role == dump_role::input);
  CHECK(layers(result.only_reference) == names{"pool"});
  CHECK(layers(result.only_other) == names{"pool"});
  REQUIRE(result.passed_over.size() == 5);
  std::size_t codes = 0, inputs = 0, doubles = 0;
  for (const passed_over_dump& p : result.passed_over) {
    codes += p.reason.find("holds codes") != std::string::npos ? 1U : 0U;
    inputs += p.reason.find("outputs of its layer") != std::string::npos ? 1U : 0U;
    doubles += p.reason.find("taken from") != std::string::npos ? 1U : 0U;
  }
  CHECK(codes == 2);
  CHECK(inputs == 2);
  CHECK(doubles == 1);
}

TEST_CASE("a pair that cannot be compared says why") {
  const scratch_folder folder;
  fs::create_directory(folder / "a");
  fs::create_directory(folder / "b");
  draws d(6);
  const auto t = on_grid(d, {4, 2, 2});
  for (const std::string name : {"counts", "cut", "cut_line", "empty", "header", "nan", "none"}) {
    write_npy(folder / ("a/" + name + ".npy"), t);
  }
  write_npy(folder / "b/counts.npy", d.tensor({17}));
  put_hex(folder / "b/cut_output0_4_2_2_quant.linear.hex", d.tensor({15}));
  put(folder / "b/cut_line_output0_quant.linear.hex", "00001000\n0000");
  put(folder / "b/empty_output0_quant.linear.hex", "");
  put(folder / "b/header.npy", "\x93NUMPY");
  auto bad = t;
  bad.data()[3] = std::nanf("");
  write_npy(folder / "b/nan.npy", bad);
  write_npy(folder / "b/none.npy", zeros({0}));

  const folder_comparison result = compare_folders(folder / "a", folder / "b");
  REQUIRE(result.pairs.size() == 7);
  const auto problem = [&](std::size_t i) {
    CHECK(result.pairs[i].result.has_value() == result.pairs[i].problem.empty());
    return result.pairs[i].problem;
  };
  CHECK_THAT(problem(0), contains("has 16 elements"));
  CHECK_THAT(problem(0), contains("has 17, expected equally many"));
  CHECK_THAT(problem(1), contains("15 values, expected 16"));
  CHECK_THAT(problem(2), contains("hex:2: got '0000'"));
  CHECK_THAT(problem(3), contains("0 values, expected at least 1"));
  CHECK_THAT(problem(4), contains("header.npy"));
  REQUIRE(problem(5).empty());
  CHECK(std::isnan(result.pairs[5].result->cosine));
  CHECK(result.pairs[5].result->bad_other == 1);
  CHECK_THAT(problem(6), contains("has 0, expected equally many"));
}

TEST_CASE("every element type, byte order and axis order") {
  const scratch_folder folder;
  const auto read = [&](const std::string& bytes) {
    put(folder / "x.npy", bytes);
    return read_values(*dump_entry_of(folder / "x.npy"));
  };
  using floats = std::vector<float>;
  using namespace std::string_literals;
  CHECK(read(npy_bytes("|i1", false, "(3,)", "\x01\xff\x80"s)) == floats{1, -1, -128});
  CHECK(read(npy_bytes("|u1", false, "(2,)", "\x01\xff"s)) == floats{1, 255});
  CHECK(read(npy_bytes("<i2", false, "(2,)", "\x01\x00\xff\xff"s)) == floats{1, -1});
  CHECK(read(npy_bytes(">u2", false, "(2,)", "\x01\x00\xff\xff"s)) == floats{256, 65535});
  CHECK(read(npy_bytes(">i4", false, "(1,)", "\x00\x00\x01\x00"s)) == floats{256});
  CHECK(read(npy_bytes("<i8", false, "(1,)", "\xfe\xff\xff\xff\xff\xff\xff\xff"s)) == floats{-2});
  CHECK(read(npy_bytes(">f4", false, "(1,)", "\x3f\x80\x00\x00"s)) == floats{1});
  CHECK(read(npy_bytes(">f8", false, "(2,)", "\x3f\xf0\0\0\0\0\0\0\x7f\xe0\0\0\0\0\0\0"s)) ==
        floats{1, std::numeric_limits<float>::infinity()});
  CHECK(read(npy_bytes("|u1", true, "(2, 3)", "\0\3\1\4\2\5"s)) == floats{0, 1, 2, 3, 4, 5});
  CHECK(read(npy_bytes("|u1", true, "(3,)", "\0\3\1"s)) == floats{0, 3, 1});
  CHECK(read(npy_bytes("|u1", false, "(0, 3)", "")).empty());
  CHECK_THROWS_AS(read(npy_bytes("<f2", false, "(1,)", "\0\0"s)), format_error);
  CHECK_THROWS_WITH(read(npy_bytes("|u1", false, "(4,)", "\0\0"s)), contains("expected 4"));
}

TEST_CASE("files longer than a block, whatever their kind") {
  const scratch_folder folder;
  draws d(7);
  const auto t = on_grid(d, {3, 257, 300});
  write_npy(folder / "x.npy", t);
  put_hex(folder / "x_output0_3_257_300_quant.linear.hex", t);
  auto u = t;
  u.data()[200'000] += 1.0F;
  write_npy(folder / "y.npy", u);
  CHECK(compare_files(folder / "x.npy", folder / "x_output0_3_257_300_quant.linear.hex").snr_db ==
        std::numeric_limits<double>::infinity());
  const comparison c = compare_files(folder / "x.npy", folder / "y.npy");
  const comparison whole = compare(t, u);
  CHECK(c.max_index == 200'000);
  CHECK(c.cosine == whole.cosine);
  CHECK(c.count == t.size());
  CHECK_THROWS_WITH(compare_files(folder / "x.npy", folder / "z.txt"), contains("no such file"));
  CHECK_THROWS_WITH(compare_files(folder / "x.npy", folder / "z.npy"), contains("no such file"));
}

TEST_CASE("dumps of two runs in one folder are refused with both files") {
  const scratch_folder folder;
  const auto put = [&](const std::string& name, std::size_t values) {
    std::string text;
    for (std::size_t i = 0; i < values; ++i) text += "00001000\n";
    std::filesystem::create_directories((folder / name).parent_path());
    detail::write_whole_file(folder / name, text);
  };
  put("a/conv1_output0_2_2_2_quant.linear.hex", 8);
  put("a/conv2_output0_2_2_2_quant.linear.hex", 8);
  CHECK_NOTHROW(require_one_run(list_dumps(folder / "a")));
  put("a/conv1_output0_2_3_3_quant.linear.hex", 18);
  CHECK_THROWS_WITH(require_one_run(list_dumps(folder / "a")),
                    contains("_2_2_2_") && contains("in another size") && contains("_2_3_3_"));
  put("b/old/conv1_output0_2_2_2_quant.linear.hex", 8);
  put("b/new/conv1_output0_2_2_2_quant.linear.hex", 8);
  CHECK_THROWS_WITH(require_one_run(list_dumps(folder / "b")), contains("give one of these folders"));
}

TEST_CASE("damaged files give errors, never more") {
  const scratch_folder folder;
  draws d(8);
  const auto t = on_grid(d, {2, 2, 2});
  write_npy(folder / "good.npy", t);
  put_hex(folder / "good_output0_2_2_2_quant.linear.hex", t);
  const auto bytes = [&](const std::string& name) {
    return detail::read_whole_file(folder / name, 1U << 20U, "a dump");
  };
  const std::string npy = bytes("good.npy");
  const std::string hex = bytes("good_output0_2_2_2_quant.linear.hex");
  for (int i = 0; i < 400; ++i) {
    put(folder / "bad.npy", mutated(npy, d, hostile_pieces()));
    put(folder / "bad_output0_2_2_2_quant.linear.hex", mutated(hex, d, hostile_pieces()));
    for (const std::string name : {"bad.npy", "bad_output0_2_2_2_quant.linear.hex"}) {
      try {
        (void)compare_files(folder / "good.npy", folder / name);
      } catch (const error&) {
      }
    }
  }
  SUCCEED();
}

TEST_CASE("layers whose names no file can have are found again in every kind of dump", "[debug]") {
  for (const std::string& name :
       {std::string(150, 'x'), std::string(245, 'x') + "y", std::string(3000, 'x') + "/z", std::string("\x1bx"),
        std::string(".x"), std::string("a/b"), std::string("nul\0", 4)}) {
    CAPTURE(name);
    const auto same = [&](const std::string& file) {
      const std::optional<dump_entry> e = dump_entry_of(file);
      REQUIRE(e.has_value());
      const std::string number = e->output == 0 ? "" : ":" + std::to_string(e->output);
      CHECK(detail::layer_key(e->layer + number) == detail::layer_key(name + number));
    };
    for (const std::size_t output : {0U, 12U}) {
      same(npy_dump_name(name, output));
      same(dump_file_name({dump_kind::mapper_output, name, 0, 0, output, {16, 32, 32}}));
      same(dump_file_name({dump_kind::caffe_output, name, 0, 0, output, {16}}));
    }
  }
}

TEST_CASE("the names that the tool gives its .npy files are read back", "[debug]") {
  CHECK(npy_dump_name("conv1", 0) == "conv1.npy");
  CHECK(npy_dump_name("a/b", 2) == "a_b_output2.npy");
  const auto entry = dump_entry_of(npy_dump_name("a/b", 2));
  REQUIRE(entry.has_value());
  CHECK(entry->layer == "a_b");
  CHECK(entry->output == 2);
}

}  // namespace dump_folder_test
