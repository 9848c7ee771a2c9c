#ifndef IMAPD_SET_H
#define IMAPD_SET_H

/*
 * set - sequence sets (RFC 9051 section 9), and the messages they pick.
 *
 * Limits   SET_RANGES_MAX ranges.
 * Memory   set_free and picks_free, also of an object of zeros.
 */

#include "base/buf.h"
#include "imapd/partial.h"

struct folder;

enum {
	SET_RANGES_MAX = 1 << 17
};

struct set_range {
	uint32_t first; /* 0 is '*' */
	uint32_t last;
};

struct set {
	struct buf ranges; /* of struct set_range */
	bool is_saved;     /* "$", RFC 5182 */
};

bool set_parse(struct set *set, struct parse *parse);
size_t set_count(const struct set *set);
struct set_range set_range(const struct set *set, size_t i);
void set_all(struct set *set); /* "1:*" */
void set_add(struct set *set, uint32_t first, uint32_t last);
void set_free(struct set *set);

/* The same numbers, '*' being star: ranges that rise, and no two touch. */
struct set set_merged(const struct set *set, uint32_t star);

/* Indexes of a folder's view, rising. */
struct picks {
	struct buf indexes; /* of size_t */
};

struct picks picks_new(void);
void picks_add(struct picks *picks, size_t i);
size_t picks_count(const struct picks *picks);
const size_t *picks_items(const struct picks *picks);

/* Of RFC 9394's range the others are dropped; all stay if there is none. */
void picks_keep_partial(struct picks *picks, const struct partial *partial);
void picks_free(struct picks *picks);

/*
 * The messages of the view that a set names, by UID or by number.  False if
 * a number is none of the view's.
 */
bool set_pick(const struct set *set, const struct folder *folder, bool is_uid,
    struct picks *picks);

/* Append numbers (rising) as a set: "1:4,9". */
struct set_text {
	struct buf text;
	uint32_t first;
	uint32_t last;
};
struct set_text set_text_new(void);
void set_text_add(struct set_text *text, uint32_t number);
void set_text_add_range(struct set_text *text, uint32_t first, uint32_t last);

/* All of it; the text is freed with buf_free. */
struct buf set_text_end(struct set_text *text);

#endif
