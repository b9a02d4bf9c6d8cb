// What the vendor needs to see one layer fail (step 6 of the debug flow): the layer cut out of its network, its
// weights, its inputs and outputs, and a script that computes them again; as the files of one archive.
// Long: the files of a bundle and the texts and script in them name each other, line for line.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/core/excerpt.hpp>
#include <nniesim/core/nearest_names.hpp>
#include <nniesim/core/version.hpp>
#include <nniesim/debug/dump_folder.hpp>
#include <nniesim/debug/prototxt_places.hpp>
#include <nniesim/io/caffe_import.hpp>
#include <nniesim/io/calibration_file.hpp>
#include <nniesim/io/compiler_cfg.hpp>
#include <nniesim/io/npy.hpp>
#include <nniesim/io/tar.hpp>
#include <nniesim/metrics/compare.hpp>
#include <nniesim/network/arithmetic.hpp>
#include <nniesim/network/fold.hpp>
#include <nniesim/network/runner.hpp>
#include <nniesim/network/single_layer.hpp>

NNIESIM_BEGIN_NAMESPACE

/// A network, its files, and the picture that shows the problem.
struct bundle_source {
  const network& original;                         ///< of these files, not folded
  const network& net;                              ///< the same, folded
  std::string_view prototxt;                       ///< its text
  const caffe_model& model;                        ///< its learned values
  const compiler_cfg& cfg;                         ///< compile_mode, and what else a layer's own cfg keeps
  const activation_ranges& ranges;                 ///< of the whole network
  std::vector<tensor_view<const float>> inputs{};  ///< of the network, in order
  executor threads{};                              ///< the result is the same for any number
};

/// How a bundle is made, and what it holds besides the layer.
struct bundle_options {
  std::vector<tensor<float>> other{};  ///< the layer's outputs elsewhere (on the board), all of them or none
  std::vector<tar_file> originals{};   ///< the user's own files: cfg, pictures, means, dumps
  std::string compiler_version{};      ///< of the vendor's compiler, as it prints it
  /// The first of bundle_seeds seeds: the weights are replaced by random ones that keep the failure.
  std::optional<std::uint64_t> random_weights{};
  double threshold = 0.99;  ///< of the cosine, below which a layer fails
};

/// How many seeds are tried until random weights keep the failure.
inline constexpr std::size_t bundle_seeds = 16;

/// A layer's bundle, as bundle_layer makes it and write_bundle writes it.
struct layer_bundle {
  std::vector<tar_file> files;          ///< names below the archive's folder
  double cosine = 0;                    ///< quantized against float, the layer by itself: the smallest over its outputs
  std::optional<std::uint64_t> seed{};  ///< of the random weights
};

/// The bundle of a layer, by its name in the folded network; layers that folding took into it come with it.
///
/// The layer's own cfg keeps compile_mode, and its calibration is that of the whole network, restricted to the layer.
/// Before anything is given back the bundle's files are read and run: they compute, bit for bit, what the layer
/// computes in the network when it is fed with the float run's values.
///
/// Random weights (of convolution, deconvolution and fully connected layers): of the same shape, those of each output
/// channel drawn from its own distribution (the whole blob's where a channel has under 16 values), its largest
/// magnitude kept. They keep the failure where the layer's cosine by itself stays on the same side of the threshold and
/// what it lacks to 1 stays within a factor of 2.
///
/// Throws format_error for a layer that is not there, is an input or was folded into another, inputs that are not
/// finite, other outputs of the wrong size, a layer that computes something else by itself (one whose place depends on
/// its neighbours), and random weights that do not keep the failure or stand beside other outputs; as network_runner.
[[nodiscard]] layer_bundle bundle_layer(const bundle_source& source, std::string_view layer,
                                        const bundle_options& options = {});

/// Writes the archive; its files are in a folder of the archive's name without its extension. Throws as write_tar.
inline void write_bundle(const std::filesystem::path& path, layer_bundle bundle) {
  const std::string folder = path.stem().string();
  for (tar_file& f : bundle.files) f.name = folder + "/" + f.name;
  write_tar(path, bundle.files);
}

