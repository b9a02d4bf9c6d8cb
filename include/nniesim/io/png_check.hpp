// Every chunk of a PNG file checked before a decoder sees it, and its compressed stream walked without being stored, so
// that its size is known to be what the header says. A decoder is given only what was checked.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nniesim/core/crc32.hpp>
#include <nniesim/io/image_bytes.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// The size that a zlib stream (RFC 1950, 1951) has when it is expanded, found without expanding it. Throws parse_error
/// where it is damaged, or as soon as it has more than `most` bytes; offsets in messages are within the stream.
class zlib_size {
 public:
  zlib_size(std::string_view stream, std::string_view file, std::uint64_t most)
      : stream_(stream), file_(file), most_(most) {}

  [[nodiscard]] std::uint64_t expanded() {
    const std::uint32_t method = bits(8);
    const std::uint32_t header = method << 8U | bits(8);
    require((header >> 8U & 15U) == 8 && header >> 12U <= 7 && (header & 0x20U) == 0 && header % 31 == 0,
            "got a header of ", header, ", expected deflate with a window of up to 32768 bytes and no dictionary");
    bool last = false;
    while (!last) {
      last = bits(1) == 1;
      switch (bits(2)) {
        case 0: stored(); break;
        case 1: {
          std::array<std::uint8_t, 288> lengths{};
          for (std::size_t i = 0; i < lengths.size(); ++i) {
            lengths[i] = static_cast<std::uint8_t>(i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8);
          }
          std::array<std::uint8_t, 32> distances{};
          distances.fill(5);
          coded({lengths}, {distances});
          break;
        }
        case 2: with_tables(); break;
        default: require(false, "got a block of type 3, expected 0, 1 or 2");
      }
    }
    held_ = 0;
    require(at_ + 4 <= stream_.size(), "got no check sum at its end, expected 4 bytes");
    return size_;
  }

 private:
  /// A canonical prefix code: how many codes each length has, and the symbols in the order of their codes.
  struct code {
    std::array<std::uint16_t, 16> counts{};
    std::array<std::uint16_t, 288> symbols{};
    int unused = 0;  ///< codes of 15 bits that stand for nothing; negative: too many

    code(std::span<const std::uint8_t> lengths) {
      for (const std::uint8_t l : lengths) ++counts[l];
      counts[0] = 0;
      std::array<std::uint16_t, 16> next{};
      int left = 1;
      for (std::size_t l = 1; l < counts.size(); ++l) {
        left = left * 2 - counts[l];
        if (left < 0) break;
        if (l + 1 < counts.size()) next[l + 1] = static_cast<std::uint16_t>(next[l] + counts[l]);
      }
      unused = left;
      if (left < 0) return;
      for (std::size_t s = 0; s < lengths.size(); ++s) {
        if (lengths[s] != 0) symbols[next[lengths[s]]++] = static_cast<std::uint16_t>(s);
      }
    }
    /// As zlib: complete, or a single code of one bit, or none.
    [[nodiscard]] bool usable() const {
      std::size_t longer = 0;
      for (std::size_t l = 2; l < counts.size(); ++l) longer += counts[l];
      return unused == 0 || (unused > 0 && longer == 0 && counts[1] <= 1);
    }
  };

  template <class... What>
  void require(bool holds, const What&... what) const {
    nniesim::detail::require<parse_error>(holds, file_, ": IDAT: compressed byte ", at_, ": ", what...);
  }

