#ifndef IMAPD_SEARCH_H
#define IMAPD_SEARCH_H

/*
 * search - what SEARCH, ESEARCH, SORT and THREAD have in common.
 */

#include "imapd/partial.h"
#include "imapd/session.h"

/* RETURN (...), RFC 9051 section 6.4.4, RFC 5182, RFC 9394. */
enum search_return {
	RETURN_MIN = 1 << 0,
	RETURN_MAX = 1 << 1,
	RETURN_ALL = 1 << 2,
	RETURN_COUNT = 1 << 3,
	RETURN_SAVE = 1 << 4,
	RETURN_RELEVANCY = 1 << 5, /* RFC 6203 */
	RETURN_CONTEXT = 1 << 6,   /* RFC 5267; a hint that is not needed */
	RETURN_UPDATE = 1 << 7
};

struct search_returns {
	bool is_given;
	unsigned items;
	struct partial partial;
	struct span items_of_new; /* UPDATE (...), RFC 5465 section 7 */
};

/* "RETURN (...)" and the space behind it; without them ALL is wanted. */
bool search_parse_returns(struct search_returns *returns, struct parse *parse);

/* Is the answer nothing, as SAVE alone is? */
bool search_is_silent(const struct search_returns *returns);

/*
 * A character set and the space behind it.  *failure is what to answer if it
 * is neither UTF-8 nor a part of it (RFC 9051 section 6.4.4); else unchanged.
 */
bool search_parse_charset(struct parse *parse, const char **failure);

/* What was found: in the order of the answer. */
struct search_found {
	struct folder *folder;
	struct picks picks;
	struct span mailbox; /* RFC 7377; ptr NULL: the selected one's answer */
	const uint8_t *scores; /* RETURN_RELEVANCY: of each message */
	bool is_uid;
	bool has_modseq;
};

/* UID or message number of pick k. */
uint32_t search_number(const struct search_found *found, size_t k);

/* MODSEQ of RFC 7162 sections 3.1.5 and 3.1.10: the highest of those that the
 * answer tells; 0 if it tells none. */
uint64_t search_modseq(
    const struct search_returns *returns, const struct search_found *found);

/* "* ESEARCH (TAG ...) ...", RFC 4731 and RFC 7377 section 2.1. */
void search_put_extended(struct session *session,
    const struct search_returns *returns, const struct search_found *found);

/* "$" from now on: RFC 5182 section 2.1, RFC 9394 section 3.2. */
void search_save(struct session *session, const struct search_returns *returns,
    const struct search_found *found);

/* The same after NO, if it was asked for: "$" is empty. */
void search_save_nothing(
    struct session *session, const struct search_returns *returns);

#endif
