// nnie-debug info: a network's layers, what they cost in each mode, and which rules of the hardware they break.
#include <cstdio>
#include <iostream>
#include <nniesim/network/blob_storage.hpp>
#include <nniesim/network/constraints.hpp>
#include <nniesim/network/cost.hpp>

#include "command.hpp"

namespace nnie_debug {

namespace info_command {

struct options {
  network_options network;
  bool as_json = false;
};

/// As mode 2 has it, whatever the cfg's mode is.
precision_plan mixed(const network& net) { return plan_of(net, compile_mode::mixed); }

int info(const options& o) {
  const loaded_network loaded(o.network, false);
  const network& net = loaded.net();
  const double base = time_of(net, plan_of(net, layer_precision::w8a8));
  const std::vector<blob_storage> storage = blob_storage_of(net, mixed(net));
  layer_work total;
  json rows = json::array();
  for (std::size_t i = 0; i < net.layers.size(); ++i) {
    const layer& l = net.layers[i];
    const layer_work w = work_of(net, l);
    total.macs += w.macs;
    total.parameters += w.parameters;
    json shapes = json::array(), stored = json::array();
    for (const std::size_t b : l.outputs) {
      shapes.push_back(detail::concat(net.blobs[b].shape));
      stored.push_back(to_string(storage[b]));
    }
    rows.push_back({{"layer", l.name},
                    {"type", l.type},
                    {"shapes", shapes},
                    {"stored", stored},
                    {"macs", w.macs},
                    {"parameters", w.parameters},
                    {"on_cpu", l.on_cpu},
                    {"folded", l.merged},
                    {"time_8bit", time_of(net, i, layer_precision::w8a8) / base},
                    {"time_16bit", time_of(net, i, layer_precision::w16a16) / base}});
  }
  const double time16 = time_of(net, plan_of(net, layer_precision::w16a16)) / base;
  const double time2 = time_of(net, mixed(net)) / base;
  const auto violations = check_constraints(net);
  if (o.as_json) {
    json broken = json::array();
    for (const auto& v : violations) {
      broken.push_back(
          {{"layer", net.layers[v.layer].name}, {"got", v.got}, {"rule", v.rule}, {"source", std::string(v.source)}});
    }
    print_json({{"network", net.name},
                {"macs", total.macs},
                {"parameters", total.parameters},
                {"layers", rows},
                {"relative_time", {{"mode_0", 1.0}, {"mode_1", time16}, {"mode_2", time2}}},
                {"violations", broken}});
    return passed;
  }
  std::size_t width = 5;
  for (const layer& l : net.layers) width = std::max(width, printable(l.name).size());
  std::printf("%-*s  %-14s  %-18s  %-16s  %14s  %12s  %8s  %8s\n", static_cast<int>(width), "layer", "type", "output",
              "stored as", "MACs", "parameters", "8 bits", "16 bits");
  for (const json& r : rows) {
    std::printf("%-*s  %-14s  %-18s  %-16s  %14llu  %12llu  %6.2f %%  %6.2f %%%s%s\n", static_cast<int>(width),
                printable(r["layer"].get<std::string>()).c_str(), printable(r["type"].get<std::string>()).c_str(),
                r["shapes"].empty() ? "" : r["shapes"][0].get<std::string>().c_str(),
                r["stored"].empty() ? "" : r["stored"][0].get<std::string>().c_str(),
                static_cast<unsigned long long>(r["macs"].get<std::uint64_t>()),
                static_cast<unsigned long long>(r["parameters"].get<std::uint64_t>()),
                100 * r["time_8bit"].get<double>(), 100 * r["time_16bit"].get<double>(),
                r["on_cpu"].get<bool>() ? "  on the CPU" : "", r["folded"].empty() ? "" : "  + folded layers");
  }
  std::printf("\n%llu multiply-accumulates, %llu parameters\n", static_cast<unsigned long long>(total.macs),
              static_cast<unsigned long long>(total.parameters));
  std::printf("estimated time: mode 0: 1, mode 1: %.2f, mode 2 with the present names: %.2f\n", time16, time2);
  std::puts(
      "(a model: 16 bits at half the rate, 16 input and 4 output channels at a time, an assumed memory bandwidth)");
  for (const auto& v : violations) {
    std::printf("%s: layer '%s': got %s, the hardware takes %s (%s)\n", printable(net.layers[v.layer].where).c_str(),
                printable(net.layers[v.layer].name).c_str(), printable(v.got).c_str(), v.rule.c_str(),
                std::string(v.source).c_str());
  }
  return passed;
}

}  // namespace info_command

void add_info(CLI::App& app, int& result) {
  using namespace info_command;
  auto o = std::make_shared<options>();
  CLI::App* command = app.add_subcommand("info", "a network's layers, shapes, costs in each mode, and broken rules");
  o->network.add_to(*command, false);
  command->add_flag("--json", o->as_json, "print JSON");
  command->footer("Example:\n  nnie-debug info --cfg feature_norm.cfg");
  command->callback([o, &result] { result = info(*o); });
}

}  // namespace nnie_debug
