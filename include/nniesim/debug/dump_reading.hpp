// Dumps that were not read as they were written: without sign, or of several pictures of which one corresponds. They
// are read as they are meant before anything is compared, and what was wrong is told.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <nniesim/core/error.hpp>
#include <nniesim/debug/limits.hpp>
#include <nniesim/debug/match_layers.hpp>
#include <nniesim/tensor/shape.hpp>

NNIESIM_BEGIN_NAMESPACE

/// How a dump's values are meant.
enum class dump_manner {
  without_sign,        ///< Q20.12 without its sign: what is negative is 2^20 too large
  words_without_sign,  ///< 32-bit words without their sign: what is negative is 2^32 too large, all of it times 4096
  item_of_batch,       ///< several pictures, of which one corresponds
};

/// A dump that is read otherwise than it was given.
struct dump_reading {
  bool of_reference = false;  ///< whether it is one of the reference's; else it is one of the other run's
  std::size_t index = 0;      ///< in its list
  dump_manner manner = dump_manner::without_sign;  ///< how its values are meant
  std::size_t values = 0;                          ///< how many are too large
  std::size_t item = 0,                            ///< of item_of_batch: which picture, from 0
      items = 1;                                   ///< of item_of_batch: of how many pictures
};

/// Two lists as they are meant. Both refer to the lists that they were made of, which must outlive them.
struct read_dumps {
  std::vector<named_values> reference,  ///< the reference's layers, in the order of its list
      other;                            ///< the other run's, in the order of its list
  std::vector<dump_reading> readings;   ///< what is read otherwise than it was given
};

namespace detail {

/// The values that Q20.12 has: -2^19 .. 2^19.
inline constexpr float q20_12_span = 1048576.0F;   // 2^20
inline constexpr float word_span = 4294967296.0F;  // 2^32

/// How many values are too large by `span`, of those without sign: none is negative, none reaches the span, some are in
/// its upper half. 0 where they are not like that.
[[nodiscard]] inline std::size_t unsigned_values(std::span<const float> values, float span) {
  std::size_t large = 0;
  double squares = 0, with_sign = 0;
  for (const float v : values) {
    if (!(v >= 0.0F && v <= span)) return 0;
    const bool is_large = v >= span / 2;
    large += is_large ? 1U : 0U;
    const double d = static_cast<double>(v), s = is_large ? d - static_cast<double>(span) : d;
    squares += d * d;
    with_sign += s * s;
  }
  return with_sign <= (1 - limit::sign_least_loss) * (1 - limit::sign_least_loss) * squares ? large : 0;
}

[[nodiscard]] inline std::vector<float> with_sign(std::vector<float> values, float span, float unit) {
  for (float& v : values) v = (v >= span / 2 ? v - span : v) * unit;
  return values;
}

class dump_reader {
 public:
  dump_reader(std::span<const named_values> reference, std::span<const named_values> other)
      : lists_{std::vector<named_values>(reference.begin(), reference.end()),
               std::vector<named_values>(other.begin(), other.end())} {
    for (const std::size_t side : {0U, 1U}) {
      counts_[side].assign(lists_[side].size(), 0);
      for (std::size_t i = 0; i < lists_[side].size(); ++i) look_at(side, i);
    }
    find_items();
  }

  [[nodiscard]] read_dumps take() { return {std::move(lists_[0]), std::move(lists_[1]), std::move(readings_)}; }

 private:
  /// The sign of one dump, and a shape that its values have.
  void look_at(std::size_t side, std::size_t i) {
    named_values& layer = lists_[side][i];
    if (!layer.values) return;
    std::vector<float> v;
    try {
      v = layer.values();
    } catch (const error&) {
      return;  // the matcher says why
    }
    counts_[side][i] = v.size();
    for (const auto& [manner, span, unit] : {std::tuple(dump_manner::without_sign, q20_12_span, 1.0F),
                                             std::tuple(dump_manner::words_without_sign, word_span, 1.0F / 4096)}) {
      const std::size_t large = unsigned_values(v, span);
      if (large == 0) continue;
      readings_.push_back({side == 0, i, manner, large});
      layer.values = [as_given = layer.values, s = span, u = unit] { return with_sign(as_given(), s, u); };
      break;
    }
    const std::size_t size = layer.shape.size();
    if (layer.shape.rank() == 0 || size == 0 || v.size() <= size) return;
    // More values than the name says: several pictures, or rows that are padded.
    layer.shape = v.size() % size == 0 ? batch_of(layer.shape, v.size() / size) : tensor_shape{};
  }

  /// The shape of several: NCHW or NC, the number of pictures before CHW or C.
  [[nodiscard]] static tensor_shape batch_of(const tensor_shape& one, std::size_t items) {
    std::vector<std::size_t> extents(one.begin(), one.end());
    if (extents.size() == 1 || extents.size() == 3) extents.insert(extents.begin(), items);
    else if (extents.size() == 4) extents[0] *= items;
    else return {};
    return tensor_shape(std::span<const std::size_t>(extents));
  }

