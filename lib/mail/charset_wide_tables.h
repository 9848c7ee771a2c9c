#ifndef MAIL_CHARSET_WIDE_TABLES_H
#define MAIL_CHARSET_WIDE_TABLES_H

/*
 * charset_wide_tables - characters of two bytes, made while it is built by
 * charset_wide_tables.py: constant, so that processes share their pages, and
 * one that needs none has none.  0: no character.  A row has CHARSET_TRAILS
 * characters, of the second bytes 0x40 to 0xfe.
 */

#include <stddef.h>
#include <stdint.h>

enum {
	CHARSET_TRAIL_FIRST = 0x40,
	CHARSET_TRAILS = 0xff - CHARSET_TRAIL_FIRST
};

/* Rows of the first bytes 0x81 to 0x9f and 0xe0 to 0xfc. */
extern const uint16_t charset_shift_jis[];

/* Rows of the first bytes 0x81 to 0xfe. */
extern const uint16_t charset_korean[];
extern const uint16_t charset_gb18030[];
extern const uint16_t charset_big5[];
extern const uint8_t charset_big5_planes[]; /* bit: it is in plane 2 */

/* 94 rows of 94. */
extern const uint16_t charset_jis_x_0212[];

/* GB18030's four bytes, counted: where a run of characters begins, and which
 * is its first; twice charset_gb18030_run_count numbers. */
extern const uint16_t charset_gb18030_runs[];
extern const size_t charset_gb18030_run_count;

#endif
