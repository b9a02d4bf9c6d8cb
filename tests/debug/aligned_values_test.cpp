#include <nniesim/debug/aligned_values.hpp>

#include <utility>
#include <vector>

#include "catch.hpp"

using namespace nniesim;

namespace aligned_values_test {

using floats = std::vector<float>;

TEST_CASE("values are brought into the reference's order", "[debug]") {
  const auto aligned = [](match_relation r, floats y, tensor_shape shape, floats x) {
    return detail::align(r, std::move(y), shape, std::move(x));
  };
  const floats y = {1, 2, 3, 4, 5, 6};  // two channels of one row of three
  CHECK(aligned(match_relation::channels_last, y, {1, 2, 1, 3}, {1, 4, 2, 5, 3, 6}).other == y);
  CHECK(aligned(match_relation::transposed, y, {2, 3}, {1, 4, 2, 5, 3, 6}).other == y);
  CHECK(aligned(match_relation::rows_padded, y, {1, 2, 1, 3}, {1, 2, 3, 0, 4, 5, 6, 0}).other == y);
  CHECK(aligned(match_relation::relu_behind, {0, 2}, {1, 2}, {-1, 2}).other == floats{0, 2});
  CHECK(aligned(match_relation::fused_relu, {-1, 2}, {1, 2}, {0, 2}).reference == floats{0, 2});
  CHECK(aligned(match_relation::same, y, {1, 2, 1, 3}, {1, 2}).other.empty());
  CHECK(aligned(match_relation::affine, y, {1, 2, 1, 3}, y).other.empty());
}

TEST_CASE("an error is split by channels", "[debug]") {
  const floats r = {1, 2, 3, 4, 5, 6}, x = {1, 2, 3, 4, 5, 9};
  const detail::split_errors s = detail::split(r, x, {1, 2, 1, 3});
  CHECK(s.channels == 2);
  CHECK(s.most_channels == 1);
  REQUIRE_FALSE(s.worst_channels.empty());
  CHECK(s.worst_channels[0].channel == 1);
  CHECK(detail::is_zero(floats{0, 0}));
  CHECK_FALSE(detail::is_zero(x));
}

}  // namespace aligned_values_test
