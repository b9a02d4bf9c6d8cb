// What the records of an evaluation say: of each layer, of the norms, of the decisions, and which pictures are worst.
// Everything is reduced in the order of the pictures, one column of numbers at a time.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/debug/compensate.hpp>
#include <nniesim/debug/evaluation_records.hpp>
#include <nniesim/kernels/executor.hpp>
#include <nniesim/metrics/sample_statistics.hpp>

NNIESIM_BEGIN_NAMESPACE

/// One measurement of one layer over all pictures.
struct evaluated_metric {
  sample_summary summary{};     ///< over the pictures that could be evaluated
  std::string worst_picture{};  ///< its name; empty where no measurement is finite
};

/// One output of one layer over all pictures, quantized against float.
struct evaluated_layer {
  std::string name;           ///< as output_name
  bool is_output = false;     ///< of the network
  evaluated_metric cosine{},  ///< the smallest is worst
      norm_error{},           ///< signed, of the norms; the farthest from zero is worst
      relative_l2_error{};    ///< the largest is worst
};

/// Norms in float, quantized and compensated, over the pictures that constants were not solved on: of every norm chain,
/// and of every output, such as the features behind a norm that a PCA or another layer has projected.
struct evaluated_norms {
  std::string name;                        ///< of a norm chain's product, or of an output
  std::optional<evaluated_chain> chain{};  ///< none for an output
  std::size_t left_out = 0;                ///< norms that are zero in float or not finite somewhere
  sample_summary in_float{},               ///< norms of the float network
      quantized{},                         ///< norms of the quantized network
      compensated{};                       ///< norms of the compensated network; without one as `quantized`
  sample_summary before{},                 ///< relative errors of the quantized network: (quantized - float) / float
      after{};                  ///< relative errors of the compensated network: (compensated - float) / float
  double removed = 0,           ///< share of the mean error that is gone, as judged_chain
      removed_abs = 0;          ///< share of the mean |error| that is gone, as judged_chain
  std::vector<double> edges{};  ///< of a histogram of all three
  std::array<std::vector<double>, 3> shares{};  ///< of the norms in each bin: float, quantized, compensated
};

/// How often something holds; the interval is a bootstrap one.
struct evaluated_share {
  std::size_t count = 0,    ///< pictures for which it holds
      of = 0;               ///< pictures that were asked
  sample_estimate share{};  ///< count / of; 0 where none was asked
};

/// How often one post-processing decides as on the float network's outputs.
struct evaluated_decision {
  std::string name;             ///< of the post-processing
  evaluated_share quantized{},  ///< on the quantized network's outputs
      compensated{};            ///< on the compensated network's; without one as `quantized`
};

/// How often an output's largest value is the label's; empty without labels.
struct evaluated_labels {
  std::size_t out_of_range = 0;      ///< pictures whose label is out of range, or that have none
  std::vector<std::string> named{};  ///< the first of those
  evaluated_share in_float{},        ///< right in the float network
      quantized{},                   ///< right in the quantized network
      compensated{};                 ///< right in the compensated network; without one as `quantized`
};

/// A picture by its worst output: the one with the largest relative error.
struct evaluated_picture {
  std::string name;           ///< of the picture
  std::size_t picture = 0;    ///< its number in the whole list, from 0
  double cosine = 0,          ///< of that output
      norm_error = 0,         ///< of that output, signed
      relative_l2_error = 0;  ///< of that output
  std::string output{};       ///< the name of that output
};

/// A picture that could not be evaluated.
struct bad_picture {
  std::string name,  ///< of the picture
      problem;       ///< why it could not
};

/// What the records of an evaluation come to.
struct evaluation_summary {
  evaluation_header header{};                   ///< of the records
  std::size_t evaluated = 0,                    ///< pictures that were evaluated
      bad = 0,                                  ///< pictures that could not be evaluated
      missing = 0;                              ///< pictures of the shard without a record
  std::vector<bad_picture> named_bad{};         ///< the first of the bad ones
  std::vector<evaluated_layer> layers{};        ///< the header's, in its order
  std::vector<evaluated_norms> norms{};         ///< the header's chains, then the outputs that are no chain's product
  std::vector<evaluated_decision> decisions{};  ///< the header's, in its order
  evaluated_labels labels{};                    ///< where header.has_labels
  std::vector<evaluated_picture> worst{};       ///< worst first
};

