// Weights as the tile kernels read them, and how rows are cut into tiles.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include <nniesim/core/check.hpp>
#include <nniesim/kernels/engine.hpp>
#include <nniesim/kernels/executor.hpp>
#include <nniesim/kernels/weight_codes.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace kernels {

/// Weights of `rows` outputs, each output's n of them in a row, as operands: those at w + r * w_step to out + r *
/// out_pitch. Uniform codes of packed policies are theirs as numbers.
template <precision_policy P, class Operand>
void weight_operands(isa i, const group_weights<typename P::weights>& group, const float* w, std::size_t w_step,
                     std::size_t rows, std::size_t n, Operand* out, std::size_t out_pitch) {
  using format = typename P::weights;
  [[maybe_unused]] const auto job = [&](float* to, std::size_t to_step) {
    return quantize_job<float, float>{w,  static_cast<std::ptrdiff_t>(w_step),  1,    0,
                                      to, static_cast<std::ptrdiff_t>(to_step), rows, n};
  };
  if constexpr (std::same_as<format, binary32> && std::floating_point<Operand>) {
    for (std::size_t r = 0; r < rows; ++r) std::copy_n(w + r * w_step, n, out + r * out_pitch);
    return;
  } else if constexpr (nniesim::detail::is_gfpq<format> && std::same_as<Operand, float>) {
    if (!group.is_constant) {
      select(i, [&](auto set) { decltype(set)::template quantize<format, float>(job(out, out_pitch), group.scale); });
      return;
    }
  } else if constexpr (nniesim::detail::is_gfpq<format> && std::same_as<Operand, double>) {
    if (!group.is_constant) {
      constexpr std::size_t piece = 256;
      float values[piece];
      for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t t = 0; t < n; t += piece) {
          const std::size_t m = std::min(piece, n - t);
          weight_operands<P>(i, group, w + r * w_step + t, 0, 1, m, values, 0);
          std::copy_n(values, m, out + r * out_pitch + t);
        }
      }
      return;
    }
  } else if constexpr (engine<P>::packs8 && std::same_as<Operand, float>) {
    if (!group.is_constant) {
      select(i, [&](auto set) {
        decltype(set)::quantize_uniform(job(out, out_pitch), group.scale.step, format::max_code);
      });
      return;
    }
  }
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t t = 0; t < n; ++t) {
      const auto code = group.encode(w[r * w_step + t]);
      Operand& to = out[r * out_pitch + t];
      if constexpr (engine<P>::is_packed) to = static_cast<Operand>(code);
      else to = operand_of<Operand, format>(code, group.scale);
    }
  }
}

/// Lays out the weights of n outputs, `each` in a row for every output, step by step: that of output r at step t to
/// to[t * step + r], and zeros for n <= r < lanes. At most 16 lanes.
template <precision_policy P, class Operand>
void lay_out_weights(isa i, const group_weights<typename P::weights>& group, const float* w, std::size_t each,
                     std::size_t n, std::size_t lanes, Operand* to, std::size_t step) {
  constexpr std::size_t piece = 256;  // of which the rows stay in the first-level cache
  NNIESIM_DCHECK(n <= lanes && lanes <= 16);
  alignas(64) Operand rows[16 * piece];
  std::fill(rows + n * piece, rows + lanes * piece, Operand{});
  for (std::size_t t = 0; t < each; t += piece) {
    const std::size_t m = std::min(piece, each - t);
    weight_operands<P>(i, group, w + t, each, n, m, rows, piece);
    transpose_rows(i, rows, piece, lanes, m, to + t * step, step);
  }
}

/// Weights of one group, quantized, laid out in panels for one instruction set.
template <precision_policy P>
class panels {
  using e = engine<P>;

