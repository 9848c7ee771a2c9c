#include "imapd/append.h"
#include "imapd/rights.h"

/* CATENATE's URLs, RFC 4469: no flag is set, and no folder selected. */

static void
fail_url(struct appending *appending, struct span text)
{
	if (appending->failure != NULL)
		return;
	buf_add_string(&appending->reason, "NO [BADURL ");
	imapurl_add_shown(&appending->reason, text);
	buf_add_string(&appending->reason, "] it names nothing here");
	append_fail(appending, buf_string(&appending->reason));
}

/* The folder's name, RFC 4469 section 3: relative to the selected one. */
static bool
name_folder(
    const struct session *session, const struct imapurl *url, struct buf *name)
{
	struct span selected = { NULL, 0 };

	if (session->folder != NULL)
		selected = buf_span(&session->folder_name);
	if (!url->has_folder) {
		buf_add(name, selected);
		return selected.len > 0;
	}
	if (!url->is_rooted) {
		size_t slash = span_last_index(selected, '/');

		if (slash < selected.len)
			buf_add(name, span_slice(selected, 0, slash + 1));
	}
	/* Of a guest the whole name is as the client knows it. */
	struct span folder = url->folder;
	struct span prefix = buf_span(&session->prefix);
	if (url->is_rooted && prefix.len > 0) {
		if (!span_starts(folder, prefix))
			return false;
		folder = span_slice(folder, prefix.len, SIZE_MAX);
	}
	buf_add(name, folder);
	return !name->overflow;
}

static bool
take_piece(void *context, struct span piece)
{
	struct appending *appending = context;

	append_octets(appending, piece);
	return appending->failure == NULL;
}

static bool
take_url(struct appending *appending, const struct imapurl *url)
{
	struct session *session = appending->session;
	struct folder_section *opened;
	uint64_t length;
	struct buf name = buf_new(ACCOUNT_NAME_MAX);
	bool is_good = name_folder(session, url, &name) &&
		       (rights_on(session, buf_span(&name)) & ACL_READ) != 0 &&
		       url_source_find(
			   session, &appending->source, buf_span(&name), url) &&
		       url_source_open(&appending->source, url, SECTION_AS_SENT,
			   &opened, &length) == ACCOUNT_OK;

	buf_free(&name);
	if (!is_good)
		return false;
	append_ask_room(appending, length);
	is_good = appending->failure != NULL || length == 0 ||
		  folder_section_read(opened, url->offset, length, take_piece,
		      appending) == ACCOUNT_OK;
	folder_section_close(opened);
	return is_good;
}

void
catenate_url(struct appending *appending, struct span text)
{
	struct imapurl url;

	if (appending->failure != NULL)
		return;
	if (!imapurl_parse(&url, text)) {
		fail_url(appending, text);
		return;
	}
	if (!take_url(appending, &url))
		fail_url(appending, text);
	imapurl_free(&url);
}
