#ifndef BASE_RECORD_H
#define BASE_RECORD_H

/*
 * record - a row of tagged values, the shape of every packet and envelope.
 *
 * Grammar  *( tag value NUL ), tag one byte, value any bytes but NUL.  It is
 *          qmail's envelope ("Fsender" NUL "Trcpt" NUL ...), used for all.
 * Memory   nothing is allocated when reading: values point into the input.
 */

#include "base/buf.h"

/* A value that holds a NUL is cut before it. */
void record_add(struct buf *buf, char tag, struct span value);
void record_add_string(struct buf *buf, char tag, const char *value);
void record_add_number(struct buf *buf, char tag, uint64_t value);

/*
 * Take the next record off *rest.  False at the end of *rest and, with *rest
 * left unchanged and not empty, at a record without its closing NUL.
 */
bool record_next(struct span *rest, char *tag, struct span *value);

/* The first value with that tag; false, and *value unchanged, if none. */
bool record_find(struct span records, char tag, struct span *value);

/* As record_find, a decimal number up to max; false also if it is none. */
bool record_find_number(
    struct span records, char tag, uint64_t max, uint64_t *value);

#endif
