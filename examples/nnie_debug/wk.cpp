// nnie-debug wk: a compiled model, and what it was made of.
#include <cstdio>
#include <iostream>
#include <map>
#include <nniesim/debug/wk_clipping.hpp>
#include <nniesim/debug/wk_compare.hpp>
#include <nniesim/io/wk.hpp>

#include "command.hpp"
#include "terminal.hpp"
#include "text_table.hpp"

namespace nnie_debug {

namespace wk_command {

struct options {
  network_options network;
  std::string file;
  bool as_json = false;
};

/// Compiled layers one after the other that say the same: the groups of one layer, mostly.
struct row {
  std::size_t first = 0, count = 1;
  const wk_layer_comparison* compared = nullptr;
};

bool says_the_same(const wk_layer& a, const wk_layer& b) {
  const auto geometry = [](const wk_layer& l) {
    const wk_descriptor d = l.descriptor.value_or(wk_descriptor{});
    return std::tuple(l.type, l.width, l.height, l.channels, l.element_bytes, l.scale.steps, l.input_scales.size(),
                      l.input_scales.empty() ? 0 : l.input_scales[0].steps, l.block_count, d.kernel, d.stride,
                      d.dilation, d.upsampling);
  };
  const auto activation = [](const wk_layer& l) { return l.store ? static_cast<int>(l.store->activation) : -1; };
  return geometry(a) == geometry(b) && activation(a) == activation(b) && a.bits() == b.bits();
}

std::vector<row> rows_of(const wk_model& model, const wk_comparison* compared) {
  std::map<std::size_t, const wk_layer_comparison*> starts;  // by first compiled layer
  if (compared != nullptr) {
    for (const wk_layer_comparison& c : compared->layers) {
      starts.emplace(compared->matching.pairs[c.pair].compiled[0], &c);
    }
  }
  std::vector<row> rows;
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    const auto start = starts.find(i);
    const bool joins = !rows.empty() && start == starts.end() && model.layers[i].has_weights() &&
                       says_the_same(model.layers[i], model.layers[i - 1]);
    if (joins) ++rows.back().count;
    else rows.push_back({i, 1, start == starts.end() ? nullptr : start->second});
  }
  return rows;
}

/// A convolution's own, which merged rows hide.
void geometry_of(const layer& l, std::array<std::uint32_t, 2>& kernel, std::array<std::uint32_t, 2>& stride) {
  const auto* conv = std::get_if<layers::convolution>(&l.params);
  if (conv == nullptr) return;
  for (std::size_t axis = 0; axis < 2; ++axis) {
    kernel[axis] = static_cast<std::uint32_t>(conv->weights.shape()[2 + axis]);
    stride[axis] = static_cast<std::uint32_t>(conv->geometry.stride[axis]);
  }
}

std::string by(const std::array<std::uint32_t, 2>& pair) { return detail::message(pair[0], "x", pair[1]); }
std::string type_text(wk_type t) {
  return to_string(t) == "?" ? detail::message("type ", static_cast<int>(t)) : std::string(to_string(t));
}
std::string activation_text(wk_activation a) {
  return to_string(a) == "?" ? detail::message("number ", static_cast<int>(a)) : std::string(to_string(a));
}
/// A scale's z in its width, "" where it has none.
std::string z_text(const std::optional<wk_scale>& s, int bits) {
  if (!s || (bits != 8 && bits != 16)) return "";
  const auto z = s->z(bits);
  return z ? std::to_string(*z) : detail::message(s->steps, "/8");
}
std::optional<wk_scale> input_of(const row& r, const wk_layer& l) {
  if (r.compared != nullptr) return r.compared->input;
  return l.input_scales.empty() ? std::nullopt : std::optional(l.input_scales[0]);
}
std::optional<int> bits_of(const row& r, const wk_layer& l) {
  return r.compared != nullptr ? r.compared->bits : l.bits();
}

json optional_json(const auto& value) { return value ? json(*value) : json(nullptr); }
json z_json(const std::optional<wk_scale>& s, int bits) {
  return s && (bits == 8 || bits == 16) ? optional_json(s->z(bits)) : json(nullptr);
}

const wk_block_counts& counts_of(const wk_comparison& c, const wk_layer_comparison& l) {
  return c.is_merged.value_or(false) ? l.merged : l.raw;
}

std::string version_text(const wk_model& m) {
  return detail::message(static_cast<int>(m.version[0]), ".", static_cast<int>(m.version[1]), ".",
                         static_cast<int>(m.version[2]), ".", static_cast<int>(m.version[3]));
}

json row_json(const wk_model& m, const row& r) {
  const wk_layer& l = m.layers[r.first];
  const bool is_codes = l.element_bytes != 4;
  json j = {{"first", r.first},
            {"count", r.count},
            {"at", l.at},
            {"segment", l.segment},
            {"type", type_text(l.type)},
            {"channels", l.channels},
            {"height", l.height},
            {"width", l.width},
            {"stored_bits", 8 * l.element_bytes},
            {"z", is_codes ? z_json(l.scale, 8 * l.element_bytes) : json(nullptr)},
            {"bits", optional_json(l.bits())}};
  j["input_z"] = l.bits() && !l.input_scales.empty() ? z_json(l.input_scales[0], *l.bits()) : json(nullptr);
  j["activation"] = l.store ? json(activation_text(l.store->activation)) : json(nullptr);
  j["blocks"] = l.block_count;
  if (l.descriptor) {
    const wk_descriptor& d = *l.descriptor;
    j["kernel"] = d.kernel;
    j["stride"] = d.stride;
    j["dilation"] = d.dilation;
    j["upsampling"] = d.upsampling;
    j["rows_may_be_merged"] = d.has_merged_rows();
    j["multiplier"] = d.multiplier;
    j["multiplier_is_coarse"] = d.coarse;
  }
  if (l.window) j["pad"] = {l.window->top_pad, l.window->left_pad};
  return j;
}

json model_json(const wk_model& m, const std::vector<row>& rows) {
  const auto nodes = [](const std::vector<wk_node>& list) {
    json all = json::array();
    for (const wk_node& n : list) {
      all.push_back({{"name", n.name}, {"channels", n.channels}, {"height", n.height}, {"width", n.width}});
    }
    return all;
  };
  json segments = json::array();
  for (const wk_segment& s : m.segments) {
    segments.push_back({{"type", s.type},
                        {"regions", s.regions},
                        {"instructions", s.instruction_count},
                        {"inputs", nodes(s.inputs)},
                        {"outputs", nodes(s.outputs)}});
  }
  json layers = json::array();
  for (const row& r : rows) layers.push_back(row_json(m, r));
  json unreadable = json::array();
  for (const wk_block& b : m.blocks) {
    if (!b.problem.empty()) unreadable.push_back({{"at", b.at}, {"problem", b.problem}});
  }
  return {{"file", m.file},
          {"build", m.build},
          {"format_version", version_text(m)},
          {"checksum_fits", m.checksum_fits},
          {"segments", segments},
          {"compiled_layers", m.layers.size()},
          {"blocks", m.blocks.size()},
          {"unreadable_blocks", unreadable},
          {"damaged_instructions", m.damaged_instructions},
          {"layers", layers}};
}

json network_json(const network& net, const wk_model& model, const wk_comparison& c,
                  const std::map<std::size_t, wk_range>& ranges,
                  const std::optional<std::vector<wk_clipped_blob>>& clipped) {
  json layers = json::array();
  for (const wk_layer_comparison& l : c.layers) {
    const wk_pair& p = c.matching.pairs[l.pair];
    const auto counts = [](const wk_block_counts& b) {
      return json{{"equal", b.equal}, {"differing", b.differing}, {"unreadable", b.unreadable}};
    };
    const int bits = l.bits.value_or(0);
    layers.push_back(
        {{"layer", net.layers[p.layer].name},
         {"compiled", p.compiled},
         {"bits", optional_json(l.bits)},
         {"blocks_raw", counts(l.raw)},
         {"blocks_merged", counts(l.merged)},
         {"first_difference", l.first_difference},
         {"records",
          {{"equal", l.records.equal},
           {"total", l.records.total},
           {"bias_differs", l.records.bias},
           {"multiplier_differs", l.records.multiplier},
           {"shift_differs", l.records.shift},
           {"slope_differs", l.records.slope}}},
         {"input_z", z_json(l.input, bits)},
         {"input_z_stored", z_json(l.stored_input, bits)},
         {"input_z_of_multiplier", z_json(l.multiplier_input, bits)},
         {"output_blob", net.blobs[p.blob].name},
         {"output_z", model.layers[p.compiled[0]].element_bytes == 4
                          ? json(nullptr)
                          : z_json(model.layers[p.compiled[0]].scale, 8 * model.layers[p.compiled[0]].element_bytes)}});
  }
  json blobs = json::array();
  for (const auto& [b, r] : ranges) blobs.push_back({{"blob", net.blobs[b].name}, {"bits", r.bits}, {"z", r.z}});
  json j = {
      {"batch_norm_merged", optional_json(c.is_merged)}, {"layers", layers}, {"blobs", blobs}, {"clipped", nullptr}};
  if (clipped) {
    j["clipped"] = json::array();
    for (const wk_clipped_blob& b : *clipped) {
      j["clipped"].push_back({{"blob", net.blobs[b.blob].name},
                              {"bits", b.range.bits},
                              {"z", b.range.z},
                              {"needed_z", b.needed_z},
                              {"largest", b.largest}});
    }
  }
  return j;
}

void print_model(const wk_model& m) {
  std::cout << printable(m.file) << ": a compiled model of build " << printable(m.build) << ", check sum "
            << (m.checksum_fits ? "right" : "WRONG: what follows may be damaged") << '\n';
  if (version_text(m) != "1.1.1.2") {
    std::cout << "version " << version_text(m) << " of the format is not known: what follows may be wrong\n";
  }
  for (const wk_segment& s : m.segments) {
    const auto print = [](std::string_view what, const std::vector<wk_node>& nodes) {
      std::cout << "  " << what << ':';
      for (const wk_node& n : nodes) {
        std::cout << ' ' << printable(n.name) << ' ' << n.channels << 'x' << n.height << 'x' << n.width;
      }
      std::cout << '\n';
    };
    std::cout << "segment of type " << static_cast<int>(s.type) << ", " << s.instruction_count << " instructions\n";
    print("inputs", s.inputs);
    print("outputs", s.outputs);
  }
  std::size_t unreadable = 0;
  for (const wk_block& b : m.blocks) {
    if (!b.problem.empty()) ++unreadable;
  }
  std::cout << m.layers.size() << " compiled layers, " << m.blocks.size() << " weight blocks, " << unreadable
            << " of them not readable\n";
  std::size_t shown = 0;
  for (const wk_block& b : m.blocks) {
    if (b.problem.empty() || ++shown > 10) continue;
    std::cout << "  the block at byte " << b.at << " does not decode: " << b.problem << '\n';
  }
  if (m.damaged_instructions != 0) {
    std::cout << m.damaged_instructions << " instructions have a wrong parity and are left out, the first at byte "
              << *m.first_damaged << '\n';
  }
}

void print_rows(const wk_model& m, const std::vector<row>& rows, const network* net, const wk_comparison* compared) {
  std::vector<text_column> columns = {{"layer", false},     {"type", false, 8},       {"output", false, 7},
                                      {"kernel", false, 5}, {"stride", false, 4},     {"dilation", false, 1},
                                      {"pad", false, 2},    {"activation", false, 3}, {"bits", false, 10},
                                      {"z in", false, 9},   {"z out", false, 9}};
  if (compared != nullptr) {
    columns.insert(columns.begin() + 1, {"name", false, 12});
    columns.insert(columns.end(), {{"equal blocks", false, 11}, {"equal records", false, 11}});
  }
  text_table table(columns);
  bool has_star = false;
  for (const row& r : rows) {
    const wk_layer& l = m.layers[r.first];
    const auto bits = bits_of(r, l);
    std::vector<std::string> line = {std::to_string(r.first)};
    if (compared != nullptr) {
      line.push_back(
          r.compared == nullptr ? "" : printable(net->layers[compared->matching.pairs[r.compared->pair].layer].name));
    }
    line.push_back(type_text(l.type) + (r.count > 1 ? " x " + std::to_string(r.count) : ""));
    line.push_back(detail::message(l.channels, "x", l.height, "x", l.width));
    if (l.descriptor) {
      const wk_descriptor& d = *l.descriptor;
      const bool up = l.type == wk_type::deconvolution;
      std::array<std::uint32_t, 2> kernel = d.kernel, stride = up ? d.upsampling : d.stride;
      if (r.compared != nullptr)
        geometry_of(net->layers[compared->matching.pairs[r.compared->pair].layer], kernel, stride);
      const bool may_be_merged = r.compared == nullptr && d.has_merged_rows();
      line.push_back(by(kernel) + (may_be_merged ? " *" : ""));
      line.push_back((up ? "1/" : "") + by(stride) + (may_be_merged ? " *" : ""));
      has_star = has_star || may_be_merged;
      line.push_back(by(d.dilation));
    } else {
      line.insert(line.end(), 3, "");
    }
    line.push_back(l.window ? by({l.window->top_pad, l.window->left_pad}) : "");
    line.push_back(l.store ? activation_text(l.store->activation) : "");
    line.push_back(bits ? std::to_string(*bits) : "");
    line.push_back(bits ? z_text(input_of(r, l), *bits) : "");
    line.push_back(l.element_bytes == 4 ? "int32" : z_text(l.scale, 8 * l.element_bytes));
    if (compared != nullptr && r.compared != nullptr) {
      const wk_block_counts& blocks = counts_of(*compared, *r.compared);
      line.push_back(detail::message(blocks.equal, " of ", blocks.total()));
      line.push_back(detail::message(r.compared->records.equal, " of ", r.compared->records.total));
    }
    line.resize(columns.size());
    table.add(std::move(line));
  }
  std::cout << '\n';
  print_table(table.text(line_width()));
  if (has_star)
    std::cout << "(*: if pairs of kernel rows stand as channels, the stride is 2x2 and the rows are twice as many, or "
                 "one less)\n";
  std::cout << "(z: of codes, 8 or 16 bits as the layer's; pad: top and left, of a deconvolution kernel - 1 - pad)\n";
}

void print_comparison(const network& net, const wk_comparison& c,
                      const std::optional<std::vector<wk_clipped_blob>>& clipped) {
  wk_block_counts blocks;
  wk_record_counts records;
  std::size_t wide = 0;
  for (const wk_layer_comparison& l : c.layers) {
    const wk_block_counts& b = counts_of(c, l);
    blocks.equal += b.equal;
    blocks.differing += b.differing;
    blocks.unreadable += b.unreadable;
    records.equal += l.records.equal;
    records.total += l.records.total;
    if (l.bits == 16) ++wide;
  }
  std::cout << "\nagainst network '" << printable(net.name) << "': " << blocks.equal << " of " << blocks.total()
            << " weight blocks equal in every code, " << records.equal << " of " << records.total
            << " outputs in bias, multiplier, shift and slope; " << wide << " of " << c.layers.size()
            << " layers in 16 bits\n";
  if (c.matching.keeps_batch_norm) {
    std::cout << "BatchNorm and Scale are layers of their own\n";
  } else if (c.is_merged) {
    std::cout << (*c.is_merged ? "BatchNorm was merged into the weights before compiling\n"
                               : "the weights are those of the caffemodel; BatchNorm is in the multipliers\n");
  }
  for (const wk_layer_comparison& l : c.layers) {
    const std::string name = printable(net.layers[c.matching.pairs[l.pair].layer].name);
    if (!l.first_difference.empty()) std::cout << "layer '" << name << "': " << l.first_difference << '\n';
    if (l.records.equal != l.records.total) {
      std::cout << "layer '" << name << "': of " << l.records.total << " outputs " << l.records.bias
                << " differ in bias, " << l.records.multiplier << " in multiplier, " << l.records.shift << " in shift, "
                << l.records.slope << " in slope\n";
    }
    const int bits = l.bits.value_or(0);
    if (l.input && l.stored_input && *l.input != *l.stored_input) {
      std::cout << "layer '" << name << "' reads its input with z = " << z_text(l.input, bits)
                << ", stored with z = " << z_text(l.stored_input, bits) << '\n';
    }
    if (l.input && l.multiplier_input && *l.input != *l.multiplier_input) {
      std::cout << "layer '" << name << "' reads its input with z = " << z_text(l.input, bits)
                << ", its multiplier was made for z = " << z_text(l.multiplier_input, bits) << '\n';
    }
  }
  if (!clipped) return;
  for (const wk_clipped_blob& b : *clipped) {
    std::cout << "blob '" << printable(net.blobs[b.blob].name) << "' reaches " << b.largest
              << " (float): beyond z = " << b.range.z << " of " << b.range.bits
              << " bits, which needs z = " << b.needed_z << '\n';
  }
  if (clipped->empty()) std::cout << "no blob is clipped with this picture\n";
}

/// Throws error for options that would do nothing.
void require_use(const CLI::App& command, const options& o, bool with_inputs) {
  for (const char* name : {"--picture", "--rgb-order", "--norm-type", "--mean-file", "--data-scale", "--threads"}) {
    if (command.get_option(name)->count() == 0) continue;
    detail::require<error>(o.network.is_given(), name, " needs a network: --cfg, or --prototxt and --caffemodel");
    detail::require<error>(with_inputs, name, " is for --picture");
  }
}

int wk(const CLI::App& command, const options& o) {
  const bool with_inputs = !o.network.cfg.empty() || !o.network.pictures.empty();
  require_use(command, o, with_inputs);
  const wk_model model = read_wk(o.file);
  std::optional<loaded_network> loaded;
  std::optional<wk_comparison> compared;
  std::optional<std::vector<wk_clipped_blob>> clipped;
  std::map<std::size_t, wk_range> ranges;
  if (o.network.is_given()) {
    loaded.emplace(o.network, with_inputs);
    const float rate = loaded->cfg().sparse_rate;
    const network stored = rate == 0.0F ? network() : with_sparse_weights(loaded->original(), rate);
    const network& files = rate == 0.0F ? loaded->original() : stored;
    compared = compare_wk(model, files);
    ranges = wk_ranges(model, files, compared->matching);
    if (with_inputs) {
      network_runner runner(loaded->net(), float_plan(loaded->net()), {.keep_all = true, .threads = loaded->threads()});
      const auto inputs = loaded->chosen_inputs();
      runner.run(loaded_network::views(inputs));
      clipped = wk_clipped(ranges, runner);
    }
  }
  const std::vector<row> rows = rows_of(model, compared ? &*compared : nullptr);
  if (o.as_json) {
    json j = model_json(model, rows);
    if (compared) {
      j["network"] = loaded->original().name;
      j["matched"] = network_json(loaded->original(), model, *compared, ranges, clipped);
    }
    print_json(j);
  } else {
    print_model(model);
    print_rows(model, rows, compared ? &loaded->original() : nullptr, compared ? &*compared : nullptr);
    if (compared) print_comparison(loaded->original(), *compared, clipped);
  }
  bool is_right = model.checksum_fits && model.damaged_instructions == 0;
  for (const wk_block& b : model.blocks) is_right = is_right && b.problem.empty();
  if (compared) {
    for (const wk_layer_comparison& l : compared->layers) is_right = is_right && counts_of(*compared, l).equal != 0;
  }
  return is_right ? passed : below_threshold;
}

}  // namespace wk_command

void add_wk(CLI::App& app, int& result) {
  using namespace wk_command;
  auto o = std::make_shared<options>();
  CLI::App* command =
      app.add_subcommand("wk", "what a compiled model says, and whether a network is what it is made of");
  command->add_option("file", o->file, "compiled model (.wk)")->required()->check(CLI::ExistingFile);
  o->network.add_to(*command, true);
  command->add_flag("--json", o->as_json, "print JSON");
  command->footer(
      "With a network every weight block is compared code for code, every output's bias, multiplier and shift, and "
      "the\n"
      "scales of all blobs; with pictures, which blobs they clip. The exit code is 1 where the file is damaged, or a "
      "layer\n"
      "has no block equal to the network's.\n"
      "Examples:\n"
      "  nnie-debug wk net_inst.wk\n"
      "  nnie-debug wk net_inst.wk --prototxt net.prototxt --caffemodel net.caffemodel --picture cat.jpg");
  command->callback([o, command, &result] { result = wk(*command, *o); });
}

}  // namespace nnie_debug
