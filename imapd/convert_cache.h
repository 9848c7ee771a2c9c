#ifndef IMAPD_CONVERT_CACHE_H
#define IMAPD_CONVERT_CACHE_H

/*
 * convert_cache - the last results of CONVERT, so that a client may ask for the
 * size first and then for piece after piece: RFC 5259 section 8.5.
 *
 * Limits  CONVERT_CACHED results, each of twice control/imapdconvertsize.
 * Memory  until the folder is left, or the session waits.
 */

#include "imapd/convert_request.h"
#include "imapd/session.h"

enum {
	CONVERT_CACHED = 2,
	CONVERT_TYPE_MAX = 300
};

enum convert_status {
	CONVERT_OK,
	CONVERT_NO_PART,
	CONVERT_IMPOSSIBLE, /* no such conversion */
	CONVERT_BAD_PARAMETERS,
	CONVERT_LOSSY,   /* characters are not in the set */
	CONVERT_UNKNOWN, /* the source cannot be decoded */
	CONVERT_TOO_LARGE,
	CONVERT_FAILED, /* now */
	CONVERT_GONE
};

struct conversion;
struct convert_plan {
	enum convert_status status;
	struct buf from;              /* the part's type */
	struct buf parameters;        /* of its Content-Type */
	const struct conversion *how; /* NULL: there is none */
};

struct convert_result {
	struct buf key;
	enum convert_status status;
	struct buf bytes;
	uint64_t lines;
	const char *encoding; /* that it could be sent in */
	bool has_nul;
};

/* What is to be done with a part of message i.  To be freed. */
struct convert_plan convert_plan(struct session *session,
    const struct convert_request *request, size_t i,
    const struct section *section);
void convert_plan_free(struct convert_plan *plan);

/* The result of a plan whose status is OK; valid until the next call. */
const struct convert_result *convert_result(struct session *session,
    const struct convert_request *request, size_t i,
    const struct section *section, const struct convert_plan *plan);

/* The status that a failed call on the folder has for CONVERT. */
enum convert_status convert_status_of(enum account_status status);

/* Nothing is kept any more. */
void convert_forget(struct session *session);

#endif
