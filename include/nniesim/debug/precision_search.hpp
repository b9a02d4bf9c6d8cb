// Which layers to mark _hp (16 bits in compile_mode 2): the cheapest that reach a goal within a budget of time. The
// vendor's way and a better one; both can be stopped at any moment and resumed.
// Long: two strategies share the evaluations, their state and its file.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <nniesim/core/excerpt.hpp>
#include <nniesim/core/version.hpp>
#include <nniesim/debug/evaluation_file.hpp>
#include <nniesim/debug/search_target.hpp>
#include <nniesim/network/cost.hpp>
#include <nniesim/network/runner.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Layers that are marked already stay at 16 bits; those of the host stay in float. What can be marked besides: layers
/// that encode their inputs (reads_codes), all others compute the same in both widths.
struct search_problem {
  const network& net;                                             ///< folded, its layers' names all different
  const activation_ranges& ranges;                                ///< from calibration, for every layer that has any
  std::vector<std::vector<tensor_view<const float>>> pictures{};  ///< of each the network's inputs, in order
  search_target target{};                                         ///< what plans are judged by
  /// What the target's score must reach on every picture: a plan's score is the smallest over the pictures, because a
  /// mean would let many easy ones hide the one that shows the problem.
  double goal = 0;
  double budget = std::numeric_limits<double>::infinity();  ///< most time, where all layers in 8 bits take 1
  cost_model model{};                                       ///< how work becomes time
  executor threads{};                                       ///< for the layers; the result is the same for any number
  /// Gives a plan's score in place of a run here, on other machines say: it must be what score_of() gives, or the
  /// result, and what the state file keeps, is wrong. Empty: the network is run here.
  std::function<double(const precision_plan&)> measure{};
};

/// A plan by the layers that it raises to 16 bits.
struct evaluated_plan {
  std::vector<std::string> layers{};  ///< in order of execution
  double cost = 0;                    ///< its time, where all layers in 8 bits take 1
  double score = 0;                   ///< the smallest over the pictures; -infinity for NaN
};

/// How far a search is, after an evaluation.
struct search_progress {
  std::size_t evaluations;     ///< plans so far, those of the state file that were asked for included
  std::size_t estimate;        ///< of how many there will be: a guess, which later calls correct
  const evaluated_plan& best;  ///< so far, as search_result::best
};

/// Which plans a search tries.
enum class search_strategy {
  from_first,  ///< the vendor's: one more layer at a time, from the first on, until the goal or the budget is reached
  /// Most gain per time first; then what is not needed is taken back, and exchanged; then from all layers in 16 bits
  /// down, and pairs of layers that only pay together. Tries the plans of the vendor's way and those of plain greedy
  /// searches up and down as well, so that none of them has a better one. Of at most 12 layers it tries every plan that
  /// could be better: the best is then the best there is.
  by_gain,
};

/// How search_precisions searches.
struct search_options {
  search_strategy strategy = search_strategy::by_gain;  ///< which plans are tried
  /// Keeps every evaluation as soon as it is made; a later search of the same problem reads them instead of running the
  /// network. Not for two searches at a time. Empty: none.
  std::filesystem::path state_file{};
  std::function<bool(const search_progress&)> progress{};  ///< after each evaluation; false ends the search
};

/// What a search found.
struct search_result {
  std::vector<evaluated_plan> evaluated;  ///< those of the state file first, then in the order in which they were made
  std::vector<evaluated_plan> front;      ///< those of which no other is both cheaper and better; by rising cost
  /// The cheapest within the budget that reaches the goal, or, if none does, the one with the best score within the
  /// budget.
  evaluated_plan best;
  bool reached = false;         ///< whether it reaches the goal
  bool finished = true;         ///< false where the callback ended the search
  std::size_t evaluations = 0;  ///< how many were made, not read
  /// Where the goal was not reached: the score with every layer in 16 bits, whatever the budget. Below the goal no
  /// choice of layers can be expected to help.
  std::optional<double> all_in_16bit{};
  std::string verdict;  ///< the result in a sentence
};

