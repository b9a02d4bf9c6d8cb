// What can go wrong with a network's input between the picture and the first layer: one list of changes, for inputs
// that a run shows and for replays where it does not.
// Long: one entry for each change, which a scene allows or not.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/core/error.hpp>
#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/preprocess_solver.hpp>
#include <nniesim/io/preprocess.hpp>
#include <nniesim/tensor/shape.hpp>

NNIESIM_BEGIN_NAMESPACE

/// What can happen to a picture's bytes before they are normalized.
enum class byte_change {
  none,
  reordered,              ///< the channels stand in another order than the reverse one
  interleaved_as_planar,  ///< the buffer holds H x W x C and is read as C x H x W
  planar_as_interleaved,  ///< the buffer holds C x H x W and is read as H x W x C
  rows_padded,            ///< rows stand `stride` elements apart and are read one behind the other
  rows_unpadded,          ///< rows stand one behind the other and are read `stride` elements apart
  transposed,             ///< rows and columns exchanged
  mirrored,               ///< left and right exchanged
  flipped,                ///< top and bottom exchanged
  rotated,                ///< by half a turn
  shifted,                ///< `right` columns and `down` rows away
  letterboxed,            ///< resized with its aspect kept, a border around it
  cropped,                ///< resized with its aspect kept, what is too much cut off
  resampled,              ///< resized with another interpolation
  signed_bytes,           ///< bytes of 128 and more are read as negative
  clipped,                ///< what is below the mean is cut to 0, as in unsigned arithmetic that saturates
  wrapped,                ///< what is below the mean wraps around to 255, as in unsigned arithmetic
  grey,                   ///< all channels are the picture's luma
  constant,               ///< one value per channel: nothing was written
};

/// How the bytes are normalized.
enum class value_change {
  none,
  mean_missing,
  scale_missing,
  mean_and_scale_missing,
  mean_twice,
  scale_twice,
  normalized_twice,
  scale_before_mean,  ///< x * scale - mean
  means_reversed,     ///< the means stand in the other order of channels
  inverted,           ///< 255 - x in place of x
  other,              ///< another mean and scale
};

/// How a picture is resized.
enum class resampling { bilinear, nearest, nearest_centre, corners, bicubic, area, smoothed };

/// The way in words.
[[nodiscard]] constexpr std::string_view to_string(resampling r) noexcept {
  switch (r) {
    case resampling::bilinear: return "bilinear, as OpenCV";
    case resampling::nearest: return "nearest neighbour";
    case resampling::nearest_centre: return "nearest neighbour of the pixels' centres";
    case resampling::corners: return "bilinear with the corners aligned";
    case resampling::bicubic: return "bicubic";
    case resampling::area: return "area";
    case resampling::smoothed: return "bilinear with smoothing, as Pillow";
  }
  return "?";
}

/// What a network's input is made of.
struct input_scene {
  std::size_t channels = 1,        ///< of the input
      rows = 1,                    ///< of the input
      columns = 1;                 ///< of the input
  known_preprocessing known{};     ///< by the cfg
  std::vector<float> bytes{};      ///< C x H x W in the network's order of channels, before mean and scale
  std::optional<image> picture{};  ///< before it was resized; for letterboxes, crops and other interpolations
  /// Elements of one channel.
  [[nodiscard]] std::size_t plane() const noexcept { return rows * columns; }
  /// Elements in all.
  [[nodiscard]] std::size_t size() const noexcept { return channels * plane(); }
  /// What the cfg subtracts from element i; 0 without a mean.
  [[nodiscard]] float mean_at(std::size_t i) const { return mean_of(known.mean, i); }
  /// One of a list of means, of channels or of elements, for element i.
  [[nodiscard]] float mean_of(std::span<const float> mean, std::size_t i) const {
    if (mean.empty()) return 0;
    return mean.size() == size() ? mean[i] : mean[std::min(i / plane(), mean.size() - 1)];
  }
};

/// One way to make an input.
struct input_change {
  byte_change bytes = byte_change::none;     ///< what happens to the bytes
  bool reversed = false;                     ///< the channels stand in the reverse order, too
  value_change values = value_change::none;  ///< how they are normalized otherwise than by the cfg
  std::vector<std::size_t> order{};          ///< of `reordered`: the picture's channel, for each of the input's
  std::size_t stride = 0;                    ///< of rows, in elements
  bool interleaved = false;                  ///< of rows: those of H x W x C
  bool after = false;                        ///< a layout that is changed behind the normalization
  int right = 0,                             ///< of `shifted`: columns to the right; negative: to the left
      down = 0;                              ///< of `shifted`: rows down; negative: up
  bool centred = true;                       ///< of `letterboxed`: else at the top left
  float border = std::numeric_limits<float>::quiet_NaN();  ///< in bytes, of what is outside; NaN: not known
  resampling way = resampling::bilinear;                   ///< of `resampled`
  std::vector<float> mean{};                               ///< of value_change::other, of each channel; none: no mean
  double scale = 1;                                        ///< of the same

