// nnie-debug info: a network's layers, what they cost in each mode, and which rules of the hardware they break.
#include <cstdio>
#include <iostream>
#include <nniesim/network/blob_storage.hpp>
#include <nniesim/network/constraints.hpp>
#include <nniesim/network/cost.hpp>
#include <nniesim/network/host_layers.hpp>

#include "command.hpp"

namespace nnie_debug {

namespace info_command {

struct options {
  network_options network;
  std::string mode, calibration;
  bool as_json = false;
};

/// As mode 2 has it, whatever the cfg's mode is.
precision_plan mixed(const network& net) { return plan_of(net, compile_mode::mixed); }

/// What is known of a blob's z, in each format that it is stored in.
json z_of(const blob_storage& s, const std::vector<std::string>& names, const activation_ranges& ranges) {
  json z = json::array();
  const auto found = ranges.blobs.find(names[s.range]);
  for (const layer_precision p : s.codes) {
    const bool is_8bit = p.activations() == gfpq8::name;
    const bool is_known = found != ranges.blobs.end() &&
                          (found->second.largest != 0 || found->second.had_zeros ||
                           (is_8bit ? found->second.in_8bit.has_value() : found->second.in_16bit.has_value()));
    if (!is_known) z.push_back(nullptr);
    else z.push_back(is_8bit ? found->second.scale<gfpq8>().z() : found->second.scale<gfpq16>().z());
  }
  return z;
}
std::string z_text(const json& z) {
  std::string text;
  for (const json& one : z) text += (text.empty() ? "" : " and ") + (one.is_null() ? std::string("?") : one.dump());
  return text;
}

/// Layers of the host of one type and one usual rewrite.
struct host_group {
  std::string type, rewrite;
  std::vector<std::size_t> layers;
};
std::vector<host_group> host_groups(const network& net) {
  std::vector<host_group> groups;
  for (std::size_t i = 0; i < net.layers.size(); ++i) {
    const layer& l = net.layers[i];
    if (!l.on_cpu) continue;
    const std::string rewrite(usual_rewrite(l));
    const auto found = std::find_if(groups.begin(), groups.end(),
                                    [&](const host_group& g) { return g.type == l.type && g.rewrite == rewrite; });
    if (found == groups.end()) groups.push_back({l.type, rewrite, {i}});
    else found->layers.push_back(i);
  }
  return groups;
}

void print_host_layers(const network& net) {
  for (const host_group& g : host_groups(net)) {
    const layer& first = net.layers[g.layers[0]];
    std::printf("the host runs %zu layer(s) of type '%s' in float, the first '%s' (%s)%s%s\n", g.layers.size(),
                printable(g.type).c_str(), printable(first.name).c_str(), printable(first.where).c_str(),
                g.rewrite.empty() ? "" : "; the usual rewrite for the accelerator: ", g.rewrite.c_str());
  }
  if (const auto cut = first_unknown_to_compiler(net)) {
    const layer& l = net.layers[*cut];
    std::printf("%s: the compiler wants the network cut here: it does not know layer '%s' of type '%s'\n",
                printable(l.where).c_str(), printable(l.name).c_str(), printable(l.type).c_str());
  }
}

int info(const options& o) {
  detail::require<error>(o.calibration.empty() || !o.network.caffemodel.empty() || !o.network.cfg.empty(),
                         "--calibration is of a network with its weights: expected --caffemodel, or --cfg");
  loaded_network loaded(o.network, false);
  const network& net = loaded.net();
  const compile_mode mode = loaded.mode(o.mode);
  const precision_plan plan = plan_of(net, mode);
  const bool has_ranges = !o.calibration.empty();
  const activation_ranges ranges = has_ranges ? loaded.ranges(o.calibration, plan) : activation_ranges();
  const std::vector<blob_storage> storage = blob_storage_of(net, plan);
  const std::vector<std::string> names = range_names(net);
  const double base = std::max(1.0, time_of(net, plan_of(net, layer_precision::w8a8)));  // 0 of inputs alone
  layer_work total;
  json rows = json::array();
  for (std::size_t i = 0; i < net.layers.size(); ++i) {
    const layer& l = net.layers[i];
    const layer_work w = work_of(net, l);
    total.macs += w.macs;
    total.parameters += w.parameters;
    json shapes = json::array();
    json stored = json::array();
    for (const std::size_t b : l.outputs) {
      shapes.push_back(detail::concat(net.blobs[b].shape));
      json blob = {{"as", to_string(storage[b])}};
      if (has_ranges) blob["z"] = z_of(storage[b], names, ranges);
      stored.push_back(std::move(blob));
    }
    rows.push_back({{"layer", l.name},
                    {"type", l.type},
                    {"shapes", shapes},
                    {"stored", stored},
                    {"macs", w.macs},
                    {"parameters", w.parameters},
                    {"on_cpu", l.on_cpu},
                    {"runs_on", l.on_cpu ? "host" : "accelerator"},
                    {"rewrite", usual_rewrite(l).empty() ? json(nullptr) : json(std::string(usual_rewrite(l)))},
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
    json cut = nullptr;
    if (const auto at = first_unknown_to_compiler(net)) {
      const layer& l = net.layers[*at];
      cut = {{"layer", l.name}, {"type", l.type}, {"where", l.where}};
    }
    print_json({{"network", net.name},
                {"mode", static_cast<int>(mode)},
                {"batch_norm", to_string(loaded.batch_norm())},
                {"calibration", has_ranges ? nnie_debug::as_json(ranges, o.calibration) : json(nullptr)},
                {"remarks", loaded.remarks()},
                {"macs", total.macs},
                {"parameters", total.parameters},
                {"layers", rows},
                {"relative_time", {{"mode_0", 1.0}, {"mode_1", time16}, {"mode_2", time2}}},
                {"cut_at", cut},
                {"violations", broken}});
    return passed;
  }
  std::size_t width = 5;
  for (const layer& l : net.layers) width = std::max(width, printable(l.name).size());
  std::printf("%-*s  %-14s  %-11s  %-18s  %-16s%s  %14s  %12s  %8s  %8s\n", static_cast<int>(width), "layer", "type",
              "runs on", "output", "stored as", has_ranges ? "       z" : "", "MACs", "parameters", "8 bits",
              "16 bits");
  for (const json& r : rows) {
    std::array<char, 64> z{};
    if (has_ranges) {
      (void)std::snprintf(z.data(), z.size(), " %7s",
                          r["stored"].empty() ? "" : z_text(r["stored"][0].value("z", json::array())).c_str());
    }
    std::printf(
        "%-*s  %-14s  %-11s  %-18s  %-16s%s  %14llu  %12llu  %6.2f %%  %6.2f %%%s\n", static_cast<int>(width),
        printable(r["layer"].get<std::string>()).c_str(), printable(r["type"].get<std::string>()).c_str(),
        r["runs_on"].get<std::string>().c_str(), r["shapes"].empty() ? "" : r["shapes"][0].get<std::string>().c_str(),
        r["stored"].empty() ? "" : r["stored"][0]["as"].get<std::string>().c_str(), z.data(),
        static_cast<unsigned long long>(r["macs"].get<std::uint64_t>()),
        static_cast<unsigned long long>(r["parameters"].get<std::uint64_t>()), 100 * r["time_8bit"].get<double>(),
        100 * r["time_16bit"].get<double>(), r["folded"].empty() ? "" : "  + folded layers");
  }
  std::printf("\n%llu multiply-accumulates, %llu parameters\n", static_cast<unsigned long long>(total.macs),
              static_cast<unsigned long long>(total.parameters));
  std::printf("estimated time: mode 0: 1, mode 1: %.2f, mode 2 with the present names: %.2f\n", time16, time2);
  std::puts(
      "(a model: 16 bits at half the rate, 16 input and 4 output channels at a time, an assumed memory bandwidth)");
  std::printf(
      "(stored under compile_mode %d: as codes where a layer reads codes, else as int32 in 1/4096; float32 is of the "
      "host%s)\n",
      static_cast<int>(mode), has_ranges ? "; z of codes, ? where it is not told" : "");
  if (has_ranges) std::printf("ranges: %s\n", printable(text_of(ranges, o.calibration)).c_str());
  print_remarks(loaded.remarks());
  print_host_layers(net);
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
  o->network.may_lack_model = true;
  o->network.add_to(*command, false);
  add_mode_to(*command, o->mode);
  command
      ->add_option("--calibration", o->calibration,
                   "ranges from `calibrate`, or a compiled model (.wk): also show each blob's z")
      ->check(CLI::ExistingFile);
  command->add_flag("--json", o->as_json, "print JSON");
  command->footer(
      "Examples:\n  nnie-debug info --cfg feature_norm.cfg\n"
      "  nnie-debug info --prototxt net.prototxt   # without weights: shapes, costs, rules\n"
      "  nnie-debug info --prototxt net.prototxt --caffemodel net.caffemodel --calibration net_inst.wk");
  command->callback([o, &result] { result = info(*o); });
}

}  // namespace nnie_debug
