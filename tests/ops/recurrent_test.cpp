#include <nniesim/ops/recurrent.hpp>

#include <nniesim/kernels/thread_pool.hpp>

#include "catch.hpp"
#include "elementwise.hpp"
#include "support/isas.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace recurrent_test {

namespace {

/// A layer and inputs for it, drawn.
struct subject {
  recurrent_params params{};
  recurrent_weights weights{};
  tensor<float> x{}, continuation{}, fixed{}, first_h{}, first_c{};
  std::size_t steps = 0, sequences = 0, hidden = 0;
};

subject drawn(draws& d, recurrent_cell cell, bool fixed, bool states, std::size_t steps, std::size_t sequences,
              std::size_t features, std::size_t hidden) {
  subject s;
  s.params.cell = cell;
  s.params.has_fixed_input = fixed;
  s.params.exposes_states = states;
  s.steps = steps;
  s.sequences = sequences;
  s.hidden = hidden;
  const std::size_t sums = hidden * (cell == recurrent_cell::lstm ? 4 : 1);
  s.weights.input = d.tensor({sums, features}, 0.5F);
  s.weights.hidden = d.tensor({sums, hidden}, 0.5F);
  for (std::size_t i = 0; i < sums; ++i) s.weights.bias.push_back(d.normal() * 0.2F);
  s.x = d.tensor({steps, sequences, features});
  s.continuation = zeros({steps, sequences});
  for (auto& v : s.continuation) v = d.between(0, 4) == 0 ? 0.0F : 1.0F;
  if (fixed) {
    s.weights.fixed = d.tensor({sums, 3}, 0.5F);
    s.fixed = d.tensor({sequences, 3});
  }
  if (states) {
    s.first_h = d.tensor({1, sequences, hidden}, 0.3F);
    s.first_c = d.tensor({1, sequences, hidden});
  }
  if (cell == recurrent_cell::rnn) {
    s.weights.output = d.tensor({hidden, hidden}, 0.5F);
    for (std::size_t i = 0; i < hidden; ++i) s.weights.output_bias.push_back(d.normal() * 0.2F);
  }
  return s;
}

template <class P>
tensor<value_t<P>> written(const tensor<float>& x) {
  auto y = make_tensor<value_t<P>>(shape_of(x));
  std::transform(x.begin(), x.end(), y.begin(), [](float v) { return P::output::from(static_cast<double>(v)); });
  return y;
}

/// y, the last h and the last c.
template <class P>
using results = std::array<tensor<value_t<P>>, 3>;

/// Calls evaluate(run) with the subject's tensors; X and F are what x and the fixed input are given as.
template <class P, class X, class F, class Evaluate>
results<P> outputs_of(const subject& s, const Evaluate& evaluate) {
  const auto given = []<class T>(const tensor<float>& x, T) {
    if constexpr (std::same_as<T, float>) return x;
    else return written<P>(x);
  };
  const tensor<X> x = given(s.x, X{});
  const tensor<F> fixed = given(s.fixed, F{});
  const auto k = written<P>(s.continuation), h = written<P>(s.first_h), c = written<P>(s.first_c);
  results<P> y{make_tensor<value_t<P>>({s.steps, s.sequences, s.hidden})};
  if (s.params.flat_sequences != 0) y[0] = make_tensor<value_t<P>>({s.steps * s.sequences, s.hidden});
  y[1] = y[2] = make_tensor<value_t<P>>({1, s.sequences, s.hidden});
  recurrent_run<P, X, F> r;
  r.x = view_of(x);
  r.scale = kernels::engine<P>::scale_of(active_isa(), x.data(), x.size());
  if (s.params.has_continuation) r.continuation = view_of(k);
  if (s.params.has_fixed_input) {
    r.fixed = view_of(fixed);
    r.fixed_scale = kernels::engine<P>::scale_of(active_isa(), fixed.data(), fixed.size());
  }
  r.y = view_of(y[0]);
  if (s.params.exposes_states) {
    r.first_h = view_of(h);
    r.last_h = view_of(y[1]);
    if (s.params.cell == recurrent_cell::lstm) {
      r.first_c = view_of(c);
      r.last_c = view_of(y[2]);
    }
  }
  evaluate(r);
  if (!s.params.exposes_states) y[1].fill(value_t<P>{});
  if (!s.params.exposes_states || s.params.cell == recurrent_cell::rnn) y[2].fill(value_t<P>{});
  return y;
}
template <class P, class X = value_t<P>, class F = value_t<P>>
results<P> layer_outputs(const subject& s, const executor& threads = {}) {
  return outputs_of<P, X, F>(s, [&](const auto& r) {
    const recurrent_layer<P> layer(s.weights, s.params);
    std::vector<std::byte> workspace(layer.workspace_bytes(r.x.shape(), threads));
    layer.run(r, workspace, threads);
  });
}
template <class P, class X = value_t<P>, class F = value_t<P>>
results<P> specified_outputs(const subject& s) {
  return outputs_of<P, X, F>(s, [&](const auto& r) { reference::recurrent(r, s.params, s.weights); });
}
template <class P>
bool same(const results<P>& a, const results<P>& b) {
  return same_bits(a[0], b[0]) && same_bits(a[1], b[1]) && same_bits(a[2], b[2]);
}

template <class P>
void equals_its_specification(std::uint32_t seed) {
  draws d(seed);
  for (int i = 0; i < 24; ++i) {
    subject s = drawn(d, i % 3 == 0 ? recurrent_cell::rnn : recurrent_cell::lstm, i % 2 == 0, i % 4 < 2,
                      d.between(1, 5), d.between(1, 3), d.between(1, 40), d.between(1, 20));
    s.params.rounding = i % 5 == 0 ? sum_rounding::nearest : sum_rounding::none;
    s.params.rule = i % 7 == 0 ? function_rule::exact : function_rule::hardware;
    if (i % 6 == 1) s.params.has_continuation = false;
    if (i % 6 == 2) s.continuation(0, 0) = 0.5F;
    for_each_isa([&](isa used) {
      INFO(policy_name<P>() << " on " << to_string(used) << ", " << to_string(s.params.cell) << " " << i);
      CHECK(same<P>(layer_outputs<P>(s), specified_outputs<P>(s)));
      CHECK(same<P>(layer_outputs<P, float, value_t<P>>(s), specified_outputs<P, float, value_t<P>>(s)));
      CHECK(same<P>(layer_outputs<P, value_t<P>, float>(s), specified_outputs<P, value_t<P>, float>(s)));
    });
  }
}

tensor<float> tensor_of(const tensor_shape& shape, const std::vector<float>& values) {
  auto t = make_tensor<float>(shape);
  std::copy(values.begin(), values.end(), t.begin());
  return t;
}

double sigmoid(double v) { return 1 / (1 + std::exp(-v)); }

/// Caffe's definition in float64, one sequence at a time, by states that go from step to step.
std::vector<double> naive(const subject& s) {
  const std::size_t H = s.hidden, features = s.x.shape()[2];
  const bool is_lstm = s.params.cell == recurrent_cell::lstm;
  std::vector<double> y(s.steps * s.sequences * H);
  for (std::size_t n = 0; n < s.sequences; ++n) {
    std::vector<double> h(H), c(H);
    for (std::size_t j = 0; s.params.exposes_states && j < H; ++j) {
      h[j] = static_cast<double>(s.first_h(0, n, j));
      c[j] = static_cast<double>(s.first_c(0, n, j));
    }
    for (std::size_t t = 0; t < s.steps; ++t) {
      const double k = s.params.has_continuation ? static_cast<double>(s.continuation(t, n)) : t == 0 ? 0 : 1;
      const auto gate = [&](std::size_t row) {
        double sum = static_cast<double>(s.weights.bias[row]);
        for (std::size_t j = 0; j < H; ++j) sum += static_cast<double>(s.weights.hidden(row, j)) * k * h[j];
        for (std::size_t j = 0; j < features; ++j)
          sum += static_cast<double>(s.weights.input(row, j)) * static_cast<double>(s.x(t, n, j));
        for (std::size_t j = 0; s.params.has_fixed_input && j < 3; ++j)
          sum += static_cast<double>(s.weights.fixed(row, j)) * static_cast<double>(s.fixed(n, j));
        return sum;
      };
      std::vector<double> next(H);
      for (std::size_t j = 0; j < H; ++j) {
        if (!is_lstm) {
          next[j] = std::tanh(gate(j));
          continue;
        }
        c[j] = k * sigmoid(gate(H + j)) * c[j] + sigmoid(gate(j)) * std::tanh(gate(3 * H + j));
        next[j] = sigmoid(gate(2 * H + j)) * std::tanh(c[j]);
      }
      h = next;
      for (std::size_t j = 0; j < H; ++j) {
        double out = h[j];
        if (!is_lstm) {
          double sum = static_cast<double>(s.weights.output_bias[j]);
          for (std::size_t i = 0; i < H; ++i) sum += static_cast<double>(s.weights.output(j, i)) * h[i];
          out = std::tanh(sum);
        }
        y[(t * s.sequences + n) * H + j] = out;
      }
    }
  }
  return y;
}

}  // namespace