/// How an evaluation is summarized.
struct summary_options {
  bootstrap_options bootstrap{};    ///< how intervals are found
  std::size_t worst_pictures = 10;  ///< at most so many are in evaluation_summary::worst
  std::size_t named = 20;           ///< at most so many bad pictures and labels are named
  std::size_t bins = 40;            ///< of histograms
  executor threads{};               ///< the summary is the same for any number
};

namespace detail {

[[nodiscard]] inline evaluated_share share_of(const std::vector<double>& hits, const bootstrap_options& o) {
  evaluated_share s;
  s.of = hits.size();
  for (const double h : hits) s.count += h != 0 ? 1 : 0;
  if (s.of != 0) s.share = summarize(hits, worse_sample::smaller, o).mean;
  return s;
}

/// Puts the picture of a record among the worst, at most `most` of them: by the largest relative error of an output, of
/// which one that is no number is worst; of equal ones the first.
inline void keep_worst(std::vector<evaluated_picture>& worst, const evaluation_header& h, const evaluation_record& e,
                       std::size_t most) {
  const auto bad = [](double v) { return std::isnan(v) ? std::numeric_limits<double>::infinity() : v; };
  std::optional<evaluated_picture> p;
  for (const std::size_t o : h.outputs) {
    const layer_record& l = e.layers[o];
    if (p && !(bad(l.relative_l2_error) > bad(p->relative_l2_error))) continue;
    p = {e.name, e.picture, l.cosine, l.norm_error(), l.relative_l2_error, h.layers[o]};
  }
  if (!p) return;
  const auto at = std::upper_bound(worst.begin(), worst.end(), *p, [&](const auto& x, const auto& y) {
    return bad(x.relative_l2_error) > bad(y.relative_l2_error);
  });
  worst.insert(at, *std::move(p));
  if (worst.size() > most) worst.pop_back();
}

/// Reads columns of an evaluation's records.
class evaluation_reducer {
 public:
  evaluation_reducer(const evaluation_records& records, const summary_options& o) : records_(records), o_(o) {
    for (std::size_t i = 0; i < records.size(); ++i) {
      if (!records.is_bad(i)) good_.push_back(i);
    }
  }

  [[nodiscard]] evaluation_summary reduce() {
    const evaluation_header& h = records_.header();
    evaluation_summary s;
    s.header = h;
    s.evaluated = good_.size();
    s.bad = records_.size() - good_.size();
    s.missing = records_.missing();
    s.layers.resize(h.layers.size());
    o_.threads(s.layers.size(), [&](std::size_t l) { s.layers[l] = layer(l); });
    for (const std::size_t output : h.outputs) s.layers[output].is_output = true;
    std::vector<std::size_t> others;  // outputs that are no chain's product
    for (std::size_t o = 0; o < h.outputs.size(); ++o) {
      const bool is_product = std::any_of(h.chains.begin(), h.chains.end(),
                                          [&](const evaluated_chain& c) { return c.name == h.layers[h.outputs[o]]; });
      if (!is_product) others.push_back(o);
    }
    const std::size_t chains = h.chains.size();
    s.norms.resize(chains + others.size());
    o_.threads(s.norms.size() + 1, [&](std::size_t n) {
      if (n == s.norms.size()) read_others(s);
      else s.norms[n] = n < chains ? norms(n) : norms_of_output(others[n - chains]);
    });
    return s;
  }

