// How the work of a convolution is cut, and how its input is laid out for the tile kernels.
#pragma once

#include <algorithm>
#include <array>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <nniesim/core/machine_memory.hpp>
#include <nniesim/kernels/types.hpp>
#include <nniesim/ops/conv2d_params.hpp>

NNIESIM_BEGIN_NAMESPACE

/// How a layer's operands stand in memory.
struct conv2d_operands {
  bool in_pixels = false;     ///< neighbouring outputs of a map stand in neighbouring lanes
  std::size_t codes = 1;      ///< channels in an operand
  std::size_t bytes = 4;      ///< of an operand
  std::size_t tile_rows = 1;  ///< outputs of a full tile
  std::size_t panels = 1;     ///< of the weights of a group
};

/// A block is a band of output rows (of columns where the maps can be read as one long row) of one group of one sample;
/// its input stands as operands in padded planes, small enough for the cache, whose columns are regrouped by stride
/// phase, so that neighbouring outputs always read neighbouring elements.
struct conv2d_plan {
  /// Plans the convolution of an input and weights of these shapes for at most `workers` threads. Throws shape_error as
  /// infer_shape does, and where the planes of a block have too many elements for 32-bit offsets.
  conv2d_plan(const conv2d_params& p, const tensor_shape& input, const tensor_shape& weights, const conv2d_operands& o,
              std::size_t workers)
      : params(p), x(input), w(weights), y(infer_shape(p, input, weights)), in_pixels(o.in_pixels), codes(o.codes) {
    channels = (w[1] + codes - 1) / codes;
    steps = channels * w[2] * w[3];
    flat = is_flat(params, w);
    stride = flat ? 1 : params.stride[1];
    const std::size_t columns = x[3] + params.pad.left + params.pad.right;
    phase = (columns + stride - 1) / stride;
    row = flat ? 1 : phase * stride;
    const std::size_t step = flat ? 1 : params.stride[0];
    const std::size_t reach = flat ? 1 : (w[2] - 1) * params.dilation[0] + 1;
    extent = flat ? y[2] * y[3] : y[2];
    // As many lines as the cache takes, and enough blocks for the workers.
    const std::size_t cache = cache_for(o.in_pixels, flat, channels);
    const std::size_t fitting = cache / o.bytes / (channels * row);
    lines = fitting < reach + step ? 1 : (fitting - reach) / step + 1;
    const std::size_t others = y[0] * params.groups;
    if (workers > 1) lines = std::min(lines, (extent * others + workers - 1) / workers);
    if (flat) {  // whole tiles
      lines = (lines + o.tile_rows - 1) / o.tile_rows * o.tile_rows;
    }
    lines = std::min(lines, extent);
    blocks = (extent + lines - 1) / lines;
    lines = (extent + blocks - 1) / blocks;                 // evenly
    if (o.in_pixels && !flat && blocks > 1 && lines > 8) {  // whole tiles of rows
      lines = lines / 8 * 8;
      blocks = (extent + lines - 1) / lines;
    }
    const bool fits = row * ((lines - 1) * step + reach) <= (static_cast<std::size_t>(INT32_MAX) - slack) / channels;
    detail::require<shape_error>(fits, "conv2d: input ", x, " has a padded group of ", channels, " planes of ",
                                 row * reach, " elements or more, expected at most ", INT32_MAX, " in all");
    plane = row * ((lines - 1) * step + reach);
    plane_elements = channels * plane + slack;
    all_blocks = others * blocks;
    splits = workers > 1 && all_blocks < 4 * workers ? std::min(o.panels, 4 * workers / all_blocks) : 1;
    units = all_blocks * splits;
    parts = std::clamp<std::size_t>(workers, 1, units);
  }

  /// Whether a 1 x 1 kernel at stride 1 without padding reads the map as one long row.
  [[nodiscard]] static bool is_flat(const conv2d_params& p, const tensor_shape& w) {
    return w[2] == 1 && w[3] == 1 && p.stride == std::array<std::size_t, 2>{1, 1} && p.pad.top == 0 &&
           p.pad.left == 0 && p.pad.bottom == 0 && p.pad.right == 0;
  }

  /// Writes the offset of each of the `steps` steps: where in the planes the block's first output reads it, in
  /// elements.
  void fill_offsets(std::int32_t* offset) const {
    const std::size_t area = w[2] * w[3];
    for (std::size_t kx = 0; kx < w[3]; ++kx) {
      const std::size_t column = kx * params.dilation[1];
      const std::size_t first = column % stride * phase + column / stride;
      for (std::size_t ky = 0; ky < w[2]; ++ky) {
        offset[ky * w[3] + kx] = static_cast<std::int32_t>(first + ky * params.dilation[0] * row);
      }
    }
    const auto next = static_cast<std::int32_t>(plane);
    for (std::size_t t = area; t < channels * area; ++t) offset[t] = offset[t - area] + next;
  }

