// What the tool's commands share: where a network and its inputs come from, progress, exit codes, JSON.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <nniesim/io/caffe_import.hpp>
#include <nniesim/io/calibration_file.hpp>
#include <nniesim/io/preprocess.hpp>
#include <nniesim/kernels/thread_pool.hpp>
#include <nniesim/network/layer.hpp>
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

  /// `with_inputs`: pictures and their preprocessing can be given.
  void add_to(CLI::App& command, bool with_inputs);
  [[nodiscard]] bool is_given() const { return !cfg.empty() || !prototxt.empty() || !caffemodel.empty(); }
  CLI::Option *picture_option = nullptr, *scale_option = nullptr, *threads_option = nullptr;
};

/// A network, as the compiler quantizes it, and its inputs.
class loaded_network {
 public:
  loaded_network(const network_options& o, bool with_inputs);

  [[nodiscard]] const network& net() const noexcept { return net_; }
  /// Before BatchNorm and Scale were folded.
  [[nodiscard]] const network& original() const noexcept { return original_; }
  [[nodiscard]] const compiler_cfg& cfg() const noexcept { return cfg_; }
  [[nodiscard]] executor threads() { return pool_->handle(); }
  /// The number that was given, else the cfg's.
  [[nodiscard]] compile_mode mode(const std::string& given) const;

  /// Entries of the cfg's lists; 0 without a cfg.
  [[nodiscard]] std::size_t listed() const { return lists_.empty() ? 0 : lists_[0].size(); }
  [[nodiscard]] std::vector<tensor<float>> listed_inputs(std::size_t index) const;
  /// What is compared: the pictures given by name, else the lists' last entries, which the compiler dumps.
  [[nodiscard]] std::vector<tensor<float>> chosen_inputs() const;
  /// The file that each of them comes from; empty for one line of a file of feature maps.
  [[nodiscard]] std::vector<std::filesystem::path> chosen_files() const;
  [[nodiscard]] std::string chosen_name() const;
  /// Whether all of them are made from pictures, as the cfg says, rather than read as they are.
  [[nodiscard]] bool has_pictures() const;
  /// The network's own files and the cfg.
  [[nodiscard]] std::vector<std::filesystem::path> network_files() const;

  /// Those of a file of ranges, or, without one, over the cfg's lists, or of the chosen pictures without a cfg, of
  /// the network as the plan quantizes it.
  [[nodiscard]] activation_ranges ranges(const std::string& file, const precision_plan& plan);
  /// Over the cfg's lists, of a network with other constants, as the plan quantizes it.
  [[nodiscard]] activation_ranges calibrate(const network& net, const precision_plan& plan);

  static std::vector<tensor_view<const float>> views(const std::vector<tensor<float>>& inputs);

 private:
  std::unique_ptr<thread_pool> pool_;
  compiler_cfg cfg_;
  network original_, net_;
  std::vector<std::size_t> inputs_;  // blobs
  std::vector<input_source> lists_;
  std::vector<std::string> pictures_;
};

}  // namespace nnie_debug
