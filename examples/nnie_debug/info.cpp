// nnie-debug info: a network's layers, what they cost in each mode, and which rules of the hardware they break.
#include <cstdint>
#include <nniesim/core/number_text.hpp>
#include <nniesim/network/blob_storage.hpp>
#include <nniesim/network/constraints.hpp>
#include <nniesim/network/cost.hpp>
#include <nniesim/network/host_layers.hpp>

#include "command.hpp"
#include "terminal.hpp"
#include "text_table.hpp"

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
    print_lines(detail::message("the host runs ", g.layers.size(), " layer(s) of type '", printable(g.type),
                                "' in float, the first '", printable(first.name), "' (", printable(first.where), ")",
                                g.rewrite.empty() ? "" : "; the usual rewrite for the accelerator: ", g.rewrite, '\n'));
  }
  if (const auto cut = first_unknown_to_compiler(net)) {
    const layer& l = net.layers[*cut];
    print_lines(printable(l.where) + ": the compiler wants the network cut here: it does not know layer '" +
                printable(l.name) + "' of type '" + printable(l.type) + "'\n");
  }
}

/// What is said of a network: of its layers, and of all of it.
struct overview {
  json rows = json::array();
  layer_work total{};
  double time16 = 0, time2 = 0;  ///< where all layers in 8 bits take 1
};

overview overview_of(const network& net, const precision_plan& plan, const activation_ranges* ranges) {
  overview all;
  const std::vector<blob_storage> storage = blob_storage_of(net, plan);
  const std::vector<std::string> names = range_names(net);
  const double base = std::max(1.0, time_of(net, plan_of(net, layer_precision::w8a8)));  // 0 of inputs alone
  for (std::size_t i = 0; i < net.layers.size(); ++i) {
    const layer& l = net.layers[i];
    const layer_work w = work_of(net, l);
    all.total.macs += w.macs;
    all.total.parameters += w.parameters;
    json shapes = json::array();
    json stored = json::array();
    for (const std::size_t b : l.outputs) {
      shapes.push_back(detail::message(net.blobs[b].shape));
      json blob = {{"as", to_string(storage[b])}};
      if (ranges != nullptr) blob["z"] = z_of(storage[b], names, *ranges);
      stored.push_back(std::move(blob));
    }
    all.rows.push_back({{"layer", l.name},
                        {"type", l.type},
                        {"shapes", shapes},
                        {"stored", stored},
                        {"macs", w.macs},
                        {"parameters", w.parameters},
                        {"runs_on", l.on_cpu ? "host" : "accelerator"},
                        {"rewrite", usual_rewrite(l).empty() ? json(nullptr) : json(std::string(usual_rewrite(l)))},
                        {"folded", l.merged},
                        {"time_8bit", time_of(net, i, layer_precision::w8a8) / base},
                        {"time_16bit", time_of(net, i, layer_precision::w16a16) / base}});
  }
  all.time16 = time_of(net, plan_of(net, layer_precision::w16a16)) / base;
  all.time2 = time_of(net, mixed(net)) / base;
  return all;
}

void print_as_json(const options& o, const loaded_network& loaded, const overview& all,
                   const activation_ranges* ranges) {
  const network& net = loaded.net();
  json broken = json::array();
  for (const auto& v : check_constraints(net)) {
    broken.push_back(
        {{"layer", net.layers[v.layer].name}, {"got", v.got}, {"rule", v.rule}, {"source", std::string(v.source)}});
  }
  json cut = nullptr;
  if (const auto at = first_unknown_to_compiler(net)) {
    const layer& l = net.layers[*at];
    cut = {{"layer", l.name}, {"type", l.type}, {"where", l.where}};
  }
  print_json({{"network", net.name},
              {"mode", static_cast<int>(loaded.mode(o.mode))},
              {"batch_norm", to_string(loaded.batch_norm())},
              {"calibration", ranges != nullptr ? nnie_debug::as_json(*ranges, o.calibration) : json(nullptr)},
              {"remarks", loaded.remarks()},
              {"macs", all.total.macs},
              {"parameters", all.total.parameters},
              {"layers", all.rows},
              {"relative_time", {{"mode_0", 1.0}, {"mode_1", all.time16}, {"mode_2", all.time2}}},
              {"cut_at", cut},
              {"violations", broken}});
}

