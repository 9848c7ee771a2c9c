#include "mail/imapurl.h"

#include "mail/percent.h"
#include "mail/rfc3339.h"
#include "mail/utf8.h"

/* Raw, these would end a path or begin what we do not take. */
static bool
is_taken_raw(char c)
{
	return (unsigned char)c > ' ' && c != 0x7f && c != ';' && c != '?' &&
	       c != '#' && c != '"' && c != '\\';
}

/* %HH decoded, and nothing but text in UTF-8. */
static bool
decode(struct buf *into, struct span text, size_t *start)
{
	*start = into->len;
	for (size_t i = 0; i < text.len; i++)
		if (!is_taken_raw(text.ptr[i]))
			return false;
	if (!percent_add_decoded(into, text))
		return false;
	return !into->overflow &&
	       utf8_is_valid(span_slice(buf_span(into), *start, SIZE_MAX));
}

/* Cut off what follows the first mark, any case; false if it is not there. */
static bool
cut_at(struct span *text, const char *mark, struct span *after)
{
	struct span word = span_of(mark);

	for (size_t i = 0; i + word.len <= text->len; i++)
		if (span_starts_nocase(span_slice(*text, i, SIZE_MAX), word)) {
			*after = span_slice(*text, i + word.len, SIZE_MAX);
			text->len = i;
			return true;
		}
	return false;
}

static bool
parse_positive(struct span text, uint32_t *number)
{
	uint64_t value;

	if (!span_number(text, 10, UINT32_MAX, &value) || value == 0)
		return false;
	*number = (uint32_t)value;
	return true;
}

/* "OFFSET" or "OFFSET.LENGTH" */
static bool
parse_partial(struct imapurl *url, struct span text)
{
	bool has_length = span_index(text, '.') < text.len;
	struct span offset = span_cut(&text, '.');

	if (!span_number(offset, 10, INT64_MAX, &url->offset))
		return false;
	return !has_length || (span_number(text, 10, INT64_MAX, &url->length) &&
				  url->length > 0);
}

static bool
parse_folder(struct imapurl *url, struct span text, size_t *start)
{
	struct span validity;

	url->has_folder = true;
	if (cut_at(&text, ";UIDVALIDITY=", &validity) &&
	    !parse_positive(validity, &url->uid_validity))
		return false;
	if (span_starts(text, span_of("/"))) {
		url->is_rooted = true;
		text = span_slice(text, 1, SIZE_MAX);
	}
	/* "//server/" is another host's. */
	return text.len > 0 && text.ptr[0] != '/' &&
	       decode(&url->decoded, text, start);
}

static bool
parse_all(struct imapurl *url, struct span text)
{
	struct span rest = { NULL, 0 };
	struct span section = { NULL, 0 };
	struct span partial;
	size_t folder_start = 0;
	size_t section_start;

	if (cut_at(&text, "/;UID=", &rest)) {
		if (!parse_folder(url, text, &folder_start))
			return false;
	} else if (!cut_at(&text, ";UID=", &rest) || text.len > 0) {
		return false;
	}
	if (cut_at(&rest, "/;PARTIAL=", &partial) &&
	    !parse_partial(url, partial))
		return false;
	if (cut_at(&rest, "/;SECTION=", &section) && section.len == 0)
		return false;
	size_t folder_len = url->decoded.len;
	if (!parse_positive(rest, &url->uid) ||
	    !decode(&url->decoded, section, &section_start))
		return false;
	struct span decoded = buf_span(&url->decoded);
	url->folder = span_slice(decoded, folder_start, folder_len);
	url->section = span_slice(decoded, section_start, SIZE_MAX);
	return true;
}

bool
imapurl_parse(struct imapurl *url, struct span text)
{
	*url = (struct imapurl){ .decoded = buf_new(IMAPURL_MAX),
		.length = UINT64_MAX };
	if (parse_all(url, text))
		return true;
	imapurl_free(url);
	return false;
}

/* ---- with URLAUTH ---- */

static const char scheme[] = "imap://";

/* RFC 3986 section 2: so it can always be told in quotes. */
static bool
is_visible(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f ||
		    text.ptr[i] == '"' || text.ptr[i] == '\\')
			return false;
	return true;
}

/* A name that is not empty, in the URL's place for it. */
static bool
decode_name(struct imapurl *url, struct span text, size_t *start, size_t *len)
{
	if (!decode(&url->decoded, text, start))
		return false;
	*len = url->decoded.len - *start;
	return *len > 0;
}

/* What the client calls this server by: "[::1]:143" is a name, too. */
static bool
is_host(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (!ascii_is_alnum(c) && c != '-' && c != '.' && c != '_' &&
		    c != ':' && c != '[' && c != ']')
			return false;
	}
	return text.len > 0;
}

