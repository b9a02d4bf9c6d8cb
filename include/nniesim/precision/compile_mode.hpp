// The vendor compiler's compile_mode: which layers run in 8 and which in 16 bits.
#pragma once

#include <string_view>
#include <utility>

#include <nniesim/core/error.hpp>
#include <nniesim/core/excerpt.hpp>
#include <nniesim/precision/policy.hpp>

NNIESIM_BEGIN_NAMESPACE

/// The values of the compiler's `compile_mode` key.
enum class compile_mode {
  all_8bit = 0,   ///< every layer w8a8
  all_16bit = 1,  ///< every layer w16a16
  mixed = 2,      ///< w16a16 for layers whose name ends in `_hp`, w8a8 for the rest
};

/// Throws format_error unless the number is a mode.
[[nodiscard]] inline compile_mode compile_mode_of(int number) {
  detail::require<format_error>(number >= 0 && number <= 2, "compile_mode is ", number, ", expected 0, 1 or 2");
  return static_cast<compile_mode>(number);
}

/// Whether a layer's name carries the compiler's high-precision mark.
[[nodiscard]] constexpr bool is_marked_hp(std::string_view layer_name) noexcept { return layer_name.ends_with("_hp"); }

/// Bits of a layer's weights and inputs: 8 or 16. A `_hp` mark outside mode 2 throws, as in the compiler.
[[nodiscard]] inline int layer_bits(compile_mode mode, std::string_view layer_name) {
  const bool hp = is_marked_hp(layer_name);
  detail::require<format_error>(!hp || mode == compile_mode::mixed, "layer '", detail::printable(layer_name),
                                "' is marked _hp, which compile_mode 2 allows; got compile_mode ",
                                static_cast<int>(mode));
  return hp || mode == compile_mode::all_16bit ? 16 : 8;
}

/// Calls f with the policy of the layer: w8a8{} or w16a16{}.
template <class F>
decltype(auto) with_policy(compile_mode mode, std::string_view layer_name, F&& f) {
  if (layer_bits(mode, layer_name) == 16) return std::forward<F>(f)(w16a16{});
  return std::forward<F>(f)(w8a8{});
}

NNIESIM_END_NAMESPACE
