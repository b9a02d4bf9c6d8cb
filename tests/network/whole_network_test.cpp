// Whole networks in fixed point against the rules written down once more: which blobs are codes and of which scale,
// what each layer reads of them, what it makes of that by the definitions of naive_layers.hpp, and what it writes.
#include <nniesim/network/fold.hpp>
#include <nniesim/network/runner.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <limits>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include <nniesim/kernels/thread_pool.hpp>

#include "catch.hpp"
#include "support/isas.hpp"
#include "support/networks.hpp"
#include "support/own_policy.hpp"
#include "support/random_network.hpp"

using namespace nniesim;
using namespace test_networks;

namespace whole_network_test {

namespace {

using numbers = std::vector<double>;
const std::vector<float> one = {1.0F};

std::uint32_t count(std::uint32_t usual) {
  const char* times = std::getenv("NNIESIM_SEEDS");
  return times == nullptr ? usual : usual * static_cast<std::uint32_t>(std::atoi(times));
}

/// Steps of 1/4096, as int32 holds them.
double saturated(double steps) { return std::clamp(steps, -2147483648.0, 2147483647.0); }
double cut(double v) { return saturated(std::floor(v * 4096)) / 4096; }

template <class F>
typename F::scale scale_of(double largest) {
  const auto m = static_cast<float>(largest);
  return F::scale_of(std::span(&m, 1));
}
template <class F>
double decoded(double v, const typename F::scale& s) {
  return static_cast<double>(F::decode(F::encode(static_cast<float>(v), s), s));
}

/// A layer's output before it is written, in steps of 1/4096: between low and high.
struct expected_value {
  double low, high;
};

template <class P>
class naive_network {
  using weights = typename P::weights;
  using activations = typename P::activations;
  static constexpr bool has_integers = is_log_format<weights> && is_log_format<activations>;

 public:
  explicit naive_network(const network& net) : net_(net) {
    const std::size_t n = net.blobs.size();
    for (std::size_t b = 0; b < n; ++b) {
      source_.push_back(b);
      range_.push_back(b);
    }
    is_codes_.resize(n);
    is_input_.resize(n);
    std::vector<bool> of_host(n), for_accelerator(n);
    for (const layer& l : net.layers) {
      if (std::holds_alternative<layers::input>(l.params)) is_input_[l.outputs[0]] = true;
      for (const std::size_t b : l.outputs) {
        of_host[b] = l.on_cpu;
        if (std::holds_alternative<layers::identity>(l.params)) source_[b] = source_[l.inputs[0]];
      }
      for (const std::size_t b : l.inputs) {
        if (!l.on_cpu && !std::holds_alternative<layers::identity>(l.params)) for_accelerator[source_[b]] = true;
      }
      if (const auto* p = std::get_if<layers::recurrent>(&l.params); p != nullptr && !l.on_cpu) {
        is_codes_[source_[l.inputs[0]]] = true;
        if (p->has_fixed_input) is_codes_[source_[l.inputs[p->has_continuation ? 2 : 1]]] = true;
      }
      if (l.on_cpu || !wants_codes(l)) continue;
      for (const std::size_t b : l.inputs) is_codes_[source_[b]] = true;
      if (is_upsampling(l)) range_[l.outputs[0]] = range_[source_[l.inputs[0]]];
    }
    for (std::size_t b = 0; b < n; ++b) is_float_.push_back(is_input_[b] || (of_host[b] && !for_accelerator[b]));
  }

