#ifndef SIEVE_SIEVE_H
#define SIEVE_SIEVE_H

/*
 * sieve - the mail filtering language of RFC 5228 and its extensions: a
 * script's text is checked once, and then run on messages.
 *
 * A run touches nothing: it reads one message, asks its surroundings
 * (struct sieve_host), and leaves a list of actions for its caller to do.
 *
 * Errors   of a script's text are all told, "line 3: ...", each on a line.  One
 *          that comes up while it runs ends the run, and the message is kept
 *          (RFC 5228 section 2.10.6).
 * Limits   SIEVE_SCRIPT_MAX bytes of text, SIEVE_DEPTH_MAX blocks or tests
 *          within each other, SIEVE_ACTIONS_MAX actions, SIEVE_STEPS_MAX steps
 *          of comparing; strings and variables as sieve/run.h has them.
 * Memory   a script and a run have one arena each; it does not grow with the
 *          message's body.
 */

#include "base/buf.h"

enum {
	SIEVE_SCRIPT_MAX = 1 << 20,
	SIEVE_ERRORS_MAX = 8 << 10,
	SIEVE_DEPTH_MAX = 32,
	SIEVE_ACTIONS_MAX = 64,
	SIEVE_REDIRECTS_MAX = 8,
	SIEVE_INCLUDES_MAX = 10, /* scripts within each other */
	SIEVE_STEPS_MAX = 20000000
};

/* ---- a script ---- */

struct sieve_script;

/*
 * Check a script's text.  NULL, and what is wrong appended to errors, if it
 * cannot be run; else freed by sieve_free.  text is copied where needed.
 */
struct sieve_script *sieve_compile(struct span text, struct buf *errors);
void sieve_free(struct sieve_script *script);

/* Append the names of all extensions, parted by spaces, as ManageSieve's SIEVE
 * capability has them (RFC 5804 section 1.7). */
void sieve_add_extensions(struct buf *into);

/* Does the script require that extension? */
bool sieve_requires(const struct sieve_script *script, struct span extension);

/* ---- a run ---- */

enum sieve_event {
	SIEVE_DELIVERY,
	SIEVE_APPEND, /* RFC 6785: imap.cause */
	SIEVE_COPY,
	SIEVE_FLAG
};

/* What a script may ask of its surroundings; each may be NULL. */
struct sieve_host {
	void *context;
	/* RFC 5490: is there a mailbox of that name, to file into? */
	bool (*has_mailbox)(void *context, struct span mailbox);
	/* RFC 5490: append an annotation's value; of the server where mailbox
	 * is "".  False: there is none. */
	bool (*metadata)(void *context, struct span mailbox, struct span entry,
	    struct buf *value);
	/* RFC 6609: append the text of a script.  False: there is none. */
	bool (*script)(
	    void *context, bool is_global, struct span name, struct buf *text);
	/* RFC 7352: was a SIEVE_REMEMBER of that key done, and is it not over?
	 */
	bool (*is_remembered)(void *context, struct span key);
};

/* All is borrowed until the result is freed. */
struct sieve_run {
	enum sieve_event event;
	int message_fd; /* read by pread; lines end with LF or CRLF */
	uint64_t offset;
	uint64_t length;
	struct span sender;    /* envelope; "" is the null path; delivery */
	struct span recipient; /* envelope; delivery */
	/* Of SIEVE_REDIRECTS_MAX only so many (RFC 5228 section 10). */
	bool has_redirects_max;
	uint64_t redirects_max;
	/* Any of these parts user and detail (RFC 5233), as the host's own
	 * addresses have it; none: "+". */
	struct span delimiters;
	struct span host_name; /* environment "domain" and "host" */
	struct span user;      /* imap.user, RFC 6785 section 4 */
	struct span email;
	struct span mailbox;       /* where the message goes or is, UTF-8 */
	struct span changed_flags; /* parted by spaces */
	struct span flags;         /* the message's own, parted by spaces */
	int64_t now;               /* seconds since 1970 */
	const struct sieve_host *host;
	/* sieve-test: each command and test, and what came of it; may be NULL.
	 */
	struct buf *trace;
};

enum sieve_action_kind {
	SIEVE_KEEP,     /* explicit, or with flags; flags */
	SIEVE_FILEINTO, /* mailbox, may_create, flags */
	SIEVE_REDIRECT, /* address */
	SIEVE_REJECT,   /* text: the reason; reject and ereject */
	SIEVE_VACATION, /* text, subject, from, addresses, handle, seconds */
	SIEVE_NOTIFY,   /* address: the method's URI; text, from, importance */
	SIEVE_REMEMBER  /* handle, seconds: RFC 7352, once all else is done */
};

/* Its memory is the result's; a span that was not given has ptr NULL. */
struct sieve_action {
	enum sieve_action_kind kind;
	uint32_t line;
	bool may_create; /* RFC 5490 */
	bool is_mime;    /* RFC 5230: text is a MIME entity */
	bool has_flags;  /* RFC 5232: flags replace what it would have had */
	unsigned importance; /* RFC 5435: 1 to 3 */
	int64_t seconds;
	struct span mailbox;
	struct span flags; /* parted by spaces */
	struct span address;
	struct span text;
	struct span subject;
	struct span from;
	struct span handle;
	const struct span *addresses; /* :addresses, or :options */
	size_t address_count;
	/* RFC 5293: the header that the message has in this action, lines
	 * ended by LF, without the empty one; ptr NULL: as it is. */
	struct span header;
};

struct sieve_arena;

struct sieve_result {
	const struct sieve_action *actions;
	size_t count;
	/* The message's own header, lines ended by LF, without the empty one,
	 * and where its body begins, from the run's offset. */
	struct span own_header;
	uint64_t body;
	int trouble;  /* errno: the message could not be read; else 0 */
	bool is_kept; /* the implicit keep is in effect, or keep was called */
	/* What the implicit keep gives the message; ptr NULL: as it is. */
	struct span flags;
	struct span header;
	struct sieve_arena *arena;
};

/*
 * Run a script.  False if it failed, or is not for that event; then errors has
 * a line, and the result is the implicit keep alone.  The result is freed by
 * sieve_result_free either way.
 */
bool sieve_execute(const struct sieve_script *script,
    const struct sieve_run *run, struct sieve_result *result,
    struct buf *errors);
void sieve_result_free(struct sieve_result *result);

#endif
