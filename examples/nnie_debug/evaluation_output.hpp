// What `evaluate` and `merge` print and write.
#pragma once

#include <iostream>
#include <nniesim/debug/evaluation_html.hpp>
#include <nniesim/debug/evaluation_json.hpp>
#include <nniesim/debug/evaluation_summary.hpp>
#include <nniesim/debug/evaluation_text.hpp>
#include <nniesim/io/output_file.hpp>
#include <sstream>

#include "command.hpp"

namespace nnie_debug {

struct evaluation_output {
  std::string html, csv, json_file;
  bool as_json = false;
  double fail_below = -2;
  std::size_t worst = 10, resamples = 1000;

  void add_to(CLI::App& command) {
    command.add_option("--html", html, "write a report as one HTML page")->check(not_empty());
    command.add_option("--csv", csv, "write the tables to a file")->check(not_empty());
    command.add_option("--json-file", json_file, "write what --json prints to a file")->check(not_empty());
    command.add_flag("--json", as_json, "print JSON");
    command.add_option("--worst", worst, "how many of the worst pictures are named")
        ->check(CLI::Range(1, 10000))
        ->capture_default_str();
    command.add_option("--resamples", resamples, "resamples for the intervals; 0: none")
        ->check(CLI::Range(0, 1000000))
        ->capture_default_str();
    command.add_option("--fail-below", fail_below, "exit with 1 if a layer's mean cosine is below")
        ->check(between(-1, 1));
  }
  void require_files(const std::vector<std::filesystem::path>& read) const {
    for (const std::string& file : {html, csv, json_file}) require_output(file, read);
  }

  /// Prints the records' summary and writes the files; the exit code.
  [[nodiscard]] int print(evaluation_records& records, const executor& threads) const {
    summary_options o;
    o.bootstrap.resamples = resamples;
    o.worst_pictures = worst;
    o.threads = threads;
    const evaluation_summary s = summarize(records, o);
    write(html, s, write_evaluation_html);
    write(csv, s, write_evaluation_csv);
    if (as_json || !json_file.empty()) {
      std::ostringstream text;
      write_evaluation_json(text, s);
      const json j = json::parse(text.str());
      if (!json_file.empty()) detail::write_whole_file(json_file, json_text(j));
      if (as_json) print_json(j);
    }
    if (!as_json) print_evaluation(std::cout, s);
    detail::require<error>(s.evaluated != 0 || s.bad == 0, "none of the ", s.bad, " pictures could be evaluated");
    for (const evaluated_layer& l : s.layers) {
      const bool holds = l.cosine.summary.count != 0 && l.cosine.summary.mean.value >= fail_below;
      if (fail_below >= -1 && !holds) return below_threshold;
    }
    return passed;
  }

 private:
  static void write(const std::string& file, const evaluation_summary& s,
                    void (*writes)(std::ostream&, const evaluation_summary&)) {
    if (file.empty()) return;
    output_file out(file);
    writes(out.stream(), s);
    out.commit();
  }
};

/// The name of a file for records that are not to stay, gone with the object.
class temporary_records {
 public:
  temporary_records() {
    std::error_code problem;
    const std::filesystem::path folder = std::filesystem::temp_directory_path(problem);
    detail::require<error>(!problem, "no folder for temporary files: ", problem.message(), "; set TMPDIR");
    const int made = detail::make_temporary(folder, path_, [](const std::filesystem::path& as) {
      return detail::raw_file().open(as, detail::raw_file::how::create, 0600);
    });
    detail::require<error>(made == 0, folder.string(), ": no temporary file can be made: ", detail::system_text(made));
  }
  temporary_records(const temporary_records&) = delete;
  temporary_records& operator=(const temporary_records&) = delete;
  ~temporary_records() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace nnie_debug
