// A Caffe network, its prototxt and its learned values, as a network (layer.hpp): every name, parameter and shape
// checked first, everything that is wrong told at once.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <nniesim/io/caffemodel.hpp>
#include <nniesim/io/prototxt.hpp>
#include <nniesim/network/layer.hpp>

NNIESIM_BEGIN_NAMESPACE

/// What a network may have in all its blobs together; 8 GiB of floats. More is a parse_error.
inline constexpr std::size_t network_element_limit = std::size_t{1} << 31U;

namespace detail {

/// What is wrong with a file.
class caffe_problems {
 public:
  /// Those that follow are this layer's; "" for the whole file's.
  void enter(std::string_view layer) { owner_ = layer.empty() ? "" : concat(" (layer ", excerpt(layer), ")"); }
  void add(std::string_view problem) {
    if (++count_ > most_lines) return;
    if (count_ > 1) lines_ += '\n';
    lines_ += problem;
    lines_ += owner_;
  }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  /// Throws parse_error with all of them, one per line.
  void throw_any() const {
    if (count_ == 0) return;
    throw parse_error(count_ > most_lines ? concat(lines_, "\n... and ", count_ - most_lines, " more") : lines_);
  }

 private:
  static constexpr std::size_t most_lines = 50;
  std::string lines_;
  std::string owner_;
  std::size_t count_ = 0;
};

/// The fields of a message that may be missing. What cannot be read becomes a problem, so that reading goes on.
class caffe_fields {
 public:
  /// `where` is for what is missing.
  caffe_fields(const prototxt_message* message, prototxt_position where, caffe_problems& problems)
      : message_(message), where_(std::move(where)), problems_(&problems) {
    // They say how to train, or with which library to compute.
    constexpr std::string_view no_part_of_the_result[] = {
        "param",         "propagate_down",   "loss_weight",     "loss_param", "phase",
        "blobs_lr",      "weight_decay",     "blob_share_mode", "engine",     "weight_filler",
        "bias_filler",   "filler",           "scale_filler",    "cudnn_flag", "moving_average_fraction",
        "dropout_param", "stable_prod_grad", "force_nd_im2col"};
    if (message == nullptr) return;
    for (const std::string_view name : no_part_of_the_result) message->ignore(name);
  }

  template <class... What>
  void problem(const What&... what) {
    problems_->add(concat(where_, ": ", what...));
  }
  [[nodiscard]] bool has(std::string_view name) const { return message_ != nullptr && !message_->all(name).empty(); }
  [[nodiscard]] std::vector<const prototxt_field*> all(std::string_view name) const {
    return message_ == nullptr ? std::vector<const prototxt_field*>{} : message_->all(name);
  }

  template <class T>
  [[nodiscard]] T integer(std::string_view name, T fallback, T low, T high) {
    return read(name, fallback, [&](const prototxt_field& f) { return f.integer<T>(low, high); });
  }
  /// A field that must be there.
  [[nodiscard]] std::size_t count(std::string_view name) {
    if (!has(name)) problem("got no ", name, ", expected one");
    return integer<std::size_t>(name, 1, 1, most);
  }
  [[nodiscard]] std::int64_t axis(std::string_view name, std::int64_t fallback) {
    constexpr auto rank = static_cast<std::int64_t>(tensor_shape::max_rank);
    return integer<std::int64_t>(name, fallback, -rank, rank);
  }
  /// `axis`, or what old files call it.
  [[nodiscard]] std::int64_t axis_or_dim(std::string_view old_name) {
    if (has("axis") && has(old_name)) problem("got axis and ", old_name, ", expected one of them");
    return axis(has("axis") ? "axis" : old_name, 1);
  }
  [[nodiscard]] float real(std::string_view name, float fallback) {
    return read(name, fallback, [](const prototxt_field& f) { return f.real(); });
  }
  [[nodiscard]] bool boolean(std::string_view name, bool fallback) {
    return read(name, fallback, [](const prototxt_field& f) { return f.boolean(); });
  }
  [[nodiscard]] std::size_t one_of(std::string_view name, std::size_t fallback,
                                   std::initializer_list<std::string_view> names) {
    return read(name, fallback, [&](const prototxt_field& f) { return f.one_of(names); });
  }
  [[nodiscard]] std::string identifier(std::string_view name, std::string fallback) {
    return read(name, std::move(fallback), [](const prototxt_field& f) { return f.identifier(); });
  }
  /// A name; it may not be empty.
  [[nodiscard]] std::string string(std::string_view name) {
    if (!has(name)) problem("got no ", name, ", expected one");
    return read(name, std::string{}, name_of);
  }
  [[nodiscard]] std::vector<std::string> strings(std::string_view name) { return list<std::string>(name, name_of); }
  template <class T>
  [[nodiscard]] std::vector<T> integers(std::string_view name, T low, T high) {
    return list<T>(name, [&](const prototxt_field& f) { return f.integer<T>(low, high); });
  }
  [[nodiscard]] std::vector<double> reals(std::string_view name) {
    return list<double>(name, [](const prototxt_field& f) { return static_cast<double>(f.real()); });
  }
  [[nodiscard]] caffe_fields fields(std::string_view name) {
    const prototxt_message* m =
        read(name, static_cast<const prototxt_message*>(nullptr), [](const prototxt_field& f) { return &f.message(); });
    return {m, m == nullptr ? where_ : m->where(), *problems_};
  }
  /// The messages of that name, each with a shape in its `dim`.
  [[nodiscard]] std::vector<tensor_shape> shapes(std::string_view name) {
    return list<tensor_shape>(name, [](const prototxt_field& f) {
      const std::vector<const prototxt_field*> dims = f.message().all("dim");
      require<parse_error>(!dims.empty() && dims.size() <= tensor_shape::max_rank, f.where(), ": ", f.name(), ": got ",
                           dims.size(), " dim, expected 1 to ", tensor_shape::max_rank);
      std::vector<std::size_t> extents;
      for (const prototxt_field* d : dims) extents.push_back(d->integer<std::size_t>(1, most));
      return shape_at(f.where(), extents);
    });
  }
  /// A problem and a scalar where the extents are more than memory has.
  [[nodiscard]] tensor_shape shape(const std::vector<std::size_t>& extents) {
    try {
      return shape_at(where_, extents);
    } catch (const parse_error& e) {
      problems_->add(e.what());
      return {};
    }
  }
  /// {rows, columns}: one value for both, two values, or a field for each, not mixed. Without any it is the fallback,
  /// or a problem; of two fields, only one that may be 0 can be left out.
  [[nodiscard]] std::array<std::size_t, 2> pair(std::string_view both, std::string_view rows, std::string_view columns,
                                                std::optional<std::size_t> fallback, std::size_t low) {
    const std::vector<std::size_t> values = integers<std::size_t>(both, low, most);
    const std::size_t written = all(both).size();
    if (has(rows) || has(columns)) {
      if (written != 0) problem("got ", both, " beside ", rows, " or ", columns, ", expected one kind");
      if (low != 0 && has(rows) != has(columns)) {
        problem("got only one of ", rows, " and ", columns, ", expected both or ", both);
      }
      return {integer(rows, low, low, most), integer(columns, low, low, most)};
    }
    if (written > 2) problem("got ", written, " values of ", both, ", expected 1 or 2");
    if (written == 0 && !fallback) problem("got no ", both, ", expected it, or ", rows, " and ", columns);
    if (values.empty()) return {fallback.value_or(low), fallback.value_or(low)};
    return {values.front(), values.back()};
  }

