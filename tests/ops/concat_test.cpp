#include <nniesim/ops/concat.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace concat_test {

TEST_CASE("tensors stand one behind the other along any axis") {
  draws d(1);
  for (const std::size_t axis : {std::size_t{0}, std::size_t{1}, std::size_t{2}}) {
    std::vector<std::size_t> e = {2, 3, 4};
    const auto a = d.tensor(tensor_shape(e));
    e[axis] = 5;
    const auto b = d.tensor(tensor_shape(e));
    const auto y = concat<float32>({.axis = axis}, a, b, a);
    const std::size_t n = a.shape()[axis];
    for (std::size_t i = 0; i < y.shape()[0]; ++i) {
      for (std::size_t j = 0; j < y.shape()[1]; ++j) {
        for (std::size_t k = 0; k < y.shape()[2]; ++k) {
          std::size_t at[3] = {i, j, k};
          const bool in_b = at[axis] >= n && at[axis] < n + 5;
          if (at[axis] >= n + 5) at[axis] -= n + 5;
          else if (in_b) at[axis] -= n;
          CHECK(y(i, j, k) == (in_b ? b(at[0], at[1], at[2]) : a(at[0], at[1], at[2])));
        }
      }
    }
  }
  CHECK(concat<w8a8>({.axis = 0}, tensor<float>{0.3F})(0) == q20_12::from(0.3F));
}

TEST_CASE("tensors that differ elsewhere are refused with both shapes") {
  const auto a = zeros({2, 3});
  CHECK_THROWS_WITH(concat<w8a8>({.axis = 0}, a, zeros({2, 4})), contains("2x3") && contains("2x4"));
  CHECK_THROWS_AS(concat<w8a8>({.axis = 2}, a, a), shape_error);
  auto y = zeros({2, 3});
  CHECK_THROWS_WITH(concat_into<float>({}, {}, view_of(y)), contains("no inputs"));
}

}  // namespace concat_test
