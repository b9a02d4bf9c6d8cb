// Calibration: the ranges of every layer's inputs over a list of pictures, as the vendor's library derives and updates
// them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include <nniesim/network/runner.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Runs the float network on pictures. The first gives each range its scale, later ones can only raise it: the INIT and
/// UPDATE modes of the vendor's library. How the compiler pools pictures is not known; this is what its library offers.
class calibrator {
 public:
  /// `net`, folded as it will be quantized, must outlive the object.
  explicit calibrator(const network& net, const executor& threads = {})
      : net_(&net), runner_(net, float_plan(net), {.keep_all = false, .keep = read_blobs(net), .threads = threads}) {}

  explicit calibrator(const network&&, const executor& = {}) = delete;  ///< it would be gone before the object is

  /// One more picture: the network's inputs, in any of the ways that network_runner::run takes them. Throws as it.
  template <class... X>
  requires(sizeof...(X) != 0) void add(const X&... inputs) {
    runner_.run(inputs...);
    collect();
  }
  void add(std::span<const tensor_view<const float>> inputs) {
    runner_.run(inputs);
    collect();
  }

  [[nodiscard]] const activation_ranges& ranges() const noexcept { return ranges_; }

 private:
  void collect() {
    for (const layer& l : net_->layers) {
      if (input_ranges(l) == 0) continue;
      auto& ranges = ranges_.layers[l.name];
      std::vector<tensor_view<const float>> inputs;
      for (const std::size_t b : l.inputs) {
        runner_.visit(b, [&](auto x) {
          if constexpr (std::same_as<element_t<decltype(x)>, float>) inputs.push_back(x);
        });
      }
      const std::vector<activation_range> found = detail::ranges_of<float>(l, inputs);
      const bool is_first = ranges.empty();
      ranges.resize(found.size());
      for (std::size_t i = 0; i < found.size(); ++i) {
        ranges[i].in_8bit = is_first ? found[i].in_8bit : std::max(ranges[i].in_8bit, found[i].in_8bit);
        ranges[i].in_16bit = is_first ? found[i].in_16bit : std::max(ranges[i].in_16bit, found[i].in_16bit);
        ranges[i].largest = std::max(ranges[i].largest, found[i].largest);
      }
    }
    ++ranges_.pictures;
  }

  [[nodiscard]] static std::vector<std::size_t> read_blobs(const network& net) {
    std::vector<std::size_t> blobs;
    for (const layer& l : net.layers) {
      if (input_ranges(l) != 0) blobs.insert(blobs.end(), l.inputs.begin(), l.inputs.end());
    }
    return blobs;
  }

  const network* net_;
  network_runner runner_;
  activation_ranges ranges_;
};

NNIESIM_END_NAMESPACE
