// Max and average pooling with Caffe's rules: the ceil rule for the output size, and averages over the window clipped
// to the padded map; with a mask, the places of the maxima.
#pragma once

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include <nniesim/kernels/engine.hpp>
#include <nniesim/kernels/quantize.hpp>
#include <nniesim/ops/input.hpp>
#include <nniesim/ops/padding.hpp>

NNIESIM_BEGIN_NAMESPACE

/// `average` counts the padding's zeros, as Caffe does; `average_inside` leaves the padding out, as TensorFlow does and
/// forks of Caffe under AVE_EXC_PAD or AVE_TF. Whether the accelerator has the latter is not known; without padding
/// inside the windows both are the same.
enum class pooling_operation { maximum, average, average_inside };
/// Caffe's ceil rule is the only one that the hardware has; floor is what other frameworks train with.
enum class pooling_size { ceil, floor };

/// Geometry of a pooling; pairs are {rows, columns}.
struct pooling_params {
  pooling_operation operation = pooling_operation::maximum;  ///< what is computed of a window
  std::array<std::size_t, 2> kernel{1, 1};                   ///< extents of a window, at least 1
  std::array<std::size_t, 2> stride{1, 1};                   ///< from one window to the next, at least 1
  padding pad{};                                             ///< on each side smaller than the window
  pooling_size size = pooling_size::ceil;                    ///< how the number of windows is rounded
  bool global = false;  ///< one window over the whole map; kernel, stride and padding are left at their defaults
};

/// N x C x OH x OW. A last window that would begin behind the map is left out, as Caffe does (there with padding only;
/// without padding its window would be empty); one that reaches behind the padded map is clipped. Throws shape_error
/// where the geometry does not fit.
[[nodiscard]] inline tensor_shape infer_shape(const pooling_params& p, const tensor_shape& x) {
  require_rank(x, 4, "pooling input", "batch, channels, rows, columns");
  const std::size_t before[2] = {p.pad.top, p.pad.left};
  const std::size_t after[2] = {p.pad.bottom, p.pad.right};
  if (p.global) {
    const std::array<std::size_t, 2> one{1, 1};
    detail::require<shape_error>(p.kernel == one && p.stride == one && before[0] + before[1] + after[0] + after[1] == 0,
                                 "pooling: a global window takes no kernel, stride or padding");
    return {x[0], x[1], 1, 1};
  }
  std::size_t out[2];
  for (std::size_t i = 0; i < 2; ++i) {
    constexpr std::size_t limit = std::size_t{1} << 24U;
    const bool sane = p.kernel[i] >= 1 && p.kernel[i] < limit && p.stride[i] >= 1 && p.stride[i] < limit &&
                      before[i] < p.kernel[i] && after[i] < p.kernel[i] && x[2 + i] < limit;
    const std::size_t padded = x[2 + i] + before[i] + after[i];
    // A window may reach behind the padded map, a first one too: by less than a stride.
    const std::size_t behind = p.size == pooling_size::ceil && sane ? p.stride[i] - 1 : 0;
    detail::require<shape_error>(sane && p.kernel[i] <= padded + behind, "pooling ", i == 0 ? "rows" : "columns",
                                 ": kernel ", p.kernel[i], ", stride ", p.stride[i], ", padding ", before[i], " and ",
                                 after[i], " on input ", x,
                                 ", expected a window within the padded map and padding smaller than the window");
    out[i] = (padded + behind - p.kernel[i]) / p.stride[i] + 1;
    if ((out[i] - 1) * p.stride[i] >= x[2 + i] + before[i]) --out[i];
  }
  return {x[0], x[1], out[0], out[1]};
}

