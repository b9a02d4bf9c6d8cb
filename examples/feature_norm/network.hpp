// The feature network of this example, assembled from the library's operators under any precision policies.
#pragma once

#include <array>
#include <filesystem>
#include <functional>
#include <map>
#include <nniesim/io/caffemodel.hpp>
#include <nniesim/io/npy.hpp>
#include <nniesim/nniesim.hpp>
#include <string>
#include <variant>
#include <vector>

namespace feature_norm {

using namespace nniesim;

/// The pictures of the 8x8 digits (0..16): N x 1 x 32 x 32 of 0..255, by bilinear interpolation in integers, exactly as
/// train.py has it.
inline tensor<float> upscale(const tensor<std::uint8_t>& digits, const std::vector<std::size_t>& which) {
  auto pictures = make_tensor<float>({which.size(), 1, 32, 32});
  // Weight of digit row `tap` for picture row `at`, in eighths.
  const auto weight = [](int at, int tap) {
    const int eighths = 2 * at - 3;
    const int low = (eighths + 8) / 8 - 1;
    const int above = eighths - 8 * low;
    return (std::clamp(low, 0, 7) == tap ? 8 - above : 0) + (std::clamp(low + 1, 0, 7) == tap ? above : 0);
  };
  std::array<std::array<int, 8>, 32> axis{};
  for (int at = 0; at < 32; ++at) {
    for (int tap = 0; tap < 8; ++tap)
      axis[static_cast<std::size_t>(at)][static_cast<std::size_t>(tap)] = weight(at, tap);
  }
  for (std::size_t n = 0; n < which.size(); ++n) {
    for (std::size_t r = 0; r < 32; ++r) {
      for (std::size_t c = 0; c < 32; ++c) {
        int sum = 0;
        for (std::size_t i = 0; i < 8; ++i) {
          for (std::size_t j = 0; j < 8; ++j) sum += axis[r][i] * axis[c][j] * int{digits(which[n], i, j)};
        }
        pictures(n, 0, r, c) = static_cast<float>((sum * 255 + 512) / 1024);
      }
    }
  }
  return pictures;
}

/// The constants that the norms add: one for each branch and one for the joint feature.
struct norm_constants {
  std::array<float, 4> branch{1, 1, 1, 1};
  float joint = 1;
};

/// Every layer's output by name, in execution order.
template <class Value>
using layer_outputs = std::vector<std::pair<std::string, tensor<Value>>>;

template <class Value>
const tensor<Value>& output(const layer_outputs<Value>& all, const std::string& name) {
  for (const auto& [key, value] : all) {
    if (key == name) return value;
  }
  throw error("no layer '" + name + "'");
}

/// The network with each multiply-accumulate layer under one of `Policies`, which all write the same values.
template <class... Policies>
class network {
 public:
  using value = std::common_type_t<value_t<Policies>...>;

  /// `choose` names the policy of a layer by its index among Policies.
  network(const std::filesystem::path& folder, const std::function<std::size_t(const std::string&)>& choose) {
    const caffe_model model = read_caffemodel(folder / "network/feature_norm.caffemodel");
    const auto add = [&](const std::string& name, auto make_layer) {
      for (const caffe_layer& l : model.layers) {
        if (l.name == name) layers_.emplace(name, make_layer(choose(name), l.blobs.at(0), l.blobs.at(1)));
      }
    };
    // What the file has as convolutions of 1x1 maps are fully connected layers here: the same chains.
    const auto add_full = [&](const std::string& name) {
      add(name, [&](std::size_t index, tensor<float> w, const auto& b) {
        w.reshape({shape_of(w)[0], shape_of(w)[1]});
        return make<fully_connected_layer>(index, w, b);
      });
    };
    for (int i = 0; i < 4; ++i) {
      const std::string comp = "comp" + std::to_string(i) + ".";
      for (const char* conv : {"conv1", "conv2", "conv3", "conv4"}) {
        const bool last = std::string(conv) == "conv4";
        add(comp + conv, [&](std::size_t index, const auto& w, const auto& b) {
          return make<conv2d_layer>(
              index, w, b,
              conv2d_params{.stride = {last ? 1U : 2U, last ? 1U : 2U}, .pad = {last ? 0U : 1U, last ? 0U : 1U}});
        });
      }
      add_full(comp + "cfc");
    }
    add_full("jfc");
    add_full("classifier");
  }

