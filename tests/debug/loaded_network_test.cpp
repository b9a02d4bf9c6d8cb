#include <nniesim/debug/loaded_network.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nniesim/io/caffemodel.hpp>
#include <nniesim/io/npy.hpp>
#include <nniesim/network/runner.hpp>

#include "catch.hpp"
#include "support/random.hpp"
#include "support/scratch_folder.hpp"

using namespace nniesim;

namespace loaded_network_test {

namespace {

const std::string folder = std::string(NNIESIM_SOURCE_DIR) + "/examples/feature_norm/network/";

}  // namespace

TEST_CASE("a network is loaded from a cfg with its lists", "[debug]") {
  std::size_t pictures = 0;
  network_source source{.cfg = folder + "feature_norm.cfg"};
  source.progress = [&](std::string_view what, std::size_t done, std::size_t of) {
    CHECK(what == "calibrating");
    CHECK(done <= of);
    ++pictures;
  };
  loaded_network loaded(source);
  CHECK(loaded.net().layers.size() <= loaded.original().layers.size());
  REQUIRE(loaded.listed() > 1);
  CHECK(loaded.listed_pictures().size == loaded.listed());
  CHECK(loaded.chosen_inputs().size() == loaded.listed_inputs(0).size());
  CHECK(loaded.network_files().size() == 3);
  CHECK(loaded.mode("1") == compile_mode::all_16bit);
  CHECK(loaded.mode("") == loaded.cfg().mode);
  const activation_ranges ranges = loaded.ranges("", plan_of(loaded.net(), compile_mode::all_8bit));
  CHECK(ranges.pictures == loaded.listed());
  CHECK(pictures == loaded.listed());
}

TEST_CASE("a network that is not there, or is given twice over, is an error", "[debug]") {
  CHECK_THROWS_WITH(loaded_network(network_source{}), contains("no network given"));
  CHECK_THROWS_AS(loaded_network(network_source{.cfg = folder + "nosuch.cfg"}), error);
  network_source files{.prototxt = folder + "feature_norm.prototxt", .caffemodel = folder + "feature_norm.caffemodel"};
  CHECK_THROWS_WITH(loaded_network(files), contains("no input given"));
  const loaded_network without(files, false);
  CHECK(without.listed() == 0);
  CHECK_FALSE(without.net().layers.empty());
}

TEST_CASE("what a cfg names, an option may not name otherwise; what it leaves out, options give") {
  const scratch_folder scratch;
  draws d(9);
  caffe_model model;
  caffe_layer fc;
  fc.name = "fc";
  fc.blobs = {d.tensor({2, 12}), d.tensor({2})};
  model.layers.push_back(fc);
  write_caffemodel(scratch / "n.caffemodel", model);
  detail::write_whole_file(scratch / "n.prototxt",
                           "layer { name: 'data' type: 'Input' top: 'data' input_param { shape { dim: 1 dim: 3 dim: 2 "
                           "dim: 2 } } } layer { name: 'fc' type: 'InnerProduct' bottom: 'data' top: 'fc' "
                           "inner_product_param { num_output: 2 } }");
  detail::write_whole_file(scratch / "p.bgr", std::string("abcdefghijkl"));
  detail::write_whole_file(scratch / "l.txt", "p.bgr\n");
  const auto cfg = [&](const std::string& lines) {
    detail::write_whole_file(scratch / "n.cfg",
                             "[image_list] l.txt\n[image_type] 1\n[norm_type] 0\n[mean_file] null\n" + lines);
    return network_source{.cfg = (scratch / "n.cfg").string()};
  };
  const std::string files = "[prototxt_file] n.prototxt\n[caffemodel_file] n.caffemodel\n";
  const loaded_network whole(cfg(files));
  CHECK(whole.remarks().empty());
  CHECK(whole.chosen_inputs().at(0).data()[0] == 'a');
  CHECK(whole.pictures().read(0, 0).value().pixels[2] == 'a');
  CHECK(whole.has_pictures());

  network_source other = cfg("");
  other.prototxt = (scratch / "n.prototxt").string();
  CHECK_THROWS_WITH(loaded_network(other), contains("[caffemodel_file] is missing, expected it, or --caffemodel"));
  other.caffemodel = (scratch / "n.caffemodel").string();
  CHECK(loaded_network(other).net().layers.size() == 2);
  (void)cfg(files);
  CHECK(loaded_network(other).net().layers.size() == 2);  // the same files
  detail::write_whole_file(scratch / "m.prototxt", "x");
  other.prototxt = (scratch / "m.prototxt").string();
  CHECK_THROWS_WITH(loaded_network(other), contains("[prototxt_file] is 'n.prototxt' and --prototxt is") &&
                                               contains("which of the two is meant?"));

  // What changes results or is not used is said.
  const loaded_network sparse(cfg(files + "[sparse_rate] 0.5\n[net_type] 2\n[roi_coordinate_file] l.txt\n"));
  CHECK(std::get<layers::fully_connected>(sparse.net().layers[1].params).sparse_rate == 0.5F);
  CHECK(std::get<layers::fully_connected>(sparse.original().layers[1].params).sparse_rate == 0.0F);
  REQUIRE(sparse.remarks().size() == 3);
  CHECK_THAT(sparse.remarks()[0], contains("[sparse_rate] 0.5: that share of the weights of each InnerProduct"));
  CHECK_THAT(sparse.remarks()[1], contains("[net_type] is 2, the network's layers are those of 0"));
  CHECK_THAT(sparse.remarks()[2], contains("no layer of the network pools regions"));
  CHECK(sparse.not_simulated().empty());
  detail::write_whole_file(scratch / "n.cfg",
                           files + "[image_list] l.txt\n[image_type] 3\n[norm_type] 0\n[mean_file] no\n");
  const loaded_network yuv(network_source{.cfg = (scratch / "n.cfg").string()});
  CHECK_THAT(yuv.remarks().at(0), contains("[image_type] 3: pictures go to YUV and back, BT.601 studio range"));
  CHECK_FALSE(same_bits(yuv.chosen_inputs().at(0), whole.chosen_inputs().at(0)));
}

TEST_CASE("a network is loaded as far as it is asked for, and without weights for its shapes", "[debug]") {
  network_source shapes{.prototxt = folder + "feature_norm.prototxt"};
  CHECK_THROWS_WITH(loaded_network(shapes, false), contains("no network given"));
  shapes.import.shapes_alone = true;
  const loaded_network loaded(shapes, false);
  REQUIRE(loaded.remarks().size() == 1);
  CHECK(loaded.remarks()[0] == "no caffemodel: shapes, rules and costs alone, whatever the learned values are");
  network_source part{.cfg = folder + "feature_norm.cfg"};
  part.import.stop_at = "comp0.relu1";
  CHECK(loaded_network(part).original().layers.back().name == "comp0.relu1");
}

TEST_CASE("values of Custom layers come from files", "[debug]") {
  const scratch_folder scratch;
  const std::string prototxt = scratch / "n.prototxt", model = scratch / "n.caffemodel";
  detail::write_whole_file(prototxt,
                           "input: 'data' input_shape { dim: 1 dim: 2 }\n"
                           "layer { name: 'c' type: 'Custom' bottom: 'data' top: 'x' top: 'y' "
                           "custom_param { shape { dim: 2 } shape { dim: 1 dim: 3 } } }\n"
                           "layer { name: 'r' type: 'ReLU' bottom: 'data' top: 'r' }\n"
                           "layer { name: 'r' type: 'AbsVal' bottom: 'y' top: 's' }\n");
  caffe_layer unused;
  unused.name = "unused";
  write_caffemodel(model, {"n", {unused}});
  write_npy(scratch / "x.npy", tensor<float>{{1.0F, 2.0F}});  // 1 x 2
  write_npy(scratch / "y.npy", tensor<float>{{-3.0F, 4.0F, 5.0F}});
  auto flat = make_tensor<float>({2});
  flat.fill(7.0F);
  write_npy(scratch / "flat.npy", flat);
  const auto load = [&](std::vector<std::string> custom) {
    network_source source{.prototxt = prototxt, .caffemodel = model};
    source.import.until_unsupported = true;  // with values they are supported
    source.custom = std::move(custom);
    return loaded_network(source, false);
  };
  const std::string flat_file = "c=" + (scratch / "flat.npy").string(), y_file = "c=" + (scratch / "y.npy").string();
  const loaded_network loaded = load({flat_file, y_file});
  CHECK_THAT(loaded.remarks().at(0), contains("this layer is called 'r#2' here"));
  network_runner runner(loaded.net(), float_plan(loaded.net()), {.keep_all = true});
  runner.run(tensor<float>{{1.0F, -1.0F}});
  CHECK(runner.value("c").data()[1] == 7.0F);
  CHECK(runner.value("r#2").data()[0] == 3.0F);

  CHECK(load({}).net().layers.size() == 2);
  CHECK_THROWS_WITH(load({"c"}), contains("expected LAYER=FILE.npy"));
  CHECK_THROWS_WITH(load({"c="}), contains("expected LAYER=FILE.npy"));
  CHECK_THROWS_WITH(load({"q=x.npy"}), contains("no layer 'q'"));
  CHECK_THROWS_WITH(load({"r=x.npy"}), contains("is of type 'ReLU', expected a Custom layer"));
  CHECK_THROWS_WITH(load({flat_file, y_file, y_file}), contains("has 2 output(s), expected no more files"));
  CHECK_THROWS_AS(load({y_file}), error);
  CHECK_THROWS_AS(load({"c=" + (scratch / "none.npy").string()}), error);
}

TEST_CASE("a network that breaks rules of the compiler runs, and the run says so", "[debug]") {
  const scratch_folder scratch;
  detail::write_whole_file(
      scratch / "n.prototxt",
      "layer { name: 'data' type: 'Input' top: 'data' input_param { shape { dim: 1 dim: 3 dim: 2 "
      "dim: 2 } } } layer { name: 'p' type: 'Permute' bottom: 'data' top: 'p' permute_param { order: "
      "0 order: 3 order: 1 order: 2 } } layer { name: 'q' type: 'Softmax' bottom: 'p' top: 'q' "
      "softmax_param { axis: 0 } }");
  caffe_layer unused;
  unused.name = "unused";
  write_caffemodel(scratch / "n.caffemodel", {"n", {unused}});
  write_npy(scratch / "x.npy", draws(1).tensor({1, 3, 2, 2}));
  const network_source source{.prototxt = (scratch / "n.prototxt").string(),
                              .caffemodel = (scratch / "n.caffemodel").string(),
                              .pictures = {(scratch / "x.npy").string()}};
  const loaded_network loaded(source);
  REQUIRE(loaded.remarks().size() == 1);
  CHECK_THAT(
      loaded.remarks()[0],
      contains("known to refuse or change 2 things, the first: layer 'p' (") &&
          contains("got order 0 3 1 2, expected the order 0 2 3 1 (users' reports); `nnie-debug info` lists all"));
  CHECK(loaded_network(source, false).remarks().empty());
}

}  // namespace loaded_network_test
