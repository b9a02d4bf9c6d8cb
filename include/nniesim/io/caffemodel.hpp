// Caffe's .caffemodel files: the layers of a network and their learned values, and .binaryproto files: one blob. A file
// is checked against the bytes that it has before memory is taken for its values, so that it may come from anywhere.
#pragma once

#if !__has_include(<protozero/pbf_reader.hpp>)
#error "nniesim/io/caffemodel.hpp needs the headers of protozero (Debian: libprotozero-dev)"
#endif

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

#include <nniesim/core/error.hpp>
#include <nniesim/core/excerpt.hpp>
#include <nniesim/io/file.hpp>
#include <nniesim/tensor/tensor.hpp>

NNIESIM_BEGIN_NAMESPACE

/// A layer and its learned values, all finite. The type is not interpreted here.
struct caffe_layer {
  std::string name;                  ///< its name in the file
  std::string type;                  ///< "Convolution"
  std::vector<std::string> bottoms;  ///< names of the blobs that it reads
  std::vector<std::string> tops;     ///< names of the blobs that it writes
  std::vector<tensor<float>> blobs;  ///< of rank 0 to 8, none empty
};

/// A caffemodel: layers with their learned values.
struct caffe_model {
  std::string name;                 ///< the network's
  std::vector<caffe_layer> layers;  ///< in the order of the file
};

/// The largest file in bytes: Protobuf's own limit.
inline constexpr std::uint64_t caffemodel_default_limit = (std::uint64_t{1} << 31U) - 1;

/// A layer type of Caffe's V1 format.
struct caffe_v1_type {
  std::uint32_t number;        ///< in binary files
  std::string_view enum_name;  ///< in text files
  std::string_view type;       ///< what the newer format calls it
};
/// All of them, by number.
inline constexpr std::array<caffe_v1_type, 40> caffe_v1_types = {
    {{0, "NONE", ""},
     {1, "ACCURACY", "Accuracy"},
     {2, "BNLL", "BNLL"},
     {3, "CONCAT", "Concat"},
     {4, "CONVOLUTION", "Convolution"},
     {5, "DATA", "Data"},
     {6, "DROPOUT", "Dropout"},
     {7, "EUCLIDEAN_LOSS", "EuclideanLoss"},
     {8, "FLATTEN", "Flatten"},
     {9, "HDF5_DATA", "HDF5Data"},
     {10, "HDF5_OUTPUT", "HDF5Output"},
     {11, "IM2COL", "Im2col"},
     {12, "IMAGE_DATA", "ImageData"},
     {13, "INFOGAIN_LOSS", "InfogainLoss"},
     {14, "INNER_PRODUCT", "InnerProduct"},
     {15, "LRN", "LRN"},
     {16, "MULTINOMIAL_LOGISTIC_LOSS", "MultinomialLogisticLoss"},
     {17, "POOLING", "Pooling"},
     {18, "RELU", "ReLU"},
     {19, "SIGMOID", "Sigmoid"},
     {20, "SOFTMAX", "Softmax"},
     {21, "SOFTMAX_LOSS", "SoftmaxWithLoss"},
     {22, "SPLIT", "Split"},
     {23, "TANH", "TanH"},
     {24, "WINDOW_DATA", "WindowData"},
     {25, "ELTWISE", "Eltwise"},
     {26, "POWER", "Power"},
     {27, "SIGMOID_CROSS_ENTROPY_LOSS", "SigmoidCrossEntropyLoss"},
     {28, "HINGE_LOSS", "HingeLoss"},
     {29, "MEMORY_DATA", "MemoryData"},
     {30, "ARGMAX", "ArgMax"},
     {31, "THRESHOLD", "Threshold"},
     {32, "DUMMY_DATA", "DummyData"},
     {33, "SLICE", "Slice"},
     {34, "MVN", "MVN"},
     {35, "ABSVAL", "AbsVal"},
     {36, "SILENCE", "Silence"},
     {37, "CONTRASTIVE_LOSS", "ContrastiveLoss"},
     {38, "EXP", "Exp"},
     {39, "DECONVOLUTION", "Deconvolution"}}};

namespace detail {

/// Field numbers of caffe.proto.
struct caffe_tags {
  enum net : std::uint32_t { net_name = 1, net_v1_layer = 2, net_layer = 100 };
  enum blob : std::uint32_t { num = 1, channels = 2, height = 3, width = 4, data = 5, shape = 7, double_data = 8 };
  enum shape : std::uint32_t { dim = 1 };
  /// Those of a layer, which the two formats number differently.
  struct layer {
    std::uint32_t name, type, bottom, top, blobs;
  };
  static constexpr layer current = {1, 2, 3, 4, 7};
  static constexpr layer v1 = {4, 5, 2, 3, 6};
  static constexpr std::uint32_t v0_inside_v1 = 1;
};

/// Walks the messages of a file that is in memory.
class caffe_parser {
 public:
  caffe_parser(std::string_view bytes, std::string_view file) : bytes_(bytes), file_(file) {}

