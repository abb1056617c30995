/* features/program.py: the features of many customers by a list of operations, some customers after others, so that all
   numbers in between stay in the processor's cache. Each operation has the bits of its function in NumPy. */
#include <math.h>

#include "elementary.h"
#include "vectors.h"

enum { AT_ONCE = 256, MOST_PLACES = 4096, DAYS = 9, DAYS_A_COLUMN = 3, DAY_BITS = 17, RESULTS = 10, WEEK = 7 };
enum { COPY, ADD, SUBTRACT, MULTIPLY, DIVIDE, GREATEST, LEAST, GREATER, AT_LEAST, LESS, WHERE, FLOOR, MAGNITUDE, LOG,
       EXP2_NEGATIVE, RECENT_DAYS, OPERATIONS };

/* Places of the operands: the columns of a block, the instant, the features, then what has room of its own: the results
   of RECENT_DAYS, constants, numbers in between. No operation reads the place that it writes. */
typedef struct {
  int32_t what, to, a, b, c;
} Operation;

/* Their last place in `room` is the last of all. */
static int have_places(const Operation *operations, int64_t n, int64_t n_columns, int64_t n_places) {
  if (n_places > MOST_PLACES) return 0;
  for (int64_t i = 0; i < n; i++) {
    Operation one = operations[i];
    int64_t reads = one.what == RECENT_DAYS ? DAYS / DAYS_A_COLUMN : 1, writes = one.what == RECENT_DAYS ? RESULTS : 1;
    if (one.what < 0 || one.what >= OPERATIONS || one.to <= n_columns || one.to + writes > n_places) return 0;
    if (one.a < 0 || one.a + reads > n_places || one.b < 0 || one.b >= n_places || one.c < 0 || one.c >= n_places) return 0;
  }
  return 1;
}

/* features/regularity.py. ring: the columns of the newest days; silent: days since the newest -> RESULTS: whether there
   are two gaps, their mean, deviation, the last, the longest, days within each window, the share of a weekday. */
static inline void recent_days(const double *const *ring, const double *restrict silent, double *const *to, int64_t n) {
  static const double windows[] = {30.0, 60.0, 90.0, 182.0};
  int32_t day[DAYS][AT_ONCE], counts[AT_ONCE], days[AT_ONCE], sum[AT_ONCE], squares[AT_ONCE], longest[AT_ONCE];
  for (int64_t d = 0; d < DAYS; d++) {
    const double *column = ring[d / DAYS_A_COLUMN];
    int64_t shift = DAY_BITS * (DAYS_A_COLUMN - 1 - d % DAYS_A_COLUMN);
    for (int64_t i = 0; i < n; i++) day[d][i] = (int32_t)(((int64_t)column[i] >> shift) & ((1 << DAY_BITS) - 1)) - 1;
  }
  for (int64_t i = 0; i < n; i++) counts[i] = days[i] = sum[i] = squares[i] = longest[i] = 0;
  for (int64_t d = 0; d < DAYS; d++)
    for (int64_t i = 0; i < n; i++) {
      int32_t is_day = ~(day[d][i] >> 31), of_week = day[d][i] - day[d][i] / WEEK * WEEK;
      days[i] += is_day & 1;
      counts[i] += (int32_t)(1u << (of_week & WEEK) * 4) & is_day;
    }
  for (int64_t d = 0; d + 1 < DAYS; d++)
    for (int64_t i = 0; i < n; i++) {
      int32_t gap = (day[d][i] - day[d + 1][i]) & ~(day[d + 1][i] >> 31);
      gap = gap > 10000 ? 10000 : gap;
      sum[i] += gap;
      squares[i] += gap * gap;
      longest[i] = gap > longest[i] ? gap : longest[i];
      if (!d) to[3][i] = (double)gap;
    }
  for (int64_t i = 0; i < n; i++) {
    double gaps = days[i] > 2 ? (double)(days[i] - 1) : 1.0, mean = (double)sum[i] / gaps;
    double variance = (double)squares[i] / gaps - mean * mean;
    to[0][i] = days[i] > 2 ? 1.0 : 0.0;
    to[1][i] = mean;
    to[2][i] = sqrt(variance > 0.0 ? variance : 0.0);
    to[4][i] = (double)longest[i];
  }
  for (int64_t w = 0; w < 4; w++) {
    double *within = to[5 + w];
    for (int64_t i = 0; i < n; i++) {
      double oldest = ceil((double)day[0][i] + silent[i] - windows[w]);
      int32_t least = (int32_t)(oldest > 0.0 ? oldest : 0.0), found = 0;
      for (int64_t d = 0; d < DAYS; d++) found += day[d][i] >= least;
      within[i] = (double)found;
    }
  }
  for (int64_t i = 0; i < n; i++) {
    int32_t most = 0;
    for (int32_t k = 0; k < WEEK; k++) {
      int32_t count = counts[i] >> k * 4 & 15;
      most = count > most ? count : most;
    }
    to[9][i] = ((double)most + 1.0) / (double)(days[i] + WEEK);
  }
}

