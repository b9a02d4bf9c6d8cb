#include <nniesim/debug/hp_verify.hpp>

#include <filesystem>
#include <string>
#include <vector>

#include <nniesim/debug/precision_search.hpp>
#include <nniesim/network/calibrate.hpp>
#include <nniesim/network/fold.hpp>

#include "catch.hpp"
#include "support/networks.hpp"
#include "support/scratch_folder.hpp"

using namespace nniesim;

namespace hp_verify_test {

using namespace test_networks;

namespace {

using names = std::vector<std::string>;

}  // namespace

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

  // A Concat's inputs are not encoded.
  const hp_verification verified = verify_hp(before, files, which);
  CHECK(verified.wrong.empty());
  CHECK(verified.raised == names{"comp0.conv1", "comp2.cfc", "jfc"});
  REQUIRE(verified.without_effect.size() == 1);
  CHECK(verified.without_effect[0].layer == "concat");

  // ReLUs and Powers encode nothing; an import that lost a mark or has one too many is told.
  const names useless = {"comp0.relu1", "jnorm.square", "jfc"};
  const hp_verification reported = verify_hp(before, hp_prototxt(text, useless, &model), useless);
  CHECK_FALSE(reported.passed());
  CHECK(reported.wrong.empty());
  REQUIRE(reported.without_effect.size() == 2);
  CHECK(reported.without_effect[0].layer == "comp0.relu1");
  CHECK_THAT(reported.without_effect[1].reason, contains("it encodes nothing"));
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

TEST_CASE("marks that change no bit of what a layer computes are found by running it", "[debug]") {
  draws random(3);
  network_builder b;
  const std::size_t data = b.input({1, 4, 6, 6});
  std::size_t x = b.add("conv", layers::convolution{{.pad = {1, 1}}, random.tensor({4, 4, 3, 3}), {}}, {data});
  // Zero weights give zeros in any width; so does what reads zeros.
  x = b.add("zeros", layers::convolution{{}, zeros({4, 4, 1, 1}), {}}, {x});
  x = b.add("behind", layers::convolution{{}, random.tensor({4, 4, 1, 1}), {}}, {x});
  b.add("sum", eltwise_params{}, {x, data});
  const network before = b.net;
  network marked = before;
  const names which = {"conv", "zeros", "behind", "sum"};
  for (layer& l : marked.layers) {
    if (l.name != "data") l.name += "_hp";
  }
  const auto picture = random.tensor({1, 4, 6, 6});
  const auto other = random.tensor({1, 4, 6, 6});
  const std::vector<std::vector<tensor_view<const float>>> pictures = {{view_of(picture)}, {view_of(other)}};
  calibrator c(before, plan_of(before, compile_mode::mixed));
  for (const auto& p : pictures) c.add(p);
  const activation_ranges ranges = marked_ranges(c.ranges(), which);

  const auto useless = marks_without_use(marked, ranges, which, pictures);
  REQUIRE(useless.size() == 2);
  CHECK(useless[0].layer == "zeros");
  CHECK(useless[1].layer == "behind");
  CHECK_THAT(useless[0].reason, contains("same bits"));
  // Of an input of zeros nobody's mark is of use.
  const auto nothing = zeros({1, 4, 6, 6});
  const std::vector<std::vector<tensor_view<const float>>> empty = {{view_of(nothing)}};
  CHECK(marks_without_use(marked, ranges, which, empty).size() == 4);
  CHECK_THROWS_WITH(marks_without_use(marked, ranges, names{"conv9"}, pictures), contains("got no layer 'conv9_hp'"));

  // The marked network's score is that of the plan which it stands for.
  const search_target target = output_cosine(before);
  precision_plan plan = plan_of(before, compile_mode::mixed);
  for (std::size_t l = 1; l < plan.layers.size(); ++l) plan.layers[l] = layer_precision::w16a16;
  CHECK(score_of(target, marked, plan_of(marked, compile_mode::mixed), ranges, pictures) ==
        score_of(target, before, plan, c.ranges(), pictures));
  CHECK(score_of(target, before, plan_of(before, compile_mode::mixed), c.ranges(), pictures) <
        score_of(target, before, plan, c.ranges(), pictures));
}

}  // namespace hp_verify_test
