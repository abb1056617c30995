/* log, exp and powers of two of one number, step by step as in features/portable_math.py, so with its bits.
   tests/schemas/test_arrays.py holds both together. */
#include <stdint.h>
#include <string.h>

#define LOG2_E 1.4426950408889634
#define LN2 0.6931471805599453
#define LN2_HIGH 0.6931471803691238
#define LN2_LOW 1.9082149292705877e-10
#define LN2_IN_PLACE (LN2 * 0x1p-52)
#define WHOLE 0x1.8p52 /* so large that a sum with it has no fraction: it is rounded half to even, as by rint */
#define SQRT_HALF_BITS 0x3FE6A09E667F3BCDull

static inline uint64_t bits_of(double x) {
  uint64_t bits;
  memcpy(&bits, &x, 8);
  return bits;
}

static inline double of_bits(uint64_t bits) {
  double x;
  memcpy(&x, &bits, 8);
  return x;
}

static inline double log_of(double x) {
  uint64_t bits = bits_of(x), k = (bits - SQRT_HALF_BITS) & 0xFFF0000000000000ull;
  double m = of_bits(bits - k), s = (m - 1.0) / (m + 1.0), w = s * s;
  double total = w * (2.0 / 11);
  total = (total + 2.0 / 9) * w;
  total = (total + 2.0 / 7) * w;
  total = (total + 2.0 / 5) * w;
  total = (total + 2.0 / 3) * w;
  total = (total + 2.0 / 1) * s;
  return total + (double)(int32_t)(k >> 32) * 0x1p32 * LN2_IN_PLACE;
}

static inline double exp_series(double x) {
  double total = x * (1.0 / 39916800);
  total = (total + 1.0 / 3628800) * x;
  total = (total + 1.0 / 362880) * x;
  total = (total + 1.0 / 40320) * x;
  total = (total + 1.0 / 5040) * x;
  total = (total + 1.0 / 720) * x;
  total = (total + 1.0 / 120) * x;
  total = (total + 1.0 / 24) * x;
  total = (total + 1.0 / 6) * x;
  total = (total + 1.0 / 2) * x;
  total = (total + 1.0 / 1) * x;
  return total + 1.0 / 1;
}

static inline double clipped(double x, double least, double most) {
  x = x < least ? least : x;
  return x > most ? most : x;
}

static inline double exp_of(double x) {
  x = clipped(x, -700.0, 700.0);
  double whole = x * LOG2_E + WHOLE, k = whole - WHOLE;
  x -= k * LN2_HIGH;
  x -= k * LN2_LOW;
  return exp_series(x) * of_bits((bits_of(whole) + 1023) << 52);
}

static inline double exp2_negative_of(double x) {
  x = clipped(x, -1000.0, 1000.0);
  double whole = x + WHOLE, k = whole - WHOLE;
  return exp_series((k - x) * LN2) * of_bits((1023 - bits_of(whole)) << 52);
}