namespace detail {

/// A window along one axis: [begin, end) clipped to the map, and its length for an average: clipped to the padded map,
/// or to the map.
struct pooling_window {
  std::size_t begin, end, length;
};

/// Window o along rows (axis 0) or columns (1) of input x.
[[nodiscard]] inline pooling_window window_of(const pooling_params& p, const tensor_shape& x, std::size_t axis,
                                              std::size_t o) noexcept {
  const std::size_t before = axis == 0 ? p.pad.top : p.pad.left;
  const std::size_t after = axis == 0 ? p.pad.bottom : p.pad.right;
  const std::size_t kernel = p.global ? x[2 + axis] : p.kernel[axis];
  const std::size_t start = o * p.stride[axis];  // in the padded map
  const std::size_t stop = std::min(start + kernel, x[2 + axis] + before + after);
  const auto to_map = [&](std::size_t at) { return std::clamp(at, before, before + x[2 + axis]) - before; };
  const std::size_t begin = to_map(start), end = to_map(stop);
  return {begin, end, p.operation == pooling_operation::average_inside ? end - begin : stop - start};
}

}  // namespace detail

namespace reference {

/// The scalar specification. Maximum: of the elements in the window, padding left out; the accelerator encodes the
/// pooling's INPUT (one public report, and the toolkit that writes a range for it), so each element first goes through
/// the activation format with scale `s`. Average: the float64 sum in memory order divided by the window's area after
/// clipping it to the padded map, zeros of the padding counted (Caffe); average_inside: divided by the number of
/// elements. The input of an average is not encoded.
template <precision_policy P>
void pooling(tensor_view<const value_t<P>> x, const typename P::activations::scale& s, const pooling_params& p,
             tensor_view<value_t<P>> y) {
  using activations = typename P::activations;
  const tensor_shape &xs = x.shape(), &ys = y.shape();
  std::size_t at = 0;
  for (std::size_t map = 0; map < ys[0] * ys[1]; ++map) {
    const value_t<P>* in = x.data() + map * xs[2] * xs[3];
    for (std::size_t oy = 0; oy < ys[2]; ++oy) {
      const auto rows = detail::window_of(p, xs, 0, oy);
      for (std::size_t ox = 0; ox < ys[3]; ++ox) {
        const auto columns = detail::window_of(p, xs, 1, ox);
        if (p.operation != pooling_operation::maximum) {
          double sum = 0.0;
          for (std::size_t r = rows.begin; r < rows.end; ++r) {
            for (std::size_t c = columns.begin; c < columns.end; ++c) sum += P::output::to_double(in[r * xs[3] + c]);
          }
          y[at++] = P::output::from(sum / static_cast<double>(rows.length * columns.length));
        } else {
          float most = -std::numeric_limits<float>::infinity();
          for (std::size_t r = rows.begin; r < rows.end; ++r) {
            for (std::size_t c = columns.begin; c < columns.end; ++c) {
              const float v = P::output::to_float(in[r * xs[3] + c]);
              most = std::max(most, activations::decode(activations::encode(v, s), s));
            }
          }
          y[at++] = P::output::from(most);
        }
      }
    }
  }
}

/// The scalar specification of a maximum's mask: the place, row * columns + column, of the first element that has the
/// maximum of its window; where elements are encoded, of those that became the same code the first (our assumption).
/// NaN is never a maximum; a window of nothing but NaN and -infinity has its own first element's place.
template <precision_policy P>
void pooling_places(tensor_view<const value_t<P>> x, const typename P::activations::scale& s, const pooling_params& p,
                    tensor_view<value_t<P>> places) {
  using activations = typename P::activations;
  const tensor_shape &xs = x.shape(), &ys = places.shape();
  std::size_t at = 0;
  for (std::size_t map = 0; map < ys[0] * ys[1]; ++map) {
    const value_t<P>* in = x.data() + map * xs[2] * xs[3];
    for (std::size_t oy = 0; oy < ys[2]; ++oy) {
      const auto rows = detail::window_of(p, xs, 0, oy);
      for (std::size_t ox = 0; ox < ys[3]; ++ox) {
        const auto columns = detail::window_of(p, xs, 1, ox);
        float most = -std::numeric_limits<float>::infinity();
        std::size_t place = rows.begin * xs[3] + columns.begin;
        for (std::size_t r = rows.begin; r < rows.end; ++r) {
          for (std::size_t c = columns.begin; c < columns.end; ++c) {
            const float v = P::output::to_float(in[r * xs[3] + c]);
            const float stored = activations::decode(activations::encode(v, s), s);
            if (!(stored > most)) continue;
            most = stored;
            place = r * xs[3] + c;
          }
        }
        places[at++] = P::output::from(static_cast<double>(place));
      }
    }
  }
}

}  // namespace reference

