#include "imapd/append.h"
#include "imapd/rights.h"
#include "imapd/section.h"
#include "imapd/url.h"

/* CATENATE's URLs, RFC 4469: no flag is set, and no folder selected. */

/* RFC 4469 section 5: any TEXT-CHAR but "]". */
static void
fail_url(struct appending *appending, struct span text)
{
	if (appending->failure != NULL)
		return;
	buf_add_string(&appending->reason, "NO [BADURL ");
	for (size_t i = 0; i < text.len && i < URL_MAX; i++) {
		char c = text.ptr[i];

		if (c < ' ' || c == 0x7f || c == ']')
			buf_printf(&appending->reason, "%%%02X",
			    (unsigned)(unsigned char)c);
		else
			buf_add_char(&appending->reason, c);
	}
	buf_add_string(&appending->reason, "] it names nothing here");
	append_fail(appending, buf_string(&appending->reason));
}

/* The folder's name, RFC 4469 section 3: relative to the selected one. */
static bool
name_folder(
    const struct session *session, const struct url *url, struct buf *name)
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

/* It stays open for the next URL. */
static bool
open_folder(struct appending *appending, const struct url *url)
{
	struct session *session = appending->session;
	struct folder_counts counts;
	struct buf name = buf_new(ACCOUNT_NAME_MAX);
	bool is_good = name_folder(session, url, &name) &&
		       (rights_on(session, buf_span(&name)) & ACL_READ) != 0;

	if (is_good && appending->from != NULL &&
	    !span_equal(buf_span(&name), buf_span(&appending->from_name))) {
		folder_close(appending->from);
		appending->from = NULL;
	}
	if (is_good && appending->from == NULL) {
		buf_clear(&appending->from_name);
		buf_add(&appending->from_name, buf_span(&name));
		is_good = folder_open(&appending->from, session->account,
			      buf_span(&name), true) == ACCOUNT_OK;
	}
	buf_free(&name);
	if (!is_good)
		return false;
	folder_counts(appending->from, &counts);
	return url->uid_validity == 0 ||
	       url->uid_validity == counts.uid_validity;
}

static bool
take_piece(void *context, struct span piece)
{
	struct appending *appending = context;

	append_octets(appending, piece);
	return appending->failure == NULL;
}

/* False: there is no such message or part. */
static bool
take_section(struct appending *appending, const struct url *url,
    const struct section *section)
{
	struct folder_section *opened;
	uint64_t octets;
	size_t i = folder_find(appending->from, url->uid);

	if (i == folder_count(appending->from) ||
	    folder_message(appending->from, i)->uid != url->uid ||
	    folder_section_open(
		appending->from, i, section, &opened, &octets) != ACCOUNT_OK)
		return false;
	uint64_t length = url->offset < octets ? octets - url->offset : 0;
	if (length > url->length)
		length = url->length;
	append_ask_room(appending, length);
	bool is_good = appending->failure != NULL || length == 0 ||
		       folder_section_read(opened, url->offset, length,
			   take_piece, appending) == ACCOUNT_OK;
	folder_section_close(opened);
	return is_good;
}

static bool
take_url(struct appending *appending, const struct url *url)
{
	struct fetch_request request;
	struct section section = { .kind = SECTION_WHOLE };
	struct buf text = buf_new(URL_MAX + 1);
	bool is_good = true;

	fetch_request_init(&request);
	if (url->section.len > 0) {
		buf_add(&text, url->section);
		buf_add_char(&text, ']');
		struct parse parse = parse_begin(&text);
		is_good = section_parse(&request, &parse, &section, false) &&
			  parse_is_end(&parse);
	}
	is_good = is_good && open_folder(appending, url) &&
		  take_section(appending, url, &section);
	fetch_request_free(&request);
	buf_free(&text);
	return is_good;
}

void
catenate_url(struct appending *appending, struct span text)
{
	struct url url;

	if (appending->failure != NULL)
		return;
	if (!url_parse(&url, text)) {
		fail_url(appending, text);
		return;
	}
	if (!take_url(appending, &url))
		fail_url(appending, text);
	url_free(&url);
}
