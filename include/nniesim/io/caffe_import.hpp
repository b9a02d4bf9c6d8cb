// A Caffe network, its prototxt and its learned values, as a network (layer.hpp): every name, parameter and shape
// checked first, everything that is wrong told at once.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/core/nearest_names.hpp>
#include <nniesim/io/caffe_layers.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Elements that one blob may have, and all blobs of a network together; more is a parse_error.
inline constexpr std::size_t blob_element_limit = std::size_t{1} << 31U;
inline constexpr std::size_t network_element_limit = std::size_t{1} << 34U;  ///< of all blobs of a network together

/// What is done with layers and values that a network or its model lacks.
struct caffe_import_options {
  /// Name, with or without the mark _hp, of the last layer to read: the rest of the file is not looked at. "": all are
  /// read.
  std::string stop_at{};
  /// Leaves out layers of unknown types, layers with unknown fields or an unexpected number of inputs or outputs, and
  /// Custom layers, with all layers that depend on them. The network's remarks name them.
  bool until_unsupported = false;
  bool has_custom_values = false;  ///< Custom layers are kept, whose values come from elsewhere
  /// No model is needed: every learned value is 1. For shapes, costs and the hardware's rules.
  bool shapes_alone = false;
  /// Every learned value of a layer that the model does not have is 1; the network's remarks name such layers.
  bool lacking_are_ones = false;
};

namespace detail {

class caffe_importer {
 public:
  /// `model` is a pointer to one, or one to be moved from.
  template <class Model>
  caffe_importer(const prototxt_message& net, Model&& model, std::string_view model_file, caffe_import_options options)
      : net_(net),
        learned_(std::forward<Model>(model), model_file.empty() ? "the model" : model_file, options.shapes_alone,
                 options.lacking_are_ones),
        options_(std::move(options)) {}

  [[nodiscard]] network import() {
    caffe_fields file(&net_, net_.where(), problems_);
    if (file.has("name")) result_.name = file.string("name");
    add_file_inputs(file);
    if (file.has("layer") && file.has("layers")) file.problem("got layer and layers, expected one kind");
    collect_names();
    for (const prototxt_field& f : net_.fields()) {
      if (!stopped_ && (f.name() == "layer" || f.name() == "layers")) add_layer(f);
    }
    problems_.enter("");
    if (!options_.stop_at.empty() && !stopped_) {
      file.problem("got no layer ", excerpt(options_.stop_at), " to stop at, expected one",
                   nearest_names(options_.stop_at, {all_names_.begin(), all_names_.end()}));
    }
    for (const std::string_view name : {"force_backward", "debug_info", "state"}) net_.ignore(name);
    for (const prototxt_unread& u : net_.unread()) {
      // Fields inside layers were checked with them; those of layers that were left out are ignored.
      if (u.path.starts_with("layer.") || u.path.starts_with("layers.")) continue;
      if (stopped_ && (u.path == "layer" || u.path == "layers")) continue;
      problems_.add(message(u.where, ": got the unknown field ", excerpt(u.path), ", expected one that a network has"));
    }
    if (problems_.count() == 0 && result_.layers.empty()) file.problem("got no layers, expected at least one");
    problems_.throw_any();
    remark_left_out();
    const std::vector<std::string>& lacking = learned_.lacking();
    for (std::size_t i = 0; i < std::min(lacking.size(), most_remarks); ++i) {
      result_.remarks.push_back(message("got no learned values of layer ", excerpt(lacking[i]), " in ", learned_.file(),
                                        ": its shapes, rules and costs alone are right"));
    }
    if (lacking.size() > most_remarks) {
      result_.remarks.push_back(message("the same of ", lacking.size() - most_remarks, " further layers"));
    }
    return std::move(result_);
  }

 private:
  static constexpr std::size_t none = ~std::size_t{0};
  static constexpr std::size_t most_remarks = 20;  ///< of one kind
  struct made {
    bool known = false;       ///< its shape
    bool on_cpu = false;      ///< by a layer that the host computes
    std::size_t lost = none;  ///< it depends on this one of lost_
  };
  /// A layer that is not supported, where that is not an error.
  struct lost_layer {
    std::string what;           ///< "layer 'x' (net:3:1): ..."
    std::size_t followers = 0;  ///< layers that depend on it
  };

