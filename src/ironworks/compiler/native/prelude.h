/* Vectors of LANES numbers and the operations of the kernel language on them. Licence: Apache-2.0. */
#include <math.h>
#include <stdint.h>
#include <string.h>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

typedef float vec __attribute__((vector_size(LANES * 4)));
typedef int32_t ivec __attribute__((vector_size(LANES * 4)));
/* Loads and stores are of any alignment. */
typedef float loose __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

#define INLINE static inline __attribute__((always_inline, unused))

INLINE vec vload(const float *p) { return *(const loose *)p; }
INLINE void vstore(float *p, vec v) { *(loose *)p = v; }
/* The first `count` numbers, a constant; zeros follow, or are not written. */
#if defined(__AVX512F__) && LANES == 16
INLINE vec vload_first(const float *p, int count) { return (vec)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), p); }
INLINE void vstore_first(float *p, vec v, int count) { _mm512_mask_storeu_ps(p, (__mmask16)((1u << count) - 1), (__m512)v); }
#else
INLINE vec vload_first(const float *p, int count) {
  vec v = {0};
  memcpy(&v, p, (size_t)count * sizeof *p);
  return v;
}
INLINE void vstore_first(float *p, vec v, int count) { memcpy(p, &v, (size_t)count * sizeof *p); }
#endif
/* x - 0 is x, also for x = -0, so nothing is computed. */
INLINE vec vsplat(float x) { return x - (vec){0}; }
INLINE vec vselect(ivec mask, vec a, vec b) { return (vec)((mask & (ivec)a) | (~mask & (ivec)b)); }

#if defined(__AVX512F__) && LANES == 16
INLINE vec vmax(vec a, vec b) { return (vec)_mm512_max_ps((__m512)a, (__m512)b); }
INLINE vec vmin(vec a, vec b) { return (vec)_mm512_min_ps((__m512)a, (__m512)b); }
INLINE vec vsqrt(vec a) { return (vec)_mm512_sqrt_ps((__m512)a); }
#elif defined(__AVX__) && LANES == 8
INLINE vec vmax(vec a, vec b) { return (vec)_mm256_max_ps((__m256)a, (__m256)b); }
INLINE vec vmin(vec a, vec b) { return (vec)_mm256_min_ps((__m256)a, (__m256)b); }
INLINE vec vsqrt(vec a) { return (vec)_mm256_sqrt_ps((__m256)a); }
#else
INLINE vec vmax(vec a, vec b) { return vselect(a > b, a, b); }
INLINE vec vmin(vec a, vec b) { return vselect(a < b, a, b); }
INLINE vec vsqrt(vec a) {
  for (int i = 0; i < LANES; i++) a[i] = sqrtf(a[i]);
  return a;
}
#endif
INLINE vec vabs(vec a) { return (vec)((ivec)a & 0x7fffffff); }

/* e^x = 2^n · e^r with |r| ≤ ln 2 / 2: r by subtracting n · ln 2 in two parts, e^r by its Taylor series to r^7,
   whose remainder there is below 1e-8. Below -87.3 the answer is 0 rather than denormal. */
INLINE vec vexp(vec x) {
  vec limited = vmin(vmax(x, vsplat(-87.3f)), vsplat(88.73f));
  vec rounded = limited * 1.44269504f + 12582912.0f; /* 1.5 · 2^23: the fraction is rounded away */
  ivec n = (ivec)rounded - 0x4b400000;
  vec whole = rounded - 12582912.0f;
  vec r = limited - whole * 0.693359375f;
  r = r + whole * 2.12194440e-4f;
  vec p = r * 1.98412698e-4f + 1.38888889e-3f;
  p = p * r + 8.33333333e-3f;
  p = p * r + 4.16666667e-2f;
  p = p * r + 1.66666667e-1f;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  /* Twice half of n, because 2^128 is no number. */
  ivec half = n >> 1;
  vec scaled = p * (vec)((half + 127) << 23) * (vec)((n - half + 127) << 23);
  scaled = vselect(x < vsplat(-87.3f), vsplat(0.0f), scaled);
  scaled = vselect(x > vsplat(88.72283f), vsplat(INFINITY), scaled);
  return vselect(x == x, scaled, x);
}

/* From e^-2|x| where it is accurate, and from the series where 1 - e^-2|x| would cancel. */
INLINE vec vtanh(vec x) {
  vec size = vabs(x), e = vexp(size * -2.0f), s = x * x;
  vec far = (1.0f - e) / (1.0f + e);
  vec near = s * -8.86323553e-3f + 2.18694885e-2f;
  near = near * s + -5.39682540e-2f;
  near = near * s + 1.33333333e-1f;
  near = near * s + -3.33333333e-1f;
  near = near * s * size + size;
  vec result = vselect(size < vsplat(0.4f), near, far);
  return (vec)(((ivec)result & 0x7fffffff) | ((ivec)x & (int32_t)0x80000000));
}
INLINE vec vsigmoid(vec x) { return 1.0f / (1.0f + vexp(-x)); }
/* For |x| < 1 x · p(x²), beyond it 1 - e^(-|x| · q(|x|)); the polynomials were fitted to erf at Chebyshev's nodes.
   The largest error is 1.8e-7. */
