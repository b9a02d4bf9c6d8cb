#include <nniesim/debug/channel_fit.hpp>

#include <vector>

#include "catch.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace channel_fit_test {

using nniesim::detail::channel_fit;
using nniesim::detail::fit_channels;

namespace {

constexpr std::size_t plane = 64;

std::span<float> channel_of(tensor<float>& t, std::size_t c) { return {t.data() + c * plane, plane}; }

std::vector<std::size_t> off(const std::vector<channel_fit>& all) {
  std::vector<std::size_t> result;
  for (const channel_fit& c : all) {
    if (c.is_off) result.push_back(c.channel);
  }
  return result;
}

/// A layer's values in float, and as few bits give them: off by a share of each value.
struct output {
  tensor<float> in_float, simulated;

  explicit output(float rounding, std::uint32_t seed = 1) {
    draws random(seed);
    in_float = random.tensor({1, 6, 8, 8}, 2.0F);
    simulated = in_float;
    for (float& v : simulated) v *= 1 + rounding * random.symmetric();
  }
};

}  // namespace

TEST_CASE("rounding puts no channel off", "[debug]") {
  for (const float rounding : {0.001F, 0.03F, 0.1F}) {
    const output o(rounding);
    const output again(rounding, 1);
    tensor<float> shown = o.in_float;
    draws random(9);
    for (float& v : shown) v *= 1 + rounding * random.symmetric();  // another rounding of the same size
    const std::vector<tensor<float>> simulated = {o.simulated};
    CHECK(off(fit_channels(o.in_float, shown, simulated)).empty());
    CHECK(off(fit_channels(o.in_float, o.simulated, simulated)).empty());
  }
}

TEST_CASE("a channel of zeros is silent, and found under the rounding of the others", "[debug]") {
  const output o(0.03F);
  tensor<float> in_float = o.in_float, simulated = o.simulated;
  for (float& v : channel_of(in_float, 2)) v *= 0.05F;  // of little content
  for (float& v : channel_of(simulated, 2)) v *= 0.05F;
  tensor<float> shown = simulated;
  for (float& v : channel_of(shown, 2)) v = 0;
  const std::vector<channel_fit> all = fit_channels(in_float, shown, std::vector<tensor<float>>{simulated});
  CHECK(off(all) == std::vector<std::size_t>{2});
  CHECK(all[2].is_silent);
  CHECK_FALSE(all[1].is_silent);
}

TEST_CASE("a scaled channel has its factor", "[debug]") {
  const output o(0.01F);
  tensor<float> shown = o.simulated;
  for (float& v : channel_of(shown, 4)) v *= 1.5F;
  const std::vector<channel_fit> all = fit_channels(o.in_float, shown, std::vector<tensor<float>>{o.simulated});
  CHECK(off(all) == std::vector<std::size_t>{4});
  CHECK(all[4].gain == Approx(1.5).epsilon(0.02));
  CHECK(all[4].left < 0.1);
  CHECK_FALSE(all[4].is_silent);
}

TEST_CASE("differences of single steps put no channel off, and zeros in both neither", "[debug]") {
  tensor<float> in_float = zeros({1, 2, 8, 8}), shown = in_float;
  for (float& v : channel_of(shown, 0)) v = 1.0F / 4096;
  CHECK(off(fit_channels(in_float, shown, {})).empty());
  // A constant channel may show one value.
  for (float& v : channel_of(in_float, 1)) v = 3;
  for (float& v : channel_of(shown, 1)) v = 3.001F;
  CHECK(off(fit_channels(in_float, shown, {})).empty());
}

TEST_CASE("single values are judged by what the layer's rounding is", "[debug]") {
  draws random(4);
  const tensor<float> in_float = random.tensor({1, 40});
  tensor<float> simulated = in_float, shown = in_float;
  for (float& v : simulated) v += 0.03F * random.normal();
  for (float& v : shown) v += 0.03F * random.normal();
  CHECK(off(fit_channels(in_float, shown, std::vector<tensor<float>>{simulated})).empty());
  shown.data()[7] += 1.5F;
  CHECK(off(fit_channels(in_float, shown, std::vector<tensor<float>>{simulated})) == std::vector<std::size_t>{7});
}

}  // namespace channel_fit_test