TEST_CASE("every policy of a recurrent layer equals its specification on every instruction set") {
  equals_its_specification<float32>(1);
  equals_its_specification<w8a8>(2);
  equals_its_specification<w16a16>(3);
  equals_its_specification<uniform_w16a16>(4);
}

TEST_CASE("float32 of a recurrent layer is Caffe's definition") {
  draws d(5);
  for (int i = 0; i < 16; ++i) {
    subject s = drawn(d, i % 2 == 0 ? recurrent_cell::rnn : recurrent_cell::lstm, i % 4 < 2, i % 8 < 4, 6, 2, 7, 5);
    if (i % 5 == 0) s.continuation(3, 1) = 0.25F;
    if (i % 3 == 0) s.params.has_continuation = false;
    const std::vector<double> expected = naive(s);
    const tensor<float> y = layer_outputs<float32>(s)[0];
    REQUIRE(y.size() == expected.size());
    for (std::size_t k = 0; k < y.size(); ++k) {
      INFO("subject " << i << ", element " << k);
      CHECK(std::fabs(static_cast<double>(y.data()[k]) - expected[k]) < 2e-6);
    }
  }
}

TEST_CASE("a step of an lstm, by hand") {
  // One feature, one hidden value; gates i, f, o, g.
  subject s;
  s.steps = 2;
  s.sequences = s.hidden = 1;
  s.weights.input = tensor_of({4, 1}, {1.0F, 2.0F, 3.0F, 0.5F});
  s.weights.hidden = tensor_of({4, 1}, {0.0F, 0.0F, 0.0F, 1.0F});
  s.x = tensor_of({2, 1, 1}, {0.0F, 1.0F});
  s.continuation = tensor_of({2, 1}, {0.0F, 1.0F});
  const auto y = layer_outputs<float32>(s)[0];
  // Step 0: i = f = o = 0.5, g = 0: c = 0, h = 0. Step 1: i = 0.731059, o = 0.952574, g = 0.462117, c = i g = 0.337835.
  CHECK(y.data()[0] == 0.0F);
  CHECK(std::fabs(y.data()[1] - 0.310104F) < 2e-6F);

  s.x.fill(1.0F);  // step 0 gives h = 0.310104, c = 0.337835; then f = 0.880797, g = tanh(0.5 + h) = 0.669648
  const auto z = layer_outputs<float32>(s)[0];
  CHECK(std::fabs(z.data()[0] - 0.310104F) < 2e-6F);
  CHECK(std::fabs(z.data()[1] - 0.625624F) < 2e-6F);
  s.continuation(1, 0) = 0.0F;  // the second step begins anew
  CHECK(layer_outputs<float32>(s)[0].data()[1] == z.data()[0]);
}

