// Compiled models (.wk): what they say, and against the network that they are made of.
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

#include <nniesim/debug/wk_clipping.hpp>
#include <nniesim/debug/wk_compare.hpp>
#include <nniesim/io/wk.hpp>

#include "module.hpp"
#include "network.hpp"

namespace nniesim_python {
namespace {

[[nodiscard]] nb::object optional_int(const std::optional<int>& v) { return v ? nb::cast(*v) : nb::none(); }
[[nodiscard]] nb::object z_object(const std::optional<wk_scale>& s, int bits) {
  if (!s || (bits != 8 && bits != 16)) return nb::none();
  const auto z = s->z(bits);
  return z ? nb::cast(*z) : nb::none();
}
[[nodiscard]] nb::object pair_object(const std::array<std::uint32_t, 2>& p) { return nb::make_tuple(p[0], p[1]); }

[[nodiscard]] nb::list node_list(const std::vector<wk_node>& nodes) {
  nb::list all;
  for (const wk_node& n : nodes) {
    all.append(nb::make_tuple(text_object(n.name), nb::make_tuple(n.channels, n.height, n.width)));
  }
  return all;
}

[[nodiscard]] nb::dict model_dict(const wk_model& m) {
  nb::list layers;
  for (const wk_layer& l : m.layers) {
    const bool is_codes = l.element_bytes != 4;
    nb::dict d;
    d["type"] = text_object(to_string(l.type));
    d["shape"] = nb::make_tuple(l.channels, l.height, l.width);
    d["stored_bits"] = 8 * l.element_bytes;
    d["z"] = is_codes ? z_object(l.scale, 8 * l.element_bytes) : nb::none();
    d["bits"] = optional_int(l.bits());
    d["input_z"] =
        l.bits() && !l.input_scales.empty() ? z_object(l.input_scales[0], *l.bits()) : nb::object(nb::none());
    d["activation"] = l.store ? nb::object(text_object(to_string(l.store->activation))) : nb::none();
    d["blocks"] = l.block_count;
    d["kernel"] = l.descriptor ? pair_object(l.descriptor->kernel) : nb::none();
    d["stride"] = l.descriptor ? pair_object(l.descriptor->stride) : nb::none();
    d["dilation"] = l.descriptor ? pair_object(l.descriptor->dilation) : nb::none();
    layers.append(d);
  }
  nb::list segments, unreadable;
  for (const wk_segment& s : m.segments) segments.append(nb::make_tuple(node_list(s.inputs), node_list(s.outputs)));
  for (const wk_block& b : m.blocks) {
    if (!b.problem.empty()) unreadable.append(nb::make_tuple(b.at, text_object(b.problem)));
  }
  nb::dict d;
  d["file"] = text_object(m.file);
  d["version"] = nb::make_tuple(m.version[0], m.version[1], m.version[2], m.version[3]);
  d["build"] = text_object(m.build);
  d["checksum_fits"] = m.checksum_fits;
  d["segments"] = nb::tuple(segments);
  d["layers"] = layers;
  d["blocks"] = m.blocks.size();
  d["unreadable_blocks"] = nb::tuple(unreadable);
  d["damaged_instructions"] = m.damaged_instructions;
  return d;
}

[[nodiscard]] nb::tuple counts_object(const wk_block_counts& c) {
  return nb::make_tuple(c.equal, c.differing, c.unreadable);
}

[[nodiscard]] nb::dict compare_model(const network_pointer& n, nb::handle path) {
  const std::string file = text_argument(path, "compare_compiled: path");
  wk_comparison c;
  wk_model model;
  network files;
  std::map<std::size_t, wk_range> ranges;
  std::optional<std::vector<wk_clipped_blob>> clipped;
  {
    const turn mine(n->mutex);
    model = read_wk(file);
    const float rate = n->loaded.cfg().sparse_rate;
    files = rate == 0.0F ? n->loaded.original() : with_sparse_weights(n->loaded.original(), rate);
    c = compare_wk(model, files);
    ranges = wk_ranges(model, files, c.matching);
    if (n->has_inputs) {
      network_runner runner(n->net(), float_plan(n->net()), {.keep_all = true, .threads = n->loaded.threads()});
      const auto inputs = n->loaded.chosen_inputs();
      runner.run(loaded_network::views(inputs));
      clipped = wk_clipped(ranges, runner);
    }
  }
  nb::list layers;
  for (const wk_layer_comparison& l : c.layers) {
    const wk_pair& p = c.matching.pairs[l.pair];
    const int bits = l.bits.value_or(0);
    nb::dict d;
    d["layer"] = text_object(files.layers[p.layer].name);
    nb::list compiled;
    for (const std::size_t i : p.compiled) compiled.append(i);
    d["compiled"] = nb::tuple(compiled);
    d["bits"] = optional_int(l.bits);
    d["blocks_raw"] = counts_object(l.raw);
    d["blocks_merged"] = counts_object(l.merged);
    d["outputs"] = l.records.total;
    d["equal_outputs"] = l.records.equal;
    d["first_difference"] = text_object(l.first_difference);
    d["input_z"] = z_object(l.input, bits);
    d["stored_input_z"] = z_object(l.stored_input, bits);
    layers.append(d);
  }
  nb::dict z;
  for (const auto& [b, r] : ranges) z[text_object(files.blobs[b].name)] = nb::make_tuple(r.bits, r.z);
  nb::dict d;
  d["file"] = text_object(model.file);
  d["batch_norm_merged"] = c.is_merged ? nb::object(nb::bool_(*c.is_merged)) : nb::none();
  d["layers"] = layers;
  d["blob_z"] = z;
  nb::object list = nb::none();
  if (clipped) {
    nb::list blobs;
    for (const wk_clipped_blob& b : *clipped) {
      nb::dict of;
      of["blob"] = text_object(files.blobs[b.blob].name);
      of["bits"] = b.range.bits;
      of["z"] = b.range.z;
      of["needed_z"] = b.needed_z;
      of["largest"] = static_cast<double>(b.largest);
      blobs.append(of);
    }
    list = blobs;
  }
  d["clipped"] = list;
  return d;
}

}  // namespace

void add_compiled_models(nb::module_& m) {
  m.def(
      "read_compiled",
      [](nb::handle path) {
        const std::string file = text_argument(path, "read_compiled: path");
        wk_model model;
        {
          const nb::gil_scoped_release released;
          model = read_wk(file);
        }
        return model_dict(model);
      },
      nb::arg("path").none());
  m.def("compare_compiled", compare_model, nb::arg("network"), nb::arg("path").none());
}

}  // namespace nniesim_python
