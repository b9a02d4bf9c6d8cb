// A network over many pictures, in float and as the accelerator computes it: one picture on each thread, one record for
// each picture in a file, which a process that was ended goes on with.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include <nniesim/core/nearest_names.hpp>
#include <nniesim/core/version.hpp>
#include <nniesim/debug/evaluation_file.hpp>
#include <nniesim/debug/evaluation_pictures.hpp>
#include <nniesim/debug/evaluation_records.hpp>
#include <nniesim/debug/norm_samples.hpp>
#include <nniesim/debug/postprocess_probe.hpp>
#include <nniesim/debug/search_target.hpp>
#include <nniesim/network/blob_storage.hpp>
#include <nniesim/network/compare_network.hpp>
#include <nniesim/network/prepared_layers.hpp>

NNIESIM_BEGIN_NAMESPACE

/// The same network with other constants in its norm chains, and the ranges that it is compiled with.
struct compensated_network {
  const network& net;               ///< folded, differing from the problem's in nothing but norm constants
  const activation_ranges& ranges;  ///< of `net`
};

/// What is evaluated. What it refers to must outlive the evaluation.
struct evaluation_problem {
  const network& net;                                ///< folded, its layers' names all different
  precision_plan plan{};                             ///< of the quantized network, and of the compensated one
  const activation_ranges& ranges;                   ///< of `net`
  policy_set policies{};                             ///< those that the plan names
  std::optional<compensated_network> compensated{};  ///< evaluated too, where there is one
  std::vector<postprocessing> decisions{};           ///< of the network's outputs; called by several threads at once
  std::size_t labelled_output = 0;                   ///< the one whose largest value is compared with the labels
  std::size_t training = 0;  ///< pictures that the compensated constants were solved on, spread evenly
  std::vector<std::pair<std::string, std::array<double, 2>>> intervals{};  ///< of solved constants, by chain
  /// What results depend on and neither plan, ranges nor names of pictures say, by name and digest: the network's
  /// weights. Parts of an evaluation with other ones are not joined. See identity_of().
  std::vector<std::pair<std::string, std::string>> identity{};
  std::string about{};  ///< for people
};

/// The place of an output among the network's, by its name; of the only one where the name is empty and one is read.
/// Throws error, with `option` as what the name was given by, where there is no such output or there are several.
[[nodiscard]] inline std::size_t judged_output(const network& net, const std::string& name, bool reads_one,
                                               std::string_view option) {
  std::vector<std::string> names;
  for (const auto& [l, i] : network_outputs(net)) names.push_back(output_name(net.layers[l], i));
  if (name.empty()) {
    std::string list;
    for (const std::string& n : names) list += (list.empty() ? "" : ", ") + detail::excerpt(n);
    detail::require<error>(names.size() == 1 || !reads_one, "the network has ", names.size(), " outputs, expected ",
                           option, " with the one that is meant: ", list);
    return 0;
  }
  const auto found = std::find(names.begin(), names.end(), name);
  detail::require<error>(found != names.end(), option, " ", detail::excerpt(name), ": no output of the network",
                         detail::nearest_names(name, std::vector<std::string_view>(names.begin(), names.end())));
  return static_cast<std::size_t>(found - names.begin());
}

/// How far the evaluation of a shard is.
struct evaluation_progress {
  std::size_t done = 0,   ///< pictures of this shard that have a record
      of = 0;             ///< pictures of this shard
  std::size_t bad = 0;    ///< of `done`: could not be evaluated
  std::size_t known = 0;  ///< of `done`: by an earlier process
};

/// How a shard is evaluated.
struct evaluation_options {
  std::filesystem::path state{};  ///< file of records to begin or to go on with
  evaluation_shard shard{};       ///< the part of the pictures that is evaluated
  executor threads{};             ///< as many pictures at once; the records are the same for any number
  /// Called after each picture, by one thread at a time.
  std::function<void(const evaluation_progress&)> progress{};
  /// Asked before each picture, by any thread: true ends the evaluation once the pictures at hand are done.
  std::function<bool()> stop{};
};