 private:
  [[nodiscard]] std::vector<layer_record> column(evaluation_records::reader& in, std::size_t layer) const {
    std::vector<layer_record> all;
    all.reserve(good_.size());
    for (const std::size_t i : good_) all.push_back(in.read_layer(i, layer));
    return all;
  }
  [[nodiscard]] evaluated_metric metric(evaluation_records::reader& in, const std::vector<double>& values,
                                        worse_sample w) const {
    evaluated_metric m{summarize(values, w, o_.bootstrap), {}};
    if (m.summary.count != 0) m.worst_picture = in.read(good_[m.summary.worst_at]).name;
    return m;
  }
  [[nodiscard]] evaluated_layer layer(std::size_t l) const {
    evaluation_records::reader in(records_);
    const std::vector<layer_record> all = column(in, l);
    std::vector<double> values(all.size());
    const auto of = [&](auto f, worse_sample w) {
      std::transform(all.begin(), all.end(), values.begin(), f);
      return metric(in, values, w);
    };
    evaluated_layer e{records_.header().layers[l]};
    e.cosine = of([](const layer_record& r) { return r.cosine; }, worse_sample::smaller);
    e.norm_error = of([](const layer_record& r) { return r.norm_error(); }, worse_sample::farther_from_zero);
    e.relative_l2_error = of([](const layer_record& r) { return r.relative_l2_error; }, worse_sample::larger);
    return e;
  }

  [[nodiscard]] evaluated_norms norms(std::size_t c) const {
    evaluation_records::reader in(records_);
    std::vector<norm_record> all;
    for (const std::size_t i : good_) {
      if (records_.header().is_training(records_.picture(i))) continue;
      const evaluation_record e = in.read(i);
      all.insert(all.end(), e.chains[c].begin(), e.chains[c].end());
    }
    evaluated_norms n = judged(all);
    n.chain = records_.header().chains[c];
    n.name = n.chain->name;
    return n;
  }
  [[nodiscard]] evaluated_norms norms_of_output(std::size_t o) const {
    evaluation_records::reader in(records_);
    const std::size_t l = records_.header().outputs[o];
    std::vector<norm_record> all;
    for (const std::size_t i : good_) {
      if (records_.header().is_training(records_.picture(i))) continue;
      const evaluation_record e = in.read(i);
      all.push_back({e.layers[l].l2_reference, e.layers[l].l2_other, 0, 0, e.compensated[o]});
    }
    evaluated_norms n = judged(all);
    n.name = records_.header().layers[l];
    return n;
  }
  [[nodiscard]] evaluated_norms judged(const std::vector<norm_record>& all) const {
    evaluated_norms n;
    std::array<std::vector<double>, 3> values;
    std::vector<double> before, after;
    for (const norm_record& r : all) {
      const bool is_good =
          std::isfinite(r.reference) && r.reference != 0 && std::isfinite(r.quantized) && std::isfinite(r.compensated);
      if (!is_good) {
        ++n.left_out;
        continue;
      }
      values[0].push_back(r.reference);
      values[1].push_back(r.quantized);
      values[2].push_back(r.compensated);
      before.push_back((r.quantized - r.reference) / r.reference);
      after.push_back((r.compensated - r.reference) / r.reference);
    }
    const auto of = [&](const std::vector<double>& v, worse_sample w) { return summarize(v, w, o_.bootstrap); };
    n.in_float = of(values[0], worse_sample::larger);
    n.quantized = of(values[1], worse_sample::larger);
    n.compensated = of(values[2], worse_sample::larger);
    n.before = of(before, worse_sample::farther_from_zero);
    n.after = of(after, worse_sample::farther_from_zero);
    n.removed = removed_share(std::fabs(n.before.mean.value), std::fabs(n.after.mean.value));
    n.removed_abs = removed_share(errors_of(before).mean_abs, errors_of(after).mean_abs);
    add_histogram(n, values);
    return n;
  }
  void add_histogram(evaluated_norms& n, const std::array<std::vector<double>, 3>& values) const {
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const auto& v : values) {
      for (const double x : v) {
        low = std::min(low, x);
        high = std::max(high, x);
      }
    }
    if (!(low < high) || !std::isfinite(high - low)) return;
    const auto bins = static_cast<double>(o_.bins);
    for (std::size_t b = 0; b <= o_.bins; ++b) n.edges.push_back(std::lerp(low, high, static_cast<double>(b) / bins));
    for (std::size_t k = 0; k < values.size(); ++k) {
      n.shares[k].assign(o_.bins, 0);
      for (const double x : values[k]) {
        const auto b = static_cast<std::size_t>((x - low) / (high - low) * bins);
        n.shares[k][std::min(b, o_.bins - 1)] += 1;
      }
      for (double& share : n.shares[k]) share /= static_cast<double>(values[k].size());
    }
  }

