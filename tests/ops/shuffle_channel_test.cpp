#include <nniesim/ops/shuffle_channel.hpp>

#include "elementwise.hpp"

using namespace nniesim;

namespace shuffle_channel_test {

TEST_CASE("channels of groups are dealt out in turn") {
  draws d(1);
  const auto x = d.tensor({2, 6, 3, 2});
  const auto check = [&](std::size_t groups, const std::vector<std::size_t>& order) {
    for_policies([&]<class P>() {
      const auto v = held<P>(x);
      std::vector<double> expected;
      for (std::size_t i = 0; i < v.size(); ++i) expected.push_back(v[i / 36 * 36 + order[i / 6 % 6] * 6 + i % 6]);
      check_values<P>(shuffle_channel<P>(x, {groups}), expected);
    });
  };
  check(1, {0, 1, 2, 3, 4, 5});
  check(2, {0, 3, 1, 4, 2, 5});
  check(3, {0, 2, 4, 1, 3, 5});
  check(6, {0, 1, 2, 3, 4, 5});
}

TEST_CASE("groups that do not divide the channels are refused") {
  CHECK_THROWS_WITH(shuffle_channel<float32>(zeros({1, 6}), {4}), contains("4 groups of input 1x6"));
  CHECK_THROWS_AS(shuffle_channel<float32>(zeros({1, 6}), {0}), shape_error);
  CHECK_THROWS_AS(shuffle_channel<float32>(zeros({6}), {1}), shape_error);
  CHECK_THROWS_AS(shuffle_channel<float32>(zeros({0, 6}), {2}), shape_error);
  CHECK_THROWS_WITH(shuffle_channel<float32>(nan_tensor({1, 6}), {2}), contains("NaN"));
}

}  // namespace shuffle_channel_test
