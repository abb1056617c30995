/* Loops over arrays of float64, with the bits of their references in NumPy. */
#include <math.h>

#include "elementary.h"
#include "vectors.h"

/* features/portable_math.py; out may be x */

FOR_ALL_VECTORS void log_each(const double *x, double *out, int64_t n) {
  for (int64_t i = 0; i < n; i++) out[i] = log_of(x[i]);
}

FOR_ALL_VECTORS void exp_each(const double *x, double *out, int64_t n) {
  for (int64_t i = 0; i < n; i++) out[i] = exp_of(x[i]);
}

FOR_ALL_VECTORS void exp2_negative_each(const double *x, double *out, int64_t n) {
  for (int64_t i = 0; i < n; i++) out[i] = exp2_negative_of(x[i]);
}

FOR_ALL_VECTORS void sigmoid_each(const double *x, double *out, int64_t n) {
  for (int64_t i = 0; i < n; i++) out[i] = 1.0 / (1.0 + exp_of(-x[i]));
}

/* online_model/additive_functions.py, LookupTable */

typedef struct {
  const int64_t *rows;   /* (n_live,) features */
  const uint8_t *is_log; /* (n_live,) */
  const double *sizes, *least, *most; /* (n_live,); least and most in steps of the grid */
  const int64_t *shifts; /* (n_live,) from a value, in steps, to its place in `values` */
  const double *values;
  int64_t n_live, n_values;
  double steps, constant; /* steps in 1 of a scaled value */
} Table;

enum { AT_ONCE = 512 };

/* raw: (features, n) -> z: (n,) log-odds. Returns how many look-ups lay outside of the table: then z is not valid. */
FOR_ALL_VECTORS int64_t log_odds(const Table *table, const double *raw, int64_t n, double *z) {
  uint64_t outside = 0;
  double scaled[AT_ONCE];
  for (int64_t first = 0; first < n; first += AT_ONCE) {
    int64_t here = n - first < AT_ONCE ? n - first : AT_ONCE;
    double *sum = z + first;
    for (int64_t i = 0; i < here; i++) sum[i] = table->constant;
    for (int64_t f = 0; f < table->n_live; f++) {
      const double *x = raw + table->rows[f] * n + first;
      double size = table->sizes[f], least = table->least[f], most = table->most[f], steps = table->steps;
      uint64_t shift = (uint64_t)table->shifts[f] - bits_of(WHOLE), size_of_table = (uint64_t)table->n_values;
      if (table->is_log[f])
        for (int64_t i = 0; i < here; i++) scaled[i] = log_of(x[i] + 1.0);
      else
        for (int64_t i = 0; i < here; i++) scaled[i] = x[i] / size;
      for (int64_t i = 0; i < here; i++) {
        uint64_t place = bits_of(clipped(scaled[i] * steps, least, most) + WHOLE) + shift, wrong = place >= size_of_table;
        outside += wrong;
        sum[i] += table->values[wrong ? 0 : place];
      }
    }
  }
  return (int64_t)outside;
}

/* The same for functions that are linear within a bin, AdditiveFunctions. height and rise: (features, n_bins); low, high:
   (features,); x: (features, n), scaled. Returns how many values have no bin: then z is not valid. */
FOR_ALL_VECTORS int64_t binned_log_odds(const double *height, const double *rise, int64_t n_bins, const int64_t *live,
                                        int64_t n_live, const double *low, const double *high, double constant,
                                        double step, double lowest, double width, const double *x, int64_t n, double *z) {
  int64_t outside = 0;
  double steps = 1.0 / step, last = (double)(n_bins - 1);
  for (int64_t i = 0; i < n; i++) z[i] = constant;
  for (int64_t f = 0; f < n_live; f++) {
    int64_t row = live[f];
    const double *values = x + row * n, *h = height + row * n_bins, *r = rise + row * n_bins;
    double least = low[row], most = high[row];
    for (int64_t i = 0; i < n; i++) {
      double value = (clipped(values[i], least, most) * steps + WHOLE - WHOLE) * step;
      double place = clipped((value - lowest) / width, 0.0, last);
      int32_t has_bin = place >= 0.0, bin = has_bin ? (int32_t)place : 0;
      outside += !has_bin;
      z[i] += value * r[bin] + h[bin];
    }
  }
  return outside;
}

/* features/table.py: rows of some slots as columns, and back. Returns 0 if a slot has no row. */

static int have_rows(const int64_t *slots, int64_t n, int64_t n_rows) {
  for (int64_t i = 0; i < n; i++)
    if (slots[i] < 0 || slots[i] >= n_rows) return 0;
  return 1;
}

enum { LINE = 8 }; /* numbers in a line of the cache */

/* width: of the numbers of a row that are taken; stride: from a row to the next */
int gather_rows(const double *rows, int64_t n_rows, int64_t stride, int64_t width, const int64_t *slots, int64_t n,
                double *block) {
  if (!have_rows(slots, n, n_rows)) return 0;
  for (int64_t first = 0; first < n; first += LINE) {
    int64_t here = n - first < LINE ? n - first : LINE;
    const double *from[LINE];
    for (int64_t i = 0; i < here; i++) from[i] = rows + slots[first + i] * stride;
    for (int64_t i = first + LINE; i < n && i < first + 2 * LINE; i++)
      for (int64_t c = 0; c < width; c += LINE) __builtin_prefetch(rows + slots[i] * stride + c);
    for (int64_t c = 0; c < width; c++)
      for (int64_t i = 0; i < here; i++) block[c * n + first + i] = from[i][c];
  }
  return 1;
}

