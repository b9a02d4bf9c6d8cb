// Networks: read, run in any plan, calibrated, compared layer by layer.
#include "network.hpp"

#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

#include <nniesim/core/excerpt.hpp>
#include <nniesim/core/utf8.hpp>
#include <nniesim/io/calibration_file.hpp>
#include <nniesim/network/compare_network.hpp>

#include "layers.hpp"
#include "metrics.hpp"
#include "module.hpp"

namespace nniesim_python {

nb::object text_object(std::string_view text) {
  return nb::steal(PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace"));
}

nb::list list_of(const std::vector<std::string>& texts) {
  nb::list all;
  for (const std::string& t : texts) all.append(text_object(t));
  return all;
}

std::string optional_text(nb::handle object, std::string_view what) {
  return object.is_none() ? std::string() : text_argument(object, what);
}

std::vector<std::string> texts_argument(nb::handle object, std::string_view what) {
  if (object.is_none()) return {};
  if (nb::isinstance<nb::str>(object) || PySequence_Check(object.ptr()) == 0) {
    throw nb::type_error(
        nniesim::detail::message(what, " is of type ", type_name_of(object), ", expected a sequence of str").c_str());
  }
  std::vector<std::string> texts;
  for (const nb::handle item : nb::borrow<nb::object>(object)) texts.push_back(text_argument(item, what));
  return texts;
}

given_inputs inputs_argument(python_network& n, nb::handle inputs, const std::string& function) {
  given_inputs g;
  if (inputs.is_none()) {
    nniesim::detail::require<error>(n.has_inputs, function,
                                    ": inputs is None and the network was read without pictures, expected its inputs");
    const turn mine(n.mutex);
    g.own = n.loaded.chosen_inputs();
    g.views = loaded_network::views(g.own);
    return g;
  }
  const std::vector<std::size_t> blobs = input_blobs(n.net());
  std::vector<nb::object> given;
  if (nb::isinstance<nb::dict>(inputs)) {
    const auto dict = nb::borrow<nb::dict>(inputs);
    std::size_t used = 0;
    for (const std::size_t b : blobs) {
      const nb::object name = text_object(n.net().blobs[b].name);
      nniesim::detail::require<error>(dict.contains(name), function, ": inputs has no ",
                                      nniesim::detail::excerpt(n.net().blobs[b].name), ", an input of the network");
      given.push_back(dict[name]);
      ++used;
    }
    nniesim::detail::require<error>(used == dict.size(), function, ": inputs has ", dict.size(),
                                    " entries, expected the network's ", used, " inputs alone");
  } else if (nb::isinstance<nb::list>(inputs) || nb::isinstance<nb::tuple>(inputs)) {
    for (const nb::handle x : nb::borrow<nb::object>(inputs)) given.push_back(nb::borrow(x));
  } else {
    given.push_back(nb::borrow(inputs));
  }
  nniesim::detail::require<shape_error>(given.size() == blobs.size(), function, ": ", given.size(),
                                        " inputs, the network has ", blobs.size());
  for (std::size_t i = 0; i < given.size(); ++i) {
    const std::string what =
        nniesim::detail::message(function, ": input ", nniesim::detail::excerpt(n.net().blobs[blobs[i]].name));
    g.arguments.push_back(std::make_unique<array_argument<float>>(given[i], what));
    g.views.push_back(g.arguments.back()->view());
  }
  return g;
}

layer_precision precision_argument(nb::handle name, const std::string& what) {
  const std::string p = text_argument(name, what);
  for (const layer_precision known : {layer_precision::float32, layer_precision::w8a8, layer_precision::w16a16}) {
    if (p == known.name()) return known;
  }
  throw format_error(
      nniesim::detail::message(what, " is ", nniesim::detail::excerpt(p), ", expected float32, w8a8 or w16a16"));
}

compile_mode mode_argument(const python_network& n, nb::handle mode) {
  if (mode.is_none()) return n.loaded.cfg().mode;
  return compile_mode_of(static_cast<int>(integer_argument(mode, "mode", 0, 2)));
}

precision_plan plan_argument(const python_network& n, nb::handle mode, nb::handle precisions) {
  precision_plan plan = nb::isinstance<nb::str>(mode) ? plan_of(n.net(), precision_argument(mode, "mode"))
                                                      : plan_of(n.net(), mode_argument(n, mode));
  if (precisions.is_none()) return plan;
  if (!nb::isinstance<nb::dict>(precisions)) {
    throw nb::type_error(nniesim::detail::message("precisions is of type ", type_name_of(precisions),
                                                  ", expected a dict of policies by layers' names")
                             .c_str());
  }
  for (const auto& [name, policy] : nb::borrow<nb::dict>(precisions)) {
    const std::string layer = text_argument(name, "precisions: a name");
    plan.layers[layer_index(n.net(), layer)] =
        precision_argument(policy, nniesim::detail::message("precisions: ", nniesim::detail::excerpt(layer)));
  }
  return plan;
}

named_tensors kept_values(const network_runner& runner) {
  named_tensors values;
  const network& net = runner.net();
  for (const layer& l : net.layers) {
    for (std::size_t o = 0; o < l.outputs.size(); ++o) {
      if (runner.is_kept(l.outputs[o])) values.emplace_back(output_name(l, o), runner.value(l.outputs[o]));
    }
  }
  return values;
}

nb::dict dict_of(named_tensors&& values) {
  nb::dict d;
  for (auto& [name, value] : values) d[text_object(name)] = owning_array(std::move(value));
  return d;
}

namespace {

[[nodiscard]] nb::object shape_object(const tensor_shape& s) {
  nb::list extents;
  for (const std::size_t e : s) extents.append(e);
  return nb::tuple(extents);
}

/// A network made ready for many runs, its weights quantized and laid out once.
class python_runner {
 public:
  python_runner(network_pointer n, precision_plan plan, const activation_ranges* ranges, bool keep_all,
                std::vector<std::size_t> keep)
      : network_(std::move(n)) {
    const turn mine(network_->mutex);
    runner_.emplace(
        network_->net(), std::move(plan),
        runner_options{.keep_all = keep_all, .keep = std::move(keep), .threads = network_->loaded.threads()});
    if (ranges != nullptr) runner_->use(*ranges);
  }
  [[nodiscard]] nb::dict run(nb::handle inputs) {
    const given_inputs x = inputs_argument(*network_, inputs, "run");
    named_tensors values;
    {
      const turn mine(mutex_);
      runner_->run(std::span<const tensor_view<const float>>(x.views));
      values = kept_values(*runner_);
    }
    return dict_of(std::move(values));
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return runner_->needed_memory().total(); }

 private:
  network_pointer network_;
  std::recursive_mutex mutex_;
  std::optional<network_runner> runner_;
};

[[nodiscard]] std::vector<std::size_t> blobs_argument(const network& net, nb::handle keep) {
  std::vector<std::size_t> blobs;
  for (const std::string& name : texts_argument(keep, "keep")) blobs.push_back(blob_index(net, name));
  return blobs;
}

[[nodiscard]] nb::list comparison_rows(const network& net, const std::vector<layer_comparison>& compared) {
  nb::list rows;
  for (const layer_comparison& c : compared) {
    const layer& l = net.layers[c.layer];
    rows.append(nb::make_tuple(text_object(output_name(l, c.output)), text_object(l.type), dict_of(c.result),
                               c.floor_ratio ? nb::cast(*c.floor_ratio) : nb::none()));
  }
  return rows;
}

/// The default of what is compared: those of the cfg's lists, or of the chosen pictures.
[[nodiscard]] nb::tuple compare_layers(python_network& n, nb::handle mode, nb::handle precisions, nb::handle inputs,
                                       const activation_ranges* given, bool isolated) {
  const precision_plan plan = plan_argument(n, mode, precisions);
  const given_inputs x = inputs_argument(n, inputs, "compare");
  std::vector<layer_comparison> accumulated, alone;
  {
    const turn mine(n.mutex);
    std::optional<activation_ranges> calibrated;
    if (given == nullptr && n.has_inputs) calibrated = n.loaded.ranges("", plan);
    const activation_ranges* const ranges = given != nullptr ? given : calibrated ? &*calibrated : nullptr;
    network_runner reference(n.net(), float_plan(n.net()), {.keep_all = true, .threads = n.loaded.threads()});
    network_runner quantized(n.net(), plan, {.keep_all = true, .threads = n.loaded.threads()});
    if (ranges != nullptr) quantized.use(*ranges);
    const std::span<const tensor_view<const float>> views(x.views);
    reference.run(views);
    quantized.run(views);
    accumulated = compare_accumulated(reference, quantized);
    if (isolated) alone = compare_isolated(reference, quantized);
  }
  return nb::make_tuple(comparison_rows(n.net(), accumulated),
                        isolated ? nb::object(comparison_rows(n.net(), alone)) : nb::none());
}

[[nodiscard]] activation_ranges calibrate(python_network& n, nb::handle mode, nb::handle precisions,
                                          nb::handle pictures, nb::handle rule_name) {
  constexpr std::array<std::string_view, 2> rules = {"quantized", "floating"};
  const range_rule rule =
      choice_argument(rule_name, "calibrate: rule", rules) == 0 ? range_rule::quantized : range_rule::floating;
  const precision_plan plan = plan_argument(n, mode, precisions);
  if (pictures.is_none()) {
    nniesim::detail::require<error>(
        n.has_inputs, "calibrate: pictures is None and the network was read without any, expected inputs");
    const turn mine(n.mutex);
    return n.loaded.calibrate(n.net(), plan, rule);
  }
  std::optional<calibrator> c;
  {
    const turn mine(n.mutex);
    c.emplace(n.net(), plan, rule, n.loaded.threads());
  }
  std::size_t count = 0;
  for (const nb::handle picture : nb::borrow<nb::object>(pictures)) {
    const given_inputs x = inputs_argument(n, picture, nniesim::detail::message("calibrate: picture ", count++));
    const turn mine(n.mutex);
    c->add(std::span<const tensor_view<const float>>(x.views));
  }
  nniesim::detail::require<error>(count != 0, "calibrate: pictures is empty, expected at least one");
  return c->ranges();
}

[[nodiscard]] nb::list layer_list(const network& net) {
  nb::list all;
  for (const layer& l : net.layers) {
    nb::list inputs, outputs, shapes;
    for (const std::size_t b : l.inputs) inputs.append(text_object(net.blobs[b].name));
    for (std::size_t o = 0; o < l.outputs.size(); ++o) {
      outputs.append(text_object(output_name(l, o)));
      shapes.append(shape_object(net.blobs[l.outputs[o]].shape));
    }
    nb::dict d;
    d["name"] = text_object(l.name);
    d["type"] = text_object(l.type);
    d["where"] = text_object(l.where);
    d["inputs"] = nb::tuple(inputs);
    d["outputs"] = nb::tuple(outputs);
    d["shapes"] = nb::tuple(shapes);
    d["on_cpu"] = l.on_cpu;
    d["merged"] = nb::tuple(list_of(l.merged));
    all.append(d);
  }
  return all;
}

[[nodiscard]] nb::dict inputs_dict(const python_network& n, std::vector<tensor<float>>&& values) {
  nb::dict d;
  const std::vector<std::size_t> blobs = input_blobs(n.net());
  for (std::size_t i = 0; i < values.size(); ++i) {
    d[text_object(n.net().blobs[blobs[i]].name)] = owning_array(std::move(values[i]));
  }
  return d;
}

[[nodiscard]] network_pointer load(const nb::dict& o) {
  const auto text = [&](const char* name) { return optional_text(o[name], name); };
  constexpr std::array<std::string_view, 2> orders = {"BGR", "RGB"};
  constexpr std::array<std::string_view, 3> batch_norms = {"fused", "own_layers", "merged"};
  constexpr std::array<std::string_view, 3> roundings = {"none", "nearest", "truncate"};
  constexpr std::array<std::string_view, 3> functions = {"hardware", "nearest_entry", "exact"};
  network_source s{.cfg = text("cfg"),
                   .prototxt = text("prototxt"),
                   .caffemodel = text("caffemodel"),
                   .pictures = texts_argument(o["pictures"], "pictures")};
  s.order = choice_argument(o["rgb_order"], "rgb_order", orders) == 0 ? channel_order::bgr : channel_order::rgb;
  s.norm_type = static_cast<cfg_norm_type>(integer_argument(o["norm_type"], "norm_type", 0, 5));
  if (!o["data_scale"].is_none()) s.data_scale = float_argument(o["data_scale"], "data_scale");
  s.mean_file = text("mean_file");
  s.import.stop_at = text("stop_at");
  s.import.until_unsupported = nb::cast<bool>(o["until_unsupported"]);
  s.custom = texts_argument(o["custom"], "custom");
  s.batch_norm = static_cast<batch_norm_rule>(choice_argument(o["batch_norm"], "batch_norm", batch_norms));
  const auto sums = choice_argument(o["sum_rounding"], "sum_rounding", roundings);
  const auto rule = choice_argument(o["functions"], "functions", functions);
  s.rules.sums = static_cast<sum_rounding>(sums);
  s.rules.functions = static_cast<function_rule>(rule);
  const std::size_t threads = threads_argument(o["threads"]);
  const bool with_inputs = !s.cfg.empty() ? nb::cast<bool>(o["with_inputs"]) : !s.pictures.empty();
  const nb::gil_scoped_release released;
  s.pool = std::make_shared<thread_pool>(threads);
  return std::make_shared<python_network>(std::move(s), with_inputs);
}

void add_ranges(nb::module_& m) {
  nb::class_<activation_ranges>(m, "Ranges",
                                "The ranges of a network's blobs, from which the scales of their codes follow.\n\n"
                                "Network.calibrate() and Network.read_ranges() make them.")
      .def_prop_ro(
          "pictures", [](const activation_ranges& r) { return r.pictures; }, "How many they come from.")
      .def_prop_ro(
          "rule", [](const activation_ranges& r) { return std::string(to_string(r.rule)); },
          "\"quantized\", \"floating\", or \"given\" (scales of a compiled model).")
      .def_prop_ro(
          "precision", [](const activation_ranges& r) { return text_object(r.precision); },
          "The policy of the network that they come from, or \"mixed\".")
      .def_prop_ro(
          "largest",
          [](const activation_ranges& r) {
            nb::dict d;
            for (const auto& [name, range] : r.blobs) d[text_object(name)] = static_cast<double>(range.largest);
            return d;
          },
          "The largest magnitude of each blob, by the name of the layer that writes it; 0 where only a scale "
          "is known.")
      .def_prop_ro(
          "z",
          [](const activation_ranges& r) {
            nb::dict d;
            for (const auto& entry : r.blobs) {
              const activation_range& range = entry.second;
              const auto z_of = [&]<class F>(F, const auto& given) -> nb::object {
                const bool is_seen = range.largest != 0.0F || range.had_zeros;
                const bool is_given = range.in_8bit || range.in_16bit;
                if (!given && !is_seen && is_given) return nb::none();
                return nb::int_(range.template scale<F>().z());
              };
              d[text_object(entry.first)] =
                  nb::make_tuple(z_of(gfpq8{}, range.in_8bit), z_of(gfpq16{}, range.in_16bit));
            }
            return d;
          },
          "Of each blob the scales of gfpq8 and gfpq16; None where it is not known.")
      .def(
          "save",
          [](const activation_ranges& r, nb::handle path) {
            const std::string file =
                text_argument(nb::module_::import_("os").attr("fspath")(path), "Ranges.save: path");
            const nb::gil_scoped_release released;
            write_calibration(file, r);
          },
          nb::arg("path"), "Writes them as `nnie-debug calibrate` does, for its --calibration and for read_ranges().")
      .def("__len__", [](const activation_ranges& r) { return r.blobs.size(); })
      .def(
          "__eq__", [](const activation_ranges& a, const activation_ranges& b) { return a == b; }, nb::is_operator())
      .def("__repr__", [](const activation_ranges& r) {
        return nniesim::detail::message("Ranges(", r.blobs.size(), " blobs, ", to_string(r.rule), ", of ", r.pictures,
                                        " pictures)");
      });
}

}  // namespace

void add_networks(nb::module_& m) {
  add_ranges(m);
  nb::class_<python_runner>(m, "Runner")
      .def(nb::new_([](network_pointer n, nb::handle mode, nb::handle precisions, const activation_ranges* ranges,
                       bool keep_all, nb::handle keep) {
             precision_plan plan = plan_argument(*n, mode, precisions);
             std::vector<std::size_t> kept = blobs_argument(n->net(), keep);
             return new python_runner(std::move(n), std::move(plan), ranges, keep_all, std::move(kept));
           }),
           nb::arg("network"), nb::arg("mode").none(), nb::arg("precisions").none(), nb::arg("ranges").none(),
           nb::arg("keep_all"), nb::arg("keep").none())
      .def("run", &python_runner::run, nb::arg("inputs").none())
      .def_prop_ro("memory_bytes", &python_runner::memory_bytes);
  nb::class_<python_network>(m, "NetworkFiles")
      .def_prop_ro("name", [](const python_network& n) { return text_object(n.net().name); })
      .def_prop_ro("mode", [](const python_network& n) { return static_cast<int>(n.loaded.cfg().mode); })
      .def_prop_ro("remarks",
                   [](python_network& n) {
                     std::vector<std::string> lines;
                     {
                       const turn mine(n.mutex);
                       lines = n.loaded.remarks();
                     }
                     return list_of(lines);
                   })
      .def_prop_ro("listed", [](const python_network& n) { return n.loaded.listed(); })
      .def("layers", [](const python_network& n) { return layer_list(n.net()); })
      .def("inputs",
           [](const python_network& n) {
             nb::dict d;
             for (const std::size_t b : input_blobs(n.net())) {
               d[text_object(n.net().blobs[b].name)] = shape_object(n.net().blobs[b].shape);
             }
             return d;
           })
      .def("outputs",
           [](const python_network& n) {
             nb::list names;
             for (const layer_output& o : network_outputs(n.net())) {
               names.append(text_object(output_name(n.net().layers[o.layer], o.output)));
             }
             return names;
           })
      .def(
          "picture",
          [](python_network& n, nb::handle index) {
            std::vector<tensor<float>> values;
            if (index.is_none()) {
              values = std::move(inputs_argument(n, nb::none(), "picture").own);
            } else {
              const auto last = static_cast<std::int64_t>(n.loaded.listed()) - 1;
              nniesim::detail::require<error>(last >= 0, "picture: the network was read without lists of pictures");
              const auto i = static_cast<std::size_t>(integer_argument(index, "picture: index", 0, last));
              const turn mine(n.mutex);
              values = n.loaded.listed_inputs(i);
            }
            return inputs_dict(n, std::move(values));
          },
          nb::arg("index").none())
      .def(
          "plan",
          [](const python_network& n, nb::handle mode, nb::handle precisions) {
            const precision_plan plan = plan_argument(n, mode, precisions);
            nb::dict d;
            for (std::size_t i = 0; i < plan.layers.size(); ++i) {
              d[text_object(n.net().layers[i].name)] = text_object(plan.layers[i].name());
            }
            return d;
          },
          nb::arg("mode").none(), nb::arg("precisions").none())
      .def("compare", compare_layers, nb::arg("mode").none(), nb::arg("precisions").none(), nb::arg("inputs").none(),
           nb::arg("ranges").none(), nb::arg("isolated"))
      .def("calibrate", calibrate, nb::arg("mode").none(), nb::arg("precisions").none(), nb::arg("pictures").none(),
           nb::arg("rule").none())
      .def(
          "read_ranges",
          [](python_network& n, nb::handle path, nb::handle mode) {
            const std::string file = text_argument(path, "read_ranges: path");
            const precision_plan plan = plan_argument(n, mode, nb::none());
            const turn mine(n.mutex);
            return n.loaded.ranges(file, plan);
          },
          nb::arg("path"), nb::arg("mode").none());
  m.def("load_network", load, nb::arg("options"));
}

}  // namespace nniesim_python