  /// Whether nothing is changed: the input is made by the cfg.
  [[nodiscard]] bool is_none() const noexcept {
    return bytes == byte_change::none && !reversed && values == value_change::none;
  }
};

namespace detail {

/// The bytes of a picture as a network's input has them, C x H x W; see picture_transform.
[[nodiscard]] inline std::vector<float> planar_bytes(const image& picture, std::size_t channels, channel_order order) {
  const std::size_t plane = picture.rows * picture.columns;
  std::vector<float> result(channels * plane);
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t i = 0; i < plane; ++i) {
      const std::uint8_t* const rgb = picture.pixels.data() + i * 3;
      result[c * plane + i] = channels == 1
                                  ? static_cast<float>((299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2] + 500) / 1000)
                                  : static_cast<float>(rgb[order == channel_order::rgb ? c : 2 - c]);
    }
  }
  return result;
}

/// The taps of one output position of a separable resampling: places of the input and their weights.
struct resampling_tap {
  std::ptrdiff_t at = 0;
  std::vector<double> weights{};
};

/// Long: one case for each way to resample.
[[nodiscard]] inline std::vector<resampling_tap> taps_of(resampling way, std::size_t from, std::size_t to) {
  std::vector<resampling_tap> taps(to);
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const auto cubic = [](double x) {
    constexpr double a = -0.75;
    x = std::fabs(x);
    if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0.0;
  };
  for (std::size_t i = 0; i < to; ++i) {
    resampling_tap& t = taps[i];
    const double centre = (static_cast<double>(i) + 0.5) * scale - 0.5;
    switch (way) {
      case resampling::nearest:
        t = {static_cast<std::ptrdiff_t>(std::floor(static_cast<double>(i) * scale)), {1}};
        break;
      case resampling::nearest_centre: t = {static_cast<std::ptrdiff_t>(std::floor(centre + 0.5)), {1}}; break;
      case resampling::bilinear:
      case resampling::corners: {
        const double at = way == resampling::bilinear ? centre
                          : to > 1
                              ? static_cast<double>(i) * static_cast<double>(from - 1) / static_cast<double>(to - 1)
                              : 0;
        const double whole = std::floor(at);
        t = {static_cast<std::ptrdiff_t>(whole), {1 - (at - whole), at - whole}};
        break;
      }
      case resampling::bicubic: {
        const double whole = std::floor(centre);
        t.at = static_cast<std::ptrdiff_t>(whole) - 1;
        for (int k = -1; k <= 2; ++k) t.weights.push_back(cubic(centre - whole - k));
        break;
      }
      case resampling::area:
      case resampling::smoothed: {
        const bool is_area = way == resampling::area;
        if (scale <= 1) {  // enlarged both are bilinear
          const double whole = std::floor(centre);
          t = {static_cast<std::ptrdiff_t>(whole), {1 - (centre - whole), centre - whole}};
          break;
        }
        const double low = is_area ? static_cast<double>(i) * scale : centre + 0.5 - scale;
        const double high = is_area ? static_cast<double>(i + 1) * scale : centre + 0.5 + scale;
        const auto first = static_cast<std::ptrdiff_t>(std::floor(low));
        const auto last = static_cast<std::ptrdiff_t>(std::ceil(high));
        t.at = first;
        double sum = 0;
        for (std::ptrdiff_t k = first; k < last; ++k) {
          const auto x = static_cast<double>(k);
          double w = is_area ? std::min(high, x + 1) - std::max(low, x) : 1 - std::fabs(x - centre) / scale;
          if (k < 0 || k >= static_cast<std::ptrdiff_t>(from)) w = 0;
          t.weights.push_back(std::max(w, 0.0));
          sum += t.weights.back();
        }
        for (double& w : t.weights) w /= sum;
        break;
      }
    }
  }
  return taps;
}