namespace detail {

/// A digest of plan and ranges.
[[nodiscard]] inline std::string digest_of(const precision_plan& plan) {
  value_digest d;
  for (const layer_precision& p : plan.layers) d.add(std::string_view(p.name()));
  return d.hex();
}
[[nodiscard]] inline std::string digest_of(const activation_ranges& ranges) {
  value_digest d;
  for (const auto& [name, r] : ranges.blobs) {
    d.add(std::string_view(name));
    d.add(static_cast<double>(r.largest));
    d.add(std::uint64_t{r.had_zeros});
    d.add(r.in_8bit ? static_cast<double>(r.in_8bit->z()) : 1e9);
    d.add(r.in_16bit ? static_cast<double>(r.in_16bit->z()) : 1e9);
  }
  return d.hex();
}

/// Which output of which layer each of the header's layers is, and so on: the places of what records have.
struct evaluation_layout {
  std::vector<norm_chain> chains;
  std::vector<std::vector<std::size_t>> place;  ///< of a layer's output among the header's layers
  std::vector<std::size_t> outputs;             ///< the network's, as blobs
  std::vector<std::size_t> range_of;            ///< of a blob: its place among the header's ranges, or none
  std::size_t ranges = 0, layers = 0;

  static constexpr std::size_t none = static_cast<std::size_t>(-1);
};

[[nodiscard]] inline evaluation_layout layout_of(const evaluation_problem& p, evaluation_header& h) {
  const network& net = p.net;
  evaluation_layout layout{find_norm_chains(net), {}, output_blobs(net), {}};
  layout.place.resize(net.layers.size());
  for (const bool of_inputs : {true, false}) {
    for (std::size_t l = 0; l < net.layers.size(); ++l) {
      const layer& x = net.layers[l];
      if (std::holds_alternative<layers::input>(x.params) != of_inputs) continue;
      for (std::size_t o = 0; o < x.outputs.size(); ++o) {
        const bool is_output =
            std::find(layout.outputs.begin(), layout.outputs.end(), x.outputs[o]) != layout.outputs.end();
        if (is_output) h.outputs.push_back(h.layers.size());
        layout.place[l].push_back(h.layers.size());
        h.layers.push_back(output_name(x, o));
      }
    }
  }
  layout.layers = h.layers.size();
  layout.range_of.assign(net.blobs.size(), evaluation_layout::none);
  const std::vector<std::string> names = range_names(net);
  const std::vector<blob_storage> storage = blob_storage_of(net, p.plan);
  for (std::size_t b = 0; b < storage.size(); ++b) {
    if (!storage[b].is_codes() || storage[b].source != b || names[b].empty()) continue;
    layout.range_of[b] = layout.ranges++;
    h.ranges.push_back(names[b]);
  }
  return layout;
}

[[nodiscard]] inline std::vector<evaluated_chain> chains_of(const evaluation_problem& p,
                                                            std::span<const norm_chain> chains) {
  const std::vector<norm_chain> changed =
      p.compensated ? find_norm_chains(p.compensated->net) : std::vector<norm_chain>(chains.begin(), chains.end());
  std::vector<evaluated_chain> result;
  for (const norm_chain& c : chains) {
    const auto same = std::find_if(changed.begin(), changed.end(), [&](const norm_chain& x) {
      return x.name == c.name && x.product == c.product && x.samples == c.samples;
    });
    require<format_error>(same != changed.end(), "evaluation: the compensated network has no chain ", excerpt(c.name),
                          ", expected the same network with other constants");
    evaluated_chain& e = result.emplace_back(evaluated_chain{c.name, c.samples, c.constant, same->constant});
    for (const auto& [name, interval] : p.intervals) {
      if (name == c.name) e.interval = interval;
    }
  }
  return result;
}

/// The header, and where everything is.
[[nodiscard]] inline std::pair<evaluation_header, evaluation_layout> prepare(const evaluation_problem& p,
                                                                             const evaluation_pictures& pictures,
                                                                             const evaluation_shard& shard) {
  require<format_error>(pictures.size != 0 && pictures.inputs && pictures.name,
                        "evaluation: no pictures, expected one");
  require<format_error>(pictures.size <= list_max_entries, "evaluation: ", pictures.size, " pictures, the limit is ",
                        list_max_entries);
  require<format_error>(shard.count != 0 && shard.index < shard.count && shard.size_of(pictures.size) != 0,
                        "evaluation: shard ", shard.index, "/", shard.count, " of ", pictures.size,
                        " pictures, expected an index below the number of shards, and a picture in it");
  require<format_error>(!p.plan.is_float, "evaluation: got a float plan, expected a quantized one");
  require<format_error>(p.training <= pictures.size, "evaluation: constants of ", p.training, " pictures, there are ",
                        pictures.size);
  evaluation_header h;
  h.network = p.net.name;
  h.about = p.about;
  evaluation_layout layout = layout_of(p, h);
  h.identity = p.identity;
  h.identity.emplace_back("version of results", std::to_string(NNIESIM_RESULTS_VERSION));
  h.identity.emplace_back("precision of the layers", digest_of(p.plan));
  h.identity.emplace_back("ranges", digest_of(p.ranges));
  h.identity.emplace_back("pictures", nniesim::digest_of(pictures));
  if (p.compensated) h.identity.emplace_back("ranges of the compensated network", digest_of(p.compensated->ranges));
  h.pictures = pictures.size;
  h.shard = shard;
  h.chains = chains_of(p, layout.chains);
  for (const postprocessing& d : p.decisions) h.decisions.push_back(d.name);
  h.has_labels = static_cast<bool>(pictures.label);
  require<format_error>(!h.has_labels || p.labelled_output < layout.outputs.size(), "evaluation: labels of output ",
                        p.labelled_output, ", the network has ", layout.outputs.size());
  h.has_compensated = p.compensated.has_value();
  h.training = p.training;
  return {std::move(h), std::move(layout)};
}

/// Weights laid out once for all threads.
struct evaluation_weights {
  explicit evaluation_weights(const evaluation_problem& p) : own(p.net, p.policies) {
    if (p.compensated) compensated.emplace(p.compensated->net, p.policies);
  }
  prepared_layers own;
  std::optional<prepared_layers> compensated;
};

/// Evaluates pictures, one at a time.
class picture_evaluator {
 public:
  picture_evaluator(const evaluation_problem& p, const evaluation_layout& layout, evaluation_weights& weights)
      : p_(p),
        layout_(layout),
        reference_(p.net, float_plan(p.net), options(p.net, weights.own)),
        quantized_(p.net, p.plan, options(p.net, weights.own)) {
    quantized_.use(p.ranges);
    if (!p.compensated) return;
    compensated_.emplace(p.compensated->net, p.plan, options(p.compensated->net, *weights.compensated));
    compensated_->use(p.compensated->ranges);
  }

