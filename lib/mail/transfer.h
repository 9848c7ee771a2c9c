#ifndef MAIL_TRANSFER_H
#define MAIL_TRANSFER_H

/*
 * transfer - a message for a place that carries less: its parts are given
 * another Content-Transfer-Encoding (RFC 2045 section 6) as it passes.
 *
 *   TRANSFER_FROM_BINARY  a BODY=BINARYMIME message (RFC 3030) becomes lines:
 *                         parts that say "binary" become base64
 *   TRANSFER_TO_7BIT      a message with bytes beyond ASCII becomes 7 bits
 *                         (RFC 6152 section 3): such parts become
 *                         quoted-printable; one without MIME is text of an
 *                         unknown character set (RFC 1428)
 *
 * What is signed or encrypted as it stands (RFC 1847) is never changed.
 *
 * Limits  TRANSFER_DEPTH_MAX multiparts in each other, TRANSFER_HEADER_MAX
 *         bytes a header, TRANSFER_LINE_MAX a line that is not binary.
 * Memory  one header, one piece; it does not grow with the message.
 */

#include "mail/encoder.h"

enum {
	TRANSFER_DEPTH_MAX = 32,
	TRANSFER_BOUNDARY_MAX = 70, /* RFC 2046 section 5.1.1 */
	TRANSFER_HEADER_MAX = 256 << 10,
	TRANSFER_LINE_MAX = 65536,
	TRANSFER_PIECE = 1024 /* no line that means something is longer */
};

enum transfer_goal {
	TRANSFER_FROM_BINARY,
	TRANSFER_TO_7BIT
};

/* What ends the piece: nothing yet, or the end of its line. */
enum transfer_end {
	TRANSFER_OPEN,
	TRANSFER_LF,
	TRANSFER_CRLF
};

enum transfer_status {
	TRANSFER_OK,
	TRANSFER_UNCLEAN,   /* bare CR, LF or NUL, or a line too long, outside
			       of what is declared binary */
	TRANSFER_HEADER,    /* a header with bytes beyond ASCII, or too big */
	TRANSFER_IMPOSSIBLE /* what would have to change may not */
};

struct transfer_level {
	char boundary[TRANSFER_BOUNDARY_MAX];
	size_t len;
	bool is_protected; /* signed or encrypted */
};

struct transfer {
	enum transfer_goal goal;
	enum transfer_status status; /* the first trouble; sticky */
	void (*write)(void *context, struct span bytes);
	void *context;

	bool has_wide_header; /* some header has bytes beyond ASCII */
	bool in_header;
	bool is_message; /* the header is a message's, not a part's */
	enum {
		TRANSFER_AS_IT_IS,
		TRANSFER_QUOTED,
		TRANSFER_BASE64
	} encoding; /* of the body being read */
	struct transfer_level levels[TRANSFER_DEPTH_MAX];
	size_t depth;
	size_t line_len;       /* bytes of the line so far */
	bool is_after_bare_lf; /* no delimiter can begin here */
	bool owes_newline;     /* base64: the last CRLF may be a delimiter's */
	struct buf header;
	struct buf out;
	struct encoder encoder;
};

/* write gets the new message in pieces, its lines ended by LF. */
void transfer_init(struct transfer *transfer, enum transfer_goal goal,
    void (*write)(void *context, struct span bytes), void *context);

/*
 * A line, or a part of one that is longer than TRANSFER_PIECE; without its
 * line end.
 */
void transfer_add(
    struct transfer *transfer, struct span piece, enum transfer_end end);

/*
 * The message ends here, after last, which had no line end.  What was written
 * is of no use unless TRANSFER_OK.
 */
enum transfer_status transfer_finish(
    struct transfer *transfer, struct span last);
void transfer_free(struct transfer *transfer);

#endif