  /// How a run differs from the rules, layer by layer on what the layers before wrote; empty where it does not.
  std::string difference(const network_runner& run, std::size_t& compared, std::set<std::size_t>& kinds) const {
    for (const layer& l : net_.layers) {
      if (std::holds_alternative<layers::input>(l.params) || is_function(l)) continue;
      const bool is_alias = std::holds_alternative<layers::identity>(l.params);
      if (is_alias) {
        for (const std::size_t b : l.outputs) {
          if (values(run, b) != values(run, l.inputs[0])) return l.name + ": another blob";
        }
        continue;
      }
      std::vector<naive::array> inputs;
      std::vector<typename activations::scale> scales;
      for (const std::size_t b : l.inputs) {
        const std::size_t r = range_[source_[b]];
        double most = 0;
        for (const double v : values(run, r)) most = std::max(most, std::fabs(v));
        scales.push_back(scale_of<activations>(most));
        inputs.push_back(as_read(l, b, values(run, b), scales.back()));
      }
      for (std::size_t o = 0; o < l.outputs.size(); ++o) {
        const numbers got = values(run, l.outputs[o]);
        const std::vector<expected_value> want = written(l, inputs, scales, o);
        if (got.size() != want.size()) return l.name + ": another size";
        for (std::size_t i = 0; i < got.size(); ++i) {
          if (std::isnan(want[i].low) || std::isnan(want[i].high)) continue;
          ++compared;
          const double steps = got[i] * 4096;
          const bool is_float = is_float_[l.outputs[o]];
          const double low = is_float ? want[i].low : saturated(want[i].low);
          const double high = is_float ? want[i].high : saturated(want[i].high);
          if (steps >= low && steps <= high) continue;
          return detail::message(l.name, " (", l.type, ", alternative ", l.params.index(), l.on_cpu ? ", host" : "",
                                 ") output ", o, " at ", i, ": ", steps, " steps, expected ", want[i].low, " .. ",
                                 want[i].high);
        }
      }
      kinds.insert(l.params.index());
    }
    return {};
  }

 private:
  static bool wants_codes(const layer& l) {
    if (const auto* p = std::get_if<pooling_params>(&l.params)) return p->operation == pooling_operation::maximum;
    if (const auto* p = std::get_if<spp_params>(&l.params)) return p->operation == pooling_operation::maximum;
    return std::holds_alternative<layers::convolution>(l.params) ||
           std::holds_alternative<layers::deconvolution>(l.params) ||
           std::holds_alternative<layers::fully_connected>(l.params) ||
           std::holds_alternative<eltwise_params>(l.params) || std::holds_alternative<upsample_params>(l.params) ||
           is_matmul(l);
  }
  static bool is_matmul(const layer& l) { return std::holds_alternative<matmul_params>(l.params); }
  static bool is_mac(const layer& l) { return weights_of(l) != nullptr; }
  /// Tables and CORDIC have tests of their own.
  static bool is_function(const layer& l) {
    if (l.on_cpu) return false;
    if (std::holds_alternative<softmax_params>(l.params)) return true;
    if (std::holds_alternative<layers::recurrent>(l.params)) return true;
    const auto* p = std::get_if<activation_params>(&l.params);
    using enum activation_function;
    return p != nullptr &&
           (p->function == sigmoid || p->function == tanh || p->function == exponential || p->function == logarithm);
  }
  [[nodiscard]] bool is_upsampling(const layer& l) const {
    if (std::holds_alternative<upsample_params>(l.params)) return true;
    const auto* p = std::get_if<layers::deconvolution>(&l.params);
    if (p == nullptr || p->geometry.stride == std::array<std::size_t, 2>{1, 1}) return false;
    return p->geometry.groups == net_.blobs[l.inputs[0]].shape[1] && shape_of(p->weights)[1] == 1;
  }

  static numbers values(const network_runner& run, std::size_t b) {
    numbers all;
    run.visit(b, [&](auto view) {
      for (const auto& v : view.span()) all.push_back(static_cast<double>(v));
    });
    return all;
  }

