// How much memory a network takes, told from its shapes before anything is allocated, and how much there may be.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <fstream>
#include <limits>
#include <span>
#include <string>
#include <vector>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/resource.h>
#include <unistd.h>
#endif

#include <nniesim/core/excerpt.hpp>
#include <nniesim/kernels/engine.hpp>
#include <nniesim/network/layer_operator.hpp>
#include <nniesim/network/precision_plan.hpp>

NNIESIM_BEGIN_NAMESPACE

/// More memory would be needed than may be taken, or than the system gives.
class memory_error : public error {
 public:
  using error::error;
};

/// Bytes that a network_runner takes. Estimates from above, from shapes alone, but for the gaps between blobs of
/// different sizes that share memory; sums stop at the largest number.
struct memory_need {
  std::size_t weights = 0;      ///< the network's own floats
  std::size_t prepared = 0;     ///< the same as the kernels read them
  std::size_t activations = 0;  ///< blobs: all of them, or the most that live at once
  std::size_t scratch =
      0;  ///< workspaces and copies: the most that layers take besides, while they are prepared or run
  std::vector<std::size_t> layers{};  ///< of each layer: its weights in both forms, outputs and scratch
  std::size_t largest_layer = 0;      ///< index

  [[nodiscard]] std::size_t total() const noexcept;
};