int scatter_rows(double *rows, int64_t n_rows, int64_t width, const int64_t *slots, int64_t n, const double *block) {
  if (!have_rows(slots, n, n_rows)) return 0;
  for (int64_t first = 0; first < n; first += LINE) {
    int64_t here = n - first < LINE ? n - first : LINE;
    for (int64_t c = 0; c < width; c++)
      for (int64_t i = 0; i < here; i++) rows[slots[first + i] * width + c] = block[c * n + first + i];
  }
  return 1;
}

/* features/deduplication.py: puts ids, none of them 0, into an open table whose size is a power of two and which has
   room for all -> new: which were not in it, of equal ones the first. */
void insert_ids(uint64_t *table, int64_t size, const uint64_t *ids, int64_t n, uint8_t *new) {
  uint64_t mask = (uint64_t)size - 1;
  for (int64_t i = 0; i < n; i++) {
    if (i + 16 < n) __builtin_prefetch(table + (ids[i + 16] & mask));
    uint64_t place = ids[i] & mask;
    while (table[place] && table[place] != ids[i]) place = (place + 1) & mask;
    new[i] = !table[place];
    table[place] = ids[i];
  }
}

/* online_model/array_codec.py: base64. value: (256,) of each character, 64 of what is none; bytes: 3 a group. Returns 0 if
   there was such a character. */
int decode_base64(const uint8_t *text, int64_t groups, const uint32_t *value, uint8_t *bytes) {
  uint32_t all = 0;
  for (int64_t i = 0; i < groups; i++) {
    uint32_t a = value[text[4 * i]], b = value[text[4 * i + 1]], c = value[text[4 * i + 2]], d = value[text[4 * i + 3]];
    uint32_t group = a << 18 | b << 12 | c << 6 | d;
    all |= a | b | c | d;
    bytes[3 * i] = (uint8_t)(group >> 16), bytes[3 * i + 1] = (uint8_t)(group >> 8), bytes[3 * i + 2] = (uint8_t)group;
  }
  return all < 64;
}

/* online_model/estimator.py */

/* columns: (features, n), each contiguous, `stride` numbers apart -> z: intercept + the weighted sum of the columns. */
FOR_ALL_VECTORS void linear(const double *columns, int64_t stride, int64_t features, int64_t n, const double *weights,
                            double intercept, double *z) {
  for (int64_t first = 0; first < n; first += AT_ONCE) {
    int64_t here = n - first < AT_ONCE ? n - first : AT_ONCE;
    double *sum = z + first;
    for (int64_t i = 0; i < here; i++) sum[i] = intercept;
    for (int64_t f = 0; f < features; f++) {
      const double *x = columns + f * stride + first, weight = weights[f];
      if (weight == 0.0) continue;
      for (int64_t i = 0; i < here; i++) sum[i] += x[i] * weight;
    }
  }
}

/* a: (n, n + 1), a matrix with its right side, overwritten -> x: (n,). */
FOR_ALL_VECTORS void solve(double *a, int64_t n, double *x) {
  int64_t width = n + 1;
  for (int64_t i = 0; i < n; i++) {
    const double *pivot = a + i * width;
    for (int64_t j = i + 1; j < n; j++) {
      double *row = a + j * width, factor = row[i] / pivot[i];
      for (int64_t k = i + 1; k < width; k++) row[k] -= factor * pivot[k];
    }
  }
  for (int64_t i = 0; i < n; i++) x[i] = a[i * width + n];
  for (int64_t i = n - 1; i >= 0; i--) {
    x[i] /= a[i * width + i];
    for (int64_t j = 0; j < i; j++) x[j] -= a[j * width + i] * x[i];
  }
}

/* online_model/boosted_steps.py: takes the best step of one feature and moves z and gradient by it. bins: (n,) below
   n_bins, as each of splits -> table: (n_bins,) the step. sums: (2 * n_bins,) room. Returns 0 if a bin has no place. */
int best_step(const int64_t *bins, int64_t n, double *gradient, const double *curvature, double *z,
              const int64_t *splits, int64_t n_splits, double precision, double rate, double most, double *sums,
              int64_t n_bins, double *table) {
  double *g = sums, *h = sums + n_bins, best = -INFINITY, down = 0.0, up = 0.0;
  int64_t at = 0;
  for (int64_t i = 0; i < n; i++)
    if (bins[i] < 0 || bins[i] >= n_bins) return 0;
  for (int64_t i = 0; i < 2 * n_bins; i++) sums[i] = 0.0;
  for (int64_t i = 0; i < n; i++) {
    g[bins[i]] += gradient[i];
    h[bins[i]] += curvature[i];
  }
  for (int64_t i = 1; i < n_bins; i++) {
    g[i] += g[i - 1];
    h[i] += h[i - 1];
  }
  for (int64_t i = 0; i < n_splits; i++) {
    if (splits[i] < 0 || splits[i] >= n_bins) return 0;
    double below = g[splits[i]], above = g[n_bins - 1] - below;
    double lower = below / (h[splits[i]] + precision), upper = above / (h[n_bins - 1] - h[splits[i]] + precision);
    if (!(below * lower + above * upper > best)) continue;
    best = below * lower + above * upper;
    at = splits[i], down = lower, up = upper;
  }
  down = -rate * clipped(down, -most, most), up = -rate * clipped(up, -most, most);
  for (int64_t i = 0; i < n_bins; i++) table[i] = i <= at ? down : up;
  for (int64_t i = 0; i < n; i++) {
    double moved = table[bins[i]];
    z[i] += moved;
    gradient[i] += curvature[i] * moved;
  }
  return 1;
}
