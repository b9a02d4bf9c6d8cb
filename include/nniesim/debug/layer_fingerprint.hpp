// What tells a layer's content from that of others: how one content may follow from another, and what is kept of a
// layer to find that out without its values at hand.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nniesim/tensor/shape.hpp>

NNIESIM_BEGIN_NAMESPACE

/// How the other layer's content x follows from the reference's y.
enum class match_relation {
  same,             ///< x = y
  relu_behind,      ///< y = max(x, 0): the reference's in-place ReLU, split off in the other
  fused_relu,       ///< x = max(y, 0)
  channels_last,    ///< x is y permuted NCHW -> NHWC
  channels_first,   ///< x is y permuted NHWC -> NCHW
  transposed,       ///< rows and columns exchanged
  axes_reversed,    ///< x is y with C, H, W as W, H, C, as a column-major writer leaves it
  rows_first,       ///< x is y with C, H, W as H, C, W
  channels_padded,  ///< x has channels of zeros up to a multiple of 16
  rows_padded,      ///< x has up to match_most_padding zeros behind every row
  prelu_behind,     ///< y = x where x > 0, else a x with a per channel: the in-place PReLU of the reference
  fused_prelu,      ///< the other way round: x holds what a PReLU makes of y
  affine,           ///< x = a y + b with a and b per channel (one for all where a channel has fewer than 8 elements)
  differs,          ///< none of these
  unverifiable,     ///< constant or not finite on both sides: content says nothing
};

/// The relation in words.
[[nodiscard]] constexpr std::string_view to_string(match_relation relation) noexcept {
  switch (relation) {
    case match_relation::same: return "same content";
    case match_relation::relu_behind: return "content of the in-place ReLU behind it: y = max(x, 0)";
    case match_relation::fused_relu: return "fused ReLU: the other holds max(y, 0)";
    case match_relation::channels_last: return "permuted NCHW -> NHWC (inserted permute)";
    case match_relation::channels_first: return "permuted NHWC -> NCHW (inserted permute)";
    case match_relation::transposed: return "rows and columns exchanged (inserted permute)";
    case match_relation::axes_reversed: return "axes in reverse order (W, H, C)";
    case match_relation::rows_first: return "rows before channels (H, C, W)";
    case match_relation::prelu_behind: return "content of the in-place PReLU behind it";
    case match_relation::fused_prelu: return "fused PReLU: the other holds what a PReLU makes of it";
    case match_relation::channels_padded: return "channels padded to a multiple of 16";
    case match_relation::rows_padded: return "rows padded";
    case match_relation::affine: return "fused Scale/BatchNorm: an affine per channel explains it";
    case match_relation::differs: return "content differs";
    case match_relation::unverifiable: return "content says nothing";
  }
  return "?";
}

namespace detail {

/// Layers with fewer elements other than zero are never matched by content alone.
inline constexpr std::size_t match_least_elements = 16;

/// Zeros behind a row that are taken for its padding: a stride of 256 bytes in words of Q20.12.
inline constexpr std::size_t match_most_padding = 64;

/// A permutation of N, C, H, W: axis i of the result is axis order[i].
struct match_permutation {
  match_relation relation;
  std::array<std::size_t, 4> order;
};
inline constexpr std::array<match_permutation, 6> match_permutations = {
    {{match_relation::channels_last, {0, 2, 3, 1}},
     {match_relation::channels_first, {0, 3, 1, 2}},
     {match_relation::transposed, {0, 1, 3, 2}},
     {match_relation::transposed, {1, 0, 2, 3}},  // a fully connected layer's batch
     {match_relation::axes_reversed, {0, 3, 2, 1}},
     {match_relation::rows_first, {0, 2, 1, 3}}}};

/// Place i of n that are spread over `count` elements; n <= count.
[[nodiscard]] inline std::size_t sample_place(std::size_t i, std::size_t n, std::size_t count) {
  return i * (count / n) + i * (count % n) / n;
}

/// Where the element at `place` of the permuted values stands in the values.
[[nodiscard]] inline std::size_t place_before(std::size_t place, const std::array<std::size_t, 4>& dims,
                                              const std::array<std::size_t, 4>& order) {
  const std::array<std::size_t, 4> stride = {dims[1] * dims[2] * dims[3], dims[2] * dims[3], dims[3], 1};
  std::size_t before = 0;
  for (std::size_t axis = 4; axis-- > 0; place /= dims[order[axis]]) {
    before += place % dims[order[axis]] * stride[order[axis]];
  }
  return before;
}

/// What tells a layer from others without its values at hand.
struct layer_fingerprint {
  std::string problem;  ///< why there are no values
  std::size_t count = 0;
  std::array<std::size_t, 4> dims{1, 1, 1, 1};  ///< N, C, H, W
  std::size_t rank = 0;                         ///< of the shape; 0: not known or beyond NCHW
  bool finite = true;
  float least = 0.0F;
  float most = 0.0F;
  std::size_t nonzero = 0;
  double sum = 0, squares = 0;                    ///< of the values
  double positive_sum = 0, positive_squares = 0;  ///< of max(value, 0)
  std::vector<float> sample;                      ///< at places that the count alone decides
  std::vector<float> quantiles;
  std::array<std::vector<float>, match_permutations.size()> permuted_samples;  ///< empty where nothing moves