  [[nodiscard]] caffe_model model() {
    add_fields(bytes_, 0);
    return finished(bytes_.size());
  }
  /// The same of a file's fields, which come one after the other in any number of parts, each at its place in the file.
  void add_fields(std::string_view bytes, std::uint64_t at) {
    bytes_ = bytes;
    begin_ = at;
    guarded(&caffe_parser::net_fields);
  }
  /// Of all that was added, `size` bytes.
  [[nodiscard]] caffe_model finished(std::uint64_t size) {
    begin_ = 0;
    if (!format_) fail(size, "the file ends, got no layer, expected a Caffe model");
    return std::move(model_);
  }
  [[nodiscard]] tensor<float> single_blob() { return guarded(&caffe_parser::only_blob); }

 private:
  /// Number of layers and their parts; each takes more memory than its bytes in the file suggest.
  static constexpr std::size_t most_parts = 65536;

  [[nodiscard]] std::uint64_t offset_of(const char* p) const noexcept {
    return begin_ + static_cast<std::uint64_t>(p - bytes_.data());
  }
  template <class... What>
  [[noreturn]] void fail(std::uint64_t offset, const What&... what) const {
    throw parse_error(message(file_, ": byte ", offset, ": ", context_, what...));
  }
  template <class Result>
  [[nodiscard]] Result guarded(Result (caffe_parser::*parse)()) {
    try {
      return (this->*parse)();
    } catch (const protozero::end_of_buffer_exception&) {
      fail(at_, "got a field that its message ends in, expected a whole one");
    } catch (const protozero::varint_too_long_exception&) {
      fail(at_, "got a number of more than 10 bytes, expected a protobuf field");
    } catch (const protozero::exception&) {
      fail(at_, "got a field number or wire type that protobuf does not have, expected a field of a binary file");
    }
  }

  /// Goes to the message's next field; false at its end.
  [[nodiscard]] bool next(protozero::pbf_reader& r) {
    at_ = offset_of(r.data().data());
    return r.next();
  }
  void expect(const protozero::pbf_reader& r, protozero::pbf_wire_type type, std::string_view what) const {
    if (!r.has_wire_type(type)) {
      fail(at_, "got wire type ", static_cast<int>(r.wire_type()), " for ", what, ", expected ",
           static_cast<int>(type));
    }
  }
  [[nodiscard]] std::string_view bytes(protozero::pbf_reader& r, std::string_view what) {
    expect(r, protozero::pbf_wire_type::length_delimited, what);
    const protozero::data_view rest = r.data();
    const char* begin = rest.data();
    const char* const end = begin + rest.size();
    const std::uint64_t length = protozero::decode_varint(&begin, end);  // the reader would cut it to 32 bits
    const auto left = static_cast<std::uint64_t>(end - begin);
    if (length > left) fail(at_, "got ", what, " of ", length, " bytes, but ", left, " are left in its message");
    r.skip();
    return {begin, static_cast<std::size_t>(length)};
  }
  void skip(protozero::pbf_reader& r) {
    if (r.has_wire_type(protozero::pbf_wire_type::length_delimited)) {
      (void)bytes(r, "a field");
    } else {
      r.skip();
    }
  }
  void count_part() {
    if (++parts_ > most_parts) fail(at_, "more than ", most_parts, " layers, bottoms, tops and blobs, the limit");
  }

  void net_fields() {
    for (protozero::pbf_reader r(bytes_.data(), bytes_.size()); next(r);) {
      const std::uint32_t tag = r.tag();
      if (tag == caffe_tags::net_name) {
        model_.name = bytes(r, "the network's name");
      } else if (tag == caffe_tags::net_layer || tag == caffe_tags::net_v1_layer) {
        if (format_.value_or(tag) != tag)
          fail(at_, "got layers of Caffe's V1 format beside newer ones, expected one kind");
        format_ = tag;
        const std::string_view content = bytes(r, "a layer");
        model_.layers.push_back(layer(content, model_.layers.size(), tag == caffe_tags::net_v1_layer));
      } else {
        skip(r);
      }
    }
  }
  [[nodiscard]] tensor<float> only_blob() { return blob(bytes_); }

