/* Loops over arrays of float64, with the bits of their references in NumPy. */
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

/* features/table.py: rows of some slots as columns, and back. Returns 0 if a slot has no row. */

static int have_rows(const int64_t *slots, int64_t n, int64_t n_rows) {
  for (int64_t i = 0; i < n; i++)
    if (slots[i] < 0 || slots[i] >= n_rows) return 0;
  return 1;
}

enum { LINE = 8 }; /* numbers in a line of the cache */

int gather_rows(const double *rows, int64_t n_rows, int64_t width, const int64_t *slots, int64_t n, double *block) {
  if (!have_rows(slots, n, n_rows)) return 0;
  for (int64_t first = 0; first < n; first += LINE) {
    int64_t here = n - first < LINE ? n - first : LINE;
    const double *from[LINE];
    for (int64_t i = 0; i < here; i++) from[i] = rows + slots[first + i] * width;
    for (int64_t i = first + LINE; i < n && i < first + 2 * LINE; i++)
      for (int64_t c = 0; c < width; c += LINE) __builtin_prefetch(rows + slots[i] * width + c);
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
