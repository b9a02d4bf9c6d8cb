// Which layer of one run is which of another, without the compiler's map: by name, verified by content, through what
// compilers do to networks (in-place layers split, layers fused, permutes inserted, channels and rows padded).
// Long: one algorithm, whose steps share what is known of every layer.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <nniesim/core/error.hpp>
#include <nniesim/core/excerpt.hpp>
#include <nniesim/debug/dump_folder.hpp>
#include <nniesim/debug/layer_fingerprint.hpp>
#include <nniesim/debug/limits.hpp>
#include <nniesim/tensor/shape.hpp>

NNIESIM_BEGIN_NAMESPACE

/// A layer's output of one run. `values` gives its floats, row-major, the same at every call; it is called a few times
/// at most while they fit in 1 GiB together, more often beyond. An error that it throws is that layer's problem alone.
struct named_values {
  std::string name;                            ///< the layer's, as its run has it
  tensor_shape shape;                          ///< NCHW, CHW, NC or C; of rank 0 where it is not known
  std::function<std::vector<float>()> values;  ///< reads or computes them
};

/// How far two names agree. '/' equals '_', as files write it, and an "_hp" at the end, by which a layer is given 16
/// bits, does not count.
enum class name_agreement { none, but_for_marks, same };

/// Two layers that correspond.
struct layer_match {
  std::size_t reference = 0;                       ///< index in the list
  std::size_t other = 0;                           ///< index in the list
  match_relation relation = match_relation::same;  ///< how their contents correspond
  name_agreement names = name_agreement::none;     ///< how far their names agree
  double cosine = 0;       ///< after the relation; NaN where either holds NaN or infinity or their sizes differ
  double confidence = 0;   ///< 0 .. 1, see match_layers
  bool ambiguous = false;  ///< other layers fit as well; the execution order decided
  std::optional<std::size_t> namesake;  ///< the other's layer of the reference's name, where content overruled it
  std::string reason;                   ///< why they correspond, in words
};

/// A layer without partner.
struct unmatched_layer {
  std::size_t index = 0;       ///< in its list
  std::string reason;          ///< why it has none, in words
  bool is_unreadable = false;  ///< it, or the layer of its name in the other list
  bool is_damaged = false;     ///< it cannot be read itself
  bool is_explained = false;   ///< its content is that of a layer which corresponds to another one
};

/// Every layer of either list stands in exactly one of these.
struct layer_matching {
  std::vector<layer_match> pairs;               ///< in the reference's order
  std::vector<unmatched_layer> only_reference;  ///< in the reference's order
  std::vector<unmatched_layer> only_other;      ///< in the other's order
};

/// Lists of more layers are refused.
inline constexpr std::size_t match_max_layers = 4096;

namespace detail {

/// A name as names are compared.
[[nodiscard]] inline std::string match_key(std::string_view name) {
  if (name.ends_with("_hp") && name.size() > 3) name.remove_suffix(3);
  return layer_key(name);
}

/// Whether x is called as the permute that MQBench inserts behind `name`: name_permute_7.
[[nodiscard]] inline bool is_inserted_permute(std::string_view name, std::string_view x) {
  const std::string start = without_slashes(name) + "_permute_";
  const std::string key = without_slashes(x);
  return key.starts_with(start) && dump_number(std::string_view(key).substr(start.size())).has_value();
}

/// Values that are kept: 1 GiB.
inline constexpr std::size_t most_cached_floats = std::size_t{1} << 28U;

class layer_matcher {
 public:
  layer_matcher(std::span<const named_values> reference, std::span<const named_values> other, std::size_t cached_floats)
      : lists_{reference, other}, cached_floats_(cached_floats) {
    for (const std::size_t side : {0U, 1U}) {
      require<format_error>(lists_[side].size() <= match_max_layers, "match_layers: ", lists_[side].size(),
                            " layers, expected at most ", match_max_layers);
      for (std::size_t i = 0; i < lists_[side].size(); ++i) fingerprints_[side].push_back(take_fingerprint(side, i));
      partner_[side].assign(lists_[side].size(), none);
      namesake_[side].assign(lists_[side].size(), none);
    }
    find_names();
  }

