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
      const std::size_t count = input_ranges(l);
      if (count == 0) continue;
      auto& ranges = ranges_.layers[l.name];
      const bool is_first = ranges.empty();
      ranges.resize(count);
      for (std::size_t i = 0; i < count; ++i) {
        const float most = largest(l, i, count);
        const activation_range found{gfpq8::scale_of_max(most), gfpq16::scale_of_max(most)};
        ranges[i].in_8bit = is_first ? found.in_8bit : std::max(ranges[i].in_8bit, found.in_8bit);
        ranges[i].in_16bit = is_first ? found.in_16bit : std::max(ranges[i].in_16bit, found.in_16bit);
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

  /// The largest magnitude in range i of a layer: of one input, or of one group of the channels of its only input.
  [[nodiscard]] float largest(const layer& l, std::size_t i, std::size_t count) const {
    const bool by_group = l.inputs.size() == 1;
    const std::size_t groups = by_group ? count : 1;
    float most = 0;
    runner_.visit(l.inputs[by_group ? 0 : i], [&](auto x) {
      if constexpr (std::same_as<element_t<decltype(x)>, float>) {
        const std::size_t batch = x.shape()[0];
        const std::size_t part = x.size() / batch / groups;
        for (std::size_t n = 0; n < batch; ++n) {
          const float* values = x.data() + (n * groups + (by_group ? i : 0)) * part;
          most = std::max(most, kernels::select(active_isa(),
                                                [&](auto set) { return decltype(set)::max_magnitude(values, part); }));
        }
      }
    });
    return most;
  }

  const network* net_;
  network_runner runner_;
  activation_ranges ranges_;
};

NNIESIM_END_NAMESPACE
