// A network's float run and another one of which something may be wrong, for tests of the diagnosis.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <nniesim/debug/case_file.hpp>
#include <nniesim/network/calibrate.hpp>
#include <nniesim/network/runner.hpp>

#include "support/networks.hpp"

namespace two_runs {

using namespace nniesim;

struct dump {
  std::string name;
  tensor_shape shape;
  std::vector<float> values;
};

[[nodiscard]] inline std::vector<dump> dumps_of(const network_runner& runner) {
  std::vector<dump> result;
  for (const named_values& v : layers_of(runner)) result.push_back({v.name, v.shape, v.values()});
  return result;
}
[[nodiscard]] inline std::vector<named_values> layers_as(const std::vector<dump>& list) {
  std::vector<named_values> result;
  for (const dump& d : list) result.push_back({d.name, d.shape, [&d] { return d.values; }});
  return result;
}

struct experiment {
  network net;
  std::vector<tensor<float>> inputs{};
  activation_ranges ranges{};  ///< as calibrated
  precision_plan plan{};
  std::vector<dump> reference{}, other{};

  explicit experiment(network n, draws& random, compile_mode mode = compile_mode::all_8bit)
      : net(std::move(n)), plan(plan_of(net, mode)) {
    for (const layer& l : net.layers) {
      if (!std::holds_alternative<layers::input>(l.params)) continue;
      inputs.push_back(make_tensor<float>(net.blobs[l.outputs[0]].shape));
      for (float& v : inputs.back()) v = random.normal();
    }
    calibrator c(net, plan);
    c.add(views());
    ranges = c.ranges();
    network_runner in_float(net, float_plan(net), {.keep_all = true});
    in_float.run(views());
    reference = dumps_of(in_float);
    run(net);
  }
  [[nodiscard]] std::vector<tensor_view<const float>> views() const {
    std::vector<tensor_view<const float>> result;
    for (const auto& t : inputs) result.push_back(view_of(t));
    return result;
  }
  /// The other run: of this network.
  void run(const network& real) { run(real, ranges); }
  void run(const network& real, const activation_ranges& with) {
    network_runner runner(real, plan, {.keep_all = true});
    runner.use(with);
    runner.run(views());
    other = dumps_of(runner);
  }
  [[nodiscard]] std::vector<float>& shown(const std::string& name) {
    return std::find_if(other.begin(), other.end(), [&](const dump& d) { return d.name == name; })->values;
  }
  [[nodiscard]] experiment_context lab() const {
    return {.net = net, .inputs = views(), .ranges = ranges, .plan = plan};
  }
  /// Calls f with the case file, with the experiment context or without one.
  template <class F>
  decltype(auto) look(const F& f, bool with_lab = true, const diagnose_options& options = {}) const {
    const experiment_context l = lab();
    const std::vector<named_values> r = layers_as(reference), x = layers_as(other);
    const detail::case_file file(r, x, options, with_lab ? &l : nullptr);
    return f(file);
  }
};

/// data, three convolutions with a ReLU behind each, a fully connected layer.
[[nodiscard]] inline network plain_network(draws& random) {
  test_networks::network_builder b;
  std::size_t x = b.input({1, 4, 10, 10});
  for (const char* n : {"1", "2", "3"}) {
    x = b.add(std::string("conv") + n,
              layers::convolution{
                  {.pad = {1, 1}}, random.tensor({4, 4, 3, 3}, 0.2F), test_networks::random_floats(random, 4)},
              {x});
    x = b.add(std::string("relu") + n, relu_params{}, {x});
  }
  b.add("fc", layers::fully_connected{1, random.tensor({20, 400}, 0.1F), {}}, {x});
  return b.net;
}

}  // namespace two_runs
