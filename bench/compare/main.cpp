// Our kernels beside other libraries', interleaved in one run: medians of rounds, as ratios and as % of the machine's
// own peaks, which are measured before and after each group of rows. One thread is timed by its CPU time, several by
// the wall. `--json` for machines, `--rounds N` (default 7), `--threads N` (default 1), `--only TEXT` for some of the
// rows.
//
// Convolutions of w8a8 and w16a16 read and store codes, as they do between a network's convolutions; "of values": the
// int32 of layers at both ends. Fully connected layers read and write values.
//
// A target counts the best of the peers that it is against. "missed" and "reached" are those of the second round: 3
// kernels against oneDNN's float with weights laid out once, 4 exact 8 bits against oneDNN's int8 (without VNNI, where
// that one's sums are wrong: against the peak of float), 5 element-wise layers against OpenCV, 6 formats against
// memcpy.
#include <unistd.h>
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <nniesim/kernels/thread_pool.hpp>
#include <nniesim/nniesim.hpp>
#include <optional>
#include <random>
#include <string>
#include <thread>

#include "peaks.hpp"
#include "peers.hpp"

using namespace nniesim;

namespace bench {
namespace {

/// Zeros: nothing is asked.
struct goal {
  int row = 0;            ///< of the table of targets
  double ratio = 0;       ///< at least, of the peer's speed
  std::string against{};  ///< which peers count: the beginning of their names; empty: all
  double rate = 0;        ///< at least, in elements per second
  std::string of_peak{};  ///< the ratio is to this peak instead
};

struct row {
  std::string name;
  double work = 0;   ///< multiply-accumulates or elements per call
  std::string peak;  ///< which peak it is compared with
  contestant ours;
  std::vector<contestant> peers;
  goal target{};
};

/// Seconds per call of each contestant in each round: rounds go through all of them in turn, so that a drift hits all
/// alike.
std::vector<std::vector<double>> race(const std::vector<const contestant*>& all, int rounds, std::size_t threads) {
  const auto now = threads == 1 ? cpu_seconds : wall_seconds;
  std::vector<std::size_t> repeats;
  for (const auto* c : all) {
    c->run();  // warm up
    const double start = now();
    c->run();
    const double one = std::max(1e-7, now() - start);
    repeats.push_back(static_cast<std::size_t>(std::clamp(0.02 / one, 1.0, 20000.0)));
  }
  std::vector<std::vector<double>> times(all.size());
  for (int r = 0; r < rounds; ++r) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (threads > 1) {  // threads of the one before still wait in a busy loop
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        all[i]->run();
      }
      const double start = now();
      for (std::size_t k = 0; k < repeats[i]; ++k) all[i]->run();
      times[i].push_back((now() - start) / static_cast<double>(repeats[i]));
    }
  }
  return times;
}

/// Quartiles.
std::array<double, 3> spread(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  const auto at = [&](double q) {
    return v[static_cast<std::size_t>(std::lround(q * static_cast<double>(v.size() - 1)))];
  };
  return {at(0.25), at(0.5), at(0.75)};
}

std::map<std::string, double> peaks_of(std::size_t threads) {
  std::map<std::string, double> peaks = measured_peaks(cpu_seconds);
  for (auto& [name, value] : peaks) value *= static_cast<double>(threads);
  if (!peaks.contains("fp32") ||
      kernels::select(active_isa(), [](auto set) { return decltype(set)::base_id; }) == isa::avx2)
    peaks["fp32"] = peaks["fp32 ymm"];
  return peaks;
}

/// Values as layers of trained networks have them, between -6 and 6 and mostly small.
template <class P>
tensor<value_t<P>> activations(const tensor_shape& shape) {
  auto t = make_tensor<value_t<P>>(shape);
  std::minstd_rand random(1);
  std::uniform_real_distribution<float> third(-2.0F, 2.0F);
  for (std::size_t i = 0; i < t.size(); ++i)
    t.data()[i] = P::output::from(third(random) + third(random) + third(random));
  return t;
}

/// Weights that keep the size of values, as training does: of variance 1 over all products of an output.
tensor<float> weights(const tensor_shape& shape) {
  auto w = make_tensor<float>(shape);
  std::minstd_rand random(2);
  const float most = std::sqrt(3.0F * static_cast<float>(shape[0]) / static_cast<float>(shape.size()));
  std::uniform_real_distribution<float> value(-most, most);
  for (std::size_t i = 0; i < w.size(); ++i) w.data()[i] = value(random);
  return w;
}

