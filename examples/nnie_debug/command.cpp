#include "command.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <sstream>

#include <nniesim/core/version.hpp>
#include <nniesim/debug/markup.hpp>
#include <nniesim/io/output_file.hpp>

#include "terminal.hpp"
#include "user_command.hpp"

namespace nnie_debug {

std::string printable_lines(std::string_view text) {
  std::string lines;
  for (std::size_t end = 0; (end = text.find('\n')) != std::string_view::npos; text.remove_prefix(end + 1)) {
    lines += printable(text.substr(0, end)) + '\n';
  }
  return lines + printable(text);
}

namespace {

struct invocation {
  const CLI::App* app = nullptr;
  std::vector<std::string> words{};
};
invocation& typed() {
  static invocation i;
  return i;
}

/// As a word of a shell, in quotes where it needs them.
std::string shell_word(const std::string& word) {
  const bool is_plain = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("-_./=:,+@%").find(c) != std::string_view::npos;
  });
  if (is_plain) return word;
  std::string quoted = "'";
  for (const char c : word) quoted.append(c == '\'' ? "'\\''" : std::string(1, c));
  return quoted + "'";
}

}  // namespace

void set_invocation(const CLI::App& app, int argc, const char* const* argv) {
  typed() = {&app, std::vector<std::string>(argv + std::min(argc, 1), argv + argc)};
}

std::string command_line() {
  std::string line = "nnie-debug";
  for (const std::string& word : typed().words) line += ' ' + shell_word(word);
  return line;
}

std::string date_text() {
  std::time_t now = std::time(nullptr);
  if (const char* given = std::getenv("SOURCE_DATE_EPOCH")) {
    now = detail::whole_integer<std::time_t>(given).value_or(now);
  }
  std::tm utc{};
  std::array<char, 32> text{};
  if (::gmtime_r(&now, &utc) == nullptr || std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc) == 0) {
    return "unknown";
  }
  return text.data();
}

std::string version_text() {
  return detail::message(NNIESIM_VERSION_MAJOR, ".", NNIESIM_VERSION_MINOR, ".", NNIESIM_VERSION_PATCH);
}

std::string json_text(const json& j) {
  const auto chosen = typed().app == nullptr ? std::vector<CLI::App*>() : typed().app->get_subcommands();
  json all = {{"schema", "nnie-debug 1"},
              {"version", version_text()},
              {"results_version", NNIESIM_RESULTS_VERSION},
              {"command", chosen.empty() ? std::string() : chosen.front()->get_name()},
              {"command_line", command_line()},
              {"date", date_text()}};
  for (const auto& [name, value] : j.items()) all[name] = value;
  return all.dump(1, ' ', false, json::error_handler_t::replace) + '\n';
}

void print_json(const json& j) { std::printf("%s", json_text(j).c_str()); }

json as_json(const activation_ranges& ranges, const std::string& file) {
  return {{"file", file.empty() ? json(nullptr) : json(file)},
          {"rule", to_string(ranges.rule)},
          {"precision", ranges.precision.empty() ? json(nullptr) : json(ranges.precision)},
          {"pictures", ranges.pictures},
          {"blobs", ranges.blobs.size()}};
}

json as_json(const layer_table& table) {
  std::ostringstream text;
  table.write_json(text);
  return json::parse(text.str());
}

void print_table(const layer_table& table) {
  std::ostringstream text;
  table.print(text, line_width());
  print_table(text.str());
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
  for (const std::string& line : remarks) print_lines(printable(line) + '\n');
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
  return {[](std::string& text) { return text.empty() ? std::string("is empty") : std::string(); }, ""};
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
std::shared_ptr<thread_pool> pool_of(std::size_t threads) {
  const held_signals held;
  auto pool = std::make_shared<thread_pool>(threads);
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

void network_options::add_import_to(CLI::App& command) {
  command.add_option("--stop-at", stop_at, "the last layer that is read, by name; what follows is not looked at")
      ->check(not_empty());
  command.add_flag("--until-unsupported", until_unsupported,
                   "leave out layers that are not supported, and all that depends on them");
  command.add_option(
      "--custom", custom,
      "LAYER=FILE.npy: what a program of the host gives in place of a Custom layer; one for each output");
}

void network_options::add_raw_pictures_to(CLI::App& command) {
  command
      .add_option("--raw-size", raw_size, "rows and columns of .bgr, .rgb, .yuv and .bin pictures; else the input's")
      ->expected(2)
      ->check(CLI::Range(1, 32767));
  command
      .add_option("--raw-stride", raw_stride, "their bytes from row to row; else not padded, or to 16 or 32, as fits")
      ->check(CLI::Range(1, 1 << 20));
  command.add_flag("--uv-order", uv_order, ".yuv files have U before V (NV12); else V before U, as the vendor's types");
}

CLI::Option* network_options::add_cfg_to(CLI::App& command) {
  return command.add_option("--cfg", cfg, "the compiler's cfg: names network, pictures, preprocessing, mode")
      ->check(CLI::ExistingFile);
}

void network_options::add_to(CLI::App& command, bool with_inputs) {
  auto* with_cfg = add_cfg_to(command);
  command
      .add_option("--prototxt", prototxt,
                  may_lack_model ? "network, in place of a cfg; without --caffemodel shapes, rules and costs alone"
                                 : "network; with --caffemodel, in place of a cfg, or of what a cfg does not name")
      ->check(CLI::ExistingFile);
  command.add_option("--caffemodel", caffemodel, "its weights")->check(CLI::ExistingFile);
  add_batch_norm_to(command);
  add_import_to(command);
  if (!with_inputs) return;
  picture_option =
      command
          .add_option("--picture", pictures,
                      "one file for each input of the network: a picture (.bgr, .rgb, .yuv and .bin, too), or .npy of "
                      "its shape")
          ->check(CLI::ExistingFile);
  add_raw_pictures_to(command);
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

network_source network_options::source(const arithmetic_rules& rules) const {
  network_source s{.cfg = cfg, .prototxt = prototxt, .caffemodel = caffemodel, .pictures = pictures};
  s.order = order == "RGB" ? channel_order::rgb : channel_order::bgr;
  s.norm_type = static_cast<cfg_norm_type>(norm_type);
  const bool is_given = scale_option != nullptr && !scale_option->empty();
  if (is_given || uses_data_scale(s.norm_type)) s.data_scale = data_scale;
  s.mean_file = mean_file;
  if (!raw_size.empty()) {
    s.raw.rows = raw_size[0];
    s.raw.columns = raw_size[1];
  }
  s.raw.stride = raw_stride;
  if (uv_order) s.raw.order = yuv_order::uv;
  s.import.stop_at = stop_at;
  s.import.until_unsupported = until_unsupported;
  s.import.shapes_alone = may_lack_model && cfg.empty() && caffemodel.empty();
  s.import.lacking_are_ones = may_lack_model;
  s.custom = custom;
  s.batch_norm = batch_norm();
  s.rules = rules;
  s.pool = pool_of(threads);
  s.progress = bars();
  return s;
}

std::function<void(std::string_view, std::size_t, std::size_t)> bars() {
  const auto bar = std::make_shared<std::optional<progress>>();
  return [bar](std::string_view what, std::size_t done, std::size_t of) {
    if (!*bar) bar->emplace(std::string(what), of);
    (*bar)->at(done, of);
    if (done >= of) bar->reset();
  };
}

}  // namespace nnie_debug
