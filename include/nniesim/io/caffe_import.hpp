// A Caffe network, its prototxt and its learned values, as a network (layer.hpp): every name, parameter and shape
// checked first, everything that is wrong told at once.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/io/caffe_layers.hpp>

NNIESIM_BEGIN_NAMESPACE

/// Elements that one blob may have, and all blobs of a network together; more is a parse_error.
inline constexpr std::size_t blob_element_limit = std::size_t{1} << 31U;
inline constexpr std::size_t network_element_limit = std::size_t{1} << 34U;

namespace detail {

class caffe_importer {
 public:
  caffe_importer(const prototxt_message& net, const caffe_model* model, std::string_view model_file)
      : net_(net), learned_(model, model_file.empty() ? "the model" : model_file) {}
  caffe_importer(const prototxt_message& net, caffe_model&& model, std::string_view model_file)
      : net_(net), learned_(std::move(model), model_file.empty() ? "the model" : model_file) {}

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
    caffe_source source{.fields = fields, .name = name};
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
      if (!tops[t].ends_with("_report") || name.ends_with("_cpu")) continue;
      // A layer that works in place leaves one output on the hardware: the newest of the name.
      if (t < l.inputs.size() && tops[t] == bottoms[t]) std::erase(result_.reported, l.inputs[t]);
      result_.reported.push_back(l.outputs.back());
    }
    if (op == caffe_operators.end() || !is_new) return;

    source.outputs = tops.size();
    source.learned_values = &learned_;
    source.problems = &problems_;
    source.problems_before = before;
    try {
      if (caffe_read_result params = op->read(source); params && source.ready()) {
        if (!source.has_learned) (void)source.learned({});
        learned_.drop(name);
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
    result_.layers.push_back(std::move(l));
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

  void set_shape(std::size_t index, const tensor_shape& shape, const prototxt_position& where) {
    if (shape.size() > std::min(blob_element_limit, network_element_limit - elements_)) {
      problems_.add(concat(where, ": got blob ", excerpt(result_.blobs[index].name), " of shape ", shape, " after ",
                           elements_, " elements of others, expected at most ", blob_element_limit, " and ",
                           network_element_limit, " in all"));
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

/// The same of a model that is not needed any more: its values are moved, not copied.
[[nodiscard]] inline network import_caffe(const prototxt_message& net, caffe_model&& model,
                                          std::string_view model_file = {}) {
  return detail::caffe_importer(net, std::move(model), model_file).import();
}

/// The network of two files. Throws as read_prototxt, read_caffemodel and import_caffe.
[[nodiscard]] inline network read_caffe_network(const std::filesystem::path& prototxt,
                                                const std::filesystem::path& caffemodel) {
  const prototxt_message net = read_prototxt(prototxt);
  return import_caffe(net, read_caffemodel(caffemodel), caffemodel.string());
}

NNIESIM_END_NAMESPACE
