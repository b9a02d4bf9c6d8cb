// Every segment of a JPEG file checked before a decoder sees it: lengths, tables, frame, scans, restart markers, end.
// Decoders differ in what they survive; behind this check they meet nothing that ITU-T T.81 does not allow.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nniesim/io/image_bytes.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// What the check of a JPEG file has found out.
struct jpeg_header {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::size_t channels = 0;  ///< components
};

/// Walks a file from SOI to EOI. The rules are T.81's for 8-bit Huffman coded DCT files (baseline, extended,
/// progressive); messages name the segment, the offset, what was got and what was expected.
class jpeg_checker {
 public:
  explicit jpeg_checker(const image_bytes& file) : file_(file) {}

  /// Throws parse_error, and shape_error for a size that no picture may have.
  [[nodiscard]] jpeg_header check() {
    require(file_.size() >= 2 && file_.big16(0) == 0xffd8, 0, "SOI: got no start of a JPEG file, expected 255 216");
    at_ = 2;
    for (;;) {
      const std::size_t start = at_;
      const std::uint32_t marker = next_marker();
      if (marker == eoi) break;
      const std::string name = name_of(marker);
      require(is_read(marker), start, "got the segment ", name,
              ", expected a Huffman coded file of 8 bits: SOF0, SOF1, SOF2, DHT, DQT, DRI, SOS, APPn, COM or EOI");
      const std::uint32_t length = file_.big16(at_);
      require(length >= 2, at_, name, ": got a length of ", length, ", expected at least 2");
      (void)file_.range(at_, length);
      const segment s{name, at_ + 2, at_ + length};
      at_ = s.end;
      switch (marker) {
        case dht: huffman_tables(s); break;
        case dqt: quantization_tables(s); break;
        case dri:
          expect_size(s, 2);
          restart_interval_ = file_.big16(s.begin);
          break;
        case sof0:
        case sof1:
        case sof2: frame(s, marker == sof2); break;
        case sos: scan(s); break;
        default: break;  // APPn, COM
      }
    }
    require(!components_.empty(), at_, "EOI: got no frame, expected SOF0, SOF1 or SOF2 before the end");
    for (const component& c : components_) {
      require(c.next[0] != unseen, at_, "EOI: got no scan of component ", c.id, ", expected one of each component");
    }
    return header_;
  }

 private:
  enum : std::uint32_t {
    sof0 = 0xc0,
    sof1 = 0xc1,
    sof2 = 0xc2,
    dht = 0xc4,
    rst0 = 0xd0,
    rst7 = 0xd7,
    eoi = 0xd9,
    sos = 0xda,
    dqt = 0xdb,
    dri = 0xdd,
    app0 = 0xe0,
    app15 = 0xef,
    com = 0xfe
  };
  static constexpr int unseen = -1;
  static constexpr std::size_t most_scans = 256;  // real files have about ten

  struct segment {
    std::string_view name;
    std::size_t begin, end;
  };
  struct component {
    std::uint32_t id, h, v, quantization;
    std::array<int, 64> next{};  ///< per coefficient the bit that a later scan continues at; unseen before the first
    std::size_t blocks = 0;      ///< in a scan of its own
  };

  template <class... What>
  void require(bool holds, std::size_t at, const What&... what) const {
    file_.require(holds, at, what...);
  }

  [[nodiscard]] static bool is_read(std::uint32_t marker) {
    return (marker >= sof0 && marker <= sof2) || (marker >= app0 && marker <= app15) || marker == dht ||
           marker == dqt || marker == dri || marker == sos || marker == com;
  }
  [[nodiscard]] static std::string name_of(std::uint32_t marker) {
    switch (marker) {
      case dht: return "DHT";
      case dqt: return "DQT";
      case dri: return "DRI";
      case sos: return "SOS";
      case com: return "COM";
      case 0xd8: return "SOI";
      case 0xdc: return "DNL";
      case 0xcc: return "DAC";
      default: break;
    }
    if (marker >= 0xc0 && marker <= 0xcf) return "SOF" + std::to_string(marker - 0xc0);
    if (marker >= app0 && marker <= app15) return "APP" + std::to_string(marker - app0);
    if (marker >= rst0 && marker <= rst7) return "RST" + std::to_string(marker - rst0);
    return "of marker " + std::to_string(marker);
  }

