// Any bytes as a Caffe model and as a single blob: a parse_error, or what survives being written and read again.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <nniesim/io/caffemodel.hpp>

namespace {

bool same_blob(const nniesim::tensor<float>& a, const nniesim::tensor<float>& b) {
  return nniesim::shape_of(a) == nniesim::shape_of(b) && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

bool same_layer(const nniesim::caffe_layer& a, const nniesim::caffe_layer& b) {
  return a.name == b.name && a.type == b.type && a.bottoms == b.bottoms && a.tops == b.tops &&
         std::equal(a.blobs.begin(), a.blobs.end(), b.blobs.begin(), b.blobs.end(), same_blob);
}

void check_round_trip(const nniesim::caffe_model& a) {
  const auto b = nniesim::parse_caffemodel(nniesim::detail::caffemodel_bytes(a, "out"), "again");
  if (a.name != b.name) std::abort();
  if (!std::equal(a.layers.begin(), a.layers.end(), b.layers.begin(), b.layers.end(), same_layer)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  nniesim::caffe_model model;
  try {
    model = nniesim::parse_caffemodel(bytes, "model");
  } catch (const nniesim::parse_error&) {
  }
  if (!model.layers.empty()) check_round_trip(model);
  try {
    const auto blob = nniesim::parse_binaryproto(bytes, "mean");
    if (blob.size() * sizeof(float) > size) std::abort();
  } catch (const nniesim::parse_error&) {
  }
  return 0;
}
