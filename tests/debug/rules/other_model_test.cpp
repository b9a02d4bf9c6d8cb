#include <nniesim/debug/rules/other_model.hpp>

#include <string>
#include <vector>

#include "catch.hpp"
#include "debug/planted_faults.hpp"

using namespace nniesim;

namespace other_model_test {

using namespace planted_faults;

namespace {

std::vector<detail::found> found(const std::function<void(network&, activation_ranges&)>& change, int mode = 1) {
  const natural_networks::natural_network n = natural_networks::residual();
  const subject s(n, mode, 3);
  network other_net = s.net;
  activation_ranges ranges = s.ranges;
  change(other_net, ranges);
  const dumps reference = run_of(s.net, float_plan(s.net), nullptr, s.input());
  const dumps other = run_of(other_net, s.plan, &ranges, s.input());
  const tensor<float> input = s.input();
  const std::vector<tensor_view<const float>> inputs = {view_of(input)};
  const experiment_context lab{s.net, inputs, s.ranges, s.plan};
  const diagnose_options options;
  const auto a = as_layers(reference), b = as_layers(other);
  const detail::case_file file(a, b, options, &lab);
  return detail::find_other_model(file, detail::findings_so_far(file));
}

}  // namespace

TEST_CASE("rule: an older caffemodel is told as a whole", "[debug]") {
  for (const int mode : {0, 1}) {
    CHECK(found([](network&, activation_ranges&) {}, mode).empty());
    const auto all = found([](network& net, activation_ranges&) { disturb_all(net, 0.08F); }, mode);
    REQUIRE(all.size() == 1);
    CHECK(all[0].what.cause == fault::other_weights);
    CHECK(all[0].what.layer.empty());
    CHECK(all[0].also_accused.size() == 10);
  }
}

TEST_CASE("rule: one layer's weights are no other caffemodel, nor are ranges of another picture", "[debug]") {
  CHECK(found([](network& net, activation_ranges&) {
          tensor<float>& w = weights_of(net, layer_index(net, "block3/b"));
          std::reverse(w.begin(), w.end());
        }).empty());
  CHECK(found([](network&, activation_ranges& ranges) {
          for (auto& [name, range] : ranges.blobs) range.largest /= 16;
        }).empty());
}

}  // namespace other_model_test
