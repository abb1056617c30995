/* Records of Kafka's batches of format 2, where they lie (streams.kafka.records_in_place). Only what is plainly a record
   is read: for all else the answer is -1, and aiokafka reads the batch. */
#include <stdint.h>

typedef struct { const uint8_t *at, *end; int failed; } Reader;

/* A zigzag number of at most 64 bits. */
static int64_t number(Reader *reader) {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (reader->at >= reader->end) break;
    uint8_t byte = *reader->at++;
    value |= (uint64_t)(byte & 0x7f) << shift;
    if (!(byte & 0x80)) return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
  }
  reader->failed = 1;
  return 0;
}

/* Passes a text with its size before it. Returns its size, -1 for null. */
static int64_t text(Reader *reader) {
  int64_t size = number(reader);
  if (size < -1 || size > reader->end - reader->at) reader->failed = 1;
  if (reader->failed) return -1;
  if (size > 0) reader->at += size;
  return size;
}

/* Names of headers have to be ASCII: aiokafka decodes them, and refuses what is not UTF-8. */
static void pass_headers(Reader *reader) {
  int64_t n = number(reader);
  if (n < 0) reader->failed = 1;
  for (; n > 0 && !reader->failed; n--) {
    int64_t size = text(reader);
    if (size < 0) reader->failed = 1;
    for (int64_t i = 1; i <= size; i++)
      if (reader->at[-i] & 0x80) reader->failed = 1;
    text(reader);
  }
}

/* batches: (n, 5): where its records begin and end in `bytes`, how many there are, offset and timestamp of the first.
   out: (6, room): offset, timestamp, begin and end of the key and of the value; begin -1: null. Returns the number of
   records, -1 if something is not plainly right. */
int64_t read_records(const uint8_t *bytes, const int64_t *batches, int64_t n, int64_t room, int64_t *out) {
  int64_t found = 0;
  for (const int64_t *batch = batches; batch < batches + 5 * n; batch += 5) {
    Reader reader = {bytes + batch[0], bytes + batch[1], 0};
    for (int64_t left = batch[2]; left > 0; left--, found++) {
      int64_t size = number(&reader);
      const uint8_t *begin = reader.at;
      if (reader.failed || found >= room) return -1;
      number(&reader); /* attributes: none are in use */
      int64_t *row = out + found;
      row[room] = (int64_t)((uint64_t)batch[4] + (uint64_t)number(&reader));
      row[0] = (int64_t)((uint64_t)batch[3] + (uint64_t)number(&reader));
      for (int which = 1; which <= 2; which++) {
        int64_t length = text(&reader), end = reader.at - bytes;
        row[2 * which * room] = length < 0 ? -1 : end - length;
        row[(2 * which + 1) * room] = length < 0 ? -1 : end;
      }
      pass_headers(&reader);
      if (reader.failed || reader.at - begin != size) return -1;
    }
    if (reader.at != reader.end) return -1;
  }
  return found;
}
