#include "layers.hpp"

#include <nanobind/stl/string.h>

#include <nniesim/core/excerpt.hpp>
#include <nniesim/kernels/quantize.hpp>

namespace nniesim_python {

nb::object layer_result(tensor<float>&& y, bool raw) {
  nniesim::detail::require<format_error>(!raw, "raw is True, expected False: policy float32 writes floats");
  return owning_array(std::move(y));
}

nb::object layer_result(tensor<q20_12>&& y, bool raw) {
  const tensor_shape shape = shape_of(y);
  const std::span<const q20_12> values(y.data(), y.size());
  if (raw) {
    const array_result<std::int32_t> to(shape);
    std::memcpy(static_cast<void*>(to.span().data()), static_cast<const void*>(values.data()), values.size_bytes());
    return to.object();
  }
  const array_result<float> to(shape);
  const nb::gil_scoped_release released;
  nniesim::decode<q20_12>(values, to.span(), {});
  return to.object();
}

std::vector<std::size_t> sizes_argument(nb::handle object, std::string_view what) {
  constexpr std::int64_t most = std::int64_t{1} << 40U;
  if (PyIndex_Check(object.ptr())) return {static_cast<std::size_t>(integer_argument(object, what, 0, most))};
  std::vector<std::size_t> sizes;
  if (nb::isinstance<nb::str>(object) || PySequence_Check(object.ptr()) == 0) {
    throw nb::type_error(
        nniesim::detail::message(what, " is of type ", type_name_of(object), ", expected an int or a sequence of them")
            .c_str());
  }
  for (const nb::handle item : nb::borrow<nb::object>(object)) {
    sizes.push_back(static_cast<std::size_t>(integer_argument(item, what, 0, most)));
  }
  return sizes;
}

std::array<std::size_t, 2> pair_argument(nb::handle object, std::string_view what) {
  const std::vector<std::size_t> sizes = sizes_argument(object, what);
  nniesim::detail::require<shape_error>(sizes.size() == 1 || sizes.size() == 2, what, " has ", sizes.size(),
                                        " numbers, expected one, or rows and columns");
  return {sizes.front(), sizes.back()};
}

padding padding_argument(nb::handle object, std::string_view what) {
  const std::vector<std::size_t> s = sizes_argument(object, what);
  nniesim::detail::require<shape_error>(s.size() == 1 || s.size() == 2 || s.size() == 4, what, " has ", s.size(),
                                        " numbers, expected one, rows and columns, or top, left, bottom and right");
  if (s.size() == 4) return {s[0], s[1], s[2], s[3]};
  return {s.front(), s.back()};
}

std::size_t choice_argument(nb::handle object, std::string_view what, std::span<const std::string_view> names) {
  const std::string text = text_argument(object, what);
  std::string all;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == text) return i;
    all += (i == 0 ? "" : ", ") + std::string(names[i]);
  }
  throw format_error(nniesim::detail::message(what, " is ", nniesim::detail::excerpt(text), ", expected one of ", all));
}

std::vector<float> values_argument(nb::handle object, std::string_view what) {
  if (object.is_none()) return {};
  const array_argument<float> values(object, what);
  nniesim::detail::require<shape_error>(values.shape().rank() == 1, what, " has shape ", values.shape(),
                                        ", expected one axis");
  return {values.span().begin(), values.span().end()};
}

double number_argument(nb::handle object, std::string_view what) {
  const double value = PyBool_Check(object.ptr()) ? -1.0 : PyFloat_AsDouble(object.ptr());
  if (PyBool_Check(object.ptr()) || (value == -1.0 && PyErr_Occurred() != nullptr)) {
    PyErr_Clear();
    throw nb::type_error(
        nniesim::detail::message(what, " is of type ", type_name_of(object), ", expected a float").c_str());
  }
  return value;
}

std::vector<float> floats_argument(nb::handle object, std::string_view what) {
  if (nb::isinstance<nb::str>(object) || PySequence_Check(object.ptr()) == 0) return {float_argument(object, what)};
  std::vector<float> values;
  for (const nb::handle item : nb::borrow<nb::object>(object)) values.push_back(float_argument(item, what));
  return values;
}

std::optional<std::size_t> count_argument(nb::handle object, std::string_view what) {
  if (object.is_none()) return std::nullopt;
  return static_cast<std::size_t>(integer_argument(object, what, 0, std::int64_t{1} << 40U));
}

std::size_t axis_argument(nb::handle axis, std::string_view what) {
  return static_cast<std::size_t>(integer_argument(axis, what, 0, static_cast<std::int64_t>(tensor_shape::max_rank)));
}

function_rule rule_argument(nb::handle rule, std::string_view what) {
  constexpr std::array<std::string_view, 3> names = {"hardware", "nearest_entry", "exact"};
  return static_cast<function_rule>(choice_argument(rule, what, names));
}

pooling_operation pooling_operation_argument(nb::handle operation, std::string_view what) {
  constexpr std::array<std::string_view, 3> names = {"maximum", "average", "average_inside"};
  return static_cast<pooling_operation>(choice_argument(operation, what, names));
}

pooling_params pooling_argument(nb::handle kernel, nb::handle stride, nb::handle pad, nb::handle size, bool global,
                                std::string_view function) {
  constexpr std::array<std::string_view, 2> sizes = {"ceil", "floor"};
  const auto name_of = [&](std::string_view argument) { return nniesim::detail::message(function, ": ", argument); };
  pooling_params p;
  p.kernel = pair_argument(kernel, name_of("kernel"));
  p.stride = pair_argument(stride, name_of("stride"));
  p.pad = padding_argument(pad, name_of("pad"));
  p.size = static_cast<pooling_size>(choice_argument(size, name_of("size"), sizes));
  p.global = global;
  return p;
}

void require_room(const tensor_shape& y, std::string_view function) {
  constexpr std::size_t most = std::size_t{1} << 30U;
  nniesim::detail::require<shape_error>(y.size() <= most, function, ": a result of shape ", y, ", expected at most ",
                                        most, " elements");
}

}  // namespace nniesim_python
