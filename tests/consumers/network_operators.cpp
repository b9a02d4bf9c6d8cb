// The operators of networks, compiled once for the programs that run networks.
#define NNIESIM_INSTANTIATE_OPERATORS
#include <nniesim/network/policy_set.hpp>