  /// The planes of lines line0 .. line1-1 from one group of the input. Columns of padding hold `zero` already.
  /// `by_turns`, where given, does the same as `quantize` with a row whose elements go to two places by turns.
  template <class In, class Operand, class Scale>
  void fill_planes(void (*quantize)(const kernels::quantize_job<In, Operand>&, Scale), const In* in, std::size_t line0,
                   std::size_t line1, const Scale& s, Operand zero, Operand* out,
                   void (*by_turns)(const In*, std::size_t, Operand*, Operand*) = nullptr) const {
    const std::size_t map = x[2] * x[3];
    for (std::size_t c = 0; c < channels; ++c, in += codes * map, out += plane) {
      const std::size_t count = std::min(codes, w[1] - c * codes);
      if (flat && codes == 1) {  // all channels at once
        quantize({in + line0, static_cast<std::ptrdiff_t>(map), 1, 0, out, static_cast<std::ptrdiff_t>(plane), channels,
                  line1 - line0},
                 s);
        return;
      }
      if (flat) {
        quantize({in + line0, 0, count, map, out, 0, 1, line1 - line0}, s);
        continue;
      }
      const std::size_t top = line0 * params.stride[0];  // in the padded map
      const std::size_t bottom = (line1 - 1) * params.stride[0] + (w[2] - 1) * params.dilation[0] + 1;
      const std::size_t first = std::clamp(params.pad.top, top, bottom);
      const std::size_t last = std::clamp(params.pad.top + x[2], first, bottom);
      std::fill_n(out, (first - top) * row, zero);
      std::fill_n(out + (last - top) * row, (bottom - last) * row, zero);
      if (last == first) continue;  // nothing but padding: no place in the input
      const In* from = in + (first - params.pad.top) * x[3];
      if (stride == 1) {
        quantize({from, static_cast<std::ptrdiff_t>(x[3]), count, map, out + (first - top) * row + params.pad.left,
                  static_cast<std::ptrdiff_t>(row), last - first, x[3]},
                 s);
        continue;
      }
      if (stride == 2 && codes == 1 && by_turns != nullptr) {
        const auto place = [&](std::size_t column) { return column % 2 * phase + column / 2; };
        for (std::size_t r = first; r < last; ++r, from += x[3]) {
          Operand* const line = out + (r - top) * row;
          by_turns(from, x[3], line + place(params.pad.left), line + place(params.pad.left + 1));
        }
        continue;
      }
      // Lines follow one another in the input: narrow ones are encoded several at a time.
      constexpr std::size_t piece = 512;
      Operand buffer[piece];
      const std::size_t at_once = std::max<std::size_t>(1, piece / std::max<std::size_t>(1, x[3]));
      for (std::size_t r = first; r < last; r += at_once) {
        const std::size_t lines_here = std::min(at_once, last - r);
        for (std::size_t at = 0; at < x[3]; at += piece) {
          const std::size_t n = std::min(piece, x[3] - at);
          quantize({from + (r - first) * x[3] + at, 0, count, map, buffer, 0, 1, lines_here * n}, s);
          for (std::size_t i = 0; i < lines_here; ++i) {
            spread(buffer + i * n, n, at, out + (r + i - top) * row);
          }
        }
      }
    }
  }

  /// The steps of an output row: all, or only those off the padding, with the first of them.
  [[nodiscard]] std::pair<kernels::chain_steps, std::size_t> chain(std::size_t line, bool skip) const {
    const std::size_t first = line * params.stride[0];
    const auto inside = [&](std::size_t ky) {
      const std::size_t at = first + ky * params.dilation[0];
      return at >= params.pad.top && at < params.pad.top + x[2];
    };
    if (flat || !skip || (inside(0) && inside(w[2] - 1))) return {{1, steps, 0}, 0};
    std::size_t begin = 0;
    std::size_t end = w[2];
    while (begin < end && !inside(begin)) ++begin;
    while (end > begin && !inside(end - 1)) --end;
    return {{channels, (end - begin) * w[3], w[2] * w[3]}, begin * w[3]};
  }

  /// Puts n elements of an input line, from column `at` on, into the phases of a line of planes.
  template <class Operand>
  void spread(const Operand* from, std::size_t n, std::size_t at, Operand* line) const {
    for (std::size_t k0 = 0; k0 < std::min(stride, n); ++k0) {
      const std::size_t column = params.pad.left + at + k0;
      Operand* to = line + column % stride * phase + column / stride;
      if (stride == 2) {  // a number that compilers know how to vectorise
        for (std::size_t i = 0; i < (n - k0 + 1) / 2; ++i) to[i] = from[k0 + 2 * i];
      } else {
        for (std::size_t k = k0; k < n; k += stride) *to++ = from[k];
      }
    }
  }

  /// Bytes that the planes of a block should take: of the first cache where each value is used few times, or read for
  /// every few outputs; else of the second.
  [[nodiscard]] static std::size_t cache_for(bool in_pixels, bool flat, std::size_t channels) noexcept {
    const std::size_t second = nniesim::second_level_cache();
    if (!in_pixels) return second / 2;
    return flat || channels == 1 ? 32 * 1024 : second / 8;
  }

  /// Elements behind the planes that kernels may read.
  static constexpr std::size_t slack = 128;

  conv2d_params params;    ///< the geometry
  tensor_shape x,          ///< of the input
      w,                   ///< of the weights
      y;                   ///< of the output
  bool in_pixels;          ///< neighbouring outputs of a map stand in neighbouring lanes
  bool flat;               ///< maps as one long row
  std::size_t codes;       ///< channels in an operand
  std::size_t channels,    ///< planes
      steps,               ///< of a chain
      stride,              ///< of columns
      phase,               ///< elements of a phase of columns
      row,                 ///< elements of a row
      plane,               ///< elements of a plane
      plane_elements;      ///< of all planes
  std::size_t extent,      ///< lines of output (rows or, if flat, columns)
      lines,               ///< of them in a block
      blocks;              ///< of lines
  std::size_t all_blocks;  ///< of all samples and groups
  std::size_t splits;      ///< panels are shared out too where there are few blocks
  std::size_t units,       ///< of work
      parts;               ///< workers at most
};

NNIESIM_END_NAMESPACE