namespace detail {

/// A plan as the candidates that it raises.
using raised_layers = std::vector<bool>;

class precision_searcher {
 public:
  precision_searcher(const search_problem& problem, const search_options& options)
      : problem_(problem),
        options_(options),
        net_(problem.net),
        prepared_(problem.net),
        base_(plan_of(problem.net, compile_mode::mixed)) {
    check();
    precision_plan all_8bit = base_;
    for (std::size_t l = 0; l < net_.layers.size(); ++l) {
      if (all_8bit.layers[l] == layer_precision::w16a16) {
        all_8bit.layers[l] = layer_precision::w8a8;
      } else if (base_.layers[l] == layer_precision::w8a8 && reads_codes(net_.layers[l])) {
        candidates_.push_back(l);
      }
    }
    unit_ = time_of(net_, all_8bit, problem_.model);
    require<format_error>(unit_ > 0 && std::isfinite(unit_), "search: all layers in 8 bits take the time ", unit_,
                          ", expected layers that compute");
    for (std::size_t c = 0; c < candidates_.size(); ++c) extra_time_.push_back(cost(with(none(), c)) - cost(none()));
    const double least = cost(none());
    require<format_error>(least <= problem_.budget, "search: a budget of ", problem_.budget,
                          " times the time of 8 bits, but with no layer raised the network takes ", least,
                          least > 1 ? ": the marks that it has are above the budget" : ", expected at least that");
    run_reference();
    if (!options_.state_file.empty()) read_state();
  }

  [[nodiscard]] search_result search() {
    bool finished = true;
    try {
      if (options_.strategy == search_strategy::from_first) {
        estimate_ = 1 + candidates_.size();
        from_first();
      } else {
        by_gain();
      }
      if (!reaches(best())) (void)score(all());
    } catch (const ended&) {
      finished = false;
    } catch (const interrupted&) {
      if (asked_for_ == 0) throw;
      finished = false;
    }
    return result(finished);
  }

 private:
  static constexpr std::size_t few_candidates = 12;      ///< whose plans, at most 4096, can all be tried
  static constexpr std::size_t tries_per_candidate = 4;  ///< pairs or exchanges, before a round of them is given up

  struct ended {};  ///< thrown where the callback wants no more
  struct known_plan {
    raised_layers raised;
    double cost;
    double score;
    bool asked_for;  ///< by this search, not only read from the file
  };

  void check() const {
    require<format_error>(problem_.target.score != nullptr, "search: a target without a score");
    require<format_error>(!problem_.target.blobs.empty(), "search: a target that reads no blob, expected at least one");
    for (const std::size_t b : problem_.target.blobs) {
      require<format_error>(b < net_.blobs.size(), "search: a target that reads blob ", b, ", the network has ",
                            net_.blobs.size());
    }
    require<format_error>(!problem_.pictures.empty(), "search: no pictures, expected at least one");
    require<format_error>(std::isfinite(problem_.goal), "search: a goal of ", problem_.goal,
                          ", expected a finite number");
    require<format_error>(problem_.model.macs_per_byte > 0 && std::isfinite(problem_.model.macs_per_byte),
                          "search: a cost model of ", problem_.model.macs_per_byte,
                          " multiply-accumulates for each byte, expected a positive number");
    require<format_error>(problem_.budget >= 1, "search: a budget of ", problem_.budget,
                          " times the time of 8 bits, expected at least 1");
    std::map<std::string_view, std::size_t> names;
    for (const layer& l : net_.layers) {
      require<format_error>(++names[l.name] == 1, l.where, ": the name ", excerpt(l.name), " again, expected it once");
    }
  }

