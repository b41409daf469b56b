# The sources of the forest, without onnxruntime: the library and the fuzzers share them.

set(FOREST_FOLDER "${CMAKE_CURRENT_LIST_DIR}/src")
set(FOREST_OPTIMIZATION -O3)

# Makes `target` an object library of the forest. Each instruction set has a file and flags of its own; the kernels are
# chosen when they run. Sums must round alike in all of them: no fused multiply-add, no reordering.
function(add_forest target)
  add_library(${target} OBJECT
    ${FOREST_FOLDER}/choose_kernels.cc
    ${FOREST_FOLDER}/fast_forest.cc
    ${FOREST_FOLDER}/finish.cc
    ${FOREST_FOLDER}/forest_tables.cc
    ${FOREST_FOLDER}/full_forest.cc
    ${FOREST_FOLDER}/kernels_portable.cc
    ${FOREST_FOLDER}/row_forest.cc
    ${FOREST_FOLDER}/set_columns.cc
    ${FOREST_FOLDER}/walker.cc)
  set(parts ${target})
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$" AND NOT MSVC)
    set(flags_avx2 -mavx2)
    set(flags_avx512 -mavx512f -mavx512bw -mavx512dq -mavx512vl)
    set(flags_avx512vbmi ${flags_avx512} -mavx512vbmi -mbmi -mbmi2)
    foreach(isa avx2 avx512 avx512vbmi)
      string(REPLACE vbmi "" file ${isa})
      add_library(${target}_${isa} OBJECT ${FOREST_FOLDER}/kernels_${file}.cc)
      # GCC 12 warns of its own header.
      target_compile_options(${target}_${isa} PRIVATE ${flags_${isa}}
        $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized -Wno-uninitialized>)
      list(APPEND parts ${target}_${isa})
    endforeach()
  endif()
  foreach(part ${parts})
    set_target_properties(${part} PROPERTIES POSITION_INDEPENDENT_CODE ON)
    target_include_directories(${part} PUBLIC ${FOREST_FOLDER})
    forest_options(${part})
    if(NOT part STREQUAL target)
      target_compile_definitions(${target} PRIVATE BRIDGE_X86)
      target_compile_definitions(${part} PRIVATE BRIDGE_X86)
      target_sources(${target} INTERFACE $<TARGET_OBJECTS:${part}>)
    endif()
  endforeach()
endfunction()

function(forest_options target)
  if(MSVC)
    target_compile_options(${target} PRIVATE /W4 /fp:precise)
  else()
    target_compile_options(${target} PRIVATE ${FOREST_OPTIMIZATION} -Wall -Wextra -Wconversion -Wshadow -ffp-contract=off)
  endif()
endfunction()
