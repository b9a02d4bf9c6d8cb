// What the tool's commands share: where a network and its inputs come from, progress, exit codes, JSON.
#pragma once

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <nniesim/io/caffe_import.hpp>
#include <nniesim/io/calibration_file.hpp>
#include <nniesim/io/preprocess.hpp>
#include <nniesim/kernels/thread_pool.hpp>
#include <nniesim/network/calibrate.hpp>
#include <nniesim/network/fold.hpp>
#include <optional>
#include <string>
#include <vector>

namespace nnie_debug {

using namespace nniesim;
using json = nlohmann::ordered_json;

/// What the process returns; CLI11's own errors of usage become `failed` too.
enum exit_code : int {
  passed = 0,
  below_threshold = 1,  ///< a comparison misses what --fail-below asks for
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

/// Text for a terminal or JSON whose strings need not be UTF-8.
inline void print_json(const json& j) {
  std::printf("%s\n", j.dump(1, ' ', false, json::error_handler_t::replace).c_str());
}

/// A bar on standard error, for work of a known number of steps; silent where that is no terminal.
class progress {
 public:
  progress(std::string what, std::size_t steps) : what_(std::move(what)), steps_(steps) { show(); }
  ~progress() {
    if (is_shown()) std::fputs("\r\033[K", stderr);
  }
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;
  void step() {
    ++done_;
    show();
  }

 private:
  static bool is_shown() { return isatty(STDERR_FILENO) != 0; }
  void show() const {
    if (!is_shown()) return;
    const std::size_t width = 30;
    const std::size_t full = steps_ == 0 ? width : done_ * width / steps_;
    std::fprintf(stderr, "\r%s [%s%s] %zu/%zu", what_.c_str(), std::string(full, '#').c_str(),
                 std::string(width - full, ' ').c_str(), done_, steps_);
    std::fflush(stderr);
  }
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
  void add_to(CLI::App& command, bool with_inputs) {
    auto* with_cfg =
        command.add_option("--cfg", cfg, "the compiler's cfg: names network, pictures, preprocessing, mode")
            ->check(CLI::ExistingFile);
    command.add_option("--prototxt", prototxt, "network; with --caffemodel, in place of a cfg")
        ->check(CLI::ExistingFile)
        ->excludes(with_cfg);
    command.add_option("--caffemodel", caffemodel, "its weights")->check(CLI::ExistingFile)->excludes(with_cfg);
    if (!with_inputs) return;
    command
        .add_option("--picture", pictures, "one file for each input of the network: a picture, or .npy of its shape")
        ->check(CLI::ExistingFile);
    command.add_option("--rgb-order", order, "order of channels given to the network, without a cfg")
        ->check(CLI::IsMember({"RGB", "BGR"}))
        ->excludes(with_cfg)
        ->capture_default_str();
    command
        .add_option("--norm-type", norm_type, "0 none, 1 mean image, 2 channel means, 3 scale, 4 and 5 both; no cfg")
        ->check(CLI::Range(0, 5))
        ->excludes(with_cfg)
        ->capture_default_str();
    command.add_option("--mean-file", mean_file, "of --norm-type 1, 2, 4 and 5")
        ->check(CLI::ExistingFile)
        ->excludes(with_cfg);
    command.add_option("--data-scale", data_scale, "of --norm-type 3, 4 and 5")
        ->excludes(with_cfg)
        ->capture_default_str();
    command.add_option("--threads", threads, "threads; the results are the same bits for any number")
        ->check(CLI::Range(1, 1024))
        ->capture_default_str();
  }
};

/// A network, as the compiler quantizes it, and its inputs.
class loaded_network {
 public:
  loaded_network(const network_options& o, bool with_inputs) : pool_(o.threads), pictures_(o.pictures) {
    detail::require<error>(!o.cfg.empty() || (!o.prototxt.empty() && !o.caffemodel.empty()),
                           "no network given: expected --cfg, or --prototxt and --caffemodel");
    if (o.cfg.empty()) {
      cfg_.prototxt_file = {o.prototxt, o.prototxt};
      cfg_.caffemodel_file = {o.caffemodel, o.caffemodel};
    } else {
      cfg_ = read_compiler_cfg(o.cfg);
    }
    original_ = read_caffe_network(cfg_.prototxt_file.path, cfg_.caffemodel_file.path);
    net_ = fold_batch_norm(original_);
    for (const layer& l : net_.layers) {
      if (std::holds_alternative<layers::input>(l.params)) inputs_.push_back(l.outputs[0]);
    }
    if (!with_inputs) return;
    if (o.cfg.empty()) {
      detail::require<error>(!o.pictures.empty(), "no input given: expected --picture, or a --cfg with its lists");
      cfg_input input;
      input.norm_type = static_cast<cfg_norm_type>(o.norm_type);
      input.order = o.order == "RGB" ? channel_order::rgb : channel_order::bgr;
      input.data_scale = o.data_scale;
      const bool uses_mean = uses_mean_image(input.norm_type) || uses_channel_means(input.norm_type);
      detail::require<error>(uses_mean == !o.mean_file.empty(), "--norm-type ", o.norm_type,
                             uses_mean ? " needs a --mean-file" : " takes no --mean-file");
      if (uses_mean) input.mean_file = cfg_path{o.mean_file, o.mean_file};
      cfg_.inputs.assign(inputs_.size(), input);
    }
    detail::require<error>(cfg_.inputs.size() == inputs_.size(), cfg_.file, ": ", cfg_.inputs.size(),
                           " inputs, the network has ", inputs_.size());
    detail::require<error>(pictures_.empty() || pictures_.size() == inputs_.size(), pictures_.size(),
                           " times --picture, expected one for each of the network's ", inputs_.size(), " inputs");
    if (o.cfg.empty()) return;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      lists_.emplace_back(cfg_.inputs[i], net_.blobs[inputs_[i]].shape);
      detail::require<error>(lists_[i].size() == lists_[0].size(), cfg_.inputs[i].image_list.path.string(), ": ",
                             lists_[i].size(), " entries, the first input's list has ", lists_[0].size());
    }
  }

