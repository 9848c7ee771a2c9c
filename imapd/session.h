#ifndef IMAPD_SESSION_H
#define IMAPD_SESSION_H

/*
 * session - after the log-in: the states of RFC 9051 section 3, the table of
 * commands, and what the server says on its own.
 *
 * News     sent before a command's tagged answer: EXPUNGE or VANISHED only
 *          where message numbers cannot be meant (RFC 9051 section 7.5.1).
 * Memory   what a command needed is freed at its end; a session that waits
 *          has no database open (folder_rest, account_rest).
 */

#include "imapd/input.h"
#include "imapd/progress.h"
#include "imapd/set.h"
#include "mail/language.h"
#include "store/folder.h"

enum {
	SESSION_REST_MS = 1000
};

enum session_enabled {
	ENABLED_REV2 = 1 << 0,
	ENABLED_CONDSTORE = 1 << 1,
	ENABLED_QRESYNC = 1 << 2,
	ENABLED_UTF8 = 1 << 3,
	ENABLED_UIDONLY = 1 << 4
};

struct session_settings {
	uint64_t timeout_s;
	uint64_t errors_max;
	uint64_t command_max;
	uint64_t message_max; /* APPENDLIMIT; 0: none */
	uint64_t progress_ms; /* between notices of progress */
	uint64_t contexts_max;
	uint64_t limit;             /* MESSAGELIMIT, RFC 9738; 0: none */
	uint64_t save_limit;        /* SAVELIMIT */
	uint64_t convert_messages;  /* MAXCONVERTMESSAGES, RFC 5259 */
	uint64_t convert_parts;     /* MAXCONVERTPARTS */
	uint64_t convert_size;      /* bytes of a part */
	uint64_t convert_preferred; /* as conversion_find takes it */
	const char *user;           /* for the log, and METADATA's owner */
	const char *owner;  /* whose guest the user is; NULL: nobody's */
	struct span groups; /* a guest's, as in mail/identifier.h */
	int sharing;        /* the pair with login(8), or -1 */
	uint64_t redirects_max;
	uint64_t hops_max;
	struct span delimiters; /* of IMAPSIEVE's scripts */
	const char *me;         /* this host's name */
	const char *sieve_host; /* IMAPSIEVE's ManageSieve server; NULL: off */
	const char *jmap_url;   /* of this mail by JMAP; NULL: no server */
	bool can_share;         /* others' mailboxes are reached by it */
	bool is_submitter;      /* in control/imapdsubmitters */
	bool is_url_reader;     /* a guest that has URLFETCH alone */
	bool is_burl;           /* the same, of smtpd, which submits for user */
	bool is_relayed;        /* it may UNAUTHENTICATE, RFC 8437 */
	const char *peer;
	struct span input;      /* what the client sent already */
	const char *greeting;   /* "TAG OK" after a log-in; NULL: PREAUTH */
	enum language language; /* that the client chose before it */
};

struct session {
	const struct session_settings *settings;
	struct reader *in;
	struct writer *out;
	struct input input;
	struct account *account;
	struct folder *folder; /* NULL: none is selected */
	struct buf folder_name;
	bool is_read_only;
	uint64_t urlkey_stamp; /* of the selected folder, as last told */
	uint32_t rights;       /* on the selected folder, of acl_right */
	struct buf prefix;     /* of a guest's names: "Other Users/OWNER/" */
	unsigned enabled;
	enum language language;
	struct span tag;
	const struct literal
	    *stream;             /* that ends the command so far and that no */
				 /* handler has taken yet, or NULL */
	struct notify *notify;   /* NULL: no NOTIFY came */
	struct guests *guests;   /* others' mailboxes; NULL: none so far */
	int injector;            /* a session with queue-inject; -1: none yet */
	bool has_lost_login;     /* it did not answer: no sharing any more */
	struct deflate *deflate; /* COMPRESS is on; or NULL */
	const char *verb;        /* of the command that runs, without UID */
	bool is_uid;
	bool may_expunge; /* this command may be answered with EXPUNGE */
	bool is_done;
	uint64_t errors;
	uint32_t known_exists; /* as last told */
	uint32_t known_recent;
	uint64_t told_modseq; /* the highest of a FETCH since the last news */
	bool is_behind;       /* told one from before an expunge */
	bool are_keywords_told;
	uint64_t known_keywords;    /* that FLAGS named */
	bool is_collation_inverted; /* "-" of COMPARATOR, RFC 5255 */
	struct sorted *sorted;      /* by SORT, or NULL */
	struct context *contexts;   /* the latest; or NULL */
	uint32_t limited_uid;       /* the lowest of those that the command */
				    /* worked on; 0: it left none out */
	struct convert_cache *converted; /* by CONVERT, or NULL */
	struct buf saved_uids;           /* SEARCHRES: of uint32_t, rising */
	struct progress progress;        /* of the command that runs */
	uint64_t appended;               /* for the log */
	uint64_t fetched;
	uint64_t conversions;
};

/* Serve the account until LOGOUT or the end of input. */
enum io_status session_serve_mailbox(int in, int out, struct account *account,
    const struct session_settings *settings);

/* "tag text"; text begins with OK, NO or BAD.  It is said in the session's
 * language. */
void session_reply(struct session *session, const char *text);

/* A wrong command; too many end the session. */
void session_bad(struct session *session, const char *text);

/* NO with the code of RFC 5530 that the status has. */
void session_fail(struct session *session, enum account_status status);

/* The text behind the tag that the status has: "NO [INUSE] ..." */
const char *session_failure(enum account_status status);

/* News, then the tagged answer. */
void session_finish(struct session *session, const char *text);

/* What changed in the folder, as far as it may be said now. */
void session_news(struct session *session);

/*
 * The HIGHESTMODSEQ that the client may know: one from before the expunges that
 * it was not told of, if there are any, which is noted.  RFC 7162 section 3.2.
 */
uint64_t session_modseq_told(struct session *session);

/* FLAGS and PERMANENTFLAGS, if there are keywords that were not told. */
void session_tell_keywords(struct session *session);

/* A session that waits gives back what it may need again, after
 * SESSION_REST_MS without a command or at IDLE. */
void session_rest(struct session *session);

/* On from now on; if it was not, the folder's HIGHESTMODSEQ is told (RFC 7162
 * section 3.1). */
void session_enable_condstore(struct session *session);

/* Nothing of the selected folder is left. */
void session_unselect(struct session *session);

/*
 * A line that came instead of DONE, and was answered: UNAUTHENTICATE is carried
 * out all the same, for a relay has passed nothing on behind it.
 */
void session_leave_idle(struct session *session, struct span line);

/* Is nothing left of the command? Else BAD. */
bool session_end(struct session *session, struct parse *parse);

/* What SEARCH saved, RFC 5182: a set of UIDs, to be freed with set_free. */
struct set session_saved(const struct session *session);

/* A set, "$" being what SEARCH saved; then is_saved is set.  As set_parse. */
bool session_parse_set(
    struct session *session, struct parse *parse, struct set *set);

/* The same, and the messages it names; false after BAD.  A space is next. */
bool session_parse_picks(
    struct session *session, struct parse *parse, struct picks *picks);

/* Are strings and names written as UTF-8? */
bool session_is_utf8(const struct session *session);

#endif
