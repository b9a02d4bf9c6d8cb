// Evaluations over many pictures: the library's evaluation, its merge, summary and records for Python.
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

#include <array>
#include <filesystem>
#include <nniesim/core/excerpt.hpp>
#include <nniesim/debug/evaluation.hpp>
#include <nniesim/debug/evaluation_compensation.hpp>
#include <nniesim/debug/evaluation_html.hpp>
#include <nniesim/debug/evaluation_identity.hpp>
#include <nniesim/debug/evaluation_json.hpp>
#include <nniesim/debug/evaluation_summary.hpp>
#include <nniesim/debug/evaluation_text.hpp>
#include <nniesim/io/calibration_file.hpp>
#include <nniesim/io/output_file.hpp>
#include <sstream>

#include "layers.hpp"
#include "module.hpp"
#include "network.hpp"

namespace nniesim_python {
namespace {

using nniesim::detail::excerpt;
using nniesim::detail::message;

/// An object that threads of the library may let go of.
using held_object = std::shared_ptr<nb::object>;
[[nodiscard]] held_object held(nb::object object) {
  return {new nb::object(std::move(object)), [](nb::object* o) {
            const nb::gil_scoped_acquire lock;
            delete o;
          }};
}

[[nodiscard]] nb::callable callable_argument(nb::handle object, const std::string& what) {
  if (PyCallable_Check(object.ptr()) == 0) {
    throw nb::type_error(message(what, " is of type ", type_name_of(object), ", expected a function").c_str());
  }
  return nb::borrow<nb::callable>(object);
}

/// The first line of what str(exception) gives.
[[nodiscard]] std::string message_of(const nb::python_error& e) {
  const nb::object text = nb::steal(PyObject_Str(e.value().ptr()));
  if (!text.is_valid()) {
    PyErr_Clear();
    return type_name_of(e.value());
  }
  std::string message = text_argument(text, "a message");
  return message.empty() ? type_name_of(e.value()) : message;
}

/// Input i of a sequence of Python, copied. What cannot be read or has a wrong value is an error of this picture; what
/// is wrong with the program, another type say, goes on as it is.
[[nodiscard]] std::vector<tensor<float>> inputs_of(const network_pointer& n, const held_object& sequence,
                                                   std::size_t i) {
  const nb::gil_scoped_acquire lock;
  try {
    const nb::object picture = nb::steal(PySequence_GetItem(sequence->ptr(), static_cast<Py_ssize_t>(i)));
    if (!picture.is_valid()) throw nb::python_error();
    if (picture.is_none())
      throw nb::type_error(message("evaluate: picture ", i, " is None, expected the network's inputs").c_str());
    const given_inputs given = inputs_argument(*n, picture, message("evaluate: picture ", i));
    std::vector<tensor<float>> inputs;
    for (const tensor_view<const float>& view : given.views) {
      tensor<float>& copy = inputs.emplace_back(make_tensor<float>(view.shape()));
      std::copy(view.span().begin(), view.span().end(), copy.data());
    }
    return inputs;
  } catch (nb::python_error& e) {
    if (!e.matches(PyExc_OSError) && !e.matches(PyExc_ValueError)) throw;
    throw error(message_of(e));
  }
}

[[nodiscard]] evaluation_pictures pictures_of_sequence(const network_pointer& n, nb::handle sequence, nb::handle names,
                                                       nb::handle labels) {
  if (PySequence_Check(sequence.ptr()) == 0 || nb::isinstance<nb::str>(sequence)) {
    throw nb::type_error(
        message("evaluate: pictures is of type ", type_name_of(sequence), ", expected a sequence").c_str());
  }
  evaluation_pictures p;
  p.size = nb::len(sequence);
  const held_object pictures = held(nb::borrow(sequence));
  if (names.is_none()) {
    p.name = [](std::size_t i) { return message("picture ", i); };
  } else {
    const auto texts = std::make_shared<const std::vector<std::string>>(texts_argument(names, "evaluate: names"));
    nniesim::detail::require<error>(texts->size() == p.size, "evaluate: names has ", texts->size(),
                                    " entries, expected one for each of ", p.size, " pictures");
    p.name = [texts](std::size_t i) { return texts->at(i); };
  }
  p.inputs = [n, pictures](std::size_t i) { return inputs_of(n, pictures, i); };
  if (labels.is_none()) return p;
  const auto values = std::make_shared<std::vector<std::int64_t>>();
  for (const nb::handle label : nb::borrow<nb::object>(labels)) {
    const nb::object index = nb::steal(PyNumber_Index(label.ptr()));
    if (!index.is_valid()) throw nb::python_error();
    values->push_back(integer_argument(index, message("evaluate: label ", values->size()),
                                       std::numeric_limits<std::int64_t>::min(),
                                       std::numeric_limits<std::int64_t>::max()));
  }
  nniesim::detail::require<error>(values->size() == p.size, "evaluate: labels has ", values->size(),
                                  " entries, expected one for each of ", p.size, " pictures");
  p.label = [values](std::size_t i) { return std::optional(values->at(i)); };
  return p;
}

/// The pictures that `lists` or `folder` name, else the cfg's. Whoever reads a file of feature maps has the network for
/// himself, as all methods do.
[[nodiscard]] evaluation_pictures pictures_of_files(const network_pointer& n, const nb::dict& o) {
  nniesim::detail::require<error>(n->has_inputs,
                                  "evaluate: the network was read without pictures, which say how files of pictures "
                                  "are preprocessed; expected a cfg, or pictures as arrays");
  const evaluation_source source{.lists = texts_argument(o["lists"], "evaluate: lists"),
                                 .folder = optional_text(o["folder"], "evaluate: folder"),
                                 .has_labels = nb::cast<bool>(o["has_labels"])};
  evaluation_pictures p = [&] {
    const turn mine(n->mutex);
    return nniesim::pictures_of(source, n->loaded);
  }();
  if (!source.lists.empty() || !source.folder.empty()) return p;
  p.inputs = [n, read = std::move(p.inputs), has_files = !n->loaded.listed_files(0).empty()](std::size_t i) {
    std::unique_lock<std::recursive_mutex> mine(n->mutex, std::defer_lock);
    if (!has_files) mine.lock();
    return read(i);
  };
  return p;
}

[[nodiscard]] evaluation_pictures pictures_argument(const network_pointer& n, const nb::dict& o) {
  const nb::object sequence = o["pictures"];
  if (sequence.is_none()) return pictures_of_files(n, o);
  return pictures_of_sequence(n, sequence, o["names"], o["labels"]);
}

/// A decision of Python: a function of a dict of the outputs' values that gives a str or an int.
[[nodiscard]] postprocessing python_decision(const network& net, const std::string& name, nb::callable function) {
  const auto names = std::make_shared<std::vector<std::string>>();
  for (const layer_output& o : network_outputs(net)) names->push_back(output_name(net.layers[o.layer], o.output));
  return {name, [name, names, decide = held(std::move(function))](std::span<const tensor<float>> outputs) {
            named_tensors values;
            for (std::size_t i = 0; i < outputs.size(); ++i) values.emplace_back(names->at(i), outputs[i]);
            const nb::gil_scoped_acquire lock;
            const nb::object decision = (*decide)(dict_of(std::move(values)));
            if (nb::isinstance<nb::str>(decision)) return text_argument(decision, "a decision");
            const nb::object number = nb::steal(PyNumber_Index(decision.ptr()));
            if (!number.is_valid()) {
              PyErr_Clear();
              throw nb::type_error(message("evaluate: decision ", excerpt(name), " gave a ", type_name_of(decision),
                                           ", expected a str or an int")
                                       .c_str());
            }
            return text_argument(nb::str(number), "a decision");
          }};
}

[[nodiscard]] std::vector<postprocessing> decisions_argument(const network& net, const nb::dict& o,
                                                             std::size_t output) {
  std::vector<postprocessing> decisions;
  if (!o["top_k"].is_none()) {
    const auto k = integer_argument(o["top_k"], "evaluate: top_k", 1, 1000000);
    decisions.push_back(postprocess::top_k(static_cast<std::size_t>(k), output));
  }
  if (!o["threshold"].is_none())
    decisions.push_back(postprocess::threshold(number_argument(o["threshold"], "evaluate: threshold"), output));
  if (o["decisions"].is_none()) return decisions;
  if (!nb::isinstance<nb::dict>(o["decisions"])) {
    throw nb::type_error(message("evaluate: decisions is of type ", type_name_of(o["decisions"]),
                                 ", expected a dict of functions by name")
                             .c_str());
  }
  for (const auto& [key, function] : nb::borrow<nb::dict>(o["decisions"])) {
    const std::string name = text_argument(key, "evaluate: decisions: a name");
    decisions.push_back(
        python_decision(net, name, callable_argument(function, message("evaluate: decision ", excerpt(name)))));
  }
  return decisions;
}

/// The ranges that are given, or those of the cfg's lists or of the chosen pictures; and what the file says of itself.
[[nodiscard]] nb::tuple prepare_evaluation(python_network& n, nb::handle mode, nb::handle precisions,
                                           const activation_ranges* given) {
  const precision_plan plan = plan_argument(n, mode, precisions);
  nniesim::detail::require<format_error>(!plan.is_float, "evaluate: got a float plan, expected a quantized one");
  std::string about = nb::isinstance<nb::str>(mode)
                          ? message("policy ", text_argument(mode, "mode"))
                          : message("compile_mode ", static_cast<int>(mode_argument(n, mode)));
  if (!precisions.is_none() && nb::len(precisions) != 0) about += message(", but for ", nb::len(precisions), " layers");
  activation_ranges ranges;
  {
    const turn mine(n.mutex);
    nniesim::detail::require<error>(given != nullptr || n.has_inputs,
                                    "evaluate: ranges is None and the network was read without pictures, expected "
                                    "ranges: Network.calibrate()");
    ranges = given != nullptr ? *given : n.loaded.ranges("", plan);
    about += "; ranges: " + text_of(ranges);
    for (const std::string& line : remarks_of(n.source.rules)) about += '\n' + line;
    for (const std::string& line : n.loaded.remarks()) about += '\n' + line;
  }
  return nb::make_tuple(std::move(ranges), text_object(about));
}

[[nodiscard]] nb::dict progress_dict(const evaluation_progress& p) {
  nb::dict d;
  d["done"] = p.done;
  d["of"] = p.of;
  d["bad"] = p.bad;
  d["known"] = p.known;
  return d;
}

/// The network with other constants: of another prototxt, or solved on some of the pictures.
[[nodiscard]] std::optional<solved_network> changed_network(python_network& n, const nb::dict& o,
                                                            const evaluation_problem& evaluated,
                                                            const evaluation_pictures& pictures) {
  const std::string prototxt = optional_text(o["compensated"], "evaluate: compensated");
  const nb::handle compensate = o["compensate"];
  nniesim::detail::require<error>(prototxt.empty() || compensate.is_none(),
                                  "evaluate: got compensated and compensate, expected one of them");
  if (prototxt.empty() && compensate.is_none()) return std::nullopt;
  const auto training =
      prototxt.empty() ? static_cast<std::size_t>(integer_argument(compensate, "evaluate: compensate", 1, 1'000'000))
                       : 0;
  const std::string state = text_argument(o["state"], "evaluate: state");
  const bool are_given = nb::cast<bool>(o["ranges_are_given"]);
  const turn mine(n.mutex);
  compensation_problem problem{
      .net = n.net(), .plan = evaluated.plan, .ranges = evaluated.ranges, .threads = n.loaded.threads()};
  if (!are_given) problem.recalibrate = [&](const network& net) { return n.loaded.calibrate(net, evaluated.plan); };
  if (training != 0) return solve_constants(problem, pictures, training, state);
  return given_constants(problem, n.loaded, prototxt);
}

/// Whether all pictures of the shard are done.
[[nodiscard]] bool evaluate_network(const network_pointer& n, const activation_ranges& ranges, const nb::dict& o) {
  const network& net = n->net();
  const precision_plan plan = plan_argument(*n, o["mode"], o["precisions"]);
  evaluation_problem problem{.net = net, .plan = plan, .ranges = ranges};
  const bool has_labels = nb::cast<bool>(o["has_labels"]) || !o["labels"].is_none();
  problem.labelled_output =
      judged_output(net, optional_text(o["output_layer"], "evaluate: output_layer"),
                    !o["top_k"].is_none() || !o["threshold"].is_none() || has_labels, "evaluate: output_layer");
  problem.decisions = decisions_argument(net, o, problem.labelled_output);
  problem.about = text_argument(o["about"], "evaluate: about");
  const evaluation_pictures pictures = pictures_argument(n, o);
  const std::optional<solved_network> changed = changed_network(*n, o, problem, pictures);
  if (changed) {
    problem.compensated.emplace(compensated_network{changed->net, changed->ranges});
    problem.intervals = changed->intervals;
    problem.training = changed->training;
  }

  constexpr std::int64_t most = 1'000'000;
  evaluation_options run{.state = text_argument(o["state"], "evaluate: state")};
  run.shard.count = static_cast<std::size_t>(integer_argument(o["shard_count"], "evaluate: shard: its count", 1, most));
  run.shard.index = static_cast<std::size_t>(integer_argument(o["shard_index"], "evaluate: shard: its index", 0,
                                                              static_cast<std::int64_t>(run.shard.count) - 1));
  const std::size_t threads = o["threads"].is_none() ? n->loaded.threads().max_workers : threads_argument(o["threads"]);
  const held_object progress = held(o["progress"]), stop = held(o["stop"]);
  if (!progress->is_none()) {
    (void)callable_argument(*progress, "evaluate: progress");
    run.progress = [progress](const evaluation_progress& p) {
      const nb::gil_scoped_acquire lock;
      (void)(*progress)(progress_dict(p));
    };
  }
  if (!stop->is_none()) (void)callable_argument(*stop, "evaluate: stop");
  // Signals reach the interpreter's first thread, which is among those that ask where it called.
  run.stop = [stop] {
    const nb::gil_scoped_acquire lock;
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
    if (stop->is_none()) return false;
    const int is_true = PyObject_IsTrue((*stop)().ptr());
    if (is_true < 0) throw nb::python_error();
    return is_true != 0;
  };
  const nb::gil_scoped_release released;
  problem.identity = identity_of(n->loaded, n->source.rules, "fp32_chain", problem.labelled_output);
  const call_threads pool(threads);
  run.threads = pool.handle();
  return nniesim::evaluate(problem, pictures, run);
}

void merge_files(nb::handle parts, nb::handle to, bool is_incomplete) {
  std::vector<std::filesystem::path> files;
  for (const std::string& part : texts_argument(parts, "merge_evaluations: parts")) files.emplace_back(part);
  const std::string file = text_argument(to, "merge_evaluations: output");
  const nb::gil_scoped_release released;
  merge_evaluations(files, file, is_incomplete ? merge_rule::as_far : merge_rule::complete);
}

[[nodiscard]] nb::tuple estimate(const sample_estimate& e) { return nb::make_tuple(e.value, e.low, e.high); }

[[nodiscard]] nb::dict summary_dict(const sample_summary& s) {
  nb::dict d, percentiles;
  d["count"] = s.count;
  d["not_finite"] = s.not_finite;
  d["mean"] = s.count == 0 ? nb::object(nb::none()) : nb::object(estimate(s.mean));
  for (std::size_t i = 0; s.count != 0 && i < s.percentiles.size(); ++i) {
    percentiles[nb::int_(sample_percentiles[i])] = estimate(s.percentiles[i]);
  }
  d["percentiles"] = percentiles;
  d["worst"] = s.count == 0 ? nb::object(nb::none()) : nb::object(estimate(s.worst));
  return d;
}
[[nodiscard]] nb::dict metric_dict(const evaluated_metric& m) {
  nb::dict d = summary_dict(m.summary);
  d["worst_picture"] = text_object(m.worst_picture);
  return d;
}
[[nodiscard]] nb::dict share_dict(const evaluated_share& s) {
  nb::dict d;
  d["count"] = s.count;
  d["of"] = s.of;
  d["share"] = s.of == 0 ? nb::object(nb::none()) : nb::object(estimate(s.share));
  return d;
}
[[nodiscard]] nb::object share_of_compensated(const evaluated_share& s, bool has_compensated) {
  return has_compensated ? nb::object(share_dict(s)) : nb::object(nb::none());
}

[[nodiscard]] nb::dict norms_dict(const evaluated_norms& n, bool has_compensated) {
  const nb::object none = nb::none();
  const auto of_compensated = [&](const sample_summary& s) {
    return has_compensated ? nb::object(summary_dict(s)) : none;
  };
  const auto array = [](std::vector<double> values) { return owning_array(std::move(values)); };
  nb::dict d;
  d["name"] = text_object(n.name);
  d["constant"] = n.chain ? nb::object(nb::float_(n.chain->constant)) : none;
  d["new_constant"] = n.chain && has_compensated ? nb::object(nb::float_(n.chain->compensated)) : none;
  d["interval"] = n.chain && n.chain->interval
                      ? nb::object(nb::make_tuple((*n.chain->interval)[0], (*n.chain->interval)[1]))
                      : none;
  d["left_out"] = n.left_out;
  d["in_float"] = summary_dict(n.in_float);
  d["quantized"] = summary_dict(n.quantized);
  d["compensated"] = of_compensated(n.compensated);
  d["error"] = summary_dict(n.before);
  d["error_compensated"] = of_compensated(n.after);
  d["removed"] = has_compensated ? nb::object(nb::float_(n.removed)) : none;
  d["removed_abs"] = has_compensated ? nb::object(nb::float_(n.removed_abs)) : none;
  d["edges"] = array(n.edges);
  d["shares_in_float"] = array(n.shares[0]);
  d["shares_quantized"] = array(n.shares[1]);
  d["shares_compensated"] = has_compensated ? array(n.shares[2]) : none;
  return d;
}

[[nodiscard]] nb::dict evaluation_dict(const evaluation_summary& s) {
  const bool has_compensated = s.header.has_compensated;
  nb::list layers, norms, decisions, worst, bad;
  for (const evaluated_layer& l : s.layers) {
    nb::dict d;
    d["layer"] = text_object(l.name);
    d["is_output"] = l.is_output;
    d["cosine"] = metric_dict(l.cosine);
    d["norm_error"] = metric_dict(l.norm_error);
    d["relative_l2_error"] = metric_dict(l.relative_l2_error);
    layers.append(d);
  }
  for (const evaluated_norms& n : s.norms) norms.append(norms_dict(n, has_compensated));
  for (const evaluated_decision& x : s.decisions) {
    nb::dict d;
    d["name"] = text_object(x.name);
    d["quantized"] = share_dict(x.quantized);
    d["compensated"] = share_of_compensated(x.compensated, has_compensated);
    decisions.append(d);
  }
  for (const evaluated_picture& p : s.worst) {
    nb::dict d;
    d["name"] = text_object(p.name);
    d["number"] = p.picture;
    d["output"] = text_object(p.output);
    d["cosine"] = p.cosine;
    d["norm_error"] = p.norm_error;
    d["relative_l2_error"] = p.relative_l2_error;
    worst.append(d);
  }
  for (const bad_picture& b : s.named_bad) bad.append(nb::make_tuple(text_object(b.name), text_object(b.problem)));
  nb::dict d;
  d["network"] = text_object(s.header.network);
  d["about"] = text_object(s.header.about);
  d["pictures"] = s.header.pictures;
  d["shard"] = nb::make_tuple(s.header.shard.index, s.header.shard.count);
  d["training"] = s.header.training;
  d["evaluated"] = s.evaluated;
  d["bad"] = s.bad;
  d["missing"] = s.missing;
  d["bad_pictures"] = bad;
  d["layers"] = layers;
  d["norms"] = norms;
  d["decisions"] = decisions;
  d["labels"] = nb::none();
  if (s.header.has_labels) {
    nb::dict l;
    l["out_of_range"] = s.labels.out_of_range;
    l["named"] = nb::tuple(list_of(s.labels.named));
    l["in_float"] = share_dict(s.labels.in_float);
    l["quantized"] = share_dict(s.labels.quantized);
    l["compensated"] = share_of_compensated(s.labels.compensated, has_compensated);
    d["labels"] = l;
  }
  d["worst_pictures"] = worst;
  return d;
}

[[nodiscard]] nb::dict summarize_file(nb::handle path, const nb::dict& o) {
  const std::string file = text_argument(path, "read_evaluation: path");
  const std::string html = optional_text(o["html"], "html"), csv = optional_text(o["csv"], "csv"),
                    json = optional_text(o["json"], "json");
  summary_options how;
  how.worst_pictures = static_cast<std::size_t>(integer_argument(o["worst"], "worst", 0, 10000));
  how.bootstrap.resamples = static_cast<std::size_t>(integer_argument(o["resamples"], "resamples", 0, 1000000));
  const std::size_t threads = threads_argument(o["threads"]);
  evaluation_summary s;
  std::string printed;
  {
    const nb::gil_scoped_release released;
    const call_threads pool(threads);
    how.threads = pool.handle();
    evaluation_records records(file);
    s = summarize(records, how);
    output_set files;
    if (!html.empty()) write_evaluation_html(files.add(html).stream(), s);
    if (!csv.empty()) write_evaluation_csv(files.add(csv).stream(), s);
    if (!json.empty()) write_evaluation_json(files.add(json).stream(), s);
    files.commit();
    std::ostringstream text;
    text.imbue(std::locale::classic());
    print_evaluation(text, s);
    printed = text.str();
  }
  nb::dict d = evaluation_dict(s);
  d["text"] = text_object(printed);
  return d;
}

/// Columns of numbers, a picture after the other.
struct record_columns {
  std::vector<std::string> names, problems;
  std::vector<std::uint64_t> numbers, bad;
  std::array<std::vector<double>, 4> layers;              ///< in the order of layer_record
  std::vector<std::array<std::vector<double>, 5>> norms;  ///< of each chain, in the order of norm_record
  std::vector<std::uint8_t> decisions, labels;
  std::vector<double> compensated;
  std::vector<float> largest;

