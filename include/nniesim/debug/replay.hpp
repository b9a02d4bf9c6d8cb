// Which of the usual causes gives just the values that a run shows: each is replayed through the simulated network, so
// that an output alone is enough to tell them apart.
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
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <nniesim/debug/experiment_context.hpp>
#include <nniesim/debug/input_transforms.hpp>
#include <nniesim/debug/limits.hpp>
#include <nniesim/metrics/compare.hpp>
#include <nniesim/network/calibrate.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Values that a run shows, and the blobs whose they can be: more than one where only the size tells. Rows and channels
/// may be padded, as hardware writes them.
struct shown_values {
  std::string name;                ///< of the layer; replay_result::blobs has it
  std::vector<std::size_t> blobs;  ///< of the network, by index; without any they do not count
  std::vector<float> values;       ///< row-major
};

/// What a replayed cause makes different.
enum class replay_kind {
  as_planned,  ///< nothing
  input,       ///< an input is changed
  picture,     ///< another picture of the list
  mode,        ///< all layers in 8 or in 16 bits
  ranges,      ///< ranges from one picture alone
  in_float     ///< the float network
};

/// A cause that was replayed.
struct replayed_cause {
  replay_kind kind = replay_kind::as_planned;                   ///< what is different
  input_change change{};                                        ///< of kind input: of one of the inputs
  std::size_t picture = 0;                                      ///< of kind picture and ranges: the entry of the list
  layer_precision mode{};                                       ///< of kind mode
  std::size_t order = 0;                                        ///< in which causes were tried, the simplest first
  std::string text{};                                           ///< in words
  double difference = std::numeric_limits<double>::infinity();  ///< relative L2, of what it gives from what is shown
};

/// What a replay came to.
enum class replay_verdict {
  as_planned,  ///< the run shows what it should
  explained,   ///< one cause gives what it shows, and no other comes near
  ambiguous,   ///< causes of several kinds give it
  unexplained,
};

/// What a replay of all causes found.
struct replay_result {
  replay_verdict verdict = replay_verdict::unexplained;         ///< what it came to
  double as_planned = std::numeric_limits<double>::infinity();  ///< relative L2 of the simulation as planned
  double from_float = std::numeric_limits<double>::infinity();  ///< of the float network
  std::vector<replayed_cause> causes{};                         ///< the nearest first
  std::map<std::string, std::size_t> blobs{};                   ///< which blob each of the shown values is, by its name
};

namespace detail {

/// Relative L2 of y from x, rows of x perhaps padded. Infinite where the sizes do not fit.
[[nodiscard]] inline double difference_of(std::span<const float> shown, std::span<const float> y,
                                          const tensor_shape& shape) {
  if (y.empty() || shown.size() < y.size()) return std::numeric_limits<double>::infinity();
  const std::size_t w = shown.size() == y.size() || shape.rank() == 0 ? y.size() : shape[shape.rank() - 1];
  const std::size_t rows = y.size() / w, stride = shown.size() / rows;
  double squares = 0, error = 0;
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t i = 0; i < w; ++i) {
      const auto a = static_cast<double>(shown[r * stride + i]), b = static_cast<double>(y[r * w + i]);
      squares += a * a;
      error += (a - b) * (a - b);
    }
  }
  if (!std::isfinite(error)) return std::numeric_limits<double>::infinity();
  return squares > 0 ? std::sqrt(error / squares) : (error > 0 ? std::numeric_limits<double>::infinity() : 0.0);
}

}  // namespace detail

/// Replays causes against what a run shows. `lab` must outlive the object.
class replayer {
 public:
  /// `shown` are the run's values, without the network's inputs. Only those count that have a blob; `is_float`: of a
  /// run of the float network, such as a reference.
  replayer(const experiment_context& lab, std::vector<shown_values> shown, bool is_float = false)
      : lab_(lab), shown_(std::move(shown)), is_float_(is_float), prepared_(lab.net, lab.policies) {
    std::erase_if(shown_, [](const shown_values& s) { return s.blobs.empty() || s.values.empty(); });
    for (const shown_values& s : shown_) keep_.insert(keep_.end(), s.blobs.begin(), s.blobs.end());
    for (const tensor_view<const float>& x : lab_.inputs) inputs_.emplace_back(x.span().begin(), x.span().end());
  }