  /// All layers' outputs for N x 1 x 32 x 32 pictures. With `calibrating`, each layer's input range is derived from
  /// these pictures and kept; without, the kept ranges are applied.
  layer_outputs<value> run(const tensor<float>& pictures, const norm_constants& constants, bool calibrating = false) {
    using policy = std::tuple_element_t<0, std::tuple<Policies...>>;  // for layers that only depend on the values
    layer_outputs<value> out;
    const auto keep = [&](const std::string& name, tensor<value> t) -> const tensor<value>& {
      return out.emplace_back(name, std::move(t)).second;
    };
    out.reserve(64);
    std::vector<tensor<value>> features;
    for (std::size_t i = 0; i < 4; ++i) {
      const std::string comp = "comp" + std::to_string(i) + ".";
      // The branch's corner of the picture, as the data layer writes it.
      auto x = make_tensor<value>({pictures.shape()[0], 1, 24, 24});
      for (std::size_t n = 0; n < pictures.shape()[0]; ++n) {
        for (std::size_t r = 0; r < 24; ++r) {
          for (std::size_t c = 0; c < 24; ++c)
            x(n, 0, r, c) = policy::output::from(pictures(n, 0, r + i / 2 * 8, c + i % 2 * 8));
        }
      }
      for (const char* conv : {"conv1", "conv2", "conv3", "conv4"}) {
        x = keep(comp + conv, relu<policy>(multiply(comp + conv, x, calibrating)));
      }
      const auto& feature = keep(comp + "cfc", multiply(comp + "cfc", x, calibrating));
      auto norm = run_add_one_norm_outside<policy>(feature, {.constant = constants.branch[i], .scale = 1.0F / 512});
      keep(comp + "cnorm:root", std::move(norm.root));
      features.push_back(keep(comp + "cnorm", std::move(norm.output)));
    }
    const auto& all = keep("concat", concat<policy>({.axis = 1}, features[0], features[1], features[2], features[3]));
    const auto& joint = keep("jfc", multiply("jfc", all, calibrating));
    const auto& normed =
        keep("jnorm", add_one_norm_outside<policy>(joint, {.constant = constants.joint, .scale = 1.0F / 2048}));
    keep("classifier", multiply("classifier", normed, calibrating));
    return out;
  }

 private:
  using layer = std::variant<conv2d_layer<Policies>..., fully_connected_layer<Policies>...>;
  using scales = std::variant<typename Policies::activations::scale...>;

  template <template <class> class Layer, class... Arguments>
  static layer make(std::size_t index, const Arguments&... arguments) {
    std::optional<layer> made;
    std::size_t i = 0;
    ((i++ == index ? static_cast<void>(made.emplace(std::in_place_type<Layer<Policies>>, arguments...)) : void()), ...);
    return std::move(made).value();
  }

  tensor<value> multiply(const std::string& name, const tensor<value>& x, bool calibrating) {
    return std::visit(
        [&]<class L>(const L& l) {
          using scale = typename L::activation_scale;
          if (calibrating) ranges_.insert_or_assign(name, l.activation_scale_of(view_of(x)));
          return l(x, std::get<scale>(ranges_.at(name)));
        },
        layers_.at(name));
  }

  std::map<std::string, layer> layers_;
  std::map<std::string, scales> ranges_;
};

/// L2 norm of each sample of an N x D tensor.
template <class Value>
std::vector<double> norms(const tensor<Value>& x) {
  std::vector<double> result(x.shape()[0]);
  const std::size_t each = x.size() / result.size();
  for (std::size_t n = 0; n < result.size(); ++n) {
    double sum = 0;
    for (std::size_t i = 0; i < each; ++i) {
      const auto v = static_cast<double>(x.data()[n * each + i]);
      sum = std::fma(v, v, sum);
    }
    result[n] = std::sqrt(sum);
  }
  return result;
}

inline double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

/// The constant with which the norm chain under P brings the mean norm of `features` to `target`: by bisection, as the
/// mean norm falls while the constant grows.
template <class P>
float solve_constant(const tensor<value_t<P>>& features, float scale, double target) {
  float low = 0.5F;
  float high = 2.0F;
  for (int i = 0; i < 40; ++i) {
    const float middle = (low + high) / 2;
    const double got = mean(norms(add_one_norm_outside<P>(features, {.constant = middle, .scale = scale})));
    (got > target ? low : high) = middle;
  }
  return (low + high) / 2;
}

/// Share of rows whose largest logit is at the label.
template <class Value>
double accuracy(const tensor<Value>& logits, const std::vector<std::size_t>& labels) {
  std::size_t right = 0;
  const std::size_t classes = logits.shape()[1];
  for (std::size_t n = 0; n < labels.size(); ++n) {
    const Value* row = logits.data() + n * classes;
    std::size_t best = 0;
    for (std::size_t c = 1; c < classes; ++c) {
      if (static_cast<double>(row[c]) > static_cast<double>(row[best])) best = c;
    }
    right += best == labels[n] ? 1U : 0U;
  }
  return static_cast<double>(right) / static_cast<double>(labels.size());
}

}  // namespace feature_norm
