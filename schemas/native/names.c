/* Names in the order in which they came, found by their bytes: features/names.py. */
#include "texts.h"

typedef struct {
  uint8_t *bytes;  /* one name after another */
  int64_t *ends;   /* of name i in ends[i + 1]; ends[0] is 0 */
  uint64_t *table; /* upper half of the hash, and the name's number + 1; 0: a free place */
  int64_t n, most, room, size; /* names, and as many as `ends` has room for; of `bytes`; of `table`, a power of two */
  uint64_t seed;
} Names;

enum { AT_ONCE = 64 };

static uint64_t hash_of(Text text, uint64_t seed) {
  const uint64_t factor = 0x9FB21C651E98DF25ull;
  const uint8_t *at = text.bytes;
  int64_t left = text.size;
  uint64_t hash = seed ^ (uint64_t)left;
  for (; left >= 8; at += 8, left -= 8) hash = folded(hash ^ load(at), factor);
  if (left) {
    uint64_t rest = 0;
    memcpy(&rest, at, (size_t)left);
    hash = folded(hash ^ rest, factor);
  }
  return folded(hash ^ seed, factor);
}

static Text name_at(const Names *names, int64_t i) {
  return (Text){names->bytes + names->ends[i], names->ends[i + 1] - names->ends[i]};
}

/* -> the place of a name, or where it would go; there is always a free one. */
static uint64_t place_of(const Names *names, uint64_t hash, Text text) {
  uint64_t mask = (uint64_t)names->size - 1, place = hash & mask, entry;
  for (; (entry = names->table[place]); place = (place + 1) & mask)
    if (entry >> 32 == hash >> 32 && equal(name_at(names, (int64_t)(uint32_t)entry - 1), text)) break;
  return place;
}

static void enter(Names *names, uint64_t place, uint64_t hash, int64_t number) {
  names->table[place] = hash >> 32 << 32 | (uint64_t)(number + 1);
}

/* Writes the number of each text, -1: it is not known -> how many are not known. What is looked up is on its way from
   memory while others are hashed. */
int64_t find_names(const Names *names, const Texts *texts, int64_t n, int64_t *numbers) {
  uint64_t hashes[AT_ONCE], mask = (uint64_t)names->size - 1, entry;
  int64_t unknown = 0;
  for (int64_t first = 0; first < n; first += AT_ONCE) {
    int64_t here = n - first < AT_ONCE ? n - first : AT_ONCE;
    for (int64_t i = 0; i < here; i++) {
      hashes[i] = hash_of(text_at(texts, first + i), names->seed);
      __builtin_prefetch(names->table + (hashes[i] & mask));
    }
    for (int64_t i = 0; i < here; i++)
      if ((entry = names->table[hashes[i] & mask])) __builtin_prefetch(names->ends + (uint32_t)entry - 1);
    for (int64_t i = 0; i < here; i++)
      if ((entry = names->table[hashes[i] & mask])) __builtin_prefetch(names->bytes + names->ends[(uint32_t)entry - 1]);
    for (int64_t i = 0; i < here; i++) {
      entry = names->table[place_of(names, hashes[i], text_at(texts, first + i))];
      numbers[first + i] = (int64_t)(uint32_t)entry - 1;
      unknown += !entry;
    }
  }
  return unknown;
}

/* Adds the texts whose number is -1, in their order, and writes their numbers -> how many names there are then; -1: there
   is no room for all of them. */
int64_t add_names(Names *names, const Texts *texts, int64_t n, int64_t *numbers) {
  for (int64_t i = 0; i < n; i++) {
    if (numbers[i] >= 0) continue;
    Text text = text_at(texts, i);
    uint64_t hash = hash_of(text, names->seed), place = place_of(names, hash, text);
    if (!names->table[place]) {
      int64_t end = names->ends[names->n];
      if (names->n >= names->most || names->n + 1 >= names->size || names->room - end < text.size) return -1;
      memcpy(names->bytes + end, text.bytes, (size_t)text.size);
      enter(names, place, hash, names->n++);
      names->ends[names->n] = end + text.size;
    }
    numbers[i] = (int64_t)(uint32_t)names->table[place] - 1;
  }
  return names->n;
}

/* Enters all names into an empty table. */
void enter_names(Names *names) {
  for (int64_t i = 0; i < names->n; i++) {
    Text text = name_at(names, i);
    uint64_t hash = hash_of(text, names->seed);
    enter(names, place_of(names, hash, text), hash, i);
  }
}

/* Writes names one after another, and where each ends; -1: a number has no name, or there is no room. */
int64_t copy_names(const Names *names, const int64_t *numbers, int64_t n, uint8_t *out, int64_t room, int64_t *ends) {
  int64_t size = 0;
  for (int64_t i = 0; i < n; i++) {
    if (numbers[i] < 0 || numbers[i] >= names->n) return -1;
    Text text = name_at(names, numbers[i]);
    if (room - size < text.size) return -1;
    memcpy(out + size, text.bytes, (size_t)text.size);
    ends[i] = size += text.size;
  }
  return size;
}