  explicit record_columns(evaluation_records& records) : norms(records.header().chains.size()) {
    for (std::size_t i = 0; i < records.size(); ++i) add(records.read(i));
  }

 private:
  void add(const evaluation_record& e) {
    if (e.is_bad()) {
      bad.push_back(e.picture);
      names_of_bad.push_back(e.name);
      problems.push_back(e.problem);
      return;
    }
    numbers.push_back(e.picture);
    names.push_back(e.name);
    for (const layer_record& l : e.layers) {
      const std::array values = {l.cosine, l.relative_l2_error, l.l2_reference, l.l2_other};
      for (std::size_t k = 0; k < values.size(); ++k) layers[k].push_back(values[k]);
    }
    for (std::size_t c = 0; c < e.chains.size(); ++c) {
      for (const norm_record& r : e.chains[c]) {
        const std::array values = {r.reference, r.quantized, r.input, r.base, r.compensated};
        for (std::size_t k = 0; k < values.size(); ++k) norms[c][k].push_back(values[k]);
      }
    }
    for (const decision_record& x : e.decisions) {
      for (const bool b : {x.quantized_agrees, x.compensated_agrees}) decisions.push_back(b ? 1 : 0);
    }
    for (const bool b : {e.label.is_known, e.label.in_float, e.label.quantized, e.label.compensated}) {
      labels.push_back(b ? 1 : 0);
    }
    compensated.insert(compensated.end(), e.compensated.begin(), e.compensated.end());
    largest.insert(largest.end(), e.largest.begin(), e.largest.end());
  }

