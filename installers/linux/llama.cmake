# Read by llama-cpp-python's own CMakeLists.txt (as CMAKE_PROJECT_llama_cpp_INCLUDE) before anything else. That file forces the
# cache entry LLAMA_BUILD_COMMON to ON; a plain variable goes before it. The library "common" serves llama.cpp's own programs:
# llama_cpp never loads it, and it is nearly half of the build.
set(LLAMA_BUILD_COMMON OFF)
