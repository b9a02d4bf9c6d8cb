#include <nniesim/tensor/tensor.hpp>

#include <array>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <vector>
#include <xtensor/xadapt.hpp>
#include <xtensor/xfixed.hpp>
#include <xtensor/xstrided_view.hpp>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>

#include <nniesim/formats/fixed_point.hpp>
#include <nniesim/formats/uniform.hpp>
#include <nniesim/tensor/eigen.hpp>
#include "catch.hpp"

using namespace nniesim;

namespace {

static_assert(tensor_like<tensor<float>> && tensor_like<xt::xtensor<int, 3>> && tensor_like<Eigen::MatrixXf> &&
              tensor_like<tensor_view<const q20_12>> && tensor_like<tensor_view<float>>);
static_assert(tensor_like<std::vector<float>> && tensor_like<std::array<q20_12, 3>> &&
              tensor_like<std::span<const int>>);
static_assert(!tensor_like<float> && !tensor_like<float*> && !tensor_like<std::string> &&
              !tensor_like<std::vector<tensor<float>>> && !tensor_like<std::vector<const char*>>);
static_assert(std::same_as<element_t<tensor<float>>, float> && std::same_as<element_t<Eigen::MatrixXd>, double> &&
              std::same_as<element_t<tensor_view<const int>>, int> && std::same_as<element_t<const tensor<int>&>, int>);
static_assert(std::convertible_to<tensor_view<float>, tensor_view<const float>>);
static_assert(!std::convertible_to<tensor_view<const float>, tensor_view<float>>);
static_assert(!std::convertible_to<tensor_view<int>, tensor_view<const float>>);

template <class E>
auto counting(const E& shape) {
  auto t = make_tensor<float>(shape);
  std::iota(t.begin(), t.end(), 0.0F);
  return t;
}

/// Whether `dense` sees of an xtensor expression what its own row-major iterator does.
template <class E>
bool seen_rightly(const E& e) {
  const dense<float> d(e);
  if (d.view().shape() != shape_of(e)) return false;
  return std::equal(d.view().span().begin(), d.view().span().end(), e.template begin<xt::layout_type::row_major>(),
                    e.template end<xt::layout_type::row_major>());
}

}  // namespace

TEST_CASE("a view has the data and the shape it was given, and refuses a wrong count") {
  std::vector<float> data(6);
  const tensor_view<float> v(data, {2, 3});
  CHECK(v.data() == data.data());
  CHECK(v.size() == 6);
  v[5] = 7;
  CHECK(data[5] == 7);
  CHECK(tensor_view<const float>(v).data() == data.data());
  CHECK_THROWS_AS((tensor_view<float>(data, {2, 4})), shape_error);
  CHECK_THROWS_WITH((tensor_view<float>(data, {2, 4})), contains("6 elements for shape 2x4"));
  CHECK(tensor_view<float>().size() == 0);
  CHECK(tensor_view<float>().span().empty());
}

TEST_CASE("new tensors have the shape asked for, scalars and empty ones too") {
  CHECK(shape_of(make_tensor<float>({2, 3, 4})) == tensor_shape{2, 3, 4});
  CHECK(make_tensor<q20_12>({}).size() == 1);
  CHECK(shape_of(make_tensor<float>({})) == tensor_shape{});
  CHECK(make_tensor<float>({2, 0}).size() == 0);
  CHECK(shape_of(make_tensor<float>({1, 1, 1, 1, 1, 1, 1, 2})).rank() == 8);
}

TEST_CASE("a whole tensor is viewed in place, mutable or not") {
  auto t = counting(tensor_shape{2, 3});
  view_of(t)[4] = 40;
  CHECK(t(1, 1) == 40);
  CHECK(view_of(std::as_const(t)).data() == t.data());
  CHECK(view_of(t).shape() == tensor_shape{2, 3});
}

TEST_CASE("memory of one's own is viewed with a shape") {
  std::vector<float> data(6);
  CHECK(view_of(data.data(), {2, 3}).data() == data.data());
  CHECK(view_of(data, {2, 3}).shape() == tensor_shape{2, 3});
  view_of(data, {3, 2})[5] = 7;
  CHECK(data[5] == 7);
  static_assert(std::same_as<decltype(view_of(std::as_const(data), {2, 3})), tensor_view<const float>> &&
                std::same_as<decltype(view_of(std::span<float>(data), {2, 3})), tensor_view<float>> &&
                std::same_as<decltype(view_of(std::as_const(data).data(), {6})), tensor_view<const float>>);
  float array[4] = {};
  CHECK(view_of(array, {2, 2}).data() == array);
  CHECK_THROWS_WITH(view_of(data, {2, 4}), contains("6 elements for shape 2x4"));
}

