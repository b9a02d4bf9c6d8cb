# Builds and runs the consumer project next to this file: -DWAY=package|subdirectory|fetch, and the folders in use.
# -DWAY=consumers: the programs of tests/consumers instead, which find an installed copy as package does.
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "failed: ${ARGN}\n${output}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
if(WAY MATCHES "^(package|consumers)$")
  run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix)
  set(how -DCMAKE_PREFIX_PATH=${WORK}/prefix)
else()
  set(how -DNNIESIM_SOURCE=${SOURCE})
endif()
if(WAY STREQUAL consumers)
  run(${CMAKE_COMMAND} -S ${SOURCE}/tests/consumers -B ${WORK}/build -G ${GENERATOR} -DCMAKE_CXX_COMPILER=${CXX}
      -DNETWORK=${SOURCE}/examples/feature_norm/network/feature_norm ${how})
  run(${CMAKE_COMMAND} --build ${WORK}/build)
  run(${CMAKE_CTEST_COMMAND} --test-dir ${WORK}/build --output-on-failure)
  return()
endif()
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${WORK}/build -G ${GENERATOR} -DWAY=${WAY} -DVERSION=${VERSION}
    -DCMAKE_CXX_COMPILER=${CXX} ${how})
run(${CMAKE_COMMAND} --build ${WORK}/build)
run(${WORK}/build/consumer)
