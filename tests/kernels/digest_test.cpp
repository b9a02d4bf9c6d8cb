// The same bits on every machine: checksums of what every kernel gives for stored inputs, once computed by the scalar
// kernels on x86-64.
#include <nniesim/kernels/quantize.hpp>
#include <nniesim/nniesim.hpp>

#include <iomanip>
#include <sstream>
#include <vector>

#include "catch.hpp"
#include "support/crc32c.hpp"
#include "support/isas.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace {

using fp64_study = precision<gfpq16, gfpq8, fp64_chain, q20_12>;

/// A word per value, so that the byte order of a machine does not count.
template <class T>
std::uint32_t digest(std::span<const T> values, std::uint32_t so_far = 0) {
  std::vector<std::uint32_t> words;
  for (const T v : values) {
    if constexpr (sizeof(T) == 4) words.push_back(std::bit_cast<std::uint32_t>(v));
    else words.push_back(static_cast<std::uint32_t>(v));
  }
  return crc32c(words, so_far);
}
template <class T>
std::uint32_t digest(const tensor<T>& t, std::uint32_t so_far = 0) {
  return digest(std::span<const T>(t.data(), t.size()), so_far);
}

std::string hex(std::uint32_t x) {
  std::ostringstream text;
  text << "0x" << std::hex << std::setw(8) << std::setfill('0') << x;
  return text.str();
}

/// Uniform draws: unlike a sum of draws they leave no order of evaluation to the compiler.
tensor<float> uniform_tensor(draws& d, const tensor_shape& shape, float range) {
  auto t = make_tensor<float>(shape);
  for (auto& v : t) v = d.symmetric() * range;
  return t;
}

/// Every kind of float, most of them within `octaves` of 1.
std::vector<float> floats(draws& d, std::size_t n, std::size_t octaves) {
  std::vector<float> v(n);
  for (auto& x : v) {
    const std::size_t kind = d.between(0, 15);
    const std::uint32_t bits = d.bits();
    if (kind == 0) x = std::bit_cast<float>(bits & 0x80000000U);
    else if (kind == 1) x = std::bit_cast<float>((bits & 0x80000000U) | 0x7f800000U);
    else if (kind == 2) x = std::bit_cast<float>(bits | 0x7fc00000U);
    else if (kind == 3) x = std::bit_cast<float>(bits & 0x807fffffU);
    else if (kind < 6) x = std::bit_cast<float>(bits);
    else {
      const std::size_t exponent = 127 - octaves + d.between(0, 2 * octaves);
      x = std::bit_cast<float>((bits & 0x807fffffU) | static_cast<std::uint32_t>(exponent << 23U));
    }
  }
  return v;
}

struct format_case {
  int z;
  std::uint32_t quantized, coded, decoded, from_fixed_point;
};

template <class F>
void check_format(std::uint32_t seed, const std::vector<format_case>& cases) {
  draws d(seed);
  const std::vector<float> in = floats(d, 20011, 20);
  std::vector<q20_12> fixed(in.size());
  for (auto& v : fixed) v = q20_12::from_raw(static_cast<std::int32_t>(d.bits()) >> d.between(0, 31));
  std::vector<typename F::code> every;
  for (std::uint32_t q = 0; q <= F::max_magnitude; ++q) {
    every.push_back(static_cast<typename F::code>(q));
    every.push_back(static_cast<typename F::code>(q | F::sign_bit));
  }
  for (const format_case& c : cases) {
    const typename F::scale s(c.z);
    for_each_isa([&](isa used) {
      INFO(F::name << " on " << to_string(used) << ", z " << c.z);
      std::vector<float> out(in.size()), values(every.size());
      std::vector<typename F::code> codes(in.size());
      fake_quantize<F>(in, out, s);
      CHECK(hex(digest(std::span<const float>(out))) == hex(c.quantized));
      encode<F>(in, codes, s);
      CHECK(hex(digest(std::span<const typename F::code>(codes))) == hex(c.coded));
      decode<F>(every, values, s);
      CHECK(hex(digest(std::span<const float>(values))) == hex(c.decoded));
      kernels::select(used, [&](auto set) {
        decltype(set)::template quantize<F, q20_12>({fixed.data(), 0, 1, 0, out.data(), 0, 1, fixed.size()}, s);
      });
      CHECK(hex(digest(std::span<const float>(out))) == hex(c.from_fixed_point));
    });
  }
}

/// A convolution: shapes of the input and of the weights, and the checksums under each policy.
struct convolution_case {
  tensor_shape x, w;
  conv2d_params p;
  std::array<std::uint32_t, 6> expected;
};
struct matrix_case {
  std::size_t batch, inputs, outputs;
  std::array<std::uint32_t, 6> expected;
};

