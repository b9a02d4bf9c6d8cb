// A network as the compiler quantizes it, read from its files or a cfg, and what it is fed with.
// Long: one class reads all that a cfg names, in the order in which one needs the other.
#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nniesim/debug/batch_norm_choice.hpp>
#include <nniesim/debug/compensate.hpp>
#include <nniesim/debug/experiment_context.hpp>
#include <nniesim/debug/wk_calibration.hpp>
#include <nniesim/io/caffe_import.hpp>
#include <nniesim/io/calibration_file.hpp>
#include <nniesim/io/gfpq_param_file.hpp>
#include <nniesim/io/preprocess.hpp>
#include <nniesim/kernels/thread_pool.hpp>
#include <nniesim/network/arithmetic.hpp>
#include <nniesim/network/calibrate.hpp>
#include <nniesim/network/constraints.hpp>
#include <nniesim/network/fold.hpp>
#include <nniesim/network/layer.hpp>
#include <nniesim/network/precision_plan.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Which network is meant, how it is compiled, and what it is fed with.
struct network_source {
  std::string cfg{};                    ///< the compiler's; or the next two
  std::string prototxt{},               ///< needed without a cfg, or where that does not name it
      caffemodel{};                     ///< as the prototxt
  std::vector<std::string> pictures{};  ///< one for each input, or .npy of its shape; else the cfg's lists
  /// How pictures are made inputs, without a cfg.
  channel_order order = channel_order::bgr;
  cfg_norm_type norm_type{};          ///< what is subtracted and multiplied, without a cfg
  std::optional<float> data_scale{};  ///< without a cfg, for norm types 3, 4 and 5 alone; nothing: 1/256
  std::string mean_file{};            ///< without a cfg, for norm types 1, 2, 4 and 5, which need it
  raw_layout raw{};                   ///< of pictures without a header
  caffe_import_options import{};      ///< how far the network is read; shapes_alone: no caffemodel is needed
  /// What programs of the host give in place of Custom layers: LAYER=FILE.npy, one for each output, in order.
  std::vector<std::string> custom{};
  batch_norm_rule batch_norm = batch_norm_rule::fused;  ///< for what stands behind a layer that multiplies
  arithmetic_rules rules{};                             ///< for all layers; a sparse_rate of the cfg goes before theirs
  std::shared_ptr<thread_pool> pool{};                  ///< else one thread
  /// Called in the course of what takes long.
  std::function<void(std::string_view what, std::size_t done, std::size_t of)> progress{};
};

/// A network, as the compiler quantizes it, and its inputs.
class loaded_network {
 public:
  /// Without inputs neither lists nor pictures are looked at. Throws error where something that is named is missing,
  /// or does not fit; else as read_compiler_cfg and read_caffe_network.
  explicit loaded_network(network_source source, bool with_inputs = true);

  /// The network as it is compiled.
  [[nodiscard]] const network& net() const noexcept { return net_; }
  /// A network of files as this one is compiled: BatchNorm by the rule that was given, and the rules of arithmetic.
  [[nodiscard]] network compiled(network files) const { return compiled(std::move(files), source_.batch_norm); }
  /// The same with another rule for BatchNorm.
  [[nodiscard]] network compiled(network files, batch_norm_rule rule) const {
    return with_arithmetic(fold_batch_norm(std::move(files), rule), source_.rules);
  }
  /// The network of other versions of its files, read as far as this one and with the same values of Custom layers.
  /// Throws as import_caffe.
  [[nodiscard]] network imported(const prototxt_message& net, const caffe_model& model, std::string_view file) const {
    return with_custom_values(import_caffe(net, &model, file, source_.import));
  }
  /// The options that the network was read with.
  [[nodiscard]] const caffe_import_options& import_options() const noexcept { return source_.import; }
  /// The rule that was given.
  [[nodiscard]] batch_norm_rule batch_norm() const noexcept { return source_.batch_norm; }
  /// Before BatchNorm and Scale were folded: read from its files anew, for most commands do without it.
  [[nodiscard]] const network& original() const {
    if (!original_) original_ = read();
    return *original_;
  }
  /// The cfg, completed from the source: by its network files and, without a cfg, by what is done to its pictures.
  [[nodiscard]] const compiler_cfg& cfg() const noexcept { return cfg_; }
  /// A handle on the pool that was given, else on one thread. The pool must outlive it.
  [[nodiscard]] executor threads() const { return source_.pool->handle(); }
  /// The number that was given, else the cfg's.
  [[nodiscard]] compile_mode mode(const std::string& given) const;

