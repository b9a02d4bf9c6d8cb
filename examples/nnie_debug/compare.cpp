// nnie-debug compare: two folders of dumps, or two files, with no model at all.
#include <algorithm>
#include <nniesim/debug/dump_folder.hpp>
#include <nniesim/metrics/table.hpp>

#include "command.hpp"
#include "terminal.hpp"

namespace nnie_debug {

namespace compare_command {

struct options {
  std::string reference, other;
  bool as_json = false;
  double fail_below = -2;
};

folder_comparison compared(const options& o) {
  if (std::filesystem::is_directory(o.reference) && std::filesystem::is_directory(o.other)) {
    return compare_folders(std::filesystem::path(o.reference), std::filesystem::path(o.other));
  }
  folder_comparison all;
  dump_pair pair;
  pair.reference.layer = std::filesystem::path(o.reference).filename().string();
  pair.result = compare_files(std::filesystem::path(o.reference), std::filesystem::path(o.other));
  all.pairs.push_back(std::move(pair));
  return all;
}

layer_table table_of(const folder_comparison& all) {
  layer_table table;
  for (const dump_pair& p : all.pairs) {
    if (!p.result) continue;
    std::string name = p.reference.layer;
    if (p.reference.role != dump_role::output) name += detail::message(" ", to_string(p.reference.role));
    if (p.reference.output != 0) name += ":" + std::to_string(p.reference.output);
    table.add(std::move(name), *p.result);
  }
  return table;
}

std::size_t all_layers(const folder_comparison& all) {
  return all.pairs.size() + all.only_reference.size() + all.only_other.size();
}

void print_as_json(const folder_comparison& all, const layer_table& table) {
  json problems = json::array(), only_reference = json::array(), only_other = json::array();
  for (const dump_pair& p : all.pairs) {
    if (!p.result) problems.push_back({{"layer", p.reference.layer}, {"problem", p.problem}});
  }
  for (const dump_entry& e : all.only_reference) only_reference.push_back(e.path.string());
  for (const dump_entry& e : all.only_other) only_other.push_back(e.path.string());
  print_json({{"accumulated", as_json(table)},
              {"compared", table.rows().size()},
              {"total", all_layers(all)},
              {"not_compared", problems},
              {"only_in_reference", only_reference},
              {"only_in_other", only_other}});
}

void print_as_text(const folder_comparison& all, const layer_table& table) {
  if (all.pairs.empty()) {
    print_lines(
        "nothing could be compared: no layer of one has the name of one of the other; diagnose pairs layers by "
        "their content, and boards' dumps by the compiler's cnn_net_tree.dot\n");
  } else {  // what could not be compared never counts as good, and is told first
    const std::size_t layers = all_layers(all);
    print_lines(detail::message(table.rows().size(), " of ", layers, layers == 1 ? " layer was" : " layers were",
                                " compared\n"));
    if (!table.rows().empty()) print_table(table);
  }
  for (const dump_pair& p : all.pairs) {
    if (!p.result) print_lines("not compared: " + printable(p.reference.layer) + ": " + printable(p.problem) + '\n');
  }
  for (const auto* alone : {&all.only_reference, &all.only_other}) {
    for (const dump_entry& e : *alone) print_lines("no partner for " + printable(e.path.string()) + '\n');
  }
}

int compare_two(const options& o) {
  const folder_comparison all = compared(o);
  const layer_table table = table_of(all);
  if (o.as_json) print_as_json(all, table);
  else print_as_text(all, table);
  // Nothing compared, or a layer that both have and that could not be, of another size for instance.
  const bool has_problems =
      std::any_of(all.pairs.begin(), all.pairs.end(), [](const dump_pair& p) { return !p.result; });
  if (all.pairs.empty() || has_problems) return below_threshold;
  bool passes = !table.rows().empty() && all.only_reference.empty() && all.only_other.empty();
  for (const layer_row& row : table.rows()) passes = passes && row.result.cosine >= o.fail_below;
  return o.fail_below < -1 || passes ? passed : below_threshold;
}

}  // namespace compare_command

void add_compare(CLI::App& app, int& result) {
  using namespace compare_command;
  auto o = std::make_shared<options>();
  CLI::App* command = app.add_subcommand("compare", "compare two folders of dumps, or two files, without a model");
  command
      ->add_option("reference", o->reference,
                   "folder or file: .npy, linear.hex, .float, a report of MindSpore Lite; a file may have any name")
      ->required()
      ->check(CLI::ExistingPath);
  command->add_option("other", o->other, "the same from elsewhere")->required()->check(CLI::ExistingPath);
  command
      ->add_option("--fail-below", o->fail_below,
                   "exit with 1 if a cosine is below, or a dump has no partner; layers of both that cannot be "
                   "compared, and nothing that can be, always give 1")
      ->check(between(-1, 1));
  command->add_flag("--json", o->as_json, "print JSON");
  command->footer(
      "Example:\n"
      "  nnie-debug run --cfg net.cfg --dumps mine\n"
      "  nnie-debug compare mine/mapper_quant /path/to/the/compiler's/mapper_quant --fail-below 0.99");
  command->callback([o, &result] { result = compare_two(*o); });
}

}  // namespace nnie_debug
