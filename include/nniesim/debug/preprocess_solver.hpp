// Step 2 of the procedure: from a network's input as it should be and as it is, what was done differently to the
// picture, and the lines of the cfg that make the two equal.
// Long: a fit and what it means, step by step from the same sums.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/core/error.hpp>
#include <nniesim/debug/fact.hpp>
#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/markup.hpp>
#include <nniesim/io/preprocess.hpp>

NNIESIM_BEGIN_NAMESPACE

/// What a cfg does to a picture: (x - mean) * scale.
struct known_preprocessing {
  cfg_norm_type norm_type = cfg_norm_type::none;  ///< which of mean and scale it uses
  channel_order order = channel_order::bgr;       ///< of the channels given to the network
  double scale = 1;                               ///< 1 where norm_type uses none
  std::vector<float> mean{};                      ///< of each channel, or of each element (C x H x W); empty: none
  cfg_image_type image_type = cfg_image_type::picture;  ///< whether the board's pixels come through YUV
  /// Whether `mean` holds more values than one for each of so many channels.
  [[nodiscard]] bool has_mean_image(std::size_t channels) const noexcept { return mean.size() > channels; }
};

/// Reads what a cfg's input does. `shape` is that of the network's input. Throws as picture_transform.
[[nodiscard]] inline known_preprocessing known_preprocessing_of(const cfg_input& input, const tensor_shape& shape) {
  known_preprocessing known{input.norm_type, input.order, 1, {}, input.image_type};
  if (uses_data_scale(input.norm_type)) known.scale = static_cast<double>(input.data_scale);
  if (uses_mean_image(input.norm_type)) {
    const tensor<float> mean = read_binaryproto(input.mean_file->path);
    known.mean.assign(mean.begin(), mean.end());
  } else if (uses_channel_means(input.norm_type)) {
    known.mean = read_channel_means(input.mean_file->path, shape.rank() == 4 ? shape[1] : 1);
  }
  return known;
}

/// How the other data are laid out, seen from the reference's C x H x W.
enum class data_layout {
  same,
  channels_last,  ///< H x W x C
  transposed,     ///< rows and columns exchanged
  rows_padded,    ///< every row padded to a multiple of 16 or 32 elements
  wrong_stride,   ///< rows of W read as if they were padded to a multiple of 16 or 32, so that the picture is sheared
};

/// The layout in words.
[[nodiscard]] constexpr std::string_view to_string(data_layout layout) noexcept {
  switch (layout) {
    case data_layout::same: return "the same layout";
    case data_layout::channels_last: return "channels last (H x W x C in place of C x H x W)";
    case data_layout::transposed: return "rows and columns exchanged";
    case data_layout::rows_padded: return "rows padded";
    case data_layout::wrong_stride: return "rows read with a wrong stride";
  }
  return "?";
}

/// reference[c] = gain[c] * other[order[c]] + offset[c], the other data brought into the reference's layout before.
struct preprocess_fit {
  data_layout layout = data_layout::same;  ///< of the other data
  std::size_t stride = 0;                  ///< of the padded rows, in elements
  std::vector<std::size_t> order{};        ///< the other's channel, for each of the reference's
  std::vector<double> gain{},  ///< of each of the reference's channels, or one for all; empty: no layout fits the sizes
      offset{};                ///< as many as gains
  double residual = 0;         ///< norm of what is left over the norm of the reference about its channel means
  bool alike_channels = false;  ///< other orders fit as well
};

/// What the difference of two inputs is.
enum class preprocess_verdict {
  same,           ///< nothing to explain
  explained,      ///< the fit holds; `changes` makes the two equal
  other_picture,  ///< what both show is not alike
  unexplained,    ///< no order, gain, offset or layout explains it, or an input is constant or not finite
};

/// The difference of two inputs, explained: what solve_preprocessing finds.
struct preprocess_solution {
  preprocess_verdict verdict = preprocess_verdict::same;  ///< what the difference is
  preprocess_fit fit{};          ///< the best one; as by default where the inputs are equal or hold NaN or infinity
  fact summary{};                ///< the verdict as a fact, with the ways that explain it
  std::vector<fact> evidence{};  ///< the fit, and what follows from it
  std::vector<fact> changes{};   ///< lines of the cfg, as they should be
  /// Where it is explained, of each channel: the reference is (picture - mean) * scale, the other what the cfg made of
  /// the picture.
  std::vector<double> mean{},  ///< in the picture's unit
      scale{};                 ///< factors, as many as means
};

