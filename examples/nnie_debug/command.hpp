// What the tool's commands share: where a network and its inputs come from, progress, exit codes, JSON.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <nniesim/debug/batch_norm_choice.hpp>
#include <nniesim/debug/compensate.hpp>
#include <nniesim/debug/laboratory.hpp>
#include <nniesim/io/caffe_import.hpp>
#include <nniesim/io/calibration_file.hpp>
#include <nniesim/io/preprocess.hpp>
#include <nniesim/kernels/thread_pool.hpp>
#include <nniesim/network/arithmetic.hpp>
#include <nniesim/network/fold.hpp>
#include <nniesim/network/layer.hpp>
#include <nniesim/network/precision_plan.hpp>
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

using detail::printable;  // names may come from files, and control characters in them are not to act on a terminal

/// The same of a text of several lines.
std::string printable_lines(std::string_view text);

/// JSON whose strings need not be UTF-8, on standard output.
void print_json(const json& j);

/// "largest magnitudes of the network in w8a8 over 20 picture(s)", "the scales of net.wk": `file` is what they were
/// read from, or empty.
std::string text_of(const activation_ranges& ranges, const std::string& file);
json as_json(const activation_ranges& ranges, const std::string& file);
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

/// Options that say which network is meant and what it is fed with.
struct network_options {
  std::string cfg, prototxt, caffemodel;
  std::vector<std::string> pictures;
  std::string order = "BGR", mean_file;
  int norm_type = 0;
  float data_scale = 1.0F / 256;
  std::size_t threads = 1;
  bool merge_batch_norm = false, own_batch_norm = false;

  /// `with_inputs`: pictures and their preprocessing can be given.
  void add_to(CLI::App& command, bool with_inputs);
  void add_batch_norm_to(CLI::App& command);
  [[nodiscard]] batch_norm_rule batch_norm() const {
    return merge_batch_norm ? batch_norm_rule::merged
           : own_batch_norm ? batch_norm_rule::own_layers
                            : batch_norm_rule::fused;
  }
  [[nodiscard]] bool is_given() const { return !cfg.empty() || !prototxt.empty() || !caffemodel.empty(); }
  CLI::Option *picture_option = nullptr, *scale_option = nullptr, *threads_option = nullptr;
};

/// A network, as the compiler quantizes it, and its inputs.
class loaded_network {
 public:
  loaded_network(const network_options& o, bool with_inputs, const arithmetic_rules& rules = {});

  [[nodiscard]] const network& net() const noexcept { return net_; }
  /// A network of files as this one is compiled: BatchNorm by the rule that was given, and the rules of arithmetic.
  [[nodiscard]] network compiled(network files) const { return compiled(std::move(files), batch_norm_); }
  [[nodiscard]] network compiled(network files, batch_norm_rule rule) const {
    return with_arithmetic(fold_batch_norm(std::move(files), rule), rules_);
  }
  [[nodiscard]] batch_norm_rule batch_norm() const noexcept { return batch_norm_; }
  /// Before BatchNorm and Scale were folded.
  [[nodiscard]] const network& original() const noexcept { return original_; }
  [[nodiscard]] const compiler_cfg& cfg() const noexcept { return cfg_; }
  [[nodiscard]] executor threads() { return pool_->handle(); }
  /// The number that was given, else the cfg's.
  [[nodiscard]] compile_mode mode(const std::string& given) const;

  /// Entries of the cfg's lists; 0 without a cfg.
  [[nodiscard]] std::size_t listed() const { return lists_.empty() ? 0 : lists_[0].size(); }
  [[nodiscard]] std::vector<tensor<float>> listed_inputs(std::size_t index) const;
  [[nodiscard]] picture_set listed_pictures() const {
    return {listed(), [this](std::size_t i) { return listed_inputs(i); }};
  }
  /// What is compared: the pictures given by name, else the lists' last entries, which the compiler dumps.
  [[nodiscard]] std::vector<tensor<float>> chosen_inputs() const;
  /// The file that each of them comes from; empty for one line of a file of feature maps.
  [[nodiscard]] std::vector<std::filesystem::path> chosen_files() const;
  [[nodiscard]] std::string chosen_name() const;
  /// Whether all of them are made from pictures, as the cfg says, rather than read as they are.
  [[nodiscard]] bool has_pictures() const;
  /// The lists' pictures, to be read again one by one. The object must outlive it.
  [[nodiscard]] picture_lists pictures() const;
  /// The network's own files and the cfg.
  [[nodiscard]] std::vector<std::filesystem::path> network_files() const;

  /// Those of a file of ranges or of a compiled model, or, without one, over the cfg's lists, or of the chosen pictures
  /// without a cfg, of the network as the plan quantizes it. What a compiled model does not tell comes from the
  /// pictures, where there are any; with `tries_widths` also what other widths than the plan's need of it. What the
  /// user is to know of it is among remarks(). Throws error for a file that is neither, and where it does not fit
  /// network and plan.
  [[nodiscard]] activation_ranges ranges(const std::string& file, const precision_plan& plan,
                                         bool tries_widths = false);
  /// Over the cfg's lists, of a network with other constants or folded otherwise, as the plan quantizes it.
  [[nodiscard]] activation_ranges calibrate(const network& net, const precision_plan& plan,
                                            range_rule rule = range_rule::quantized, policy_set policies = {});

  /// Whether merging BatchNorm before compiling helps this network on the chosen inputs; nothing where it has none.
  /// `file` is a file of ranges, which then are both networks'; else each is calibrated by itself, `ranges` being this
  /// one's. `plan_for` gives a folded network's plan with the policies' accumulator.
  [[nodiscard]] std::optional<batch_norm_choice> choose(
      const std::vector<tensor_view<const float>>& inputs, const activation_ranges& ranges, const std::string& file,
      compile_mode mode, const std::function<precision_plan(precision_plan)>& with_accumulator, policy_set policies);

  /// What is not as it is by default, and what is not simulated: lines for every verdict.
  [[nodiscard]] const std::vector<std::string>& remarks() const noexcept { return remarks_; }
  void remark(std::string line) { remarks_.push_back(std::move(line)); }
  /// Those of them that say what changes results and is not simulated: no verdict goes without.
  [[nodiscard]] const std::vector<std::string>& not_simulated() const noexcept { return not_simulated_; }

  static std::vector<tensor_view<const float>> views(const std::vector<tensor<float>>& inputs);

 private:
  [[nodiscard]] activation_ranges ranges_of_model(const std::string& bytes, const std::string& file,
                                                  const precision_plan& plan, bool tries_widths);
  /// Of the compiler's gfpq_param_file; what it does not tell comes from the lists.
  [[nodiscard]] activation_ranges ranges_of_gfpq_file(const cfg_path& file, const precision_plan& plan,
                                                      bool tries_widths);
  void note_options();
  void remark_rule(const activation_ranges& ranges, const std::string& file, const precision_plan& plan);

  batch_norm_rule batch_norm_ = batch_norm_rule::fused;
  arithmetic_rules rules_;
  std::vector<std::string> remarks_, not_simulated_;
  std::unique_ptr<thread_pool> pool_;
  compiler_cfg cfg_;
  network original_, net_;
  std::vector<std::size_t> inputs_;  // blobs
  std::vector<input_source> lists_;
  std::vector<std::string> pictures_;
};

}  // namespace nnie_debug
