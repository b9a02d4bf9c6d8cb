// The files of a network with the marks _hp that a search found: written once they do what the search says.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <nniesim/debug/hp_names.hpp>
#include <nniesim/debug/hp_verify.hpp>
#include <nniesim/debug/loaded_network.hpp>
#include <nniesim/debug/precision_search.hpp>
#include <nniesim/io/caffe_import.hpp>
#include <nniesim/io/output_file.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Reads the bytes of the files with the best plan's marks back and runs them: the widths must be those of the plan,
/// each marked layer must compute something else than before, and the score must be the one that was found. Both files
/// are put in place once nothing in them is wrong: OUTPUT.prototxt and OUTPUT.caffemodel.
/// Throws as reading the network's files, hp_prototxt and output_set.
[[nodiscard]] inline hp_verification write_marks(const loaded_network& loaded, const search_problem& problem,
                                                 const search_result& result, const std::string& output) {
  const std::vector<std::string>& names = result.best.layers;
  const auto& cfg = loaded.cfg();
  const caffe_model model = read_caffemodel(cfg.caffemodel_file.path);
  const std::string text = detail::read_whole_file(cfg.prototxt_file.path, prototxt_limits{}.file_bytes, "a prototxt");
  const hp_files marked = hp_prototxt(text, names, &model, cfg.prototxt_file.text);
  hp_verification verified = verify_hp(loaded.original(), marked, names, loaded.import_options());
  const std::string prototxt = output + ".prototxt", caffemodel = output + ".caffemodel";
  if (!verified.wrong.empty()) return verified;

  const std::string weights = detail::caffemodel_bytes(*marked.model, caffemodel);
  const caffe_model read_back = parse_caffemodel(weights, caffemodel);
  const network net =
      loaded.compiled(loaded.imported(parse_prototxt(marked.prototxt, prototxt), read_back, caffemodel));
  const activation_ranges ranges = marked_ranges(problem.ranges, names);
  for (hp_without_effect& mark : marks_without_use(net, ranges, names, problem.pictures, problem.threads)) {
    verified.without_effect.push_back(std::move(mark));
  }
  const double score =
      score_of(problem.target, net, plan_of(net, compile_mode::mixed), ranges, problem.pictures, problem.threads);
  if (score != result.best.score) {
    verified.wrong.push_back(detail::message("run from what is to be written, the score is ", score,
                                             ", expected the one that was found, ", result.best.score));
    return verified;
  }
  output_set files;
  files.add(prototxt).append(marked.prototxt);
  files.add(caffemodel).append(weights);
  files.commit();
  return verified;
}

NNIESIM_END_NAMESPACE
