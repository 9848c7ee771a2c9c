#ifndef LOCAL_SIEVE_INPUT_H
#define LOCAL_SIEVE_INPUT_H

/*
 * sieve_input - a client's commands of ManageSieve, RFC 5804 section 4: a name,
 * and strings and numbers behind it.
 *
 * Grammar  strictly, but for a line that ends with LF alone.  A string is
 *          quoted, or a literal {N+} behind a line's end; it is UTF-8 without
 *          NUL.
 * Limits   SIEVE_QUOTED_MAX octets between quotes, SIEVE_ARGUMENTS_MAX
 *          arguments, SIEVE_LITERALS_MAX literals, literal_max octets of one.
 *          A longer literal is read to its end and forgotten, up to skip_max.
 * Memory   arguments are valid until the next read, or sieve_input_wipe.
 * Secrets  sieve_input_wipe, after each command.
 */

#include "base/io.h"

enum {
	SIEVE_LINE_MAX = 16384,
	SIEVE_VERB_MAX = 32,
	SIEVE_QUOTED_MAX = 1024,
	SIEVE_ARGUMENTS_MAX = 2,
	SIEVE_LITERALS_MAX = 8
};

enum sieve_input_status {
	SIEVE_INPUT_OK,
	SIEVE_INPUT_WRONG,     /* see wrong; it was read to its end */
	SIEVE_INPUT_TOO_LARGE, /* a literal; it was read to its end */
	SIEVE_INPUT_LOST,      /* nobody knows where it ends */
	SIEVE_INPUT_CLOSED     /* see in->status */
};

struct sieve_argument {
	bool is_number;
	uint32_t number;
	struct span text;
	size_t start; /* of text, in strings */
};

struct sieve_input {
	struct reader *in;
	uint64_t literal_max;
	uint64_t skip_max;
	struct buf line;
	struct buf strings;            /* what all arguments say */
	char verb[SIEVE_VERB_MAX + 1]; /* in capitals */
	struct sieve_argument arguments[SIEVE_ARGUMENTS_MAX];
	size_t count;
	const char *wrong; /* for the client */
	enum sieve_input_status status;
};

void sieve_input_init(struct sieve_input *input, struct reader *in,
    uint64_t literal_max, uint64_t skip_max);

/* Read a command: verb, arguments and count. */
enum sieve_input_status sieve_input_read(struct sieve_input *input);

/* Read one string on a line of its own: arguments[0]; section 2.1. */
enum sieve_input_status sieve_input_read_string(struct sieve_input *input);

/* Overwrite all that was read and consumed. */
void sieve_input_wipe(struct sieve_input *input);
void sieve_input_free(struct sieve_input *input);

#endif