  [[nodiscard]] evaluation_record evaluate(const std::vector<tensor<float>>& inputs,
                                           const std::optional<std::int64_t>& label) {
    evaluation_record e;
    e.layers.resize(layout_.layers);
    e.largest.resize(layout_.ranges);
    std::vector<tensor_view<const float>> views;
    for (const tensor<float>& x : inputs) views.push_back(view_of(x));
    compare_side_by_side(reference_, quantized_, views, [&](const layer_comparison& c) { add_layer(e, c); });
    if (compensated_) {
      compensated_->begin(views);
      while (compensated_->advance()) {
      }
    }
    add_norms(e);
    for (const std::size_t b : layout_.outputs) {
      e.compensated.push_back(norms_of(compensated_ ? *compensated_ : quantized_, b, 1)[0]);
    }
    const std::vector<tensor<float>> in_float = values_of(reference_, layout_.outputs);
    const std::vector<tensor<float>> quantized = values_of(quantized_, layout_.outputs);
    const std::vector<tensor<float>> compensated =
        compensated_ ? values_of(*compensated_, layout_.outputs) : std::vector<tensor<float>>();
    for (const postprocessing& d : p_.decisions) {
      const std::string decision = d.decide(in_float);
      const bool agrees = d.decide(quantized) == decision;
      e.decisions.push_back({agrees, compensated_ ? d.decide(compensated) == decision : agrees});
    }
    if (label) e.label = judge(*label, in_float, quantized, compensated_ ? compensated : quantized);
    return e;
  }

