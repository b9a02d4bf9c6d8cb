#include <nniesim/ops/continuation_indicator.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace continuation_indicator_test {

TEST_CASE("sequences begin in the first step and go on") {
  for_policies([]<class P>() { check_values<P>(continuation_indicator<P>({3, 2}), {0, 0, 1, 1, 1, 1}); });
  CHECK(shape_of(continuation_indicator<float32>({3, 2})) == tensor_shape{3, 2});
  for_policies([]<class P>() { check_values<P>(continuation_indicator<P>({1, 1}), {0}); });
}

TEST_CASE("indicators of nothing, or into tensors of other shapes, are refused") {
  CHECK_THROWS_WITH(continuation_indicator<w8a8>({0, 2}), contains("0 steps of 2 sequences"));
  CHECK_THROWS_WITH(continuation_indicator<w8a8>({2, 0}), contains("2 steps of 0 sequences"));
  auto y = zeros({2, 3});
  CHECK_THROWS_WITH(continuation_indicator_into<float32>({3, 2}, view_of(y)), contains("2x3, expected 3x2"));
}

}  // namespace continuation_indicator_test
