#include <nniesim/debug/bundle.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <nniesim/io/preprocess.hpp>
#include <nniesim/network/calibrate.hpp>

#include "catch.hpp"
#include "support/decimal_comma.hpp"
#include "support/networks.hpp"
#include "support/random.hpp"
#include "support/scratch_folder.hpp"

using namespace nniesim;

namespace bundle_test {

namespace {

constexpr std::string_view conv_text =
    "layer {\n  name: 'conv/1' # } not the end\n  type: \"Convolution\" bottom: \"data\" top: \"conv\\\"}\"\r\n"
    "  convolution_param < num_output: 6 kernel_size: 3, pad: 1 bias_term: false >\n\t}";
constexpr std::string_view bn_text =
    "layer { name: \"bn\" type: \"BatchNorm\" bottom: \"conv\\\"}\" top: \"conv\\\"}\" }";
constexpr std::string_view scale_text =
    "layer { name: \"scale\" type: \"Scale\" bottom: \"conv\\\"}\" top: \"conv\\\"}\" scale_param { bias_term: true } "
    "}";
constexpr std::string_view sum_text =
    "layer:{ name: \"sum\" type: \"Eltwise\" bottom: \"left\" bottom: \"conv\\\"}\" bottom: \"left\" top: \"sum\" }";
constexpr std::string_view parts_text =
    "layer { name: \"parts\" type: \"Slice\" bottom: \"sum\" top: \"p0\" top: \"p1\" slice_param { slice_point: 2 } }";

/// BatchNorm and Scale behind a convolution with another layer's text between them, a layer for training of the same
/// name, an element-wise layer that reads one blob twice.
const std::string net_text = nniesim::detail::message(
    "\xef\xbb\xbfname: \"n\\\"et\" # layer { name: \"conv/1\" }\n"
    "layer { name: \"data\" type: \"Input\" top: \"data\" input_param { shape { dim: 1 dim: 3 dim: 6 dim: 5 } } }\n"
    "layer { name: \"bn\" type: \"BatchNorm\" bottom: \"data\" top: \"x\" include { phase: TRAIN } }\n",
    conv_text, " ", bn_text,
    "\nlayer { name: \"left\" type: \"Power\" bottom: \"data\" top: \"left0\" power_param { power: 2 shift: 0.5 } }\n",
    scale_text,
    "layer { name: \"widen\" type: \"Convolution\" bottom: \"left0\" top: \"left\" convolution_param { num_output: 6 "
    "kernel_size: 1 } }\n",
    sum_text, "\n", parts_text, "\n");

caffe_layer learned(std::string name, std::vector<tensor<float>> blobs) {
  return {std::move(name), "", {}, {}, std::move(blobs)};
}

tensor<float> vector_of(std::vector<float> values) {
  auto t = make_tensor<float>({values.size()});
  std::copy(values.begin(), values.end(), t.begin());
  return t;
}

/// All that a bundle is made from; not to be moved.
struct example {
  std::string text;
  caffe_model model;
  network original, net;
  tensor<float> picture;
  compiler_cfg cfg{};
  activation_ranges ranges{};

  explicit example(std::string prototxt = net_text, const std::string& conv = "conv/1") : text(std::move(prototxt)) {
    draws random(7);
    model.name = "learned";
    auto positive = random.tensor({6});
    for (float& v : positive) v = v * v + 0.5F;
    model.layers = {learned(conv, {random.tensor({6, 3, 3, 3}, 0.3F)}),
                    learned("bn", {random.tensor({6}), positive, vector_of({2})}),
                    learned("scale", {random.tensor({6}), random.tensor({6})}),
                    learned("widen", {random.tensor({6, 3, 1, 1}), random.tensor({6})}), learned("unused", {})};
    original = import_caffe(parse_prototxt(text, "net.prototxt"), &model);
    net = fold_batch_norm(original);
    picture = random.tensor(net.blobs[net.layers[0].outputs[0]].shape, 8.0F);
    calibrator c(net, plan_of(net, compile_mode::all_8bit));
    auto larger = picture;
    for (float& v : larger) v *= 3;
    for (const auto* t : {&picture, &larger}) {
      const std::vector<tensor_view<const float>> inputs = {view_of(*t)};
      c.add(inputs);
    }
    ranges = c.ranges();
  }
  example(const example&) = delete;
  example& operator=(const example&) = delete;

