// Weights of fully connected layers as the codes that they are, one or two bytes each: what bounds these layers is the
// reading of weights. Decoded in registers, 64 outputs at a time, in units.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include <nniesim/kernels/kernels.hpp>
#include <nniesim/kernels/weight_codes.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace kernels {

/// Weights of a GFPQ format in panels of 64 outputs: per step, 64 codes in the order that `place` gives.
template <class F>
class code_panels {
 public:
  using code = typename F::code;            ///< of a weight
  static constexpr std::size_t width = 64;  ///< outputs in a panel

  code_panels() = default;
  /// `w` is outputs x inputs, row-major. Empty where the instruction set has no such kernels.
  code_panels(isa i, std::span<const float> w, std::size_t outputs, std::size_t inputs, const group_weights<F>& group,
              const executor& threads = {}) {
    if (!select(i, [](auto set) { return decltype(set)::has_code_panels; })) return;
    data_.resize((outputs + width - 1) / width * width * inputs);
    inputs_ = inputs;
    outputs_ = outputs;
    shared(threads, data_.size())(count(), [&](std::size_t panel) {
      // Piece by piece, so that what is made and written stays in the cache: a row of words for every word of a step,
      // then columns.
      constexpr std::size_t block = 16, piece = 8 * block, codes_per_word = 4 / sizeof(code),
                            row_words = width / codes_per_word;
      alignas(64) code codes[width * piece];
      alignas(64) std::int32_t words[row_words * piece];
      const std::size_t n = std::min(width, outputs - panel * width);
      std::fill(codes + n * piece, codes + width * piece, F::zero);
      for (std::size_t k = 0; k < inputs; k += piece) {
        const std::size_t m = std::min(piece, inputs - k);
        for (std::size_t o = 0; o < n; ++o) {
          encode_weights<F>(group, w.subspan((panel * width + o) * inputs + k, m), std::span(codes + o * piece, m));
        }
        for (std::size_t word = 0; word < row_words; ++word) {
          const std::size_t* const output = places.data() + word * codes_per_word;
          for (std::size_t t = 0; t < m; t += block) {
            std::uint32_t bits[block];
            const auto each = [&](std::size_t c, std::size_t j) {
              return std::uint32_t{codes[output[c] * piece + t + j]} << c * 8 * sizeof(code);
            };
            for (std::size_t j = 0; j < block; ++j) {
              if constexpr (codes_per_word == 4) bits[j] = packed(each(0, j) | each(1, j) | each(2, j) | each(3, j));
              else bits[j] = packed(each(0, j) | each(1, j));
            }
            std::memcpy(words + word * piece + t, bits, sizeof bits);
          }
        }
        auto* const to = reinterpret_cast<std::int32_t*>(data_.data() + (panel * inputs + k) * width);
        transpose_rows(i, words, piece, row_words, m, to, row_words);
      }
    });
  }

  /// Whether there are no codes, as where the instruction set has no such kernels.
  [[nodiscard]] bool empty() const noexcept { return data_.empty(); }
  /// The number of panels.
  [[nodiscard]] std::size_t count() const noexcept { return (outputs_ + width - 1) / width; }
  /// The codes of panel i: `width` for each input, one input behind the other.
  [[nodiscard]] const code* panel(std::size_t i) const noexcept { return data_.data() + i * width * inputs_; }
  /// What the kernels look up to decode the codes.
  [[nodiscard]] static constexpr const code_tables& tables() noexcept { return tables_; }

  /// Bits of the float that the kernels make of a code: its value in units.
  [[nodiscard]] static constexpr std::uint32_t bits_of(typename F::code plain) noexcept {
    if (plain == F::zero) return 0;
    const code c = static_cast<code>(packed(plain) & (F::bits == 8 ? 0xffU : 0xffffU));
    const std::size_t j = c & (table_size - 1);
    const auto high = static_cast<std::uint16_t>(tables_.high[j] + (F::bits == 8 ? c << 2U : +c));
    return std::uint32_t{high} << 16U | tables_.low[j];
  }

 private:
  static constexpr std::size_t table_size = F::bits == 8 ? 32 : 128;

  /// Where output o of 64 stands: two words of 16 bits make a float, and vectors of words are interleaved by halves of
  /// their 128-bit lanes.
  static constexpr std::size_t place(std::size_t o) noexcept {
    const std::size_t word = o % 16 / 4 * 8 + o % 32 / 16 * 4 + o % 4;
    return F::bits == 8 ? 2 * word + o / 32 : 32 * (o / 32) + word;
  }
  /// The output at each place.
  static constexpr std::array<std::size_t, width> places = [] {
    std::array<std::size_t, width> outputs{};
    for (std::size_t o = 0; o < width; ++o) outputs[place(o)] = o;
    return outputs;
  }();
  /// 8 bits: octave (3), not negative (1), fraction (4), so that the low five index the tables and zero is 0. 16 bits:
  /// as they are, which is sign, octave and fraction already. Of all codes in a word.
  static constexpr std::uint32_t packed(std::uint32_t c) noexcept {
    if constexpr (F::bits == 8) return (c & 0x70707070U) << 1U | (~c & 0x80808080U) >> 3U | (c & 0x0f0f0f0fU);
    else return c;
  }
  static constexpr code_tables tables_ = [] {
    code_tables t{};
    for (std::size_t j = 0; j < table_size; ++j) {
      // The lowest octave; its negative value with fraction 0 is no code, but those an octave up are.
      const bool negative = F::bits == 8 && (j & 0x10U) == 0;
      const auto positive = static_cast<code>(F::bits == 8 ? j & 0x0fU : j);
      const std::uint32_t bits = std::bit_cast<std::uint32_t>(F::in_units(positive)) | (negative ? 0x80000000U : 0U);
      t.high[j] = static_cast<std::uint16_t>((bits >> 16U) - (j << (F::bits == 8 ? 2U : 0U)));
      t.low[j] = static_cast<std::uint16_t>(bits);
    }
    return t;
  }();

  weight_vector<code> data_;
  std::size_t inputs_ = 0;
  std::size_t outputs_ = 0;
};

}  // namespace kernels

NNIESIM_END_NAMESPACE