namespace detail {

/// The text as a prototxt's string.
[[nodiscard]] inline std::string prototxt_quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (byte < 0x20) {
      quoted += {'\\', static_cast<char>('0' + (byte >> 6U)), static_cast<char>('0' + (byte >> 3U & 7U)),
                 static_cast<char>('0' + (byte & 7U))};
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

/// A field that holds a message, as a text that was parsed has it, byte for byte; an element of a list gets the list's
/// name.
[[nodiscard]] inline std::string prototxt_text_of(std::string_view text, const prototxt_field& field) {
  const auto is_closing = [](char c) { return c == '}' || c == '>'; };
  std::size_t begin = text.starts_with("\xef\xbb\xbf") ? 3 : 0;
  for (std::uint32_t line = 1; line < field.where().line; ++line) begin = text.find('\n', begin) + 1;
  begin += field.where().column - 1;
  std::size_t at = begin;
  for (std::size_t depth = 0; at == begin || depth != 0 || !is_closing(text[at - 1]);) {
    const char c = text.at(at++);
    if (c == '#') {
      at = text.find('\n', at);
    } else if (c == '"' || c == '\'') {
      while (text.at(at) != c) at += text[at] == '\\' ? 2U : 1U;
      ++at;
    } else if (c == '{' || c == '<') {
      ++depth;
    } else if (is_closing(c)) {
      --depth;
    }
  }
  const bool in_list = text[begin] == '{' || text[begin] == '<';
  return (in_list ? field.name() + " " : "") + std::string(text.substr(begin, at - begin));
}

/// Other values of the same distribution, the largest magnitude kept. Of the old ones in their order it uses those at
/// the ranks 0, 1, 2, 4, 8 .. from either end, so that tails stay as thin as they are.
inline void draw_like(std::span<float> values, std::mt19937_64& random) {
  std::vector<float> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  const std::size_t last = sorted.size() - 1;
  std::vector<std::size_t> ranks = {0, last};
  for (std::size_t r = 1; r <= last / 2; r *= 2) ranks.insert(ranks.end(), {r, last - r});
  std::sort(ranks.begin(), ranks.end());
  for (float& v : values) {
    const double place = static_cast<double>(random() >> 11U) * 0x1p-53 * static_cast<double>(last);
    const auto above = std::upper_bound(ranks.begin(), ranks.end() - 1, static_cast<std::size_t>(place));
    const std::size_t below = above == ranks.begin() ? *above : *(above - 1);
    const auto width = static_cast<double>(std::max<std::size_t>(*above - below, 1));
    const auto low = static_cast<double>(sorted[below]);
    const auto high = static_cast<double>(sorted[*above]);
    v = static_cast<float>(std::fma((place - static_cast<double>(below)) / width, high - low, low));
  }
  const float largest = std::fabs(sorted.front()) > std::fabs(sorted.back()) ? sorted.front() : sorted.back();
  values[static_cast<std::size_t>(random() % values.size())] = largest;
}

/// Numbers between spaces, each the shortest that reads as the same float: a line of the compiler's feature maps.
[[nodiscard]] inline std::string feature_map_text(std::span<const float> values) {
  std::string text;
  std::array<char, 32> number{};
  for (const float v : values) {
    text.append(number.data(), std::to_chars(number.data(), number.data() + number.size(), v).ptr);
    text += ' ';
  }
  text.back() = '\n';
  return text;
}

class layer_bundler {
 public:
  layer_bundler(const bundle_source& source, std::string_view name, const bundle_options& options)
      : source_(source), options_(options), index_(index_of(name)), layer_(source.net.layers[index_]) {
    require<format_error>(!options.random_weights || options.other.empty(),
                          "bundle: other outputs beside random weights, with which the layer computes something else");
    run_in_network();
    cut();
  }

  [[nodiscard]] layer_bundle bundle() {
    own_run mine = run_alone(model_);
    for (std::size_t o = 0; o < layer_.outputs.size(); ++o) {
      require<format_error>(
          same_bits(mine.reference[o], isolated_.reference[o]) && same_bits(mine.quantized[o], isolated_.quantized[o]),
          layer_.where, ": layer ", excerpt(layer_.name),
          " computes something else by itself than in the network, expected the same bits: what it ",
          "does depends on the layers before it", layer_.on_cpu ? "; here it runs on the CPU" : "");
    }
    layer_bundle result;
    result.cosine = mine.cosine;
    if (options_.random_weights) {
      result.seed = randomize(mine);
      result.cosine = mine.cosine;
    }
    const auto add = [&](std::string name, std::string content, bool is_program = false) {
      result.files.push_back({std::move(name), std::move(content), is_program});
    };
    add("README.txt", readme(result));
    add("versions.txt", versions());
    add("replay.sh", std::string(replay), true);
    add("layer.prototxt", prototxt_);
    add("layer.caffemodel", caffemodel_bytes(model_, "layer.caffemodel"));
    add("layer.cfg", cfg());
    add("calibration.json", calibration_text(ranges_));
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      add(message("input", i, ".txt"), feature_map_text({inputs_[i].data(), inputs_[i].size()}));
      add(message("input", i, ".npy"), npy_bytes(inputs_[i]));
    }
    const auto add_outputs = [&](const std::string& folder, const std::vector<tensor<float>>& values) {
      for (std::size_t o = 0; o < values.size(); ++o) add(folder + npy_dump_name(layer_.name, o), npy_bytes(values[o]));
    };
    add_outputs("float/", mine.reference);
    add_outputs("quantized/", mine.quantized);
    if (!options_.random_weights) {
      for (std::size_t i = 0; i < inputs_.size(); ++i) {
        add(message("in_network/inputs/input", i, ".npy"), npy_bytes(network_inputs_[i]));
      }
      add_outputs("in_network/", network_outputs_);
    }
    add_outputs("other/", other_);
    for (const tar_file& f : options_.originals) add("original/" + f.name, f.content, f.is_program);
    return result;
  }

 private:
  struct own_run {
    std::vector<tensor<float>> reference{}, quantized{};  ///< outputs
    double cosine = 1;                                    ///< the smallest over them; NaN where one is
  };

  [[nodiscard]] static bool same_bits(const tensor<float>& a, const tensor<float>& b) {
    return shape_of(a) == shape_of(b) && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
  }
  [[nodiscard]] static double smallest_cosine(const std::vector<tensor<float>>& reference,
                                              const std::vector<tensor<float>>& other) {
    double smallest = 1;
    for (std::size_t o = 0; o < reference.size(); ++o) {
      const double cosine = compare(reference[o], other[o]).cosine;
      smallest = std::isnan(cosine) || cosine < smallest ? cosine : smallest;
      if (std::isnan(smallest)) break;
    }
    return smallest;
  }

  [[nodiscard]] std::size_t index_of(std::string_view name) const {
    const std::vector<layer>& all = source_.net.layers;
    for (std::size_t l = 0; l < all.size(); ++l) {
      const bool is_merged = std::find(all[l].merged.begin(), all[l].merged.end(), name) != all[l].merged.end();
      require<format_error>(!is_merged, "bundle: layer ", excerpt(name), " is folded into ", excerpt(all[l].name),
                            ", which is the one to bundle");
      if (all[l].name != name) continue;
      require<format_error>(!std::holds_alternative<layers::input>(all[l].params), "bundle: layer ", excerpt(name),
                            " is an input, expected one that computes");
      return l;
    }
    std::vector<std::string_view> names;
    for (const layer& l : all) {
      if (!std::holds_alternative<layers::input>(l.params)) names.push_back(l.name);
    }
    throw format_error(message("bundle: no layer ", excerpt(name), " in network ", excerpt(source_.net.name),
                               nearest_names(name, names)));
  }

  /// The layer's values in the float run, in the quantized run, and by itself.
  void run_in_network() {
    const network& net = source_.net;
    network_runner reference(net, float_plan(net), {.keep_all = true, .threads = source_.threads});
    reference.run(source_.inputs);
    network_runner quantized(net, plan_of(net, source_.cfg.mode), {.keep_all = true, .threads = source_.threads});
    quantized.use(source_.ranges);
    quantized.run(source_.inputs);
    storage_ = quantized.storage();
    for (const std::size_t b : layer_.inputs) {
      if (std::find(blobs_.begin(), blobs_.end(), b) != blobs_.end()) continue;
      blobs_.push_back(b);
      tensor<float> x = reference.value(b);
      for (std::size_t i = 0; i < x.size(); ++i) {
        const float v = x.data()[i];
        require<format_error>(std::isfinite(v), "bundle: input ", excerpt(net.blobs[b].name), " of layer ",
                              excerpt(layer_.name), " is ", v, " at ", coordinates(net.blobs[b].shape, i),
                              " in the float run, expected finite values: bundle the layer where that begins");
      }
      inputs_.push_back(as_read(quantized, b, std::move(x)));
      network_inputs_.push_back(quantized.value(b));
    }
    isolated_.reference = single_layer(net, index_, layer_precision::float32, source_.threads).run(read_inputs());
    for (const std::size_t b : layer_.outputs) {
      isolated_.quantized.push_back(make_tensor<float>(net.blobs[b].shape));
      network_outputs_.push_back(quantized.value(b));
    }
    quantized.run_isolated(reference, [&](std::size_t l, std::size_t o, auto values) {
      if (l != index_) return;
      std::transform(values.span().begin(), values.span().end(), isolated_.quantized[o].data(),
                     [](const auto& v) { return static_cast<float>(v); });
    });
    require<format_error>(options_.other.empty() || options_.other.size() == layer_.outputs.size(),
                          "bundle: ", options_.other.size(), " other outputs, layer ", excerpt(layer_.name), " has ",
                          layer_.outputs.size());
    for (std::size_t o = 0; o < options_.other.size(); ++o) {
      const tensor_shape& shape = net.blobs[layer_.outputs[o]].shape;
      require<shape_error>(options_.other[o].size() == shape.size(), "bundle: other output ", o, " has ",
                           options_.other[o].size(), " elements, layer ", excerpt(layer_.name), " writes ", shape);
      other_.push_back(options_.other[o]);
      other_.back().reshape(typename tensor<float>::shape_type(shape.begin(), shape.end()));
    }
  }

  /// A blob of the float run as the quantized layer reads it: what the layer before would write, and, where it reads
  /// the values of codes, those. What the bundle feeds the layer with are floats.
  [[nodiscard]] tensor<float> as_read(const network_runner& quantized, std::size_t b, tensor<float> x) const {
    const bool is_given = storage_[b].is_float;
    const bool is_copy = reads_copy(source_.net, quantized.plan(), storage_, index_, b, false);
    if (is_given && !is_copy) return x;
    std::vector<q20_12> written(x.size());
    const std::span<float> values(x.data(), x.size());
    const network_policy* policy = nullptr;
    if (is_copy && storage_[b].is_codes()) {
      policy = &quantized.policies()[storage_[b].read_by(quantized.plan().layers[index_])];
    }
    const auto range = [&] { return source_.ranges.blobs.at(range_names(source_.net)[storage_[b].range]); };
    if (is_given && policy != nullptr) policy->encode_activations(values, range(), values);
    encode<q20_12>(std::span<const float>(values), std::span(written), {});
    if (!is_given && policy != nullptr) policy->encode_activations(written, range(), written);
    decode<q20_12>(std::span<const q20_12>(written), values, {});
    return x;
  }
  /// The layer's inputs in its order, some of them twice.
  [[nodiscard]] std::vector<tensor<float>> read_inputs() const {
    std::vector<tensor<float>> all;
    for (const std::size_t b : layer_.inputs) {
      all.push_back(inputs_[static_cast<std::size_t>(std::find(blobs_.begin(), blobs_.end(), b) - blobs_.begin())]);
    }
    return all;
  }

  /// A layer's text under the name that the network has for it: one that stands in the file again has a number.
  [[nodiscard]] static std::string renamed(std::string text, const std::string& name) {
    const prototxt_message file = parse_prototxt(text, "layer");
    const prototxt_field* const field = file.fields().at(0).message().find("name");
    if (field == nullptr || field->string() == name) return text;
    const prototxt_places places(text);
    const std::size_t begin = places.inside(field->where()) - 1, end = places.closing_quote(field->where()) + 1;
    return text.replace(begin, end - begin, prototxt_quoted(name));
  }

  /// The text and the learned values of the layer and those that it took in.
  void cut() {
    const prototxt_message file = parse_prototxt(source_.prototxt, "prototxt");
    std::vector<std::string_view> names = {layer_.name};
    names.insert(names.end(), layer_.merged.begin(), layer_.merged.end());
    bool is_v1 = false;
    std::string texts;
    for (const layer& l : source_.original.layers) {
      if (std::find(names.begin(), names.end(), l.name) == names.end()) continue;
      const prototxt_field* found = nullptr;
      for (const prototxt_field& f : file.fields()) {
        if (f.kind() == prototxt_kind::message &&
            l.where.ends_with(message(":", f.where().line, ":", f.where().column))) {
          found = &f;
        }
      }
      require<format_error>(found != nullptr, l.where, ": no layer ", excerpt(l.name),
                            " there in the prototxt's text, expected the text that the network comes from");
      is_v1 = found->name() == "layers";
      texts += renamed(prototxt_text_of(source_.prototxt, *found), l.name) + "\n";
      const auto has_name = [&](const caffe_layer& c) { return c.name == l.name; };
      const auto& all = source_.model.layers;
      const auto learned =
          std::find_if(all.begin(), all.end(), [&](const caffe_layer& c) { return has_name(c) && !c.blobs.empty(); });
      if (learned != all.end()) model_.layers.push_back(*learned);
      else model_.layers.push_back({l.name, l.type, {}, {}, {}});
    }
    model_.name = source_.model.name;
    const auto is_taken = [&](const std::string& name) {
      return std::find(names.begin(), names.end(), name) != names.end();
    };
    prototxt_ = "name: " + prototxt_quoted(source_.net.name + ", layer " + layer_.name) + "\n";
    for (std::size_t i = 0; i < blobs_.size(); ++i) {
      const blob& b = source_.net.blobs[blobs_[i]];
      std::string dims;
      for (const std::size_t extent : b.shape) dims += message(" dim: ", extent);
      if (is_v1) {
        prototxt_ += message("input: ", prototxt_quoted(b.name), " input_shape {", dims, " }\n");
        continue;
      }
      std::string name = message("input", i);
      while (is_taken(name)) name += '_';
      prototxt_ += message("layer { name: ", prototxt_quoted(name), " type: \"Input\" top: ", prototxt_quoted(b.name),
                           " input_param { shape {", dims, " } } }\n");
    }
    prototxt_ += texts;
    // By the names that the inputs have in the bundle.
    const network alone = import_caffe(parse_prototxt(prototxt_, "layer.prototxt"), &model_, "layer.caffemodel");
    const std::vector<std::string> range_of = range_names(source_.net), own_names = range_names(alone);
    const std::vector<std::size_t> own_inputs = input_blobs(alone);
    for (std::size_t i = 0; i < blobs_.size(); ++i) {
      const auto found = source_.ranges.blobs.find(range_of[storage_[blobs_[i]].range]);
      if (found != source_.ranges.blobs.end()) ranges_.blobs[own_names[own_inputs.at(i)]] = found->second;
    }
    ranges_.pictures = source_.ranges.pictures;
    ranges_.rule = source_.ranges.rule;
    ranges_.precision = source_.ranges.precision;
  }

  /// What the bundle's files compute.
  [[nodiscard]] own_run run_alone(const caffe_model& model) const {
    const network files = import_caffe(parse_prototxt(prototxt_, "layer.prototxt"), &model, "layer.caffemodel");
    const network net = with_arithmetic(fold_batch_norm(files), {.sparse_rate = source_.cfg.sparse_rate});
    const auto found =
        std::find_if(net.layers.begin(), net.layers.end(), [&](const layer& l) { return l.name == layer_.name; });
    std::vector<tensor_view<const float>> inputs;
    for (const tensor<float>& t : inputs_) inputs.push_back(view_of(t));
    const auto outputs = [&](network_runner runner) {
      if (!runner.plan().is_float) runner.use(ranges_);
      runner.run(inputs);
      std::vector<tensor<float>> values;
      for (const std::size_t b : found->outputs) values.push_back(runner.value(b));
      return values;
    };
    const runner_options keep = {.keep_all = true, .threads = source_.threads};
    own_run result;
    result.reference = outputs(network_runner(net, float_plan(net), keep));
    result.quantized = outputs(network_runner(net, plan_of(net, source_.cfg.mode), keep));
    result.cosine = smallest_cosine(result.reference, result.quantized);
    return result;
  }

  /// Replaces model and run by those of the first seed whose weights keep the failure, and returns the seed.
  [[nodiscard]] std::uint64_t randomize(own_run& run) {
    require<format_error>(is_mac_layer(layer_), "bundle: layer ", excerpt(layer_.name), " is a ", layer_.type,
                          ", expected a convolution, deconvolution or fully connected layer, whose weights can be ",
                          "replaced");
    const auto keeps = [&, lacks = 1 - run.cosine, fails = run.cosine < options_.threshold](double cosine) {
      return (cosine < options_.threshold) == fails && 1 - cosine <= 2 * lacks && 1 - cosine >= lacks / 2;
    };
    std::string cosines;
    for (std::uint64_t seed = *options_.random_weights; seed != *options_.random_weights + bundle_seeds; ++seed) {
      caffe_model model = model_;
      std::mt19937_64 random(seed);
      for (tensor<float>& b : model.layers.front().blobs) {
        const std::size_t channels = b.dimension() == 0 ? 1 : b.shape()[0];
        const std::size_t each = b.size() / channels < 16 ? b.size() : b.size() / channels;
        for (std::size_t at = 0; at < b.size(); at += each) draw_like({b.data() + at, each}, random);
      }
      own_run tried = run_alone(model);
      if (keeps(tried.cosine)) {
        run = std::move(tried);
        model_ = std::move(model);
        return seed;
      }
      cosines += message(cosines.empty() ? "" : ", ", tried.cosine);
    }
    throw format_error(message("bundle: random weights do not keep the failure of layer ", excerpt(layer_.name),
                               ": its cosine by itself is ", run.cosine, ", with ", bundle_seeds, " seeds it would be ",
                               cosines));
  }

  [[nodiscard]] std::string versions() const {
    return message("nniesim ", NNIESIM_VERSION_MAJOR, ".", NNIESIM_VERSION_MINOR, ".", NNIESIM_VERSION_PATCH,
                   "\nresults ", NNIESIM_RESULTS_VERSION, "\ncompiler ",
                   options_.compiler_version.empty() ? "not given" : options_.compiler_version, "\n");
  }

  [[nodiscard]] std::string cfg() const {
    std::string text = "[prototxt_file] layer.prototxt\n[caffemodel_file] layer.caffemodel\n[net_type] 0\n";
    text += message("[compile_mode] ", static_cast<int>(source_.cfg.mode), "\n");
    if (source_.cfg.sparse_rate > 0) text += message("[sparse_rate] ", source_.cfg.sparse_rate, "\n");
    for (const cfg_entry& e : source_.cfg.irrelevant) text += message("[", e.key, "] ", e.value, "\n");
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      text += message("[image_list] input", i, ".txt\n[image_type] 0\n[mean_file] null\n[norm_type] 0\n");
    }
    return text;
  }