  [[nodiscard]] caffe_layer layer(std::string_view content, std::size_t index, bool v1) {
    const caffe_tags::layer& tags = v1 ? caffe_tags::v1 : caffe_tags::current;
    context_ = message("layer ", index, ": ");
    count_part();
    caffe_layer result;
    for (protozero::pbf_reader r(content.data(), content.size()); next(r);) {
      const std::uint32_t tag = r.tag();
      if (v1 && tag == caffe_tags::v0_inside_v1) {
        fail(at_,
             "got a layer of Caffe's V0 format, expected V1 or newer: Caffe's upgrade_net_proto_binary converts it");
      }
      if (tag == tags.name) {
        result.name = bytes(r, "its name");
      } else if (tag == tags.type) {
        result.type = v1 ? v1_type(r) : bytes(r, "its type");
      } else if (tag == tags.bottom || tag == tags.top) {
        count_part();
        (tag == tags.bottom ? result.bottoms : result.tops).emplace_back(bytes(r, "the name of a blob"));
      } else {
        skip(r);
      }
    }
    // The blobs come second: their errors give the layer's name.
    const std::string owner = message("layer ", index, " ", excerpt(result.name), ": ");
    for (protozero::pbf_reader r(content.data(), content.size()); next(r);) {
      if (r.tag() == tags.blobs) {
        context_ = message(owner, "blob ", result.blobs.size(), ": ");
        count_part();
        result.blobs.push_back(blob(bytes(r, "the blob")));
        context_ = owner;
      } else {
        skip(r);
      }
    }
    context_.clear();
    return result;
  }

  [[nodiscard]] std::string_view v1_type(protozero::pbf_reader& r) {
    const std::uint64_t number = unsigned_number(r, "its type");
    if (number >= caffe_v1_types.size()) fail(at_, "got layer type ", number, ", expected 0 to 39");
    return caffe_v1_types[number].type;
  }

  [[nodiscard]] std::uint64_t unsigned_number(protozero::pbf_reader& r, std::string_view what) {
    expect(r, protozero::pbf_wire_type::varint, what);
    return r.get_uint64();
  }
  [[nodiscard]] std::uint64_t extent(std::uint64_t value) const {
    const auto as_signed = static_cast<std::int64_t>(value);
    if (as_signed < 0) fail(at_, "got an extent of ", as_signed, ", expected one not below 0");
    return value;
  }

  struct extents {
    std::array<std::uint64_t, tensor_shape::max_rank> values{};
    std::size_t rank = 0;
  };
  void shape(std::string_view content, extents& to) {
    const auto add = [&](std::uint64_t value) {
      if (to.rank == to.values.size()) fail(at_, "got a shape of rank above ", to.rank, ", the most that is taken");
      to.values[to.rank++] = extent(value);
    };
    for (protozero::pbf_reader r(content.data(), content.size()); next(r);) {
      if (r.tag() != caffe_tags::dim) {
        skip(r);
      } else if (r.has_wire_type(protozero::pbf_wire_type::length_delimited)) {
        const std::string_view packed = bytes(r, "the shape");
        for (const char* p = packed.data(); p != packed.data() + packed.size();) {
          add(protozero::decode_varint(&p, packed.data() + packed.size()));
        }
      } else {
        add(unsigned_number(r, "the shape"));
      }
    }
  }

  /// The bytes of a field of floating-point numbers, one by itself or any number packed.
  template <class T>
  [[nodiscard]] std::string_view elements(protozero::pbf_reader& r) {
    constexpr auto single = sizeof(T) == 4 ? protozero::pbf_wire_type::fixed32 : protozero::pbf_wire_type::fixed64;
    if (r.has_wire_type(single)) {
      const char* const begin = r.data().data();
      r.skip();
      return {begin, sizeof(T)};
    }
    const std::string_view packed = bytes(r, "the values");
    if (packed.size() % sizeof(T) != 0) {
      fail(at_, "got values of ", packed.size(), " bytes, expected a multiple of ", sizeof(T));
    }
    return packed;
  }
  template <class T>
  [[nodiscard]] static T element(const char* p) noexcept {
    std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t> bits = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      bits |= static_cast<decltype(bits)>(static_cast<unsigned char>(p[i])) << (8 * i);
    }
    return std::bit_cast<T>(bits);
  }
  /// Appends the elements to the first `count` of `to`.
  template <class T>
  void append(std::string_view raw, tensor<float>& to, std::size_t& count) const {
    for (const char* p = raw.data(); p != raw.data() + raw.size(); p += sizeof(T)) {
      const T value = element<T>(p);
      // False for NaN as well; doubles beyond float's range are shown as they are.
      const bool fits = std::abs(value) <= static_cast<T>(std::numeric_limits<float>::max());
      if (!fits) {
        fail(offset_of(p), "got ", value, " at ", coordinates(shape_of(to), count), ", expected a finite float");
      }
      to.data()[count++] = static_cast<float>(value);
    }
  }

