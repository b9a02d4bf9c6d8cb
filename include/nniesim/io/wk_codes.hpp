// Which code of a compiled model's weight block is which weight.
// Source: examples/guide/compiled-models.md, section 4.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include <nniesim/core/error.hpp>
#include <nniesim/formats/gfpq.hpp>

NNIESIM_BEGIN_NAMESPACE

/// A weight tensor of one group, outputs x channels x rows x columns, as a compiled convolution has it.
struct wk_kernel {
  std::size_t outputs = 0;   ///< of the group
  std::size_t channels = 0;  ///< of its input
  std::size_t rows = 0;      ///< of the kernel
  std::size_t columns = 0;   ///< of the kernel
  /// Two kernel rows stand as channels: what the 8-bit compiler does at stride 2 with few channels.
  bool merged_rows = false;

  /// Number of weights.
  [[nodiscard]] std::size_t size() const noexcept { return outputs * channels * rows * columns; }
};

/// Outputs that share a block: four at 8 bits, one at 16.
template <int Bits>
inline constexpr std::size_t wk_outputs_per_block = Bits == 8 ? 4 : 1;

namespace detail {

[[nodiscard]] constexpr std::size_t divided_up(std::size_t n, std::size_t by) noexcept { return (n + by - 1) / by; }

/// Places 8-bit codes: for each row, column and 16 channels four outputs, 16 codes each.
class wk_order_8 {
 public:
  explicit wk_order_8(const wk_kernel& k)
      : merged_(k.merged_rows),
        columns_(k.columns),
        chunks_(divided_up(k.channels * (merged_ ? 2 : 1), 16)),
        units_((merged_ ? divided_up(k.rows, 2) : k.rows) * k.columns * chunks_) {}

  [[nodiscard]] std::size_t size() const noexcept { return 64 * units_; }
  [[nodiscard]] std::size_t index(std::size_t output, std::size_t channel, std::size_t row,
                                  std::size_t column) const noexcept {
    if (merged_) {
      channel = 2 * channel + row % 2;
      row /= 2;
    }
    return ((row * columns_ + column) * chunks_ + channel / 16) * 64 + output * 16 + channel % 16;
  }

 private:
  bool merged_;
  std::size_t columns_, chunks_, units_;
};

/// Places 16-bit codes: units of 8 channels, dealt to the rows of four lanes column by column.
class wk_order_16 {
 public:
  explicit wk_order_16(const wk_kernel& k)
      : columns_(k.columns), chunks_(divided_up(k.channels, 8)), lines_(divided_up(k.rows * k.columns * chunks_, 4)) {}

  [[nodiscard]] std::size_t size() const noexcept { return 32 * lines_; }
  [[nodiscard]] std::size_t index(std::size_t, std::size_t channel, std::size_t row,
                                  std::size_t column) const noexcept {
    const std::size_t unit = (row * columns_ + column) * chunks_ + channel / 8;
    return unit % lines_ * 32 + unit / lines_ * 8 + channel % 8;
  }

 private:
  std::size_t columns_, chunks_, lines_;
};

template <int Bits>
using wk_order = std::conditional_t<Bits == 8, wk_order_8, wk_order_16>;

/// Codes as bytes, little-endian, as memory holds them.
template <int Bits>
[[nodiscard]] std::vector<std::uint8_t> wk_code_bytes(std::span<const typename gfpq<Bits>::code> codes) {
  std::vector<std::uint8_t> bytes;
  bytes.reserve(codes.size() * (Bits / 8));
  for (const auto code : codes) {
    const std::uint32_t c = gfpq<Bits>::to_memory(code);
    bytes.push_back(static_cast<std::uint8_t>(c & 255U));
    if constexpr (Bits == 16) bytes.push_back(static_cast<std::uint8_t>(c >> 8U));
  }
  return bytes;
}

}  // namespace detail