  /// Passes over the next marker, with the bytes of 255 that may precede it.
  [[nodiscard]] std::uint32_t next_marker() {
    require(file_.byte(at_) == 0xff, at_, "got ", file_.byte(at_), ", expected a JPEG marker: 255");
    while (file_.byte(at_) == 0xff) ++at_;
    return file_.byte(at_++);
  }

  void expect_size(const segment& s, std::size_t size) const {
    require(s.end - s.begin == size, s.begin, s.name, ": got ", s.end - s.begin, " bytes, expected ", size);
  }
  void expect_left(const segment& s, std::size_t at, std::size_t size, std::string_view what) const {
    require(size <= s.end - at, at, s.name, ": got ", s.end - at, " bytes left in the segment, expected the ", size,
            " of ", what);
  }

  void huffman_tables(const segment& s) {
    constexpr std::size_t counts = 16;
    std::size_t at = s.begin;
    do {
      expect_left(s, at, 1 + counts, "a table's class and counts");
      const std::uint32_t kind = file_.byte(at) >> 4U;
      const std::uint32_t index = file_.byte(at) & 15U;
      require(kind <= 1 && index <= 3, at, s.name, ": got a table of class ", kind, " and number ", index,
              ", expected class 0 or 1 and number 0 .. 3");
      std::size_t symbols = 0;
      std::size_t free_codes = 1;
      for (std::size_t length = 1; length <= counts; ++length) {
        const std::size_t count = file_.byte(at + length);
        free_codes *= 2;
        require(count <= free_codes, at + length, s.name, ": got ", count, " codes of ", length,
                " bits, expected at most the ", free_codes, " that are free");
        free_codes -= count;
        symbols += count;
      }
      require(symbols >= 1 && symbols <= 256, at + 1, s.name, ": got ", symbols, " symbols, expected 1 .. 256");
      expect_left(s, at + 1 + counts, symbols, "its symbols");
      // Symbols are categories of up to 11 bits for DC, a run and up to 10 bits for AC: T.81, F.1.2 for 8 bits.
      std::array<bool, 256> seen{};
      for (std::size_t i = at + 1 + counts; i < at + 1 + counts + symbols; ++i) {
        const std::uint32_t symbol = file_.byte(i);
        require(kind == 0 ? symbol <= 11 : (symbol & 15U) <= 10, i, s.name, ": got the ", kind == 0 ? "DC" : "AC",
                " symbol ", symbol, ", expected a category of at most ", kind == 0 ? 11 : 10, " bits");
        require(!seen[symbol], i, s.name, ": got the symbol ", symbol, " twice, expected each once");
        seen[symbol] = true;
      }
      has_huffman_[kind][index] = true;
      at += 1 + counts + symbols;
    } while (at != s.end);
  }

  void quantization_tables(const segment& s) {
    std::size_t at = s.begin;
    do {
      expect_left(s, at, 1, "a table's precision");
      const std::uint32_t precision = file_.byte(at) >> 4U;
      const std::uint32_t index = file_.byte(at) & 15U;
      require(precision <= 1 && index <= 3, at, s.name, ": got a table of precision ", precision, " and number ", index,
              ", expected precision 0 or 1 and number 0 .. 3");
      const std::size_t width = 1 + precision;
      expect_left(s, ++at, 64 * width, "a table's steps");
      for (std::size_t i = 0; i < 64; ++i, at += width) {
        const std::uint32_t step = precision == 0 ? file_.byte(at) : file_.big16(at);
        require(step != 0, at, s.name, ": got a step of 0, expected at least 1");
      }
      has_quantization_[index] = true;
    } while (at != s.end);
  }

