// From the files that a cfg names to the tensors that a network is given: pictures resized and normalized as the
// compiler documents it, feature maps from text, and .npy files. One tensor at a time, so that lists may be long.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <nniesim/core/error.hpp>
#include <nniesim/core/excerpt.hpp>
#include <nniesim/io/caffemodel.hpp>
#include <nniesim/io/compiler_cfg.hpp>
#include <nniesim/io/file.hpp>
#include <nniesim/io/image.hpp>
#include <nniesim/io/npy.hpp>
#include <nniesim/io/raw_picture.hpp>
#include <nniesim/io/roi_file.hpp>
#include <nniesim/io/text.hpp>
#include <nniesim/io/yuv.hpp>
#include <nniesim/tensor/tensor.hpp>

NNIESIM_BEGIN_NAMESPACE

/// More entries than this are refused, in lists of pictures and of feature maps.
inline constexpr std::size_t list_max_entries = 1'000'000;
inline constexpr std::uint64_t list_max_bytes = std::uint64_t{64} << 20U;  ///< of such a file

/// Reads a text file of means, one finite number for each channel, one or several to a line, between spaces, tabs or
/// commas; blank lines are passed over. Throws parse_error with file and line for anything else and unless there are
/// `channels` of them.
[[nodiscard]] inline std::vector<float> read_channel_means(const std::filesystem::path& path, std::size_t channels) {
  const std::string content = detail::read_whole_file(path, cfg_max_bytes, "a file of channel means");
  std::string_view text = detail::without_mark(content, path.string());
  std::vector<float> means;
  constexpr std::string_view between = " \t\r,";
  for (std::size_t line = 1; !text.empty(); ++line) {
    std::string_view rest = detail::take_line(text);
    for (std::size_t at = 0; (at = rest.find_first_not_of(between)) != std::string_view::npos;) {
      rest.remove_prefix(at);
      const std::string_view word = rest.substr(0, rest.find_first_of(between));
      rest.remove_prefix(word.size());
      const std::optional<float> mean = detail::finite_float(word);
      detail::require<parse_error>(mean.has_value(), path.string(), ":", line, ": got ", detail::excerpt(word),
                                   ", expected one finite number: the mean of a channel");
      means.push_back(*mean);
    }
  }
  detail::require<parse_error>(means.size() == channels, path.string(), ": ", means.size(), " means, expected ",
                               channels, ", one for each channel");
  return means;
}

/// The pixels that the board sees of a picture of the input's size: at image_type 3 and 5 what is left after conversion
/// to YUV and back.
[[nodiscard]] inline image as_given(image resized, cfg_image_type type) {
  if (type == cfg_image_type::yuv420) return through_yuv(resized, yuv_sampling::yuv420);
  if (type == cfg_image_type::yuv422) return through_yuv(resized, yuv_sampling::yuv422);
  return resized;
}

/// What a cfg does to an input's pictures. Its means are read once.
///
/// Known of the compiler: (x - mean) * data_scale in this order, with the mean of each element (norm_type 1, 4) or of
/// each channel (2, 5), and pictures of any size resized to the input's.
/// Our assumptions: the resizing is OpenCV's bilinear one; RGB_order gives the order of the channels for every
/// image_type (copies of the guide disagree for image_type 1); means belong to the channels in that order, as the
/// successor's guide says; at image_type 3 and 5 the resized picture goes to YUV 4:2:0 or 4:2:2 and back by
/// bt601_studio (io/yuv.hpp), as the board's pictures are YUV that the hardware converts to the order of RGB_order; a
/// one-channel network is given BT.601 luma, (299 R + 587 G + 114 B) / 1000 rounded halves up, of the resized picture;
/// arithmetic is in float32.
class picture_transform {
 public:
  /// For a network's input of shape 1 x channels x rows x columns, channels being 1 or 3. Throws shape_error for other
  /// shapes and for a mean image of another one, and as read_binaryproto and read_channel_means.
  picture_transform(const cfg_input& input, const tensor_shape& shape) : input_(input), shape_(shape) {
    require_rank(shape, 4, "picture input", "1, channels, rows, columns");
    detail::require<shape_error>(shape[0] == 1 && (shape[1] == 1 || shape[1] == 3), "picture input: got shape ", shape,
                                 ", expected 1 picture of 1 or 3 channels");
    detail::require_image_size(shape[2], shape[3], "picture input");
    detail::require<format_error>(input.image_type != cfg_image_type::feature_map,
                                  "picture input: image_type 0, expected 1, 3 or 5; 0 is of feature maps");
    const bool has_mean = uses_mean_image(input.norm_type) || uses_channel_means(input.norm_type);
    detail::require<format_error>(has_mean == input.mean_file.has_value(), "picture input: norm_type ",
                                  static_cast<int>(input.norm_type), has_mean ? " without" : " with", " a mean_file");
    const std::size_t plane = shape[2] * shape[3];
    if (uses_mean_image(input.norm_type)) {
      const tensor<float> mean = read_binaryproto(input.mean_file->path);
      const tensor_shape got = shape_of(mean);
      detail::require<shape_error>(got == shape || got == tensor_shape{shape[1], shape[2], shape[3]},
                                   input.mean_file->path.string(), ": the mean image has shape ", got, ", expected ",
                                   shape, " as the input");
      mean_.assign(mean.begin(), mean.end());
    } else if (uses_channel_means(input.norm_type)) {
      for (const float mean : read_channel_means(input.mean_file->path, shape[1])) {
        mean_.insert(mean_.end(), plane, mean);
      }
    }
  }

