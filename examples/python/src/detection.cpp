// Layers of detectors that run on the host, in float: from corrections and scores to boxes.
#include <nniesim/ops/detection_output.hpp>
#include <nniesim/ops/prior_box.hpp>
#include <nniesim/ops/proposal.hpp>
#include <nniesim/ops/text_proposal.hpp>

#include "layers.hpp"
#include "module.hpp"

namespace nniesim_python {
namespace {

constexpr std::int64_t most_pixels = std::int64_t{1} << 24U;

[[nodiscard]] tensor_shape map_shape(nb::handle size, std::string_view what) {
  const std::array<std::size_t, 2> s = pair_argument(size, what);
  return {1, 1, s[0], s[1]};
}

[[nodiscard]] std::array<float, 4> variance_argument(nb::handle object) {
  const std::vector<float> v = floats_argument(object, "prior_box: variance");
  nniesim::detail::require<shape_error>(v.size() == 1 || v.size() == 4, "prior_box: variance has ", v.size(),
                                        " numbers, expected one or four");
  if (v.size() == 1) return {v[0], v[0], v[0], v[0]};
  return {v[0], v[1], v[2], v[3]};
}

[[nodiscard]] std::array<float, 2> step_argument(nb::handle object) {
  const std::vector<float> v = floats_argument(object, "prior_box: step");
  nniesim::detail::require<shape_error>(v.size() == 1 || v.size() == 2, "prior_box: step has ", v.size(),
                                        " numbers, expected one, or of rows and columns");
  return {v.front(), v.back()};
}

void add_prior_box(nb::module_& m) {
  m.def(
      "prior_box",
      [](nb::handle map_size, nb::handle picture_size, nb::handle min_sizes, nb::handle max_sizes,
         nb::handle aspect_ratios, bool flip, bool clip, nb::handle variance, nb::handle step, nb::handle offset,
         bool dense) {
        prior_box_params p;
        p.min_sizes = floats_argument(min_sizes, "prior_box: min_sizes");
        p.max_sizes = floats_argument(max_sizes, "prior_box: max_sizes");
        p.aspect_ratios = floats_argument(aspect_ratios, "prior_box: aspect_ratios");
        p.flip = flip;
        p.clip = clip;
        p.variance = variance_argument(variance);
        p.step = step_argument(step);
        p.offset = float_argument(offset, "prior_box: offset");
        p.dense = dense;
        const tensor_shape map = map_shape(map_size, "prior_box: map_size");
        const tensor_shape picture = map_shape(picture_size, "prior_box: picture_size");
        auto y = [&] {
          const nb::gil_scoped_release released;
          require_room(infer_shape(p, map, picture), "prior_box");
          return prior_box(p, map, picture);
        }();
        return owning_array(std::move(y));
      },
      nb::arg("map_size").none(), nb::arg("picture_size").none(), nb::arg("min_sizes").none(),
      nb::arg("max_sizes").none(), nb::arg("aspect_ratios").none(), nb::arg("flip"), nb::arg("clip"),
      nb::arg("variance").none(), nb::arg("step").none(), nb::arg("offset").none(), nb::arg("dense"));
}

void add_detection_output(nb::module_& m) {
  m.def(
      "detection_output",
      [](nb::handle corrections, nb::handle scores, nb::handle priors, nb::handle classes, bool share_location,
         nb::handle background, nb::handle code, bool variance_in_target, nb::handle confidence_threshold,
         nb::handle overlap_threshold, nb::handle eta, nb::handle top_k, nb::handle keep_top_k) {
        constexpr std::array<std::string_view, 3> codes = {"corner", "center_size", "corner_size"};
        const array_argument<float> c(corrections, "detection_output: corrections");
        const array_argument<float> s(scores, "detection_output: scores");
        const array_argument<float> b(priors, "detection_output: priors");
        detection_output_params p;
        p.classes = static_cast<std::size_t>(integer_argument(classes, "detection_output: classes", 1, most_pixels));
        p.share_location = share_location;
        p.background = count_argument(background, "detection_output: background");
        p.code = static_cast<box_code>(choice_argument(code, "detection_output: code", codes));
        p.variance_in_target = variance_in_target;
        if (!confidence_threshold.is_none()) {
          p.confidence_threshold = float_argument(confidence_threshold, "detection_output: confidence_threshold");
        }
        p.overlap_threshold = number_argument(overlap_threshold, "detection_output: overlap_threshold");
        p.eta = number_argument(eta, "detection_output: eta");
        p.top_k = count_argument(top_k, "detection_output: top_k");
        p.keep_top_k = count_argument(keep_top_k, "detection_output: keep_top_k");
        auto y = [&] {
          const nb::gil_scoped_release released;
          return detection_output(c.view(), s.view(), b.view(), p);
        }();
        return owning_array(std::move(y));
      },
      nb::arg("corrections").none(), nb::arg("scores").none(), nb::arg("priors").none(), nb::arg("classes").none(),
      nb::arg("share_location"), nb::arg("background").none(), nb::arg("code").none(), nb::arg("variance_in_target"),
      nb::arg("confidence_threshold").none(), nb::arg("overlap_threshold").none(), nb::arg("eta").none(),
      nb::arg("top_k").none(), nb::arg("keep_top_k").none());
}

/// Regions or boxes, and a score for each, of scores, corrections and a picture's size.
template <class Params>
[[nodiscard]] nb::object boxes_and_scores(nb::handle scores, nb::handle corrections, nb::handle picture,
                                          std::string_view function, const Params& p,
                                          void (*into)(tensor_view<const float>, tensor_view<const float>,
                                                       tensor_view<const float>, const Params&, tensor_view<float>,
                                                       std::span<float>)) {
  const auto named = [&](std::string_view argument) { return nniesim::detail::message(function, ": ", argument); };
  const array_argument<float> s(scores, named("scores")), c(corrections, named("corrections"));
  const std::vector<float> of_picture = floats_argument(picture, named("picture"));
  const tensor_view<const float> size(of_picture, {1, of_picture.size()});
  tensor<float> y, found;
  {
    const nb::gil_scoped_release released;
    const tensor_shape shape = infer_shape(p, s.shape(), c.shape(), size.shape());
    nniesim::detail::refuse_nan(s.view(), named("scores"));
    nniesim::detail::refuse_nan(c.view(), named("corrections"));
    y = make_tensor<float>(shape);
    found = make_tensor<float>({shape[0]});
    into(s.view(), c.view(), size, p, view_of(y), {found.data(), found.size()});
  }
  return nb::make_tuple(owning_array(std::move(y)), owning_array(std::move(found)));
}

void add_proposals(nb::module_& m) {
  m.def(
      "proposal",
      [](nb::handle scores, nb::handle corrections, nb::handle picture, nb::handle stride, nb::handle base_size,
         nb::handle ratios, nb::handle scales, nb::handle min_size, nb::handle before_suppression, nb::handle regions,
         nb::handle overlap_threshold) {
        const auto count = [](nb::handle object, std::string_view what) {
          return static_cast<std::size_t>(integer_argument(object, what, 1, most_pixels));
        };
        proposal_params p;
        p.stride = count(stride, "proposal: stride");
        p.base_size = count(base_size, "proposal: base_size");
        p.ratios = floats_argument(ratios, "proposal: ratios");
        p.scales = floats_argument(scales, "proposal: scales");
        p.min_size = float_argument(min_size, "proposal: min_size");
        p.before_suppression = count(before_suppression, "proposal: before_suppression");
        p.regions = count(regions, "proposal: regions");
        p.overlap_threshold = number_argument(overlap_threshold, "proposal: overlap_threshold");
        return boxes_and_scores(scores, corrections, picture, "proposal", p, proposal_into);
      },
      nb::arg("scores").none(), nb::arg("corrections").none(), nb::arg("picture").none(), nb::arg("stride").none(),
      nb::arg("base_size").none(), nb::arg("ratios").none(), nb::arg("scales").none(), nb::arg("min_size").none(),
      nb::arg("before_suppression").none(), nb::arg("regions").none(), nb::arg("overlap_threshold").none());
  m.def(
      "text_proposal",
      [](nb::handle scores, nb::handle corrections, nb::handle picture, nb::handle stride) {
        const text_proposal_params p{
            static_cast<std::size_t>(integer_argument(stride, "text_proposal: stride", 1, most_pixels))};
        return boxes_and_scores(scores, corrections, picture, "text_proposal", p, text_proposal_into);
      },
      nb::arg("scores").none(), nb::arg("corrections").none(), nb::arg("picture").none(), nb::arg("stride").none());
}

}  // namespace

void add_detection(nb::module_& m) {
  add_prior_box(m);
  add_detection_output(m);
  add_proposals(m);
}

}  // namespace nniesim_python