  [[nodiscard]] std::string readme(const layer_bundle& b) const {
    std::string text = message("Layer ", excerpt(layer_.name), " (", layer_.type, ") of network ",
                               excerpt(source_.net.name), ", compile_mode ", static_cast<int>(source_.cfg.mode), "\n");
    for (const std::string& name : layer_.merged) {
      text += message("with layer ", excerpt(name), ", which the compiler folds into it\n");
    }
    text +=
        message("\ncosine, float against quantized\n  the layer by itself, fed with the float input: ", b.cosine, "\n");
    if (b.seed) {
      text += message("  the same with the real weights, in place of which this bundle has random ones of seed ",
                      *b.seed, ":\n  ", smallest_cosine(isolated_.reference, isolated_.quantized), "\n");
    }
    text += message("  in the whole network, all layers before it quantized", b.seed ? ", the real weights: " : ": ",
                    smallest_cosine(isolated_.reference, network_outputs_), "\n");
    if (!other_.empty()) {
      text += message("  elsewhere (other/) against float: ", smallest_cosine(isolated_.reference, other_),
                      "\n  elsewhere (other/) against the whole quantized network: ",
                      smallest_cosine(network_outputs_, other_), "\n");
    }
    text +=
        "\nreplay.sh             computes float/ and quantized/ again and compares: NNIE_DEBUG=/path/nnie-debug sh "
        "replay.sh\n"
        "layer.prototxt        the layer as the network has it, behind an input for each of its bottoms\n"
        "layer.caffemodel      its weights\n"
        "layer.cfg             for the compiler and for nnie-debug; compile_mode as in the network\n"
        "calibration.json      the range of its input from the whole network's calibration, for nnie-debug;\n"
        "                      the compiler, given this layer alone, derives it from input*.txt\n"
        "input*.txt, .npy      its inputs in the float network, as the compiler's feature maps and for NumPy\n"
        "float/                its outputs in the float network\n"
        "quantized/            its outputs quantized, by itself, fed with these inputs\n";
    if (!b.seed) text += "in_network/           its inputs and outputs in the whole quantized network\n";
    if (!other_.empty()) text += "other/                its outputs elsewhere (on the board)\n";
    if (!options_.originals.empty()) text += "original/             the user's files: cfg, pictures, means\n";
    return text + "versions.txt          what computed this\n";
  }