/// A picture resized in another way than the compiler's; pixels rounded to bytes.
[[nodiscard]] inline image resampled(const image& in, std::size_t rows, std::size_t columns, resampling way) {
  if (way == resampling::bilinear || (rows == in.rows && columns == in.columns)) return resize(in, rows, columns);
  require_image_size(rows, columns, "resampled");
  const auto vertical = taps_of(way, in.rows, rows), horizontal = taps_of(way, in.columns, columns);
  const auto inside = [](std::ptrdiff_t at, std::size_t n) {
    return static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(at, 0, static_cast<std::ptrdiff_t>(n) - 1));
  };
  std::vector<float> lines(in.rows * columns * 3);  // resized along the rows
  for (std::size_t y = 0; y < in.rows; ++y) {
    for (std::size_t x = 0; x < columns; ++x) {
      const resampling_tap& t = horizontal[x];
      for (std::size_t c = 0; c < 3; ++c) {
        double sum = 0;
        for (std::size_t k = 0; k < t.weights.size(); ++k) {
          const std::size_t from = inside(t.at + static_cast<std::ptrdiff_t>(k), in.columns);
          sum += t.weights[k] * static_cast<double>(in.pixels[(y * in.columns + from) * 3 + c]);
        }
        lines[(y * columns + x) * 3 + c] = static_cast<float>(sum);
      }
    }
  }
  image out{rows, columns, std::vector<std::uint8_t>(rows * columns * 3)};
  for (std::size_t y = 0; y < rows; ++y) {
    const resampling_tap& t = vertical[y];
    for (std::size_t i = 0; i < columns * 3; ++i) {
      double sum = 0;
      for (std::size_t k = 0; k < t.weights.size(); ++k) {
        const std::size_t from = inside(t.at + static_cast<std::ptrdiff_t>(k), in.rows);
        sum += t.weights[k] * static_cast<double>(lines[from * columns * 3 + i]);
      }
      out.pixels[y * columns * 3 + i] = static_cast<std::uint8_t>(std::clamp(std::round(sum), 0.0, 255.0));
    }
  }
  return out;
}

/// A picture fitted into rows x columns with its aspect kept: `fills` cuts off what is too much, else a border of
/// `border` is around it, or, not centred, to its right or below it.
[[nodiscard]] inline std::vector<float> fitted(const image& picture, const input_scene& s, bool fills, bool centred,
                                               float border) {
  const double across = static_cast<double>(s.columns) / static_cast<double>(picture.columns);
  const double along = static_cast<double>(s.rows) / static_cast<double>(picture.rows);
  const double factor = fills ? std::max(across, along) : std::min(across, along);
  const auto extent = [&](std::size_t n, std::size_t limit) {
    const auto e = static_cast<std::size_t>(std::max(1.0, std::round(factor * static_cast<double>(n))));
    return fills ? std::max(e, limit) : std::min(e, limit);
  };
  const std::size_t h = extent(picture.rows, s.rows), w = extent(picture.columns, s.columns);
  const std::vector<float> inner = planar_bytes(resize(picture, h, w), s.channels, s.known.order);
  std::vector<float> result(s.size(), border);
  const auto offset = [&](std::size_t big, std::size_t small) { return centred ? (big - small) / 2 : 0; };
  const std::size_t top = fills ? offset(h, s.rows) : offset(s.rows, h);
  const std::size_t left = fills ? offset(w, s.columns) : offset(s.columns, w);
  for (std::size_t c = 0; c < s.channels; ++c) {
    for (std::size_t y = 0; y < std::min(h, s.rows); ++y) {
      for (std::size_t x = 0; x < std::min(w, s.columns); ++x) {
        const std::size_t from = fills ? (c * h + y + top) * w + x + left : (c * h + y) * w + x;
        const std::size_t to = fills ? (c * s.rows + y) * s.columns + x : (c * s.rows + y + top) * s.columns + x + left;
        result[to] = inner[from];
      }
    }
  }
  return result;
}

/// Whether a change is one of places alone.
[[nodiscard]] inline bool is_of_places(const input_change& change, const input_scene& s) {
  switch (change.bytes) {
    case byte_change::reordered: return change.order.size() == s.channels;
    case byte_change::rows_padded:
    case byte_change::rows_unpadded: return change.stride != 0;
    case byte_change::none:
    case byte_change::interleaved_as_planar:
    case byte_change::planar_as_interleaved:
    case byte_change::transposed:
    case byte_change::mirrored:
    case byte_change::flipped:
    case byte_change::rotated:
    case byte_change::shifted: return true;
    default: return false;
  }
}

