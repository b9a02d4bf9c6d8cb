// Compiled models (.wk): what the compiler made of a network, as plain data. The format is not documented; what is read
// here was read off 15 public files of six builds of the compiler. What no rule explains stays unknown.
// Source: examples/guide/compiled-models.md, section 4.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/core/crc32.hpp>
#include <nniesim/core/excerpt.hpp>
#include <nniesim/io/file.hpp>
#include <nniesim/io/wk_blocks.hpp>
#include <nniesim/precision/mac_stage.hpp>

NNIESIM_BEGIN_NAMESPACE

/// What a record stands for. Numbers without a name are kept as they are.
enum class wk_type : std::uint8_t {
  convolution = 0x00,
  deconvolution = 0x01,
  pooling = 0x03,
  depthwise = 0x04,  ///< with instructions of its own; grouped convolutions are one `convolution` per group elsewhere
  fully_connected = 0x05,
  lrn = 0x06,
  relu = 0x07,
  softmax = 0x10,
  batch_norm = 0x18,
  scale = 0x19,
  eltwise = 0x1b,
  reshape = 0x27,
  input = 0x2c,
  output = 0x2d,
};

/// "?" for numbers without a name.
[[nodiscard]] constexpr std::string_view to_string(wk_type type) noexcept {
  switch (type) {
    case wk_type::convolution: return "convolution";
    case wk_type::deconvolution: return "deconvolution";
    case wk_type::pooling: return "pooling";
    case wk_type::depthwise: return "depthwise";
    case wk_type::fully_connected: return "fully connected";
    case wk_type::lrn: return "lrn";
    case wk_type::relu: return "relu";
    case wk_type::softmax: return "softmax";
    case wk_type::batch_norm: return "batch norm";
    case wk_type::scale: return "scale";
    case wk_type::eltwise: return "eltwise";
    case wk_type::reshape: return "reshape";
    case wk_type::input: return "input";
    case wk_type::output: return "output";
  }
  return "?";
}

/// What is applied to a value before it is stored. Numbers without a name are kept as they are.
enum class wk_activation : std::uint8_t { none = 1, leaky_relu = 5, relu = 6 };

/// "none", "leaky relu", "relu"; "?" for what has no name.
[[nodiscard]] constexpr std::string_view to_string(wk_activation a) noexcept {
  switch (a) {
    case wk_activation::none: return "none";
    case wk_activation::leaky_relu: return "leaky relu";
    case wk_activation::relu: return "relu";
  }
  return "?";
}

/// A scale as the file holds it, in 1/128 octave: gfpq16's z, or gfpq8's times 8.
struct wk_scale {
  std::int32_t steps = 0;  ///< of 1/128 octave
  /// The same scale.
  [[nodiscard]] friend bool operator==(const wk_scale&, const wk_scale&) = default;

  /// The z of gfpq8 (8 bits) or gfpq16 (16); nothing where 8 bits have no such z.
  [[nodiscard]] std::optional<int> z(int bits) const noexcept {
    if (bits == 16) return steps;
    return steps % 8 == 0 ? std::optional(steps / 8) : std::nullopt;
  }
};

/// A convolution's, deconvolution's or pooling's geometry as the compiler wrote it down.
struct wk_descriptor {
  std::uint64_t at = 0;           ///< in the file
  std::uint32_t plane_bytes = 0;  ///< of one plane of the output: line stride times height
  /// rint(2^42 * 2^((z_w + z_in)/S)), or that over 2^11 where `coarse`, without BatchNorm's factor
  std::int32_t multiplier = 0;
  bool coarse = false;                        ///< the multiplier is divided by 2^11
  std::uint32_t output_width = 0;             ///< columns
  std::uint32_t padded_width = 0;             ///< of the input, zeros inserted, with the left pad
  std::uint32_t chunks = 0;                   ///< of input channels: of 16 at 8 bits, of 8 at 16
  std::array<std::uint32_t, 2> kernel{};      ///< {rows, columns}, without dilation
  std::array<std::uint32_t, 2> dilation{};    ///< {rows, columns}
  std::array<std::uint32_t, 2> upsampling{};  ///< {rows, columns}: a deconvolution's stride
  std::array<std::uint32_t, 2> stride{};      ///< {rows, columns}
  std::uint32_t kernel_units = 0;             ///< rows * columns * chunks