namespace detail {

/// The values, with zeros for what is none.
[[nodiscard]] inline std::vector<double> told(std::vector<double> values) {
  for (double& v : values) v = std::fabs(v) < limit::no_mean ? 0 : v;
  return values;
}

/// The line r = gain * x + offset through the pairs of one channel of each, by least squares.
struct line_fit {
  double gain = 0, offset = 0;
  double unexplained = 0;  ///< sum of squares
  double spread = 0;       ///< of the reference about its mean
};

[[nodiscard]] inline line_fit fit_line(std::span<const float> r, std::span<const float> x) {
  const auto n = static_cast<double>(r.size());
  double mean_r = 0, mean_x = 0;
  for (std::size_t i = 0; i < r.size(); ++i) {
    mean_r += static_cast<double>(r[i]) / n;
    mean_x += static_cast<double>(x[i]) / n;
  }
  double rr = 0, xx = 0, rx = 0;
  for (std::size_t i = 0; i < r.size(); ++i) {
    const double a = static_cast<double>(r[i]) - mean_r;
    const double b = static_cast<double>(x[i]) - mean_x;
    rr += a * a;
    xx += b * b;
    rx += a * b;
  }
  line_fit f;
  f.spread = rr;
  f.gain = xx > 0 ? rx / xx : 0;
  f.offset = mean_r - f.gain * mean_x;
  f.unexplained = xx > 0 ? std::max(0.0, rr - rx * rx / xx) : rr;
  return f;
}

class preprocess_solver {
 public:
  preprocess_solver(std::span<const float> reference, const tensor_shape& shape, std::span<const float> other,
                    const known_preprocessing* known)
      : r_(reference), x_(other), known_(known) {
    require<shape_error>(shape.rank() >= 1 && shape.size() == reference.size() && !reference.empty(),
                         "preprocessing: ", reference.size(), " values of shape ", shape,
                         ", expected all of a tensor that is not empty");
    const std::size_t rank = shape.rank();
    columns_ = rank >= 3 ? shape[rank - 1] : 1;
    rows_ = rank >= 3 ? shape[rank - 2] : 1;
    channels_ = rank >= 3 ? reference.size() / rows_ / columns_ : (rank == 2 ? shape[1] : shape[0]);
    if (channels_ * rows_ * columns_ != reference.size()) {  // a batch of vectors
      channels_ = reference.size();
    }
  }

  /// Long: attempts, the simplest first; the first that fits is the answer.
  [[nodiscard]] preprocess_solution solve() {
    const auto finite = [](std::span<const float> v) {
      return std::all_of(v.begin(), v.end(), [](float f) { return std::isfinite(f); });
    };
    preprocess_solution s;
    if (!finite(r_) || !finite(x_)) {
      s.verdict = preprocess_verdict::unexplained;
      s.summary = fact_kind::input_not_a_number;
      return s;
    }
    if (std::equal(r_.begin(), r_.end(), x_.begin(), x_.end())) {
      s.summary = fact_kind::inputs_equal;
      return s;
    }
    s.fit = best_fit();
    fit_picture(s.fit);
    if (s.fit.gain.empty()) {
      s.verdict = preprocess_verdict::unexplained;
      s.summary = {fact_kind::input_values, {{"other", x_.size()}, {"reference", r_.size()}}};
      return s;
    }
    const auto is_constant = [&](std::span<const float> v) {
      const std::size_t parts = v.size() == channels_ * rows_ * columns_ && rows_ * columns_ > 1 ? channels_ : 1;
      const std::size_t length = v.size() / parts;
      for (std::size_t p = 0; p < parts; ++p) {
        const auto part = v.subspan(p * length, length);
        if (!std::all_of(part.begin(), part.end(), [&](float f) { return f == part[0]; })) return false;
      }
      return true;
    };
    if (is_constant(r_) || is_constant(x_)) {
      s.verdict = preprocess_verdict::unexplained;
      const bool is_both = is_constant(r_) && is_constant(x_), is_reference = is_constant(r_);
      const std::span<const float> v = is_reference ? r_ : x_;
      std::vector<double> values;
      for (std::size_t c = 0; c < channels_ && c < 4; ++c)
        values.push_back(static_cast<double>(v[c * (v.size() / channels_)]));
      const bool is_one = std::all_of(values.begin(), values.end(), [&](double x) { return x == values[0]; });
      s.summary = {fact_kind::input_is_constant,
                   {{"of_reference", is_reference},
                    {"values", is_one ? std::vector<double>{values[0]} : values},
                    {"one", is_one},
                    {"unfilled", !is_both}}};
      return s;
    }
    s.evidence.push_back({fact_kind::best_fit,
                          {{"layout", std::string(to_string(s.fit.layout))},
                           {"order", s.fit.order},
                           {"gain", told(s.fit.gain)},
                           {"offset", told(s.fit.offset)},
                           {"left", s.fit.residual}}});
    if (s.fit.residual > limit::other_picture_residual) {
      s.verdict = preprocess_verdict::other_picture;
      s.summary = fact_kind::pictures_differ;
    } else if (s.fit.residual > limit::explained_residual) {
      s.verdict = preprocess_verdict::unexplained;
      s.summary = fact_kind::made_otherwise;
    } else {
      interpret(s);
    }
    return s;
  }

