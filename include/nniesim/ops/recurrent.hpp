// Recurrent layers: LSTM and RNN as Caffe has them, over steps of several sequences.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/kernels/arena.hpp>
#include <nniesim/kernels/executor.hpp>
#include <nniesim/ops/activation.hpp>
#include <nniesim/ops/fully_connected.hpp>

NNIESIM_BEGIN_NAMESPACE

/// What a recurrent layer has in every step: the cell of Caffe's RNN or LSTM.
enum class recurrent_cell { rnn, lstm };

/// The name of the cell.
[[nodiscard]] constexpr std::string_view to_string(recurrent_cell c) noexcept {
  return c == recurrent_cell::lstm ? "lstm" : "rnn";
}

/// What a recurrent layer computes, in step t of each sequence, from its input x_t, its states of the step before and
/// its continuation k_t, which is 0 where a sequence begins and else 1 (any other number is a factor, as in Caffe):
///
///   s = W_hidden (k_t h_(t-1)) + (W_input x_t + bias) [+ W_fixed x_fixed]
///   lstm: i, f, o = sigmoid(s), g = tanh(s), a quarter each;  c_t = k_t f c_(t-1) + i g;  h_t = o tanh(c_t) = y_t
///   rnn:  h_t = tanh(s);  y_t = tanh(W_output h_t + output_bias)
///
/// Nothing is known of the accelerator's recurrent arithmetic. Our assumption, of policies that encode: each of the
/// products is that of a fully connected layer of the policy, which reads codes of its input and writes what its sum
/// gives; the weights of each have one scale. The codes of h have the scale of magnitude 1, which h never exceeds, or
/// of the first h's largest one, where that is given and more. The sums of products, states and gates stand in the
/// policy's output format, each rounded once where it is written; sigmoid and tanh are the policy's (activation.hpp).
struct recurrent_params {
  recurrent_cell cell = recurrent_cell::lstm;  ///< what is computed in every step
  /// Whether the input behind x is the continuation. Without one all sequences begin at step 0 and go on to the last.
  bool has_continuation = true;
  bool is_flag = false;          ///< the continuation is 1 wherever it is not 0 (the fork's Lstm)
  bool has_fixed_input = false;  ///< there is an x_fixed, the same in all steps
  bool exposes_states = false;   ///< the states at the beginning are inputs, those at the end outputs; else they are 0
  /// 0: x is steps x sequences x ...; else steps * sequences x ..., of so many sequences (the fork's Lstm).
  std::size_t flat_sequences = 0;
  sum_rounding rounding = sum_rounding::none;    ///< of policies with the integer stage
  function_rule rule = function_rule::hardware;  ///< of sigmoid and tanh
};

/// The learned values, H the number of outputs, G 4 for an lstm and 1 for an rnn.
struct recurrent_weights {
  tensor<float> input{};             ///< G*H x features of x
  std::vector<float> bias{};         ///< G*H, or none for zeros
  tensor<float> fixed{};             ///< G*H x features of x_fixed; empty without it
  tensor<float> hidden{};            ///< G*H x H
  tensor<float> output{};            ///< of an rnn H x H; empty for an lstm
  std::vector<float> output_bias{};  ///< of an rnn H, or none for zeros
};

namespace detail {

/// The shapes of learned values.
struct recurrent_shapes {
  tensor_shape input, fixed, hidden, output;
  std::size_t bias = 0, output_bias = 0;

  explicit recurrent_shapes(const recurrent_weights& w)
      : input(shape_of(w.input)),
        fixed(shape_of(w.fixed)),
        hidden(shape_of(w.hidden)),
        output(shape_of(w.output)),
        bias(w.bias.size()),
        output_bias(w.output_bias.size()) {}
};

/// Extents of a recurrent layer's run.
struct recurrent_extents {
  std::size_t steps = 0, sequences = 0, features = 0, fixed_features = 0, hidden = 0, gates = 0;