template <class P>
contestant our_gemm(const gemm_shape& s, const executor& threads) {
  struct state {
    fully_connected_layer<P> layer;
    tensor<value_t<P>> x, y;
    std::vector<std::byte> memory;
  };
  auto x = activations<P>({s.m, s.k});
  fully_connected_layer<P> layer(weights({s.n, s.k}), no_bias);
  auto y = make_tensor<value_t<P>>({s.m, s.n});
  const std::size_t bytes = layer.workspace_bytes(shape_of(x), threads);
  const auto st =
      std::make_shared<state>(state{std::move(layer), std::move(x), std::move(y), std::vector<std::byte>(bytes)});
  const auto scale = st->layer.activation_scale_of(view_of(std::as_const(st->x)));
  return {std::string(P::name), [st, scale, threads] {
            st->layer.run(view_of(std::as_const(st->x)), scale, view_of(st->y), st->memory, threads);
          }};
}

/// With inputs and outputs stored as codes, as between a network's convolutions, or as the values of layers.
template <class P, bool codes>
contestant our_conv(const conv_shape& s, const executor& threads) {
  using format = typename P::activations;
  struct state {
    conv2d_layer<P> layer;
    tensor<std::conditional_t<codes, typename format::code, value_t<P>>> x, y;
    std::vector<std::byte> memory;
  };
  conv2d_layer<P> layer(weights({s.out, s.in / s.groups, s.kernel, s.kernel}), no_bias,
                        {.stride = {s.stride, s.stride}, .pad = {s.pad, s.pad}, .groups = s.groups});
  const auto x = activations<P>({1, s.in, s.size, s.size});
  const auto scale = layer.activation_scale_of(view_of(x));
  std::vector<std::byte> memory(layer.workspace_bytes(shape_of(x), threads));
  output_stage stage;
  std::shared_ptr<state> st;
  if constexpr (codes) {
    const auto values = decode<q20_12>(layer(x, scale), {});
    const auto written = scale_of<format>(values);
    stage.z = written.z();
    st = std::make_shared<state>(state{std::move(layer), encode<format>(decode<q20_12>(x, {}), scale),
                                       encode<format>(values, written), std::move(memory)});
  } else {
    auto y = make_tensor<value_t<P>>(layer.output_shape(shape_of(x)));
    st = std::make_shared<state>(state{std::move(layer), x, std::move(y), std::move(memory)});
  }
  return {std::string(P::name) + (codes ? "" : " of values"), [st, scale, threads, stage] {
            st->layer.run(view_of(std::as_const(st->x)), scale, view_of(st->y), st->memory, threads, stage);
          }};
}

struct fp64_w8a8 : precision<gfpq8, gfpq8, fp64_chain, q20_12> {
  static constexpr std::string_view name = "w8a8 fp64_chain";
};

struct gemm_case {
  gemm_shape shape;
  double target;
};
const gemm_case gemms[] = {{{1024, 1024, 1024}, 0.95}, {{256, 3136, 576}, 0.95}, {{512, 784, 1152}, 0.95},
                           {{64, 12544, 147}, 0.95},   {{1, 1000, 2048}, 2.0},   {{16, 4096, 4096}, 1.3}};

struct conv_case {
  const char* name;
  conv_shape shape;
  double target;
  bool is_of_first_round = false;  ///< which uniform8 is measured on
};
const conv_case convs[] = {{"3x3 64->64 56x56", {64, 64, 3, 1, 1, 56, 1}, 0.95, true},
                           {"3x3 128->128 28x28", {128, 128, 3, 1, 1, 28, 1}, 0.95, true},
                           {"3x3 256->256 14x14", {256, 256, 3, 1, 1, 14, 1}, 0.9, true},
                           {"1x1 256->64 56x56", {256, 64, 1, 1, 0, 56, 1}, 0.95, true},
                           {"1x1 128->128 40x40", {128, 128, 1, 1, 0, 40, 1}, 0.95},
                           {"1x1 16->32 160x160", {16, 32, 1, 1, 0, 160, 1}, 0.85},
                           {"1x1 8->16 320x320", {8, 16, 1, 1, 0, 320, 1}, 0.85},
                           {"7x7/2 3->64 224x224", {3, 64, 7, 2, 3, 224, 1}, 0.95, true},
                           {"3x3/2 3->8 640x640", {3, 8, 3, 2, 1, 640, 1}, 0.95},
                           {"depthwise 3x3 128 56x56", {128, 128, 3, 1, 1, 56, 128}, 0.8, true},
                           {"depthwise 3x3 8 320x320", {8, 8, 3, 1, 1, 320, 8}, 0.8},
                           {"depthwise 3x3 128 40x40", {128, 128, 3, 1, 1, 40, 128}, 0.8},
                           {"depthwise 3x3/2 16 320x320", {16, 16, 3, 2, 1, 320, 16}, 0.75},
                           {"depthwise 3x3/2 64 80x80", {64, 64, 3, 2, 1, 80, 64}, 0.75}};

