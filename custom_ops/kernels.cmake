# The sources of the forest, without onnxruntime: the library and the fuzzers share them.

set(FOREST_SOURCES
  src/choose_kernels.cc
  src/fast_forest.cc
  src/forest_tables.cc
  src/kernels_portable.cc
  src/walker.cc)
list(TRANSFORM FOREST_SOURCES PREPEND "${CMAKE_CURRENT_LIST_DIR}/")

# Sums must round alike under every instruction set: no fused multiply-add, no reordering.
function(forest_options target)
  target_include_directories(${target} PRIVATE "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/src")
  if(MSVC)
    target_compile_options(${target} PRIVATE /W4 /fp:precise)
  else()
    target_compile_options(${target} PRIVATE -O3 -Wall -Wextra -Wconversion -Wshadow -ffp-contract=off)
  endif()
endfunction()
