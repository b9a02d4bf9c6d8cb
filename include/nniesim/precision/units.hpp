// What a code enters a sum as: in units of its scale, where the format has them, so that neither sums nor tables depend
// on scales; a unit's worth is multiplied into the finished sum.
#pragma once

#include <concepts>

#include <nniesim/formats/gfpq.hpp>

NNIESIM_BEGIN_NAMESPACE

/// A format that gives its values in units: static float in_units(code) and static double unit(scale), a value being
/// their product.
template <class F>
concept coded_in_units = quantized_format<F> && requires(typename F::code c, const typename F::scale& s) {
  { F::in_units(c) } -> std::same_as<float>;
  { F::unit(s) } -> std::same_as<double>;
};

/// The operand of a code: an integer is the code itself; a float is in units, or of other formats the value.
template <class Operand, quantized_format F>
[[nodiscard]] inline Operand operand_of(typename F::code c, const typename F::scale& s) noexcept {
  if constexpr (!std::floating_point<Operand>) return static_cast<Operand>(c);
  else if constexpr (coded_in_units<F>) return static_cast<Operand>(F::in_units(c));
  else return static_cast<Operand>(F::decode(c, s));
}

/// What an operand of 1 is worth.
template <class Operand, quantized_format F>
[[nodiscard]] inline double unit_of(const typename F::scale& s) noexcept {
  if constexpr (!std::floating_point<Operand>) return static_cast<double>(s.step);
  else if constexpr (coded_in_units<F>) return F::unit(s);
  else return 1.0;
}

/// The largest magnitude of an operand.
template <class Operand, quantized_format F>
[[nodiscard]] inline double largest_operand(const typename F::scale& s) noexcept {
  if constexpr (!std::floating_point<Operand>) return static_cast<double>(F::max_code);
  else if constexpr (is_log_format<F>) return static_cast<double>(F::largest(typename F::scale(0)));
  else if constexpr (coded_in_units<F>) return static_cast<double>(F::in_units(F::encode(F::largest(s), s)));
  else return static_cast<double>(F::largest(s));
}

NNIESIM_END_NAMESPACE
