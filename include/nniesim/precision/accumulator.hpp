// How a multiply-accumulate layer sums its products. A policy chooses one; the spec of every kernel is a loop of
// `add`, k ascending (input channel, kernel row, kernel column), starting at zero, then one `total`, to which the
// layer's stage applies bias and multiplier. Operands are in units of their scales (units.hpp), so that a sum is in
// units of the smallest product of two codes.
// Nothing is published about the hardware's accumulator: every choice here is our assumption.
#pragma once

#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <string_view>

#include <nniesim/core/error.hpp>
#include <nniesim/formats/fixed_point.hpp>
#include <nniesim/formats/format.hpp>

NNIESIM_BEGIN_NAMESPACE

/// One chain of fused multiply-adds in float32. The default.
struct fp32_chain {
  using operand = float;                                  ///< what is multiplied
  using sum = float;                                      ///< what sums are kept in
  static constexpr std::string_view name = "fp32_chain";  ///< for messages and files

  /// acc + w * a, rounded as the accumulator rounds.
  [[nodiscard]] static float add(sum acc, float w, float a) noexcept { return std::fma(w, a, acc); }
  /// The finished sum as a floating number, exactly.
  [[nodiscard]] static float total(sum acc) noexcept { return acc; }
  /// A float cannot wrap: nothing to check.
  static void check_capacity(std::size_t, double, std::string_view) noexcept {}
};

/// The same chain in float64. The product of two floats is exact in it.
struct fp64_chain {
  using operand = float;                                  ///< what is multiplied
  using sum = double;                                     ///< what sums are kept in
  static constexpr std::string_view name = "fp64_chain";  ///< for messages and files

  /// acc + w * a, rounded as the accumulator rounds.
  [[nodiscard]] static double add(sum acc, float w, float a) noexcept {
    return std::fma(static_cast<double>(w), static_cast<double>(a), acc);
  }
  /// The finished sum as a floating number, exactly.
  [[nodiscard]] static double total(sum acc) noexcept { return acc; }
  /// A double cannot wrap: nothing to check.
  static void check_capacity(std::size_t, double, std::string_view) noexcept {}
};

/// Exact integer sums of integer codes, for uniform formats.
template <class Sum>
requires(std::same_as<Sum, std::int32_t> || std::same_as<Sum, std::int64_t>) struct exact_integer {
  using operand = std::int32_t;  ///< what is multiplied: codes
  using sum = Sum;               ///< what sums are kept in
  static constexpr std::string_view name =
      sizeof(Sum) == 4 ? "exact_int32" : "exact_int64";  ///< for messages and files

  /// acc + w * a, rounded as the accumulator rounds.
  [[nodiscard]] static constexpr sum add(sum acc, operand w, operand a) noexcept {
    return static_cast<sum>(acc + static_cast<sum>(w) * static_cast<sum>(a));
  }
  /// The finished sum as a floating number, exactly.
  [[nodiscard]] static double total(sum acc) noexcept { return static_cast<double>(acc); }
  /// Throws format_error where `length` products of at most `largest_product` could leave the sum's range.
  static void check_capacity(std::size_t length, double largest_product, std::string_view where) {
    const double bound = static_cast<double>(length) * largest_product;
    detail::require<format_error>(bound < -static_cast<double>(std::numeric_limits<sum>::lowest()), where, ": ", length,
                                  " products of up to ", largest_product, " could reach ", bound, ", but ", name,
                                  " holds ", static_cast<double>(std::numeric_limits<sum>::max()));
  }
};
using exact_int32 = exact_integer<std::int32_t>;  ///< for 8-bit codes
using exact_int64 = exact_integer<std::int64_t>;  ///< for 16-bit codes

/// Rounds each product to fixed point and adds in fixed point, for the study of overflow: of log formats in units, so
/// that fixed_accumulator<I, 0, ...> sums whole units of I bits. With `trap`, a length that could overflow is refused;
/// `wrap` and `saturate` say what every single addition does.
template <int IntBits, int FracBits, rounding Rounding, overflow Overflow>
requires(IntBits + FracBits <= 53) struct fixed_accumulator {
  using operand = float;                                           ///< what is multiplied
  using sum = fixed_point<IntBits, FracBits, Rounding, Overflow>;  ///< what sums are kept in
  static constexpr std::string_view name = sum::name;              ///< for messages and files

  /// acc + w * a, rounded as the accumulator rounds.
  [[nodiscard]] static constexpr sum add(sum acc, float w, float a) {
    const sum product = sum::from(static_cast<double>(w) * static_cast<double>(a));  // the double product is exact
    return fixed_cast<sum>(acc + product);
  }
  /// The finished sum as a floating number, exactly.
  [[nodiscard]] static constexpr double total(sum acc) noexcept { return sum::to_double(acc); }
  /// Throws format_error under `trap` where `length` products of at most `largest_product` could leave the range.
  static void check_capacity(std::size_t length, double largest_product, std::string_view where) {
    if constexpr (Overflow::rule == overflow_rule::trap) {
      // Rounding can add up to a step to each product.
      constexpr double steps = static_cast<double>(std::int64_t{1} << FracBits);
      const double bound = static_cast<double>(length) * (std::ceil(largest_product * steps) / steps);
      detail::require<format_error>(bound <= sum::to_double(sum::max()), where, ": ", length, " products of up to ",
                                    largest_product, " could reach ", bound, ", but the accumulator ", name, " holds ",
                                    sum::to_double(sum::max()));
    }
  }
};

/// The parts of an accumulator, each by its name.
namespace accumulator_has {

/// A::operand, what a code enters the sum as: float or double in units of its scale, or std::int32_t for integer codes;
/// A::sum.
template <class A>
concept operand_and_sum = std::semiregular<typename A::operand> && std::semiregular<typename A::sum>;
/// static constexpr std::string_view name.
template <class A>
concept name = requires {
  { A::name } -> std::convertible_to<std::string_view>;
};
/// static sum add(sum, operand weight, operand activation).
template <class A>
concept add = requires(typename A::sum acc, typename A::operand x) {
  { A::add(acc, x, x) } -> std::same_as<typename A::sum>;
};
/// static float or double total(sum): the finished sum as a number.
template <class A>
concept total = requires(typename A::sum acc) {
  { A::total(acc) } -> std::floating_point;
};
/// static void check_capacity(std::size_t length, double largest_product, std::string_view where): throws format_error
/// where a chain as long could overflow.
template <class A>
concept check_capacity = requires(double largest_product) {
  A::check_capacity(std::size_t{}, largest_product, std::string_view{});
};

}  // namespace accumulator_has

/// Sums products of two operands of a layer; see the types above.
template <class A>
concept accumulator = accumulator_has::operand_and_sum<A> && accumulator_has::name<A> && accumulator_has::add<A> &&
    accumulator_has::total<A> && accumulator_has::check_capacity<A>;

NNIESIM_END_NAMESPACE
