// Layers over steps of sequences: LSTM and RNN, the decoder of their classes, the indicator of where sequences begin.
#include <nniesim/kernels/engine.hpp>
#include <nniesim/ops/continuation_indicator.hpp>
#include <nniesim/ops/ctc_greedy_decoder.hpp>
#include <nniesim/ops/recurrent.hpp>

#include "layers.hpp"
#include "module.hpp"

namespace nniesim_python {
namespace {

[[nodiscard]] tensor<float> tensor_argument(nb::handle object, std::string_view what) {
  const array_argument<float> values(object, what);
  auto t = make_tensor<float>(values.shape());
  std::copy(values.span().begin(), values.span().end(), t.data());
  return t;
}

/// What Python gives for a recurrent layer; None for what is not there.
struct recurrent_call {
  recurrent_params params;
  recurrent_weights weights;
  nb::handle x, continuation, fixed, first_h, first_c;
  std::size_t threads;
  bool raw;
};

/// An argument that may be None, as what the layer before wrote.
template <precision_policy P>
class optional_argument {
 public:
  optional_argument(nb::handle x, std::string_view function, std::string_view argument) {
    if (x.is_none()) return;
    argument_.emplace(x, function, argument);
    refuse_nan_of(*argument_, nniesim::detail::message(function, ": ", argument));
  }
  [[nodiscard]] explicit operator bool() const noexcept { return argument_.has_value(); }
  [[nodiscard]] const tensor_view<const value_t<P>>& view() const noexcept { return argument_->view(); }
  /// The view, or one of zeros of this shape.
  [[nodiscard]] tensor_view<const value_t<P>> view_or_zeros(const tensor_shape& shape) {
    if (argument_) return view();
    zeros_.assign(shape.size(), P::output::from(0.0));
    return {zeros_, shape};
  }

