#include <nniesim/ops/input.hpp>

#include <limits>
#include <string>
#include <vector>
#include <xtensor/xview.hpp>

#include <nniesim/tensor/eigen.hpp>
#include "elementwise.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace input_test {

namespace {

constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();

template <class P, class E>
std::vector<value_t<P>> input_of(const E& e) {
  const detail::op_input<P, E> in(e, "test");
  return {in.view().span().begin(), in.view().span().end()};
}

}  // namespace

TEST_CASE("inputs are taken as the layer before would have written them") {
  const tensor<float> x = {0.3F, -0.3F};
  const detail::op_input<w8a8, tensor<float>> in(x, "test");
  CHECK(in.view()[0] == q20_12::from(0.3F));
  CHECK(in.view()[1] == q20_12::from(-0.3F));
  const tensor<q20_12> held_x = {q20_12::from(0.3F)};
  const detail::op_input<w8a8, tensor<q20_12>> same(held_x, "test");
  CHECK(same.view().data() == held_x.data());
  const detail::op_input<float32, tensor<q20_12>> back(held_x, "test");
  CHECK(static_cast<double>(back.view()[0]) == q20_12::to_double(held_x(0)));
  const tensor<int> integers = {3, -4};
  const detail::op_input<w8a8, tensor<int>> from_int(integers, "test");
  CHECK(from_int.view()[1].raw() == -4 * 4096);
}

TEST_CASE("NaN is refused under every policy, with its place") {
  tensor<double> x = {{1.0, 2.0}, {3.0, std::numeric_limits<double>::quiet_NaN()}};
  using nan_input = detail::op_input<float32, tensor<double>>;
  CHECK_THROWS_WITH(nan_input(x, "somewhere"), contains("somewhere: NaN at (1, 1) of shape 2x2"));
}

TEST_CASE("what has the policy's value type already is viewed in place") {
  draws d(1);
  const auto t = d.tensor({2, 3});
  const detail::op_input<float32, tensor<float>> in(t, "test");
  CHECK(in.view().data() == t.data());
  CHECK(in.shape() == tensor_shape{2, 3});
}

TEST_CASE("floats are written in the policy's output format: by its rounding, within its range") {
  const tensor<float> t{1.0F, -1.0F, 0.00012F, -0.00012F, 1e9F, -1e9F};
  const std::vector<q20_12> expected = {q20_12::from(1.0),    q20_12::from(-1.0), q20_12::from_raw(0),
                                        q20_12::from_raw(-1), q20_12::max(),      q20_12::lowest()};
  CHECK(input_of<w8a8>(t) == expected);
  CHECK(input_of<uniform_w16a16>(t) == expected);
  using other = precision<gfpq8, gfpq8, fp32_chain, fixed_point<20, 12, nearest_away, saturate>>;
  CHECK(input_of<other>(t)[3].raw() == 0);
}

TEST_CASE("a double is rounded once on its way into fixed point, and to nearest on its way to float") {
  using nearest = precision<gfpq8, gfpq8, fp32_chain, fixed_point<20, 12, nearest_even, saturate>>;
  const tensor<double> t{(0.5 + 0x1p-40) / 4096};
  CHECK(input_of<nearest>(t)[0].raw() == 1);
  CHECK(input_of<float32>(tensor<double>{0.1})[0] == 0.1F);
}

TEST_CASE("Eigen matrices, xtensor views and lazy expressions are taken in row-major order") {
  Eigen::MatrixXf m(2, 2);
  m << 1, 2, 3, 4;
  CHECK(input_of<float32>(m) == std::vector<float>{1, 2, 3, 4});
  const tensor<float> t{{1, 2}, {3, 4}};
  CHECK(input_of<float32>(xt::view(t, 1)) == std::vector<float>{3, 4});
  CHECK(input_of<float32>(xt::view(t, xt::all(), 1)) == std::vector<float>{2, 4});
  CHECK(input_of<w8a8>(t * 2.0F)[3] == q20_12::from(8.0));
  CHECK(input_of<float32>(view_of(t)) == std::vector<float>{1, 2, 3, 4});
}

TEST_CASE("the first NaN of several is the one that is reported, in floats and Eigen matrices too") {
  tensor<float> t = make_tensor<float>({2, 3, 4});
  t.fill(1);
  t(1, 2, 0) = nan_value;
  t(1, 2, 3) = nan_value;
  CHECK_THROWS_AS((detail::op_input<float32, tensor<float>>(t, "conv2d")), format_error);
  CHECK_THROWS_WITH((detail::op_input<w8a8, tensor<float>>(t, "conv2d 'conv1'")),
                    contains("conv2d 'conv1': NaN at (1, 2, 0) of shape 2x3x4"));
  CHECK_THROWS_AS(input_of<float32>(Eigen::MatrixXf::Constant(1, 1, nan_value).eval()), format_error);
}

TEST_CASE("infinities are numbers: kept in float, saturated in fixed point") {
  const float infinity = std::numeric_limits<float>::infinity();
  const tensor<float> t{infinity, -infinity};
  CHECK(input_of<float32>(t) == std::vector<float>{infinity, -infinity});
  CHECK(input_of<w8a8>(t) == std::vector<q20_12>{q20_12::max(), q20_12::lowest()});
}

TEST_CASE("empty tensors pass here: what an operator does with them is its own to say") {
  CHECK(input_of<w8a8>(make_tensor<float>({0, 3})).empty());
}

TEST_CASE("vectors convert and refuse as the loop does, wherever the NaN stands") {
  draws d(3);
  for_each_isa([&](isa) {
    for (const std::size_t n : {1U, 7U, 8U, 63U, 64U, 65U, 4095U, 4096U, 4097U, 10000U}) {
      auto x = make_tensor<float>({n});
      for (auto& v : x) v = odd_value<float32>(d, false);
      const auto values = input_of<w8a8>(x);
      bool same = values.size() == n;
      for (std::size_t i = 0; i < n; ++i) same = same && values[i] == q20_12::from(x(i));
      CHECK(same);
      const std::size_t at = d.between(0, n - 1);
      x(at) = nan_value;
      x(n - 1) = nan_value;
      CHECK_THROWS_WITH(input_of<w8a8>(x), contains("(" + std::to_string(at) + ")"));
      CHECK_THROWS_WITH(input_of<float32>(x), contains("(" + std::to_string(at) + ")"));
    }
  });
}

}  // namespace input_test
