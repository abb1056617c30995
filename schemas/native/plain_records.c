/* JSON records of one kind of event to rows, in one pass over their bytes. What is plainly good becomes a row; all else
   is doubtful, and schemas.decode decides about it. What a field may say comes from schemas.plain_records as a table:
   no name, limit or place in the row is written here. Every read of a record goes through `peek` or is checked against
   its end before. */
#include <math.h>

#include "texts.h"

enum { CAREFUL, TEXT, CUSTOMER, EVENT_ID, PRODUCER, INSTANT, NUMBER, WORD, WORDS, ONE }; /* TYPES of plain_records.py */
enum { DOUBTFUL, GOOD, WITH_UNKNOWN_FIELD };
enum { FIELDS = 32, UNKNOWN = 16, PRODUCERS = 512, PLACES = 1024, LONGEST_IDENTITY = 240, DIGITS = 15, ESCAPED = 2048 };

typedef struct {
  Text name;
  const Text *words;          /* WORD, WORDS: what it may say; the number of a word is its place */
  const double *most_by_word; /* NUMBER: its limit, by the record's word; NULL: `most` */
  double least, most;
  int64_t n_words;
  int32_t type, required, whole;
  int32_t place;   /* of its bytes in a row; -1: it has none */
  int32_t longest; /* characters of a text, items of a list */
  int32_t other;   /* WORD: the number of any other word; -1: there is none */
} Field;

typedef struct {
  Text name;
  const Field *fields;
  const uint8_t *empty, *printable; /* a row without its own values; bits of the characters up to U+FFFF */
  int64_t n_fields, row_bytes, id_place, most_bytes;
} Kind;

/* spare: where texts with escapes are written without them, up to spare_end; NULL: they are doubtful. */
typedef struct { const uint8_t *at, *end; uint8_t *spare, *spare_end; } Cursor;

/* A record as far as it was read. */
typedef struct {
  uint32_t seen;
  int unknown;
  Text unknown_names[UNKNOWN];
  Text customer, event, producer;
  int64_t word;
  double limited;
  const double *limits;
} Record;

/* xxh3_64 of 9 to 240 bytes, as the package xxhash gives it */

static const uint8_t SECRET[144] = {
    0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c, 0xde, 0xd4,
    0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f, 0xcb, 0x79, 0xe6, 0x4e,
    0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21, 0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43,
    0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c, 0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb,
    0x88, 0xd0, 0x65, 0x8b, 0x1b, 0x53, 0x2e, 0xa3, 0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19,
    0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8, 0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7,
    0xc7, 0x0b, 0x4f, 0x1d, 0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78,
    0x73, 0x64, 0xea, 0xc5, 0xac, 0x83, 0x34, 0xd3, 0xeb, 0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb};

static uint64_t mixed(const uint8_t *at, const uint8_t *secret) {
  return folded(load(at) ^ load(secret), load(at + 8) ^ load(secret + 8));
}

static uint64_t avalanche(uint64_t hash) {
  hash = (hash ^ hash >> 37) * 0x165667919E3779F9ull;
  return hash ^ hash >> 32;
}

static uint64_t xxh3(const uint8_t *at, int64_t n) {
  uint64_t hash = (uint64_t)n * 0x9E3779B185EBCA87ull;
  if (n <= 16) {
    uint64_t low = load(at) ^ load(SECRET + 24) ^ load(SECRET + 32);
    uint64_t high = load(at + n - 8) ^ load(SECRET + 40) ^ load(SECRET + 48);
    return avalanche((uint64_t)n + __builtin_bswap64(low) + high + folded(low, high));
  }
  if (n <= 128) {
    for (int64_t i = (n - 1) / 32; i >= 0; i--)
      hash += mixed(at + 16 * i, SECRET + 32 * i) + mixed(at + n - 16 * (i + 1), SECRET + 32 * i + 16);
    return avalanche(hash);
  }
  for (int64_t i = 0; i < 8; i++) hash += mixed(at + 16 * i, SECRET + 16 * i);
  hash = avalanche(hash);
  for (int64_t i = 8; i < n / 16; i++) hash += mixed(at + 16 * i, SECRET + 16 * (i - 8) + 3);
  return avalanche(hash + mixed(at + n - 16, SECRET + 119));
}

/* JSON */

static int peek(const Cursor *c) { return c->at < c->end ? *c->at : -1; }

static void skip_space(Cursor *c) {
  for (int x = peek(c); x == ' ' || x == '\n' || x == '\r' || x == '\t'; x = peek(c)) c->at++;
}