  [[nodiscard]] naive::array as_read(const layer& l, std::size_t b, numbers x,
                                     const typename activations::scale& s) const {
    const bool reads_codes = !l.on_cpu && wants_codes(l);
    const std::size_t source = source_[b];
    for (double& v : x) {
      if (l.on_cpu && is_float_[source]) continue;  // the host has it
      if (is_codes_[source]) v = decoded<activations>(v, s);
      // Products and maxima are of codes; all others read, or copy, what stands in 1/4096.
      const bool is_of_codes = is_mac(l) || is_matmul(l) || std::holds_alternative<pooling_params>(l.params);
      if (!(reads_codes && is_of_codes) && (is_codes_[source] || is_input_[source])) v = cut(v);
      if (l.on_cpu) v = static_cast<double>(static_cast<float>(v));
    }
    const tensor_shape& shape = net_.blobs[b].shape;
    naive::array a(naive::extents(shape.begin(), shape.end()));
    a.value = std::move(x);
    return a;
  }

  static const tensor<float>* weights_of(const layer& l) {
    if (const auto* p = std::get_if<layers::convolution>(&l.params)) return &p->weights;
    if (const auto* p = std::get_if<layers::deconvolution>(&l.params)) return &p->weights;
    if (const auto* p = std::get_if<layers::fully_connected>(&l.params)) return &p->weights;
    return nullptr;
  }
  /// What a BatchNorm behind the layer became.
  static channel_affine affine_of(const layer& l) {
    return std::visit(
        [](const auto& p) -> channel_affine {
          if constexpr (requires { p.affine; }) return p.affine;
          else return {};
        },
        l.params);
  }
  struct group {
    typename weights::scale scale{};
    double magnitude = 1;
    bool is_constant = false;
  };
  /// Weights as they stand in the compiled model, a scale for each group, and that of each output.
  static std::vector<group> encode_weights(layer& l, std::size_t outputs) {
    std::size_t groups = 1;
    if (const auto* p = std::get_if<layers::convolution>(&l.params)) groups = p->geometry.groups;
    if (const auto* p = std::get_if<layers::deconvolution>(&l.params)) groups = p->geometry.groups;
    auto& w = const_cast<tensor<float>&>(*weights_of(l));
    std::vector<group> all;
    for (std::size_t g = 0; g < groups; ++g) {
      const std::span<float> part(w.data() + g * w.size() / groups, w.size() / groups);
      float most = 0, least = std::numeric_limits<float>::max();
      for (const float v : part) {
        most = std::max(most, std::fabs(v));
        least = std::min(least, std::fabs(v));
      }
      group found{weights::scale_of(part), 1, has_integers && most - least < 1e-6F};
      if (found.is_constant) {
        found.magnitude = static_cast<double>(std::fabs(part[0]));
        for (float& v : part) v = v == 0 ? 0.0F : std::copysign(part[0], v);
      } else {
        for (float& v : part) v = static_cast<float>(decoded<weights>(static_cast<double>(v), found.scale));
      }
      for (std::size_t o = 0; o < outputs / groups; ++o) all.push_back(found);
    }
    return all;
  }

