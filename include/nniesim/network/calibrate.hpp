// Calibration: the ranges of a network's blobs over a list of pictures.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <nniesim/network/runner.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Finds the largest magnitude of each blob that a plan stores as codes. Under range_rule::quantized, the default, of
/// the network as the plan quantizes it: weights encoded and decoded, each blob encoded before its readers with the
/// range that it has so far, the picture at hand among those it comes from; sums, biases and BatchNorm in float,
/// nothing cut to 1/4096. Compiled models agree with this rule (16 bits: 5 of 5 blobs of the author's pictures; the
/// float network 2). Under range_rule::floating, of the float network.
class calibrator {
 public:
  /// `net`, as it will be quantized, must outlive the object. `prepared_limit` as of runner_options. Throws as
  /// network_runner.
  calibrator(const network& net, precision_plan plan, range_rule rule = range_rule::quantized,
             const executor& threads = {}, policy_set policies = {}, std::size_t prepared_limit = detail::most_bytes)
      : plan_(std::move(plan)), names_(range_names(net)) {
    detail::require<format_error>(plan_.layers.size() == net.layers.size(), "calibrator: a plan of ",
                                  plan_.layers.size(), " layers, the network has ", net.layers.size());
    detail::require<format_error>(rule != range_rule::given, "calibrator: got the rule 'given', expected one that ",
                                  "looks at pictures: 'quantized' or 'floating'");
    ranges_.rule = rule;
    runner_options options{.threads = threads, .policies = std::move(policies), .prepared_limit = prepared_limit};
    if (rule == range_rule::quantized) {
      ranges_.precision = plan_name(plan_);
      options.stored_as = &plan_;
    } else {
      const std::vector<blob_storage> storage = blob_storage_of(net, plan_);
      for (std::size_t b = 0; b < storage.size(); ++b) {
        if (storage[b].is_codes() && storage[b].source == b && !names_[b].empty()) options.keep.push_back(b);
      }
      kept_ = options.keep;
    }
    runner_.emplace(net, float_plan(net), std::move(options));
  }

  calibrator(const network&&, precision_plan, range_rule = {}, const executor& = {}, policy_set = {}) = delete;

  /// One more picture: the network's inputs, in any of the ways that network_runner::run takes them. Throws as it.
  template <class... X>
  requires(sizeof...(X) != 0) void add(const X&... inputs) {
    run([&] { runner_->run(inputs...); });
  }
  /// The same of views.
  void add(std::span<const tensor_view<const float>> inputs) {
    run([&] { runner_->run(inputs); });
  }

  /// The ranges that follow from the pictures so far.
  [[nodiscard]] const activation_ranges& ranges() const noexcept { return ranges_; }

 private:
  /// A picture that fails leaves no trace.
  template <class F>
  void run(F&& f) {
    activation_ranges next = ranges_;
    runner_->observer_ = [&](std::size_t b, float largest) {
      activation_range& r = next.blobs[names_[b]];
      r.add(largest);
      return r;
    };
    f();
    runner_->observer_ = nullptr;
    for (const std::size_t b : kept_) {
      runner_->visit(b, [&](auto x) {
        if constexpr (std::same_as<element_t<decltype(x)>, float>) {
          next.blobs[names_[b]].add(detail::largest_magnitude<float>(x.span()));
        }
      });
    }
    ++next.pictures;
    ranges_ = std::move(next);
  }

  precision_plan plan_;
  std::vector<std::string> names_;  ///< of blobs among ranges
  std::vector<std::size_t> kept_;   ///< blobs of codes, for the rule `floating`
  std::optional<network_runner> runner_;
  activation_ranges ranges_;
};

NNIESIM_END_NAMESPACE