  static constexpr std::string_view replay = R"sh(#!/bin/sh
# Computes the layer's outputs again and compares them with the stored ones. NNIE_DEBUG names the tool.
# Exit code 0: all bits are equal.
set -u
tool=${NNIE_DEBUG:-nnie-debug}
case $tool in
  /*) ;;
  */*) tool=$PWD/$tool ;;
esac
cd "$(dirname "$0")" || exit 2
out=$(mktemp -d) || exit 2
trap 'rm -rf "$out"' EXIT
"$tool" run --cfg layer.cfg --calibration calibration.json --npy "$out" || exit 2
status=0
for stored in float/*.npy quantized/*.npy; do
  echo
  echo "$stored, stored and computed again:"
  "$tool" compare "$stored" "$out/$stored" || status=2
  if cmp -s "$stored" "$out/$stored"; then
    echo "equal bits"
  else
    echo "DIFFERENT BITS: see versions.txt"
    status=1
  fi
done
for stored in other/*.npy; do
  [ -e "$stored" ] || continue
  echo
  echo "$stored, against the layer by itself, quantized:"
  "$tool" compare "$out/quantized/${stored#other/}" "$stored" || status=2
done
exit $status
)sh";

  const bundle_source& source_;
  const bundle_options& options_;
  std::size_t index_;
  const layer& layer_;
  std::vector<std::size_t> blobs_;  ///< that the layer reads, each once
  std::vector<tensor<float>> inputs_, network_inputs_, network_outputs_, other_;
  own_run isolated_;  ///< as the network computes it
  std::string prototxt_;
  caffe_model model_;
  activation_ranges ranges_;
  std::vector<blob_storage> storage_;  ///< of the network's blobs
};

}  // namespace detail

inline layer_bundle bundle_layer(const bundle_source& source, std::string_view layer, const bundle_options& options) {
  return detail::layer_bundler(source, layer, options).bundle();
}

NNIESIM_END_NAMESPACE
