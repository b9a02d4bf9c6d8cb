#include <nniesim/ops/l2_normalize.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace l2_normalize_test {

TEST_CASE("a sample is divided by its norm, over everything or per position") {
  draws d(1);
  const auto x = d.tensor({2, 3, 4});
  for_policies([&]<class P>() {
    const auto v = held<P>(x);
    const auto across = l2_normalize<P>(x);
    const auto per_position = l2_normalize<P>(x, {.across_positions = false});
    for (std::size_t i = 0; i < v.size(); ++i) {
      double all = 1e-10, here = 1e-10;
      for (std::size_t k = 0; k < 12; ++k) all += v[i / 12 * 12 + k] * v[i / 12 * 12 + k];
      for (std::size_t c = 0; c < 3; ++c) here += v[i / 12 * 12 + c * 4 + i % 4] * v[i / 12 * 12 + c * 4 + i % 4];
      const auto near = [&](double got, double truth) {
        const double step = static_cast<double>(P::output::step(static_cast<float>(truth), {}));
        CHECK(std::fabs(got - truth) <= step);
      };
      near(P::output::to_double(across.data()[i]), v[i] / std::sqrt(all));
      near(P::output::to_double(per_position.data()[i]), v[i] / std::sqrt(here));
    }
  });
}

TEST_CASE("zeros stay zeros, wrong parameters are refused") {
  const auto x = zeros({1, 4});
  CHECK(l2_normalize<float32>(x, {.epsilon = 0})(0, 2) == 0.0F);
  CHECK_THROWS_AS(l2_normalize<w8a8>(tensor<float>{1.0F}), shape_error);
  CHECK_THROWS_AS(l2_normalize<w8a8>(x, {.epsilon = -1}), format_error);
}

TEST_CASE("norms by vectors equal the specification, in place too") {
  for_vectors([]<class P>(draws& d, std::size_t n) {
    for (const tensor_shape& shape : {tensor_shape{n, 5}, tensor_shape{3, n}, tensor_shape{2, 3, n}}) {
      odd_tensor<P> x(d, shape, d.between(0, 1) == 0);
      if (d.between(0, 1) == 0) std::fill_n(x.view().data(), shape.size() / 2, P::output::from(-0.0));
      for (const bool across : {true, false}) {
        for (const float epsilon : {0.0F, 1e-10F}) {
          const l2_normalize_params p{across, epsilon};
          check_vectors<P>(
              shape, [&](auto y) { reference::l2_normalize<P>(x.in(), p, y); },
              [&](auto y) { return detail::vector_l2_normalize<P>(x.in(), p, y); });
          check_vectors<P>(
              shape, [&](auto y) { reference::l2_normalize<P>(x.in(), p, y); },
              [&](auto y) {
                std::copy_n(x.in().data(), y.size(), y.data());
                return detail::vector_l2_normalize<P>(y, p, y);
              });
        }
      }
    }
  });
}

}  // namespace l2_normalize_test