TEST_CASE("a layer of codes lies within the steps that its rounding explains") {
  // One step with exposed states, of weights and inputs as they are decoded, in float64.
  draws d(6);
  const auto check = [&]<class P>(double level) {
    for (int i = 0; i < 8; ++i) {
      subject s = drawn(d, recurrent_cell::lstm, i % 2 == 0, true, 1, 2, 30, 12);
      s.params.rule = function_rule::exact;
      s.continuation.fill(1.0F);
      for (auto& v : s.first_h) v *= i < 4 ? 1.0F : 4.0F;  // beyond 1, too
      const results<P> got = layer_outputs<P>(s);
      const auto decoded = [](tensor<float> t, float most) {
        std::vector<float> all(t.begin(), t.end());
        const auto scale = most > 0 ? P::activations::scale_of(std::array{most}) : P::activations::scale_of(all);
        for (float& v : t) v = P::activations::decode(P::activations::encode(v, scale), scale);
        return t;
      };
      subject same_codes = s;
      same_codes.weights.input = decoded(s.weights.input, 0);
      same_codes.weights.hidden = decoded(s.weights.hidden, 0);
      same_codes.x = decoded(to_float(written<P>(s.x)), 0);
      same_codes.first_h = to_float(written<P>(s.first_h));
      float largest = 1.0F;
      for (const float v : same_codes.first_h) largest = std::max(largest, std::fabs(v));
      same_codes.first_h = decoded(same_codes.first_h, largest);
      if (i % 2 == 0) {
        same_codes.weights.fixed = decoded(s.weights.fixed, 0);
        same_codes.fixed = decoded(to_float(written<P>(s.fixed)), 0);
      }
      same_codes.first_c = to_float(written<P>(s.first_c));
      const std::vector<double> expected = naive(same_codes);
      const std::vector<double> unquantized = naive(s);
      double quantized_far = 0;
      for (std::size_t k = 0; k < expected.size(); ++k) {
        const double c = std::fabs(static_cast<double>(same_codes.first_c.data()[k]));
        // Steps: a sum of products is up to 2 per product off (its floor, bias and multiplier rounded), a sigmoid's
        // slope is 1/4, and each value that is written is floored.
        const double sum = 6, gate = sum / 4 + 1, candidate = sum + 1;
        const double cell = gate * c + gate + candidate + 1;
        const double most = gate + cell + 1 + 1;
        INFO(policy_name<P>() << " subject " << i << " element " << k);
        CHECK(std::fabs(static_cast<double>(got[0].data()[k]) - expected[k]) * 4096 <= most);
        quantized_far = std::max(quantized_far, std::fabs(expected[k] - unquantized[k]));
        CHECK(got[0].data()[k] == got[1].data()[k]);
      }
      CHECK(quantized_far > level);  // quantizing does matter, so that the comparison says something
    }
  };
  check.operator()<w8a8>(1e-3);
  check.operator()<w16a16>(1e-6);
}

