// What a program includes gives no warnings under a stricter user's flags, which strict.sh lists.
#include <nniesim/debug/investigation.hpp>
#include <nniesim/debug/loaded_network.hpp>
#include <nniesim/debug/report.hpp>
#include <nniesim/io/wk.hpp>
#include <nniesim/network/compare_network.hpp>
#include <nniesim/nniesim.hpp>

#include "main.cpp"
