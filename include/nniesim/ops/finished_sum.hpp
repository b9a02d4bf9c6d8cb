// What becomes of a finished sum of products: the scalar specification, and its numbers as the kernels take them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string_view>
#include <type_traits>

#include <nniesim/kernels/arena.hpp>
#include <nniesim/kernels/engine.hpp>
#include <nniesim/ops/mac_options.hpp>

NNIESIM_BEGIN_NAMESPACE

using kernels::output_stage;

namespace detail {

/// What a scalar specification is given beside tensors: how the weights of each group are encoded, a bias for each
/// output or none.
inline void require_specification(std::size_t encoded_groups, std::size_t groups, std::size_t bias, std::size_t outputs,
                                  const mac_options& options, std::string_view where) {
  require<shape_error>(encoded_groups == groups, where, ": ", encoded_groups, " encodings of weights for ", groups,
                       " groups, expected one per group");
  require<shape_error>(bias == 0 || bias == outputs, where, ": bias has ", bias, " values for ", outputs,
                       " outputs, expected one per output or none");
  require_affine(options.affine, outputs, where);
}

}  // namespace detail

namespace reference {

/// The scalar specification of output `o`, whose sums are worth `unit` each. Policies with the integer stage:
/// mac_stage, of the bias, factor and shift; a layer's multipliers are coarse or not by its unit. All others:
/// fma(sum, unit * factor, fma(bias, factor, shift)) in float64, rounded once to the output; where floats stand for
/// themselves, are summed as floats and written as floats, and nothing but the bias follows: sum + bias in float32.
template <precision_policy P>
[[nodiscard]] value_t<P> finished_sum(const typename P::accumulator::sum& sum, double unit, float bias, std::size_t o,
                                      const mac_options& options) {
  const auto total = P::accumulator::total(sum);
  const bool is_plain = options.affine.factor.empty();
  const double factor = is_plain ? 1.0 : options.affine.factor[o];
  const double shift = is_plain ? 0.0 : options.affine.shift[o];
  if constexpr (has_integer_stage<P>) {
    const mac_stage stage = mac_stage::of(static_cast<double>(bias), factor, shift, unit, mac_stage::is_coarse(unit));
    return q20_12::from_raw(stage.apply(static_cast<double>(total), options.rounding));
  } else {
    if constexpr (kernels::engine<P>::adds_floats) {
      if (is_plain) return P::output::from(total + bias);
    }
    return P::output::from(
        std::fma(static_cast<double>(total), unit * factor, std::fma(static_cast<double>(bias), factor, shift)));
  }
}

}  // namespace reference

namespace kernels {

/// The numbers of a layer's outputs, which depend on the unit of its input and so are made in every run, in memory of
/// the caller's.
template <precision_policy P>
class mac_constants {
  using scale = typename P::activations::scale;

 public:
  [[nodiscard]] static constexpr std::size_t bytes(std::size_t outputs) noexcept {
    return arena::rounded(arrays * (outputs + finish_slack) * sizeof(double));
  }

  /// Of outputs shared evenly among the groups of weights, each the sum of `length` products. `bias` has one value per
  /// output, and finish_slack more.
  mac_constants(arena& memory, std::span<const group_weights<typename P::weights>> groups, const scale& s,
                std::span<const float> bias, std::size_t length, const mac_options& options, std::string_view where) {
    const std::size_t outputs = bias.size() - finish_slack;
    double* const multiplier = memory.template take<double>(arrays * bias.size(), where);
    std::fill_n(multiplier, arrays * bias.size(), 0.0);
    double* const shift = multiplier + bias.size();
    const bool is_plain = options.affine.factor.empty();
    all_.rule = engine<P>::rule(is_plain);
    all_.multiplier = multiplier;
    all_.shift = shift;
    all_.float_bias = bias.data();
    all_.fits = true;
    // Rounding makes a chain of floats longer by 2^-24 of it in every step, and whole units add one at most.
    const double growth = std::exp(static_cast<double>(length) * 0x1p-24);
    for (std::size_t g = 0; g < groups.size(); ++g) {
      const double unit = engine<P>::unit(groups[g], s);
      const bool coarse = mac_stage::is_coarse(unit);
      const double most_sum = growth * static_cast<double>(length) * engine<P>::largest_product(groups[g], s) + 1.0;
      for (std::size_t o = outputs * g / groups.size(); o < outputs * (g + 1) / groups.size(); ++o) {
        const double f = is_plain ? 1.0 : options.affine.factor[o];
        const double a = is_plain ? 0.0 : options.affine.shift[o];
        const auto b = static_cast<double>(bias[o]);
        if constexpr (has_integer_stage<P>) {
          const mac_stage stage = mac_stage::of(b, f, a, unit, coarse);
          multiplier[o] = stage.scaled_multiplier();
          shift[o] = static_cast<double>(stage.shift);
          shift[bias.size() + o] = static_cast<double>(stage.bias);
          const double most = (most_sum + std::abs(static_cast<double>(stage.bias))) * std::abs(multiplier[o]);
          all_.fits = all_.fits && most + std::abs(shift[o]) < 0x1p31 - 2;
        } else {
          multiplier[o] = unit * f;
          shift[o] = std::fma(b, f, a);
        }
      }
    }
    if constexpr (has_integer_stage<P>) {
      all_.bias = shift + bias.size();
      all_.rounding = options.rounding;
    }
  }

  [[nodiscard]] finish_rule rule() const noexcept { return all_.rule; }
  /// From output `first` on.
  [[nodiscard]] finish_constants from(std::size_t first) const noexcept { return all_.from(first); }

 private:
  static constexpr std::size_t arrays = has_integer_stage<P> ? 3 : 2;

  finish_constants all_;
};

}  // namespace kernels

NNIESIM_END_NAMESPACE
