#include <nniesim/network/caffe_import.hpp>

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "catch.hpp"

using namespace nniesim;

namespace {

std::string shared_model(const std::string& name) {
  const std::string folder = NNIESIM_SHARED_DIR;
  const std::string path = folder + "/models/" + name;
  return !folder.empty() && std::filesystem::exists(path) ? path : "";
}

std::size_t count_of(const network& n, const std::string& type) {
  return static_cast<std::size_t>(
      std::count_if(n.layers.begin(), n.layers.end(), [&](const layer& l) { return l.type == type; }));
}

}  // namespace

TEST_CASE("Both networks of the public models are read") {
  if (shared_model("mnet.prototxt").empty() || shared_model("RFB-320.prototxt").empty()) {
    WARN("skipped: the public models are not here (NNIESIM_SHARED_DIR)");
    return;
  }
  const network mnet = read_caffe_network(shared_model("mnet.prototxt"), shared_model("mnet.caffemodel"));
  const network rfb = read_caffe_network(shared_model("RFB-320.prototxt"), shared_model("RFB-320.caffemodel"));
  CHECK(mnet.name == "retinaface");
  CHECK(mnet.layers.front().name == "data");
  CHECK(mnet.blobs.front().shape == tensor_shape{1, 3, 640, 640});
  CHECK(count_of(mnet, "Deconvolution") == 2);
  CHECK(count_of(mnet, "BatchNorm") == 47);
  CHECK(rfb.layers.front().type == "Input");
  CHECK(rfb.blobs.front().shape == tensor_shape{1, 3, 240, 320});
  CHECK(count_of(mnet, "Convolution") + count_of(rfb, "Convolution") == 108);
  for (const network* n : {&mnet, &rfb}) {
    for (const blob& b : n->blobs) CHECK(b.shape.size() != 0);
    CHECK(n->reported.empty());
  }
  for (const blob& b : rfb.blobs) {
    if (b.name == "scores") CHECK(b.shape == tensor_shape{1, 4420, 2});
    if (b.name == "boxes") CHECK(b.shape == tensor_shape{1, 4420, 4});
  }
}
