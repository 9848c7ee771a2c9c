#ifndef IMAPD_NOTIFY_PARSE_H
#define IMAPD_NOTIFY_PARSE_H

/*
 * notify_parse - what NOTIFY asks for, RFC 5465 section 8.
 *
 * Limits   NOTIFY_GROUPS_MAX groups, NOTIFY_TEXT_MAX bytes of fetch items.
 */

#include "imapd/filters.h"

enum {
	NOTIFY_GROUPS_MAX = 32,
	NOTIFY_TEXT_MAX = 65536
};

enum notify_event {
	NOTIFY_NEW = 1 << 0, /* and MessageExpunge, which it never is without */
	NOTIFY_FLAGS = 1 << 1,
	NOTIFY_NAME = 1 << 2,
	NOTIFY_SUBSCRIPTION = 1 << 3,
	NOTIFY_METADATA = 1 << 4, /* of a folder */
	NOTIFY_SERVER_METADATA = 1 << 5,
	NOTIFY_MESSAGE = NOTIFY_NEW | NOTIFY_FLAGS
};

struct notify_group {
	struct filters filters;
	unsigned events;
};

struct notify_request {
	bool is_none;
	bool has_status;
	bool has_selected;
	bool is_delayed;   /* SELECTED-DELAYED */
	unsigned selected; /* events of the selected folder */
	struct buf items;  /* "(UID FLAGS)" of MessageNew there; may be empty */
	struct notify_group groups[NOTIFY_GROUPS_MAX];
	size_t count;
};

enum notify_result {
	NOTIFY_OK,
	NOTIFY_BAD,
	NOTIFY_BAD_EVENT, /* one that we do not have: [BADEVENT] */
	NOTIFY_TOO_MUCH   /* [NOTIFICATIONOVERFLOW] */
};

/* Behind "NOTIFY".  The request is to be freed whatever the result is. */
enum notify_result notify_parse(const struct session *session,
    struct parse *parse, struct notify_request *request);
void notify_request_free(struct notify_request *request);

/* What is asked for of a folder that is not selected, and is in the personal
 * namespace or not. */
unsigned notify_events_of(const struct notify_request *request,
    const struct account_folder *folder, bool is_personal);

#endif