 private:
  [[nodiscard]] runner_options options(const network& net, prepared_layers& weights) const {
    runner_options o;
    o.keep = chain_blobs(net, layout_.chains);
    o.keep.insert(o.keep.end(), layout_.outputs.begin(), layout_.outputs.end());
    o.prepared = &weights;
    o.one_by_one = true;
    return o;
  }
  void add_layer(evaluation_record& e, const layer_comparison& c) const {
    const comparison& r = c.result;
    e.layers.at(layout_.place.at(c.layer).at(c.output)) = {r.cosine, r.relative_l2_error, r.l2_reference, r.l2_other};
    const std::size_t blob = p_.net.layers[c.layer].outputs[c.output];
    if (layout_.range_of[blob] == evaluation_layout::none) return;
    reference_.visit(blob, [&](auto x) {
      if constexpr (std::same_as<element_t<decltype(x)>, float>) {
        e.largest[layout_.range_of[blob]] = largest_magnitude<float>(x.span());
      }
    });
  }
  void add_norms(evaluation_record& e) const {
    for (const norm_chain& c : layout_.chains) {
      const std::vector<double> in_float = output_norms(reference_, c);
      const std::vector<norm_sample> samples = samples_of(quantized_, c);
      std::vector<double> compensated;
      if (compensated_) compensated = output_norms(*compensated_, c);
      std::vector<norm_record>& norms = e.chains.emplace_back();
      for (std::size_t n = 0; n < samples.size(); ++n) {
        const norm_sample& s = samples[n];
        norms.push_back({in_float[n], s.quantized, s.input, s.base, compensated_ ? compensated[n] : s.quantized});
      }
    }
  }
  /// By the first of the largest values; of one with NaN none.
  [[nodiscard]] label_record judge(std::int64_t label, std::span<const tensor<float>> in_float,
                                   std::span<const tensor<float>> quantized,
                                   std::span<const tensor<float>> compensated) const {
    const auto size = static_cast<std::int64_t>(in_float[p_.labelled_output].size());
    if (label < 0 || label >= size) return {};
    const auto is_right = [&](std::span<const tensor<float>> outputs) {
      const tensor_view<const float> x = view_of(outputs[p_.labelled_output]);
      if (!is_finite(x)) return false;
      return std::max_element(x.span().begin(), x.span().end()) - x.span().begin() == label;
    };
    return {true, is_right(in_float), is_right(quantized), is_right(compensated)};
  }

  const evaluation_problem& p_;
  const evaluation_layout& layout_;
  network_runner reference_, quantized_;
  std::optional<network_runner> compensated_;
};

/// The work of all threads on one shard.
class evaluation_run {
 public:
  evaluation_run(const evaluation_problem& p, const evaluation_pictures& pictures, const evaluation_options& o)
      : p_(p), pictures_(pictures), o_(o), weights_(p) {
    std::tie(header_, layout_) = prepare(p, pictures, o.shard);
    progress_.of = o.shard.size_of(pictures.size);
    done_.resize(progress_.of);
    open();
  }

  /// False where it was stopped.
  bool run() {
    if (o_.progress) o_.progress(progress_);
    const std::size_t threads =
        std::max<std::size_t>(1, std::min(o_.threads.max_workers, progress_.of - progress_.done));
    if (progress_.done < progress_.of) o_.threads(threads, [this](std::size_t) { work(); });
    writer_.reset();
    if (progress_.done == progress_.of) put_records_in_order(o_.state);
    return progress_.done == progress_.of;
  }