  [[nodiscard]] bool readable() const noexcept { return problem.empty(); }
  [[nodiscard]] bool constant() const noexcept { return least == most; }
  [[nodiscard]] bool has_content() const noexcept {
    return readable() && finite && !constant() && nonzero >= match_least_elements;
  }
  [[nodiscard]] bool not_negative() const noexcept { return least >= -0.001F * most; }
};

[[nodiscard]] inline layer_fingerprint fingerprint_of(std::span<const float> values, const tensor_shape& shape) {
  layer_fingerprint p;
  p.count = values.size();
  if (shape.rank() >= 1 && shape.rank() <= 4) {
    p.rank = shape.rank();
    constexpr std::array<std::size_t, 5> first = {0, 1, 0, 1, 0};  // the axis of NCHW that a shape begins with
    std::copy(shape.begin(), shape.end(), p.dims.begin() + static_cast<std::ptrdiff_t>(first[p.rank]));
  } else {
    p.dims[1] = p.count;
  }
  p.least = p.most = values.front();
  for (const float v : values) {
    if (!std::isfinite(v)) {
      p.finite = false;
      return p;
    }
    const double d = static_cast<double>(v);
    p.least = std::min(p.least, v);
    p.most = std::max(p.most, v);
    p.nonzero += v != 0.0F ? 1U : 0U;
    p.sum += d;
    p.squares += d * d;
    if (v > 0.0F) {
      p.positive_sum += d;
      p.positive_squares += d * d;
    }
  }
  const auto take = [&](std::size_t most, const auto& place) {
    std::vector<float> taken(std::min(most, p.count));
    for (std::size_t i = 0; i < taken.size(); ++i) taken[i] = values[place(sample_place(i, taken.size(), p.count))];
    return taken;
  };
  const auto in_place = [](std::size_t place) { return place; };
  p.sample = take(1024, in_place);
  std::vector<float> sorted = take(4096, in_place);
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t i = 0; i <= 32; ++i) p.quantiles.push_back(sorted[i * (sorted.size() - 1) / 32]);
  const auto& [n, c, h, w] = p.dims;
  const std::array<bool, match_permutations.size()> moves = {c > 1 && h * w > 1,      w > 1 && c * h > 1,
                                                             h > 1 && w > 1,          p.rank == 2 && n > 1 && c > 1,
                                                             c > 1 && w > 1 && h > 1, c > 1 && h > 1 && w > 1};
  for (std::size_t k = 0; k < moves.size(); ++k) {
    if (!moves[k]) continue;
    p.permuted_samples[k] =
        take(1024, [&](std::size_t place) { return place_before(place, p.dims, match_permutations[k].order); });
  }
  return p;
}

/// Cosine and correlation; both 0 where either side has no length or no spread.
struct likeness {
  double cosine = 0;
  double correlation = 0;
};

[[nodiscard]] inline likeness likeness_of(std::size_t count, double sum_r, double rr, double sum_x, double xx,
                                          double rx) {
  likeness l;
  const auto n = static_cast<double>(count);
  if (rr > 0 && xx > 0) l.cosine = std::clamp(rx / std::sqrt(rr) / std::sqrt(xx), -1.0, 1.0);
  const double spread_r = rr - sum_r * sum_r / n;
  const double spread_x = xx - sum_x * sum_x / n;
  // Below this the spread is rounding.
  if (spread_r > 1e-12 * rr && spread_x > 1e-12 * xx) {
    l.correlation = std::clamp((rx - sum_r * sum_x / n) / std::sqrt(spread_r) / std::sqrt(spread_x), -1.0, 1.0);
  }
  return l;
}

/// The sum of f(r) g(x), in eight chains.
template <class F, class G>
[[nodiscard]] double dot(std::span<const float> r, std::span<const float> x, const F& f, const G& g) {
  std::array<double, 8> chains{};
  std::size_t i = 0;
  for (; i + 8 <= r.size(); i += 8) {
    for (std::size_t c = 0; c < 8; ++c)
      chains[c] += static_cast<double>(f(r[i + c])) * static_cast<double>(g(x[i + c]));
  }
  for (; i < r.size(); ++i) chains[0] += static_cast<double>(f(r[i])) * static_cast<double>(g(x[i]));
  return ((chains[0] + chains[1]) + (chains[2] + chains[3])) + ((chains[4] + chains[5]) + (chains[6] + chains[7]));
}
inline constexpr auto as_it_is = [](float v) { return v; };
inline constexpr auto rectified = [](float v) { return v > 0.0F ? v : 0.0F; };

