#include <nniesim/io/compiler_cfg.hpp>

#include <algorithm>
#include <string>

#include "catch.hpp"
#include "support/mutate.hpp"
#include "support/scratch_folder.hpp"

using namespace nniesim;

namespace compiler_cfg_test {

namespace {

const std::string mnist =
    "[prototxt_file] ./mark_prototxt/mnist_mark_nnie.prototxt\n"
    "[caffemodel_file] ./data/mnist.caffemodel\n"
    "[batch_num] 256\n"
    "[net_type] 0\n"
    "[sparse_rate] 0\n"
    "[compile_mode] 1\n"
    "[is_simulation] 0\n"
    "[log_level] 3\n"
    "[instruction_name] ./inst/x\n"
    "[RGB_order] BGR\n"
    "[data_scale] 0.0078125\n"
    "[internal_stride] 16\n"
    "[image_list] ./data/image_ref_list.txt\n"
    "[image_type] 1\n"
    "[mean_file] null\n"
    "[norm_type] 3\n";

/// The two files, then the given lines.
std::string with(const std::string& lines) { return "[prototxt_file] a\n[caffemodel_file] b\n" + lines; }

std::string problem(const std::string& text) {
  try {
    (void)parse_compiler_cfg(text, "net/x.cfg");
  } catch (const parse_error& e) {
    return e.what();
  }
  return "";
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

}  // namespace

TEST_CASE("a cfg as RuyiStudio writes it") {
  const compiler_cfg cfg = parse_compiler_cfg(mnist, "/net/x.cfg");
  CHECK(cfg.file == "/net/x.cfg");
  CHECK(cfg.prototxt_file.text == "./mark_prototxt/mnist_mark_nnie.prototxt");
  CHECK(cfg.prototxt_file.path == "/net/./mark_prototxt/mnist_mark_nnie.prototxt");
  CHECK(cfg.caffemodel_file.path == "/net/./data/mnist.caffemodel");
  CHECK(cfg.net_type == 0);
  CHECK(cfg.mode == compile_mode::all_16bit);
  CHECK(cfg.sparse_rate == 0.0F);
  CHECK(cfg.roi_coordinate_file.empty());
  CHECK_FALSE(cfg.gfpq_param_file);
  REQUIRE(cfg.inputs.size() == 1);
  const cfg_input& input = cfg.inputs[0];
  CHECK(input.image_list.path == "/net/./data/image_ref_list.txt");
  CHECK(input.image_type == cfg_image_type::picture);
  CHECK(input.norm_type == cfg_norm_type::scale);
  CHECK_FALSE(input.mean_file);
  CHECK(input.data_scale == 0x1p-7F);
  CHECK(input.order == channel_order::bgr);
  CHECK(input.line == 13);
  REQUIRE(cfg.irrelevant.size() == 5);
  CHECK(cfg.irrelevant[0].key == "batch_num");
  CHECK(cfg.irrelevant[0].value == "256");
  CHECK(cfg.irrelevant[0].line == 3);
  CHECK(cfg.irrelevant[4].key == "internal_stride");
}

TEST_CASE("comments, blank lines, carriage returns, a byte order mark and a missing last line feed are taken") {
  const compiler_cfg cfg = parse_compiler_cfg(
      "\xef\xbb\xbf# of the net\r\n\r\n [prototxt_file]\ta#1.prototxt # the net\r\n[caffemodel_file] b c\r\n####\r\n"
      "[compile_mode] 2 #mixed\n[image_list]l.txt\n[image_type] 0\n[mean_file] null",
      "x.cfg");
  CHECK(cfg.prototxt_file.text == "a#1.prototxt");
  CHECK(cfg.caffemodel_file.path == "b c");
  CHECK(cfg.mode == compile_mode::mixed);
  CHECK(cfg.inputs.at(0).image_type == cfg_image_type::feature_map);
  CHECK(cfg.inputs.at(0).norm_type == cfg_norm_type::none);
}

TEST_CASE("defaults are the guide's; absolute paths stay") {
  const compiler_cfg cfg = parse_compiler_cfg(
      "[prototxt_file] /a/b\n[caffemodel_file] c\n[image_type] 1\n[image_list] /l\n[norm_type] 5\n[mean_file] m\n",
      "x");
  CHECK(cfg.prototxt_file.path == "/a/b");
  CHECK(cfg.mode == compile_mode::all_8bit);
  CHECK(cfg.inputs.at(0).data_scale == 0.00390625F);
  CHECK(cfg.inputs.at(0).order == channel_order::bgr);
  CHECK(cfg.inputs.at(0).mean_file.value().path == "m");
}

TEST_CASE("several inputs, begun by image_list or by image_type, with what holds for all before them") {
  const compiler_cfg cfg = parse_compiler_cfg(
      with("[RGB_order] RGB\n[data_scale] 0.5\n"
           "[image_list] one\n[image_type] 1\n[mean_file] m1\n[norm_type] 4\n"
           "[image_list] two\n[image_type] 5\n[mean_file] null\n[norm_type] 3\n"
           "[roi_coordinate_file] r1\n[roi_coordinate_file] r2\n[gfpq_param_file] g\n[net_type] 1\n"),
      "x.cfg");
  REQUIRE(cfg.inputs.size() == 2);
  CHECK(cfg.inputs[0].mean_file.value().text == "m1");
  CHECK(cfg.inputs[1].image_type == cfg_image_type::yuv422);
  for (const cfg_input& input : cfg.inputs) {
    CHECK(input.order == channel_order::rgb);
    CHECK(input.data_scale == 0.5F);
  }
  CHECK(cfg.roi_coordinate_file.size() == 2);
  CHECK(cfg.gfpq_param_file.value().text == "g");

  const compiler_cfg other =
      parse_compiler_cfg(with("[image_type] 0\n[image_list] one\n[norm_type] 0\n[mean_file] null\n"
                              "[image_type] 1\n[image_list] two\n[norm_type] 3\n[mean_file] null\n[data_scale] 2\n"),
                         "x.cfg");
  REQUIRE(other.inputs.size() == 2);
  CHECK(other.inputs[0].image_list.text == "one");
  CHECK(other.inputs[1].data_scale == 2.0F);
  CHECK(other.inputs[1].line == 7);
}

TEST_CASE("what a file leaves open between inputs is refused") {
  const std::string a = "[image_list] 1\n[image_type] 1\n[mean_file] null\n[norm_type] 3\n";
  CHECK_THAT(problem(with("[norm_type] 3\n" + a)),
             contains("net/x.cfg:3: [norm_type] stands 2 times for 1 input(s), here before the first"));
  CHECK_THAT(problem(with(a + "[data_scale] 2\n" + a + "[data_scale] 0.5\n" + a)),
             contains("net/x.cfg:7: [data_scale] is given for one input and not for that of line 13"));
  CHECK_THAT(problem(with(a + "[RGB_order] RGB\n" + a + "[RGB_order] RGB\n" + a)),
             contains("[RGB_order] is given for one input and not"));
  CHECK_THAT(problem(with(a + "[mean_file] m\n")),
             contains("net/x.cfg:7: [mean_file] stands at line 5 already for the same input"));
  CHECK_THAT(problem(with("[norm_type] 1\n[norm_type] 1\n" + a)),
             contains("3 times for 1 input(s)") && contains("begins with [image_list]"));
}

TEST_CASE("what stands once among several inputs holds for all, wherever it stands") {
  const std::string one = "[image_type] 1\n[image_list] 1\n", two = "[image_type] 1\n[image_list] 2\n";
  for (const std::string& text :
       {one + "[norm_type] 3\n[mean_file] no\n" + two +
            "[norm_type] 3\n[mean_file] no\n[data_scale] 0.5\n[RGB_order] RGB\n",
        one + "[norm_type] 3\n[data_scale] 0.5\n[mean_file] no\n" + two + "[RGB_order] RGB\n",
        one + two + "[mean_file] no\n[data_scale] 0.5\n[norm_type] 3\n[RGB_order] RGB\n",
        "[image_list] 1\n[image_list] 2\n[data_scale] 0.5\n[norm_type] 3\n[RGB_order] RGB\n[mean_file] no\n" +
            std::string("[image_type] 1\n")}) {
    CAPTURE(text);
    const compiler_cfg cfg = parse_compiler_cfg(with(text), "x.cfg");
    REQUIRE(cfg.inputs.size() == 2);
    for (const std::size_t i : {0U, 1U}) {
      CHECK(cfg.inputs[i].image_list.text == std::to_string(i + 1));
      CHECK(cfg.inputs[i].norm_type == cfg_norm_type::scale);
      CHECK(cfg.inputs[i].data_scale == 0.5F);
      CHECK(cfg.inputs[i].order == channel_order::rgb);
    }
  }
}

TEST_CASE("what stands as often as there are inputs is given to them in order, where place and order agree") {
  const std::string rest = "[mean_file] no\n[RGB_order] RGB\n";
  for (const std::string& text :
       {std::string("[image_list] 1\n[image_list] 2\n[image_type] 1\n[image_type] 5\n[norm_type] 0\n[norm_type] 3\n"),
        std::string("[norm_type] 0\n[image_type] 1\n[image_list] 1\n[norm_type] 3\n[image_type] 5\n[image_list] 2\n"),
        std::string("[norm_type] 0\n[norm_type] 3\n[image_list] 1\n[image_type] 1\n[image_list] 2\n[image_type] 5\n"),
        std::string(
            "[image_type] 1\n[image_list] 1\n[norm_type] 0\n[image_type] 5\n[norm_type] 3\n[image_list] 2\n")}) {
    CAPTURE(text);
    const compiler_cfg cfg = parse_compiler_cfg(with(text + rest), "x.cfg");
    REQUIRE(cfg.inputs.size() == 2);
    CHECK(cfg.inputs[0].image_list.text == "1");
    CHECK(cfg.inputs[1].image_list.text == "2");
    CHECK(cfg.inputs[0].image_type == cfg_image_type::picture);
    CHECK(cfg.inputs[1].image_type == cfg_image_type::yuv422);
    CHECK(cfg.inputs[0].norm_type == cfg_norm_type::none);
    CHECK(cfg.inputs[1].norm_type == cfg_norm_type::scale);
  }
  const std::string one = "[image_list] 1\n[image_type] 1\n", two = "[image_list] 2\n[image_type] 1\n";
  const std::string three = "[image_list] 3\n[image_type] 1\n", norm = "[norm_type] 3\n";
  CHECK_THAT(problem(with(one + norm + norm + two + rest)),
             contains("net/x.cfg:6: [norm_type] is that of input 2 by its order, and by its place that of input 1, "
                      "which begins at line 3: expected it once within each input"));
  CHECK_THAT(problem(with(norm + norm + one + two + norm + three + rest)),
             contains("net/x.cfg:3: [norm_type] is that of input 1 by its order, and by its place that of all"));
}

TEST_CASE("null is the value of a key that is not set") {
  const compiler_cfg cfg = parse_compiler_cfg(
      with("[gfpq_param_file] null\n[roi_coordinate_file] null\n[sparse_rate] NULL\n[batch_num] null\n[image_list] l\n"
           "[image_type] 1\n[norm_type] 3\n[mean_file] null\n[data_scale] null\n[RGB_order] null\n"),
      "x.cfg");
  CHECK_FALSE(cfg.gfpq_param_file);
  CHECK(cfg.roi_coordinate_file.empty());
  CHECK(cfg.sparse_rate == 0.0F);
  CHECK(cfg.irrelevant.empty());
  CHECK(cfg.inputs.at(0).data_scale == 1.0F / 256);
  CHECK(cfg.inputs.at(0).order == channel_order::bgr);
  CHECK_THAT(problem("[prototxt_file] null\n[caffemodel_file] b\n"), contains("[prototxt_file] is missing"));
  CHECK_THAT(problem(with("[image_list] null\n[image_type] 1\n[norm_type] 3\n[mean_file] no\n")),
             contains("the input that begins here has no [image_list]"));
  // Not set for one input, it is not what stands once for all.
  CHECK_THAT(problem(with("[image_list] 1\n[image_type] 1\n[norm_type] 3\n[mean_file] no\n[data_scale] null\n"
                          "[image_list] 2\n[image_type] 1\n[norm_type] 3\n[mean_file] no\n[data_scale] 2\n")),
             contains("[data_scale] is given for one input and not for that of line 3"));
}

TEST_CASE("values may stand in quotes, and comments need no blank behind what is no path") {
  const compiler_cfg cfg = parse_compiler_cfg(
      with("[ image_list ] \"a # b.txt\" ; a list\n[image_type] 1#pictures\n[norm_type] 3;scale\n[mean_file]\t'm;n'\n"
           "[data_scale] 0.5 # half\n[RGB_order] rgb#x\n"),
      "x.cfg");
  const cfg_input& input = cfg.inputs.at(0);
  CHECK(input.image_list.text == "a # b.txt");
  CHECK(input.image_type == cfg_image_type::picture);
  CHECK(input.norm_type == cfg_norm_type::scale);
  CHECK(input.data_scale == 0.5F);
  CHECK(input.order == channel_order::rgb);
}

TEST_CASE("a path with a comment's mark is the reading that is a file") {
  const scratch_folder folder;
  for (const char* name : {"a", "b #1", "c", "c #1", "d", "e\\f"}) detail::write_whole_file(folder / name, "x");
  std::filesystem::create_directory(folder / "sub");
  detail::write_whole_file(folder / "sub/g", "x");
  const auto text_of = [&](const std::string& value) {
    return parse_compiler_cfg("[prototxt_file] " + value + "\n[caffemodel_file] c\n[image_list] l\n[image_type] 0\n" +
                                  "[mean_file] no\n",
                              (folder / "x.cfg").string())
        .prototxt_file;
  };
  CHECK(text_of("a #1").text == "a");
  CHECK(text_of("a#1").text == "a");
  CHECK(text_of("b #1").text == "b #1");
  CHECK(text_of("none #1").text == "none");
  CHECK(text_of("none#1").text == "none#1");
  CHECK(text_of("\"c #1\"").text == "c #1");
  CHECK(text_of("\"c\" #1").text == "c");
  CHECK_THROWS_WITH(text_of("c #1"), contains("x.cfg:1: [prototxt_file] is 'c' or 'c #1', with a comment or without"));
  CHECK(text_of("e\\f").path == folder / "e\\f");
  CHECK(text_of("sub\\g").path == folder / "sub/g");
  CHECK(text_of(".\\sub\\g").path == folder / "./sub/g");
  CHECK_THROWS_WITH(text_of("\"c"), contains("expected a value in quotes"));
  CHECK_THROWS_WITH(text_of("\"c\" d"), contains("expected a value in quotes"));
  CHECK_THROWS_WITH(text_of("''"), contains("has no value"));
}

TEST_CASE("a cfg may leave the network to others") {
  const std::string text = "[image_list] l\n[image_type] 0\n[mean_file] no\n";
  CHECK_THAT(problem(text), contains("[prototxt_file] is missing") && contains("[caffemodel_file] is missing"));
  const compiler_cfg cfg = parse_compiler_cfg(text, "x.cfg", cfg_network::elsewhere);
  CHECK(cfg.prototxt_file.text.empty());
  CHECK(cfg.inputs.size() == 1);
  CHECK_THROWS_WITH(parse_compiler_cfg("\xff\xfe[", "x.cfg"), contains("x.cfg:1: got UTF-16"));
}

TEST_CASE("semicolons begin comments too, and other scripts are shown as they are") {
  const compiler_cfg cfg = parse_compiler_cfg(
      with("; \xe5\x9b\xbe\n[compile_mode] 1   ; \xe5\x85\xa8\xe9\x83\xa8\n[image_list] a;b.txt\n[image_type] 0 ;x\n"
           "[mean_file] null"),
      "x.cfg");
  CHECK(cfg.mode == compile_mode::all_16bit);
  CHECK(cfg.inputs.at(0).image_list.text == "a;b.txt");
  CHECK_THAT(problem(with("[net_type] \xe5\x85\xa8\n")), contains("[net_type] is '\xe5\x85\xa8', expected"));
}

TEST_CASE("files may be meant from the folder in which the compiler is started") {
  const scratch_folder folder;
  const auto before = std::filesystem::current_path();
  std::filesystem::create_directories(folder / "cfg");
  detail::write_whole_file(folder / "here.txt", "x");
  detail::write_whole_file(folder / "cfg/beside.txt", "x");
  detail::write_whole_file(folder / "beside.txt", "x");
  std::filesystem::current_path(folder / ".");
  const compiler_cfg cfg = parse_compiler_cfg(
      "[prototxt_file] here.txt\n[caffemodel_file] beside.txt\n[image_list] none.txt\n[image_type] 0\n[mean_file] null",
      "cfg/x.cfg");
  CHECK(cfg.prototxt_file.path == "here.txt");
  CHECK(cfg.caffemodel_file.path == "cfg/beside.txt");
  std::string text;
  try {
    require_located(cfg.inputs.at(0).image_list, "a list");
  } catch (const error& e) {
    text = e.what();
  }
  CHECK_THAT(text, contains("cfg/none.txt: no such file, nor is there") &&
                       contains((std::filesystem::current_path() / "none.txt").string()) &&
                       contains("expected a list"));
  CHECK_NOTHROW(require_located(cfg.prototxt_file, "a file"));
  std::filesystem::current_path(before);
}

TEST_CASE("all unknown keys are listed with their lines") {
  CHECK_THAT(problem(mnist + "[norm_typ] 3\n[x\x1b] 1\n"),
             contains("net/x.cfg:17: unknown keys: [norm_typ] at line 17, [x\\x1b] at line 18; expected"));
}

TEST_CASE("missing, repeated and malformed lines are refused with their place") {
  CHECK_THAT(problem(""), contains("net/x.cfg: [prototxt_file] is missing"));
  CHECK_THAT(problem(with("")), contains("net/x.cfg: [image_list] is missing"));
  CHECK_THAT(problem(with("[norm_type] 0")), contains("[image_list] is missing"));
  CHECK_THAT(problem(with("[image_type] 1\n")),
             contains("net/x.cfg:3: the input that begins here has no [image_list]"));
  CHECK_THAT(problem(with("[image_list] 1\n")), contains("has no [image_type]"));
  CHECK_THAT(problem(with("[image_list] 1\n[image_type] 1\n")), contains("has no [norm_type]"));
  CHECK_THAT(problem(with("[image_list] 1\n[image_type] 0\n")), contains("has no [mean_file]"));
  CHECK_THAT(problem(mnist + "[net_type] 0\n"), contains("net/x.cfg:17: [net_type] stands at line 4 already"));
  CHECK_THAT(problem("hello\n"), contains("net/x.cfg:1: got 'hello', expected [key] value"));
  CHECK_THAT(problem("\n[prototxt_file\n"), contains("net/x.cfg:2: got '[prototxt_file', expected [key] value"));
  CHECK_THAT(problem("[prototxt_file] # none\n"), contains("net/x.cfg:1: [prototxt_file] has no value"));
  CHECK_THAT(problem("[prototxt_file] a\x01\n"), contains("expected a value without control characters"));
}

TEST_CASE("values outside their ranges are refused") {
  const auto changed = [](const std::string& from, const std::string& to) {
    return problem(replaced(mnist, from, to));
  };
  CHECK_THAT(changed("mode] 1", "mode] 3"),
             contains("net/x.cfg:6: [compile_mode] is '3', expected an integer in 0 .. 2"));
  CHECK_THAT(changed("mode] 1", "mode] 1.0"), contains("expected an integer"));
  CHECK_THAT(changed("batch_num] 256", "batch_num] 257"), contains("0 .. 256"));
  CHECK_THAT(changed("rate] 0", "rate] 1.5"), contains("[sparse_rate] is '1.5', expected 0 .. 1"));
  CHECK_THAT(changed("rate] 0", "rate] nan"), contains("expected a finite number"));
  CHECK_THAT(changed("stride] 16", "stride] 17"), contains("expected 16 or 32"));
  CHECK_THAT(changed("image_type] 1", "image_type] 2"), contains("[image_type] is '2', expected 0, 1, 3 or 5"));
  CHECK_THAT(changed("image_type] 1", "image_type] 0"), contains("[norm_type] is '3', expected 0, the only one"));
  CHECK_THAT(changed("norm_type] 3", "norm_type] 6"), contains("0 .. 5"));
  CHECK_THAT(changed("norm_type] 3", "norm_type] 4"),
             contains("[mean_file] is 'null', expected a file for [norm_type] 4"));
  CHECK_THAT(changed("0.0078125", "0.000244140625"), contains("expected more than 1/4096 and less than FLT_MAX"));
  CHECK_THAT(changed("0.0078125", "3.4028235e38"), contains("less than FLT_MAX"));
  CHECK_THAT(changed("0.0078125", "1e39"), contains("expected a finite number"));
  CHECK_THAT(changed("BGR", "GBR"), contains("expected RGB or BGR"));
}

TEST_CASE("all that is wrong in a file is told at once") {
  const std::string text =
      problem(replaced(replaced(replaced(replaced(mnist, "mode] 1", "mode] 3"), "image_type] 1", "image_type] 9"),
                                "norm_type] 3", "norm_type] 8"),
                       "BGR", "GBR"));
  CHECK_THAT(text, contains("[compile_mode] is '3'") && contains("[image_type] is '9'") &&
                       contains("[norm_type] is '8'") && contains("[RGB_order] is 'GBR'"));
  CHECK(std::count(text.begin(), text.end(), '\n') == 3);
}

TEST_CASE("a cfg is read from its file") {
  const scratch_folder folder;
  detail::write_whole_file(folder / "x.cfg", mnist);
  CHECK(read_compiler_cfg(folder / "x.cfg").inputs.at(0).image_list.path == folder / "./data/image_ref_list.txt");
  CHECK_THROWS_AS(read_compiler_cfg(folder / "none.cfg"), error);
  detail::write_whole_file(folder / "big.cfg", std::string(cfg_max_bytes + 1, '#'));
  CHECK_THROWS_AS(read_compiler_cfg(folder / "big.cfg"), parse_error);
}

TEST_CASE("damaged cfgs are read or refused with the file's name") {
  draws d(3);
  int read = 0;
  int refused = 0;
  for (int i = 0; i < 2000; ++i) {
    try {
      const compiler_cfg cfg = parse_compiler_cfg(mutated(mnist, d, hostile_pieces()), "x.cfg");
      CHECK_FALSE(cfg.inputs.empty());
      for (const cfg_input& input : cfg.inputs) {
        CHECK(input.data_scale > 1.0F / 4096.0F);
        CHECK_FALSE(input.image_list.text.empty());
      }
      ++read;
    } catch (const parse_error& e) {
      CHECK_THAT(e.what(), contains("x.cfg:"));
      ++refused;
    }
  }
  CHECK(read > 100);
  CHECK(refused > 300);
}

}  // namespace compiler_cfg_test