 private:
  [[nodiscard]] static std::string digits(double v, int count = 4) { return number_text(v, count); }

  /// The other data in the reference's layout; nothing where the sizes do not allow it.
  [[nodiscard]] std::optional<std::vector<float>> arranged(data_layout layout, std::size_t stride) const {
    std::vector<float> y;
    const std::size_t c = channels_, h = rows_, w = columns_;
    const auto take = [&](auto place) {
      y.reserve(r_.size());
      for (std::size_t i = 0; i < c; ++i) {
        for (std::size_t j = 0; j < h; ++j) {
          for (std::size_t k = 0; k < w; ++k) y.push_back(x_[place(i, j, k)]);
        }
      }
    };
    const bool same_size = x_.size() == r_.size();
    switch (layout) {
      case data_layout::same:
        if (!same_size) return std::nullopt;
        return std::vector<float>(x_.begin(), x_.end());
      case data_layout::channels_last:
        if (!same_size || c == 1 || h * w == 1) return std::nullopt;
        take([&](std::size_t i, std::size_t j, std::size_t k) { return (j * w + k) * c + i; });
        return y;
      case data_layout::transposed:
        if (!same_size || h == 1 || w == 1) return std::nullopt;
        take([&](std::size_t i, std::size_t j, std::size_t k) { return (i * w + k) * h + j; });
        return y;
      case data_layout::rows_padded:
        if (stride <= w || x_.size() != c * h * stride) return std::nullopt;
        take([&](std::size_t i, std::size_t j, std::size_t k) { return (i * h + j) * stride + k; });
        return y;
      case data_layout::wrong_stride: return std::nullopt;  // see sheared()
    }
    return std::nullopt;
  }

  /// Where element i of the other data comes from, if rows of the reference were stepped over by `stride`.
  [[nodiscard]] std::optional<preprocess_fit> sheared(std::size_t stride) const {
    if (x_.size() != r_.size() || stride == columns_ || rows_ < 4) return std::nullopt;
    preprocess_fit f{data_layout::wrong_stride, stride, {}, {}, {}, 0, false};
    double left = 0, spread = 0;
    for (std::size_t c = 0; c < channels_; ++c) {
      std::vector<float> a, b;
      for (std::size_t j = 0; j < rows_; ++j) {
        for (std::size_t k = 0; k < columns_; ++k) {
          const std::size_t from = (c * rows_ + j) * stride + k;
          if (from >= r_.size()) continue;
          a.push_back(r_[from]);
          b.push_back(x_[(c * rows_ + j) * columns_ + k]);
        }
      }
      if (a.size() < 4 * columns_) {
        if (c == 0) return std::nullopt;
        f.gain.push_back(f.gain[0]);
        f.offset.push_back(f.offset[0]);
      } else {
        const line_fit line = fit_line(a, b);
        left += line.unexplained;
        spread += line.spread;
        f.gain.push_back(line.gain);
        f.offset.push_back(line.offset);
      }
      f.order.push_back(c);
    }
    if (!(spread > 0)) return std::nullopt;
    f.residual = std::sqrt(left / spread);
    return f;
  }