 private:
  void open() {
    std::error_code problem;
    if (!std::filesystem::exists(o_.state, problem) || std::filesystem::file_size(o_.state, problem) == 0) {
      writer_.emplace(o_.state, header_);
      return;
    }
    const evaluation_records known(o_.state);
    const std::string difference = difference_of(known.header(), header_);
    require<format_error>(difference.empty(), known.name(), ": is of another evaluation, with other ", difference,
                          "; name another file");
    require<format_error>(known.header().shard == header_.shard, known.name(), ": is of shard ",
                          known.header().shard.index, "/", known.header().shard.count, ", expected ",
                          header_.shard.index, "/", header_.shard.count, "; name another file");
    for (std::size_t i = 0; i < known.size(); ++i) {
      done_[known.picture(i) / header_.shard.count] = true;
      if (known.is_bad(i)) ++progress_.bad;
    }
    progress_.done = progress_.known = known.size();
    writer_.emplace(o_.state, known);
  }

  /// One thread's.
  void work() {
    try {
      std::optional<picture_evaluator> evaluator;
      bool has_run = false;
      for (;;) {
        const std::size_t i = next_++;
        if (i >= done_.size()) break;
        if (done_[i]) continue;
        if (is_stopped()) break;
        // Weights are laid out in a thread's first run, which has them for itself.
        std::unique_lock first(first_runs_, std::defer_lock);
        if (!has_run) first.lock();
        if (!evaluator) evaluator.emplace(p_, layout_, weights_);
        const evaluation_record e = record(*evaluator, header_.shard.index + i * header_.shard.count);
        has_run = has_run || !e.is_bad();
        if (first.owns_lock()) first.unlock();
        add(e);
      }
    } catch (const stopped&) {
    } catch (...) {
      is_over_ = true;
      throw;
    }
  }
  struct stopped {};

  [[nodiscard]] bool is_stopped() {
    if (o_.stop && o_.stop()) is_over_ = true;
    return is_over_;
  }
  /// What cannot be evaluated gives a record that says why; what would hold for every picture is thrown.
  [[nodiscard]] evaluation_record record(picture_evaluator& evaluator, std::size_t picture) {
    evaluation_record e;
    try {
      const std::optional<std::int64_t> label = pictures_.label ? pictures_.label(picture) : std::nullopt;
      e = evaluator.evaluate(pictures_.inputs(picture), label);
    } catch (const memory_error&) {
      throw;
    } catch (const interrupted&) {
      throw;
    } catch (const error& problem) {
      if (is_stopped()) throw stopped();  // it may have been for that
      e = {};
      e.problem = std::string(std::string_view(problem.what()).substr(0, most_problem_bytes));
      if (e.problem.empty()) e.problem = "no reason is given";
    }
    e.picture = picture;
    e.name = pictures_.name(picture).substr(0, most_problem_bytes);
    return e;
  }
  void add(const evaluation_record& e) {
    const std::lock_guard lock(records_);
    writer_->append(e);
    ++progress_.done;
    if (e.is_bad()) ++progress_.bad;
    if (o_.progress) o_.progress(progress_);
  }

  static constexpr std::size_t most_problem_bytes = 4096;

  const evaluation_problem& p_;
  const evaluation_pictures& pictures_;
  const evaluation_options& o_;
  evaluation_weights weights_;
  evaluation_header header_;
  evaluation_layout layout_;
  std::vector<bool> done_;
  evaluation_progress progress_;
  std::optional<evaluation_writer> writer_;
  std::mutex records_, first_runs_;
  std::atomic<std::size_t> next_{0};
  std::atomic<bool> is_over_{false};
};

}  // namespace detail

/// Evaluates the pictures of a shard that have no record in the state file yet. A picture that cannot be evaluated gets
/// a record that says why. At the end the records stand in the order of the pictures: the file has the same bytes for
/// any number of threads, and however often it was begun anew. Returns whether all is done; false: it was stopped.
/// Throws format_error for a problem without pictures and a state file of another evaluation, what evaluation_records
/// and evaluation_writer throw, memory_error, interrupted, and what is no nniesim::error of a picture or a decision.
inline bool evaluate(const evaluation_problem& problem, const evaluation_pictures& pictures,
                     const evaluation_options& options) {
  detail::require<format_error>(!options.state.empty(), "evaluation: got no state file, expected its name");
  return detail::evaluation_run(problem, pictures, options).run();
}

NNIESIM_END_NAMESPACE