TEST_CASE("these numbers come out on every compiler") {
  draws d(12);
  subject s;
  s.weights.input = d.tensor({12, 5}, 0.5F);
  s.weights.hidden = d.tensor({12, 3}, 0.5F);
  for (int i = 0; i < 12; ++i) s.weights.bias.push_back(d.normal() * 0.2F);
  const auto x = d.tensor({3, 1, 5});
  s.params.has_continuation = false;
  const auto steps = [&]<class P>(P) {
    std::vector<std::int32_t> raw;
    for (const q20_12 v : recurrent_layer<P>(s.weights, s.params)(x)) raw.push_back(v.raw());
    return raw;
  };
  // In float 61.57, -353.88, -1014.23, 888.63, -5.67, 613.82, -43.16, -526.43, 57.23 steps.
  CHECK(steps(w8a8{}) == std::vector<std::int32_t>{64, -333, -997, 877, -7, 581, -41, -522, 51});
  CHECK(steps(w16a16{}) == std::vector<std::int32_t>{61, -356, -1016, 886, -6, 611, -47, -526, 56});
}

TEST_CASE("steps one by one, with states handed on, are the steps together") {
  draws d(7);
  const auto check = [&]<class P>() {
    for (const recurrent_cell cell : {recurrent_cell::rnn, recurrent_cell::lstm}) {
      const subject whole = drawn(d, cell, false, true, 4, 2, 9, 6);
      const results<P> expected = layer_outputs<P>(whole);
      subject one = whole;
      one.steps = 1;
      // The scale of x is that of all steps: another one would be another layer.
      const auto x = written<P>(whole.x);
      const auto scale = kernels::engine<P>::scale_of(active_isa(), x.data(), x.size());
      for (std::size_t t = 0; t < 4; ++t) {
        one.x = zeros({1, 2, 9});
        std::copy_n(whole.x.data() + t * 18, 18, one.x.data());
        one.continuation = zeros({1, 2});
        std::copy_n(whole.continuation.data() + t * 2, 2, one.continuation.data());
        const results<P> got = outputs_of<P, value_t<P>, value_t<P>>(one, [&](auto r) {
          r.scale = scale;
          const recurrent_layer<P> layer(one.weights, one.params);
          std::vector<std::byte> workspace(layer.workspace_bytes(r.x.shape()));
          layer.run(r, workspace);
        });
        INFO(policy_name<P>() << " step " << t);
        CHECK(std::equal(got[0].begin(), got[0].end(), expected[0].begin() + static_cast<std::ptrdiff_t>(t * 12)));
        one.first_h = to_float(got[1]);
        one.first_c = to_float(got[2]);
        if (t == 3) CHECK(same_bits(got[1], expected[1]));
        if (t == 3 && cell == recurrent_cell::lstm) CHECK(same_bits(got[2], expected[2]));
      }
    }
  };
  check.operator()<float32>();
  check.operator()<w8a8>();
  check.operator()<w16a16>();
}

TEST_CASE("flat sequences and continuations as flags are the same in other shapes") {
  draws d(8);
  subject s = drawn(d, recurrent_cell::lstm, false, false, 5, 2, 7, 4);
  const tensor<q20_12> expected = layer_outputs<w8a8>(s)[0];
  for (auto& v : s.continuation) v *= 3.0F;
  s.params.is_flag = true;
  CHECK(same_bits(layer_outputs<w8a8>(s)[0], expected));
  s.params.flat_sequences = 2;
  s.x.reshape({10, 7, 1, 1});
  s.continuation.reshape({10});
  const tensor<q20_12> flat = layer_outputs<w8a8>(s)[0];
  CHECK(shape_of(flat) == tensor_shape{10, 4});
  CHECK(std::equal(flat.begin(), flat.end(), expected.begin()));
}