/// Where element (channel i, row j, column k) of the changed input comes from among the scene's, for a change of
/// places; -1: from outside.
[[nodiscard]] inline std::ptrdiff_t place_of(const input_change& change, const input_scene& s, std::size_t i,
                                             std::size_t j, std::size_t k) {
  const std::size_t c = s.channels, h = s.rows, w = s.columns, n = s.size();
  const auto place = [&](std::size_t channel, std::size_t y, std::size_t x) {
    return static_cast<std::ptrdiff_t>(((change.reversed ? c - 1 - channel : channel) * h + y) * w + x);
  };
  const auto interleaved = [&](std::size_t at) { return place(at % c, at / c / w, at / c % w); };
  const auto planar = [&](std::size_t at) { return place(at / (h * w), at / w % h, at % w); };
  // Element of a buffer without gaps, of either layout.
  const auto dense = [&](std::size_t at) { return change.interleaved ? interleaved(at) : planar(at); };
  const std::size_t row = change.interleaved ? j : i * h + j, column = change.interleaved ? k * c + i : k;
  const std::size_t length = change.interleaved ? w * c : w;  // of a row
  switch (change.bytes) {
    case byte_change::reordered: return place(change.order[i], j, k);
    case byte_change::interleaved_as_planar: return interleaved((i * h + j) * w + k);
    case byte_change::planar_as_interleaved: return planar((j * w + k) * c + i);
    case byte_change::rows_unpadded: {
      const std::size_t at = row * change.stride + column;
      return at < n ? dense(at) : -1;
    }
    case byte_change::rows_padded: {
      const std::size_t at = row * length + column;
      const bool inside = at % change.stride < length && at / change.stride * length < n;
      return inside ? dense(at / change.stride * length + at % change.stride) : -1;
    }
    case byte_change::transposed: {
      if (h == w) return place(i, k, j);
      const std::size_t at = j * w + k;  // the plane holds W rows of H
      return place(i, at % h, at / h);
    }
    case byte_change::mirrored: return place(i, j, w - 1 - k);
    case byte_change::flipped: return place(i, h - 1 - j, k);
    case byte_change::rotated: return place(i, h - 1 - j, w - 1 - k);
    case byte_change::shifted: {
      const auto y = static_cast<std::ptrdiff_t>(j) - change.down, x = static_cast<std::ptrdiff_t>(k) - change.right;
      const bool inside = y >= 0 && x >= 0 && y < static_cast<std::ptrdiff_t>(h) && x < static_cast<std::ptrdiff_t>(w);
      return inside ? place(i, static_cast<std::size_t>(y), static_cast<std::size_t>(x)) : -1;
    }
    default: return place(i, j, k);
  }
}

/// The same of every element; nothing for other changes.
[[nodiscard]] inline std::optional<std::vector<std::ptrdiff_t>> places_of(const input_change& change,
                                                                          const input_scene& s) {
  if (!is_of_places(change, s)) return std::nullopt;
  std::vector<std::ptrdiff_t> from;
  from.reserve(s.size());
  for (std::size_t i = 0; i < s.channels; ++i) {
    for (std::size_t j = 0; j < s.rows; ++j) {
      for (std::size_t k = 0; k < s.columns; ++k) from.push_back(place_of(change, s, i, j, k));
    }
  }
  return from;
}

}  // namespace detail

/// A picture's scene. `shape` is that of the input, 1 x channels x rows x columns.
[[nodiscard]] inline input_scene scene_of(const image& picture, const known_preprocessing& known,
                                          const tensor_shape& shape) {
  require_rank(shape, 4, "scene", "1, channels, rows, columns");
  input_scene s{shape[1], shape[2], shape[3], known, {}, picture};
  const image given = as_given(resize(picture, s.rows, s.columns), known.image_type);
  s.bytes = detail::planar_bytes(given, s.channels, known.order);
  return s;
}

/// The scene of an input whose picture is not at hand: mean and scale are undone. `shape` is of any rank; without rows
/// and columns all are one plane. Throws shape_error where it has not as many elements.
[[nodiscard]] inline input_scene scene_of(std::span<const float> input, const known_preprocessing& known,
                                          const tensor_shape& shape) {
  detail::require<shape_error>(shape.size() == input.size() && !input.empty(), "scene: ", input.size(),
                               " values for shape ", shape);
  input_scene s;
  s.known = known;
  const std::size_t rank = shape.rank();
  s.columns = shape[rank - 1];
  s.rows = rank >= 3 ? shape[rank - 2] : 1;
  s.channels = input.size() / s.plane();
  s.bytes.resize(input.size());
  const auto scale = static_cast<float>(known.scale);
  for (std::size_t i = 0; i < input.size(); ++i) {
    const float v = (scale != 0 ? input[i] / scale : input[i]) + s.mean_at(i);
    // What comes from bytes is whole but for the rounding of float32.
    const float whole = std::round(v);
    s.bytes[i] = std::fabs(v - whole) <= 1e-4F * std::max(1.0F, std::fabs(v)) ? whole : v;
  }
  return s;
}