  [[nodiscard]] std::size_t rows() const noexcept { return steps * sequences; }
  [[nodiscard]] std::size_t sums() const noexcept { return gates * hidden; }  ///< for each row
};

/// How many states there are: h, and of an lstm c.
[[nodiscard]] constexpr std::size_t recurrent_states(const recurrent_params& p) noexcept {
  return p.cell == recurrent_cell::lstm ? 2 : 1;
}
/// How many inputs there are, in the order x, continuation, x_fixed, states.
[[nodiscard]] constexpr std::size_t recurrent_inputs(const recurrent_params& p) noexcept {
  return 1U + (p.has_continuation ? 1U : 0U) + (p.has_fixed_input ? 1U : 0U) +
         (p.exposes_states ? recurrent_states(p) : 0U);
}
/// The indices of inputs; those of what is not there mean nothing.
[[nodiscard]] constexpr std::size_t recurrent_fixed_index(const recurrent_params& p) noexcept {
  return p.has_continuation ? 2 : 1;
}
[[nodiscard]] constexpr std::size_t recurrent_state_index(const recurrent_params& p) noexcept {
  return recurrent_inputs(p) - recurrent_states(p);
}

/// Steps, sequences and features of x. Throws shape_error where there are none.
[[nodiscard]] inline recurrent_extents extents_of(const recurrent_params& p, const tensor_shape& x) {
  const std::string_view name = to_string(p.cell);
  recurrent_extents e;
  if (p.flat_sequences == 0) {
    require<shape_error>(x.rank() >= 2 && x.size() != 0, name, ": input ", x,
                         ", expected steps, sequences and features with no empty axis");
    e.steps = x[0];
    e.sequences = x[1];
  } else {
    require<shape_error>(x.rank() >= 1 && x.size() != 0 && x[0] % p.flat_sequences == 0, name, ": input ", x, " of ",
                         p.flat_sequences, " sequences, expected a multiple of them and no empty axis");
    e.steps = x[0] / p.flat_sequences;
    e.sequences = p.flat_sequences;
  }
  e.features = x.size() / e.rows();
  e.gates = p.cell == recurrent_cell::lstm ? 4 : 1;
  return e;
}

/// All of them. Throws shape_error where inputs, weights and parameters do not fit.
[[nodiscard]] inline recurrent_extents extents_of(const recurrent_params& p, const recurrent_shapes& w,
                                                  std::span<const tensor_shape> inputs) {
  const std::string_view name = to_string(p.cell);
  require<shape_error>(inputs.size() == recurrent_inputs(p), name, ": ", inputs.size(), " inputs, expected ",
                       recurrent_inputs(p));
  const tensor_shape& x = inputs[0];
  recurrent_extents e = extents_of(p, x);
  require_rank(w.hidden, 2, "recurrent weights of the state", "outputs, inputs");
  e.hidden = w.hidden[1];
  const auto expect = [&](const tensor_shape& got, const tensor_shape& expected, std::string_view what) {
    require<shape_error>(got == expected, name, ": ", what, " of shape ", got, " for input ", x, ", expected ",
                         expected);
  };
  const auto expect_values = [&](std::size_t got, std::size_t expected, std::string_view what) {
    require<shape_error>(got == 0 || got == expected, name, ": ", got, " values of ", what, ", expected ", expected,
                         " or none");
  };
  expect(w.hidden, {e.sums(), e.hidden}, "weights of the state");
  expect(w.input, {e.sums(), e.features}, "weights of the input");
  expect_values(w.bias, e.sums(), "bias");
  if (p.cell == recurrent_cell::rnn) {
    expect(w.output, {e.hidden, e.hidden}, "weights of the output");
    expect_values(w.output_bias, e.hidden, "bias of the output");
  }
  if (p.has_continuation) {
    const tensor_shape& k = inputs[1];
    const bool fits = p.is_flag ? k.size() == e.rows() : k == tensor_shape{e.steps, e.sequences};
    require<shape_error>(fits, name, ": continuation of shape ", k, " for input ", x, ", expected ", e.steps, "x",
                         e.sequences);
  }
  if (p.has_fixed_input) {
    const tensor_shape& f = inputs[recurrent_fixed_index(p)];
    require<shape_error>(f.rank() >= 1 && f.size() != 0 && f[0] == e.sequences, name, ": fixed input ", f,
                         " for input ", x, ", expected ", e.sequences, " sequences and no empty axis");
    e.fixed_features = f.size() / e.sequences;
    expect(w.fixed, {e.sums(), e.fixed_features}, "weights of the fixed input");
  }
  for (std::size_t s = 0; p.exposes_states && s < recurrent_states(p); ++s) {
    expect(inputs[recurrent_state_index(p) + s], {1, e.sequences, e.hidden}, s == 0 ? "first h" : "first c");
  }
  return e;
}

[[nodiscard]] inline std::vector<tensor_shape> recurrent_outputs(const recurrent_params& p,
                                                                 const recurrent_extents& e) {
  std::vector<tensor_shape> shapes{p.flat_sequences == 0 ? tensor_shape{e.steps, e.sequences, e.hidden}
                                                         : tensor_shape{e.rows(), e.hidden}};
  if (p.exposes_states) shapes.resize(1 + recurrent_states(p), tensor_shape{1, e.sequences, e.hidden});
  return shapes;
}

}  // namespace detail