  /// Whether the layer of that name is the last one to read.
  [[nodiscard]] bool is_last(std::string_view name) const {
    return name == options_.stop_at || (is_marked_hp(name) && name.substr(0, name.size() - 3) == options_.stop_at);
  }

  /// Collects the names of all layers, so that no made-up name equals one of the file.
  void collect_names() {
    for (const prototxt_field& f : net_.fields()) {
      if ((f.name() != "layer" && f.name() != "layers") || f.kind() != prototxt_kind::message) continue;
      for (const prototxt_field* name : f.message().all("name")) all_names_.insert(name->text());
    }
  }

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
    for (std::size_t i = 0; i + 3 < dims.size(); i += 4) {
      shapes.push_back(file.shape({dims[i], dims[i + 1], dims[i + 2], dims[i + 3]}));
    }
    if (names.size() != fields.size()) return;
    const bool known = problems_.count() == 0;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto shape = known ? std::optional(shapes[i]) : std::nullopt;
      add_input(names[i], "Input", fields[i]->where(), names[i], shape);
    }
  }

  void add_input(const std::string& name, const std::string& type, const prototxt_position& where,
                 const std::string& top, const std::optional<tensor_shape>& shape) {
    problems_.enter(name);
    if (name.ends_with("_cpu")) problems_.add(message(where, ": got the mark _cpu, expected none on an input"));
    if (!take_name(name, where)) return;
    stopped_ = stopped_ || is_last(name);
    layer l{
        .name = name, .type = type, .where = message(where), .inputs = {}, .outputs = {}, .params = layers::input{}};
    l.outputs = {declare(top, "", where)};
    if (shape) set_shape(l.outputs[0], *shape, where);
    result_.layers.push_back(std::move(l));
  }

  void add_layer(const prototxt_field& field) {
    problems_.enter("");
    const prototxt_position& where = field.where();
    const prototxt_message* body = nullptr;
    try {
      body = &field.message();
    } catch (const parse_error& e) {
      problems_.add(e.what());
      return;
    }
    caffe_fields fields(body, where, problems_);
    const bool v1 = field.name() == "layers";
    if (v1 && fields.has("layer")) {
      fields.problem("got a layer of Caffe's V0 format, expected V1 or newer: upgrade_net_proto_text converts it");
      return;
    }
    const std::string name = fields.string("name");
    problems_.enter(name);
    const std::string type = v1 ? v1_type(fields) : fields.string("type");
    const bool is_data = type == "Input" || type.ends_with("Data");
    const bool is_used = is_included(fields);
    const std::vector<std::string> bottoms = fields.strings("bottom");
    const std::vector<std::string> tops = fields.strings("top");
    if (!is_used) {
      for (const std::string& top : tops) {
        if (is_data)
          only_trained_.insert_or_assign(
              top, message("layer ", excerpt(name), " is for training; expected ", input_instead(fields, name, top)));
      }
      return;
    }
    if (name.empty() || type.empty()) {
      for (const std::string& top : tops) (void)declare(top, top, where);
    } else if (type.ends_with("Loss") || type == "Accuracy" || type == "DetectionEvaluate" || type == "Silence" ||
               type == "HDF5Output") {
      for (const std::string& top : tops) left_out_.insert_or_assign(top, name);
    } else if (is_data) {
      add_data(fields, *body, name, type, where, tops);
    } else {
      add_operator(fields, *body, name, type, where, bottoms, tops);
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

  /// Caffe's rules for inference: phase TEST, level 0, no stages.
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

  /// The Input layer that replaces, for inference, a layer that reads pictures from a database.
  [[nodiscard]] static std::string input_instead(caffe_fields& fields, std::string_view name, std::string_view top) {
    caffe_fields transform = fields.fields("transform_param");
    caffe_fields resized = transform.fields("resize_param");
    const auto extent = [&](std::string_view of_resize, std::string_view unknown) {
      std::size_t n = transform.integer<std::size_t>("crop_size", 0, 0, caffe_fields::most);
      if (n == 0) n = resized.integer<std::size_t>(of_resize, 0, 0, caffe_fields::most);
      return n == 0 ? std::string(unknown) : message(n);
    };
    return message("layer { name: ", excerpt(name), " type: 'Input' top: ", excerpt(top),
                   " input_param { shape { dim: 1 dim: 3 dim: ", extent("height", "ROWS"),
                   " dim: ", extent("width", "COLUMNS"), " } } } in its place");
  }

  /// An input for each top; of the layers that read files, the pictures only, whose labels are for training.
  void add_data(caffe_fields& fields, const prototxt_message& body, const std::string& name, const std::string& type,
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
    } else if (const auto shape = picture_shape(fields); shape && (type == "Data" || type == "AnnotatedData")) {
      shapes = {*shape};
      leave_out_labels(tops, name);
    } else {
      fields.problem("got layer type ", excerpt(type), ", whose data base or file alone knows the shape, expected an ",
                     "Input layer with its shape: ", input_instead(fields, name, tops[0]));
    }
    if (type == "Input") add_unread(body, type);
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

  /// Of a layer that reads a data base, where its fields alone tell: pictures are cropped or warped to one size, and
  /// have as many channels as values of the mean, if these are several (Caffe checks that).
  [[nodiscard]] static std::optional<tensor_shape> picture_shape(caffe_fields& fields) {
    caffe_fields transform = fields.fields("transform_param"), resized = transform.fields("resize_param");
    caffe_fields data = fields.fields("data_param");
    const std::size_t batch = data.integer<std::size_t>("batch_size", 0, 1, caffe_fields::most);
    const std::size_t crop = transform.integer<std::size_t>("crop_size", 0, 0, caffe_fields::most);
    const std::size_t channels = transform.reals("mean_value").size();
    const bool is_warped = resized.identifier("resize_mode", "WARP") == "WARP";
    const auto extent = [&](std::string_view name) {
      const std::size_t n = resized.integer<std::size_t>(name, 0, 0, caffe_fields::most);
      return crop != 0 ? crop : is_warped ? n : 0;
    };
    const std::size_t rows = extent("height"), columns = extent("width");
    if (batch == 0 || channels < 2 || rows == 0 || columns == 0) return std::nullopt;
    return fields.shape({batch, channels, rows, columns});
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

  void add_operator(caffe_fields& fields, const prototxt_message& body, const std::string& name,
                    const std::string& type, const prototxt_position& where, const std::vector<std::string>& bottoms,
                    const std::vector<std::string>& tops) {
    const std::size_t before = problems_.count();
    const std::uint32_t first_line = line_of(name);
    layer l{.name = own_name(name, where),
            .type = type,
            .where = message(where),
            .inputs = {},
            .outputs = {},
            .params = {}};
    stopped_ = is_last(l.name);
    caffe_source source{.fields = fields, .name = name};
    source.first_line = first_line;
    source.inputs_known = find_inputs(bottoms, where, l.inputs);
    for (const std::size_t b : l.inputs) source.inputs.push_back(result_.blobs[b].shape);

    const auto op = std::find_if(caffe_operators.begin(), caffe_operators.end(),
                                 [&](const caffe_operator& o) { return o.type == type; });
    const bool is_known = is_known_type(op, fields);
    const bool in_place = !tops.empty() && !bottoms.empty() && tops[0] == bottoms[0];
    std::size_t lost = lost_before(l.inputs);
    if (lost != none) {
      ++lost_[lost].followers;
    } else if (is_known) {
      l.on_cpu = on_cpu(*op, l, in_place, where);
      for (const std::string& wrong : {count_problem("bottom", bottoms.size(), op->least_inputs, op->most_inputs),
                                       count_problem("top", tops.size(), 1, op->several_outputs ? any_number : 1)}) {
        if (wrong.empty() || lost != none) continue;
        if (options_.until_unsupported) lost = lose(l, wrong);
        else fields.problem(wrong);
      }
    } else if (options_.until_unsupported) {
      lost = lose(l, message("type ", excerpt(type_name(fields, type)), " is not supported"));
    } else {
      problems_.add_missing(type_name(fields, type), where, name);
    }
    for (std::size_t t = 0; t < tops.size(); ++t) {
      l.outputs.push_back(declare(tops[t], t < bottoms.size() ? bottoms[t] : "", where));
    }
    if (lost == none && is_known) {
      source.outputs = tops.size();
      source.learned_values = &learned_;
      source.problems = &problems_;
      source.problems_before = before;
      read(*op, source, l, fields, where);
      const std::string unsupported = unsupported_part(body, l);
      if (unsupported.empty()) add_unread(body, type);
      else lost = lose(l, unsupported);
    }
    if (lost != none) {
      if (stopped_) fields.problem("got the layer to stop at, expected one that can be run; ", lost_[lost].what);
      for (const std::size_t o : l.outputs) made_[o] = {.known = false, .on_cpu = false, .lost = lost};
      return;
    }
    if (!is_known) return;
    report(l, bottoms, tops);
    for (const std::size_t o : l.outputs) made_[o].on_cpu = l.on_cpu;
    result_.layers.push_back(std::move(l));
  }

  /// The layer's parameters, and the shapes of its outputs.
  void read(const caffe_operator& op, caffe_source& source, layer& l, caffe_fields& fields,
            const prototxt_position& where) {
    try {
      if (caffe_read_result params = op.read(source); params && source.ready()) {
        if (!source.has_learned) (void)source.learned({});
        learned_.drop(source.name);
        l.params = std::move(*params);
        l.on_cpu = l.on_cpu || source.on_cpu;
        const std::vector<tensor_shape> shapes = infer_shapes(l, source.inputs);
        for (std::size_t t = 0; t < shapes.size(); ++t) set_shape(l.outputs[t], shapes[t], where);
      }
    } catch (const error& e) {
      fields.problem(e.what());
    }
  }

  /// The outputs with the mark _report, of layers of the accelerator.
  void report(const layer& l, const std::vector<std::string>& bottoms, const std::vector<std::string>& tops) {
    for (std::size_t t = 0; t < tops.size(); ++t) {
      if (!tops[t].ends_with("_report") || l.name.ends_with("_cpu")) continue;
      // A layer that works in place leaves one output on the hardware: the newest of the name.
      if (t < l.inputs.size() && tops[t] == bottoms[t]) std::erase(result_.reported, l.inputs[t]);
      result_.reported.push_back(l.outputs[t]);
    }
  }

  /// A type as it is shown: for Python layers with module and class.
  [[nodiscard]] static std::string type_name(caffe_fields& fields, const std::string& type) {
    if (type != "Python" || !fields.has("python_param")) return type;
    caffe_fields python = fields.fields("python_param");
    const std::string module = python.has("module") ? python.string("module") + "." : "";
    return python.has("layer") ? type + ":" + module + python.string("layer") : type;
  }
  [[nodiscard]] static bool is_known_type(const caffe_operator* op, caffe_fields& fields) {
    if (op == caffe_operators.end() || op->type != "Python" || !fields.has("python_param"))
      return op != caffe_operators.end();
    caffe_fields python = fields.fields("python_param");
    return is_known_python_layer(python.has("module") ? python.string("module") : "", python.string("layer"));
  }

  /// What is not supported in a layer of a known type, where that is not an error; "" where all is.
  [[nodiscard]] std::string unsupported_part(const prototxt_message& body, const layer& l) const {
    if (!options_.until_unsupported) return "";
    const std::vector<prototxt_unread> unread = body.unread();
    if (!unread.empty()) return message("its field ", excerpt(unread[0].path), " is not supported");
    const bool is_custom = std::holds_alternative<layers::custom>(l.params);
    return is_custom && !options_.has_custom_values ? "its values are those of a program of the host" : "";
  }

  [[nodiscard]] std::size_t lost_before(const std::vector<std::size_t>& inputs) const {
    for (const std::size_t b : inputs) {
      if (made_[b].lost != none) return made_[b].lost;
    }
    return none;
  }
  [[nodiscard]] std::size_t lose(const layer& l, std::string_view why) {
    lost_.push_back({message("layer ", excerpt(l.name), " (", l.where, "): ", why), 0});
    return lost_.size() - 1;
  }
  /// Names what was left out, and takes its blobs away.
  void remark_left_out() {
    if (lost_.empty()) return;
    for (std::size_t i = 0; i < std::min(lost_.size(), most_remarks); ++i) {
      const std::size_t n = lost_[i].followers;
      const std::string with_it =
          message("; with it ", n, n == 1 ? " layer that depends" : " layers that depend", " on it");
      result_.remarks.push_back(message("left out: ", lost_[i].what, n == 0 ? "" : with_it));
    }
    if (lost_.size() > most_remarks) {
      result_.remarks.push_back(message("left out: ", lost_.size() - most_remarks, " further layers"));
    }
    std::vector<std::size_t> moved(result_.blobs.size(), none);
    std::vector<blob> left;
    for (const layer& l : result_.layers) {
      for (const std::size_t b : l.outputs) {
        moved[b] = left.size();
        left.push_back(std::move(result_.blobs[b]));
      }
    }
    for (layer& l : result_.layers) {
      for (std::size_t& b : l.inputs) b = moved[b];
      for (std::size_t& b : l.outputs) b = moved[b];
    }
    for (std::size_t& b : result_.reported) b = moved[b];
    result_.blobs = std::move(left);
  }

  void leave_out_labels(std::vector<std::string>& tops, const std::string& layer) {
    for (std::size_t t = 1; t < tops.size(); ++t) left_out_.insert_or_assign(tops[t], layer);
    tops.resize(1);
  }

  /// Whether the host computes the layer. The compiler takes no mark on an in-place activation, which belongs to the
  /// layer before (users' reports).
  [[nodiscard]] bool on_cpu(const caffe_operator& op, const layer& l, bool in_place, const prototxt_position& where) {
    const bool is_marked = l.name.ends_with("_cpu");
    const bool belongs_to_input = op.activation && in_place;
    if (is_marked && belongs_to_input) {
      problems_.add(message(where,
                            ": got the mark _cpu, expected none on an in-place activation: its input's layer has ",
                            "it, or it writes a blob of its own"));
    }
    const bool input_on_cpu = !l.inputs.empty() && made_[l.inputs[0]].on_cpu;
    return is_marked || !op.on_hardware || (belongs_to_input && input_on_cpu);
  }

  /// "" for a number that the layer may have.
  [[nodiscard]] static std::string count_problem(std::string_view what, std::size_t got, std::size_t least,
                                                 std::size_t most) {
    if (got >= least && got <= most) return "";
    return message(
        "got ", got, " ", what, ", expected ",
        most == any_number ? message("at least ", least) : message(least, most > least ? message(" or ", most) : ""));
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
      problems_.add(message(where, ": got bottom ", excerpt(bottom), ", expected a blob that a layer before makes",
                            left_out == left_out_.end()
                                ? why_not_there(bottom)
                                : message("; layer ", excerpt(left_out->second), " is left out, it is for training")));
    }
    return known;
  }

  [[nodiscard]] std::string why_not_there(const std::string& bottom) const {
    const auto found = only_trained_.find(bottom);
    return found == only_trained_.end() ? "" : "; " + found->second;
  }

  /// Adds a blob. The name may be taken only by the layer's own bottom in the same place (an in-place layer).
  [[nodiscard]] std::size_t declare(const std::string& top, std::string_view bottom, const prototxt_position& where) {
    if (top != bottom && newest_.contains(top)) {
      problems_.add(message(where, ": got top ", excerpt(top), ", which is there already, expected a new name or the ",
                            "layer's own bottom"));
    }
    const std::size_t index = result_.blobs.size();
    result_.blobs.push_back({top, {}});
    made_.push_back({});
    newest_.insert_or_assign(top, index);
    return index;
  }

  void set_shape(std::size_t index, const tensor_shape& shape, const prototxt_position& where) {
    if (shape.size() > std::min(blob_element_limit, network_element_limit - elements_)) {
      problems_.add(message(where, ": got blob ", excerpt(result_.blobs[index].name), " of shape ", shape, " after ",
                            elements_, " elements of others, expected at most ", blob_element_limit, " and ",
                            network_element_limit, " in all"));
      return;
    }
    elements_ += shape.size();
    result_.blobs[index].shape = shape;
    made_[index].known = true;
  }

  /// The line of the layer that has the name, or 0.
  [[nodiscard]] std::uint32_t line_of(const std::string& name) const {
    const auto found = names_.find(name);
    return found == names_.end() ? 0 : found->second;
  }
  /// Caffe accepts a layer name twice where the layer has no learned values. The second one is called name#2 here, and
  /// so on; a mark _hp or _cpu stays at the end.
  [[nodiscard]] std::string own_name(const std::string& name, const prototxt_position& where) {
    if (names_.try_emplace(name, where.line).second) return name;
    const std::size_t mark = name.ends_with("_hp") ? 3 : name.ends_with("_cpu") ? 4 : 0;
    const std::string_view all = name;
    std::size_t& number = repeats_.try_emplace(name, 1).first->second;
    std::string own = name;
    while (all_names_.contains(own)) {
      own = message(all.substr(0, all.size() - mark), "#", ++number, all.substr(all.size() - mark));
    }
    all_names_.insert(own);
    names_.emplace(own, where.line);
    if (++repeated_ <= most_remarks) {
      result_.remarks.push_back(message(where, ": the name ", excerpt(name), " stands there again, it was at line ",
                                        line_of(name), ": this layer is called ", excerpt(own), " here"));
    } else if (repeated_ == most_remarks + 1) {
      result_.remarks.emplace_back("further layers whose names stand there again have numbers, too");
    }
    return own;
  }
  [[nodiscard]] bool take_name(const std::string& name, const prototxt_position& where) {
    const auto [at, is_new] = names_.try_emplace(name, where.line);
    if (!is_new) {
      problems_.add(
          message(where, ": got the name ", excerpt(name), " again, expected it once: it was at line ", at->second));
    }
    return is_new;
  }

  void add_unread(const prototxt_message& body, std::string_view type) {
    for (const prototxt_unread& u : body.unread()) {
      problems_.add(
          message(u.where, ": got the unknown field ", excerpt(u.path), ", expected one that ", excerpt(type), " has"));
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
  caffe_import_options options_;
  bool stopped_ = false;                             ///< at the layer that was asked for
  std::vector<lost_layer> lost_;                     ///< what is not supported, and left out
  std::map<std::string, std::string> only_trained_;  ///< blobs that layers of phase TRAIN alone give, and what to write
  std::set<std::string, std::less<>> all_names_;     ///< of layers
  std::map<std::string, std::size_t> repeats_;       ///< of names that stand there again
  std::size_t repeated_ = 0;
};

}  // namespace detail

/// The network of a prototxt (V1 or newer) with the model's learned values, which are matched by layer name. Layers
/// stay in the file's order. What only training needs (losses, labels, layers of phase TRAIN, fillers) is left out; any
/// other unknown layer or field is an error. Throws parse_error with up to 50 problems, one per line, each with file,
/// line, column and layer. `model_file` names the model in them. Without a model (nullptr), layers that have learned
/// values are errors, but for options.shapes_alone. A second layer of one name, without learned values, gets a number;
/// network::remarks says so, and names what the options left out. Marks the fields of the tree as read: only one thread
/// at a time may use a tree.
[[nodiscard]] inline network import_caffe(const prototxt_message& net, const caffe_model* model,
                                          std::string_view model_file = {}, caffe_import_options options = {}) {
  return detail::caffe_importer(net, model, model_file, std::move(options)).import();
}

/// The same for a model that is not needed any more: its values are moved, not copied.
[[nodiscard]] inline network import_caffe(const prototxt_message& net, caffe_model&& model,
                                          std::string_view model_file = {}, caffe_import_options options = {}) {
  return detail::caffe_importer(net, std::move(model), model_file, std::move(options)).import();
}

/// The network of two files; with options.shapes_alone the second is not read. Throws as read_prototxt, read_caffemodel
/// and import_caffe.
[[nodiscard]] inline network read_caffe_network(const std::filesystem::path& prototxt,
                                                const std::filesystem::path& caffemodel,
                                                caffe_import_options options = {}) {
  const prototxt_message net = read_prototxt(prototxt);
  if (options.shapes_alone) return import_caffe(net, nullptr, {}, std::move(options));
  return import_caffe(net, read_caffemodel(caffemodel), caffemodel.string(), std::move(options));
}

NNIESIM_END_NAMESPACE
