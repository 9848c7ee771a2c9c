#include "imapd/url_source.h"

struct url_source
url_source_new(void)
{
	return (struct url_source){ .name = buf_new(ACCOUNT_NAME_MAX),
		.text = buf_new(IMAPURL_MAX + 1) };
}

static void
forget_section(struct url_source *source)
{
	if (source->has_request)
		fetch_request_free(&source->request);
	source->has_request = false;
	buf_clear(&source->text);
}

void
url_source_free(struct url_source *source)
{
	forget_section(source);
	if (source->folder != NULL)
		folder_close(source->folder);
	source->folder = NULL;
	buf_free(&source->name);
	buf_free(&source->text);
}

static bool
take_section(struct url_source *source, const struct imapurl *url)
{
	forget_section(source);
	source->section = (struct section){ .kind = SECTION_WHOLE };
	fetch_request_init(&source->request);
	source->has_request = true;
	if (url->section.len == 0)
		return true;
	buf_add(&source->text, url->section);
	buf_add_char(&source->text, ']');
	struct parse parse = parse_begin(&source->text);
	return section_parse(
		   &source->request, &parse, &source->section, false) &&
	       parse_is_end(&parse);
}

static bool
open_folder(
    struct session *session, struct url_source *source, struct span name)
{
	if (source->folder != NULL && span_equal(name, buf_span(&source->name)))
		return true;
	if (source->folder != NULL)
		folder_close(source->folder);
	source->folder = NULL;
	buf_clear(&source->name);
	buf_add(&source->name, name);
	return folder_open(&source->folder, session->account, name, true) ==
	       ACCOUNT_OK;
}

bool
url_source_find(struct session *session, struct url_source *source,
    struct span folder, const struct imapurl *url)
{
	struct folder_counts counts;

	if (!take_section(source, url) || !open_folder(session, source, folder))
		return false;
	folder_counts(source->folder, &counts);
	if (url->uid_validity != 0 && url->uid_validity != counts.uid_validity)
		return false;
	source->i = folder_find(source->folder, url->uid);
	return source->i < folder_count(source->folder) &&
	       folder_message(source->folder, source->i)->uid == url->uid;
}

enum account_status
url_source_open(struct url_source *source, const struct imapurl *url,
    enum section_form form, struct folder_section **opened, uint64_t *length)
{
	uint64_t octets;
	struct section section = source->section;

	if (section.kind == SECTION_WHOLE)
		section.form = form;
	enum account_status status = folder_section_open(
	    source->folder, source->i, &section, opened, &octets);
	if (status != ACCOUNT_OK)
		return status;
	*length = url->offset < octets ? octets - url->offset : 0;
	if (*length > url->length)
		*length = url->length;
	return ACCOUNT_OK;
}