namespace detail {

/// Formats whose decode(encode(x)) never decreases over the values of q20_12, so that the maximum may be taken before.
template <class F>
inline constexpr bool is_monotone =
    std::same_as<F, binary32> || is_gfpq<F> || std::same_as<F, uniform8> || std::same_as<F, uniform16> ||
    std::same_as<F, uniform8_pow2> || std::same_as<F, uniform16_pow2>;

/// Global pooling by the kernels `k`: whole maps are rows of memory. False where it is none, or maps are too large.
template <precision_policy P, class Kernels>
bool whole_maps_pooled(Kernels k, tensor_view<const value_t<P>> x, const pooling_params& p, tensor_view<value_t<P>> y) {
  if (!p.global) return false;
  const std::size_t n = x.shape()[2] * x.shape()[3];
  if (p.operation == pooling_operation::maximum) {
    for (std::size_t map = 0; map < y.size(); ++map) y[map] = k.largest(x.data() + map * n, n);
    return true;
  }
  if (y.shape()[2] * y.shape()[3] != 1 || n > std::size_t{1} << 21U) return false;
  constexpr std::size_t block = 64;
  double sum[block];
  for (std::size_t map = 0; map < y.size(); map += block) {
    const std::size_t maps = std::min(block, y.size() - map);
    std::fill_n(sum, block, 0.0);
    k.template row_sums<false>(x.data() + map * n, n, maps, n, sum);
    k.means(sum, static_cast<double>(n), y.data() + map, maps);
  }
  return true;
}

/// By the vector kernels; false where there are none. The windows that lie inside a row run side by side, the clipped
/// ones at its ends one by one.
template <precision_policy P>
bool vector_pooling(tensor_view<const value_t<P>> x, const typename P::activations::scale& s, const pooling_params& p,
                    tensor_view<value_t<P>> y) {
  using activations = typename P::activations;
  const bool is_average = p.operation != pooling_operation::maximum;
  // Floats are encoded as themselves; of other float pooling the infinities of gfpq stand in the way.
  constexpr bool is_plain = std::same_as<activations, binary32> && std::same_as<typename P::output, binary32>;
  constexpr bool is_ordered = std::same_as<typename P::output, q20_12> && is_monotone<activations>;
  if (!is_average && !is_plain && !is_ordered) return false;
  const tensor_shape &xs = x.shape(), &ys = y.shape();
  const std::size_t width = xs[3], map_size = ys[2] * ys[3];
  return run_layerwise<P>([&](auto k) {
    if (whole_maps_pooled<P>(k, x, p, y)) {
      if constexpr (is_ordered) {
        if (!is_average) requantize<activations, q20_12>(y.span(), y.span(), s);
      }
      return;
    }
    const std::size_t stride = p.stride[1];
    // Windows begin .. end-1 of a row are inside it.
    const std::size_t begin = std::min(ys[3], (p.pad.left + stride - 1) / stride);
    std::size_t end = begin;
    if (!p.global && width + p.pad.left >= p.kernel[1]) {
      end = std::clamp((width + p.pad.left - p.kernel[1]) / stride + 1, begin, ys[3]);
    }
    for (std::size_t map = 0; map < ys[0] * ys[1]; ++map) {
      for (std::size_t oy = 0; oy < ys[2]; ++oy) {
        const pooling_window rows = window_of(p, xs, 0, oy);
        const value_t<P>* in = x.data() + (map * xs[2] + rows.begin) * width;
        value_t<P>* out = y.data() + map * map_size + oy * ys[3];
        // The rows that the next windows add: three short streams are too many for the processor to foresee.
        const auto next = static_cast<std::size_t>(in - x.data()) + (rows.end - rows.begin) * width;
        const std::size_t last = std::min(x.size(), next + p.stride[0] * width);
        for (std::size_t at = next; at < last; at += 16) __builtin_prefetch(x.data() + at);
        for (std::size_t ox = 0; ox < ys[3];) {
          const std::size_t n = ox == begin && end > begin ? end - begin : 1;
          const pooling_window columns = window_of(p, xs, 1, ox);
          const kernels::layerwise::windows w{width, rows.end - rows.begin, columns.end - columns.begin, stride};
          if (is_average) {
            const auto area = static_cast<double>(rows.length * columns.length);
            k.window_means(in + columns.begin, w, area, out + ox, n);
          } else {
            k.window_maxima(in + columns.begin, w, out + ox, n);
          }
          ox += n;
        }
      }
      if constexpr (is_ordered) {
        const std::span<q20_12> of_map(y.data() + map * map_size, map_size);
        if (!is_average) requantize<activations, q20_12>(of_map, of_map, s);
      }
    }
  });
}

}  // namespace detail

