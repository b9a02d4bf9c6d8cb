// Dumps that are not what they are taken for: which file, and how it is to be read.
#include <nniesim/debug/rules/wrong_dumps.hpp>

#include <string>
#include <vector>

#include <nniesim/debug/diagnose.hpp>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

namespace wrong_dumps_test {

using two_runs::experiment;

namespace {

experiment clean(std::uint32_t seed = 3) {
  draws random(seed);
  return experiment(two_runs::plain_network(random), random, compile_mode::all_16bit);
}
diagnosis diagnosed(const experiment& e, bool with_lab) {
  const experiment_context lab = e.lab();
  return diagnose(two_runs::layers_as(e.reference), two_runs::layers_as(e.other), {}, with_lab ? &lab : nullptr);
}

}  // namespace

TEST_CASE("values that were read without sign are the verdict, and no layer is accused", "[debug]") {
  for (const bool with_lab : {true, false}) {
    for (const bool all_of_them : {true, false}) {
      for (const bool of_reference : {false, true}) {
        CAPTURE(with_lab, all_of_them, of_reference);
        experiment e = clean();
        for (two_runs::dump& d : of_reference ? e.reference : e.other) {
          if (!all_of_them && d.name != "conv2") continue;
          for (float& v : d.values) v = v < 0 ? v + 1048576.0F : v;
        }
        const diagnosis d = diagnosed(e, with_lab);
        CHECK(d.verdict.cause == fault::dump_reading);
        CHECK(d.verdict.summary.kind() == fact_kind::read_without_sign);
        CHECK(d.verdict.summary.get<bool>("of_reference") == of_reference);
        CHECK(d.verdict.change.at(0).kind() == fact_kind::read_as_signed);
        for (const finding& f : d.also) CHECK(f.cause != fault::suspect_layer);
        for (const finding& f : d.also) CHECK(f.cause != fault::preprocessing);
      }
    }
  }
}

TEST_CASE("of a batch the picture is named", "[debug]") {
  for (const bool with_lab : {true, false}) {
    experiment e = clean();
    draws random(5);
    for (two_runs::dump& d : e.reference) {
      std::vector<float> all;
      for (int item = 0; item < 3; ++item) {
        for (const float v : d.values) all.push_back(item == 1 ? v : random.normal());
      }
      d.values = all;
      std::vector<std::size_t> extents(d.shape.begin(), d.shape.end());
      extents[0] = 3;
      d.shape = tensor_shape(std::span<const std::size_t>(extents));
    }
    const diagnosis d = diagnosed(e, with_lab);
    CHECK(d.verdict.cause == fault::dump_reading);
    CHECK(d.verdict.summary ==
          fact(fact_kind::several_pictures,
               {{"of_reference", true}, {"pictures", std::size_t{3}}, {"picture", std::size_t{1}}}));
    CHECK(d.also.empty());
  }
}

TEST_CASE("a damaged file is named with the part that is damaged", "[debug]") {
  for (const bool with_lab : {true, false}) {
    CAPTURE(with_lab);
    experiment e = clean();
    draws random(6);
    std::vector<float>& v = e.shown("conv2");
    for (std::size_t i = 130; i < 250; ++i) v[i] = 20 * random.normal();
    const diagnosis d = diagnosed(e, with_lab);
    CHECK(d.verdict.cause == fault::dump_reading);
    CHECK(d.verdict.layer == "conv2");
    CHECK(d.verdict.summary.count("of") == 400);
  }
  // And one that cannot be read, with its file.
  for (const bool of_reference : {false, true}) {
    CAPTURE(of_reference);
    const experiment e = clean();
    std::vector<named_values> r = two_runs::layers_as(e.reference), x = two_runs::layers_as(e.other);
    (of_reference ? r : x)[3].values = []() -> std::vector<float> { throw parse_error("a/conv2.npy: 7 bytes"); };
    const experiment_context lab = e.lab();
    const diagnosis d = diagnose(r, x, {}, &lab);
    CHECK(d.verdict.cause == fault::dump_reading);
    CHECK(d.verdict.layer == "conv2");
    CHECK_THAT(d.verdict.evidence.at(0).text("reason"), contains("a/conv2.npy: 7 bytes"));
  }
}

TEST_CASE("dumps of two runs in one folder are told, and the layer where they begin is not accused", "[debug]") {
  experiment e = clean();
  const experiment before = e;
  draws random(8);
  experiment stale = e;
  for (float& v : stale.inputs[0]) v = random.normal();
  stale.run(stale.net);
  for (const char* name : {"conv2", "relu2"}) e.shown(name) = stale.shown(name);
  const diagnosis d = diagnosed(e, true);
  CHECK(d.verdict.cause == fault::dump_reading);
  CHECK(d.verdict.layer == "conv2");
  CHECK(d.verdict.summary == fact(fact_kind::dumps_of_two_runs, {{"count", std::size_t{2}}, {"layer", "conv2"}}));
  CHECK(d.also.empty());
  // A fault goes on to the output.
  experiment faulty = before;
  network broken = faulty.net;
  auto& w = std::get<layers::convolution>(broken.layers[3].params).weights;
  std::reverse(w.begin(), w.end());
  faulty.run(broken);
  CHECK(diagnosed(faulty, true).verdict.cause == fault::other_weights);
}

}  // namespace wrong_dumps_test
