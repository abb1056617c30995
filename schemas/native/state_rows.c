/* Rows of customers in a changelog: features/row_format.py. */
#include <stdint.h>
#include <string.h>

enum { AT_ONCE = 16 };

/* table[k][x]: what byte x does to a checksum when k bytes follow it */
static void fill(uint32_t table[AT_ONCE][256]) {
  for (uint32_t x = 0; x < 256; x++) {
    uint32_t sum = x;
    for (int bit = 0; bit < 8; bit++) sum = sum >> 1 ^ (sum & 1 ? 0xEDB88320u : 0);
    table[0][x] = sum;
  }
  for (int k = 1; k < AT_ONCE; k++)
    for (int x = 0; x < 256; x++) table[k][x] = table[k - 1][x] >> 8 ^ table[0][table[k - 1][x] & 0xff];
}

static uint32_t checksum(const uint32_t table[AT_ONCE][256], const uint8_t *at, int64_t size) {
  uint32_t sum = 0xffffffffu;
  for (; size >= AT_ONCE; size -= AT_ONCE, at += AT_ONCE) {
    uint32_t next = 0;
    for (int i = 0; i < 4; i++) next ^= table[AT_ONCE - 1 - i][at[i] ^ (sum >> 8 * i & 0xff)];
    for (int i = 4; i < AT_ONCE; i++) next ^= table[AT_ONCE - 1 - i][at[i]];
    sum = next;
  }
  for (; size > 0; size--, at++) sum = sum >> 8 ^ table[0][(sum ^ *at) & 0xff];
  return ~sum;
}

static int are_within(const int64_t *places, int64_t n, int64_t size, int64_t n_bytes) {
  for (int64_t i = 0; i < n; i++)
    if (places[i] < 0 || places[i] > n_bytes - size) return 0;
  return 1;
}

/* Writes the CRC-32 of `size` bytes from each place on. Returns 0 if one lies outside. */
int checksums(const uint8_t *bytes, int64_t n_bytes, const int64_t *places, int64_t n, int64_t size, uint32_t *sums) {
  uint32_t table[AT_ONCE][256];
  if (!are_within(places, n, size, n_bytes)) return 0;
  fill(table);
  for (int64_t i = 0; i < n; i++) sums[i] = checksum((const uint32_t(*)[256])table, bytes + places[i], size);
  return 1;
}

/* Copies `size` bytes from each place to the row of each slot, in this order. Returns 0 if a place or a slot lies outside. */
int copy_rows(const uint8_t *bytes, int64_t n_bytes, const int64_t *places, int64_t n, int64_t size, uint8_t *rows,
              int64_t n_rows, const int64_t *slots) {
  if (!are_within(places, n, size, n_bytes)) return 0;
  for (int64_t i = 0; i < n; i++)
    if (slots[i] < 0 || slots[i] >= n_rows) return 0;
  for (int64_t i = 0; i < n; i++) memcpy(rows + slots[i] * size, bytes + places[i], (size_t)size);
  return 1;
}