/// The values with their axes in another order: axis i of the result is axis order[i] of `dims`.
[[nodiscard]] inline std::vector<float> permuted(std::span<const float> values, const std::array<std::size_t, 4>& dims,
                                                 const std::array<std::size_t, 4>& order) {
  const std::array<std::size_t, 4> stride = {dims[1] * dims[2] * dims[3], dims[2] * dims[3], dims[3], 1};
  std::vector<float> result;
  result.reserve(values.size());
  for (std::size_t a = 0; a < dims[order[0]]; ++a) {
    for (std::size_t b = 0; b < dims[order[1]]; ++b) {
      for (std::size_t c = 0; c < dims[order[2]]; ++c) {
        const std::size_t start = a * stride[order[0]] + b * stride[order[1]] + c * stride[order[2]];
        for (std::size_t d = 0; d < dims[order[3]]; ++d) result.push_back(values[start + d * stride[order[3]]]);
      }
    }
  }
  return result;
}

/// `rows` rows of `width` taken out of rows of `padded_width`; nothing where what lies behind a row is not zero.
[[nodiscard]] inline std::optional<std::vector<float>> without_padding(std::span<const float> values, std::size_t rows,
                                                                       std::size_t width, std::size_t padded_width) {
  std::vector<float> result;
  result.reserve(rows * width);
  for (std::size_t row = 0; row < rows; ++row) {
    const std::span<const float> here = values.subspan(row * padded_width, padded_width);
    if (std::any_of(here.begin() + static_cast<std::ptrdiff_t>(width), here.end(), [](float v) { return v != 0.0F; })) {
      return std::nullopt;
    }
    result.insert(result.end(), here.begin(), here.begin() + static_cast<std::ptrdiff_t>(width));
  }
  return result;
}

/// y with its negative values times a factor of -1 .. 1 per channel (one for all where channels have few elements),
/// those that come nearest to x: what a PReLU could make of it.
[[nodiscard]] inline std::vector<float> after_prelu(std::span<const float> y, std::span<const float> x,
                                                    const std::array<std::size_t, 4>& dims) {
  std::vector<float> result(y.begin(), y.end());
  const bool per_channel = dims[0] * dims[2] * dims[3] >= 8;
  const std::size_t groups = per_channel ? dims[1] : 1;
  const std::size_t length = per_channel ? dims[2] * dims[3] : y.size();
  for (std::size_t g = 0; g < groups; ++g) {
    double yy = 0, yx = 0;
    const auto visit = [&](const auto& f) {
      for (std::size_t start = g * length; start < y.size(); start += groups * length) {
        for (std::size_t i = start; i < start + length; ++i) {
          if (y[i] < 0.0F) f(i);
        }
      }
    };
    visit([&](std::size_t i) {
      yy += static_cast<double>(y[i]) * static_cast<double>(y[i]);
      yx += static_cast<double>(y[i]) * static_cast<double>(x[i]);
    });
    const double factor = yy > 0 ? std::clamp(yx / yy, -1.0, 1.0) : 1;
    visit([&](std::size_t i) { result[i] = static_cast<float>(factor * static_cast<double>(y[i])); });
  }
  return result;
}

/// The share of x's spread that a y + b explains, as a correlation; a and b per channel. Every `step`-th channel is
/// looked at.
[[nodiscard]] inline double affine_correlation(std::span<const float> y, std::span<const float> x,
                                               const std::array<std::size_t, 4>& dims, std::size_t step) {
  const std::size_t plane = dims[2] * dims[3];
  const bool per_channel = dims[0] * plane >= 8;
  const std::size_t groups = per_channel ? dims[1] : 1;
  const std::size_t pieces = per_channel ? dims[0] : 1;
  const std::size_t length = per_channel ? plane : y.size();
  double spread = 0, unexplained = 0, squares = 0;
  for (std::size_t g = 0; g < groups; g += step) {
    double sy = 0, sx = 0, syy = 0, sxx = 0, syx = 0;
    for (std::size_t p = 0; p < pieces; ++p) {
      const std::size_t start = (p * groups + g) * length;
      for (std::size_t i = start; i < start + length; ++i) {
        const double a = static_cast<double>(y[i]);
        const double b = static_cast<double>(x[i]);
        sy += a;
        sx += b;
        syy += a * a;
        sxx += b * b;
        syx += a * b;
      }
    }
    const auto n = static_cast<double>(pieces * length);
    const double cyy = syy - sy * sy / n;
    const double cxx = std::max(0.0, sxx - sx * sx / n);
    const double cyx = syx - sy * sx / n;
    squares += sxx;
    spread += cxx;
    unexplained += cyy > 1e-12 * syy ? std::max(0.0, cxx - cyx * cyx / cyy) : cxx;
  }
  if (!(spread > 1e-12 * squares)) return 0;
  return std::sqrt(std::max(0.0, 1 - unexplained / spread));
}

}  // namespace detail

NNIESIM_END_NAMESPACE