  [[nodiscard]] std::vector<expected_value> written(layer l, const std::vector<naive::array>& inputs,
                                                    const std::vector<typename activations::scale>& scales,
                                                    std::size_t output) const {
    const tensor_shape& shape = net_.blobs[l.outputs[output]].shape;
    std::vector<expected_value> result;
    // Its norm is a layer's value before the factors.
    std::vector<float> factors;
    if (auto* p = std::get_if<layers::normalize>(&l.params); p != nullptr && !l.on_cpu && p->factor != one) {
      factors = std::exchange(p->factor, one);
    }
    if (!l.on_cpu && is_matmul(l)) return written_products(std::get<matmul_params>(l.params), inputs, scales);
    if (l.on_cpu || !is_mac(l)) {
      // As the compiler stores slopes.
      if (auto* p = std::get_if<relu_params>(&l.params); p != nullptr && !l.on_cpu) {
        p->negative_slope = std::trunc(p->negative_slope * 4096) / 4096;
      }
      if (auto* p = std::get_if<layers::prelu>(&l.params); p != nullptr && !l.on_cpu) {
        for (float& s : p->slope) s = std::trunc(s * 4096) / 4096;
      }
      if (auto* p = std::get_if<crelu_params>(&l.params); p != nullptr && !l.on_cpu) {
        p->negative_slope = std::trunc(p->negative_slope * 4096) / 4096;
      }
      naive::array y = naive::evaluate(l, inputs).at(output);
      const channel_affine affine = affine_of(l);
      for (std::size_t i = 0; i < y.value.size() && !affine.factor.empty(); ++i) {
        const auto c = static_cast<std::size_t>(y.place(i)[1]);
        y.value[i] = y.value[i] * affine.factor[c] + affine.shift[c];
        y.tolerance[i] = y.tolerance[i] * std::fabs(affine.factor[c]) + 2 * naive::ulp * std::fabs(y.value[i]);
      }
      for (std::size_t i = 0; i < y.value.size(); ++i) {
        const double low = (y.value[i] - y.tolerance[i]) * 4096, high = (y.value[i] + y.tolerance[i]) * 4096;
        // What a host hands on is truncated toward zero, what the accelerator writes toward minus infinity.
        if (l.on_cpu && is_float_[l.outputs[output]]) {
          result.push_back({low, high});
        } else if (l.on_cpu) {
          result.push_back({std::trunc(low), std::trunc(high)});
        } else if (!factors.empty()) {
          const double f =
              static_cast<double>(factors[factors.size() == 1 ? 0 : static_cast<std::size_t>(y.place(i)[1])]);
          const auto [least, most] = std::minmax({std::floor(low) * f, std::floor(high) * f});
          result.push_back({std::floor(least), std::floor(most)});
        } else {
          result.push_back({std::floor(low), std::floor(high)});
        }
      }
      return result;
    }
    const bool is_row = std::holds_alternative<layers::fully_connected>(l.params);
    const std::size_t axis = is_row ? shape.rank() - 1 : 1;
    const std::vector<group> groups = encode_weights(l, shape[axis]);
    std::vector<float> bias;
    const channel_affine affine = affine_of(l);
    std::visit(
        [&](auto& p) {
          if constexpr (requires { p.affine; }) bias = std::exchange(p.bias, {});
        },
        l.params);
    const naive::array y = naive::evaluate(l, inputs).at(output);
    std::size_t inner = 1;
    for (std::size_t a = axis + 1; a < shape.rank(); ++a) inner *= shape[a];
    const double terms = static_cast<double>(weights_of(l)->size()) / static_cast<double>(shape[axis]);
    for (std::size_t i = 0; i < y.value.size(); ++i) {
      const std::size_t o = i / inner % shape[axis];
      const double b = bias.empty() ? 0 : static_cast<double>(bias[o]);
      const double behind = affine.factor.empty() ? 1 : affine.factor[o];
      const double shift = affine.factor.empty() ? 0 : affine.shift[o];
      if constexpr (has_integers) {
        const auto exponent = [](int z, int levels) { return static_cast<double>(z) / levels; };
        const double z_w = groups[o].is_constant ? -1 : exponent(groups[o].scale.z(), weights::levels);
        const double z_x = exponent(scales[0].z(), activations::levels);
        const double unit = std::exp2(z_w + z_x) * groups[o].magnitude;
        const bool is_coarse = unit * 0x1p42 >= 0x1p31 - 0.5;
        const double bias_units = unit == 0 ? 0 : saturated(std::nearbyint(b / unit));
        const double multiplier = saturated(std::nearbyint(behind * unit * (is_coarse ? 0x1p31 : 0x1p42)));
        const double factor = multiplier * (is_coarse ? 0x1p-19 : 0x1p-30);
        const double steps = saturated(std::nearbyint(shift * 4096));
        if (unit == 0) {
          result.push_back({steps, steps});
          continue;
        }
        const double sum = (y.value[i] / unit + bias_units) * factor;
        const double tolerance = (2 * y.tolerance[i] / unit + 1e-12 * std::fabs(bias_units)) * std::fabs(factor);
        result.push_back({std::floor(sum - tolerance) + steps, std::floor(sum + tolerance) + steps});
      } else {
        // Of at least three roundings each; sums that may saturate on their way have a test of their own.
        if (y.tolerance[i] / (3 * naive::ulp) > own_policy::largest_sum<P>) {
          result.push_back({-std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()});
          continue;
        }
        const double rounded_off = terms * own_policy::product_error<P>;
        const double tolerance = (2 * y.tolerance[i] + rounded_off) * 4096 * std::fabs(behind);
        const double sum = ((y.value[i] + b) * behind + shift) * 4096;
        result.push_back({std::floor(sum - tolerance), std::floor(sum + tolerance)});
      }
    }
    return result;
  }

