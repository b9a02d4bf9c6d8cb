// The parts of the module; each file adds its own.
#pragma once

#include <nanobind/nanobind.h>

namespace nniesim_python {

void add_formats(nanobind::module_& m);
void add_metrics(nanobind::module_& m);
void add_mac_operators(nanobind::module_& m);
void add_operators(nanobind::module_& m);
void add_map_operators(nanobind::module_& m);
void add_sequences(nanobind::module_& m);
void add_detection(nanobind::module_& m);
void add_networks(nanobind::module_& m);
void add_debug(nanobind::module_& m);
void add_compiled_models(nanobind::module_& m);
void add_evaluation(nanobind::module_& m);

}  // namespace nniesim_python
