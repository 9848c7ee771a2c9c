#ifndef IMAPD_PROGRAM_H
#define IMAPD_PROGRAM_H

/*
 * program - a SEARCH program, RFC 9051 section 6.4.4: a tree of keys.
 *
 * Limits   PROGRAM_KEYS_MAX keys, PARSE_DEPTH_MAX levels; PROGRAM_FILTERS_MAX
 *          filters (RFC 5466), PROGRAM_PASSES_MAX within one another.
 * Memory   spans point into the command, or into a filter's value.
 */

#include "imapd/session.h"

enum {
	PROGRAM_KEYS_MAX = 1000,
	PROGRAM_FILTERS_MAX = 20,
	PROGRAM_PASSES_MAX = 3,
	PROGRAM_WORDS_MAX = 16 /* of a fuzzy text; others are left out */
};

enum key_kind {
	KEY_ALL, /* every key of its list */
	KEY_OR,  /* its first, or its second */
	KEY_NOT, /* not its first */
	KEY_SET,
	KEY_UIDS,
	KEY_FLAG, /* is set; KEY_NOT for what is not */
	KEY_KEYWORD,
	KEY_FIELD, /* header field */
	KEY_BODY,
	KEY_TEXT,
	KEY_LARGER,
	KEY_SMALLER,
	KEY_MODSEQ,
	KEY_DAY,    /* first <= day of it < end */
	KEY_SECOND, /* the same of INTERNALDATE's second: WITHIN */
	KEY_EMAIL_ID,
	KEY_THREAD_ID
};

enum key_date {
	DATE_INTERNAL,
	DATE_SENT,
	DATE_SAVED
};

struct key {
	enum key_kind kind;
	enum key_date date;
	uint32_t flag;
	size_t child; /* index of the first of its list; 0: none */
	size_t next;  /* in the list it is in; 0: none */
	uint64_t number;
	int64_t first;
	int64_t end;
	struct span field;
	struct span text;
	struct set set; /* "$" has no range here */
	bool is_fuzzy;  /* FIELD, BODY, TEXT */
};

enum filter_fault {
	FILTER_GOOD,
	FILTER_UNDEFINED,
	FILTER_NO_SEARCH, /* its value is none */
	FILTER_UNREADABLE
};

struct program {
	struct key *keys; /* keys[0] is the whole, a KEY_ALL */
	size_t count;
	struct buf filters[PROGRAM_FILTERS_MAX]; /* their values */
	size_t filter_count;
	unsigned passes;         /* filters that the parser is within */
	enum filter_fault fault; /* of the first filter that has one */
	struct span faulty;      /* its name */
	bool has_filter;         /* a key FILTER, good or not */
	bool has_fuzzy;          /* a key FUZZY, RFC 6203 */
	bool is_fuzzy;           /* the parser is within one */
	uint8_t *scores;         /* of each message, after program_run; */
				 /* NULL without FUZZY */
	struct set saved;        /* what "$" is in every key */
	int64_t now_s;
	bool has_modseq;
	bool has_number;       /* which UIDONLY forbids */
	bool takes_any_number; /* one that no message has is no error */
	uint64_t above_modseq; /* only such messages are looked at */
	uint64_t limit;        /* of those that its sets name, so many with */
			       /* the highest UIDs; 0: all */
	uint32_t limited_uid;  /* the lowest of these, after program_run; */
			       /* 0: none was left out */
	bool has_unreadable;   /* program_run passed over some */
};

void program_init(struct program *program, int64_t now_s);

/* Keys up to the end.  With message numbers the command may not be answered
 * with EXPUNGE. */
bool program_parse(
    struct program *program, struct session *session, struct parse *parse);
void program_free(struct program *program);

/* For a program that stays: no more memory than its keys need. */
void program_shrink(struct program *program);

/* Message numbers become the UIDs that they name in this view. */
void program_fix_numbers(struct program *program, const struct folder *folder);

/* OLDER and YOUNGER count from then on. */
void program_set_now(struct program *program, int64_t now_s);

/*
 * Answer what was not taken: failure is what search_parse_charset says, or
 * NULL; usage stands if there is no other reason.  False: the answer was BAD.
 */
bool program_refuse(const struct program *program, struct session *session,
    const char *failure, const char *usage);

/*
 * The value of the filter of that name, ready to be parsed.  False: there is
 * none, or too many; program->fault is set then.
 */
bool program_open_filter(struct program *program, struct session *session,
    struct span name, struct parse *value);

/* Cost of a key: cheap ones are asked first. */
bool key_needs_content(const struct key *key);

/*
 * The messages of the folder that match, rising.  A status but ACCOUNT_OK says
 * what could not be read, ACCOUNT_INVALID that no message has a number.  One
 * message's file that cannot be read is no reason to say nothing of the others.
 */
enum account_status program_run(struct program *program,
    struct session *session, struct folder *folder, struct picks *picks);

/* An untagged NO, which warns (RFC 9051 section 7.1.2), if there were such. */
void program_warn(const struct program *program, struct session *session);

/* What was matched fuzzily: for each message of the folder. */
struct relevancy {
	size_t count;
	uint32_t *sums; /* of scores, 1 to 100 */
	uint32_t *keys; /* that gave them */
};

/*
 * Of the messages whose bit is set, leave those that have the text of a fuzzy
 * key, or at least half of its words in any order, and score them.
 */
enum account_status program_match_fuzzy(struct relevancy *relevancy,
    const struct key *key, struct folder *folder, uint64_t *wanted);

/* How often it looks at one of so many messages: what progress counts. */
uint64_t program_goal(const struct program *program, size_t messages);

#endif