  [[nodiscard]] preprocess_fit fit(const std::vector<float>& y) const {
    const std::size_t plane = rows_ * columns_;
    const bool by_channel = plane >= 8 && channels_ <= 4;
    const std::size_t groups = by_channel ? channels_ : 1;
    const std::size_t length = r_.size() / groups;
    std::vector<line_fit> lines;  // of the reference's channel a with the other's channel b
    for (std::size_t a = 0; a < groups; ++a) {
      for (std::size_t b = 0; b < groups; ++b) {
        lines.push_back(fit_line(r_.subspan(a * length, length), std::span(y).subspan(b * length, length)));
      }
    }
    std::vector<std::size_t> order(groups);
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto left = [&](const std::vector<std::size_t>& of) {
      double sum = 0;
      for (std::size_t a = 0; a < groups; ++a) sum += lines[a * groups + of[a]].unexplained;
      return sum;
    };
    double spread = 0;
    for (std::size_t a = 0; a < groups; ++a) spread += lines[a * groups + a].spread;
    preprocess_fit f;
    f.order = order;
    const double as_they_are = left(order);
    double best = as_they_are;
    while (std::next_permutation(order.begin(), order.end())) {
      if (const double l = left(order); l < best) {
        best = l;
        f.order = order;
      }
    }
    // As they are, unless another order is clearly better: channels of a grey picture are all alike.
    std::iota(order.begin(), order.end(), std::size_t{0});
    const double enough = limit::explained_residual * limit::explained_residual / 4 * spread;
    if (f.order != order && as_they_are < std::max(2 * best, enough)) {
      f.order = order;
      best = as_they_are;
    }
    if (groups > 1 && f.order == order) {
      std::swap(order.front(), order.back());
      f.alike_channels = left(order) < std::max(2 * best, enough);
    }
    std::optional<double> other_gain;  // of a channel that has more than one value
    for (std::size_t a = 0; a < groups; ++a) {
      const line_fit& line = lines[a * groups + f.order[a]];
      if (line.gain != 0 && !other_gain) other_gain = line.gain;
      f.gain.push_back(line.gain);
      f.offset.push_back(line.offset);
    }
    // A channel of one value in both tells of no gain of its own.
    for (std::size_t a = 0; other_gain && a < groups; ++a) {
      const std::span<const float> x = std::span(y).subspan(f.order[a] * length, length);
      const bool is_constant = std::all_of(x.begin(), x.end(), [&](float v) { return v == x[0]; });
      if (lines[a * groups + a].spread > 0 || !is_constant) continue;
      f.gain[a] = *other_gain;
      f.offset[a] -= *other_gain * static_cast<double>(x[0]);
    }
    f.residual = spread > 0 ? std::sqrt(best / spread) : 1;
    return f;
  }

  [[nodiscard]] preprocess_fit best_fit() const {
    preprocess_fit best;
    const auto offer = [&](std::optional<preprocess_fit> f) {
      // Another layout must be much better than the one before.
      if (f && (best.gain.empty() || f->residual < best.residual / 2)) best = std::move(*f);
    };
    const auto offer_layout = [&](data_layout layout, std::size_t stride) {
      if (const auto y = arranged(layout, stride)) {
        preprocess_fit f = fit(*y);
        f.layout = layout;
        f.stride = stride;
        offer(std::move(f));
      }
    };
    offer_layout(data_layout::same, 0);
    if (!best.gain.empty() && best.residual <= limit::explained_residual) return best;
    offer_layout(data_layout::channels_last, 0);
    offer_layout(data_layout::transposed, 0);
    for (const std::size_t unit : {std::size_t{16}, std::size_t{32}}) {
      const std::size_t stride = (columns_ + unit - 1) / unit * unit;
      offer_layout(data_layout::rows_padded, stride);
      offer(sheared(stride));
    }
    return best;
  }