std::string text(const gemm_shape& s) {
  return std::to_string(s.m) + " " + std::to_string(s.n) + " " + std::to_string(s.k);
}

/// Of exact 8-bit sums: oneDNN's are wrong without VNNI.
goal uniform8_goal() {
  if (active_isa() == isa::avx2) return {.row = 4, .ratio = 1.3, .of_peak = "fp32 ymm"};
  return {.row = 4, .ratio = 0.85, .against = "oneDNN"};
}

std::vector<row> gemm_rows(std::size_t threads, const executor& pool) {
  std::vector<row> rows;
  for (const auto& [s, target] : gemms) {
    const double macs = static_cast<double>(s.m) * static_cast<double>(s.n) * static_cast<double>(s.k);
    const std::string name = "gemm " + text(s);
    rows.push_back({"w8a8 " + name,
                    macs,
                    "fp32",
                    our_gemm<w8a8>(s, pool),
                    float_gemm_peers(s, threads),
                    {.row = 3, .ratio = target, .against = "oneDNN"}});
    rows.push_back({"w16a16 " + name, macs, "fp32", our_gemm<w16a16>(s, pool), {our_gemm<w8a8>(s, pool)}});
    rows.push_back({"uniform8 " + name, macs, "int8", our_gemm<uniform_w8a8>(s, pool), int8_gemm_peers(s, threads),
                    uniform8_goal()});
    rows.push_back({"uniform16 " + name, macs, "fp32", our_gemm<uniform_w16a16>(s, pool), {}});
    rows.push_back({"fp64_chain " + name, macs, "fp64", our_gemm<fp64_w8a8>(s, pool), double_gemm_peers(s, threads)});
  }
  return rows;
}

std::vector<row> conv_rows(std::size_t threads, const executor& pool) {
  std::vector<row> rows;
  for (const conv_case& c : convs) {
    const conv_shape& s = c.shape;
    const std::string name = c.name;
    rows.push_back({"w8a8 " + name,
                    s.macs(),
                    "fp32",
                    our_conv<w8a8, true>(s, pool),
                    float_conv_peers(s, threads),
                    {.row = 3, .ratio = c.target, .against = "oneDNN"}});
    rows.push_back(
        {"w8a8 of values, " + name, s.macs(), "fp32", our_conv<w8a8, false>(s, pool), {our_conv<w8a8, true>(s, pool)}});
    rows.push_back(
        {"w16a16 " + name, s.macs(), "fp32", our_conv<w16a16, true>(s, pool), {our_conv<w8a8, true>(s, pool)}});
    if (!c.is_of_first_round) continue;
    rows.push_back({"uniform8 " + name, s.macs(), "int8", our_conv<uniform_w8a8, false>(s, pool),
                    int8_conv_peers(s, threads), uniform8_goal()});
  }
  return rows;
}