/// The shapes of y, steps x sequences x H, or with flat_sequences steps * sequences x H; then, of exposed states, of
/// h and an lstm's c after the last step, 1 x sequences x H each. `inputs` are those of x, the continuation, x_fixed
/// and the first states, as far as there are any. Throws shape_error where something does not fit.
[[nodiscard]] inline std::vector<tensor_shape> infer_shapes(const recurrent_params& p, const recurrent_weights& w,
                                                            std::span<const tensor_shape> inputs) {
  return detail::recurrent_outputs(p, detail::extents_of(p, detail::recurrent_shapes(w), inputs));
}

/// One run's tensors: x and x_fixed of what layers wrote, or of a network's floats; the others in the policy's values.
template <precision_policy P, class X = value_t<P>, class F = value_t<P>>
struct recurrent_run {
  tensor_view<const X> x{};                      ///< the input of all steps
  typename P::activations::scale scale{};        ///< of x
  tensor_view<const value_t<P>> continuation{};  ///< as of here on empty where there is none
  tensor_view<const F> fixed{};                  ///< x_fixed
  typename P::activations::scale fixed_scale{};  ///< of x_fixed
  tensor_view<const value_t<P>> first_h{},       ///< the hidden state before the first step
      first_c{};                                 ///< the cell before the first step
  tensor_view<value_t<P>> y{};                   ///< the output of all steps
  tensor_view<value_t<P>> last_h{},              ///< the hidden state after the last step
      last_c{};                                  ///< the cell after the last step

  /// The shapes of the inputs that the parameters name.
  [[nodiscard]] std::vector<tensor_shape> inputs(const recurrent_params& p) const {
    std::vector<tensor_shape> shapes{x.shape()};
    if (p.has_continuation) shapes.push_back(continuation.shape());
    if (p.has_fixed_input) shapes.push_back(fixed.shape());
    if (p.exposes_states) shapes.push_back(first_h.shape());
    if (p.exposes_states && p.cell == recurrent_cell::lstm) shapes.push_back(first_c.shape());
    return shapes;
  }
};