  [[nodiscard]] layer_matching run() {
    take_agreeing_names();
    take_content(false);
    take_explained_names();
    take_content(true);
    take_remaining_names();
    layer_matching result;
    result.pairs = std::move(pairs_);
    std::sort(result.pairs.begin(), result.pairs.end(),
              [](const layer_match& a, const layer_match& b) { return a.reference < b.reference; });
    for (std::size_t i = 0; i < lists_[0].size(); ++i) {
      if (partner_[0][i] == none) result.only_reference.push_back(unmatched(0, i));
    }
    for (std::size_t i = 0; i < lists_[1].size(); ++i) {
      if (partner_[1][i] == none) result.only_other.push_back(unmatched(1, i));
    }
    return result;
  }

 private:
  static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();
  using floats = std::shared_ptr<const std::vector<float>>;

  [[nodiscard]] static bool has_parameters(match_relation r) noexcept {
    return r == match_relation::affine || r == match_relation::prelu_behind || r == match_relation::fused_prelu;
  }
  /// How x follows from y, and how well.
  struct explanation {
    match_relation relation = match_relation::differs;
    double cosine = 0;
    double score = 0;  ///< the lower one of cosine and correlation

    [[nodiscard]] bool holds(double threshold) const noexcept {
      return relation != match_relation::differs && relation != match_relation::unverifiable &&
             score >= (has_parameters(relation) ? limit::affine_threshold : threshold);
    }
  };
  /// Two layers of one name.
  struct named_pair {
    std::size_t r;
    std::size_t x;
    name_agreement names;
    double cosine;  ///< of the contents as they are; NaN where there is none
    explanation best;
  };
  struct candidate {
    std::size_t r;
    std::size_t x;
    explanation e;
    std::int64_t rank;  ///< the score in steps of 0.001, negative
    std::int64_t gain;  ///< how far the norms are apart, in steps
    std::size_t crossings;

    [[nodiscard]] auto order() const noexcept { return std::tuple(rank, gain, crossings, r, x); }
  };

  // Values

  [[nodiscard]] layer_fingerprint take_fingerprint(std::size_t side, std::size_t i) {
    const named_values& layer = lists_[side][i];
    layer_fingerprint p;
    try {
      require<format_error>(static_cast<bool>(layer.values), "no values given");
      const floats v = values(side, i);
      require<shape_error>(!v->empty(), "no elements");
      require<shape_error>(layer.shape.rank() == 0 || layer.shape.size() == v->size(), v->size(),
                           " elements, expected ", layer.shape.size(), " for shape ", layer.shape);
      return fingerprint_of(*v, layer.shape);
    } catch (const error& e) {
      p.problem = e.what();
    }
    return p;
  }

  [[nodiscard]] floats values(std::size_t side, std::size_t i) {
    const auto key = std::pair(side, i);
    if (const auto at = cache_.find(key); at != cache_.end()) return at->second;
    auto v = std::make_shared<const std::vector<float>>(lists_[side][i].values());
    const layer_fingerprint* p = i < fingerprints_[side].size() ? &fingerprints_[side][i] : nullptr;
    require<error>(p == nullptr || p->count == v->size(), "match_layers: ", excerpt(lists_[side][i].name), " gave ",
                   p == nullptr ? 0 : p->count, " values and then ", v->size());
    cache_[key] = v;
    age_.push_back(key);
    held_ += v->size();
    while (held_ > cached_floats_ && age_.size() > 1) {
      const auto old = cache_.find(age_.front());
      held_ -= old->second->size();
      cache_.erase(old);
      age_.pop_front();
    }
    return v;
  }

  [[nodiscard]] const std::string& name(std::size_t side, std::size_t i) const { return lists_[side][i].name; }
  [[nodiscard]] std::string shown(std::size_t side, std::size_t i) const { return excerpt(name(side, i)); }

  // Relations

  [[nodiscard]] static explanation explained(match_relation relation, const likeness& l) {
    return {relation, l.cosine, std::min(l.cosine, l.correlation)};
  }

  /// Whether a sample speaks against x = y, y = max(x, 0) and x = max(y, 0), which costs little to find out.
  template <class F, class G>
  [[nodiscard]] static bool sample_differs(std::span<const float> a, std::span<const float> b, const F& f, const G& g) {
    const auto filled = [](std::span<const float> s, const auto& h) {
      return std::count_if(s.begin(), s.end(), [&](float v) { return h(v) != 0.0F; }) >= limit::sample_filled;
    };
    if (!filled(a, f) || !filled(b, g)) return false;  // too few to tell
    return dot(a, b, f, g) < limit::sample_agrees * std::sqrt(dot(a, a, f, f)) * std::sqrt(dot(b, b, g, g));
  }