  /// Entries of the cfg's lists; 0 without a cfg.
  [[nodiscard]] std::size_t listed() const { return lists_.empty() ? 0 : lists_[0].size(); }
  /// The network's inputs that an entry below listed() gives, in order. Throws as input_source.
  [[nodiscard]] std::vector<tensor<float>> listed_inputs(std::size_t index) const;
  /// The file of the first input of an entry, as from its list's folder; "entry N" of a file of feature maps.
  [[nodiscard]] std::string listed_name(std::size_t index) const;
  /// The files of all inputs of an entry; none where one of them is a part of a file.
  [[nodiscard]] std::vector<std::filesystem::path> listed_files(std::size_t index) const;
  /// The inputs of all entries, read one entry at a time. The object must outlive it.
  [[nodiscard]] picture_set listed_pictures() const {
    return {listed(), [this](std::size_t i) { return listed_inputs(i); }};
  }
  /// What is compared: the pictures given by name, else the lists' last entries, which the compiler dumps.
  [[nodiscard]] std::vector<tensor<float>> chosen_inputs() const;
  /// The file that each of them comes from; empty for one line of a file of feature maps.
  [[nodiscard]] std::vector<std::filesystem::path> chosen_files() const;
  /// Of the first of them.
  [[nodiscard]] std::string chosen_name() const;
  /// Whether all of them are made from pictures, as the cfg says, rather than read as they are.
  [[nodiscard]] bool has_pictures() const;
  /// The lists' pictures, to be read again one by one. The object must outlive it.
  [[nodiscard]] picture_lists pictures() const;
  /// Of weights that are laid out for one run or few; see runner_options.
  static constexpr std::size_t prepared_limit = std::size_t{1} << 26U;
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
  /// one's. `with_accumulator` gives a plan the policies' accumulator.
  [[nodiscard]] std::optional<batch_norm_choice> choose(
      const std::vector<tensor_view<const float>>& inputs, const activation_ranges& ranges, const std::string& file,
      compile_mode mode, const std::function<precision_plan(precision_plan)>& with_accumulator, policy_set policies);

  /// What is not as it is by default, and what is not simulated: lines for every verdict.
  [[nodiscard]] const std::vector<std::string>& remarks() const noexcept { return remarks_; }
  /// Adds a line to remarks().
  void remark(std::string line) { remarks_.push_back(std::move(line)); }
  /// Those of them that say what changes results and is not simulated: no verdict goes without.
  [[nodiscard]] const std::vector<std::string>& not_simulated() const noexcept { return not_simulated_; }

  /// Views of the tensors, which must outlive them, in order.
  static std::vector<tensor_view<const float>> views(const std::vector<tensor<float>>& inputs);

 private:
  [[nodiscard]] network with_custom_values(network net) const;
  [[nodiscard]] activation_ranges ranges_of_model(const std::string& bytes, const std::string& file,
                                                  const precision_plan& plan, bool tries_widths);
  /// Of the compiler's gfpq_param_file; what it does not tell comes from the lists.
  [[nodiscard]] activation_ranges ranges_of_gfpq_file(const cfg_path& file, const precision_plan& plan,
                                                      bool tries_widths);
  void add_region_inputs();
  /// The file that an option names in place of the cfg, which is not to name another.
  void take_network_file(const std::string& given, cfg_path& of_cfg, std::string_view what) const;
  /// Whether a file of an input holds a picture rather than the input's values.
  [[nodiscard]] bool is_picture(const std::filesystem::path& file) const {
    const bool features = std::any_of(cfg_.inputs.begin(), cfg_.inputs.end(),
                                      [](const cfg_input& i) { return i.image_type == cfg_image_type::feature_map; });
    return file.extension() != ".npy" && !(features && file.extension() == ".bin");
  }
  void note_options();
  void note_constraints();
  void remark_rule(const activation_ranges& ranges, const std::string& file, const precision_plan& plan);