  /// Where the cfg subtracts a mean image: whether the reference follows better from the picture before that.
  void fit_picture(preprocess_fit& best) {
    if (known_ == nullptr || !known_->has_mean_image(channels_) || known_->mean.size() != x_.size() ||
        x_.size() != r_.size()) {
      return;
    }
    std::vector<float> picture(x_.begin(), x_.end());
    for (std::size_t i = 0; i < picture.size(); ++i) picture[i] += static_cast<float>(known_->scale) * known_->mean[i];
    preprocess_fit f = fit(picture);
    if (!best.gain.empty() && f.residual >= best.residual / 2) return;
    best = std::move(f);
    on_picture_ = true;
  }

  [[nodiscard]] static bool near(double a, double b) {
    return std::fabs(a - b) <= limit::gain_tolerance * std::max(std::fabs(a), std::fabs(b));
  }

  /// Mean and scale, each of every channel: what the cfg says, a mean image averaged, and what the reference shows.
  struct made_with {
    std::vector<double> cfg_mean;
    double cfg_scale;
    std::vector<double> mean{}, scale{};
    double tolerance = 0;  ///< of means

    template <class F>
    [[nodiscard]] bool has_mean(F expected, std::optional<double> within = {}) const {
      for (std::size_t g = 0; g < mean.size(); ++g) {
        if (!(std::fabs(mean[g] - expected(g)) <= within.value_or(tolerance))) return false;
      }
      return true;
    }
    [[nodiscard]] bool has_cfg_mean() const {
      return has_mean([&](std::size_t g) { return cfg_mean[g]; });
    }
    [[nodiscard]] bool has_scale(double expected) const {
      return std::all_of(scale.begin(), scale.end(), [&](double v) { return near(v, expected); });
    }
  };

  /// What the fit means: with the cfg known, in terms of the picture before it; else of the data themselves.
  /// Long: meanings that exclude each other, the surest first.
  void interpret(preprocess_solution& s) const {
    const preprocess_fit& f = s.fit;
    const std::size_t groups = f.gain.size();
    made_with w{std::vector<double>(groups), known_ != nullptr ? known_->scale : 1};
    if (known_ != nullptr && !known_->mean.empty()) {
      const std::size_t each = groups == 1                         ? known_->mean.size()
                               : known_->has_mean_image(channels_) ? rows_ * columns_
                                                                   : 1;
      for (std::size_t g = 0; g < groups; ++g) {
        double sum = 0;  // of one mean, or of a mean image's channel; in a batch each picture has the same
        for (std::size_t i = 0; i < each; ++i) {
          sum += static_cast<double>(known_->mean[(g * each + i) % known_->mean.size()]);
        }
        w.cfg_mean[g] = sum / static_cast<double>(each);
      }
    }
    // other = (p - mean) * scale, so reference = wanted scale * (p[order] - wanted mean).
    double most = 0;
    for (const float v : x_) most = std::max(most, std::fabs(static_cast<double>(v)));
    const double range = most / w.cfg_scale;  // of pictures
    for (std::size_t g = 0; g < groups; ++g) {
      const double a = f.gain[g] * w.cfg_scale;
      const double b = on_picture_ ? f.offset[g] : f.offset[g] - f.gain[g] * w.cfg_mean[f.order[g]] * w.cfg_scale;
      w.scale.push_back(a);
      w.mean.push_back(a != 0 ? -b / a : 0);
    }
    s.mean = w.mean;
    s.scale = w.scale;
    w.tolerance = std::max(limit::equal_means * range, 1e-6);
    const bool swapped = std::any_of(f.order.begin(), f.order.end(), [&](const std::size_t& c) {
      return c != static_cast<std::size_t>(&c - f.order.data());
    });
    const bool is_as_cfg = w.has_cfg_mean() && w.has_scale(w.cfg_scale);
    s.verdict = preprocess_verdict::explained;
    s.summary = fact_kind::made_in_these_ways;
    if (f.layout != data_layout::same) {
      s.summary.add("layout", std::string(to_string(f.layout)));
      if (f.stride != 0) s.summary.add("columns", columns_).add("stride", f.stride);
      if (f.layout == data_layout::rows_padded || f.layout == data_layout::wrong_stride) {
        s.changes.push_back({fact_kind::give_stride, {{"columns", columns_}, {"stride", f.stride}}});
      } else {
        s.changes.push_back(
            {fact_kind::give_planes, {{"channels", channels_}, {"rows", rows_}, {"columns", columns_}}});
      }
    }
    if (swapped) {
      s.summary.add("reordered", true);
      const bool reversed = groups == 3 && f.order == std::vector<std::size_t>{2, 1, 0};
      if (reversed) {
        if (known_ != nullptr) {
          s.changes.push_back(cfg_line("RGB_order", known_->order == channel_order::rgb ? "BGR" : "RGB",
                                       known_->order == channel_order::rgb ? "RGB" : "BGR"));
        } else {
          s.changes.push_back(fact_kind::exchange_rgb);
        }
      } else {
        s.changes.push_back({fact_kind::reorder_channels, {{"order", f.order}}});
      }
    }
    if (!is_as_cfg) explain_values(s, w);
    if (on_picture_ && is_as_cfg) {
      s.summary.add("averaged", true);
      add_norm(s, true, false, w.cfg_scale != 1, w.mean, w.cfg_scale);
    }
    if (f.alike_channels && !swapped) {
      s.evidence.push_back(fact_kind::channels_alike);
    }
    if (s.summary.fields().empty()) {
      s.verdict = preprocess_verdict::same;
      s.summary.add("rounding", true);
    }
  }

