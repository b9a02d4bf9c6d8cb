// The version of the library, in one place: CMake reads it from here.
#pragma once

#define NNIESIM_VERSION_MAJOR 0
#define NNIESIM_VERSION_MINOR 4
#define NNIESIM_VERSION_PATCH 0

/// Version of the numbers: raised whenever any operator, format or metric gives different bits for the same input.
#define NNIESIM_RESULTS_VERSION 3
