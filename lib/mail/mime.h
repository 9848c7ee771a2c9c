#ifndef MAIL_MIME_H
#define MAIL_MIME_H

/*
 * mime - the parts of a message and where they lie: RFC 2045, 2046, 6532.
 *
 * Offsets  exact, in the file (raw) and as the wire counts (each bare LF is a
 *          CRLF there); a part ends before the line end that is its
 *          delimiter's.
 * Broken   a multipart without a boundary or without any delimiter is a leaf,
 *          shown as text; one without its closing delimiter ends with what
 *          holds it, and a delimiter with nothing behind it, not even an empty
 *          line, begins no part after another; bytes that are no header line
 * are passed over; what lies deeper than the limits is part of the leaf around
 * it. Limits   MIME_DEPTH_MAX levels, MIME_PARTS_MAX parts, the first
 *          MIME_HEADER_MAX bytes of a header are looked at.
 * Memory   one header, the start of a line, and a record for each part; it does
 *          not grow with the bodies.
 */

#include "base/buf.h"

enum {
	MIME_DEPTH_MAX = 100,
	MIME_PARTS_MAX = 5000,
	MIME_HEADER_MAX = 256 << 10,
	MIME_BOUNDARY_MAX = 200, /* RFC 2046 has 70; mail has more */
	MIME_LINE_KEPT = 512     /* of which a delimiter is told */
};

#define MIME_NONE UINT32_MAX

struct mime_point {
	uint64_t raw;
	uint64_t wire;
	uint64_t lines; /* line ends before it */
};

enum mime_kind {
	MIME_LEAF,
	MIME_MULTIPART, /* its children are its parts */
	MIME_MESSAGE    /* its only child is the message in it */
};

struct mime_part {
	enum mime_kind kind;
	uint32_t parent;
	uint32_t child; /* the first; MIME_NONE */
	uint32_t next;
	struct mime_point header; /* where it begins */
	struct mime_point body;
	struct mime_point end;
	bool is_text;      /* text/..., or meant as such */
	bool is_in_digest; /* its default type is message/rfc822 */
};

struct mime_level; /* an open part */

struct mime {
	struct mime_part *parts; /* the first is the message */
	uint32_t count;
	struct mime_point at;
	/* Called with each header, lines ended by LF; may be NULL. */
	void (*take_header)(void *context, uint32_t part, struct span header);
	void *context;

	uint32_t room;
	struct mime_level *levels;
	size_t depth;
	bool in_header;
	struct mime_point line;       /* where the line begins */
	struct mime_point before_end; /* of the last line: before its end */
	uint64_t line_len;            /* so far */
	bool has_cr;                  /* it ends so far with a CR */
	struct buf header;
	struct buf kept;
};

void mime_init(struct mime *mime,
    void (*take_header)(void *context, uint32_t part, struct span header),
    void *context);
void mime_add(struct mime *mime, struct span bytes);
void mime_finish(struct mime *mime);
void mime_free(struct mime *mime);

/*
 * The part that a section number names (RFC 9051 section 6.4.5.1): { 1, 2 }
 * for 1.2, none for the message.  MIME_NONE if there is none.
 */
uint32_t mime_find(
    const struct mime *mime, const uint32_t *path, size_t path_len);

#endif