namespace detail {

inline constexpr std::size_t most_bytes = std::numeric_limits<std::size_t>::max();
[[nodiscard]] constexpr std::size_t saturating_sum(std::size_t a, std::size_t b) noexcept {
  return a > most_bytes - b ? most_bytes : a + b;
}
[[nodiscard]] constexpr std::size_t saturating_product(std::size_t a, std::size_t b) noexcept {
  return b != 0 && a > most_bytes / b ? most_bytes : a * b;
}
/// Of any number of factors or terms.
template <class... More>
[[nodiscard]] constexpr std::size_t product_of(std::size_t a, More... more) noexcept {
  ((a = saturating_product(a, static_cast<std::size_t>(more))), ...);
  return a;
}
template <class... More>
[[nodiscard]] constexpr std::size_t sum_of(std::size_t a, More... more) noexcept {
  ((a = saturating_sum(a, static_cast<std::size_t>(more))), ...);
  return a;
}

/// The blobs that can be read after a run: all, or those asked for, the reported and those that no layer reads.
[[nodiscard]] inline std::vector<bool> kept_blobs(const network& net, bool keep_all,
                                                  std::span<const std::size_t> keep) {
  std::vector<bool> is_read(net.blobs.size());
  for (const layer& l : net.layers) {
    for (const std::size_t b : l.inputs) is_read[b] = true;
  }
  std::vector<bool> kept(net.blobs.size());
  for (std::size_t b = 0; b < kept.size(); ++b) kept[b] = keep_all || !is_read[b];
  for (const std::size_t b : keep) kept.at(b) = true;
  for (const std::size_t b : net.reported) kept[b] = true;
  return kept;
}

/// What a layer takes besides its inputs, outputs and weights.
struct operator_need {
  std::size_t prepared = 0;   ///< weights as the kernels read them
  std::size_t workspace = 0;  ///< of a run
  std::size_t buffers = 0;    ///< that a run allocates itself
};

using extents_4 = std::array<std::size_t, 4>;  // whose product may be too large for a tensor_shape

/// `x` is N x C x H x W, `w` OC x C/groups x KH x KW.
template <class P>
[[nodiscard]] operator_need conv_need(const conv2d_params& p, const extents_4& x, const extents_4& w,
                                      std::size_t workers) {
  using engine = kernels::engine<P>;
  constexpr std::size_t bytes = std::max(sizeof(typename engine::operand), sizeof(typename engine::channel_operand));
  constexpr std::size_t cache = 512 * 1024;  // what conv2d_plan gives a part
  constexpr std::size_t slack = 128;
  const kernels::tile_shape tile = engine::tile(active_isa());
  const std::size_t outputs = w[0] / p.groups;
  const std::size_t lanes = outputs == 1 ? 1 : tile.lanes;
  const std::size_t stored = product_of((outputs + lanes - 1) / lanes * lanes, p.groups);
  const std::size_t steps = product_of(w[1], w[2], w[3]);
  const std::size_t row = sum_of(x[3], p.pad.left, p.pad.right, p.stride[1]);
  const std::size_t reach = sum_of(1, product_of(w[2] - 1, p.dilation[0]));
  const std::size_t line = product_of(w[1], row, reach, bytes);
  const std::size_t whole = product_of(w[1], row, sum_of(x[2], p.pad.top, p.pad.bottom, reach), bytes);
  const std::size_t planes = std::min(whole, std::max(cache, line));
  const std::size_t part = sum_of(planes, product_of(w[1], tile.max_rows, bytes), (slack + 64) * bytes);
  return {product_of(stored, steps, bytes),
          sum_of(product_of(part, workers), product_of(steps, 4), product_of(w[0], 24), 2048), 0};
}

template <class P>
[[nodiscard]] operator_need fully_connected_need(std::size_t batch, const tensor_shape& w, std::size_t workers) {
  using engine = kernels::engine<P>;
  constexpr std::size_t bytes = sizeof(typename engine::operand);
  const kernels::tile_shape tile = engine::tile(active_isa());
  // Panels of operands, or of 64 outputs in two bytes each at most.
  const std::size_t panels = product_of((w[0] + tile.lanes - 1) / tile.lanes * tile.lanes, w[1], bytes);
  const std::size_t codes = product_of((w[0] + 63) / 64 * 64, w[1], 2);
  const std::size_t rows = product_of(sum_of(batch, tile.max_rows), sum_of(w[1], 32), bytes);
  const std::size_t sums = (std::min<std::size_t>(batch, 1024) + tile.max_rows + 64) * 64 * sizeof(float);
  return {std::max(panels, codes), sum_of(rows, product_of(sums, workers), product_of(w[0], 24), 2048), 0};
}

/// Weights of a layer, in values.
[[nodiscard]] inline std::size_t weights_of(const layer& l) {
  return std::visit(overloaded{
                        [](const layers::convolution& p) { return p.weights.size() + p.bias.size(); },
                        [](const layers::deconvolution& p) { return p.weights.size() + p.bias.size(); },
                        [](const layers::fully_connected& p) { return p.weights.size() + p.bias.size(); },
                        [](const layers::batch_norm& p) { return 4 * p.statistics.mean.size(); },  // doubles, two
                        [](const layers::scale& p) { return (p.factor ? p.factor->size() : 0) + p.shift.size(); },
                        [](const layers::prelu& p) { return p.slope.size(); },
                        [](const layers::normalize& p) { return p.factor.size(); },
                        [](const auto&) { return std::size_t{0}; },
                    },
                    l.params);
}

/// The deconvolution's convolution: at stride 1, of the input with zeros between its values. `w` is C x OC/groups x KH
/// x KW.
template <class P>
[[nodiscard]] operator_need deconv_need(const conv2d_params& p, const extents_4& x, const extents_4& w,
                                        std::size_t workers) {
  const extents_4 wide{x[0], x[1], sum_of(1, product_of(x[2] - 1, p.stride[0])),
                       sum_of(1, product_of(x[3] - 1, p.stride[1]))};
  const std::size_t rows = product_of(w[2] - 1, p.dilation[0]);
  const std::size_t columns = product_of(w[3] - 1, p.dilation[1]);
  const conv2d_params inner{.pad = padding(rows, columns, rows, columns), .dilation = p.dilation, .groups = p.groups};
  operator_need need = conv_need<P>(inner, wide, {product_of(w[1], p.groups), w[0] / p.groups, w[2], w[3]}, workers);
  need.workspace = sum_of(need.workspace, product_of(wide[0], wide[1], wide[2], wide[3], sizeof(value_t<P>)), 128);
  return need;
}

/// Of a layer with inputs. Nothing for shapes that its operator will refuse.
template <class P>
[[nodiscard]] operator_need need_of(const network& net, const layer& l, std::size_t workers) {
  const tensor_shape& x = net.blobs[l.inputs[0]].shape;
  const auto extents = [](const tensor_shape& s) { return extents_4{s[0], s[1], s[2], s[3]}; };
  const auto fits = [&](const conv2d_params& p, const tensor_shape& w) {
    return x.rank() == 4 && w.rank() == 4 && x.size() != 0 && w.size() != 0 && p.groups != 0;
  };
  return std::visit(
      overloaded{
          [&](const layers::convolution& p) {
            const tensor_shape w = shape_of(p.weights);
            return fits(p.geometry, w) ? conv_need<P>(p.geometry, extents(x), extents(w), workers) : operator_need{};
          },
          [&](const layers::deconvolution& p) {
            const tensor_shape w = shape_of(p.weights);
            return fits(p.geometry, w) ? deconv_need<P>(p.geometry, extents(x), extents(w), workers) : operator_need{};
          },
          [&](const layers::fully_connected& p) {
            const tensor_shape w = shape_of(p.weights);
            return w.rank() == 2 && w.size() != 0 ? fully_connected_need<P>(x.size() / w[1], w, workers)
                                                  : operator_need{};
          },
          [&](const eltwise_params&) {  // pieces of each input, encoded
            return operator_need{
                0, 0, product_of(l.inputs.size(), std::min<std::size_t>(4096, x.size()), sizeof(float), workers)};
          },
          [&](const arg_max_params&) {  // the places along an axis
            return operator_need{0, 0, product_of(x.size(), sizeof(std::size_t))};
          },
          [&](const auto&) {
            return operator_need{product_of(weights_of(l), sizeof(double)), 0, 0};
          },
      },
      l.params);
}

}  // namespace detail

