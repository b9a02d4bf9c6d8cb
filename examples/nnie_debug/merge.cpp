// nnie-debug merge: joins the parts of an evaluation and prints what they say together.
#include <nniesim/debug/evaluation_records.hpp>

#include "evaluation_output.hpp"
#include "user_command.hpp"

namespace nnie_debug {

namespace merge_command {

struct options {
  std::vector<std::string> parts;
  std::string output;
  bool incomplete = false;
  std::size_t threads = 1;
  evaluation_output out;
};

int merge(const options& o) {
  const std::vector<std::filesystem::path> parts(o.parts.begin(), o.parts.end());
  require_output(o.output, parts);
  o.out.require_files(parts);
  std::optional<held_signals> held;  // until the temporary file is gone
  std::optional<temporary_records> temporary;
  if (o.output.empty()) {
    held.emplace();
    temporary.emplace();
  }
  const std::filesystem::path file = temporary ? temporary->path() : std::filesystem::path(o.output);
  merge_evaluations(parts, file, o.incomplete ? merge_rule::as_far : merge_rule::complete);
  evaluation_records records(file);
  thread_pool pool(o.threads);
  return o.out.print(records, pool.handle());
}

}  // namespace merge_command

void add_merge(CLI::App& app, int& result) {
  using namespace merge_command;
  auto o = std::make_shared<options>();
  CLI::App* command = app.add_subcommand("merge", "join the parts of an evaluation; the same bits as in one piece");
  command->add_option("parts", o->parts, "state files of `evaluate --shard`, in any order")
      ->required()
      ->check(CLI::ExistingFile);
  command->add_option("--output,-o", o->output, "write the joined file, as `evaluate --state` writes it")
      ->check(not_empty());
  command->add_flag("--incomplete", o->incomplete, "join them also where pictures are missing");
  command->add_option("--threads", o->threads, "threads; the results are the same bits for any number")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  o->out.add_to(*command);
  command->footer("Example:\n  nnie-debug merge part0.eval part1.eval -o all.eval --html report.html");
  command->callback([o, &result] { result = merge(*o); });
}

}  // namespace nnie_debug
