// What each layer of a network computes, written down once more from Caffe's definitions: loops over float64 numbers
// and coordinates. Shares no code with the library, only the parameters that describe a layer.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <stdexcept>
#include <variant>
#include <vector>

#include <nniesim/network/layer.hpp>

namespace naive {

using extents = std::vector<std::size_t>;

/// Numbers in row-major order, and how far a computation in float32 may be from each of them.
struct array {
  extents shape;
  std::vector<double> value;
  std::vector<double> tolerance;

  explicit array(extents s = {}) : shape(std::move(s)) {
    std::size_t n = 1;
    for (const std::size_t e : shape) n *= e;
    value.resize(n);
    tolerance.resize(n);
  }
  /// The index of a place; -1 outside.
  [[nodiscard]] long at(const std::vector<long>& place) const {
    long index = 0;
    for (std::size_t a = 0; a < shape.size(); ++a) {
      if (place[a] < 0 || place[a] >= static_cast<long>(shape[a])) return -1;
      index = index * static_cast<long>(shape[a]) + place[a];
    }
    return index;
  }
  /// The place of an index.
  [[nodiscard]] std::vector<long> place(std::size_t index) const {
    std::vector<long> p(shape.size());
    for (std::size_t a = shape.size(); a-- > 0;) {
      p[a] = static_cast<long>(index % shape[a]);
      index /= shape[a];
    }
    return p;
  }
};

inline constexpr double ulp = 0x1p-24;    // half the distance of neighbours, relative
inline constexpr double small = 0x1p-50;  // of what is computed in float64

inline array from(const nniesim::tensor<float>& t) {
  array a(extents(t.shape().begin(), t.shape().end()));
  std::copy(t.begin(), t.end(), a.value.begin());
  return a;
}

/// y = f(x) for every element, rounded once.
template <class F>
array each(const array& x, F f) {
  array y(x.shape);
  for (std::size_t i = 0; i < x.value.size(); ++i) {
    y.value[i] = f(x.value[i]);
    y.tolerance[i] = 2 * ulp * std::fabs(y.value[i]);
  }
  return y;
}
/// The same values elsewhere: from(place in y) is the place in x.
template <class F>
array moved(const array& x, extents shape, F from) {
  array y(std::move(shape));
  for (std::size_t i = 0; i < y.value.size(); ++i)
    y.value[i] = x.value.at(static_cast<std::size_t>(x.at(from(y.place(i)))));
  return y;
}

/// A sum of products of float32 numbers in a chain.
struct chain {
  double sum = 0, size = 0;
  long terms = 0;
  void add(double term) {
    sum += term;
    size += std::fabs(term);
    ++terms;
  }
  void put(array& y, std::size_t i) const {
    y.value[i] = sum;
    y.tolerance[i] = static_cast<double>(terms + 2) * ulp * size;
  }
};

inline double bias_of(const std::vector<float>& bias, long channel) {
  return bias.empty() ? 0.0 : static_cast<double>(bias[static_cast<std::size_t>(channel)]);
}

using many = std::vector<array>;

struct evaluate_layer {
  const many& in;
  std::size_t outputs;

  [[nodiscard]] const array& x() const { return in.at(0); }
  [[nodiscard]] static long l(std::size_t n) { return static_cast<long>(n); }
  [[nodiscard]] many copies(const array& y) const { return many(outputs, y); }

  many operator()(const nniesim::layers::input&) const { throw std::logic_error("inputs are given"); }

  many operator()(const nniesim::layers::convolution& p) const {
    const auto& g = p.geometry;
    const array w = from(p.weights);
    const long before[2] = {l(g.pad.top), l(g.pad.left)}, after[2] = {l(g.pad.bottom), l(g.pad.right)};
    extents shape = {x().shape[0], w.shape[0], 0, 0};
    for (std::size_t a = 0; a < 2; ++a) {
      const long reach = l(g.dilation[a]) * (l(w.shape[2 + a]) - 1) + 1;
      shape[2 + a] =
          static_cast<std::size_t>((l(x().shape[2 + a]) + before[a] + after[a] - reach) / l(g.stride[a]) + 1);
    }
    array y(shape);
    const long group_outputs = l(w.shape[0] / g.groups);
    for (std::size_t i = 0; i < y.value.size(); ++i) {
      const auto o = y.place(i);
      chain sum;
      for (long c = 0; c < l(w.shape[1]); ++c) {
        for (long r = 0; r < l(w.shape[2]); ++r) {
          for (long k = 0; k < l(w.shape[3]); ++k) {
            const long from = x().at({o[0], o[1] / group_outputs * l(w.shape[1]) + c,
                                      o[2] * l(g.stride[0]) + r * l(g.dilation[0]) - before[0],
                                      o[3] * l(g.stride[1]) + k * l(g.dilation[1]) - before[1]});
            if (from < 0) continue;
            sum.add(x().value[static_cast<std::size_t>(from)] *
                    w.value[static_cast<std::size_t>(w.at({o[1], c, r, k}))]);
          }
        }
      }
      sum.add(bias_of(p.bias, o[1]));
      sum.put(y, i);
    }
    return copies(y);
  }

  many operator()(const nniesim::layers::deconvolution& p) const {
    const auto& g = p.geometry;
    const array w = from(p.weights);
    const long before[2] = {l(g.pad.top), l(g.pad.left)}, after[2] = {l(g.pad.bottom), l(g.pad.right)};
    extents shape = {x().shape[0], w.shape[1] * g.groups, 0, 0};
    for (std::size_t a = 0; a < 2; ++a) {
      shape[2 + a] = static_cast<std::size_t>((l(x().shape[2 + a]) - 1) * l(g.stride[a]) - before[a] - after[a] +
                                              l(g.dilation[a]) * (l(w.shape[2 + a]) - 1) + 1);
    }
    array y(shape);
    std::vector<chain> sums(y.value.size());
    const long group_inputs = l(w.shape[0] / g.groups);
    for (std::size_t i = 0; i < x().value.size(); ++i) {  // every input adds its kernel
      const auto o = x().place(i);
      for (long c = 0; c < l(w.shape[1]); ++c) {
        for (long r = 0; r < l(w.shape[2]); ++r) {
          for (long k = 0; k < l(w.shape[3]); ++k) {
            const long to = y.at({o[0], o[1] / group_inputs * l(w.shape[1]) + c,
                                  o[2] * l(g.stride[0]) + r * l(g.dilation[0]) - before[0],
                                  o[3] * l(g.stride[1]) + k * l(g.dilation[1]) - before[1]});
            if (to < 0) continue;
            sums[static_cast<std::size_t>(to)].add(x().value[i] *
                                                   w.value[static_cast<std::size_t>(w.at({o[1], c, r, k}))]);
          }
        }
      }
    }
    for (std::size_t i = 0; i < sums.size(); ++i) {
      sums[i].add(bias_of(p.bias, y.place(i)[1]));
      sums[i].put(y, i);
    }
    return copies(y);
  }

  many operator()(const nniesim::layers::fully_connected& p) const {
    const array w = from(p.weights);
    const std::size_t inputs = w.shape[1], rows = x().value.size() / inputs;
    extents shape(x().shape.begin(), x().shape.begin() + l(p.axis));
    shape.push_back(w.shape[0]);
    array y(shape);
    for (std::size_t n = 0; n < rows; ++n) {
      for (std::size_t o = 0; o < w.shape[0]; ++o) {
        chain sum;
        for (std::size_t k = 0; k < inputs; ++k) sum.add(x().value[n * inputs + k] * w.value[o * inputs + k]);
        sum.add(bias_of(p.bias, l(o)));
        sum.put(y, n * w.shape[0] + o);
      }
    }
    return copies(y);
  }