  void frame(const segment& s, bool progressive) {
    require(components_.empty(), s.begin, s.name, ": got a second frame, expected one");
    expect_left(s, s.begin, 6, "a frame's size");
    const std::uint32_t precision = file_.byte(s.begin);
    require(precision == 8, s.begin, s.name, ": got a precision of ", precision, " bits, expected 8");
    header_ = {file_.big16(s.begin + 1), file_.big16(s.begin + 3), file_.byte(s.begin + 5)};
    const std::size_t count = header_.channels;
    require(count == 1 || count == 3 || count == 4, s.begin + 5, s.name, ": got ", count,
            " components, expected 1, 3 or 4");
    expect_size(s, 6 + 3 * count);
    require_image_size(header_.rows, header_.columns, message(file_.file(), ": byte ", s.begin + 1, ": ", s.name));
    progressive_ = progressive;
    for (std::size_t at = s.begin + 6; at != s.end; at += 3) {
      const std::uint32_t sampling = file_.byte(at + 1);
      component c{file_.byte(at), sampling >> 4U, sampling & 15U, file_.byte(at + 2)};
      c.next.fill(unseen);
      require(find(c.id) == nullptr, at, s.name, ": got component ", c.id, " twice, expected each once");
      require(c.h >= 1 && c.h <= 4 && c.v >= 1 && c.v <= 4, at + 1, s.name, ": got sampling factors of ", c.h, " x ",
              c.v, ", expected 1 .. 4 of each");
      require(c.quantization <= 3, at + 2, s.name, ": got quantization table ", c.quantization, ", expected 0 .. 3");
      components_.push_back(c);
      most_h_ = std::max(most_h_, c.h);
      most_v_ = std::max(most_v_, c.v);
    }
    for (component& c : components_) {
      require(most_h_ % c.h == 0 && most_v_ % c.v == 0, s.begin, s.name, ": got sampling factors of ", c.h, " x ", c.v,
              ", expected whole parts of the largest, ", most_h_, " x ", most_v_);
      c.blocks = parts(header_.columns * c.h, 8 * most_h_) * parts(header_.rows * c.v, 8 * most_v_);
    }
  }

  void scan(const segment& s) {
    require(!components_.empty(), s.begin, s.name, ": got a scan before the frame, expected SOF0, SOF1 or SOF2 first");
    require(++scans_ <= most_scans, s.begin, s.name, ": got more than ", most_scans, " scans, the limit");
    expect_left(s, s.begin, 1, "the number of components");
    const std::size_t count = file_.byte(s.begin);
    require(count >= 1 && count <= components_.size(), s.begin, s.name, ": got ", count, " components, expected 1 .. ",
            components_.size());
    expect_size(s, 4 + 2 * count);
    const std::size_t spectrum = s.begin + 1 + 2 * count;
    const std::uint32_t first = file_.byte(spectrum);
    const std::uint32_t last = progressive_ ? file_.byte(spectrum + 1) : 63;
    const std::uint32_t high = file_.byte(spectrum + 2) >> 4U;
    const std::uint32_t low = file_.byte(spectrum + 2) & 15U;
    if (progressive_) {
      require(first <= last && last <= 63 && (first != 0 || last == 0) && (first == 0 || count == 1), spectrum, s.name,
              ": got coefficients ", first, " .. ", last, " of ", count,
              " components, expected 0 alone, or a range of 1 .. 63 of one component");
      require(low <= 13 && (high == 0 || high == low + 1), spectrum + 2, s.name, ": got bits ", high, " to ", low,
              ", expected at most 13, and 0 or one more before");
    } else {
      // Some cameras write a last coefficient of 0 and mean 63.
      const std::uint32_t end = file_.byte(spectrum + 1);
      require(first == 0 && (end == 63 || end == 0) && high == 0 && low == 0, spectrum, s.name, ": got coefficients ",
              first, " .. ", end, " and bits ", high, " to ", low, ", expected 0 .. 63 and 0 to 0");
    }

    std::vector<component*> chosen;
    std::size_t unit_blocks = 0;
    for (std::size_t at = s.begin + 1; at != spectrum; at += 2) {
      const std::uint32_t id = file_.byte(at);
      component* const c = find(id);
      require(c != nullptr, at, s.name, ": got component ", id, ", expected one of the frame's");
      require(std::find(chosen.begin(), chosen.end(), c) == chosen.end(), at, s.name, ": got component ", id,
              " twice, expected each once");
      chosen.push_back(c);
      unit_blocks += std::size_t{c->h} * c->v;
      require(has_quantization_[c->quantization], at, s.name, ": got no quantization table ", c->quantization,
              " for component ", id, ", expected DQT before the scan");
      const bool with_dc = first == 0 && high == 0;
      const bool with_ac = last != 0;
      require_table(s, at + 1, 0, file_.byte(at + 1) >> 4U, with_dc);
      require_table(s, at + 1, 1, file_.byte(at + 1) & 15U, with_ac);
      require(first == 0 || c->next[0] != unseen, at, s.name, ": got coefficients ", first, " .. ", last,
              " of component ", id, ", expected its coefficient 0 before");
      for (std::uint32_t k = first; k <= last; ++k) {
        const bool follows = high == 0 ? c->next[k] == unseen : c->next[k] == static_cast<int>(high);
        require(follows, at, s.name, ": got coefficient ", k, " of component ", id, " from bit ", high,
                ", expected it once, then each bit after the one before");
        c->next[k] = static_cast<int>(low);
      }
    }
    require(count == 1 || unit_blocks <= 10, s.begin, s.name, ": got ", unit_blocks,
            " blocks in a unit, expected at most 10");
    const std::size_t units =
        count == 1 ? chosen.front()->blocks : parts(header_.columns, 8 * most_h_) * parts(header_.rows, 8 * most_v_);
    const std::size_t blocks = count == 1 ? units : units * unit_blocks;
    // The shortest codes have a bit: one of each block's DC, one for the end of its AC. Runs of AC may skip blocks.
    coded_data(s, units, first != 0 ? 0 : (blocks * (progressive_ ? 1 : 2) + 7) / 8);
  }

