#include "filter/hello.h"

#include <string.h>

#include "net/network.h"

static struct span
without_dot(struct span name)
{
	if (name.len > 0 && name.ptr[name.len - 1] == '.')
		name.len--;
	return name;
}

/* "[192.0.2.1]", "[IPv6:2001:db8::1]". */
static enum hello
judge_literal(struct span name, const struct hello_facts *facts)
{
	struct span text = span_slice(name, 1, name.len - 2);
	struct network literal;
	struct network ours;

	if (name.len < 3 || name.ptr[name.len - 1] != ']')
		return HELLO_OTHER_LITERAL;
	if (span_starts_nocase(text, span_of("IPv6:")))
		text = span_slice(text, 5, text.len);
	if (span_index(text, '/') < text.len || !network_parse(text, &literal))
		return HELLO_OTHER_LITERAL;
	if (memcmp(literal.bytes, facts->client, 16) == 0)
		return HELLO_LITERAL;
	if (network_parse(facts->our_address, &ours) &&
	    memcmp(literal.bytes, ours.bytes, 16) == 0)
		return HELLO_OWN;
	return HELLO_OTHER_LITERAL;
}

/* Two labels or more, not all of digits at the end. */
static bool
is_fqdn(struct span name)
{
	size_t dot = span_last_index(name, '.');
	bool has_letter = false;

	if (dot == name.len || dot == 0 || dot + 1 == name.len)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = ascii_lower(name.ptr[i]);
		bool is_letter = c >= 'a' && c <= 'z';

		if (!is_letter && !(c >= '0' && c <= '9') && c != '-' &&
		    c != '_' && c != '.')
			return false;
		if (c == '.' && i > 0 && name.ptr[i - 1] == '.')
			return false;
		if (i > dot && is_letter)
			has_letter = true;
	}
	return has_letter && name.ptr[0] != '.';
}

enum hello
hello_judge(struct span name, const struct hello_facts *facts)
{
	struct span bare = without_dot(name);

	if (name.len > 0 && name.ptr[0] == '[')
		return judge_literal(name, facts);
	if (span_equal_nocase(bare, without_dot(facts->our_name)))
		return HELLO_OWN;
	return is_fqdn(bare) ? HELLO_NAME : HELLO_NO_FQDN;
}
