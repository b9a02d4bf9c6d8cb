// The same computation, to be compiled in two differently configured translation units.
#pragma once

#include <cstdint>
#include <cstring>
#include <nniesim/nniesim.hpp>
#include <vector>

namespace {

/// FNV-1a over the bits of everything the library computes from fixed pseudo-random data.
std::uint64_t digest_of_work() {
  using namespace nniesim;
  std::uint64_t state = 1;
  const auto next = [&state] {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return static_cast<float>(static_cast<std::int32_t>(state >> 32U)) * 0x1p-29F;
  };
  std::uint64_t digest = 14695981039346656037U;
  const auto add = [&digest](const auto& t) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(t.data());
    for (std::size_t i = 0; i < t.size() * sizeof(*t.data()); ++i) digest = (digest ^ bytes[i]) * 1099511628211U;
  };
  auto x = make_tensor<float>({1, 3, 17, 23});
  auto w = make_tensor<float>({37, 3, 3, 3});
  auto w2 = make_tensor<float>({5, 3 * 17 * 23});
  for (auto& v : x) v = next();
  for (auto& v : w) v = next();
  for (auto& v : w2) v = next();
  add(conv2d<float32>(x, w, no_bias, {.pad = {1, 1}}));
  add(conv2d<w8a8>(x, w, no_bias, {.stride = {2, 2}}));
  add(conv2d<w16a16>(x, w, no_bias));
  add(conv2d<uniform_w8a8>(x, w, no_bias));
  add(fully_connected<w8a8>(x, w2, no_bias));
  std::vector<float> coded(x.size());
  fake_quantize<gfpq8>({x.data(), x.size()}, coded, gfpq8::scale_of(x));
  add(coded);
  fake_quantize<gfpq16>({x.data(), x.size()}, coded, gfpq16::scale_of(x));
  add(coded);
  add(power<w8a8>(x, {.exponent = 2, .scale = 0.25}));
  const comparison c = compare(conv2d<float32>(x, w, no_bias), conv2d<w8a8>(x, w, no_bias));
  add(std::vector<double>{c.cosine, c.norm_error, c.snr_db, c.max_abs});
  return digest;
}

}  // namespace