  [[nodiscard]] const network& net() const noexcept { return net_; }
  /// Before BatchNorm and Scale were folded.
  [[nodiscard]] const network& original() const noexcept { return original_; }
  [[nodiscard]] const compiler_cfg& cfg() const noexcept { return cfg_; }
  [[nodiscard]] executor threads() { return pool_.handle(); }

  /// Entries of the cfg's lists; 0 without a cfg.
  [[nodiscard]] std::size_t listed() const { return lists_.empty() ? 0 : lists_[0].size(); }
  [[nodiscard]] std::vector<tensor<float>> listed_inputs(std::size_t index) const {
    std::vector<tensor<float>> result;
    for (const input_source& list : lists_) result.push_back(list[index]);
    return result;
  }
  /// What is compared: the pictures given by name, else the lists' last entries, which the compiler dumps.
  [[nodiscard]] std::vector<tensor<float>> chosen_inputs() const {
    if (pictures_.empty()) return listed_inputs(listed() - 1);
    std::vector<tensor<float>> result;
    for (std::size_t i = 0; i < pictures_.size(); ++i) {
      const tensor_shape& shape = net_.blobs[inputs_[i]].shape;
      if (std::filesystem::path(pictures_[i]).extension() == ".npy") {
        result.push_back(detail::read_npy_input(pictures_[i], shape));
      } else {
        result.push_back(picture_transform(cfg_.inputs[i], shape)(read_image(pictures_[i])));
      }
    }
    return result;
  }
  /// The file that each of them comes from; empty for one line of a file of feature maps.
  [[nodiscard]] std::vector<std::filesystem::path> chosen_files() const {
    std::vector<std::filesystem::path> result(pictures_.begin(), pictures_.end());
    if (!result.empty()) return result;
    for (const input_source& list : lists_) result.push_back(list.file(listed() - 1));
    return result;
  }
  [[nodiscard]] std::string chosen_name() const {
    if (!pictures_.empty()) return pictures_[0];
    const std::filesystem::path file = lists_[0].file(listed() - 1);
    return file.empty() ? cfg_.inputs[0].image_list.text + ", entry " + std::to_string(listed()) : file.string();
  }

  /// Ranges over the cfg's lists, or of the chosen pictures without a cfg.
  [[nodiscard]] activation_ranges calibrate() { return calibrate(net_); }
  /// The same of a network with other constants.
  [[nodiscard]] activation_ranges calibrate(const network& net) {
    calibrator c(net, threads());
    const std::size_t count = std::max<std::size_t>(listed(), 1);
    progress bar("calibrating", count);
    for (std::size_t i = 0; i < count; ++i) {
      add_to(c, listed() == 0 ? chosen_inputs() : listed_inputs(i));
      bar.step();
    }
    return c.ranges();
  }

  static std::vector<tensor_view<const float>> views(const std::vector<tensor<float>>& inputs) {
    std::vector<tensor_view<const float>> result;
    for (const auto& t : inputs) result.push_back(view_of(t));
    return result;
  }

 private:
  static void add_to(calibrator& c, const std::vector<tensor<float>>& inputs) { c.add(views(inputs)); }

  thread_pool pool_;
  compiler_cfg cfg_;
  network original_, net_;
  std::vector<std::size_t> inputs_;  // blobs
  std::vector<input_source> lists_;
  std::vector<std::string> pictures_;
};

}  // namespace nnie_debug