  /// The picture as the network is given it, 1 x channels x rows x columns. `was_yuv`: the picture comes from a YUV
  /// file and is not converted to YUV again.
  [[nodiscard]] tensor<float> operator()(const image& picture, bool was_yuv = false) const {
    image resized = resize(picture, shape_[2], shape_[3]);
    if (!was_yuv) resized = as_given(std::move(resized), input_.image_type);
    const std::size_t plane = shape_[2] * shape_[3];
    tensor<float> result = make_tensor<float>(shape_);
    float* out = result.data();
    for (std::size_t c = 0; c < shape_[1]; ++c) {
      for (std::size_t i = 0; i < plane; ++i) out[c * plane + i] = value(resized.pixels.data() + i * 3, c);
    }
    const bool scaled = uses_data_scale(input_.norm_type);
    for (std::size_t i = 0; i < result.size(); ++i) {
      if (!mean_.empty()) out[i] -= mean_[i];
      if (scaled) out[i] *= input_.data_scale;
      detail::require<format_error>(std::isfinite(out[i]), "picture input: value ", out[i], " at ",
                                    coordinates(shape_, i), " after normalization, expected a finite one");
    }
    return result;
  }

 private:
  [[nodiscard]] float value(const std::uint8_t* rgb, std::size_t channel) const noexcept {
    if (shape_[1] == 1) return static_cast<float>((299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2] + 500) / 1000);
    return rgb[input_.order == channel_order::rgb ? channel : 2 - channel];
  }

  cfg_input input_;
  tensor_shape shape_;
  std::vector<float> mean_;  // of every element; empty where none is subtracted
};

/// One picture as the network is given it, 1 x channels x rows x columns; see picture_transform, which spares reading
/// the means again for each.
[[nodiscard]] inline tensor<float> preprocess(const image& picture, const cfg_input& input, std::size_t channels,
                                              std::size_t rows, std::size_t columns) {
  return picture_transform(input, {1, channels, rows, columns})(picture);
}

namespace detail {

/// The file that a line of a list names: the whole line, or, where no such file exists, the text in quotes or before a
/// number, as in lists of labelled pictures.
[[nodiscard]] inline std::filesystem::path listed_file(const std::filesystem::path& folder, std::string_view line) {
  const std::filesystem::path whole = located_file(folder, line);
  const auto is_there = [](const std::filesystem::path& p) {
    std::error_code ignored;
    return std::filesystem::exists(p, ignored);
  };
  if (is_there(whole)) return whole;
  if (line.size() > 2 && (line.front() == '"' || line.front() == '\'') && line.back() == line.front()) {
    return located_file(folder, line.substr(1, line.size() - 2));
  }
  const std::size_t blank = line.find_last_of(" \t");
  if (blank == std::string_view::npos || !whole_integer<std::int64_t>(line.substr(blank + 1))) return whole;
  std::filesystem::path before = located_file(folder, trimmed(line.substr(0, blank)));
  return is_there(before) ? before : whole;
}

}  // namespace detail