namespace detail {

/// The scale of h's codes, of all sequences and steps: of 1, or of the first h's largest magnitude where that is more.
template <precision_policy P, class Run>
[[nodiscard]] typename P::activations::scale state_scale(const recurrent_params& p, const Run& r) {
  float largest = 1.0F;
  for (std::size_t i = 0; p.exposes_states && i < r.first_h.size(); ++i) {
    largest = std::max(largest, std::abs(P::output::to_float(r.first_h[i])));
  }
  const std::array all{std::min(largest, std::numeric_limits<float>::max())};
  return P::activations::scale_of(std::span<const float>(all));
}

/// The continuation of one sequence in one step.
template <precision_policy P, class Run>
[[nodiscard]] double continuation_of(const recurrent_params& p, const Run& r, std::size_t step, std::size_t row) {
  if (!p.has_continuation) return step == 0 ? 0.0 : 1.0;
  const double k = P::output::to_double(r.continuation[row]);
  return p.is_flag ? (k != 0.0 ? 1.0 : 0.0) : k;
}

/// k * v, written; 0 where k is 0, whatever v is.
template <precision_policy P>
[[nodiscard]] value_t<P> continued(double k, value_t<P> v) {
  if (k == 0.0) return P::output::from(0.0);
  return k == 1.0 ? v : P::output::from(k * P::output::to_double(v));
}

/// c_t of the gates i, f, g: the product is exact unless states are beyond 2^20, the sum is rounded once.
template <precision_policy P>
[[nodiscard]] value_t<P> next_cell(value_t<P> i, value_t<P> f, value_t<P> g, value_t<P> before) {
  const double kept = P::output::to_double(f) * P::output::to_double(before);
  return P::output::from(std::fma(P::output::to_double(i), P::output::to_double(g), kept));
}

/// The sum of a row's products, in the order of Caffe's.
template <precision_policy P>
[[nodiscard]] value_t<P> gate_sum(value_t<P> hidden, value_t<P> input, const value_t<P>* fixed) {
  const double sum = P::output::to_double(hidden) + P::output::to_double(input);
  return P::output::from(fixed == nullptr ? sum : sum + P::output::to_double(*fixed));
}

/// The extents of a run. Throws shape_error unless its outputs have their shapes, and as extents_of.
template <class Run>
[[nodiscard]] recurrent_extents checked_extents(const recurrent_params& p, const recurrent_shapes& w, const Run& r) {
  const recurrent_extents e = extents_of(p, w, r.inputs(p));
  const std::vector<tensor_shape> shapes = recurrent_outputs(p, e);
  require_output(r.y.shape(), shapes[0], to_string(p.cell));
  if (shapes.size() > 1) require_output(r.last_h.shape(), shapes[1], to_string(p.cell));
  if (shapes.size() > 2) require_output(r.last_c.shape(), shapes[2], to_string(p.cell));
  return e;
}

}  // namespace detail

