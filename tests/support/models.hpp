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

inline network load(const model& m) {
  return read_caffe_network(folder / (std::string(m.name) + ".prototxt"),
                            folder / (std::string(m.name) + ".caffemodel"));
}

inline tensor<float> input_of(const model& m) {
  const image picture = read_image(folder / "reference" / m.picture);
  cfg_input input;
  input.order = channel_order::rgb;
  tensor<float> x = preprocess(picture, input, 3, picture.rows, picture.columns);
  if (m.normalized) {
    for (float& v : x) v = (v - 127.0F) / 128.0F;
  }
  return x;
}

}  // namespace real_models
