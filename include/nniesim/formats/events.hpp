// What can happen to a value while it is encoded, and who counts it. Encoders take a counter last; without one,
// the default no_events makes the counting vanish.
#pragma once

#include <cstdint>
#include <string_view>

#include <nniesim/core/config.hpp>

NNIESIM_BEGIN_NAMESPACE

/// What can happen to one value while it is encoded.
enum class event {
  saturated,  ///< out of range even when rounded (gfpq: by a step or more), whatever the format put in its place
  clipped,    ///< gfpq only: above the largest magnitude by less than a step, the price of a scale rounded down
  flushed,    ///< not zero, but encoded as zero
  nan,        ///< NaN, encoded as zero
  infinite,   ///< plus or minus infinity
};

/// Counts every event.
struct event_counts {
  std::uint64_t saturated = 0;
  std::uint64_t clipped = 0;
  std::uint64_t flushed = 0;
  std::uint64_t nan = 0;
  std::uint64_t infinite = 0;

  constexpr void operator()(event e) noexcept {
    switch (e) {
      case event::saturated: ++saturated; break;
      case event::clipped: ++clipped; break;
      case event::flushed: ++flushed; break;
      case event::nan: ++nan; break;
      case event::infinite: ++infinite; break;
    }
  }
  constexpr event_counts& operator+=(const event_counts& other) noexcept {
    saturated += other.saturated;
    clipped += other.clipped;
    flushed += other.flushed;
    nan += other.nan;
    infinite += other.infinite;
    return *this;
  }
  friend constexpr bool operator==(const event_counts&, const event_counts&) = default;
};

/// Counts nothing, at no cost.
struct no_events {
  constexpr void operator()(event) const noexcept {}
};

/// Something that can be told of events.
template <class C>
concept event_counter = requires(C& counter, event e) {
  counter(e);
};

NNIESIM_END_NAMESPACE