inline std::size_t memory_need::total() const noexcept {
  return detail::sum_of(weights, prepared, activations, scratch);
}

/// What a network_runner with these options takes: of `net`'s shapes and this processor's kernels. Throws out_of_range
/// for a blob in `keep` that is not there.
[[nodiscard]] inline memory_need need_of_memory(const network& net, const precision_plan& plan, bool keep_all,
                                                std::span<const std::size_t> keep = {}, std::size_t threads = 1) {
  using namespace detail;
  constexpr std::size_t bookkeeping = 2048;  // of a layer: objects and lists
  memory_need need;
  std::size_t most_workspace = 0, most_copies = 0;
  const std::vector<bool> kept = kept_blobs(net, keep_all, keep);
  const auto bytes_of = [&](std::size_t blob) {
    return sum_of(product_of(net.blobs[blob].shape.size(), sizeof(float)), 64);  // rounded up to a cache line
  };
  for (std::size_t l = 0; l < net.layers.size(); ++l) {
    const layer& x = net.layers[l];
    const layer_precision precision = plan.layers.at(l);
    std::size_t inputs = 0, outputs = 0, copies = 0;
    for (const std::size_t b : x.inputs) inputs = sum_of(inputs, bytes_of(b));
    for (const std::size_t b : x.outputs) outputs = sum_of(outputs, bytes_of(b));
    const std::size_t weights = product_of(weights_of(x), sizeof(float));
    operator_need op;
    if (!x.inputs.empty()) {
      op = with_policy(precision, [&]<class P>(P) { return detail::need_of<P>(net, x, threads); });
      // Copies: of weights while they are laid out, of batches whose ranges are looked for, and for the host.
      const bool on_host = !plan.is_float && precision == layer_precision::float32;
      const bool for_ranges = is_mac_layer(x) && precision != layer_precision::float32;
      const bool is_turned = std::holds_alternative<layers::deconvolution>(x.params);
      copies = std::max(product_of(weights, is_turned         ? 2
                                            : is_mac_layer(x) ? 1
                                                              : 0),
                        sum_of(for_ranges ? inputs : 0, on_host ? sum_of(inputs, outputs) : 0, op.buffers));
    }
    need.weights = sum_of(need.weights, weights);
    need.prepared = sum_of(need.prepared, op.prepared, bookkeeping);
    most_workspace = std::max(most_workspace, op.workspace);  // in the block of the blobs
    most_copies = std::max(most_copies, copies);
    need.layers.push_back(sum_of(weights, op.prepared, outputs, op.workspace, copies));
    if (need.layers[l] > need.layers[need.largest_layer]) need.largest_layer = l;
  }
  need.scratch = sum_of(most_workspace, most_copies);
  // Blobs from the layer that writes them to the last that reads them.
  std::vector<std::size_t> last(net.blobs.size());
  for (std::size_t l = 0; l < net.layers.size(); ++l) {
    for (const std::size_t b : net.layers[l].outputs) last[b] = kept[b] ? net.layers.size() : l;
    for (const std::size_t b : net.layers[l].inputs) last[b] = std::max(last[b], l);
  }
  // All inputs are written before the first layer runs.
  const auto is_input = [&](const layer& l) { return std::holds_alternative<layers::input>(l.params); };
  std::vector<std::size_t> alive;
  for (const layer& l : net.layers) {
    if (is_input(l)) alive.insert(alive.end(), l.outputs.begin(), l.outputs.end());
  }
  for (std::size_t l = 0; l < net.layers.size(); ++l) {
    if (!is_input(net.layers[l])) {
      alive.insert(alive.end(), net.layers[l].outputs.begin(), net.layers[l].outputs.end());
    }
    std::size_t now = 0;
    for (const std::size_t b : alive) now = sum_of(now, bytes_of(b));
    need.activations = std::max(need.activations, now);
    std::erase_if(alive, [&](std::size_t b) { return last[b] <= l; });
  }
  return need;
}