  /// Mean and scale differ from the cfg's: in which way.
  /// Long: one case for each way in which mean and scale can be confused.
  void explain_values(preprocess_solution& s, const made_with& w) const {
    const auto say = [&](std::string_view way) { s.summary.add(way, true); };
    const std::vector<double>& mean = w.cfg_mean;
    const double scale = w.cfg_scale;
    const std::size_t groups = mean.size();
    const double common = std::accumulate(w.scale.begin(), w.scale.end(), 0.0) / static_cast<double>(groups);
    const bool one_scale = w.has_scale(common);
    const bool scale_ok = one_scale && near(common, scale);
    const bool mean_ok = w.has_cfg_mean();
    const bool has_mean = std::any_of(mean.begin(), mean.end(), [](double m) { return m != 0; });
    const bool no_mean = w.has_mean([](std::size_t) { return 0.0; });
    const bool no_scale = one_scale && near(common, 1.0);
    s.evidence.push_back({fact_kind::reference_made_with,
                          {{"mean", told(w.mean)},
                           {"scale", told(w.scale)},
                           {"by_cfg", known_ != nullptr},
                           {"other_mean", told(mean)},
                           {"other_scale", scale}}});
    const bool uses_both = has_mean && scale != 1;
    const bool is_inverted = std::all_of(w.scale.begin(), w.scale.end(), [](double v) { return v < 0; });
    if (is_inverted) {
      say("inverted");
      s.changes.emplace_back(fact_kind::invert_picture);
      return;
    }
    if (uses_both && no_mean && no_scale) {
      say("normalized_twice");
    } else if (uses_both && scale_ok &&
               w.has_mean([&](std::size_t g) { return mean[g] / scale; },
                          limit::gain_tolerance * std::fabs(mean[0] / scale))) {
      say("scaled_first");
      s.changes.emplace_back(fact_kind::mean_before_scale);
      return;
    } else if (has_mean && scale_ok && no_mean) {
      say("mean_once_more");
    } else if (has_mean && scale_ok && w.has_mean([&](std::size_t g) { return 2 * mean[g]; })) {
      say("mean_twice");
      s.changes.emplace_back(fact_kind::mean_once);
      return;
    } else if (!mean_ok && has_mean && groups > 1 && w.has_mean([&](std::size_t g) { return mean[groups - 1 - g]; })) {
      say("means_reversed");
    } else if (!mean_ok && (has_mean || known_ != nullptr)) {
      say(has_mean ? "means_differ" : "no_mean");
    } else if (!mean_ok) {
      s.summary.add("means_by", told(w.mean));
    }
    if (!scale_ok && !(uses_both && no_mean && no_scale)) {
      if (scale == 1 && known_ != nullptr) say("no_scale");
      else s.summary.add("scale_by", common / scale);
    }
    if (!one_scale) {
      say("own_scales");
      s.changes.push_back({fact_kind::scales_into_layer, {{"scale", told(w.scale)}}});
      return;
    }
    if (known_ == nullptr) {
      if (!scale_ok) s.changes.push_back({fact_kind::multiply_data_scale, {{"times", scale_value(common)}}});
      if (!mean_ok) s.changes.push_back({fact_kind::raise_means, {{"by", told(w.mean)}}});
      return;
    }
    if (!is_of_a_cfg(common, w.mean)) {
      s.changes.push_back(
          {fact_kind::mean_and_scale_as_cfg,
           {{"mean", told(w.mean)}, {"scale", common}, {"cfg_mean", told(mean)}, {"cfg_scale", scale}}});
      return;
    }
    add_norm(s, !no_mean, mean_ok, !no_scale, w.mean, common);
  }

