// Our kernels beside other libraries', interleaved in one run: medians of rounds, as ratios and as % of the machine's
// own peaks, which are measured too. `--json` for machines, `--rounds N` (default 7), `--only TEXT` for some of the
// rows. Behind the table, the memory of a network's forward.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <nniesim/kernels/thread_pool.hpp>
#include <nniesim/nniesim.hpp>
#include <optional>
#include <string>
#include <thread>

#include "networks.hpp"
#include "peaks.hpp"
#include "peers.hpp"

using namespace nniesim;

namespace bench {
namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

struct row {
  std::string name;
  double work = 0;   ///< multiply-accumulates or elements per call
  std::string peak;  ///< which peak it is compared with
  contestant ours;
  std::vector<contestant> peers;
  std::string target;
};

struct timing {
  double median = 0;
};

/// Median seconds per call of each contestant: rounds go through all of them in turn, so that a drift hits all alike.
std::vector<timing> race(const std::vector<const contestant*>& all, int rounds, std::size_t threads) {
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
  std::vector<timing> result;
  for (auto& t : times) {
    std::sort(t.begin(), t.end());
    result.push_back({t[t.size() / 2]});
  }
  return result;
}

template <class P>
tensor<value_t<P>> ramp(const tensor_shape& shape) {
  auto t = make_tensor<value_t<P>>(shape);
  for (std::size_t i = 0; i < t.size(); ++i) t.data()[i] = P::output::from(static_cast<float>(i % 255) * 0.1F - 12);
  return t;
}

tensor<float> weights(const tensor_shape& shape) {
  auto w = make_tensor<float>(shape);
  for (std::size_t i = 0; i < w.size(); ++i) w.data()[i] = static_cast<float>(i % 201) * 0.01F - 1;
  return w;
}

template <class P>
contestant our_gemm(const gemm_shape& s, const executor& threads) {
  struct state {
    fully_connected_layer<P> layer;
    tensor<value_t<P>> x, y;
    std::vector<std::byte> memory;
  };
  auto x = ramp<P>({s.m, s.k});
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

template <class P>
contestant our_conv(const conv_shape& s, const executor& threads) {
  struct state {
    conv2d_layer<P> layer;
    tensor<value_t<P>> x, y;
    std::vector<std::byte> memory;
  };
  auto x = ramp<P>({1, s.in, s.size, s.size});
  conv2d_layer<P> layer(weights({s.out, s.in / s.groups, s.kernel, s.kernel}), no_bias,
                        {.stride = {s.stride, s.stride}, .pad = {s.pad, s.pad}, .groups = s.groups});
  auto y = make_tensor<value_t<P>>(layer.output_shape(shape_of(x)));
  const std::size_t bytes = layer.workspace_bytes(shape_of(x), threads);
  const auto st =
      std::make_shared<state>(state{std::move(layer), std::move(x), std::move(y), std::vector<std::byte>(bytes)});
  const auto scale = st->layer.activation_scale_of(view_of(std::as_const(st->x)));
  return {std::string(P::name), [st, scale, threads] {
            st->layer.run(view_of(std::as_const(st->x)), scale, view_of(st->y), st->memory, threads);
          }};
}

struct fp64_w8a8 : precision<gfpq8, gfpq8, fp64_chain, q20_12> {
  static constexpr std::string_view name = "w8a8 fp64_chain";
};

const std::vector<gemm_shape> gemms = {{1024, 1024, 1024}, {256, 3136, 576}, {512, 784, 1152},
                                       {64, 12544, 147},   {1, 1000, 2048},  {16, 4096, 4096}};
const std::vector<std::pair<std::string, conv_shape>> convs = {
    {"3x3 64->64 56x56", {64, 64, 3, 1, 1, 56, 1}},     {"3x3 128->128 28x28", {128, 128, 3, 1, 1, 28, 1}},
    {"3x3 256->256 14x14", {256, 256, 3, 1, 1, 14, 1}}, {"1x1 256->64 56x56", {256, 64, 1, 1, 0, 56, 1}},
    {"7x7/2 3->64 224x224", {3, 64, 7, 2, 3, 224, 1}},  {"depthwise 3x3 128 56x56", {128, 128, 3, 1, 1, 56, 128}}};

std::string text(const gemm_shape& s) {
  return std::to_string(s.m) + " " + std::to_string(s.n) + " " + std::to_string(s.k);
}

std::vector<row> make_rows(std::size_t threads, const executor& pool) {
  std::vector<row> rows;
  const std::string suffix = threads == 1 ? "" : ", " + std::to_string(threads) + " threads";
  for (const auto& s : gemms) {
    const double macs = static_cast<double>(s.m) * static_cast<double>(s.n) * static_cast<double>(s.k);
    const std::string name = "gemm " + text(s);
    rows.push_back(
        {"w8a8 " + name + suffix, macs, "fp32", our_gemm<w8a8>(s, pool), float_gemm_peers(s, threads), "1, 3"});
    rows.push_back(
        {"w16a16 " + name + suffix, macs, "fp32", our_gemm<w16a16>(s, pool), {our_gemm<w8a8>(s, pool)}, "2"});
    rows.push_back(
        {"uniform8 " + name + suffix, macs, "int8", our_gemm<uniform_w8a8>(s, pool), int8_gemm_peers(s, threads), "4"});
    rows.push_back({"uniform16 " + name + suffix, macs, "fp32", our_gemm<uniform_w16a16>(s, pool), {}, "5"});
    rows.push_back({"fp64_chain " + name + suffix, macs, "fp64", our_gemm<fp64_w8a8>(s, pool),
                    double_gemm_peers(s, threads), "6"});
  }
  for (const auto& [name, s] : convs) {
    rows.push_back(
        {"w8a8 " + name + suffix, s.macs(), "fp32", our_conv<w8a8>(s, pool), float_conv_peers(s, threads), "1"});
    rows.push_back(
        {"w16a16 " + name + suffix, s.macs(), "fp32", our_conv<w16a16>(s, pool), {our_conv<w8a8>(s, pool)}, "2"});
    rows.push_back({"uniform8 " + name + suffix, s.macs(), "int8", our_conv<uniform_w8a8>(s, pool),
                    int8_conv_peers(s, threads), "4"});
  }
  return rows;
}

std::vector<row> network_rows(std::size_t threads) {
  std::vector<row> rows;
  const std::string suffix = threads == 1 ? "" : ", " + std::to_string(threads) + " threads";
  for (const network_case& n : networks()) {
    const auto peers = n.name == "feature_norm" ? std::vector<contestant>{} : opencv_forward(n, threads);
    rows.push_back(
        {"network " + n.name + " in mode 0" + suffix, macs_of(n), "fp32", our_forward(n, threads, true), peers, "8"});
  }
  return rows;
}

/// Kilobytes that `what` ("ours" or "opencv") takes for loading a network and a forward, at the peak: printed by a
/// process of its own.
int print_memory(const std::string& what, const std::string& name) {
  const auto used = [] {
    std::ifstream status("/proc/self/status");
    long peak = 0, now = 0;
    for (std::string word; status >> word;) {
      if (word == "VmHWM:") status >> peak;
      if (word == "VmRSS:") status >> now;
    }
    return std::pair(peak, now);
  };
  for (const network_case& n : networks()) {
    if (n.name != name) continue;
    const long before = used().second;
    std::vector<contestant> all;
    if (what == "opencv") all = opencv_forward(n, 1);
    else all.push_back(our_forward(n, 1, false));
    for (const contestant& c : all) c.run();
    std::printf("%ld\n", used().first - before);
  }
  return 0;
}

/// The same, read from that process; 0 where it printed nothing.
long memory_of(const std::string& program, const std::string& what, const std::string& name) {
  const std::string command = "'" + program + "' --memory-of " + what + " " + name;
  long kilobytes = 0;
  if (FILE* pipe = popen(command.c_str(), "r")) {
    if (std::fscanf(pipe, "%ld", &kilobytes) != 1) kilobytes = 0;
    pclose(pipe);
  }
  return kilobytes;
}

std::vector<row> elementwise_rows() {
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
    const std::string where = n > 1U << 20U ? " 16 M floats" : " 32 k floats";
    const auto add = [&](const std::string& name, call f) {
      rows.push_back({name + where, static_cast<double>(n), "", {name, std::move(f)}, {copy}, "7"});
    };
    const gfpq8::scale s8 = gfpq8::scale_of_max(1.0F);
    const gfpq16::scale s16 = gfpq16::scale_of_max(1.0F);
    add("fake_quantize gfpq8", [=] { fake_quantize<gfpq8>(*in, *out, s8); });
    add("fake_quantize gfpq16", [=] { fake_quantize<gfpq16>(*in, *out, s16); });
    add("encode gfpq8", [=] { encode<gfpq8>(*in, *codes8, s8); });
    add("encode gfpq16", [=] { encode<gfpq16>(*in, *codes16, s16); });
    add("decode gfpq8", [=] { decode<gfpq8>(*codes8, *out, s8); });
    add("decode gfpq16", [=] { decode<gfpq16>(*codes16, *out, s16); });
    encode<gfpq16>(*in, *codes16, s16);
  }
  return rows;
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
    if (a == "--memory-of" && i + 2 < argc) return print_memory(argv[i + 1], argv[i + 2]);
    if (a == "--json") json = true;
    else if (a == "--rounds" && has_value) rounds = std::max(1, std::atoi(argv[++i]));
    else if (a == "--threads" && has_value) threads = static_cast<std::size_t>(std::clamp(std::atoi(argv[++i]), 1, 64));
    else if (a == "--only" && has_value) only = argv[++i];
    else {
      std::fprintf(stderr, "usage: compare [--json] [--rounds N] [--threads N] [--only TEXT]\n");
      return 2;
    }
  }
  std::map<std::string, double> peaks;
  for (const peak_loop& p : peak_loops()) {
    double best = 0;
    for (int r = 0; r < 2 * rounds; ++r) {
      const double start = now();
      volatile double sink = p.run(1000000);
      (void)sink;
      best = std::max(best, 1e6 * p.macs / (now() - start));
    }
    peaks[p.name] = best * static_cast<double>(threads);
  }
  if (!peaks.contains("fp32")) peaks["fp32"] = peaks["fp32 ymm"];
  if (active_isa() == isa::avx2 || active_isa() == isa::avx_vnni) peaks["fp32"] = peaks["fp32 ymm"];
  if (json) {
    std::printf("{\"isa\": \"%s\", \"threads\": %zu, \"rounds\": %d, \"peaks\": {",
                std::string(to_string(active_isa())).c_str(), threads, rounds);
    const char* comma = "";
    for (const auto& [name, value] : peaks) {
      std::printf("%s\"%s\": %.4g", comma, name.c_str(), value);
      comma = ", ";
    }
    std::printf("}, \"rows\": [");
  } else {
    std::printf(
        "instruction set %s, %zu thread(s), medians of %d interleaved rounds; G/s = 1e9 multiply-accumulates or "
        "elements\n",
        std::string(to_string(active_isa())).c_str(), threads, rounds);
    for (const auto& [name, value] : peaks) std::printf("peak %-10s %8.1f GMAC/s\n", name.c_str(), value / 1e9);
    std::printf("%-42s %9s %7s  %-28s %9s %7s  target\n", "", "ours G/s", "% peak", "best peer", "G/s", "ratio");
  }
  std::optional<thread_pool> pool;
  executor handle;
  if (threads > 1) handle = pool.emplace(threads).handle();
  auto rows = make_rows(threads, handle);
  if (threads == 1) {
    for (auto& r : elementwise_rows()) rows.push_back(std::move(r));
  }
  for (auto& r : network_rows(threads)) rows.push_back(std::move(r));
  const char* comma = "";
  for (const row& r : rows) {
    if (r.name.find(only) == std::string::npos) continue;
    std::vector<const contestant*> all = {&r.ours};
    for (const contestant& p : r.peers) all.push_back(&p);
    const auto times = race(all, rounds, threads);
    std::size_t best = 0;
    for (std::size_t i = 1; i < times.size(); ++i) {
      if (best == 0 || times[i].median < times[best].median) best = i;
    }
    const double ours = r.work / times[0].median;
    const double of_peak = peaks.contains(r.peak) ? 100 * ours / peaks[r.peak] : 0;
    if (json) {
      std::printf("%s\n  {\"name\": \"%s\", \"ours\": %.5g, \"percent_of_peak\": %.4g, \"peers\": {", comma,
                  r.name.c_str(), ours, of_peak);
      for (std::size_t i = 1; i < all.size(); ++i)
        std::printf("%s\"%s\": %.5g", i == 1 ? "" : ", ", all[i]->name.c_str(), r.work / times[i].median);
      std::printf("}, \"target\": \"%s\"}", r.target.c_str());
      comma = ",";
    } else {
      std::printf("%-42s %9.2f", r.name.c_str(), ours / 1e9);
      if (of_peak > 0) std::printf(" %6.1f%%", of_peak);
      else std::printf(" %7s", "");
      if (best > 0) {
        std::printf("  %-28s %9.2f %7.2f", all[best]->name.c_str(), r.work / times[best].median / 1e9,
                    times[best].median / times[0].median);
      } else {
        std::printf("  %-28s %9s %7s", "-", "", "");
      }
      std::printf("  %s\n", r.target.c_str());
      std::fflush(stdout);
    }
  }
  if (json) std::printf("\n]}\n");
  for (const network_case& n : networks()) {
    if (json || ("network " + n.name).find(only) == std::string::npos) continue;
    const long ours = memory_of(argv[0], "ours", n.name);
    const long other = n.name == "feature_norm" ? 0 : memory_of(argv[0], "opencv", n.name);
    std::printf("memory of %s, loading and forward: ours %.1f MB", n.name.c_str(), static_cast<double>(ours) / 1024);
    if (other > 0)
      std::printf(", OpenCV %.1f MB: %.2f", static_cast<double>(other) / 1024,
                  static_cast<double>(ours) / static_cast<double>(other));
    std::printf("\n");
  }
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "compare: %s\n", e.what());
  return 1;
}
