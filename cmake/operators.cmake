# nniesim::operators: what networks compute under float32, w8a8 and w16a16, compiled once. Programs that link it compile
# in seconds and get the same bits.
file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/operators.cpp
     CONTENT "#define NNIESIM_INSTANTIATE_OPERATORS\n#include <nniesim/network/policy_set.hpp>\n")
add_library(nniesim_operators STATIC ${CMAKE_CURRENT_BINARY_DIR}/operators.cpp)
add_library(nniesim::operators ALIAS nniesim_operators)
if(NOT NNIESIM_INSTALL_OPERATORS)
  set_target_properties(nniesim_operators PROPERTIES EXCLUDE_FROM_ALL ON)  # built where something links it
endif()
set_target_properties(nniesim_operators PROPERTIES POSITION_INDEPENDENT_CODE ON EXPORT_NAME operators)
target_link_libraries(nniesim_operators PUBLIC nniesim)
target_compile_options(nniesim_operators PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fno-semantic-interposition> ${NNIESIM_OPERATOR_OPTIONS})

# Who links it has symbols of the same inline namespace (core/config.hpp). Its build kind goes along; the instruction
# set is checked where the program is compiled.
set(operators_definitions NNIESIM_EXTERN_OPERATORS)
if(CMAKE_CONFIGURATION_TYPES OR CMAKE_BUILD_TYPE MATCHES "^(Release|RelWithDebInfo|MinSizeRel)$")
  list(APPEND operators_definitions NNIESIM_NO_DCHECK)
  target_compile_definitions(nniesim_operators PRIVATE NNIESIM_NO_DCHECK)
endif()
string(MAKE_C_IDENTIFIER "NNIESIM_OPERATORS_ABI_${PROJECT_VERSION}_${CMAKE_CXX_FLAGS}_${operators_definitions}" abi_of_flags)
if(NOT DEFINED ${abi_of_flags})
  set(text ${CMAKE_CURRENT_BINARY_DIR}/operators_abi)
  file(WRITE ${text}.cpp "#include <nniesim/core/config.hpp>
#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
const char abi[] = \"abi:\" TEXT(NNIESIM_ABI);
int main(int argc, char**) { return abi[argc]; }
")
  list(TRANSFORM operators_definitions PREPEND -D OUTPUT_VARIABLE flags)
  try_compile(compiled ${CMAKE_CURRENT_BINARY_DIR} ${text}.cpp
              CMAKE_FLAGS -DINCLUDE_DIRECTORIES=${CMAKE_CURRENT_SOURCE_DIR}/include
              COMPILE_DEFINITIONS ${flags} CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON
              COPY_FILE ${text} OUTPUT_VARIABLE output)
  if(NOT compiled)
    message(FATAL_ERROR "nniesim does not compile with this compiler and these flags:\n${output}")
  endif()
  file(STRINGS ${text} abi REGEX "abi:v[0-9a-z_]+")
  string(REGEX MATCH "v[0-9]+_[0-9a-z_]+" abi "${abi}")
  set(${abi_of_flags} ${abi} CACHE INTERNAL "")
endif()
list(APPEND operators_definitions NNIESIM_OPERATORS_ABI=${${abi_of_flags}})
target_compile_definitions(nniesim_operators INTERFACE ${operators_definitions})
