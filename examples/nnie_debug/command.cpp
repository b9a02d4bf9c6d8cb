#include "command.hpp"

#include <unistd.h>

#include <nniesim/debug/markup.hpp>
#include <nniesim/debug/user_command.hpp>
#include <nniesim/debug/wk_calibration.hpp>
#include <nniesim/io/gfpq_param_file.hpp>
#include <nniesim/io/output_file.hpp>
#include <nniesim/network/calibrate.hpp>
#include <nniesim/network/fold.hpp>

namespace nnie_debug {

std::string printable_lines(std::string_view text) {
  std::string lines;
  for (std::size_t end = 0; (end = text.find('\n')) != std::string_view::npos; text.remove_prefix(end + 1)) {
    lines += printable(text.substr(0, end)) + '\n';
  }
  return lines + printable(text);
}

void print_json(const json& j) { std::printf("%s\n", j.dump(1, ' ', false, json::error_handler_t::replace).c_str()); }

std::string text_of(const activation_ranges& ranges, const std::string& file) {
  const std::string from = file.empty() ? "" : " (" + file + ")";
  const std::string over = detail::concat(" over ", ranges.pictures, " picture(s)", from);
  switch (ranges.rule) {
    case range_rule::quantized: return "largest magnitudes of the network in " + ranges.precision + over;
    case range_rule::floating: return "largest magnitudes of the float network" + over;
    case range_rule::given: break;
  }
  return "given scales" + from;
}

json as_json(const activation_ranges& ranges, const std::string& file) {
  return {{"file", file.empty() ? json(nullptr) : json(file)},
          {"rule", to_string(ranges.rule)},
          {"precision", ranges.precision.empty() ? json(nullptr) : json(ranges.precision)},
          {"pictures", ranges.pictures},
          {"blobs", ranges.blobs.size()}};
}

json as_json(const std::optional<batch_norm_choice>& choice) {
  if (!choice) return nullptr;
  json outputs = json::array();
  for (const batch_norm_output& o : choice->outputs) {
    outputs.push_back({{"output", o.name}, {"cosine_kept", o.kept}, {"cosine_merged", o.merged}});
  }
  return {
      {"kept_rule", to_string(choice->kept_rule)}, {"cosine_kept", choice->kept},  {"cosine_merged", choice->merged},
      {"better", to_string(choice->better())},     {"matters", choice->matters()}, {"outputs", outputs}};
}

std::string text_of(const std::optional<batch_norm_choice>& choice) {
  if (!choice || !choice->matters()) return "";
  const bool merge = choice->better() == batch_norm_rule::merged;
  std::array<char, 160> cosines{};
  (void)std::snprintf(cosines.data(), cosines.size(), "the worst output's cosine is %.6f merged and %.6f not merged",
                      choice->merged, choice->kept);
  return std::string(merge ? "merge BatchNorm into the weights before compiling: "
                           : "do not merge BatchNorm into the weights before compiling: ") +
         cosines.data();
}

void print_remarks(const std::vector<std::string>& remarks) {
  for (const std::string& line : remarks) std::cout << printable(line) << '\n';
}

void add_calibration_to(CLI::App& command, std::string& file) {
  command
      .add_option("--calibration", file,
                  "ranges from `calibrate`, or a compiled model (.wk), whose scales are taken; else derived from the "
                  "cfg's lists")
      ->check(CLI::ExistingFile);
}

void add_mode_to(CLI::App& command, std::string& mode) {
  command.add_option("--mode", mode, "compile_mode: 0 all 8 bits, 1 all 16, 2 layers named _hp 16; else the cfg's")
      ->check(CLI::IsMember({"0", "1", "2"}));
}

CLI::Validator between(double low, double high) {
  const std::string range = "[" + detail::number_text(low) + " .. " + detail::number_text(high) + "]";
  return {[=](std::string& text) {
            double value = 0;
            const bool is_number = CLI::detail::lexical_cast(text, value);
            return is_number && value >= low && value <= high ? std::string() : text + " is not in " + range;
          },
          range};
}

CLI::Validator not_empty() {
  return {[](std::string& text) { return text.empty() ? std::string("is empty") : std::string(); }, "TEXT"};
}

void require_output(const std::string& file, const std::vector<std::filesystem::path>& read) {
  if (file.empty()) return;
  const detail::output_place place = detail::place_of_output(file);
  const std::filesystem::path folder = place.path.has_parent_path() ? place.path.parent_path() : ".";
  std::error_code ignored;
  if (!place.descriptor) {
    detail::require<error>(std::filesystem::is_directory(folder, ignored), file,
                           ": cannot be written: ", folder.string(), " is no folder");
    const auto check = [&](const std::filesystem::path& p) {
      detail::require<error>(access(p.c_str(), W_OK) == 0, file, ": cannot be written: ", p.string(), ": ",
                             detail::system_text(errno));
    };
    if (!place.is_direct) check(folder);
    if (place.is_direct || place.old_permissions) check(place.path);
  }
  for (const std::filesystem::path& input : read) {
    detail::require<error>(!std::filesystem::equivalent(file, input, ignored), file,
                           ": would be written over, and it is read; name another file");
  }
}

namespace {

bool has_terminal() { return isatty(STDERR_FILENO) != 0; }

/// Signals are for the main thread, which waits for users' commands.
std::unique_ptr<thread_pool> pool_of(std::size_t threads) {
  const held_signals held;
  auto pool = std::make_unique<thread_pool>(threads);
  if (pool->size() < threads) {
    std::cerr << "nnie-debug: the system gave " << pool->size() << " of " << threads
              << " threads; slower, same results\n";
  }
  return pool;
}

}  // namespace

progress::progress(std::string what, std::size_t steps) : what_(std::move(what)), steps_(steps) { show(); }
progress::~progress() {
  if (has_terminal()) std::fputs("\r\033[K", stderr);
}
void progress::at(std::size_t done, std::size_t steps) {
  done_ = done;
  steps_ = steps;
  show();
}
void progress::show() const {
  if (!has_terminal()) return;
  const std::size_t width = 30;
  const std::size_t full = steps_ == 0 ? width : std::min(width, done_ * width / steps_);
  std::fprintf(stderr, "\r%s [%s%s] %zu/%zu", what_.c_str(), std::string(full, '#').c_str(),
               std::string(width - full, ' ').c_str(), done_, steps_);
  std::fflush(stderr);
}

void network_options::add_batch_norm_to(CLI::App& command) {
  auto* merge = command.add_flag("--merge-batch-norm", merge_batch_norm,
                                 "multiply BatchNorm and Scale into the weights before they are encoded, as if they "
                                 "had been merged before compiling; else they are in the layer's multiplier");
  command.add_flag("--own-batch-norm", own_batch_norm, "keep them as layers of their own, as compilers of 2018 do")
      ->excludes(merge);
}

void network_options::add_to(CLI::App& command, bool with_inputs) {
  auto* with_cfg = command.add_option("--cfg", cfg, "the compiler's cfg: names network, pictures, preprocessing, mode")
                       ->check(CLI::ExistingFile);
  command.add_option("--prototxt", prototxt, "network; with --caffemodel, in place of a cfg")
      ->check(CLI::ExistingFile)
      ->excludes(with_cfg);
  command.add_option("--caffemodel", caffemodel, "its weights")->check(CLI::ExistingFile)->excludes(with_cfg);
  add_batch_norm_to(command);
  if (!with_inputs) return;
  picture_option =
      command
          .add_option("--picture", pictures, "one file for each input of the network: a picture, or .npy of its shape")
          ->check(CLI::ExistingFile);
  command.add_option("--rgb-order", order, "order of channels given to the network, without a cfg")
      ->check(CLI::IsMember({"RGB", "BGR"}))
      ->excludes(with_cfg)
      ->capture_default_str();
  command.add_option("--norm-type", norm_type, "0 none, 1 mean image, 2 channel means, 3 scale, 4 and 5 both; no cfg")
      ->check(CLI::Range(0, 5))
      ->excludes(with_cfg)
      ->capture_default_str();
  command.add_option("--mean-file", mean_file, "of --norm-type 1, 2, 4 and 5")
      ->check(CLI::ExistingFile)
      ->excludes(with_cfg);
  scale_option = command.add_option("--data-scale", data_scale, "of --norm-type 3, 4 and 5")
                     ->excludes(with_cfg)
                     ->check(between(1.0 / 4096, 1e30))
                     ->capture_default_str();
  threads_option = command.add_option("--threads", threads, "threads; the results are the same bits for any number")
                       ->check(CLI::Range(1, 1024))
                       ->capture_default_str();
}

loaded_network::loaded_network(const network_options& o, bool with_inputs, const arithmetic_rules& rules)
    : batch_norm_(o.batch_norm()), rules_(rules), pool_(pool_of(o.threads)), pictures_(o.pictures) {
  detail::require<error>(!o.cfg.empty() || (!o.prototxt.empty() && !o.caffemodel.empty()),
                         "no network given: expected --cfg, or --prototxt and --caffemodel");
  if (o.cfg.empty()) {
    cfg_.prototxt_file = {o.prototxt, o.prototxt};
    cfg_.caffemodel_file = {o.caffemodel, o.caffemodel};
  } else {
    cfg_ = read_compiler_cfg(o.cfg);
  }
  if (!o.cfg.empty()) {
    require_located(cfg_.prototxt_file, "the cfg's [prototxt_file]");
    require_located(cfg_.caffemodel_file, "the cfg's [caffemodel_file]");
    for (const cfg_path& file : cfg_.roi_coordinate_file) require_located(file, "the cfg's [roi_coordinate_file]");
    if (cfg_.gfpq_param_file) require_located(*cfg_.gfpq_param_file, "the cfg's [gfpq_param_file]");
  }
  original_ = read_caffe_network(cfg_.prototxt_file.path, cfg_.caffemodel_file.path);
  net_ = compiled(original_);
  if (batch_norm_ == batch_norm_rule::merged) {
    remark("BatchNorm and Scale are merged into the weights before they are encoded, not in the multipliers");
  } else if (batch_norm_ == batch_norm_rule::own_layers) {
    remark("BatchNorm and Scale are layers of their own, not in the multipliers of the layers before them");
  }
  note_options();
  for (const layer& l : net_.layers) {
    if (std::holds_alternative<layers::input>(l.params)) inputs_.push_back(l.outputs[0]);
  }
  if (!with_inputs) return;
  // Before inputs of its shapes are made: the least that any command needs.
  require_memory(net_, need_of_memory(net_, float_plan(net_), false, {}, pool_->size()), machine_memory());
  if (o.cfg.empty()) {
    detail::require<error>(!o.pictures.empty(), "no input given: expected --picture, or a --cfg with its lists");
    cfg_input input;
    input.norm_type = static_cast<cfg_norm_type>(o.norm_type);
    input.order = o.order == "RGB" ? channel_order::rgb : channel_order::bgr;
    input.data_scale = o.data_scale;
    const bool uses_mean = uses_mean_image(input.norm_type) || uses_channel_means(input.norm_type);
    detail::require<error>(uses_mean == !o.mean_file.empty(), "--norm-type ", o.norm_type,
                           uses_mean ? " needs a --mean-file" : " takes no --mean-file");
    detail::require<error>(uses_data_scale(input.norm_type) || o.scale_option == nullptr || o.scale_option->empty(),
                           "--data-scale is for --norm-type 3, 4 and 5");
    if (uses_mean) input.mean_file = cfg_path{o.mean_file, o.mean_file};
    cfg_.inputs.assign(inputs_.size(), input);
  }
  detail::require<error>(cfg_.inputs.size() == inputs_.size(), cfg_.file, ": ", cfg_.inputs.size(),
                         " inputs, the network has ", inputs_.size());
  detail::require<error>(pictures_.empty() || pictures_.size() == inputs_.size(), pictures_.size(),
                         " times --picture, expected one for each of the network's ", inputs_.size(), " inputs");
  if (o.cfg.empty()) return;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    require_located(cfg_.inputs[i].image_list, "the cfg's [image_list]");
    if (cfg_.inputs[i].mean_file) require_located(*cfg_.inputs[i].mean_file, "the cfg's [mean_file]");
    lists_.emplace_back(cfg_.inputs[i], net_.blobs[inputs_[i]].shape);
    detail::require<error>(lists_[i].size() == lists_[0].size(), cfg_.inputs[i].image_list.path.string(), ": ",
                           lists_[i].size(), " entries, the first input's list has ", lists_[0].size());
  }
}