/// The bytes after a change, C x H x W; change.border where nothing of the picture is. Nothing where the change is not
/// possible with the scene.
[[nodiscard]] inline std::optional<std::vector<float>> changed_bytes(const input_change& change, const input_scene& s) {
  const auto reversed = [&](std::vector<float> v) {
    if (!change.reversed) return v;
    for (std::size_t c = 0; c < s.channels / 2; ++c) {
      const auto at = [&](std::size_t i) { return v.begin() + static_cast<std::ptrdiff_t>(i * s.plane()); };
      std::swap_ranges(at(c), at(c + 1), at(s.channels - 1 - c));
    }
    return v;
  };
  if (const auto from = detail::places_of(change, s)) {
    std::vector<float> y(from->size());
    for (std::size_t i = 0; i < y.size(); ++i) {
      y[i] = (*from)[i] < 0 ? change.border : s.bytes[static_cast<std::size_t>((*from)[i])];
    }
    return y;
  }
  const auto of_each = [&](const auto& f) {
    std::vector<float> y = reversed(s.bytes);
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = f(y[i], i);
    return y;
  };
  switch (change.bytes) {
    case byte_change::letterboxed:
    case byte_change::cropped:
      if (!s.picture) return std::nullopt;
      return reversed(
          detail::fitted(*s.picture, s, change.bytes == byte_change::cropped, change.centred, change.border));
    case byte_change::resampled:
      if (!s.picture) return std::nullopt;
      return reversed(detail::planar_bytes(detail::resampled(*s.picture, s.rows, s.columns, change.way), s.channels,
                                           s.known.order));
    case byte_change::signed_bytes: return of_each([](float v, std::size_t) { return v >= 128 ? v - 256 : v; });
    case byte_change::clipped: return of_each([&](float v, std::size_t i) { return std::max(v, s.mean_at(i)); });
    case byte_change::wrapped: return of_each([&](float v, std::size_t i) { return v < s.mean_at(i) ? v + 256 : v; });
    case byte_change::grey: {
      if (s.channels != 3) return std::nullopt;
      std::vector<float> y(s.size());
      for (std::size_t i = 0; i < s.plane(); ++i) {
        const bool is_rgb = s.known.order == channel_order::rgb;
        const float first = s.bytes[i], green = s.bytes[s.plane() + i], last = s.bytes[2 * s.plane() + i];
        const float luma =
            std::round(0.299F * (is_rgb ? first : last) + 0.587F * green + 0.114F * (is_rgb ? last : first));
        for (std::size_t c = 0; c < 3; ++c) y[c * s.plane() + i] = luma;
      }
      return y;
    }
    case byte_change::constant: return std::vector<float>(s.size(), change.border);
    default: return std::nullopt;
  }
}

/// The mean and scale with which a change normalizes: x - mean, then * scale.
struct normalization {
  std::vector<float> mean{};  ///< as known_preprocessing's
  double scale = 1;           ///< by which what is left is multiplied
};
/// Of a change: the cfg's mean and scale, altered as change.values says, or the change's own for value_change::other.
[[nodiscard]] inline normalization normalization_of(const input_change& change, const input_scene& s) {
  const known_preprocessing& k = s.known;
  normalization n{k.mean, k.scale};
  const auto times = [&](double factor) {
    for (float& m : n.mean) m = static_cast<float>(static_cast<double>(m) * factor);
  };
  switch (change.values) {
    case value_change::none: break;
    case value_change::mean_missing: n.mean.clear(); break;
    case value_change::scale_missing: n.scale = 1; break;
    case value_change::mean_and_scale_missing: return {};
    case value_change::mean_twice: times(2); break;
    case value_change::scale_twice: n.scale *= k.scale; break;
    case value_change::normalized_twice:
      times(1 + 1 / k.scale);
      n.scale *= k.scale;
      break;
    case value_change::scale_before_mean: times(1 / k.scale); break;
    case value_change::means_reversed: {
      const std::size_t parts = n.mean.size() == s.size() ? s.channels : n.mean.size();
      const std::size_t each = parts == 0 ? 0 : n.mean.size() / parts;
      std::vector<float> turned;
      for (std::size_t p = parts; p-- > 0;) {
        const auto first = n.mean.begin() + static_cast<std::ptrdiff_t>(p * each);
        turned.insert(turned.end(), first, first + static_cast<std::ptrdiff_t>(each));
      }
      n.mean = std::move(turned);
      break;
    }
    case value_change::inverted:
      if (n.mean.empty()) n.mean.assign(s.channels, 0);
      for (float& m : n.mean) m = 255 - m;
      n.scale = -n.scale;
      break;
    case value_change::other: return {change.mean, change.scale};
  }
  return n;
}

/// The input that a change makes, C x H x W; nothing where it is not possible. A border that is not known is 0.
[[nodiscard]] inline std::optional<std::vector<float>> changed_input(input_change change, const input_scene& s) {
  if (std::isnan(change.border)) change.border = 0;
  input_change before = change;
  if (change.after) before = {};
  auto y = changed_bytes(before, s);
  if (!y) return std::nullopt;
  const normalization n = normalization_of(change, s);
  for (std::size_t i = 0; i < y->size(); ++i) {
    (*y)[i] = ((*y)[i] - s.mean_of(n.mean, i)) * static_cast<float>(n.scale);
  }
  if (!change.after) return y;
  input_scene normal{s.channels, s.rows, s.columns, {}, std::move(*y), {}};
  return changed_bytes(change, normal);
}

