// What is to be changed where an input was made in another way than the cfg says: lines of the cfg that its own parser
// takes, steps of the reference's script, or what the board's side is to do.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <nniesim/debug/diagnosis.hpp>
#include <nniesim/debug/input_explanation.hpp>
#include <nniesim/debug/markup.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Whose input it is that is not as the cfg says.
enum class input_side {
  other,      ///< the board's, or the compiled run's
  reference,  ///< the script's that made the reference
};

namespace detail {

[[nodiscard]] inline std::string_view name_of(input_side side) {
  return side == input_side::other ? "the other run" : "the reference";
}

/// What the cfg says of the order of channels and of mean and scale, in words.
[[nodiscard]] inline std::string normalization_text(const input_scene& s) {
  const known_preprocessing& k = s.known;
  const std::string mean = k.mean.empty()                 ? std::string()
                           : k.has_mean_image(s.channels) ? std::string("the mean image")
                                                          : "mean " + number_list(k.mean);
  if (mean.empty() && k.scale == 1) return "neither mean nor scale";
  if (mean.empty()) return "scale " + number_text(k.scale, 5);
  return k.scale == 1 ? mean : concat("(x - mean) * scale with ", mean, ", scale ", number_text(k.scale, 5));
}

/// What makes the side's input as the cfg says, a line each.
[[nodiscard]] inline std::vector<fact> remedies(const input_change& c, const input_scene& s, input_side side) {
  std::vector<fact> lines;
  const std::string where = side == input_side::other ? "on the board's side: " : "in the reference's script: ";
  const auto add = [&](const std::string& what) { lines.emplace_back(where + what); };
  const std::string shape = concat(s.channels, " x ", s.rows, " x ", s.columns);
  switch (c.bytes) {
    case byte_change::none:
    case byte_change::reordered: break;
    case byte_change::interleaved_as_planar:
    case byte_change::planar_as_interleaved:
      add(concat(c.after ? "hand the input on as C x H x W = " : "fill the input's buffer planar, C x H x W = ", shape,
                 c.after ? "" : ", before mean and scale"));
      break;
    case byte_change::rows_padded:
    case byte_change::rows_unpadded: {
      const std::size_t row = c.interleaved ? s.columns * s.channels : s.columns;
      add(concat("write and read rows with one stride: ", row, " values stand in a row, ",
                 c.bytes == byte_change::rows_padded ? concat("they are written ", c.stride, " apart")
                                                     : concat("they are read ", c.stride, " apart")));
      break;
    }
    case byte_change::transposed: add("do not exchange rows and columns"); break;
    case byte_change::mirrored: add("do not mirror the picture"); break;
    case byte_change::flipped: add("do not flip the picture: its rows begin at the top (a BMP's at the bottom)"); break;
    case byte_change::rotated: add("do not rotate the picture"); break;
    case byte_change::shifted:
      add(concat("let the picture begin at the buffer's first pixel: it is ", c.right, " columns and ", c.down,
                 " rows away"));
      break;
    case byte_change::letterboxed:
    case byte_change::cropped:
      add("resize the picture to the input's size without keeping its aspect, as the compiler does");
      lines.emplace_back(
          "or, where the aspect is to be kept, give the compiler pictures that are made so: image_list of pictures of "
          "the input's size");
      break;
    case byte_change::resampled:
      add("resize as the compiler does: bilinear, as OpenCV's INTER_LINEAR");
      lines.emplace_back("or give both sides pictures of the input's size, that nothing resizes");
      break;
    case byte_change::signed_bytes: add("read the bytes as unsigned (0 .. 255)"); break;
    case byte_change::clipped:
    case byte_change::wrapped: add("subtract the mean in signed or floating arithmetic"); break;
    case byte_change::grey: add("give the picture in colours"); break;
    case byte_change::constant:
      add("fill the input's buffer before the run, and flush it (cache) where the accelerator reads memory");
      break;
  }
  if (c.reversed || c.bytes == byte_change::reordered) {
    const bool is_rgb = s.known.order == channel_order::rgb;
    add(s.channels == 3 ? concat("give the channels in the cfg's order, ", is_rgb ? "R G B" : "B G R")
                        : "give the channels in the network's order");
    if (c.bytes != byte_change::reordered && s.channels == 3) {
      lines.push_back({fact_kind::cfg_line,
                       {{"or", true},
                        {"where", "where that order is meant"},
                        {"key", "RGB_order"},
                        {"value", is_rgb ? "BGR" : "RGB"}}});
    }
  }
  if (c.values != value_change::none && c.bytes != byte_change::constant) {
    add(concat("normalize as the cfg says: ", normalization_text(s)));
  }
  return lines;
}

}  // namespace detail

/// A finding of an input that an explanation holds for. `cosine_text`: evidence of how far the two inputs are apart.
[[nodiscard]] inline finding input_finding(const std::string& layer, const input_explanation& e, const input_scene& s,
                                           input_side side) {
  finding f{fault::preprocessing, layer};
  f.summary =
      detail::concat(detail::name_of(side), "'s input is not made as ",
                     s.known.norm_type == cfg_norm_type::none && s.known.mean.empty() && !s.picture ? "the other's: "
                                                                                                    : "the cfg says: ",
                     to_string(e.change, s));
  if (e.change.bytes != byte_change::constant) {
    f.evidence.push_back(detail::concat("that leaves ", detail::percent(e.left), " of that input about its channels' ",
                                        "means; the picture's bytes as they should stand leave ",
                                        detail::percent(e.as_it_is)));
  }
  if (!std::isnan(e.change.border) &&
      (e.change.bytes == byte_change::letterboxed || e.change.bytes == byte_change::shifted)) {
    f.evidence.push_back(detail::concat("outside the picture stands the value ",
                                        detail::number_text(static_cast<double>(e.change.border), 4)));
  }
  f.change = detail::remedies(e.change, s, side);
  f.rivals.push_back({fault::other_picture, "the picture's own bytes explain the input"});
  f.next = "make the change, then compare again";
  return f;
}

NNIESIM_END_NAMESPACE
