#include <nniesim/ops/activation.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace activation_test {

TEST_CASE("activations equal the math library's functions within float's last places") {
  draws d(1);
  auto x = d.tensor({2, 3, 40}, 4);
  x.data()[0] = 0.0F;
  x.data()[1] = -0.0F;
  x.data()[2] = 80.0F;
  x.data()[3] = -80.0F;
  x.data()[4] = 1e-30F;
  x.data()[5] = 0.0099F;
  x.data()[6] = -0.0101F;
  const auto check = [&](activation_function f, auto expected) {
    const auto y = activation<float32>(x, {.function = f, .alpha = 0.7F});
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double e = expected(static_cast<double>(x.data()[i]));
      INFO(to_string(f) << " of " << x.data()[i]);
      CHECK(std::fabs(static_cast<double>(y.data()[i]) - e) <= 1.3e-7 * std::fabs(e));
    }
  };
  check(activation_function::sigmoid, [](double v) { return 1.0 / (1.0 + std::exp(-v)); });
  check(activation_function::tanh, [](double v) { return std::tanh(v); });
  check(activation_function::elu, [](double v) { return v > 0 ? v : static_cast<double>(0.7F) * (std::exp(v) - 1.0); });
  check(activation_function::absolute, [](double v) { return std::fabs(v); });
  check(activation_function::exponential, [](double v) { return std::exp(v); });
  check(activation_function::bnll, [](double v) { return std::max(v, 0.0) + std::log1p(std::exp(-std::fabs(v))); });
  check(activation_function::relu6, [](double v) { return std::clamp(v, 0.0, 6.0); });
  check(activation_function::hard_swish, [](double v) { return v * std::clamp(v + 3, 0.0, 6.0) / 6; });
  check(activation_function::swish, [](double v) { return v / (1 + std::exp(-static_cast<double>(0.7F) * v)); });
  check(activation_function::mish, [](double v) { return v * std::tanh(v > 40 ? v : std::log1p(std::exp(v))); });
}

TEST_CASE("a threshold is 1 above it and 0 at it, exactly, in every format") {
  const tensor<float> x{{-1.0F, 0.0F, 5.9997559F, 6.0F, 6.0002441F, 100.0F}};
  for_policies([&]<class P>() {
    const auto y = activation<P>(x, {.function = activation_function::threshold, .threshold = 6});
    check_values<P>(y, {0, 0, 0, 0, 1, 1});
  });
  CHECK(activation<w8a8>(x, {.function = activation_function::threshold}).data()[2].raw() == 4096);
  CHECK_THROWS_AS(activation<w8a8>(x, {.function = activation_function::threshold, .threshold = std::nanf("")}),
                  format_error);
}

TEST_CASE("functions of the far ends do not overflow") {
  using enum activation_function;
  const tensor<float> x{{-1e30F, -800.0F, 800.0F, 1e30F}};
  const auto values = [&](activation_function f) {
    const auto y = activation<float32>(x, {.function = f});
    return std::vector<float>(y.begin(), y.end());
  };
  CHECK(values(bnll) == std::vector<float>{0, 0, 800, 1e30F});
  CHECK(values(relu6) == std::vector<float>{0, 0, 6, 6});
  CHECK(values(swish) == std::vector<float>{0, 0, 800, 1e30F});
  CHECK(values(hard_swish) == std::vector<float>{0, 0, 800, 1e30F});
  CHECK(values(mish) == std::vector<float>{0, 0, 800, 1e30F});
}

TEST_CASE("functions that nothing is known of are the exact ones, truncated") {
  draws d(9);
  const auto x = d.tensor({1, 500}, 4);
  using enum activation_function;
  for (const activation_function f : {bnll, relu6, swish, hard_swish, mish}) {
    const auto in = held<w8a8>(x);
    const auto y = activation<w8a8>(x, {.function = f});
    for (std::size_t i = 0; i < in.size(); ++i) {
      const double v = in[i];
      const double e = f == bnll         ? std::max(v, 0.0) + std::log1p(std::exp(-std::fabs(v)))
                       : f == relu6      ? std::clamp(v, 0.0, 6.0)
                       : f == swish      ? v / (1 + std::exp(-v))
                       : f == hard_swish ? v * std::clamp(v + 3, 0.0, 6.0) / 6
                                         : v * std::tanh(std::log1p(std::exp(v)));
      CAPTURE(to_string(f), v);
      CHECK(y.data()[i].raw() >= std::floor(e * 4096 - 1e-9));
      CHECK(y.data()[i].raw() <= std::floor(e * 4096 + 1e-9));
    }
  }
}