/// On q20_12 that stays in the second cache, as w8a8 layers compute it; OpenCV's on as many floats.
std::vector<row> layer_rows() {
  const tensor_shape shape{1, 64, 32, 32};
  using view = tensor_view<const q20_12>;
  const auto x = std::make_shared<tensor<q20_12>>(activations<w8a8>(shape));
  std::vector<row> rows;
  const auto add = [&](const std::string& name, const tensor_shape& y_shape, double least_rate,
                       const std::function<void(view, tensor_view<q20_12>)>& f, std::vector<contestant> peers) {
    const auto y = std::make_shared<tensor<q20_12>>(make_tensor<q20_12>(y_shape));
    const contestant ours{name, [=] { f(view_of(std::as_const(*x)), view_of(*y)); }};
    const auto values = static_cast<double>(std::max(shape.size(), y_shape.size()));
    rows.push_back({name, values, "", ours, std::move(peers), {.row = 5, .ratio = 1, .rate = least_rate}});
  };
  const auto activation = [&](const std::string& name, activation_function f, const char* opencv, double least_rate) {
    const activation_params p{.function = f};
    add(
        name, shape, least_rate, [p](view a, auto b) { activation_into<w8a8>(a, p, b); },
        opencv_layer_peers(opencv, shape));
  };
  activation("sigmoid", activation_function::sigmoid, "Sigmoid", 1e9);
  activation("tanh", activation_function::tanh, "TanH", 1e9);
  activation("exp", activation_function::exponential, "Exp", 1e9);
  activation("ELU", activation_function::elu, "ELU", 0);
  add(
      "PReLU", shape, 0,
      [slope = std::make_shared<std::vector<q20_12>>(64, q20_12::from(0.25F))](view a, auto b) {
        prelu_into<w8a8>(a, view(*slope, {64}), b);
      },
      opencv_layer_peers("PReLU", shape, {}, {}, std::vector<float>(64, 0.25F)));
  add(
      "softmax over 64 channels", shape, 0, [](view a, auto b) { softmax_into<w8a8>(a, {}, b); },
      opencv_layer_peers("Softmax", shape, {{"axis", 1}}));
  add(
      "LRN of 5 channels", shape, 0, [](view a, auto b) { lrn_into<w8a8>(a, {}, b); },
      opencv_layer_peers("LRN", shape, {{"local_size", 5}, {"alpha", 1}, {"beta", 0.75}}));
  const gfpq8::scale s = gfpq8::scale_of_max(14.0F);
  const struct {
    const char* name;
    pooling_params params;
    std::map<std::string, double> numbers;
    std::map<std::string, std::string> words;
  } poolings[] = {{"max pooling 2x2/2", {.kernel = {2, 2}, .stride = {2, 2}}, {{"kernel_size", 2}, {"stride", 2}}, {}},
                  {"max pooling 5x5", {.kernel = {5, 5}, .pad = {2, 2}}, {{"kernel_size", 5}, {"pad", 2}}, {}},
                  {"average pooling 3x3/2",
                   {.operation = pooling_operation::average, .kernel = {3, 3}, .stride = {2, 2}},
                   {{"kernel_size", 3}, {"stride", 2}},
                   {{"pool", "ave"}}}};
  for (const auto& p : poolings) {
    add(
        p.name, infer_shape(p.params, shape), 0,
        [s, params = p.params](view a, auto b) { pooling_into<w8a8>(a, s, params, b); },
        opencv_layer_peers("Pooling", shape, p.numbers, p.words));
  }
  const upsample_params doubled{};
  const tensor_shape wide = infer_shape(doubled, shape);
  const auto up = [=](view a, auto b) { upsample_into<w8a8>(a, s, doubled, b); };
  add("upsample by 2", wide, 0, up,
      opencv_layer_peers("Resize", shape, {{"width", 64}, {"height", 64}}, {{"interpolation", "nearest"}}));
  const auto xf = std::make_shared<tensor<float>>(weights(shape));
  const auto yf = std::make_shared<tensor<float>>(make_tensor<float>(wide));
  add("upsample by 2, beside float", wide, 0, up,
      {{"ours, float", [=] { upsample_into<float32>(view_of(std::as_const(*xf)), {}, doubled, view_of(*yf)); }}});
  rows.back().target.ratio = 1 / 1.5;
  return rows;
}