  /// Sums of products of two inputs' codes.
  static std::vector<expected_value> written_products(const matmul_params& p, const std::vector<naive::array>& inputs,
                                                      const std::vector<typename activations::scale>& scales) {
    const naive::array y = naive::evaluate_layer{inputs, 1}(p).at(0);
    const naive::extents& shape = inputs[0].shape;
    const std::size_t terms = p.sizes[1] != 0 ? p.sizes[1] : shape[shape.size() - (p.transpose_a ? 2 : 1)];
    std::vector<expected_value> result;
    for (std::size_t i = 0; i < y.value.size(); ++i) {
      double sum = y.value[i] * 4096, tolerance = 2 * y.tolerance[i] * 4096;
      if constexpr (has_integers) {
        const double unit = std::exp2(static_cast<double>(scales[0].z() + scales[1].z()) / activations::levels);
        const bool is_coarse = unit * 0x1p42 >= 0x1p31 - 0.5;
        const double multiplier = saturated(std::nearbyint(unit * (is_coarse ? 0x1p31 : 0x1p42)));
        const double factor = multiplier * (is_coarse ? 0x1p-19 : 0x1p-30);
        sum = y.value[i] / unit * factor;
        tolerance = 2 * y.tolerance[i] / unit * factor;
      } else if (y.tolerance[i] / (3 * naive::ulp) > own_policy::largest_sum<P>) {
        tolerance = std::numeric_limits<double>::infinity();  // sums that may saturate have a test of their own
      } else {
        tolerance += static_cast<double>(terms) * own_policy::product_error<P> * 4096;
      }
      result.push_back({std::floor(sum - tolerance), std::floor(sum + tolerance)});
    }
    return result;
  }