TEST_CASE("activations of layer values are written truncated") {
  const tensor<float> x{{-1.0F, 0.0F, 1.0F}};
  const auto y = activation<w8a8>(x, {.function = activation_function::tanh, .rule = function_rule::exact});
  CHECK(y.data()[0].raw() == -3120);  // floor(-0.7616 * 4096)
  CHECK(y.data()[1].raw() == 0);
  CHECK(y.data()[2].raw() == 3119);
  CHECK_THROWS_AS(
      activation<w8a8>(x, {.function = activation_function::elu, .alpha = std::numeric_limits<float>::infinity()}),
      format_error);
  CHECK_THROWS_WITH(activation<w8a8>(tensor<float>{{1.0F, std::nanf("")}}, {}), contains("NaN"));
}

TEST_CASE("exp and log have a base, a scale and a shift") {
  const tensor<float> x{{0.5F, 1.0F, 3.0F, 40.0F}};
  const auto check = [&](const activation_params& p, auto expected) {
    const auto y = activation<float32>(x, p);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double e = expected(static_cast<double>(x.data()[i]));
      INFO(to_string(p.function) << " to base " << p.base << " of " << x.data()[i]);
      CHECK(std::fabs(static_cast<double>(y.data()[i]) - e) <= 1.3e-7 * std::fabs(e));
    }
  };
  using enum activation_function;
  check({.function = exponential, .scale = 0.5, .shift = 1}, [](double v) { return std::exp(0.5 * v + 1); });
  check({.function = exponential, .base = 2, .scale = -1, .shift = 3}, [](double v) { return std::exp2(3 - v); });
  check({.function = exponential, .base = 1}, [](double) { return 1.0; });
  check({.function = logarithm}, [](double v) { return std::log(v); });
  check({.function = logarithm, .scale = 2, .shift = 3}, [](double v) { return std::log(2 * v + 3); });
  check({.function = logarithm, .base = 10}, [](double v) { return std::log10(v); });
  check({.function = logarithm, .base = 0.5}, [](double v) { return -std::log2(v); });
  const activation_params exact{.function = logarithm, .rule = function_rule::exact};
  CHECK(activation<w8a8>(x, exact).data()[0].raw() == -2840);  // floor(-0.6931 * 4096)
  CHECK_THROWS_WITH(activation<w8a8>(x, {.function = logarithm, .base = 1}), contains("log: base 1"));
  CHECK_THROWS_AS(activation<w8a8>(x, {.function = exponential, .base = 0}), format_error);
  CHECK_THROWS_AS(activation<w8a8>(x, {.function = exponential, .base = -2}), format_error);
  CHECK_THROWS_AS(activation<w8a8>(x, {.function = exponential, .scale = std::nanf("")}), format_error);
  CHECK_THROWS_AS(activation<w8a8>(x, {.function = logarithm, .shift = std::numeric_limits<float>::infinity()}),
                  format_error);
}

TEST_CASE("logarithms of numbers that are not positive are written as infinity and NaN") {
  const tensor<float> x{{0.0F, -1.0F}};
  const auto y = activation<float32>(x, {.function = activation_function::logarithm});
  CHECK(y.data()[0] == -std::numeric_limits<float>::infinity());
  CHECK(std::isnan(y.data()[1]));
  for (const function_rule rule : {function_rule::hardware, function_rule::exact}) {
    for (const float base : {-1.0F, 10.0F}) {
      const auto q = activation<w8a8>(x, {.function = activation_function::logarithm, .base = base, .rule = rule});
      CHECK(q.data()[0] == q20_12::lowest());
      CHECK(q.data()[1] == q20_12{});
    }
    const auto q = activation<w8a8>(x, {.function = activation_function::logarithm, .base = 0.5F, .rule = rule});
    CHECK(q.data()[0] == q20_12::max());
  }
}