/// The files that a list names, one per line, relative ones continuing the list's folder or, where they are not there,
/// the working folder; a name may stand in quotes, or before a label's number. Blank lines are passed over.
/// Throws parse_error for an empty list, one of more than list_max_entries or list_max_bytes, and control characters.
[[nodiscard]] inline std::vector<std::filesystem::path> read_image_list(const std::filesystem::path& path) {
  const std::string content = detail::read_whole_file(path, list_max_bytes, "a list of pictures");
  std::string_view text = detail::without_mark(content, path.string());
  std::vector<std::filesystem::path> result;
  for (std::size_t line = 1; !text.empty(); ++line) {
    const std::string_view name = detail::trimmed(detail::take_line(text));
    if (name.empty()) continue;
    detail::require<parse_error>(detail::is_plain(name), path.string(), ":", line, ": got ", detail::excerpt(name),
                                 ", expected a file's name without control characters");
    detail::require<parse_error>(result.size() < list_max_entries, path.string(), ":", line, ": more than ",
                                 list_max_entries, " files, the limit");
    result.push_back(detail::listed_file(path.parent_path(), name));
  }
  detail::require<parse_error>(!result.empty(), path.string(), ": names no file, expected one per line");
  return result;
}

/// A text file of feature maps (image_type 0): one tensor per line, its numbers in C, H, W order between spaces, tabs
/// or commas. Where the first line has the numbers of one step of several (the input's first axis: recurrent networks),
/// every line is one, and as many lines in turn are a sequence, as the compiler's guide has it. Only the places of the
/// lines are kept in memory.
class feature_list {
 public:
  /// `shape` is that of each tensor. Throws error for what cannot be read, parse_error for a file without a tensor,
  /// with more than list_max_entries lines, with lines longer than 64 bytes for each element, or whose lines are no
  /// multiple of a sequence's steps.
  feature_list(std::filesystem::path path, const tensor_shape& shape) : path_(std::move(path)), shape_(shape) {
    detail::require<shape_error>(shape.size() != 0, "feature list: got shape ", shape, ", expected no empty axis");
    std::error_code ignored;
    const auto kind = std::filesystem::status(path_, ignored).type();
    detail::require<error>(kind == std::filesystem::file_type::regular, path_.string(), ": ",
                           kind == std::filesystem::file_type::not_found ? "no such file" : "not a regular file",
                           ", expected a file of feature maps");
    std::ifstream file(path_, std::ios::binary);
    detail::require<error>(file.is_open(), path_.string(), ": cannot be opened for reading");
    scan(file);
    detail::require<parse_error>(!lines_.empty(), path_.string(), ": holds no feature map, expected one per line");
    const std::size_t first = words(read(lines_[0])), steps = shape_.rank() == 0 ? 1 : shape_[0];
    if (steps == 1 || first != shape_.size() / steps) return;
    detail::require<parse_error>(lines_.size() % steps == 0, path_.string(), ": ", lines_.size(), " lines of ", first,
                                 " numbers, expected a multiple of ", steps, ", the steps of a sequence of shape ",
                                 shape_);
    steps_ = steps;
  }

  /// Number of tensors.
  [[nodiscard]] std::size_t size() const noexcept { return lines_.size() / steps_; }

  /// Tensor number i, below size(). Throws parse_error with file and line unless the lines hold as many finite numbers
  /// as the shape has elements.
  [[nodiscard]] tensor<float> operator[](std::size_t i) const {
    detail::require<error>(i < size(), path_.string(), ": tensor ", i, ", expected one below ", size());
    tensor<float> result = make_tensor<float>(shape_);
    const std::size_t step = result.size() / steps_;
    for (std::size_t s = 0; s < steps_; ++s) {
      const place& at = lines_[i * steps_ + s];
      parse(read(at), at.line, {result.data() + s * step, step});
    }
    return result;
  }

 private:
  struct place {
    std::uint64_t offset;
    std::size_t bytes;
    std::size_t line;
  };
  static constexpr std::size_t most_bytes_of_a_number = 64;
  static constexpr std::string_view between = " \t\r,";

