#include "imapd/guest.h"
#include "imapd/handlers.h"
#include "imapd/output.h"
#include "imapd/url_source.h"
#include "imapd/urlauth.h"

/*
 * URLFETCH, RFC 4467 section 7, with the parameters of RFC 5524.  What is not
 * to be had is NIL, and nothing tells why.
 *
 * Another user's URL is read by an imapd of that user's that has this command
 * alone (imapd -u), judges the token, and leaves the URL out of its answer:
 * what it says stands behind the URL that the client sent, and in that response
 * only.
 */

enum {
	WANTS_BODY = 1 << 0,
	WANTS_BINARY = 1 << 1,
	WANTS_STRUCTURE = 1 << 2
};

static const struct {
	const char *name;
	unsigned bit;
} parameters[] = {
	{ "BODY", WANTS_BODY },
	{ "BINARY", WANTS_BINARY },
	{ "BODYPARTSTRUCTURE", WANTS_STRUCTURE },
};

struct urlfetch {
	struct session *session;
	struct url_source source;
	struct guest *reader; /* of the last other user's; or NULL */
	bool is_later;        /* something was not to be had now */
	struct span text;     /* of the URL in turn */
	unsigned wants;       /* 0: the octets, without parameters */
};

/* ---- a response ---- */

static void
begin_response(struct urlfetch *fetch)
{
	struct session *session = fetch->session;

	put(session, "* URLFETCH ");
	if (session->settings->is_url_reader)
		return;
	put_nstring(session, fetch->text);
	put(session, " ");
}

static void
put_nil(struct urlfetch *fetch)
{
	begin_response(fetch);
	put(fetch->session, "NIL\r\n");
}

static bool
look_for_nul(void *context, struct span piece)
{
	bool *has_nul = context;

	*has_nul = span_index(piece, '\0') < piece.len;
	return !*has_nul;
}

struct found {
	struct folder_section *section; /* NULL: it cannot be decoded */
	uint64_t length;
	bool has_nul; /* RFC 5524 section 5: literal8 then, and only then */
	struct buf structure;
};

static void
put_data(struct urlfetch *fetch, const struct imapurl *url,
    const struct found *found)
{
	struct session *session = fetch->session;

	if (found->section == NULL) {
		put(session, "NIL");
		return;
	}
	put_format(session, "%s{%llu}\r\n", found->has_nul ? "~" : "",
	    (unsigned long long)found->length);
	put_octets(session, found->section, url->offset, found->length);
}

static void
put_found(struct urlfetch *fetch, const struct imapurl *url,
    const struct found *found)
{
	struct session *session = fetch->session;
	const char *space = "";

	begin_response(fetch);
	if (fetch->wants == 0)
		put_data(fetch, url, found);
	if ((fetch->wants & WANTS_STRUCTURE) != 0) {
		put(session, "(BODYPARTSTRUCTURE ");
		put_span(session, buf_span(&found->structure));
		put(session, ")");
		space = " ";
	}
	if ((fetch->wants & (WANTS_BODY | WANTS_BINARY)) != 0) {
		put(session, space);
		put(session,
		    (fetch->wants & WANTS_BODY) != 0 ? "(BODY " : "(BINARY ");
		put_data(fetch, url, found);
		put(session, ")");
	}
	put(session, "\r\n");
	session->fetched++;
}

/* ---- of this account ---- */

static bool
find_octets(
    struct urlfetch *fetch, const struct imapurl *url, struct found *found)
{
	bool is_binary = (fetch->wants & WANTS_BINARY) != 0;
	enum account_status status = url_source_open(&fetch->source, url,
	    is_binary ? SECTION_DECODED : SECTION_AS_SENT, &found->section,
	    &found->length);

	if (status == ACCOUNT_INVALID) /* RFC 5524 section 3.2 */
		return true;
	if (status != ACCOUNT_OK)
		return false;
	if (is_binary && found->length > 0)
		folder_section_read(found->section, url->offset, found->length,
		    look_for_nul, &found->has_nul);
	return true;
}

static bool
find_structure(struct urlfetch *fetch, struct buf *structure)
{
	const struct url_source *source = &fetch->source;
	bool is_utf8 = (fetch->session->enabled & ENABLED_UTF8) != 0;

	return folder_part_structure(source->folder, source->i,
		   &source->section, is_utf8, structure) == ACCOUNT_OK;
}

static void
fetch_own(struct urlfetch *fetch, const struct imapurl *url)
{
	struct found found = { .structure = buf_new(SIZE_MAX / 2) };
	bool is_good =
	    urlauth_permits(fetch->session, url) &&
	    url_source_find(fetch->session, &fetch->source, url->folder, url) &&
	    (fetch->wants == WANTS_STRUCTURE ||
		find_octets(fetch, url, &found)) &&
	    ((fetch->wants & WANTS_STRUCTURE) == 0 ||
		find_structure(fetch, &found.structure));

	if (is_good)
		put_found(fetch, url, &found);
	else
		put_nil(fetch);
	if (found.section != NULL)
		folder_section_close(found.section);
	buf_free(&found.structure);
}

/* ---- of another one ---- */

enum relay_progress {
	NOT_BEGUN,
	WITHIN, /* a literal is in the line */
	ENDED
};

struct relaying {
	struct urlfetch *fetch;
	enum relay_progress progress;
};

