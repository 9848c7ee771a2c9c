#include "imapd/rights.h"

#include <string.h>

#include "base/die.h"

const char rights_refused[] =
    "NO [NOPERM] you do not have the right to do that";

bool
rights_is_guest(const struct session *session)
{
	return session->settings->owner != NULL;
}

uint32_t
rights_on(const struct session *session, struct span folder)
{
	struct buf lines = buf_new(ACL_FILE_MAX);
	uint32_t rights = 0;

	if (!rights_is_guest(session))
		return ACL_ALL;
	enum account_status status = acl_read(session->account, folder, &lines);
	if (status == ACCOUNT_OK)
		rights = acl_rights_of(buf_span(&lines),
		    span_of(session->settings->user),
		    session->settings->groups);
	else if (status != ACCOUNT_NONEXISTENT)
		warn_errno("cannot read estafeta-acl of owner=%s, which gives "
			   "nobody a right",
		    session->settings->owner);
	buf_free(&lines);
	return rights;
}

struct looking {
	const struct session *session;
	uint32_t needed;
	bool is_found;
};

static bool
look(void *context, const struct account_folder *folder)
{
	struct looking *looking = context;

	looking->is_found |=
	    (folder->attributes & (FOLDER_NOSELECT | FOLDER_NONEXISTENT)) ==
		0 &&
	    (rights_on(looking->session, folder->name) & looking->needed) ==
		looking->needed;
	return !looking->is_found;
}

bool
rights_has_somewhere(const struct session *session, uint32_t needed)
{
	struct looking looking = { session, needed, false };

	if (!rights_is_guest(session))
		return true;
	account_list(session->account, look, &looking);
	return looking.is_found;
}

const char *
rights_refusal(
    const struct session *session, struct span folder, uint32_t needed)
{
	uint32_t rights = rights_on(session, folder);

	if ((rights & needed) == needed)
		return NULL;
	return (rights & ACL_LOOKUP) == 0 ? session_failure(ACCOUNT_NONEXISTENT)
					  : rights_refused;
}

bool
rights_require(struct session *session, struct span folder, uint32_t needed)
{
	const char *refusal = rights_refusal(session, folder, needed);

	if (refusal != NULL)
		session_finish(session, refusal);
	return refusal == NULL;
}

bool
rights_require_selected(struct session *session, uint32_t needed)
{
	session->rights = rights_on(session, buf_span(&session->folder_name));
	if ((session->rights & needed) == needed)
		return true;
	session_reply(session, rights_refused);
	return false;
}

uint32_t
rights_flags(uint32_t rights)
{
	uint32_t flags = 0;

	if ((rights & ACL_SEEN) != 0)
		flags |= MESSAGE_SEEN;
	if ((rights & ACL_DELETE_MESSAGES) != 0)
		flags |= MESSAGE_DELETED;
	if ((rights & ACL_WRITE) != 0)
		flags |= MESSAGE_ANSWERED | MESSAGE_FLAGGED | MESSAGE_DRAFT;
	return flags;
}

void
rights_limit_copies(
    const struct session *session, struct folder_copying *copying)
{
	const uint32_t all = MESSAGE_SEEN | MESSAGE_DELETED | MESSAGE_ANSWERED |
			     MESSAGE_FLAGGED | MESSAGE_DRAFT;
	uint32_t rights = rights_on(session, copying->target);

	copying->lost_flags = all & ~rights_flags(rights);
	copying->has_no_keywords = (rights & ACL_WRITE) == 0;
}

bool
rights_is_of_others(struct span name)
{
	struct span others = span_of(RIGHTS_OTHERS);

	return span_starts(name, others) ||
	       span_equal(name, span_slice(others, 0, others.len - 1));
}

struct span
rights_owner(struct span name)
{
	struct span others = span_of(RIGHTS_OTHERS);

	if (!span_starts(name, others))
		return span_of("");
	name = span_slice(name, others.len, SIZE_MAX);
	return span_slice(name, 0, span_index(name, '/'));
}
