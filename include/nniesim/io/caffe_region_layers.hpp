// Caffe's layers of regions, boxes and sizes: how their parameters become a layer's (layer.hpp).
#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nniesim/io/caffe_padding.hpp>
#include <nniesim/io/caffe_source.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

[[nodiscard]] inline caffe_read_result read_caffe_pooling(caffe_source& l) {
  caffe_fields p = l.fields.fields("pooling_param");
  pooling_params result;
  const std::size_t method = p.one_of("pool", 0, {"MAX", "AVE", "STOCHASTIC", "AVE_EXC_PAD", "AVE_TF"});
  if (method == 2) p.problem("got pool STOCHASTIC, expected MAX or AVE");
  result.operation = method == 0   ? pooling_operation::maximum
                     : method == 1 ? pooling_operation::average
                                   : pooling_operation::average_inside;
  result.global = p.boolean("global_pooling", false);
  if (!result.global || p.has("kernel_size") || p.has("kernel_h") || p.has("kernel_w")) {
    result.kernel = p.pair("kernel_size", "kernel_h", "kernel_w", std::nullopt, 1);
    if (result.global) p.problem("got a kernel for global_pooling, expected none");
  }
  result.stride = p.pair("stride", "stride_h", "stride_w", 1, 1);
  const caffe_padding pad = read_caffe_padding(p);
  for (const std::string_view name : {"kernel_size", "stride", "pad"}) {
    if (const std::size_t n = p.all(name).size(); n > 1) p.problem("got ", n, " values of ", name, ", expected 1");
  }
  // Caffe has round_mode; forks, and tools that convert from other frameworks, write ceil_mode.
  (void)p.either("ceil_mode", "round_mode");
  const bool ceil_mode = p.boolean("ceil_mode", true);
  const bool ceil_rounding = p.one_of("round_mode", 0, {"CEIL", "FLOOR"}) == 0;
  result.size = ceil_mode && ceil_rounding ? pooling_size::ceil : pooling_size::floor;
  if (!l.ready()) return std::nullopt;
  require_rank(l.inputs[0], 4, "input", "batch, channels, rows, columns");
  result.pad = pad.on(l.inputs[0], result.kernel, result.stride);
  return result;
}

/// {rows, columns} by what the fields of Upsample say: scale, scale_h and scale_w (SegNet's fork), height_scale and
/// width_scale (converters), less pad_out_h and pad_out_w; or upsample_h and upsample_w, which come first.
[[nodiscard]] inline caffe_read_result read_caffe_upsample(caffe_source& l) {
  caffe_fields p = l.fields.fields("upsample_param");
  const std::size_t scale = p.integer<std::size_t>("scale", 2, 1, caffe_fields::most);
  const auto two = [&](std::string_view rows, std::string_view columns,
                       bool reals) -> std::optional<std::array<std::size_t, 2>> {
    if (!p.has(rows) && !p.has(columns)) return std::nullopt;
    if (p.has(rows) != p.has(columns)) p.problem("got only one of ", rows, " and ", columns, ", expected both");
    const auto whole = [&](std::string_view name) {
      if (!reals) return p.integer<std::size_t>(name, 1, 1, caffe_fields::most);
      const float v = p.real(name, 1.0F);
      const bool fits = v >= 1 && v < 0x1p24F && v == std::floor(v);
      if (!fits) p.problem("got ", name, ' ', v, ", expected a whole number from 1");
      return fits ? static_cast<std::size_t>(v) : 1;
    };
    return std::array{whole(rows), whole(columns)};
  };
  const auto size = two("upsample_h", "upsample_w", false);
  const auto scales = two("scale_h", "scale_w", false);
  const auto named = two("height_scale", "width_scale", true);
  const std::array less{p.boolean("pad_out_h", false), p.boolean("pad_out_w", false)};
  if (p.one_of("mode", 0, {"NEAREST", "BILINEAR"}) == 1) {
    p.problem("got mode BILINEAR, expected NEAREST, or a layer ResizeBilinear or Interp");
  }
  if (scales && named) p.problem("got scale_h beside height_scale, expected one of them");
  const auto factors = scales ? scales : named;
  if (factors && p.has("scale")) p.problem("got scale beside a factor of each axis, expected one kind");
  if (!l.ready()) return std::nullopt;

  const tensor_shape& x = l.inputs[0];
  require_rank(x, 4, "input", "batch, channels, rows, columns");
  std::array<std::size_t, 2> to{};
  for (std::size_t i = 0; i < 2; ++i) {
    to[i] = size ? (*size)[i] : x[2 + i] * (factors ? (*factors)[i] : scale) - (less[i] ? 1 : 0);
  }
  if (l.inputs.size() == 2) return unpool_params{to};
  upsample_params result{scale, {}};
  if (!size && factors && (*factors)[0] == (*factors)[1]) result.factor = (*factors)[0];
  const std::size_t factor = result.factor;
  if (to != std::array{x[2] * factor, x[3] * factor}) result.size = to;
  if (to != std::array{2 * x[2], 2 * x[3]}) l.on_cpu = true;
  return result;
}

