#ifndef BASE_SPAN_H
#define BASE_SPAN_H

/*
 * span - a borrowed run of bytes: it may hold NUL, it owns nothing.
 *
 * A span is valid as long as the memory it points into is; functions that
 * return one say whose memory that is.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
	const char *ptr;
	size_t len;
};

/* Wrap a string literal or another NUL-terminated string. */
struct span span_of(const char *string);

/* The len bytes of s from start; both are cut to what s has. */
struct span span_slice(struct span s, size_t start, size_t len);

bool span_equal(struct span a, struct span b);

/* As span_equal, but ASCII letters match in either case. */
bool span_equal_nocase(struct span a, struct span b);

/* Is it one of count names, in either case? */
bool span_is_one_of(struct span s, const char *const *names, size_t count);

/* Is it one of lines, each of which is ended by LF? */
bool span_has_line(struct span lines, struct span line);

/* As memcmp; a run that the other begins with comes first. */
int span_compare(struct span a, struct span b);

/* Does s begin with prefix? */
bool span_starts(struct span s, struct span prefix);
bool span_starts_nocase(struct span s, struct span prefix);

/* Index of the first (last) c in s, or s.len if there is none. */
size_t span_index(struct span s, char c);
size_t span_last_index(struct span s, char c);

/* How many c are in s. */
size_t span_count(struct span s, char c);

/* s without spaces, tabs, CR and LF at both ends. */
struct span span_trim(struct span s);

/*
 * Cut the bytes before the first separator off *rest and return them; the
 * separator is dropped.  Without one, all of *rest is returned and *rest is
 * left empty.
 */
struct span span_cut(struct span *rest, char separator);

/* Cut the next word off *rest, with the spaces and tabs around it. */
struct span span_cut_word(struct span *rest);

/*
 * Read all of s as an unsigned number in base 10 or 16, no sign, no space.
 * False, and *value unchanged, if s is no such number or exceeds max.
 */
bool span_number(struct span s, int base, uint64_t max, uint64_t *value);

/* The same backwards, in base 10: the number's digits, in what digits has. */
enum {
	SPAN_DIGITS_MAX = 20
};
struct span span_digits(uint64_t number, char digits[SPAN_DIGITS_MAX]);

/* Is there no byte above 0x7f? */
bool span_is_ascii(struct span s);

/* c as its lower-case letter, ASCII only. */
char ascii_lower(char c);
bool ascii_is_letter(char c);
bool ascii_is_alnum(char c);

#endif