  [[nodiscard]] std::uint32_t bits(unsigned count) {
    while (held_ < count) {
      require(at_ < stream_.size(), "the stream ends, expected its last block");
      buffer_ |= std::uint32_t{static_cast<unsigned char>(stream_[at_++])} << held_;
      held_ += 8;
    }
    const std::uint32_t value = buffer_ & ((1U << count) - 1);
    buffer_ >>= count;
    held_ -= count;
    return value;
  }
  [[nodiscard]] std::uint32_t symbol(const code& c) {
    std::uint32_t word = 0, first = 0, index = 0;
    for (std::size_t l = 1; l < c.counts.size(); ++l) {
      word |= bits(1);
      const std::uint32_t count = c.counts[l];
      if (word < first + count) return c.symbols[index + word - first];
      index += count;
      first = (first + count) << 1U;
      word <<= 1U;
    }
    require(false, "got a code that stands for nothing");
    return 0;
  }
  void grow(std::uint64_t count) {
    size_ += count;
    require(size_ <= most_, "got more than ", most_, " bytes of pixels, expected ", most_, " by IHDR");
  }

  void stored() {
    buffer_ = 0;
    held_ = 0;
    const std::uint32_t length = bits(16);
    const std::uint32_t complement = bits(16);
    require((length ^ complement) == 0xffffU, "got a stored block of length ", length, " and complement ", complement,
            ", expected each other's");
    require(length <= stream_.size() - at_, "got a stored block of ", length, " bytes, ", stream_.size() - at_,
            " are left");
    at_ += length;
    grow(length);
  }

  void with_tables() {
    const std::size_t literals = bits(5) + 257;
    const std::size_t distances = bits(5) + 1;
    const std::size_t sizes = bits(4) + 4;
    require(literals <= 286 && distances <= 30, "got ", literals, " lengths and ", distances,
            " distances, expected at most 286 and 30");
    constexpr std::array<std::uint8_t, 19> order{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    std::array<std::uint8_t, 19> of_lengths{};
    for (std::size_t i = 0; i < sizes; ++i) of_lengths[order[i]] = static_cast<std::uint8_t>(bits(3));
    const code lengths_code(of_lengths);
    require(lengths_code.unused == 0, "got a code of lengths that is not complete");
    std::array<std::uint8_t, 286 + 30> lengths{};
    for (std::size_t n = 0; n < literals + distances;) {
      const std::uint32_t s = symbol(lengths_code);
      if (s < 16) {
        lengths[n++] = static_cast<std::uint8_t>(s);
        continue;
      }
      require(s != 16 || n != 0, "got a repeated length before the first");
      const std::uint8_t repeated = s == 16 ? lengths[n - 1] : std::uint8_t{0};
      const std::size_t times = s == 16 ? 3 + bits(2) : s == 17 ? 3 + bits(3) : 11 + bits(7);
      require(times <= literals + distances - n, "got more lengths than ", literals + distances);
      for (std::size_t i = 0; i < times; ++i) lengths[n++] = repeated;
    }
    require(lengths[256] != 0, "got no code for the end of the block");
    coded(std::span(lengths).first(literals), std::span(lengths).subspan(literals, distances));
  }

  void coded(std::span<const std::uint8_t> of_literals, std::span<const std::uint8_t> of_distances) {
    const code literals(of_literals);
    const code distances(of_distances);
    require(literals.usable() && distances.usable(), "got a code that is not complete, or has too many codes");
    for (;;) {
      const std::uint32_t s = symbol(literals);
      if (s == 256) return;
      if (s < 256) {
        grow(1);
        continue;
      }
      require(s <= 285, "got the length symbol ", s, ", expected at most 285");
      // 4 lengths for each number of extra bits from 1 to 5, distances alike with 2 for each from 1 to 13.
      const std::uint32_t k = s - 257;
      const std::uint32_t extra = k < 8 || k == 28 ? 0 : k / 4 - 1;
      const std::uint32_t length = k == 28 ? 258 : 3 + (k < 8 ? k : (4 + k % 4) << extra) + bits(extra);
      const std::uint32_t d = symbol(distances);
      require(d <= 29, "got the distance symbol ", d, ", expected at most 29");
      const std::uint32_t more = d < 4 ? 0 : d / 2 - 1;
      const std::uint64_t distance = 1 + (d < 4 ? d : (2 + d % 2) << more) + bits(more);
      require(distance <= size_, "got a distance of ", distance, " after ", size_, " bytes");
      grow(length);
    }
  }

  std::string_view stream_, file_;
  std::uint64_t most_, size_ = 0;
  std::size_t at_ = 0;
  std::uint32_t buffer_ = 0;
  unsigned held_ = 0;  ///< bits in the buffer
};

/// A PNG file that was checked.
struct png_content {
  enum : std::uint32_t { grey = 0, rgb = 2, indexed = 3, grey_alpha = 4, rgb_alpha = 6 };

