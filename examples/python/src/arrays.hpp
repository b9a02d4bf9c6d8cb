// What the bindings share: arrays of Python (NumPy's, or anything with DLPack) as dense memory, new arrays, threads.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <nniesim/kernels/thread_pool.hpp>
#include <nniesim/tensor/tensor.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace nniesim_python {

using namespace nniesim;
namespace nb = nanobind;

/// The name of an element type as NumPy has it, "bfloat16" and the like included.
[[nodiscard]] std::string name_of(nb::dlpack::dtype t);

/// "int", "numpy.ndarray", ...: for messages.
[[nodiscard]] std::string type_name_of(nb::handle object);

namespace detail {

/// Copies what has these extents and strides (in elements) into dense row-major memory.
template <class T>
void copy_strided(const T* from, const nb::ndarray<nb::ro>& a, std::size_t axis, T*& to) {
  if (axis == a.ndim()) {
    *to++ = *from;
    return;
  }
  const std::size_t extent = a.shape(axis);
  const std::int64_t stride = a.stride(axis);
  if (axis + 1 == a.ndim()) {
    for (std::size_t i = 0; i < extent; ++i) *to++ = from[static_cast<std::int64_t>(i) * stride];
    return;
  }
  for (std::size_t i = 0; i < extent; ++i) {
    copy_strided(from + static_cast<std::int64_t>(i) * stride, a, axis + 1, to);
  }
}

[[nodiscard]] bool is_dense(const nb::ndarray<nb::ro>& a);

/// The object as an array in the processor's memory. Throws TypeError for what is none.
[[nodiscard]] nb::ndarray<nb::ro> array_of(nb::handle object, std::string_view what);
/// The same of an array that is written: C-contiguous, of this shape.
[[nodiscard]] nb::ndarray<> output_of(nb::handle object, std::string_view what, const tensor_shape& shape,
                                      nb::dlpack::dtype type);
void require_type(nb::dlpack::dtype got, nb::dlpack::dtype expected, std::string_view what);
[[nodiscard]] tensor_shape shape_of_array(const nb::ndarray<nb::ro>& a);

}  // namespace detail

/// An argument as a tensor of T: the caller's own memory where that is C-contiguous, else a copy. Throws TypeError for
/// what is no array or has another element type, and shape_error for more than 8 axes.
template <class T>
class array_argument {
 public:
  /// `what` names function and argument: "gfpq8.encode: x".
  array_argument(nb::handle object, std::string_view what) : array_(detail::array_of(object, what)) {
    detail::require_type(array_.dtype(), nb::dtype<T>(), what);
    shape_ = detail::shape_of_array(array_);
    if (detail::is_dense(array_)) {
      data_ = static_cast<const T*>(array_.data());
      return;
    }
    copy_.resize(shape_.size());
    const nb::gil_scoped_release released;
    T* to = copy_.data();
    detail::copy_strided(static_cast<const T*>(array_.data()), array_, 0, to);
    data_ = copy_.data();
  }
  [[nodiscard]] const tensor_shape& shape() const noexcept { return shape_; }
  [[nodiscard]] std::span<const T> span() const noexcept { return {data_, shape_.size()}; }
  [[nodiscard]] tensor_view<const T> view() const { return {span(), shape_}; }

 private:
  nb::ndarray<nb::ro> array_;
  tensor_shape shape_;
  std::vector<T> copy_;
  const T* data_ = nullptr;
};

/// A result: a new NumPy array, or what the caller gave as `out`.
template <class T>
class array_result {
 public:
  explicit array_result(const tensor_shape& shape) : array_result(nb::none(), "", shape) {}
  /// Throws TypeError or shape_error unless `out` is None, or a writable C-contiguous array of the shape and type.
  array_result(nb::handle out, std::string_view what, const tensor_shape& shape);

