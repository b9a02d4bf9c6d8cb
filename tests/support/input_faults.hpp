// Faults of a network's input, made by hand from a subject's picture.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nniesim/debug/input_transforms.hpp>

#include "support/input_subjects.hpp"

namespace input_subjects {

/// A fault of the input, made from the pixels of the resized picture (rows x columns x RGB) or of the list.
struct planted {
  std::string name;
  std::function<floats(const subject&)> input;
  std::function<bool(const input_change&)> is_right;
  std::function<bool(const subject&)> applies = [](const subject&) { return true; };
  std::optional<std::size_t> picture{};  ///< another one of the list
  bool is_shown = true;                  ///< whether the input itself tells it
  bool is_of_places = false;             ///< whether two runs without a cfg tell it
};

/// The buffer that a board would have: rows x columns x 3 in the network's order.
inline floats interleaved(const subject& s, const floats& planar) {
  floats v(planar.size());
  const std::size_t plane = s.rows * s.columns;
  for (std::size_t i = 0; i < plane; ++i) {
    for (std::size_t c = 0; c < 3; ++c) v[i * 3 + c] = planar[c * plane + i];
  }
  return v;
}
inline floats own_bytes(const subject& s) { return s.bytes(resize(s.pictures[s.chosen()], s.rows, s.columns)); }
inline floats by_cfg(const subject& s, const floats& bytes) { return s.normalized(bytes, s.cfg.mean, s.cfg.scale); }
inline floats turned(const subject& s, floats planar) {
  const auto plane = static_cast<std::ptrdiff_t>(s.rows * s.columns);
  std::swap_ranges(planar.begin(), planar.begin() + plane, planar.begin() + 2 * plane);
  return planar;
}

inline std::function<bool(const input_change&)> is_bytes(byte_change b, bool reversed = false) {
  return
      [=](const input_change& c) { return c.bytes == b && c.reversed == reversed && c.values == value_change::none; };
}
inline std::function<bool(const input_change&)> is_value(value_change v, bool reversed = false) {
  return [=](const input_change& c) { return c.bytes == byte_change::none && c.values == v && c.reversed == reversed; };
}

inline std::vector<planted> input_faults() {
  const auto has_mean = [](const subject& s) { return !s.cfg.mean.empty(); };
  const auto has_scale = [](const subject& s) { return s.cfg.scale != 1; };
  const auto has_both = [](const subject& s) { return !s.cfg.mean.empty() && s.cfg.scale != 1; };
  const auto has_means = [](const subject& s) { return !s.cfg.mean.empty() && s.cfg.mean[0] != s.cfg.mean[2]; };
  std::vector<planted> all;
  all.push_back({"channels reversed", [](const subject& s) { return by_cfg(s, turned(s, own_bytes(s))); },
                 is_bytes(byte_change::none, true)});
  all.push_back({"no mean", [](const subject& s) { return s.normalized(own_bytes(s), {}, s.cfg.scale); },
                 is_value(value_change::mean_missing), has_mean});
  all.push_back({"no scale", [](const subject& s) { return s.normalized(own_bytes(s), s.cfg.mean, 1); },
                 is_value(value_change::scale_missing), has_scale});
  all.push_back({"raw bytes", [](const subject& s) { return own_bytes(s); },
                 is_value(value_change::mean_and_scale_missing), has_both});
  all.push_back({"mean twice", [](const subject& s) { return by_cfg(s, s.normalized(own_bytes(s), s.cfg.mean, 1)); },
                 is_value(value_change::mean_twice), has_mean});
  all.push_back(
      {"scale first",
       [](const subject& s) { return s.normalized(s.normalized(own_bytes(s), {}, s.cfg.scale), s.cfg.mean, 1); },
       is_value(value_change::scale_before_mean), has_both});
  all.push_back({"all twice", [](const subject& s) { return by_cfg(s, by_cfg(s, own_bytes(s))); },
                 is_value(value_change::normalized_twice), has_both});
  all.push_back({"means in reverse",
                 [](const subject& s) {
                   return s.normalized(own_bytes(s), {s.cfg.mean[2], s.cfg.mean[1], s.cfg.mean[0]}, s.cfg.scale);
                 },
                 is_value(value_change::means_reversed), has_means});
  all.push_back({"interleaved as planar", [](const subject& s) { return by_cfg(s, interleaved(s, own_bytes(s))); },
                 is_bytes(byte_change::interleaved_as_planar)});
  all.push_back({"interleaved as planar, channels reversed",
                 [](const subject& s) { return by_cfg(s, interleaved(s, turned(s, own_bytes(s)))); },
                 is_bytes(byte_change::interleaved_as_planar, true)});
  all.push_back({"planar as interleaved",
                 [](const subject& s) {
                   const floats buffer = own_bytes(s);
                   floats v(buffer.size());
                   const std::size_t plane = s.rows * s.columns;
                   for (std::size_t i = 0; i < plane; ++i) {
                     for (std::size_t c = 0; c < 3; ++c) v[c * plane + i] = buffer[i * 3 + c];
                   }
                   return by_cfg(s, v);
                 },
                 is_bytes(byte_change::planar_as_interleaved)});
  for (const std::size_t unit : {std::size_t{16}, std::size_t{32}}) {
    all.push_back({"rows padded to " + std::to_string(unit),
                   [=](const subject& s) {
                     const std::size_t stride = (s.columns + unit - 1) / unit * unit;
                     const floats p = own_bytes(s);
                     floats buffer(3 * s.rows * stride, 0.0F);
                     for (std::size_t r = 0; r < 3 * s.rows; ++r) {
                       for (std::size_t i = 0; i < s.columns; ++i) buffer[r * stride + i] = p[r * s.columns + i];
                     }
                     buffer.resize(p.size());
                     return by_cfg(s, buffer);
                   },
                   is_bytes(byte_change::rows_padded), [=](const subject& s) { return s.columns % unit != 0; }});
  }
  all.push_back({"rows read 16 apart",
                 [](const subject& s) {
                   const std::size_t stride = (s.columns + 15) / 16 * 16;
                   floats p = own_bytes(s);
                   floats v;
                   p.resize(3 * s.rows * stride, 0.0F);
                   for (std::size_t r = 0; r < 3 * s.rows; ++r) {
                     for (std::size_t i = 0; i < s.columns; ++i) v.push_back(p[r * stride + i]);
                   }
                   return by_cfg(s, v);
                 },
                 is_bytes(byte_change::rows_unpadded), [](const subject& s) { return s.columns % 16 != 0; }});
  const auto moved = [](const subject& s, auto from) {
    const floats p = own_bytes(s);
    floats v(p.size());
    for (std::size_t c = 0; c < 3; ++c) {
      for (std::size_t j = 0; j < s.rows; ++j) {
        for (std::size_t i = 0; i < s.columns; ++i) {
          const auto [y, x] = from(j, i);
          v[(c * s.rows + j) * s.columns + i] = p[(c * s.rows + y) * s.columns + x];
        }
      }
    }
    return by_cfg(s, v);
  };
  all.push_back({"mirrored",
                 [=](const subject& s) {
                   return moved(s, [&](std::size_t j, std::size_t i) { return std::pair(j, s.columns - 1 - i); });
                 },
                 is_bytes(byte_change::mirrored)});
  all.push_back({"flipped",
                 [=](const subject& s) {
                   return moved(s, [&](std::size_t j, std::size_t i) { return std::pair(s.rows - 1 - j, i); });
                 },
                 is_bytes(byte_change::flipped)});
  for (const std::size_t p : {std::size_t{0}, std::size_t{2}}) {
    all.push_back({"picture " + std::to_string(p), [=](const subject& s) { return s.input(p); }, {}});
    all.back().picture = p;
    all.back().is_shown = false;
  }
  for (const float border : {0.0F, 114.0F, 128.0F}) {
    all.push_back(
        {"letterboxed with " + std::to_string(static_cast<int>(border)),
         [=](const subject& s) {
           const image& p = s.pictures[s.chosen()];
           const double f = std::min(static_cast<double>(s.rows) / static_cast<double>(p.rows),
                                     static_cast<double>(s.columns) / static_cast<double>(p.columns));
           const auto h = std::min(s.rows, static_cast<std::size_t>(std::lround(static_cast<double>(p.rows) * f)));
           const auto w =
               std::min(s.columns, static_cast<std::size_t>(std::lround(static_cast<double>(p.columns) * f)));
           const image small = resize(p, h, w);
           image all_of{s.rows, s.columns,
                        std::vector<std::uint8_t>(s.rows * s.columns * 3, static_cast<std::uint8_t>(border))};
           const std::size_t top = (s.rows - h) / 2, left = (s.columns - w) / 2;
           for (std::size_t j = 0; j < h; ++j) {
             std::copy_n(small.pixels.begin() + static_cast<std::ptrdiff_t>(j * w * 3), w * 3,
                         all_of.pixels.begin() + static_cast<std::ptrdiff_t>(((j + top) * s.columns + left) * 3));
           }
           return by_cfg(s, s.bytes(all_of));
         },
         is_bytes(byte_change::letterboxed),
         [](const subject& s) {  // else the picture fills the input with its aspect kept
           const image& p = s.pictures[0];
           return s.rows * p.columns > (s.columns + 1) * p.rows || s.columns * p.rows > (s.rows + 1) * p.columns;
         }});
  }
  all.push_back({"nearest neighbour",
                 [](const subject& s) {
                   const image& p = s.pictures[s.chosen()];
                   image n{s.rows, s.columns, {}};
                   for (std::size_t j = 0; j < s.rows; ++j) {
                     for (std::size_t i = 0; i < s.columns; ++i) {
                       const std::size_t at = (j * p.rows / s.rows * p.columns + i * p.columns / s.columns) * 3;
                       for (std::size_t c = 0; c < 3; ++c) n.pixels.push_back(p.pixels[at + c]);
                     }
                   }
                   return by_cfg(s, s.bytes(n));
                 },
                 is_bytes(byte_change::resampled)});
  all.push_back({"signed bytes",
                 [](const subject& s) {
                   floats v = own_bytes(s);
                   for (float& f : v) f = static_cast<float>(static_cast<std::int8_t>(static_cast<std::uint8_t>(f)));
                   return by_cfg(s, v);
                 },
                 is_bytes(byte_change::signed_bytes)});
  // What was not thought of first: other shapes of the same faults.
  const auto picture_of = [](const subject& s, const auto& pixel) {  // by (row, column, channel) of the input
    image n{s.rows, s.columns, {}};
    for (std::size_t j = 0; j < s.rows; ++j) {
      for (std::size_t i = 0; i < s.columns; ++i) {
        for (std::size_t c = 0; c < 3; ++c) n.pixels.push_back(pixel(j, i, c));
      }
    }
    return by_cfg(s, s.bytes(n));
  };
  all.push_back(
      {"letterboxed at the top left",
       [=](const subject& s) {
         const image& p = s.pictures[s.chosen()];
         const double f = std::min(static_cast<double>(s.rows) / static_cast<double>(p.rows),
                                   static_cast<double>(s.columns) / static_cast<double>(p.columns));
         const auto h = std::min(s.rows, static_cast<std::size_t>(std::lround(static_cast<double>(p.rows) * f)));
         const auto w = std::min(s.columns, static_cast<std::size_t>(std::lround(static_cast<double>(p.columns) * f)));
         const image small = resize(p, h, w);
         return picture_of(s, [&](std::size_t j, std::size_t i, std::size_t c) -> std::uint8_t {
           return j < h && i < w ? small.pixels[(j * w + i) * 3 + c] : 114;
         });
       },
       is_bytes(byte_change::letterboxed),
       [](const subject& s) {
         const image& p = s.pictures[0];
         return s.rows * p.columns > (s.columns + 1) * p.rows || s.columns * p.rows > (s.rows + 1) * p.columns;
       }});
  all.push_back(
      {"the middle cropped",
       [=](const subject& s) {
         const image& p = s.pictures[s.chosen()];
         const double f = std::max(static_cast<double>(s.rows) / static_cast<double>(p.rows),
                                   static_cast<double>(s.columns) / static_cast<double>(p.columns));
         const auto h = std::max(s.rows, static_cast<std::size_t>(std::lround(static_cast<double>(p.rows) * f)));
         const auto w = std::max(s.columns, static_cast<std::size_t>(std::lround(static_cast<double>(p.columns) * f)));
         const image large = resize(p, h, w);
         const std::size_t top = (h - s.rows) / 2, left = (w - s.columns) / 2;
         return picture_of(s, [&](std::size_t j, std::size_t i, std::size_t c) {
           return large.pixels[((j + top) * w + i + left) * 3 + c];
         });
       },
       is_bytes(byte_change::cropped),
       [](const subject& s) {
         const image& p = s.pictures[0];
         return s.rows * p.columns > (s.columns + 1) * p.rows || s.columns * p.rows > (s.rows + 1) * p.columns;
       }});
  all.push_back({"grey",
                 [=](const subject& s) {
                   const image p = resize(s.pictures[s.chosen()], s.rows, s.columns);
                   return picture_of(s, [&](std::size_t j, std::size_t i, std::size_t) {
                     const std::uint8_t* const v = p.pixels.data() + (j * s.columns + i) * 3;
                     return static_cast<std::uint8_t>(std::lround(0.299 * v[0] + 0.587 * v[1] + 0.114 * v[2]));
                   });
                 },
                 is_bytes(byte_change::grey)});
  all.push_back({"channels turned round",
                 [](const subject& s) {
                   floats v = own_bytes(s);
                   std::rotate(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(s.rows * s.columns), v.end());
                   return by_cfg(s, v);
                 },
                 is_bytes(byte_change::reordered)});
  all.push_back({"channels reversed, no mean",
                 [](const subject& s) { return s.normalized(turned(s, own_bytes(s)), {}, s.cfg.scale); },
                 is_value(value_change::mean_missing, true), has_mean});
  all.push_back({"channels reversed, raw bytes", [](const subject& s) { return turned(s, own_bytes(s)); },
                 is_value(value_change::mean_and_scale_missing, true), has_both});
  all.push_back(
      {"twice the scale", [](const subject& s) { return s.normalized(own_bytes(s), s.cfg.mean, 2 * s.cfg.scale); },
       [](const input_change& c) { return c.values == value_change::other && c.bytes == byte_change::none; }});
  all.push_back(
      {"half the scale", [](const subject& s) { return s.normalized(own_bytes(s), s.cfg.mean, s.cfg.scale / 2); },
       [](const input_change& c) { return c.values == value_change::other && c.bytes == byte_change::none; }});
  all.push_back(
      {"another usual mean",
       [](const subject& s) {
         const bool is_even = !s.cfg.mean.empty() && s.cfg.mean[0] == 127.5F;
         return s.normalized(own_bytes(s), is_even ? floats{104, 117, 123} : floats{127.5F, 127.5F, 127.5F},
                             s.cfg.scale);
       },
       [](const input_change& c) { return c.values == value_change::other && c.bytes == byte_change::none; }});
  for (const int pad : {4, 12}) {
    all.push_back({"rows with " + std::to_string(pad) + " more",
                   [=](const subject& s) {
                     const std::size_t stride = s.columns + static_cast<std::size_t>(pad);
                     const floats p = own_bytes(s);
                     floats buffer(3 * s.rows * stride, 0.0F);
                     for (std::size_t r = 0; r < 3 * s.rows; ++r) {
                       for (std::size_t i = 0; i < s.columns; ++i) buffer[r * stride + i] = p[r * s.columns + i];
                     }
                     buffer.resize(p.size());
                     return by_cfg(s, buffer);
                   },
                   is_bytes(byte_change::rows_padded)});
  }
  for (const int away : {1, 3}) {
    all.push_back({"shifted by " + std::to_string(away),
                   [=](const subject& s) {
                     const image p = resize(s.pictures[s.chosen()], s.rows, s.columns);
                     return picture_of(s, [&](std::size_t j, std::size_t i, std::size_t c) -> std::uint8_t {
                       const auto d = static_cast<std::size_t>(away);
                       return i >= d ? p.pixels[(j * s.columns + i - d) * 3 + c] : 0;
                     });
                   },
                   is_bytes(byte_change::shifted)});
  }
  all.push_back({"not filled", [](const subject& s) { return by_cfg(s, floats(3 * s.rows * s.columns, 0.0F)); },
                 [](const input_change& c) { return c.bytes == byte_change::constant; }});
  for (planted& p : all) {
    p.is_of_places = p.name.find("interleaved") != std::string::npos || p.name.find("rows") != std::string::npos ||
                     p.name == "mirrored" || p.name == "flipped" || p.name == "channels reversed";
  }
  return all;
}

}  // namespace input_subjects