  /// x = y. `for_certain`: whatever a sample says.
  [[nodiscard]] explanation as_same(std::size_t i, std::size_t j, bool for_certain) {
    const layer_fingerprint& r = fingerprints_[0][i];
    const layer_fingerprint& x = fingerprints_[1][j];
    if (r.count != x.count || !r.finite || !x.finite) return {};
    if (!for_certain && sample_differs(r.sample, x.sample, as_it_is, as_it_is)) return {};
    const double rx = dot(*values(0, i), *values(1, j), as_it_is, as_it_is);
    return explained(match_relation::same, likeness_of(r.count, r.sum, r.squares, x.sum, x.squares, rx));
  }

  [[nodiscard]] explanation as_relu(std::size_t i, std::size_t j) {
    const layer_fingerprint& r = fingerprints_[0][i];
    const layer_fingerprint& x = fingerprints_[1][j];
    if (r.count != x.count || r.not_negative() == x.not_negative()) return {};
    if (r.not_negative()) {
      if (sample_differs(r.sample, x.sample, as_it_is, rectified)) return {};
      const double rx = dot(*values(0, i), *values(1, j), as_it_is, rectified);
      return explained(match_relation::relu_behind,
                       likeness_of(r.count, r.sum, r.squares, x.positive_sum, x.positive_squares, rx));
    }
    if (sample_differs(r.sample, x.sample, rectified, as_it_is)) return {};
    const double rx = dot(*values(0, i), *values(1, j), rectified, as_it_is);
    return explained(match_relation::fused_relu,
                     likeness_of(r.count, r.positive_sum, r.positive_squares, x.sum, x.squares, rx));
  }

  /// Whether the layers may hold the same numbers in some order.
  [[nodiscard]] static bool same_distribution(const layer_fingerprint& r, const layer_fingerprint& x) {
    if (r.count != x.count || r.squares > limit::alike_squares * x.squares ||
        x.squares > limit::alike_squares * r.squares)
      return false;
    double difference = 0, both = 0;
    for (std::size_t i = 0; i < r.quantiles.size(); ++i) {
      const double a = static_cast<double>(r.quantiles[i]);
      const double b = static_cast<double>(x.quantiles[i]);
      difference += (a - b) * (a - b);
      both += a * a + b * b;
    }
    return difference <= limit::alike_quantiles * both;
  }

  [[nodiscard]] explanation as_permuted(std::size_t i, std::size_t j) {
    const layer_fingerprint& r = fingerprints_[0][i];
    const layer_fingerprint& x = fingerprints_[1][j];
    if (!same_distribution(r, x)) return {};
    explanation best;
    for (std::size_t k = 0; k < match_permutations.size(); ++k) {
      const std::vector<float>& sample = r.permuted_samples[k];
      if (sample.empty() || sample_differs(sample, x.sample, as_it_is, as_it_is)) continue;
      const std::vector<float> y = permuted(*values(0, i), r.dims, match_permutations[k].order);
      const double rx = dot(y, *values(1, j), as_it_is, as_it_is);
      const explanation e =
          explained(match_permutations[k].relation, likeness_of(r.count, r.sum, r.squares, x.sum, x.squares, rx));
      if (e.score > best.score) best = e;
    }
    return best;
  }

