// Deterministic test data.
#pragma once

#include <bit>
#include <cstdint>
#include <nniesim/tensor/tensor.hpp>
#include <numeric>
#include <random>

/// A generator with a fixed seed and the draws that tests need. The standard distributions differ between libraries, so
/// none is used.
class draws {
 public:
  explicit draws(std::uint32_t seed) : engine_(seed) {}

  std::uint32_t bits() { return static_cast<std::uint32_t>(engine_()); }
  /// Uniform in low .. high.
  std::size_t between(std::size_t low, std::size_t high) { return low + engine_() % (high - low + 1); }
  /// Uniform in -1 .. 1.
  float symmetric() { return static_cast<float>(static_cast<std::int32_t>(engine_())) * 0x1p-31F; }
  /// Bell-shaped around 0 with a deviation near 1: a sum of uniform draws.
  float normal() { return (symmetric() + symmetric() + symmetric()); }
  /// Any float that is not NaN or infinite.
  float any_finite() {
    for (;;) {
      const std::uint32_t b = bits();
      if ((b & 0x7f800000U) != 0x7f800000U) return std::bit_cast<float>(b);
    }
  }
  nniesim::tensor<float> tensor(const nniesim::tensor_shape& shape, float deviation = 1.0F) {
    auto t = nniesim::make_tensor<float>(shape);
    for (auto& v : t) v = normal() * deviation;
    return t;
  }

 private:
  std::mt19937 engine_;
};

/// `first`, `first` + 1, ... in memory order.
inline nniesim::tensor<float> counted(const nniesim::tensor_shape& shape, float first = 0.0F) {
  auto t = nniesim::make_tensor<float>(shape);
  std::iota(t.begin(), t.end(), first);
  return t;
}

/// A tensor of zeros.
inline nniesim::tensor<float> zeros(const nniesim::tensor_shape& shape) {
  auto t = nniesim::make_tensor<float>(shape);
  t.fill(0.0F);
  return t;
}

/// Whether two tensors have the same shape and the same bits.
template <class T>
bool same_bits(const nniesim::tensor<T>& a, const nniesim::tensor<T>& b) {
  if (nniesim::shape_of(a) != nniesim::shape_of(b)) return false;
  const auto* p = reinterpret_cast<const unsigned char*>(a.data());
  const auto* q = reinterpret_cast<const unsigned char*>(b.data());
  return std::equal(p, p + a.size() * sizeof(T), q);
}
