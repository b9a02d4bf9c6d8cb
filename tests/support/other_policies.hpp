// Policies that are not the accelerator's, made of the library's own formats.
#pragma once

#include <string_view>

#include <nniesim/precision/policy.hpp>

namespace other_policies {

using namespace nniesim;

/// w8a8 under another name.
struct twin : precision<gfpq8, gfpq8, fp32_chain, q20_12> {
  static constexpr std::string_view name = "twin";
};
/// A mix without a name.
struct mixed : precision<gfpq16, gfpq8, fp64_chain, q20_12> {};
/// The encodings of 8 bits in a float network.
struct in_float : precision<gfpq8, gfpq8, fp32_chain, binary32> {
  static constexpr std::string_view name = "in_float";
};
/// Encoded weights alone.
struct weights_alone : precision<gfpq8, binary32, fp32_chain, binary32> {
  static constexpr std::string_view name = "weights_alone";
};
/// What networks do not run.
struct narrow : precision<gfpq8, gfpq8, fp32_chain, fixed_point<8, 8, floor_rounding, saturate>> {
  static constexpr std::string_view name = "narrow";
};

}  // namespace other_policies