 public:
  std::vector<std::string> names_of_bad;
};

[[nodiscard]] nb::dict records_of_file(nb::handle path) {
  const std::string file = text_argument(path, "read_evaluation_records: path");
  std::optional<evaluation_records> records;
  std::optional<record_columns> columns;
  {
    const nb::gil_scoped_release released;
    records.emplace(file);
    columns.emplace(*records);
  }
  const evaluation_header& h = records->header();
  nb::dict d, norms;
  d["layers"] = nb::tuple(list_of(h.layers));
  d["decisions"] = nb::tuple(list_of(h.decisions));
  d["ranges"] = nb::tuple(list_of(h.ranges));
  d["has_labels"] = h.has_labels;
  d["names"] = nb::tuple(list_of(columns->names));
  d["names_of_bad"] = nb::tuple(list_of(columns->names_of_bad));
  d["problems"] = nb::tuple(list_of(columns->problems));
  d["numbers"] = owning_array(std::move(columns->numbers));
  d["numbers_of_bad"] = owning_array(std::move(columns->bad));
  constexpr std::array of_layers = {"cosine", "relative_l2_error", "l2_reference", "l2_other"};
  for (std::size_t k = 0; k < of_layers.size(); ++k) d[of_layers[k]] = owning_array(std::move(columns->layers[k]));
  for (std::size_t c = 0; c < h.chains.size(); ++c) {
    nb::list values;
    for (auto& column : columns->norms[c]) values.append(owning_array(std::move(column)));
    norms[text_object(h.chains[c].name)] = nb::make_tuple(h.chains[c].samples, values);
  }
  d["norms"] = norms;
  d["agrees"] = owning_array(std::move(columns->decisions));
  d["labels"] = owning_array(std::move(columns->labels));
  nb::list outputs;
  for (const std::size_t o : h.outputs) outputs.append(text_object(h.layers[o]));
  d["outputs"] = nb::tuple(outputs);
  d["compensated"] = owning_array(std::move(columns->compensated));
  d["largest"] = owning_array(std::move(columns->largest));
  return d;
}

/// What names and labels pictures have and which files they are, for whoever evaluates them elsewhere.
[[nodiscard]] nb::dict picture_names(const network_pointer& n, const nb::dict& o) {
  const evaluation_pictures p = pictures_argument(n, o);
  const bool are_listed = o["pictures"].is_none() && o["lists"].is_none() && o["folder"].is_none();
  nb::list names, labels, files, texts;
  for (std::size_t i = 0; i < p.size; ++i) {
    names.append(text_object(p.name(i)));
    if (p.label) labels.append(p.label(i).value_or(-1));
    nb::list of_picture, of_lists;
    const std::vector<std::filesystem::path> all = p.files ? p.files(i) : std::vector<std::filesystem::path>();
    for (std::size_t k = 0; k < all.size(); ++k) {
      of_picture.append(text_object(all[k].string()));
      if (!are_listed) continue;
      const std::filesystem::path folder = n->loaded.cfg().inputs.at(k).image_list.path.parent_path();
      of_lists.append(text_object(all[k].lexically_relative(folder).string()));
    }
    files.append(nb::tuple(of_picture));
    texts.append(nb::tuple(of_lists));
  }
  nb::dict d;
  d["names"] = names;
  d["labels"] = p.label ? nb::object(labels) : nb::object(nb::none());
  d["files"] = files;
  d["texts"] = are_listed ? nb::object(texts) : nb::object(nb::none());
  return d;
}

/// The files that a network was made of, those of its preprocessing among them.
[[nodiscard]] nb::list files_of(const python_network& n) {
  std::vector<std::string> files;
  const auto add = [&](const std::filesystem::path& file) {
    if (!file.empty()) files.push_back(file.string());
  };
  const compiler_cfg& cfg = n.loaded.cfg();
  for (const std::filesystem::path& file : n.loaded.network_files()) add(file);
  for (const cfg_input& input : cfg.inputs) {
    add(input.image_list.path);
    if (input.mean_file) add(input.mean_file->path);
  }
  for (const cfg_path& file : cfg.roi_coordinate_file) add(file.path);
  if (cfg.gfpq_param_file) add(cfg.gfpq_param_file->path);
  return list_of(files);
}

/// The network's inputs from a file each, preprocessed as the cfg says. `texts_given` are the files' names in the cfg's
/// lists, or None where they are of no such list: messages are those of what reads either.
[[nodiscard]] nb::list read_files(const network_pointer& n, nb::handle given, nb::handle texts_given) {
  const std::vector<std::string> files = texts_argument(given, "read_inputs: files");
  const std::vector<std::string> texts = texts_argument(texts_given, "read_inputs: texts");
  const bool are_listed = !texts_given.is_none();
  const std::vector<std::size_t> blobs = input_blobs(n->net());
  nniesim::detail::require<error>(n->has_inputs, "read_inputs: the network was read without pictures, expected a cfg");
  nniesim::detail::require<error>(files.size() == blobs.size() && (!are_listed || texts.size() == blobs.size()),
                                  "read_inputs: ", files.size(), " files, expected one for each of the network's ",
                                  blobs.size(), " inputs");
  std::vector<tensor<float>> values;
  {
    const nb::gil_scoped_release released;
    for (std::size_t k = 0; k < files.size(); ++k) {
      const std::filesystem::path file(files[k]);
      std::error_code ignored;
      if (are_listed) require_located(file, texts[k], "a picture or .npy file of the list");
      else
        nniesim::detail::require<error>(std::filesystem::exists(file, ignored), files[k],
                                        ": no such file, expected a picture");
      values.push_back(read_input(file, n->loaded.cfg().inputs.at(k), n->net().blobs[blobs[k]].shape, nullptr));
    }
  }
  nb::list result;
  for (tensor<float>& x : values) result.append(owning_array(std::move(x)));
  return result;
}

/// Of ranges over parts of the pictures those over all. Exact for those of the float network alone: the largest of
/// magnitudes depends on no order. Throws for others.
[[nodiscard]] activation_ranges merged_ranges(const std::vector<const activation_ranges*>& parts) {
  nniesim::detail::require<error>(!parts.empty(), "merge_ranges: no ranges, expected at least one");
  activation_ranges all;
  all.rule = range_rule::floating;
  for (const activation_ranges* part : parts) {
    nniesim::detail::require<error>(part->rule == range_rule::floating, "merge_ranges: got ranges by the rule ",
                                    to_string(part->rule),
                                    ", expected floating: those of quantized networks depend on the pictures' order");
    for (const auto& [name, range] : part->blobs) {
      const auto [at, is_new] = all.blobs.try_emplace(name, range);
      if (is_new) continue;
      const bool had_zeros = at->second.had_zeros || range.had_zeros;
      at->second.add(range.largest);
      at->second.had_zeros = had_zeros;
    }
    all.pictures += part->pictures;
  }
  return all;
}

}  // namespace

void add_evaluation(nb::module_& m) {
  m.def("prepare_evaluation", prepare_evaluation, nb::arg("network"), nb::arg("mode").none(),
        nb::arg("precisions").none(), nb::arg("ranges").none());
  m.def("evaluate", evaluate_network, nb::arg("network"), nb::arg("ranges"), nb::arg("options"));
  m.def("merge_evaluations", merge_files, nb::arg("parts"), nb::arg("output"), nb::arg("incomplete"));
  m.def("summarize_evaluation", summarize_file, nb::arg("path"), nb::arg("options"));
  m.def("evaluation_records", records_of_file, nb::arg("path"));
  m.def("picture_names", picture_names, nb::arg("network"), nb::arg("options"));
  m.def("network_files", files_of, nb::arg("network"));
  m.def("read_inputs", read_files, nb::arg("network"), nb::arg("files"), nb::arg("texts").none());
  m.def(
      "merge_ranges",
      [](nb::handle parts) {
        std::vector<const activation_ranges*> ranges;
        for (const nb::handle part : nb::borrow<nb::object>(parts))
          ranges.push_back(nb::cast<const activation_ranges*>(part));
        return merged_ranges(ranges);
      },
      nb::arg("parts"));
  m.def(
      "ranges_text",
      [](const activation_ranges& r) {
        const std::string text = calibration_text(r);
        return nb::bytes(text.data(), text.size());
      },
      nb::arg("ranges"));
  m.def(
      "ranges_of_text",
      [](const nb::bytes& text) {
        return parse_calibration(std::string_view(static_cast<const char*>(text.data()), text.size()), "ranges");
      },
      nb::arg("text"));
}

}  // namespace nniesim_python
