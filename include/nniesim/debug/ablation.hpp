// Weight-only and activation-only runs: which side of a layer's arithmetic costs the accuracy. All in float, so that
// nothing but the encoding of weights, of inputs or of both is different from the reference.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include <nniesim/core/excerpt.hpp>
#include <nniesim/kernels/quantize.hpp>
#include <nniesim/metrics/compare.hpp>
#include <nniesim/network/activation_ranges.hpp>
#include <nniesim/network/blob_storage.hpp>
#include <nniesim/network/policy_set.hpp>
#include <nniesim/network/precision_plan.hpp>
#include <nniesim/network/runner.hpp>

NNIESIM_BEGIN_NAMESPACE

/// One output of one layer in the three runs, against the float run: accumulated, every layer before it encoded in the
/// same way.
struct layer_ablation {
  std::size_t layer = 0;          ///< index in the network
  std::size_t output = 0;         ///< of the layer
  comparison weights_only{};      ///< with weights encoded, inputs as they are
  comparison activations_only{};  ///< with what layers read as codes encoded, weights as they are
  comparison both{};              ///< with both encoded
};

/// Runs the network four times, side by side: in float, with the weights of convolutions, deconvolutions, fully
/// connected and recurrent layers replaced by decode(encode(w)), with what layers read of blobs that are stored as
/// codes replaced by decode(encode(x)), and with both: options 0, 2, 1 and 3 of the forward_quantization_option of the
/// vendor's later tools. No q20_12, in no run: what accumulators and outputs lose is not in these numbers.
///
/// `net` is folded, as it is quantized. `plan` says in which width each layer encodes: plan_of(net, compile_mode::...)
/// for one of the compiler's modes; layers in float32 (the host's) encode nothing, those of another policy as it says.
/// Weight scales are those of the policies, one per group; scales of blobs come from `ranges`. `inputs` are the
/// network's, in order. Results: every output of every layer in order of execution, the network's inputs left out
/// (nothing encodes them). Memory: four times the blobs that are still to be read, and the layer at hand prepared
/// twice. Throws shape_error or format_error where inputs, plan or ranges do not fit, as network_runner does; the same
/// numbers for any number of threads.
[[nodiscard]] std::vector<layer_ablation> ablate(const network& net, const precision_plan& plan,
                                                 const activation_ranges& ranges,
                                                 std::span<const tensor_view<const float>> inputs,
                                                 const executor& threads = {}, const policy_set& policies = {});

namespace detail {

/// The layer with weights that were encoded and decoded; none where it has none that are encoded.
[[nodiscard]] inline std::optional<layer> with_encoded_weights(const layer& l, const network_policy& policy) {
  if (!encodes_weights(l) || !policy.precision().encodes()) return std::nullopt;
  layer result = l;
  policy.encode_weights(result);
  return result;
}

/// The four runs, layer by layer.
class ablation {
 public:
  ablation(const network& net, const precision_plan& plan, const activation_ranges& ranges, const executor& threads,
           const policy_set& policies)
      : net_(net), plan_(plan), ranges_(ranges), threads_(threads), policies_(policies), readers_(net.blobs.size()) {
    require<format_error>(plan.layers.size() == net.layers.size(), "ablate: a plan of ", plan.layers.size(),
                          " layers, the network has ", net.layers.size());
    for (auto& run : blobs_) run.resize(net.blobs.size());
    for (const layer& l : net.layers) {
      for (const std::size_t b : l.inputs) ++readers_[b];
    }
    storage_ = blob_storage_of(net, plan);
    names_ = range_names(net);
    for (std::size_t i = 0; i < net.layers.size(); ++i) {
      for (const std::size_t b : net.layers[i].inputs) {
        if (is_encoded(i, b)) (void)range_of(i, b);
      }
    }
  }

  void set_inputs(std::span<const tensor_view<const float>> inputs) {
    std::size_t next = 0;
    for (const layer& l : net_.layers) {
      if (!std::holds_alternative<layers::input>(l.params)) continue;
      const tensor_shape& expected = net_.blobs[l.outputs[0]].shape;
      require<shape_error>(next < inputs.size(), "ablate: ", inputs.size(),
                           " inputs, expected one for each of the network's input layers");
      const tensor_view<const float>& x = inputs[next++];
      require<shape_error>(x.shape() == expected, "input '", l.name, "': got shape ", x.shape(), ", expected ",
                           expected);
      refuse_nan(x, l.name);
      for (auto& run : blobs_) {
        run[l.outputs[0]] = make_tensor<float>(expected);
        std::copy_n(x.data(), x.size(), run[l.outputs[0]].data());
      }
    }
    require<shape_error>(next == inputs.size(), "ablate: ", inputs.size(), " inputs, expected ", next);
  }