 public:
  panels() = default;
  /// `w` is outputs x channels x area, row-major. Steps are channels x area; packed operands take several channels
  /// each. The threads share the panels.
  panels(isa i, const float* w, std::size_t outputs, std::size_t channels, std::size_t area,
         const group_weights<typename e::weights>& group, const executor& threads = {})
      : outputs_(outputs), lanes_(e::tile(i).lanes), vectors_(e::tile(i).max_vectors) {
    const std::size_t codes = e::packing(i).codes;
    steps_ = (channels + codes - 1) / codes * area;
    data_.resize(count_vectors() * lanes_ * steps_ * e::parts);
    if constexpr (e::is_packed) correction_.resize(count_vectors() * lanes_);
    shared(threads, data_.size())(count(), [&](std::size_t panel) {
      const std::size_t first = panel * width();
      const std::size_t step = vectors_of(first) * lanes_ * e::parts;
      for (std::size_t v = 0; v < vectors_of(first); ++v) {
        const std::size_t o = first + v * lanes_;
        const std::size_t n = std::min(lanes_, outputs - o);
        auto* const to = data_.data() + first * steps_ * e::parts + v * lanes_ * e::parts;
        if constexpr (e::is_packed) lay_out_words(i, group, w + o * channels * area, channels, area, n, to, step, o);
        else lay_out_weights<P>(i, group, w + o * channels * area, channels * area, n, lanes_, to, step);
      }
    });
  }

  /// The number of outputs.
  [[nodiscard]] std::size_t outputs() const noexcept { return outputs_; }
  /// The number of steps of a chain.
  [[nodiscard]] std::size_t steps() const noexcept { return steps_; }
  /// What the bias of packed activations adds to the sums from output `first` on.
  [[nodiscard]] const typename e::sum* correction(std::size_t first) const noexcept {
    return correction_.empty() ? nullptr : correction_.data() + first;
  }
  /// Outputs in a full panel.
  [[nodiscard]] std::size_t width() const noexcept { return lanes_ * vectors_; }
  /// The number of panels.
  [[nodiscard]] std::size_t count() const noexcept { return (outputs_ + width() - 1) / width(); }
  /// Vectors in the panel that begins at output `first`.
  [[nodiscard]] std::size_t vectors_of(std::size_t first) const noexcept {
    return std::min(vectors_, (outputs_ - first + lanes_ - 1) / lanes_);
  }
  /// The operands of the panel that begins at output `first`, a multiple of width(), step by step.
  [[nodiscard]] const typename e::operand* panel(std::size_t first) const {
    NNIESIM_DCHECK(first < outputs_ && first % width() == 0);
    return data_.data() + first * steps_ * e::parts;
  }