/// The code area of one block of a convolution or deconvolution, behind its 64 bytes of records; what is no weight is
/// the zero code. `codes` are those of the block's outputs, `k.outputs` of them, at most wk_outputs_per_block.
/// Ungrouped deconvolutions stand as the convolution that they are, turned by 180 degrees.
template <int Bits>
[[nodiscard]] std::vector<std::uint8_t> wk_block_codes(std::span<const typename gfpq<Bits>::code> codes,
                                                       const wk_kernel& k) {
  detail::require<shape_error>(k.outputs <= wk_outputs_per_block<Bits> && codes.size() == k.size(),
                               "weight block: ", codes.size(), " codes of ", k.outputs, " outputs, expected ", k.size(),
                               " of at most ", wk_outputs_per_block<Bits>);
  const detail::wk_order<Bits> order(k);
  std::vector<typename gfpq<Bits>::code> placed(order.size(), gfpq<Bits>::zero);
  std::size_t i = 0;
  for (std::size_t o = 0; o < k.outputs; ++o) {
    for (std::size_t c = 0; c < k.channels; ++c) {
      for (std::size_t y = 0; y < k.rows; ++y) {
        for (std::size_t x = 0; x < k.columns; ++x) placed[order.index(o, c, y, x)] = codes[i++];
      }
    }
  }
  return detail::wk_code_bytes<Bits>(placed);
}

/// Outputs in each block of a fully connected layer but the last: as many as 40,960 bytes hold.
template <int Bits>
[[nodiscard]] std::size_t wk_fully_connected_outputs(std::size_t inputs) {
  const wk_kernel k{wk_outputs_per_block<Bits>, inputs, 1, 1};
  const std::size_t codes = detail::wk_order<Bits>(k).size() * (Bits / 8);  // of as many outputs
  constexpr std::size_t step = wk_outputs_per_block<Bits>;
  std::size_t n = step;
  while (detail::divided_up((n + step) * 4, 64) * 64 + (n + step) / step * codes <= 40960) n += step;
  return n;
}

/// The code area of one block of a fully connected layer, behind the biases; `codes` are outputs x inputs. Inferred
/// from block sizes and padding: no weights of such a layer are public.
template <int Bits>
[[nodiscard]] std::vector<std::uint8_t> wk_fully_connected_codes(std::span<const typename gfpq<Bits>::code> codes,
                                                                 std::size_t inputs) {
  detail::require<shape_error>(inputs != 0 && codes.size() % inputs == 0, "fully connected block: ", codes.size(),
                               " codes of ", inputs, " inputs, expected as many for each output");
  constexpr std::size_t step = wk_outputs_per_block<Bits>;
  std::vector<std::uint8_t> all;
  while (!codes.empty()) {
    const std::size_t outputs = std::min(step, codes.size() / inputs);
    const auto some = wk_block_codes<Bits>(codes.first(outputs * inputs), {outputs, inputs, 1, 1});
    all.insert(all.end(), some.begin(), some.end());
    codes = codes.subspan(outputs * inputs);
  }
  return all;
}

/// The code area of one block of a depthwise layer of its own (8 bits), behind 64 biases: kernel positions x 64
/// channels. `codes` are channels x rows x columns of at most 64 channels. Which channel stands where is inferred.
[[nodiscard]] inline std::vector<std::uint8_t> wk_depthwise_codes(std::span<const gfpq8::code> codes,
                                                                  std::size_t positions) {
  const std::size_t channels = positions == 0 ? 0 : codes.size() / positions;
  detail::require<shape_error>(positions != 0 && channels <= 64 && codes.size() == channels * positions,
                               "depthwise block: ", codes.size(), " codes of ", positions,
                               " kernel positions, expected at most 64 channels");
  std::vector<gfpq8::code> placed(64 * positions, gfpq8::zero);
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t p = 0; p < positions; ++p) placed[p * 64 + c % 4 * 16 + c / 4] = codes[c * positions + p];
  }
  return detail::wk_code_bytes<8>(placed);
}

NNIESIM_END_NAMESPACE
