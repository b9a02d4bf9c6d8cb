// Layers of one name that have different sizes in two runs.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include <nniesim/debug/aligned_values.hpp>
#include <nniesim/debug/match_layers.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// A layer that both runs have under one name, in different sizes.
struct size_mismatch {
  std::size_t row = 0;                                    ///< in run_pair::rows()
  std::size_t other = 0;                                  ///< in the other's list
  std::array<std::size_t, 4> in_reference{}, in_other{};  ///< N, C, H, W, as far as shapes tell
  bool has_shapes = false;                                ///< else only the numbers of values are known
  std::size_t values_in_reference = 0, values_in_other = 0;
  /// The cosine of what both have, from the first row and column on; nothing where no such part is known.
  std::optional<double> common;
};

/// The cosine of the rows and columns that both maps have.
[[nodiscard]] inline double common_cosine(std::span<const float> y, const std::array<std::size_t, 4>& a,
                                          std::span<const float> x, const std::array<std::size_t, 4>& b) {
  const std::size_t h = std::min(a[2], b[2]), w = std::min(a[3], b[3]);
  std::vector<float> r, o;
  for (std::size_t c = 0; c < a[0] * a[1]; ++c) {
    for (std::size_t row = 0; row < h; ++row) {
      const auto ry = y.subspan((c * a[2] + row) * a[3], w), rx = x.subspan((c * b[2] + row) * b[3], w);
      r.insert(r.end(), ry.begin(), ry.end());
      o.insert(o.end(), rx.begin(), rx.end());
    }
  }
  return compare_values(r, o).cosine;
}

/// Nothing where the sizes are the same, or one cannot be read.
[[nodiscard]] inline std::optional<size_mismatch> find_size_mismatch(const named_values& reference,
                                                                     const named_values& other) {
  std::vector<float> y, x;
  try {
    y = reference.values();
    x = other.values();
  } catch (const error&) {
    return std::nullopt;
  }
  if (y.size() == x.size() || y.empty() || x.empty()) return std::nullopt;
  const tensor_shape &of_y = reference.shape, &of_x = other.shape;
  size_mismatch m;
  m.values_in_reference = y.size();
  m.values_in_other = x.size();
  m.has_shapes = of_y.rank() != 0 && of_y.size() == y.size() && of_x.rank() != 0 && of_x.size() == x.size();
  m.in_reference = nchw_of(of_y, y.size());
  m.in_other = nchw_of(of_x, x.size());
  if (m.has_shapes && m.in_reference[0] == m.in_other[0] && m.in_reference[1] == m.in_other[1]) {
    m.common = common_cosine(y, m.in_reference, x, m.in_other);
  }
  return m;
}

}  // namespace detail

NNIESIM_END_NAMESPACE
