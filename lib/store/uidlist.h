#ifndef STORE_UIDLIST_H
#define STORE_UIDLIST_H

/*
 * uidlist - the lines of estafeta-uidlist: uidlist(5).  Pure: what a line says,
 * and how it is written.
 */

#include "base/buf.h"
#include "store/folder.h"

enum {
	UIDLIST_LINE_MAX = 1024,
	UIDLIST_UIDL_MAX = 70,
	UIDLIST_GUID_MAX = 200
};

/* A flag of Maildir's that IMAP does not know: passed on. */
enum {
	MAILDIR_PASSED = 1 << 7
};

enum uidlist_kind {
	UIDLIST_MESSAGE = '+',
	UIDLIST_FLAGS = '=',
	UIDLIST_GONE = '-',
	UIDLIST_NEXT = 'N',
	UIDLIST_SINCE = 'O',
	UIDLIST_KEYWORD = 'K',
	UIDLIST_UIDL = 'P',
	UIDLIST_STATE = 'T'
};

/* How the folder was when it was last looked at. */
struct uidlist_state {
	uint64_t cur_ns; /* the times of change that were seen */
	uint64_t new_ns;
	uint64_t cur_looked_ns; /* when they had been read */
	uint64_t new_looked_ns;
	uint64_t messages;
	uint64_t unseen;
	uint64_t deleted;
	uint64_t recent; /* in new/ */
	uint64_t uid_next;
	uint64_t modseq;
	/* In cur/, and told to no session yet: from that UID on, if not 0. */
	uint64_t untold_from;
	uint64_t untold;
};

struct uidlist_line {
	enum uidlist_kind kind;
	uint32_t uid; /* UIDLIST_KEYWORD: the bit */
	uint32_t last_uid;
	uint64_t modseq;
	int64_t save_date_s;
	uint32_t flags;
	uint64_t keywords;
	struct span text; /* base name, keyword, or "UIDL GUID" */
	struct uidlist_state state;
};

struct uidlist_header {
	uint32_t uid_validity;
	char id[ACCOUNT_ID_LEN + 1];
};

/* Both take a line without its LF; false if it is none. */
bool uidlist_parse_header(struct span line, struct uidlist_header *header);
bool uidlist_parse(struct span line, struct uidlist_line *out);

/* Append a line with its LF. */
void uidlist_add_header(struct buf *into, const struct uidlist_header *header);
void uidlist_add(struct buf *into, const struct uidlist_line *line);

/*
 * Dovecot's dovecot-uidlist (versions 1 and 3) and Courier's courierimapuiddb.
 * The first line is the header; *uid_next is 0 if it does not say.
 */
bool uidlist_parse_foreign_header(
    struct span line, uint32_t *uid_validity, uint32_t *uid_next);
/* What is known of a message of another server; "UIDL GUID" says two of it. */
struct uidlist_foreign {
	uint32_t uid;
	struct span uidl; /* may be empty */
	struct span guid; /* may be empty: it is the name then */
	struct span name; /* with its flags, perhaps */
};
bool uidlist_parse_foreign(struct span line, struct uidlist_foreign *out);
void uidlist_add_ids(struct buf *into, const struct uidlist_foreign *ids);
void uidlist_parse_ids(struct span text, struct uidlist_foreign *out);

#endif
