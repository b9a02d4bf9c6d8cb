// What the tool's commands share: where a network and its inputs come from, progress, exit codes, JSON.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <nniesim/debug/loaded_network.hpp>
#include <nniesim/metrics/table.hpp>
#include <optional>
#include <string>
#include <vector>

namespace nnie_debug {

using namespace nniesim;
using json = nlohmann::ordered_json;

/// What the process returns; CLI11's own errors of usage become `failed` too.
enum exit_code : int {
  passed = 0,
  below_threshold = 1,  ///< a fault, a goal that is not reached, a comparison that misses --fail-below
  failed = 2,           ///< usage, or input that cannot be used
};

/// Every command adds itself to the app; what it returns when chosen goes into `result`.
void add_run(CLI::App& app, int& result);
void add_compare(CLI::App& app, int& result);
void add_calibrate(CLI::App& app, int& result);
void add_quantize(CLI::App& app, int& result);
void add_search(CLI::App& app, int& result);
void add_compensate(CLI::App& app, int& result);
void add_bundle(CLI::App& app, int& result);
void add_diagnose(CLI::App& app, int& result);
void add_info(CLI::App& app, int& result);
void add_wk(CLI::App& app, int& result);
void add_evaluate(CLI::App& app, int& result);
void add_merge(CLI::App& app, int& result);

using detail::printable;  // names may come from files, and control characters in them are not to act on a terminal

/// The same of a text of several lines.
std::string printable_lines(std::string_view text);

/// What was typed, for reports and JSON: set by main before anything runs.
void set_invocation(const CLI::App& app, int argc, const char* const* argv);
/// As a shell takes it.
std::string command_line();
/// Now, or SOURCE_DATE_EPOCH: "2026-11-30T12:00:00Z".
std::string date_text();
/// "0.4.0".
std::string version_text();

/// The members that all commands have (schema.json), then those of `j`. Strings need not be UTF-8; NaN and infinities
/// are null.
std::string json_text(const json& j);
/// The same on standard output.
void print_json(const json& j);

/// `file` is what they were read from, or empty.
json as_json(const activation_ranges& ranges, const std::string& file);
json as_json(const layer_table& table);
/// In the columns that fit the terminal.
void print_table(const layer_table& table);
json as_json(const std::optional<batch_norm_choice>& choice);
/// A line where it matters, else "".
std::string text_of(const std::optional<batch_norm_choice>& choice);
/// Each on a line of standard output.
void print_remarks(const std::vector<std::string>& remarks);

/// The option --calibration of a command.
void add_calibration_to(CLI::App& command, std::string& file);
/// The option --mode of a command.
void add_mode_to(CLI::App& command, std::string& mode);

/// A number of an option within limits, which NaN is not.
CLI::Validator between(double low, double high);
/// A text of an option that is not empty, as one from a variable that was never set is.
CLI::Validator not_empty();

/// Throws error unless a file can be written there and is none of those that are read, before the work is done. An
/// empty name is none.
void require_output(const std::string& file, const std::vector<std::filesystem::path>& read = {});

/// A bar on standard error, for work of a known number of steps; silent where that is no terminal.
class progress {
 public:
  progress(std::string what, std::size_t steps);
  ~progress();
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;
  void step() { at(done_ + 1, steps_); }
  /// `done` of what are now thought to be `steps`.
  void at(std::size_t done, std::size_t steps);

 private:
  void show() const;

  std::string what_;
  std::size_t steps_, done_ = 0;
};

/// A bar on standard error for each thing that takes long, from its first step to its last.
std::function<void(std::string_view what, std::size_t done, std::size_t of)> bars();

/// Options that say which network is meant and what it is fed with.
struct network_options {
  std::string cfg, prototxt, caffemodel;
  std::vector<std::string> pictures;
  std::string order = "BGR", mean_file;
  std::vector<std::size_t> raw_size;
  std::size_t raw_stride = 0;
  bool uv_order = false;
  int norm_type = 0;
  float data_scale = 1.0F / 256;
  std::size_t threads = 1;
  std::string stop_at;
  bool until_unsupported = false;
  std::vector<std::string> custom;
  bool may_lack_model = false;  ///< the command needs no weights: set before add_to()
  bool merge_batch_norm = false, own_batch_norm = false;

  /// `with_inputs`: pictures and their preprocessing can be given.
  void add_to(CLI::App& command, bool with_inputs);
  void add_batch_norm_to(CLI::App& command);
  void add_import_to(CLI::App& command);
  void add_raw_pictures_to(CLI::App& command);
  CLI::Option* add_cfg_to(CLI::App& command);
  [[nodiscard]] batch_norm_rule batch_norm() const {
    return merge_batch_norm ? batch_norm_rule::merged
           : own_batch_norm ? batch_norm_rule::own_layers
                            : batch_norm_rule::fused;
  }
  [[nodiscard]] bool is_given() const { return !cfg.empty() || !prototxt.empty() || !caffemodel.empty(); }
  /// With a bar for what takes long.
  [[nodiscard]] network_source source(const arithmetic_rules& rules) const;
  CLI::Option *picture_option = nullptr, *scale_option = nullptr, *threads_option = nullptr;
};

/// The network that the options mean.
class loaded_network : public nniesim::loaded_network {
 public:
  loaded_network(const network_options& o, bool with_inputs, const arithmetic_rules& rules = {})
      : nniesim::loaded_network(o.source(rules), with_inputs) {}
};

}  // namespace nnie_debug
