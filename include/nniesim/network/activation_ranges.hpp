// The ranges of a network's blobs, from which the scales of their codes follow.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nniesim/formats/gfpq.hpp>
#include <nniesim/network/layer.hpp>

NNIESIM_BEGIN_NAMESPACE

/// What a blob's scale is derived from.
enum class range_rule {
  quantized,  ///< largest magnitudes of the network as it is quantized: weights and blobs encoded, all else in float.
              ///< Compiled models fit this one best
  floating,   ///< largest magnitudes of the float network
  given,      ///< scales from outside: of a compiled model, of a file of ranges
};

/// The enumerator's name.
[[nodiscard]] constexpr std::string_view to_string(range_rule r) noexcept {
  switch (r) {
    case range_rule::quantized: return "quantized";
    case range_rule::floating: return "floating";
    case range_rule::given: return "given";
  }
  return "?";
}

/// The range of one blob: its largest magnitude over all pictures, or scales that are given.
struct activation_range {
  float largest = 0.0F;                     ///< 0: no value but zeros was seen, or none at all
  bool had_zeros = false;                   ///< a picture gave nothing but zeros
  std::optional<gfpq8::scale> in_8bit{};    ///< where it is given, in place of what follows from `largest`
  std::optional<gfpq16::scale> in_16bit{};  ///< the same in 16 bits

  /// Of one picture.
  [[nodiscard]] static activation_range of(float largest) noexcept {
    activation_range r;
    r.add(largest);
    return r;
  }
  /// One more picture: the range only grows, as in the mode UPDATE of the vendor's library.
  void add(float most) noexcept {
    largest = std::max(largest, most);
    had_zeros = had_zeros || most == 0.0F;
  }
  /// The scale of a format: the given one, else that of the largest magnitude. The vendor's library takes the larger of
  /// the scales of all pictures, and one of zeros has a scale that tiny values do not reach. Throws format_error where
  /// scales are given, but not for the format, and as F::scale_of.
  template <quantized_format F>
  [[nodiscard]] typename F::scale scale() const {
    if constexpr (std::same_as<F, gfpq8>) {
      if (in_8bit) return *in_8bit;
    }
    if constexpr (std::same_as<F, gfpq16>) {
      if (in_16bit) return *in_16bit;
    }
    const bool is_seen = largest != 0.0F || had_zeros;
    detail::require<format_error>(is_seen || (!in_8bit && !in_16bit), "range: got a scale of ",
                                  in_8bit ? gfpq8::name : gfpq16::name, " alone, expected one of ", F::name,
                                  " or the largest magnitude");
    if constexpr (is_log_format<F>) {
      const auto s = F::scale_of_max(largest);
      return had_zeros ? std::max(s, F::scale_of_max(0.0F)) : s;
    } else if constexpr (requires { F::scale_of_max(1.0F); }) {
      return F::scale_of_max(largest);
    } else {
      return F::scale_of(std::span<const float>(&largest, 1));
    }
  }

  /// Compares all fields.
  [[nodiscard]] bool operator==(const activation_range&) const = default;
};

/// The ranges of a network's blobs, by range_names().
struct activation_ranges {
  std::map<std::string, activation_range> blobs{};  ///< by name
  std::size_t pictures = 0;                         ///< how many they come from
  range_rule rule = range_rule::floating;           ///< what they are derived from
  std::string precision{};  ///< the policy of the quantized network that they come from, or "mixed"; of `quantized`

  /// Compares all fields.
  [[nodiscard]] bool operator==(const activation_ranges&) const = default;
};

/// What ranges are, in words: "largest magnitudes of the network in w8a8 over 20 picture(s)", "given scales". `file`
/// is what they were read from, or empty.
[[nodiscard]] inline std::string text_of(const activation_ranges& ranges, const std::string& file = {}) {
  const std::string from = file.empty() ? "" : " (" + file + ")";
  const std::string over = detail::message(" over ", ranges.pictures, " picture(s)", from);
  switch (ranges.rule) {
    case range_rule::quantized: return "largest magnitudes of the network in " + ranges.precision + over;
    case range_rule::floating: return "largest magnitudes of the float network" + over;
    case range_rule::given: break;
  }
  return "given scales" + from;
}

/// The names of a network's blobs among ranges: that of the layer that writes it, with the output's number where that
/// is not the first ("slice:1"); of a layer that took others in, the last of them. In-place layers give several blobs
/// one name in the file, so that names of layers tell them apart, and they are the same whatever is folded. Empty for a
/// blob that no layer writes.
[[nodiscard]] inline std::vector<std::string> range_names(const network& net) {
  std::vector<std::string> names(net.blobs.size());
  for (const layer& l : net.layers) {
    for (std::size_t o = 0; o < l.outputs.size(); ++o) {
      names[l.outputs[o]] = o == 0 && !l.merged.empty() ? l.merged.back() : output_name(l, o);
    }
  }
  return names;
}

NNIESIM_END_NAMESPACE
