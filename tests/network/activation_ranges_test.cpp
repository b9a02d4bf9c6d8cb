#include <nniesim/network/activation_ranges.hpp>

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <nniesim/formats/uniform.hpp>

#include "catch.hpp"
#include "support/networks.hpp"

using namespace nniesim;
using namespace test_networks;

namespace activation_ranges_test {

TEST_CASE("scales of a range are those that the vendor's modes INIT and UPDATE give", "[network]") {
  // Of all-zero data the library has a scale that tiny values do not reach.
  draws random(5);
  for (int round = 0; round < 200; ++round) {
    activation_range range;
    std::optional<gfpq8::scale> in_8bit;
    std::optional<gfpq16::scale> in_16bit;
    for (std::size_t pictures = random.between(1, 4); pictures-- > 0;) {
      const bool is_zero = random.between(0, 3) == 0;
      const float m = is_zero ? 0.0F : std::ldexp(1.0F, static_cast<int>(random.between(0, 60)) - 40);
      range.add(m);
      const std::vector<float> data = {m, -m / 2};
      in_8bit =
          gfpq8::scale_of(data, in_8bit ? scale_mode::update : scale_mode::init, in_8bit.value_or(gfpq8::scale()));
      in_16bit =
          gfpq16::scale_of(data, in_16bit ? scale_mode::update : scale_mode::init, in_16bit.value_or(gfpq16::scale()));
    }
    CHECK(range.scale<gfpq8>() == *in_8bit);
    CHECK(range.scale<gfpq16>() == *in_16bit);
    if (range.largest > 0) CHECK(range.scale<uniform8>() == uniform8::scale_of_max(range.largest));
  }
  activation_range given{.in_8bit = gfpq8::scale(-20)};
  CHECK(given.scale<gfpq8>().z() == -20);
  CHECK_THROWS_WITH(given.scale<gfpq16>(), contains("got a scale of gfpq8 alone, expected one of gfpq16"));
  given.add(2.0F);
  CHECK(given.scale<gfpq8>().z() == -20);
  CHECK(given.scale<gfpq16>() == gfpq16::scale_of_max(2.0F));
}

TEST_CASE("names of ranges are those of layers, whatever is folded into them", "[network]") {
  network_builder b;
  const std::size_t data = b.input({1, 2, 4, 4});
  const std::size_t x = b.add("conv", layers::convolution{{}, zeros({2, 2, 1, 1}), {}}, {data});
  const std::size_t y = b.add("relu", relu_params{}, {x});
  b.net.blobs[y].name = "conv";  // in place
  layer slice{"slice", "Slice", "here:3:1", {y}, {0, 0}, slice_params{1, {1}}};
  slice.outputs = {b.blob("first", {1, 1, 4, 4}), b.blob("rest", {1, 1, 4, 4})};
  b.net.layers.push_back(slice);
  CHECK(range_names(b.net) == std::vector<std::string>{"data", "conv", "relu", "slice", "slice:1"});
  b.net.layers[1].merged = {"bn", "scale"};
  b.blob("nobody's", {1});
  CHECK(range_names(b.net) == std::vector<std::string>{"data", "scale", "relu", "slice", "slice:1", ""});
}

TEST_CASE("a range only grows, and knows whether it has seen zeros alone", "[network]") {
  activation_range r;
  CHECK(r == activation_range{});
  r.add(2.0F);
  r.add(1.0F);
  r.add(std::numeric_limits<float>::quiet_NaN());
  CHECK(r == activation_range::of(2.0F));
  CHECK_FALSE(r.had_zeros);
  r.add(0.0F);
  CHECK(r.largest == 2.0F);
  CHECK(r.had_zeros);
  CHECK(r != activation_range::of(2.0F));
  CHECK(activation_range::of(0.0F).had_zeros);
  CHECK(to_string(range_rule::quantized) == "quantized");
  CHECK(to_string(range_rule::floating) == "floating");
  CHECK(to_string(range_rule::given) == "given");
}

TEST_CASE("a given scale of one format is none of another, but a magnitude is of all", "[network]") {
  const activation_range given{.in_16bit = gfpq16::scale(-300)};
  CHECK(given.scale<gfpq16>().z() == -300);
  CHECK_THROWS_WITH(given.scale<gfpq8>(), contains("got a scale of gfpq16 alone, expected one of gfpq8"));
  CHECK_THROWS_AS(given.scale<uniform8>(), format_error);
  activation_range both = activation_range::of(3.0F);
  both.in_8bit = gfpq8::scale(-7);
  CHECK(both.scale<gfpq8>().z() == -7);
  CHECK(both.scale<gfpq16>() == gfpq16::scale_of_max(3.0F));
  CHECK(both.scale<uniform16>() == uniform16::scale_of_max(3.0F));
}

TEST_CASE("ranges say in words what they are", "[network]") {
  activation_ranges r;
  r.pictures = 20;
  CHECK(text_of(r) == "largest magnitudes of the float network over 20 picture(s)");
  r.rule = range_rule::quantized;
  r.precision = "w8a8";
  CHECK(text_of(r, "ranges.json") == "largest magnitudes of the network in w8a8 over 20 picture(s) (ranges.json)");
  r.rule = range_rule::given;
  CHECK(text_of(r) == "given scales");
  CHECK(text_of(r, "net.wk") == "given scales (net.wk)");
}

}  // namespace activation_ranges_test