template <class T>
concept viewable = requires(T&& t) {
  view_of(std::forward<T>(t));
};
template <class T>
concept viewable_with_shape = requires(T&& t) {
  view_of(std::forward<T>(t), tensor_shape{1});
};
static_assert(viewable<tensor<float>&> && !viewable<tensor<float>> && !viewable<const tensor<float>>);
static_assert(viewable_with_shape<std::vector<float>&> && !viewable_with_shape<std::vector<float>>);

TEST_CASE("values of layers become floats, codes by their scale") {
  auto y = make_tensor<q20_12>({2, 2});
  for (std::size_t i = 0; i < 4; ++i) y.data()[i] = q20_12(static_cast<double>(i) - 1.5);
  const tensor<float> expected = {{-1.5F, -0.5F}, {0.5F, 1.5F}};
  CHECK((to_float(y) == expected));
  CHECK((to_float(view_of(y)) == expected));
  CHECK((to_float(tensor<double>{{-1.5, -0.5}, {0.5, 1.5}}) == expected));
  const tensor<std::int8_t> codes = {{-3, -1}, {1, 3}};
  CHECK((to_float<uniform8>(codes, uniform8::scale(0.5F)) == expected));
  CHECK(to_float(make_tensor<q20_12>({2, 0})).size() == 0);
  // xtensor's own assignment converts too.
  const xt::xarray<float> assigned = y;
  CHECK((assigned == expected));
  xt::xtensor<double, 2> doubles;
  doubles = y;
  CHECK((doubles == expected));
}

TEST_CASE("row-major memory is taken as it stands, without a copy") {
  const auto t = counting(tensor_shape{2, 3, 4});
  CHECK(dense<float>(t).view().data() == t.data());
  CHECK(dense<float>(view_of(t)).view().data() == t.data());
  const xt::xtensor<float, 3> fixed_rank = t;
  CHECK(dense<float>(fixed_rank).view().data() == fixed_rank.data());
  std::vector<float> memory(6);
  const auto adapted = xt::adapt(memory, std::vector<std::size_t>{2, 3});
  CHECK(dense<float>(adapted).view().data() == memory.data());
}

TEST_CASE("contiguous xtensor views are seen from their own first element") {
  const auto t = counting(tensor_shape{2, 3, 4});
  const xt::xtensor<float, 3> fixed_rank = t;
  const xt::xtensor_fixed<float, xt::xshape<2, 3, 4>> fixed_shape = t;
  CHECK(seen_rightly(xt::view(t, 1)));
  CHECK(seen_rightly(xt::view(t, 1, 2)));
  CHECK(seen_rightly(xt::view(t, 1, xt::all(), xt::all())));
  CHECK(seen_rightly(xt::view(t, 1, xt::range(1, 3))));
  CHECK(seen_rightly(xt::view(t, xt::range(1, 2))));
  CHECK(seen_rightly(xt::view(fixed_rank, 1)));
  CHECK(seen_rightly(xt::view(fixed_rank, 1, 1, xt::all())));
  CHECK(seen_rightly(xt::view(fixed_shape, 1)));
  const auto outer = xt::view(fixed_rank, 1);
  CHECK(seen_rightly(xt::view(outer, 2)));
  CHECK(seen_rightly(xt::view(outer, xt::range(1, 3))));
  std::vector<float> memory(24);
  std::iota(memory.begin(), memory.end(), 0.0F);
  const auto adapted = xt::adapt(memory, std::vector<std::size_t>{2, 3, 4});
  CHECK(seen_rightly(xt::view(adapted, 1, 2)));
  const xt::xtensor<float, 2> matrix = xt::view(t, 1);
  CHECK(seen_rightly(xt::row(matrix, 2)));
}