 private:
  /// Words of the codes of n outputs, of which o is the first, each channel group's area behind the other: lane r's at
  /// step t to to[t * step + r], in two parts its high halves there and its low ones behind all lanes.
  void lay_out_words(isa i, const group_weights<typename e::weights>& group, const float* w, std::size_t channels,
                     std::size_t area, std::size_t n, std::int32_t* to, std::size_t step,
                     std::size_t o) requires e::is_packed {
    constexpr std::size_t piece = 256;
    const word_packing packing = e::packing(i);
    const std::size_t each = channels * area;
    alignas(64) std::int32_t words[16 * piece];
    [[maybe_unused]] alignas(64) std::int32_t low[e::parts == 2 ? 16 * piece : 1];
    std::fill(words + n * piece, words + lanes_ * piece, 0);
    // Of a kernel of one tap words are whole runs of channels, else one group of channels has a word for each tap.
    const std::size_t run = area == 1 ? piece * packing.codes : packing.codes;
    for (std::size_t c = 0; c < channels; c += run) {
      const std::size_t taken = std::min(run, channels - c);
      for (std::size_t k = 0; k < area; k += piece) {
        const std::size_t m = area == 1 ? (taken + packing.codes - 1) / packing.codes : std::min(piece, area - k);
        make_words(i, packing, group, w + c * area + k, each, taken, area, n, m, words, piece);
        for (std::size_t r = 0; r < n; ++r) {
          std::int32_t* const row = words + r * piece;
          if constexpr (e::parts == 2) split_words(row, m, row, low + r * piece);
          else if (packing.bias != 0) correction_[o + r] += packing.bias * sum_of_codes(row, m, packing.codes);
        }
        std::int32_t* const at = to + (c / packing.codes * area + k) * step;
        transpose_rows(i, words, piece, lanes_, m, at, step);
        if constexpr (e::parts == 2) {
          std::fill(low + n * piece, low + lanes_ * piece, 0);
          transpose_rows(i, low, piece, lanes_, m, at + lanes_, step);
        }
      }
    }
  }
  /// m words for each of n rows of weights: of `taken` channels, `area` weights apart; where area is 1 of runs of them.
  static void make_words(isa i, const word_packing& packing, const group_weights<typename e::weights>& group,
                         const float* w, std::size_t each, std::size_t taken, std::size_t area, std::size_t n,
                         std::size_t m, std::int32_t* words, std::size_t words_step) requires e::is_packed {
    using format = typename e::weights;
    const float step = group.scale.step;
    if (group.is_constant) {
      const auto bits = static_cast<unsigned>(32 / packing.codes);
      for (std::size_t r = 0; r < n; ++r) {
        std::fill_n(words + r * words_step, m, 0);
        for (std::size_t c = 0; c < taken; ++c) {
          for (std::size_t t = area == 1 ? c / packing.codes : 0; t < (area == 1 ? c / packing.codes + 1 : m); ++t) {
            const auto code =
                static_cast<std::uint32_t>(std::int32_t{group.encode(w[r * each + c * area + (area == 1 ? 0 : t)])});
            std::int32_t& word = words[r * words_step + t];
            word = static_cast<std::int32_t>(static_cast<std::uint32_t>(word) | (code & 0xffffffffU >> (32 - bits))
                                                                                    << c % packing.codes * bits);
          }
        }
      }
      return;
    }
    select(i, [&](auto set) {
      using Set = decltype(set);
      constexpr std::size_t codes = e::packs8 ? Set::words.codes : 2;
      if (area != 1) {
        Set::template quantize_words<codes, float>(
            {w, static_cast<std::ptrdiff_t>(each), taken, area, words, static_cast<std::ptrdiff_t>(words_step), n, m},
            step, format::max_code, 0);
        return;
      }
      using code = std::conditional_t<codes == 4, std::uint8_t, std::uint16_t>;
      for (std::size_t r = 0; r < n; ++r) {
        std::int32_t* const row = words + r * words_step;
        row[m - 1] = 0;
        Set::uniform_codes(w + r * each, reinterpret_cast<code*>(row), taken, step, format::max_code, 0);
      }
    });
  }
  /// Words of two 16-bit codes, each 256 * high + low with low in -128 .. 127.
  static void split_words(const std::int32_t* in, std::size_t n, std::int32_t* high, std::int32_t* low) {
    for (std::size_t t = 0; t < n; ++t) {
      const auto word = static_cast<std::uint32_t>(in[t]);
      const auto parts_of = [](std::uint32_t code) {
        const int c = static_cast<std::int16_t>(code);
        const int l = static_cast<std::int8_t>(c & 255);
        return std::pair(static_cast<std::uint32_t>((c - l) / 256) & 0xffffU, static_cast<std::uint32_t>(l) & 0xffffU);
      };
      const auto [high0, low0] = parts_of(word & 0xffffU);
      const auto [high1, low1] = parts_of(word >> 16U);
      high[t] = static_cast<std::int32_t>(high0 | high1 << 16U);
      low[t] = static_cast<std::int32_t>(low0 | low1 << 16U);
    }
  }
  [[nodiscard]] static typename e::sum sum_of_codes(const std::int32_t* words, std::size_t n, std::size_t codes) {
    typename e::sum sum{};
    const auto bits = static_cast<unsigned>(32 / codes);
    for (std::size_t t = 0; t < n; ++t) {
      for (unsigned at = 0; at < 32; at += bits) {
        sum += static_cast<std::int32_t>(static_cast<std::uint32_t>(words[t]) << (32 - bits - at)) >> (32 - bits);
      }
    }
    return sum;
  }

  [[nodiscard]] std::size_t count_vectors() const noexcept { return (outputs_ + lanes_ - 1) / lanes_; }

  std::size_t outputs_ = 0;
  std::size_t steps_ = 0;
  std::size_t lanes_ = 1;
  std::size_t vectors_ = 1;
  weight_vector<typename e::operand> data_;
  std::vector<typename e::sum> correction_;  // of packed operands
};

/// Where piece i of `pieces` begins when n rows are cut evenly for tiles of at most max_rows. Tiles have even heights
/// where max_rows is even, so that none is filled up.
[[nodiscard]] inline std::size_t cut(std::size_t n, std::size_t pieces, std::size_t i, std::size_t max_rows) noexcept {
  const std::size_t unit = max_rows % 2 == 0 ? 2 : 1;
  return std::min(n, (n * i + pieces * unit - 1) / (pieces * unit) * unit);
}

}  // namespace kernels

NNIESIM_END_NAMESPACE