  /// y = x * factor + shift, both by the place in x.
  template <class Factor, class Shift>
  [[nodiscard]] many affine(Factor factor, Shift shift) const {
    array y(x().shape);
    for (std::size_t i = 0; i < y.value.size(); ++i) {
      const auto o = y.place(i);
      const double product = x().value[i] * factor(o), added = shift(o);
      y.value[i] = product + added;
      y.tolerance[i] = 2 * ulp * std::fabs(y.value[i]) + small * (std::fabs(product) + std::fabs(added));
    }
    return copies(y);
  }

  many operator()(const nniesim::layers::batch_norm& p) const {
    const auto& s = p.statistics;
    const double divisor = s.count == 0.0F ? 0.0 : 1.0 / static_cast<double>(s.count);
    const auto factor = [&](std::size_t c) {
      const double gamma = s.gamma.empty() ? 1.0 : static_cast<double>(s.gamma[c]);
      return gamma / std::sqrt(static_cast<double>(s.variance[c]) * divisor + static_cast<double>(s.epsilon));
    };
    return affine([&](const auto& o) { return factor(static_cast<std::size_t>(o[1])); },
                  [&](const auto& o) {
                    const auto c = static_cast<std::size_t>(o[1]);
                    const double beta = s.beta.empty() ? 0.0 : static_cast<double>(s.beta[c]);
                    return beta - static_cast<double>(s.mean[c]) * divisor * factor(c);
                  });
  }
  many operator()(const nniesim::layers::scale& p) const {
    const array f = p.factor ? from(*p.factor) : in.at(1);
    const auto index = [&](const std::vector<long>& o) {
      const auto first = o.begin() + l(p.params.axis);
      return static_cast<std::size_t>(f.at({first, first + l(f.shape.size())}));
    };
    return affine([&](const auto& o) { return f.value[index(o)]; },
                  [&](const auto& o) { return p.shift.empty() ? 0.0 : static_cast<double>(p.shift[index(o)]); });
  }
  many operator()(const nniesim::layers::prelu& p) const {
    array y(x().shape);
    for (std::size_t i = 0; i < y.value.size(); ++i) {
      const auto slope = p.slope[p.slope.size() == 1 ? 0 : static_cast<std::size_t>(y.place(i)[1])];
      y.value[i] = x().value[i] < 0 ? x().value[i] * static_cast<double>(slope) : x().value[i];
      y.tolerance[i] = 2 * ulp * std::fabs(y.value[i]);
    }
    return copies(y);
  }
  many operator()(const nniesim::layers::normalize& p) const {
    array y(x().shape);
    std::map<std::vector<long>, double> sums;  // by the axes that are not summed over
    const auto rest = [&](std::vector<long> o) {
      for (std::size_t a = 1; a < o.size(); ++a) {
        if (a == 1 || p.params.across_positions) o[a] = 0;
      }
      return o;
    };
    for (std::size_t i = 0; i < y.value.size(); ++i) sums[rest(y.place(i))] += x().value[i] * x().value[i];
    for (std::size_t i = 0; i < y.value.size(); ++i) {
      const auto o = y.place(i);
      const double sum = static_cast<double>(p.params.epsilon) + sums.at(rest(o));
      const float factor = p.factor[p.factor.size() == 1 ? 0 : static_cast<std::size_t>(o[1])];
      y.value[i] = sum == 0 ? 0.0 : x().value[i] / std::sqrt(sum) * static_cast<double>(factor);
      y.tolerance[i] = 4 * ulp * std::fabs(y.value[i]);
    }
    return copies(y);
  }

  [[nodiscard]] many renamed(extents shape) const {
    array y(std::move(shape));
    y.value = x().value;
    return copies(y);
  }
  many operator()(const nniesim::layers::identity&) const { return copies(x()); }
  many operator()(const nniesim::layers::flatten& p) const {
    extents shape;
    for (std::size_t a = 0; a < x().shape.size(); ++a) {
      if (a > p.axis && a <= p.end_axis) shape.back() *= x().shape[a];
      else shape.push_back(x().shape[a]);
    }
    return renamed(shape);
  }
  many operator()(const nniesim::layers::reshape& p) const {
    extents shape(x().shape.begin(), x().shape.begin() + l(p.axis));
    std::size_t all = x().value.size(), known = 1, open = 0;
    const std::size_t none = std::numeric_limits<std::size_t>::max();
    open = none;
    for (std::size_t i = 0; i < p.params.extents.size(); ++i) {
      const auto e = p.params.extents[i];
      if (e < 0) open = shape.size();
      shape.push_back(e == 0 ? x().shape[p.axis + i] : e < 0 ? 1 : static_cast<std::size_t>(e));
    }
    shape.insert(shape.end(), x().shape.begin() + l(p.axis + p.count), x().shape.end());
    for (const std::size_t e : shape) known *= e;
    if (open != none) shape[open] = all / known;
    return renamed(shape);
  }

