// The rounding and overflow rules of fixed-point formats: a tag type each, used as template arguments, and an enum
// beside them for files and logs. Conversion takes two named steps: round, then overflow.
#pragma once

#include <concepts>
#include <string_view>

#include <nniesim/core/error.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Names of the rounding rules, for files and logs.
enum class rounding_rule { floor, toward_zero, nearest_even, nearest_away };
/// Names of the overflow rules, for files and logs.
enum class overflow_rule { saturate, wrap, trap };

/// The enumerator's name.
[[nodiscard]] constexpr std::string_view to_string(rounding_rule rule) noexcept {
  switch (rule) {
    case rounding_rule::floor: return "floor";
    case rounding_rule::toward_zero: return "toward_zero";
    case rounding_rule::nearest_even: return "nearest_even";
    case rounding_rule::nearest_away: return "nearest_away";
  }
  return "?";
}

/// The enumerator's name.
[[nodiscard]] constexpr std::string_view to_string(overflow_rule rule) noexcept {
  switch (rule) {
    case overflow_rule::saturate: return "saturate";
    case overflow_rule::wrap: return "wrap";
    case overflow_rule::trap: return "trap";
  }
  return "?";
}

/// Toward minus infinity: what an arithmetic right shift does.
struct floor_rounding {
  static constexpr rounding_rule rule = rounding_rule::floor;  ///< as an enumerator
};
/// Toward zero: what a C conversion to an integer does.
struct toward_zero {
  static constexpr rounding_rule rule = rounding_rule::toward_zero;  ///< as an enumerator
};
/// To nearest, ties to the even neighbour.
struct nearest_even {
  static constexpr rounding_rule rule = rounding_rule::nearest_even;  ///< as an enumerator
};
/// To nearest, ties away from zero.
struct nearest_away {
  static constexpr rounding_rule rule = rounding_rule::nearest_away;  ///< as an enumerator
};

/// Out-of-range values become the nearest end of the range; NaN becomes 0.
struct saturate {
  static constexpr overflow_rule rule = overflow_rule::saturate;  ///< as an enumerator
};
/// Out-of-range values are taken modulo 2^bits, as two's complement registers do; NaN and infinities become 0.
struct wrap {
  static constexpr overflow_rule rule = overflow_rule::wrap;  ///< as an enumerator
};
/// Out-of-range values, NaN and infinities throw format_error.
struct trap {
  static constexpr overflow_rule rule = overflow_rule::trap;  ///< as an enumerator
};

template <class R>
concept rounding = std::same_as<const rounding_rule, decltype(R::rule)>;
template <class O>
concept overflow = std::same_as<const overflow_rule, decltype(O::rule)>;

NNIESIM_END_NAMESPACE
