// Other libraries' kernels behind one face: each returns a function that runs one call on prepared data, or nothing
// where the library is not there or cannot do it.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <nniesim/tensor/shape.hpp>
#include <string>
#include <vector>

namespace bench {

using call = std::function<void()>;

struct contestant {
  std::string name;
  call run;
};

struct gemm_shape {
  std::size_t m, n, k;
};

/// Batch 1, square maps, equal padding.
struct conv_shape {
  std::size_t in, out, kernel, stride, pad, size, groups;
  [[nodiscard]] std::size_t out_size() const { return (size + 2 * pad - kernel) / stride + 1; }
  [[nodiscard]] double macs() const {
    return static_cast<double>(out) * static_cast<double>(out_size() * out_size()) *
           static_cast<double>(in / groups * kernel * kernel);
  }
};

/// Peers of float GEMM and convolution.
std::vector<contestant> float_gemm_peers(const gemm_shape& s, std::size_t threads);
std::vector<contestant> float_conv_peers(const conv_shape& s, std::size_t threads);
/// Peers with exact 8-bit sums.
contestant gemmlowp_peer(const gemm_shape& s);  // where it is installed
std::vector<contestant> int8_gemm_peers(const gemm_shape& s, std::size_t threads);
std::vector<contestant> int8_conv_peers(const conv_shape& s, std::size_t threads);
/// OpenCV's layer of that type on floats of that shape; `slopes` is what a PReLU has learned.
std::vector<contestant> opencv_layer_peers(const std::string& type, const nniesim::tensor_shape& shape,
                                           const std::map<std::string, double>& numbers = {},
                                           const std::map<std::string, std::string>& words = {},
                                           const std::vector<float>& slopes = {});
/// Peers of float64 GEMM.
std::vector<contestant> double_gemm_peers(const gemm_shape& s, std::size_t threads);

}  // namespace bench
