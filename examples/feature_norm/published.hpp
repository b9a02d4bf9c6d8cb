// The measured case from first principles: published norms of four branches, Gaussian features of those norms, the
// norm's chain of layers, and what truncation or rounding to nearest makes of it.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <nniesim/ops/add_one_norm.hpp>
#include <numbers>
#include <string_view>
#include <vector>

namespace feature_norm {

/// Mean L2 norms that the network's engineers measured on a board: before (float, quantized) and after the norm.
struct published_branch {
  std::string_view name;
  double before, before_quantized, after, after_quantized;
};
inline constexpr std::array published_branches = {
    published_branch{"comp0", 533.713134765625, 532.1600594731143, 260.0448913574219, 267.3341168655354},
    published_branch{"comp1", 527.7047729492188, 522.8915072462171, 259.4969482421875, 265.88591981886606},
    published_branch{"comp2", 568.9523315429688, 563.5011783185446, 268.58990478515625, 274.83698623546917},
    published_branch{"comp3", 608.9256591796875, 592.6789292422666, 277.8281555175781, 281.9020012165444}};

struct prediction {
  double root;        ///< r = |x| / 512, float
  double implied;     ///< loss of r that the table implies
  double truncation;  ///< predicted loss with layers truncated to 1/4096
  double nearest;     ///< predicted loss with layers rounded to nearest
};

/// Mean loss of r in the chain under P for draws of 512 Gaussian features with norms around `norm`.
template <class P>
double mean_loss(double norm, std::size_t draws) {
  std::uint64_t state = 20261;
  const auto uniform = [&state] {  // SplitMix64, in (0, 1]
    std::uint64_t z = (state += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return (static_cast<double>((z ^ (z >> 31U)) >> 11U) + 1) * 0x1p-53;
  };
  const auto normal = [&] { return std::sqrt(-2 * std::log(uniform())) * std::cos(2 * std::numbers::pi * uniform()); };
  auto x = nniesim::make_tensor<float>({draws, 512});
  std::vector<double> root(draws);
  for (std::size_t n = 0; n < draws; ++n) {
    const double wanted = norm + 40 * normal();
    std::array<double, 512> features{};
    double sum = 0;
    for (double& f : features) {
      f = normal();
      sum += f * f;
    }
    for (std::size_t i = 0; i < 512; ++i) x(n, i) = static_cast<float>(features[i] * wanted / std::sqrt(sum));
    root[n] = wanted / 512;
  }
  const auto chain = nniesim::run_add_one_norm_outside<P>(x, {.scale = 1.0 / 512});
  double loss = 0;
  for (std::size_t n = 0; n < draws; ++n)
    loss += (root[n] - static_cast<double>(chain.root(n, 0))) / static_cast<double>(draws);
  return loss;
}

inline prediction predict(const published_branch& b, std::size_t draws = 1500) {
  using namespace nniesim;
  using rounding_to_nearest = precision<gfpq8, gfpq8, fp32_chain, fixed_point<20, 12, nearest_even, saturate>>;
  prediction p;
  p.root = b.before / 512;
  p.implied = (b.before / b.after - 1) * b.before_quantized / b.before - (b.before_quantized / b.after_quantized - 1);
  p.truncation = mean_loss<w8a8>(b.before, draws);
  p.nearest = mean_loss<rounding_to_nearest>(b.before, draws);
  return p;
}

}  // namespace feature_norm
