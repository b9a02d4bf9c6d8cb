#include <nniesim/core/machine_memory.hpp>

#include "catch.hpp"

TEST_CASE("the machine's memory is known", "[core]") { CHECK(nniesim::machine_memory() > 64U << 20U); }