namespace reference {

/// The scalar specification. Allocates.
template <precision_policy P, class X, class F>
void recurrent(const recurrent_run<P, X, F>& r, const recurrent_params& p, const recurrent_weights& w) {
  using value = value_t<P>;
  using encoding = group_weights<typename P::weights>;
  const detail::recurrent_extents e = detail::checked_extents(p, detail::recurrent_shapes(w), r);
  const mac_options options{{}, p.rounding};
  // One row's product with one of the weights.
  const auto product = [&]<class In>(const In* row, const auto& scale, const tensor<float>& weights,
                                     const std::vector<float>& bias) {
    const tensor_shape s = shape_of(weights);
    std::vector<value> sums(s[0]);
    const std::span<const float> floats(weights.data(), weights.size());
    fully_connected<P, In>({std::span<const In>(row, s[1]), {1, s[1]}}, scale, view_of(weights), encoding::of(floats),
                           bias, options, {std::span<value>(sums), {1, s[0]}});
    return sums;
  };
  const auto function = [&](activation_function f, value v) {
    activation<P>({std::span<const value>(&v, 1), {1}}, {.function = f, .rule = p.rule},
                  {std::span<value>(&v, 1), {1}});
    return v;
  };
  const auto state_scale = detail::state_scale<P>(p, r);
  const std::size_t H = e.hidden;
  for (std::size_t n = 0; n < e.sequences; ++n) {
    std::vector<value> h(H, P::output::from(0.0)), c(H, P::output::from(0.0));
    if (p.exposes_states) {
      std::copy_n(r.first_h.data() + n * H, H, h.begin());
      if (p.cell == recurrent_cell::lstm) std::copy_n(r.first_c.data() + n * H, H, c.begin());
    }
    std::vector<value> fixed;
    if (p.has_fixed_input) fixed = product(r.fixed.data() + n * e.fixed_features, r.fixed_scale, w.fixed, {});
    for (std::size_t t = 0; t < e.steps; ++t) {
      const std::size_t row = t * e.sequences + n;
      const double k = detail::continuation_of<P>(p, r, t, row);
      for (value& v : h) v = detail::continued<P>(k, v);
      const std::vector<value> of_state = product(h.data(), state_scale, w.hidden, {});
      std::vector<value> s = product(r.x.data() + row * e.features, r.scale, w.input, w.bias);
      for (std::size_t o = 0; o < s.size(); ++o) {
        s[o] = detail::gate_sum<P>(of_state[o], s[o], fixed.empty() ? nullptr : &fixed[o]);
      }
      value* const y = r.y.data() + row * H;
      if (p.cell == recurrent_cell::rnn) {
        for (std::size_t d = 0; d < H; ++d) h[d] = function(activation_function::tanh, s[d]);
        const std::vector<value> out = product(h.data(), state_scale, w.output, w.output_bias);
        for (std::size_t d = 0; d < H; ++d) y[d] = function(activation_function::tanh, out[d]);
        continue;
      }
      for (std::size_t d = 0; d < H; ++d) {
        const value i = function(activation_function::sigmoid, s[d]);
        const value f = detail::continued<P>(k, function(activation_function::sigmoid, s[H + d]));
        const value o = function(activation_function::sigmoid, s[2 * H + d]);
        const value g = function(activation_function::tanh, s[3 * H + d]);
        c[d] = detail::next_cell<P>(i, f, g, k == 0.0 ? P::output::from(0.0) : c[d]);
        const value tanh_c = function(activation_function::tanh, c[d]);
        y[d] = h[d] = P::output::from(P::output::to_double(o) * P::output::to_double(tanh_c));
      }
    }
    if (!p.exposes_states) continue;
    std::copy_n(h.begin(), H, r.last_h.data() + n * H);
    if (p.cell == recurrent_cell::lstm) std::copy_n(c.begin(), H, r.last_c.data() + n * H);
  }
}

}  // namespace reference

/// A recurrent layer whose weights are quantized and laid out once. Const member functions may run at the same time.
template <precision_policy P>
class recurrent_layer {
  using value = value_t<P>;
  using product = fully_connected_layer<P>;
  using activation_scale = typename P::activations::scale;

 public:
  /// Throws as fully_connected_layer.
  recurrent_layer(const recurrent_weights& w, const recurrent_params& p)
      : params_(p), shapes_(w), input_(of(w.input, w.bias)), hidden_(of(w.hidden, {})) {
    if (p.has_fixed_input) fixed_.emplace(of(w.fixed, {}));
    if (p.cell == recurrent_cell::rnn) output_.emplace(of(w.output, w.output_bias));
  }

  /// The parameters that the layer was made with.
  [[nodiscard]] const recurrent_params& params() const noexcept { return params_; }