  /// Rows 1 and columns 2: two rows of the network's kernel stand as channels, its stride is 2 and its rows are
  /// 2 * kernel[0] or one less. Only 8 bits have it.
  [[nodiscard]] bool has_merged_rows() const noexcept { return stride[0] == 1 && stride[1] == 2; }
};

/// What the instruction that stores a layer's values says.
struct wk_store {
  wk_scale scale{};                  ///< of codes only
  std::optional<int> element_bytes;  ///< 1, 2: codes; 4: int32 in 1/4096
  wk_activation activation{};        ///< what follows the layer
  bool is_interleaved = false;       ///< four channels per pixel
};

/// What the instruction that sets up a convolution's or deconvolution's windows says. Right and bottom pad are not in
/// it.
struct wk_window {
  std::uint32_t left_pad = 0;  ///< of a deconvolution kernel - 1 - pad
  std::uint32_t top_pad = 0;   ///< 0 with merged rows
  bool is_upsampling = false;  ///< whether it is a deconvolution's
  int input_bits = 8;          ///< 8 or 16
};

/// One compiled layer, or one group of a grouped convolution.
struct wk_layer {
  wk_type type{};                           ///< what it computes
  std::uint64_t at = 0;                     ///< of its record in the file
  std::size_t segment = 0;                  ///< index of its segment
  std::uint32_t id = 0;                     ///< as the record has it
  int element_bytes = 0;                    ///< of what it stores: 1, 2: codes; 4: int32 in 1/4096
  std::uint32_t width = 0;                  ///< of its output
  std::uint32_t height = 0;                 ///< of its output
  std::uint32_t channels = 0;               ///< of its output
  bool is_interleaved = false;              ///< four channels per pixel
  std::uint32_t offset = 0;                 ///< of what it stores, in the accelerator's memory
  std::uint32_t line_stride = 0;            ///< bytes from row to row there
  std::uint32_t bytes = 0;                  ///< of all of it
  wk_scale scale{};                         ///< of what it stores; of codes only
  std::uint64_t first_instruction = 0;      ///< of the segment's 64-bit words
  std::vector<wk_scale> input_scales;       ///< those that its instructions read with, each once
  std::optional<wk_store> store;            ///< the first one; `stores_differ` tells of others
  bool stores_differ = false;               ///< whether its instructions store in several ways
  std::optional<wk_window> window;          ///< of convolutions and deconvolutions
  std::optional<wk_descriptor> descriptor;  ///< of convolutions, deconvolutions and poolings
  std::size_t first_block = 0;              ///< index among the model's blocks
  std::size_t block_count = 0;              ///< of the layer

  /// Whether it has blocks of weights.
  [[nodiscard]] bool has_weights() const noexcept { return block_count != 0; }
  /// The width in which it multiplies, 8 or 16; not known of fully connected layers.
  [[nodiscard]] std::optional<int> bits() const noexcept {
    return window ? std::optional(window->input_bits) : std::nullopt;
  }
};

/// A weight block: `bytes` are records and codes as memory holds them, empty where it does not decode.
struct wk_block {
  std::uint64_t at = 0;             ///< in the file
  std::uint32_t stored = 0;         ///< bytes there
  std::uint8_t coding = 0;          ///< the block's first byte: wk_coding
  std::vector<std::uint8_t> bytes;  ///< decoded
  std::string problem{};            ///< why it does not decode
};

