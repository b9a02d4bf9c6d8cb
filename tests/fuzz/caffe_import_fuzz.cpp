// The importer of Caffe networks: any prototxt beside one small model ends in a network or an error.
#include <cstdint>
#include <nniesim/io/caffe_import.hpp>

namespace {

nniesim::caffe_layer learned(std::string name, std::initializer_list<nniesim::tensor_shape> shapes) {
  nniesim::caffe_layer layer;
  layer.name = std::move(name);
  for (const auto& shape : shapes) {
    layer.blobs.push_back(nniesim::make_tensor<float>(shape));
    layer.blobs.back().fill(0.5F);
  }
  return layer;
}

const nniesim::caffe_model& model() {
  static const nniesim::caffe_model m{"fuzz",
                                      {learned("conv", {{4, 3, 3, 3}, {4}}), learned("bn", {{4}, {4}, {1}}),
                                       learned("scale", {{4}, {4}}), learned("fc", {{10, 64}, {10}})}};
  return m;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto net = nniesim::parse_prototxt({reinterpret_cast<const char*>(data), size}, "net");
    (void)nniesim::import_caffe(net, &model(), "model");
  } catch (const nniesim::error&) {  // what is expected of bad input
  }
  try {
    const auto net = nniesim::parse_prototxt({reinterpret_cast<const char*>(data), size}, "net");
    (void)nniesim::import_caffe(net, nullptr, {}, {.stop_at = "conv", .until_unsupported = true, .shapes_alone = true});
  } catch (const nniesim::error&) {  // what is expected of bad input
  }
  return 0;
}