  /// The float values that the target reads, and the problem's fingerprint, of which they are a part: they stand for
  /// all that the digest does not look at.
  void run_reference() {
    value_digest digest;
    digest.add(std::uint64_t{NNIESIM_RESULTS_VERSION});
    digest.add(net_.name);
    digest.add(problem_.target.name);
    for (const layer& l : net_.layers) {
      digest.add(l.name);
      digest.add(l.type);
      digest.add(std::uint64_t{l.on_cpu});
      for (const std::size_t b : l.inputs) digest.add(std::uint64_t{b});
      for (const std::size_t b : l.outputs) digest.add(std::uint64_t{b});
      visit_kind(l, [&](auto kind, const auto& p) {
        if constexpr (decltype(kind)::is_mac) add_weights(digest, p);
        if constexpr (requires { p.rule; }) digest.add(static_cast<std::uint64_t>(p.rule));
      });
    }
    for (const auto& [name, range] : problem_.ranges.blobs) {
      digest.add(name);
      digest.add(static_cast<double>(range.largest));
      digest.add(std::uint64_t{range.had_zeros});
      digest.add(range.in_8bit ? static_cast<double>(range.in_8bit->z()) : 1e9);
      digest.add(range.in_16bit ? static_cast<double>(range.in_16bit->z()) : 1e9);
    }
    network_runner runner(net_, float_plan(net_), {.keep = problem_.target.blobs, .threads = problem_.threads});
    for (const auto& picture : problem_.pictures) {
      runner.run(picture);
      for (const tensor_view<const float>& input : picture) digest.add(input.span());
      references_.push_back(values_of(runner, problem_.target.blobs));
      for (std::size_t i = 0; i < problem_.target.blobs.size(); ++i) {
        const tensor<float>& values = references_.back()[i];
        digest.add(std::uint64_t{problem_.target.blobs[i]});
        digest.add(std::span<const float>(values.data(), values.size()));
      }
    }
    fingerprint_ = digest.hex();
  }
  template <class Params>
  static void add_weights(value_digest& digest, const Params& p) {
    digest.add(std::span<const float>(p.weights.data(), p.weights.size()));
    digest.add(std::span<const float>(p.bias));
    digest.add(static_cast<std::uint64_t>(p.rounding));
    for (const auto* values : {&p.affine.factor, &p.affine.shift}) {
      for (const double v : *values) digest.add(v);
    }
  }

  void read_state() {
    file_.emplace(options_.state_file, fingerprint_);
    for (const evaluation_file::entry& e : file_->entries()) {
      raised_layers raised = none();
      for (const std::size_t l : e.layers) {
        const auto found = std::lower_bound(candidates_.begin(), candidates_.end(), l);
        require<parse_error>(found != candidates_.end() && *found == l, options_.state_file.string(), ": got layer ", l,
                             ", expected one that can be raised");
        raised[static_cast<std::size_t>(found - candidates_.begin())] = true;
      }
      if (known_.try_emplace(raised, plans_.size()).second) plans_.push_back({raised, cost(raised), e.score, false});
    }
  }

  [[nodiscard]] raised_layers none() const { return raised_layers(candidates_.size(), false); }
  [[nodiscard]] raised_layers all() const { return raised_layers(candidates_.size(), true); }
  [[nodiscard]] static raised_layers with(raised_layers raised, std::size_t candidate, bool value = true) {
    raised[candidate] = value;
    return raised;
  }
  [[nodiscard]] precision_plan plan(const raised_layers& raised) const {
    precision_plan p = base_;
    for (std::size_t c = 0; c < candidates_.size(); ++c) {
      if (raised[c]) p.layers[candidates_[c]] = layer_precision::w16a16;
    }
    return p;
  }
  [[nodiscard]] double cost(const raised_layers& raised) const {
    return time_of(net_, plan(raised), problem_.model) / unit_;
  }
  [[nodiscard]] bool fits(const raised_layers& raised) const { return cost(raised) <= problem_.budget; }
  [[nodiscard]] bool reaches(const known_plan& p) const { return p.score >= problem_.goal; }