  network_source source_;
  std::vector<std::string> remarks_, not_simulated_;
  compiler_cfg cfg_;
  [[nodiscard]] network read() const {
    return with_custom_values(read_caffe_network(cfg_.prototxt_file.path, cfg_.caffemodel_file.path, source_.import));
  }
  mutable std::optional<network> original_;
  network net_;
  std::vector<std::size_t> inputs_;  // blobs
  std::vector<input_source> lists_;
  std::map<std::size_t, roi_list> regions_;  // by the blob of the input that takes them
};

/// Long: each step reads what the one before has found.
inline loaded_network::loaded_network(network_source source, bool with_inputs) : source_(std::move(source)) {
  const network_source& o = source_;
  source_.import.has_custom_values = !source_.custom.empty();
  if (!source_.pool) source_.pool = std::make_shared<thread_pool>(std::size_t{1});
  const bool is_whole = !o.caffemodel.empty() || o.import.shapes_alone;
  detail::require<error>(!o.cfg.empty() || (!o.prototxt.empty() && is_whole),
                         "no network given: expected --cfg, or --prototxt and --caffemodel");
  if (!o.cfg.empty()) cfg_ = read_compiler_cfg(o.cfg, cfg_network::elsewhere);
  take_network_file(o.prototxt, cfg_.prototxt_file, "prototxt");
  if (!o.import.shapes_alone) take_network_file(o.caffemodel, cfg_.caffemodel_file, "caffemodel");
  if (!o.cfg.empty()) {
    require_located(cfg_.prototxt_file, "the cfg's [prototxt_file]");
    require_located(cfg_.caffemodel_file, "the cfg's [caffemodel_file]");
    for (const cfg_path& file : cfg_.roi_coordinate_file) require_located(file, "the cfg's [roi_coordinate_file]");
    if (cfg_.gfpq_param_file) require_located(*cfg_.gfpq_param_file, "the cfg's [gfpq_param_file]");
  }
  if (cfg_.sparse_rate != 0.0F) source_.rules.sparse_rate = cfg_.sparse_rate;
  network files = read();
  if (o.import.shapes_alone) remark("no caffemodel: shapes, rules and costs alone, whatever the learned values are");
  for (const std::string& line : files.remarks) remark(line);
  net_ = compiled(std::move(files));
  if (source_.batch_norm == batch_norm_rule::merged) {
    remark("BatchNorm and Scale are merged into the weights before they are encoded, not in the multipliers");
  } else if (source_.batch_norm == batch_norm_rule::own_layers) {
    remark("BatchNorm and Scale are layers of their own, not in the multipliers of the layers before them");
  }
  note_options();
  for (const layer& l : net_.layers) {
    if (std::holds_alternative<layers::input>(l.params)) inputs_.push_back(l.outputs[0]);
  }
  if (!with_inputs) return;
  note_constraints();
  // Before inputs of its shapes are made: the least that any command needs.
  require_memory(net_, need_of_memory(net_, float_plan(net_), {.threads = threads(), .prepared_limit = prepared_limit}),
                 machine_memory());
  if (o.cfg.empty()) {
    detail::require<error>(!o.pictures.empty(), "no input given: expected --picture, or a --cfg with its lists");
    cfg_input input;
    input.norm_type = o.norm_type;
    input.order = o.order;
    if (o.data_scale) input.data_scale = *o.data_scale;
    const bool uses_mean = uses_mean_image(input.norm_type) || uses_channel_means(input.norm_type);
    detail::require<error>(uses_mean == !o.mean_file.empty(), "--norm-type ", static_cast<int>(o.norm_type),
                           uses_mean ? " needs a --mean-file" : " takes no --mean-file");
    detail::require<error>(uses_data_scale(input.norm_type) || !o.data_scale,
                           "--data-scale is for --norm-type 3, 4 and 5");
    if (uses_mean) input.mean_file = cfg_path{o.mean_file, o.mean_file};
    cfg_.inputs.assign(inputs_.size(), input);
  }
  if (!o.cfg.empty()) add_region_inputs();
  detail::require<error>(cfg_.inputs.size() == inputs_.size(), cfg_.file, ": ", cfg_.inputs.size(),
                         " inputs, the network has ", inputs_.size());
  detail::require<error>(source_.pictures.empty() || source_.pictures.size() == inputs_.size(), source_.pictures.size(),
                         " times --picture, expected one for each of the network's ", inputs_.size(), " inputs");
  if (o.cfg.empty()) return;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (const auto regions = regions_.find(inputs_[i]); regions != regions_.end()) {
      lists_.emplace_back(regions->second);
      continue;
    }
    require_located(cfg_.inputs[i].image_list, "the cfg's [image_list]");
    if (cfg_.inputs[i].mean_file) require_located(*cfg_.inputs[i].mean_file, "the cfg's [mean_file]");
    lists_.emplace_back(cfg_.inputs[i], net_.blobs[inputs_[i]].shape, source_.raw);
  }
  for (std::size_t i = 0; i < lists_.size(); ++i) {
    detail::require<error>(lists_[i].size() == lists_[0].size(), cfg_.inputs[i].image_list.path.string(), ": ",
                           lists_[i].size(), " entries, the first input's list has ", lists_[0].size());
  }
}