TEST_CASE("layers that write q20_12 use the hardware's functions, others and the exact rule do not") {
  using enum activation_function;
  const tensor<float> x{{-3.0F, -0.03F, 0.0F, 0.7F, 2.01F, 100.0F}};
  const auto raw = [&](activation_function f, function_rule rule) {
    const auto y = activation<w8a8>(x, {.function = f, .rule = rule});
    std::vector<std::int32_t> r;
    for (const q20_12 v : y) r.push_back(v.raw());
    return r;
  };
  std::vector<std::int32_t> line, entry, exp, log;
  for (const float v : x) {
    const std::int32_t at = q20_12::from(v).raw();
    line.push_back(tanh_table.linear(at));
    entry.push_back(sigmoid_table.nearest(at));
    exp.push_back(cordic::exp(at));
    log.push_back(cordic::log(at));
  }
  CHECK(raw(tanh, function_rule::hardware) == line);
  CHECK(raw(sigmoid, function_rule::nearest_entry) == entry);
  CHECK(raw(exponential, function_rule::hardware) == exp);
  CHECK(raw(exponential, function_rule::nearest_entry) == exp);
  CHECK(raw(logarithm, function_rule::hardware) == log);
  CHECK(raw(sigmoid, function_rule::exact) != raw(sigmoid, function_rule::hardware));
  // Nothing is known of these.
  CHECK(raw(elu, function_rule::exact) == raw(elu, function_rule::hardware));
  CHECK(raw(absolute, function_rule::exact) == raw(absolute, function_rule::hardware));
  for (const activation_function f : {sigmoid, tanh, exponential, logarithm}) {
    const auto exact = [&]<class P>(const tensor<value_t<P>>& y) {
      return same_bits(y, activation<P>(x, {.function = f, .rule = function_rule::exact}));
    };
    CHECK(exact.template operator()<fine_output>(activation<fine_output>(x, {.function = f})));
  }
}

TEST_CASE("the hardware's functions are near the exact ones") {
  using enum activation_function;
  draws d(4);
  const auto x = d.tensor({1, 3000}, 3);
  const auto furthest = [&](const activation_params& p) {
    activation_params exact = p;
    exact.rule = function_rule::exact;
    const auto a = activation<w8a8>(x, p), b = activation<w8a8>(x, exact);
    double most = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      const double size = std::fabs(a.data()[i] - b.data()[i]) * 4096;
      most = std::max(most, size / (1 + std::fabs(b.data()[i] * (p.function == exponential ? 1 : 0))));
    }
    return most;
  };
  CHECK(furthest({.function = sigmoid}) <= 1);
  CHECK(furthest({.function = activation_function::tanh}) <= 2);
  CHECK(furthest({.function = exponential}) <= 2);
  CHECK(furthest({.function = exponential, .base = 2, .scale = -1, .shift = 0.5F}) <= 3);
  CHECK(furthest({.function = logarithm, .scale = 0.125F, .shift = 2}) <= 4);
  CHECK(furthest({.function = logarithm, .base = 10, .scale = 0.125F, .shift = 2}) <= 4);
}

TEST_CASE("the hardware's functions by vectors equal the specification") {
  using enum activation_function;
  draws d(6);
  for_each_isa([&](isa i) {
    for (const std::size_t n : {1U, 3U, 8U, 16U, 17U, 130U, 1030U}) {
      odd_tensor<w8a8> x(d, {n});
      for (const activation_params& p : {activation_params{sigmoid},
                                         {.function = activation_function::tanh},
                                         {.function = exponential},
                                         {.function = logarithm},
                                         {.function = sigmoid, .rule = function_rule::nearest_entry},
                                         {.function = exponential, .base = 3, .scale = 0.7F, .shift = -1},
                                         {.function = exponential, .scale = -2},
                                         {.function = logarithm, .scale = 0.01F, .shift = 1},
                                         {.function = logarithm, .base = 10},
                                         {.function = logarithm, .base = 0.5F, .scale = 0.001F}}) {
        INFO(to_string(p.function) << " on " << to_string(i) << ", " << n);
        auto y = make_tensor<q20_12>({n}), z = make_tensor<q20_12>({n});
        reference::activation<w8a8>(x.in(), p, view_of(y));
        const bool ran = detail::vector_activation<w8a8>(x.in(), p, view_of(z));
        CHECK(ran == (i != isa::scalar));
        if (ran) CHECK(same_bits(y, z));
        std::copy_n(x.in().data(), x.in().size(), z.begin());
        activation_into<w8a8>(view_of(std::as_const(z)), p, view_of(z));  // in place
        CHECK(same_bits(y, z));
      }
    }
  });
}