template <class... P>
struct policies {};
using all_policies = policies<float32, w8a8, w16a16, uniform_w8a8, uniform_w16a16, fp64_study>;

template <class Compute, class... P>
void check_policies(policies<P...>, const std::array<std::uint32_t, 6>& expected, Compute compute) {
  static_assert(sizeof...(P) == 6);
  for_each_isa([&](isa used) {
    std::size_t i = 0;
    const auto check = [&]<class Policy>(Policy) {
      INFO(policy_name<Policy>() << " on " << to_string(used));
      CHECK(hex(digest(compute(Policy{}))) == hex(expected[i++]));
    };
    (check(P{}), ...);
  });
}

}  // namespace

TEST_CASE("digests: codes of 8 and 16 bits") {
  check_format<gfpq8>(1, {{-511, 0x45f1be3e, 0xb8d9da2d, 0x2810b8fa, 0x67264d3c},
                          {-150, 0x2c63c0e0, 0xd25f3e06, 0x3f4d5d28, 0xccc46597},
                          {-127, 0x83b2b576, 0xfbbf9b75, 0x14b813de, 0xb261c47b},
                          {17, 0x32bb68ad, 0x0059165c, 0x4af0634a, 0xaf3c6fec},
                          {500, 0xa4a38bcd, 0x88678bb5, 0xa9473edd, 0x1c12511e}});
  check_format<gfpq16>(2, {{-4095, 0x091db1f1, 0x7ee06397, 0x61170292, 0x5517fd66},
                           {-1407, 0x6fb43254, 0x83a518b2, 0x18d5c2f4, 0xf19bb04e},
                           {-1062, 0x0c9a3aa1, 0x3d75d8fb, 0xf09c3d5c, 0xa0dc0bc0},
                           {128, 0x6cdc5327, 0xe9602111, 0xf30f5972, 0x87574161},
                           {4095, 0xb3e4f169, 0xaa8dc1e8, 0x397d5c64, 0x1c12511e}});
}

TEST_CASE("digests: conversions to and from q20.12, largest magnitudes, uniform codes") {
  draws d(3);
  const std::vector<float> in = floats(d, 20011, 22);
  std::vector<float> finite = in;
  for (auto& v : finite) v = std::abs(v) < 1e30F ? v : 0.0F;
  std::vector<q20_12> fixed(in.size());
  for (auto& v : fixed) v = q20_12::from_raw(static_cast<std::int32_t>(d.bits()) >> d.between(0, 31));
  for_each_isa([&](isa used) {
    INFO(to_string(used));
    std::vector<q20_12> out(in.size());
    encode<q20_12>(in, out, {});
    CHECK(hex(digest(std::span<const q20_12>(out))) == hex(0x1bcdf079));
    std::vector<float> back(in.size());
    decode<q20_12>(fixed, back, {});
    CHECK(hex(digest(std::span<const float>(back))) == hex(0x372190c6));
    kernels::select(used, [&](auto set) {
      std::vector<float> most;
      std::uint32_t codes = 0;
      for (const std::size_t n : {1U, 2U, 5U, 64U, 1003U, 20011U}) {
        most.push_back(decltype(set)::max_magnitude(finite.data(), n));
        most.push_back(decltype(set)::max_magnitude(in.data() + 1, n - 1));
        most.push_back(decltype(set)::max_magnitude_q20_12(fixed.data(), n));
      }
      CHECK(hex(digest(std::span<const float>(most))) == hex(0xf20bb7e7));
      for (const float step : {0x1p-9F, 0.37F, 1e-20F}) {
        std::vector<std::uint8_t> of_float(in.size()), of_fixed(in.size());
        decltype(set)::uniform_codes(in.data(), of_float.data(), in.size(), step, uniform8::max_code, 128);
        decltype(set)::uniform_codes(fixed.data(), of_fixed.data(), in.size(), step, uniform8::max_code, 128);
        codes = digest(std::span<const std::uint8_t>(of_float), codes);
        codes = digest(std::span<const std::uint8_t>(of_fixed), codes);
      }
      CHECK(hex(codes) == hex(0xdbd6ca5d));
    });
  });
}