  /// The largest extent or count.
  static constexpr std::size_t most = std::numeric_limits<std::int32_t>::max();

 private:
  [[nodiscard]] static std::string name_of(const prototxt_field& f) {
    std::string text = f.string();
    require<parse_error>(!text.empty(), f.where(), ": ", f.name(), ": got an empty string, expected a name");
    return text;
  }
  [[nodiscard]] static tensor_shape shape_at(const prototxt_position& where, const std::vector<std::size_t>& extents) {
    try {
      return tensor_shape(extents);
    } catch (const shape_error& e) {
      throw parse_error(concat(where, ": ", e.what()));
    }
  }
  template <class T, class Read>
  [[nodiscard]] T read(std::string_view name, T fallback, Read read_field) {
    if (message_ == nullptr) return fallback;
    try {
      const prototxt_field* f = message_->find(name);
      return f == nullptr ? fallback : read_field(*f);
    } catch (const parse_error& e) {
      problems_->add(e.what());
      message_->ignore(name);
      return fallback;
    }
  }
  template <class T, class Read>
  [[nodiscard]] std::vector<T> list(std::string_view name, Read read_field) {
    std::vector<T> values;
    for (const prototxt_field* f : all(name)) {
      try {
        values.push_back(read_field(*f));
      } catch (const parse_error& e) {
        problems_->add(e.what());
        message_->ignore(name);
      }
    }
    return values;
  }

  const prototxt_message* message_;
  prototxt_position where_;
  caffe_problems* problems_;
};

/// The learned blobs of a model's layers, by name; layers without any are as good as not there.
class caffe_learned {
 public:
  caffe_learned(const caffe_model* model, std::string_view file) : has_model_(model != nullptr), file_(file) {
    if (model == nullptr) return;
    for (const caffe_layer& l : model->layers) {
      if (l.blobs.empty()) continue;
      const auto [at, is_new] = layers_.try_emplace(l.name, &l);
      if (!is_new) at->second = nullptr;
    }
  }

  /// The layer's blobs, of the expected shapes but for axes of extent 1 in front (old files give every blob four axes).
  /// Throws format_error for anything else.
  [[nodiscard]] std::vector<tensor_view<const float>> of(const std::string& layer,
                                                         std::span<const tensor_shape> expected) const {
    const auto found = layers_.find(layer);
    if (found == layers_.end()) {
      require<format_error>(expected.empty(), has_model_ ? concat("got no learned values in ", file_) : "got no model",
                            ", expected ", expected.size(), " blobs, the first ",
                            expected.empty() ? tensor_shape{} : expected[0]);
      return {};
    }
    require<format_error>(found->second != nullptr, "got several layers of that name with learned values in ", file_,
                          ", expected one");
    const std::vector<tensor<float>>& blobs = found->second->blobs;
    require<format_error>(blobs.size() == expected.size(), "got ", blobs.size(), " learned blobs in ", file_,
                          ", expected ", expected.size());
    std::vector<tensor_view<const float>> result;
    for (std::size_t b = 0; b < blobs.size(); ++b) {
      const tensor_shape got = shape_of(blobs[b]);
      require<shape_error>(without_ones(got) == without_ones(expected[b]), "got learned blob ", b, " of shape ", got,
                           " in ", file_, ", expected ", expected[b]);
      result.emplace_back(view_of(blobs[b]).span(), expected[b]);
    }
    return result;
  }

 private:
  [[nodiscard]] static tensor_shape without_ones(const tensor_shape& s) {
    const std::size_t* first = std::find_if(s.begin(), s.end(), [](std::size_t extent) { return extent != 1; });
    return tensor_shape(std::span<const std::size_t>(first, s.end()));
  }

  bool has_model_;
  std::string file_;
  std::map<std::string, const caffe_layer*, std::less<>> layers_;  ///< nullptr: several of that name
};

/// A layer of the file while it is read. An operator's reader takes all parameters first, then, once it is ready(),
/// what depends on the inputs.
struct caffe_source {
  caffe_fields fields;
  std::string name;
  std::string type;
  std::vector<tensor_shape> inputs{};
  const caffe_learned* learned_values = nullptr;
  const caffe_problems* problems = nullptr;
  std::size_t problems_before = 0;
  bool inputs_known = true;  ///< else what makes them has problems of its own
  std::size_t outputs = 0;
  bool on_cpu = false;       ///< set where the hardware does not take the parameters
  bool has_learned = false;  ///< whether they were asked for

