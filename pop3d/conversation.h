#ifndef POP3D_CONVERSATION_H
#define POP3D_CONVERSATION_H

/*
 * conversation - command lines in, replies out, before and after the log-in.
 *
 * Limits   COMMAND_MAX bytes a line (RFC 2449 section 4 has 255); a line may
 *          end with CRLF or LF.  After errors_max errors it is over.
 * Secrets  the bytes of each line are wiped once it is handled.
 */

#include "base/io.h"
#include "mail/language.h"

enum {
	COMMAND_MAX = 1024
};

struct conversation {
	struct reader in;
	struct writer out;
	struct buf line;
	uint64_t errors;
	uint64_t errors_max;
	enum language language; /* of all replies */
	bool is_utf8;           /* UTF8, RFC 6856 section 2.1 */
	bool is_done;           /* set by a handler: no further line is read */
	void *context;
};

struct command {
	const char *verb;
	void (*handle)(struct conversation *talk, struct span argument);
	bool has_argument; /* at least one; none is allowed if false */
	bool is_optional;  /* it may be missing */
};

void conversation_open(
    struct conversation *talk, int in, int out, uint64_t timeout_s);

/* One line, with CRLF; "+OK text" and "-ERR text" in the client's language. */
void conversation_reply(struct conversation *talk, const char *text);

/* A line that counts as an error. */
void conversation_refuse(struct conversation *talk, const char *text);

/* LANG, RFC 6856 section 3. */
void conversation_handle_lang(struct conversation *talk, struct span argument);

/* Lines up to a NULL. */
void conversation_reply_lines(
    struct conversation *talk, const char *const *lines);

/*
 * Read and handle lines until a handler says it is done, the client is gone,
 * too slow, or wrong too often.
 */
enum io_status conversation_run(
    struct conversation *talk, const struct command *commands, size_t count);

/* Handle one line; for conversation_run and tests. */
void conversation_handle(struct conversation *talk,
    const struct command *commands, size_t count, struct span line);

#endif