  [[nodiscard]] explanation as_padded(std::size_t i, std::size_t j) {
    const layer_fingerprint& r = fingerprints_[0][i];
    const layer_fingerprint& x = fingerprints_[1][j];
    if (r.rank == 0 || x.count <= r.count || r.squares > 2 * x.squares || x.squares > 2 * r.squares) return {};
    const std::size_t n = r.dims[0], c = r.dims[1], h = r.dims[2], w = r.dims[3];
    const std::size_t channels = (c + 15) / 16 * 16;
    const std::size_t width = x.count / (n * c * h);
    const auto shape_is = [&](std::size_t of_c, std::size_t of_w) {
      return x.count == n * of_c * h * of_w &&
             (x.rank == 0 || x.rank == 1 || x.dims == std::array<std::size_t, 4>{n, of_c, h, of_w});
    };
    const auto compared = [&](match_relation relation, std::size_t rows, std::size_t length, std::size_t padded) {
      const auto inside = without_padding(*values(1, j), rows, length, padded);
      if (!inside) return explanation{};
      const double rx = dot(*values(0, i), *inside, as_it_is, as_it_is);
      return explained(relation, likeness_of(r.count, r.sum, r.squares, x.sum, x.squares, rx));
    };
    if (channels != c && shape_is(channels, w)) {
      const explanation e = compared(match_relation::channels_padded, n, c * h * w, channels * h * w);
      if (e.score > 0) return e;
    }
    if (width > w && width <= w + match_most_padding && h * w > 1 && shape_is(c, width)) {
      return compared(match_relation::rows_padded, n * c * h, w, width);
    }
    return {};
  }

  [[nodiscard]] explanation as_affine(std::size_t i, std::size_t j) {
    const layer_fingerprint& r = fingerprints_[0][i];
    const layer_fingerprint& x = fingerprints_[1][j];
    if (r.count != x.count || (x.rank > 1 && r.rank > 1 && x.dims != r.dims)) return {};
    const floats y = values(0, i);
    const floats v = values(1, j);
    const std::size_t some = std::max<std::size_t>(1, r.dims[1] / 4);
    if (some > 1 && affine_correlation(*y, *v, r.dims, some) < limit::named_threshold) return {};
    const double score = affine_correlation(*y, *v, r.dims, 1);
    return {match_relation::affine, score, score};
  }

  /// One is what a PReLU makes of the other; zeros in place of negative values are a ReLU's.
  [[nodiscard]] explanation as_prelu(std::size_t i, std::size_t j) {
    const layer_fingerprint& r = fingerprints_[0][i];
    const layer_fingerprint& x = fingerprints_[1][j];
    if (r.count != x.count || r.not_negative() || x.not_negative()) return {};
    if (sample_differs(r.sample, x.sample, rectified, rectified)) return {};
    const floats y = values(0, i);
    const floats v = values(1, j);
    const double positive = dot(*y, *v, rectified, rectified);
    if (positive < limit::named_threshold * std::sqrt(r.positive_squares) * std::sqrt(x.positive_squares)) return {};
    explanation best;
    for (const match_relation relation : {match_relation::prelu_behind, match_relation::fused_prelu}) {
      const bool behind = relation == match_relation::prelu_behind;
      const std::vector<float>& before = behind ? *v : *y;
      const std::vector<float>& after = behind ? *y : *v;
      const std::vector<float> made = after_prelu(before, after, r.dims);
      double sum = 0, squares = 0;
      for (const float f : made) {
        sum += static_cast<double>(f);
        squares += static_cast<double>(f) * static_cast<double>(f);
      }
      const layer_fingerprint& p = behind ? r : x;
      const explanation e = explained(
          relation, likeness_of(r.count, sum, squares, p.sum, p.squares, dot(made, after, as_it_is, as_it_is)));
      if (e.score > best.score) best = e;
    }
    return best;
  }

  /// The simplest relation that explains x; a less simple one must explain the rest four times better.
  [[nodiscard]] explanation best_explanation(std::size_t i, std::size_t j, explanation best, bool with_affine) {
    if (best.score >= limit::certain_threshold || !fingerprints_[0][i].has_content() ||
        !fingerprints_[1][j].has_content()) {
      return best;
    }
    const auto try_it = [&](const explanation& e) {
      if (e.holds(limit::named_threshold) && 1 - e.score <= (1 - best.score) / 4) best = e;
    };
    try_it(as_relu(i, j));
    try_it(as_permuted(i, j));
    try_it(as_padded(i, j));
    try_it(as_prelu(i, j));
    if (with_affine) try_it(as_affine(i, j));
    return best;
  }

  // Names

  /// Finds the pairs whose names are equal, then those of the rest whose names are equal but for marks. A name that
  /// stands twice in a list tells nothing.
  void find_names() {
    find_names([](const std::string& n) { return n; }, name_agreement::same);
    find_names([](const std::string& n) { return match_key(n); }, name_agreement::but_for_marks);
  }