/// DeepLab's: aligned corners, to a size or by factors: first shrunk, then enlarged, of what cropping leaves.
[[nodiscard]] inline caffe_read_result read_caffe_interp(caffe_source& l) {
  caffe_fields p = l.fields.fields("interp_param");
  const auto count = [&](std::string_view name) { return p.integer<std::size_t>(name, 1, 1, caffe_fields::most); };
  const std::array size{count("height"), count("width")};
  const std::size_t shrink = count("shrink_factor"), zoom = count("zoom_factor");
  constexpr auto least = -static_cast<std::int64_t>(caffe_fields::most);
  const auto before = p.integer<std::int64_t>("pad_beg", 0, least, 0);
  const auto after = p.integer<std::int64_t>("pad_end", 0, least, 0);
  const bool has_size = p.has("height") || p.has("width");
  const bool has_factor = p.has("shrink_factor") || p.has("zoom_factor");
  if (has_size == has_factor || p.has("height") != p.has("width")) {
    p.problem("got ", has_size ? has_factor ? "a size and factors" : "a part of a size" : "neither size nor factors",
              ", expected height and width, or shrink_factor or zoom_factor");
  }
  if (!l.ready()) return std::nullopt;

  resize_params result;
  const auto crop_before = static_cast<std::size_t>(-before), crop_after = static_cast<std::size_t>(-after);
  result.crop = {crop_before, crop_before, crop_after, crop_after};
  const tensor_shape& x = l.inputs[0];
  require_rank(x, 4, "input", "batch, channels, rows, columns");
  for (std::size_t i = 0; i < 2; ++i) {
    require<shape_error>(crop_before < x[2 + i] && crop_after < x[2 + i] - crop_before, "got pad_beg ", before,
                         " and pad_end ", after, " for input ", x, ", expected something left");
    const std::size_t shrunk = (x[2 + i] - crop_before - crop_after - 1) / shrink + 1;
    result.size[i] = has_size ? size[i] : shrunk + (shrunk - 1) * (zoom - 1);
  }
  return result;
}