  /// Runs the network, unless the plan's score is known.
  double score(const raised_layers& raised) {
    const auto found = known_.find(raised);
    const bool is_new = found == known_.end();
    const std::size_t index = is_new ? plans_.size() : found->second;
    if (is_new) {
      plans_.push_back({raised, cost(raised), measure(raised), false});
      known_.emplace(raised, index);
      ++made_;
      if (file_) {
        evaluation_file::entry e{plans_[index].score, {}};
        for (std::size_t c = 0; c < candidates_.size(); ++c) {
          if (raised[c]) e.layers.push_back(candidates_[c]);
        }
        file_->append(e);
      }
    }
    if (!plans_[index].asked_for) {
      plans_[index].asked_for = true;
      ++asked_for_;
      const bool goes_on =
          !options_.progress || options_.progress({asked_for_, std::max(asked_for_, estimate_), as_evaluated(best())});
      if (!goes_on) throw ended{};
    }
    return plans_[index].score;
  }
  [[nodiscard]] double measure(const raised_layers& raised) {
    if (problem_.measure) return smaller_score(std::numeric_limits<double>::infinity(), problem_.measure(plan(raised)));
    network_runner runner(net_, plan(raised),
                          {.keep = problem_.target.blobs, .threads = problem_.threads, .prepared = &prepared_});
    runner.use(problem_.ranges);
    double worst = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < problem_.pictures.size(); ++i) {
      runner.run(problem_.pictures[i]);
      worst = smaller_score(worst, problem_.target.score(references_[i], runner));
    }
    return worst;
  }

  /// One more layer at a time. Returns with the first plan that reaches the goal.
  void from_first() {
    raised_layers raised = none();
    for (std::size_t c = 0; score(raised) < problem_.goal && c < candidates_.size(); ++c) {
      raised[c] = true;
      if (!fits(raised)) return;
    }
  }

  void by_gain() {
    const std::size_t n = candidates_.size();
    estimate_ = 1 + 3 * n;
    if (score(none()) >= problem_.goal) return;
    greedy();
    from_first();
    improve();
    if (n <= few_candidates) return try_all();
    estimate_ = asked_for_ + n * (n + 1) / 2;
    for (const order_of by : {order_of::change_per_time, order_of::change, order_of::time}) from_all(by);
    improve();
    pairs();
    for (const order_of by : {order_of::change_per_time, order_of::change}) upwards(none(), by);
    improve();
  }
  void improve() {
    while (take_back() || exchange()) {
    }
  }

  /// What a step of a plain greedy search prefers, up or down.
  enum class order_of { change_per_time, change, time };

  /// One layer after the other, each time the best of all that fit, measured with those that are raised. Ends where the
  /// goal is reached or could only be reached at a higher cost than the best plan's.
  void upwards(raised_layers raised, order_of by) {
    double before = score(raised);
    while (before < problem_.goal) {
      std::optional<std::size_t> chosen;
      double most = 0, reached = 0;
      for (std::size_t c = 0; c < candidates_.size(); ++c) {
        if (raised[c]) continue;
        const raised_layers more = with(raised, c);
        const double time = cost(more);
        if (time > problem_.budget || (reaches(best()) && time >= best().cost)) continue;
        const double after = score(more);
        const double gain = after == before ? 0 : after - before;
        const double worth = by == order_of::change ? gain : per_time(gain, time - cost(raised));
        if (chosen && !(worth > most)) continue;
        chosen = c;
        most = worth;
        reached = after;
      }
      if (!chosen) return;
      raised[*chosen] = true;
      before = reached;
    }
  }
  /// What a change is worth in its time: of losses the longer one is worse.
  [[nodiscard]] static double per_time(double gain, double time) noexcept {
    return gain > 0 ? gain / time : gain * time;
  }

