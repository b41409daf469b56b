# The CUDA kernels: built where nvcc is found, unless BRIDGE_CUDA says otherwise.

set(BRIDGE_CUDA AUTO CACHE STRING "CUDA kernels: ON, OFF, or AUTO (where nvcc is found)")
# Machine code for each generation from Turing to Hopper, and PTX for those to come.
set(BRIDGE_CUDA_ARCHITECTURES 75-real 80-real 86-real 89-real 90 CACHE STRING "What the CUDA kernels are compiled for")
set(CUDA_FOLDER "${CMAKE_CURRENT_LIST_DIR}")

# Packing and planning run on the host, and need no CUDA.
function(add_cuda_packing target)
  target_sources(${target} PRIVATE ${CUDA_FOLDER}/pack.cc ${CUDA_FOLDER}/plan.cc)
  target_include_directories(${target} PRIVATE ${CUDA_FOLDER})
endfunction()

# Gives `target` the CUDA kernels.
macro(add_cuda target)
  set(nvcc "")
  if(NOT BRIDGE_CUDA STREQUAL "OFF")
    include(CheckLanguage)
    check_language(CUDA)
    set(nvcc "${CMAKE_CUDA_COMPILER}")
  endif()
  if(nvcc)
    set(CMAKE_CUDA_ARCHITECTURES ${BRIDGE_CUDA_ARCHITECTURES})
    enable_language(CUDA)
    message(STATUS "CUDA kernels: ${CMAKE_CUDA_COMPILER} (${CMAKE_CUDA_COMPILER_VERSION}) for ${BRIDGE_CUDA_ARCHITECTURES}")
    add_library(forest_cuda OBJECT ${CUDA_FOLDER}/launch.cu)
    set_target_properties(forest_cuda PROPERTIES POSITION_INDEPENDENT_CODE ON CUDA_STANDARD 17
      CUDA_STANDARD_REQUIRED ON CUDA_VISIBILITY_PRESET hidden)
    target_include_directories(forest_cuda PRIVATE ${FOREST_FOLDER} ${CUDA_FOLDER})
    target_compile_options(forest_cuda PRIVATE -O3 --fmad=false)
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:forest_cuda>)
    target_sources(${target} PRIVATE ${CUDA_FOLDER}/gpu_forest.cc)
    target_include_directories(${target} SYSTEM PRIVATE ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES})
    add_cuda_packing(${target})
    target_compile_definitions(${target} PRIVATE BRIDGE_CUDA)
    # With the static runtime the library loads where there is neither CUDA nor a driver.
    set_target_properties(${target} PROPERTIES CUDA_RUNTIME_LIBRARY Static CUDA_STANDARD 17
      CUDA_ARCHITECTURES "${BRIDGE_CUDA_ARCHITECTURES}")
  elseif(BRIDGE_CUDA STREQUAL "ON")
    message(FATAL_ERROR "BRIDGE_CUDA is ON, but nvcc was not found. Add it to PATH, or set CMAKE_CUDA_COMPILER.")
  else()
    message(STATUS "CUDA kernels: none (BRIDGE_CUDA is ${BRIDGE_CUDA}; nvcc was not asked for or not found)")
  endif()
endmacro()
