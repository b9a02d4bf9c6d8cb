// Weights as the tile kernels read them, and how rows are cut into tiles.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <nniesim/core/check.hpp>
#include <nniesim/kernels/engine.hpp>
#include <nniesim/precision/group_weights.hpp>

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
    for (std::size_t o = 0; o < outputs; ++o) {
      const std::size_t first = o / width() * width();
      const std::size_t step = vectors_of(first) * lanes_ * e::parts;
      auto* column =
          data_.data() + first * steps_ * e::parts + (o - first) / lanes_ * lanes_ * e::parts + (o - first) % lanes_;
      for (std::size_t c = 0; c < channels; ++c) {
        for (std::size_t k = 0; k < area; ++k) {
          const auto code = group.encode(w[(o * channels + c) * area + k]);
          auto* to = column + (c / packing.codes * area + k) * step;
          if constexpr (e::is_packed) {
            const auto insert = [&](std::int32_t& word, int field) {
              const auto bits = static_cast<unsigned>(32 / packing.codes);
              const std::uint32_t mask = 0xffffffffU >> (32 - bits);
              word = static_cast<std::int32_t>(static_cast<std::uint32_t>(word) |
                                               (static_cast<std::uint32_t>(field) & mask)
                                                   << (static_cast<unsigned>(c % packing.codes) * bits));
            };
            if constexpr (e::parts == 2) {
              const int low = static_cast<std::int8_t>(code & 255);
              insert(to[0], (code - low) / 256);
              insert(to[lanes_], low);
            } else {
              insert(*to, code);
              correction_[o] += packing.bias * code;
            }
          } else {
            *to = operand_of<typename e::operand, typename e::weights>(code, group.scale);
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
