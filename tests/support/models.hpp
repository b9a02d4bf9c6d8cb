// The real networks of ../shared/models, which are not part of the project.
#pragma once

#include <filesystem>
#include <nniesim/io/caffe_import.hpp>
#include <nniesim/io/image.hpp>
#include <nniesim/io/preprocess.hpp>
#include <string>

#include "catch.hpp"

namespace real_models {

using namespace nniesim;

inline const std::filesystem::path folder = std::filesystem::path(NNIESIM_SHARED_DIR) / "models";

struct model {
  const char* name;
  const char* picture;
  bool normalized;  ///< (pixel - 127) / 128 in place of the pixel
};
inline const model models[] = {{"mnet", "cat_640x640.png", false}, {"RFB-320", "cat_320x240.png", true}};

inline bool are_here() {
  if (std::string_view(NNIESIM_SHARED_DIR).empty() || !std::filesystem::exists(folder / "mnet.prototxt")) {
    WARN("skipped: the real networks are not here (../shared/models)");
    return false;
  }
  return true;
}

/// The network; `extent` other than 0 replaces 640 as the height and width of its input.
inline network load(const model& m, std::size_t extent = 0) {
  const auto file = folder / (std::string(m.name) + ".prototxt");
  std::string text = detail::read_whole_file(file, prototxt_limits{}.file_bytes, "a prototxt");
  for (std::size_t at = 0; extent != 0 && (at = text.find("dim: 640", at)) != std::string::npos; ++at) {
    text.replace(at, 8, "dim: " + std::to_string(extent));
  }
  const caffe_model weights = read_caffemodel(folder / (std::string(m.name) + ".caffemodel"));
  return import_caffe(parse_prototxt(text, file.string()), &weights);
}

inline tensor<float> input_of(const model& m, std::size_t extent = 0) {
  const image picture = read_image(folder / "reference" / m.picture);
  cfg_input input;
  input.order = channel_order::rgb;
  tensor<float> x =
      preprocess(picture, input, 3, extent != 0 ? extent : picture.rows, extent != 0 ? extent : picture.columns);
  if (m.normalized) {
    for (float& v : x) v = (v - 127.0F) / 128.0F;
  }
  return x;
}

}  // namespace real_models
