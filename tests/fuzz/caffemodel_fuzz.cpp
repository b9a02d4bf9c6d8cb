// Any bytes as a Caffe model and as a single blob: a parse_error, or what survives being written and read again, with
// marks in the names of layers, too.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <nniesim/debug/hp_names.hpp>
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

/// A prototxt with these layers and nothing else.
std::string text_with_layers_of(const nniesim::caffe_model& model) {
  std::string text;
  for (const nniesim::caffe_layer& l : model.layers) {
    text += "layer { name: \"";
    for (const char c : l.name) {
      const auto byte = static_cast<unsigned>(static_cast<unsigned char>(c));
      for (const unsigned part : {64U, 8U, 1U}) text += (part == 64U ? "\\" : "") + std::to_string(byte / part % 8);
    }
    text += "\" }\n";
  }
  return text;
}

/// Every second layer gets a mark.
void check_marks(const nniesim::caffe_model& a) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < a.layers.size(); i += 2) names.push_back(a.layers[i].name);
  nniesim::hp_files files;
  try {
    files = nniesim::hp_prototxt(text_with_layers_of(a), names, &a);
  } catch (const nniesim::error&) {  // marked already, names too long
    return;
  }
  const auto b = nniesim::parse_caffemodel(nniesim::detail::caffemodel_bytes(*files.model, "out"), "again");
  if (a.layers.size() != b.layers.size()) std::abort();
  for (std::size_t i = 0; i < a.layers.size(); ++i) {
    nniesim::caffe_layer expected = a.layers[i];
    const bool is_asked = std::find(names.begin(), names.end(), expected.name) != names.end();
    if (is_asked && nniesim::detail::unmarkable(expected.name) == nullptr) expected.name += "_hp";
    if (!same_layer(expected, b.layers[i])) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  nniesim::caffe_model model;
  try {
    model = nniesim::parse_caffemodel(bytes, "model");
  } catch (const nniesim::parse_error&) {
  }
  if (!model.layers.empty()) {
    check_round_trip(model);
    check_marks(model);
  }
  try {
    const auto blob = nniesim::parse_binaryproto(bytes, "mean");
    if (blob.size() * sizeof(float) > size) std::abort();
  } catch (const nniesim::parse_error&) {
  }
  return 0;
}