namespace detail {

/// "104, 117, 123".
template <class Values>
[[nodiscard]] std::string number_list(const Values& values) {
  std::string text;
  for (const auto v : values) text += (text.empty() ? "" : ", ") + number_text(static_cast<double>(v), 4);
  return text;
}

/// What a layout's change is, of bytes or of values.
[[nodiscard]] inline std::string bytes_text(const input_change& c, const input_scene& s) {
  const auto rows_text = [&] { return message("rows of ", c.interleaved ? s.columns * s.channels : s.columns, " "); };
  switch (c.bytes) {
    case byte_change::none: return "";
    case byte_change::reordered: return message("the channels stand in the order ", number_list(c.order));
    case byte_change::interleaved_as_planar: return "an interleaved buffer (H x W x C) is read as planar (C x H x W)";
    case byte_change::planar_as_interleaved: return "a planar buffer (C x H x W) is read as interleaved (H x W x C)";
    case byte_change::rows_padded:
      return message(rows_text(), "that stand ", c.stride, " apart are read one behind the other");
    case byte_change::rows_unpadded:
      return message(rows_text(), "that stand one behind the other are read ", c.stride, " apart");
    case byte_change::transposed: return "rows and columns are exchanged";
    case byte_change::mirrored: return "the picture is mirrored: left and right exchanged";
    case byte_change::flipped: return "the picture is flipped: top and bottom exchanged";
    case byte_change::rotated: return "the picture is rotated by half a turn";
    case byte_change::shifted:
      return message("the picture is shifted by ", c.right, " to the right and ", c.down, " down");
    case byte_change::letterboxed:
      return message(
          "the picture is letterboxed: its aspect kept, ", c.centred ? "a border around it" : "at the top left",
          std::isnan(c.border) ? "" : message(", the border ", number_text(static_cast<double>(c.border), 4)));
    case byte_change::cropped: return "the picture is cropped: its aspect kept, the rest cut off";
    case byte_change::resampled:
      return message("the picture is resized with another interpolation: ", to_string(c.way));
    case byte_change::signed_bytes: return "bytes of 128 and more are read as negative (signed)";
    case byte_change::clipped: return "what is below the mean is cut to 0 (unsigned arithmetic)";
    case byte_change::wrapped: return "what is below the mean wraps around (unsigned arithmetic)";
    case byte_change::grey: return "all channels are the picture's grey";
    case byte_change::constant: return "the buffer was not filled: every channel has one value";
  }
  return "?";
}

[[nodiscard]] inline std::string values_text(const input_change& c) {
  switch (c.values) {
    case value_change::none: return "";
    case value_change::mean_missing: return "the mean is not subtracted";
    case value_change::scale_missing: return "the scale is missing";
    case value_change::mean_and_scale_missing: return "neither mean nor scale is applied";
    case value_change::mean_twice: return "the mean is subtracted twice";
    case value_change::scale_twice: return "the scale is applied twice";
    case value_change::normalized_twice: return "mean and scale are applied twice";
    case value_change::scale_before_mean: return "the scale comes before the mean: x * scale - mean";
    case value_change::means_reversed: return "the means stand in the other order of channels";
    case value_change::inverted: return "the picture is inverted: 255 - x";
    case value_change::other:
      return message("mean ", c.mean.empty() ? std::string("0") : number_list(c.mean), " and scale ",
                     number_text(c.scale, 4), " in place of the cfg's");
  }
  return "?";
}

}  // namespace detail

/// A change in words: "the channels stand in the reverse order; the mean is not subtracted".
[[nodiscard]] inline std::string to_string(const input_change& c, const input_scene& s) {
  std::string text;
  const auto say = [&](const std::string& part) {
    if (!part.empty()) text += (text.empty() ? "" : "; ") + part;
  };
  say(detail::bytes_text(c, s));
  if (c.reversed) say("the channels stand in the reverse order");
  say(detail::values_text(c));
  return text.empty() ? "as the cfg says" : text;
}

/// How many kinds of changes are asked for.
enum class change_breadth {
  single,   ///< one thing wrong
  pairs,    ///< two things: the order of channels or a layout, and a normalization
  foreign,  ///< other usual means and scales
};