  [[nodiscard]] std::string read(const place& at) const {
    std::string text(at.bytes, '\0');
    std::ifstream file(path_, std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at.offset));
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    detail::require<error>(file.is_open() && static_cast<std::size_t>(file.gcount()) == text.size(), path_.string(),
                           ":", at.line, ": reading failed");
    return text;
  }

  /// Of a line.
  [[nodiscard]] static std::size_t words(std::string_view text) noexcept {
    std::size_t count = 0;
    for (std::size_t at = 0; (at = text.find_first_not_of(between, at)) != std::string_view::npos; ++count) {
      at = std::min(text.find_first_of(between, at), text.size());
    }
    return count;
  }

  void scan(std::ifstream& file) {
    const std::uint64_t longest = std::uint64_t{shape_.size()} * most_bytes_of_a_number;
    std::vector<char> block(std::size_t{1} << 16U);
    std::array<char, 3> mark{};
    file.read(mark.data(), mark.size());
    const std::string_view begin(mark.data(), static_cast<std::size_t>(file.gcount()));
    place current{begin.size() - detail::without_mark(begin, path_.string()).size(), 0, 1};
    file.clear();
    file.seekg(static_cast<std::streamoff>(current.offset));
    bool blank = true;
    const auto end_of_line = [&] {
      if (blank) return;
      detail::require<parse_error>(lines_.size() < list_max_entries, path_.string(), ":", current.line, ": more than ",
                                   list_max_entries, " feature maps, the limit");
      lines_.push_back(current);
    };
    while (file) {
      file.read(block.data(), static_cast<std::streamsize>(block.size()));
      for (const char c : std::span(block).first(static_cast<std::size_t>(file.gcount()))) {
        if (c == '\n') {
          end_of_line();
          current = {current.offset + current.bytes + 1, 0, current.line + 1};
          blank = true;
          continue;
        }
        ++current.bytes;
        blank = blank && detail::is_blank(c);
        detail::require<parse_error>(current.bytes <= longest, path_.string(), ":", current.line, ": more than ",
                                     longest, " bytes, expected the ", shape_.size(), " numbers of ", shape_);
      }
    }
    detail::require<error>(file.eof(), path_.string(), ": reading failed");
    end_of_line();
  }

  void parse(std::string_view text, std::size_t line, std::span<float> out) const {
    std::size_t count = 0;
    for (std::size_t at = text.find_first_not_of(between); at != std::string_view::npos;) {
      const std::size_t end = std::min(text.find_first_of(between, at), text.size());
      const std::string_view word = text.substr(at, end - at);
      const std::optional<float> value = detail::finite_float(word);
      detail::require<parse_error>(value.has_value(), path_.string(), ":", line, ": number ", count + 1, " is ",
                                   detail::excerpt(word), ", expected a finite number");
      if (count < out.size()) out[count] = *value;
      ++count;
      at = text.find_first_not_of(between, end);
    }
    detail::require<parse_error>(count == out.size(), path_.string(), ":", line, ": ", count, " numbers, expected ",
                                 out.size(), steps_ == 1 ? " for shape " : " for a step of shape ", shape_);
  }

  std::filesystem::path path_;
  tensor_shape shape_;
  std::vector<place> lines_;
  std::size_t steps_ = 1;  // lines of a tensor
};

/// The feature maps of a file; see feature_list.
[[nodiscard]] inline feature_list read_feature_list(const std::filesystem::path& path, const tensor_shape& shape) {
  return {path, shape};
}

namespace detail {

/// A .npy file of float32 with the given shape, or the same without the leading 1.
[[nodiscard]] inline tensor<float> read_npy_input(const std::filesystem::path& path, const tensor_shape& shape) {
  const tensor_shape got = read_npy_header(path).shape;
  const bool without_batch =
      shape.rank() > 1 && shape[0] == 1 && got == tensor_shape(std::span(shape.begin() + 1, shape.end()));
  require<shape_error>(got == shape || without_batch, path.string(), ": shape ", got, ", expected ", shape);
  tensor<float> result = read_npy<float>(path);
  for (std::size_t i = 0; i < result.size(); ++i) {
    require<parse_error>(std::isfinite(result.data()[i]), path.string(), ": ", result.data()[i], " at ",
                         coordinates(got, i), ", expected a finite number");
  }
  result.reshape(typename tensor<float>::shape_type(shape.begin(), shape.end()));
  return result;
}

}  // namespace detail

/// A picture of any kind: .bgr, .rgb, .yuv and .bin files are read as `raw` says, where that has no size as one of the
/// network's input, whose shape is 1 x channels x rows x columns. Throws as read_image and read_raw_picture.
[[nodiscard]] inline image read_picture(const std::filesystem::path& path, const cfg_input& input,
                                        const tensor_shape& shape, const raw_layout& raw = {}) {
  if (!is_raw_picture(path)) return read_image(path);
  detail::require<shape_error>(shape.rank() == 4, path.string(), ": a picture for an input of shape ", shape,
                               ", expected one of 1, channels, rows, columns");
  raw_layout layout = raw;
  if (layout.rows == 0 && layout.columns == 0) {
    layout.rows = shape[2];
    layout.columns = shape[3];
  }
  layout.channels = shape[1];
  if (input.image_type == cfg_image_type::yuv422) layout.sampling = yuv_sampling::yuv422;
  return read_raw_picture(path, layout);
}

