#include <nniesim/debug/loaded_network.hpp>

#include <string>
#include <string_view>
#include <variant>

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

}  // namespace loaded_network_test
