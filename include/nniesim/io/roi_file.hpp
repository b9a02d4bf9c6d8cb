// The compiler's roi_coordinate_file: the regions of interest that a ROIPooling or PSROIPooling layer is given while
// the compiler runs the pictures of its lists.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/core/error.hpp>
#include <nniesim/core/excerpt.hpp>
#include <nniesim/io/compiler_cfg.hpp>
#include <nniesim/io/file.hpp>
#include <nniesim/io/text.hpp>
#include <nniesim/network/layer.hpp>

NNIESIM_BEGIN_NAMESPACE

/// The regions of all pictures. Known of the format (the compiler's guide): each line has five numbers, the picture's
/// index in the list from 0 on, then left, top, right and bottom in pixels of the network's input, as Caffe's Proposal
/// gives them and numpy.savetxt writes them. Our assumptions: numbers may stand between commas; the lines of a picture
/// need not stand together, but those of picture 0 begin, then 1, and so on.
class roi_list {
 public:
  /// `shape` is that of the network's input for regions: N x 5, or N x 5 with axes of extent 1 behind it. Throws
  /// shape_error for another one, error for what cannot be read, parse_error with file and line for lines of other than
  /// five finite numbers, an index that is no whole number below 2^20, and pictures without regions or with more than
  /// N.
  roi_list(std::filesystem::path path, const tensor_shape& shape) : path_(std::move(path)), shape_(shape) {
    const std::string file = path_.string();
    detail::require<shape_error>(shape.rank() >= 2 && shape[0] != 0 && shape[1] == 5 && shape.size() == shape[0] * 5,
                                 file, ": the network's input of regions has shape ", shape, ", expected N x 5");
    const std::string content = detail::read_whole_file(path_, most_bytes, "regions of interest");
    std::string_view text = detail::without_mark(content, file);
    for (std::size_t line = 1; !text.empty(); ++line) {
      const std::string_view words = detail::trimmed(detail::take_line(text));
      if (!words.empty()) read(words, line);
    }
    detail::require<parse_error>(!pictures_.empty(), file, ": holds no region, expected five numbers to a line");
    for (std::size_t p = 0; p < pictures_.size(); ++p) {
      detail::require<parse_error>(!pictures_[p].empty() && pictures_[p].size() <= shape[0], file, ": picture ", p,
                                   " has ", pictures_[p].size(), " regions, expected 1 .. ", shape[0],
                                   ", as many as the network's input of regions takes");
    }
  }

  /// Number of pictures.
  [[nodiscard]] std::size_t size() const noexcept { return pictures_.size(); }
  /// The file.
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

  /// The regions of picture i, below size(), as the network's input: the index is 0, as each picture runs by itself.
  /// Rows that are left have the last region again, which changes no range (our rule).
  [[nodiscard]] tensor<float> operator[](std::size_t i) const {
    detail::require<error>(i < size(), path_.string(), ": regions of picture ", i, ", expected one below ", size());
    tensor<float> result = make_tensor<float>(shape_);
    const std::vector<region>& all = pictures_[i];
    for (std::size_t r = 0; r < shape_[0]; ++r) {
      const region& from = all[std::min(r, all.size() - 1)];
      result.data()[r * 5] = 0.0F;
      for (std::size_t k = 0; k < from.size(); ++k) result.data()[r * 5 + 1 + k] = from[k];
    }
    return result;
  }

  /// Of the same regions.
  friend bool operator==(const roi_list& a, const roi_list& b) {
    return a.shape_ == b.shape_ && a.pictures_ == b.pictures_;
  }

 private:
  using region = std::array<float, 4>;
  static constexpr std::uint64_t most_bytes = std::uint64_t{64} << 20U;
  static constexpr std::size_t most_pictures = std::size_t{1} << 20U;

  void read(std::string_view words, std::size_t line) {
    constexpr std::string_view between = " \t\r,";
    std::array<float, 5> numbers{};
    std::size_t count = 0;
    const auto fail = [&](const auto&... what) {
      throw parse_error(detail::message(path_.string(), ":", line, ": ", what...));
    };
    for (std::size_t at = 0; (at = words.find_first_not_of(between)) != std::string_view::npos; ++count) {
      words.remove_prefix(at);
      const std::string_view word = words.substr(0, words.find_first_of(between));
      words.remove_prefix(word.size());
      const std::optional<float> value = detail::finite_float(word);
      if (!value) fail("got ", detail::excerpt(word), ", expected a finite number");
      if (count < numbers.size()) numbers[count] = *value;
    }
    if (count != 5) fail("got ", count, " numbers, expected 5: the picture's index, left, top, right, bottom");
    const float index = numbers[0];
    if (!(index >= 0.0F && index < static_cast<float>(most_pictures) && index == std::floor(index))) {
      fail("the picture's index is ", index, ", expected a whole number in 0 .. ", most_pictures - 1);
    }
    const auto picture = static_cast<std::size_t>(index);
    if (picture > pictures_.size()) {
      fail("the picture's index is ", picture, ", and none is of picture ", pictures_.size(), " before it");
    }
    if (picture == pictures_.size()) pictures_.emplace_back();
    pictures_[picture].push_back({numbers[1], numbers[2], numbers[3], numbers[4]});
  }

  std::filesystem::path path_;
  tensor_shape shape_;
  std::vector<std::vector<region>> pictures_;
};

/// Whether a layer pools regions of interest, its second input.
[[nodiscard]] inline bool pools_regions(const layer& l) noexcept {
  return l.type == "ROIPooling" || l.type == "PSROIPooling";
}

/// Of each layer that pools regions, in the network's order, the blob that its regions are.
[[nodiscard]] inline std::vector<std::size_t> region_blobs(const network& net) {
  std::vector<std::size_t> blobs;
  for (const layer& l : net.layers) {
    if (pools_regions(l) && l.inputs.size() > 1) blobs.push_back(l.inputs[1]);
  }
  return blobs;
}

NNIESIM_END_NAMESPACE