TEST_CASE("threads do not change a bit of a recurrent layer") {
  draws d(9);
  thread_pool pool(3);
  const subject s = drawn(d, recurrent_cell::lstm, true, true, 3, 40, 70, 90);  // large enough for threads in a step
  CHECK(same<w8a8>(layer_outputs<w8a8>(s), layer_outputs<w8a8>(s, pool.handle())));
  CHECK(same<float32>(layer_outputs<float32>(s), layer_outputs<float32>(s, pool.handle())));
}

TEST_CASE("a recurrent layer is called with an input and a continuation") {
  draws d(10);
  subject s = drawn(d, recurrent_cell::lstm, false, false, 4, 2, 7, 4);
  CHECK(same_bits(recurrent_layer<w8a8>(s.weights, s.params)(written<w8a8>(s.x), s.continuation),
                  layer_outputs<w8a8>(s)[0]));
  s.params.has_continuation = false;
  CHECK(same_bits(recurrent_layer<w8a8>(s.weights, s.params)(s.x), (layer_outputs<w8a8, float, q20_12>(s)[0])));
}

TEST_CASE("recurrent layers that do not fit are refused") {
  draws d(11);
  const subject s = drawn(d, recurrent_cell::lstm, false, false, 4, 2, 7, 4);
  const recurrent_layer<w8a8> layer(s.weights, s.params);
  CHECK_THROWS_WITH(layer(s.x), contains("lstm: continuation of shape 0") && contains("expected 4x2"));
  CHECK_THROWS_WITH(layer(d.tensor({4, 2, 6}), s.continuation),
                    contains("weights of the input of shape 16x7") && contains("expected 16x6"));
  CHECK_THROWS_WITH(layer(d.tensor({4}), s.continuation), contains("steps, sequences and features"));
  CHECK_THROWS_WITH(layer(zeros({0, 2, 7}), zeros({0, 2})), contains("no empty axis"));
  CHECK_THROWS_WITH(layer(nan_tensor({4, 2, 7}), s.continuation), contains("NaN"));
  CHECK_THROWS_WITH(layer(s.x, d.tensor({2, 4})), contains("continuation of shape 2x4"));
  CHECK_THROWS_WITH(layer(s.x, nan_tensor({4, 2})), contains("NaN"));

  const auto problem = [&](auto change, std::vector<tensor_shape> inputs) {
    subject other = drawn(d, recurrent_cell::rnn, true, true, 4, 2, 7, 4);
    change(other);
    return infer_shapes(other.params, other.weights, inputs);
  };
  const std::vector<tensor_shape> inputs{{4, 2, 7}, {4, 2}, {2, 3}, {1, 2, 4}};
  CHECK(problem([](subject&) {}, inputs) == std::vector<tensor_shape>{{4, 2, 4}, {1, 2, 4}});
  CHECK_THROWS_WITH(problem([](subject&) {}, {{4, 2, 7}, {4, 2}}), contains("rnn: 2 inputs, expected 4"));
  CHECK_THROWS_WITH(problem(
                        [](subject& o) {
                          o.weights.output = zeros({4, 3});
                        },
                        inputs),
                    contains("weights of the output of shape 4x3"));
  CHECK_THROWS_WITH(problem(
                        [](subject& o) {
                          o.weights.output_bias = {1, 2};
                        },
                        inputs),
                    contains("2 values of bias of the output, expected 4"));
  CHECK_THROWS_WITH(problem([](subject& o) { o.weights.bias = {1, 2}; }, inputs), contains("2 values of bias"));
  CHECK_THROWS_WITH(problem([](subject& o) { o.weights.hidden = zeros({4}); }, inputs), contains("rank 2"));
  CHECK_THROWS_WITH(problem([](subject& o) { o.params.flat_sequences = 3; }, inputs), contains("of 3 sequences"));
  CHECK_THROWS_WITH(problem([](subject&) {}, {{4, 2, 7}, {4, 2}, {3, 3}, {1, 2, 4}}), contains("fixed input 3x3"));
  CHECK_THROWS_WITH(problem([](subject&) {}, {{4, 2, 7}, {4, 2}, {2, 3}, {2, 2, 4}}), contains("first h of shape"));
  CHECK_THROWS_WITH(recurrent_layer<w8a8>({}, {}), contains("rank"));
}

}  // namespace recurrent_test