/// An input or output of a segment.
struct wk_node {
  std::string name;                    ///< at most 31 characters of it
  std::uint32_t height = 0;            ///< rows
  std::uint32_t width = 0;             ///< columns
  std::uint32_t channels = 0;          ///< planes
  std::array<std::uint8_t, 4> kind{};  ///< 0 0 1 0: a picture; 1 0 0 0: a map; zeros: a vector
  std::uint8_t picture = 0;            ///< which kind of picture; of outputs 2 for maps
};

/// A part of the network that runs without the host.
struct wk_segment {
  std::uint8_t type = 0;                ///< as the file has it
  std::uint8_t regions = 0;             ///< of interest
  std::vector<wk_node> inputs;          ///< in the file's order
  std::vector<wk_node> outputs;         ///< in the file's order
  std::uint64_t instructions_at = 0;    ///< in the file
  std::uint64_t instruction_count = 0;  ///< words of 64 bits
};

/// A compiled model.
struct wk_model {
  std::string file;                            ///< its name, for messages
  std::array<std::uint8_t, 4> version{};       ///< 1 1 1 2 in the files that are known
  std::string build;                           ///< the compiler's stamp, not the model's date
  bool checksum_fits = false;                  ///< whether the header's CRC-32 is that of the content
  std::vector<wk_segment> segments;            ///< in the file's order
  std::vector<wk_layer> layers;                ///< of all segments, in the file's order
  std::vector<wk_block> blocks;                ///< of all layers
  std::vector<std::string> function_tables;    ///< bytes of each
  std::size_t damaged_instructions = 0;        ///< words of odd parity, which are not read
  std::optional<std::uint64_t> first_damaged;  ///< in the file

  /// A layer's blocks of weights.
  [[nodiscard]] std::span<const wk_block> blocks_of(const wk_layer& l) const {
    return std::span(blocks).subspan(l.first_block, l.block_count);
  }
};

/// Bytes in front of a block's codes: four records of one output each.
inline constexpr std::size_t wk_records_size = 64;

namespace detail {

/// Where a word "load register" of a layer's instructions puts the address of its descriptor, and of its first entry of
/// the block table: its low 12 bits.
struct wk_registers {
  wk_type type;
  std::uint32_t descriptor;  ///< 0: not known
  std::uint32_t blocks;      ///< 0: it has none
};
inline constexpr std::array<wk_registers, 5> wk_registers_of = {{{wk_type::convolution, 0x789, 0x689},
                                                                 {wk_type::deconvolution, 0x789, 0x689},
                                                                 {wk_type::pooling, 0x409, 0},
                                                                 {wk_type::depthwise, 0x409, 0x509},
                                                                 {wk_type::fully_connected, 0, 0x309}}};

class wk_parser {
 public:
  wk_parser(std::string_view bytes, std::string_view file) : bytes_(bytes) { model_.file = file; }

  [[nodiscard]] wk_model parse() {
    header();
    segments();
    records();
    instructions();
    blocks();
    return std::move(model_);
  }

 private:
  struct area {
    std::uint64_t at = 0;  ///< from base, as the file's own addresses are
    std::uint64_t size = 0;
    [[nodiscard]] bool holds(std::uint64_t address, std::uint64_t length) const noexcept {
      return address >= at && address - at <= size && length <= size - (address - at);
    }
  };

  template <class... Parts>
  void require(bool holds, std::uint64_t at, const Parts&... parts) const {
    detail::require<parse_error>(holds, model_.file, ": byte ", at, ": ", parts...);
  }
  void require_bytes(std::uint64_t at, std::uint64_t count, std::uint64_t said_at, std::string_view what) const {
    require(at <= bytes_.size() && count <= bytes_.size() - at, said_at, "got ", what, " of ", count, " bytes at byte ",
            at, ", expected it within the file's ", bytes_.size());
  }

