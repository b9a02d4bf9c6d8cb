#include <nniesim/ops/reverse.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace reverse_test {

TEST_CASE("a reversed tensor has the last element of each axis first") {
  draws d(1);
  const auto x = d.tensor({3, 2, 4});
  const auto check = [&](const std::vector<std::size_t>& axes, std::array<bool, 3> turned) {
    for_policies([&]<class P>() {
      const auto v = held<P>(x);
      std::vector<double> expected;
      for (std::size_t i = 0; i < 3; ++i) {
        for (std::size_t j = 0; j < 2; ++j) {
          for (std::size_t k = 0; k < 4; ++k) {
            const std::size_t a = turned[0] ? 2 - i : i, b = turned[1] ? 1 - j : j, c = turned[2] ? 3 - k : k;
            expected.push_back(v[(a * 2 + b) * 4 + c]);
          }
        }
      }
      check_values<P>(reverse<P>(x, {axes}), expected);
    });
  };
  check({0}, {true, false, false});
  check({1}, {false, true, false});
  check({2}, {false, false, true});
  check({2, 0}, {true, false, true});
  check({}, {false, false, false});
  CHECK(same_bits(reverse<float32>(x), reverse<float32>(x, {{0}})));
}

TEST_CASE("axes that a tensor does not have are refused") {
  const auto x = zeros({2, 3});
  CHECK_THROWS_WITH(reverse<w8a8>(x, {{2}}), contains("axis 2 of input 2x3, expected each once and under 2"));
  CHECK_THROWS_WITH(reverse<w8a8>(x, {{1, 1}}), contains("axis 1"));
  CHECK_THROWS_WITH(reverse<w8a8>(zeros({2, 0})), contains("no empty axis"));
  CHECK_THROWS_WITH(reverse<float32>(nan_tensor({1, 2})), contains("NaN"));
  CHECK_THROWS_AS(reverse<w8a8>(zeros({})), shape_error);
}

}  // namespace reverse_test