  /// A line of the cfg as it should be; `old` is what it has.
  [[nodiscard]] static fact cfg_line(std::string key, std::string value, std::string old) {
    return {fact_kind::cfg_line, {{"key", std::move(key)}, {"value", std::move(value)}, {"old", std::move(old)}}};
  }
  /// The lines of the cfg that make it subtract these means and multiply by this factor, those that are not there yet.
  void add_norm(preprocess_solution& s, bool mean, bool is_mean_there, bool scale, const std::vector<double>& means,
                double factor) const {
    const cfg_norm_type type = mean ? (scale ? cfg_norm_type::channel_means_scale : cfg_norm_type::channel_means)
                                    : (scale ? cfg_norm_type::scale : cfg_norm_type::none);
    if (type != known_->norm_type)
      s.changes.push_back(
          cfg_line("norm_type", message(static_cast<int>(type)), message(static_cast<int>(known_->norm_type))));
    if (mean && !is_mean_there) {
      std::vector<double> rounded;
      for (const double m : means) rounded.push_back(std::fabs(m) < 0.005 ? 0 : std::round(m * 100) / 100);
      s.changes.push_back({fact_kind::cfg_line, {{"key", "mean_file"}, {"value", "means.txt"}}});
      s.changes.push_back({fact_kind::means_file, {{"file", "means.txt"}, {"means", rounded}}});
    }
    if (scale && !near(factor, known_->scale)) {
      s.changes.push_back(cfg_line("data_scale", digits(scale_value(factor), 7), digits(known_->scale, 7)));
    }
  }
  /// Whether a cfg can have them for pictures of bytes.
  [[nodiscard]] static bool is_of_a_cfg(double scale, const std::vector<double>& means) {
    constexpr double widest = 2 * 255;
    return scale > limit::least_data_scale &&
           std::all_of(means.begin(), means.end(), [](double m) { return std::fabs(m) <= widest; });
  }
  /// A fitted scale as it was probably written: one of the usual fractions or whole, where it is within what a fit
  /// leaves open.
  [[nodiscard]] static double scale_value(double factor) {
    for (const double divisor : {256.0, 255.0, 128.0, 127.5, 127.0, 64.0, 2.0}) {
      if (std::fabs(factor * divisor - 1) < 1e-3) return 1 / divisor;
    }
    const double whole = std::round(factor);
    if (whole >= 1 && std::fabs(factor / whole - 1) < 1e-3) return whole;
    return std::stod(digits(factor, 5));
  }

  std::span<const float> r_, x_;
  const known_preprocessing* known_;
  std::size_t channels_ = 1, rows_ = 1, columns_ = 1;
  bool on_picture_ = false;  ///< the fit is from the picture before the cfg's mean image was subtracted
};

}  // namespace detail

/// Explains the difference of two inputs of a network: the reference's, of the given shape (1 x C x H x W, C x H x W or
/// vectors), and the other's, which is the same picture through the cfg that `known` describes, or through something
/// unknown (nullptr). Fitted by least squares for each channel, over all orders of up to four channels and all
/// data_layouts; the simplest that explains all but the rounding counts. Channels of fewer than 8 elements, and more
/// than four channels, share one gain and offset. Throws shape_error for an empty reference.
///
/// The traps that it knows by name: the scale before the mean, a mean image averaged by channel, preprocessing applied
/// twice, means in the other channel order, another picture, padded rows.
[[nodiscard]] inline preprocess_solution solve_preprocessing(std::span<const float> reference,
                                                             const tensor_shape& shape, std::span<const float> other,
                                                             const known_preprocessing* known = nullptr) {
  return detail::preprocess_solver(reference, shape, other, known).solve();
}

NNIESIM_END_NAMESPACE