/// The memory that a process here can have at most: the machine's, or a limit on this process or its container (Linux'
/// control groups). The largest number where the system does not tell.
[[nodiscard]] inline std::size_t machine_memory() {
  static const std::size_t found = [] {
    std::size_t least = detail::most_bytes;
#if defined(__unix__) || defined(__APPLE__)
    const long pages = sysconf(_SC_PHYS_PAGES);
    const long page = sysconf(_SC_PAGESIZE);
    if (pages > 0 && page > 0) least = detail::product_of(static_cast<std::size_t>(pages), page);
    rlimit limit{};
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
      least = std::min(least, static_cast<std::size_t>(limit.rlim_cur));
    }
#endif
#if defined(__linux__)
    std::ifstream group("/sys/fs/cgroup/memory.max");
    if (std::size_t most = 0; group >> most) least = std::min(least, most);  // not where it says "max"
#endif
    return least;
  }();
  return found;
}

namespace detail {

/// "1234567890 bytes (1.1 GiB)".
[[nodiscard]] inline std::string bytes_text(std::size_t bytes) {
  if (bytes == most_bytes) return concat("more than ", bytes, " bytes");
  constexpr const char* units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto size = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; size >= 1024 && unit < 5; ++unit) size /= 1024;
  if (bytes < 1024) return concat(bytes, " bytes");
  return concat(bytes, " bytes (", std::round(size * 10) / 10, " ", units[unit], ")");
}

}  // namespace detail

/// Throws memory_error where more than `limit` bytes are needed, naming the parts and the layer that takes the most.
inline void require_memory(const network& net, const memory_need& need, std::size_t limit) {
  const std::size_t total = need.total();
  if (total <= limit && total != detail::most_bytes) return;
  std::string most;
  if (!net.layers.empty()) {
    const layer& l = net.layers[need.largest_layer];
    most = detail::concat("; most is taken by layer '", detail::printable(l.name), "' (", l.where,
                          "): ", detail::bytes_text(need.layers[need.largest_layer]));
  }
  throw memory_error(detail::concat("network '", detail::printable(net.name), "' takes ", detail::bytes_text(total),
                                    " (weights ", need.weights, ", prepared ", need.prepared, ", activations ",
                                    need.activations, ", scratch ", need.scratch, "), expected at most ",
                                    detail::bytes_text(limit), most));
}

NNIESIM_END_NAMESPACE
