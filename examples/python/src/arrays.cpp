#include "arrays.hpp"

#include <nanobind/stl/string.h>

namespace nniesim_python {

std::string name_of(nb::dlpack::dtype t) {
  using code = nb::dlpack::dtype_code;
  std::string name;
  switch (static_cast<code>(t.code)) {
    case code::Int: name = "int"; break;
    case code::UInt: name = "uint"; break;
    case code::Float: name = "float"; break;
    case code::Bfloat: name = "bfloat"; break;
    case code::Complex: name = "complex"; break;
    case code::Bool: return "bool";
    default: return "of another kind";
  }
  return name + std::to_string(t.bits) + (t.lanes == 1 ? "" : "x" + std::to_string(t.lanes));
}

namespace {

[[nodiscard]] std::string text_of(const nb::object& o) { return nb::cast<std::string>(nb::str(nb::handle(o))); }

}  // namespace

std::string type_name_of(nb::handle object) {
  return nb::cast<std::string>(
      nb::str(nb::handle(reinterpret_cast<PyObject*>(Py_TYPE(object.ptr()))).attr("__name__")));
}

nb::object empty_array(const tensor_shape& shape, const char* type) {
  nb::list extents;
  for (const std::size_t extent : shape) extents.append(extent);
  return nb::module_::import_("numpy").attr("empty")(nb::tuple(extents), type);
}

std::int64_t integer_argument(nb::handle object, std::string_view what, std::int64_t low, std::int64_t high) {
  if (PyBool_Check(object.ptr()) || !PyIndex_Check(object.ptr())) {
    throw nb::type_error(
        nniesim::detail::message(what, " is of type ", type_name_of(object), ", expected an int").c_str());
  }
  const nb::object index = nb::steal(PyNumber_Index(object.ptr()));
  if (!index.is_valid()) nb::raise_python_error();
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(index.ptr(), &overflow);
  nniesim::detail::require<format_error>(overflow == 0 && value >= low && value <= high, what, " is ", text_of(index),
                                         ", expected ", low, " .. ", high);
  return value;
}

std::string text_argument(nb::handle object, std::string_view what) {
  if (!nb::isinstance<nb::str>(object)) {
    throw nb::type_error(
        nniesim::detail::message(what, " is of type ", type_name_of(object), ", expected a str").c_str());
  }
  return nb::cast<std::string>(object);
}

namespace detail {

bool is_dense(const nb::ndarray<nb::ro>& a) {
  if (a.size() == 0) return true;
  std::int64_t expected = 1;
  for (std::size_t i = a.ndim(); i-- > 0;) {
    const auto extent = static_cast<std::int64_t>(a.shape(i));
    if (extent != 1 && a.stride(i) != expected) return false;
    expected *= extent;
  }
  return true;
}

/// What is wrong with an object that nanobind does not take for an array: a sentence's end.
[[noreturn]] void refuse(nb::handle object, std::string_view what) {
  PyErr_Clear();  // what the object said when it was asked for its memory
  std::string got = type_name_of(object);
  if (nb::hasattr(object, "dtype")) {
    got += " of " + text_of(object.attr("dtype"));
    if (nb::hasattr(object, "device")) got += " on " + text_of(object.attr("device"));
  }
  throw nb::type_error(nniesim::detail::message(what, " is of type ", got,
                                                ", expected an array of numbers in the processor's memory and byte "
                                                "order: NumPy's, or one with DLPack")
                           .c_str());
}

nb::ndarray<nb::ro> array_of(nb::handle object, std::string_view what) {
  nb::ndarray<nb::ro> a;
  if (object.is_none() || !nb::try_cast(nb::borrow(object), a) || a.device_type() != nb::device::cpu::value) {
    refuse(object, what);
  }
  return a;
}

nb::ndarray<> output_of(nb::handle object, std::string_view what, const tensor_shape& shape, nb::dlpack::dtype type) {
  nb::ndarray<> a;
  const nb::ndarray<nb::ro> read = array_of(object, nniesim::detail::message(what, ": out"));
  if (!nb::try_cast(nb::borrow(object), a)) {
    throw nb::type_error(nniesim::detail::message(what, ": out is read-only, expected a writable array").c_str());
  }
  require_type(a.dtype(), type, nniesim::detail::message(what, ": out"));
  const tensor_shape got = shape_of_array(read);
  nniesim::detail::require<shape_error>(got == shape, what, ": out has shape ", got, ", expected ", shape);
  nniesim::detail::require<shape_error>(is_dense(read), what, ": out is not C-contiguous, expected that it is");
  return a;
}

void require_type(nb::dlpack::dtype got, nb::dlpack::dtype expected, std::string_view what) {
  if (got == expected) return;
  throw nb::type_error(
      nniesim::detail::message(what, " has element type ", name_of(got), ", expected ", name_of(expected)).c_str());
}

tensor_shape shape_of_array(const nb::ndarray<nb::ro>& a) {
  std::vector<std::size_t> extents(a.ndim());
  for (std::size_t i = 0; i < extents.size(); ++i) extents[i] = a.shape(i);
  return tensor_shape(std::span<const std::size_t>(extents));
}

}  // namespace detail
}  // namespace nniesim_python
