#include <nniesim/io/caffe_import.hpp>
#include <nniesim/network/runner.hpp>

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "catch.hpp"
#include "support/caffe_text.hpp"
#include "support/random.hpp"

using namespace nniesim;

namespace caffe_region_layers_test {

namespace {

/// An input of the top level.
std::string input(const std::string& name, const std::vector<std::size_t>& shape) {
  std::string text = "input: '" + name + "' input_shape {";
  for (const std::size_t d : shape) text += " dim: " + std::to_string(d);
  return text + " }\n";
}
std::string one(const std::string& type, const std::vector<std::string>& bottoms, const std::string& rest,
                const std::vector<std::string>& tops = {"y"}) {
  std::string text = "layer { name: 'x' type: '" + type + "' ";
  for (const std::string& b : bottoms) text += "bottom: '" + b + "' ";
  for (const std::string& t : tops) text += "top: '" + t + "' ";
  return text + rest + " }\n";
}

network imported(const std::string& text) {
  const caffe_model model{"model", {}};
  return import_caffe(parse_prototxt(text, "net"), &model, "weights");
}
std::string problem(const std::string& text) {
  return caffe_text::problem_of([&] { return imported(text); });
}

const std::string map = input("map", {1, 8, 6, 8});
const std::string regions = input("regions", {3, 5});
const std::string picture = input("picture", {1, 3, 48, 64});

layer last_of(const std::string& text) { return imported(text).layers.back(); }
tensor_shape shape_of_last(const std::string& text) { return imported(text).blobs.back().shape; }
template <class Params>
Params params_of(const std::string& text) {
  return std::get<Params>(last_of(text).params);
}

}  // namespace

TEST_CASE("PassThrough, Reorg and darknet's reorganisation in Python") {
  const auto pass = [](const std::string& rest) {
    return map + one("PassThrough", {"map"}, "pass_through_param { " + rest + " }");
  };
  CHECK(shape_of_last(pass("num_output: 32 block_height: 2 block_width: 2")) == tensor_shape{1, 32, 3, 4});
  CHECK(shape_of_last(pass("block_height: 3 block_width: 1")) == tensor_shape{1, 24, 2, 8});
  CHECK(params_of<pass_through_params>(pass("block_height: 2 block_width: 2")).order == block_order::blocks);
  CHECK_FALSE(last_of(pass("block_height: 2 block_width: 2")).on_cpu);
  CHECK_THAT(problem(pass("num_output: 16 block_height: 2 block_width: 2")),
             contains("got num_output 16") && contains("expected 32"));
  CHECK_THAT(problem(pass("block_height: 2")), contains("got no block_width"));
  CHECK_THAT(problem(pass("block_height: 4 block_width: 2")), contains("4 x 2 of input 1x8x6x8"));

  const auto reorg = [](const std::string& rest) {
    return map + one("Reorg", {"map"}, "reorg_param { " + rest + " }");
  };
  CHECK(params_of<pass_through_params>(reorg("stride: 2")).order == block_order::darknet);
  CHECK(shape_of_last(reorg("stride: 2")) == tensor_shape{1, 32, 3, 4});
  CHECK(params_of<pass_through_params>(reorg("stride: 2 reverse: true")).order == block_order::to_space);
  CHECK(shape_of_last(reorg("stride: 2 reverse: true")) == tensor_shape{1, 2, 12, 16});
  CHECK_THAT(problem(reorg("")), contains("got no stride"));

  const std::string python = map + one("Python", {"map"}, "python_param { module: 'yolov2' layer: 'darknet_reorg' }");
  CHECK(params_of<pass_through_params>(python).order == block_order::darknet);
  CHECK_FALSE(last_of(python).on_cpu);
  CHECK_THAT(problem(map + one("Python", {"map"}, "python_param { module: 'my.things' layer: 'Magic' }")),
             contains("1 layer of type 'Python:my.things.Magic', which is not supported"));
  CHECK_THAT(problem(map + one("Python", {"map"}, "")), contains("got no module"));

  const std::string shuffle = map + one("Reshape", {"map"}, "reshape_param { pixelshuffler: 2 }");
  CHECK(params_of<pass_through_params>(shuffle).order == block_order::shuffle);
  CHECK(shape_of_last(shuffle) == tensor_shape{1, 2, 12, 16});
  CHECK(last_of(shuffle).on_cpu);
  CHECK_THAT(problem(map + one("Reshape", {"map"}, "reshape_param { pixelshuffler: 3 }")), contains("3 x 3"));
}

TEST_CASE("ROIPooling, PSROIPooling and SPP") {
  const auto roi = [](const std::string& rest) {
    return map + regions + one("ROIPooling", {"map", "regions"}, "roi_pooling_param { " + rest + " }");
  };
  CHECK(shape_of_last(roi("pooled_h: 2 pooled_w: 3 spatial_scale: 0.125")) == tensor_shape{3, 8, 2, 3});
  CHECK(params_of<roi_pooling_params>(roi("pooled_h: 2 pooled_w: 3 spatial_scale: 0.125")).spatial_scale == 0.125F);
  CHECK_FALSE(last_of(roi("pooled_h: 2 pooled_w: 3")).on_cpu);
  CHECK_THAT(problem(roi("pooled_h: 2")), contains("got no pooled_w"));
  CHECK_THAT(problem(roi("pooled_h: 2 pooled_w: 3 spatial_scale: -1")), contains("spatial_scale -1"));
  CHECK_THAT(problem(roi("pooled_h: 2147483647 pooled_w: 2147483647")), contains("expected 1 to 16777216"));
  CHECK_THAT(problem(map + one("ROIPooling", {"map"}, "roi_pooling_param { pooled_h: 1 pooled_w: 1 }")),
             contains("got 1 bottom, expected 2"));
  CHECK_THAT(problem(map + one("ROIPooling", {"map", "map"}, "roi_pooling_param { pooled_h: 1 pooled_w: 1 }")),
             contains("expected R x 5"));

  const auto psroi = [](const std::string& rest) {
    return map + regions + one("PSROIPooling", {"map", "regions"}, "psroi_pooling_param { " + rest + " }");
  };
  CHECK(shape_of_last(psroi("spatial_scale: 0.5 output_dim: 2 group_size: 2")) == tensor_shape{3, 2, 2, 2});
  CHECK_THAT(problem(psroi("output_dim: 2 group_size: 2")), contains("got no spatial_scale"));
  CHECK_THAT(problem(psroi("spatial_scale: 1 output_dim: 3 group_size: 2")), contains("3 outputs"));

  const auto spp = [](const std::string& rest) { return map + one("SPP", {"map"}, "spp_param { " + rest + " }"); };
  CHECK(shape_of_last(spp("pyramid_height: 2")) == tensor_shape{1, 40});
  CHECK(params_of<spp_params>(spp("pyramid_height: 2 pool: AVE")).operation == pooling_operation::average);
  CHECK_THAT(problem(spp("pool: AVE")), contains("got no pyramid_height"));
  CHECK_THAT(problem(spp("pyramid_height: 2 pool: STOCHASTIC")), contains("got pool STOCHASTIC"));
  CHECK_THAT(problem(spp("pyramid_height: 20")), contains("20 levels"));
}

TEST_CASE("proposals of either spelling") {
  const std::string inputs = input("scores", {1, 18, 2, 3}) + input("moves", {1, 36, 2, 3}) + input("info", {1, 3});
  const std::vector<std::string> bottoms{"scores", "moves", "info"};
  const layer plain = last_of(inputs + one("Proposal", bottoms, ""));
  CHECK(plain.on_cpu);
  CHECK(std::get<proposal_params>(plain.params).stride == 16);
  CHECK(std::get<proposal_params>(plain.params).regions == 300);
  CHECK(shape_of_last(input("scores", {1, 18, 2, 3}) + input("moves", {1, 36, 2, 3}) +
                      one("Proposal", {"scores", "moves"}, "")) == tensor_shape{300, 5});
  const auto set = params_of<proposal_params>(
      inputs + one("Proposal", bottoms,
                   "proposal_param { feat_stride: 8 base_size: 4 min_size: 2 pre_nms_topn: 50 post_nms_topn: 7 "
                   "nms_thresh: 0.5 ratio: [1, 2, 3] scale: [4, 5, 6] }"));
  CHECK(set.stride == 8);
  CHECK(set.base_size == 4);
  CHECK(set.min_size == 2.0F);
  CHECK(set.before_suppression == 50);
  CHECK(set.regions == 7);
  CHECK(set.overlap_threshold == 0.5);
  CHECK(set.ratios == std::vector<float>{1, 2, 3});
  CHECK(set.scales == std::vector<float>{4, 5, 6});
  const network two = imported(inputs + one("Proposal", bottoms, "proposal_param { post_nms_topn: 7 }", {"y", "s"}));
  CHECK(two.blobs[two.blobs.size() - 2].shape == tensor_shape{7, 5});
  CHECK(two.blobs.back().shape == tensor_shape{7, 1});
  CHECK_THAT(problem(inputs + one("Proposal", bottoms, "proposal_param { ratio: 1 }")), contains("for 3 anchors"));
  CHECK_THAT(problem(inputs + one("Proposal", bottoms, "", {"a", "b", "c"})), contains("3 outputs"));

  const auto python = [&](const std::string& parameters, const std::string& module = "rpn.proposal_layer") {
    return inputs +
           one("Python", bottoms,
               "python_param { module: '" + module + "' layer: 'ProposalLayer' param_str: \"" + parameters + "\" }");
  };
  CHECK(params_of<proposal_params>(python("'feat_stride': 8")).stride == 8);
  CHECK(last_of(python("'feat_stride': 8")).on_cpu);
  const auto all = params_of<proposal_params>(
      python("{'feat_stride': 16, 'ratios': [0.333, 1, 2], 'scales': (2, 3, 32)}", "proposal_layer"));
  CHECK(all.ratios == std::vector<float>{0.333F, 1, 2});
  CHECK(all.scales == std::vector<float>{2, 3, 32});
  CHECK(params_of<proposal_params>(python(" feat_stride: 4 ,\\n scales: [1, 2, 3] ")).stride == 4);
  CHECK_THAT(problem(python("")), contains("got no feat_stride"));
  CHECK_THAT(problem(python("'feat_stride': 16, 'color': 3")), contains("got 'color' in param_str"));
  CHECK_THAT(problem(python("'feat_stride': 1.5")), contains("feat_stride 1.5"));
  CHECK_THAT(problem(python("'feat_stride': 1e300")), contains("expected a whole number"));
  CHECK_THAT(problem(python("'feat_stride': [1, 2]")), contains("got 2 values of feat_stride"));
  for (const std::string bad : {"16", "'feat_stride'", "'feat_stride': ", "'feat_stride': x", "{'feat_stride': 16",
                                "'feat_stride': 16}", "'feat_stride': [16", "'feat_stride': 16 'scales': 3",
                                "'feat_stride: 16", "'feat_stride': nan", "'a': 1, 'a': 2", ": 3"}) {
    INFO(bad);
    CHECK_THAT(problem(python(bad)), contains("expected names and numbers"));
  }
  CHECK_THAT(problem(python("'feat_stride': 16", "layers.my_proposal_layer")), contains("not supported"));

  const std::string text = input("scores", {1, 20, 2, 3}) + input("moves", {1, 20, 2, 3}) + input("info", {1, 3});
  const auto lines = [&](const std::string& parameters, const std::vector<std::string>& tops) {
    return text + one("Python", bottoms,
                      "python_param { module: 'layers.text_proposal_layer' layer: 'ProposalLayer' param_str: \"" +
                          parameters + "\" }",
                      tops);
  };
  const network found = imported(lines("'feat_stride': 8", {"y", "s"}));
  CHECK(std::get<text_proposal_params>(found.layers.back().params).stride == 8);
  CHECK(found.layers.back().on_cpu);
  CHECK(found.blobs[found.blobs.size() - 2].shape == tensor_shape{60, 4});
  CHECK(found.blobs.back().shape == tensor_shape{60, 1});
  CHECK_THAT(problem(lines("'feat_stride': 8, 'scales': [1]", {"y"})), contains("expected feat_stride alone"));
  CHECK_THAT(problem(lines("", {"y"})), contains("got no feat_stride"));
  CHECK_THAT(problem(lines("'feat_stride': 8", {"a", "b", "c"})), contains("3 outputs"));
}

TEST_CASE("PriorBox and DetectionOutput") {
  const auto prior = [](const std::string& rest) {
    return map + picture + one("PriorBox", {"map", "picture"}, "prior_box_param { " + rest + " }");
  };
  const auto p = params_of<prior_box_params>(
      prior("min_size: 20 max_size: 30 aspect_ratio: [2, 3] flip: false clip: true variance: [0.1, 0.1, 0.2, 0.2] "
            "step: 8 offset: 0.25 img_h: 10 img_w: 20"));
  CHECK(p.min_sizes == std::vector<float>{20});
  CHECK(p.max_sizes == std::vector<float>{30});
  CHECK(p.aspect_ratios == std::vector<float>{2, 3});
  CHECK(!p.flip);
  CHECK(p.clip);
  CHECK(p.variance == std::array{0.1F, 0.1F, 0.2F, 0.2F});
  CHECK(p.step == std::array{8.0F, 8.0F});
  CHECK(p.offset == 0.25F);
  CHECK(p.image == std::array<std::size_t, 2>{10, 20});
  CHECK(params_of<prior_box_params>(prior("min_size: 20 variance: 0.3 step_h: 2 step_w: 3")).variance[3] == 0.3F);
  CHECK(params_of<prior_box_params>(prior("min_size: 20 step_h: 2 step_w: 3")).step == std::array{2.0F, 3.0F});
  const auto parts = params_of<prior_box_params>(prior("min_size: [20.48, 51.2] max_size: [51.2, 133.92]"));
  CHECK(parts.min_sizes == std::vector<float>{20, 51});
  CHECK(parts.max_sizes == std::vector<float>{51, 133});
  CHECK(last_of(prior("min_size: 20")).on_cpu);
  CHECK(shape_of_last(prior("min_size: [32, 64, 128] faceboxes: true")) == tensor_shape{1, 2, 6 * 8 * 21 * 4});
  CHECK(shape_of_last(prior("min_size: 20 aspect_ratio: 2")) == tensor_shape{1, 2, 6 * 8 * 3 * 4});
  CHECK_THAT(problem(prior("")), contains("got 0 min_size"));
  CHECK_THAT(problem(prior("min_size: 20 variance: [1, 2]")), contains("got 2 values of variance"));
  CHECK_THAT(problem(prior("min_size: 20 step: 3 step_h: 2")), contains("got step beside step_h"));
  CHECK_THAT(problem(prior("min_size: 20 img_h: 2")), contains("got only one of img_h and img_w"));
  CHECK_THAT(problem(prior("min_size: 20 max_size: 10")), contains("max_size 10"));
  // 0 stands for no step within the library; a file that says so is refused, as by SSD.
  CHECK_THAT(problem(prior("min_size: 20 step: 0")), contains("got step 0, expected more than 0"));
  CHECK_THAT(problem(prior("min_size: 20 step_h: 2 step_w: -1")), contains("got step_w -1, expected more than 0"));

  const std::string inputs = input("loc", {1, 24}) + input("conf", {1, 18}) + input("prior", {1, 2, 24});
  const auto detection = [&](const std::string& rest) {
    return inputs + one("DetectionOutput", {"loc", "conf", "prior"}, "detection_output_param { " + rest + " }");
  };
  const layer l = last_of(detection(
      "num_classes: 3 share_location: true background_label_id: 1 nms_param { nms_threshold: 0.5 top_k: 4 eta: 0.75 } "
      "save_output_param { output_directory: '/tmp' resize_param { height: 3 } } code_type: CENTER_SIZE keep_top_k: 5 "
      "confidence_threshold: 0.25 variance_encoded_in_target: true visualize: true"));
  CHECK(l.on_cpu);
  const auto& d = std::get<detection_output_params>(l.params);
  CHECK(d.classes == 3);
  CHECK(d.background == std::optional<std::size_t>(1));
  CHECK(d.overlap_threshold == 0.5);
  CHECK(d.eta == 0.75);
  CHECK(d.top_k == std::optional<std::size_t>(4));
  CHECK(d.keep_top_k == std::optional<std::size_t>(5));
  CHECK(d.code == box_code::center_size);
  CHECK(d.confidence_threshold == 0.25F);
  CHECK(d.variance_in_target);
  const auto plain = params_of<detection_output_params>(detection("num_classes: 3 background_label_id: -1"));
  CHECK(plain.code == box_code::corner);
  CHECK(!plain.background);
  CHECK(!plain.top_k);
  CHECK(!plain.keep_top_k);
  CHECK(params_of<detection_output_params>(detection("num_classes: 3 code_type: 3")).code == box_code::corner_size);
  CHECK(shape_of_last(detection("num_classes: 3")) == tensor_shape{1, 1, 12, 7});
  CHECK(shape_of_last(detection("num_classes: 3 keep_top_k: 5")) == tensor_shape{1, 1, 5, 7});
  CHECK_THAT(problem(detection("")), contains("got no num_classes"));
  CHECK_THAT(problem(detection("num_classes: 4")), contains("6 priors and 4 classes"));
  CHECK_THAT(problem(detection("num_classes: 3 code_type: 0")), contains("got code_type 0"));
  CHECK_THAT(problem(detection("num_classes: 3 nms_param { eta: 2 }")), contains("eta 2"));
  CHECK_THAT(problem(detection("num_classes: 3 objectness_score: 2")), contains("objectness_score"));
}

TEST_CASE("Interp, ResizeBilinear and ResizeNearestNeighbor") {
  const auto interp = [](const std::string& rest) {
    return map + one("Interp", {"map"}, "interp_param { " + rest + " }");
  };
  CHECK(shape_of_last(interp("height: 11 width: 3")) == tensor_shape{1, 8, 11, 3});
  CHECK(shape_of_last(interp("zoom_factor: 3")) == tensor_shape{1, 8, 16, 22});
  CHECK(shape_of_last(interp("shrink_factor: 2")) == tensor_shape{1, 8, 3, 4});
  CHECK(shape_of_last(interp("shrink_factor: 2 zoom_factor: 4")) == tensor_shape{1, 8, 9, 13});
  CHECK(shape_of_last(interp("zoom_factor: 2 pad_beg: -1 pad_end: -2")) == tensor_shape{1, 8, 5, 9});
  CHECK(last_of(interp("zoom_factor: 2")).on_cpu);
  CHECK(params_of<resize_params>(interp("zoom_factor: 2 pad_beg: -1")).crop.left == 1);
  CHECK_THAT(problem(interp("")), contains("neither size nor factors"));
  CHECK_THAT(problem(interp("height: 3")), contains("a part of a size"));
  CHECK_THAT(problem(interp("height: 3 width: 3 zoom_factor: 2")), contains("a size and factors"));
  CHECK_THAT(problem(interp("zoom_factor: 2 pad_beg: 1")), contains("pad_beg"));
  CHECK_THAT(problem(interp("zoom_factor: 2 pad_beg: -6")), contains("expected something left"));
  CHECK_THAT(problem(interp("zoom_factor: 2147483647")), contains("resize rows"));

  const auto bilinear = [](const std::string& rest) {
    return map + one("ResizeBilinear", {"map"}, "resize_bilinear_param { data_format: 'NCHW' " + rest + " }");
  };
  const auto b = params_of<resize_params>(bilinear("align_corners: true output_height: 5 scale_width: 1.5"));
  CHECK(b.size == std::array<std::size_t, 2>{5, 12});
  CHECK(b.grid == resize_grid::corners);
  CHECK(b.method == resize_method::bilinear);
  CHECK(params_of<resize_params>(bilinear("scale_height: 2 scale_width: 2")).grid == resize_grid::origin);
  CHECK(params_of<resize_params>(bilinear("scale_height: 2 scale_width: 2 half_pixel_centers: true")).grid ==
        resize_grid::half_pixels);
  CHECK(last_of(bilinear("scale_height: 2 scale_width: 2")).on_cpu);
  CHECK_THAT(problem(bilinear("scale_height: 2")), contains("neither output_width and scale_width"));
  CHECK_THAT(problem(bilinear("output_height: 2 scale_height: 2 output_width: 3")), contains("both output_height"));
  CHECK_THAT(problem(bilinear("scale_height: -2 scale_width: 2")), contains("scale_height -2"));
  CHECK_THAT(problem(bilinear("scale_height: nan scale_width: 2")), contains("scale_height"));
  CHECK_THAT(problem(bilinear("scale_height: 0.01 scale_width: 2")), contains("scale_height 0.01 for input"));
  CHECK_THAT(problem(bilinear("output_height: 2 output_width: 2 align_corners: true half_pixel_centers: true")),
             contains("align_corners and half_pixel_centers"));
  CHECK_THAT(
      problem(map + one("ResizeBilinear", {"map"}, "resize_bilinear_param { output_height: 2 output_width: 2 }")),
      contains("got no data_format"));
  const std::string nearest =
      one("ResizeNearestNeighbor", {"map"},
          "resize_nearest_neighbor_param { data_format: 'NCHW' scale_height: 2 scale_width: 3 }");
  CHECK(params_of<resize_params>(map + nearest).method == resize_method::nearest);
  CHECK(shape_of_last(map + nearest) == tensor_shape{1, 8, 12, 24});
}

TEST_CASE("a detector with proposals and regions runs in float, 8 and 16 bits") {
  const std::string text =
      input("map", {1, 6, 4, 4}) + input("scores", {1, 2, 4, 4}) + input("moves", {1, 4, 4, 4}) +
      input("info", {1, 3}) +
      "layer { name: 'rpn' type: 'Proposal' bottom: 'scores' bottom: 'moves' bottom: 'info' top: 'rois' proposal_param "
      "{ "
      "feat_stride: 8 base_size: 8 ratio: 1 scale: 1 min_size: 1 post_nms_topn: 20 } }\n"
      "layer { name: 'roi' type: 'ROIPooling' bottom: 'map' bottom: 'rois' top: 'r' roi_pooling_param { pooled_h: 2 "
      "pooled_w: 2 spatial_scale: 0.125 } }\n"
      "layer { name: 'pool' type: 'Pooling' bottom: 'map' top: 'p' top: 'mask' pooling_param { kernel_size: 2 stride: "
      "2 "
      "} }\n"
      "layer { name: 'up' type: 'Upsample' bottom: 'p' bottom: 'mask' top: 'u' upsample_param { scale: 2 } }\n"
      "layer { name: 'pass' type: 'PassThrough' bottom: 'u' top: 'b' pass_through_param { block_height: 2 block_width: "
      "2 "
      "} }\n"
      "layer { name: 'spp' type: 'SPP' bottom: 'u' top: 's' spp_param { pyramid_height: 2 } }\n";
  const network net = imported(text);
  draws d(1);
  std::vector<tensor<float>> inputs{d.tensor({1, 6, 4, 4}), d.tensor({1, 2, 4, 4}), d.tensor({1, 4, 4, 4}),
                                    tensor<float>{{32, 32, 1}}};
  network_runner reference(net, float_plan(net), {.keep_all = true});
  reference.run(inputs);
  CHECK(reference.value("rois")(0, 0) == 0.0F);
  CHECK(reference.value("rois")(19, 0) == -1.0F);  // 16 anchors
  const tensor<float> u = reference.value("u");
  CHECK(std::count(u.begin(), u.end(), 0.0F) == 6 * 12);
  for (const compile_mode mode : {compile_mode::all_8bit, compile_mode::all_16bit}) {
    network_runner run(net, plan_of(net, mode), {.keep_all = true});
    run.run(inputs);
    const double close = mode == compile_mode::all_8bit ? 0.99 : 0.9999;
    for (const char* name : {"r", "p", "u", "b", "s"}) {
      INFO(name);
      CHECK(compare(reference.value(name), run.value(name)).cosine > close);
    }
    // Places, unlike values, are the same or another element's; regions keep 1/4096.
    const tensor<float> mask = run.value("mask"), rois = run.value("rois");
    for (const float place : mask) CHECK((place == std::floor(place) && place >= 0 && place < 16));
    for (std::size_t i = 0; i < rois.size(); ++i) {
      const tensor<float> exact = reference.value("rois");
      if (mode == compile_mode::all_16bit) CHECK(std::fabs(rois.data()[i] - exact.data()[i]) < 0.5F);
    }
  }
}

TEST_CASE("damaged files of these layers end in an error or in a network that runs or says why not") {
  const std::string text = input("map", {1, 8, 8, 8}) + input("scores", {1, 2, 4, 4}) + input("moves", {1, 4, 4, 4}) +
                           input("info", {1, 3}) + input("loc", {1, 8}) + input("conf", {1, 4}) + R"(
layer { name: "pool" type: "Pooling" bottom: "map" top: "p" top: "mask" pooling_param { kernel_size: 2 stride: 2 } }
layer { name: "up" type: "Upsample" bottom: "p" bottom: "mask" top: "u" upsample_param { upsample_h: 8 upsample_w: 8 } }
layer { name: "pass" type: "PassThrough" bottom: "u" top: "b" pass_through_param { block_height: 2 block_width: 2 } }
layer { name: "reorg" type: "Reorg" bottom: "u" top: "g" reorg_param { stride: 2 } }
layer { name: "rpn" type: "Proposal" bottom: "scores" bottom: "moves" bottom: "info" top: "rois" top: "s"
        proposal_param { feat_stride: 2 base_size: 2 ratio: 1 scale: 1 min_size: 1 post_nms_topn: 9 } }
layer { name: "roi" type: "ROIPooling" bottom: "u" bottom: "rois" top: "r"
        roi_pooling_param { pooled_h: 2 pooled_w: 2 spatial_scale: 0.5 } }
layer { name: "psroi" type: "PSROIPooling" bottom: "u" bottom: "rois" top: "t"
        psroi_pooling_param { output_dim: 2 group_size: 2 spatial_scale: 0.5 } }
layer { name: "spp" type: "SPP" bottom: "u" top: "y" spp_param { pyramid_height: 3 } }
layer { name: "zoom" type: "Interp" bottom: "u" top: "i" interp_param { zoom_factor: 2 pad_beg: -1 } }
layer { name: "mean" type: "Pooling" bottom: "map" top: "m" pooling_param { pool: AVE kernel_size: 8 } }
layer { name: "prior" type: "PriorBox" bottom: "m" bottom: "map" top: "q"
        prior_box_param { min_size: 3 max_size: 5 variance: 0.1 step: 2 } }
layer { name: "out" type: "DetectionOutput" bottom: "loc" bottom: "conf" bottom: "q" top: "d"
        detection_output_param { num_classes: 2 code_type: CENTER_SIZE keep_top_k: 3 nms_param { top_k: 4 } } }
)";
  REQUIRE(imported(text).layers.size() == 18);
  const std::vector<std::string> words = {"0",      "1",    "2",      "3",   "-1",         "9",   "255",
                                          "0.25",   "1e38", "-7",     "nan", "2147483647", "'u'", "'map'",
                                          "'rois'", "'p'",  "'mask'", "'q'", "true",       "AVE"};
  draws d(1);
  std::size_t read = 0, ran = 0;
  for (int i = 0; i < 1500; ++i) {
    std::string damaged = text;
    for (std::size_t n = d.between(1, 2); n > 0; --n) {
      // The value behind a colon becomes another one.
      const std::size_t colon = damaged.find(": ", d.between(0, damaged.size() - 1));
      if (colon == std::string::npos) continue;
      const std::size_t end = damaged.find_first_of(" }\n", colon + 2);
      damaged.replace(colon + 2, end - colon - 2, words[d.between(0, words.size() - 1)]);
    }
    INFO(damaged);
    try {
      const network net = imported(damaged);
      ++read;
      std::size_t elements = 0;
      for (const blob& b : net.blobs) elements += b.shape.size();
      if (elements > 200000) continue;
      std::vector<tensor<float>> inputs;
      for (const std::size_t b : input_blobs(net)) {
        const bool is_picture = net.blobs[b].name == "info" && net.blobs[b].shape == tensor_shape{1, 3};
        inputs.push_back(is_picture ? tensor<float>{{16, 16, 1}} : d.tensor(net.blobs[b].shape));
      }
      for (const int mode : {-1, 0}) {
        network_runner run(net, mode < 0 ? float_plan(net) : plan_of(net, compile_mode::all_8bit), {.keep_all = true});
        run.run(inputs);
      }
      ++ran;
    } catch (const error&) {
    }
  }
  CHECK(read > 100);
  CHECK(ran > 30);
}

}  // namespace caffe_region_layers_test