  void require_table(const segment& s, std::size_t at, std::uint32_t kind, std::uint32_t index, bool used) const {
    const std::string_view name = kind == 0 ? "DC" : "AC";
    require(index <= 3, at, s.name, ": got ", name, " table ", index, ", expected 0 .. 3");
    require(!used || has_huffman_[kind][index], at, s.name, ": got no ", name, " table ", index,
            ", expected DHT before the scan");
  }

  /// Passes over a scan's coded data up to the marker that ends it: 255 is data where 0 follows, and restart markers
  /// stand between the intervals.
  void coded_data(const segment& s, std::size_t units, std::size_t least_bytes) {
    const std::size_t begin = at_;
    const std::size_t expected = restart_interval_ == 0 ? 0 : parts(units, restart_interval_) - 1;
    // One more than between the intervals, where the last one is whole, is seen in files.
    const std::size_t most = expected + (restart_interval_ != 0 && units % restart_interval_ == 0 ? 1 : 0);
    std::size_t restarts = 0;
    for (;;) {
      const std::size_t found = file_.all().find('\xff', at_);
      if (found == std::string_view::npos) file_.ends();
      at_ = found;
      while (file_.byte(at_) == 0xff) ++at_;
      const std::uint32_t marker = file_.byte(at_);
      if (marker == 0) continue;
      if (marker < rst0 || marker > rst7) {
        at_ = found;
        break;
      }
      require(marker == rst0 + restarts % 8, at_, s.name, ": got restart marker ", marker - rst0, ", expected ",
              restarts % 8);
      require(++restarts <= most, at_, s.name, ": got restart marker number ", restarts, ", expected ", expected,
              ", one each ", restart_interval_, " of ", units, " units");
    }
    require(restarts >= expected, at_, s.name, ": got ", restarts, " restart markers, expected ", expected,
            ", one each ", restart_interval_, " of ", units, " units");
    require(at_ - begin >= least_bytes, at_, s.name, ": got ", at_ - begin, " bytes of coded data, expected at least ",
            least_bytes, " for ", units, " units");
  }

  [[nodiscard]] component* find(std::uint32_t id) {
    const auto found =
        std::find_if(components_.begin(), components_.end(), [&](const component& c) { return c.id == id; });
    return found == components_.end() ? nullptr : &*found;
  }
  [[nodiscard]] static std::size_t parts(std::size_t whole, std::size_t part) { return (whole + part - 1) / part; }

  const image_bytes& file_;
  std::size_t at_ = 0;
  jpeg_header header_;
  bool progressive_ = false;
  std::uint32_t most_h_ = 1, most_v_ = 1;
  std::size_t restart_interval_ = 0;
  std::size_t scans_ = 0;
  std::vector<component> components_;
  std::array<std::array<bool, 4>, 2> has_huffman_{};
  std::array<bool, 4> has_quantization_{};
};

/// Checks a whole JPEG file; see jpeg_checker.
[[nodiscard]] inline jpeg_header check_jpeg(const image_bytes& file) { return jpeg_checker(file).check(); }

}  // namespace detail

NNIESIM_END_NAMESPACE