  [[nodiscard]] std::uint8_t u8(std::uint64_t at) const noexcept { return static_cast<std::uint8_t>(bytes_[at]); }
  [[nodiscard]] std::uint32_t u16(std::uint64_t at) const noexcept { return u8(at) | std::uint32_t{u8(at + 1)} << 8U; }
  [[nodiscard]] std::uint32_t u32(std::uint64_t at) const noexcept { return u16(at) | u16(at + 2) << 16U; }
  [[nodiscard]] std::int32_t i32(std::uint64_t at) const noexcept { return std::bit_cast<std::int32_t>(u32(at)); }
  [[nodiscard]] std::uint64_t u64(std::uint64_t at) const noexcept {
    return u32(at) | std::uint64_t{u32(at + 4)} << 32U;
  }
  /// The characters of a field up to the first 0.
  [[nodiscard]] std::string text(std::uint64_t at, std::size_t size) const {
    const std::string_view field = bytes_.substr(at, size);
    return std::string(field.substr(0, field.find('\0')));
  }
  /// Offset from base and length of a part, which stand at `at`; within the file.
  [[nodiscard]] area part(std::uint64_t at, std::string_view what) const {
    const area a{u32(at), u32(at + 4)};
    require_bytes(base_ + a.at, a.size, at, what);
    return a;
  }

  void header() {
    require(bytes_.size() >= header_size, 0, "got ", bytes_.size(), " bytes, expected a compiled model's header of ",
            header_size);
    base_ = u32(0x34);
    const std::uint64_t length = u32(0x38);
    const bool is_inside = base_ >= header_size && base_ <= bytes_.size() && length <= bytes_.size() - base_;
    for (std::size_t i = 0; i < 4; ++i) model_.version[i] = u8(0x10 + i);
    model_.checksum_fits = is_inside && u32(0) == crc32(bytes_.substr(4, base_ + length - 4), 0);
    constexpr std::array<std::uint8_t, 4> known = {1, 1, 1, 2};
    require(model_.checksum_fits || model_.version == known, 0,
            "neither check sum nor version fit, expected a compiled model (.wk)");
    require(is_inside, 0x34, "got a model of ", length, " bytes at byte ", base_, ", expected it behind the header of ",
            header_size, " and within the file's ", bytes_.size());
    model_.build = text(0x20, 16);
    parameters_ = part(0x40, "a parameter area");
    table_ = part(0x60, "a block table");
    require(table_.size % 8 == 0, 0x64, "got a block table of ", table_.size, " bytes, expected entries of 8");
    for (std::uint64_t at = 0x70; at <= 0xa0; at += 0x10) {
      const area a = part(at, "a function table");
      model_.function_tables.emplace_back(bytes_.substr(base_ + a.at, a.size));
    }
    records_ = part(0xb0, "layer records");
    require(records_.size % record_size == 0, 0xb4, "got layer records of ", records_.size, " bytes, expected ",
            record_size, " each");
  }

  void segments() {
    const std::size_t count = u8(0x31);
    require(count != 0, 0x31, "got no segments, expected at least one");
    std::uint64_t at = header_size;
    for (std::size_t i = 0; i < count; ++i) {
      require(base_ - at >= 16, at, "got the model at byte ", base_, ", expected segment ", i, " of ", count,
              " before it");
      wk_segment s;
      s.type = u8(at);
      s.regions = u8(at + 3);
      const std::size_t inputs = u8(at + 1), outputs = u8(at + 2);
      const area a = part(at + 8, "a segment's instructions");
      require(a.size % 8 == 0, at + 12, "got instructions of ", a.size, " bytes, expected words of 8");
      s.instructions_at = base_ + a.at;
      s.instruction_count = a.size / 8;
      at += 16;
      require((base_ - at) / node_size >= inputs + outputs, at, "got the model at byte ", base_, ", expected ",
              inputs + outputs, " inputs and outputs of segment ", i, " before it, ", node_size, " bytes each");
      for (std::size_t n = 0; n < inputs + outputs; ++n, at += node_size) {
        (n < inputs ? s.inputs : s.outputs).push_back(node(at));
      }
      model_.segments.push_back(std::move(s));
    }
    require(at == base_, at, "the segments end here, expected the model's beginning at byte ", base_);
  }

