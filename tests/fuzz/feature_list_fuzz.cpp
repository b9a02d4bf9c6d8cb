// Any bytes as a text file of feature maps or of sequences, as regions of interest, and as a list of pictures: finite
// tensors and file names, or a parse_error. Linux only.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <nniesim/io/preprocess.hpp>

#include "memory_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const memory_file file;
  const std::string& path = file.holding(data, size);
  const auto look_at = [](const auto& list) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      for (const float x : list[i]) {
        if (!std::isfinite(x)) std::abort();
      }
    }
  };
  try {
    look_at(nniesim::read_feature_list(path, {1, 1, 2, 2}));
  } catch (const nniesim::parse_error&) {
  }
  try {
    look_at(nniesim::read_feature_list(path, {2, 1, 2}));
  } catch (const nniesim::parse_error&) {
  }
  try {
    look_at(nniesim::roi_list(path, {3, 5}));
  } catch (const nniesim::parse_error&) {
  }
  try {
    if (nniesim::read_image_list(path).empty()) std::abort();
  } catch (const nniesim::parse_error&) {
  }
  return 0;
}
