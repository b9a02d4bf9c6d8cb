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

/// Counts every event, each by itself.
struct event_counts {
  std::uint64_t saturated = 0;  ///< event::saturated
  std::uint64_t clipped = 0;    ///< event::clipped
  std::uint64_t flushed = 0;    ///< event::flushed
  std::uint64_t nan = 0;        ///< event::nan
  std::uint64_t infinite = 0;   ///< event::infinite

  /// Counts one event.
  constexpr void operator()(event e) noexcept {
    switch (e) {
      case event::saturated: ++saturated; break;
      case event::clipped: ++clipped; break;
      case event::flushed: ++flushed; break;
      case event::nan: ++nan; break;
      case event::infinite: ++infinite; break;
    }
  }
  /// Adds another count, as of another thread.
  constexpr event_counts& operator+=(const event_counts& other) noexcept {
    saturated += other.saturated;
    clipped += other.clipped;
    flushed += other.flushed;
    nan += other.nan;
    infinite += other.infinite;
    return *this;
  }
  /// Equal in every count.
  friend constexpr bool operator==(const event_counts&, const event_counts&) = default;
};

/// Counts nothing, at no cost.
struct no_events {
  /// Does nothing.
  constexpr void operator()(event) const noexcept {}
};

/// Something that can be called with an event.
template <class C>
concept event_counter = requires(C& counter, event e) {
  counter(e);
};

NNIESIM_END_NAMESPACE