  template <class Key>
  void find_names(const Key& key_of, name_agreement names) {
    struct layers_of_name {
      std::array<std::size_t, 2> count{};
      std::array<std::size_t, 2> index{};
    };
    std::map<std::string, layers_of_name> by_key;
    for (const std::size_t side : {0U, 1U}) {
      for (std::size_t i = 0; i < lists_[side].size(); ++i) {
        if (namesake_[side][i] != none) continue;
        layers_of_name& here = by_key[key_of(name(side, i))];
        ++here.count[side];
        here.index[side] = i;
      }
    }
    for (const auto& [key, here] : by_key) {
      if (here.count[0] != 1 || here.count[1] != 1) continue;
      namesake_[0][here.index[0]] = namesake_[1][here.index[1]] = named_.size();
      named_.push_back(compare_named(here.index[0], here.index[1], names));
    }
  }

  [[nodiscard]] named_pair compare_named(std::size_t i, std::size_t j, name_agreement names) {
    const layer_fingerprint& r = fingerprints_[0][i];
    const layer_fingerprint& x = fingerprints_[1][j];
    const double nan = std::numeric_limits<double>::quiet_NaN();
    named_pair p{i, j, names, nan, {}};
    if (!r.readable() || !x.readable()) return p;
    if (!r.finite || !x.finite) {
      p.best = {match_relation::unverifiable, nan, 0};
      return p;
    }
    if (r.count != x.count) {
      p.best = best_explanation(i, j, {}, false);
      return p;
    }
    p.best = as_same(i, j, true);
    p.cosine = r.squares == 0 && x.squares == 0 ? 1 : p.best.cosine;
    if (r.constant() && x.constant()) {
      p.best = {match_relation::unverifiable, p.cosine, 0};
    } else if (r.constant() || x.constant()) {
      p.best = {match_relation::differs, p.cosine, 0};
    } else {
      p.best = best_explanation(i, j, p.best, true);
    }
    return p;
  }

  [[nodiscard]] static std::int64_t rank_of(double score) {
    return std::isnan(score) ? -1 : static_cast<std::int64_t>(std::lround(std::max(0.0, score) * 1000));
  }

  [[nodiscard]] bool is_free(std::size_t r, std::size_t x) const {
    return partner_[0][r] == none && partner_[1][x] == none;
  }

  [[nodiscard]] static bool agrees(const named_pair& p) {
    return p.cosine >= limit::named_threshold && p.best.relation != match_relation::unverifiable &&
           !(p.best.relation == match_relation::differs);
  }

  /// Whether a layer whose own name points nowhere holds the reference's content much better than the namesake.
  [[nodiscard]] bool is_overruled(const named_pair& p) {
    if (p.cosine >= limit::certain_threshold || !fingerprints_[0][p.r].has_content()) return false;
    for (std::size_t j = 0; j < lists_[1].size(); ++j) {
      if (j == p.x || partner_[1][j] != none || !fingerprints_[1][j].has_content()) continue;
      const bool has_own = namesake_[1][j] != none && agrees(named_[namesake_[1][j]]);
      if (has_own) continue;
      const explanation e = as_same(p.r, j, false);
      if (e.holds(limit::content_threshold) && 1 - e.score <= (1 - p.cosine) / 10) return true;
    }
    return false;
  }

  /// Names and contents agree.
  void take_agreeing_names() {
    for (const named_pair& p : named_) {
      if (agrees(p) && is_free(p.r, p.x) && !is_overruled(p)) take_named(p);
    }
  }

  /// Names agree, and a relation explains the content.
  void take_explained_names() {
    for (const named_pair& p : named_) {
      if (is_free(p.r, p.x) && p.best.relation != match_relation::same && p.best.holds(limit::named_threshold))
        take_named(p);
    }
  }

  /// Names agree; the content may be wrong, which is what is looked for.
  void take_remaining_names() {
    for (const named_pair& p : named_) {
      const layer_fingerprint& r = fingerprints_[0][p.r];
      const layer_fingerprint& x = fingerprints_[1][p.x];
      if (is_free(p.r, p.x) && r.readable() && x.readable() && r.count == x.count) take_named(p);
    }
  }

