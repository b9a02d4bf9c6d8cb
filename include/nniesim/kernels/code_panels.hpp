// Weights of fully connected layers as the codes that they are, one or two bytes each: what bounds these layers is the
// reading of weights. Decoded in registers, 64 outputs at a time, in units.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <nniesim/kernels/kernels.hpp>
#include <nniesim/kernels/weight_codes.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace kernels {

/// Weights of a GFPQ format in panels of 64 outputs: per step, 64 codes in the order that `place` gives.
template <class F>
class code_panels {
 public:
  using code = typename F::code;
  static constexpr std::size_t width = 64;

  code_panels() = default;
  /// `w` is outputs x inputs, row-major. Empty where the instruction set has no such kernels.
  code_panels(isa i, std::span<const float> w, std::size_t outputs, std::size_t inputs, const group_weights<F>& group) {
    if (!select(i, [](auto set) { return decltype(set)::has_code_panels; })) return;
    data_.assign((outputs + width - 1) / width * width * inputs, packed(F::zero));
    // Piece by piece, so that what is written stays in the cache until all 64 outputs are.
    constexpr std::size_t piece = 256;
    typename F::code codes[piece];
    for (std::size_t first = 0; first < outputs; first += width) {
      for (std::size_t k0 = 0; k0 < inputs; k0 += piece) {
        const std::size_t n = std::min(piece, inputs - k0);
        for (std::size_t o = first; o < std::min(outputs, first + width); ++o) {
          encode_weights<F>(group, w.subspan(o * inputs + k0, n), std::span(codes, n));
          code* to = data_.data() + (first * inputs + k0 * width) + place(o % width);
          for (std::size_t k = 0; k < n; ++k) to[k * width] = packed(codes[k]);
        }
      }
    }
    inputs_ = inputs;
    outputs_ = outputs;
  }

  [[nodiscard]] bool empty() const noexcept { return data_.empty(); }
  [[nodiscard]] std::size_t count() const noexcept { return (outputs_ + width - 1) / width; }
  [[nodiscard]] const code* panel(std::size_t i) const noexcept { return data_.data() + i * width * inputs_; }
  [[nodiscard]] static constexpr const code_tables& tables() noexcept { return tables_; }

  /// Bits of the float that the kernels make of a code: its value in units.
  [[nodiscard]] static constexpr std::uint32_t bits_of(typename F::code plain) noexcept {
    if (plain == F::zero) return 0;
    const code c = packed(plain);
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
  /// 8 bits: octave (3), not negative (1), fraction (4), so that the low five index the tables and zero is 0. 16 bits:
  /// as they are, which is sign, octave and fraction already.
  static constexpr code packed(code c) noexcept {
    if constexpr (F::bits == 8) {
      return static_cast<code>((c & 0x70) << 1 | ((c & 0x80) == 0 ? 0x10 : 0) | (c & 0x0f));
    } else {
      return c;
    }
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

  std::vector<code> data_;
  std::size_t inputs_ = 0;
  std::size_t outputs_ = 0;
};

}  // namespace kernels

NNIESIM_END_NAMESPACE