std::vector<row> format_rows() {
  std::vector<row> rows;
  for (const std::size_t n : {std::size_t{1} << 15U, std::size_t{1} << 24U}) {
    const auto in = std::make_shared<std::vector<float>>(n);
    const auto out = std::make_shared<std::vector<float>>(n);
    const auto codes8 = std::make_shared<std::vector<std::uint8_t>>(n);
    const auto codes16 = std::make_shared<std::vector<std::uint16_t>>(n);
    for (std::size_t i = 0; i < n; ++i) (*in)[i] = static_cast<float>(i % 4001) * 0.0005F - 1;
    const contestant copy{"memcpy", [=] {
                            std::memcpy(out->data(), in->data(), n * sizeof(float));
                            asm volatile("" : : "r"(out->data()) : "memory");
                          }};
    const bool in_memory = n > 1U << 20U;
    const std::string where = in_memory ? " 16 M floats" : " 32 k floats";
    const auto add = [&](const std::string& name, double target, call f) {
      rows.push_back({name + where,
                      static_cast<double>(n),
                      "",
                      {name, std::move(f)},
                      {copy},
                      {.row = 6, .ratio = in_memory ? 0.85 : target}});
    };
    const gfpq8::scale s8 = gfpq8::scale_of_max(1.0F);
    const gfpq16::scale s16 = gfpq16::scale_of_max(1.0F);
    encode<gfpq16>(*in, *codes16, s16);
    encode<gfpq8>(*in, *codes8, s8);
    add("encode gfpq8", 0.6, [=] { encode<gfpq8>(*in, *codes8, s8); });
    add("encode gfpq16", 0.3, [=] { encode<gfpq16>(*in, *codes16, s16); });
    add("fake_quantize gfpq8", 0.5, [=] { fake_quantize<gfpq8>(*in, *out, s8); });
    add("fake_quantize gfpq16", 0.25, [=] { fake_quantize<gfpq16>(*in, *out, s16); });
    add("decode gfpq8", 1.0, [=] { decode<gfpq8>(*codes8, *out, s8); });
    add("decode gfpq16", 0.5, [=] { decode<gfpq16>(*codes16, *out, s16); });
  }
  return rows;
}

struct result {
  double ours = 0, of_peak = 0, peer = 0;  ///< work per second; percent; of the best peer that counts
  std::string peer_name = "-";
  std::array<double, 3> ratio{};  ///< zeros without a peer
  std::string state = "-";
  std::map<std::string, double> peers;
};

result measure(const row& r, const std::map<std::string, double>& peaks, int rounds, std::size_t threads) {
  std::vector<const contestant*> all = {&r.ours};
  for (const contestant& p : r.peers) all.push_back(&p);
  const auto times = race(all, rounds, threads);
  result m;
  m.ours = r.work / spread(times[0])[1];
  const auto peak = peaks.find(r.peak);
  if (peak != peaks.end()) m.of_peak = 100 * m.ours / peak->second;
  for (std::size_t i = 1; i < all.size(); ++i) {
    const double rate = m.peers[all[i]->name] = r.work / spread(times[i])[1];
    if (!all[i]->name.starts_with(r.target.against) || rate < m.peer) continue;
    m.peer = rate;
    m.peer_name = all[i]->name;
    std::vector<double> ratios;
    for (std::size_t k = 0; k < times[i].size(); ++k) ratios.push_back(times[i][k] / times[0][k]);
    m.ratio = spread(ratios);
  }
  if (const auto of = peaks.find(r.target.of_peak); of != peaks.end()) {
    m.peer_name = "peak " + of->first;
    m.peer = of->second;
    m.ratio.fill(m.ours / m.peer);
  }
  if (r.target.row != 0) {
    const bool beats_peer = m.peer == 0 || m.ratio[1] >= r.target.ratio;
    m.state = beats_peer && m.ours >= r.target.rate ? "reached" : "missed";
  }
  return m;
}

