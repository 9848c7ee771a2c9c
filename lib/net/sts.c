#include "net/sts.h"

#include <string.h>

static const char *const mode_names[] = { [STS_NONE] = "none",
	[STS_TESTING] = "testing",
	[STS_ENFORCE] = "enforce" };

struct sts_policy
sts_policy_new(void)
{
	return (struct sts_policy){ .patterns = buf_new(STS_PATTERNS_MAX) };
}

void
sts_policy_free(struct sts_policy *policy)
{
	buf_free(&policy->patterns);
	policy->mode = STS_NONE;
}

const char *
sts_mode_name(enum sts_mode mode)
{
	return mode_names[mode];
}

/* ---- names ---- */

static bool
is_label(struct span label)
{
	for (size_t i = 0; i < label.len; i++)
		if (!ascii_is_alnum(label.ptr[i]) && label.ptr[i] != '-' &&
		    label.ptr[i] != '_')
			return false;
	return label.len > 0 && label.len <= 63;
}

static bool
is_name(struct span name)
{
	size_t labels = span_count(name, '.') + 1;

	if (name.len == 0 || name.len > STS_DOMAIN_MAX)
		return false;
	for (size_t i = 0; i < labels; i++)
		if (!is_label(span_cut(&name, '.')))
			return false;
	return true;
}

static void
add_lower(struct buf *buf, struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		buf_add_char(buf, ascii_lower(text.ptr[i]));
}

bool
sts_add_domain(struct buf *buf, struct span domain)
{
	if (!is_name(domain))
		return false;
	add_lower(buf, domain);
	return true;
}

/* ---- the policy ---- */

/* A field's name and value; false if the line has none. */
static bool
cut_field(struct span *body, struct span *name, struct span *value)
{
	struct span line = span_cut(body, '\n');

	*value = line;
	*name = span_cut(value, ':');
	*value = span_trim(*value);
	return name->len < line.len;
}

bool
sts_find_field(struct span body, const char *name, struct span *value)
{
	struct span found;
	struct span field;

	while (body.len > 0)
		if (cut_field(&body, &field, &found) &&
		    span_equal(field, span_of(name))) {
			*value = found;
			return true;
		}
	return false;
}

static bool
read_mode(struct span body, enum sts_mode *mode)
{
	struct span value;

	if (!sts_find_field(body, "mode", &value))
		return false;
	for (size_t i = 0; i < sizeof(mode_names) / sizeof(*mode_names); i++)
		if (span_equal(value, span_of(mode_names[i]))) {
			*mode = (enum sts_mode)i;
			return true;
		}
	return false;
}

static bool
read_age(struct span body, uint64_t *age_s)
{
	struct span value;

	if (!sts_find_field(body, "max_age", &value) || value.len > 10 ||
	    !span_number(value, 10, INT64_MAX, age_s))
		return false;
	if (*age_s > STS_AGE_MAX)
		*age_s = STS_AGE_MAX;
	return true;
}

static bool
add_pattern(struct buf *patterns, struct span pattern)
{
	struct span name = span_starts(pattern, span_of("*."))
			       ? span_slice(pattern, 2, pattern.len)
			       : pattern;

	if (!is_name(name))
		return false;
	buf_add_string(patterns, "mx: ");
	add_lower(patterns, pattern);
	buf_add_char(patterns, '\n');
	return !patterns->overflow;
}

bool
sts_parse_policy(struct span body, struct sts_policy *policy)
{
	struct span rest = body;
	struct span value;
	struct span name;

	buf_clear(&policy->patterns);
	if (body.len > STS_BODY_MAX ||
	    !sts_find_field(body, "version", &value) ||
	    !span_equal(value, span_of("STSv1")) ||
	    !read_mode(body, &policy->mode) ||
	    !read_age(body, &policy->max_age_s))
		return false;
	while (rest.len > 0) {
		bool is_field = cut_field(&rest, &name, &value);

		if (!is_field && span_trim(name).len > 0)
			return false;
		if (is_field && span_equal(name, span_of("mx")) &&
		    !add_pattern(&policy->patterns, value))
			return false;
	}
	return policy->mode == STS_NONE || policy->patterns.len > 0;
}

void
sts_add_policy(struct buf *buf, const struct sts_policy *policy)
{
	buf_printf(buf, "version: STSv1\nmode: %s\nmax_age: %llu\n",
	    mode_names[policy->mode], (unsigned long long)policy->max_age_s);
	buf_add(buf, buf_span(&policy->patterns));
}

/* "*." stands for one label: RFC 6125 section 6.4.3, of which it is the first.
 */
static bool
fits(struct span pattern, struct span host)
{
	if (span_starts(pattern, span_of("*."))) {
		if (span_cut(&host, '.').len == 0)
			return false;
		pattern = span_slice(pattern, 2, pattern.len);
	}
	return span_equal_nocase(pattern, host);
}

bool
sts_admits(const struct sts_policy *policy, struct span host)
{
	struct span rest = buf_span(&policy->patterns);
	struct span pattern;
	struct span name;

	while (rest.len > 0)
		if (cut_field(&rest, &name, &pattern) && fits(pattern, host))
			return true;
	return false;
}

/* ---- the record ---- */

static const char version[] = "v=STSv1";

bool
sts_is_record(struct span text)
{
	struct span after = span_slice(text, strlen(version), text.len);

	return span_starts(text, span_of(version)) &&
	       span_starts(span_trim(after), span_of(";"));
}

static bool
is_id(struct span id)
{
	for (size_t i = 0; i < id.len; i++)
		if (!ascii_is_alnum(id.ptr[i]))
			return false;
	return id.len > 0 && id.len <= STS_ID_MAX;
}

bool
sts_parse_record(struct span text, struct span *id)
{
	bool has_id = false;

	if (!sts_is_record(text))
		return false;
	span_cut(&text, ';');
	while (text.len > 0) {
		struct span value = span_trim(span_cut(&text, ';'));
		bool is_last = value.len == 0;
		struct span name = span_cut(&value, '=');

		if (is_last)
			break;
		if (value.len == 0)
			return false;
		if (has_id || !span_equal(name, span_of("id")))
			continue;
		if (!is_id(value))
			return false;
		*id = value;
		has_id = true;
	}
	return has_id && span_trim(text).len == 0;
}