INLINE vec verf(vec x) {
  vec size = vabs(x), s = x * x;
  vec p = s * 7.882497117e-5f + -8.018854995e-4f;
  p = p * s + 5.189311943e-3f;
  p = p * s + -2.685432880e-2f;
  p = p * s + 1.128359746e-1f;
  p = p * s + -3.761262690e-1f;
  p = p * s + 1.128379166f;
  vec a = vmin(size, vsplat(4.0f));
  vec q = a * -3.1968399952e-7f + 5.3463764771e-6f;
  q = q * a + -2.0028310905e-5f;
  q = q * a + -2.4190743593e-4f;
  q = q * a + 3.5699521850e-3f;
  q = q * a + -2.3844542714e-2f;
  q = q * a + 1.0648034771e-1f;
  q = q * a + 6.3495009793e-1f;
  q = q * a + 1.1287065263f;
  vec far = 1.0f - vexp(-(q * a));
  far = (vec)(((ivec)far & 0x7fffffff) | ((ivec)x & (int32_t)0x80000000));
  vec result = vselect(size < vsplat(1.0f), p * x, far);
  return vselect(x == x, result, x);
}
/* x = m · 2^n with m in [1/√2, √2): ln x = n · ln 2 + 2 · artanh s with s = (m - 1) / (m + 1), by its series to
   s^11, whose remainder is below 1e-10. */
INLINE vec vlog(vec x) {
  vec normal = vselect(x < vsplat(1.17549435e-38f), x * 8388608.0f, x);
  ivec bits = (ivec)normal, n = ((bits - 0x3f3504f3) >> 23);
  vec m = (vec)(bits - (n << 23));
  n += (x < vsplat(1.17549435e-38f)) & -23;
  vec s = (m - 1.0f) / (m + 1.0f), t = s * s;
  vec p = t * 9.09090909e-2f + 1.11111111e-1f;
  p = p * t + 1.42857143e-1f;
  p = p * t + 2.0e-1f;
  p = p * t + 3.33333333e-1f;
  vec whole = __builtin_convertvector(n, vec), twice = s + s;
  vec result = whole * 2.12194440e-4f * -1.0f + (p * t * twice + twice);
  result = result + whole * 0.693359375f;
  result = vselect(x == vsplat(0.0f), vsplat(-INFINITY), result);
  result = vselect(x < vsplat(0.0f), vsplat(NAN), result);
  result = vselect(x == vsplat(INFINITY), x, result);
  return vselect(x == x, result, x);
}
/* Beyond 2^23 every number is whole. */
INLINE vec vfloor(vec x) {
  vec whole = __builtin_convertvector(__builtin_convertvector(vmin(vmax(x, vsplat(-8388608.0f)), vsplat(8388608.0f)), ivec), vec);
  whole = whole - (vec)((whole > x) & (ivec)vsplat(1.0f));
  return vselect(vabs(x) < vsplat(8388608.0f), whole, x);
}

/* The row of a table of `size` that an index means; one that is none is taken for the nearest. */
INLINE long row_of(long index, long size) {
  index += index < 0 ? size : 0;
  return index < 0 ? 0 : index >= size ? size - 1 : index;
}
INLINE float smax(float a, float b) { return a > b ? a : b; }
INLINE float smin(float a, float b) { return a < b ? a : b; }
INLINE float ssigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

#if defined(__AVX512F__) && LANES == 16
#define FIRST(lanes) ((__mmask16)((1u << (lanes)) - 1))
INLINE float across_add(vec v, int lanes) { return _mm512_mask_reduce_add_ps(FIRST(lanes), (__m512)v); }
INLINE float across_max(vec v, int lanes) { return _mm512_mask_reduce_max_ps(FIRST(lanes), (__m512)v); }
#else
INLINE float across_add(vec v, int lanes) {
  float sum = v[0];
  for (int i = 1; i < lanes; i++) sum += v[i];
  return sum;
}
INLINE float across_max(vec v, int lanes) {
  float most = v[0];
  for (int i = 1; i < lanes; i++) most = smax(most, v[i]);
  return most;
}
#endif
INLINE float across_min(vec v, int lanes) {
  float least = v[0];
  for (int i = 1; i < lanes; i++) least = smin(least, v[i]);
  return least;
}
INLINE float across_mul(vec v, int lanes) {
  float product = v[0];
  for (int i = 1; i < lanes; i++) product *= v[i];
  return product;
}

INLINE long find_nonzero(const float *source, long count, int32_t *positions) {
  long found = 0, i = 0;
#if defined(__AVX512F__) && LANES == 16
  __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  for (; i + 16 <= count; i += 16) {
    __mmask16 mask = _mm512_cmp_ps_mask(_mm512_loadu_ps(source + i), _mm512_setzero_ps(), _CMP_NEQ_UQ);
    __m512i where = _mm512_add_epi32(lanes, _mm512_set1_epi32((int)i));
    _mm512_storeu_si512(positions + found, _mm512_maskz_compress_epi32(mask, where));
    found += __builtin_popcount(mask);
  }
#elif defined(__AVX__) && LANES == 8
  for (; i + 8 <= count; i += 8) {
    unsigned mask = (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(source + i), _mm256_setzero_ps(), _CMP_NEQ_UQ));
    for (; mask; mask &= mask - 1) positions[found++] = (int32_t)(i + __builtin_ctz(mask));
  }
#endif
  for (; i < count; i++) {
    positions[found] = (int32_t)i;
    found += source[i] != 0.0f;
  }
  return found;
}