/// TensorFlow's, as a fork of Caffe has them.
template <resize_method Method>
[[nodiscard]] caffe_read_result read_caffe_resize(caffe_source& l) {
  constexpr bool is_nearest = Method == resize_method::nearest;
  caffe_fields p = l.fields.fields(is_nearest ? "resize_nearest_neighbor_param" : "resize_bilinear_param");
  resize_params result;
  result.method = Method;
  const bool corners = p.boolean("align_corners", false), half_pixels = p.boolean("half_pixel_centers", false);
  if (corners && half_pixels) p.problem("got align_corners and half_pixel_centers, expected one of them");
  result.grid = corners ? resize_grid::corners : half_pixels ? resize_grid::half_pixels : resize_grid::origin;
  if (!p.has("data_format") || p.string("data_format") != "NCHW") {
    p.problem("got ", p.has("data_format") ? "another data_format" : "no data_format", ", expected \"NCHW\"");
  }
  constexpr std::array names{std::array{"output_height", "scale_height"}, std::array{"output_width", "scale_width"}};
  std::array<float, 2> scale{};
  for (std::size_t i = 0; i < 2; ++i) {
    const auto [to, by] = names[i];
    if (p.has(to) == p.has(by)) p.problem("got ", p.has(to) ? "both " : "neither ", to, " and ", by, ", expected one");
    result.size[i] = p.integer<std::size_t>(to, 0, 1, caffe_fields::most);
    scale[i] = p.real(by, 0.0F);
    if (p.has(by) && !(scale[i] > 0 && scale[i] < 0x1p24F)) p.problem("got ", by, ' ', scale[i], ", expected above 0");
  }
  if (!l.ready()) return std::nullopt;
  require_rank(l.inputs[0], 4, "input", "batch, channels, rows, columns");
  for (std::size_t i = 0; i < 2; ++i) {
    if (result.size[i] != 0) continue;
    const float to = std::floor(static_cast<float>(l.inputs[0][2 + i]) * scale[i]);
    require<shape_error>(to >= 1 && to < 0x1p24F, "got ", names[i][1], ' ', scale[i], " for input ", l.inputs[0],
                         ", expected 1 to 2^24 elements");
    result.size[i] = static_cast<std::size_t>(to);
  }
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_pass_through(caffe_source& l) {
  caffe_fields p = l.fields.fields("pass_through_param");
  const std::array block{p.count("block_height"), p.count("block_width")};
  const std::size_t outputs = p.integer<std::size_t>("num_output", 0, 0, caffe_fields::most);
  if (!l.ready()) return std::nullopt;
  const pass_through_params result{block, block_order::blocks};
  const tensor_shape y = infer_shape(result, l.inputs[0]);
  require<shape_error>(outputs == 0 || outputs == y[1], "got num_output ", outputs, " for blocks of ", block[0], " x ",
                       block[1], " of input ", l.inputs[0], ", expected ", y[1]);
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_reorg(caffe_source& l) {
  caffe_fields p = l.fields.fields("reorg_param");
  const std::size_t stride = p.count("stride");
  const bool reverse = p.boolean("reverse", false);
  return pass_through_params{{stride, stride}, reverse ? block_order::to_space : block_order::darknet};
}

/// Of a fork for super-resolution, a field of its Reshape; channels in the usual order, as its source has them.
[[nodiscard]] inline caffe_read_result read_caffe_pixel_shuffle(caffe_source& l, caffe_fields& p) {
  const std::size_t factor = p.integer<std::size_t>("pixelshuffler", 1, 1, caffe_fields::most);
  l.on_cpu = true;
  return pass_through_params{{factor, factor}, block_order::shuffle};
}

[[nodiscard]] inline caffe_read_result read_caffe_roi_pooling(caffe_source& l) {
  caffe_fields p = l.fields.fields("roi_pooling_param");
  roi_pooling_params result;
  result.pooled = {p.count("pooled_h"), p.count("pooled_w")};
  result.spatial_scale = p.real("spatial_scale", 1.0F);
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_psroi_pooling(caffe_source& l) {
  caffe_fields p = l.fields.fields("psroi_pooling_param");
  psroi_pooling_params result;
  if (!p.has("spatial_scale")) p.problem("got no spatial_scale, expected one");
  result.spatial_scale = p.real("spatial_scale", 1.0F);
  result.outputs = p.count("output_dim");
  result.group = p.count("group_size");
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_spp(caffe_source& l) {
  caffe_fields p = l.fields.fields("spp_param");
  spp_params result;
  result.levels = p.count("pyramid_height");
  const std::size_t method = p.one_of("pool", 0, {"MAX", "AVE", "STOCHASTIC"});
  if (method == 2) p.problem("got pool STOCHASTIC, expected MAX or AVE");
  result.operation = method == 0 ? pooling_operation::maximum : pooling_operation::average;
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_proposal(caffe_source& l) {
  caffe_fields p = l.fields.fields("proposal_param");
  proposal_params result;
  const auto count = [&](std::string_view name, std::size_t& value) {
    value = p.integer<std::size_t>(name, value, 1, caffe_fields::most);
  };
  count("feat_stride", result.stride);
  count("base_size", result.base_size);
  count("pre_nms_topn", result.before_suppression);
  count("post_nms_topn", result.regions);
  result.min_size = p.real("min_size", result.min_size);
  if (p.has("nms_thresh")) result.overlap_threshold = static_cast<double>(p.real("nms_thresh", 0.0F));
  if (p.has("ratio")) result.ratios = p.reals("ratio");
  if (p.has("scale")) result.scales = p.reals("scale");
  return result;
}

/// The numbers of a Python layer's param_str by name: "'feat_stride': 16, 'scales': [8, 16]", with braces around it or
/// without, quoted or not. Nothing where it is not such a list.
[[nodiscard]] inline std::optional<std::map<std::string, std::vector<double>, std::less<>>> python_numbers(
    std::string_view text) {
  std::map<std::string, std::vector<double>, std::less<>> result;
  const auto skip = [&](std::string_view what) {
    while (!text.empty() && what.find(text.front()) != std::string_view::npos) text.remove_prefix(1);
  };
  const auto take = [&](char c) {
    skip(" \t\r\n");
    if (text.empty() || text.front() != c) return false;
    text.remove_prefix(1);
    return true;
  };
  const auto number = [&](std::vector<double>& to) {
    skip(" \t\r\n");
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || !std::isfinite(value)) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    to.push_back(value);
    return true;
  };
  const bool has_braces = take('{');
  for (bool is_more = true; is_more;) {
    skip(" \t\r\n");
    if (text.empty() || text.front() == '}') break;
    const char quote = text.front() == '\'' || text.front() == '"' ? text.front() : '\0';
    if (quote != '\0') text.remove_prefix(1);
    const std::size_t end = quote != '\0' ? text.find(quote) : text.find_first_of(" \t\r\n:");
    if (end == std::string_view::npos || end == 0) return std::nullopt;
    const std::string name(text.substr(0, end));
    text.remove_prefix(end + (quote != '\0' ? 1 : 0));
    if (!take(':')) return std::nullopt;
    std::vector<double>& values = result[name];
    if (!values.empty()) return std::nullopt;
    const char close = take('[') ? ']' : take('(') ? ')' : '\0';
    do {
      if (!number(values)) return std::nullopt;
    } while (close != '\0' && take(','));
    if (close != '\0' && !take(close)) return std::nullopt;
    is_more = take(',');
  }
  if (has_braces && !take('}')) return std::nullopt;
  skip(" \t\r\n");
  return text.empty() ? std::optional(std::move(result)) : std::nullopt;
}

/// Whether a Python module is of that name, in whatever package.
[[nodiscard]] inline bool is_module(std::string_view module, std::string_view name) {
  if (!module.ends_with(name)) return false;
  module.remove_suffix(name.size());
  return module.empty() || module.ends_with('.');
}

/// Whether a Python layer is one that is read: py-faster-rcnn's proposals, CTPN's, or darknet's reorg, told by module
/// and class.
[[nodiscard]] inline bool is_known_python_layer(std::string_view module, std::string_view type) {
  return type == "darknet_reorg" ||
         (type == "ProposalLayer" && (is_module(module, "proposal_layer") || is_module(module, "text_proposal_layer")));
}

/// Layers that Caffe leaves to a Python module.
[[nodiscard]] inline caffe_read_result read_caffe_python(caffe_source& l) {
  caffe_fields p = l.fields.fields("python_param");
  const std::string module = p.string("module"), type = p.string("layer");
  const std::string parameters = p.has("param_str") ? p.string("param_str") : "";
  if (type == "darknet_reorg") {
    if (!parameters.empty()) p.problem("got param_str ", excerpt(parameters), " for darknet_reorg, expected none");
    if (l.inputs.size() != 1 && l.inputs_known) p.problem("got ", l.inputs.size(), " bottom, expected 1");
    return pass_through_params{{2, 2}, block_order::darknet};
  }
  l.on_cpu = true;
  const bool is_text = is_module(module, "text_proposal_layer");
  proposal_params result;
  const auto numbers = python_numbers(parameters);
  if (!numbers) {
    p.problem("got param_str ", excerpt(parameters), ", expected names and numbers: 'feat_stride': 16");
    return std::nullopt;
  }
  for (const auto& [name, values] : *numbers) {
    const auto one = [&, &given = values, &of = name]() {
      if (given.size() != 1) p.problem("got ", given.size(), " values of ", of, " in param_str, expected one");
      return given.front();
    };
    const auto whole = [&, &of = name]() -> std::size_t {
      const double v = one();
      const bool fits = v >= 1 && v <= static_cast<double>(caffe_fields::most) && v == std::floor(v);
      if (!fits) p.problem("got ", of, ' ', v, " in param_str, expected a whole number from 1");
      return fits ? static_cast<std::size_t>(v) : 1;
    };
    if (name == "feat_stride") result.stride = whole();
    else if (name == "scales" && !is_text) result.scales.assign(values.begin(), values.end());
    else if (name == "ratios" && !is_text) result.ratios.assign(values.begin(), values.end());
    else
      p.problem("got ", excerpt(name), " in param_str, expected feat_stride",
                is_text ? " alone" : ", scales or ratios");
  }
  if (!numbers->contains("feat_stride")) p.problem("got no feat_stride in param_str, expected one");
  if (is_text) return text_proposal_params{result.stride};
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_prior_box(caffe_source& l) {
  caffe_fields p = l.fields.fields("prior_box_param");
  prior_box_params result;
  // Caffe reads the fields as floats, and computes with what is whole of them.
  const auto sizes = [&](std::string_view name) {
    std::vector<float> values = p.reals(name);
    for (float& v : values) v = std::trunc(v);
    return values;
  };
  result.min_sizes = sizes("min_size");
  result.max_sizes = sizes("max_size");
  result.aspect_ratios = p.reals("aspect_ratio");
  result.flip = p.boolean("flip", true);
  result.clip = p.boolean("clip", false);
  result.dense = p.boolean("faceboxes", false);
  result.offset = p.real("offset", 0.5F);
  const std::vector<float> variance = p.reals("variance");
  if (variance.size() == 1) result.variance.fill(variance[0]);
  else if (variance.size() == 4) std::copy(variance.begin(), variance.end(), result.variance.begin());
  else if (!variance.empty()) p.problem("got ", variance.size(), " values of variance, expected 1 or 4");
  // One field for both axes, or one for each.
  const auto is_pair = [&](std::string_view both, std::string_view rows, std::string_view columns) {
    if (p.has(both) && (p.has(rows) || p.has(columns)))
      p.problem("got ", both, " beside ", rows, ", expected one kind");
    if (p.has(rows) != p.has(columns)) p.problem("got only one of ", rows, " and ", columns, ", expected both");
    return !p.has(both);
  };
  const auto pixels = [&](std::string_view name) { return p.integer<std::size_t>(name, 0, 1, caffe_fields::most); };
  const bool two_sizes = is_pair("img_size", "img_h", "img_w"), two_steps = is_pair("step", "step_h", "step_w");
  result.image = {pixels(two_sizes ? "img_h" : "img_size"), pixels(two_sizes ? "img_w" : "img_size")};
  const auto step = [&](std::string_view name) {
    const float s = p.real(name, 0.0F);
    if (p.has(name) && !(s > 0)) p.problem("got ", name, ' ', s, ", expected more than 0");
    return s;
  };
  result.step = {step(two_steps ? "step_h" : "step"), step(two_steps ? "step_w" : "step")};
  return result;
}

[[nodiscard]] inline caffe_read_result read_caffe_detection_output(caffe_source& l) {
  caffe_fields p = l.fields.fields("detection_output_param");
  // Where to write and how to show it.
  for (const std::string_view name : {"save_output_param", "visualize", "visualize_threshold", "save_file"})
    p.ignore(name);
  detection_output_params result;
  constexpr auto most = static_cast<std::int64_t>(caffe_fields::most);
  const auto up_to = [](std::int64_t n) {
    return n < 0 ? std::optional<std::size_t>{} : std::optional(static_cast<std::size_t>(n));
  };
  result.classes = p.count("num_classes");
  result.share_location = p.boolean("share_location", true);
  result.background = up_to(p.integer<std::int64_t>("background_label_id", 0, -1, most));
  // Caffe's enum begins at 1.
  constexpr std::array codes{box_code::corner, box_code::corner, box_code::center_size, box_code::corner_size};
  const std::size_t code = p.one_of("code_type", 1, {"0", "CORNER", "CENTER_SIZE", "CORNER_SIZE"});
  if (code == 0) p.problem("got code_type 0, expected CORNER, CENTER_SIZE or CORNER_SIZE");
  result.code = codes[code];
  result.variance_in_target = p.boolean("variance_encoded_in_target", false);
  result.keep_top_k = up_to(p.integer<std::int64_t>("keep_top_k", -1, -1, most));
  result.confidence_threshold = p.real("confidence_threshold", result.confidence_threshold);
  caffe_fields nms = p.fields("nms_param");
  result.overlap_threshold = static_cast<double>(nms.real("nms_threshold", 0.3F));
  result.eta = static_cast<double>(nms.real("eta", 1.0F));
  result.top_k = up_to(nms.integer<std::int64_t>("top_k", -1, -1, most));
  return result;
}

}  // namespace detail

NNIESIM_END_NAMESPACE
