#include <nniesim/formats/events.hpp>

#include <limits>
#include <type_traits>
#include <vector>

#include <nniesim/formats/fixed_point.hpp>
#include <nniesim/formats/gfpq.hpp>
#include <nniesim/formats/uniform.hpp>
#include "catch.hpp"

using namespace nniesim;

namespace events_test {

namespace {

static_assert(event_counter<event_counts> && event_counter<no_events> && event_counter<const no_events>);
static_assert(!event_counter<int> && !event_counter<const event_counts>);
static_assert(std::is_empty_v<no_events>);

/// What a counter of the user's own is told while one value is encoded.
template <class F>
std::vector<event> told(float x, const typename F::scale& s) {
  std::vector<event> events;
  (void)F::encode(x, s, [&events](event e) { events.push_back(e); });
  return events;
}

}  // namespace

TEST_CASE("each event is counted in its own place") {
  event_counts c;
  c(event::saturated);
  CHECK(c == event_counts{.saturated = 1});
  c(event::clipped);
  c(event::clipped);
  CHECK(c == event_counts{.saturated = 1, .clipped = 2});
  c(event::flushed);
  CHECK(c == event_counts{.saturated = 1, .clipped = 2, .flushed = 1});
  c(event::nan);
  CHECK(c == event_counts{.saturated = 1, .clipped = 2, .flushed = 1, .nan = 1});
  c(event::infinite);
  CHECK(c == event_counts{.saturated = 1, .clipped = 2, .flushed = 1, .nan = 1, .infinite = 1});
}

TEST_CASE("counts add up member by member") {
  event_counts a{1, 2, 3, 4, 5};
  const event_counts b{10, 20, 30, 40, 50};
  a += b;
  CHECK(a == event_counts{11, 22, 33, 44, 55});
  CHECK_FALSE(a == b);
}

TEST_CASE("any callable can be the counter, and is told at most one event for a value") {
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(told<gfpq8>(1e9F, gfpq8::scale(0)) == std::vector{event::saturated});
  CHECK(told<gfpq8>(-infinity, gfpq8::scale(0)) == std::vector{event::infinite});
  CHECK(told<q20_12>(1e9F, {}) == std::vector{event::saturated});
  CHECK(told<q20_12>(infinity, {}) == std::vector{event::infinite});
  CHECK(told<q20_12>(1e-9F, {}) == std::vector{event::flushed});
  CHECK(told<uniform8>(-infinity, uniform8::scale(1)) == std::vector{event::infinite});
  CHECK(told<uniform8>(0.25F, uniform8::scale(1)) == std::vector{event::flushed});
  CHECK(told<uniform8>(1.0F, uniform8::scale(1)).empty());
}

}  // namespace events_test