  /// From all layers down, each time without the one that is missed least, until it is within the budget and the goal
  /// would be lost, or, where that is out of reach, the score would fall.
  void from_all(order_of by) {
    raised_layers raised = all();
    double before = score(raised);
    for (;;) {
      struct step {
        std::size_t candidate;
        double worth, after;
      };
      std::optional<step> chosen;
      bool keeps = false;  // the chosen one
      for (std::size_t c = 0; c < candidates_.size(); ++c) {
        if (!raised[c]) continue;
        const raised_layers less = with(raised, c, false);
        const double after = score(less);
        const double loss = before == after ? 0 : before - after;
        const double time = cost(raised) - cost(less);
        const double worth = by == order_of::change ? loss
                             : by == order_of::time ? -time
                             : loss > 0 && time > 0 ? loss / time
                             : loss > 0             ? std::numeric_limits<double>::infinity()
                                                    : loss * time - time;
        const bool keeps_goal = before >= problem_.goal ? after >= problem_.goal : after >= before;
        if (chosen && (keeps && !keeps_goal)) continue;
        if (chosen && keeps == keeps_goal && !(worth < chosen->worth)) continue;
        chosen = step{c, worth, after};
        keeps = keeps_goal;
      }
      if (!chosen || (!keeps && fits(raised))) return;
      raised[chosen->candidate] = false;
      before = chosen->after;
    }
  }

  /// What each candidate is missed by where all others are raised: of two that only pay together this is large,
  /// whatever each gains alone. 0 where it is not known.
  [[nodiscard]] std::vector<double> gains_from_above() const {
    std::vector<double> gains(candidates_.size(), 0.0);
    const auto whole = known_.find(all());
    if (whole == known_.end() || !plans_[whole->second].asked_for) return gains;
    for (std::size_t c = 0; c < candidates_.size(); ++c) {
      const auto other = known_.find(with(all(), c, false));
      if (other == known_.end() || !plans_[other->second].asked_for) continue;
      const double gain = plans_[whole->second].score - plans_[other->second].score;
      if (std::isfinite(gain)) gains[c] = gain;
    }
    return gains;
  }

  /// Two layers at once from none on: those that are missed most from above, by their time; then upwards from the best.
  void pairs() {
    const std::vector<double> gains = gains_from_above();
    const std::size_t n = candidates_.size();
    std::vector<std::tuple<double, std::size_t, std::size_t>> order;
    for (std::size_t a = 0; a < n; ++a) {
      for (std::size_t b = a + 1; b < n; ++b) {
        if (!fits(with(with(none(), a), b))) continue;
        order.emplace_back(-per_time(gains[a] + gains[b], extra_time_[a] + extra_time_[b]), a, b);
      }
    }
    std::sort(order.begin(), order.end());
    order.resize(std::min(order.size(), tries_per_candidate * n));
    std::optional<raised_layers> start;
    double most = 0;
    const double alone = score(none());
    for (const auto& [worth, a, b] : order) {
      raised_layers pair = with(with(none(), a), b);
      const double gain = score(pair) - alone;
      if (!(gain > 0)) continue;
      const double of_pair = per_time(gain, extra_time_[a] + extra_time_[b]);
      if (start && !(of_pair > most)) continue;
      most = of_pair;
      start = std::move(pair);
    }
    if (start) upwards(*start, order_of::change_per_time);
  }