  [[nodiscard]] wk_node node(std::uint64_t at) const {
    wk_node n{text(at + 16, 32), u32(at), u32(at + 4), u32(at + 8)};
    for (std::size_t i = 0; i < n.kind.size(); ++i) n.kind[i] = u8(at + 12 + i);
    n.picture = u8(at + 48);
    return n;
  }

  /// Records stand in the order of their instructions, which each segment counts from its own first one: where the
  /// number falls, the next segment with instructions begins (inferred; most files have one).
  void records() {
    std::size_t segment = next_segment(0);
    std::optional<std::uint64_t> last;
    for (std::uint64_t i = 0; i < records_.size / record_size; ++i) {
      const std::uint64_t at = base_ + records_.at + i * record_size;
      wk_layer l;
      l.type = static_cast<wk_type>(u8(at));
      l.at = at;
      l.element_bytes = u8(at + 1);
      require(l.element_bytes == 1 || l.element_bytes == 2 || l.element_bytes == 4, at + 1, "layer ", i, ": got ",
              l.element_bytes, " bytes per element, expected 1, 2 or 4");
      l.width = u16(at + 2);
      l.height = u16(at + 6);
      l.channels = u32(at + 8);
      l.offset = u32(at + 12);
      l.is_interleaved = u8(at + 19) == 1;
      l.line_stride = u32(at + 20);
      l.id = u16(at + 26);
      l.first_instruction = u32(at + 28);
      l.scale = {i32(at + 32)};
      l.bytes = u32(at + 36);
      if (last && l.first_instruction <= *last) segment = next_segment(segment + 1);
      last = l.first_instruction;
      require(segment < model_.segments.size(), at + 28, "layer ", i, ": got its first instruction at ",
              l.first_instruction, ", expected one behind the layer's before it");
      require(l.first_instruction < model_.segments[segment].instruction_count, at + 28, "layer ", i,
              ": got its first instruction at ", l.first_instruction, ", expected one of its segment's ",
              model_.segments[segment].instruction_count);
      l.segment = segment;
      model_.layers.push_back(std::move(l));
    }
  }
  [[nodiscard]] std::size_t next_segment(std::size_t i) const {
    while (i < model_.segments.size() && model_.segments[i].instruction_count == 0) ++i;
    return i;
  }

  void instructions() {
    for (std::size_t i = 0; i < model_.layers.size(); ++i) {
      wk_layer& l = model_.layers[i];
      const wk_segment& s = model_.segments[l.segment];
      const bool is_last = i + 1 == model_.layers.size() || model_.layers[i + 1].segment != l.segment;
      const std::uint64_t end = is_last ? s.instruction_count : model_.layers[i + 1].first_instruction;
      const auto* registers = std::find_if(wk_registers_of.begin(), wk_registers_of.end(),
                                           [&](const wk_registers& r) { return r.type == l.type; });
      if (registers == wk_registers_of.end()) registers = nullptr;
      std::optional<std::uint64_t> first_entry;
      for (std::uint64_t k = l.first_instruction; k < end; ++k) {
        const std::uint64_t at = s.instructions_at + 8 * k;
        const std::uint64_t word = u64(at);
        if (std::popcount(word) % 2 != 0) {
          if (model_.damaged_instructions++ == 0) model_.first_damaged = at;
          continue;
        }
        if (registers != nullptr) read_register(word, *registers, l, first_entry);
        read_word(word, l);
      }
      first_entries_.push_back(first_entry);
    }
  }

  void read_register(std::uint64_t word, const wk_registers& registers, wk_layer& l,
                     std::optional<std::uint64_t>& first_entry) const {
    const std::uint64_t which = word & 0xfffU;
    const std::uint64_t value = (word & ~(std::uint64_t{1} << 63U)) >> 12U;
    if (registers.descriptor != 0 && which == registers.descriptor && !l.descriptor &&
        parameters_.holds(value, descriptor_size)) {
      l.descriptor = descriptor(base_ + value);
    }
    if (registers.blocks != 0 && which == registers.blocks && !first_entry && table_.holds(value, 8) &&
        (value - table_.at) % 8 == 0) {
      first_entry = (value - table_.at) / 8;
    }
  }