/* RFC 4467 section 7: the user is mandatory.  ";AUTH=" says how to log in, and
 * has no use here. */
static bool
find_owner(struct span *text, struct span *owner)
{
	struct span server = span_slice(*text, 0, span_index(*text, '/'));
	size_t at = span_index(server, '@');
	struct span how;

	*text = span_slice(*text, server.len, SIZE_MAX);
	*owner = span_slice(server, 0, at);
	cut_at(owner, ";AUTH=", &how);
	return at < server.len && is_host(span_slice(server, at + 1, SIZE_MAX));
}

static bool
parse_access(struct imapurl *url, struct span text, struct span *user)
{
	static const char submit[] = "submit+";
	static const char only[] = "user+";

	*user = (struct span){ NULL, 0 };
	if (span_starts_nocase(text, span_of(submit))) {
		url->access = IMAPURL_SUBMIT;
		*user = span_slice(text, sizeof(submit) - 1, SIZE_MAX);
	} else if (span_starts_nocase(text, span_of(only))) {
		url->access = IMAPURL_USER;
		*user = span_slice(text, sizeof(only) - 1, SIZE_MAX);
	} else if (span_equal_nocase(text, span_of("authuser"))) {
		url->access = IMAPURL_AUTHUSER;
		return true;
	} else {
		url->access = IMAPURL_ANONYMOUS;
		return span_equal_nocase(text, span_of("anonymous"));
	}
	/* Raw, these would be read as something else: RFC 5092's achar. */
	return user->len > 0 && span_index(*user, '/') == user->len &&
	       span_index(*user, '@') == user->len;
}

/* ":MECHANISM:TOKEN", or nothing. */
static bool
parse_verifier(struct imapurl *url, struct span text)
{
	if (text.len == 0)
		return true;
	text = span_slice(text, 1, SIZE_MAX);
	url->mechanism = span_cut(&text, ':');
	url->token = text;
	return url->mechanism.len > 0 && url->token.len > 0;
}

static bool
parse_authorization(
    struct imapurl *url, struct span text, struct span *path, struct span *user)
{
	struct span access;
	struct span expiry;

	*path = text;
	if (!cut_at(path, ";URLAUTH=", &access))
		return false;
	size_t len = span_index(access, ':');
	url->rump =
	    (struct span){ text.ptr, (size_t)(access.ptr - text.ptr) + len };
	if (!parse_access(url, span_slice(access, 0, len), user) ||
	    !parse_verifier(url, span_slice(access, len, SIZE_MAX)))
		return false;
	url->has_expiry = cut_at(path, ";EXPIRE=", &expiry);
	return !url->has_expiry || rfc3339_parse(expiry, &url->expires_s);
}

static bool
parse_authorized(struct imapurl *url, struct span text)
{
	struct span path;
	struct span owner;
	struct span user;
	size_t owner_start;
	size_t owner_len;
	size_t user_start;
	size_t user_len = 0;

	if (text.len > IMAPURL_MAX || !is_visible(text) ||
	    !span_starts_nocase(text, span_of(scheme)) ||
	    !parse_authorization(url, text, &path, &user))
		return false;
	path = span_slice(path, sizeof(scheme) - 1, SIZE_MAX);
	if (!find_owner(&path, &owner) || !parse_all(url, path) ||
	    !url->has_folder || !url->is_rooted)
		return false;
	size_t folder_len = url->folder.len;
	size_t section_len = url->section.len;
	if (!decode_name(url, owner, &owner_start, &owner_len) ||
	    (user.len > 0 && !decode_name(url, user, &user_start, &user_len)))
		return false;
	/* The memory may have moved. */
	struct span decoded = buf_span(&url->decoded);
	url->folder = span_slice(decoded, 0, folder_len);
	url->section = span_slice(decoded, folder_len, section_len);
	url->owner = span_slice(decoded, owner_start, owner_len);
	if (user.len > 0)
		url->user = span_slice(decoded, user_start, user_len);
	return true;
}

bool
imapurl_parse_authorized(struct imapurl *url, struct span text)
{
	*url = (struct imapurl){ .decoded = buf_new(IMAPURL_MAX),
		.length = UINT64_MAX };
	if (parse_authorized(url, text))
		return true;
	imapurl_free(url);
	return false;
}

void
imapurl_free(struct imapurl *url)
{
	buf_free(&url->decoded);
}

void
imapurl_add_shown(struct buf *into, struct span text)
{
	for (size_t i = 0; i < text.len && i < IMAPURL_MAX; i++) {
		char c = text.ptr[i];

		if (c < ' ' || c == 0x7f || c == ']')
			buf_printf(into, "%%%02X", (unsigned)(unsigned char)c);
		else
			buf_add_char(into, c);
	}
}
