#pragma once

/// One binary, the widest vectors of the machine it runs on: compiles a function for AVX-512, AVX2 and plain x86-64.
/// What it calls has to be inlined into it. Tests compile it for TUNESCOPE_VECTOR_LEVEL alone.
#if defined(TUNESCOPE_VECTOR_LEVEL)
#define TUNESCOPE_VECTOR_CLONES [[gnu::target("arch=" TUNESCOPE_VECTOR_LEVEL)]]
#elif defined(__x86_64__)
#define TUNESCOPE_VECTOR_CLONES [[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]
#else
#define TUNESCOPE_VECTOR_CLONES
#endif
