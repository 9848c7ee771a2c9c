#include "service/oauth.h"

static const char separator = '\1';

/* The value of auth=, behind "Bearer ": RFC 6750's b64token. */
static bool
take_token(struct span value, struct span *token)
{
	static const char scheme[] = "Bearer ";

	if (!span_starts_nocase(value, span_of(scheme)))
		return false;
	*token = span_slice(value, sizeof(scheme) - 1, value.len);
	for (size_t i = 0; i < token->len; i++)
		if (token->ptr[i] <= ' ' || token->ptr[i] >= 0x7f)
			return false;
	return token->len > 0;
}

/*
 * The pairs KEY=VALUE, each ended by ^A, then one more ^A and the end.  *user
 * is set if there is such a key.
 */
static bool
take_pairs(struct span rest, struct span *user, struct span *token)
{
	bool has_token = false;

	while (rest.len > 0 && rest.ptr[0] != separator) {
		if (span_index(rest, separator) == rest.len)
			return false;
		struct span value = span_cut(&rest, separator);
		struct span key = span_cut(&value, '=');

		if (span_equal(key, span_of("auth"))) {
			if (has_token || !take_token(value, token))
				return false;
			has_token = true;
		} else if (span_equal(key, span_of("user"))) {
			*user = value;
		}
	}
	return has_token && rest.len == 1;
}

/* RFC 5801 section 4: "=2C" is a comma, "=3D" an equals sign. */
static bool
add_saslname(struct buf *name, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		struct span rest = span_slice(text, i, text.len);

		if (c == '=' && span_starts(rest, span_of("=2C")))
			c = ',';
		else if (c == '=' && span_starts(rest, span_of("=3D")))
			c = '=';
		else if (c == '=')
			return false;
		if (text.ptr[i] == '=')
			i += 2;
		buf_add_char(name, c);
	}
	return text.len > 0 && !name->overflow;
}

bool
oauth_parse_bearer(struct span message, struct buf *name, struct span *token)
{
	struct span rest = message;
	struct span header = span_cut(&rest, separator);
	struct span flag = span_cut(&header, ',');
	struct span authorization = span_cut(&header, ',');
	struct span unused = { 0 };

	/* There is no channel binding in OAUTHBEARER. */
	if (!span_equal(flag, span_of("n")) && !span_equal(flag, span_of("y")))
		return false;
	return header.len == 0 && span_starts(authorization, span_of("a=")) &&
	       add_saslname(
		   name, span_slice(authorization, 2, authorization.len)) &&
	       take_pairs(rest, &unused, token);
}

bool
oauth_parse_xoauth2(struct span message, struct buf *name, struct span *token)
{
	struct span user = { 0 };

	if (!take_pairs(message, &user, token) || user.len == 0)
		return false;
	buf_add(name, user);
	return !name->overflow;
}
