// nniesim._core: the library's functions for Python. What is public is in the package's own files, which call these.
#include "module.hpp"

#include <nanobind/stl/string.h>

#include <nniesim/core/error.hpp>
#include <nniesim/core/version.hpp>

namespace nb = nanobind;

NB_MODULE(_core, m) {
  m.doc() = "The compiled part of nniesim; use the package's own functions.";
  m.attr("VERSION") =
      nniesim::detail::message(NNIESIM_VERSION_MAJOR, ".", NNIESIM_VERSION_MINOR, ".", NNIESIM_VERSION_PATCH);
  m.attr("RESULTS_VERSION") = NNIESIM_RESULTS_VERSION;

  // Translators are asked from the last one on: bases first.
  const auto base = nb::exception<nniesim::error>(m, "Error", PyExc_ValueError);
  nb::exception<nniesim::shape_error>(m, "ShapeError", base);
  nb::exception<nniesim::format_error>(m, "FormatError", base);
  nb::exception<nniesim::parse_error>(m, "ParseError", base);
  nb::exception<nniesim::interrupted>(m, "Interrupted", base);

  nniesim_python::add_formats(m);
  nniesim_python::add_metrics(m);
  nniesim_python::add_mac_operators(m);
  nniesim_python::add_operators(m);
  nniesim_python::add_map_operators(m);
  nniesim_python::add_sequences(m);
  nniesim_python::add_detection(m);
  nniesim_python::add_networks(m);
  nniesim_python::add_debug(m);
  nniesim_python::add_compiled_models(m);
  nniesim_python::add_evaluation(m);
}