  /// Bytes that run() needs for an x of this shape and these threads.
  [[nodiscard]] std::size_t workspace_bytes(const tensor_shape& x, const executor& threads = {}) const {
    const auto e = extents(x);
    const auto room = [](std::size_t n) { return kernels::arena::rounded(n * sizeof(value)); };
    const std::size_t n = e.sequences;
    std::size_t inner = std::max(input_.workspace_bytes({e.rows(), e.features}, threads),
                                 hidden_.workspace_bytes({n, e.hidden}, for_steps(e, threads)));
    if (fixed_) inner = std::max(inner, fixed_->workspace_bytes({n, shapes_.fixed[1]}, threads));
    if (output_) inner = std::max(inner, output_->workspace_bytes({e.rows(), e.hidden}, threads));
    return kernels::arena::alignment + room(e.rows() * e.sums()) + 2 * room(n * e.sums()) + 3 * room(n * e.hidden) +
           (output_ ? room(e.rows() * e.hidden) : 0) + inner;
  }

  /// Evaluates into the run's outputs; allocates nothing but lists of shapes. Throws where the arguments do not fit.
  template <class X, class F>
  void run(const recurrent_run<P, X, F>& r, std::span<std::byte> workspace, const executor& threads = {}) const {
    const detail::recurrent_extents e = detail::checked_extents(params_, shapes_, r);
    const std::string_view name = to_string(params_.cell);
    const std::size_t rows = e.rows(), n = e.sequences, H = e.hidden, sums = e.sums();
    kernels::arena memory(workspace);
    value* const all = memory.take<value>(rows * sums, name);
    value* const fixed = fixed_ ? memory.take<value>(n * sums, name) : nullptr;
    value* const of_state = memory.take<value>(n * sums, name);
    value* const before = memory.take<value>(n * H, name);
    value* const c = memory.take<value>(n * H, name);
    value* const tanh_c = memory.take<value>(n * H, name);
    value* const states = output_ ? memory.take<value>(rows * H, name) : r.y.data();  // h after each step
    const std::span<std::byte> inner = memory.rest();

    input_.run(tensor_view<const X>(r.x.span(), {rows, e.features}), r.scale, view_of(all, {rows, sums}), inner,
               threads);
    if (fixed_) {
      fixed_->run(tensor_view<const F>(r.fixed.span(), {n, e.fixed_features}), r.fixed_scale, view_of(fixed, {n, sums}),
                  inner, threads);
    }
    const activation_scale state_scale = detail::state_scale<P>(params_, r);
    const executor step_threads = for_steps(e, threads);
    const bool is_lstm = params_.cell == recurrent_cell::lstm;
    std::fill_n(c, n * H, P::output::from(0.0));
    if (params_.exposes_states && is_lstm) std::copy_n(r.first_c.data(), n * H, c);
    for (std::size_t t = 0; t < e.steps; ++t) {
      value* const s = all + t * n * sums;
      value* const h = states + t * n * H;
      const value* const last = t != 0 ? h - n * H : params_.exposes_states ? r.first_h.data() : nullptr;
      for (std::size_t i = 0; i < n; ++i) {
        const double k = detail::continuation_of<P>(params_, r, t, t * n + i);
        for (std::size_t d = i * H; d < (i + 1) * H; ++d) {
          before[d] = detail::continued<P>(k, last == nullptr ? P::output::from(0.0) : last[d]);
        }
      }
      hidden_.run(tensor_view<const value>(view_of(before, {n, H})), state_scale, view_of(of_state, {n, sums}), inner,
                  step_threads);
      for (std::size_t o = 0; o < n * sums; ++o) {
        s[o] = detail::gate_sum<P>(of_state[o], s[o], fixed == nullptr ? nullptr : fixed + o);
      }
      if (!is_lstm) {
        std::copy_n(s, n * H, h);
        apply(activation_function::tanh, h, n * H);
        continue;
      }
      for (std::size_t i = 0; i < n; ++i) {
        value* const gates = s + i * sums;
        apply(activation_function::sigmoid, gates, 3 * H);
        apply(activation_function::tanh, gates + 3 * H, H);
        const double k = detail::continuation_of<P>(params_, r, t, t * n + i);
        value* const cell = c + i * H;
        if (k == 0.0) std::fill_n(cell, H, P::output::from(0.0));
        for (std::size_t d = 0; d < H; ++d) {
          cell[d] = detail::next_cell<P>(gates[d], detail::continued<P>(k, gates[H + d]), gates[3 * H + d], cell[d]);
        }
      }
      std::copy_n(c, n * H, tanh_c);
      apply(activation_function::tanh, tanh_c, n * H);
      for (std::size_t i = 0; i < n; ++i) {
        const value* const o = s + i * sums + 2 * H;
        for (std::size_t d = 0; d < H; ++d) {
          h[i * H + d] = P::output::from(P::output::to_double(o[d]) * P::output::to_double(tanh_c[i * H + d]));
        }
      }
    }
    if (output_) {
      output_->run(tensor_view<const value>(view_of(states, {rows, H})), state_scale, view_of(r.y.data(), {rows, H}),
                   inner, threads);
      apply(activation_function::tanh, r.y.data(), rows * H);
    }
    if (!params_.exposes_states) return;
    std::copy_n(states + (rows - n) * H, n * H, r.last_h.data());
    if (is_lstm) std::copy_n(c, n * H, r.last_c.data());
  }

