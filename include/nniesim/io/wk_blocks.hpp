// How compiled models (.wk) store blocks of weights: raw, or in a prefix code whose palette may stay from the block
// before. Read off 15 public files of six builds of the compiler, all of whose 13,944 blocks decode to their length.
// Source: examples/guide/compiled-models.md, section 4.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <nniesim/core/error.hpp>

NNIESIM_BEGIN_NAMESPACE

/// The first byte of a stored block. Bit 0: prefix code; bit 4: a palette follows; bit 6: the code for runs of zeros.
enum class wk_coding : std::uint8_t { raw = 0x00, last_palette = 0x01, palette = 0x11, runs = 0x51 };

/// A decoded block, or why it does not decode.
struct wk_decoded {
  std::vector<std::uint8_t> bytes;  ///< records and codes, as the accelerator reads them
  std::string problem{};            ///< empty: `bytes` is the block, of the length that its header says
};

/// Decodes the blocks of a file in their order: a block may use the palette of the one before.
///
/// A stored block is its coding, its decoded length (16 bits) and then, raw, the bytes and two more; else, with bit 4,
/// 37 bytes of palette, then tokens up to an end mark, then 16 to 23 bits that are not used. Tokens begin behind a flag
/// bit and are units of 3 bits; bits of a byte are taken from the lowest up, those of a number from its highest down.
/// The flag in front of each piece of nominally 42 bits is a parity: 1 where the piece's last token ends 0 or 6 bits
/// beyond its nominal end, 0 for 3 or 9 and in the last piece.
class wk_block_decoder {
 public:
  static constexpr std::size_t palette_size = 37;  ///< bytes

  /// `stored` is what the block table gives for one block. At most 65,535 bytes come out. Where a block with a palette
  /// does not decode, or the coding is unknown, those that use its palette do not decode either.
  [[nodiscard]] wk_decoded decode(std::span<const std::uint8_t> stored) {
    wk_decoded out = decode_one(stored);
    const bool kept = !stored.empty() && (stored[0] == static_cast<std::uint8_t>(wk_coding::raw) ||
                                          stored[0] == static_cast<std::uint8_t>(wk_coding::last_palette));
    if (!out.problem.empty() && !kept) palette_.reset();
    return out;
  }

 private:
  [[nodiscard]] wk_decoded decode_one(std::span<const std::uint8_t> stored) {
    if (stored.size() < 3) return failed(detail::message(stored.size(), " bytes, expected at least 3"));
    const std::size_t length = stored[1] + 256U * stored[2];
    std::span<const std::uint8_t> rest = stored.subspan(3);
    switch (static_cast<wk_coding>(stored[0])) {
      case wk_coding::raw: {
        if (rest.size() != length + 2) {
          return failed(detail::message("a raw block of ", length, " bytes stored in ", stored.size(), ", expected ",
                                        length + 5));
        }
        return {{rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(length)}};
      }
      case wk_coding::last_palette: {
        if (!palette_) return failed("the last palette is used, but there is none");
        break;
      }
      case wk_coding::palette:
      case wk_coding::runs: {
        if (rest.size() < palette_size) {
          return failed(detail::message("a palette of ", rest.size(), " bytes, expected ", palette_size));
        }
        std::copy_n(rest.begin(), palette_size, palette_.emplace().begin());
        rest = rest.subspan(palette_size);
        break;
      }
      default: {
        return failed(detail::message("coding ", static_cast<int>(stored[0]), ", expected 0, 1, 17 or 81"));
      }
    }
    return decode_tokens(rest, length, stored[0] == static_cast<std::uint8_t>(wk_coding::runs));
  }

  /// The bits of a stream; past its end they are 0 and `is_over` is set.
  struct bit_reader {
    std::span<const std::uint8_t> bytes;
    std::size_t at = 0;
    bool is_over = false;

    [[nodiscard]] unsigned take(int count) noexcept {
      unsigned value = 0;
      for (; count > 0; --count, ++at) {
        const std::size_t byte = at / 8;
        is_over = is_over || byte >= bytes.size();
        value = value << 1U | (byte < bytes.size() ? bytes[byte] >> (at % 8) & 1U : 0U);
      }
      return value;
    }
  };

  [[nodiscard]] static wk_decoded failed(std::string problem) { return {{}, std::move(problem)}; }

  /// One token: which byte, how often; the end mark.
  struct token {
    std::uint8_t byte = 0;
    unsigned count = 1;
    bool is_end = false;
  };
  [[nodiscard]] token plain_token(bit_reader& in) const noexcept {
    const auto& p = *palette_;
    switch (const unsigned t = in.take(3)) {
      case 0: return {p[0]};
      case 1: return {p[0], 2};
      case 2:
      case 3:
      case 4: return {p[t - 1]};
      case 5: return {p[4 + in.take(3)]};
      case 6: return {p[12 + in.take(3)]};
      default: return long_token(in, 20, 22);
    }
  }
  [[nodiscard]] token run_token(bit_reader& in) const noexcept {
    const auto& p = *palette_;
    switch (const unsigned t = in.take(3)) {
      case 0:
      case 1:
      case 2:
      case 3: return {p[0], t + 1};
      case 4: return {p[1]};
      case 5: {
        const unsigned k = in.take(3);
        return k == 0 ? token{p[0], 9} : token{p[1 + k]};
      }
      case 6: return {p[9 + in.take(3)]};
      default: return long_token(in, 17, 19);
    }
  }
  /// Behind a 7; `pair` and `last` are where the palette's last 2 and 15 bytes begin.
  [[nodiscard]] token long_token(bit_reader& in, std::size_t pair, std::size_t last) const noexcept {
    const auto& p = *palette_;
    if (in.take(1) == 1) return {static_cast<std::uint8_t>(in.take(8))};
    if (in.take(1) == 0) return {p[pair + in.take(1)]};
    const unsigned k = in.take(4);
    return k == 15 ? token{0, 0, true} : token{p[last + k]};
  }

  [[nodiscard]] wk_decoded decode_tokens(std::span<const std::uint8_t> stream, std::size_t length, bool runs) const {
    wk_decoded out;
    // The end of the stream stops a block of bits that never reach the end mark, which are no more than its bytes.
    bit_reader in{stream};
    std::size_t nominal_end = 34;
    unsigned flag = in.take(1);
    while (true) {
      const token t = runs ? run_token(in) : plain_token(in);
      if (in.is_over) return failed(detail::message("its ", stream.size(), " bytes end without an end mark"));
      if (t.is_end) break;
      if (out.bytes.size() + t.count > length)
        return failed(detail::message("it has more than its ", length, " bytes"));
      out.bytes.insert(out.bytes.end(), t.count, t.byte);
      if (in.at < nominal_end) continue;
      const std::size_t beyond = in.at - nominal_end;
      if (flag != (beyond % 6 == 0 ? 1U : 0U)) {
        return failed(detail::message("the parity before bit ", in.at, " is wrong"));
      }
      nominal_end += 43;
      flag = in.take(1);
    }
    if (out.bytes.size() != length) {
      return failed(detail::message("it has ", out.bytes.size(), " bytes, expected ", length));
    }
    if (flag != 0) return failed("the parity of its last piece is wrong");
    const std::size_t left = stream.size() * 8 - in.at;
    if (left < 16 || left > 23) return failed(detail::message(left, " bits behind its end mark, expected 16 to 23"));
    return out;
  }

  std::optional<std::array<std::uint8_t, palette_size>> palette_;
};

NNIESIM_END_NAMESPACE
