#include <nniesim/debug/limits.hpp>

#include <nniesim/debug/diagnosis.hpp>

#include "catch.hpp"

using namespace nniesim;

TEST_CASE("the limits that a user can set start from those of the diagnosis, in their order", "[debug]") {
  const diagnose_options o;
  CHECK(o.data_cosine == detail::limit::data_cosine);
  CHECK(o.norm_error == detail::limit::norm_error);
  CHECK(o.data_cosine > o.layer_cosine);
  CHECK(o.layer_cosine > o.last_cosine);
  CHECK(o.last_cosine > o.dip_cosine);
  CHECK(detail::limit::suspect_factor > detail::limit::as_good_as_simulated);
}