/// Inputs of the network that regions of interest are read from have them from the cfg's files, in the order of the
/// layers that pool them, and no list.
inline void loaded_network::add_region_inputs() {
  const std::vector<std::size_t> blobs = region_blobs(net_);
  const std::vector<cfg_path>& files = cfg_.roi_coordinate_file;
  if (files.empty()) return;
  if (blobs.empty()) {
    remark(cfg_.file + ": [roi_coordinate_file]: no layer of the network pools regions of interest");
    return;
  }
  detail::require<error>(files.size() == blobs.size(), cfg_.file, ": ", files.size(),
                         " times [roi_coordinate_file], expected one for each of the network's ", blobs.size(),
                         " ROIPooling and PSROIPooling layers");
  const bool lack_lists = cfg_.inputs.size() < inputs_.size();
  for (std::size_t k = 0; k < blobs.size(); ++k) {
    const auto input = std::find(inputs_.begin(), inputs_.end(), blobs[k]);
    if (input == inputs_.end()) {
      not_simulated_.push_back(detail::message("not simulated: ", cfg_.file, ": [roi_coordinate_file] ", files[k].text,
                                               ": the network's own layers find the regions of interest here, too"));
      remark(not_simulated_.back());
      continue;
    }
    if (!lack_lists) {
      remark(detail::message(cfg_.file, ": [roi_coordinate_file] ", files[k].text,
                             " is not used: the cfg's lists give the regions of interest"));
      continue;
    }
    roi_list list(files[k].path, net_.blobs[blobs[k]].shape);
    const auto [at, is_new] = regions_.try_emplace(blobs[k], list);
    detail::require<error>(is_new || at->second == list, files[k].path.string(), ": other regions than in ",
                           at->second.path().string(), ", expected the same: layers read them from one input");
    if (!is_new) continue;
    cfg_input none;
    none.image_type = cfg_image_type::feature_map;
    none.image_list = files[k];
    cfg_.inputs.insert(cfg_.inputs.begin() + std::min(input - inputs_.begin(), std::ssize(cfg_.inputs)), none);
  }
}

inline void loaded_network::take_network_file(const std::string& given, cfg_path& of_cfg, std::string_view what) const {
  if (given.empty()) {
    detail::require<error>(!of_cfg.text.empty(), cfg_.file, ": [", what, "_file] is missing, expected it, or --", what);
    return;
  }
  std::error_code ignored;
  const bool is_other = !of_cfg.text.empty() && !std::filesystem::equivalent(of_cfg.path, given, ignored);
  detail::require<error>(!is_other, cfg_.file, ": [", what, "_file] is ", detail::excerpt(of_cfg.text, 200), " and --",
                         what, " is ", detail::excerpt(given, 200), ": which of the two is meant? Expected one");
  of_cfg = {given, given};
}

