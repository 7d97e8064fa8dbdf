#pragma once

/// Compiles a function three times, for AVX-512, AVX2 and plain x86-64; the program then runs the best version for the
/// machine that it is on. Functions that it calls must be inlined into it, or they are compiled only once. Tests define
/// TUNESCOPE_VECTOR_LEVEL, which compiles it for that level alone.
#if defined(TUNESCOPE_VECTOR_LEVEL)
#define TUNESCOPE_VECTOR_CLONES [[gnu::target("arch=" TUNESCOPE_VECTOR_LEVEL)]]
#elif defined(__x86_64__)
#define TUNESCOPE_VECTOR_CLONES [[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]
#else
#define TUNESCOPE_VECTOR_CLONES
#endif
