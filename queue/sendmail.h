#ifndef QUEUE_SENDMAIL_H
#define QUEUE_SENDMAIL_H

/*
 * sendmail - what the parts of the sendmail command share: its options and
 * the message it prepares.
 */

#include "base/buf.h"

struct options {
	char mode;            /* of -b: m, s, p, i, v, t, h, H, d, l; q */
	bool is_dot_data;     /* -i: a lone dot is text */
	bool takes_header;    /* -t */
	bool is_8bit;         /* -B8BITMIME */
	const char *sender;   /* -f, -r; NULL: the caller */
	const char *name;     /* -F, NAME; NULL: the caller's */
	char notify[5];       /* -N, letters as in envelope(5) */
	const char *ret;      /* -R, "F" or "H"; NULL: none */
	const char *envid;    /* -V */
	const char *verp;     /* -XV, its delimiters; NULL: none */
	const char *argument; /* of -q or -oA */
	char queue_key;       /* of -qI, -qR, -qS */
	char **recipients;
};

enum {
	HEADER_MAX = 1 << 20,
	RECIPIENTS_MAX = 50000
};

/* Read the command line; ends the program if it makes no sense. */
void options_parse(struct options *options, int argc, char **argv);

/*
 * Read the message on standard input, complete its header (From, Date,
 * Message-ID; Bcc is dropped), and hand it to a queue-inject.  Exit code.
 */
int submit_message(const struct options *options);

#endif
