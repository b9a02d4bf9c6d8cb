#include <nniesim/debug/hp_names.hpp>

#include <filesystem>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/scratch_folder.hpp"

using namespace nniesim;

namespace {

using names = std::vector<std::string>;

std::string marked(std::string_view text, const names& which) { return hp_prototxt(text, which).prototxt; }

}  // namespace

TEST_CASE("the mark is written into the name and nothing else changes", "[debug]") {
  CHECK(marked(R"(layer { name: "a" type: "ReLU" bottom: "a" top: "a" })", {"a"}) ==
        R"(layer { name: "a_hp" type: "ReLU" bottom: "a" top: "a" })");
  CHECK(marked("\xef\xbb\xbflayer{name:'a'}\r\n\tlayers < name : \"b\" >", {"a", "b"}) ==
        "\xef\xbb\xbflayer{name:'a_hp'}\r\n\tlayers < name : \"b_hp\" >");
  // Comments, strings in parts, escapes, lists; names of other things.
  CHECK(marked("name: \"a\" layer { name # \"x\":\n : # 'y'\n 'a' # \"z\"\n \"b\" param { name: \"ab\" } } # end",
               {"ab"}) ==
        "name: \"a\" layer { name # \"x\":\n : # 'y'\n 'a' # \"z\"\n \"b_hp\" param { name: \"ab\" } } # end");
  CHECK(marked(R"(layer { name: "q\"\\" } layer { name: ["\141b"] })", {"q\"\\", "ab"}) ==
        R"(layer { name: "q\"\\_hp" } layer { name: ["\141b_hp"] })");
  // A layer for training and one for testing have the same name.
  CHECK(marked(R"(layer { name: "a" include { phase: TRAIN } } layer { name: "a" })", {"a", "a"}) ==
        R"(layer { name: "a_hp" include { phase: TRAIN } } layer { name: "a_hp" })");
  CHECK(marked(R"(layer { name: "a")"
               "}",
               {}) == R"(layer { name: "a"})");
}

TEST_CASE("marks that cannot be written are told", "[debug]") {
  const std::string text = R"(layer { name: "a" } layer { name: "a_hp" } layer { name: "b_cpu" })";
  CHECK_THROWS_WITH(marked(text, {"c"}), contains("got no layer 'c' to mark"));
  CHECK_THROWS_WITH(marked(text, {"a"}), contains("there is a layer 'a_hp' already"));
  CHECK_THROWS_WITH(marked("layer {", {"c"}), contains("got the file's end"));
  const hp_files files = hp_prototxt(text, names{"b_cpu", "a_hp"});
  CHECK(files.prototxt == text);
  REQUIRE(files.unchanged.size() == 2);
  CHECK(files.unchanged[0].layer == "a_hp");
  CHECK_THAT(files.unchanged[0].reason, contains("marked already"));
  CHECK_THAT(files.unchanged[1].reason, contains("CPU"));
}

TEST_CASE("the files of the feature network go through marking, writing and reading back", "[debug]") {
  const std::filesystem::path folder = std::filesystem::path(NNIESIM_SOURCE_DIR) / "examples/feature_norm/network";
  const std::string text =
      detail::read_whole_file(folder / "feature_norm.prototxt", prototxt_limits{}.file_bytes, "a prototxt");
  const caffe_model model = read_caffemodel(folder / "feature_norm.caffemodel");
  const network before = import_caffe(parse_prototxt(text, "before"), &model);
  const names which = {"comp0.conv1", "comp2.cfc", "concat", "jfc"};
  const hp_files files = hp_prototxt(text, which, &model);
  CHECK(files.unchanged.empty());
  CHECK(files.prototxt.size() == text.size() + 3 * which.size());
  REQUIRE(files.model.has_value());

  const scratch_folder scratch;
  detail::write_whole_file(scratch / "hp.prototxt", files.prototxt);
  write_caffemodel(scratch / "hp.caffemodel", *files.model);
  const network after = read_caffe_network(scratch / "hp.prototxt", scratch / "hp.caffemodel");
  REQUIRE(after.layers.size() == before.layers.size());
  names raised;
  for (std::size_t l = 0; l < after.layers.size(); ++l) {
    CHECK(after.layers[l].inputs == before.layers[l].inputs);
    if (layer_bits(compile_mode::mixed, after.layers[l].name) == 16) raised.push_back(before.layers[l].name);
  }
  CHECK(raised == which);

  const hp_verification verified = verify_hp(before, files, which);
  CHECK(verified.passed());
  CHECK(verified.raised == which);

  // ReLUs and Powers have no ranges; an import that lost a mark or has one too many is told.
  const names useless = {"comp0.relu1", "jnorm.square", "jfc"};
  const hp_verification reported = verify_hp(before, hp_prototxt(text, useless, &model), useless);
  CHECK_FALSE(reported.passed());
  CHECK(reported.wrong.empty());
  REQUIRE(reported.without_effect.size() == 2);
  CHECK(reported.without_effect[0].layer == "comp0.relu1");
  CHECK_THAT(reported.without_effect[1].reason, contains("no ranges"));
  CHECK(reported.raised == names{"jfc"});
  const hp_verification lost = verify_hp(before, files, names{"comp0.conv1", "comp2.cfc", "concat", "classifier", "x"});
  REQUIRE(lost.wrong.size() == 3);
  CHECK_THAT(lost.wrong[0], contains("got layer 'jfc_hp' in w16a16, expected 'jfc' in w8a8"));
  CHECK_THAT(lost.wrong[1], contains("expected 'classifier_hp' in w16a16"));
  CHECK_THAT(lost.wrong[2], contains("got no layer 'x'"));
  network shorter = before;
  shorter.layers.pop_back();
  CHECK(verify_hp(shorter, files, which).wrong.size() == 1);
  // Marked already, and on the CPU.
  const hp_verification twice =
      verify_hp(after, hp_prototxt(files.prototxt, names{"jfc_hp"}, &*files.model), names{"jfc_hp"});
  CHECK(twice.wrong.empty());
  REQUIRE(twice.without_effect.size() == 1);
  CHECK_THAT(twice.without_effect[0].reason, contains("marked already"));
  const std::string on_cpu =
      R"(layer { name: "d" type: "Input" top: "d" input_param { shape { dim: 1 dim: 2 dim: 4 dim: 4 } } }
         layer { name: "p_cpu" type: "Pooling" bottom: "d" top: "p" pooling_param { kernel_size: 2 } })";
  const hp_verification host = verify_hp(import_caffe(parse_prototxt(on_cpu, "cpu"), nullptr),
                                         hp_prototxt(on_cpu, names{"p_cpu"}), names{"p_cpu"});
  CHECK(host.wrong.empty());
  REQUIRE(host.without_effect.size() == 1);
  CHECK_THAT(host.without_effect[0].reason, contains("CPU"));
}