TEST_CASE("exact functions by vectors equal the specification") {
  using enum activation_function;
  for_vectors([]<class P>(draws& d, std::size_t n) {
    odd_tensor<P> x(d, {n});
    if constexpr (std::same_as<value_t<P>, float>) {
      if (n > 100) {  // where an exponential ends, both ends of the tanh's series, ordinary numbers
        const float ends[] = {709.78F, 709.79F, -745.1F, -745.2F, -745.3F, -708.4F, -720.25F, 0.01F, -0.01F,
                              0.0099F, 88.0F,   -104.0F, 40.0F,   40.5F,   6.0F,    -3.0F,    3.0F,  0.5F};
        std::copy(std::begin(ends), std::end(ends), x.view().data());
        for (std::size_t i = n / 2; i < n; ++i) x.view()[i] = d.normal() * (i % 2 == 0 ? 1.0F : 0.01F);
      }
    }
    constexpr function_rule exact = function_rule::exact;
    for (const activation_params& p : {activation_params{.function = sigmoid, .rule = exact},
                                       {.function = activation_function::tanh, .rule = exact},
                                       {.function = elu, .alpha = 0.7F},
                                       {.function = exponential, .rule = exact},
                                       {.function = exponential, .scale = -0.5F, .shift = 3, .rule = exact},
                                       {.function = exponential, .base = 10, .scale = 0.1F, .rule = exact},
                                       {.function = logarithm, .rule = exact},
                                       {.function = logarithm, .base = 0.3F, .scale = -2, .shift = 1, .rule = exact},
                                       {.function = bnll},
                                       {.function = absolute},
                                       {.function = activation_function::threshold, .threshold = 0.5F},
                                       {.function = activation_function::relu6},
                                       {.function = swish, .alpha = -1.3F},
                                       {.function = hard_swish},
                                       {.function = mish}}) {
      INFO(to_string(p.function));
      check_vectors<P>(
          {n}, [&](auto y) { reference::activation<P>(x.in(), p, y); },
          [&](auto y) { return detail::vector_activation<P>(x.in(), p, y); });
    }
  });
}

TEST_CASE("slopes of prelu are truncated as the compiler stores them") {
  draws d(7);
  const tensor<float> slopes{0.1F, -0.1F, 0.25F, -3.3F, 1e-5F};
  auto x = make_tensor<q20_12>({2, 5, 30});
  for (auto& v : x) v = odd_value<w8a8>(d, false);
  const auto y = prelu<w8a8>(x, slopes);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const mac_stage stage{.slope = slope_steps(static_cast<double>(slopes.data()[i / 30 % 5]))};
    CHECK(y.data()[i].raw() == stage.activated(x.data()[i].raw()));
  }
  // Layer values are slopes already.
  const std::vector<q20_12> as_values = prelu_slopes<w8a8>({slopes.data(), 5});
  CHECK(same_bits(y, prelu<w8a8>(x, as_values)));
  CHECK_THROWS_WITH(prelu<w8a8>(x, nan_tensor({5})), contains("prelu slopes") && contains("NaN"));
}

TEST_CASE("prelu by vectors equals the specification") {
  for_vectors([]<class P>(draws& d, std::size_t n) {
    for (const tensor_shape& shape : {tensor_shape{1, n}, tensor_shape{2, 3, n}, tensor_shape{n, 2}}) {
      for (const std::size_t slopes : {std::size_t{1}, shape[1]}) {
        odd_tensor<P> x(d, shape), slope(d, {slopes}, false);
        check_vectors<P>(
            shape, [&](auto y) { reference::prelu<P>(x.in(), slope.in(), y); },
            [&](auto y) { return detail::vector_prelu<P>(x.in(), slope.in(), y); });
      }
    }
    // Slopes that integers and floats do, their ends, and those next to them that they do not.
    for (const double s : {0.1, -0.1, 0x1p-12, -0x1p-12, 0.0, -0.0, 1.0, -1.0, -1.0 + 0x1p-12, 1.0 + 0x1p-12, -7.5}) {
      odd_tensor<P> x(d, {1, n});
      const std::vector<value_t<P>> slope{P::output::from(s)};
      const tensor_view<const value_t<P>> one(slope, {1});
      check_vectors<P>(
          {1, n}, [&](auto y) { reference::prelu<P>(x.in(), one, y); },
          [&](auto y) { return detail::vector_prelu<P>(x.in(), one, y); });
    }
  });
}

TEST_CASE("prelu has a slope per channel, or one for all") {
  const tensor<float> x{{{-2.0F, 2.0F}, {-4.0F, 4.0F}}};
  const auto y = prelu<float32>(x, tensor<float>{0.5F, 0.25F});
  CHECK(same_bits(y, tensor<float>{{{-1.0F, 2.0F}, {-1.0F, 4.0F}}}));
  CHECK(same_bits(prelu<float32>(x, tensor<float>{0.5F}), tensor<float>{{{-1.0F, 2.0F}, {-2.0F, 4.0F}}}));
  CHECK_THROWS_WITH(prelu<float32>(x, tensor<float>{1.0F, 1.0F, 1.0F}), contains("3") && contains("1x2x2"));
}

}  // namespace activation_test
