// Whole networks: a forward in compile mode 0 beside OpenCV's float forward of the same files.
#pragma once

#include <string>
#include <vector>

#include "peers.hpp"

namespace bench {

struct network_case {
  std::string name;
  std::string prototxt, caffemodel;
};

/// Those whose files are there: the project's own, and real ones in ../shared/models.
std::vector<network_case> networks();
/// Multiply-accumulates of a forward.
double macs_of(const network_case& n);
/// From float input to outputs; with ranges calibrated before, or derived as it goes.
contestant our_forward(const network_case& n, std::size_t threads, bool calibrated);
/// Nothing without OpenCV.
std::vector<contestant> opencv_forward(const network_case& n, std::size_t threads);

}  // namespace bench
