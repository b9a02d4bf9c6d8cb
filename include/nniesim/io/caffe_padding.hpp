// Padding as prototxts write it: pad, pad_h and pad_w, or the four sides that forks of Caffe have.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include <nniesim/io/caffe_fields.hpp>
#include <nniesim/ops/padding.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

struct caffe_padding {
  padding sides{};
  bool same = false;  ///< pad_type 1: as much as makes the output the input's size over the stride, rounded up

  /// The padding for this input's rows and columns: with `same` what is missing, its odd one behind (TensorFlow's rule,
  /// which is that of the fork with pad_type).
  [[nodiscard]] padding on(const tensor_shape& x, const std::array<std::size_t, 2>& kernel,
                           const std::array<std::size_t, 2>& stride) const {
    if (!same) return sides;
    std::size_t before[2], after[2];
    for (std::size_t i = 0; i < 2; ++i) {
      const std::size_t rest = x[2 + i] % stride[i];
      const std::size_t step = rest == 0 ? stride[i] : rest;
      const std::size_t missing = kernel[i] > step ? kernel[i] - step : 0;
      before[i] = missing / 2;
      after[i] = missing - before[i];
    }
    return {before[0], before[1], after[0], after[1]};
  }
};

/// Reads pad (or pad_h and pad_w), pad_l, pad_r, pad_t, pad_b and pad_type; a problem where two of them are not 0.
[[nodiscard]] inline caffe_padding read_caffe_padding(caffe_fields& p) {
  const auto pad = p.pair("pad", "pad_h", "pad_w", 0, 0);
  caffe_padding result;
  result.sides = {pad[0], pad[1]};
  const auto side = [&](std::string_view name) { return p.integer<std::size_t>(name, 0, 0, caffe_fields::most); };
  const padding sides{side("pad_t"), side("pad_l"), side("pad_b"), side("pad_r")};
  result.same = p.one_of("pad_type", 0, {"VALID", "SAME"}) == 1;
  const bool has_pad = pad[0] + pad[1] != 0;
  const bool has_sides = sides.top + sides.left + sides.bottom + sides.right != 0;
  if (has_pad && has_sides) p.problem("got pad beside pad_l, pad_r, pad_t or pad_b, expected one kind");
  if (result.same && (has_pad || has_sides))
    p.problem("got pad_type 1 beside padding in numbers, expected one of them");
  if (has_sides) result.sides = sides;
  return result;
}

}  // namespace detail

NNIESIM_END_NAMESPACE
