#include <nniesim/debug/match_layers.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "nniesim/io/file.hpp"
#include "support/random.hpp"
#include "support/scratch_folder.hpp"

using namespace nniesim;

namespace match_layers_test {

namespace {

using floats = std::vector<float>;
using layers = std::vector<named_values>;

floats noise(draws& d, std::size_t n, float deviation = 1.0F) {
  floats v(n);
  for (float& x : v) x = d.normal() * deviation;
  return v;
}
floats relu(floats v) {
  for (float& x : v) x = std::max(x, 0.0F);
  return v;
}
/// The values with an error of about the given relative size.
floats off(draws& d, floats v, float error) {
  for (float& x : v) x += d.normal() * error;
  return v;
}
named_values layer(std::string name, floats v, tensor_shape shape) {
  return {std::move(name), shape, [v = std::move(v)] { return v; }};
}
named_values layer(std::string name, floats v) { return layer(std::move(name), std::move(v), {1, 8, 6, 5}); }
constexpr std::size_t size = 240;

/// "0-1 2-0": indices of the pairs; checks that every layer stands in one list.
std::string pairs_of(const layer_matching& m, const layers& r, const layers& x) {
  CHECK(m.pairs.size() + m.only_reference.size() == r.size());
  CHECK(m.pairs.size() + m.only_other.size() == x.size());
  std::vector<bool> used_r(r.size()), used_x(x.size());
  std::string text;
  const auto use = [](std::vector<bool>& used, std::size_t i) {
    REQUIRE(i < used.size());
    CHECK_FALSE(used[i]);
    used[i] = true;
  };
  for (const layer_match& p : m.pairs) {
    use(used_r, p.reference);
    use(used_x, p.other);
    CHECK(p.confidence >= 0);
    CHECK(p.confidence <= 1);
    CHECK_FALSE(p.reason.empty());
    text += (text.empty() ? "" : " ") + std::to_string(p.reference) + "-" + std::to_string(p.other);
  }
  for (const auto& u : m.only_reference) use(used_r, u.index);
  for (const auto& u : m.only_other) use(used_x, u.index);
  return text;
}

}  // namespace

TEST_CASE("equal names and contents") {
  draws d(1);
  const floats a = noise(d, size), b = noise(d, size), c = noise(d, size);
  const layers r = {layer("data", a), layer("inception/1x1", b), layer("conv2", c)};
  const layers x = {layer("data", a, {8, 6, 5}), layer("inception_1x1", off(d, b, 0.1F)), layer("conv2_hp", c)};
  const layer_matching m = match_layers(r, x);
  CHECK(pairs_of(m, r, x) == "0-0 1-1 2-2");
  CHECK(m.pairs[0].reason == "same name, same content, shapes are written differently");
  CHECK(m.pairs[0].names == name_agreement::same);
  CHECK(m.pairs[0].confidence == approx(1));
  CHECK(m.pairs[1].reason == "same name but for '/', same shape and content");
  CHECK(m.pairs[1].confidence > 0.98);
  CHECK(m.pairs[1].confidence < 1);
  CHECK(m.pairs[2].reason == "same name but for _hp, same shape and content");
}

TEST_CASE("a wrong layer keeps its name") {
  draws d(2);
  const floats a = noise(d, size), b = noise(d, size);
  const layers r = {layer("conv1", a), layer("conv2", b)};
  const layers x = {layer("conv1", a), layer("conv2", off(d, b, 2.0F))};
  const layer_matching m = match_layers(r, x);
  CHECK(pairs_of(m, r, x) == "0-0 1-1");
  CHECK(m.pairs[1].relation == match_relation::differs);
  CHECK(m.pairs[1].confidence < 0.9);
  CHECK(m.pairs[1].reason == "same name, content differs");
}

TEST_CASE("an in-place layer that was split") {
  draws d(3);
  const floats before = noise(d, size);
  const floats after = relu(before);
  const floats next = noise(d, size);
  SECTION("the other has the ReLU as a layer of its own") {
    const layers r = {layer("conv1", after), layer("conv2", next)};
    const layers x = {layer("conv1", off(d, before, 0.02F)), layer("relu1", off(d, after, 0.02F)),
                      layer("conv2", next)};
    const layer_matching m = match_layers(r, x);
    CHECK(pairs_of(m, r, x) == "0-1 1-2");
    CHECK(m.pairs[0].relation == match_relation::same);
    CHECK(m.pairs[0].namesake == std::size_t{0});
    CHECK_THAT(m.pairs[0].reason, contains("name matches 'conv1', content is that of 'relu1': same shape and content"));
    CHECK_THAT(m.pairs[0].reason, contains("to 'conv1': content of the in-place ReLU behind it: y = max(x, 0)"));
    REQUIRE(m.only_other.size() == 1);
    CHECK_THAT(m.only_other[0].reason, contains("'conv1' has its name, but corresponds to 'relu1'"));
  }
  SECTION("both have it") {
    const layers r = {layer("conv1", after), layer("relu1", after)};
    const layers x = {layer("conv1", off(d, before, 0.02F)), layer("relu1", off(d, after, 0.02F))};
    const layer_matching m = match_layers(r, x);
    CHECK(pairs_of(m, r, x) == "0-0 1-1");
    CHECK(m.pairs[0].relation == match_relation::relu_behind);
    CHECK(m.pairs[0].confidence > 0.99);
    CHECK(m.pairs[1].relation == match_relation::same);
  }
  SECTION("the other has the values before it alone") {
    const layers r = {layer("conv1", after)};
    const layers x = {layer("conv1", before)};
    const layer_matching m = match_layers(r, x);
    CHECK(pairs_of(m, r, x) == "0-0");
    CHECK(m.pairs[0].reason == "same name, content of the in-place ReLU behind it: y = max(x, 0)");
  }
  SECTION("mostly positive values, which look alike before and after") {
    floats high = before;
    for (float& v : high) v += 0.8F;
    const layers r = {layer("conv1", relu(high))};
    const layers x = {layer("conv1", high), layer("conv1_relu", relu(high))};
    const layer_matching m = match_layers(r, x);
    CHECK(pairs_of(m, r, x) == "0-1");
    CHECK(m.pairs[0].namesake == std::size_t{0});
  }
}

TEST_CASE("a fused ReLU") {
  draws d(4);
  const floats before = noise(d, size);
  SECTION("without the reference's ReLU") {
    const layers r = {layer("conv1", before)};
    const layers x = {layer("conv1", relu(before))};
    const layer_matching m = match_layers(r, x);
    CHECK(pairs_of(m, r, x) == "0-0");
    CHECK(m.pairs[0].relation == match_relation::fused_relu);
    CHECK(m.pairs[0].confidence == approx(1));
  }
  SECTION("with it: values are compared that are equal") {
    const layers r = {layer("conv1", before), layer("relu1", relu(before))};
    const layers x = {layer("conv1", relu(before))};
    const layer_matching m = match_layers(r, x);
    CHECK(pairs_of(m, r, x) == "1-0");
    REQUIRE(m.only_reference.size() == 1);
    CHECK_THAT(m.only_reference[0].reason, contains("fused ReLU"));
  }
}

TEST_CASE("an inserted permute") {
  draws d(5);
  const tensor_shape shape{1, 8, 6, 5};
  const floats y = noise(d, size);
  const floats last = detail::permuted(y, {1, 8, 6, 5}, {0, 2, 3, 1});
  SECTION("named as MQBench names it") {
    const layers r = {layer("up1", y, shape)};
    const layers x = {layer("up1_permute_3", off(d, last, 0.05F), {1, 6, 5, 8})};
    const layer_matching m = match_layers(r, x);
    CHECK(pairs_of(m, r, x) == "0-0");
    CHECK(m.pairs[0].relation == match_relation::channels_last);
    CHECK(m.pairs[0].confidence > 0.99);
    CHECK(m.pairs[0].reason == "permuted NCHW -> NHWC (inserted permute), named as an inserted permute");
  }
  SECTION("the layer's own dump is permuted, the next one is not") {
    const layers r = {layer("up1", y, shape)};
    const layers x = {layer("up1", last, {1, 6, 5, 8}), layer("up1_permute_0", y, shape)};
    const layer_matching m = match_layers(r, x);
    CHECK(pairs_of(m, r, x) == "0-1");
    CHECK_THAT(m.pairs[0].reason, contains("name matches 'up1', content is that of 'up1_permute_0'"));
    CHECK_THAT(m.pairs[0].reason, contains("to 'up1': permuted NCHW -> NHWC"));
  }
  SECTION("every permutation under the layer's name, of a dump without shape") {
    const auto relation = [&](const std::array<std::size_t, 4>& order) {
      const layers r = {layer("up1", y, shape)};
      const layers x = {layer("up1", detail::permuted(y, {1, 8, 6, 5}, order), {})};
      return match_layers(r, x).pairs.at(0).relation;
    };
    CHECK(relation({0, 2, 3, 1}) == match_relation::channels_last);
    CHECK(relation({0, 3, 1, 2}) == match_relation::channels_first);
    CHECK(relation({0, 1, 3, 2}) == match_relation::transposed);
  }
  SECTION("a fully connected layer's batch, transposed") {
    const layers r = {layer("fc", y, {6, 40})};
    const layers x = {layer("fc", detail::permuted(y, {6, 40, 1, 1}, {1, 0, 2, 3}), {})};
    CHECK(match_layers(r, x).pairs.at(0).relation == match_relation::transposed);
  }
}

TEST_CASE("padding") {
  draws d(6);
  const tensor_shape shape{2, 3, 4, 5};
  const floats y = noise(d, 120);
  floats channels, rows;
  for (std::size_t n = 0; n < 2; ++n) {
    channels.insert(channels.end(), y.begin() + static_cast<std::ptrdiff_t>(n * 60),
                    y.begin() + static_cast<std::ptrdiff_t>(n * 60 + 60));
    channels.insert(channels.end(), std::size_t{13} * 20, 0.0F);
  }
  for (std::size_t row = 0; row < 24; ++row) {
    rows.insert(rows.end(), y.begin() + static_cast<std::ptrdiff_t>(row * 5),
                y.begin() + static_cast<std::ptrdiff_t>(row * 5 + 5));
    rows.insert(rows.end(), std::size_t{3}, 0.0F);
  }
  const floats other = noise(d, 120);
  const auto match = [&](const std::string& name, const floats& v, const tensor_shape& s) {
    const layers r = {layer("before", other, shape), layer("conv1", y, shape)};
    const layers x = {layer("before", other, shape), layer(name, v, s)};
    return match_layers(r, x);
  };
  for (const std::string name : {"conv1", "another"}) {
    CAPTURE(name);
    CHECK(match(name, channels, {2, 16, 4, 5}).pairs.at(1).relation == match_relation::channels_padded);
    CHECK(match(name, channels, {}).pairs.at(1).relation == match_relation::channels_padded);
    CHECK(match(name, rows, {2, 3, 4, 8}).pairs.at(1).relation == match_relation::rows_padded);
    CHECK(match(name, rows, {}).pairs.at(1).relation == match_relation::rows_padded);
    CHECK(match(name, rows, {}).pairs.at(1).confidence == approx(1));
  }
  // What lies in the padding is not zero: another layer, a Concat for instance.
  channels[70] = 1.0F;
  CHECK(match("another", channels, {2, 16, 4, 5}).pairs.size() == 1);
  const layer_matching m = match("conv1", channels, {2, 16, 4, 5});
  CHECK(m.pairs.size() == 1);
  CHECK_THAT(m.only_reference.at(0).reason, contains("has its name, but 640 elements against 120"));
}

TEST_CASE("a fused Scale or BatchNorm") {
  draws d(7);
  const floats y = noise(d, size);
  floats x_values = y;
  for (std::size_t i = 0; i < size; ++i) {
    const auto c = static_cast<float>(i / 30);
    x_values[i] = y[i] * (c - 3.5F) + 2 * c;
  }
  const auto fused = off(d, x_values, 0.05F);
  for (const std::string name : {"conv1", "another"}) {
    const layers r = {layer("conv1", y), layer("fc", noise(d, size))};
    const layers x = {layer(name, fused)};
    const layer_matching m = match_layers(r, x);
    CHECK(pairs_of(m, r, x) == "0-0");
    CHECK(m.pairs[0].relation == match_relation::affine);
    CHECK(m.pairs[0].confidence > 0.99);
  }
  // Where the reference has the Scale too, the values that are equal are paired.
  const layers r = {layer("conv1", y), layer("scale1", x_values)};
  const layers x = {layer("conv1", fused)};
  const layer_matching m = match_layers(r, x);
  CHECK(pairs_of(m, r, x) == "1-0");
  CHECK_THAT(m.only_reference.at(0).reason, contains("fused Scale/BatchNorm"));
}

TEST_CASE("renamed, missing and extra layers") {
  draws d(8);
  std::vector<floats> v;
  for (int i = 0; i < 5; ++i) v.push_back(noise(d, size));
  const layers r = {layer("data", v[0]), layer("conv1", v[1]), layer("conv2", v[2]), layer("fc", v[3])};
  const layers x = {layer("data", v[0]), layer("layer1", off(d, v[1], 0.1F)), layer("debug", v[4]), layer("fc", v[3])};
  const layer_matching m = match_layers(r, x);
  CHECK(pairs_of(m, r, x) == "0-0 1-1 3-3");
  CHECK(m.pairs[1].names == name_agreement::none);
  CHECK(m.pairs[1].reason == "same shape and content");
  CHECK(m.pairs[1].confidence > 0.95);
  CHECK_FALSE(m.pairs[1].ambiguous);
  REQUIRE(m.only_reference.size() == 1);
  CHECK(m.only_reference[0].index == 2);
  CHECK(m.only_reference[0].reason == "no layer has its content");
  CHECK(m.only_other[0].index == 2);
}

TEST_CASE("names exchanged") {
  draws d(9);
  const floats a = noise(d, size), b = noise(d, size);
  const layers r = {layer("a", a), layer("b", b)};
  const layers x = {layer("a", b), layer("b", a)};
  const layer_matching m = match_layers(r, x);
  CHECK(pairs_of(m, r, x) == "0-1 1-0");
  CHECK_THAT(m.pairs[0].reason, contains("name matches 'a', content is that of 'b'"));
}

TEST_CASE("contents that several layers have") {
  draws d(10);
  const floats a = noise(d, size), b = noise(d, size);
  SECTION("names decide") {
    const layers r = {layer("split1", a), layer("split2", a), layer("split3", a)};
    const layers x = {layer("split3", a), layer("split1", a), layer("split2", a)};
    CHECK(pairs_of(match_layers(r, x), r, x) == "0-1 1-2 2-0");
  }
  SECTION("the execution order decides") {
    const layers r = {layer("r0", a), layer("r1", a), layer("r2", b), layer("r3", a)};
    const layers x = {layer("x0", a), layer("x1", a), layer("x2", b), layer("x3", a)};
    const layer_matching m = match_layers(r, x);
    CHECK(pairs_of(m, r, x) == "0-0 1-1 2-2 3-3");
    CHECK(m.pairs[0].ambiguous);
    CHECK(m.pairs[1].ambiguous);
    CHECK_FALSE(m.pairs[2].ambiguous);
    CHECK_THAT(m.pairs[0].reason, contains("the execution order decided"));
  }
  SECTION("layers found by name fence the others in") {
    const layers r = {layer("conv", b), layer("r1", a)};
    const layers x = {layer("x0", a), layer("conv", b), layer("x2", a)};
    CHECK(pairs_of(match_layers(r, x), r, x) == "0-1 1-2");
  }
  SECTION("a name that stands twice tells nothing") {
    const layers r = {layer("same", a), layer("same", b)};
    const layers x = {layer("same", b), layer("same", a)};
    CHECK(pairs_of(match_layers(r, x), r, x) == "0-1 1-0");
  }
}

TEST_CASE("a scaled layer is not the same layer") {
  draws d(11);
  const floats a = noise(d, size);
  floats scaled = a;
  for (float& v : scaled) v *= 1.0F / 256;
  const layers r = {layer("power", scaled)};
  const layers x = {layer("x0", a), layer("x1", scaled)};
  CHECK(pairs_of(match_layers(r, x), r, x) == "0-1");
  const layers y = {layer("x0", a)};
  const layer_matching m = match_layers(r, y);
  CHECK(pairs_of(m, r, y) == "0-0");
  CHECK(m.pairs[0].relation == match_relation::affine);
}

TEST_CASE("layers with a large mean do not all look alike") {
  draws d(12);
  floats a = noise(d, size, 0.1F), b = noise(d, size, 0.1F);
  for (float& v : a) v += 2;
  for (float& v : b) v += 2;
  const layers r = {layer("a", a)};
  const layers x = {layer("b", b)};
  CHECK(pairs_of(match_layers(r, x), r, x).empty());
}

TEST_CASE("content that says nothing") {
  draws d(13);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  floats holed = noise(d, size);
  holed[7] = nan;
  const floats zero(size, 0.0F), one(size, 1.0F), y = noise(d, size), few = noise(d, 10);
  SECTION("is never matched without a name") {
    for (const floats& v : {zero, one, holed, few}) {
      const layers r = {layer("a", v, {v.size()})};
      const layers x = {layer("b", v, {v.size()})};
      const layer_matching m = match_layers(r, x);
      CHECK(pairs_of(m, r, x).empty());
      CHECK_THAT(m.only_reference[0].reason, contains("no layer has its name, and"));
    }
  }
  SECTION("is matched by name, never as perfect") {
    for (const floats& v : {zero, one, holed}) {
      const layers r = {layer("a", v)};
      const layer_matching m = match_layers(r, r);
      CHECK(pairs_of(m, r, r) == "0-0");
      CHECK(m.pairs[0].relation == match_relation::unverifiable);
      CHECK(m.pairs[0].confidence == 0.5);
    }
  }
  SECTION("a layer that died") {
    const layers r = {layer("a", y)};
    const layers x = {layer("a", zero)};
    const layer_matching m = match_layers(r, x);
    CHECK(pairs_of(m, r, x) == "0-0");
    CHECK(m.pairs[0].confidence == 0);
    CHECK_THAT(m.pairs[0].reason, contains("the other is constant"));
    CHECK(match_layers(x, r).pairs.at(0).confidence == 0);
  }
  SECTION("small layers by name and content") {
    const layers r = {layer("a", few, {10})};
    const layer_matching m = match_layers(r, r);
    CHECK(m.pairs.at(0).relation == match_relation::same);
    CHECK(m.pairs[0].confidence == approx(1));
  }
}

TEST_CASE("layers that cannot be read") {
  draws d(14);
  const floats y = noise(d, size), z = noise(d, size);
  const named_values broken = {"broken", {}, []() -> floats { throw parse_error("x.hex:7: got 'z'"); }};
  const named_values nothing = {"nothing", {}, {}};
  const layers r = {layer("a", y), broken, nothing, layer("empty", {}, {}), layer("wrong", y, {7}), layer("half", z)};
  const layers x = {layer("a", y), layer("broken", y), layer("half", floats(z.begin(), z.begin() + 120), {120})};
  const layer_matching m = match_layers(r, x);
  CHECK(pairs_of(m, r, x) == "0-0");
  CHECK(m.only_reference[0].reason == "cannot be read: x.hex:7: got 'z'");
  CHECK(m.only_reference[1].reason == "cannot be read: no values given");
  CHECK(m.only_reference[2].reason == "cannot be read: no elements");
  CHECK(m.only_reference[3].reason == "cannot be read: 240 elements, expected 7 for shape 7");
  CHECK_THAT(m.only_reference[4].reason, contains("'half' has its name, but 120 elements against 240"));
  CHECK_THAT(m.only_other[0].reason, contains("'broken' has its name, but cannot be read"));

  CHECK(match_layers({}, {}).pairs.empty());
  CHECK(match_layers(r, {}).only_reference.size() == 6);
  const layers many(match_max_layers + 1);
  CHECK_THROWS_AS(match_layers(many, {}), format_error);
}

TEST_CASE("the layers of two folders") {
  const scratch_folder folder;
  std::filesystem::create_directories(folder / "a/block");
  std::filesystem::create_directory(folder / "b");
  draws d(15);
  const auto t = d.tensor({1, 4, 5, 6}), u = d.tensor({1, 4, 5, 6});
  write_npy(folder / "a/block/conv1.npy", t);
  write_npy(folder / "a/conv2.npy", u);
  write_float_dump(folder / "b/block_conv1_output0_4_5_6_caffe.linear.float", floats(t.begin(), t.end()));
  write_npy(folder / "b/renamed_output1.npy", u);
  detail::write_whole_file(folder / "b/cut_output0_4_5_6_caffe.linear.float", "1.0\n2.0\n");
  const layers r = layers_of(list_dumps(folder / "a"));
  const layers x = layers_of(list_dumps(folder / "b"));
  REQUIRE(x.size() == 3);
  CHECK(x[2].name == "renamed:1");
  const layer_matching m = match_layers(r, x);
  CHECK(pairs_of(m, r, x) == "0-0 1-2");
  CHECK_THAT(m.only_other[0].reason, contains("2 values, expected 120"));
  // Several dumps of one output are one layer.
  write_npy(folder / "b/block_conv1.npy", t);
  const layers again = layers_of(list_dumps(folder / "b"));
  REQUIRE(again.size() == 3);
  CHECK(floats(again[0].values()) == floats(t.begin(), t.end()));
}

TEST_CASE("a network of 300 layers, renamed, fused and noisy") {
  draws d(16);
  layers r, x;
  std::vector<std::pair<std::size_t, std::size_t>> truth;
  for (std::size_t i = 0; i < 100; ++i) {
    const floats conv = noise(d, 8 * 14 * 14);
    const floats after = relu(conv);
    r.push_back(layer("conv" + std::to_string(i), conv, {1, 8, 14, 14}));
    r.push_back(layer("relu" + std::to_string(i), after, {1, 8, 14, 14}));
    r.push_back(layer("pool" + std::to_string(i), floats(after.begin(), after.begin() + 8 * 49), {1, 8, 7, 7}));
    truth.emplace_back(3 * i + 1, 2 * i);
    truth.emplace_back(3 * i + 2, 2 * i + 1);
    x.push_back(layer("n" + std::to_string(2 * i), off(d, after, 0.1F), {8, 14, 14}));
    x.push_back(
        layer("n" + std::to_string(2 * i + 1), off(d, floats(after.begin(), after.begin() + 8 * 49), 0.1F), {}));
  }
  const layer_matching m = match_layers(r, x);
  REQUIRE(m.pairs.size() == 200);
  for (std::size_t i = 0; i < 200; ++i) {
    CHECK(std::pair(m.pairs[i].reference, m.pairs[i].other) == truth[i]);
  }
}

}  // namespace match_layers_test