std::vector<tensor<float>> loaded_network::listed_inputs(std::size_t index) const {
  std::vector<tensor<float>> result;
  for (const input_source& list : lists_) result.push_back(list[index]);
  return result;
}

std::vector<tensor<float>> loaded_network::chosen_inputs() const {
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

std::vector<std::filesystem::path> loaded_network::chosen_files() const {
  std::vector<std::filesystem::path> result(pictures_.begin(), pictures_.end());
  if (!result.empty()) return result;
  for (const input_source& list : lists_) result.push_back(list.file(listed() - 1));
  return result;
}

bool loaded_network::has_pictures() const {
  const auto files = chosen_files();
  return std::none_of(files.begin(), files.end(),
                      [](const std::filesystem::path& file) { return file.empty() || file.extension() == ".npy"; });
}

picture_lists loaded_network::pictures() const {
  picture_lists all;
  all.count = listed();
  all.chosen = pictures_.empty() && all.count != 0 ? all.count - 1 : all.count;
  all.name = [this](std::size_t entry) {
    const std::filesystem::path file = lists_.empty() ? std::filesystem::path() : lists_[0].file(entry);
    return file.empty() ? "entry " + std::to_string(entry + 1) : file.filename().string();
  };
  all.read = [this](std::size_t input, std::size_t entry) -> std::optional<image> {
    const std::filesystem::path file = entry < listed()           ? lists_.at(input).file(entry)
                                       : input < pictures_.size() ? std::filesystem::path(pictures_[input])
                                                                  : std::filesystem::path();
    if (file.empty() || file.extension() == ".npy") return std::nullopt;
    return read_image(file);
  };
  if (all.count != 0) all.inputs = [this](std::size_t entry) { return listed_inputs(entry); };
  return all;
}

std::vector<std::filesystem::path> loaded_network::network_files() const {
  std::vector<std::filesystem::path> files = {cfg_.prototxt_file.path, cfg_.caffemodel_file.path};
  if (!cfg_.file.empty()) files.emplace_back(cfg_.file);
  return files;
}

std::string loaded_network::chosen_name() const {
  if (!pictures_.empty()) return pictures_[0];
  const std::filesystem::path file = lists_[0].file(listed() - 1);
  return file.empty() ? cfg_.inputs[0].image_list.text + ", entry " + std::to_string(listed()) : file.string();
}

compile_mode loaded_network::mode(const std::string& given) const {
  return given.empty() ? cfg_.mode : compile_mode_of(std::stoi(given));
}

activation_ranges loaded_network::ranges(const std::string& file, const precision_plan& plan, bool tries_widths) {
  if (file.empty() && cfg_.gfpq_param_file) return ranges_of_gfpq_file(*cfg_.gfpq_param_file, plan, tries_widths);
  if (file.empty()) return calibrate(net_, plan);
  const std::string bytes = detail::read_whole_file(file, wk_default_limit, "ranges or a compiled model");
  if (may_be_wk(bytes)) return ranges_of_model(bytes, file, plan, tries_widths);
  const std::size_t first = bytes.find_first_not_of(" \t\r\n");
  detail::require<error>(first != std::string::npos && bytes[first] == '{', file,
                         ": got neither ranges (the JSON that `calibrate` writes) nor a compiled model (.wk)");
  std::string note;
  activation_ranges ranges = parse_calibration(bytes, file, net_, &note);
  if (!note.empty()) remark(note);
  for (const std::string& name : missing_ranges(net_, plan, ranges)) {
    detail::require<error>(ranges.blobs.contains(name), file, ": no range for the blob of layer ",
                           detail::excerpt(name), ", expected ranges of this network");
    throw error(detail::concat(
        file, ": the blob of layer ", detail::excerpt(name), " has a scale of ",
        ranges.blobs.at(name).in_8bit ? gfpq8::name : gfpq16::name,
        " alone, expected one of the other width or its largest magnitude: ", "they are for another compile_mode"));
  }
  if (note.empty()) remark_rule(ranges, file, plan);
  return ranges;
}

activation_ranges loaded_network::ranges_of_gfpq_file(const cfg_path& file, const precision_plan& plan,
                                                      bool tries_widths) {
  const std::string name = file.path.string();
  const std::string bytes = detail::read_whole_file(file.path, json_limits{}.bytes, "a gfpq_param_file");
  if (bytes.find("\"format\"") != std::string::npos) return ranges(name, plan, tries_widths);  // as calibrate writes it
  gfpq_params given = parse_gfpq_params(bytes, name, net_);
  if (!given.unknown.empty()) {
    remark(detail::concat(name, ": ", given.unknown.size(), " layer(s) are not in the network, such as ",
                          detail::excerpt(given.unknown.front())));
  }
  activation_ranges all = calibrate(net_, plan);
  all.rule = range_rule::given;
  for (const auto& [blob, range] : given.ranges.blobs) all.blobs[blob] = range;
  remark(detail::concat(name, ": the ranges of ", given.ranges.blobs.size(),
                        " blob(s) are taken from the cfg's [gfpq_param_file], the others from its pictures"));
  return all;
}

/// Every key of the cfg is simulated, or named.
void loaded_network::note_options() {
  const auto not_simulated = [&](const auto&... what) {
    not_simulated_.push_back(detail::concat("not simulated: ", cfg_.file, ": ", what...));
    remark(not_simulated_.back());
  };
  if (cfg_.sparse_rate != 0.0F) {
    not_simulated("[sparse_rate] ", cfg_.sparse_rate,
                  ": the compiler sets that share of the weights of inner products ",
                  "to zero, which changes their results");
  }
  if (!cfg_.roi_coordinate_file.empty()) {
    not_simulated("[roi_coordinate_file]: regions of interest come from the network's own layers here");
  }
  if (cfg_.net_type != 0) {
    not_simulated("[net_type] ", cfg_.net_type, ": layers run as the prototxt has them, whatever the type");
  }
  for (const cfg_entry& e : cfg_.irrelevant) {
    remark(detail::concat(cfg_.file, ":", e.line, ": [", e.key, "] changes no result here"));
  }
}

void loaded_network::remark_rule(const activation_ranges& ranges, const std::string& file, const precision_plan& plan) {
  if (ranges.rule == range_rule::floating) {
    remark(file + ": ranges of the float network; compiled models agree better with those of the quantized one " +
           "(calibrate --ranges quantized)");
  } else if (ranges.rule == range_rule::quantized && ranges.precision != plan_name(plan)) {
    remark(detail::concat(file, ": ranges of the network in ", ranges.precision, ", this run is ", plan_name(plan),
                          ": the compiler's differ a little (calibrate --mode)"));
  }
}

activation_ranges loaded_network::ranges_of_model(const std::string& bytes, const std::string& file,
                                                  const precision_plan& plan, bool tries_widths) {
  wk_calibration from_model = wk_calibration_of(parse_wk(bytes, file), original_, net_, plan);
  const auto list = [](const std::vector<std::string>& names) {
    std::string text;
    for (std::size_t i = 0; i < names.size() && i < 5; ++i) text += (i == 0 ? "" : ", ") + detail::excerpt(names[i]);
    return text + (names.size() > 5 ? ", ..." : "");
  };
  if (!from_model.foreign.empty()) {
    remark(detail::concat(file, ": ", from_model.foreign.size(), " layer(s) have no weight block equal to this ",
                          "network's: ", list(from_model.foreign), "; if the model is made of other weights, its ",
                          "scales are not this network's (nnie-debug wk compares them)"));
  }
  const std::vector<std::string> missing = missing_ranges(net_, plan, from_model.ranges);
  const bool has_inputs = listed() != 0 || !pictures_.empty();
  if ((missing.empty() && !tries_widths) || !has_inputs) return from_model.ranges;
  const activation_ranges seen = calibrate(net_, plan);
  for (const std::string& name : missing) {
    activation_range& r = from_model.ranges.blobs[name];
    r.largest = seen.blobs.at(name).largest;
    r.had_zeros = seen.blobs.at(name).had_zeros;
  }
  from_model.ranges.pictures = seen.pictures;
  if (tries_widths) {
    for (auto& [name, r] : from_model.ranges.blobs) {
      const auto found = seen.blobs.find(name);
      if (found == seen.blobs.end()) continue;
      r.largest = found->second.largest;
      r.had_zeros = found->second.had_zeros;
    }
    remark(detail::concat(file, ": where layers are tried in another width, their scales come from ", seen.pictures,
                          " picture(s)"));
  }
  if (missing.empty()) return from_model.ranges;
  remark(detail::concat(file, ": it does not tell the scale of ", missing.size(), " blob(s), which come from ",
                        seen.pictures, " picture(s): ", list(missing)));
  return from_model.ranges;
}

std::optional<batch_norm_choice> loaded_network::choose(
    const std::vector<tensor_view<const float>>& inputs, const activation_ranges& ranges, const std::string& file,
    compile_mode mode, const std::function<precision_plan(precision_plan)>& with_accumulator, policy_set policies) {
  const network original = with_arithmetic(original_, rules_);
  return choose_batch_norm(
      {.original = original,
       .inputs = inputs,
       .plan_for = [&](const network& net) { return with_accumulator(plan_of(net, mode)); },
       .ranges_for =
           [&](const network& net, batch_norm_rule rule) {
             const bool is_known = !file.empty() || rule == batch_norm_;
             return is_known ? ranges : calibrate(net, plan_of(net, mode));
           },
       .kept = batch_norm_ == batch_norm_rule::own_layers ? batch_norm_rule::own_layers : batch_norm_rule::fused,
       .threads = threads(),
       .policies = std::move(policies)});
}

activation_ranges loaded_network::calibrate(const network& net, const precision_plan& plan, range_rule rule,
                                            policy_set policies) {
  calibrator c(net, plan, rule, threads(), std::move(policies));
  const std::size_t count = std::max<std::size_t>(listed(), 1);
  progress bar("calibrating", count);
  for (std::size_t i = 0; i < count; ++i) {
    c.add(views(listed() == 0 ? chosen_inputs() : listed_inputs(i)));
    bar.step();
  }
  return c.ranges();
}

std::vector<tensor_view<const float>> loaded_network::views(const std::vector<tensor<float>>& inputs) {
  std::vector<tensor_view<const float>> result;
  for (const auto& t : inputs) result.push_back(view_of(t));
  return result;
}

}  // namespace nnie_debug