  /// All that needs one look at each record.
  void read_others(evaluation_summary& s) const {
    evaluation_records::reader in(records_);
    const std::size_t decisions = s.header.decisions.size();
    std::vector<std::vector<double>> agree(decisions), compensated_agree(decisions);
    std::array<std::vector<double>, 3> right;
    for (std::size_t i = 0; i < records_.size(); ++i) {
      const evaluation_record e = in.read(i);
      if (e.is_bad()) {
        if (s.named_bad.size() < o_.named) s.named_bad.push_back({e.name, e.problem});
        continue;
      }
      for (std::size_t d = 0; d < decisions; ++d) {
        agree[d].push_back(e.decisions[d].quantized_agrees ? 1 : 0);
        compensated_agree[d].push_back(e.decisions[d].compensated_agrees ? 1 : 0);
      }
      add_label(s, e, right);
      keep_worst(s.worst, s.header, e, o_.worst_pictures);
    }
    for (std::size_t d = 0; d < decisions; ++d) {
      s.decisions.push_back(
          {s.header.decisions[d], share_of(agree[d], o_.bootstrap), share_of(compensated_agree[d], o_.bootstrap)});
    }
    s.labels.in_float = share_of(right[0], o_.bootstrap);
    s.labels.quantized = share_of(right[1], o_.bootstrap);
    s.labels.compensated = share_of(right[2], o_.bootstrap);
  }
  void add_label(evaluation_summary& s, const evaluation_record& e, std::array<std::vector<double>, 3>& right) const {
    if (!s.header.has_labels) return;
    if (!e.label.is_known) {
      ++s.labels.out_of_range;
      if (s.labels.named.size() < o_.named) s.labels.named.push_back(e.name);
      return;
    }
    right[0].push_back(e.label.in_float ? 1 : 0);
    right[1].push_back(e.label.quantized ? 1 : 0);
    right[2].push_back(e.label.compensated ? 1 : 0);
  }

  const evaluation_records& records_;
  const summary_options& o_;
  std::vector<std::size_t> good_;
};

}  // namespace detail

/// Reduces the records in the order of the pictures. Memory: a few numbers for each picture, however many layers there
/// are. Throws as evaluation_records::read and summarize.
[[nodiscard]] inline evaluation_summary summarize(const evaluation_records& records,
                                                  const summary_options& options = {}) {
  return detail::evaluation_reducer(records, options).reduce();
}

/// The largest magnitudes of the float network over all pictures, for other commands: those of range_rule::floating,
/// for each picture has its own, and the largest of them is the same in any order. (Those of range_rule::quantized are
/// not in records: there the ranges that a picture finds depend on the pictures before it.)
[[nodiscard]] inline activation_ranges ranges_of(evaluation_records& records) {
  activation_ranges ranges;
  ranges.rule = range_rule::floating;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (records.is_bad(i)) continue;
    const evaluation_record e = records.read(i);
    for (std::size_t b = 0; b < e.largest.size(); ++b) {
      ranges.blobs[records.header().ranges[b]].add(e.largest[b]);
    }
    ++ranges.pictures;
  }
  detail::require<error>(ranges.pictures != 0, records.name(), ": has no picture that was evaluated, expected one");
  return ranges;
}

/// The pictures on which an output is worst, as summarize() has them, without the rest of the summary.
[[nodiscard]] inline std::vector<evaluated_picture> worst_pictures(evaluation_records& records, std::size_t count) {
  std::vector<evaluated_picture> worst;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (!records.is_bad(i)) detail::keep_worst(worst, records.header(), records.read(i), count);
  }
  return worst;
}

NNIESIM_END_NAMESPACE