  /// Whether there are values to compare with and inputs to feed; without them run() replays nothing.
  [[nodiscard]] bool can_run() const noexcept { return !shown_.empty() && !lab_.inputs.empty(); }

  /// The scene of an input: by its picture, where that is at hand, else what the input tells. Nothing where it is no
  /// picture.
  [[nodiscard]] std::optional<input_scene> scene(std::size_t input) const {
    if (input >= lab_.inputs.size()) return std::nullopt;
    const tensor_shape& shape = lab_.net.blobs[input_blobs(lab_.net)[input]].shape;
    const known_preprocessing known =
        input < lab_.preprocessing.size() ? lab_.preprocessing[input] : known_preprocessing{};
    if (shape.rank() == 4 && shape[0] == 1 && lab_.pictures.read) {
      if (const auto picture = lab_.pictures.read(input, lab_.pictures.chosen)) {
        input_scene s = scene_of(*picture, known, shape);
        // A picture that does not make the input is another one.
        const auto made = changed_input({}, s);
        if (made && detail::difference_of(inputs_[input], *made, shape) < detail::limit::same_input) return s;
      }
    }
    return scene_of(inputs_[input], known, shape);
  }

  /// What a way to run gives: the largest relative L2 error over what is shown. Each counts as the nearest of its
  /// blobs.
  [[nodiscard]] double difference(const std::vector<std::vector<float>>& inputs, const precision_plan& plan,
                                  const activation_ranges* ranges) {
    network_runner& runner = runner_of(plan, ranges);
    std::vector<tensor<float>> tensors;
    const std::vector<std::size_t> blobs = input_blobs(lab_.net);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      tensors.push_back(make_tensor<float>(lab_.net.blobs[blobs[i]].shape));
      std::copy(inputs[i].begin(), inputs[i].end(), tensors.back().begin());
    }
    runner.run(tensors);
    ++runs_;
    double worst = 0;
    for (const shown_values& s : shown_) {
      double best = std::numeric_limits<double>::infinity();
      for (const std::size_t b : s.blobs) {
        const tensor<float> y = runner.value(b);
        const double d = detail::difference_of(s.values, view_of(y).span(), lab_.net.blobs[b].shape);
        if (d >= best) continue;
        best = d;
        nearest_[s.name] = b;
      }
      worst = std::max(worst, best);
    }
    return worst;
  }

  /// The difference of what is planned: of the float network, where that is replayed.
  [[nodiscard]] double as_planned() {
    return is_float_ ? difference(inputs_, float_plan(lab_.net), nullptr)
                     : difference(inputs_, lab_.plan, &lab_.ranges);
  }

  /// Replays all causes. Never throws for a cause that cannot be replayed: it is passed over.
  [[nodiscard]] replay_result run() {
    replay_result result;
    if (!can_run()) return result;
    const precision_plan plan = is_float_ ? float_plan(lab_.net) : lab_.plan;
    const activation_ranges* const ranges = is_float_ ? nullptr : &lab_.ranges;
    best_ = std::numeric_limits<double>::infinity();
    const auto offer = [&](replayed_cause cause, const std::vector<std::vector<float>>& inputs, const precision_plan& p,
                           const activation_ranges* r) {
      try {
        cause.difference = difference(inputs, p, r);
      } catch (const error&) {
        return;
      }
      if (cause.difference < best_) {
        best_ = cause.difference;
        result.blobs = nearest_;
      }
      cause.order = result.causes.size();
      result.causes.push_back(std::move(cause));
    };
    result.as_planned = difference(inputs_, plan, ranges);
    best_ = result.as_planned;
    result.blobs = nearest_;
    if (result.as_planned <= detail::limit::replayed_as_planned) {
      result.verdict = replay_verdict::as_planned;
      return result;
    }
    if (!is_float_) {
      try {
        result.from_float = difference(inputs_, float_plan(lab_.net), nullptr);
      } catch (const error&) {
      }
    }
    if (!is_float_) offer_arithmetic(offer);
    offer_pictures(offer, plan, ranges);
    std::vector<std::optional<input_scene>> scenes;
    for (std::size_t i = 0; i < inputs_.size(); ++i) scenes.push_back(scene(i));
    offer_inputs(offer, scenes, change_breadth::single, plan, ranges);
    if (best_ > detail::limit::replayed_enough) offer_inputs(offer, scenes, change_breadth::pairs, plan, ranges);
    if (best_ > detail::limit::replayed) offer_inputs(offer, scenes, change_breadth::foreign, plan, ranges);
    decide(result);
    return result;
  }
  /// How many times the network ran.
  [[nodiscard]] std::size_t runs() const noexcept { return runs_; }

 private:
  [[nodiscard]] network_runner& runner_of(const precision_plan& plan, const activation_ranges* ranges) {
    for (auto& [p, r, runner] : runners_) {
      if (p == plan && r == ranges) return *runner;
    }
    auto runner = std::make_unique<network_runner>(
        lab_.net, plan,
        runner_options{.keep = keep_, .threads = lab_.threads, .prepared = plan.is_float ? nullptr : &prepared_});
    if (ranges != nullptr && !plan.is_float) runner->use(*ranges);
    runners_.push_back({plan, ranges, std::move(runner)});
    return *std::get<2>(runners_.back());
  }

  template <class Offer>
  void offer_arithmetic(const Offer& offer) {
    const auto tried = [&](replay_kind kind, std::string text, const precision_plan& p, const activation_ranges* r,
                           std::size_t picture = 0, layer_precision mode = {}) {
      offer({.kind = kind, .picture = picture, .mode = mode, .text = std::move(text)}, inputs_, p, r);
    };
    tried(replay_kind::in_float, "the float network", float_plan(lab_.net), nullptr);
    for (const auto& [policy, text] : {std::pair(layer_precision::w8a8, "all layers in 8 bits (compile_mode 0)"),
                                       std::pair(layer_precision::w16a16, "all layers in 16 bits (compile_mode 1)")}) {
      const precision_plan p = plan_of(lab_.net, policy);
      const bool has_ranges = std::all_of(p.layers.begin(), p.layers.end(), [&](layer_precision l) {
        return !l.encodes() || have_scales(lab_.ranges, lab_.policies[l]);
      });
      if (p != lab_.plan && has_ranges) tried(replay_kind::mode, text, p, &lab_.ranges, 0, policy);
    }
    tried(replay_kind::ranges, "ranges from this picture alone", lab_.plan, nullptr, lab_.pictures.chosen);
    if (!lab_.pictures.inputs || lab_.pictures.count < 2) return;
    const std::size_t count = std::min(lab_.pictures.count, detail::limit::ranges_replayed);
    for (std::size_t i = 0; i < count; ++i) {
      if (i == lab_.pictures.chosen) continue;
      try {
        calibrator c(lab_.net, lab_.plan,
                     lab_.ranges.rule == range_rule::floating ? range_rule::floating : range_rule::quantized,
                     lab_.threads, lab_.policies);
        std::vector<tensor<float>> x = lab_.pictures.inputs(i);
        std::vector<tensor_view<const float>> views;
        for (const auto& t : x) views.push_back(view_of(t));
        c.add(views);
        ranges_of_one_.push_back(std::make_unique<activation_ranges>(c.ranges()));
      } catch (const error&) {
        continue;
      }
      tried(replay_kind::ranges, detail::message("ranges from ", picture_name(i), " alone"), lab_.plan,
            ranges_of_one_.back().get(), i);
      std::erase_if(runners_, [&](const auto& r) { return std::get<1>(r) == ranges_of_one_.back().get(); });
    }
  }
  template <class Offer>
  void offer_pictures(const Offer& offer, const precision_plan& plan, const activation_ranges* ranges) {
    if (!lab_.pictures.inputs) return;
    const std::size_t count = std::min(lab_.pictures.count, detail::limit::pictures_replayed);
    for (std::size_t i = 0; i < count; ++i) {
      if (i == lab_.pictures.chosen) continue;
      std::vector<std::vector<float>> x;
      try {
        for (const tensor<float>& t : lab_.pictures.inputs(i)) x.emplace_back(t.begin(), t.end());
      } catch (const error&) {
        continue;
      }
      offer({.kind = replay_kind::picture,
             .picture = i,
             .text = detail::message("another picture of the list: ", picture_name(i))},
            x, plan, ranges);
    }
  }
  [[nodiscard]] std::string picture_name(std::size_t i) const {
    return lab_.pictures.name ? lab_.pictures.name(i) : detail::message("entry ", i + 1);
  }
  template <class Offer>
  void offer_inputs(const Offer& offer, const std::vector<std::optional<input_scene>>& scenes, change_breadth breadth,
                    const precision_plan& plan, const activation_ranges* ranges) {
    for (std::size_t i = 0; i < scenes.size(); ++i) {
      if (!scenes[i]) continue;
      for (const input_change& change : input_changes(*scenes[i], breadth)) {
        std::vector<std::vector<float>> x = inputs_;
        auto y = changed_input(change, *scenes[i]);
        if (!y || y->size() != x[i].size()) continue;
        if (*y == x[i]) continue;
        x[i] = std::move(*y);
        offer({.kind = replay_kind::input, .change = change, .text = to_string(change, *scenes[i])}, x, plan, ranges);
      }
    }
  }
  void decide(replay_result& result) const {
    std::stable_sort(result.causes.begin(), result.causes.end(),
                     [](const replayed_cause& a, const replayed_cause& b) { return a.difference < b.difference; });
    if (result.causes.empty()) return;
    const double least = result.causes.front().difference;
    if (least > detail::limit::replayed || least > detail::limit::replayed_share * result.as_planned) {
      result.verdict =
          result.as_planned <= detail::limit::replayed ? replay_verdict::as_planned : replay_verdict::unexplained;
      return;
    }
    // Of those that are about as near the simplest, which was tried first.
    const double near = detail::limit::replayed_alike * result.causes.front().difference;
    const auto behind = std::find_if(result.causes.begin(), result.causes.end(),
                                     [&](const replayed_cause& c) { return c.difference > near; });
    const auto first =
        std::min_element(result.causes.begin(), behind,
                         [](const replayed_cause& a, const replayed_cause& b) { return a.order < b.order; });
    std::rotate(result.causes.begin(), first, first + 1);
    const replayed_cause& best = result.causes.front();
    const auto next = std::find_if(result.causes.begin() + 1, result.causes.end(),
                                   [&](const replayed_cause& c) { return !is_alike(c, best); });
    const bool is_alone =
        next == result.causes.end() || best.difference <= detail::limit::replayed_share * next->difference;
    result.verdict = is_alone ? replay_verdict::explained : replay_verdict::ambiguous;
  }
  /// Causes that a change mends in the same way.
  [[nodiscard]] static bool is_alike(const replayed_cause& a, const replayed_cause& b) {
    if (a.kind != b.kind) return false;
    if (a.kind != replay_kind::input) return true;
    return a.change.bytes == b.change.bytes && a.change.reversed == b.change.reversed &&
           a.change.values == b.change.values;
  }

  const experiment_context& lab_;
  std::vector<shown_values> shown_;
  bool is_float_;
  prepared_layers prepared_;
  std::vector<std::size_t> keep_;
  std::vector<std::vector<float>> inputs_;
  std::vector<std::tuple<precision_plan, const activation_ranges*, std::unique_ptr<network_runner>>> runners_;
  std::vector<std::unique_ptr<activation_ranges>> ranges_of_one_;
  std::map<std::string, std::size_t> nearest_;
  double best_ = std::numeric_limits<double>::infinity();
  std::size_t runs_ = 0;
};

NNIESIM_END_NAMESPACE