  void take_named(const named_pair& p) {
    layer_match m;
    m.reference = p.r;
    m.other = p.x;
    m.names = p.names;
    m.relation = p.best.relation;
    if (m.relation == match_relation::same && p.cosine < limit::named_threshold) m.relation = match_relation::differs;
    m.cosine = m.relation == match_relation::same || m.relation == match_relation::differs ? p.cosine : p.best.cosine;
    m.confidence = std::clamp(m.cosine, 0.0, 1.0);
    if (m.relation == match_relation::unverifiable) m.confidence = 0.5;
    if (m.relation == match_relation::differs &&
        (fingerprints_[0][p.r].constant() || fingerprints_[1][p.x].constant())) {
      m.confidence = 0;
    }
    m.reason = message("same name", agreement_text(p), ", ", relation_text(m));
    add(std::move(m));
  }

  [[nodiscard]] std::string agreement_text(const named_pair& p) const {
    if (p.names == name_agreement::same) return {};
    const bool hp = name(0, p.r).ends_with("_hp") != name(1, p.x).ends_with("_hp");
    return hp ? " but for _hp" : " but for '/'";
  }

  [[nodiscard]] std::string relation_text(const layer_match& m) const {
    const layer_fingerprint& r = fingerprints_[0][m.reference];
    const layer_fingerprint& x = fingerprints_[1][m.other];
    if (m.relation == match_relation::same) {
      return lists_[0][m.reference].shape == lists_[1][m.other].shape ? "same shape and content"
                                                                      : "same content, shapes are written differently";
    }
    std::string text(to_string(m.relation));
    if (m.relation == match_relation::unverifiable) {
      text += !r.finite || !x.finite ? ": NaN or infinity in it" : ": it is constant";
    } else if (m.relation == match_relation::differs) {
      text += x.constant() ? ": the other is constant" : r.constant() ? ": the reference is constant" : "";
    }
    if (is_inserted_permute(name(0, m.reference), name(1, m.other))) text += ", named as an inserted permute";
    return text;
  }

  void add(layer_match m) {
    partner_[0][m.reference] = m.other;
    partner_[1][m.other] = m.reference;
    pairs_.push_back(std::move(m));
  }

  // Content alone

  /// Pairs by content, the most alike first; where they are equally alike, norms, then the order of execution decide.
  void take_content(bool transformed) {
    std::vector<candidate> all;
    for (std::size_t i = 0; i < lists_[0].size(); ++i) {
      if (partner_[0][i] != none || !fingerprints_[0][i].has_content()) continue;
      for (std::size_t j = 0; j < lists_[1].size(); ++j) {
        if (partner_[1][j] != none || !fingerprints_[1][j].has_content()) continue;
        if (namesake_[0][i] != none && namesake_[0][i] == namesake_[1][j]) continue;  // the names have their own steps
        explanation e = as_same(i, j, false);
        const double ratio = fingerprints_[1][j].squares / fingerprints_[0][i].squares;
        if (ratio < 1 / limit::alike_squares || ratio > limit::alike_squares)
          e = {};  // the same direction, but another scale: an affine at best
        if (transformed) e = best_explanation(i, j, e, true);
        if (!e.holds(limit::content_threshold) || (e.relation == match_relation::same) == transformed) continue;
        if (!is_clearly_better(i, j, e)) continue;
        all.push_back({i, j, e, -rank_of(e.score),
                       static_cast<std::int64_t>(std::lround(std::fabs(std::log2(ratio)) * 10)), crossings(i, j)});
      }
    }
    std::sort(all.begin(), all.end(), [](const candidate& a, const candidate& b) { return a.order() < b.order(); });
    for (const candidate& c : all) {
      if (!is_free(c.r, c.x)) continue;
      const bool ambiguous = std::any_of(all.begin(), all.end(), [&](const candidate& d) {
        return (d.r == c.r) != (d.x == c.x) && d.rank == c.rank && d.gain == c.gain;
      });
      take_candidate(c, ambiguous);
    }
  }

  /// Whether the content speaks clearly enough against the names that either layer has.
  [[nodiscard]] bool is_clearly_better(std::size_t i, std::size_t j, const explanation& e) const {
    for (const std::size_t k : {namesake_[0][i], namesake_[1][j]}) {
      if (k == none || !is_free(named_[k].r, named_[k].x) || !(named_[k].cosine > 0)) continue;
      if (1 - e.score > (1 - named_[k].cosine) / 2) return false;
    }
    return true;
  }

