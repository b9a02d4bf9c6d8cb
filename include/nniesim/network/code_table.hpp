// A function of stored codes, value by value: what layers one behind the other make of each code that there is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include <nniesim/formats/gfpq.hpp>
#include <nniesim/kernels/kernels.hpp>
#include <nniesim/network/kinds/kind.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// Results are of one, two or four bytes each: codes, or layer values.
class code_table {
 public:
  /// How many codes there are of this many bytes: of gfpq8 all, of gfpq16 all valid ones.
  [[nodiscard]] static constexpr std::size_t count(std::size_t code_bytes) noexcept {
    return code_bytes == 1 ? 256 : 2 * of_a_sign;
  }
  /// All of them, in the order of a table's results.
  [[nodiscard]] static std::vector<std::byte> codes(std::size_t code_bytes) {
    std::vector<std::byte> all(count(code_bytes) * code_bytes);
    for (std::size_t i = 0; i < count(code_bytes); ++i) {
      const auto wide = static_cast<std::uint16_t>(i < of_a_sign ? i : i - of_a_sign + gfpq16::sign_bit);
      if (code_bytes == 1) all[i] = static_cast<std::byte>(i);
      else std::memcpy(all.data() + 2 * i, &wide, sizeof(wide));
    }
    return all;
  }

  code_table() = default;
  /// The results of codes() for codes of `code_bytes`.
  code_table(std::vector<std::byte> results, std::size_t code_bytes)
      : results_(std::move(results)), code_bytes_(code_bytes) {}

  [[nodiscard]] bool empty() const noexcept { return results_.empty(); }
  /// The results of n codes, which must be valid. `out` may be `codes`, where results are of their size.
  void apply(const void* codes, void* out, std::size_t n, const executor& threads) const {
    const std::size_t bytes = results_.size() / count(code_bytes_);
    share(n, 1, threads, [&](std::size_t at, std::size_t part) {
      if (code_bytes_ == 1 && bytes == 1) {
        const auto* in = static_cast<const std::uint8_t*>(codes) + at;
        auto* to = static_cast<std::uint8_t*>(out) + at;
        const auto* table = reinterpret_cast<const std::uint8_t*>(results_.data());
        kernels::select(active_isa(), [&](auto set) { decltype(set)::look_up(in, to, part, table); });
      } else if (code_bytes_ == 1) {
        apply_to<std::uint8_t, std::uint32_t>(codes, out, at, part);
      } else if (bytes == 2) {
        apply_to<std::uint16_t, std::uint16_t>(codes, out, at, part);
      } else {
        apply_to<std::uint16_t, std::uint32_t>(codes, out, at, part);
      }
    });
  }

 private:
  static constexpr std::size_t of_a_sign = gfpq16::max_magnitude + 1;

  template <class Code, class Result>
  void apply_to(const void* codes, void* out, std::size_t at, std::size_t n) const {
    const Code* const in = static_cast<const Code*>(codes) + at;
    Result* const to = static_cast<Result*>(out) + at;
    const auto* const table = reinterpret_cast<const Result*>(results_.data());
    for (std::size_t i = 0; i < n; ++i) {
      std::size_t place = in[i];
      if constexpr (sizeof(Code) == 2) place -= (place >> 15U) * (std::size_t{gfpq16::sign_bit} - of_a_sign);
      to[i] = table[place];
    }
  }

  std::vector<std::byte> results_;
  std::size_t code_bytes_ = 1;
};

}  // namespace detail

NNIESIM_END_NAMESPACE
