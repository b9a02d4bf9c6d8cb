#include <nniesim/debug/wk_clipping.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include <nniesim/io/caffe_import.hpp>
#include <nniesim/network/fold.hpp>

#include "catch.hpp"

using namespace nniesim;

namespace wk_clipping_test {

namespace {

const std::filesystem::path wk_folder = std::filesystem::path(NNIESIM_SOURCE_DIR) / "tests/golden/wk";

network small_network() { return read_caffe_network(wk_folder / "small.prototxt", wk_folder / "small.caffemodel"); }

}  // namespace

TEST_CASE("a blob whose values lie beyond its scale's range is named") {
  const network net = small_network();
  const network folded = fold_batch_norm(net, batch_norm_rule::merged);
  network_runner runner(folded, float_plan(folded), {.keep_all = true});
  tensor<float> x = make_tensor<float>({1, 3, 16, 16});
  for (std::size_t i = 0; i < x.size(); ++i) x.data()[i] = static_cast<float>(i % 7);
  runner.run(x);
  auto ranges = wk_ranges(read_wk(wk_folder / "small_8.wk"), net);
  float largest = 0;
  const std::size_t relu1 = blob_index(folded, "relu1");
  for (const float v : runner.value(relu1)) largest = std::max(largest, std::abs(v));
  const int fits = gfpq8::scale_of_max(largest).z();
  ranges = {{relu1, {8, fits}}};
  CHECK(wk_clipped(ranges, runner).empty());
  ranges = {{relu1, {8, fits - 1}}};
  const auto clipped = wk_clipped(ranges, runner);
  REQUIRE(clipped.size() == 1);
  CHECK(clipped[0].blob == relu1);
  CHECK(clipped[0].needed_z == fits);
  CHECK(clipped[0].largest == largest);
  ranges = {{relu1, {16, gfpq16::scale_of_max(largest).z() - 1}}};
  CHECK(wk_clipped(ranges, runner).size() == 1);
  ranges = {{net.layers[layer_index(net, "conv1")].outputs[0], {8, -400}}, {99999, {8, -400}}};
  CHECK(wk_clipped(ranges, runner).empty());  // no layer writes them
}

}  // namespace wk_clipping_test
