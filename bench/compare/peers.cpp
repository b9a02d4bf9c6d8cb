#include "peers.hpp"

#include <Eigen/Core>
#include <memory>

#if defined(HAVE_ONEDNN)
#include <dnnl.hpp>
#endif
#if defined(HAVE_OPENBLAS)
#include <cblas.h>
#endif
#if defined(HAVE_OPENCV)
#include <opencv2/dnn.hpp>
#endif

namespace bench {

namespace {

#if defined(HAVE_ONEDNN)

/// One oneDNN primitive with its memories; weights in the layout that the library asks for.
struct onednn_call {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  dnnl::primitive primitive;
  std::unordered_map<int, dnnl::memory> arguments;

  void run() {
    primitive.execute(stream, arguments);
    stream.wait();
  }
};

void fill(const dnnl::memory& m) {
  auto* bytes = static_cast<unsigned char*>(m.get_data_handle());
  const std::size_t n = m.get_desc().get_size();
  if (m.get_desc().data.data_type == dnnl_f32) {
    for (std::size_t i = 0; i < n / 4; ++i)
      reinterpret_cast<float*>(bytes)[i] = static_cast<float>(i % 255) * 0.01F - 1;
  } else {
    for (std::size_t i = 0; i < n; ++i) bytes[i] = static_cast<unsigned char>(i % 100);
  }
}

using dnnl::memory;

call onednn_gemm(const gemm_shape& s, memory::data_type a, memory::data_type w, memory::data_type y) {
  auto c = std::make_shared<onednn_call>();
  const auto d = [](std::size_t v) { return static_cast<memory::dim>(v); };
  const memory::desc src({d(s.m), d(s.k)}, a, memory::format_tag::ab);
  const memory::desc weights({d(s.k), d(s.n)}, w, memory::format_tag::any);
  const memory::desc dst({d(s.m), d(s.n)}, y, memory::format_tag::ab);
  const dnnl::matmul::primitive_desc pd(dnnl::matmul::desc(src, weights, dst), c->engine);
  c->primitive = dnnl::matmul(pd);
  c->arguments = {{DNNL_ARG_SRC, memory(pd.src_desc(), c->engine)},
                  {DNNL_ARG_WEIGHTS, memory(pd.weights_desc(), c->engine)},
                  {DNNL_ARG_DST, memory(pd.dst_desc(), c->engine)}};
  for (auto& [id, m] : c->arguments) fill(m);
  return [c] { c->run(); };
}

call onednn_conv(const conv_shape& s, memory::data_type a, memory::data_type w, memory::data_type y,
                 memory::format_tag tag) {
  auto c = std::make_shared<onednn_call>();
  const auto d = [](std::size_t v) { return static_cast<memory::dim>(v); };
  const memory::desc src({1, d(s.in), d(s.size), d(s.size)}, a, tag);
  const memory::dims weight_dims =
      s.groups == 1 ? memory::dims{d(s.out), d(s.in), d(s.kernel), d(s.kernel)}
                    : memory::dims{d(s.groups), d(s.out / s.groups), d(s.in / s.groups), d(s.kernel), d(s.kernel)};
  const memory::desc weights(weight_dims, w, memory::format_tag::any);
  const memory::desc dst({1, d(s.out), d(s.out_size()), d(s.out_size())}, y, tag);
  const dnnl::convolution_forward::desc desc(dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_auto, src,
                                             weights, dst, {d(s.stride), d(s.stride)}, {d(s.pad), d(s.pad)},
                                             {d(s.pad), d(s.pad)});
  const dnnl::convolution_forward::primitive_desc pd(desc, c->engine);
  c->primitive = dnnl::convolution_forward(pd);
  c->arguments = {{DNNL_ARG_SRC, memory(pd.src_desc(), c->engine)},
                  {DNNL_ARG_WEIGHTS, memory(pd.weights_desc(), c->engine)},
                  {DNNL_ARG_DST, memory(pd.dst_desc(), c->engine)}};
  for (auto& [id, m] : c->arguments) fill(m);
  return [c] { c->run(); };
}

#endif

template <class T>
using matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <class T>
struct gemm_data {
  explicit gemm_data(const gemm_shape& s)
      : a(matrix<T>::Constant(static_cast<Eigen::Index>(s.m), static_cast<Eigen::Index>(s.k), T(0.5))),
        w(matrix<T>::Constant(static_cast<Eigen::Index>(s.k), static_cast<Eigen::Index>(s.n), T(0.25))),
        y(static_cast<Eigen::Index>(s.m), static_cast<Eigen::Index>(s.n)) {}
  matrix<T> a, w, y;
};

}  // namespace

std::vector<contestant> float_gemm_peers(const gemm_shape& s, [[maybe_unused]] std::size_t threads) {
  std::vector<contestant> peers;
#if defined(HAVE_ONEDNN)
  using type = dnnl::memory::data_type;
  peers.push_back({"oneDNN f32", onednn_gemm(s, type::f32, type::f32, type::f32)});
#endif
  const auto data = std::make_shared<gemm_data<float>>(s);
#if defined(HAVE_OPENBLAS)
  openblas_set_num_threads(static_cast<int>(threads));
  peers.push_back({"OpenBLAS sgemm", [data, s] {
                     const auto m = static_cast<int>(s.m), n = static_cast<int>(s.n), k = static_cast<int>(s.k);
                     cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1.0F, data->a.data(), k,
                                 data->w.data(), n, 0.0F, data->y.data(), n);
                   }});
#endif
  peers.push_back({"Eigen float (baseline build)", [data] { data->y.noalias() = data->a * data->w; }});
  return peers;
}