/* Its first response, behind the URL as the client has it. */
static void
relay(void *context, struct span piece, bool is_line)
{
	struct relaying *relaying = context;
	struct session *session = relaying->fetch->session;
	struct literal literal;

	if (relaying->progress == NOT_BEGUN && is_line &&
	    span_starts(piece, span_of("* URLFETCH "))) {
		begin_response(relaying->fetch);
		piece = span_slice(piece, sizeof("* URLFETCH ") - 1, SIZE_MAX);
	} else if (relaying->progress != WITHIN) {
		return;
	}
	put_span(session, piece);
	if (is_line)
		relaying->progress =
		    parse_literal(span_trim(piece), &literal) ? WITHIN : ENDED;
}

static void
add_request(const struct urlfetch *fetch, struct buf *command)
{
	buf_add_string(command, "URLFETCH (\"");
	buf_add(command, fetch->text);
	buf_add_string(command, "\"");
	for (size_t i = 0; i < sizeof(parameters) / sizeof(*parameters); i++)
		if ((fetch->wants & parameters[i].bit) != 0) {
			buf_add_char(command, ' ');
			buf_add_string(command, parameters[i].name);
		}
	buf_add_char(command, ')');
}

static bool
find_reader(struct urlfetch *fetch, struct span owner)
{
	struct session *session = fetch->session;

	if (fetch->reader != NULL &&
	    !span_equal(buf_span(&fetch->reader->owner), owner)) {
		guest_close(session, fetch->reader);
		fetch->reader = NULL;
	}
	if (fetch->reader == NULL) {
		fetch->reader = guest_open_reader(session, owner);
		fetch->is_later |=
		    fetch->reader == NULL && session->guests->is_later;
	}
	return fetch->reader != NULL;
}

/* A URL that parsed has nothing in it that cannot stand in quotes. */
static void
fetch_others(struct urlfetch *fetch, const struct imapurl *url)
{
	struct session *session = fetch->session;
	struct relaying relaying = { .fetch = fetch };
	struct buf command = buf_new((size_t)IMAPURL_MAX * 2);

	if (find_reader(fetch, url->owner)) {
		add_request(fetch, &command);
		if (guest_ask(session, fetch->reader, buf_span(&command), relay,
			&relaying) == GUEST_GONE) {
			fetch->reader = NULL;
			fetch->is_later |= relaying.progress == NOT_BEGUN;
		}
	}
	buf_free(&command);
	if (relaying.progress == NOT_BEGUN) {
		put_nil(fetch);
	} else if (relaying.progress == WITHIN) {
		/* What was announced will not come. */
		writer_flush(session->out);
		session->out->status = IO_ERROR;
	}
}

/* ---- the command ---- */

static bool
parse_parameters(struct parse *parse, unsigned *wants)
{
	while (parse_space(parse)) {
		size_t i = 0;
		size_t count = sizeof(parameters) / sizeof(*parameters);

		while (i < count && !parse_keyword(parse, parameters[i].name))
			i++;
		if (i == count || (*wants & parameters[i].bit) != 0)
			return false;
		*wants |= parameters[i].bit;
	}
	/* RFC 5524 section 3.1 */
	return (*wants & (WANTS_BODY | WANTS_BINARY)) !=
		   (WANTS_BODY | WANTS_BINARY) &&
	       parse_char(parse, ')');
}

static bool
parse_one(struct urlfetch *fetch, struct parse *parse)
{
	bool is_extended;

	fetch->wants = 0;
	if (!parse_space(parse))
		return false;
	is_extended = parse_char(parse, '(');
	return parse_astring(parse, &fetch->text) &&
	       (!is_extended || parse_parameters(parse, &fetch->wants));
}

static void
fetch_one(struct urlfetch *fetch)
{
	struct session *session = fetch->session;
	struct imapurl url;

	if (!imapurl_parse_authorized(&url, fetch->text)) {
		put_nil(fetch);
		return;
	}
	bool is_sure;
	bool is_own = urlauth_is_owner(session, url.owner, &is_sure) &&
		      (is_sure || urlauth_permits(session, &url));
	if (is_own)
		fetch_own(fetch, &url);
	else if (session->settings->can_share && url.mechanism.len > 0)
		fetch_others(fetch, &url);
	else
		put_nil(fetch);
	imapurl_free(&url);
}

/* On a copy, for parsing changes the command: nothing is told of a wrong one.
 */
static bool
is_command(const struct parse *parse)
{
	struct urlfetch fetch = { .session = NULL };
	struct span rest = parse_rest(parse);
	struct buf text = buf_new(rest.len);
	bool is_good = true;

	buf_add(&text, rest);
	struct parse copy = parse_begin(&text);
	do
		is_good = parse_one(&fetch, &copy);
	while (is_good && !parse_is_end(&copy));
	buf_free(&text);
	return is_good;
}

void
handle_urlfetch(struct session *session, struct parse *parse)
{
	struct urlfetch fetch = { .session = session };

	if (!is_command(parse)) {
		session_bad(session,
		    "BAD URLFETCH URL ... or (URL BODYPARTSTRUCTURE BINARY)");
		return;
	}
	fetch.source = url_source_new();
	while (session->out->status == IO_OK && parse_one(&fetch, parse))
		fetch_one(&fetch);
	if (fetch.reader != NULL)
		guest_close(session, fetch.reader);
	url_source_free(&fetch.source);
	if (fetch.is_later)
		session_finish(
		    session, "NO [UNAVAILABLE] some of them cannot be had now");
	else
		session_finish(session, "OK done");
}