  [[nodiscard]] bundle_source source() const { return {original, net, text, model, cfg, ranges, {view_of(picture)}}; }
  [[nodiscard]] layer_bundle bundle(std::string_view layer, const bundle_options& options = {}) const {
    return bundle_layer(source(), layer, options);
  }
};

std::map<std::string, std::string> by_name(const layer_bundle& b) {
  std::map<std::string, std::string> files;
  for (const tar_file& f : b.files) files[f.name] = f.content;
  return files;
}

/// Unpacks a bundle and runs it as the tool does; whether what comes out are the bits that it has stored.
bool replays(const layer_bundle& b, const std::string& layer_name) {
  const scratch_folder folder;
  write_bundle(folder / "b.x.tar", b);
  REQUIRE(std::system(("cd '" + (folder / "").string() + "' && tar -xf b.x.tar").c_str()) == 0);
  const std::filesystem::path at = folder / "b.x";
  const compiler_cfg cfg = read_compiler_cfg(at / "layer.cfg");
  const network net = fold_batch_norm(read_caffe_network(cfg.prototxt_file.path, cfg.caffemodel_file.path));
  std::vector<tensor<float>> inputs;
  for (const layer& l : net.layers) {
    if (!std::holds_alternative<layers::input>(l.params)) continue;
    inputs.push_back(input_source(cfg.inputs.at(inputs.size()), net.blobs[l.outputs[0]].shape)[0]);
    CHECK(same_bits(inputs.back(), read_npy<float>(at / ("input" + std::to_string(inputs.size() - 1) + ".npy"))));
  }
  REQUIRE(inputs.size() == cfg.inputs.size());
  std::vector<tensor_view<const float>> views;
  for (const auto& t : inputs) views.push_back(view_of(t));
  bool equal = true;
  for (const std::string kind : {"float", "quantized"}) {
    network_runner runner(net, kind == "float" ? float_plan(net) : plan_of(net, cfg.mode), {.keep_all = true});
    if (kind != "float") runner.use(read_calibration(at / "calibration.json"));
    runner.run(views);
    for (const layer& l : net.layers) {
      if (l.name != layer_name) continue;
      for (std::size_t o = 0; o < l.outputs.size(); ++o) {
        const auto stored = read_npy<float>(at / kind / npy_dump_name(layer_name, o));
        equal = equal && same_bits(stored, runner.value(l.outputs[o]));
      }
    }
  }
  return equal;
}

}  // namespace

TEST_CASE("a bundle of a layer with any name replays", "[debug]") {
  for (const std::string& name :
       {std::string("\xd6\xd0\xce\xc4"), std::string("line\nquote\"\\ '#{} nul\0 esc\x1b del\x7f", 32),
        std::string("../.hidden"), std::string(".."), std::string(300, 'n'), std::string("=cmd"),
        std::string(100, 'p') + "/" + std::string(160, 'q')}) {
    CAPTURE(name);
    std::string text = net_text;
    const std::string old = "'conv/1'";
    text.replace(text.find(old), old.size(), nniesim::detail::prototxt_quoted(name));
    const example e(text, name);
    const layer_bundle b = e.bundle(name);
    for (const tar_file& f : b.files) CHECK(f.name.substr(f.name.rfind('/') + 1).size() <= file_name_max_bytes);
    CHECK(replays(b, name));
    CHECK(parse_calibration(by_name(b)["calibration.json"], "c").blobs.size() == 1);
    CHECK(nniesim::detail::is_utf8(by_name(b)["README.txt"]));
  }
}

TEST_CASE("a bundle is the same in every locale", "[debug]") {
  const auto whole = [] {
    const example e;
    std::string all;
    for (const tar_file& f : e.bundle("conv/1").files) all += f.name + "\n" + f.content + "\n";
    return all;
  };
  const std::string expected = whole();
  std::string in_comma;
  {
    const decimal_comma locale;
    in_comma = whole();
  }
  CHECK(in_comma == expected);
}

TEST_CASE("a bundle has the layer's own text, with what is folded into it", "[debug]") {
  const example e;
  const auto files = by_name(e.bundle("conv/1"));
  CHECK(files.at("layer.prototxt") ==
        detail::message("name: \"n\\\"et, layer conv/1\"\nlayer { name: \"input0\" type: \"Input\" top: \"data\" ",
                        "input_param { shape { dim: 1 dim: 3 dim: 6 dim: 5 } } }\n", conv_text, "\n", bn_text, "\n",
                        scale_text, "\n"));
  const caffe_model model = parse_caffemodel(files.at("layer.caffemodel"), "layer.caffemodel");
  REQUIRE(model.layers.size() == 3);
  for (std::size_t l = 0; l < 3; ++l) {
    CHECK(model.layers[l].name == e.model.layers[l].name);
    REQUIRE(model.layers[l].blobs.size() == e.model.layers[l].blobs.size());
    for (std::size_t b = 0; b < model.layers[l].blobs.size(); ++b) {
      CHECK(same_bits(model.layers[l].blobs[b], e.model.layers[l].blobs[b]));
    }
  }
  const activation_ranges ranges = parse_calibration(files.at("calibration.json"), "calibration.json");
  CHECK(ranges.pictures == 2);
  REQUIRE(ranges.blobs.size() == 1);
  activation_ranges whole = e.ranges;
  CHECK(ranges.blobs.begin()->second == test_networks::range_read_by(whole, e.net, "conv/1"));
  CHECK(files.contains("float/conv_1.npy"));
  CHECK(files.contains("quantized/conv_1.npy"));
  CHECK(files.contains("in_network/conv_1.npy"));
  CHECK(files.contains("in_network/inputs/input0.npy"));
  CHECK_THAT(files.at("README.txt"), contains("'conv/1' (Convolution)"));
  CHECK_THAT(files.at("README.txt"), contains("with layer 'scale'"));
  CHECK_THAT(files.at("versions.txt"), contains("compiler not given"));

  const auto sum = by_name(e.bundle("sum"));  // a blob that is read twice is one input
  CHECK_THAT(sum.at("layer.prototxt"), contains("top: \"left\" input"));
  CHECK_THAT(sum.at("layer.prototxt"), contains("top: \"conv\\\"}\" input"));
  CHECK(sum.contains("input1.txt"));
  CHECK_FALSE(sum.contains("input2.txt"));
  CHECK_THAT(sum.at("layer.prototxt"), contains(std::string(sum_text)));
}

TEST_CASE("what is in the archive computes the stored bits", "[debug]") {
  example e;
  for (const compile_mode mode : {compile_mode::all_8bit, compile_mode::all_16bit, compile_mode::mixed}) {
    e.cfg.mode = mode;
    for (const std::string layer : {"conv/1", "left", "widen", "sum", "parts"}) {
      CAPTURE(layer, static_cast<int>(mode));
      const layer_bundle b = e.bundle(layer);
      CHECK(b.cosine > 0.99);
      CHECK_FALSE(b.seed.has_value());
      CHECK(replays(b, layer));
    }
  }
  CHECK(by_name(e.bundle("parts")).contains("quantized/parts_output1.npy"));
}

TEST_CASE("networks in other spellings are cut as they are", "[debug]") {
  // Caffe's V1 format, whose inputs stand in the file; a list; a layer's name that an input would get.
  const example v1(
      "input: 'data' input_dim: 1 input_dim: 3 input_dim: 4 input_dim: 4\n"
      "layers { name: 'widen' type: CONVOLUTION bottom: 'data' top: 'y' convolution_param { num_output: 6 kernel_size: "
      "1 } }\nlayers <name: 'r' type: RELU bottom: 'y' top: 'y'>");
  CHECK_THAT(by_name(v1.bundle("r")).at("layer.prototxt"),
             contains("input: \"y\" input_shape { dim: 1 dim: 6 dim: 4 dim: 4 }\nlayers <name: 'r' type: RELU bottom: "
                      "'y' top: 'y'>\n"));
  CHECK(replays(v1.bundle("widen"), "widen"));
  CHECK(replays(v1.bundle("r"), "r"));
  const example list(
      "layer: [{ name: 'data' type: 'Input' top: 'input0' input_param { shape { dim: 1 dim: 3 dim: 4 dim: 4 } } },\n"
      "{ name: 'input0' type: 'Power' bottom: 'input0' top: 'y' power_param { power: 2 } }]");
  CHECK_THAT(by_name(list.bundle("input0")).at("layer.prototxt"),
             contains("name: \"input0_\" type: \"Input\" top: \"input0\""));
  CHECK_THAT(by_name(list.bundle("input0")).at("layer.prototxt"), contains("\nlayer { name: 'input0' type: 'Power'"));
  CHECK(replays(list.bundle("input0"), "input0"));
}

TEST_CASE("a layer by itself has the weights that sparse_rate leaves", "[debug]") {
  const std::string text =
      "layer { name: 'data' type: 'Input' top: 'data' input_param { shape { dim: 1 dim: 48 } } }\n"
      "layer { name: 'fc' type: 'InnerProduct' bottom: 'data' top: 'fc' inner_product_param { num_output: 8 bias_term: "
      "false } }\n";
  draws random(12);
  caffe_model model;
  model.layers = {learned("fc", {random.tensor({8, 48})})};
  const network original = import_caffe(parse_prototxt(text, "net.prototxt"), &model);
  const tensor<float> x = random.tensor({1, 48});
  const std::vector<tensor_view<const float>> inputs = {view_of(x)};
  for (const float rate : {0.0F, 0.5F}) {
    CAPTURE(rate);
    compiler_cfg cfg{};
    cfg.sparse_rate = rate;
    const network net = with_arithmetic(original, {.sparse_rate = rate});
    calibrator c(net, plan_of(net, compile_mode::all_8bit));
    c.add(inputs);
    const activation_ranges ranges = c.ranges();
    const layer_bundle b = bundle_layer(bundle_source{original, net, text, model, cfg, ranges, {view_of(x)}}, "fc");
    CHECK((b.cosine > 0.999) == (rate == 0.0F));
  }
}

TEST_CASE("the cfg keeps what the compiler is to do", "[debug]") {
  example e;
  e.cfg = parse_compiler_cfg(
      "[prototxt_file] n.prototxt\n[caffemodel_file] n.caffemodel\n[compile_mode] 1\n[sparse_rate] 0.25\n"
      "[internal_stride] 32\n[image_list] l.txt\n[image_type] 1\n[norm_type] 0\n[mean_file] null\n",
      "net.cfg");
  bundle_options options;
  options.compiler_version = "mapper 1.2.3";
  options.originals = {{"net.cfg", "text"}};
  const auto files = by_name(e.bundle("sum", options));
  const compiler_cfg own = parse_compiler_cfg(files.at("layer.cfg"), "layer.cfg");
  CHECK(own.mode == compile_mode::all_16bit);
  CHECK(own.sparse_rate == 0.25F);
  REQUIRE(own.irrelevant.size() == 1);
  CHECK(own.irrelevant[0].key == "internal_stride");
  REQUIRE(own.inputs.size() == 2);
  CHECK(own.inputs[0].image_type == cfg_image_type::feature_map);
  CHECK(own.inputs[1].image_list.text == "input1.txt");
  CHECK(files.at("original/net.cfg") == "text");
  CHECK_THAT(files.at("versions.txt"), contains("compiler mapper 1.2.3"));
}

TEST_CASE("another run's outputs come with the bundle", "[debug]") {
  const example e;
  bundle_options options;
  draws random(1);
  options.other = {random.tensor({180})};
  const auto files = by_name(e.bundle("sum", options));
  const scratch_folder folder;
  std::ofstream(folder / "o.npy", std::ios::binary) << files.at("other/sum.npy");
  const auto other = read_npy<float>(folder / "o.npy");
  CHECK(shape_of(other) == tensor_shape{1, 6, 6, 5});
  CHECK(std::equal(other.begin(), other.end(), options.other[0].begin()));
  CHECK_THAT(files.at("README.txt"), contains("elsewhere (other/) against float"));
  options.other = {random.tensor({179})};
  CHECK_THROWS_WITH(e.bundle("sum", options), contains("has 179 elements"));
  options.other = {random.tensor({180}), random.tensor({180})};
  CHECK_THROWS_WITH(e.bundle("sum", options), contains("2 other outputs"));
}

TEST_CASE("layers that make no bundle are told why", "[debug]") {
  example e;
  CHECK_THROWS_WITH(e.bundle("nosuch"), contains("no layer 'nosuch' in network"));
  CHECK_THROWS_WITH(e.bundle("conv1"), contains("; nearest: 'conv/1'"));
  CHECK_THROWS_WITH(e.bundle("data"), contains("'data' is an input"));
  CHECK_THROWS_WITH(e.bundle("scale"), contains("'scale' is folded into 'conv/1'"));
  bundle_options options;
  options.random_weights = 1;
  CHECK_THROWS_WITH(e.bundle("left", options), contains("'left' is a Power"));
  options.other = {e.picture};
  CHECK_THROWS_WITH(e.bundle("conv/1", options), contains("beside random weights"));
  e.text = "# another line\n" + e.text.substr(3);
  CHECK_THROWS_WITH(e.bundle("conv/1"), contains("expected the text that the network comes from"));

  // Float values that leave what a feature map can say, and an in-place layer that the host runs for its input's sake.
  const example wild(
      "layer { name: 'data' type: 'Input' top: 'd' input_param { shape { dim: 1 dim: 3 dim: 2 dim: 2 } } }\n"
      "layer { name: 'inverse' type: 'Power' bottom: 'd' top: 'i' power_param { power: -1 scale: 0 } }\n"
      "layer { name: 'next' type: 'ReLU' bottom: 'i' top: 'n' }\n"
      "layer { name: 'twice_cpu' type: 'Power' bottom: 'd' top: 't' power_param { scale: 2.0001 } }\n"
      "layer { name: 'leaky' type: 'ReLU' bottom: 't' top: 't' relu_param { negative_slope: 0.3 } }\n");
  CHECK_THROWS_WITH(wild.bundle("next"), contains("'i' of layer 'next' is inf"));
  CHECK_THROWS_WITH(wild.bundle("leaky"), contains("here it runs on the CPU"));
  CHECK(replays(wild.bundle("twice_cpu"), "twice_cpu"));
}

TEST_CASE("random weights keep the failure or are none", "[debug]") {
  example e;
  bundle_options options;
  options.random_weights = 5;
  options.threshold = 1;  // what 8 bits cost is a failure
  const layer_bundle b = e.bundle("conv/1", options);
  REQUIRE(b.seed.has_value());
  CHECK(b.cosine < 1);
  const double lacks = 1 - e.bundle("conv/1").cosine;
  CHECK(1 - b.cosine <= 2 * lacks);
  CHECK(1 - b.cosine >= lacks / 2);
  const auto files = by_name(b);
  CHECK_FALSE(files.contains("in_network/conv_1.npy"));  // computed with the real weights
  CHECK_THAT(files.at("README.txt"), contains("random ones of seed " + std::to_string(*b.seed)));
  const caffe_model model = parse_caffemodel(files.at("layer.caffemodel"), "layer.caffemodel");
  const tensor<float>& real = e.model.layers[0].blobs[0];
  const tensor<float>& drawn = model.layers[0].blobs[0];
  REQUIRE(shape_of(drawn) == shape_of(real));
  std::size_t equal = 0;
  for (std::size_t i = 0; i < real.size(); ++i) equal += real.data()[i] == drawn.data()[i] ? 1U : 0U;
  CHECK(equal < 6);
  CHECK(replays(b, "conv/1"));
  CHECK(by_name(e.bundle("conv/1", options)) == files);  // the same seed, the same files

  // Weights that cancel: the failure is in their order, which random ones do not have.
  tensor<float>& weights = e.model.layers[3].blobs[0];
  for (std::size_t i = 0; i < weights.size(); i += 3) {
    weights.data()[i] = 1;
    weights.data()[i + 1] = -1;
    weights.data()[i + 2] = 0.001F;
  }
  for (float& v : e.model.layers[3].blobs[1]) v = 0;
  e.picture.fill(3.0F);
  e.picture.data()[7] = 2.9F;
  const example& same = e;
  const network original = import_caffe(parse_prototxt(same.text, "net.prototxt"), &same.model);
  const network net = fold_batch_norm(original);
  const bundle_source source{original, net, same.text, same.model, same.cfg, same.ranges, {view_of(same.picture)}};
  CHECK_THROWS_WITH(bundle_layer(source, "widen", options), contains("random weights do not keep the failure"));
}

TEST_CASE("a layer whose name stands there again is bundled under its own", "[debug]") {
  const example e(net_text + "layer { type: 'AbsVal' # again\n name: 'conv' '/1' bottom: 'data' top: 'again' }\n");
  REQUIRE(e.net.layers.back().name == "conv/1#2");
  const layer_bundle b = e.bundle("conv/1#2");
  CHECK_THAT(by_name(b).at("layer.prototxt"), contains("# again\n name: \"conv/1#2\" bottom"));
  CHECK(replays(b, "conv/1#2"));
}

TEST_CASE("drawn values have the distribution of those that they replace", "[debug]") {
  draws random(3);
  for (const std::size_t n : std::vector<std::size_t>{1, 2, 3, 16, 17, 1000}) {
    auto values = random.tensor({n});
    values.data()[n / 2] = -9;
    const auto before = values;
    std::mt19937_64 engine(n);
    detail::draw_like({values.data(), n}, engine);
    const auto [low, high] = std::minmax_element(before.begin(), before.end());
    CHECK(*std::min_element(values.begin(), values.end()) == -9);
    CHECK(*std::min_element(values.begin(), values.end()) >= *low);
    CHECK(*std::max_element(values.begin(), values.end()) <= *high);
    if (n < 1000) continue;
    const auto rms = [](const tensor<float>& t) {
      double sum = 0;
      for (const float v : t) sum += static_cast<double>(v) * static_cast<double>(v);
      return std::sqrt(sum / static_cast<double>(t.size()));
    };
    CHECK(rms(values) == approx(rms(before)).epsilon(0.05));
  }
}

}  // namespace bundle_test
