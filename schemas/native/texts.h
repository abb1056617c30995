/* Texts in a buffer, and what hashes of bytes are made of. */
#include <stdint.h>
#include <string.h>

typedef struct { const uint8_t *bytes; int64_t size; } Text;

typedef struct { const uint8_t *bytes; const int64_t *begins, *ends; } Texts; /* begin -1: null */

static inline Text text_at(const Texts *texts, int64_t i) {
  if (texts->begins[i] < 0) return (Text){texts->bytes, 0};
  return (Text){texts->bytes + texts->begins[i], texts->ends[i] - texts->begins[i]};
}

static inline int equal(Text a, Text b) { return a.size == b.size && !memcmp(a.bytes, b.bytes, (size_t)a.size); }

static inline uint64_t load(const uint8_t *at) {
  uint64_t value;
  memcpy(&value, at, 8);
  return value;
}

static inline uint64_t folded(uint64_t a, uint64_t b) {
  __extension__ unsigned __int128 product = (unsigned __int128)a * b;
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}