TEST_CASE("strided, transposed, reshaped and computed xtensor expressions are seen in row-major order") {
  const auto t = counting(tensor_shape{2, 3, 4});
  const xt::xtensor<float, 3> fixed_rank = t;
  const xt::xtensor<float, 3, xt::layout_type::column_major> columns = t;
  CHECK(seen_rightly(xt::view(t, xt::all(), 1)));
  CHECK(seen_rightly(xt::view(t, xt::all(), xt::all(), 3)));
  CHECK(seen_rightly(xt::view(fixed_rank, xt::range(0, 2, 2))));
  CHECK(seen_rightly(xt::view(fixed_rank, 1, xt::range(0, 3, 2))));
  CHECK(seen_rightly(xt::view(fixed_rank, 1, xt::all(), xt::range(1, 3))));
  CHECK(seen_rightly(xt::view(fixed_rank, 1, xt::newaxis(), 2)));
  CHECK(seen_rightly(xt::view(fixed_rank, xt::newaxis(), 1)));
  CHECK(seen_rightly(xt::view(fixed_rank, xt::keep(1, 0))));
  CHECK(seen_rightly(xt::view(columns, 1)));
  CHECK(seen_rightly(xt::strided_view(t, {1, xt::ellipsis()})));
  CHECK(seen_rightly(xt::transpose(t)));
  CHECK(seen_rightly(xt::reshape_view(t, {6, 4})));
  CHECK(seen_rightly(xt::reshape_view(xt::view(t, 1), {2, 6})));
  CHECK(seen_rightly(xt::flatten(t)));
  CHECK(seen_rightly(xt::broadcast(t, {2, 2, 3, 4})));
  CHECK(seen_rightly(t + 1.0F));
  CHECK(seen_rightly(columns));
  CHECK(seen_rightly(xt::xarray<float>(3.0F)));
  CHECK(seen_rightly(tensor<float>::from_shape({2, 0, 3})));
  CHECK(seen_rightly(xt::xarray<float, xt::layout_type::dynamic>(t)));
}

TEST_CASE("Eigen matrices, arrays, blocks, maps and lazy expressions are seen in row-major order") {
  Eigen::MatrixXf m(2, 3);
  m << 0, 1, 2, 3, 4, 5;
  const auto is_counting = [](const dense<float>& d, const tensor_shape& shape) {
    if (d.view().shape() != shape) return false;
    for (std::size_t i = 0; i < d.view().size(); ++i) {
      if (d.view()[i] != static_cast<float>(i)) return false;
    }
    return true;
  };
  CHECK(is_counting(dense<float>(m), {2, 3}));
  const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> rows = m;
  CHECK(is_counting(dense<float>(rows), {2, 3}));
  const Eigen::ArrayXXf array = m.array();
  CHECK(is_counting(dense<float>(array), {2, 3}));
  Eigen::MatrixXf larger = Eigen::MatrixXf::Constant(4, 5, -1);
  larger.block(1, 2, 2, 3) = m;
  CHECK(is_counting(dense<float>(larger.block(1, 2, 2, 3)), {2, 3}));
  CHECK(is_counting(dense<float>(2 * m - m), {2, 3}));
  CHECK(is_counting(dense<float>(m * Eigen::MatrixXf::Identity(3, 3)), {2, 3}));
  CHECK(is_counting(dense<float>(Eigen::Vector3f(0, 1, 2).transpose()), {1, 3}));
  const dense<float> diagonal(Eigen::DiagonalMatrix<float, 2>(2, 3));
  CHECK((diagonal.view().shape() == tensor_shape{2, 2} && diagonal.view()[0] == 2 && diagonal.view()[1] == 0 &&
         diagonal.view()[2] == 0 && diagonal.view()[3] == 3));
  CHECK(is_counting(dense<float>(Eigen::VectorXf::LinSpaced(4, 0, 3).eval()), {4, 1}));
  CHECK(is_counting(dense<float>(Eigen::RowVectorXf::LinSpaced(4, 0, 3).eval()), {1, 4}));
}

TEST_CASE("a tensor of rank 2 is an Eigen matrix in place") {
  auto t = counting(tensor_shape{2, 3});
  auto m = as_eigen(view_of(t));
  CHECK(m.rows() == 2);
  CHECK(m(1, 0) == 3);
  m(0, 2) = 9;
  CHECK(t(0, 2) == 9);
  CHECK(as_eigen(view_of(std::as_const(t))).sum() == 22);
  CHECK_THROWS_AS(as_eigen(view_of(std::as_const(t = counting(tensor_shape{2, 3, 1})))), shape_error);
}

TEST_CASE("an expression of more than eight axes is a shape_error") {
  const xt::xarray<float> nine = xt::zeros<float>({1, 1, 1, 1, 1, 1, 1, 1, 1});
  CHECK_THROWS_AS(shape_of(nine), shape_error);
  CHECK_THROWS_WITH(dense<float>(nine), contains("rank 9, expected at most 8"));
}
