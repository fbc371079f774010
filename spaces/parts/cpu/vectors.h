/* Vectors of numbers, for the kernels: -Dreal=float or double, -DPORTABLE for the same bits on every processor.

A vector is as wide as the processor's registers: wider ones cost eight times as much with GCC 12. The results
of the kernels depend on the width, since a vector holds that many images, whose sums are added at the end. So portable
code has one width, 32 bytes (AVX2), and states where a product and a sum are rounded once (`madd`): it is compiled with
-ffp-contract=off, and every compiler must give the same bits. Otherwise the compiler chooses. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#if defined PORTABLE || !defined __AVX512F__
#define WIDTH 32
#else
#define WIDTH 64
#endif

#define LANES (WIDTH / (long)sizeof(real))
#define ALWAYS static inline __attribute__((always_inline))
typedef real vec __attribute__((vector_size(WIDTH)));
typedef __typeof__((vec){} < (vec){}) mask;

ALWAYS vec all(real x) { return x - (vec){}; }

/* a * b + c, of vectors and of single numbers */
#ifdef PORTABLE
#include <immintrin.h>
ALWAYS vec madd(vec a, vec b, vec c) {
    if (sizeof(real) == sizeof(float)) return (vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
    return (vec)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
}
ALWAYS real madd1(real a, real b, real c) {
    return sizeof(real) == sizeof(float) ? (real)__builtin_fmaf(a, b, c) : (real)__builtin_fma(a, b, c);
}
#else
ALWAYS vec madd(vec a, vec b, vec c) { return a * b + c; }
ALWAYS real madd1(real a, real b, real c) { return a * b + c; }
#endif

ALWAYS void gain(vec *total, vec a, vec b) { *total = madd(a, b, *total); }

ALWAYS long least(long a, long b) { return a < b ? a : b; }
ALWAYS vec where(mask wanted, vec x) { return (vec)((mask)x & wanted); } /* 0 where not wanted */
ALWAYS vec positive(vec x) { return where(~(x < 0), x); }

/* Loads the first `some` numbers, zeros behind them. Inlined with the constant LANES it is one load. */
ALWAYS vec load(const real *from, long some) {
    vec x = {};
    memcpy(&x, from, some * sizeof(real));
    return x;
}

ALWAYS void store(real *to, vec x, long some) { memcpy(to, &x, some * sizeof(real)); }

/* f(some, ...), compiled once for whole vectors and once for the last, incomplete one. */
#define FOR_LANES(some, f, ...) ((some) >= LANES ? f(LANES, __VA_ARGS__) : f(some, __VA_ARGS__))

/* The sum of all lanes, by adding halves: adding one after another would wait for each addition. */
ALWAYS real sum(vec x) {
    real parts[LANES];
    memcpy(parts, &x, sizeof x);
    for (long some = LANES / 2; some; some /= 2)
        for (long i = 0; i < some; i++) parts[i] += parts[i + some];
    return parts[0];
}

ALWAYS vec first_lanes(long some) {
    vec x = {};
    for (long i = 0; i < least(some, LANES); i++) x[i] = 1;
    return x;
}

/* Memory that a thread keeps between calls: fresh pages would cost more time than the work done in them. */
static inline vec *room(size_t vectors) {
    static __thread vec *kept;
    static __thread size_t size;
    if (size < vectors) {
        free(kept);
        kept = aligned_alloc(sizeof(vec), vectors * sizeof(vec));
        if (!kept) abort();
        size = vectors;
    }
    return kept;
}