TEST_CASE("digests: convolutions") {
  const std::vector<convolution_case> cases = {
      {{1, 5, 13, 19},
       {21, 5, 3, 3},
       {.pad = {1, 1}},
       {0xd0288295, 0x764013f9, 0x5e46140e, 0x86e197c8, 0xe4e4b098, 0xc6d2f401}},
      {{2, 4, 17, 23},
       {9, 4, 3, 5},
       {.stride = {2, 3}, .pad = {1, 2, 0, 3}, .dilation = {2, 1}},
       {0x28175300, 0xb5ad10f3, 0xfe6d80f8, 0x2a77fe9c, 0xef25ca3f, 0x105c7565}},
      {{1, 12, 9, 31},
       {30, 4, 3, 3},
       {.pad = {1, 1}, .groups = 3},
       {0xba463afc, 0x43426517, 0xe229e8e3, 0x4e4c0a61, 0xac2fb380, 0x754777ee}},
      {{1, 9, 13, 22},
       {9, 1, 3, 3},
       {.stride = {2, 1}, .pad = {1, 1}, .groups = 9},
       {0x70816fc8, 0x9ef1e112, 0xffb9f85c, 0xd70955ca, 0x6a4af1bd, 0x201c6eb9}},
      {{1, 7, 11, 70},
       {7, 1, 5, 5},
       {.pad = {4, 4}, .dilation = {2, 2}, .groups = 7},
       {0xddb7961b, 0xccca85fd, 0x71bff8b6, 0x10b090bb, 0x065839ca, 0xd5229e24}},
      {{2, 37, 7, 11}, {45, 37, 1, 1}, {}, {0x714bf752, 0x59e1fb34, 0x91b70c52, 0x94ec6cc2, 0x531b39b9, 0x4e3b169e}},
      {{1, 3, 30, 31},
       {33, 3, 7, 7},
       {.stride = {2, 2}, .pad = {3, 3}},
       {0xcdc0caa5, 0x5c4184a9, 0x74cd6755, 0xc6ac3736, 0x55e8a03b, 0x7aa93b08}},
      {{1, 130, 6, 9},
       {70, 130, 3, 3},
       {.pad = {2, 1}, .dilation = {2, 3}},
       {0x9235599f, 0xd43119a6, 0xcf619b20, 0x58fd909d, 0x9fc5aec5, 0xf6f51b5f}},
      {{1, 2, 1, 1}, {1, 2, 1, 1}, {}, {0x2546b7e9, 0x7aaa13ee, 0x9427881e, 0xb9062b51, 0x7d433923, 0xd764764a}},
  };
  draws d(4);
  for (const convolution_case& c : cases) {
    const auto x = uniform_tensor(d, c.x, 3);
    const auto w = uniform_tensor(d, c.w, 1);
    const auto bias = uniform_tensor(d, {c.w[0]}, 2);
    INFO("x " << c.x << ", w " << c.w);
    check_policies(all_policies{}, c.expected, [&]<class P>(P) { return conv2d<P>(x, w, bias, c.p); });
  }
}

TEST_CASE("digests: fully connected layers") {
  const std::vector<matrix_case> cases = {
      {1, 1, 1, {0xa8e29416, 0x9741102a, 0xd8423a5c, 0x7e25a117, 0x7e25a117, 0x9741102a}},
      {7, 33, 19, {0x693c3a18, 0x4187e0f6, 0x414a7fe0, 0xcac33798, 0x090ccc18, 0x3e556e0d}},
      {33, 120, 90, {0x2601d228, 0xd1824e9a, 0xa0a7c50b, 0x03e04abe, 0x6ad0a706, 0x9319448f}},
      {2, 1003, 65, {0x04802a71, 0x308e8c73, 0x58f02680, 0x4f531aac, 0x4e494d85, 0xe05b8bc0}},
  };
  draws d(5);
  for (const matrix_case& c : cases) {
    const auto x = uniform_tensor(d, {c.batch, c.inputs}, 3);
    const auto w = uniform_tensor(d, {c.outputs, c.inputs}, 1);
    const auto bias = uniform_tensor(d, {c.outputs}, 2);
    INFO(c.batch << " x " << c.inputs << " -> " << c.outputs);
    check_policies(all_policies{}, c.expected, [&]<class P>(P) { return fully_connected<P>(x, w, bias); });
  }
}