  many operator()(const nniesim::relu_params& p) const {
    return copies(each(x(), [&](double v) { return v < 0 ? v * static_cast<double>(p.negative_slope) : v; }));
  }
  many operator()(const nniesim::activation_params& p) const {
    using f = nniesim::activation_function;
    const auto alpha = static_cast<double>(p.alpha), scale = static_cast<double>(p.scale);
    const auto shift = static_cast<double>(p.shift);
    const double log_base = p.base == -1.0F ? 1.0 : std::log(static_cast<double>(p.base));
    array y = each(x(), [&](double v) {
      switch (p.function) {
        case f::sigmoid: return 1 / (1 + std::exp(-v));
        case f::tanh: return std::tanh(v);
        case f::elu: return v > 0 ? v : alpha * std::expm1(v);
        case f::absolute: return std::fabs(v);
        case f::exponential: return std::exp(log_base * (shift + scale * v));
        case f::logarithm: return std::log(shift + scale * v) / log_base;
        case f::bnll: return v > 0 ? v + std::log1p(std::exp(-v)) : std::log1p(std::exp(v));
        case f::threshold: return v > static_cast<double>(p.threshold) ? 1.0 : 0.0;
        case f::relu6: return std::clamp(v, 0.0, 6.0);
        case f::swish: return v / (1 + std::exp(-alpha * v));
        case f::hard_swish: return v * std::clamp(v + 3, 0.0, 6.0) / 6;
        case f::mish: return v * std::tanh(v > 30 ? v : std::log1p(std::exp(v)));
      }
      return 0.0;
    });
    for (std::size_t i = 0; i < y.value.size(); ++i) {
      const double v = x().value[i];
      // Where float64 itself cancels: near the zeros of these functions, and where sums of large terms are taken.
      const double argument = std::fabs(scale * v) + std::fabs(shift);
      if (p.function == f::tanh || p.function == f::elu) y.tolerance[i] += small * (1 + std::fabs(alpha));
      if (p.function == f::exponential) y.tolerance[i] += small * std::fabs(y.value[i] * log_base) * argument;
      if (p.function == f::logarithm) {
        y.tolerance[i] += small * (1 + argument / std::fabs(shift + scale * v)) / std::fabs(log_base);
      }
    }
    return copies(y);
  }
  many operator()(const nniesim::power_params& p) const {
    const auto scale = static_cast<double>(p.scale), shift = static_cast<double>(p.shift);
    const auto exponent = static_cast<double>(p.exponent);
    array y = each(x(), [&](double v) { return std::pow(shift + scale * v, exponent); });
    for (std::size_t i = 0; i < y.value.size(); ++i) {
      const double base = shift + scale * x().value[i];
      if (base == 0) continue;
      y.tolerance[i] +=
          small * std::fabs(y.value[i] * exponent / base) * (std::fabs(scale * x().value[i]) + std::fabs(shift));
    }
    return copies(y);
  }
  many operator()(const nniesim::softmax_params& p) const {
    array y(x().shape);
    for (std::size_t i = 0; i < y.value.size(); ++i) {
      auto o = y.place(i);
      double sum = 0;  // of what stands along the axis, relative to this one
      for (std::size_t k = 0; k < y.shape[p.axis]; ++k) {
        o[p.axis] = l(k);
        sum += std::exp(x().value[static_cast<std::size_t>(x().at(o))] - x().value[i]);
      }
      y.value[i] = 1 / sum;
      y.tolerance[i] = 2 * ulp * y.value[i] + 1e-45;
    }
    return copies(y);
  }
  many operator()(const nniesim::pooling_params& p) const {
    const bool is_max = p.operation == nniesim::pooling_operation::maximum;
    const long before[2] = {l(p.pad.top), l(p.pad.left)}, after[2] = {l(p.pad.bottom), l(p.pad.right)};
    long kernel[2], stride[2], size[2];
    extents shape = x().shape;
    for (std::size_t a = 0; a < 2; ++a) {
      size[a] = l(x().shape[2 + a]);
      kernel[a] = p.global ? size[a] : l(p.kernel[a]);
      stride[a] = p.global ? 1 : l(p.stride[a]);
      const double steps =
          static_cast<double>(size[a] + before[a] + after[a] - kernel[a]) / static_cast<double>(stride[a]);
      long n = 1 + static_cast<long>(p.size == nniesim::pooling_size::ceil ? std::ceil(steps) : std::floor(steps));
      if ((n - 1) * stride[a] >= size[a] + before[a]) --n;  // a window behind the map
      shape[2 + a] = static_cast<std::size_t>(n);
    }
    array y(shape), places(shape);
    for (std::size_t i = 0; i < y.value.size(); ++i) {
      const auto o = y.place(i);
      double most = -std::numeric_limits<double>::infinity(), sum = 0, magnitude = 0;
      long area = 0, inside = 0;
      for (long r = o[2] * stride[0] - before[0]; r < o[2] * stride[0] - before[0] + kernel[0]; ++r) {
        for (long c = o[3] * stride[1] - before[1]; c < o[3] * stride[1] - before[1] + kernel[1]; ++c) {
          if (r >= size[0] + after[0] || c >= size[1] + after[1]) continue;  // behind the padding: not of the window
          ++area;
          const long at = x().at({o[0], o[1], r, c});
          if (at < 0) continue;
          const double v = x().value[static_cast<std::size_t>(at)];
          ++inside;
          if (v > most) places.value[i] = static_cast<double>(r * size[1] + c);
          most = std::max(most, v);
          sum += v;
          magnitude += std::fabs(v);
        }
      }
      if (p.operation == nniesim::pooling_operation::average_inside) area = inside;
      y.value[i] = is_max ? most : sum / static_cast<double>(area);
      if (!is_max) y.tolerance[i] = 2 * ulp * std::fabs(y.value[i]) + small * magnitude;
    }
    if (outputs == 2) return {y, places};
    return copies(y);
  }
  many operator()(const nniesim::eltwise_params& p) const {
    array y = x();
    for (std::size_t i = 0; i < y.value.size(); ++i) {
      double magnitude = 0;
      for (std::size_t k = 0; k < in.size(); ++k) {
        const double c = p.coefficients.empty() ? 1.0 : static_cast<double>(p.coefficients[k]);
        double& sum = y.value[i];
        switch (p.operation) {
          case nniesim::eltwise_operation::sum:
            sum = (k == 0 ? 0 : sum) + c * in[k].value[i];
            magnitude += std::fabs(c * in[k].value[i]);
            break;
          case nniesim::eltwise_operation::product: sum = k == 0 ? in[k].value[i] : sum * in[k].value[i]; break;
          case nniesim::eltwise_operation::maximum:
            sum = k == 0 ? in[k].value[i] : std::max(sum, in[k].value[i]);
            break;
        }
      }
      y.tolerance[i] = 2 * ulp * std::fabs(y.value[i]) + small * magnitude;
    }
    return copies(y);
  }
  many operator()(const nniesim::concat_params& p) const {
    extents shape = x().shape;
    shape[p.axis] = 0;
    for (const array& part : in) shape[p.axis] += part.shape[p.axis];
    array y(shape);
    for (std::size_t i = 0; i < y.value.size(); ++i) {
      auto o = y.place(i);
      std::size_t k = 0;
      while (o[p.axis] >= l(in[k].shape[p.axis])) o[p.axis] -= l(in[k++].shape[p.axis]);
      y.value[i] = in[k].value[static_cast<std::size_t>(in[k].at(o))];
    }
    return copies(y);
  }
  many operator()(const nniesim::permute_params& p) const {
    extents shape;
    for (const std::size_t a : p.order) shape.push_back(x().shape[a]);
    return copies(moved(x(), shape, [&](const auto& o) {
      std::vector<long> place(o.size());
      for (std::size_t a = 0; a < o.size(); ++a) place[p.order[a]] = o[a];
      return place;
    }));
  }
  template <class P>
  [[nodiscard]] many reduced(const P& p, double coefficient, bool is_mean, nniesim::reduction_term term = {}) const {
    const auto is_reduced = [&](std::size_t a) { return std::find(p.axes.begin(), p.axes.end(), a) != p.axes.end(); };
    extents kept, shape;
    for (std::size_t a = 0; a < x().shape.size(); ++a) {
      kept.push_back(is_reduced(a) ? 1 : x().shape[a]);
      if (!is_reduced(a) || p.keep_axes) shape.push_back(kept.back());
    }
    array y(kept);
    std::vector<double> magnitude(y.value.size());
    for (std::size_t i = 0; i < x().value.size(); ++i) {
      auto o = x().place(i);
      for (std::size_t a = 0; a < o.size(); ++a) {
        if (is_reduced(a)) o[a] = 0;
      }
      const auto to = static_cast<std::size_t>(y.at(o));
      const double v = x().value[i];
      const double added = term == nniesim::reduction_term::square      ? v * v
                           : term == nniesim::reduction_term::magnitude ? std::fabs(v)
                                                                        : v;
      y.value[to] += added;
      magnitude[to] += std::fabs(added);
    }
    const double factor =
        is_mean ? static_cast<double>(y.value.size()) / static_cast<double>(x().value.size()) : coefficient;
    for (std::size_t i = 0; i < y.value.size(); ++i) {
      y.value[i] *= factor;
      y.tolerance[i] = 2 * ulp * std::fabs(y.value[i]) + small * magnitude[i] * std::fabs(factor);
    }
    y.shape = shape;
    return copies(y);
  }
  many operator()(const nniesim::reduce_mean_params& p) const { return reduced(p, 1.0, true); }
  many operator()(const nniesim::reduce_sum_params& p) const {
    return reduced(p, static_cast<double>(p.coefficient), false, p.term);
  }
  many operator()(const nniesim::slice_params& p) const {
    std::vector<std::size_t> ends = p.points;
    for (std::size_t i = 1; i < p.parts; ++i) ends.push_back(x().shape[p.axis] / p.parts * i);  // 1 beside points
    ends.push_back(x().shape[p.axis]);
    many parts;
    std::size_t begin = 0;
    for (const std::size_t end : ends) {
      extents shape = x().shape;
      shape[p.axis] = end - begin;
      parts.push_back(moved(x(), shape, [&](auto o) {
        o[p.axis] += l(begin);
        return o;
      }));
      begin = end;
    }
    return parts;
  }
  many operator()(const nniesim::lrn_params& p) const {
    const bool across = p.region == nniesim::lrn_region::across_channels;
    const long half = l(p.local_size) / 2;
    const double area = std::pow(static_cast<double>(p.local_size), across ? 1 : 2);
    array y(x().shape);
    for (std::size_t i = 0; i < y.value.size(); ++i) {
      const auto o = y.place(i);
      double sum = 0;
      const auto add = [&](const std::vector<long>& place) {
        if (const long at = x().at(place); at >= 0) {
          sum += x().value[static_cast<std::size_t>(at)] * x().value[static_cast<std::size_t>(at)];
        }
      };
      for (long a = -half; a <= half; ++a) {
        auto place = o;
        if (across) {
          place[1] += a;
          add(place);
          continue;
        }
        for (long b = -half; b <= half; ++b) add({o[0], o[1], o[2] + a, o[3] + b});
      }
      const double base = static_cast<double>(p.k) + static_cast<double>(p.alpha) / area * sum;
      y.value[i] = x().value[i] * std::pow(base, -static_cast<double>(p.beta));
      y.tolerance[i] = 2 * ulp * std::fabs(y.value[i]);
    }
    return copies(y);
  }
  many operator()(const nniesim::mvn_params& p) const {
    array y(x().shape);
    const std::size_t groups = x().shape[0] * (p.across_channels ? 1 : x().shape[1]);
    const std::size_t n = x().value.size() / groups;
    for (std::size_t g = 0; g < groups; ++g) {
      const double* v = x().value.data() + g * n;
      double mean = 0, squares = 0, most = 0;
      for (std::size_t i = 0; i < n; ++i) {
        mean += v[i] / static_cast<double>(n);
        most = std::max(most, std::fabs(v[i]));
      }
      for (std::size_t i = 0; i < n; ++i) squares += (v[i] - mean) * (v[i] - mean) / static_cast<double>(n);
      const double divisor = p.normalize_variance ? std::sqrt(squares) + static_cast<double>(p.epsilon) : 1.0;
      // A group of equal values has differences that are nothing but rounding.
      const bool is_flat = p.normalize_variance && std::sqrt(squares) <= 1e-12 * most;
      for (std::size_t i = 0; i < n; ++i) {
        y.value[g * n + i] = (v[i] - mean) / divisor;
        y.tolerance[g * n + i] = is_flat ? std::numeric_limits<double>::infinity()
                                         : 2 * ulp * std::fabs(y.value[g * n + i]) + 64 * small * most / divisor;
      }
    }
    return copies(y);
  }
  many operator()(const nniesim::upsample_params& p) const {
    extents shape = x().shape;
    for (std::size_t a = 0; a < 2; ++a) shape[2 + a] = p.size ? (*p.size)[a] : shape[2 + a] * p.factor;
    return copies(moved(x(), shape, [&](auto o) {
      for (std::size_t a = 2; a < 4; ++a) {
        const double from =
            static_cast<double>(o[a]) * static_cast<double>(x().shape[a]) / static_cast<double>(shape[a]);
        o[a] = static_cast<long>(std::floor(from + 1e-9));
      }
      return o;
    }));
  }
  many operator()(const nniesim::unpool_params& p) const {
    array y({x().shape[0], x().shape[1], p.size[0], p.size[1]});
    const long map = l(x().shape[2] * x().shape[3]);
    for (std::size_t i = 0; i < x().value.size(); ++i) {
      const long to = l(i) / map * l(p.size[0] * p.size[1]) + static_cast<long>(in.at(1).value[i]);
      y.value.at(static_cast<std::size_t>(to)) = x().value[i];
    }
    return copies(y);
  }
  many operator()(const nniesim::pass_through_params& p) const {
    // By coordinates of the map that has blocks in its rows and columns.
    const long rows = l(p.block[0]), columns = l(p.block[1]), area = rows * columns;
    extents shape = x().shape;
    const bool to_space = p.order == nniesim::block_order::to_space || p.order == nniesim::block_order::shuffle;
    shape[1] = to_space ? shape[1] / (p.block[0] * p.block[1]) : shape[1] * p.block[0] * p.block[1];
    shape[2] = to_space ? shape[2] * p.block[0] : shape[2] / p.block[0];
    shape[3] = to_space ? shape[3] * p.block[1] : shape[3] / p.block[1];
    if (p.order == nniesim::block_order::darknet) {
      // y as a map of x's own shape, x as one of fewer channels: darknet's two readings of the same memory.
      array deep(x().shape), wide({x().shape[0], x().shape[1] / (p.block[0] * p.block[1]), x().shape[2] * p.block[0],
                                   x().shape[3] * p.block[1]});
      array y(shape);
      for (std::size_t i = 0; i < y.value.size(); ++i) {
        const auto o = deep.place(i);
        const long c = l(wide.shape[1]), block = o[1] / c;
        y.value[i] = x().value.at(static_cast<std::size_t>(
            wide.at({o[0], o[1] % c, o[2] * rows + block / columns, o[3] * columns + block % columns})));
      }
      return copies(y);
    }
    const long channels = to_space ? l(shape[1]) : l(x().shape[1]);
    return copies(moved(x(), shape, [&](const auto& o) {
      if (!to_space) {
        const long block = o[1] / channels;
        return std::vector<long>{o[0], o[1] % channels, o[2] * rows + block / columns,
                                 o[3] * columns + block % columns};
      }
      const long block = o[2] % rows * columns + o[3] % columns;
      const bool shuffles = p.order == nniesim::block_order::shuffle;
      return std::vector<long>{o[0], shuffles ? o[1] * area + block : block * channels + o[1], o[2] / rows,
                               o[3] / columns};
    }));
  }
  many operator()(const nniesim::spp_params& p) const {
    const std::size_t n = x().shape[0], c = x().shape[1];
    many levels;
    std::size_t cells = 0;
    for (std::size_t level = 0; level < p.levels; ++level) {
      const std::size_t bins = std::size_t{1} << level;
      nniesim::pooling_params one;
      one.operation = p.operation;
      for (std::size_t a = 0; a < 2; ++a) {
        one.kernel[a] = one.stride[a] =
            static_cast<std::size_t>(std::ceil(static_cast<double>(x().shape[2 + a]) / static_cast<double>(bins)));
      }
      one.pad = {(one.kernel[0] * bins - x().shape[2] + 1) / 2, (one.kernel[1] * bins - x().shape[3] + 1) / 2};
      levels.push_back(evaluate_layer{in, 1}(one)[0]);
      cells += bins * bins;
    }
    array y({n, c * cells});
    std::size_t at = 0;
    for (std::size_t i = 0; i < n; ++i) {
      for (const array& level : levels) {
        const std::size_t size = level.value.size() / n;
        for (std::size_t k = 0; k < size; ++k, ++at) {
          y.value[at] = level.value[i * size + k];
          y.tolerance[at] = level.tolerance[i * size + k];
        }
      }
    }
    return copies(y);
  }
  /// Windows [from, to) of a region on one axis: `begin` and `length` in elements of a map of `size`.
  static std::pair<long, long> window(double begin, double length, long cell, double cells, std::size_t size) {
    const double low = begin + static_cast<double>(cell) * length / cells;
    const double high = begin + static_cast<double>(cell + 1) * length / cells;
    const auto clip = [&](double v) { return static_cast<long>(std::clamp(v, 0.0, static_cast<double>(size))); };
    return {clip(std::floor(low + 1e-9)), clip(std::ceil(high - 1e-9))};
  }
  many operator()(const nniesim::roi_pooling_params& p) const {
    array y({in.at(1).shape[0], x().shape[1], p.pooled[0], p.pooled[1]});
    for (std::size_t i = 0; i < y.value.size(); ++i) {
      const auto o = y.place(i);
      const double* region = &in[1].value[static_cast<std::size_t>(o[0]) * 5];
      if (region[0] < 0) continue;
      const auto corner = [&](std::size_t k) { return std::round(region[k] * static_cast<double>(p.spatial_scale)); };
      const double rows = std::max(corner(4) - corner(2) + 1, 1.0), columns = std::max(corner(3) - corner(1) + 1, 1.0);
      const auto r = window(corner(2), rows, o[2], static_cast<double>(p.pooled[0]), x().shape[2]);
      const auto c = window(corner(1), columns, o[3], static_cast<double>(p.pooled[1]), x().shape[3]);
      double most = -std::numeric_limits<double>::infinity();
      for (long a = r.first; a < r.second; ++a) {
        for (long b = c.first; b < c.second; ++b) {
          most =
              std::max(most, x().value[static_cast<std::size_t>(x().at({static_cast<long>(region[0]), o[1], a, b}))]);
        }
      }
      if (r.first < r.second && c.first < c.second) y.value[i] = most;
    }
    return copies(y);
  }
  many operator()(const nniesim::psroi_pooling_params& p) const {
    array y({in.at(1).shape[0], p.outputs, p.group, p.group});
    for (std::size_t i = 0; i < y.value.size(); ++i) {
      const auto o = y.place(i);
      const double* region = &in[1].value[static_cast<std::size_t>(o[0]) * 5];
      if (region[0] < 0) continue;
      const auto scale = static_cast<double>(p.spatial_scale), group = static_cast<double>(p.group);
      const double top = std::round(region[2]) * scale, left = std::round(region[1]) * scale;
      const double rows = std::max((std::round(region[4]) + 1) * scale - top, 0.1);
      const double columns = std::max((std::round(region[3]) + 1) * scale - left, 0.1);
      const auto r = window(top, rows, o[2], group, x().shape[2]), c = window(left, columns, o[3], group, x().shape[3]);
      double sum = 0, magnitude = 0;
      for (long a = r.first; a < r.second; ++a) {
        for (long b = c.first; b < c.second; ++b) {
          const long channel = (o[1] * l(p.group) + o[2]) * l(p.group) + o[3];
          const double v = x().value[static_cast<std::size_t>(x().at({static_cast<long>(region[0]), channel, a, b}))];
          sum += v;
          magnitude += std::fabs(v);
        }
      }
      const double area = static_cast<double>(std::max(r.second - r.first, 0L) * std::max(c.second - c.first, 0L));
      if (area > 0) y.value[i] = sum / area;
      y.tolerance[i] = 2 * ulp * std::fabs(y.value[i]) + small * magnitude;
    }
    return copies(y);
  }
  many operator()(const nniesim::resize_params& p) const {
    array y({x().shape[0], x().shape[1], p.size[0], p.size[1]});
    const long before[2] = {l(p.crop.top), l(p.crop.left)}, after[2] = {l(p.crop.bottom), l(p.crop.right)};
    for (std::size_t i = 0; i < y.value.size(); ++i) {
      const auto o = y.place(i);
      long low[2], high[2];
      double part[2];
      for (std::size_t a = 0; a < 2; ++a) {
        const auto n = static_cast<double>(l(x().shape[2 + a]) - before[a] - after[a]);
        const auto m = static_cast<double>(p.size[a]), k = static_cast<double>(o[2 + a]);
        const bool nearest = p.method == nniesim::resize_method::nearest;
        double at = k * n / m;
        if (p.grid == nniesim::resize_grid::corners) at = m > 1 ? k * (n - 1) / (m - 1) : 0;
        if (p.grid == nniesim::resize_grid::half_pixels) at = (k + 0.5) * n / m - (nearest ? 0.0 : 0.5);
        if (nearest && p.grid == nniesim::resize_grid::corners) at += 0.5;
        at = std::clamp(at, 0.0, n - 1 + (nearest ? 0.5 : 0.0));
        const double below = std::floor(at + 1e-9);
        low[a] = static_cast<long>(below) + before[a];
        part[a] = nearest ? 0.0 : std::max(at - below, 0.0);
        high[a] = part[a] > 1e-9 ? low[a] + 1 : low[a];
      }
      double magnitude = 0;
      const auto v = [&](long r, long c) {
        const double one = x().value[static_cast<std::size_t>(x().at({o[0], o[1], r, c}))];
        magnitude = std::max(magnitude, std::fabs(one));
        return one;
      };
      const double top = v(low[0], low[1]) * (1 - part[1]) + v(low[0], high[1]) * part[1];
      const double bottom = v(high[0], low[1]) * (1 - part[1]) + v(high[0], high[1]) * part[1];
      y.value[i] = top * (1 - part[0]) + bottom * part[0];
      y.tolerance[i] = 2 * ulp * std::fabs(y.value[i]) + 64 * small * magnitude;
    }
    return copies(y);
  }
  many operator()(const nniesim::prior_box_params& p) const {
    std::vector<double> ratios{1.0};
    for (const float given : p.aspect_ratios) {
      const double r = static_cast<double>(given);
      if (std::any_of(ratios.begin(), ratios.end(), [&](double a) { return std::fabs(a - r) < 1e-6; })) continue;
      ratios.push_back(r);
      if (p.flip) ratios.push_back(1 / r);
    }
    std::vector<double> boxes;
    const double rows = static_cast<double>(p.image[0] != 0 ? p.image[0] : in.at(1).shape[2]);
    const double columns = static_cast<double>(p.image[1] != 0 ? p.image[1] : in.at(1).shape[3]);
    for (std::size_t r = 0; r < x().shape[2]; ++r) {
      for (std::size_t c = 0; c < x().shape[3]; ++c) {
        const double step_y = p.step[0] > 0 ? static_cast<double>(p.step[0]) : rows / static_cast<double>(x().shape[2]);
        const double step_x =
            p.step[1] > 0 ? static_cast<double>(p.step[1]) : columns / static_cast<double>(x().shape[3]);
        const double cy = (static_cast<double>(r) + static_cast<double>(p.offset)) * step_y;
        const double cx = (static_cast<double>(c) + static_cast<double>(p.offset)) * step_x;
        for (std::size_t k = 0; k < p.min_sizes.size(); ++k) {
          const auto least = static_cast<double>(p.min_sizes[k]);
          std::vector<std::pair<double, double>> sizes{{least, least}};
          if (!p.max_sizes.empty()) {
            const double mean = std::sqrt(least * static_cast<double>(p.max_sizes[k]));
            sizes.emplace_back(mean, mean);
          }
          for (std::size_t a = 1; a < ratios.size(); ++a) {
            sizes.emplace_back(least * std::sqrt(ratios[a]), least / std::sqrt(ratios[a]));
          }
          for (const auto& [w, h] : sizes) {
            for (const double v :
                 {(cx - w / 2) / columns, (cy - h / 2) / rows, (cx + w / 2) / columns, (cy + h / 2) / rows}) {
              boxes.push_back(p.clip ? std::min(std::max(v, 0.0), 1.0) : v);
            }
          }
        }
      }
    }
    array y({1, 2, boxes.size()});
    for (std::size_t i = 0; i < boxes.size(); ++i) {
      y.value[i] = boxes[i];
      y.tolerance[i] = 2 * ulp * std::fabs(boxes[i]) + 1e-12;
      y.value[boxes.size() + i] = static_cast<double>(p.variance[i % 4]);
    }
    return copies(y);
  }
  /// A box, how it was scored, and by which class and prior or anchor.
  struct scored {
    double score;
    double box[4];
    std::size_t label;
  };
  /// The first of `from`, in order, that overlap none before by more than the threshold.
  static std::vector<scored> thinned(const std::vector<scored>& from, double threshold, double eta, double edge) {
    std::vector<scored> kept;
    const auto area = [&](const double* b) {
      return std::max(b[2] - b[0] + edge, 0.0) * std::max(b[3] - b[1] + edge, 0.0);
    };
    for (const scored& s : from) {
      const bool keep = std::all_of(kept.begin(), kept.end(), [&](const scored& k) {
        const double both[4] = {std::max(s.box[0], k.box[0]), std::max(s.box[1], k.box[1]),
                                std::min(s.box[2], k.box[2]), std::min(s.box[3], k.box[3])};
        const double common = area(both);
        return common == 0 || common / (area(s.box) + area(k.box) - common) <= threshold;
      });
      if (!keep) continue;
      kept.push_back(s);
      if (eta < 1 && threshold > 0.5) threshold *= eta;
    }
    return kept;
  }
  static void best_first(std::vector<scored>& all) {
    std::stable_sort(all.begin(), all.end(), [](const scored& a, const scored& b) { return a.score > b.score; });
  }
  static double as_float(double v) { return static_cast<double>(static_cast<float>(v)); }
  many operator()(const nniesim::detection_output_params& p) const {
    const array &conf = in.at(1), &prior = in.at(2);
    const std::size_t n = prior.value.size() / 8, pictures = x().shape[0];
    std::vector<double> rows;
    const std::size_t classes = p.classes - (p.background && *p.background < p.classes ? 1 : 0);
    std::size_t most = classes * std::min(n, p.top_k.value_or(n));
    most = std::max<std::size_t>(1, std::min(most, p.keep_top_k.value_or(most)));
    for (std::size_t picture = 0; picture < pictures; ++picture) {
      std::vector<scored> found;
      for (std::size_t label = 0; label < p.classes; ++label) {
        if (p.background == label) continue;
        std::vector<scored> all;
        for (std::size_t i = 0; i < n; ++i) {
          const double score = conf.value[(picture * n + i) * p.classes + label];
          if (!(score > static_cast<double>(p.confidence_threshold))) continue;
          const double* b = &prior.value[i * 4];
          double c[4];
          for (std::size_t k = 0; k < 4; ++k) {
            const std::size_t place = p.share_location ? picture * n + i : (picture * n + i) * p.classes + label;
            c[k] = x().value[place * 4 + k] * (p.variance_in_target ? 1.0 : prior.value[(n + i) * 4 + k]);
          }
          const double w = b[2] - b[0], h = b[3] - b[1];
          scored s{score, {b[0] + c[0], b[1] + c[1], b[2] + c[2], b[3] + c[3]}, label};
          if (p.code == nniesim::box_code::corner_size) {
            for (std::size_t k = 0; k < 4; ++k) s.box[k] = b[k] + c[k] * (k % 2 == 0 ? w : h);
          } else if (p.code == nniesim::box_code::center_size) {
            const double middle[2] = {(b[0] + b[2]) / 2 + c[0] * w, (b[1] + b[3]) / 2 + c[1] * h};
            const double half[2] = {std::exp(c[2]) * w / 2, std::exp(c[3]) * h / 2};
            for (std::size_t k = 0; k < 4; ++k) s.box[k] = middle[k % 2] + (k < 2 ? -half[k % 2] : half[k % 2]);
          }
          for (double& v : s.box) v = as_float(v);
          all.push_back(s);
        }
        best_first(all);
        if (p.top_k && all.size() > *p.top_k) all.resize(*p.top_k);
        for (const scored& s : thinned(all, p.overlap_threshold, p.eta, 0)) found.push_back(s);
      }
      if (p.keep_top_k && found.size() > *p.keep_top_k) {
        best_first(found);
        found.resize(*p.keep_top_k);
        std::stable_sort(found.begin(), found.end(),
                         [](const scored& a, const scored& b) { return a.label < b.label; });
      }
      for (const scored& s : found) {
        rows.insert(rows.end(), {static_cast<double>(picture), static_cast<double>(s.label), s.score});
        rows.insert(rows.end(), s.box, s.box + 4);
      }
    }
    array y({1, 1, pictures * most, 7});
    std::fill(y.value.begin(), y.value.end(), -1.0);
    std::copy(rows.begin(), rows.end(), y.value.begin());
    for (std::size_t i = 0; i < y.value.size(); ++i) y.tolerance[i] = 4 * ulp * std::fabs(y.value[i]);
    return copies(y);
  }
  many operator()(const nniesim::proposal_params& p) const {
    const std::size_t anchors = p.ratios.size() * p.scales.size(), h = x().shape[2], w = x().shape[3];
    const auto stride = static_cast<double>(p.stride), base = static_cast<double>(p.base_size);
    const double rows = in.size() == 3 ? in[2].value[0] : stride * static_cast<double>(h);
    const double columns = in.size() == 3 ? in[2].value[1] : stride * static_cast<double>(w);
    const double least = static_cast<double>(p.min_size) * (in.size() == 3 ? in[2].value[2] : 1.0);
    std::vector<scored> all;
    for (std::size_t r = 0; r < h; ++r) {
      for (std::size_t c = 0; c < w; ++c) {
        for (std::size_t a = 0; a < anchors; ++a) {
          const auto ratio = static_cast<double>(p.ratios[a / p.scales.size()]);
          const auto scale = static_cast<double>(p.scales[a % p.scales.size()]);
          const double ws = std::nearbyint(std::sqrt(base * base / ratio)), hs = std::nearbyint(ws * ratio);
          const double x1 = (base - 1) / 2 - (ws * scale - 1) / 2 + stride * static_cast<double>(c);
          const double y1 = (base - 1) / 2 - (hs * scale - 1) / 2 + stride * static_cast<double>(r);
          const double width = ws * scale, height = hs * scale;
          const auto move = [&](std::size_t k) {
            return in.at(1).value[static_cast<std::size_t>(in[1].at({0, l(a * 4 + k), l(r), l(c)}))];
          };
          const double cx = x1 + width / 2 + move(0) * width, cy = y1 + height / 2 + move(1) * height;
          const double pw = std::exp(move(2)) * width, ph = std::exp(move(3)) * height;
          const auto clip = [](double v, double size) { return as_float(std::max(std::min(v, size - 1), 0.0)); };
          const scored s{x().value[static_cast<std::size_t>(x().at({0, l(anchors + a), l(r), l(c)}))],
                         {clip(cx - pw / 2, columns), clip(cy - ph / 2, rows), clip(cx + pw / 2, columns),
                          clip(cy + ph / 2, rows)},
                         a};
          if (s.box[2] - s.box[0] + 1 >= least && s.box[3] - s.box[1] + 1 >= least) all.push_back(s);
        }
      }
    }
    best_first(all);
    if (all.size() > p.before_suppression) all.resize(p.before_suppression);
    std::vector<scored> kept = thinned(all, p.overlap_threshold, 1, 1);
    if (kept.size() > p.regions) kept.resize(p.regions);
    array y({p.regions, 5}), scores({p.regions, 1});
    for (std::size_t i = 0; i < p.regions; ++i) {
      y.value[i * 5] = i < kept.size() ? 0 : -1;
      for (std::size_t k = 0; k < 4 && i < kept.size(); ++k) {
        y.value[i * 5 + 1 + k] = kept[i].box[k];
        y.tolerance[i * 5 + 1 + k] = 4 * ulp * std::fabs(kept[i].box[k]) + 1e-6;
      }
      scores.value[i] = i < kept.size() ? kept[i].score : 0;
    }
    if (outputs == 2) return {y, scores};
    return copies(y);
  }
  many operator()(const nniesim::text_proposal_params& p) const {
    const std::size_t h = x().shape[2], w = x().shape[3];
    array y({h * w * 10, 4}), scores({h * w * 10, 1});
    std::size_t row = 0;
    for (std::size_t r = 0; r < h; ++r) {
      for (std::size_t c = 0; c < w; ++c) {
        std::size_t a = 0;
        for (const double height : {11, 16, 23, 33, 48, 68, 97, 139, 198, 283}) {
          const auto of = [&](const array& in_, std::size_t channel) {
            return in_.value[static_cast<std::size_t>(in_.at({0, l(channel), l(r), l(c)}))];
          };
          const double y1 = std::trunc(7.5 - std::floor(height / 2)), y2 = std::trunc(7.5 + std::floor(height / 2));
          const double anchor = y2 - y1 + 1, new_height = as_float(std::exp(of(in.at(1), 2 * a + 1)) * anchor);
          const double center = (y1 + y2) / 2 + static_cast<double>(r * p.stride) + of(in.at(1), 2 * a) * anchor;
          const double top = as_float(center - new_height / 2), left = static_cast<double>(c * p.stride);
          const double box[4] = {left, top, left + 15, top + new_height};
          for (std::size_t k = 0; k < 4; ++k) {
            const double most = in.at(2).value[k % 2 == 0 ? 1 : 0] - 1;
            y.value[row * 4 + k] = std::max(std::min(box[k], most), 0.0);
            y.tolerance[row * 4 + k] = 4 * ulp * (std::fabs(center) + new_height + left);
          }
          scores.value[row++] = of(x(), 10 + a++);
        }
      }
    }
    if (outputs == 2) return {y, scores};
    return copies(y);
  }
  many operator()(const nniesim::crop_params& p) const {
    extents shape = x().shape;
    for (std::size_t a = p.axis; a < shape.size(); ++a) shape[a] = in.at(1).shape[a];
    return copies(moved(x(), shape, [&](auto o) {
      for (std::size_t a = p.axis; a < o.size() && !p.offsets.empty(); ++a) {
        o[a] += l(p.offsets[p.offsets.size() == 1 ? 0 : a - p.axis]);
      }
      return o;
    }));
  }
  many operator()(const nniesim::arg_max_params& p) const {
    const std::size_t rank = x().shape.size();
    extents shape = x().shape;
    if (p.axis) {
      shape[*p.axis] = p.top_k;
    } else {
      shape.assign(std::max<std::size_t>(3, rank), 1);
      shape[0] = x().shape[0];
      shape[1] = p.out_max_val ? 2 : 1;
      shape[2] = p.top_k;
    }
    array y(shape);
    for (std::size_t i = 0; i < y.value.size(); ++i) {
      const auto o = y.place(i);
      std::vector<std::pair<double, long>> found;  // value and place
      const std::size_t sample = x().value.size() / x().shape[0];
      for (std::size_t k = 0; k < (p.axis ? x().shape[*p.axis] : sample); ++k) {
        auto from = o;
        if (p.axis) from[*p.axis] = l(k);
        const std::size_t at =
            p.axis ? static_cast<std::size_t>(x().at(from)) : static_cast<std::size_t>(o[0]) * sample + k;
        found.emplace_back(x().value[at], l(k));
      }
      std::sort(found.rbegin(), found.rend());
      const auto& one = found[static_cast<std::size_t>(o[p.axis ? *p.axis : 2])];
      const bool wants_value = p.out_max_val && (p.axis || o[1] == 1);
      y.value[i] = wants_value ? one.first : static_cast<double>(one.second);
    }
    return copies(y);
  }
  /// States go from step to step.
  many operator()(const nniesim::layers::recurrent& p) const {
    const bool is_lstm = p.cell == nniesim::recurrent_cell::lstm;
    const std::size_t steps = p.flat_sequences != 0 ? x().shape[0] / p.flat_sequences : x().shape[0];
    const std::size_t rows = p.flat_sequences != 0 ? p.flat_sequences : x().shape[1];
    const array wx = from(p.learned.input), wh = from(p.learned.hidden);
    const std::size_t H = wh.shape[1], features = wx.shape[1], states = is_lstm ? 2 : 1;
    const std::size_t first = in.size() - states, fixed = p.has_continuation ? 2 : 1;
    array y(p.flat_sequences != 0 ? extents{steps * rows, H} : extents{steps, rows, H});
    array last_h({1, rows, H}), last_c({1, rows, H});
    const auto sigmoid = [](double v) { return 1 / (1 + std::exp(-v)); };
    double off = 0, most_c = 1;  // of a sum, the largest c
    for (std::size_t n = 0; n < rows; ++n) {
      std::vector<double> h(H), c(H);
      for (std::size_t j = 0; p.exposes_states && j < H; ++j) {
        h[j] = in[first].value[n * H + j];
        if (is_lstm) c[j] = in[first + 1].value[n * H + j];
      }
      for (std::size_t t = 0; t < steps; ++t) {
        double k = t == 0 ? 0 : 1;
        if (p.has_continuation) k = in[1].value[t * rows + n];
        if (p.is_flag) k = k == 0 ? 0 : 1;
        const auto gate = [&](std::size_t o) {
          chain sum;
          sum.add(bias_of(p.learned.bias, l(o)));
          for (std::size_t j = 0; j < features; ++j)
            sum.add(wx.value[o * features + j] * x().value[(t * rows + n) * features + j]);
          for (std::size_t j = 0; j < H; ++j) sum.add(wh.value[o * H + j] * k * h[j]);
          if (p.has_fixed_input) {
            const array wf = from(p.learned.fixed);
            for (std::size_t j = 0; j < wf.shape[1]; ++j)
              sum.add(wf.value[o * wf.shape[1] + j] * in[fixed].value[n * wf.shape[1] + j]);
          }
          off = std::max(off, static_cast<double>(sum.terms + 2) * ulp * sum.size);
          return sum.sum;
        };
        std::vector<double> next(H);
        for (std::size_t j = 0; j < H; ++j) {
          if (is_lstm) {
            c[j] = k * sigmoid(gate(H + j)) * c[j] + sigmoid(gate(j)) * std::tanh(gate(3 * H + j));
            next[j] = sigmoid(gate(2 * H + j)) * std::tanh(c[j]);
            most_c = std::max(most_c, std::fabs(c[j]));
          } else {
            next[j] = std::tanh(gate(j));
          }
        }
        h = next;
        for (std::size_t j = 0; j < H; ++j) {
          double out = h[j];
          if (!is_lstm) {
            const array wo = from(p.learned.output);
            double sum = bias_of(p.learned.output_bias, l(j));
            for (std::size_t i = 0; i < H; ++i) sum += wo.value[j * H + i] * h[i];
            out = std::tanh(sum);
          }
          y.value[(t * rows + n) * H + j] = out;
        }
      }
      std::copy(h.begin(), h.end(), last_h.value.begin() + l(n * H));
      std::copy(c.begin(), c.end(), last_c.value.begin() + l(n * H));
    }
    many all{y};
    if (p.exposes_states) all.push_back(last_h);
    if (p.exposes_states && is_lstm) all.push_back(last_c);
    // Errors of a step go into the next ones.
    for (array& a : all) a.tolerance.assign(a.value.size(), 1e-5 + 8 * static_cast<double>(steps) * most_c * off);
    return all;
  }
  many operator()(const nniesim::reverse_params& p) const {
    return copies(moved(x(), x().shape, [&](auto o) {
      for (const std::size_t a : p.axes) o[a] = l(x().shape[a]) - 1 - o[a];
      return o;
    }));
  }
  many operator()(const nniesim::im2col_params& p) const {
    const auto& g = p.geometry;
    const long rows = l(p.kernel[0]), columns = l(p.kernel[1]);
    const auto count = [](long extent, long pads, long reach, long stride) {
      return static_cast<std::size_t>((extent + pads - reach) / stride + 1);
    };
    array y(
        {x().shape[0], x().shape[1] * p.kernel[0] * p.kernel[1],
         count(l(x().shape[2]), l(g.pad.top + g.pad.bottom), (rows - 1) * l(g.dilation[0]) + 1, l(g.stride[0])),
         count(l(x().shape[3]), l(g.pad.left + g.pad.right), (columns - 1) * l(g.dilation[1]) + 1, l(g.stride[1]))});
    for (std::size_t i = 0; i < y.value.size(); ++i) {
      const auto o = y.place(i);
      const long at = x().at({o[0], o[1] / (rows * columns),
                              o[2] * l(g.stride[0]) + o[1] / columns % rows * l(g.dilation[0]) - l(g.pad.top),
                              o[3] * l(g.stride[1]) + o[1] % columns * l(g.dilation[1]) - l(g.pad.left)});
      if (at >= 0) y.value[i] = x().value[static_cast<std::size_t>(at)];
    }
    return copies(y);
  }
  many operator()(const nniesim::continuation_indicator_params& p) const {
    array y({p.steps, p.sequences});
    for (std::size_t i = p.sequences; i < y.value.size(); ++i) y.value[i] = 1;
    return copies(y);
  }
  many operator()(const nniesim::ctc_greedy_decoder_params& p) const {
    const std::size_t steps = x().shape[0], rows = x().shape[1], classes = x().shape[2];
    array y({rows, steps, 1, 1}), score({rows, 1, 1, 1});
    std::fill(y.value.begin(), y.value.end(), -1.0);
    for (std::size_t n = 0; n < rows; ++n) {
      std::vector<std::size_t> found;
      for (std::size_t t = 0; t < steps; ++t) {
        if (t > 0 && in.size() > 1 && in[1].value[t * rows + n] == 0) break;
        std::size_t best = 0;
        for (std::size_t c = 1; c < classes; ++c) {
          const double* at = x().value.data() + (t * rows + n) * classes;
          if (at[c] > at[best]) best = c;
        }
        score.value[n] -= x().value[(t * rows + n) * classes + best];
        found.push_back(best);
      }
      score.tolerance[n] = 1e-5 * std::fabs(score.value[n]);
      std::size_t written = 0;
      for (std::size_t t = 0; t < found.size(); ++t) {
        const bool repeats = t > 0 && found[t] == found[t - 1] && p.merge_repeated;
        if (found[t] != p.blank.value_or(classes - 1) && !repeats)
          y.value[n * steps + written++] = static_cast<double>(found[t]);
      }
    }
    return outputs == 1 ? many{y} : many{y, score};
  }
  many operator()(const nniesim::dense_block_params& p) const {
    array all = x();
    for (const nniesim::dense_block_stage& s : p.stages) {
      const auto normed = [](array a, const nniesim::batch_norm_params& norm) {
        for (std::size_t i = 0; i < a.value.size(); ++i) {
          const auto c = static_cast<std::size_t>(a.place(i)[1]);
          const double by = norm.count == 0 ? 0 : 1 / static_cast<double>(norm.count);
          const double mean = static_cast<double>(norm.mean[c]) * by,
                       variance = static_cast<double>(norm.variance[c]) * by;
          const double v = (a.value[i] - mean) / std::sqrt(variance + static_cast<double>(norm.epsilon));
          const double gamma = norm.gamma.empty() ? 1 : static_cast<double>(norm.gamma[c]);
          a.value[i] = std::max(0.0, v * gamma + bias_of(norm.beta, l(c)));
        }
        return a;
      };
      const auto convolved = [](const array& a, const nniesim::tensor<float>& w, std::size_t pad) {
        nniesim::layers::convolution conv;
        conv.weights = w;
        conv.geometry.pad = {pad, pad, pad, pad};
        const many inputs{a};
        return evaluate_layer{inputs, 1}(conv).at(0);
      };
      array from = normed(all, s.norm);
      if (s.narrow) from = normed(convolved(from, *s.narrow, 0), s.narrow_norm);
      const array more = convolved(from, s.filter, 1);
      array next({all.shape[0], all.shape[1] + more.shape[1], all.shape[2], all.shape[3]});
      const std::size_t old_size = all.value.size() / all.shape[0], new_size = more.value.size() / all.shape[0];
      for (std::size_t n = 0; n < all.shape[0]; ++n) {
        std::copy_n(all.value.begin() + l(n * old_size), old_size, next.value.begin() + l(n * (old_size + new_size)));
        std::copy_n(more.value.begin() + l(n * new_size), new_size,
                    next.value.begin() + l(n * (old_size + new_size) + old_size));
      }
      all = std::move(next);
    }
    double most = 0;
    for (const double v : all.value) most = std::max(most, std::fabs(v));
    all.tolerance.assign(all.value.size(), 1e-5 * most);
    return copies(all);
  }
  many operator()(const nniesim::shuffle_channel_params& p) const {
    const long each = l(x().shape[1] / p.groups);
    return copies(moved(x(), x().shape, [&](auto o) {
      o[1] = o[1] % l(p.groups) * each + o[1] / l(p.groups);
      return o;
    }));
  }
  many operator()(const nniesim::axpy_params&) const {
    const array &v = in.at(1), &b = in.at(2);
    array y(v.shape);
    for (std::size_t i = 0; i < y.value.size(); ++i) {
      const auto o = y.place(i);
      const double product = x().value[static_cast<std::size_t>(o[0] * l(v.shape[1]) + o[1])] * v.value[i];
      y.value[i] = product + b.value[i];
      y.tolerance[i] = 2 * ulp * std::fabs(y.value[i]) + small * (std::fabs(product) + std::fabs(b.value[i]));
    }
    return copies(y);
  }
  many operator()(const nniesim::bias_params& p) const {
    array y(x().shape);
    for (std::size_t i = 0; i < y.value.size(); ++i) {
      const auto o = y.place(i);
      const auto first = o.begin() + static_cast<std::ptrdiff_t>(p.axis);
      const std::vector<long> place(first, first + static_cast<std::ptrdiff_t>(in.at(1).shape.size()));
      y.value[i] = x().value[i] + in.at(1).value[static_cast<std::size_t>(in.at(1).at(place))];
      y.tolerance[i] = 2 * ulp * std::fabs(y.value[i]);
    }
    return copies(y);
  }
  many operator()(const nniesim::crelu_params& p) const {
    extents shape = x().shape;
    const long half = l(shape[p.axis]);
    shape[p.axis] *= 2;
    array y(shape);
    for (std::size_t i = 0; i < y.value.size(); ++i) {
      auto o = y.place(i);
      const bool is_second = o[p.axis] >= half;
      o[p.axis] %= half;
      const double v = x().value[static_cast<std::size_t>(x().at(o))] * (is_second ? -1 : 1);
      y.value[i] = v > 0 ? v : v * static_cast<double>(p.negative_slope);
      y.tolerance[i] = 2 * ulp * std::fabs(y.value[i]);
    }
    return copies(y);
  }
  many operator()(const nniesim::matmul_params& p) const {
    const std::size_t rank = x().shape.size();
    extents shape = x().shape;
    std::size_t m = p.sizes[0], k = p.sizes[1], n = p.sizes[2];
    if (m == 0) {
      m = shape[rank - (p.transpose_a ? 1 : 2)];
      k = shape[rank - (p.transpose_a ? 2 : 1)];
      n = in.at(1).shape[rank - (p.transpose_b ? 2 : 1)];
      shape[rank - 2] = m;
      shape[rank - 1] = n;
    } else {
      shape = {m, n};
    }
    array y(shape);
    for (std::size_t i = 0; i < y.value.size(); ++i) {
      const std::size_t matrix = i / (m * n), row = i / n % m, column = i % n;
      chain sum;
      for (std::size_t j = 0; j < k; ++j) {
        const double a = x().value[matrix * m * k + (p.transpose_a ? j * m + row : row * k + j)];
        const double b = in.at(1).value[matrix * k * n + (p.transpose_b ? column * k + j : j * n + column)];
        sum.add(a * b);
      }
      sum.put(y, i);
    }
    return copies(y);
  }
  many operator()(const nniesim::layers::custom& p) const {
    many all;
    for (const auto& t : p.values) all.push_back(from(t));
    return all;
  }
  many operator()(const nniesim::layers::parameter& p) const { return copies(from(p.values)); }
};

/// The outputs of a layer.
inline many evaluate(const nniesim::layer& l, const many& inputs) {
  return std::visit(evaluate_layer{inputs, l.outputs.size()}, l.params);
}

}  // namespace naive