inline network loaded_network::with_custom_values(network net) const {
  for (const std::string& text : source_.custom) {
    const std::size_t sign = text.find('=');
    detail::require<error>(sign != std::string::npos && sign != 0 && sign + 1 < text.size(), "--custom ",
                           detail::excerpt(text), ": expected LAYER=FILE.npy");
    const std::string name = text.substr(0, sign), file = text.substr(sign + 1);
    layer& l = net.layers[layer_index(net, name)];
    auto* const custom = std::get_if<layers::custom>(&l.params);
    detail::require<error>(custom != nullptr, "--custom ", detail::excerpt(text), ": layer ", detail::excerpt(l.name),
                           " is of type ", detail::excerpt(l.type), ", expected a Custom layer");
    const std::size_t output = custom->values.size();
    detail::require<error>(output < custom->outputs.size(), "--custom ", detail::excerpt(text), ": layer ",
                           detail::excerpt(l.name), " has ", custom->outputs.size(),
                           " output(s), expected no more files");
    custom->values.push_back(detail::read_npy_input(file, custom->outputs[output]));
  }
  return net;
}

inline std::vector<tensor<float>> loaded_network::listed_inputs(std::size_t index) const {
  std::vector<tensor<float>> result;
  for (const input_source& list : lists_) result.push_back(list[index]);
  return result;
}

inline std::string loaded_network::listed_name(std::size_t index) const {
  const std::filesystem::path file = lists_.at(0).file(index);
  if (file.empty()) return "entry " + std::to_string(index + 1);
  const std::string name = file.lexically_relative(cfg_.inputs[0].image_list.path.parent_path()).string();
  return name.empty() ? file.string() : name;
}

inline std::vector<std::filesystem::path> loaded_network::listed_files(std::size_t index) const {
  std::vector<std::filesystem::path> files;
  for (const input_source& list : lists_) {
    files.push_back(list.file(index));
    if (files.back().empty()) return {};
  }
  return files;
}

inline std::vector<tensor<float>> loaded_network::chosen_inputs() const {
  if (source_.pictures.empty()) return listed_inputs(listed() - 1);
  std::vector<tensor<float>> result;
  for (std::size_t i = 0; i < source_.pictures.size(); ++i) {
    const tensor_shape& shape = net_.blobs[inputs_[i]].shape;
    result.push_back(read_input(source_.pictures[i], cfg_.inputs[i], shape, nullptr, source_.raw));
  }
  return result;
}

inline std::vector<std::filesystem::path> loaded_network::chosen_files() const {
  std::vector<std::filesystem::path> result(source_.pictures.begin(), source_.pictures.end());
  if (!result.empty()) return result;
  for (const input_source& list : lists_) result.push_back(list.file(listed() - 1));
  return result;
}

inline bool loaded_network::has_pictures() const {
  const auto files = chosen_files();
  return std::none_of(files.begin(), files.end(),
                      [this](const std::filesystem::path& file) { return file.empty() || !is_picture(file); });
}

inline picture_lists loaded_network::pictures() const {
  picture_lists all;
  all.count = listed();
  all.chosen = source_.pictures.empty() && all.count != 0 ? all.count - 1 : all.count;
  all.name = [this](std::size_t entry) {
    const std::filesystem::path file = lists_.empty() ? std::filesystem::path() : lists_[0].file(entry);
    return file.empty() ? "entry " + std::to_string(entry + 1) : file.filename().string();
  };
  all.read = [this](std::size_t input, std::size_t entry) -> std::optional<image> {
    const std::filesystem::path file = entry < listed() ? lists_.at(input).file(entry)
                                       : input < source_.pictures.size()
                                           ? std::filesystem::path(source_.pictures[input])
                                           : std::filesystem::path();
    if (file.empty() || !is_picture(file)) return std::nullopt;
    return read_picture(file, cfg_.inputs.at(input), net_.blobs[inputs_.at(input)].shape, source_.raw);
  };
  if (all.count != 0) all.inputs = [this](std::size_t entry) { return listed_inputs(entry); };
  return all;
}

inline std::vector<std::filesystem::path> loaded_network::network_files() const {
  std::vector<std::filesystem::path> files = {cfg_.prototxt_file.path, cfg_.caffemodel_file.path};
  if (!cfg_.file.empty()) files.emplace_back(cfg_.file);
  return files;
}

inline std::string loaded_network::chosen_name() const {
  if (!source_.pictures.empty()) return source_.pictures[0];
  const std::filesystem::path file = lists_[0].file(listed() - 1);
  return file.empty() ? cfg_.inputs[0].image_list.text + ", entry " + std::to_string(listed()) : file.string();
}