// No vector kernels, but plain code too must mean the same to every compiler: a product and a sum must not be fused.
TEST_CASE("digests: operators in plain loops") {
  draws d(6);
  const auto x = uniform_tensor(d, {2, 6, 9, 11}, 3);
  const auto other = uniform_tensor(d, {2, 6, 9, 11}, 3);
  const auto factor = uniform_tensor(d, {6}, 1);
  const auto shift = uniform_tensor(d, {6}, 1);
  const auto features = uniform_tensor(d, {3, 512}, 4);
  const auto all = [&]<class P>(P) {
    std::uint32_t so_far = 0;
    const auto take = [&](const auto& y) { so_far = digest(y, so_far); };
    take(softmax<P>(x, {.axis = 1}));
    take(l2_normalize<P>(x));
    take(power<P>(x, {.exponent = 3, .scale = 0.3F, .shift = 0.1F}));
    take(power<P>(x, {.exponent = -2, .scale = 0.3F, .shift = 2}));
    take(eltwise<P>(x, other, {.coefficients = {0.3F, -1.7F}}));
    take(scale<P>(x, factor, shift, {.axis = 1}));
    take(reduce_mean<P>(x, {.axes = {1, 3}}));
    take(pooling<P>(x, {.kernel = {3, 2}, .stride = {2, 2}}));
    take(pooling<P>(x, {.operation = pooling_operation::average, .kernel = {3, 3}, .stride = {2, 1}, .pad = {1, 1}}));
    take(relu<P>(x, {.negative_slope = 0.1F}));
    take(add_one_norm_outside<P>(features));
    take(add_one_norm_inside<P>(features));
    return so_far;
  };
  for_each_isa([&](isa used) {
    INFO(to_string(used));
    CHECK(hex(all(float32{})) == hex(0x857a434c));
    CHECK(hex(all(w8a8{})) == hex(0x3e6ad0d1));
    CHECK(hex(all(w16a16{})) == hex(0x3337431d));
  });
}

TEST_CASE("digests: regions, boxes and sizes") {
  draws d(7);
  const auto x = uniform_tensor(d, {1, 8, 9, 11}, 3);
  auto regions = uniform_tensor(d, {40, 5}, 40);
  for (std::size_t r = 0; r < 40; ++r) regions(r, 0) = 0;
  const auto scores = uniform_tensor(d, {1, 12, 5, 6}, 1), moves = uniform_tensor(d, {1, 24, 5, 6}, 1);
  const auto corrections = uniform_tensor(d, {1, 240}, 1), confidences = uniform_tensor(d, {1, 180}, 1);
  const auto deep = uniform_tensor(d, {1, 4, 6, 4}, 1);
  const tensor<float> picture{{70, 90, 1.1F}};
  const auto all = [&]<class P>(P) {
    std::uint32_t so_far = 0;
    const auto take = [&](const auto& y) { so_far = digest(y, so_far); };
    const pooling_params window{.kernel = {3, 2}, .stride = {2, 1}, .pad = {1, 0, 0, 1}};
    const auto places = pooling_places<P>(x, window);
    take(places);
    take(unpool<P>(pooling<P>(x, window), places, {{9, 11}}));
    pooling_params inside = window;
    inside.operation = pooling_operation::average_inside;
    take(pooling<P>(x, inside));
    take(roi_pooling<P>(x, regions, {{3, 2}, 0.3F}));
    take(psroi_pooling<P>(x, regions, {2, 2, 0.3F}));
    take(pass_through<P>(deep, {{2, 2}, block_order::darknet}));
    take(spp<P>(x, {3}));
    return so_far;
  };
  for_each_isa([&](isa used) {
    INFO(to_string(used));
    CHECK(hex(all(float32{})) == hex(0x05037450));
    CHECK(hex(all(w8a8{})) == hex(0x9ab4afea));
    CHECK(hex(all(w16a16{})) == hex(0x542c3ef1));
  });
  // Those of the host.
  std::uint32_t so_far = 0;
  const auto take = [&](const auto& y) { so_far = digest(y, so_far); };
  for (const resize_grid grid : {resize_grid::corners, resize_grid::origin, resize_grid::half_pixels}) {
    take(resize<float32>(x, {.grid = grid, .size = {20, 7}}));
  }
  prior_box_params prior;
  prior.min_sizes = {9.7F};
  prior.max_sizes = {15.1F};
  prior.aspect_ratios = {1.7F};
  prior.step = {7.3F, 0};
  const auto priors = prior_box(prior, {1, 1, 3, 5}, {1, 3, 37, 41});
  take(priors);
  detection_output_params detection;
  detection.classes = 3;
  detection.overlap_threshold = 0.6;
  detection.eta = 0.9;
  for (const box_code code : {box_code::corner, box_code::center_size, box_code::corner_size}) {
    detection.code = code;
    take(detection_output(corrections, confidences, priors, detection));
  }
  proposal_params p;
  p.ratios = {0.5F, 1, 1.7F};
  p.scales = {1.3F, 2};
  p.min_size = 3;
  p.regions = 30;
  take(proposal(scores, moves, picture, p));
  CHECK(hex(so_far) == hex(0x26d841ef));
}