  void run_layer(std::size_t index, std::vector<layer_ablation>& results) {
    const layer& l = net_.layers[index];
    const std::vector<tensor_shape> shapes = input_shapes(net_, l);
    const network_policy& in_float = policies_[layer_precision::float32];
    const auto plain = in_float.prepare(l, shapes);
    run(index, *plain, of_float, false);
    run(index, *plain, of_activations, true);
    const std::optional<layer> changed = with_encoded_weights(l, policies_[plan_.layers[index]]);
    const auto with_weights = changed ? in_float.prepare(*changed, shapes) : plain;
    run(index, *with_weights, of_weights, false);
    run(index, *with_weights, of_both, true);
    for (std::size_t o = 0; o < l.outputs.size(); ++o) {
      const std::size_t b = l.outputs[o];
      const tensor<float>& reference = blobs_[of_float][b];
      results.push_back({index, o, compare(reference, blobs_[of_weights][b]),
                         compare(reference, blobs_[of_activations][b]), compare(reference, blobs_[of_both][b])});
      if (readers_[b] == 0) forget(b);
    }
    for (const std::size_t b : l.inputs) {
      if (--readers_[b] == 0) forget(b);
    }
  }

 private:
  enum run_kind : std::size_t { of_float, of_weights, of_activations, of_both, runs };

  [[nodiscard]] const activation_range& range_of(std::size_t index, std::size_t b) const {
    const std::string& name = names_[storage_[b].range];
    const auto found = ranges_.blobs.find(name);
    require<format_error>(found != ranges_.blobs.end(), "calibration: no range for the blob of layer ", excerpt(name),
                          ", which layer ", excerpt(net_.layers[index].name), " reads, expected one");
    return found->second;
  }
  [[nodiscard]] static bool reads_as_codes(const layer& l, std::size_t b) {
    for (std::size_t i = 0; i < l.inputs.size(); ++i) {
      if (l.inputs[i] == b && reads_codes(l, i)) return true;
    }
    return false;
  }
  /// Whether a layer reads a blob encoded.
  [[nodiscard]] bool is_encoded(std::size_t index, std::size_t b) const {
    return storage_[b].is_codes() &&
           (reads_as_codes(net_.layers[index], b) || reads_copy(net_, plan_, storage_, index, b, false));
  }

  void run(std::size_t index, const prepared_layer& op, run_kind kind, bool encode_inputs) {
    const layer& l = net_.layers[index];
    std::vector<tensor<float>> changed;
    changed.reserve(l.inputs.size());
    std::vector<tensor_view<const float>> inputs;
    for (std::size_t i = 0; i < l.inputs.size(); ++i) {
      const tensor<float>& x = blobs_[kind][l.inputs[i]];
      const bool encodes = encode_inputs && is_encoded(index, l.inputs[i]);
      if (encodes) {
        tensor<float>& y = changed.emplace_back(x);
        const std::span<float> values(y.data(), y.size());
        const network_policy& policy = policies_[storage_[l.inputs[i]].read_by(plan_.layers[index])];
        policy.encode_activations(values, range_of(index, l.inputs[i]), values, threads_);
      }
      inputs.push_back(view_of(encodes ? std::as_const(changed.back()) : x));
    }
    std::vector<tensor_view<float>> outputs;
    for (std::size_t o = 0; o < l.outputs.size(); ++o) {
      blobs_[kind][l.outputs[o]] = make_tensor<float>(op.output_shapes()[o]);
      outputs.push_back(view_of(blobs_[kind][l.outputs[o]]));
    }
    const std::vector<activation_range> unused(l.inputs.size());
    memory_.resize(op.workspace_bytes(threads_));
    op.run(layer_run<float>{inputs, unused, outputs, memory_, threads_});
  }

  void forget(std::size_t blob) {
    for (auto& run : blobs_) run[blob] = tensor<float>{};
  }

  const network& net_;
  const precision_plan& plan_;
  const activation_ranges& ranges_;
  const executor& threads_;
  const policy_set& policies_;
  std::vector<blob_storage> storage_;
  std::vector<std::string> names_;    ///< of blobs among ranges
  std::vector<std::size_t> readers_;  ///< of each blob, those still to come
  std::array<std::vector<tensor<float>>, runs> blobs_;
  std::vector<std::byte> memory_;
};

}  // namespace detail

inline std::vector<layer_ablation> ablate(const network& net, const precision_plan& plan,
                                          const activation_ranges& ranges,
                                          std::span<const tensor_view<const float>> inputs, const executor& threads,
                                          const policy_set& policies) {
  detail::ablation runs(net, plan, ranges, threads, policies);
  runs.set_inputs(inputs);
  std::vector<layer_ablation> results;
  for (std::size_t i = 0; i < net.layers.size(); ++i) {
    if (std::holds_alternative<layers::input>(net.layers[i].params)) continue;
    detail::in_layer(net.layers[i], [&] { runs.run_layer(i, results); });
  }
  return results;
}

NNIESIM_END_NAMESPACE