  /// How many pairs found so far would be executed in another order.
  [[nodiscard]] std::size_t crossings(std::size_t i, std::size_t j) const {
    return static_cast<std::size_t>(std::count_if(
        pairs_.begin(), pairs_.end(), [&](const layer_match& m) { return (m.reference < i) != (m.other < j); }));
  }

  void take_candidate(const candidate& c, bool ambiguous) {
    layer_match m;
    m.reference = c.r;
    m.other = c.x;
    m.relation = c.e.relation;
    m.cosine = c.e.cosine;
    m.confidence = c.e.score;
    m.ambiguous = ambiguous;
    m.reason = relation_text(m);
    if (namesake_[0][c.r] != none) {
      const named_pair& p = named_[namesake_[0][c.r]];
      m.namesake = p.x;
      m.reason = message("name matches ", shown(1, p.x), ", content is that of ", shown(1, c.x), ": ", m.reason);
      if (p.best.relation != match_relation::same && p.best.holds(limit::named_threshold)) {
        m.reason += message("; to ", shown(1, p.x), ": ", to_string(p.best.relation));
      }
    }
    if (ambiguous) m.reason += "; other layers fit as well, the execution order decided";
    add(std::move(m));
  }

  // What is left

  [[nodiscard]] std::size_t named_like(std::size_t side, std::size_t i) const {
    if (namesake_[side][i] == none) return none;
    const named_pair& p = named_[namesake_[side][i]];
    return side == 0 ? p.x : p.r;
  }
  [[nodiscard]] bool is_unreadable(std::size_t side, std::size_t i) const {
    const std::size_t named = named_like(side, i);
    return !fingerprints_[side][i].readable() || (named != none && !fingerprints_[1 - side][named].readable());
  }

  [[nodiscard]] unmatched_layer unmatched(std::size_t side, std::size_t i) {
    unmatched_layer u;
    u.index = i;
    u.is_unreadable = is_unreadable(side, i);
    u.is_damaged = !fingerprints_[side][i].readable();
    u.reason = why_unmatched(side, i, u.is_explained);
    return u;
  }
  [[nodiscard]] std::string why_unmatched(std::size_t side, std::size_t i, bool& is_explained) {
    const std::size_t opposite = 1 - side;
    const layer_fingerprint& p = fingerprints_[side][i];
    if (!p.readable()) return message("cannot be read: ", p.problem);
    std::string text;
    const std::size_t named = named_like(side, i);
    if (named != none) {
      const layer_fingerprint& q = fingerprints_[opposite][named];
      text = message(shown(opposite, named), " has its name, but ");
      if (!q.readable()) {
        text += message("cannot be read: ", q.problem);
      } else if (partner_[opposite][named] != none) {
        text += message("corresponds to ", shown(side, partner_[opposite][named]));
      } else {
        text += message(q.count, " elements against ", p.count);
      }
    }
    if (!p.finite) return text.empty() ? "no layer has its name, and it holds NaN or infinity" : text;
    if (!p.has_content()) {
      if (!text.empty()) return text;
      return message("no layer has its name, and ",
                     p.squares == 0 ? "all zeros"
                     : p.constant() ? "a constant"
                                    : "so few elements",
                     " cannot be told apart by content");
    }
    explanation best;
    std::size_t like = none;
    for (std::size_t j = 0; j < lists_[opposite].size(); ++j) {
      if (!fingerprints_[opposite][j].has_content()) continue;
      const std::size_t r = side == 0 ? i : j;
      const std::size_t x = side == 0 ? j : i;
      const explanation e = best_explanation(r, x, as_same(r, x, false), j == named);
      if (e.score > best.score) {
        best = e;
        like = j;
      }
    }
    if (!text.empty()) text += "; ";
    if (best.holds(limit::content_threshold)) {
      is_explained = true;
      text += message("fits ", shown(opposite, like), ": ", to_string(best.relation));
      if (partner_[opposite][like] != none) {
        text += message(", which corresponds to ", shown(side, partner_[opposite][like]));
      }
      return text;
    }
    text += "no layer has its content";
    if (best.score > limit::nearest_told)
      text += message("; nearest ", shown(opposite, like), ", cosine ", best.cosine);
    return text;
  }

