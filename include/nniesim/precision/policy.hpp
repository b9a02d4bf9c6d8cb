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

/// The parts of a policy, each by its name, so that a compiler says which one a policy of one's own lacks.
namespace policy_has {

/// P::weights: the format of weights.
template <class P>
concept weights = quantized_format<typename P::weights>;
/// P::activations: the format that inputs are encoded in.
template <class P>
concept activations = quantized_format<typename P::activations>;
/// P::accumulator: how products are summed (accumulator.hpp), integers only where both formats' codes are.
template <class P>
concept accumulator = accumulates<typename P::accumulator, typename P::weights, typename P::activations>;
/// P::output: the format of what a layer writes, without a scale, so that its values stand alone.
template <class P>
concept output = value_format<typename P::output>;

}  // namespace policy_has

/// A type that names the four choices. A name of its own, static constexpr std::string_view name, is optional.
template <class P>
concept precision_policy =
    policy_has::weights<P> && policy_has::activations<P> && policy_has::accumulator<P> && policy_has::output<P>;

/// The four choices put together: struct mine : precision<gfpq8, gfpq16, fp32_chain, q20_12> {};
template <quantized_format Weights, quantized_format Activations, accumulator Accumulator, value_format Output>
requires accumulates<Accumulator, Weights, Activations>
struct precision {
  using weights = Weights;          ///< format of weights
  using activations = Activations;  ///< format of activations
  using accumulator = Accumulator;  ///< how products are summed
  using output = Output;            ///< format that layers write
};

/// The reference: everything in IEEE binary32, sums as one fused chain.
struct float32 : precision<binary32, binary32, fp32_chain, binary32> {
  static constexpr std::string_view name = "float32";  ///< for tables, messages and files
};
/// The accelerator's 8-bit layers.
struct w8a8 : precision<gfpq8, gfpq8, fp32_chain, q20_12> {
  static constexpr std::string_view name = "w8a8";  ///< for tables, messages and files
};
/// The accelerator's 16-bit ("high precision") layers.
struct w16a16 : precision<gfpq16, gfpq16, fp32_chain, q20_12> {
  static constexpr std::string_view name = "w16a16";  ///< for tables, messages and files
};
/// Uniform 8-bit integers with exact sums.
struct uniform_w8a8 : precision<uniform8, uniform8, exact_int32, q20_12> {
  static constexpr std::string_view name = "uniform_w8a8";  ///< for tables, messages and files
};
/// Uniform 16-bit integers with exact sums.
struct uniform_w16a16 : precision<uniform16, uniform16, exact_int64, q20_12> {
  static constexpr std::string_view name = "uniform_w16a16";  ///< for tables, messages and files
};

namespace detail {

/// Also defined for types that are not policies, so that compilers name the missing part and not this alias.
template <class P>
struct value {
  using type = struct no_policy;
};
template <class P>
requires requires { typename P::output::code; }
struct value<P> {
  using type = typename P::output::code;
};

}  // namespace detail

/// The element type of what a layer of the policy writes.
template <class P>
using value_t = typename detail::value<P>::type;

/// Float references take anything that arithmetic allows; the others are held to what the hardware has.
template <precision_policy P>
inline constexpr bool is_reference = std::same_as<typename P::output, binary32>;

/// Whether layers of the policy finish their sums as compiled models do (mac_stage.hpp): log codes, summed to q20_12.
/// The others do it in float64, with one rounding.
template <precision_policy P>
inline constexpr bool has_integer_stage = is_log_format<typename P::weights>&& is_log_format<typename P::activations>&&
    std::same_as<typename P::output, q20_12>;

/// The policy's own name, or one made of its parts.
template <precision_policy P>
[[nodiscard]] std::string policy_name() {
  if constexpr (requires {
                  { P::name } -> std::convertible_to<std::string_view>;
                }) {
    return std::string(P::name);
  } else {
    return detail::message(P::weights::name, "/", P::activations::name, "/", P::accumulator::name, "/",
                           P::output::name);
  }
}

static_assert(precision_policy<float32> && precision_policy<w8a8> && precision_policy<w16a16> &&
              precision_policy<uniform_w8a8> && precision_policy<uniform_w16a16>);

NNIESIM_END_NAMESPACE
