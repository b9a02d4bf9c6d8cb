// A layer of a prototxt while it is read: its fields, its inputs' shapes and its learned values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nniesim/io/caffe_fields.hpp>
#include <nniesim/io/caffemodel.hpp>
#include <nniesim/network/layer.hpp>
#include <nniesim/precision/compile_mode.hpp>

NNIESIM_BEGIN_NAMESPACE

namespace detail {

/// The learned blobs of a model's layers, by name; layers without blobs are ignored.
class caffe_learned {
 public:
  /// `shapes_alone`: every learned value is 1, whatever the model has. `lacking_are_ones`: those of layers that the
  /// model does not have are 1.
  caffe_learned(const caffe_model* model, std::string_view file, bool shapes_alone = false,
                bool lacking_are_ones = false)
      : model_(model), shapes_alone_(shapes_alone), lacking_are_ones_(lacking_are_ones), file_(file) {
    if (model == nullptr || shapes_alone) return;
    for (std::size_t l = 0; l < model->layers.size(); ++l) {
      if (model->layers[l].blobs.empty()) continue;
      const auto [at, is_new] = layers_.try_emplace(model->layers[l].name, l);
      if (!is_new) at->second = several;
    }
  }
  /// A model whose values are moved to where they are used; what is left of a layer goes with drop().
  caffe_learned(caffe_model&& model, std::string_view file, bool shapes_alone = false, bool lacking_are_ones = false)
      : caffe_learned(&model, file, shapes_alone, lacking_are_ones) {
    consumed_ = &model;
  }

  /// A name without the marks _hp, _cpu and _report, in whatever order.
  [[nodiscard]] static std::string_view without_marks(std::string_view name) noexcept {
    for (bool again = true; again;) {
      again = false;
      for (const std::string_view mark : {"_hp", "_cpu", "_report"}) {
        if (!name.ends_with(mark) || name.size() == mark.size()) continue;
        name.remove_suffix(mark.size());
        again = true;
      }
    }
    return name;
  }

  /// The layer's blobs, of the expected shapes but for axes of extent 1 in front (old files give every blob four axes).
  /// Throws format_error for anything else.
  [[nodiscard]] std::vector<tensor_view<const float>> of(const std::string& layer,
                                                         std::span<const tensor_shape> expected) {
    if (shapes_alone_) return ones(expected);
    const auto found = find(layer);
    if (found == layers_.end()) {
      if (lacking_are_ones_ && !expected.empty()) {
        lacking_.push_back(layer);
        return ones(expected);
      }
      require<format_error>(
          expected.empty(), model_ != nullptr ? message("got no learned values in ", file_) : "got no model",
          ", expected ", expected.size(), " blobs, the first ", expected.empty() ? tensor_shape{} : expected[0]);
      return {};
    }
    require<format_error>(found->second != several, "got several layers of that name with learned values in ", file_,
                          ", expected one");
    const auto claim = claims_.try_emplace(found->second, layer).first;
    require<format_error>(claim->second == layer, "got learned values only of ", excerpt(found->first), " in ", file_,
                          ", which layer ", excerpt(claim->second),
                          " has already: are they this layer's, too? Expected ", "a name of its own");
    const std::vector<tensor<float>>& blobs = model_->layers[found->second].blobs;
    require<format_error>(blobs.size() == expected.size(), "got ", blobs.size(), " learned blobs in ", file_,
                          ", expected ", expected.size());
    std::vector<tensor_view<const float>> result;
    for (std::size_t b = 0; b < blobs.size(); ++b) {
      const tensor_shape got = shape_of(blobs[b]);
      require<shape_error>(without_ones(got) == without_ones(expected[b]), "got learned blob ", b, " of shape ", got,
                           " in ", file_, ", expected ", expected[b]);
      result.emplace_back(view_of(blobs[b]).span(), expected[b]);
    }
    return result;
  }

  /// One of the blobs that of() gave, as a tensor of the expected shape.
  [[nodiscard]] tensor<float> take(const std::string& layer, std::size_t blob, const tensor_shape& shape) const {
    tensor<float> result;
    const auto found = find(layer);
    if (shapes_alone_ || found == layers_.end()) {
      result = make_tensor<float>(shape);
      result.fill(1.0F);
      return result;
    }
    const std::size_t l = found->second;
    if (consumed_ != nullptr) result = std::move(consumed_->layers[l].blobs[blob]);
    else result = model_->layers[l].blobs[blob];
    result.reshape(std::vector<std::size_t>(shape.begin(), shape.end()));
    return result;
  }
  [[nodiscard]] const std::string& file() const noexcept { return file_; }
  /// Layers whose learned values are ones for want of others.
  [[nodiscard]] const std::vector<std::string>& lacking() const noexcept { return lacking_; }
  /// Of a layer that was read.
  void drop(const std::string& layer) {
    const auto found = find(layer);
    if (consumed_ == nullptr || found == layers_.end() || found->second == several) return;
    consumed_->layers[found->second].blobs = {};
  }

  /// The shape of the layer's first blob; nothing where there is none.
  [[nodiscard]] std::optional<tensor_shape> first_shape(const std::string& layer) const {
    const auto found = find(layer);
    if (found == layers_.end() || found->second == several) return std::nullopt;
    const std::vector<tensor<float>>& blobs = model_->layers[found->second].blobs;
    if (blobs.empty()) return std::nullopt;  // another layer had them
    return shape_of(blobs[0]);
  }

  /// How many blobs the layer has; nothing where the model does not tell.
  [[nodiscard]] std::optional<std::size_t> count(const std::string& layer) const {
    const auto found = find(layer);
    if (found == layers_.end() || found->second == several) return std::nullopt;
    return model_->layers[found->second].blobs.size();
  }

