// What is to be changed where an input was made in another way than the cfg says: lines of the cfg that its own parser
// takes, steps of the reference's script, or what the board's side is to do.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <nniesim/debug/diagnosis.hpp>
#include <nniesim/debug/input_explanation.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Whose input it is that is not as the cfg says.
enum class input_side {
  other,      ///< the board's, or the compiled run's
  reference,  ///< the script's that made the reference
};

namespace detail {

/// What makes the side's input as the cfg says, a line each.
/// Long: one case for each change.
[[nodiscard]] inline std::vector<fact> remedies(const input_change& c, const input_scene& s, input_side side) {
  std::vector<fact> lines;
  const auto add = [&](fact_kind kind) -> fact& {
    return lines.emplace_back(kind, std::vector<fact_field>{{"on_board", side == input_side::other}});
  };
  switch (c.bytes) {
    case byte_change::none:
    case byte_change::reordered: break;
    case byte_change::interleaved_as_planar:
    case byte_change::planar_as_interleaved:
      add(c.after ? fact_kind::hand_on_planar : fact_kind::fill_planar)
          .add("shape", std::vector<std::size_t>{s.channels, s.rows, s.columns});
      break;
    case byte_change::rows_padded:
    case byte_change::rows_unpadded:
      add(fact_kind::one_stride)
          .add("values", c.interleaved ? s.columns * s.channels : s.columns)
          .add("written", c.bytes == byte_change::rows_padded)
          .add("stride", c.stride);
      break;
    case byte_change::transposed: add(fact_kind::do_not_transpose); break;
    case byte_change::mirrored: add(fact_kind::do_not_mirror); break;
    case byte_change::flipped: add(fact_kind::do_not_flip); break;
    case byte_change::rotated: add(fact_kind::do_not_rotate); break;
    case byte_change::shifted:
      add(fact_kind::do_not_shift)
          .add("columns", static_cast<double>(c.right))
          .add("rows", static_cast<double>(c.down));
      break;
    case byte_change::letterboxed:
    case byte_change::cropped:
      add(fact_kind::resize_whole);
      lines.emplace_back(fact_kind::keep_aspect);
      break;
    case byte_change::resampled:
      add(fact_kind::resize_bilinear);
      lines.emplace_back(fact_kind::resize_nothing);
      break;
    case byte_change::signed_bytes: add(fact_kind::read_unsigned); break;
    case byte_change::clipped:
    case byte_change::wrapped: add(fact_kind::subtract_signed); break;
    case byte_change::grey: add(fact_kind::give_colours); break;
    case byte_change::constant: add(fact_kind::fill_buffer); break;
  }
  if (c.reversed || c.bytes == byte_change::reordered) {
    const bool is_rgb = s.known.order == channel_order::rgb;
    fact& order = add(fact_kind::order_channels).add("of_cfg", s.channels == 3);
    if (s.channels == 3) order.add("order", is_rgb ? "R G B" : "B G R");
    if (c.bytes != byte_change::reordered && s.channels == 3) {
      lines.push_back({fact_kind::cfg_line,
                       {{"or", true},
                        {"where", "where that order is meant"},
                        {"key", "RGB_order"},
                        {"value", is_rgb ? "BGR" : "RGB"}}});
    }
  }
  if (c.values != value_change::none && c.bytes != byte_change::constant) {
    const known_preprocessing& k = s.known;
    fact& normalize = add(fact_kind::normalize_as_cfg).add("scale", k.scale);
    if (k.mean.empty() || k.has_mean_image(s.channels)) normalize.add("mean_image", !k.mean.empty());
    else normalize.add("mean", std::vector<double>(k.mean.begin(), k.mean.end()));
  }
  return lines;
}

}  // namespace detail

/// A finding of an input that an explanation holds for. `cosine_text`: evidence of how far the two inputs are apart.
[[nodiscard]] inline finding input_finding(const std::string& layer, const input_explanation& e, const input_scene& s,
                                           input_side side) {
  finding f{fault::preprocessing, layer};
  const bool is_by_cfg = s.known.norm_type != cfg_norm_type::none || !s.known.mean.empty() || s.picture;
  f.summary = {
      fact_kind::input_changed,
      {{"of_reference", side == input_side::reference}, {"by_cfg", is_by_cfg}, {"change", to_string(e.change, s)}}};
  if (e.change.bytes != byte_change::constant) {
    f.evidence.push_back({fact_kind::bytes_leave, {{"left", e.left}, {"as_it_is", e.as_it_is}}});
  }
  if (!std::isnan(e.change.border) &&
      (e.change.bytes == byte_change::letterboxed || e.change.bytes == byte_change::shifted)) {
    f.evidence.push_back({fact_kind::border_value, {{"value", static_cast<double>(e.change.border)}}});
  }
  f.change = detail::remedies(e.change, s, side);
  f.rivals.push_back({fault::other_picture, fact_kind::bytes_explain_it});
  f.next = fact_kind::compare_again;
  return f;
}

NNIESIM_END_NAMESPACE
