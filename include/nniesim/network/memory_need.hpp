// How much memory a network takes, told from its shapes before anything is allocated, and how much there may be.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <nniesim/core/excerpt.hpp>
#include <nniesim/network/blob_storage.hpp>
#include <nniesim/network/policy_set.hpp>
#include <nniesim/network/precision_plan.hpp>
#include <nniesim/network/runner_options.hpp>

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
  std::vector<bool> in_pieces{};      ///< of each layer: whether its weights are laid out piece by piece in every run
  std::size_t largest_layer = 0;      ///< index

  /// The sum of weights, prepared, activations and scratch; sums stop at the largest number.
  [[nodiscard]] std::size_t total() const noexcept;
};

namespace detail {

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

}  // namespace detail

inline std::size_t memory_need::total() const noexcept {
  return detail::sum_of(weights, prepared, activations, scratch);
}

/// What a network_runner with these options takes: of `net`'s shapes and this processor's kernels. Throws out_of_range
/// for a blob in `keep` that is not there, format_error for a policy that is not in the set.
[[nodiscard]] inline memory_need need_of_memory(const network& net, const precision_plan& plan,
                                                const runner_options& options = {}) {
  using namespace detail;
  constexpr std::size_t bookkeeping = 2048;  // of a layer: objects and lists
  const precision_plan* const stored_as = options.stored_as;
  const policy_set& policies = policies_of(options);
  memory_need need;
  std::size_t most_workspace = 0, most_copies = 0;
  std::size_t prepared_limit = options.prepared_limit;  // what is left of it
  const std::vector<bool> kept = kept_blobs(net, options.keep_all, options.keep);
  const std::vector<blob_storage> storage = blob_storage_of(net, stored_as == nullptr ? plan : *stored_as);
  const auto bytes_of = [&](std::size_t blob) {
    return sum_of(product_of(net.blobs[blob].shape.size(), sizeof(float)), 64);  // rounded up to a cache line
  };
  for (std::size_t l = 0; l < net.layers.size(); ++l) {
    const layer& x = net.layers[l];
    const layer_precision precision = plan.layers.at(l);
    std::size_t inputs = 0, outputs = 0, copies = 0;
    std::size_t read_copies = 0;
    for (const std::size_t b : x.inputs) {
      inputs = sum_of(inputs, bytes_of(b));
      if (reads_copy(net, plan, storage, l, b, stored_as != nullptr)) read_copies = sum_of(read_copies, bytes_of(b));
    }
    for (const std::size_t b : x.outputs) outputs = sum_of(outputs, bytes_of(b));
    const auto [values, weight_copies] = visit_kind(x, [](auto kind, const auto& p) {
      return std::pair(decltype(kind)::weights(p), decltype(kind)::weight_copies(p));
    });
    const std::size_t weights = product_of(values, sizeof(float));
    operator_need op;
    need.in_pieces.push_back(false);
    if (!x.inputs.empty()) {
      op = policies[precision].need(x, input_shapes(net, x), options.threads.max_workers);
      const bool encodes = stored_as != nullptr && encodes_weights(x) && stored_as->layers.at(l).encodes();
      const bool is_shared = options.prepared != nullptr && !encodes;
      if (!is_shared && lays_out_in_pieces(x) && op.prepared > prepared_limit) {
        need.in_pieces[l] = true;
        op.buffers = sum_of(op.buffers, op.pieces, encodes ? op.piece_weights : 0);
        op.prepared = 0;
      } else {
        prepared_limit -= std::min(prepared_limit, op.prepared);
        if (encodes) op.prepared = sum_of(op.prepared, weights);  // as floats again, other ones
      }
      // Copies: of weights while they are laid out, of the network's input while it is encoded, and for the host.
      const bool on_host = !plan.is_float && precision.writes_floats();
      copies = std::max(product_of(weights, weight_copies),
                        sum_of(read_copies, on_host ? sum_of(inputs, outputs) : 0, op.buffers));
    }
    op.workspace = sum_of(op.workspace, read_copies);
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
  // What lives now, in two halves that no number of blobs carries over, and what ends with each layer.
  std::size_t low = 0, high = 0;
  const auto begin = [&](std::size_t b) {
    low += bytes_of(b) & 0xffffffffU;
    high += bytes_of(b) >> 32U;
  };
  std::vector<std::vector<std::size_t>> ends(net.layers.size());
  const auto begin_all = [&](const layer& l, std::size_t index) {
    for (const std::size_t b : l.outputs) {
      begin(b);
      if (last[b] < net.layers.size()) ends[std::max(last[b], index)].push_back(b);
    }
  };
  for (const layer& l : net.layers) {
    if (is_input(l)) begin_all(l, 0);
  }
  for (std::size_t l = 0; l < net.layers.size(); ++l) {
    if (!is_input(net.layers[l])) begin_all(net.layers[l], l);
    need.activations = std::max(need.activations, sum_of(product_of(high, std::size_t{1} << 32U), low));
    for (const std::size_t b : ends[l]) {
      low -= bytes_of(b) & 0xffffffffU;
      high -= bytes_of(b) >> 32U;
    }
  }
  return need;
}

namespace detail {

/// "1234567890 bytes (1.1 GiB)".
[[nodiscard]] inline std::string bytes_text(std::size_t bytes) {
  if (bytes == most_bytes) return message("more than ", bytes, " bytes");
  constexpr const char* units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto size = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; size >= 1024 && unit < 5; ++unit) size /= 1024;
  if (bytes < 1024) return message(bytes, " bytes");
  return message(bytes, " bytes (", std::round(size * 10) / 10, " ", units[unit], ")");
}

}  // namespace detail

/// Throws memory_error where more than `limit` bytes are needed, naming the parts and the layer that takes the most.
inline void require_memory(const network& net, const memory_need& need, std::size_t limit) {
  const std::size_t total = need.total();
  if (total <= limit && total != detail::most_bytes) return;
  std::string most;
  if (!net.layers.empty()) {
    const layer& l = net.layers[need.largest_layer];
    most = detail::message("; most is taken by layer '", detail::printable(l.name), "' (", l.where,
                           "): ", detail::bytes_text(need.layers[need.largest_layer]));
  }
  throw memory_error(detail::message("network '", detail::printable(net.name), "' takes ", detail::bytes_text(total),
                                     " (weights ", need.weights, ", prepared ", need.prepared, ", activations ",
                                     need.activations, ", scratch ", need.scratch, "), expected at most ",
                                     detail::bytes_text(limit), most));
}

NNIESIM_END_NAMESPACE
