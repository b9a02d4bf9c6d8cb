#include <compare>
#include <cstdint>
#include <span>
#include <string_view>
#include <xtensor/xview.hpp>

#include <nniesim/nniesim.hpp>
#include <nniesim/testing/catch2.hpp>
#include "catch.hpp"

using namespace nniesim;

namespace own_parts_test {

// Formats and sums of one's own with nothing but what the concepts ask, in steps that hold these tests' numbers
// exactly.

/// What layers write: multiples of 1/8.
struct eighths {
  struct code {
    std::int16_t bits = 0;
    explicit operator double() const { return bits / 8.0; }
    friend auto operator<=>(const code&, const code&) = default;
  };
  using scale = no_scale;
  static constexpr std::string_view name = "eighths";
  static scale scale_of(std::span<const float>) { return {}; }
  static code encode(float x, scale) { return from(x); }
  static code encode(float x, scale, event_counts&) { return from(x); }
  static float decode(code c, scale) noexcept { return to_float(c); }
  static float step(float, scale) noexcept { return 0.125F; }
  static float largest(scale) noexcept { return 4095.875F; }
  static code from(double x) { return {static_cast<std::int16_t>(x * 8)}; }
  static code from(float x) { return from(static_cast<double>(x)); }
  static code from(double x, event_counts&) { return from(x); }
  static double to_double(code c) noexcept { return c.bits / 8.0; }
  static float to_float(code c) noexcept { return static_cast<float>(c.bits) / 8.0F; }
};

/// What is multiplied: multiples of a scale.
struct multiples {
  struct code {
    std::int8_t bits;
  };
  struct scale {
    float unit = 0.5F;
  };
  static constexpr std::string_view name = "multiples";
  static scale scale_of(std::span<const float>) { return {}; }
  static code encode(float x, const scale& s) { return {static_cast<std::int8_t>(x / s.unit)}; }
  static code encode(float x, const scale& s, event_counts&) { return encode(x, s); }
  static float decode(code c, const scale& s) noexcept { return static_cast<float>(c.bits) * s.unit; }
  static float step(float, const scale& s) noexcept { return s.unit; }
  static float largest(const scale& s) noexcept { return 127 * s.unit; }
};

struct own_sums {
  using operand = float;
  using sum = double;
  static constexpr std::string_view name = "own_sums";
  static double add(double s, float w, float a) { return s + static_cast<double>(w) * static_cast<double>(a); }
  static double total(double s) { return s; }
  static void check_capacity(std::size_t, double, std::string_view) {}
};

struct own {
  using weights = multiples;
  using activations = multiples;
  using accumulator = own_sums;
  using output = eighths;
};
static_assert(value_format<eighths> && quantized_format<multiples> && precision_policy<own>);

TEST_CASE("what the concepts ask of formats, sums and policies is all that the library uses") {
  const tensor<float> x = xt::ones<float>({1, 4, 6, 6}) * 1.5F, w = xt::ones<float>({4, 4, 3, 3}) * 0.5F;
  const tensor<float> four = xt::ones<float>({4}), m = xt::ones<float>({2, 144}), f = xt::ones<float>({2, 4});
  const auto same = [](const auto& y, const auto& reference) {
    CHECK_THAT(y, EqualBits(y) && RelativeL2Within(reference, 0));
  };
  const auto y = conv2d<own>(x, w, four);
  same(y, conv2d<float32>(x, w, four));
  same(conv2d<own>(x, xt::view(w, xt::all(), xt::range(0, 1)), {.groups = 4}),
       conv2d<float32>(x, xt::view(w, xt::all(), xt::range(0, 1)), {.groups = 4}));
  same(deconv2d<own>(x, w), deconv2d<float32>(x, w));
  same(fully_connected<own>(x, m), fully_connected<float32>(x, m));
  same(activation<own>(x, {.function = activation_function::absolute}),
       activation<float32>(x, {.function = activation_function::absolute}));
  same(bias<own>(x, four, {.axis = 1}), bias<float32>(x, four, {.axis = 1}));
  same(concat<own>({}, x, x), concat<float32>({}, x, x));
  same(crop<own>(x, {1, 4, 2, 2}), crop<float32>(x, {1, 4, 2, 2}));
  same(eltwise<own>(x, x, {}), eltwise<float32>(x, x, {}));
  same(permute<own>(x, {.order = {0, 2, 3, 1}}), permute<float32>(x, {.order = {0, 2, 3, 1}}));
  same(pooling<own>(x, {.kernel = {2, 2}}), pooling<float32>(x, {.kernel = {2, 2}}));
  same(power<own>(x, {.scale = 2}), power<float32>(x, {.scale = 2}));
  same(prelu<own>(x, four), prelu<float32>(x, four));
  same(reduce_mean<own>(x, {.axes = {2, 3}}), reduce_mean<float32>(x, {.axes = {2, 3}}));
  same(reduce_sum<own>(x, {.axes = {2}}), reduce_sum<float32>(x, {.axes = {2}}));
  same(relu<own>(x), relu<float32>(x));
  same(scale<own>(x, four, {.axis = 1}), scale<float32>(x, four, {.axis = 1}));
  same(slice<own>(x, {.points = {2}})[1], slice<float32>(x, {.points = {2}})[1]);
  same(upsample<own>(x), upsample<float32>(x));
  same(arg_max<own>(f), arg_max<float32>(f));
  (void)add_one_norm_inside<own>(f), (void)add_one_norm_outside<own>(f), (void)l2_normalize<own>(f);
  (void)lrn<own>(x), (void)mvn<own>(x), (void)softmax<own>(x);
  const tensor<float> reference = conv2d<float32>(x, w, four);
  CHECK(compare(reference, y).max_abs == 0);
  CHECK(compare_in_steps<eighths>(reference, y, {}).max == 0);
  CHECK_THAT(to_float(y), EqualBits(reference));
  CHECK(histograms(y, y, 3).edges.size() == 4);
  CHECK_THAT(decode<multiples>(encode<multiples>(x, {}), {}), EqualBits(x));
  CHECK_THAT(to_float<multiples>(encode<multiples>(x, scale_of<multiples>(x)), {}),
             EqualBits(fake_quantize<multiples>(x)));
}

}  // namespace own_parts_test
