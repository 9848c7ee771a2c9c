#include "sieve/values.h"

#include <stdio.h>
#include <string.h>

#include "mail/addr.h"
#include "mail/addrlist.h"
#include "mail/utf8.h"
#include "sieve/variable.h"

enum {
	SCRIPT_NAME_MAX = 512 /* bytes; RFC 5804 section 1.6 */
};

/* ---- addresses ---- */

/* atext of RFC 5322 section 3.2.3 and RFC 6532, and the dot of obs-phrase. */
static bool
is_phrase_char(char c)
{
	return ascii_is_alnum(c) || (unsigned char)c >= 0x80 ||
	       (c != '\0' && strchr(" \t.!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* Words and quoted strings, as a name before "<" is. */
static bool
is_phrase(struct span text)
{
	bool is_quoted = false;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '"')
			is_quoted = !is_quoted;
		else if (is_quoted && c == '\\')
			i++;
		else if (is_quoted ? c == '\r' || c == '\n' || c == '\0'
				   : !is_phrase_char(c))
			return false;
	}
	return !is_quoted;
}

bool
values_is_address(struct span text)
{
	struct span rest = span_trim(text);
	struct addr addr;

	if (rest.len > 0 && rest.ptr[rest.len - 1] == '>') {
		size_t open = span_last_index(rest, '<');

		if (open == rest.len || !is_phrase(span_slice(rest, 0, open)))
			return false;
		rest = span_slice(rest, open + 1, rest.len - open - 2);
	}
	return addr_parse_mailbox(rest, &addr) == ADDR_OK;
}

/* A mailbox-list of RFC 5322 section 3.4: no groups, each with a domain. */
static bool
is_mailbox_list(struct span text)
{
	struct addrlist list = { .rest = text };
	struct addrlist_item item = { .kind = ADDRLIST_MAILBOX };
	bool is_right = true;
	size_t count = 0;

	while (is_right && addrlist_next_item(&list, &item)) {
		is_right = item.kind == ADDRLIST_MAILBOX &&
			   item.local.len > 0 && item.domain.len > 0;
		count++;
	}
	addrlist_item_free(&item);
	return is_right && count > 0;
}

static const char *
address(struct span value, struct values_place *place)
{
	(void)place;
	return values_is_address(value) ? NULL : "is no address";
}

static const char *
addresses(struct span value, struct values_place *place)
{
	(void)place;
	return is_mailbox_list(value) ? NULL : "is no address";
}

/* ---- names of a few ---- */

static const char *
date_part(struct span value, struct values_place *place)
{
	static const char *const parts[] = { "year", "month", "day", "date",
		"julian", "hour", "minute", "second", "time", "iso8601",
		"std11", "zone", "weekday" };

	(void)place;
	return span_is_one_of(value, parts, sizeof(parts) / sizeof(*parts))
		   ? NULL
		   : "is no part of a date";
}

static const char *
envelope_part(struct span value, struct values_place *place)
{
	static const char *const parts[] = { "from", "to" };

	(void)place;
	return span_is_one_of(value, parts, sizeof(parts) / sizeof(*parts))
		   ? NULL
		   : "is no part of an envelope: those are \"from\" and \"to\"";
}

static const char *
importance(struct span value, struct values_place *place)
{
	(void)place;
	return value.len == 1 && value.ptr[0] >= '1' && value.ptr[0] <= '3'
		   ? NULL
		   : "is no importance: those are \"1\", \"2\" and \"3\"";
}

/* ---- forms ---- */

static const char *
zone(struct span value, struct values_place *place)
{
	uint64_t number;

	(void)place;
	return value.len == 5 && (value.ptr[0] == '+' || value.ptr[0] == '-') &&
		       span_number(span_slice(value, 1, 4), 10, 9999, &number)
		   ? NULL
		   : "is no time zone, as \"+0100\" is one";
}

bool
values_is_field_name(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] <= ' ' || text.ptr[i] > '~' ||
		    text.ptr[i] == ':')
			return false;
	return text.len > 0;
}

static const char *
field(struct span value, struct values_place *place)
{
	(void)place;
	return values_is_field_name(value) ? NULL
					   : "is no name of a header field";
}