  std::size_t rows = 0, columns = 0;
  std::uint32_t depth = 0, colour = 0;
  std::string_view palette;  ///< three bytes for each colour; of indexed ones
  std::string decodable;     ///< a file of IHDR, IDAT and IEND; indexed pixels stand there as grey ones
};

/// Checks a whole PNG file up to IEND. Throws parse_error with chunk and offset, shape_error for a size that no picture
/// may have. The rules are those of the PNG specification; ancillary chunks need a fitting check sum only.
[[nodiscard]] inline png_content check_png(const image_bytes& file) {
  constexpr std::string_view signature("\x89PNG\r\n\x1a\n", 8);
  file.require(file.all().starts_with(signature), 0, "got no signature of a PNG file");
  png_content content;
  std::uint32_t interlace = 0;
  std::string header, stream;
  bool palette_seen = false;
  bool after_data = false;
  for (std::size_t at = signature.size();;) {
    const std::size_t length = file.big32(at);
    const std::string_view whole = file.range(at + 4, length + 4);
    const std::string_view type = whole.substr(0, 4);
    const std::string_view data = whole.substr(4);
    const std::size_t begin = at + 8;
    file.require(crc32(whole) == file.big32(begin + length), at, "the check sum of a PNG chunk does not fit");
    file.require((type == "IHDR") == header.empty(), at, "got the chunk ", excerpt(type), ", expected ",
                 header.empty() ? "IHDR" : "one IHDR only", header.empty() ? " first" : "");
    if (type == "IHDR") {
      file.require(length == 13, at, "IHDR: got ", length, " bytes, expected 13");
      content.columns = file.big32(begin);
      content.rows = file.big32(begin + 4);
      content.depth = file.byte(begin + 8);
      content.colour = file.byte(begin + 9);
      interlace = file.byte(begin + 12);
      require_image_size(content.rows, content.columns, concat(file.file(), ": byte ", begin, ": IHDR"));
      const std::uint32_t d = content.depth;
      const std::uint32_t c = content.colour;
      const bool whole_bytes = d == 8 || d == 16;
      const bool packed = d == 1 || d == 2 || d == 4;
      const bool fits = c == png_content::grey      ? whole_bytes || packed
                        : c == png_content::indexed ? packed || d == 8
                                                    : whole_bytes && (c == 2 || c == 4 || c == 6);
      file.require(fits, begin + 8, "IHDR: got depth ", d, " with colour type ", c,
                   ", expected 0 with 1, 2, 4, 8, 16; 2, 4, 6 with 8, 16; 3 with 1, 2, 4, 8");
      file.require(file.byte(begin + 10) == 0 && file.byte(begin + 11) == 0 && interlace <= 1, begin + 10,
                   "IHDR: got compression ", file.byte(begin + 10), ", filter ", file.byte(begin + 11), ", interlace ",
                   interlace, ", expected 0, 0, and 0 or 1");
      header = data;
    } else if (type == "PLTE") {
      file.require(!palette_seen && stream.empty(), at, "PLTE: expected one, before IDAT");
      palette_seen = true;
      const std::size_t most = content.colour == png_content::indexed ? std::size_t{1} << content.depth : 256;
      file.require(length % 3 == 0 && length >= 3 && length / 3 <= most, at, "PLTE: got ", length,
                   " bytes, expected three for each of 1 .. ", most, " colours");
      file.require(content.colour != png_content::grey && content.colour != png_content::grey_alpha, at,
                   "PLTE: got one with colour type ", content.colour, ", expected none for grey");
      content.palette = data;
    } else if (type == "IDAT") {
      file.require(!after_data, at, "IDAT: got another chunk between, expected all IDAT in a row");
      stream += data;
    } else if (type == "IEND") {
      file.require(length == 0, at, "IEND: got ", length, " bytes, expected 0");
      file.require(!stream.empty(), at, "IEND: got no pixels, expected IDAT before");
      file.require(content.colour != png_content::indexed || palette_seen, at, "IEND: got no PLTE, expected one");
      break;
    } else {
      const bool ancillary = (static_cast<unsigned char>(type[0]) & 0x20U) != 0;
      file.require(ancillary, at, "got the chunk ", excerpt(type), ", expected IHDR, PLTE, IDAT or IEND");
      after_data = after_data || !stream.empty();
    }
    at = begin + length + 4;
  }

  constexpr std::array<std::uint8_t, 7> channels{1, 0, 3, 1, 2, 0, 4};
  const auto bytes_of = [&](std::size_t rows, std::size_t columns) -> std::uint64_t {
    return columns == 0 ? 0 : rows * (1 + (std::uint64_t{columns} * channels[content.colour] * content.depth + 7) / 8);
  };
  std::uint64_t expected = bytes_of(content.rows, content.columns);
  if (interlace == 1) {
    // Adam7: seven pictures, each begins at a place and takes every so many rows and columns.
    expected = 0;
    struct pass {
      std::size_t row, column, rows, columns;
    };
    for (const pass p :
         {pass{0, 0, 8, 8}, {0, 4, 8, 8}, {4, 0, 8, 4}, {0, 2, 4, 4}, {2, 0, 4, 2}, {0, 1, 2, 2}, {1, 0, 2, 1}}) {
      expected += bytes_of((content.rows + p.rows - 1 - p.row) / p.rows,
                           (content.columns + p.columns - 1 - p.column) / p.columns);
    }
  }
  const std::uint64_t size = zlib_size(stream, file.file(), expected).expanded();
  require<parse_error>(size == expected, file.file(), ": IDAT: got ", size, " bytes of pixels, expected ", expected,
                       " by IHDR");

  const auto chunk = [&](std::string_view type, std::string_view data) {
    const auto word = [](std::size_t v) {
      std::string text;
      for (unsigned shift = 32; shift != 0; shift -= 8) text += static_cast<char>(v >> (shift - 8U) & 255U);
      return text;
    };
    const std::string whole = std::string(type) + std::string(data);
    content.decodable += word(data.size()) + whole + word(crc32(whole));
  };
  if (content.colour == png_content::indexed) header[9] = static_cast<char>(png_content::grey);
  content.decodable = signature;
  chunk("IHDR", header);
  constexpr std::size_t most = std::size_t{1} << 20U;  // libpng refuses chunks of many MB
  for (std::size_t at = 0; at < stream.size(); at += most) chunk("IDAT", std::string_view(stream).substr(at, most));
  chunk("IEND", "");
  return content;
}

/// Appends the colour that pixel i has by its palette. Throws parse_error where the palette has none.
inline void append_colour(std::vector<std::uint8_t>& pixels, const png_content& png, std::string_view file,
                          std::size_t i, std::size_t index) {
  require<parse_error>(index < png.palette.size() / 3, file, ": IDAT: got colour ", index, " at row ", i / png.columns,
                       ", column ", i % png.columns, ", expected one of PLTE's ", png.palette.size() / 3);
  for (std::size_t c = 0; c < 3; ++c) pixels.push_back(static_cast<std::uint8_t>(png.palette[index * 3 + c]));
}

}  // namespace detail

NNIESIM_END_NAMESPACE