  /// Adds the layer with the most gain per time, again and again, until the goal is reached or nothing more fits. Gains
  /// shrink as others are raised: the leader is measured again with those, and taken where it still leads.
  void greedy() {
    struct candidate {
      std::size_t index;
      double worth;
      std::size_t measured_at;  ///< how many layers were raised then
    };
    raised_layers raised = none();
    std::vector<candidate> left;
    const auto measured = [&](std::size_t c, std::size_t step) {
      const double before = score(raised);
      const double after = score(with(raised, c));
      const double gain = after == before ? 0 : after - before;
      const double time = cost(with(raised, c)) - cost(raised);
      return candidate{c, gain > 0 ? gain / time : gain * time, step};
    };
    for (std::size_t c = 0; c < candidates_.size(); ++c) {
      if (fits(with(raised, c))) left.push_back(measured(c, 0));
    }
    for (std::size_t step = 0; score(raised) < problem_.goal;) {
      std::erase_if(left, [&](const candidate& c) { return !fits(with(raised, c.index)); });
      if (left.empty()) return;
      const auto leader = std::max_element(left.begin(), left.end(), [](const candidate& a, const candidate& b) {
        return a.worth < b.worth || (a.worth == b.worth && a.index > b.index);
      });
      if (leader->measured_at != step) {
        *leader = measured(leader->index, step);
      } else {
        raised[leader->index] = true;
        left.erase(leader);
        ++step;
      }
    }
  }