void print_rows(const json& rows, bool has_ranges) {
  text_table table({{"layer", false},
                    {"type", false, 6},
                    {"runs on", false, 2},
                    {"output", false, 7},
                    {"stored as", false, 4},
                    {has_ranges ? "z" : "", true, has_ranges ? 5 : -1},
                    {"MACs", true, 8},
                    {"parameters", true, 3},
                    {"8 bits", true, 9},
                    {"16 bits", true, 9},
                    {"", false, 1}});
  const auto text = [](const json& r, const char* name) { return printable(r[name].get<std::string>()); };
  const auto count = [](const json& r, const char* name) { return std::to_string(r[name].get<std::uint64_t>()); };
  const auto share = [](const json& r, const char* name) {
    return detail::fixed_number(100 * r[name].get<double>(), 2) + " %";
  };
  for (const json& r : rows) {
    const bool is_blob = !r["stored"].empty();
    table.add({text(r, "layer"), text(r, "type"), text(r, "runs_on"),
               r["shapes"].empty() ? "" : r["shapes"][0].get<std::string>(),
               is_blob ? r["stored"][0]["as"].get<std::string>() : "",
               is_blob ? z_text(r["stored"][0].value("z", json::array())) : "", count(r, "macs"),
               count(r, "parameters"), share(r, "time_8bit"), share(r, "time_16bit"),
               r["folded"].empty() ? "" : "+ folded layers"});
  }
  print_table(table.text(line_width()));
}

void print_as_text(const options& o, const loaded_network& loaded, const overview& all,
                   const activation_ranges* ranges) {
  const network& net = loaded.net();
  print_rows(all.rows, ranges != nullptr);
  print_lines(detail::message('\n', all.total.macs, " multiply-accumulates, ", all.total.parameters, " parameters\n"));
  print_lines("estimated time: mode 0: 1, mode 1: " + detail::fixed_number(all.time16, 2) +
              ", mode 2 with the present names: " + detail::fixed_number(all.time2, 2) + '\n');
  print_lines(
      "(a model: 16 bits at half the rate, 16 input and 4 output channels at a time, an assumed memory bandwidth)\n");
  print_lines(detail::message("(stored under compile_mode ", static_cast<int>(loaded.mode(o.mode)),
                              ": as codes where a layer reads codes, else as int32 in 1/4096; float32 is of the host",
                              ranges != nullptr ? "; z of codes, ? where it is not told" : "", ")\n"));
  if (ranges != nullptr) print_lines("ranges: " + printable(text_of(*ranges, o.calibration)) + '\n');
  print_remarks(loaded.remarks());
  print_host_layers(net);
  for (const auto& v : check_constraints(net)) {
    print_lines(printable(net.layers[v.layer].where) + ": layer '" + printable(net.layers[v.layer].name) + "': got " +
                printable(v.got) + ", the hardware takes " + v.rule + " (" + std::string(v.source) + ")\n");
  }
}

int info(const options& o) {
  detail::require<error>(o.calibration.empty() || !o.network.caffemodel.empty() || !o.network.cfg.empty(),
                         "--calibration is of a network with its weights: expected --caffemodel, or --cfg");
  loaded_network loaded(o.network, false);
  const precision_plan plan = plan_of(loaded.net(), loaded.mode(o.mode));
  std::optional<activation_ranges> ranges;
  if (!o.calibration.empty()) ranges = loaded.ranges(o.calibration, plan);
  const activation_ranges* known = ranges ? &*ranges : nullptr;
  const overview all = overview_of(loaded.net(), plan, known);
  if (o.as_json) print_as_json(o, loaded, all, known);
  else print_as_text(o, loaded, all, known);
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