std::string target_text(const goal& g) {
  if (g.row == 0) return "-";
  char text[64];
  std::snprintf(text, sizeof text, "%d: >= %.2f", g.row, g.ratio);
  return text + (g.rate > 0 ? ", " + std::to_string(std::lround(g.rate / 1e9)) + " G/s" : std::string());
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) try {
  using namespace bench;
  bool json = false;
  int rounds = 7;
  std::size_t threads = 1;
  std::string only;
  for (int i = 1; i < argc; ++i) {
    const std::string a = argv[i];
    const bool has_value = i + 1 < argc;
    if (a == "--json") json = true;
    else if (a == "--rounds" && has_value) rounds = std::max(1, std::atoi(argv[++i]));
    else if (a == "--threads" && has_value) threads = static_cast<std::size_t>(std::clamp(std::atoi(argv[++i]), 1, 64));
    else if (a == "--only" && has_value) only = argv[++i];
    else {
      std::fprintf(stderr, "usage: compare [--json] [--rounds N] [--threads N] [--only TEXT]\n");
      return 2;
    }
  }
  // OpenMP, which oneDNN uses, reads it before main() begins.
  const char* const openmp = std::getenv("OMP_NUM_THREADS");
  if (openmp == nullptr || openmp != std::to_string(threads)) {
    setenv("OMP_NUM_THREADS", std::to_string(threads).c_str(), 1);
    execv("/proc/self/exe", argv);
    throw error("compare: could not start itself with OMP_NUM_THREADS");
  }
  const std::string set(to_string(active_isa()));
  if (json) {
    std::printf("{\"isa\": \"%s\", \"threads\": %zu, \"rounds\": %d, \"groups\": [", set.c_str(), threads, rounds);
  } else {
    std::printf("instruction set %s, %zu thread(s), medians of %d interleaved rounds of %s time; G/s = 1e9 ",
                set.c_str(), threads, rounds, threads == 1 ? "CPU" : "wall");
    std::printf("multiply-accumulates or elements\n");
  }
  std::optional<thread_pool> pool;
  executor handle;
  if (threads > 1) handle = pool.emplace(threads).handle();
  std::vector<std::function<std::vector<row>()>> groups = {[&] { return gemm_rows(threads, handle); },
                                                           [&] { return conv_rows(threads, handle); }};
  if (threads == 1) groups.insert(groups.end(), {layer_rows, format_rows});
  const char* between_groups = "";
  for (const auto& make : groups) {
    auto rows = make();
    std::erase_if(rows, [&](const row& r) { return r.name.find(only) == std::string::npos; });
    if (rows.empty()) continue;
    const auto before = peaks_of(threads);
    if (json) std::printf("%s\n {\"rows\": [", between_groups);
    else
      std::printf("\n%-40s %8s %6s  %-26s %8s  %-18s %s\n", "", "ours G/s", "% peak", "peer", "G/s", "ratio", "target");
    between_groups = ",";
    const char* between = "";
    for (const row& r : rows) {
      const result m = measure(r, before, rounds, threads);
      if (json) {
        std::printf("%s\n  {\"name\": \"%s\", \"ours\": %.5g, \"percent_of_peak\": %.4g, \"peers\": {", between,
                    r.name.c_str(), m.ours, m.of_peak);
        const char* comma = "";
        for (const auto& [name, rate] : m.peers) {
          std::printf("%s\"%s\": %.5g", comma, name.c_str(), rate);
          comma = ", ";
        }
        std::printf("}, \"ratio\": [%.4g, %.4g, %.4g], \"target\": \"%s\", \"state\": \"%s\"}", m.ratio[0], m.ratio[1],
                    m.ratio[2], target_text(r.target).c_str(), m.state.c_str());
        between = ",";
        continue;
      }
      char ratio[32] = "", peak[16] = "", rate[16] = "";
      if (m.of_peak > 0) std::snprintf(peak, sizeof peak, "%.1f%%", m.of_peak);
      if (m.peer > 0) {
        std::snprintf(ratio, sizeof ratio, "%.2f [%.2f %.2f]", m.ratio[1], m.ratio[0], m.ratio[2]);
        std::snprintf(rate, sizeof rate, "%.2f", m.peer / 1e9);
      }
      std::printf("%-40s %8.2f %6s  %-26s %8s  %-18s %-19s %s\n", r.name.c_str(), m.ours / 1e9, peak,
                  m.peer_name.c_str(), rate, ratio, target_text(r.target).c_str(), m.state.c_str());
      std::fflush(stdout);
    }
    const auto after = peaks_of(threads);
    bool disturbed = false;
    if (json) std::printf("\n  ], \"peaks\": {");
    else std::printf("peaks, GMAC/s, before and after:");
    const char* comma = "";
    for (const auto& [name, rate] : before) {
      disturbed = disturbed || std::abs(after.at(name) / rate - 1) > 0.1;
      if (json) std::printf("%s\"%s\": [%.4g, %.4g]", comma, name.c_str(), rate, after.at(name));
      else std::printf("%s %s %.1f %.1f", comma, name.c_str(), rate / 1e9, after.at(name) / 1e9);
      comma = ",";
    }
    if (json) std::printf("}, \"disturbed\": %s}", disturbed ? "true" : "false");
    else std::printf("%s\n", disturbed ? ": disturbed" : "");
  }
  if (json) std::printf("\n]}\n");
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "compare: %s\n", e.what());
  return 1;
}