  /// y for an x, and a continuation where the parameters have one, of layers with no other inputs, which throw
  /// shape_error. The scale of x is derived from it.
  template <tensor_like X, tensor_like K>
  [[nodiscard]] tensor<value> operator()(const X& x, const K& continuation, const executor& threads = {}) const {
    const detail::op_input<P, K> k(continuation, "continuation");
    return allocate_and_run(x, k.view(), threads);
  }
  /// The same for layers without a continuation.
  template <tensor_like X>
  [[nodiscard]] tensor<value> operator()(const X& x, const executor& threads = {}) const {
    return allocate_and_run(x, {}, threads);
  }

 private:
  [[nodiscard]] product of(const tensor<float>& w, const std::vector<float>& bias) const {
    const mac_options options{{}, params_.rounding};
    if (bias.empty()) return product(w, no_bias, options);
    return product(w, tensor_view<const float>(bias, {bias.size()}), options);
  }
  [[nodiscard]] detail::recurrent_extents extents(const tensor_shape& x) const {
    detail::recurrent_extents e = detail::extents_of(params_, x);
    e.hidden = shapes_.hidden[1];
    return e;
  }
  /// Waking threads takes longer than most steps.
  [[nodiscard]] static executor for_steps(const detail::recurrent_extents& e, const executor& threads) {
    constexpr std::size_t least = std::size_t{1} << 20U;  // products, some 30 microseconds
    return e.sequences * e.sums() * e.hidden < least ? executor{} : threads;
  }
  void apply(activation_function f, value* v, std::size_t n) const {
    const activation_params p{.function = f, .rule = params_.rule};
    activation_into<P>(tensor_view<const value>(view_of(v, {n})), p, view_of(v, {n}));
  }
  template <class X>
  [[nodiscard]] tensor<value> allocate_and_run(const X& x, tensor_view<const value> k, const executor& threads) const {
    const detail::mac_input<P, X> in(x, to_string(params_.cell));
    using element = typename detail::mac_input<P, X>::element;
    recurrent_run<P, element> r;
    r.x = in.view();
    r.continuation = k;
    const detail::recurrent_extents e = detail::extents_of(params_, shapes_, r.inputs(params_));
    r.scale = input_.activation_scale_of(in.view());
    auto y = make_tensor<value>(detail::recurrent_outputs(params_, e)[0]);
    r.y = view_of(y);
    std::vector<std::byte> workspace(workspace_bytes(in.shape(), threads));
    run(r, workspace, threads);
    return y;
  }

  recurrent_params params_;
  detail::recurrent_shapes shapes_;
  product input_, hidden_;
  std::optional<product> fixed_, output_;
};

NNIESIM_END_NAMESPACE