/* l-d *l-d-p "=" value */
static const char *
option(struct span value, struct values_place *place)
{
	struct span rest = value;
	struct span name = span_cut(&rest, '=');
	bool is_right = name.len > 0 && name.len < value.len &&
			ascii_is_alnum(name.ptr[0]) &&
			span_index(rest, '\r') == rest.len &&
			span_index(rest, '\n') == rest.len;

	(void)place;
	for (size_t i = 0; is_right && i < name.len; i++)
		is_right =
		    ascii_is_alnum(name.ptr[i]) ||
		    (name.ptr[i] != '\0' && strchr(".-_", name.ptr[i]) != NULL);
	return is_right ? NULL : "is no option, as \"name=value\" is one";
}

/* RFC 5804 section 1.6: Net-Unicode without controls and line ends. */
static const char *
script(struct span value, struct values_place *place)
{
	bool is_right = value.len > 0 && value.len <= SCRIPT_NAME_MAX &&
			utf8_is_valid(value);

	(void)place;
	while (is_right && value.len > 0) {
		uint32_t c = utf8_next(&value);

		is_right = c >= ' ' && (c < 0x7f || c > 0x9f) && c != 0x2028 &&
			   c != 0x2029;
	}
	return is_right ? NULL : "is no name of a script";
}

/* ---- variables ---- */

/* A name, which is not a number, in the namespace "global" or in none; that the
 * namespace is there is seen to elsewhere. */
static const char *
set_name(struct span value, struct values_place *place)
{
	struct variable variable;

	(void)place;
	if (!variable_parse(value, &variable))
		return "is no name of a variable";
	if (variable.is_match)
		return "is no name of a variable that can be set";
	return variable.space.len == 0 ||
		       span_equal_nocase(variable.space, span_of("global"))
		   ? NULL
		   : "is in a namespace that there is not";
}

static const char *
global_name(struct span value, struct values_place *place)
{
	struct variable variable;

	(void)place;
	return variable_parse(value, &variable) && !variable.is_match &&
		       variable.space.len == 0
		   ? NULL
		   : "is no name of a variable that can be global";
}

/* ---- keys ---- */

static const char *
key(struct span value, struct values_place *place)
{
	struct regex regex;

	if (place->node->match != MATCH_REGEX)
		return NULL;
	if (*place->weight > VALUES_WEIGHT_MAX)
		return "is one regular expression too many";
	if (!regex_compile(&regex, value, REGEX_EXACT)) {
		snprintf(place->problem, sizeof(place->problem),
		    "is no regular expression: %s", regex.problem);
		return place->problem;
	}
	*place->weight += regex.count;
	regex_free(&regex);
	return NULL;
}

/* ---- all ---- */

static const char *
any(struct span value, struct values_place *place)
{
	(void)value;
	(void)place;
	return NULL;
}

static const struct {
	const char *(*check)(struct span value, struct values_place *place);
	bool is_constant;
} contents[CONTENT_COUNT] = {
	[CONTENT_ANY] = { any, false },
	[CONTENT_CONSTANT] = { any, true },
	[CONTENT_KEY] = { key, false },
	[CONTENT_ADDRESS] = { address, false },
	[CONTENT_ADDRESSES] = { addresses, false },
	[CONTENT_DATE_PART] = { date_part, false },
	[CONTENT_ZONE] = { zone, false },
	[CONTENT_ENVELOPE] = { envelope_part, false },
	[CONTENT_FIELD] = { field, false },
	[CONTENT_IMPORTANCE] = { importance, false },
	[CONTENT_OPTION] = { option, false },
	[CONTENT_SCRIPT] = { script, true },
	[CONTENT_SET] = { set_name, true },
	[CONTENT_VARIABLE] = { set_name, false },
	[CONTENT_GLOBAL] = { global_name, true },
};

bool
values_must_be_constant(enum grammar_content content)
{
	return contents[content].is_constant;
}

const char *
values_problem(
    enum grammar_content content, struct span value, struct values_place *place)
{
	return contents[content].check(value, place);
}