  const network& net_;
  std::vector<std::size_t> source_, range_;
  std::vector<bool> is_codes_, is_input_, is_float_;
};

template <class P>
std::string difference(const network& net, std::span<const tensor<float>> inputs, std::size_t& compared,
                       std::set<std::size_t>& kinds) {
  network_runner run(net, plan_of(net, layer_precision::of<P>()),
                     {.keep_all = true, .policies = policy_set::of<w8a8, w16a16, own_policy::w4a12>()});
  std::vector<tensor<float>> all(inputs.begin(), inputs.end());
  run.run(all);
  return naive_network<P>(net).difference(run, compared, kinds);
}

/// A BatchNorm of random statistics behind every layer of products.
network with_batch_norms(const network& net, draws& random) {
  network result = net;
  result.layers.clear();
  std::vector<std::size_t> now(net.blobs.size());
  for (std::size_t b = 0; b < now.size(); ++b) now[b] = b;
  for (layer l : net.layers) {
    for (std::size_t& b : l.inputs) b = now[b];
    result.layers.push_back(l);
    const tensor_shape& shape = net.blobs[l.outputs[0]].shape;
    if (!is_mac_layer(l) || shape.rank() < 2) continue;
    batch_norm_params p{.mean = random_floats(random, shape[1]), .variance = random_floats(random, shape[1])};
    for (float& v : p.variance) v = std::fabs(v) + 0.1F;
    p.gamma = random_floats(random, shape[1]);
    layer norm{l.name + "_bn", "BatchNorm", l.where, l.outputs, {result.blobs.size()}, layers::batch_norm{p}};
    norm.on_cpu = l.on_cpu;
    result.blobs.push_back({norm.name, shape});
    now[l.outputs[0]] = norm.outputs[0];
    result.layers.push_back(std::move(norm));
  }
  return result;
}

}  // namespace

TEST_CASE("random networks in fixed point give what definitions and rules of storage say", "[network]") {
  std::size_t compared = 0, fused = 0;
  std::set<std::size_t> kinds;
  for (std::uint32_t seed = 0; seed < count(300); ++seed) {
    const auto g = random_network::generator(random_network::choices(seed + 5000)).make();
    CAPTURE(seed);
    draws random(seed);
    const network with_norms = with_batch_norms(g.net, random);
    // BatchNorm as layers of their own, and behind the sums of the layer before them.
    const network taken = fold_batch_norm(with_norms);
    fused += with_norms.layers.size() - taken.layers.size();
    for (const network* net : {&g.net, &with_norms, &taken}) {
      CAPTURE(net == &with_norms, net == &taken);
      CHECK(difference<w8a8>(*net, g.inputs, compared, kinds) == "");
      CHECK(difference<w16a16>(*net, g.inputs, compared, kinds) == "");
      CHECK(difference<own_policy::w4a12>(*net, g.inputs, compared, kinds) == "");
      if (with_norms.layers.size() == g.net.layers.size()) break;
    }
  }
  CHECK(compared > 200000);
  CHECK(fused > 100);
  CHECK(kinds.size() >= 31);
}

TEST_CASE("networks of one's own policy and fused ones give the same bits on every instruction set, for any threads",
          "[network]") {
  thread_pool pool(3);
  const auto best = runnable_isas().back();
  const policy_set policies = policy_set::of<w8a8, w16a16, own_policy::w4a12>();
  for (std::uint32_t seed = 0; seed < count(60); ++seed) {
    auto g = random_network::generator(random_network::choices(seed + 9000)).make();
    g.net = fold_batch_norm(std::move(g.net));
    CAPTURE(seed);
    for (const layer_precision p :
         {layer_precision::w8a8, layer_precision::w16a16, layer_precision::of<own_policy::w4a12>()}) {
      const precision_plan plan = plan_of(g.net, p);
      std::vector<std::vector<std::uint32_t>> plain;
      for_each_isa([&](isa i) {
        const auto run = [&](const executor& threads) {
          return random_network::run_words(g, plan, {.keep_all = true, .threads = threads, .policies = policies});
        };
        if (i == isa::scalar) plain = run({});
        if (i == best) CHECK(random_network::first_difference(g, plain, run(pool.handle())) == "");
      });
    }
  }
}

TEST_CASE("sums of one's own policy saturate where its accumulator does", "[network]") {
  network_builder b;
  const std::size_t data = b.input({1, 400});
  tensor<float> w = make_tensor<float>({2, 400});
  for (std::size_t k = 0; k < 400; ++k) {
    w.data()[k] = k < 200 ? 7.0F : -7.0F;
    w.data()[400 + k] = k % 2 == 0 ? 7.0F : -7.0F;
  }
  const std::size_t y = b.add("fc", layers::fully_connected{1, w, {}}, {data});
  tensor<float> x = make_tensor<float>({1, 400});
  x.fill(2047.0F);
  network_runner run(b.net, plan_of(b.net, layer_precision::of<own_policy::w4a12>()),
                     {.keep_all = true, .policies = policy_set::of<own_policy::w4a12>()});
  run.run(x);
  // 16 integer bits, the sign among them, hold 2^15; each product is 14329.
  double sum[2] = {};
  for (std::size_t o = 0; o < 2; ++o) {
    for (std::size_t k = 0; k < 400; ++k) {
      const double product = static_cast<double>(w.data()[o * 400 + k]) * 2047;
      sum[o] = std::clamp(sum[o] + product, -32768.0, 32768 - 0x1p-8);
    }
    CHECK(static_cast<double>(run.value(y).data()[o]) == sum[o]);
  }
  CHECK(sum[0] == -32768);
  CHECK(sum[1] == 0);
}

}  // namespace whole_network_test