inline compile_mode loaded_network::mode(const std::string& given) const {
  return given.empty() ? cfg_.mode : compile_mode_of(std::stoi(given));
}

inline activation_ranges loaded_network::ranges(const std::string& file, const precision_plan& plan,
                                                bool tries_widths) {
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
    throw error(detail::message(
        file, ": the blob of layer ", detail::excerpt(name), " has a scale of ",
        ranges.blobs.at(name).in_8bit ? gfpq8::name : gfpq16::name,
        " alone, expected one of the other width or its largest magnitude: ", "they are for another compile_mode"));
  }
  if (note.empty()) remark_rule(ranges, file, plan);
  return ranges;
}

inline activation_ranges loaded_network::ranges_of_gfpq_file(const cfg_path& file, const precision_plan& plan,
                                                             bool tries_widths) {
  const std::string name = file.path.string();
  const std::string bytes = detail::read_whole_file(file.path, json_limits{}.bytes, "a gfpq_param_file");
  if (bytes.find("\"format\"") != std::string::npos) return ranges(name, plan, tries_widths);  // as calibrate writes it
  gfpq_params given = parse_gfpq_params(bytes, name, net_);
  if (!given.unknown.empty()) {
    remark(detail::message(name, ": ", given.unknown.size(), " layer(s) are not in the network, such as ",
                           detail::excerpt(given.unknown.front())));
  }
  activation_ranges all = calibrate(net_, plan);
  all.rule = range_rule::given;
  for (const auto& [blob, range] : given.ranges.blobs) all.blobs[blob] = range;
  remark(detail::message(name, ": the ranges of ", given.ranges.blobs.size(),
                         " blob(s) are taken from the cfg's [gfpq_param_file], the others from its pictures"));
  return all;
}

inline void loaded_network::note_constraints() {
  const std::vector<constraint_violation> broken = check_constraints(net_);
  if (broken.empty()) return;
  const constraint_violation& first = broken.front();
  const layer& l = net_.layers[first.layer];
  remark(detail::message("the compiler is known to refuse or change ", broken.size(),
                         broken.size() == 1 ? " thing: layer " : " things, the first: layer ", detail::excerpt(l.name),
                         " (", l.where, "): got ", first.got, ", expected ", first.rule, " (", first.source,
                         "); `nnie-debug info` lists all"));
}

/// Every key of the cfg is simulated, or named.
inline void loaded_network::note_options() {
  if (cfg_.sparse_rate != 0.0F) {
    remark(detail::message(cfg_.file, ": [sparse_rate] ", cfg_.sparse_rate, ": that share of the weights of each ",
                           "InnerProduct, the smallest, is zero on the accelerator (which ones is our assumption)"));
  }
  const auto has = [&](std::initializer_list<std::string_view> types) {
    return std::any_of(net_.layers.begin(), net_.layers.end(),
                       [&](const layer& l) { return std::find(types.begin(), types.end(), l.type) != types.end(); });
  };
  // The type tells the compiler what to prepare for; what layers compute does not depend on it.
  const bool pools = has({"ROIPooling", "PSROIPooling"}), recurs = has({"LSTM", "RNN"});
  const int type = recurs ? 2 : pools ? 1 : 0;
  if (!cfg_.file.empty() && type != cfg_.net_type) {
    remark(detail::message(cfg_.file, ": [net_type] is ", cfg_.net_type, ", the network's layers are those of ", type,
                           " (0 others, 1 with ROIPooling or PSROIPooling, 2 with LSTM or RNN): the compiler may ",
                           "refuse it; no result depends on it here"));
  }
  for (const cfg_input& i : cfg_.inputs) {
    if (i.image_type != cfg_image_type::yuv420 && i.image_type != cfg_image_type::yuv422) continue;
    remark(detail::message(cfg_.file, ":", i.line, ": [image_type] ", static_cast<int>(i.image_type),
                           ": pictures go to YUV and back, ", bt601_studio::name, " (our assumption)"));
  }
  for (const cfg_entry& e : cfg_.irrelevant) {
    remark(detail::message(cfg_.file, ":", e.line, ": [", e.key, "] changes no result here"));
  }
}