 private:
  using by_name = std::map<std::string, std::size_t, std::less<>>;                 ///< indices
  static constexpr std::size_t several = std::numeric_limits<std::size_t>::max();  ///< of one name

  /// Finds a layer by its name, else by its name without the marks, which may stand in the prototxt, in the model, or
  /// in both. Throws format_error where several layers of the model have that name without marks.
  [[nodiscard]] by_name::const_iterator find(std::string_view layer) const {
    const auto found = layers_.find(layer);
    if (found != layers_.end()) return found;
    const std::string_view plain = without_marks(layer);
    auto alike = layers_.end();
    for (auto at = layers_.lower_bound(plain); at != layers_.end() && at->first.starts_with(plain); ++at) {
      if (without_marks(at->first) != plain) continue;
      require<format_error>(alike == layers_.end(), "got learned values of ",
                            alike == layers_.end() ? "" : excerpt(alike->first), " and ", excerpt(at->first), " in ",
                            file_, ", expected one of that name but for its marks");
      alike = at;
    }
    return alike;
  }
  [[nodiscard]] static tensor_shape without_ones(const tensor_shape& s) {
    const std::size_t* first = std::find_if(s.begin(), s.end(), [](std::size_t extent) { return extent != 1; });
    return tensor_shape(std::span<const std::size_t>(first, s.end()));
  }

  /// Views of one shared list of ones: networks whose weights are never read take no memory for them.
  [[nodiscard]] std::vector<tensor_view<const float>> ones(std::span<const tensor_shape> expected) {
    for (const tensor_shape& s : expected) {
      require<format_error>(s.size() <= most_ones - made_, "got a layer with ", s.size(), " learned values after ",
                            made_, " of others, expected at most ", most_ones, " in all without a model");
      made_ += s.size();
      ones_.resize(std::max(ones_.size(), s.size()), 1.0F);
    }
    std::vector<tensor_view<const float>> result;
    for (const tensor_shape& s : expected) result.emplace_back(std::span<const float>(ones_).first(s.size()), s);
    return result;
  }

  static constexpr std::size_t most_ones = std::size_t{1} << 29U;  // 2 GiB

  const caffe_model* model_;
  bool shapes_alone_, lacking_are_ones_;
  caffe_model* consumed_ = nullptr;  ///< the same, where it is
  std::string file_;
  by_name layers_;
  std::map<std::size_t, std::string> claims_{};  ///< whose they are, as far as was asked
  std::vector<std::string> lacking_;
  std::vector<float> ones_;
  std::size_t made_ = 0;  ///< learned values without a model
};

/// A layer of the file while it is read. An operator's reader takes all parameters first, then, once it is ready(),
/// what depends on the inputs.
struct caffe_source {
  caffe_fields fields;
  std::string name;
  std::vector<tensor_shape> inputs{};
  caffe_learned* learned_values = nullptr;
  const caffe_problems* problems = nullptr;
  std::size_t problems_before = 0;
  bool inputs_known = true;  ///< else what makes them has problems of its own
  /// The line of an earlier layer of that name, else 0. The model's values belong to the earlier one.
  std::uint32_t first_line = 0;
  std::size_t outputs = 0;
  bool on_cpu = false;       ///< set where the hardware does not take the parameters
  bool has_learned = false;  ///< whether they were asked for

  [[nodiscard]] bool ready() const { return inputs_known && problems->count() == problems_before; }
  /// The learned blobs, which must have these shapes. Throws as caffe_learned.
  [[nodiscard]] std::vector<tensor_view<const float>> learned(std::span<const tensor_shape> expected) {
    has_learned = true;
    require<format_error>(first_line == 0 || expected.empty(), "got the name ", excerpt(name), " again, of a layer ",
                          "with learned values, expected a name of its own: it was at line ", first_line);
    if (first_line != 0) return {};
    return learned_values->of(name, expected);
  }
  /// One of the blobs that learned() gave. Views of it are gone then.
  [[nodiscard]] tensor<float> take(std::size_t blob, const tensor_shape& shape) const {
    return learned_values->take(name, blob, shape);
  }
  /// An axis as it is counted from the front; negative ones count from behind.
  [[nodiscard]] std::size_t axis(std::int64_t axis, std::string_view what = "axis") const {
    const auto rank = static_cast<std::int64_t>(inputs[0].rank());
    require<shape_error>(axis >= -rank && axis < rank, "got ", what, " ", axis, " of input ", inputs[0], ", expected ",
                         -rank, " to ", rank - 1);
    return static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
  }
  /// The input's axes from `first` on, `count` of them.
  [[nodiscard]] tensor_shape run_of_axes(std::size_t first, std::size_t count) const {
    require<shape_error>(count <= inputs[0].rank() - first, "got num_axes ", count, " from axis ", first, " of input ",
                         inputs[0], ", expected axes of the input");
    return tensor_shape(std::span<const std::size_t>(inputs[0].begin() + first, count));
  }
  [[nodiscard]] std::size_t channels() const {
    require<shape_error>(inputs[0].rank() >= 2, "got input ", inputs[0], ", expected batch and channels");
    return inputs[0][1];
  }
};

using caffe_read_result = std::optional<layer_params>;  ///< nothing where the source is not ready

[[nodiscard]] inline tensor<float> copy_of(tensor_view<const float> values) {
  auto result = make_tensor<float>(values.shape());
  std::copy(values.span().begin(), values.span().end(), result.data());
  return result;
}
[[nodiscard]] inline std::vector<float> values_of(tensor_view<const float> values) {
  return std::vector<float>(values.span().begin(), values.span().end());
}

}  // namespace detail

NNIESIM_END_NAMESPACE
