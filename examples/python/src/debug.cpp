// What the tool does: diagnosis and report, the search for layers to raise, compensation, folders of dumps.
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

#include <nniesim/core/version.hpp>
#include <nniesim/debug/dump_folder.hpp>
#include <nniesim/debug/evaluation_compensation.hpp>
#include <nniesim/debug/evaluation_search.hpp>
#include <nniesim/debug/finding_json.hpp>
#include <nniesim/debug/finding_text.hpp>
#include <nniesim/debug/investigation.hpp>
#include <nniesim/debug/mark_files.hpp>
#include <nniesim/debug/norm_compensation.hpp>
#include <nniesim/debug/precision_search.hpp>
#include <nniesim/debug/report_html.hpp>
#include <nniesim/debug/report_markdown.hpp>
#include <nniesim/io/output_file.hpp>
#include <sstream>

#include "layers.hpp"
#include "metrics.hpp"
#include "module.hpp"
#include "network.hpp"

namespace nniesim_python {
namespace {

[[nodiscard]] nb::object optional_number(const std::optional<double>& v) { return v ? nb::cast(*v) : nb::none(); }

/// What the report says of itself.
[[nodiscard]] report about(const investigation& i, const investigation_options& o) {
  report r;
  const loaded_network* const files = i.network_files();
  r.title = "What the accelerator makes of the network";
  r.network = files != nullptr ? files->net().name : o.reference;
  r.picture = files != nullptr ? files->chosen_name() : o.other;
  if (!o.other.empty()) r.mode = o.other + " against " + (o.reference.empty() ? "the float network" : o.reference);
  else if (files != nullptr)
    r.mode = nniesim::detail::message("simulated, compile_mode ", static_cast<int>(o.mode.value_or(files->cfg().mode)));
  if (files != nullptr) {
    r.mode +=
        nniesim::detail::message("; ranges: ", to_string(i.ranges().rule), ", of ", i.ranges().pictures, " picture(s)");
    for (const std::string& line : files->remarks()) r.mode += "; " + line;
  }
  r.versions = nniesim::detail::message("nniesim ", NNIESIM_VERSION_MAJOR, ".", NNIESIM_VERSION_MINOR, ".",
                                        NNIESIM_VERSION_PATCH, ", results version ", NNIESIM_RESULTS_VERSION);
  return r;
}

struct diagnosis_texts {
  std::string json, text, html;
  std::vector<std::string> remarks;
};

/// The investigation, its files written; everything without the interpreter's lock.
[[nodiscard]] diagnosis_texts investigate(investigation_options asked, const std::string& html,
                                          const std::string& markdown, bool with_report) {
  const investigation_options kept{.reference = asked.reference, .other = asked.other, .mode = asked.mode};
  investigation i(std::move(asked));
  diagnosis_texts t{diagnosis_json(i.result()), diagnosis_text(i.result()), {}, {}};
  if (i.network_files() != nullptr) t.remarks = i.network_files()->remarks();
  if (!with_report && html.empty() && markdown.empty()) return t;
  const report r = i.report_of(about(i, kept));
  std::ostringstream page;
  page.imbue(std::locale::classic());
  write_html(page, r);
  t.html = page.str();
  output_set files;
  if (!html.empty()) files.add(html).stream() << t.html;
  if (!markdown.empty()) write_markdown(files.add(markdown).stream(), r);
  files.commit();
  return t;
}

[[nodiscard]] nb::dict diagnosis_dict(const diagnosis_texts& t) {
  nb::dict d;
  d["json"] = text_object(t.json);
  d["text"] = text_object(t.text);
  d["html"] = text_object(t.html);
  d["remarks"] = list_of(t.remarks);
  return d;
}

[[nodiscard]] nb::dict diagnose_network(const network_pointer& n, const nb::dict& o) {
  const auto text = [&](const char* name) { return optional_text(o[name], name); };
  nniesim::detail::require<error>(n->has_inputs,
                                  "diagnose: the network was read without pictures, expected a cfg or pictures");
  investigation_options asked{.network = n->source,
                              .reference = text("reference"),
                              .other = text("other"),
                              .calibration = text("calibration"),
                              .float_prototxt = text("float_prototxt")};
  if (!o["mode"].is_none()) asked.mode = mode_argument(*n, o["mode"]);
  if (!o["goal"].is_none()) asked.goal = number_argument(o["goal"], "goal");
  asked.ablation = case_extras::ablations::all;
  const std::size_t given = std::size_t{!o["top_k"].is_none()} + std::size_t{!o["threshold"].is_none()} +
                            std::size_t{!o["softmax"].is_none()};
  nniesim::detail::require<error>(given <= 1, "diagnose: ", given,
                                  " of top_k, threshold and softmax are given, expected one post-processing");
  std::optional<postprocessing> post;
  if (!o["top_k"].is_none())
    post = postprocess::top_k(static_cast<std::size_t>(integer_argument(o["top_k"], "top_k", 1, 1000000)));
  if (!o["threshold"].is_none()) post = postprocess::threshold(number_argument(o["threshold"], "threshold"));
  if (!o["softmax"].is_none()) post = postprocess::softmax(number_argument(o["softmax"], "softmax"));
  if (post) {
    decision_question& q = asked.decision.emplace(decision_question{.post = *post});
    if (!o["output_layer"].is_none()) q.outputs = {text("output_layer")};
  }
  const std::string html = text("html"), markdown = text("markdown");
  const bool with_report = nb::cast<bool>(o["report"]);
  const diagnosis_texts found = [&] {
    const turn mine(n->mutex);
    return investigate(std::move(asked), html, markdown, with_report);
  }();
  return diagnosis_dict(found);
}

[[nodiscard]] nb::dict diagnose_dumps(nb::handle reference, nb::handle other, nb::handle html, nb::handle markdown,
                                      bool with_report) {
  investigation_options asked{.reference = text_argument(reference, "diagnose_dumps: reference"),
                              .other = text_argument(other, "diagnose_dumps: other")};
  const std::string page = optional_text(html, "html"), ticket = optional_text(markdown, "markdown");
  const diagnosis_texts found = [&] {
    const nb::gil_scoped_release released;
    return investigate(std::move(asked), page, ticket, with_report);
  }();
  return diagnosis_dict(found);
}

[[nodiscard]] nb::dict plan_dict(const evaluated_plan& p) {
  nb::dict d;
  d["layers"] = nb::tuple(list_of(p.layers));
  d["time"] = p.cost;
  d["score"] = p.score;
  return d;
}

/// A target whose score a function of Python gives: score(reference, quantized), two dicts of the outputs' values.
[[nodiscard]] search_target python_target(const network& net, nb::callable score) {
  search_target t;
  t.name = "a function of Python";
  std::vector<std::string> names;
  for (const layer_output& o : network_outputs(net)) {
    t.blobs.push_back(net.layers[o.layer].outputs[o.output]);
    names.push_back(output_name(net.layers[o.layer], o.output));
  }
  // Whoever lets go of it last may not have the interpreter's lock.
  const std::shared_ptr<nb::callable> held_score(new nb::callable(std::move(score)), [](nb::callable* f) {
    const nb::gil_scoped_acquire held;
    delete f;
  });
  t.score = [blobs = t.blobs, names, held_score](std::span<const tensor<float>> reference,
                                                 const network_runner& quantized) {
    named_tensors other;
    for (std::size_t i = 0; i < blobs.size(); ++i) other.emplace_back(names[i], quantized.value(blobs[i]));
    const nb::gil_scoped_acquire held;
    named_tensors first;
    for (std::size_t i = 0; i < blobs.size(); ++i) first.emplace_back(names[i], reference[i]);
    const nb::object result = (*held_score)(dict_of(std::move(first)), dict_of(std::move(other)));
    return number_argument(result, "search: what score returned");
  };
  return t;
}

/// What plans are judged by, and the goal that it has unless another is given.
[[nodiscard]] std::pair<search_target, double> target_argument(const network& net, const nb::dict& o) {
  constexpr std::array<std::string_view, 3> targets = {"output-cosine", "worst-layer-cosine", "norm-error"};
  const std::size_t target = choice_argument(o["target"], "search: target", targets);
  const std::vector<std::string> layers = texts_argument(o["layers"], "search: layers");
  const bool is_scored = !o["score"].is_none();
  nniesim::detail::require<error>(layers.empty() || (!is_scored && target != 1),
                                  "search: layers is for the targets output-cosine and norm-error");
  nniesim::detail::require<error>(layers.size() < 2 || target != 2, "search: target norm-error takes one layer, got ",
                                  layers.size());
  if (is_scored && PyCallable_Check(o["score"].ptr()) == 0) {
    throw nb::type_error(nniesim::detail::message("search: score is of type ", type_name_of(o["score"]),
                                                  ", expected a function of two dicts")
                             .c_str());
  }
  if (is_scored) return {python_target(net, nb::borrow<nb::callable>(o["score"])), 0};
  if (target == 1) return {worst_layer_cosine(net), 0.99};
  if (target == 2) return {norm_error(net, layers.empty() ? std::string() : layers.front()), -0.01};
  return {output_cosine(net, layers), 0.99};
}

/// The pictures of a search that are no lists': each as `inputs` of run.
[[nodiscard]] std::vector<given_inputs> pictures_of_search(python_network& n, nb::handle pictures) {
  std::vector<given_inputs> given;
  for (const nb::handle picture : nb::borrow<nb::object>(pictures)) {
    given.push_back(inputs_argument(n, picture, nniesim::detail::message("search: picture ", given.size())));
  }
  nniesim::detail::require<error>(!given.empty(), "search: pictures is empty, expected at least one");
  return given;
}

/// A plan's score, for searches whose plans are tried elsewhere.
[[nodiscard]] double plan_score(const network_pointer& n, nb::handle precisions, const activation_ranges& ranges,
                                const nb::dict& o) {
  const precision_plan plan = plan_argument(*n, nb::int_(2), precisions);
  const search_target target = target_argument(n->net(), o).first;
  const std::vector<given_inputs> given = pictures_of_search(*n, o["pictures"]);
  std::vector<std::vector<tensor_view<const float>>> pictures;
  for (const given_inputs& g : given) pictures.push_back(g.views);
  const turn mine(n->mutex);
  return score_of(target, n->net(), plan, ranges, pictures, n->loaded.threads());
}

/// Scores that a function of Python gives: measure(plan, ranges), the plan a dict of policies by layers' names.
[[nodiscard]] std::function<double(const precision_plan&)> python_measure(const network& net,
                                                                          const activation_ranges& ranges,
                                                                          nb::handle measure) {
  return [&net, &ranges, measure](const precision_plan& plan) {
    const nb::gil_scoped_acquire held;
    nb::dict by_name;
    for (std::size_t l = 0; l < plan.layers.size(); ++l) {
      by_name[text_object(net.layers[l].name)] = text_object(plan.layers[l].name());
    }
    return number_argument(nb::borrow<nb::callable>(measure)(by_name, ranges), "search: a plan's score");
  };
}

[[nodiscard]] nb::dict search(const network_pointer& n, const nb::dict& o) {
  constexpr std::array<std::string_view, 2> strategies = {"by-gain", "from-first"};
  const network& net = n->net();
  auto [judge, usual_goal] = target_argument(net, o);
  nniesim::detail::require<error>(o["score"].is_none() || !o["goal"].is_none(),
                                  "search: score needs a goal: its scale is the function's");
  const std::string calibration = optional_text(o["calibration"], "search: calibration");
  const std::string output = optional_text(o["output"], "search: output");
  search_options how;
  how.strategy = static_cast<search_strategy>(1 - choice_argument(o["strategy"], "search: strategy", strategies));
  how.state_file = optional_text(o["state_file"], "search: state_file");
  const nb::object pictures = o["pictures"];
  const bool are_given = !nb::isinstance<nb::int_>(pictures) && PySequence_Check(pictures.ptr()) != 0;
  const auto count =
      are_given ? 0 : static_cast<std::size_t>(integer_argument(pictures, "search: pictures", 1, 100000));
  const std::string evaluation = optional_text(o["evaluation"], "search: evaluation");
  const evaluation_source source{.lists = texts_argument(o["lists"], "search: lists"),
                                 .folder = optional_text(o["folder"], "search: folder")};
  nniesim::detail::require<error>(evaluation.empty() || (!are_given && o["inputs"].is_none()),
                                  "search: got an evaluation and inputs, expected one of them; the pictures of an "
                                  "evaluation are a number, how many of the worst");
  nniesim::detail::require<error>(!evaluation.empty() || (source.lists.empty() && source.folder.empty()),
                                  "search: lists and folder are of an evaluation, expected one");
  std::vector<given_inputs> given;
  nniesim::detail::require<error>(!are_given || o["inputs"].is_none(),
                                  "search: got pictures and inputs, expected one of them");
  if (are_given) given = pictures_of_search(*n, pictures);
  else if (!o["inputs"].is_none()) given.push_back(inputs_argument(*n, o["inputs"], "search"));
  else if (evaluation.empty() && n->loaded.listed() == 0) given.push_back(inputs_argument(*n, nb::none(), "search"));
  bool was_interrupted = false;
  how.progress = [&](const search_progress&) {
    const nb::gil_scoped_acquire held;
    was_interrupted = PyErr_CheckSignals() != 0;
    return !was_interrupted;
  };
  const double goal = o["goal"].is_none() ? usual_goal : number_argument(o["goal"], "goal");
  const double budget =
      o["budget"].is_none() ? std::numeric_limits<double>::infinity() : number_argument(o["budget"], "budget");
  const nb::object measure = o["measure"];
  const bool is_measured = !measure.is_none();
  search_result result;
  std::optional<hp_verification> verified;
  std::string name;
  {
    const turn mine(n->mutex);
    const activation_ranges ranges = n->loaded.ranges(calibration, plan_of(net, compile_mode::mixed), true);
    std::vector<std::vector<tensor<float>>> listed;
    search_problem problem{net, ranges};
    if (given.empty()) {
      if (!evaluation.empty()) {
        evaluation_records records(evaluation);
        listed = worst_inputs(n->loaded, records, source, count).inputs;
      } else {
        nniesim::detail::require<error>(count <= n->loaded.listed(), "search: pictures is ", count,
                                        ", the cfg's lists have ", n->loaded.listed());
        for (std::size_t i = n->loaded.listed() - count; i < n->loaded.listed(); ++i)
          listed.push_back(n->loaded.listed_inputs(i));
      }
      for (const auto& of_picture : listed) problem.pictures.push_back(loaded_network::views(of_picture));
    } else {
      for (const given_inputs& g : given) problem.pictures.push_back(g.views);
    }
    if (is_measured) problem.measure = python_measure(net, ranges, measure);
    problem.target = std::move(judge);
    problem.goal = goal;
    problem.budget = budget;
    problem.threads = n->loaded.threads();
    name = problem.target.name;
    result = search_precisions(problem, how);
    if (!output.empty() && result.finished) verified = write_marks(n->loaded, problem, result, output);
  }
  if (was_interrupted) throw nb::python_error();
  nb::list front;
  for (const evaluated_plan& p : result.front) front.append(plan_dict(p));
  nb::dict d;
  d["verdict"] = text_object(result.verdict);
  d["reached"] = result.reached;
  d["target"] = text_object(name);
  d["goal"] = goal;
  d["best"] = plan_dict(result.best);
  d["front"] = front;
  d["evaluations"] = result.evaluations;
  d["all_in_16_bits"] = optional_number(result.all_in_16bit);
  d["marks_verified"] = verified ? nb::object(nb::bool_(verified->passed())) : nb::none();
  std::vector<std::string> wrong;
  if (verified) {
    wrong = verified->wrong;
    for (const hp_without_effect& mark : verified->without_effect)
      wrong.push_back("no effect: " + mark.layer + ": " + mark.reason);
  }
  d["marks_remarks"] = list_of(wrong);
  return d;
}

[[nodiscard]] nb::dict norm_dict(const norm_errors& e) {
  nb::dict d;
  d["mean"] = e.mean;
  d["mean_abs"] = e.mean_abs;
  d["deviation"] = e.deviation;
  d["samples"] = e.samples;
  return d;
}

[[nodiscard]] nb::dict judged_dict(const judged_chain& c) {
  nb::dict d;
  d["before"] = norm_dict(c.before);
  d["after"] = norm_dict(c.after);
  d["removed"] = c.removed;
  d["removed_abs"] = c.removed_abs;
  d["left_out"] = c.left_out;
  const auto array = [](std::vector<double> values) { return owning_array(std::move(values)); };
  d["float_norms"] = array(c.float_norms);
  d["quantized"] = array(c.quantized);
  d["compensated"] = array(c.compensated);
  return d;
}

[[nodiscard]] nb::dict compensate(const network_pointer& n, nb::handle mode_given, nb::handle calibration_file,
                                  nb::handle evaluation_file, double held_out, nb::handle output_file) {
  const network& net = n->net();
  const std::string calibration = optional_text(calibration_file, "compensate: calibration");
  const std::string evaluation = optional_text(evaluation_file, "compensate: evaluation");
  const std::string output = optional_text(output_file, "compensate: output");
  const compile_mode mode = mode_argument(*n, mode_given);
  nniesim::detail::require<error>(n->loaded.listed() != 0,
                                  "compensate: the network was read without a cfg's lists of pictures, expected some");
  nniesim::detail::require<format_error>(held_out >= 0 && held_out <= 1, "compensate: held_out is ", held_out,
                                         ", expected 0 .. 1");
  compensation found;
  std::vector<std::string> wrong;
  bool is_written = false;
  {
    const turn mine(n->mutex);
    const activation_ranges ranges = n->loaded.ranges(calibration, plan_of(net, mode));
    compensation_problem problem{
        .net = net, .plan = plan_of(net, mode), .ranges = ranges, .threads = n->loaded.threads()};
    if (calibration.empty()) {
      problem.recalibrate = [&](const network& changed) { return n->loaded.calibrate(changed, problem.plan); };
    }
    if (evaluation.empty()) {
      found = compensate_norms(problem, n->loaded.listed_pictures(), held_out);
    } else {
      evaluation_records records(evaluation);
      require_network(records, n->loaded);
      found = compensate_norms(problem, records, n->loaded.listed_pictures(), digest_of(pictures_of({}, n->loaded)),
                               held_out);
    }
    if (!output.empty() && !found.constants.empty()) {
      const compiler_cfg& cfg = n->loaded.cfg();
      const std::string text =
          nniesim::detail::read_whole_file(cfg.prototxt_file.path, prototxt_limits{}.file_bytes, "a prototxt");
      const std::string changed = prototxt_with_constants(text, found.constants, cfg.prototxt_file.text);
      const caffe_model model = read_caffemodel(cfg.caffemodel_file.path);
      const network read_back = n->loaded.imported(parse_prototxt(changed, output), model, cfg.caffemodel_file.text);
      wrong = verify_constants(n->loaded.original(), read_back, found.constants);
      if (wrong.empty()) nniesim::detail::write_whole_file(output, changed);
      is_written = wrong.empty();
    }
  }
  nb::list chains;
  for (std::size_t i = 0; i < found.chains.size(); ++i) {
    const solved_constant& s = found.solved[i];
    nb::dict d;
    d["name"] = text_object(found.chains[i].name);
    d["layer"] = text_object(net.layers[found.chains[i].holder].name);
    d["form"] = text_object(to_string(found.chains[i].form));
    d["outcome"] = text_object(to_string(s.outcome));
    d["verdict"] = text_object(s.verdict);
    d["old_constant"] = found.chains[i].constant;
    d["new_constant"] = static_cast<double>(s.constant);
    d["interval"] =
        s.interval ? nb::object(nb::make_tuple((*s.interval)[0], (*s.interval)[1])) : nb::object(nb::none());
    d["training"] = judged_dict(found.trained[i]);
    d["held_out"] = judged_dict(found.judged[i]);
    chains.append(d);
  }
  nb::dict d;
  d["chains"] = chains;
  d["training_pictures"] = found.training_pictures;
  d["held_out_pictures"] = found.held_out_pictures;
  d["is_written"] = is_written;
  d["wrong"] = list_of(wrong);
  return d;
}

[[nodiscard]] nb::dict compare_dumps(nb::handle reference, nb::handle other) {
  const std::string a = text_argument(reference, "compare_dumps: reference");
  const std::string b = text_argument(other, "compare_dumps: other");
  folder_comparison all;
  {
    const nb::gil_scoped_release released;
    all = compare_folders(std::filesystem::path(a), std::filesystem::path(b));
  }
  nb::list rows, problems, only_reference, only_other;
  for (const dump_pair& p : all.pairs) {
    const std::string name = p.reference.output == 0
                                 ? p.reference.layer
                                 : nniesim::detail::message(p.reference.layer, ":", p.reference.output);
    if (p.result) rows.append(nb::make_tuple(text_object(name), "", dict_of(*p.result), nb::none()));
    else problems.append(nb::make_tuple(text_object(name), text_object(p.problem)));
  }
  for (const dump_entry& e : all.only_reference) only_reference.append(text_object(e.path.string()));
  for (const dump_entry& e : all.only_other) only_other.append(text_object(e.path.string()));
  nb::dict d;
  d["rows"] = rows;
  d["not_compared"] = nb::tuple(problems);
  d["only_reference"] = nb::tuple(only_reference);
  d["only_other"] = nb::tuple(only_other);
  return d;
}

}  // namespace

void add_debug(nb::module_& m) {
  m.def("diagnose_network", diagnose_network, nb::arg("network"), nb::arg("options"));
  m.def("diagnose_dumps", diagnose_dumps, nb::arg("reference").none(), nb::arg("other").none(), nb::arg("html").none(),
        nb::arg("markdown").none(), nb::arg("report"));
  m.def("search", search, nb::arg("network"), nb::arg("options"));
  m.def("plan_score", plan_score, nb::arg("network"), nb::arg("precisions"), nb::arg("ranges"), nb::arg("options"));
  m.def("compensate", compensate, nb::arg("network"), nb::arg("mode").none(), nb::arg("calibration").none(),
        nb::arg("evaluation").none(), nb::arg("held_out"), nb::arg("output").none());
  m.def("compare_dumps", compare_dumps, nb::arg("reference").none(), nb::arg("other").none());
}

}  // namespace nniesim_python
