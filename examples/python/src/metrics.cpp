// Metrics: comparisons and histograms of two arrays.
#include "metrics.hpp"

#include <nanobind/stl/string.h>

#include <nniesim/metrics/histogram.hpp>

#include "arrays.hpp"
#include "module.hpp"

namespace nniesim_python {

nb::dict dict_of(const comparison& c) {
  nb::dict d;
  d["cosine"] = c.cosine;
  d["norm_error"] = c.norm_error;
  d["relative_l2_error"] = c.relative_l2_error;
  d["snr_db"] = c.snr_db;
  d["max_abs"] = c.max_abs;
  d["mean_abs"] = c.mean_abs;
  d["mean_error"] = c.mean_error;
  d["l2_reference"] = c.l2_reference;
  d["l2_other"] = c.l2_other;
  d["max_index"] = c.max_index;
  d["max_reference"] = c.max_reference;
  d["max_other"] = c.max_other;
  d["count"] = c.count;
  d["bad_reference"] = c.bad_reference;
  d["bad_other"] = c.bad_other;
  return d;
}

namespace {

/// Calls f with both arguments as views of their element types: float32 or float64 each.
template <class F>
auto with_numbers(nb::handle reference, nb::handle other, const std::string& function, F f) {
  const auto is_double = [](nb::handle object, const std::string& what) {
    const nb::dlpack::dtype type = detail::array_of(object, what).dtype();
    if (type != nb::dtype<double>() && type != nb::dtype<float>()) {
      throw nb::type_error(
          nniesim::detail::message(what, " has element type ", name_of(type), ", expected float32 or float64").c_str());
    }
    return type == nb::dtype<double>();
  };
  const std::string r = function + ": reference", x = function + ": other";
  const auto with_reference = [&](const auto& a) {
    if (is_double(other, x)) return f(a.view(), array_argument<double>(other, x).view());
    return f(a.view(), array_argument<float>(other, x).view());
  };
  if (is_double(reference, r)) return with_reference(array_argument<double>(reference, r));
  return with_reference(array_argument<float>(reference, r));
}

nb::dict histogram_dict(const histogram_counts& c) {
  nb::dict d;
  std::vector<std::uint64_t> bins(c.bins.begin(), c.bins.end());
  d["bins"] = owning_array(std::move(bins));
  d["zeros"] = c.zeros;
  d["not_finite"] = c.not_finite;
  return d;
}

}  // namespace

void add_metrics(nb::module_& m) {
  m.def(
      "compare",
      [](nb::handle reference, nb::handle other) {
        return dict_of(with_numbers(reference, other, "compare", [](const auto& r, const auto& x) {
          const nb::gil_scoped_release released;
          return compare(r, x);
        }));
      },
      nb::arg("reference").none(), nb::arg("other").none());
  m.def(
      "compare_samples",
      [](nb::handle reference, nb::handle other) {
        return dict_of(with_numbers(reference, other, "compare_samples", [](const auto& r, const auto& x) {
          const nb::gil_scoped_release released;
          return compare_samples(r, x);
        }));
      },
      nb::arg("reference").none(), nb::arg("other").none());
  m.def(
      "histograms",
      [](nb::handle reference, nb::handle other, nb::handle bins, bool logarithmic) {
        const auto count = static_cast<std::size_t>(integer_argument(bins, "histograms: bins", 1, 65536));
        histogram_pair h = with_numbers(reference, other, "histograms", [&](const auto& r, const auto& x) {
          const nb::gil_scoped_release released;
          return histograms(r, x, count, logarithmic ? histogram_bins::logarithmic : histogram_bins::linear);
        });
        nb::dict d;
        d["edges"] = owning_array(std::move(h.edges));
        d["reference"] = histogram_dict(h.reference);
        d["other"] = histogram_dict(h.other);
        return d;
      },
      nb::arg("reference").none(), nb::arg("other").none(), nb::arg("bins"), nb::arg("logarithmic"));
}

}  // namespace nniesim_python
