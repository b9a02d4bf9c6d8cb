// What layers of multiply-accumulate kind do behind their sums: a normalization of each output, and how sums are
// rounded.
#pragma once

#include <cmath>
#include <cstddef>
#include <string_view>
#include <vector>

#include <nniesim/core/error.hpp>
#include <nniesim/precision/mac_stage.hpp>

NNIESIM_BEGIN_NAMESPACE

/// One factor and one shift per channel: y = x * factor + shift.
struct channel_affine {
  std::vector<double> factor,  ///< one for each channel
      shift;                   ///< one for each channel
};

/// Options of a convolution, deconvolution or fully connected layer. Compilers of 2019 and later put the batch
/// normalization and the scale behind a layer into its multiplier and shift, and leave the weights as they are.
struct mac_options {
  channel_affine affine{};                     ///< of each output; empty: 1 and 0
  sum_rounding rounding = sum_rounding::none;  ///< of policies with the integer stage; others have none
};

namespace detail {

/// Throws shape_error unless the affine is empty or has one factor and shift per output, format_error unless they are
/// finite.
inline void require_affine(const channel_affine& a, std::size_t outputs, std::string_view where) {
  const bool fits = a.factor.size() == a.shift.size() && (a.factor.empty() || a.factor.size() == outputs);
  require<shape_error>(fits, where, ": ", a.factor.size(), " factors and ", a.shift.size(), " shifts for ", outputs,
                       " outputs, expected one of each per output or none");
  for (std::size_t i = 0; i < a.factor.size(); ++i) {
    require<format_error>(std::isfinite(a.factor[i]) && std::isfinite(a.shift[i]), where, ": factor ", a.factor[i],
                          " and shift ", a.shift[i], " of output ", i, ", expected finite numbers");
  }
}

}  // namespace detail

NNIESIM_END_NAMESPACE