  [[nodiscard]] tensor<float> blob(std::string_view content) {
    const std::uint64_t start = offset_of(content.data());
    // As in Caffe, the four old extents count where there are any, else the shape.
    extents legacy;
    extents current;
    std::size_t floats = 0;
    std::size_t doubles = 0;
    for (protozero::pbf_reader r(content.data(), content.size()); next(r);) {
      switch (r.tag()) {
        case caffe_tags::num:
        case caffe_tags::channels:
        case caffe_tags::height:
        case caffe_tags::width:
          legacy.rank = 4;
          legacy.values[r.tag() - caffe_tags::num] = extent(unsigned_number(r, "an extent"));
          break;
        case caffe_tags::shape: shape(bytes(r, "the shape"), current); break;
        case caffe_tags::data: floats += elements<float>(r).size() / sizeof(float); break;
        case caffe_tags::double_data: doubles += elements<double>(r).size() / sizeof(double); break;
        default: skip(r); break;
      }
    }
    if (floats != 0 && doubles != 0) fail(start, "got values in both data and double_data, expected them in one");
    const extents& found = legacy.rank != 0 ? legacy : current;
    const tensor_shape shape = checked_shape(found, floats + doubles, start);

    tensor<float> result = make_tensor<float>(shape);
    std::size_t count = 0;
    for (protozero::pbf_reader r(content.data(), content.size()); next(r);) {
      if (r.tag() == caffe_tags::data) {
        append<float>(elements<float>(r), result, count);
      } else if (r.tag() == caffe_tags::double_data) {
        append<double>(elements<double>(r), result, count);
      } else {
        skip(r);
      }
    }
    return result;
  }

  /// The shape, once it is known to have as many elements as there are values.
  [[nodiscard]] tensor_shape checked_shape(const extents& e, std::size_t values, std::uint64_t start) const {
    constexpr std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t expected = 1;
    std::string text = e.rank == 0 ? "scalar" : "";
    for (const std::uint64_t n : std::span(e.values).first(e.rank)) {
      expected = n != 0 && expected > largest / n ? largest : expected * n;
      text += (text.empty() ? "" : "x") + std::to_string(n);
    }
    if (values != expected) fail(start, "got ", values, " values, expected as many as shape ", text, " has");
    if (values == 0) fail(start, "got no values, expected at least one");
    std::array<std::size_t, tensor_shape::max_rank> sizes{};
    std::transform(e.values.begin(), e.values.end(), sizes.begin(),
                   [](std::uint64_t n) { return static_cast<std::size_t>(n); });
    return tensor_shape(std::span<const std::size_t>(sizes).first(e.rank));
  }

  std::string_view bytes_;   ///< at hand
  std::uint64_t begin_ = 0;  ///< where they are in the file
  std::string_view file_;
  caffe_model model_;                    ///< what was read so far
  std::optional<std::uint32_t> format_;  ///< its layers' tag
  std::uint64_t at_ = 0;                 ///< where the field begins that is being read
  std::string context_;                  ///< what the field is part of
  std::size_t parts_ = 0;
};

/// Length of the field that begins with these bytes; `left` bytes follow in the file. All that is left where the bytes
/// are not a field: the parser then reports the error.
[[nodiscard]] inline std::uint64_t caffe_field_bytes(std::string_view begin, std::uint64_t left) {
  try {
    const char* p = begin.data();
    const char* const end = p + begin.size();
    const std::uint64_t key = protozero::decode_varint(&p, end);
    std::uint64_t content = 0;
    switch (static_cast<protozero::pbf_wire_type>(key & 7U)) {
      case protozero::pbf_wire_type::varint: (void)protozero::decode_varint(&p, end); break;
      case protozero::pbf_wire_type::fixed64: content = 8; break;
      case protozero::pbf_wire_type::length_delimited: content = protozero::decode_varint(&p, end); break;
      case protozero::pbf_wire_type::fixed32: content = 4; break;
      default: return left;
    }
    const auto head = static_cast<std::uint64_t>(p - begin.data());
    return content <= left - head ? head + content : left;
  } catch (const protozero::exception&) {
    return left;
  }
}

