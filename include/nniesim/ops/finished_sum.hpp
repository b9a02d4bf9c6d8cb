// What becomes of a finished sum of products: the scalar specification, and its numbers as the kernels take them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include <nniesim/core/check.hpp>
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

/// The numbers of a layer's outputs, which depend on the unit of its input and so are made in every run, panel by
/// panel: on the stack, so that a small layer takes no more memory for them.
template <precision_policy P>
class mac_constants {
  using scale = typename P::activations::scale;

 public:
  /// Where the numbers of a panel go: that many each, in whole 16s.
  struct room {
    double *multiplier,  ///< of finish_constants
        *shift,          ///< of finish_constants
        *bias;           ///< of finish_constants
  };
  /// Room for those of any panel.
  struct panel {
    static constexpr std::size_t columns = finish_slack;  ///< outputs that there is room for

    alignas(64) double multiplier[columns],  ///< of finish_constants
        shift[columns],                      ///< of finish_constants
        bias[columns];                       ///< of finish_constants
    /// Where the numbers of this panel go.
    operator room() noexcept { return {multiplier, shift, bias}; }
  };

  /// Of outputs shared evenly among the groups of weights, each the sum of `length` products. `bias` has one value per
  /// output, and finish_slack more. All must outlive the object.
  mac_constants(std::span<const group_weights<typename P::weights>> groups, const scale& s, std::span<const float> bias,
                std::size_t length, const mac_options& options)
      : groups_(groups), scale_(s), bias_(bias), options_(options) {
    // Rounding makes a chain of floats longer by 2^-24 of it in every step, and whole units add one at most.
    const auto n = static_cast<double>(length);
    growth_ = n * std::exp(n * 0x1p-24);
  }

  /// The rule by which the layer's sums are finished.
  [[nodiscard]] finish_rule rule() const noexcept { return engine<P>::rule(options_.affine.factor.empty()); }
  /// Of n outputs, panel::columns at most, of one group, from output `first` of the layer on.
  [[nodiscard]] finish_constants of(std::size_t group, std::size_t first, std::size_t n, room to) const {
    NNIESIM_DCHECK(n <= panel::columns);
    finish_constants all;
    all.rule = rule();
    all.multiplier = to.multiplier;
    all.shift = to.shift;
    all.float_bias = bias_.data() + first;
    if (all.rule == finish_rule::float_sum) return all;
    const bool is_plain = options_.affine.factor.empty();
    const double* const factor = is_plain ? nullptr : options_.affine.factor.data() + first;
    const double* const shift = is_plain ? nullptr : options_.affine.shift.data() + first;
    const double unit = engine<P>::unit(groups_[group], scale_);
    const double most_sum = growth_ * engine<P>::largest_product(groups_[group], scale_) + 1.0;
    std::int64_t too_large = 0;
    constexpr std::size_t lanes = 16;  // the most that an instruction set reads at once
    const std::size_t read = (n + lanes - 1) / lanes * lanes;
    if constexpr (has_integer_stage<P>) {
      all.bias = to.bias;
      all.rounding = options_.rounding;
      const mac_stage plain = mac_stage::of(0.0, 1.0, 0.0, unit, mac_stage::is_coarse(unit));
      const double to_multiplier = plain.coarse ? 0x1p31 : 0x1p42, of_multiplier = plain.coarse ? 0x1p-19 : 0x1p-30;
      if (is_plain) {
        std::fill_n(to.multiplier, n, plain.scaled_multiplier());
        std::fill_n(to.shift, n, 0.0);
      } else {
        for (std::size_t i = 0; i < n; ++i) {
          to.multiplier[i] = factor[i] * unit * to_multiplier;
          to.shift[i] = shift[i] * 4096.0;
        }
        round(to.multiplier, n);
        round(to.shift, n);
        for (std::size_t i = 0; i < n; ++i) to.multiplier[i] *= of_multiplier;
      }
      if (unit > 0) {
        for (std::size_t i = 0; i < n; ++i) to.bias[i] = static_cast<double>(all.float_bias[i]) / unit;
        round(to.bias, n);
      } else {
        std::fill_n(to.bias, n, static_cast<double>(plain.bias));
      }
      for (std::size_t i = 0; i < n; ++i) {
        const double most = (most_sum + std::abs(to.bias[i])) * std::abs(to.multiplier[i]) + std::abs(to.shift[i]);
        too_large |= most < 0x1p31 - 2 ? 0 : 1;
      }
      std::fill(to.bias + n, to.bias + read, 0.0);
    } else {
      for (std::size_t i = 0; i < n; ++i) {
        const auto b = static_cast<double>(all.float_bias[i]);
        to.multiplier[i] = unit * (is_plain ? 1.0 : factor[i]);
        to.shift[i] = is_plain ? b : std::fma(b, factor[i], shift[i]);
      }
      // Other sums than those of integers may be NaN.
      too_large = engine<P>::is_packed ? 0 : 1;
      for (std::size_t i = 0; i < n; ++i) {
        too_large |= most_sum * std::abs(to.multiplier[i]) + std::abs(to.shift[i]) < 0x1p19 - 1 ? 0 : 1;
      }
    }
    all.fits = too_large == 0;
    std::fill(to.multiplier + n, to.multiplier + read, 0.0);
    std::fill(to.shift + n, to.shift + read, 0.0);
    return all;
  }

 private:
  /// mac_stage::nearest_whole of each, in loops that compilers know how to vectorise.
  static void round(double* x, std::size_t n) {
    std::int64_t outside = 0;
    for (std::size_t i = 0; i < n; ++i) outside |= std::abs(x[i]) < 0x1p31 - 1 ? 0 : 1;
    if (outside != 0) {
      for (std::size_t i = 0; i < n; ++i) x[i] = mac_stage::nearest_whole(x[i]);
    } else {
      for (std::size_t i = 0; i < n; ++i) x[i] = (x[i] + 0x1.8p52) - 0x1.8p52;
    }
  }

  std::span<const group_weights<typename P::weights>> groups_;
  scale scale_;
  std::span<const float> bias_;
  const mac_options& options_;
  double growth_ = 0;  ///< a sum's largest magnitude in largest products
};

}  // namespace kernels

NNIESIM_END_NAMESPACE