  std::array<std::span<const named_values>, 2> lists_;  ///< the reference, the other
  std::size_t cached_floats_;
  std::array<std::vector<layer_fingerprint>, 2> fingerprints_;
  std::array<std::vector<std::size_t>, 2> partner_;
  std::array<std::vector<std::size_t>, 2> namesake_;  ///< index in named_
  std::vector<named_pair> named_;
  std::vector<layer_match> pairs_;
  std::map<std::pair<std::size_t, std::size_t>, floats> cache_;
  std::list<std::pair<std::size_t, std::size_t>> age_;
  std::size_t held_ = 0;
};

}  // namespace detail

/// Which layers correspond, one to one. Both lists are in execution order; the result does not depend on anything else.
///
/// In five steps, each greedy, the most alike first: equal names whose contents agree (cosine >= 0.9); equal contents
/// whatever the names (cosine and correlation >= 0.95, norms within a factor of 2, and the rest at most half of that
/// under the layers' own names); equal names of which a match_relation explains the content; contents that one explains
/// (>= 0.95, an affine >= 0.99); the remaining equal names, whose contents are wrong. Equally alike layers are paired
/// in execution order and marked ambiguous. Layers that are constant, have NaN or infinity or fewer than 16 elements
/// other than zero are paired by name alone.
///
/// The confidence is the cosine after the relation (by content alone the correlation where that is lower; for an affine
/// the correlation it reaches), not below 0; 0.5 where only the name speaks; 0 where one of two namesakes is constant.
/// Namesakes of different sizes which no padding explains do not correspond. All thresholds are our assumption. Throws
/// format_error for more than match_max_layers layers; a layer that cannot be read, is empty or has not its shape's
/// elements is unmatched and says why.
[[nodiscard]] inline layer_matching match_layers(std::span<const named_values> reference,
                                                 std::span<const named_values> other) {
  return detail::layer_matcher(reference, other, detail::most_cached_floats).run();
}

/// The outputs of a folder as layers to match; of a further output n > 0 the name is "layer:n". The pictures of a
/// batch, which Caffe's script numbers, are one layer of shape N x C x H x W. Of several dumps of one output that is
/// taken which compare_folders takes. Files are read when their values are asked for; text dumps may be padded.
[[nodiscard]] inline std::vector<named_values> layers_of(const dump_list& list) {
  std::vector<const dump_entry*> chosen;
  std::map<std::pair<std::string, std::size_t>, std::size_t> places;
  for (const dump_entry& e : list.dumps) {
    if (e.role != dump_role::output) continue;
    const auto [at, is_new] = places.emplace(std::pair(detail::layer_key(e.layer), e.output), chosen.size());
    if (is_new) chosen.push_back(&e);
    else if (detail::dump_rank(e) < detail::dump_rank(*chosen[at->second])) chosen[at->second] = &e;
  }
  // Caffe's script numbers the pictures of a batch: they are one layer's.
  std::map<std::string, std::vector<const dump_entry*>> batches;
  for (const dump_entry* e : chosen) {
    if (e->kind == dump_kind::caffe_output) batches[detail::layer_key(e->layer)].push_back(e);
  }
  std::vector<named_values> layers;
  for (const dump_entry* e : chosen) {
    if (e->kind == dump_kind::caffe_output) {
      std::vector<const dump_entry*>& batch = batches[detail::layer_key(e->layer)];
      const bool is_batch = batch.size() > 1 && std::all_of(batch.begin(), batch.end(), [&](const dump_entry* x) {
                              return x->kind == e->kind && x->shape == e->shape;
                            });
      if (is_batch && e != batch.front()) continue;
      if (is_batch) {
        std::vector<std::size_t> extents(e->shape.begin(), e->shape.end());
        if (!extents.empty()) extents.insert(extents.begin(), batch.size());
        std::vector<dump_entry> entries;
        for (const dump_entry* x : batch) entries.push_back(*x);
        layers.push_back({e->layer, tensor_shape(std::span<const std::size_t>(extents)), [entries] {
                            std::vector<float> all;
                            for (const dump_entry& x : entries) {
                              const std::vector<float> one = read_values(x);
                              all.insert(all.end(), one.begin(), one.end());
                            }
                            return all;
                          }});
        continue;
      }
    }
    std::string name = e->output == 0 ? e->layer : detail::message(e->layer, ":", e->output);
    layers.push_back({std::move(name), e->shape, [entry = *e] { return read_values(entry, true); }});
  }
  return layers;
}

NNIESIM_END_NAMESPACE
