// Any bytes as a mean file of a cfg, text or binaryproto: finite means, or a parse_error. Linux only.
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
  try {
    const auto means = nniesim::read_channel_means(path, 3);
    if (means.size() != 3) std::abort();
    for (const float m : means) {
      if (!std::isfinite(m)) std::abort();
    }
  } catch (const nniesim::parse_error&) {
  }
  // As the mean image of a network's input.
  nniesim::cfg_input input;
  input.norm_type = nniesim::cfg_norm_type::mean_image;
  input.mean_file = nniesim::cfg_path{path, path};
  try {
    const nniesim::tensor<float> t = nniesim::preprocess({1, 2, {1, 2, 3, 4, 5, 6}}, input, 1, 2, 2);
    for (const float x : t) {
      if (!std::isfinite(x)) std::abort();
    }
  } catch (const nniesim::error&) {
  }
  return 0;
}
