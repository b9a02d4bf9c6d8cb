// Runs a test body under every instruction set that this machine has.
#pragma once

#include <nniesim/kernels/isa.hpp>

/// Calls body(isa) with each runnable instruction set forced, then restores the one in use. An exception restores too.
template <class Body>
void for_each_isa(Body body) {
  struct restore {
    nniesim::isa before = nniesim::active_isa();
    ~restore() { nniesim::force_isa(before); }
  } guard;
  for (const nniesim::isa i : nniesim::runnable_isas()) {
    nniesim::force_isa(i);
    body(i);
  }
}