 private:
  std::optional<layer_argument<P>> argument_;
  std::vector<value_t<P>> zeros_;
};

/// Runs the layer without the interpreter's lock. States are always given and taken: those of zeros are as none.
template <precision_policy P, class X, class F>
[[nodiscard]] std::vector<tensor<value_t<P>>> recurrent_results(
    const recurrent_call& call, const tensor_view<const X>& x, const tensor_view<const F>& fixed,
    const optional_argument<P>& continuation, optional_argument<P>& first_h, optional_argument<P>& first_c) {
  const nb::gil_scoped_release released;
  const recurrent_params& p = call.params;
  const std::string_view name = to_string(p.cell);
  if constexpr (std::is_same_v<X, float>) nniesim::detail::refuse_nan(x, nniesim::detail::message(name, ": x"));
  if constexpr (std::is_same_v<F, float>) nniesim::detail::refuse_nan(fixed, nniesim::detail::message(name, ": fixed"));
  const tensor_shape hidden = shape_of(call.weights.hidden);
  const tensor_shape of_state{1, x.shape().rank() >= 2 ? x.shape()[1] : 1, hidden.rank() == 2 ? hidden[1] : 1};
  std::vector<tensor_shape> inputs{x.shape()};
  if (continuation) inputs.push_back(continuation.view().shape());
  if (p.has_fixed_input) inputs.push_back(fixed.shape());
  inputs.push_back(first_h ? first_h.view().shape() : of_state);
  if (p.cell == recurrent_cell::lstm) inputs.push_back(first_c ? first_c.view().shape() : of_state);
  const std::vector<tensor_shape> shapes = infer_shapes(p, call.weights, inputs);
  require_room({x.shape()[0], x.shape()[1], hidden[0]}, name);

  using engine = kernels::engine<P>;
  recurrent_run<P, X, F> run;
  run.x = x;
  run.scale = engine::scale_of(active_isa(), x.data(), x.size());
  if (continuation) run.continuation = continuation.view();
  if (p.has_fixed_input) {
    run.fixed = fixed;
    run.fixed_scale = engine::scale_of(active_isa(), fixed.data(), fixed.size());
  }
  run.first_h = first_h.view_or_zeros(of_state);
  run.first_c = first_c.view_or_zeros(of_state);
  std::vector<tensor<value_t<P>>> results;
  for (const tensor_shape& s : shapes) results.push_back(make_tensor<value_t<P>>(s));
  run.y = view_of(results[0]);
  run.last_h = view_of(results[1]);
  if (p.cell == recurrent_cell::lstm) run.last_c = view_of(results[2]);
  const call_threads pool(call.threads);
  const recurrent_layer<P> layer(call.weights, p);
  std::vector<std::byte> workspace(layer.workspace_bytes(x.shape(), pool.handle()));
  layer.run(run, workspace, pool.handle());
  return results;
}

[[nodiscard]] nb::object run_recurrent(nb::handle policy, const recurrent_call& call) {
  const std::string name(to_string(call.params.cell));
  return with_policy(policy, [&]<precision_policy P>() -> nb::object {
    const optional_argument<P> continuation(call.continuation, name, "continuation");
    optional_argument<P> first_h(call.first_h, name, "first_h"), first_c(call.first_c, name, "first_c");
    nniesim::detail::require<format_error>(
        continuation || (!first_h && !first_c), name,
        ": first states without a continuation, expected one: without it sequences begin at step 0");
    const auto results = [&](const auto& x, const auto& fixed) {
      return recurrent_results<P>(call, x, fixed, continuation, first_h, first_c);
    };
    std::vector<tensor<value_t<P>>> found = on_input<P>(call.x, name, [&](const auto& x) {
      if (!call.params.has_fixed_input) return results(x, tensor_view<const value_t<P>>());
      return on_input<P>(
          call.fixed, name, [&](const auto& fixed) { return results(x, fixed); }, "fixed");
    });
    nb::list all;
    for (tensor<value_t<P>>& y : found) all.append(layer_result(std::move(y), call.raw));
    return nb::tuple(all);
  });
}

/// What both cells have.
[[nodiscard]] recurrent_call call_of(recurrent_cell cell, nb::handle x, nb::handle w_input, nb::handle w_hidden,
                                     nb::handle bias, nb::handle continuation, nb::handle fixed, nb::handle w_fixed,
                                     nb::handle rule, nb::handle threads, bool raw) {
  const std::string name(to_string(cell));
  nniesim::detail::require<format_error>(fixed.is_none() == w_fixed.is_none(), name, ": ",
                                         fixed.is_none() ? "w_fixed without fixed" : "fixed without w_fixed",
                                         ", expected both or none");
  recurrent_call c{};
  c.params.cell = cell;
  c.params.has_continuation = !continuation.is_none();
  c.params.has_fixed_input = !fixed.is_none();
  c.params.exposes_states = true;
  c.params.rule = rule_argument(rule, name + ": rule");
  c.weights.input = tensor_argument(w_input, name + ": w_input");
  c.weights.hidden = tensor_argument(w_hidden, name + ": w_hidden");
  c.weights.bias = values_argument(bias, name + ": bias");
  if (!fixed.is_none()) c.weights.fixed = tensor_argument(w_fixed, name + ": w_fixed");
  c.x = x;
  c.continuation = continuation;
  c.fixed = fixed;
  c.threads = threads_argument(threads);
  c.raw = raw;
  return c;
}

void add_recurrent(nb::module_& m) {
  m.def(
      "lstm",
      [](nb::handle x, nb::handle w_input, nb::handle w_hidden, nb::handle bias, nb::handle policy,
         nb::handle continuation, nb::handle fixed, nb::handle w_fixed, nb::handle first_h, nb::handle first_c,
         nb::handle rule, nb::handle threads, bool raw) {
        recurrent_call c =
            call_of(recurrent_cell::lstm, x, w_input, w_hidden, bias, continuation, fixed, w_fixed, rule, threads, raw);
        c.first_h = first_h;
        c.first_c = first_c;
        return run_recurrent(policy, c);
      },
      nb::arg("x").none(), nb::arg("w_input").none(), nb::arg("w_hidden").none(), nb::arg("bias").none(),
      nb::arg("policy").none(), nb::arg("continuation").none(), nb::arg("fixed").none(), nb::arg("w_fixed").none(),
      nb::arg("first_h").none(), nb::arg("first_c").none(), nb::arg("rule").none(), nb::arg("threads").none(),
      nb::arg("raw"));
  m.def(
      "rnn",
      [](nb::handle x, nb::handle w_input, nb::handle w_hidden, nb::handle w_output, nb::handle bias,
         nb::handle output_bias, nb::handle policy, nb::handle continuation, nb::handle fixed, nb::handle w_fixed,
         nb::handle first_h, nb::handle rule, nb::handle threads, bool raw) {
        recurrent_call c =
            call_of(recurrent_cell::rnn, x, w_input, w_hidden, bias, continuation, fixed, w_fixed, rule, threads, raw);
        c.weights.output = tensor_argument(w_output, "rnn: w_output");
        c.weights.output_bias = values_argument(output_bias, "rnn: output_bias");
        c.first_h = first_h;
        c.first_c = Py_None;
        return run_recurrent(policy, c);
      },
      nb::arg("x").none(), nb::arg("w_input").none(), nb::arg("w_hidden").none(), nb::arg("w_output").none(),
      nb::arg("bias").none(), nb::arg("output_bias").none(), nb::arg("policy").none(), nb::arg("continuation").none(),
      nb::arg("fixed").none(), nb::arg("w_fixed").none(), nb::arg("first_h").none(), nb::arg("rule").none(),
      nb::arg("threads").none(), nb::arg("raw"));
}

void add_classes(nb::module_& m) {
  m.def(
      "ctc_greedy_decoder",
      [](nb::handle x, nb::handle continuation, nb::handle policy, nb::handle blank, bool merge_repeated) {
        const ctc_greedy_decoder_params p{count_argument(blank, "ctc_greedy_decoder: blank"), merge_repeated};
        return with_policy(policy, [&]<precision_policy P>() -> nb::object {
          const layer_argument<P> in(x, "ctc_greedy_decoder");
          const optional_argument<P> continues(continuation, "ctc_greedy_decoder", "continuation");
          nniesim::detail::require<shape_error>(
              !continues || continues.view().size() != 0,
              "ctc_greedy_decoder: continuation is empty, expected steps x sequences");
          tensor<float> y, scores;
          {
            const nb::gil_scoped_release released;
            const tensor_shape shape = infer_shape(p, in.view().shape());
            y = make_tensor<float>(shape);
            scores = make_tensor<float>({shape[0]});
            ctc_greedy_decoder_into<P>(in.view(), continues ? continues.view() : tensor_view<const value_t<P>>(), p,
                                       view_of(y), view_of(scores));
          }
          return nb::make_tuple(owning_array(std::move(y)), owning_array(std::move(scores)));
        });
      },
      nb::arg("x").none(), nb::arg("continuation").none(), nb::arg("policy").none(), nb::arg("blank").none(),
      nb::arg("merge_repeated"));
  m.def(
      "continuation_indicator",
      [](nb::handle steps, nb::handle sequences) {
        const auto count = [](nb::handle object, std::string_view what) {
          return static_cast<std::size_t>(integer_argument(object, what, 0, std::int64_t{1} << 40U));
        };
        const continuation_indicator_params p{count(steps, "continuation_indicator: steps"),
                                              count(sequences, "continuation_indicator: sequences")};
        auto y = [&] {
          const nb::gil_scoped_release released;
          require_room(infer_shape(p), "continuation_indicator");
          return continuation_indicator<float32>(p);
        }();
        return owning_array(std::move(y));
      },
      nb::arg("steps").none(), nb::arg("sequences").none());
}

}  // namespace

void add_sequences(nb::module_& m) {
  add_recurrent(m);
  add_classes(m);
}

}  // namespace nniesim_python
