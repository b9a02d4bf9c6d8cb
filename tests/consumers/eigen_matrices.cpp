// A program whose data are Eigen's: a fully connected layer on matrices, its output as a matrix again.
#include <Eigen/Core>
#include <iostream>
#include <vector>

#include <nniesim/metrics/compare.hpp>
#include <nniesim/ops/fully_connected.hpp>
#include <nniesim/tensor/eigen.hpp>

using namespace nniesim;

int main() {
  Eigen::MatrixXf rows(4, 6), weights(3, 6);
  for (int i = 0; i < 24; ++i) rows(i / 6, i % 6) = static_cast<float>(i % 7) / 7.0F;
  for (int i = 0; i < 18; ++i) weights(i / 6, i % 6) = static_cast<float>(i % 5 - 2) / 4.0F;
  const Eigen::VectorXf bias = Eigen::VectorXf::Constant(3, 0.5F);

  const tensor<float> reference =
      fully_connected<float32>(rows, weights, std::vector<float>(bias.data(), bias.data() + 3));
  const tensor<float> y =
      to_float(fully_connected<w8a8>(rows, weights, std::vector<float>(bias.data(), bias.data() + 3)));
  const Eigen::MatrixXf expected = (rows * weights.transpose()).rowwise() + bias.transpose();
  const float far = (as_eigen(view_of(reference)) - expected).cwiseAbs().maxCoeff();
  std::cout << "float is off by " << far << ", 8 bits have cosine " << compare(expected, y).cosine << '\n';
  return far < 1e-5F && compare(expected, y).cosine > 0.99 ? 0 : 1;
}