#define EACH(result)                                 \
  for (int64_t i = 0; i < here; i++) to[i] = result; \
  break

/* block: (columns, n); at_us: (n,); out: (features, n); room: (n_places - n_columns - 1 - n_features, AT_ONCE), of which
   the first RESULTS a ring, then the constants. Returns 0 if an operation has no place. */
FOR_ALL_VECTORS int run_operations(const Operation *operations, int64_t n_operations, int64_t n_places,
                                   const double *constants, int64_t n_constants, int64_t first_constant,
                                   const double *block, int64_t n_columns, const double *at_us, int64_t n, double *out,
                                   int64_t n_features, double *room) {
  if (!have_places(operations, n_operations, n_columns, n_places)) return 0;
  if (first_constant < n_columns + 1 + n_features || first_constant + n_constants > n_places) return 0;
  double *place[MOST_PLACES];
  for (int64_t p = n_columns + 1 + n_features, k = 0; p < n_places; p++, k++) place[p] = room + k * AT_ONCE;
  for (int64_t k = 0; k < n_constants; k++)
    for (int64_t i = 0; i < AT_ONCE; i++) place[first_constant + k][i] = constants[k];
  for (int64_t first = 0; first < n; first += AT_ONCE) {
    int64_t here = n - first < AT_ONCE ? n - first : AT_ONCE;
    for (int64_t c = 0; c < n_columns; c++) place[c] = (double *)block + c * n + first;
    place[n_columns] = (double *)at_us + first;
    for (int64_t f = 0; f < n_features; f++) place[n_columns + 1 + f] = out + f * n + first;
    for (int64_t k = 0; k < n_operations; k++) {
      Operation one = operations[k];
      double *restrict to = place[one.to];
      const double *a = place[one.a], *b = place[one.b], *c = place[one.c];
      switch (one.what) {
        case COPY: EACH(a[i]);
        case ADD: EACH(a[i] + b[i]);
        case SUBTRACT: EACH(a[i] - b[i]);
        case MULTIPLY: EACH(a[i] * b[i]);
        case DIVIDE: EACH(a[i] / b[i]);
        case GREATEST: EACH((a[i] >= b[i]) | (a[i] != a[i]) ? a[i] : b[i]);
        case LEAST: EACH((a[i] <= b[i]) | (a[i] != a[i]) ? a[i] : b[i]);
        case GREATER: EACH(a[i] > b[i] ? 1.0 : 0.0);
        case AT_LEAST: EACH(a[i] >= b[i] ? 1.0 : 0.0);
        case LESS: EACH(a[i] < b[i] ? 1.0 : 0.0);
        case WHERE: EACH(a[i] != 0.0 ? b[i] : c[i]);
        case FLOOR: EACH(floor(a[i]));
        case MAGNITUDE: EACH(fabs(a[i]));
        case LOG: EACH(log_of(a[i]));
        case EXP2_NEGATIVE: EACH(exp2_negative_of(a[i]));
        case RECENT_DAYS: recent_days((const double *const *)place + one.a, b, place + one.to, here); break;
      }
    }
  }
  return 1;
}