inline void loaded_network::remark_rule(const activation_ranges& ranges, const std::string& file,
                                        const precision_plan& plan) {
  if (ranges.rule == range_rule::floating) {
    remark(file + ": ranges of the float network; compiled models agree better with those of the quantized one " +
           "(calibrate --ranges quantized)");
  } else if (ranges.rule == range_rule::quantized && ranges.precision != plan_name(plan)) {
    remark(detail::message(file, ": ranges of the network in ", ranges.precision, ", this run is ", plan_name(plan),
                           ": the compiler's differ a little (calibrate --mode)"));
  }
}

inline activation_ranges loaded_network::ranges_of_model(const std::string& bytes, const std::string& file,
                                                         const precision_plan& plan, bool tries_widths) {
  const float rate = cfg_.sparse_rate;
  wk_calibration from_model =
      rate == 0.0F ? wk_calibration_of(parse_wk(bytes, file), original(), net_, plan)
                   : wk_calibration_of(parse_wk(bytes, file), with_sparse_weights(original(), rate), net_, plan);
  const auto list = [](const std::vector<std::string>& names) {
    std::string text;
    for (std::size_t i = 0; i < names.size() && i < 5; ++i) text += (i == 0 ? "" : ", ") + detail::excerpt(names[i]);
    return text + (names.size() > 5 ? ", ..." : "");
  };
  if (!from_model.foreign.empty()) {
    remark(detail::message(file, ": ", from_model.foreign.size(), " layer(s) have no weight block equal to this ",
                           "network's: ", list(from_model.foreign), "; if the model is made of other weights, its ",
                           "scales are not this network's (nnie-debug wk compares them)"));
  }
  const std::vector<std::string> missing = missing_ranges(net_, plan, from_model.ranges);
  const bool has_inputs = listed() != 0 || !source_.pictures.empty();
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
    remark(detail::message(file, ": where layers are tried in another width, their scales come from ", seen.pictures,
                           " picture(s)"));
  }
  if (missing.empty()) return from_model.ranges;
  remark(detail::message(file, ": it does not tell the scale of ", missing.size(), " blob(s), which come from ",
                         seen.pictures, " picture(s): ", list(missing)));
  return from_model.ranges;
}

inline std::optional<batch_norm_choice> loaded_network::choose(
    const std::vector<tensor_view<const float>>& inputs, const activation_ranges& ranges, const std::string& file,
    compile_mode mode, const std::function<precision_plan(precision_plan)>& with_accumulator, policy_set policies) {
  const bool has_batch_norm = std::any_of(net_.layers.begin(), net_.layers.end(), [](const layer& l) {
    return !l.merged.empty() || std::holds_alternative<layers::batch_norm>(l.params) ||
           std::holds_alternative<layers::scale>(l.params);
  });
  if (!has_batch_norm) return std::nullopt;  // without a copy of all weights
  const network original = with_arithmetic(this->original(), source_.rules);
  return choose_batch_norm(
      {.original = original,
       .inputs = inputs,
       .plan_for = [&](const network& net) { return with_accumulator(plan_of(net, mode)); },
       .ranges_for =
           [&](const network& net, batch_norm_rule rule) {
             const bool is_known = !file.empty() || rule == source_.batch_norm;
             return is_known ? ranges : calibrate(net, plan_of(net, mode));
           },
       .kept = source_.batch_norm == batch_norm_rule::own_layers ? batch_norm_rule::own_layers : batch_norm_rule::fused,
       .threads = threads(),
       .policies = std::move(policies)});
}

inline activation_ranges loaded_network::calibrate(const network& net, const precision_plan& plan, range_rule rule,
                                                   policy_set policies) {
  calibrator c(net, plan, rule, threads(), std::move(policies), listed() > 1 ? detail::most_bytes : prepared_limit);
  const std::size_t count = std::max<std::size_t>(listed(), 1);
  for (std::size_t i = 0; i < count; ++i) {
    c.add(views(listed() == 0 ? chosen_inputs() : listed_inputs(i)));
    if (source_.progress) source_.progress("calibrating", i + 1, count);
  }
  return c.ranges();
}

inline std::vector<tensor_view<const float>> loaded_network::views(const std::vector<tensor<float>>& inputs) {
  std::vector<tensor_view<const float>> result;
  for (const auto& t : inputs) result.push_back(view_of(t));
  return result;
}

NNIESIM_END_NAMESPACE