  [[nodiscard]] std::span<T> span() const noexcept { return {data_, shape_.size()}; }
  [[nodiscard]] tensor_view<T> view() const { return {span(), shape_}; }
  /// Throws format_error where the result lies over a part of what is read, or, unless `same_is_allowed`, over all.
  template <class U>
  void require_apart(std::span<const U> read, std::string_view what, bool same_is_allowed) const {
    const auto* const a = reinterpret_cast<const std::byte*>(read.data());
    const auto* const b = reinterpret_cast<const std::byte*>(data_);
    const bool overlap = a < b + shape_.size() * sizeof(T) && b < a + read.size_bytes();
    nniesim::detail::require<format_error>(!overlap || (same_is_allowed && a == b), what,
                                           ": out lies over a part of what is read, expected memory of its own",
                                           same_is_allowed ? ", or just the same" : "");
  }
  [[nodiscard]] nb::object object() const { return object_; }

 private:
  nb::object object_;
  nb::ndarray<> array_;
  tensor_shape shape_;
  T* data_ = nullptr;
};

/// numpy.empty.
[[nodiscard]] nb::object empty_array(const tensor_shape& shape, const char* type);

template <class T>
[[nodiscard]] constexpr const char* numpy_name() {
  if constexpr (std::is_same_v<T, float>) return "float32";
  else if constexpr (std::is_same_v<T, double>) return "float64";
  else if constexpr (std::is_same_v<T, std::uint8_t>) return "uint8";
  else if constexpr (std::is_same_v<T, std::int8_t>) return "int8";
  else if constexpr (std::is_same_v<T, std::uint16_t>) return "uint16";
  else if constexpr (std::is_same_v<T, std::int16_t>) return "int16";
  else if constexpr (std::is_same_v<T, std::int32_t>) return "int32";
  else return "uint64";
}

template <class T>
array_result<T>::array_result(nb::handle out, std::string_view what, const tensor_shape& shape)
    : object_(out.is_none() ? empty_array(shape, numpy_name<T>()) : nb::borrow(out)),
      array_(detail::output_of(object_, what, shape, nb::dtype<T>())),
      shape_(shape),
      data_(static_cast<T*>(array_.data())) {}

/// A new NumPy array of what a function of the library returned, without a copy.
template <class T>
[[nodiscard]] nb::object owning_array(tensor<T>&& t) {
  auto* const kept = new tensor<T>(std::move(t));
  const nb::capsule owner(kept, [](void* p) noexcept { delete static_cast<tensor<T>*>(p); });
  const std::vector<std::size_t> extents(kept->shape().begin(), kept->shape().end());
  return nb::cast(nb::ndarray<nb::numpy, T>(kept->data(), extents.size(), extents.data(), owner));
}
template <class T>
[[nodiscard]] nb::object owning_array(std::vector<T>&& values) {
  auto* const kept = new std::vector<T>(std::move(values));
  const nb::capsule owner(kept, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
  const std::size_t extent = kept->size();
  return nb::cast(nb::ndarray<nb::numpy, T>(kept->data(), 1, &extent, owner));
}

/// An int of Python. Throws TypeError for what is none (bool is none), and format_error for one that is not in low ..
/// high.
[[nodiscard]] std::int64_t integer_argument(nb::handle object, std::string_view what, std::int64_t low,
                                            std::int64_t high);

/// A str of Python. Throws TypeError for what is none.
[[nodiscard]] std::string text_argument(nb::handle object, std::string_view what);

/// The threads of one call: 1 .. 1024.
[[nodiscard]] inline std::size_t threads_argument(nb::handle object) {
  return static_cast<std::size_t>(integer_argument(object, "threads", 1, 1024));
}

/// The threads of one call; made and ended without the interpreter's lock.
class call_threads {
 public:
  explicit call_threads(std::size_t count) {
    if (count > 1) pool_ = std::make_unique<thread_pool>(count);
  }
  [[nodiscard]] executor handle() const noexcept { return pool_ ? pool_->handle() : executor{}; }

 private:
  std::unique_ptr<thread_pool> pool_;
};

}  // namespace nniesim_python