std::vector<contestant> double_gemm_peers(const gemm_shape& s, [[maybe_unused]] std::size_t threads) {
  std::vector<contestant> peers;
  const auto data = std::make_shared<gemm_data<double>>(s);
#if defined(HAVE_OPENBLAS)
  openblas_set_num_threads(static_cast<int>(threads));
  peers.push_back({"OpenBLAS dgemm", [data, s] {
                     const auto m = static_cast<int>(s.m), n = static_cast<int>(s.n), k = static_cast<int>(s.k);
                     cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1.0, data->a.data(), k,
                                 data->w.data(), n, 0.0, data->y.data(), n);
                   }});
#endif
  return peers;
}

std::vector<contestant> int8_gemm_peers([[maybe_unused]] const gemm_shape& s, [[maybe_unused]] std::size_t threads) {
  std::vector<contestant> peers;
#if defined(HAVE_ONEDNN)
  using type = dnnl::memory::data_type;
  peers.push_back({"oneDNN u8s8s32", onednn_gemm(s, type::u8, type::s8, type::s32)});
  peers.push_back({"oneDNN s8s8s32", onednn_gemm(s, type::s8, type::s8, type::s32)});
#endif
#if defined(HAVE_GEMMLOWP)
  if (threads == 1) peers.push_back(gemmlowp_peer(s));
#endif
  return peers;
}

std::vector<contestant> float_conv_peers([[maybe_unused]] const conv_shape& s, [[maybe_unused]] std::size_t threads) {
  std::vector<contestant> peers;
#if defined(HAVE_ONEDNN)
  using type = dnnl::memory::data_type;
  using tag = dnnl::memory::format_tag;
  peers.push_back({"oneDNN f32 own layout", onednn_conv(s, type::f32, type::f32, type::f32, tag::any)});
  peers.push_back({"oneDNN f32 NCHW", onednn_conv(s, type::f32, type::f32, type::f32, tag::nchw)});
#endif
#if defined(HAVE_OPENCV)
  cv::setNumThreads(static_cast<int>(threads));
  const auto i = [](std::size_t v) { return static_cast<int>(v); };
  cv::dnn::LayerParams p;
  p.name = "conv";
  p.type = "Convolution";
  p.set("kernel_size", i(s.kernel));
  p.set("num_output", i(s.out));
  p.set("pad", i(s.pad));
  p.set("stride", i(s.stride));
  p.set("group", i(s.groups));
  p.set("bias_term", false);
  const int weights[] = {i(s.out), i(s.in / s.groups), i(s.kernel), i(s.kernel)};
  p.blobs.emplace_back(4, weights, CV_32F, cv::Scalar(0.25));
  const auto net = std::make_shared<cv::dnn::Net>();
  net->addLayerToPrev(p.name, p.type, p);
  const int input[] = {1, i(s.in), i(s.size), i(s.size)};
  const cv::Mat x(4, input, CV_32F, cv::Scalar(0.5));
  peers.push_back({"OpenCV dnn f32", [net, x] {
                     net->setInput(x);
                     (void)net->forward();
                   }});
#endif
  return peers;
}

std::vector<contestant> int8_conv_peers([[maybe_unused]] const conv_shape& s, std::size_t) {
  std::vector<contestant> peers;
#if defined(HAVE_ONEDNN)
  using type = dnnl::memory::data_type;
  peers.push_back(
      {"oneDNN u8s8s32 own layout", onednn_conv(s, type::u8, type::s8, type::s32, dnnl::memory::format_tag::any)});
#endif
  return peers;
}

std::vector<contestant> opencv_layer_peers([[maybe_unused]] const std::string& type,
                                           [[maybe_unused]] const nniesim::tensor_shape& shape,
                                           [[maybe_unused]] const std::map<std::string, double>& numbers,
                                           [[maybe_unused]] const std::map<std::string, std::string>& words,
                                           [[maybe_unused]] const std::vector<float>& slopes) {
  std::vector<contestant> peers;
#if defined(HAVE_OPENCV)
  cv::setNumThreads(1);
  cv::dnn::LayerParams p;
  p.name = "layer";
  p.type = type;
  for (const auto& [name, value] : numbers) p.set(name, value);
  for (const auto& [name, value] : words) p.set(name, cv::String(value));
  if (!slopes.empty()) p.blobs.push_back(cv::Mat(slopes, true).reshape(1, 1));
  const auto net = std::make_shared<cv::dnn::Net>();
  net->addLayerToPrev(p.name, p.type, p);
  const std::vector<int> extents(shape.begin(), shape.end());
  cv::Mat x(extents, CV_32F);
  for (std::size_t i = 0; i < shape.size(); ++i)
    reinterpret_cast<float*>(x.data)[i] = static_cast<float>(i % 255) * 0.1F - 12;
  peers.push_back({"OpenCV dnn f32", [net, x] {
                     net->setInput(x);
                     (void)net->forward();
                   }});
#endif
  return peers;
}

}  // namespace bench
