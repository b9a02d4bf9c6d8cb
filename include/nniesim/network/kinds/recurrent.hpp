// Recurrent layers: LSTM and RNN, and the Lstm of Caffe's forks.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include <nniesim/network/kinds/fully_connected.hpp>
#include <nniesim/ops/recurrent.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace layers {

/// Inputs are x, then, as far as the parameters name them, the continuation, x_fixed, and the first h and c; outputs y,
/// then the last h and c of exposed states.
struct recurrent : recurrent_params {
  recurrent_weights learned{};  ///< weights and biases
};

}  // namespace layers

/// LSTM and RNN, and the Lstm of forks.
template <>
struct layer_kind<layers::recurrent> : basic_kind {
  using params = layers::recurrent;                      ///< its parameters
  static constexpr bool encodes_several_weights = true;  ///< one tensor for each product
  /// One copy is made.
  [[nodiscard]] static std::size_t weight_copies(const params&) noexcept { return 1; }

  /// x and x_fixed are always read as codes.
  [[nodiscard]] static bool reads_codes(const params&) noexcept { return true; }
  /// Of x and x_fixed; continuation and states are read as they stand in the policy's output format.
  [[nodiscard]] static bool reads_codes_of(const params& p, std::size_t input) noexcept {
    return input == 0 || (p.has_fixed_input && input == detail::recurrent_fixed_index(p));
  }
  /// Calls f with each tensor of weights that the layer has.
  template <class Params, class F>
  static void for_each_weights(Params& p, F&& f) {
    f(p.learned.input);
    if (p.has_fixed_input) f(p.learned.fixed);
    f(p.learned.hidden);
    if (p.cell == recurrent_cell::rnn) f(p.learned.output);
  }
  /// Counts all weights and biases.
  [[nodiscard]] static std::size_t weights(const params& p) noexcept {
    std::size_t all = p.learned.bias.size() + p.learned.output_bias.size();
    for_each_weights(p, [&](const tensor<float>& w) { all += w.size(); });
    return all;
  }
  /// Adds the products of all steps, those of x_fixed once for each sequence.
  static void add_work(const layer_facts& l, const tensor_shape&, const params& p, layer_work& work) {
    const detail::recurrent_extents e = detail::extents_of(p, l.inputs[0]);
    const auto add = [&](std::size_t rows, const tensor<float>& w) {
      const tensor_shape s = shape_of(w);
      layer_work one;
      one.add_products(rows, 1, s[1], s[0]);
      work.macs += one.macs;
      work.padded_macs += one.padded_macs;
    };
    add(e.rows(), p.learned.input);
    if (p.has_fixed_input) add(e.sequences, p.learned.fixed);
    add(e.rows(), p.learned.hidden);
    if (p.cell == recurrent_cell::rnn) add(e.rows(), p.learned.output);
  }
  /// Allows at most 1024 steps.
  static void check_rules(const layer_facts& l, const params& p, detail::hardware_rules& rules) {
    const std::size_t steps = detail::extents_of(p, l.inputs[0]).steps;
    rules.require(steps <= 1024, "at most 1024 steps", "the SDK's headers, as an open driver has them", steps,
                  " steps");
  }
  /// What infer_shapes() gives for the inputs.
  [[nodiscard]] static std::vector<tensor_shape> shapes(const layer_facts& l, const params& p) {
    const std::vector<tensor_shape> all = infer_shapes(p, p.learned, l.inputs);
    detail::require<shape_error>(l.outputs == all.size(), l.type, ": ", l.outputs, " outputs, expected ", all.size());
    return all;
  }
  /// Memory for the weights of all products, the largest workspace of one, and the sums and states.
  template <precision_policy P, class Kind>
  [[nodiscard]] static detail::operator_need need(const layer_facts& l, const params& p, std::size_t workers) {
    using namespace detail;
    const tensor_shape& x = l.inputs[0];
    if (x.rank() < 2 || x.size() == 0) return {};
    const std::size_t rows = p.flat_sequences == 0 ? product_of(x[0], x[1]) : x[0];
    operator_need all;
    bool fits = true;
    for_each_weights(p, [&](const tensor<float>& w) {
      const tensor_shape s = shape_of(w);
      fits = fits && s.rank() == 2 && s.size() != 0;
      if (!fits) return;
      const operator_need one = product_need<P>(rows, s, workers);
      all.prepared = sum_of(all.prepared, one.prepared);
      all.workspace = std::max(all.workspace, one.workspace);
    });
    if (!fits) return {};
    const tensor_shape hidden = shape_of(p.learned.hidden);
    // Sums of all rows and, at most, as many of a step twice; four rows of states.
    const std::size_t values = sum_of(product_of(rows, hidden[0], 3), product_of(rows, hidden[1], 4));
    all.workspace = sum_of(all.workspace, product_of(values, sizeof(value_t<P>)), 1024);
    return all;
  }
  /// Lays out the weights.
  template <precision_policy P>
  [[nodiscard]] static recurrent_layer<P> prepare(const layer_facts&, const params& p) {
    return recurrent_layer<P>(p.learned, p);
  }
  /// What the recurrent_layer needs.
  template <precision_policy P>
  [[nodiscard]] static std::size_t workspace_bytes(const params&, const recurrent_layer<P>& layer,
                                                   const tensor_shape& x, const executor& threads) {
    return layer.workspace_bytes(x, threads);
  }
  /// Runs the recurrent_layer on the inputs that there are.
  template <precision_policy P>
  static void run(const params& p, const recurrent_layer<P>& layer, const kind_run<P>& r) {
    const std::size_t fixed = detail::recurrent_fixed_index(p), state = detail::recurrent_state_index(p);
    const auto run_on = [&]<class X, class F>(const tensor_view<const X>& x, const tensor_view<const F>& fixed_input) {
      recurrent_run<P, X, F> run;
      run.x = x;
      run.scale = r.scales[0];
      if (p.has_continuation) run.continuation = r.inputs[1];
      if (p.has_fixed_input) {
        run.fixed = fixed_input;
        run.fixed_scale = r.scales[fixed];
      }
      run.y = r.outputs[0];
      if (p.exposes_states) {
        run.first_h = r.inputs[state];
        run.last_h = r.outputs[1];
        if (p.cell == recurrent_cell::lstm) {
          run.first_c = r.inputs[state + 1];
          run.last_c = r.outputs[2];
        }
      }
      layer.run(run, r.workspace, r.threads);
    };
    r.with_codes_of(0, [&](const auto& x) {
      if (!p.has_fixed_input) return run_on(x, tensor_view<const value_t<P>>());
      r.with_codes_of(fixed, [&](const auto& fixed_input) { run_on(x, fixed_input); });
    });
  }
};

NNIESIM_END_NAMESPACE
