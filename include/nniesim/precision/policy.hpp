// A precision policy says in which formats a layer stores weights and inputs, how it sums, and what it writes.
// Operators are templates over it; users write their own.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include <nniesim/formats/fixed_point.hpp>
#include <nniesim/formats/gfpq.hpp>
#include <nniesim/formats/uniform.hpp>
#include <nniesim/precision/accumulator.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Whether an accumulator can sum products of these formats: integer sums need integer codes.
template <class A, class Weights, class Activations>
concept accumulates = accumulator<A> &&
    (std::floating_point<typename A::operand> || (uniform_format<Weights> && uniform_format<Activations>));

/// A type that names the four choices. A layer's output needs no scale, so that its values stand alone.
template <class P>
concept precision_policy = quantized_format<typename P::weights> && quantized_format<typename P::activations> &&
    accumulates<typename P::accumulator, typename P::weights, typename P::activations> &&
    value_format<typename P::output>;

template <quantized_format Weights, quantized_format Activations, accumulator Accumulator, value_format Output>
requires accumulates<Accumulator, Weights, Activations>
struct precision {
  using weights = Weights;
  using activations = Activations;
  using accumulator = Accumulator;
  using output = Output;
};

/// The reference: everything in IEEE binary32, sums as one fused chain.
struct float32 : precision<binary32, binary32, fp32_chain, binary32> {
  static constexpr std::string_view name = "float32";
};
/// The accelerator's 8-bit layers.
struct w8a8 : precision<gfpq8, gfpq8, fp32_chain, q20_12> {
  static constexpr std::string_view name = "w8a8";
};
/// The accelerator's 16-bit ("high precision") layers.
struct w16a16 : precision<gfpq16, gfpq16, fp32_chain, q20_12> {
  static constexpr std::string_view name = "w16a16";
};
/// Uniform 8-bit integers with exact sums.
struct uniform_w8a8 : precision<uniform8, uniform8, exact_int32, q20_12> {
  static constexpr std::string_view name = "uniform_w8a8";
};
/// Uniform 16-bit integers with exact sums.
struct uniform_w16a16 : precision<uniform16, uniform16, exact_int64, q20_12> {
  static constexpr std::string_view name = "uniform_w16a16";
};

/// The element type of what a layer writes.
template <precision_policy P>
using value_t = typename P::output::code;

/// Float references take anything that arithmetic allows; the others are held to what the hardware has.
template <precision_policy P>
inline constexpr bool is_reference = std::same_as<typename P::output, binary32>;

/// The policy's own name, or one made of its parts.
template <precision_policy P>
[[nodiscard]] std::string policy_name() {
  if constexpr (requires {
                  { P::name } -> std::convertible_to<std::string_view>;
                }) {
    return std::string(P::name);
  } else {
    return detail::concat(P::weights::name, "/", P::activations::name, "/", P::accumulator::name, "/", P::output::name);
  }
}

static_assert(precision_policy<float32> && precision_policy<w8a8> && precision_policy<w16a16> &&
              precision_policy<uniform_w8a8> && precision_policy<uniform_w16a16>);

NNIESIM_END_NAMESPACE
