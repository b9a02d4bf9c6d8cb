// The values of two layers that correspond, in one order of elements, and what they differ by.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <nniesim/debug/diagnosis.hpp>
#include <nniesim/debug/error_parts.hpp>
#include <nniesim/debug/match_layers.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// The other's values in the reference's order of elements, and the reference's as the relation asks; empty where the
/// relation gives no values to compare.
struct aligned_values {
  std::vector<float> reference, other;
};

[[nodiscard]] inline std::array<std::size_t, 4> nchw_of(const tensor_shape& shape, std::size_t count) {
  std::array<std::size_t, 4> dims{1, count, 1, 1};
  if (shape.rank() >= 1 && shape.rank() <= 4 && shape.size() == count) {
    dims = {1, 1, 1, 1};
    constexpr std::array<std::size_t, 5> first = {0, 1, 0, 1, 0};
    std::copy(shape.begin(), shape.end(), dims.begin() + static_cast<std::ptrdiff_t>(first[shape.rank()]));
  }
  return dims;
}

[[nodiscard]] inline aligned_values align(match_relation relation, std::vector<float> y, const tensor_shape& shape,
                                          std::vector<float> x) {
  const auto relu = [](std::vector<float>& v) {
    for (float& f : v) f = rectified(f);
  };
  const auto d = nchw_of(shape, y.size());
  std::optional<std::vector<float>> back;
  switch (relation) {
    case match_relation::same:
    case match_relation::differs:
    case match_relation::unverifiable: break;
    case match_relation::relu_behind: relu(x); break;
    case match_relation::fused_relu: relu(y); break;
    case match_relation::channels_last:
      if (x.size() == y.size()) x = permuted(x, {d[0], d[2], d[3], d[1]}, {0, 3, 1, 2});
      break;
    case match_relation::channels_first:
      if (x.size() == y.size()) x = permuted(x, {d[0], d[3], d[1], d[2]}, {0, 2, 3, 1});
      break;
    case match_relation::transposed:
      if (x.size() != y.size()) break;
      if (shape.rank() == 2) x = permuted(x, {d[1], d[0], 1, 1}, {1, 0, 2, 3});
      else x = permuted(x, {d[0], d[1], d[3], d[2]}, {0, 1, 3, 2});
      break;
    case match_relation::axes_reversed:
      if (x.size() == y.size()) x = permuted(x, {d[0], d[3], d[2], d[1]}, {0, 3, 2, 1});
      break;
    case match_relation::rows_first:
      if (x.size() == y.size()) x = permuted(x, {d[0], d[2], d[1], d[3]}, {0, 2, 1, 3});
      break;
    case match_relation::prelu_behind:
      if (x.size() == y.size()) x = after_prelu(x, y, d);
      break;
    case match_relation::fused_prelu:
      if (x.size() == y.size()) y = after_prelu(y, x, d);
      break;
    case match_relation::channels_padded:
      if (x.size() >= y.size() && x.size() % d[0] == 0) {
        back = without_padding(x, d[0], y.size() / d[0], x.size() / d[0]);
      }
      break;
    case match_relation::rows_padded:
      if (x.size() >= y.size() && x.size() % (y.size() / d[3]) == 0) {
        back = without_padding(x, y.size() / d[3], d[3], x.size() / (y.size() / d[3]));
      }
      break;
    case match_relation::affine: return {};
  }
  if (back) x = std::move(*back);
  if (x.size() != y.size()) return {};
  return {std::move(y), std::move(x)};
}

[[nodiscard]] inline comparison compare_values(std::span<const float> r, std::span<const float> x) {
  comparison_accumulator sums;
  sums.add(r, x);
  return sums.result();
}

[[nodiscard]] inline bool is_zero(std::span<const float> x) {
  return std::all_of(x.begin(), x.end(), [](float v) { return v == 0.0F; });
}

/// What a layer's error consists of, and which channels carry it.
struct split_errors {
  error_parts parts{};
  std::size_t channels = 0, most_channels = 0;  ///< all; those that carry 90 % of its square
  std::vector<channel_error> worst_channels{};
};

[[nodiscard]] inline split_errors split(std::span<const float> r, std::span<const float> x, const tensor_shape& shape) {
  const auto [n, c, h, w] = nchw_of(shape, r.size());
  const tensor_shape nchw{n, c, h, w};
  const tensor_view<const float> reference(r, nchw), other(x, nchw);
  const channel_error_list all = channel_errors(reference, other);
  split_errors s{split_error(reference, other), all.channels.size(), all.most};
  const std::size_t shown = std::min(all.channels.size(), layer_evidence::most_worst_channels);
  s.worst_channels.assign(all.channels.begin(), all.channels.begin() + static_cast<std::ptrdiff_t>(shown));
  return s;
}
inline void note(layer_evidence& e, const split_errors& s) {
  e.parts = s.parts;
  e.channels = s.channels;
  e.most_channels = s.most_channels;
  e.worst_channels = s.worst_channels;
}

}  // namespace detail

NNIESIM_END_NAMESPACE
