#include "imapd/notify.h"
#include "imapd/output.h"
#include "imapd/rights.h"
#include "store/metadata.h"

/* MailboxMetadataChange and ServerMetadataChange, RFC 5465 sections 5.6 and
 * 5.7. */

/* A guest, as with GETMETADATA. */
static bool
may_know(struct session *session, struct span folder, struct span entry)
{
	const uint32_t needed = ACL_LOOKUP | ACL_READ;

	return folder.len > 0 &&
	       metadata_is_within(entry, span_of("/shared"), UINT32_MAX) &&
	       (rights_on(session, folder) & needed) == needed;
}

/* One response an entry, without its value: RFC 5464 section 4.4.2. */
static void
take_metadata(void *context, struct span folder, struct span entry)
{
	struct session *session = context;
	const struct notify *notify = session->notify;
	bool is_asked = false;

	if (rights_is_guest(session) && !may_know(session, folder, entry))
		return;

	for (size_t i = 0; i < notify->request.count && folder.len == 0; i++)
		is_asked |= (notify->request.groups[i].events &
				NOTIFY_SERVER_METADATA) != 0;
	for (size_t i = 0; i < notify->tree.count && !is_asked; i++)
		is_asked =
		    (notify->tree.folders[i].events & NOTIFY_METADATA) != 0 &&
		    span_equal(span_of(notify->tree.folders[i].name), folder);
	if (!is_asked)
		return;
	put(session, "* METADATA ");
	put_name(session, folder);
	put(session, " ");
	if (parse_is_atom(entry))
		put_span(session, entry);
	else
		put_nstring(session, entry);
	put(session, "\r\n");
}

static void
ignore_metadata(void *context, struct span folder, struct span entry)
{
	(void)context;
	(void)folder;
	(void)entry;
}

static bool
wants_metadata(const struct notify *notify)
{
	for (size_t i = 0; i < notify->request.count; i++)
		if ((notify->request.groups[i].events &
			(NOTIFY_METADATA | NOTIFY_SERVER_METADATA)) != 0)
			return true;
	return false;
}

void
notify_metadata_begin(struct session *session, struct notify *notify)
{
	if (wants_metadata(notify))
		metadata_changes(
		    session->account, &notify->metadata, ignore_metadata, NULL);
}

void
notify_metadata_tell(struct session *session, struct notify *notify)
{
	if (wants_metadata(notify))
		metadata_changes(session->account, &notify->metadata,
		    take_metadata, session);
}
