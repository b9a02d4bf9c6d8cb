// Checks every chunk of a PNG file before a decoder sees it, and walks its compressed stream without storing it, so
// that its size is known to be what the header says. A decoder gets only what was checked.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
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

/// Walks the chunks of a PNG file up to IEND; messages name chunk and offset, what was got and what was expected.
class png_checker {
 public:
  explicit png_checker(const image_bytes& file) : file_(file) {}

  /// Throws parse_error, and shape_error for a size that no picture may have.
  [[nodiscard]] png_content check() {
    constexpr std::string_view signature("\x89PNG\r\n\x1a\n", 8);
    file_.require(file_.all().starts_with(signature), 0, "got no signature of a PNG file");
    for (std::size_t at = signature.size(); !at_end_;) {
      const std::size_t length = file_.big32(at);
      const std::string_view whole = file_.range(at + 4, length + 4);
      const std::string_view type = whole.substr(0, 4);
      file_.require(crc32(whole) == file_.big32(at + 8 + length), at, "the check sum of a PNG chunk does not fit");
      file_.require((type == "IHDR") == header_.empty(), at, "got the chunk ", excerpt(type), ", expected ",
                    header_.empty() ? "IHDR" : "one IHDR only", header_.empty() ? " first" : "");
      chunk(at, type, whole.substr(4));
      at += length + 12;
    }
    const std::uint64_t expected = expected_size();
    const std::uint64_t size = zlib_size(stream_, file_.file(), expected).expanded();
    require<parse_error>(size == expected, file_.file(), ": IDAT: got ", size, " bytes of pixels, expected ", expected,
                         " by IHDR");
    if (content_.colour == png_content::indexed) header_[9] = static_cast<char>(png_content::grey);
    content_.decodable = signature;
    append("IHDR", header_);
    constexpr std::size_t most = std::size_t{1} << 20U;  // libpng refuses chunks of many MB
    for (std::size_t at = 0; at < stream_.size(); at += most)
      append("IDAT", std::string_view(stream_).substr(at, most));
    append("IEND", "");
    return std::move(content_);
  }

 private:
  /// The chunk at byte `at` of the file.
  void chunk(std::size_t at, std::string_view type, std::string_view data) {
    if (type == "IHDR") {
      header(at, data);
    } else if (type == "PLTE") {
      palette(at, data);
    } else if (type == "IDAT") {
      file_.require(!after_data_, at, "IDAT: got another chunk between, expected all IDAT in a row");
      stream_ += data;
    } else if (type == "IEND") {
      file_.require(data.empty(), at, "IEND: got ", data.size(), " bytes, expected 0");
      file_.require(!stream_.empty(), at, "IEND: got no pixels, expected IDAT before");
      file_.require(content_.colour != png_content::indexed || palette_seen_, at, "IEND: got no PLTE, expected one");
      at_end_ = true;
    } else {
      const bool ancillary = (static_cast<unsigned char>(type[0]) & 0x20U) != 0;
      file_.require(ancillary, at, "got the chunk ", excerpt(type), ", expected IHDR, PLTE, IDAT or IEND");
      after_data_ = after_data_ || !stream_.empty();
    }
  }
  void header(std::size_t at, std::string_view data) {
    const std::size_t begin = at + 8;
    file_.require(data.size() == 13, at, "IHDR: got ", data.size(), " bytes, expected 13");
    content_.columns = file_.big32(begin);
    content_.rows = file_.big32(begin + 4);
    content_.depth = file_.byte(begin + 8);
    content_.colour = file_.byte(begin + 9);
    interlace_ = file_.byte(begin + 12);
    require_image_size(content_.rows, content_.columns, message(file_.file(), ": byte ", begin, ": IHDR"));
    const std::uint32_t d = content_.depth;
    const std::uint32_t c = content_.colour;
    const bool whole_bytes = d == 8 || d == 16;
    const bool packed = d == 1 || d == 2 || d == 4;
    const bool fits = c == png_content::grey      ? whole_bytes || packed
                      : c == png_content::indexed ? packed || d == 8
                                                  : whole_bytes && (c == 2 || c == 4 || c == 6);
    file_.require(fits, begin + 8, "IHDR: got depth ", d, " with colour type ", c,
                  ", expected 0 with 1, 2, 4, 8, 16; 2, 4, 6 with 8, 16; 3 with 1, 2, 4, 8");
    file_.require(file_.byte(begin + 10) == 0 && file_.byte(begin + 11) == 0 && interlace_ <= 1, begin + 10,
                  "IHDR: got compression ", file_.byte(begin + 10), ", filter ", file_.byte(begin + 11), ", interlace ",
                  interlace_, ", expected 0, 0, and 0 or 1");
    header_ = data;
  }
  void palette(std::size_t at, std::string_view data) {
    file_.require(!palette_seen_ && stream_.empty(), at, "PLTE: expected one, before IDAT");
    palette_seen_ = true;
    const std::size_t most = content_.colour == png_content::indexed ? std::size_t{1} << content_.depth : 256;
    file_.require(data.size() % 3 == 0 && data.size() >= 3 && data.size() / 3 <= most, at, "PLTE: got ", data.size(),
                  " bytes, expected three for each of 1 .. ", most, " colours");
    file_.require(content_.colour != png_content::grey && content_.colour != png_content::grey_alpha, at,
                  "PLTE: got one with colour type ", content_.colour, ", expected none for grey");
    content_.palette = data;
  }

