#include "mail/addr.h"

#include <string.h>

/*
 * A cursor over the line.  Each skip_ function moves it over one rule of the
 * grammar, or returns false and leaves it anywhere: the first false ends the
 * parse.
 */
struct cursor {
	const char *at;
	const char *end;
};

static bool
is_utf8(char c)
{
	return (unsigned char)c >= 0x80;
}

static bool
is_alnum(char c)
{
	return ascii_is_alnum(c) || is_utf8(c);
}

static bool
is_atext(char c)
{
	return is_alnum(c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static bool
is_domain_char(char c)
{
	return is_alnum(c) || c == '-';
}

static bool
is_literal_char(char c)
{
	return c > ' ' && c < 0x7f && c != '[' && c != ']' && c != '\\';
}

static bool
skip_char(struct cursor *in, char want)
{
	if (in->at == in->end || *in->at != want)
		return false;
	in->at++;
	return true;
}

/* One or more bytes of one class. */
static bool
skip_run(struct cursor *in, bool (*is_member)(char))
{
	const char *start = in->at;

	while (in->at < in->end && is_member(*in->at))
		in->at++;
	return in->at > start;
}

/* run *("." run): Dot-string and Domain are both of this form. */
static bool
skip_dotted(struct cursor *in, bool (*is_member)(char))
{
	do {
		if (!skip_run(in, is_member))
			return false;
	} while (skip_char(in, '.'));
	return true;
}

/* Quoted-string, after its opening quote. */
static bool
skip_quoted(struct cursor *in)
{
	while (in->at < in->end && *in->at != '"') {
		if (*in->at == '\\' && ++in->at == in->end)
			return false;
		if (!is_utf8(*in->at) && (*in->at < ' ' || *in->at > '~'))
			return false;
		in->at++;
	}
	return skip_char(in, '"');
}

static bool
skip_local(struct cursor *in)
{
	return skip_char(in, '"') ? skip_quoted(in) : skip_dotted(in, is_atext);
}

static bool
skip_domain(struct cursor *in)
{
	if (skip_char(in, '['))
		return skip_run(in, is_literal_char) && skip_char(in, ']');
	return skip_dotted(in, is_domain_char);
}

/* A-d-l ":", RFC 5321 appendix C; absent is fine. */
static bool
skip_source_route(struct cursor *in)
{
	if (!skip_char(in, '@'))
		return true;
	do {
		if (!skip_domain(in))
			return false;
	} while (skip_char(in, ',') && skip_char(in, '@'));
	return skip_char(in, ':');
}

static struct span
span_between(const char *start, const char *end)
{
	return (struct span){ start, (size_t)(end - start) };
}

static bool
parse_mailbox(struct cursor *in, struct addr *addr)
{
	const char *start = in->at;

	if (!skip_local(in))
		return false;
	addr->local = span_between(start, in->at);
	if (in->at < in->end && *in->at == '>' &&
	    span_equal_nocase(addr->local, span_of("postmaster")))
		return true;
	if (!skip_char(in, '@'))
		return false;
	start = in->at;
	if (!skip_domain(in))
		return false;
	addr->domain = span_between(start, in->at);
	return true;
}

static bool
is_too_long(const struct addr *addr)
{
	return addr->local.len > ADDR_LOCAL_MAX ||
	       addr->domain.len > ADDR_DOMAIN_MAX;
}

enum addr_status
addr_parse_path(struct span line, struct addr *addr, struct span *rest)
{
	struct cursor in = { line.ptr, line.ptr + line.len };
	struct addr found = { { "", 0 }, { "", 0 } };

	if (!skip_char(&in, '<'))
		return ADDR_SYNTAX;
	if (!skip_char(&in, '>')) {
		if (!skip_source_route(&in) || !parse_mailbox(&in, &found) ||
		    !skip_char(&in, '>'))
			return ADDR_SYNTAX;
		if (is_too_long(&found))
			return ADDR_TOO_LONG;
	}
	*addr = found;
	*rest = span_between(in.at, in.end);
	return ADDR_OK;
}

enum addr_status
addr_parse_mailbox(struct span text, struct addr *addr)
{
	struct cursor in = { text.ptr, text.ptr + text.len };
	struct addr found = { { "", 0 }, { "", 0 } };

	if (!parse_mailbox(&in, &found) || in.at != in.end)
		return ADDR_SYNTAX;
	if (is_too_long(&found))
		return ADDR_TOO_LONG;
	*addr = found;
	return ADDR_OK;
}

/* The content of "quoted" if it is a Dot-string, else empty. */
static struct span
needless_quotes(struct span local)
{
	struct span inner = span_slice(local, 1, local.len - 2);
	struct cursor in = { inner.ptr, inner.ptr + inner.len };

	if (local.len < 3 || local.ptr[0] != '"')
		return (struct span){ "", 0 };
	if (!skip_dotted(&in, is_atext) || in.at != in.end)
		return (struct span){ "", 0 };
	return inner;
}

void
addr_add_canonical(struct buf *into, const struct addr *addr)
{
	struct span bare = needless_quotes(addr->local);

	if (addr->local.len == 0)
		return;
	buf_add(into, bare.len > 0 ? bare : addr->local);
	if (addr->domain.len == 0)
		return;
	buf_add_char(into, '@');
	for (size_t i = 0; i < addr->domain.len; i++)
		buf_add_char(into, ascii_lower(addr->domain.ptr[i]));
}