  [[nodiscard]] bool ready() const { return inputs_known && problems->count() == problems_before; }
  /// The learned blobs, which must have these shapes. Throws as caffe_learned.
  [[nodiscard]] std::vector<tensor_view<const float>> learned(std::span<const tensor_shape> expected) {
    has_learned = true;
    return learned_values->of(name, expected);
  }
  /// An axis as it is counted from the front; negative ones count from behind.
  [[nodiscard]] std::size_t axis(std::int64_t axis, std::string_view what = "axis") const {
    const auto rank = static_cast<std::int64_t>(inputs[0].rank());
    require<shape_error>(axis >= -rank && axis < rank, "got ", what, " ", axis, " of input ", inputs[0], ", expected ",
                         -rank, " to ", rank - 1);
    return static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
  }
  /// The input's axes from `first` on, `count` of them.
  [[nodiscard]] tensor_shape run_of_axes(std::size_t first, std::size_t count) const {
    require<shape_error>(count <= inputs[0].rank() - first, "got num_axes ", count, " from axis ", first, " of input ",
                         inputs[0], ", expected axes of the input");
    return tensor_shape(std::span<const std::size_t>(inputs[0].begin() + first, count));
  }
  [[nodiscard]] std::size_t channels() const {
    require<shape_error>(inputs[0].rank() >= 2, "got input ", inputs[0], ", expected batch and channels");
    return inputs[0][1];
  }
};

using caffe_read_result = std::optional<layer_params>;  ///< nothing where the source is not ready

[[nodiscard]] inline tensor<float> copy_of(tensor_view<const float> values) {
  auto result = make_tensor<float>(values.shape());
  std::copy(values.span().begin(), values.span().end(), result.data());
  return result;
}
template <class T = float>
[[nodiscard]] std::vector<T> values_of(tensor_view<const float> values) {
  return std::vector<T>(values.span().begin(), values.span().end());
}

enum class caffe_convolution { plain, depthwise, transposed };

template <caffe_convolution Kind>
[[nodiscard]] caffe_read_result read_caffe_convolution(caffe_source& l) {
  caffe_fields p = l.fields.fields("convolution_param");
  const std::size_t outputs = p.count("num_output");
  const bool has_bias = p.boolean("bias_term", true);
  const auto kernel = p.pair("kernel_size", "kernel_h", "kernel_w", std::nullopt, 1);
  const auto pad = p.pair("pad", "pad_h", "pad_w", 0, 0);
  conv2d_params geometry;
  geometry.stride = p.pair("stride", "stride_h", "stride_w", 1, 1);
  geometry.dilation = p.pair("dilation", "dilation_h", "dilation_w", 1, 1);
  geometry.pad = {pad[0], pad[1]};
  geometry.groups = p.integer<std::size_t>("group", 1, 1, caffe_fields::most);
  const bool has_group = p.has("group");
  if (const std::int64_t axis = p.axis("axis", 1); axis != 1) p.problem("got axis ", axis, ", expected 1");
  if (!l.ready()) return std::nullopt;

  const tensor_shape& x = l.inputs[0];
  require_rank(x, 4, "input", "batch, channels, rows, columns");
  if constexpr (Kind == caffe_convolution::depthwise) {
    require<shape_error>(!has_group || geometry.groups == x[1], "got group ", geometry.groups, " for input ", x,
                         ", expected none or as many as channels");
    geometry.groups = x[1];
  }
  require<shape_error>(outputs % geometry.groups == 0 && x[1] % geometry.groups == 0, "got group ", geometry.groups,
                       " for num_output ", outputs, " and input ", x, ", expected a divisor of the outputs and of the ",
                       "channels");
  constexpr bool transposed = Kind == caffe_convolution::transposed;
  const tensor_shape weights{transposed ? x[1] : outputs, (transposed ? outputs : x[1]) / geometry.groups, kernel[0],
                             kernel[1]};
  const std::array<tensor_shape, 2> expected{weights, tensor_shape{outputs}};
  const auto values = l.learned(std::span(expected).first(has_bias ? 2 : 1));
  std::conditional_t<transposed, layers::deconvolution, layers::convolution> result;
  result.geometry = geometry;
  result.weights = copy_of(values[0]);
  if (has_bias) result.bias = values_of(values[1]);
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_inner_product(caffe_source& l) {
  caffe_fields p = l.fields.fields("inner_product_param");
  const std::size_t outputs = p.count("num_output");
  const bool has_bias = p.boolean("bias_term", true);
  const bool transpose = p.boolean("transpose", false);
  const std::int64_t axis = p.axis("axis", 1);
  if (!l.ready()) return std::nullopt;

  layers::fully_connected result;
  result.axis = l.axis(axis);
  const std::size_t features = as_rows(l.inputs[0], result.axis)[1];
  const std::array<tensor_shape, 2> expected{
      transpose ? tensor_shape{features, outputs} : tensor_shape{outputs, features}, tensor_shape{outputs}};
  const auto values = l.learned(std::span(expected).first(has_bias ? 2 : 1));
  result.weights = transpose ? make_tensor<float>({outputs, features}) : copy_of(values[0]);
  for (std::size_t i = 0; transpose && i < values[0].size(); ++i) {
    result.weights.data()[i % outputs * features + i / outputs] = values[0][i];
  }
  if (has_bias) result.bias = values_of(values[1]);
  return result;
}

/// Blobs: sums of means and of variances, and what to divide them by; 0 stands for no statistics at all, as in Caffe.
[[nodiscard]] inline caffe_read_result read_caffe_batch_norm(caffe_source& l) {
  caffe_fields p = l.fields.fields("batch_norm_param");
  const float epsilon = p.real("eps", 1e-5F);
  if (!p.boolean("use_global_stats", true)) {
    p.problem("got use_global_stats false, expected true: statistics of the batch are for training");
  }
  if (!l.ready()) return std::nullopt;

  const std::size_t channels = l.channels();
  const std::array<tensor_shape, 3> expected{tensor_shape{channels}, tensor_shape{channels}, tensor_shape{1}};
  const auto values = l.learned(expected);
  const double divisor = static_cast<double>(values[2][0]);
  layers::batch_norm result;
  result.statistics.epsilon = static_cast<double>(epsilon);
  result.statistics.mean = values_of<double>(values[0]);
  result.statistics.variance = values_of<double>(values[1]);
  for (auto* statistic : {&result.statistics.mean, &result.statistics.variance}) {
    for (double& v : *statistic) v = divisor == 0.0 ? 0.0 : v / divisor;
  }
  return result;
}

/// The first of the axes that factors cover and how many they are; -1 takes all to the end.
[[nodiscard]] inline tensor_shape caffe_factor_shape(const caffe_source& l, std::size_t axis, std::int64_t num_axes) {
  return l.run_of_axes(axis, num_axes == -1 ? l.inputs[0].rank() - axis : static_cast<std::size_t>(num_axes));
}

[[nodiscard]] inline caffe_read_result read_caffe_scale(caffe_source& l) {
  caffe_fields p = l.fields.fields("scale_param");
  const std::int64_t axis = p.axis("axis", 1);
  const std::int64_t num_axes = p.integer<std::int64_t>("num_axes", 1, -1, tensor_shape::max_rank);
  const bool has_shift = p.boolean("bias_term", false);
  if (!l.ready()) return std::nullopt;

  layers::scale result;
  result.params.axis = l.axis(axis);
  const bool has_factor = l.inputs.size() == 1;
  const tensor_shape factor = has_factor ? caffe_factor_shape(l, result.params.axis, num_axes) : l.inputs[1];
  const std::vector<tensor_shape> expected((has_factor ? 1U : 0U) + (has_shift ? 1U : 0U), factor);
  const auto values = l.learned(expected);
  if (has_factor) result.factor = copy_of(values.front());
  if (has_shift) result.shift = values_of(values.back());
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_bias(caffe_source& l) {
  caffe_fields p = l.fields.fields("bias_param");
  const std::int64_t axis = p.axis("axis", 1);
  const std::int64_t num_axes = p.integer<std::int64_t>("num_axes", 1, -1, tensor_shape::max_rank);
  if (!l.ready()) return std::nullopt;

  layers::scale result;
  result.params.axis = l.axis(axis);
  const std::array expected{caffe_factor_shape(l, result.params.axis, num_axes)};
  result.shift = values_of(l.learned(expected)[0]);
  result.factor = make_tensor<float>(expected[0]);
  result.factor->fill(1.0F);
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_relu(caffe_source& l) {
  return relu_params{static_cast<double>(l.fields.fields("relu_param").real("negative_slope", 0.0F))};
}

[[nodiscard]] inline caffe_read_result read_caffe_prelu(caffe_source& l) {
  const bool shared = l.fields.fields("prelu_param").boolean("channel_shared", false);
  if (!l.ready()) return std::nullopt;
  const std::array expected{tensor_shape{shared ? 1 : l.channels()}};
  return layers::prelu{values_of(l.learned(expected)[0])};
}

template <activation_function Function>
[[nodiscard]] caffe_read_result read_caffe_activation(caffe_source& l) {
  activation_params result{Function};
  if constexpr (Function == activation_function::sigmoid) (void)l.fields.fields("sigmoid_param");
  if constexpr (Function == activation_function::tanh) (void)l.fields.fields("tanh_param");
  if constexpr (Function == activation_function::elu) {
    result.alpha = static_cast<double>(l.fields.fields("elu_param").real("alpha", 1.0F));
  }
  if constexpr (Function == activation_function::exponential || Function == activation_function::logarithm) {
    caffe_fields p = l.fields.fields(Function == activation_function::exponential ? "exp_param" : "log_param");
    result.base = static_cast<double>(p.real("base", -1.0F));
    result.scale = static_cast<double>(p.real("scale", 1.0F));
    result.shift = static_cast<double>(p.real("shift", 0.0F));
  }
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_power(caffe_source& l) {
  caffe_fields p = l.fields.fields("power_param");
  power_params result;
  result.exponent = static_cast<double>(p.real("power", 1.0F));
  result.scale = static_cast<double>(p.real("scale", 1.0F));
  result.shift = static_cast<double>(p.real("shift", 0.0F));
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_softmax(caffe_source& l) {
  const std::int64_t axis = l.fields.fields("softmax_param").axis("axis", 1);
  if (!l.ready()) return std::nullopt;
  return softmax_params{l.axis(axis)};
}

[[nodiscard]] inline caffe_read_result read_caffe_pooling(caffe_source& l) {
  caffe_fields p = l.fields.fields("pooling_param");
  pooling_params result;
  const std::size_t method = p.one_of("pool", 0, {"MAX", "AVE", "STOCHASTIC"});
  if (method == 2) p.problem("got pool STOCHASTIC, expected MAX or AVE");
  result.operation = method == 1 ? pooling_operation::average : pooling_operation::maximum;
  result.global = p.boolean("global_pooling", false);
  if (!result.global || p.has("kernel_size") || p.has("kernel_h") || p.has("kernel_w")) {
    result.kernel = p.pair("kernel_size", "kernel_h", "kernel_w", std::nullopt, 1);
    if (result.global) p.problem("got a kernel for global_pooling, expected none");
  }
  result.stride = p.pair("stride", "stride_h", "stride_w", 1, 1);
  const auto pad = p.pair("pad", "pad_h", "pad_w", 0, 0);
  result.pad = {pad[0], pad[1]};
  // Caffe has round_mode; forks, and tools that convert from other frameworks, write ceil_mode.
  const bool ceil_mode = p.boolean("ceil_mode", true);
  const bool ceil_rounding = p.one_of("round_mode", 0, {"CEIL", "FLOOR"}) == 0;
  if (p.has("ceil_mode") && p.has("round_mode")) p.problem("got ceil_mode and round_mode, expected one of them");
  result.size = ceil_mode && ceil_rounding ? pooling_size::ceil : pooling_size::floor;
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_eltwise(caffe_source& l) {
  caffe_fields p = l.fields.fields("eltwise_param");
  constexpr std::array operations{eltwise_operation::product, eltwise_operation::sum, eltwise_operation::maximum};
  eltwise_params result;
  result.operation = operations[p.one_of("operation", 1, {"PROD", "SUM", "MAX"})];
  result.coefficients = p.reals("coeff");
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_concat(caffe_source& l) {
  caffe_fields p = l.fields.fields("concat_param");
  const std::int64_t axis = p.axis_or_dim("concat_dim");
  if (!l.ready()) return std::nullopt;
  return concat_params{l.axis(axis)};
}

[[nodiscard]] inline caffe_read_result read_caffe_identity(caffe_source&) { return layers::identity{}; }

[[nodiscard]] inline caffe_read_result read_caffe_flatten(caffe_source& l) {
  caffe_fields p = l.fields.fields("flatten_param");
  const std::int64_t axis = p.axis("axis", 1);
  const std::int64_t end_axis = p.axis("end_axis", -1);
  if (!l.ready()) return std::nullopt;
  return layers::flatten{l.axis(axis), l.axis(end_axis, "end_axis")};
}

[[nodiscard]] inline caffe_read_result read_caffe_reshape(caffe_source& l) {
  caffe_fields p = l.fields.fields("reshape_param");
  const std::int64_t axis = p.axis("axis", 0);
  const std::int64_t num_axes = p.integer<std::int64_t>("num_axes", -1, -1, tensor_shape::max_rank);
  layers::reshape result;
  if (!p.has("shape")) p.problem("got no shape, expected one");
  result.params.extents = p.fields("shape").integers<std::int64_t>("dim", -1, caffe_fields::most);
  if (!l.ready()) return std::nullopt;

  // Unlike other axes it may stand behind the last one, where axes of extent 1 are added.
  const auto rank = static_cast<std::int64_t>(l.inputs[0].rank());
  require<shape_error>(axis >= -rank - 1 && axis <= rank, "got axis ", axis, " of input ", l.inputs[0], ", expected ",
                       -rank - 1, " to ", rank);
  result.axis = static_cast<std::size_t>(axis < 0 ? axis + rank + 1 : axis);
  result.count = num_axes == -1 ? l.inputs[0].rank() - result.axis : static_cast<std::size_t>(num_axes);
  return result;
}

/// SSD's: the axes that `order` does not name follow in their order.
[[nodiscard]] inline caffe_read_result read_caffe_permute(caffe_source& l) {
  permute_params result;
  result.order = l.fields.fields("permute_param").integers<std::size_t>("order", 0, tensor_shape::max_rank - 1);
  if (!l.ready()) return std::nullopt;
  for (std::size_t axis = 0; axis < l.inputs[0].rank(); ++axis) {
    if (std::find(result.order.begin(), result.order.end(), axis) == result.order.end()) result.order.push_back(axis);
  }
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_reduction(caffe_source& l) {
  caffe_fields p = l.fields.fields("reduction_param");
  const std::string operation = p.identifier("operation", "SUM");
  const float coefficient = p.real("coeff", 1.0F);
  const std::int64_t axis = p.axis("axis", 0);
  const bool is_mean = operation == "MEAN";
  if (!is_mean && operation != "SUM") p.problem("got operation ", excerpt(operation), ", expected SUM or MEAN");
  if (is_mean && coefficient != 1.0F) p.problem("got coeff ", coefficient, " for MEAN, expected 1");
  if (!l.ready()) return std::nullopt;
  const std::vector<std::size_t> axes = axes_from(l.axis(axis), l.inputs[0].rank());
  if (is_mean) return reduce_mean_params{axes, false};
  return reduce_sum_params{axes, false, static_cast<double>(coefficient)};
}

[[nodiscard]] inline caffe_read_result read_caffe_normalize(caffe_source& l) {
  caffe_fields p = l.fields.fields("norm_param");
  layers::normalize result;
  result.params.across_positions = p.boolean("across_spatial", true);
  result.params.epsilon = static_cast<double>(p.real("eps", 1e-10F));
  const bool shared = p.boolean("channel_shared", true);
  if (!l.ready()) return std::nullopt;
  const std::array expected{tensor_shape{shared ? 1 : l.channels()}};
  result.factor = values_of(l.learned(expected)[0]);
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_slice(caffe_source& l) {
  caffe_fields p = l.fields.fields("slice_param");
  const std::int64_t axis = p.axis_or_dim("slice_dim");
  slice_params result;
  result.points = p.integers<std::size_t>("slice_point", 0, caffe_fields::most);
  if (!l.ready()) return std::nullopt;
  result.axis = l.axis(axis);
  if (result.points.empty()) result.parts = l.outputs;
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_lrn(caffe_source& l) {
  caffe_fields p = l.fields.fields("lrn_param");
  lrn_params result;
  result.local_size = p.integer<std::size_t>("local_size", 5, 1, caffe_fields::most);
  result.alpha = static_cast<double>(p.real("alpha", 1.0F));
  result.beta = static_cast<double>(p.real("beta", 0.75F));
  result.k = static_cast<double>(p.real("k", 1.0F));
  const std::size_t region = p.one_of("norm_region", 0, {"ACROSS_CHANNELS", "WITHIN_CHANNEL"});
  result.region = region == 0 ? lrn_region::across_channels : lrn_region::within_channel;
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_mvn(caffe_source& l) {
  caffe_fields p = l.fields.fields("mvn_param");
  mvn_params result;
  result.normalize_variance = p.boolean("normalize_variance", true);
  result.across_channels = p.boolean("across_channels", false);
  result.epsilon = static_cast<double>(p.real("eps", 1e-9F));
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_upsample(caffe_source& l) {
  upsample_params result;
  result.factor = l.fields.fields("upsample_param").integer<std::size_t>("scale", 2, 1, caffe_fields::most);
  if (result.factor != 2) l.on_cpu = true;
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_crop(caffe_source& l) {
  caffe_fields p = l.fields.fields("crop_param");
  const std::int64_t axis = p.axis("axis", 2);
  crop_params result;
  result.offsets = p.integers<std::size_t>("offset", 0, caffe_fields::most);
  if (!l.ready()) return std::nullopt;
  result.axis = l.axis(axis);
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_argmax(caffe_source& l) {
  caffe_fields p = l.fields.fields("argmax_param");
  argmax_params result;
  result.top_k = p.integer<std::size_t>("top_k", 1, 1, caffe_fields::most);
  result.out_max_val = p.boolean("out_max_val", false);
  const std::int64_t axis = p.axis("axis", 0);
  if (!l.ready()) return std::nullopt;
  if (p.has("axis")) result.axis = l.axis(axis);
  return result;
}

struct caffe_operator {
  std::string_view type;
  caffe_read_result (*read)(caffe_source&);
  std::size_t least_inputs = 1;
  std::size_t most_inputs = 1;
  bool several_outputs = false;
  bool activation = false;
  bool on_hardware = true;  ///< Crop is not supported; ArgMax is in no list (public transcriptions of the guide)
};

inline constexpr std::size_t any_number = std::numeric_limits<std::size_t>::max();
inline constexpr auto caffe_operators = std::to_array<caffe_operator>({
    {"Convolution", read_caffe_convolution<caffe_convolution::plain>},
    {"ConvolutionDepthwise", read_caffe_convolution<caffe_convolution::depthwise>},
    {"DepthwiseConvolution", read_caffe_convolution<caffe_convolution::depthwise>},
    {"DepthwiseConv", read_caffe_convolution<caffe_convolution::depthwise>},
    {"Deconvolution", read_caffe_convolution<caffe_convolution::transposed>},
    {"InnerProduct", read_caffe_inner_product},
    {"BatchNorm", read_caffe_batch_norm},
    {.type = "Scale", .read = read_caffe_scale, .most_inputs = 2},
    {"Bias", read_caffe_bias},
    {.type = "ReLU", .read = read_caffe_relu, .activation = true},
    {.type = "PReLU", .read = read_caffe_prelu, .activation = true},
    {.type = "Sigmoid", .read = read_caffe_activation<activation_function::sigmoid>, .activation = true},
    {.type = "TanH", .read = read_caffe_activation<activation_function::tanh>, .activation = true},
    {.type = "ELU", .read = read_caffe_activation<activation_function::elu>, .activation = true},
    {.type = "AbsVal", .read = read_caffe_activation<activation_function::absolute>, .activation = true},
    {.type = "Exp", .read = read_caffe_activation<activation_function::exponential>, .activation = true},
    {.type = "Log", .read = read_caffe_activation<activation_function::logarithm>, .activation = true},
    {"Power", read_caffe_power},
    {"Softmax", read_caffe_softmax},
    {"Pooling", read_caffe_pooling},
    {.type = "Eltwise", .read = read_caffe_eltwise, .least_inputs = 2, .most_inputs = any_number},
    {.type = "Concat", .read = read_caffe_concat, .most_inputs = any_number},
    {.type = "Split", .read = read_caffe_identity, .several_outputs = true},
    {"Dropout", read_caffe_identity},
    {"Flatten", read_caffe_flatten},
    {"Reshape", read_caffe_reshape},
    {"Permute", read_caffe_permute},
    {"Reduction", read_caffe_reduction},
    {"Normalize", read_caffe_normalize},
    {.type = "Slice", .read = read_caffe_slice, .several_outputs = true},
    {"LRN", read_caffe_lrn},
    {"MVN", read_caffe_mvn},
    {"Upsample", read_caffe_upsample},
    {.type = "Crop", .read = read_caffe_crop, .least_inputs = 2, .most_inputs = 2, .on_hardware = false},
    {.type = "ArgMax", .read = read_caffe_argmax, .on_hardware = false},
});

class caffe_importer {
 public:
  caffe_importer(const prototxt_message& net, const caffe_model* model, std::string_view model_file)
      : net_(net), learned_(model, model_file.empty() ? "the model" : model_file) {}

  [[nodiscard]] network import() {
    caffe_fields file(&net_, net_.where(), problems_);
    if (file.has("name")) result_.name = file.string("name");
    add_file_inputs(file);
    if (file.has("layer") && file.has("layers")) file.problem("got layer and layers, expected one kind");
    for (const prototxt_field& f : net_.fields()) {
      if (f.name() == "layer" || f.name() == "layers") add_layer(f);
    }
    problems_.enter("");
    for (const std::string_view name : {"force_backward", "debug_info", "state"}) net_.ignore(name);
    for (const prototxt_unread& u : net_.unread()) {
      // What is in layers was looked at with them; what was left out with those is nobody's.
      if (u.path.starts_with("layer.") || u.path.starts_with("layers.")) continue;
      problems_.add(concat(u.where, ": got the unknown field ", excerpt(u.path), ", expected one that a network has"));
    }
    if (problems_.count() == 0 && result_.layers.empty()) file.problem("got no layers, expected at least one");
    problems_.throw_any();
    return std::move(result_);
  }

 private:
  struct made {
    bool known = false;   ///< its shape
    bool on_cpu = false;  ///< by a layer that the host computes
  };

  void add_file_inputs(caffe_fields& file) {
    const std::vector<const prototxt_field*> fields = file.all("input");
    const std::vector<std::string> names = file.strings("input");
    std::vector<tensor_shape> shapes = file.shapes("input_shape");
    const auto dims = file.integers<std::size_t>("input_dim", 1, caffe_fields::most);
    const std::size_t shape_count = file.all("input_shape").size();
    const std::size_t dim_count = file.all("input_dim").size();
    const bool fits =
        (shape_count == fields.size() && dim_count == 0) || (shape_count == 0 && dim_count == 4 * fields.size());
    if (!fits) {
      file.problem("got ", fields.size(), " input, ", shape_count, " input_shape and ", dim_count,
                   " input_dim, expected for each input one input_shape or four input_dim");
    }
    if (problems_.count() != 0) return;
    for (std::size_t i = 0; i < dims.size(); i += 4) {
      shapes.push_back(file.shape({dims[i], dims[i + 1], dims[i + 2], dims[i + 3]}));
    }
    for (std::size_t i = 0; i < names.size(); ++i)
      add_input(names[i], "Input", fields[i]->where(), names[i], shapes[i]);
  }

  void add_input(const std::string& name, const std::string& type, const prototxt_position& where,
                 const std::string& top, const std::optional<tensor_shape>& shape) {
    problems_.enter(name);
    if (name.ends_with("_cpu")) problems_.add(concat(where, ": got the mark _cpu, expected none on an input"));
    if (!take_name(name, where)) return;
    layer l{.name = name, .type = type, .where = concat(where), .inputs = {}, .outputs = {}, .params = layers::input{}};
    l.outputs = {declare(top, "", where)};
    if (shape) set_shape(l.outputs[0], *shape, where);
    result_.layers.push_back(std::move(l));
  }

  void add_layer(const prototxt_field& field) {
    problems_.enter("");
    const prototxt_position& where = field.where();
    const prototxt_message* message = nullptr;
    try {
      message = &field.message();
    } catch (const parse_error& e) {
      problems_.add(e.what());
      return;
    }
    caffe_fields fields(message, where, problems_);
    const bool v1 = field.name() == "layers";
    if (v1 && fields.has("layer")) {
      fields.problem("got a layer of Caffe's V0 format, expected V1 or newer: upgrade_net_proto_text converts it");
      return;
    }
    const std::string name = fields.string("name");
    problems_.enter(name);
    const std::string type = v1 ? v1_type(fields) : fields.string("type");
    if (!is_included(fields)) return;
    const std::vector<std::string> bottoms = fields.strings("bottom");
    const std::vector<std::string> tops = fields.strings("top");
    if (name.empty() || type.empty()) {
      for (const std::string& top : tops) (void)declare(top, top, where);
    } else if (type.ends_with("Loss") || type == "Accuracy" || type == "Silence" || type == "HDF5Output") {
      for (const std::string& top : tops) left_out_.insert_or_assign(top, name);
    } else if (type == "Input" || type.ends_with("Data")) {
      add_data(fields, *message, name, type, where, tops);
    } else {
      add_operator(fields, *message, name, type, where, bottoms, tops);
    }
  }

  /// The newer format's name of a V1 type; "" after a problem.
  [[nodiscard]] std::string v1_type(caffe_fields& fields) {
    if (!fields.has("type")) fields.problem("got no type, expected one");
    const std::string name = fields.identifier("type", "");
    const auto found = std::find_if(caffe_v1_types.begin(), caffe_v1_types.end(),
                                    [&](const caffe_v1_type& t) { return t.enum_name == name; });
    if (found != caffe_v1_types.end() && !found->type.empty()) return std::string(found->type);
    if (!name.empty()) fields.problem("got layer type ", excerpt(name), ", expected one of Caffe's V1 format");
    return "";
  }

  /// Caffe's rules for a network that is used, not trained: phase TEST, level 0, no stages.
  [[nodiscard]] bool is_included(caffe_fields& fields) {
    const auto any_matches = [&](std::string_view kind) {
      bool any = false;
      for (const prototxt_field* f : fields.all(kind)) {
        if (f->kind() != prototxt_kind::message) {
          fields.problem("got ", kind, " without a message, expected { phase: ... } or the like");
          continue;
        }
        caffe_fields rule(&f->message(), f->where(), problems_);
        const bool in_phase = rule.one_of("phase", 1, {"TRAIN", "TEST"}) == 1;
        using limits = std::numeric_limits<std::int32_t>;
        const bool above = rule.integer<std::int32_t>("min_level", 0, limits::min(), limits::max()) <= 0;
        const bool below = rule.integer<std::int32_t>("max_level", 0, limits::min(), limits::max()) >= 0;
        const bool in_stages = rule.strings("stage").empty();
        (void)rule.strings("not_stage");
        any = any || (in_phase && above && below && in_stages);
      }
      return any;
    };
    const bool include = any_matches("include");
    const bool exclude = any_matches("exclude");
    if (fields.has("include") && fields.has("exclude")) {
      fields.problem("got include and exclude, expected one of them");
    }
    return fields.has("include") ? include : !exclude;
  }

  /// An input for each top; of the layers that read files, the pictures only, whose labels are for training.
  void add_data(caffe_fields& fields, const prototxt_message& message, const std::string& name, const std::string& type,
                const prototxt_position& where, std::vector<std::string> tops) {
    std::vector<tensor_shape> shapes;
    const std::size_t before = problems_.count();
    if (tops.empty()) {
      fields.problem("got no top, expected one");
      return;
    }
    if (type == "Input") {
      shapes = fields.fields("input_param").shapes("shape");
      if (shapes.empty()) fields.problem("got no input_param with a shape, expected one");
    } else if (type == "DummyData") {
      shapes = dummy_shapes(fields.fields("dummy_data_param"));
    } else if (type == "MemoryData") {
      caffe_fields p = fields.fields("memory_data_param");
      shapes = {p.shape({p.count("batch_size"), p.count("channels"), p.count("height"), p.count("width")})};
      leave_out_labels(tops, name);
    } else if (type == "ImageData") {
      shapes = {image_shape(fields)};
      leave_out_labels(tops, name);
    } else {
      fields.problem("got layer type ", excerpt(type), ", whose data base or file alone knows the shape, expected an ",
                     "Input layer with its shape");
    }
    if (type == "Input") add_unread(message, type);
    if (problems_.count() == before && shapes.size() != 1 && shapes.size() != tops.size()) {
      fields.problem("got ", shapes.size(), " shapes for ", tops.size(), " tops, expected one or as many");
    }
    const bool known = problems_.count() == before;
    for (std::size_t t = 0; t < tops.size(); ++t) {
      const auto shape = known ? std::optional(shapes[shapes.size() == 1 ? 0 : t]) : std::nullopt;
      add_input(tops.size() == 1 ? name : tops[t], type, where, tops[t], shape);
    }
  }

  [[nodiscard]] static std::vector<tensor_shape> dummy_shapes(caffe_fields p) {
    std::vector<tensor_shape> shapes = p.shapes("shape");
    if (p.has("shape")) return shapes;
    const auto list = [&](std::string_view name) {
      if (!p.has(name)) p.problem("got no ", name, ", expected it, or a shape");
      return p.integers<std::size_t>(name, 1, caffe_fields::most);
    };
    const std::array lists{list("num"), list("channels"), list("height"), list("width")};
    for (std::size_t i = 0; i < lists[0].size(); ++i) {
      const bool all = std::all_of(lists.begin(), lists.end(), [&](const auto& values) { return i < values.size(); });
      if (!all) {
        p.problem("got ", lists[0].size(), " num, but fewer channels, height or width, expected as many");
        break;
      }
      shapes.push_back(p.shape({lists[0][i], lists[1][i], lists[2][i], lists[3][i]}));
    }
    return shapes;
  }

  [[nodiscard]] static tensor_shape image_shape(caffe_fields& fields) {
    caffe_fields p = fields.fields("image_data_param");
    const std::size_t batch = p.integer<std::size_t>("batch_size", 1, 1, caffe_fields::most);
    const std::size_t channels = p.boolean("is_color", true) ? 3 : 1;
    caffe_fields transform = fields.fields("transform_param");
    if (const auto crop = transform.integer<std::size_t>("crop_size", 0, 0, caffe_fields::most); crop != 0) {
      return p.shape({batch, channels, crop, crop});
    }
    return p.shape({batch, channels, p.count("new_height"), p.count("new_width")});
  }

  void add_operator(caffe_fields& fields, const prototxt_message& message, const std::string& name,
                    const std::string& type, const prototxt_position& where, const std::vector<std::string>& bottoms,
                    const std::vector<std::string>& tops) {
    const std::size_t before = problems_.count();
    const bool is_new = take_name(name, where);
    layer l{.name = name, .type = type, .where = concat(where), .inputs = {}, .outputs = {}, .params = {}};
    caffe_source source{.fields = fields, .name = name, .type = type};
    source.inputs_known = find_inputs(bottoms, where, l.inputs);
    for (const std::size_t b : l.inputs) source.inputs.push_back(result_.blobs[b].shape);

    const auto op = std::find_if(caffe_operators.begin(), caffe_operators.end(),
                                 [&](const caffe_operator& o) { return o.type == type; });
    const bool in_place = !tops.empty() && !bottoms.empty() && tops[0] == bottoms[0];
    if (op != caffe_operators.end()) {
      l.on_cpu = on_cpu(*op, l, in_place, where);
      check_count(fields, "bottom", bottoms.size(), op->least_inputs, op->most_inputs);
      check_count(fields, "top", tops.size(), 1, op->several_outputs ? any_number : 1);
    } else {
      fields.problem("got layer type ", excerpt(type), ", which is not supported");
    }
    for (std::size_t t = 0; t < tops.size(); ++t) {
      l.outputs.push_back(declare(tops[t], t < bottoms.size() ? bottoms[t] : "", where));
      if (tops[t].ends_with("_report") && !name.ends_with("_cpu")) report(l.outputs.back());
    }
    if (op == caffe_operators.end() || !is_new) return;

    source.outputs = tops.size();
    source.learned_values = &learned_;
    source.problems = &problems_;
    source.problems_before = before;
    try {
      if (caffe_read_result params = op->read(source); params && source.ready()) {
        if (!source.has_learned) (void)source.learned({});
        l.params = std::move(*params);
        l.on_cpu = l.on_cpu || source.on_cpu;
        const std::vector<tensor_shape> shapes = infer_shapes(l, source.inputs);
        for (std::size_t t = 0; t < shapes.size(); ++t) set_shape(l.outputs[t], shapes[t], where);
      }
    } catch (const error& e) {
      fields.problem(e.what());
    }
    add_unread(message, type);
    for (const std::size_t o : l.outputs) made_[o].on_cpu = l.on_cpu;
    if (problems_.count() == before) result_.layers.push_back(std::move(l));
  }

  void leave_out_labels(std::vector<std::string>& tops, const std::string& layer) {
    for (std::size_t t = 1; t < tops.size(); ++t) left_out_.insert_or_assign(tops[t], layer);
    tops.resize(1);
  }

  /// Whether the host computes the layer. The compiler takes no mark on an in-place activation, which belongs to the
  /// layer before (the vendor's forum; nnie-facts 5).
  [[nodiscard]] bool on_cpu(const caffe_operator& op, const layer& l, bool in_place, const prototxt_position& where) {
    const bool is_marked = l.name.ends_with("_cpu");
    const bool belongs_to_input = op.activation && in_place;
    if (is_marked && belongs_to_input) {
      problems_.add(concat(where,
                           ": got the mark _cpu, expected none on an in-place activation: its input's layer has ",
                           "it, or it writes a blob of its own"));
    }
    const bool input_on_cpu = !l.inputs.empty() && made_[l.inputs[0]].on_cpu;
    return is_marked || !op.on_hardware || (belongs_to_input && input_on_cpu);
  }

  static void check_count(caffe_fields& fields, std::string_view what, std::size_t got, std::size_t least,
                          std::size_t most) {
    if (got >= least && got <= most) return;
    fields.problem(
        "got ", got, " ", what, ", expected ",
        most == any_number ? concat("at least ", least) : concat(least, most > least ? concat(" or ", most) : ""));
  }

  /// Looks the blobs up; false where one is not there or its shape is not known.
  [[nodiscard]] bool find_inputs(const std::vector<std::string>& bottoms, const prototxt_position& where,
                                 std::vector<std::size_t>& inputs) {
    bool known = true;
    for (const std::string& bottom : bottoms) {
      const auto found = newest_.find(bottom);
      if (found != newest_.end()) {
        inputs.push_back(found->second);
        known = known && made_[found->second].known;
        continue;
      }
      known = false;
      const auto left_out = left_out_.find(bottom);
      problems_.add(concat(where, ": got bottom ", excerpt(bottom), ", expected a blob that a layer before makes",
                           left_out == left_out_.end()
                               ? ""
                               : concat("; layer ", excerpt(left_out->second), " is left out, it is for training")));
    }
    return known;
  }

  /// A new blob. Only the layer's own bottom in the same place may have the name already.
  [[nodiscard]] std::size_t declare(const std::string& top, std::string_view bottom, const prototxt_position& where) {
    if (top != bottom && newest_.contains(top)) {
      problems_.add(concat(where, ": got top ", excerpt(top), ", which is there already, expected a new name or the ",
                           "layer's own bottom"));
    }
    const std::size_t index = result_.blobs.size();
    result_.blobs.push_back({top, {}});
    made_.push_back({});
    newest_.insert_or_assign(top, index);
    return index;
  }

  /// A layer that works in place leaves one output on the hardware: the newest of the name.
  void report(std::size_t index) {
    std::erase_if(result_.reported, [&](std::size_t b) { return result_.blobs[b].name == result_.blobs[index].name; });
    result_.reported.push_back(index);
  }

  void set_shape(std::size_t index, const tensor_shape& shape, const prototxt_position& where) {
    if (shape.size() > network_element_limit - elements_) {
      problems_.add(concat(where, ": got blob ", excerpt(result_.blobs[index].name), " of shape ", shape, " after ",
                           elements_, " elements of others, expected at most ", network_element_limit, " in all"));
      return;
    }
    elements_ += shape.size();
    result_.blobs[index].shape = shape;
    made_[index].known = true;
  }

  [[nodiscard]] bool take_name(const std::string& name, const prototxt_position& where) {
    const auto [at, is_new] = names_.try_emplace(name, where.line);
    if (!is_new) {
      problems_.add(
          concat(where, ": got the name ", excerpt(name), " again, expected it once: it was at line ", at->second));
    }
    return is_new;
  }

  void add_unread(const prototxt_message& message, std::string_view type) {
    for (const prototxt_unread& u : message.unread()) {
      problems_.add(
          concat(u.where, ": got the unknown field ", excerpt(u.path), ", expected one that ", excerpt(type), " has"));
    }
  }

  const prototxt_message& net_;
  caffe_learned learned_;
  caffe_problems problems_;
  network result_;
  std::vector<made> made_;                       ///< of each blob
  std::map<std::string, std::size_t> newest_;    ///< blob by name
  std::map<std::string, std::string> left_out_;  ///< blob to the layer that would make it
  std::map<std::string, std::uint32_t> names_;   ///< of layers, to their lines
  std::size_t elements_ = 0;                     ///< of all blobs
};

}  // namespace detail

/// The network of a prototxt (V1 or newer) with the model's learned values, which are matched by layer name.
/// Layers stay in the file's order. What only training needs (losses, labels, layers of phase TRAIN, fillers) is left
/// out; any other unknown layer or field is an error. Throws parse_error with up to 50 problems, one per line, each
/// with file, line, column and layer. `model_file` names the model in them. Without a model (nullptr), layers that
/// have learned values are errors. Counts the fields as read, so that a tree serves one thread at a time.
[[nodiscard]] inline network import_caffe(const prototxt_message& net, const caffe_model* model,
                                          std::string_view model_file = {}) {
  return detail::caffe_importer(net, model, model_file).import();
}

/// The network of two files. Throws as read_prototxt, read_caffemodel and import_caffe.
[[nodiscard]] inline network read_caffe_network(const std::filesystem::path& prototxt,
                                                const std::filesystem::path& caffemodel) {
  const prototxt_message net = read_prototxt(prototxt);
  const caffe_model model = read_caffemodel(caffemodel);
  return import_caffe(net, &model, caffemodel.string());
}

NNIESIM_END_NAMESPACE