  static void read_word(std::uint64_t word, wk_layer& l) {
    const auto field = [&](unsigned low, unsigned count) {
      return static_cast<std::uint32_t>(word >> low & ((std::uint64_t{1} << count) - 1));
    };
    const std::uint32_t bits = field(50, 13);
    const wk_scale scale{static_cast<std::int32_t>(bits) - (bits >= 4096 ? 8192 : 0)};
    if (field(0, 16) == 0x2585) {
      const std::uint32_t width = field(47, 3);
      wk_store s{.scale = scale,
                 .element_bytes = std::nullopt,
                 .activation = static_cast<wk_activation>(field(34, 3)),
                 .is_interleaved = field(32, 1) == 0};
      if (width == 0 || width == 2) s.element_bytes = width == 0 ? 1 : 2;
      if (width == 7) s.element_bytes = 4;
      if (!l.store) l.store = s;
      l.stores_differ = l.stores_differ || s.scale != l.store->scale || s.element_bytes != l.store->element_bytes ||
                        s.activation != l.store->activation;
    } else if (field(0, 12) == 0x98e) {
      if (l.window) return;  // later tiles have no top pad
      l.window = {field(34, 8), field(26, 8), field(25, 1) == 1, field(22, 1) == 1 ? 16 : 8};
    } else if (field(0, 8) == 0x84 || field(0, 8) == 0x04) {
      if (std::find(l.input_scales.begin(), l.input_scales.end(), scale) == l.input_scales.end()) {
        l.input_scales.push_back(scale);
      }
    }
  }

  /// Nothing where its numbers do not fit each other.
  [[nodiscard]] std::optional<wk_descriptor> descriptor(std::uint64_t at) const {
    wk_descriptor d;
    d.at = at;
    d.plane_bytes = u32(at);
    d.multiplier = i32(at + 4);
    d.coarse = (u8(at + 17) & 1U) == 0;
    d.output_width = u16(at + 32);
    d.padded_width = u16(at + 34);
    d.chunks = u16(at + 36);
    for (std::size_t axis = 0; axis < 2; ++axis) {  // columns stand first
      const std::uint64_t of = 1 - axis;
      const std::uint32_t extent = u8(at + 40 + of);
      d.dilation[axis] = u8(at + 42 + of);
      d.upsampling[axis] = u8(at + 44 + of);
      d.stride[axis] = u8(at + 46 + of);
      if (extent == 0 || d.dilation[axis] == 0 || d.upsampling[axis] == 0 || d.stride[axis] == 0) return std::nullopt;
      if ((extent - 1) % d.dilation[axis] != 0) return std::nullopt;
      d.kernel[axis] = (extent - 1) / d.dilation[axis] + 1;
    }
    d.kernel_units = u16(at + 50);
    if (u16(at + 48) != (d.chunks * d.stride[1] & 0xffffU)) return std::nullopt;
    if (d.kernel_units != (d.kernel[0] * d.kernel[1] * d.chunks & 0xffffU)) return std::nullopt;
    return d;
  }