namespace detail {

[[nodiscard]] inline bool has_one_mean(const known_preprocessing& k) {
  return std::all_of(k.mean.begin(), k.mean.end(), [&](float m) { return m == k.mean[0]; });
}

/// What can be wrong with the normalization, where the cfg has the parts for it.
[[nodiscard]] inline std::vector<input_change> value_changes(const input_scene& s) {
  const known_preprocessing& k = s.known;
  const bool has_mean = std::any_of(k.mean.begin(), k.mean.end(), [](float m) { return m != 0; });
  const bool has_scale = k.scale != 1;
  std::vector<input_change> all;
  const auto add = [&](value_change v) { all.push_back({.values = v}); };
  if (has_mean) add(value_change::mean_missing);
  if (has_scale) add(value_change::scale_missing);
  if (has_mean && has_scale) add(value_change::mean_and_scale_missing);
  if (has_mean) add(value_change::mean_twice);
  if (has_mean && has_scale) add(value_change::scale_before_mean);
  if (has_scale) add(value_change::scale_twice);
  if (has_mean && has_scale) add(value_change::normalized_twice);
  if (has_mean && !has_one_mean(k)) add(value_change::means_reversed);
  add(value_change::inverted);
  return all;
}

/// The strides that hardware asks for, of rows of n elements.
[[nodiscard]] inline std::vector<std::size_t> likely_strides(std::size_t n) {
  std::vector<std::size_t> all;
  for (const std::size_t unit : {std::size_t{16}, std::size_t{32}, std::size_t{64}, std::size_t{8}, std::size_t{4}}) {
    const std::size_t stride = (n + unit - 1) / unit * unit;
    if (stride != n && std::find(all.begin(), all.end(), stride) == all.end()) all.push_back(stride);
  }
  return all;
}

/// What can be wrong with the layout of the buffer.
[[nodiscard]] inline std::vector<input_change> layout_changes(const input_scene& s) {
  std::vector<input_change> all;
  const bool has_channels = s.channels > 1 && s.plane() > 1;
  if (has_channels) {
    all.push_back({.bytes = byte_change::interleaved_as_planar});
    all.push_back({.bytes = byte_change::planar_as_interleaved});
  }
  if (s.rows < 2 || s.columns < 2) return all;
  for (const bool interleaved : {false, true}) {
    if (interleaved && !has_channels) break;
    for (const std::size_t stride : likely_strides(interleaved ? s.columns * s.channels : s.columns)) {
      all.push_back({.bytes = byte_change::rows_padded, .stride = stride, .interleaved = interleaved});
      all.push_back({.bytes = byte_change::rows_unpadded, .stride = stride, .interleaved = interleaved});
    }
    if (!interleaved) continue;
    for (const std::size_t stride : likely_strides(s.columns)) {  // of pixels
      all.push_back({.bytes = byte_change::rows_padded, .stride = stride * s.channels, .interleaved = true});
      all.push_back({.bytes = byte_change::rows_unpadded, .stride = stride * s.channels, .interleaved = true});
    }
  }
  return all;
}

/// What can be wrong with where the picture stands. `borders`: with these values around it.
[[nodiscard]] inline std::vector<input_change> place_changes(const input_scene& s, std::span<const float> borders) {
  std::vector<input_change> all;
  if (s.rows < 2 || s.columns < 2) return all;
  for (const byte_change b :
       {byte_change::mirrored, byte_change::flipped, byte_change::rotated, byte_change::transposed}) {
    all.push_back({.bytes = b});
  }
  if (!s.picture) return all;
  const bool is_resized = s.picture->rows != s.rows || s.picture->columns != s.columns;
  // The aspects differ by at least one row or column of the input.
  const double aspect = static_cast<double>(s.picture->rows) * static_cast<double>(s.columns) /
                        (static_cast<double>(s.picture->columns) * static_cast<double>(s.rows));
  const double most = static_cast<double>(std::max(s.rows, s.columns));
  if (std::fabs(std::log(aspect)) * most >= 1) {
    for (const float border : borders) {
      for (const bool centred : {true, false}) {
        all.push_back({.bytes = byte_change::letterboxed, .centred = centred, .border = border});
      }
    }
    all.push_back({.bytes = byte_change::cropped});
    all.push_back({.bytes = byte_change::cropped, .centred = false});
  }
  if (!is_resized) return all;
  for (const resampling way : {resampling::nearest, resampling::nearest_centre, resampling::area, resampling::smoothed,
                               resampling::corners, resampling::bicubic}) {
    all.push_back({.bytes = byte_change::resampled, .way = way});
  }
  return all;
}

}  // namespace detail

