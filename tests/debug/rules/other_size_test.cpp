// Layers of another size: the verdict, whatever the layers behind them show.
#include <nniesim/debug/rules/other_size.hpp>

#include <string>
#include <vector>

#include <nniesim/debug/diagnose.hpp>

#include "catch.hpp"
#include "support/two_runs.hpp"

using namespace nniesim;

namespace other_size_test {

namespace {

/// Odd maps, so that pooling by 2 has a size to round.
network pooled_network(draws& random, pooling_size rounding) {
  test_networks::network_builder b;
  std::size_t x = b.input({1, 3, 11, 11});
  x = b.add("conv1", layers::convolution{{.pad = {1, 1}}, random.tensor({6, 3, 3, 3}, 0.3F), {}}, {x});
  x = b.add("pool", pooling_params{pooling_operation::maximum, {2, 2}, {2, 2}, {}, rounding, false}, {x});
  x = b.add("conv2", layers::convolution{{.pad = {1, 1}}, random.tensor({8, 6, 3, 3}, 0.2F), {}}, {x});
  x = b.add("mean", pooling_params{pooling_operation::average, {1, 1}, {1, 1}, {}, pooling_size::ceil, true}, {x});
  b.add("fc", layers::convolution{{}, random.tensor({10, 8, 1, 1}, 0.4F), {}}, {x});
  return b.net;
}

/// The network rounds up, and so does the other run; the reference rounds down, or the other way round.
two_runs::experiment experiment_of(bool reference_rounds_down) {
  draws random(5);
  const network up = pooled_network(random, pooling_size::ceil);
  draws again(5);
  const network down = pooled_network(again, pooling_size::floor);
  draws inputs(6);
  two_runs::experiment e(up, inputs);
  network_runner in_float(down, float_plan(down), {.keep_all = true});
  in_float.run(e.views());
  std::vector<two_runs::dump> floor = two_runs::dumps_of(in_float);
  (reference_rounds_down ? e.reference : e.other) = std::move(floor);
  return e;
}

diagnosis diagnosed(const two_runs::experiment& e, bool with_lab, const diagnose_options& options = {}) {
  const experiment_context lab = e.lab();
  return diagnose(two_runs::layers_as(e.reference), two_runs::layers_as(e.other), options, with_lab ? &lab : nullptr);
}

}  // namespace

TEST_CASE("pooling that rounds up against one that rounds down is the verdict", "[debug]") {
  for (const bool reference_rounds_down : {true, false}) {
    for (const bool with_lab : {true, false}) {
      CAPTURE(reference_rounds_down, with_lab);
      const two_runs::experiment e = experiment_of(reference_rounds_down);
      const diagnosis d = diagnosed(e, with_lab);
      CHECK(d.verdict.cause == fault::other_size);
      CHECK(d.verdict.layer == "pool");
      CHECK(d.verdict.summary.get<bool>("reference_down") == reference_rounds_down);
      CHECK(d.verdict.change.at(0).kind() ==
            (reference_rounds_down ? fact_kind::script_rounding_up : fact_kind::compile_rounding_up));
      const auto shape = [&](const char* of) { return d.verdict.evidence.at(0).get<std::vector<std::size_t>>(of); };
      const std::vector<std::size_t> down = {6, 5, 5}, up = {6, 6, 6};
      CHECK(shape("reference_shape") == (reference_rounds_down ? down : up));
      CHECK(shape("other_shape") == (reference_rounds_down ? up : down));
      CHECK((find_fact(d.verdict.evidence, fact_kind::pooling_replayed) != nullptr) == with_lab);
      for (const finding& f : d.also) CHECK(f.cause != fault::norm_gain);
    }
  }
}

TEST_CASE("a size that no rounding explains is the verdict, too, and names the side that is not the network's",
          "[debug]") {
  draws random(7);
  two_runs::experiment e(two_runs::plain_network(random), random);
  auto& d = e.reference[3];  // conv2
  CHECK(d.name == "conv2");
  d.shape = {1, 6, 10, 10};
  d.values.resize(600, 1.0F);
  diagnosis r = diagnosed(e, true);
  CHECK(r.verdict.cause == fault::other_size);
  CHECK(r.verdict.layer == "conv2");
  CHECK(r.verdict.change.at(0).get<bool>("of_reference"));
  r = diagnosed(e, false);
  CHECK(r.verdict.cause == fault::other_size);
  // Of inputs it is the picture.
  two_runs::experiment in = e;
  in.reference[3] = e.other[3];
  in.other[0].shape = {1, 4, 12, 12};
  in.other[0].values.resize(576, 0.5F);
  r = diagnosed(in, true);
  CHECK(r.verdict.cause == fault::other_size);
  CHECK(r.verdict.summary == fact(fact_kind::input_sizes, {{"layer", "data"}}));
}

TEST_CASE("an output, or a layer on the way to it, that was not compared is never no fault", "[debug]") {
  draws random(8);
  two_runs::experiment e(two_runs::plain_network(random), random, compile_mode::all_16bit);
  CHECK(diagnosed(e, true).verdict.cause == fault::none);
  CHECK(diagnosed(e, false).verdict.cause == fault::none);
  // The output is missing in either run, or has another name and too few values to be found by them.
  for (const bool of_reference : {true, false}) {
    for (const bool with_lab : {true, false}) {
      CAPTURE(of_reference, with_lab);
      two_runs::experiment missing = e;
      (of_reference ? missing.reference : missing.other).pop_back();
      const diagnosis d = diagnosed(missing, with_lab);
      // Without a network nothing says that the reference had another layer.
      if (with_lab || !of_reference) CHECK(d.verdict.cause == fault::inconclusive);
    }
  }
  two_runs::experiment renamed = e;
  renamed.reference.back().name = "head";
  renamed.reference.back().values = {1, 2, 3};
  renamed.reference.back().shape = {1, 3};
  CHECK(diagnosed(renamed, true).verdict.cause == fault::inconclusive);
  CHECK(diagnosed(renamed, false).verdict.cause == fault::inconclusive);
  // A layer on the way, where only folders are at hand.
  two_runs::experiment hole = e;
  hole.other.erase(hole.other.begin() + 3, hole.other.begin() + 5);
  const diagnosis d = diagnosed(hole, false);
  CHECK(d.verdict.cause == fault::inconclusive);
  CHECK(d.verdict.layer == "conv2");
  CHECK(d.verdict.evidence.at(0).count("count") == 6);
}

}  // namespace other_size_test
