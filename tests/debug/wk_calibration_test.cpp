// Networks run with the scales that a compiled model gives their blobs.
#include <filesystem>
#include <nniesim/debug/wk_calibration.hpp>
#include <nniesim/io/caffe_import.hpp>
#include <nniesim/network/calibrate.hpp>
#include <nniesim/network/fold.hpp>
#include <string>

#include "catch.hpp"

using namespace nniesim;

namespace {

const std::filesystem::path golden_folder = std::filesystem::path(NNIESIM_SOURCE_DIR) / "tests/golden/wk";

network carried_network() {
  return read_caffe_network(golden_folder / "small.prototxt", golden_folder / "small.caffemodel");
}

std::string refusal_of(const wk_model& m, const network& original, const network& net, const precision_plan& plan) {
  try {
    (void)wk_calibration_of(m, original, net, plan);
  } catch (const format_error& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a compiled model's scales are those that its network is run with") {
  const bool is_wide = GENERATE(false, true);
  const wk_model m = read_wk(golden_folder / (is_wide ? "small_16.wk" : "small_8.wk"));
  const network original = carried_network(), net = fold_batch_norm(original);
  const precision_plan plan = plan_of(net, is_wide ? compile_mode::all_16bit : compile_mode::all_8bit);
  wk_calibration c = wk_calibration_of(m, original, net, plan);
  CHECK(c.foreign.empty());
  CHECK(c.ranges.rule == range_rule::given);
  CHECK(c.ranges.precision == (is_wide ? "w16a16" : "w8a8"));
  CHECK(c.ranges.pictures == 0);
  // Every scale of the model that the network has a name for, and no other.
  const auto names = range_names(original);
  std::size_t named = 0;
  for (const auto& [b, range] : wk_ranges(m, original, compare_wk(m, original).matching)) {
    if (names[b].empty()) continue;
    INFO(names[b]);
    const activation_range& r = c.ranges.blobs.at(names[b]);
    if (is_wide) CHECK(r.in_16bit == gfpq16::scale(range.z));
    else CHECK(r.in_8bit == gfpq8::scale(range.z));
    ++named;
  }
  CHECK(named >= c.ranges.blobs.size());

  // What the model does not tell comes from a picture; then the network runs, and with scales that are not its own.
  calibrator from_picture(net, plan);
  std::vector<tensor<float>> x;
  for (const std::size_t b : input_blobs(net)) {
    x.push_back(make_tensor<float>(net.blobs[b].shape));
    for (std::size_t i = 0; i < x.back().size(); ++i) x.back().data()[i] = static_cast<float>(i % 7) * 0.1F;
  }
  std::vector<tensor_view<const float>> views;
  for (const auto& t : x) views.push_back(view_of(t));
  from_picture.add(views);
  for (const std::string& name : missing_ranges(net, plan, c.ranges)) {
    c.ranges.blobs[name] = from_picture.ranges().blobs.at(name);
  }
  CHECK(missing_ranges(net, plan, c.ranges).empty());
  network_runner with_given(net, plan, {.keep_all = true}), with_own(net, plan, {.keep_all = true});
  with_given.use(c.ranges);
  with_own.use(from_picture.ranges());
  with_given.run(views);
  with_own.run(views);
  bool is_other = false;
  for (const auto& [l, o] : network_outputs(net)) {
    const std::size_t b = net.layers[l].outputs[o];
    is_other = is_other || with_given.value(b) != with_own.value(b);
  }
  CHECK(is_other);
}

TEST_CASE("a compiled model that does not fit is refused with the first layer") {
  const wk_model m = read_wk(golden_folder / "small_8.wk");
  const network original = carried_network(), net = fold_batch_norm(original);
  const precision_plan narrow = plan_of(net, compile_mode::all_8bit);
  CHECK_THAT(refusal_of(m, original, net, plan_of(net, compile_mode::all_16bit)),
             contains("' multiplies in 8 bits there and in 16 here"));
  network changed = original;
  for (layer& l : changed.layers) {
    if (auto* conv = std::get_if<layers::convolution>(&l.params)) {
      conv->geometry.stride = {7, 7};
      CHECK_THAT(refusal_of(m, changed, net, narrow), contains(l.name));
      break;
    }
  }
  wk_model damaged = m;
  damaged.checksum_fits = false;
  CHECK_THAT(refusal_of(damaged, original, net, narrow), contains("check sum is wrong"));
}

TEST_CASE("a compiled model of other weights is told by the layers that have none of them") {
  const wk_model m = read_wk(golden_folder / "small_8.wk");
  network original = carried_network();
  std::string changed;
  for (layer& l : original.layers) {
    auto* conv = std::get_if<layers::convolution>(&l.params);
    if (conv == nullptr || conv->geometry.groups != 1) continue;
    for (std::size_t i = 0; i < conv->weights.size(); ++i) conv->weights.data()[i] *= i % 2 == 0 ? 0.3F : 1.7F;
    changed = l.name;
    break;
  }
  const network net = fold_batch_norm(original);
  const auto c = wk_calibration_of(m, original, net, plan_of(net, compile_mode::all_8bit));
  CHECK(c.foreign == std::vector<std::string>{changed});
}

TEST_CASE("ranges that a plan needs and nobody gave are named") {
  const network net = fold_batch_norm(carried_network());
  const precision_plan plan = plan_of(net, compile_mode::all_8bit);
  activation_ranges ranges;
  const auto all = missing_ranges(net, plan, ranges);
  REQUIRE(all.size() > 2);
  for (const std::string& name : all) ranges.blobs[name].in_16bit = gfpq16::scale(-1000);
  CHECK(missing_ranges(net, plan, ranges) == all);  // in the other format alone
  for (const std::string& name : all) ranges.blobs[name].in_8bit = gfpq8::scale(-100);
  ranges.blobs.erase(all[1]);
  CHECK(missing_ranges(net, plan, ranges) == std::vector<std::string>{all[1]});
  ranges.blobs[all[1]].largest = 3;
  CHECK(missing_ranges(net, plan, ranges).empty());
}

TEST_CASE("files are told apart by their content") {
  const auto text = detail::read_whole_file(golden_folder / "small_8.wk", 1U << 20U, "a file");
  CHECK(may_be_wk(text));
  CHECK(!may_be_wk("{\"format\": \"nniesim ranges 1\", \"pictures\": 1, \"rule\": \"quantized\", \"blobs\": {}}"));
  CHECK(!may_be_wk(""));
}