/// Checks, then evaluates into `y`, which must have the inferred shape. Allocates nothing. `s` is the scale of the
/// input of a maximum; an average does not use it.
template <precision_policy P>
void pooling_into(tensor_view<const value_t<P>> x, const typename P::activations::scale& s, const pooling_params& p,
                  tensor_view<value_t<P>> y) {
  detail::require_output(y.shape(), infer_shape(p, x.shape()), "pooling");
  if (!detail::vector_pooling<P>(x, s, p, y)) reference::pooling<P>(x, s, p, y);
}

/// Throws format_error where a policy's output format does not hold the places of a map with this many elements
/// exactly: q20_12 holds them up to 2^19, float up to 2^24.
template <precision_policy P>
void check_places(std::size_t elements, std::string_view what) {
  const double last = static_cast<double>(elements) - 1;
  detail::require<format_error>(
      elements <= std::size_t{1} << 24U && P::output::to_double(P::output::from(last)) == last, what,
      ": places in a map of ", elements, " elements under policy ", policy_name<P>(),
      ", expected as few as its layers' output format tells apart");
}

/// The places of a maximum pooling's maxima in their maps, N x C x OH x OW of numbers row * W + column. Checks, then
/// evaluates. Throws shape_error as pooling_into, format_error for averages and as check_places. Allocates nothing.
template <precision_policy P>
void pooling_places_into(tensor_view<const value_t<P>> x, const typename P::activations::scale& s,
                         const pooling_params& p, tensor_view<value_t<P>> places) {
  detail::require_output(places.shape(), infer_shape(p, x.shape()), "pooling places");
  detail::require<format_error>(p.operation == pooling_operation::maximum,
                                "pooling places: got an average, expected a maximum");
  check_places<P>(x.shape()[2] * x.shape()[3], "pooling places");
  reference::pooling_places<P>(x, s, p, places);
}

/// Pooling of N x C x H x W; the scale of the input is derived from it unless given.
template <precision_policy P, tensor_like X>
[[nodiscard]] tensor<value_t<P>> pooling(const X& x, const pooling_params& p,
                                         std::optional<typename P::activations::scale> s = {}) {
  const detail::op_input<P, X> in(x, "pooling");
  auto y = make_tensor<value_t<P>>(infer_shape(p, in.shape()));
  if (!s) s = kernels::engine<P>::scale_of(active_isa(), in.view().data(), in.view().size());
  pooling_into<P>(in.view(), *s, p, view_of(y));
  return y;
}

/// The places of the maxima of N x C x H x W; the scale of the input is derived from it unless given.
template <precision_policy P, tensor_like X>
[[nodiscard]] tensor<value_t<P>> pooling_places(const X& x, const pooling_params& p,
                                                std::optional<typename P::activations::scale> s = {}) {
  const detail::op_input<P, X> in(x, "pooling places");
  auto y = make_tensor<value_t<P>>(infer_shape(p, in.shape()));
  if (!s) s = kernels::engine<P>::scale_of(active_isa(), in.view().data(), in.view().size());
  pooling_places_into<P>(in.view(), *s, p, view_of(y));
  return y;
}

NNIESIM_END_NAMESPACE
