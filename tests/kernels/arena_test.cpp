#include <nniesim/kernels/arena.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "catch.hpp"

using namespace nniesim;

namespace arena_test {

namespace {

struct block {
  alignas(64) std::byte bytes[512];
};

}  // namespace

TEST_CASE("pieces of an arena are aligned, apart, and within its memory") {
  for (std::size_t offset = 0; offset < 64; ++offset) {
    block memory;
    const std::span<std::byte> whole = std::span(memory.bytes).subspan(offset);
    kernels::arena a(whole);
    const auto* first = a.take<double>(3, "test");
    const auto* second = a.take<std::uint8_t>(65, "test");
    const auto* third = a.take<std::int32_t>(0, "test");
    CAPTURE(offset);
    for (const void* p :
         {static_cast<const void*>(first), static_cast<const void*>(second), static_cast<const void*>(third)}) {
      CHECK(reinterpret_cast<std::uintptr_t>(p) % kernels::arena::alignment == 0);
    }
    const auto place = [&](const void* p) { return static_cast<const std::byte*>(p) - memory.bytes; };
    CHECK(place(first) == (offset == 0 ? 0 : 64));
    CHECK(place(second) == place(first) + 64);
    CHECK(place(third) == place(second) + 128);
    CHECK(a.rest().data() == memory.bytes + place(third));
    CHECK(a.rest().data() + a.rest().size() == memory.bytes + sizeof memory.bytes);
  }
}

TEST_CASE("as many bytes as rounded() gives hold the pieces, and not one more") {
  block memory;
  const std::span<std::byte> whole(memory.bytes, kernels::arena::rounded(10) + kernels::arena::rounded(64) + 7);
  CHECK(whole.size() == 64 + 64 + 7);
  kernels::arena a(whole);
  (void)a.take<char>(10, "test");
  (void)a.take<char>(64, "test");
  (void)a.take<char>(7, "test");
  CHECK(a.rest().empty());
  kernels::arena b(whole);
  (void)b.take<char>(10, "test");
  (void)b.take<char>(64, "test");
  CHECK_THROWS_WITH(b.take<char>(8, "conv2d"),
                    "conv2d: workspace of 7 bytes left, needs 8 values of 1 bytes more; ask workspace_bytes()");
  CHECK(b.rest().size() == 7);  // a refusal takes nothing
  CHECK_THROWS_AS(b.take<char>(std::numeric_limits<std::size_t>::max(), "test"), shape_error);
  CHECK(kernels::arena::rounded(0) == 0);
  CHECK(kernels::arena::rounded(65) == 128);
  CHECK_THROWS_AS(kernels::arena({}).take<float>(1, "test"), shape_error);
}

TEST_CASE("a count whose bytes wrap is refused") {
  block memory;
  kernels::arena a(memory.bytes);
  CHECK_THROWS_WITH(a.take<double>((std::size_t{1} << 61U) + 1, "test"),
                    contains("needs 2305843009213693953 values of 8 bytes"));
}

}  // namespace arena_test