  struct named_pair {
    std::array<std::size_t, 2> index;
  };
  [[nodiscard]] std::vector<named_pair> named_pairs() const {
    constexpr std::size_t none = std::numeric_limits<std::size_t>::max(), several = none - 1;
    std::map<std::string, std::array<std::size_t, 2>> by_name;
    for (const std::size_t side : {0U, 1U}) {
      for (std::size_t i = 0; i < lists_[side].size(); ++i) {
        std::size_t& place =
            by_name.try_emplace(match_key(lists_[side][i].name), std::array<std::size_t, 2>{none, none})
                .first->second[side];
        place = place == none ? i : several;
      }
    }
    std::vector<named_pair> pairs;
    for (const auto& [name, at] : by_name) {
      if (at[0] < several && at[1] < several) pairs.push_back({at});
    }
    return pairs;
  }

  /// Where one run's dumps hold k times the values of the other's, under most names: the picture of the k that agrees
  /// best in all layers together.
  void find_items() {
    const std::vector<named_pair> pairs = named_pairs();
    std::map<std::pair<std::size_t, std::size_t>, std::size_t> ratios;  // side of the batch, items -> pairs
    std::size_t comparable = 0;
    for (const named_pair& p : pairs) {
      const std::size_t r = counts_[0][p.index[0]], x = counts_[1][p.index[1]];
      if (r == 0 || x == 0) continue;
      ++comparable;
      const std::size_t side = r > x ? 0 : 1, more = std::max(r, x), less = std::min(r, x);
      if (more == less || more % less != 0 || more / less > limit::batch_most_items) continue;
      if (may_be_batch(side, p.index[side], more / less)) ++ratios[{side, more / less}];
    }
    const auto most = std::max_element(ratios.begin(), ratios.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    if (most == ratios.end() || 2 * most->second < comparable) return;
    const auto [side, items] = most->first;
    std::vector<double> alike(items, 0.0);
    for (const named_pair& p : pairs) {
      const std::size_t less = counts_[1 - side][p.index[1 - side]];
      if (less == 0 || counts_[side][p.index[side]] != items * less) continue;
      const std::vector<float> one = lists_[1 - side][p.index[1 - side]].values();
      const std::vector<float> all = lists_[side][p.index[side]].values();
      for (std::size_t k = 0; k < items; ++k) {
        const std::span<const float> here = std::span(all).subspan(k * less, less);
        const double rr = dot(one, one, as_it_is, as_it_is), xx = dot(here, here, as_it_is, as_it_is);
        const double rx = dot(one, here, as_it_is, as_it_is);
        if (rr > 0 && xx > 0 && std::isfinite(rx)) alike[k] += rx / std::sqrt(rr) / std::sqrt(xx);
      }
    }
    const auto item = static_cast<std::size_t>(std::max_element(alike.begin(), alike.end()) - alike.begin());
    for (std::size_t i = 0; i < lists_[side].size(); ++i) {
      // Whatever its rank: that these dumps are a batch is known by now.
      const tensor_shape& s = lists_[side][i].shape;
      const bool fits = counts_[side][i] % items == 0 && counts_[side][i] != 0;
      if (fits && (s.rank() == 0 || s[0] % items == 0)) cut(side, i, item, items);
    }
  }

  /// Whether a dump's shape is that of several pictures, as far as one is known.
  [[nodiscard]] bool may_be_batch(std::size_t side, std::size_t i, std::size_t items) const {
    const tensor_shape& s = lists_[side][i].shape;
    if (s.rank() == 0) return true;
    return (s.rank() == 2 || s.rank() == 4) && s[0] % items == 0;
  }

  void cut(std::size_t side, std::size_t i, std::size_t item, std::size_t items) {
    named_values& layer = lists_[side][i];
    const std::size_t size = counts_[side][i] / items;
    if (layer.shape.rank() != 0) {
      std::vector<std::size_t> extents(layer.shape.begin(), layer.shape.end());
      extents[0] /= items;
      layer.shape = tensor_shape(std::span<const std::size_t>(extents));
    }
    layer.values = [all = layer.values, begin = item * size, size] {
      const std::vector<float> v = all();
      const auto from = v.begin() + static_cast<std::ptrdiff_t>(begin);
      return std::vector<float>(from, from + static_cast<std::ptrdiff_t>(size));
    };
    readings_.push_back({side == 0, i, dump_manner::item_of_batch, 0, item, items});
  }

  std::array<std::vector<named_values>, 2> lists_;  ///< the reference, the other
  std::array<std::vector<std::size_t>, 2> counts_;  ///< of values; 0 where they cannot be read
  std::vector<dump_reading> readings_;
};

}  // namespace detail

/// Reads dumps as they are meant. Values that no Q20.12 number has (2^19 and more, none negative) were read without
/// sign; where the dumps of most names hold k times the values of the other run's they are those of k pictures, of
/// which the one is taken that agrees best in all layers together. A dump of more values than its shape says gets the
/// shape of several pictures, or, where it is no multiple, none. Every list is read once; what cannot be read stays as
/// it is.
[[nodiscard]] inline read_dumps read_as_meant(std::span<const named_values> reference,
                                              std::span<const named_values> other) {
  return detail::dump_reader(reference, other).take();
}

NNIESIM_END_NAMESPACE