static int take(Cursor *c, int wanted) {
  if (peek(c) != wanted) return 0;
  c->at++;
  return 1;
}

static int take_name(Cursor *c, const char *name, int64_t size) {
  if (c->end - c->at < size || memcmp(c->at, name, (size_t)size)) return 0;
  c->at += size;
  return 1;
}

static int64_t place_of(Text text, const Text *words, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    if (equal(text, words[i])) return i;
  return -1;
}

/* Moves behind the ASCII characters of a text that need no second look, eight at a time. */
static void skip_plain(Cursor *c) {
  const uint64_t ones = 0x0101010101010101ull, tops = 0x8080808080808080ull;
  for (; c->end - c->at >= 8; c->at += 8) {
    uint64_t x = load(c->at), quote = x ^ ones * '"', escape = x ^ ones * '\\', erased = x ^ ones * 0x7f;
    uint64_t stops = (quote - ones) & ~quote;
    stops |= ((escape - ones) & ~escape) | ((erased - ones) & ~erased) | (x - ones * 0x20) | x;
    if (stops & tops) return; /* the last bytes are looked at one by one */
  }
}

static int is_printable(uint32_t code, const uint8_t *bits) { return bits[code >> 3] >> (code & 7) & 1; }

/* Returns the bytes of a character of two or three bytes that is printable, else 0. */
static int64_t printable(const Cursor *c, const uint8_t *bits) {
  const uint8_t *at = c->at;
  int64_t left = c->end - at;
  uint32_t code;
  if (left >= 2 && at[0] >= 0xc2 && at[0] < 0xe0 && (at[1] & 0xc0) == 0x80)
    return is_printable((at[0] & 0x1fu) << 6 | (at[1] & 0x3fu), bits) ? 2 : 0;
  if (left < 3 || (at[0] & 0xf0) != 0xe0 || (at[1] & 0xc0) != 0x80 || (at[2] & 0xc0) != 0x80) return 0;
  code = (at[0] & 0x0fu) << 12 | (at[1] & 0x3fu) << 6 | (at[2] & 0x3fu);
  return code >= 0x800 && is_printable(code, bits) ? 3 : 0;
}

/* Reads an escape -> its character, 0: it is doubtful. */
static uint32_t take_escape(Cursor *c) {
  uint32_t code = 0;
  if (!take(c, '\\')) return 0;
  int x = peek(c);
  c->at += x >= 0;
  if (x == '"' || x == '\\' || x == '/') return (uint32_t)x;
  if (x != 'u' || c->end - c->at < 4) return 0;
  for (int i = 0; i < 4; i++, c->at++) {
    uint32_t digit = *c->at, letter = digit | 0x20;
    if (digit >= '0' && digit <= '9')
      code = code << 4 | (digit - '0');
    else if (letter >= 'a' && letter <= 'f')
      code = code << 4 | (letter - 'a' + 10);
    else
      return 0;
  }
  return code;
}

