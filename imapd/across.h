#ifndef IMAPD_ACROSS_H
#define IMAPD_ACROSS_H

/*
 * across - COPY and MOVE between our own folders and another user's, or two
 * others': what one has is appended to the other (across_target.c).  A copy is
 * all or nothing; MOVE takes the messages away once their copies are there.
 */

#include "imapd/guest.h"

/* Behind the verb stands parse; from NULL: one of our own is selected. */
void across_copy(
    struct session *session, const struct parse *parse, struct guest *from);

/* ---- what is copied to ---- */

struct across_target {
	struct session *session;
	struct span name;    /* as the client knows it */
	struct guest *guest; /* whose it is; NULL: our own */
	struct folder_append *append;
	size_t count;      /* of messages */
	struct buf answer; /* the client's, if it failed */
	bool has_failed;
	uint32_t uid_validity;
	struct buf uids; /* as APPENDUID has them, "4:7,9" */
};

struct across_message {
	uint32_t flags;
	struct span keywords[FOLDER_KEYWORDS_MAX];
	size_t keyword_count;
	int64_t date_s;
	uint64_t octets;
};

/* The first failure is kept; what follows is dropped. */
void across_fail(struct across_target *target, const char *answer);

/* A folder that cannot be had is the first failure. */
void across_begin(struct across_target *target, struct session *session,
    struct span name, struct span owner);
void across_add_message(
    struct across_target *target, const struct across_message *message);
void across_add_octets(struct across_target *target, struct span octets);

/* All are there: commit, unless something failed.  True if they are there. */
bool across_end(struct across_target *target);
void across_free(struct across_target *target);

#endif
