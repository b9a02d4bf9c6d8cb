// Weights as the tile kernels read them, and how rows are cut into tiles.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <nniesim/core/check.hpp>
#include <nniesim/kernels/engine.hpp>
#include <nniesim/kernels/weight_codes.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace kernels {

/// Weights of one group, quantized, laid out in panels for one instruction set.
template <precision_policy P>
class panels {
  using e = engine<P>;

 public:
  panels() = default;
  /// `w` is outputs x channels x area, row-major. Steps are channels x area; packed operands take several channels
  /// each.
  panels(isa i, const float* w, std::size_t outputs, std::size_t channels, std::size_t area,
         const group_weights<typename e::weights>& group)
      : outputs_(outputs), lanes_(e::tile(i).lanes), vectors_(e::tile(i).max_vectors) {
    const word_packing packing = e::packing(i);
    steps_ = (channels + packing.codes - 1) / packing.codes * area;
    data_.resize(count_vectors() * lanes_ * steps_ * e::parts);
    correction_.resize(count_vectors() * lanes_);
    // Piece by piece, so that what is written stays in the cache until all outputs of a panel are.
    constexpr std::size_t piece = 256;
    typename e::weights::code codes[piece];
    const std::size_t each = channels * area;
    for (std::size_t first = 0; first < outputs; first += width()) {
      const std::size_t step = vectors_of(first) * lanes_ * e::parts;
      for (std::size_t t0 = 0; t0 < each; t0 += piece) {
        const std::size_t n = std::min(piece, each - t0);
        for (std::size_t o = first; o < std::min(outputs, first + width()); ++o) {
          encode_weights<typename e::weights>(group, {w + o * each + t0, n}, std::span(codes, n));
          auto* column = data_.data() + first * steps_ * e::parts + (o - first) / lanes_ * lanes_ * e::parts +
                         (o - first) % lanes_;
          if constexpr (e::is_packed) {
            for (std::size_t t = 0; t < n; ++t) {
              const std::size_t c = (t0 + t) / area, k = (t0 + t) % area;
              pack(codes[t], packing, c % packing.codes, column + (c / packing.codes * area + k) * step, o);
            }
          } else {
            for (std::size_t t = 0; t < n; ++t) {
              column[(t0 + t) * step] = operand_of<typename e::operand, typename e::weights>(codes[t], group.scale);
            }
          }
        }
      }
    }
  }

  [[nodiscard]] std::size_t outputs() const noexcept { return outputs_; }
  [[nodiscard]] std::size_t steps() const noexcept { return steps_; }
  /// What the bias of packed activations adds to the sums from output `first` on.
  [[nodiscard]] const typename e::sum* correction(std::size_t first) const noexcept {
    return correction_.data() + first;
  }
  /// Outputs in a full panel.
  [[nodiscard]] std::size_t width() const noexcept { return lanes_ * vectors_; }
  [[nodiscard]] std::size_t count() const noexcept { return (outputs_ + width() - 1) / width(); }
  /// Vectors in the panel that begins at output `first`.
  [[nodiscard]] std::size_t vectors_of(std::size_t first) const noexcept {
    return std::min(vectors_, (outputs_ - first + lanes_ - 1) / lanes_);
  }
  [[nodiscard]] const typename e::operand* panel(std::size_t first) const {
    NNIESIM_DCHECK(first < outputs_ && first % width() == 0);
    return data_.data() + first * steps_ * e::parts;
  }

 private:
  using code = typename e::weights::code;

  /// Puts a code into field `field` of the word at `to`, one of output `o`.
  void pack(code c, const word_packing& packing, std::size_t field, typename e::operand* to,
            std::size_t o) requires e::is_packed {
    const auto insert = [&](std::int32_t& word, int value) {
      const auto bits = static_cast<unsigned>(32 / packing.codes);
      const std::uint32_t mask = 0xffffffffU >> (32 - bits);
      word = static_cast<std::int32_t>(static_cast<std::uint32_t>(word) | (static_cast<std::uint32_t>(value) & mask)
                                                                              << (static_cast<unsigned>(field) * bits));
    };
    if constexpr (e::parts == 2) {
      const int low = static_cast<std::int8_t>(c & 255);
      insert(to[0], (c - low) / 256);
      insert(to[lanes_], low);
    } else {
      insert(*to, c);
      correction_[o] += packing.bias * c;
    }
  }

  [[nodiscard]] std::size_t count_vectors() const noexcept { return (outputs_ + lanes_ - 1) / lanes_; }

  std::size_t outputs_ = 0;
  std::size_t steps_ = 0;
  std::size_t lanes_ = 1;
  std::size_t vectors_ = 1;
  std::vector<typename e::operand> data_;
  std::vector<typename e::sum> correction_;
};

/// Where piece i of `pieces` begins when n rows are cut evenly for tiles of at most max_rows. Tiles have even heights
/// where max_rows is even, so that none is filled up.
[[nodiscard]] inline std::size_t cut(std::size_t n, std::size_t pieces, std::size_t i, std::size_t max_rows) noexcept {
  const std::size_t unit = max_rows % 2 == 0 ? 2 : 1;
  return std::min(n, (n * i + pieces * unit - 1) / (pieces * unit) * unit);
}

}  // namespace kernels

NNIESIM_END_NAMESPACE