/// What an input is given of one file: the numbers of a .npy file, or, at image_type 0, of a .bin file as they are, or
/// a picture as `transform` makes it. Throws as read_npy, decode_raw_features and read_picture.
[[nodiscard]] inline tensor<float> read_input(const std::filesystem::path& path, const cfg_input& input,
                                              const tensor_shape& shape, const picture_transform* transform,
                                              const raw_layout& raw = {}) {
  if (path.extension() == ".npy") return detail::read_npy_input(path, shape);
  if (input.image_type == cfg_image_type::feature_map && path.extension() == ".bin") {
    const std::string bytes = detail::read_whole_file(path, image_default_limit, "a feature map");
    return decode_raw_features(bytes, path.string(), shape, raw.stride);
  }
  const image picture = read_picture(path, input, shape, raw);
  const bool was_yuv = path.extension() == ".yuv";
  return transform == nullptr ? picture_transform(input, shape)(picture, was_yuv) : (*transform)(picture, was_yuv);
}

/// All that one input of a cfg is given, a tensor at a time.
class input_source {
 public:
  /// `shape` is that of the network's input, 1 x channels x rows x columns for pictures. image_type 0 takes a
  /// feature_list, the others a list of files: pictures, and .npy files of float32 in the network's shape, which are
  /// given to it as they are. A .npy file, or, at image_type 0, a .bin file in place of the list is its only tensor.
  /// Throws as picture_transform, read_image_list and feature_list. `raw` is the layout of pictures without a header.
  input_source(const cfg_input& input, const tensor_shape& shape, const raw_layout& raw = {})
      : input_(input), shape_(shape), raw_(raw) {
    const std::filesystem::path& list = input.image_list.path;
    const bool features = input.image_type == cfg_image_type::feature_map;
    if (is_npy(list) || (features && list.extension() == ".bin")) {
      files_ = {list};
    } else if (features) {
      features_.emplace(list, shape);
    } else {
      files_ = read_image_list(list);
      folder_ = list.parent_path();
    }
    if (!features && !std::all_of(files_.begin(), files_.end(), is_npy)) transform_.emplace(input, shape);
  }

  /// Regions of interest, which no list of the cfg names.
  explicit input_source(roi_list regions) : regions_(std::move(regions)) {}

  /// Number of tensors, not 0.
  [[nodiscard]] std::size_t size() const noexcept {
    return regions_ ? regions_->size() : features_ ? features_->size() : files_.size();
  }

  /// The file that tensor i comes from; empty for feature maps and regions, which share one.
  [[nodiscard]] std::filesystem::path file(std::size_t i) const { return features_ || regions_ ? "" : files_.at(i); }

  /// Tensor number i, below size(), of the network's shape. Throws as read_image, read_npy and feature_list.
  [[nodiscard]] tensor<float> operator[](std::size_t i) const {
    detail::require<error>(i < size(), "input: tensor ", i, ", expected one below ", size());
    if (regions_) return (*regions_)[i];
    if (features_) return (*features_)[i];
    require_located(files_[i], files_[i].lexically_relative(folder_), "a picture or .npy file of the list");
    return read_input(files_[i], input_, shape_, transform_ ? &*transform_ : nullptr, raw_);
  }

  /// Picture number i, below size(), before anything is done to it. Throws as read_picture.
  [[nodiscard]] image picture(std::size_t i) const { return read_picture(files_.at(i), input_, shape_, raw_); }

 private:
  [[nodiscard]] static bool is_npy(const std::filesystem::path& path) { return path.extension() == ".npy"; }

  cfg_input input_;
  tensor_shape shape_;
  raw_layout raw_;
  std::vector<std::filesystem::path> files_;
  std::filesystem::path folder_;  ///< of the list
  std::optional<feature_list> features_;
  std::optional<roi_list> regions_;
  std::optional<picture_transform> transform_;
};

/// The tensors of an input; see input_source.
[[nodiscard]] inline input_source load_inputs(const cfg_input& input, const tensor_shape& shape) {
  return {input, shape};
}

NNIESIM_END_NAMESPACE