/// The changes that a scene allows, the simplest first; of things outside the picture those that are tried in bytes are
/// 0, 114, 127, 128, 255 and the mean.
/// Long: a list, the simplest first.
[[nodiscard]] inline std::vector<input_change> input_changes(const input_scene& s, change_breadth breadth) {
  std::vector<input_change> all;
  const std::vector<input_change> values = detail::value_changes(s), layouts = detail::layout_changes(s);
  const bool is_coloured = s.channels == 3;
  if (breadth == change_breadth::single) {
    if (s.channels > 1 && s.channels <= 4) all.push_back({.reversed = true});
    all.insert(all.end(), values.begin(), values.end());
    all.insert(all.end(), layouts.begin(), layouts.end());
    std::vector<float> borders = {0, 114, 127, 128, 255};
    if (!s.known.mean.empty() && detail::has_one_mean(s.known) &&
        std::find(borders.begin(), borders.end(), s.known.mean[0]) == borders.end()) {
      borders.push_back(s.known.mean[0]);
    }
    const auto places = detail::place_changes(s, borders);
    all.insert(all.end(), places.begin(), places.end());
    all.push_back({.bytes = byte_change::signed_bytes});
    if (!s.known.mean.empty()) {
      all.push_back({.bytes = byte_change::clipped});
      all.push_back({.bytes = byte_change::wrapped});
    }
    if (is_coloured) all.push_back({.bytes = byte_change::grey});
    all.push_back({.bytes = byte_change::constant, .border = 0});
    if (!s.known.mean.empty()) {  // zeros behind the normalization
      all.push_back({.bytes = byte_change::constant, .values = value_change::other, .border = 0});
    }
    for (const byte_change b : {byte_change::interleaved_as_planar, byte_change::planar_as_interleaved}) {
      const bool differs = s.channels > 1 && !s.known.mean.empty() && !detail::has_one_mean(s.known);
      if (differs) all.push_back({.bytes = b, .after = true});
    }
    if (is_coloured) {
      for (const auto& order : std::array<std::vector<std::size_t>, 4>{{{1, 2, 0}, {2, 0, 1}, {0, 2, 1}, {1, 0, 2}}}) {
        all.push_back({.bytes = byte_change::reordered, .order = order});
      }
    }
    for (const int d : {1, 2}) {
      for (const auto& [x, y] :
           {std::pair(d, 0), std::pair(-d, 0), std::pair(0, d), std::pair(0, -d), std::pair(d, d), std::pair(-d, -d)}) {
        if (s.rows > 4 && s.columns > 4) {
          all.push_back({.bytes = byte_change::shifted, .right = x, .down = y, .border = 0});
        }
      }
    }
    return all;
  }
  if (breadth == change_breadth::pairs) {
    for (input_change v : values) {
      v.reversed = true;
      if (is_coloured) all.push_back(std::move(v));
    }
    for (input_change l : layouts) {
      l.reversed = true;
      if (is_coloured) all.push_back(l);
      l.reversed = false;
      if (l.bytes != byte_change::interleaved_as_planar && l.bytes != byte_change::planar_as_interleaved) continue;
      for (const input_change& v : values) {
        l.values = v.values;
        all.push_back(l);
      }
    }
    if (s.rows > 4 && s.columns > 4) {
      for (std::size_t stride = s.columns + 1; stride <= s.columns + detail::limit::strides_replayed; ++stride) {
        all.push_back({.bytes = byte_change::rows_padded, .stride = stride});
        all.push_back({.bytes = byte_change::rows_unpadded, .stride = stride});
      }
      for (const int d : {3, 4, 8}) {
        for (const auto& [x, y] : {std::pair(d, 0), std::pair(-d, 0), std::pair(0, d), std::pair(0, -d)}) {
          all.push_back({.bytes = byte_change::shifted, .right = x, .down = y, .border = 0});
        }
      }
    }
    for (input_change p : detail::place_changes(s, std::array{0.0F})) {
      p.reversed = true;
      if (is_coloured) all.push_back(std::move(p));
    }
    return all;
  }
  if (s.known.mean.size() <= s.channels) {
    for (const bool reversed : {false, true}) {
      if (reversed && !is_coloured) break;
      for (const double factor : {2.0, 0.5, 4.0, 0.25, 1.1, 0.9, 10.0, 0.1, 255.0, 1 / 255.0, 4096.0, 1 / 4096.0}) {
        all.push_back({.reversed = reversed,
                       .values = value_change::other,
                       .mean = s.known.mean,
                       .scale = s.known.scale * factor});
      }
    }
    std::vector<std::vector<float>> own = {
        {}, std::vector<float>(s.channels, 127.5F), std::vector<float>(s.channels, 128)};
    if (is_coloured) own.insert(own.end(), {{104, 117, 123}, {123, 117, 104}, {123.68F, 116.78F, 103.94F}});
    for (const auto& m : own) {
      all.push_back({.values = value_change::other, .mean = m, .scale = s.known.scale});
    }
  }
  const std::vector<std::vector<float>> means = {{},
                                                 {127.5F},
                                                 {128},
                                                 {127},
                                                 {104, 117, 123},
                                                 {123, 117, 104},
                                                 {103.94F, 116.78F, 123.68F},
                                                 {123.68F, 116.78F, 103.94F}};
  for (const bool reversed : {false, true}) {
    if (reversed && !is_coloured) break;
    for (const std::vector<float>& m : means) {
      if (m.size() == 3 && !is_coloured) continue;
      for (const double scale : {1.0, 1.0 / 255, 1.0 / 256, 1.0 / 127.5, 1.0 / 128, 0.017, 2.0 / 255}) {
        input_change c{.reversed = reversed, .values = value_change::other, .mean = m, .scale = scale};
        if (m.size() == 1) c.mean.assign(s.channels, m[0]);
        all.push_back(std::move(c));
      }
    }
  }
  return all;
}

NNIESIM_END_NAMESPACE