  /// Drops layers that the best plan does not need, the dearest first; whether there was any.
  bool take_back() {
    const known_plan from = best();
    raised_layers raised = from.raised;
    double left = from.score;
    std::vector<std::size_t> order;
    for (std::size_t c = 0; c < candidates_.size(); ++c) {
      if (raised[c]) order.push_back(c);
    }
    const auto saved = [&](std::size_t c) { return from.cost - cost(with(from.raised, c, false)); };
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return saved(a) > saved(b); });
    for (const std::size_t c : order) {
      const double without = score(with(raised, c, false));
      if (without < (reaches(from) ? problem_.goal : left)) continue;
      raised[c] = false;
      left = without;
    }
    return best().raised != from.raised;
  }

  /// What raising each candidate gained on average, over all pairs of known plans that differ in nothing else.
  [[nodiscard]] std::vector<double> mean_gains() const {
    std::vector<double> gains;
    for (std::size_t c = 0; c < candidates_.size(); ++c) {
      double sum = 0;
      std::size_t pairs = 0;
      for (const known_plan& p : plans_) {
        if (!p.asked_for || p.raised[c]) continue;
        const auto other = known_.find(with(p.raised, c));
        if (other == known_.end() || !plans_[other->second].asked_for) continue;
        const double gain = plans_[other->second].score - p.score;
        if (!std::isfinite(gain)) continue;
        sum += gain;
        ++pairs;
      }
      gains.push_back(pairs == 0 ? 0 : sum / static_cast<double>(pairs));
    }
    return gains;
  }

  /// Tries plans that differ in one or two layers from the best or from those next to it: cheaper ones where the goal
  /// is reached, else any within the budget. Those first that the mean gains promise most of; gives up after a few for
  /// each candidate. Whether there is a new best.
  bool exchange() {
    constexpr std::size_t centre_count = 4;
    const known_plan from = best();
    const std::size_t n = candidates_.size();
    const auto allowed = [&](double time) { return reaches(from) ? time < from.cost : time <= problem_.budget; };
    std::vector<known_plan> centres = {from};
    for (const known_plan& p : plans_) {
      if (p.asked_for && allowed(p.cost) && std::isfinite(p.score) && p.raised != from.raised) centres.push_back(p);
    }
    std::stable_sort(centres.begin() + 1, centres.end(),
                     [](const known_plan& a, const known_plan& b) { return a.score > b.score; });
    if (centres.size() > centre_count) centres.erase(centres.begin() + centre_count, centres.end());

    // By what layers gained on average, and by what they are missed where all others are raised, in turn.
    std::vector<raised_layers> tries;
    std::vector<std::vector<raised_layers>> lists = {promising(centres, mean_gains(), allowed, tries_per_candidate * n),
                                                     {}};
    const std::vector<double> from_above = gains_from_above();
    if (std::any_of(from_above.begin(), from_above.end(), [](double g) { return g != 0; })) {
      lists[1] = promising(centres, from_above, allowed, tries_per_candidate * n);
    }
    std::set<raised_layers> taken;
    for (std::size_t i = 0; i < std::max(lists[0].size(), lists[1].size()); ++i) {
      for (const auto& list : lists) {
        if (i < list.size() && taken.insert(list[i]).second) tries.push_back(list[i]);
      }
    }
    estimate_ = std::max(estimate_, asked_for_ + tries.size());
    for (const raised_layers& raised : tries) {
      (void)score(raised);
      if (best().raised != from.raised) return true;
    }
    return false;
  }

  /// New plans next to some, those first of which most is promised by what each layer gains.
  template <class Allowed>
  [[nodiscard]] std::vector<raised_layers> promising(const std::vector<known_plan>& centres,
                                                     const std::vector<double>& gains, const Allowed& allowed,
                                                     std::size_t most_plans) const {
    const std::size_t n = candidates_.size();
    std::map<raised_layers, double> promises;
    for (const known_plan& centre : centres) {
      const auto look = [&](std::initializer_list<std::size_t> changed) {
        raised_layers raised = centre.raised;
        double promise = centre.score;
        double time = centre.cost;
        for (const std::size_t c : changed) {
          raised[c] = !raised[c];
          promise += raised[c] ? gains[c] : -gains[c];
          time += raised[c] ? extra_time_[c] : -extra_time_[c];
        }
        const auto known = known_.find(raised);
        const bool is_new = known == known_.end() || !plans_[known->second].asked_for;
        if (!is_new || !allowed(time)) return;
        double& most = promises.try_emplace(std::move(raised), promise).first->second;
        most = std::max(most, promise);
      };
      for (std::size_t a = 0; a < n; ++a) {
        look({a});
        for (std::size_t b = a + 1; b < n; ++b) look({a, b});
      }
    }
    std::vector<std::pair<raised_layers, double>> order(promises.begin(), promises.end());
    std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    std::vector<raised_layers> result;
    for (std::size_t i = 0; i < std::min(order.size(), most_plans); ++i) result.push_back(order[i].first);
    return result;
  }

  /// Every plan that could still be better, the cheapest first, so that the first to reach the goal is the cheapest.
  void try_all() {
    std::vector<std::pair<double, raised_layers>> order;
    for (std::size_t set = 0; set < std::size_t{1} << candidates_.size(); ++set) {
      raised_layers raised = none();
      for (std::size_t c = 0; c < candidates_.size(); ++c) raised[c] = (set >> c & 1U) != 0;
      const double time = cost(raised);
      if (time <= problem_.budget) order.emplace_back(time, std::move(raised));
    }
    std::sort(order.begin(), order.end());
    const auto could_be_better = [&](double time) { return !reaches(best()) || time < best().cost; };
    estimate_ = asked_for_ + static_cast<std::size_t>(std::count_if(order.begin(), order.end(), [&](const auto& p) {
                  const auto known = known_.find(p.second);
                  return could_be_better(p.first) && (known == known_.end() || !plans_[known->second].asked_for);
                }));
    for (const auto& [time, raised] : order) {
      if (!could_be_better(time)) return;
      (void)score(raised);
    }
  }

  [[nodiscard]] bool is_better(const known_plan& a, const known_plan& b) const {
    const bool a_fits = a.cost <= problem_.budget;
    const bool b_fits = b.cost <= problem_.budget;
    if (a_fits != b_fits) return a_fits;
    if (reaches(a) != reaches(b)) return reaches(a);
    if (reaches(a) && a.cost != b.cost) return a.cost < b.cost;
    if (a.score != b.score) return a.score > b.score;
    if (a.cost != b.cost) return a.cost < b.cost;
    return a.raised < b.raised;
  }
  /// Of the plans that this search asked for, so that a resumed search goes the same way as one in one piece.
  [[nodiscard]] const known_plan& best() const {
    const known_plan* found = nullptr;
    for (const known_plan& p : plans_) {
      if (p.asked_for && (found == nullptr || is_better(p, *found))) found = &p;
    }
    return *found;
  }

  [[nodiscard]] evaluated_plan as_evaluated(const known_plan& p) const {
    evaluated_plan e{{}, p.cost, p.score};
    for (std::size_t c = 0; c < candidates_.size(); ++c) {
      if (p.raised[c]) e.layers.push_back(net_.layers[candidates_[c]].name);
    }
    return e;
  }

  [[nodiscard]] search_result result(bool finished) const {
    search_result r;
    for (const known_plan& p : plans_) r.evaluated.push_back(as_evaluated(p));
    std::vector<std::size_t> order(plans_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      const known_plan& x = plans_[a];
      const known_plan& y = plans_[b];
      return std::tie(x.cost, y.score, y.raised) < std::tie(y.cost, x.score, x.raised);
    });
    for (const std::size_t i : order) {
      if (r.front.empty() || plans_[i].score > r.front.back().score) r.front.push_back(r.evaluated[i]);
    }
    const known_plan& best_of_all =
        *std::min_element(plans_.begin(), plans_.end(), [&](const auto& a, const auto& b) { return is_better(a, b); });
    r.best = as_evaluated(best_of_all);
    r.reached = reaches(best_of_all);
    r.finished = finished;
    r.evaluations = made_;
    if (const auto found = known_.find(all()); !r.reached && found != known_.end()) {
      r.all_in_16bit = plans_[found->second].score;
    }
    r.verdict = verdict(r);
    return r;
  }

  [[nodiscard]] std::string verdict(const search_result& r) const {
    const std::string plan =
        message(r.best.layers.size(), " of ", candidates_.size(), " layers in 16 bits, ", r.best.cost,
                " times the time of 8 bits, ", problem_.target.name, " ", r.best.score);
    if (r.reached) return message("the goal ", problem_.goal, " is reached: ", plan);
    const std::string within =
        std::isfinite(problem_.budget) ? message(" within the budget ", problem_.budget) : std::string();
    std::string text = message("the goal ", problem_.goal, " is not reached", within, " by any of ", r.evaluated.size(),
                               " plans; the best: ", plan);
    if (r.all_in_16bit && *r.all_in_16bit >= problem_.goal) {
      text += message("; with all in 16 bits it would be: ", *r.all_in_16bit);
    } else if (r.all_in_16bit) {
      text +=
          message("; nor with all in 16 bits: ", *r.all_in_16bit, ", so that precision alone is not what is missing");
    }
    return r.finished ? text : text + "; the search was ended before it was complete";
  }

  const search_problem& problem_;
  const search_options& options_;
  const network& net_;
  prepared_layers prepared_;
  precision_plan base_;                                 ///< no candidate raised
  std::vector<std::size_t> candidates_;                 ///< layers, by index
  std::vector<double> extra_time_;                      ///< of each, in costs
  double unit_ = 0;                                     ///< the time of all layers in 8 bits
  std::vector<std::vector<tensor<float>>> references_;  ///< of each picture
  std::string fingerprint_;
  std::optional<evaluation_file> file_;
  std::vector<known_plan> plans_;
  std::map<raised_layers, std::size_t> known_;  ///< index in plans_
  std::size_t made_ = 0, asked_for_ = 0, estimate_ = 0;
};

}  // namespace detail

/// Searches. Deterministic, for any number of threads. Throws format_error for a problem without pictures, target or
/// layers that compute, a goal that is not finite, a budget below what no raised layer costs and a state file of
/// another problem; parse_error for a damaged state file, error for one that cannot be written; and as network_runner.
[[nodiscard]] inline search_result search_precisions(const search_problem& problem,
                                                     const search_options& options = {}) {
  return detail::precision_searcher(problem, options).search();
}

NNIESIM_END_NAMESPACE