/// The model as a file has it.
[[nodiscard]] inline std::string caffemodel_bytes(const caffe_model& model, std::string_view file) {
  std::uint64_t total = 0;
  for (std::size_t l = 0; l < model.layers.size(); ++l) {
    const caffe_layer& layer = model.layers[l];
    for (std::size_t b = 0; b < layer.blobs.size(); ++b) {
      const tensor_view<const float> values = view_of(layer.blobs[b]);
      const auto owner = [&] { return message(file, ": layer ", l, " ", excerpt(layer.name), ": blob ", b, ": "); };
      if (values.size() == 0) throw format_error(owner() + "got no values, expected at least one");
      for (std::size_t i = 0; i < values.size(); ++i) {
        if (std::isfinite(values[i])) continue;
        throw format_error(
            message(owner(), "got ", values[i], " at ", coordinates(values.shape(), i), ", expected a finite float"));
      }
      total += values.size() * sizeof(float);
    }
  }
  require<format_error>(!model.layers.empty(), file, ": got a model without layers, expected at least one");
  const auto check_size = [&] {
    require<format_error>(total <= caffemodel_default_limit, file, ": got a model of ", total, " bytes, the limit is ",
                          caffemodel_default_limit);
  };
  check_size();

  std::string result;
  protozero::pbf_writer net(result);
  net.add_string(caffe_tags::net_name, model.name);
  for (const caffe_layer& layer : model.layers) {
    constexpr caffe_tags::layer tags = caffe_tags::current;
    protozero::pbf_writer to(net, caffe_tags::net_layer);
    to.add_string(tags.name, layer.name);
    to.add_string(tags.type, layer.type);
    for (const std::string& bottom : layer.bottoms) to.add_string(tags.bottom, bottom);
    for (const std::string& top : layer.tops) to.add_string(tags.top, top);
    for (const tensor<float>& values : layer.blobs) {
      protozero::pbf_writer blob(to, tags.blobs);
      {
        protozero::pbf_writer shape(blob, caffe_tags::shape);
        const std::vector<std::int64_t> extents(values.shape().begin(), values.shape().end());
        shape.add_packed_int64(caffe_tags::dim, extents.begin(), extents.end());
      }
      blob.add_packed_float(caffe_tags::data, values.data(), values.data() + values.size());
    }
  }
  total = result.size();
  check_size();
  return result;
}

}  // namespace detail

/// The layers of a file's bytes; `file` names it in messages. Layers of the current format and of V1, with float or
/// double values, are read; fields that say nothing of these are passed over. Throws parse_error with file and byte,
/// and with layer and blob, for what is malformed, empty or of rank above 8, and for values that no finite float can
/// hold.
[[nodiscard]] inline caffe_model parse_caffemodel(std::string_view bytes, std::string_view file) {
  return detail::caffe_parser(bytes, file).model();
}

/// The layers of a file, read one by one, so that the file is never in memory as a whole. Throws as parse_caffemodel,
/// and error for what cannot be read.
[[nodiscard]] inline caffe_model read_caffemodel(const std::filesystem::path& path,
                                                 std::uint64_t max_bytes = caffemodel_default_limit) {
  const std::string name = path.string();
  detail::input_file file(path, max_bytes, "a .caffemodel file");
  detail::caffe_parser parser({}, name);
  constexpr std::size_t kept = std::size_t{1} << 25U;  // more is given back at once
  std::string field;
  while (file.at() != file.size()) {
    const std::uint64_t at = file.at();
    file.read(detail::caffe_field_bytes(file.peek(20), file.size() - at), field);
    parser.add_fields(field, at);
    if (field.capacity() > kept) std::string().swap(field);
  }
  return parser.finished(file.size());
}

/// The blob of a .binaryproto file's bytes, such as Caffe's mean images (1 x channels x height x width). Throws as
/// parse_caffemodel.
[[nodiscard]] inline tensor<float> parse_binaryproto(std::string_view bytes, std::string_view file) {
  return detail::caffe_parser(bytes, file).single_blob();
}

/// The blob of a .binaryproto file. Throws as read_caffemodel.
[[nodiscard]] inline tensor<float> read_binaryproto(const std::filesystem::path& path,
                                                    std::uint64_t max_bytes = caffemodel_default_limit) {
  return parse_binaryproto(detail::read_whole_file(path, max_bytes, "a .binaryproto file"), path.string());
}

/// Writes a model in Caffe's current format, as output_file does. Throws format_error for a model without layers, empty
/// blobs, values that are not finite and models beyond 2 GiB, error where not everything could be written.
inline void write_caffemodel(const std::filesystem::path& path, const caffe_model& model) {
  detail::write_whole_file(path, detail::caffemodel_bytes(model, path.string()));
}

NNIESIM_END_NAMESPACE
