#ifndef IMAPD_INPUT_H
#define IMAPD_INPUT_H

/*
 * input - whole commands off the wire, with their literals.
 *
 * Limits   max bytes a command, control/imapdmaxcommand; a literal that would
 *          pass it is refused with NO or BAD (RFC 7888 section 4) and never
 *          asked for.
 * Secrets  input_wipe after each command.
 */

#include "base/io.h"
#include "imapd/parse.h"

struct input {
	struct reader *in;
	struct writer *out;
	struct buf line; /* the last line read */
	struct buf command;
	size_t max;
	bool is_relayed; /* every literal comes without being asked for */
};

void input_init(
    struct input *input, struct reader *in, struct writer *out, size_t max);

enum input_status {
	INPUT_OK,
	INPUT_STREAM,   /* a literal that the caller reads itself */
	INPUT_TOO_LONG, /* what is left of the command has its tag */
	INPUT_BROKEN,   /* what follows cannot be told from a literal's bytes */
	INPUT_CLOSED    /* see in->status */
};

/*
 * Read one more line, without its CRLF, onto the end of the command, and the
 * literals it has; is_streamed, which may be NULL, is asked with the command so
 * far whether the caller reads the literal itself: then *literal tells of it.
 */
enum input_status input_read(struct input *input,
    bool (*is_streamed)(struct span so_far), struct literal *literal);

/* Ask for a literal, if the client waits for that. */
void input_ask(struct input *input, const struct literal *literal);

/* Forget the command, its bytes and its memory. */
void input_wipe(struct input *input);

#endif
