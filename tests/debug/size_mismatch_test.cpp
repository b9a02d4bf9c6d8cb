#include <nniesim/debug/size_mismatch.hpp>

#include <vector>

#include "catch.hpp"

using namespace nniesim;

namespace size_mismatch_test {

named_values layer(tensor_shape shape, std::vector<float> v) {
  return {"pool", shape, [v] { return v; }};
}

TEST_CASE("maps of other sizes are compared in the part that both have", "[debug]") {
  const named_values small = layer({1, 1, 2, 2}, {1, 2, 4, 5});
  const auto m = detail::find_size_mismatch(small, layer({1, 1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9}));
  REQUIRE(m);
  CHECK(m->has_shapes);
  CHECK(m->in_reference[2] == 2);
  CHECK(m->in_other[3] == 3);
  REQUIRE(m->common);
  CHECK(*m->common == Approx(1));
  CHECK_FALSE(detail::find_size_mismatch(small, small));
  // Other numbers of channels have no common part.
  const auto other = detail::find_size_mismatch(small, layer({1, 2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}));
  REQUIRE(other);
  CHECK_FALSE(other->common);
  const auto flat = detail::find_size_mismatch(small, layer({}, {1, 2, 3}));
  REQUIRE(flat);
  CHECK_FALSE(flat->has_shapes);
  CHECK(flat->values_in_other == 3);
}

}  // namespace size_mismatch_test