  /// Bytes that the pixels have when they are expanded, by IHDR.
  [[nodiscard]] std::uint64_t expected_size() const {
    constexpr std::array<std::uint8_t, 7> channels{1, 0, 3, 1, 2, 0, 4};
    const auto bytes_of = [&](std::size_t rows, std::size_t columns) -> std::uint64_t {
      if (columns == 0) return 0;
      return rows * (1 + (std::uint64_t{columns} * channels[content_.colour] * content_.depth + 7) / 8);
    };
    if (interlace_ == 0) return bytes_of(content_.rows, content_.columns);
    // Adam7: seven pictures, each begins at a place and takes every so many rows and columns.
    struct pass {
      std::size_t row, column, rows, columns;
    };
    std::uint64_t expected = 0;
    for (const pass p :
         {pass{0, 0, 8, 8}, {0, 4, 8, 8}, {4, 0, 8, 4}, {0, 2, 4, 4}, {2, 0, 4, 2}, {0, 1, 2, 2}, {1, 0, 2, 1}}) {
      expected += bytes_of((content_.rows + p.rows - 1 - p.row) / p.rows,
                           (content_.columns + p.columns - 1 - p.column) / p.columns);
    }
    return expected;
  }
  void append(std::string_view type, std::string_view data) {
    const auto word = [](std::size_t v) {
      std::string text;
      for (unsigned shift = 32; shift != 0; shift -= 8) text += static_cast<char>(v >> (shift - 8U) & 255U);
      return text;
    };
    const std::string whole = std::string(type) + std::string(data);
    content_.decodable += word(data.size()) + whole + word(crc32(whole));
  }

  const image_bytes& file_;
  png_content content_;
  std::uint32_t interlace_ = 0;
  std::string header_, stream_;
  bool palette_seen_ = false;
  bool after_data_ = false;  ///< a chunk was seen behind the IDAT
  bool at_end_ = false;
};

/// Checks a whole PNG file up to IEND. Throws parse_error with chunk and offset, shape_error for a size that no picture
/// may have. The rules are those of the PNG specification; ancillary chunks need a fitting check sum only.
[[nodiscard]] inline png_content check_png(const image_bytes& file) { return png_checker(file).check(); }

/// Appends the colour that pixel i has by its palette. Throws parse_error where the palette has none.
inline void append_colour(std::vector<std::uint8_t>& pixels, const png_content& png, std::string_view file,
                          std::size_t i, std::size_t index) {
  require<parse_error>(index < png.palette.size() / 3, file, ": IDAT: got colour ", index, " at row ", i / png.columns,
                       ", column ", i % png.columns, ", expected one of PLTE's ", png.palette.size() / 3);
  for (std::size_t c = 0; c < 3; ++c) pixels.push_back(static_cast<std::uint8_t>(png.palette[index * 3 + c]));
}

}  // namespace detail

NNIESIM_END_NAMESPACE
