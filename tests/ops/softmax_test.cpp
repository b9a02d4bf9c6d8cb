#include <nniesim/ops/softmax.hpp>

#include <array>
#include <cmath>
#include <numeric>

#include "elementwise.hpp"

using namespace nniesim;

namespace softmax_test {

TEST_CASE("softmax is exp over the sum of exp along its axis") {
  draws d(1);
  const auto x = d.tensor({2, 5, 3}, 3);
  for_policies([&]<class P>() {
    const auto v = held<P>(x);
    for (const std::size_t axis : {std::size_t{0}, std::size_t{1}, std::size_t{2}}) {
      const auto y = softmax<P>(x, {.axis = axis, .rule = function_rule::exact});
      const std::size_t stride[3] = {15, 3, 1};
      const std::size_t extent[3] = {2, 5, 3};
      for (std::size_t i = 0; i < v.size(); ++i) {
        const std::size_t first = i - i / stride[axis] % extent[axis] * stride[axis];
        long double sum = 0;
        for (std::size_t k = 0; k < extent[axis]; ++k)
          sum += std::exp(static_cast<long double>(v[first + k * stride[axis]]));
        const auto truth = static_cast<double>(std::exp(static_cast<long double>(v[i])) / sum);
        const double step = static_cast<double>(P::output::step(static_cast<float>(truth), {}));
        CHECK(std::fabs(P::output::to_double(y.data()[i]) - truth) <= step);
      }
    }
  });
}

TEST_CASE("softmax of large values does not overflow") {
  const auto y = softmax<float32>(tensor<float>{{1e30F, 1e30F, -1e30F}});
  CHECK(y(0, 0) == 0.5F);
  CHECK(y(0, 2) == 0.0F);
  CHECK_THROWS_WITH(softmax<w8a8>(tensor<float>{1.0F}), contains("axis 1"));
  CHECK_THROWS_AS(softmax<w8a8>(zeros({1, 0})), shape_error);
}

TEST_CASE("the hardware's softmax is near the exact one") {
  draws d(3);
  for (const std::size_t n : {1U, 2U, 5U, 21U, 100U}) {
    const auto x = d.tensor({200, n}, 3);
    const auto a = softmax<w8a8>(x), b = softmax<w8a8>(x, {.rule = function_rule::exact});
    double most = 0, furthest_sum = 0;
    for (std::size_t o = 0; o < 200; ++o) {
      double sum = 0;
      for (std::size_t k = 0; k < n; ++k) {
        sum += static_cast<double>(a(o, k));
        most = std::max(most, std::fabs(a(o, k) - b(o, k)) * 4096);
      }
      furthest_sum = std::max(furthest_sum, std::fabs(1 - sum) * 4096);
    }
    INFO(n);
    CHECK(most <= 3);                                     // the reciprocal's cut and both outputs'
    CHECK(furthest_sum <= 2.5 * static_cast<double>(n));  // of each output its own, of a sum up to n the reciprocal's
  }
}

TEST_CASE("ten outputs of a board lie where the hardware's softmax puts them, not where exact quotients do") {
  // Inputs that belong to these outputs: each a number that is cut to it, the largest at 0, to the
  // nearest step. What is asked is the sum.
  constexpr std::array<int, 10> board = {408, 412, 401, 401, 398, 412, 398, 405, 449, 401};
  const int seen = std::accumulate(board.begin(), board.end(), 0);
  REQUIRE(seen == 4085);
#ifdef NNIESIM_EMULATED
  constexpr std::size_t rounds = 2000;
#else
  constexpr std::size_t rounds = 40000;
#endif
  draws d(4);
  auto x = make_tensor<q20_12>({rounds, 10});
  for (std::size_t o = 0; o < rounds; ++o) {
    double p[10];
    for (std::size_t k = 0; k < 10; ++k) p[k] = board[k] + 0.5 + 0.5 * static_cast<double>(d.symmetric());
    for (std::size_t k = 0; k < 10; ++k) x(o, k) = q20_12::from(std::min(0.0, std::log(p[k] / p[8])) + 0.5 / 4096);
  }
  struct distribution {
    double mean = 0, deviation = 0, at_most_seen = 0;
  };
  const auto sums = [&](function_rule rule) {
    const auto y = softmax<w8a8>(x, {.rule = rule});
    distribution s;
    double squares = 0;
    for (std::size_t o = 0; o < rounds; ++o) {
      int sum = 0;
      for (std::size_t k = 0; k < 10; ++k) sum += y(o, k).raw();
      s.mean += sum;
      squares += static_cast<double>(sum) * sum;
      s.at_most_seen += sum <= seen ? 1 : 0;
    }
    s.mean /= rounds;
    s.deviation = std::sqrt(squares / rounds - s.mean * s.mean);
    s.at_most_seen /= rounds;
    return s;
  };
  const distribution hardware = sums(function_rule::hardware), exact = sums(function_rule::exact);
  CHECK(hardware.mean == approx(4087.2).epsilon(1e-4));
  CHECK(hardware.deviation == approx(2.8).epsilon(0.06));
  CHECK(hardware.at_most_seen == approx(0.32).epsilon(0.1));
  CHECK(exact.mean == approx(4091.1).epsilon(1e-4));
  CHECK(exact.deviation == approx(0.92).epsilon(0.06));
  CHECK(exact.at_most_seen == 0);
}

TEST_CASE("the hardware's softmax by vectors equals the specification") {
  draws d(5);
  for_each_isa([&](isa i) {
    for (const std::size_t n : {1U, 2U, 3U, 15U, 32U, 33U, 63U, 64U, 65U, 200U, 1001U}) {
      for (const std::size_t inner : {1U, 2U, 9U, 64U, 67U, 130U}) {
        if (n * inner > 20000) continue;
        const tensor_shape shape{n < 20 ? 70U : 2U, n, inner};
        odd_tensor<w8a8> x(d, shape);
        if (n % 2 == 0) {  // numbers of one size
          for (auto& v : x.view().span()) v = q20_12::from(d.normal() * 4);
        }
        INFO(to_string(i) << ", shape " << shape);
        auto y = make_tensor<q20_12>(shape), z = make_tensor<q20_12>(shape);
        reference::softmax<w8a8>(x.in(), {}, view_of(y));
        CHECK(detail::vector_softmax<w8a8>(x.in(), {}, view_of(z)) == (i != isa::scalar));
        if (i != isa::scalar) CHECK(same_bits(y, z));
        std::copy_n(x.in().data(), x.in().size(), z.begin());
        softmax_into<w8a8>(view_of(std::as_const(z)), {}, view_of(z));  // in place
        CHECK(same_bits(y, z));
      }
    }
  });
}

TEST_CASE("the exact softmax by vectors equals the specification") {
  draws d(8);
  for_each_isa([&](isa) {
    for (const std::size_t n : {1U, 2U, 31U, 32U, 33U, 1024U, 1025U, 2500U}) {
      for (const std::size_t inner : {1U, 2U, 3U, 64U, 67U}) {
        if (n * inner > 20000) continue;
        const auto check = [&]<class P>() {
          const tensor_shape shape{n < 20 ? 70U : 2U, n, inner};
          odd_tensor<P> x(d, shape);
          if (inner != 2) {  // numbers of one size
            for (auto& v : x.view().span()) v = P::output::from(d.normal() * 4);
          }
          const softmax_params p{.rule = function_rule::exact};
          check_vectors<P>(
              shape, [&](auto y) { reference::softmax<P>(x.in(), p, y); },
              [&](auto y) { return detail::vector_softmax<P>(x.in(), p, y); });
        };
        check.template operator()<float32>();
        check.template operator()<w8a8>();
      }
    }
  });
}

TEST_CASE("sums of the hardware's softmax that pass 32 bits are right too") {
  for_each_isa([&](isa) {
    for (const tensor_shape& shape : {tensor_shape{1, 8191, 2}, tensor_shape{1, 8192, 2}, tensor_shape{1, 600000}}) {
      auto x = make_tensor<q20_12>(shape);
      x.fill(q20_12::from(3.0));
      auto y = make_tensor<q20_12>(shape);
      reference::softmax<w8a8>(view_of(std::as_const(x)), {}, view_of(y));
      CHECK(same_bits(softmax<w8a8>(x), y));
    }
  });
}

TEST_CASE("softmax equals the specification where its exponentials are kept and where they are not") {
  draws d(2);
  for (const std::size_t n : {1U, 255U, 256U, 257U, 1000U, 1023U, 1024U, 1025U, 3000U}) {
    for (const std::size_t inner : {1U, 3U}) {
      for_policies([&]<class P>() {
        const tensor_shape shape{2, n, inner};
        auto x = make_tensor<value_t<P>>(shape);
        for (auto& v : x) v = P::output::from(d.normal() * 3);
        auto expected = x;
        const softmax_params p{.rule = function_rule::exact};
        reference::softmax<P>(view_of(std::as_const(x)), p, view_of(expected));
        CHECK(same_bits(softmax<P>(x, p), expected));
        softmax_into<P>(view_of(std::as_const(x)), p, view_of(x));  // in place
        CHECK(same_bits(x, expected));
      });
    }
  }
}

}  // namespace softmax_test