  /// The table in its order; a layer's blocks are those from its first entry to the next layer's.
  void blocks() {
    std::vector<std::pair<std::uint64_t, std::size_t>> starts;  // first entry, layer
    for (std::size_t i = 0; i < first_entries_.size(); ++i) {
      if (first_entries_[i]) starts.emplace_back(*first_entries_[i], i);
    }
    for (std::size_t i = 1; i < starts.size(); ++i) {
      require(starts[i].first > starts[i - 1].first, model_.layers[starts[i].second].at, "layer ", starts[i].second,
              ": got its blocks from entry ", starts[i].first, " of the table on, expected it behind entry ",
              starts[i - 1].first, ", where those of layer ", starts[i - 1].second, " begin");
    }
    wk_block_decoder decoder;
    std::uint64_t end = 0;  // of the block before, from base
    std::size_t next = 0;
    for (std::uint64_t entry = 0; entry < table_.size / 8; ++entry) {
      if (next < starts.size() && starts[next].first == entry) {
        model_.layers[starts[next].second].first_block = model_.blocks.size();
        ++next;
      }
      const std::uint64_t at = base_ + table_.at + 8 * entry;
      const std::uint64_t offset = u32(at), size = u32(at + 4);
      if (offset == 0 && size == 0) continue;
      require_bytes(base_ + offset, size, at, "a weight block");
      // So that what is decoded is bounded by the file's size.
      require(offset >= end, at, "got a weight block at ", offset,
              ", expected it behind the one before it, which ends ", "at ", end);
      end = offset + size;
      const std::string_view stored = bytes_.substr(base_ + offset, size);
      const std::vector<std::uint8_t> copy(stored.begin(), stored.end());
      wk_decoded decoded = decoder.decode(copy);
      model_.blocks.push_back({base_ + offset, static_cast<std::uint32_t>(size),
                               copy.empty() ? std::uint8_t{0} : copy[0], std::move(decoded.bytes),
                               std::move(decoded.problem)});
      if (next != 0) ++model_.layers[starts[next - 1].second].block_count;
    }
  }

  static constexpr std::uint64_t header_size = 0xc0;
  static constexpr std::uint64_t record_size = 48;
  static constexpr std::uint64_t node_size = 64;
  static constexpr std::uint64_t descriptor_size = 52;

  std::string_view bytes_;
  std::uint64_t base_ = 0;
  area parameters_, table_, records_;
  std::vector<std::optional<std::uint64_t>> first_entries_;  ///< of each layer, of the block table
  wk_model model_;
};

}  // namespace detail

/// Compiled models of more bytes than this are refused unless the caller allows them.
inline constexpr std::uint64_t wk_default_limit = std::uint64_t{1} << 30U;

/// The model of a file's bytes; `file` names it in messages. Throws parse_error, with the byte, where a length or an
/// address does not fit the file. A block that does not decode is left empty and says why; a wrong check sum is noted.
/// Takes a few times the file's size of memory: blocks do not overlap, and a byte stands for a dozen at most.
[[nodiscard]] inline wk_model parse_wk(std::string_view bytes, std::string_view file) {
  return detail::wk_parser(bytes, file).parse();
}

/// Throws as parse_wk, and error for what cannot be read.
[[nodiscard]] inline wk_model read_wk(const std::filesystem::path& path, std::uint64_t max_bytes = wk_default_limit) {
  return parse_wk(detail::read_whole_file(path, max_bytes, "a compiled model (.wk)"), path.string());
}

namespace detail {

[[nodiscard]] inline std::int32_t wk_int32(std::span<const std::uint8_t> bytes, std::size_t at) noexcept {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value |= std::uint32_t{bytes[at + i]} << (8 * i);
  return std::bit_cast<std::int32_t>(value);
}

}  // namespace detail

/// The record of output `index`, 0 to 3, of a convolution's or deconvolution's block, which has decoded. `coarse` is
/// its descriptor's.
[[nodiscard]] inline mac_stage wk_stage(const wk_block& block, std::size_t index, bool coarse) {
  detail::require<format_error>(index < 4 && block.bytes.size() >= wk_records_size, "record ", index,
                                " of a weight block of ", block.bytes.size(), " bytes, expected one of its first ",
                                wk_records_size);
  const auto at = [&](std::size_t field) { return detail::wk_int32(block.bytes, 16 * index + 4 * field); };
  return {.bias = at(0), .multiplier = at(1), .shift = at(2), .slope = at(3), .coarse = coarse};
}

NNIESIM_END_NAMESPACE