static int64_t utf8(uint32_t code, uint8_t *out) {
  if (code < 0x80) {
    out[0] = (uint8_t)code;
    return 1;
  }
  int64_t size = code < 0x800 ? 2 : 3;
  out[0] = (uint8_t)(size == 2 ? 0xc0 | code >> 6 : 0xe0 | code >> 12);
  if (size == 3) out[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
  out[size - 1] = (uint8_t)(0x80 | (code & 0x3f));
  return size;
}

/* Reads the rest of a text whose first `size` bytes are without escapes, and writes it without them. characters: those
   that were read already. */
static int64_t take_escaped(Cursor *c, const uint8_t *bits, const uint8_t *first, int64_t characters, Text *text) {
  uint8_t *out = c->spare;
  if (!out || c->spare_end - out < c->at - first) return -1;
  memcpy(out, first, (size_t)(c->at - first));
  out += c->at - first;
  for (;; characters++) {
    int x = peek(c);
    if (x == '"') break;
    if (c->spare_end - out < 3 || x < 0x20 || x == 0x7f) return -1;
    if (x == '\\') {
      uint32_t code = take_escape(c);
      if (!code || !is_printable(code, bits)) return -1;
      out += utf8(code, out);
      continue;
    }
    int64_t size = x < 0x80 ? 1 : printable(c, bits);
    if (!size) return -1;
    memcpy(out, c->at, (size_t)size);
    out += size;
    c->at += size;
  }
  *text = (Text){c->spare, out - c->spare};
  c->spare = out;
  c->at++;
  return characters;
}

/* Reads a text of printable characters -> how many it has, -1: there is none. */
static int64_t take_text(Cursor *c, const uint8_t *bits, Text *text) {
  if (!take(c, '"')) return -1;
  const uint8_t *first = c->at;
  int64_t following = 0; /* bytes of characters behind their first one */
  for (skip_plain(c);;) {
    int x = peek(c);
    if (x == '"') break;
    if (x == '\\') return take_escaped(c, bits, first, c->at - first - following, text);
    if (x < 0x20 || x == 0x7f) return -1;
    int64_t size = x < 0x80 ? 1 : printable(c, bits);
    if (!size) return -1;
    c->at += size;
    following += size - 1;
  }
  *text = (Text){first, c->at - first};
  c->at++;
  return text->size - following;
}

/* Reads a number without sign and exponent. At most 15 digits: a whole number over a power of ten, both exact, is
   rounded once, so it is what a parser gives. */
static int take_number(Cursor *c, double *value) {
  static const double tens[DIGITS + 1] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                          1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  const uint8_t *first = c->at;
  uint64_t digits = 0;
  int64_t whole, fraction = 0;
  for (int x = peek(c); x >= '0' && x <= '9'; c->at++, x = peek(c)) digits = digits * 10 + (uint64_t)(x - '0');
  whole = c->at - first;
  if (!whole || (whole > 1 && *first == '0')) return 0;
  if (take(c, '.')) {
    first = c->at;
    for (int x = peek(c); x >= '0' && x <= '9'; c->at++, x = peek(c)) digits = digits * 10 + (uint64_t)(x - '0');
    fraction = c->at - first;
    if (!fraction) return 0;
  }
  if (whole + fraction > DIGITS) return 0;
  *value = (double)digits / tens[fraction];
  return 1;
}

/* Skips a value of a field that is not known; nested ones are doubtful. */
static int skip_value(Cursor *c, const uint8_t *bits) {
  Text text;
  double number;
  int x = peek(c);
  if (x == '"') return take_text(c, bits, &text) >= 0;
  if (x == 'n') return take_name(c, "null", 4);
  if (x == 't') return take_name(c, "true", 4);
  if (x == 'f') return take_name(c, "false", 5);
  take(c, '-');
  return take_number(c, &number);
}

/* Instants: RFC 3339 from 1970 on, as schemas.rfc3339 */

static int64_t two_digits(const uint8_t *at) {
  int a = at[0] - '0', b = at[1] - '0';
  return a < 0 || a > 9 || b < 0 || b > 9 ? -1 : a * 10 + b;
}

static int64_t days_since_1970(int64_t year, int64_t month, int64_t day) {
  year -= month <= 2; /* years begin in March */
  int64_t era = year / 400, of_era = year % 400, of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* -> microseconds since 1970; -1: doubtful. */
static int64_t instant(Text text) {
  static const uint8_t lengths[13] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const uint8_t *b = text.bytes, *end = b + text.size;
  if (text.size < 20 || text.size > 32) return -1;
  if (b[4] != '-' || b[7] != '-' || b[10] != 'T' || b[13] != ':' || b[16] != ':') return -1;
  int64_t century = two_digits(b), year = two_digits(b + 2), month = two_digits(b + 5), day = two_digits(b + 8);
  int64_t hour = two_digits(b + 11), minute = two_digits(b + 14), second = two_digits(b + 17), micros = 0, offset = 0;
  if ((century | year | month | day | hour | minute | second) < 0) return -1;
  year += century * 100;
  if (year < 1970 || month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59) return -1;
  int leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  if (day < 1 || day > lengths[month] - (month == 2 && !leap)) return -1;
  b += 19;
  if (*b == '.') {
    int digits = 0;
    for (b++; b < end && *b >= '0' && *b <= '9' && digits < 7; b++, digits++) micros = micros * 10 + (*b - '0');
    if (digits < 1 || digits > 6) return -1;
    for (; digits < 6; digits++) micros *= 10;
  }
  if (end - b == 6 && (*b == '+' || *b == '-') && b[3] == ':') {
    int64_t hours = two_digits(b + 1), minutes = two_digits(b + 4);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return -1;
    offset = (hours * 60 + minutes) * (*b == '-' ? -1 : 1);
  } else if (end - b != 1 || *b != 'Z')
    return -1;
  return (((days_since_1970(year, month, day) * 24 + hour) * 60 + minute - offset) * 60 + second) * 1000000 + micros;
}

/* Fields */

static int take_words(Cursor *c, const Kind *kind, const Field *field, uint8_t *row) {
  uint8_t bits = 0;
  Text text;
  if (!take(c, '[')) return 0;
  skip_space(c);
  if (take(c, ']')) return 1;
  for (int32_t items = 1; items <= field->longest; items++) {
    if (take_text(c, kind->printable, &text) < 0) return 0;
    int64_t word = place_of(text, field->words, field->n_words);
    if (word < 0) return 0;
    bits |= (uint8_t)(1u << word);
    skip_space(c);
    if (take(c, ']')) {
      row[field->place] = bits;
      return 1;
    }
    if (!take(c, ',')) return 0;
    skip_space(c);
  }
  return 0;
}

static int keep_text(const Field *field, Text text, int64_t latest_us, Record *record, uint8_t *row) {
  int64_t number;
  switch (field->type) {
    case TEXT: return 1;
    case CUSTOMER: record->customer = text; return 1;
    case EVENT_ID: record->event = text; return 1;
    case PRODUCER: record->producer = text; return 1;
    case INSTANT:
      number = instant(text);
      memcpy(row + field->place, &number, sizeof number);
      return number >= 0 && number <= latest_us;
    case WORD:
      number = place_of(text, field->words, field->n_words);
      if (number < 0 && field->other < 0) return 0;
      if (field->place < 0) return 1;
      record->word = number < 0 ? field->other : number;
      row[field->place] = (uint8_t)record->word;
      return 1;
    default: return 0;
  }
}

static int take_value(Cursor *c, const Kind *kind, const Field *field, int64_t latest_us, Record *record, uint8_t *row) {
  double number;
  Text text;
  int x = peek(c);
  if (x == 'n') return !field->required && field->type != CAREFUL && take_name(c, "null", 4);
  if (x == '"') {
    int64_t characters = take_text(c, kind->printable, &text);
    return characters > 0 && characters <= field->longest && keep_text(field, text, latest_us, record, row);
  }
  switch (field->type) {
    case ONE: return take(c, '1');
    case WORDS: return take_words(c, kind, field, row);
    case NUMBER:
      if (!take_number(c, &number) || number < field->least || number > field->most) return 0;
      if (field->whole && number != trunc(number)) return 0;
      if (field->most_by_word) record->limited = number, record->limits = field->most_by_word;
      memcpy(row + field->place, &number, sizeof number);
      return 1;
    default: return 0;
  }
}

/* Reads a name -> its field, n_fields: it is not known, -1: doubtful. guess: the field that stood here before. */
static int64_t take_field(Cursor *c, const Kind *kind, uint8_t *guess, Record *record) {
  Text name;
  if (*guess < kind->n_fields) {
    Text known = kind->fields[*guess].name;
    if (c->end - c->at > known.size + 1 && *c->at == '"' && c->at[known.size + 1] == '"' &&
        !memcmp(c->at + 1, known.bytes, (size_t)known.size)) {
      c->at += known.size + 2;
      return *guess;
    }
  }
  uint8_t *spare = c->spare;
  c->spare = NULL; /* a name with escapes could be sent twice unseen */
  int64_t characters = take_text(c, kind->printable, &name);
  c->spare = spare;
  if (characters < 0) return -1;
  for (int64_t i = 0; i < kind->n_fields; i++)
    if (equal(name, kind->fields[i].name)) return *guess = (uint8_t)i;
  if (record->unknown == UNKNOWN || place_of(name, record->unknown_names, record->unknown) >= 0) return -1;
  record->unknown_names[record->unknown++] = name;
  return kind->n_fields;
}

static int take_fields(Cursor *c, const Kind *kind, int64_t latest_us, uint8_t *guesses, Record *record, uint8_t *row) {
  for (int nth = 0; nth < FIELDS; nth++) {
    skip_space(c);
    int64_t i = take_field(c, kind, guesses + nth, record);
    if (i < 0) return 0;
    skip_space(c);
    if (!take(c, ':')) return 0;
    skip_space(c);
    if (i == kind->n_fields) {
      if (!skip_value(c, kind->printable)) return 0;
    } else {
      if (record->seen >> i & 1 || !take_value(c, kind, kind->fields + i, latest_us, record, row)) return 0;
      record->seen |= 1u << i;
    }
    skip_space(c);
    if (take(c, '}')) return 1;
    if (!take(c, ',')) return 0;
  }
  return 0;
}

/* Writes the id by which duplicates are found; 0: it is of a text that is too long. */
static int identify(const Kind *kind, const Record *record, uint8_t *row) {
  uint8_t text[LONGEST_IDENTITY];
  const Text parts[3] = {kind->name, record->customer, record->event};
  int64_t n = kind->name.size + record->customer.size + record->event.size + 2, at = 0;
  if (n < 9 || n > LONGEST_IDENTITY) return 0;
  for (int i = 0; i < 3; i++) {
    if (i) text[at++] = 0;
    memcpy(text + at, parts[i].bytes, (size_t)parts[i].size);
    at += parts[i].size;
  }
  uint64_t id = xxh3(text, n);
  memcpy(row + kind->id_place, &id, sizeof id);
  return 1;
}

static int take_record(Cursor c, const Kind *kind, int64_t latest_us, uint8_t *guesses, Record *record, uint8_t *row) {
  memcpy(row, kind->empty, (size_t)kind->row_bytes);
  skip_space(&c);
  if (c.end - c.at > kind->most_bytes || !take(&c, '{')) return 0;
  if (!take_fields(&c, kind, latest_us, guesses, record, row)) return 0;
  skip_space(&c);
  if (c.at != c.end) return 0;
  for (int64_t i = 0; i < kind->n_fields; i++)
    if (kind->fields[i].required && !(record->seen >> i & 1)) return 0;
  return !(record->limits && record->limited > record->limits[record->word]) && identify(kind, record, row);
}

/* The producers of a batch, one after another in `names` with a zero byte behind each, and where they begin. */
typedef struct { uint8_t *names; int64_t room, n, last, begins[PRODUCERS + 1]; int16_t table[PLACES]; } Producers;

static int is_producer(const Producers *known, int64_t i, Text name) {
  return equal((Text){known->names + known->begins[i], known->begins[i + 1] - known->begins[i] - 1}, name);
}

/* -> its number; -1: there are too many. */
static int64_t number_of(Producers *known, Text name) {
  if (known->n && is_producer(known, known->last, name)) return known->last;
  uint64_t hash = 0xcbf29ce484222325ull;
  for (int64_t i = 0; i < name.size; i++) hash = (hash ^ name.bytes[i]) * 0x100000001b3ull;
  uint64_t place = hash % PLACES;
  for (; known->table[place]; place = (place + 1) % PLACES)
    if (is_producer(known, known->table[place] - 1, name)) return known->last = known->table[place] - 1;
  int64_t begin = known->begins[known->n];
  if (known->n == PRODUCERS || known->room - begin <= name.size) return -1;
  memcpy(known->names + begin, name.bytes, (size_t)name.size);
  known->names[begin + name.size] = 0;
  known->last = known->n++;
  known->begins[known->n] = begin + name.size + 1;
  known->table[place] = (int16_t)known->n;
  return known->last;
}

/* values and keys: of n records; keys may be NULL. Writes n verdicts and, for the good ones alone, one after another:
   rows, customers with the place where each ends, the number of the producer. names: `room` bytes for the producers, with
   a zero byte behind each. used: bytes of names. -> the number of good ones. */
int64_t plain_records(const Kind *kind, const Texts *values, int64_t n, const Texts *keys, int64_t latest_us,
                      uint8_t *rows, uint8_t *verdicts, uint8_t *customers, int64_t *ends, uint16_t *producers,
                      uint8_t *names, int64_t room, int64_t *used) {
  Producers known = {.names = names, .room = room};
  uint8_t guesses[FIELDS], spare[ESCAPED];
  int64_t good = 0, written = 0, producer;
  memset(guesses, 0xff, sizeof guesses);
  for (int64_t i = 0; i < n; i++) {
    Record record = {0};
    uint8_t *row = rows + good * kind->row_bytes;
    verdicts[i] = DOUBTFUL;
    if (values->begins[i] < 0) continue;
    Cursor cursor = {values->bytes + values->begins[i], values->bytes + values->ends[i], spare, spare + ESCAPED};
    if (!take_record(cursor, kind, latest_us, guesses, &record, row)) continue;
    if (keys && !equal(text_at(keys, i), record.customer)) continue;
    if ((producer = number_of(&known, record.producer)) < 0) continue;
    verdicts[i] = record.unknown ? WITH_UNKNOWN_FIELD : GOOD;
    memcpy(customers + written, record.customer.bytes, (size_t)record.customer.size);
    ends[good] = written += record.customer.size;
    producers[good++] = (uint16_t)producer;
  }
  *used = known.begins[known.n];
  return good;
}
