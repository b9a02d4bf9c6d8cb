// Tensors as Eigen's matrices. The other headers take Eigen's expressions without including Eigen.
#pragma once

#include <type_traits>

// Systems that have Eigen in a folder of its own need no -I for it.
#if __has_include(<Eigen/Core>)
#include <Eigen/Core>
#else
#include <eigen3/Eigen/Core>
#endif

#include <nniesim/tensor/view.hpp>

NNIESIM_BEGIN_NAMESPACE

/// A matrix view of a tensor of rank 2, for Eigen expressions.
template <class T>
[[nodiscard]] auto as_eigen(tensor_view<T> t) {
  require_rank(t.shape(), 2, "as_eigen", "rows, columns");
  using matrix = Eigen::Matrix<std::remove_const_t<T>, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using map = Eigen::Map<std::conditional_t<std::is_const_v<T>, const matrix, matrix>>;
  return map(t.data(), static_cast<Eigen::Index>(t.shape()[0]), static_cast<Eigen::Index>(t.shape()[1]));
}

NNIESIM_END_NAMESPACE
