#include "sieve/compare.h"

#include "mail/utf8.h"

void
compare_add_folded(
    struct buf *into, enum sieve_comparator comparator, struct span text)
{
	switch (comparator) {
	case COMPARATOR_ASCII_CASEMAP:
		utf8_add_ascii_folded(into, text);
		return;
	case COMPARATOR_UNICODE_CASEMAP:
		utf8_add_folded(into, text);
		return;
	case COMPARATOR_OCTET:
	case COMPARATOR_ASCII_NUMERIC:
		buf_add(into, text);
		return;
	}
}

/* The digits that it begins with, without zeros before them. */
static struct span
digits_of(struct span text, bool *is_number)
{
	size_t len = 0;
	size_t zeros = 0;

	while (len < text.len && text.ptr[len] >= '0' && text.ptr[len] <= '9')
		len++;
	while (zeros < len && text.ptr[zeros] == '0')
		zeros++;
	*is_number = len > 0;
	return span_slice(text, zeros, len - zeros);
}

/* What is no number is more than any, and equals its like: RFC 4790 9.1. */
int
compare_numbers(struct span a, struct span b)
{
	bool is_a_number;
	bool is_b_number;
	struct span a_digits = digits_of(a, &is_a_number);
	struct span b_digits = digits_of(b, &is_b_number);

	if (!is_a_number || !is_b_number)
		return (int)is_b_number - (int)is_a_number;
	if (a_digits.len != b_digits.len)
		return a_digits.len < b_digits.len ? -1 : 1;
	return span_compare(a_digits, b_digits);
}

bool
compare_holds(enum sieve_relation relation, int order)
{
	switch (relation) {
	case RELATION_GT:
		return order > 0;
	case RELATION_GE:
		return order >= 0;
	case RELATION_LT:
		return order < 0;
	case RELATION_LE:
		return order <= 0;
	case RELATION_EQ:
		return order == 0;
	case RELATION_NE:
		return order != 0;
	}
	return false;
}

/* ---- patterns ---- */

/* Where a try stands. */
struct attempt {
	size_t text;
	size_t unit;
	size_t wildcard; /* the next one's number */
};

struct matching {
	const struct wildcards *pattern;
	const struct subject *subject;
	struct compare_capture *captures;
	size_t room;
	struct attempt at;
	bool has_star;
	struct attempt star; /* behind the last one, and what it took so far */
};

/* Where the character ends that begins at a place. */
static size_t
after_character(const struct subject *subject, size_t at)
{
	struct span rest = span_slice(subject->text, at, subject->text.len);

	if (subject->is_octets)
		return at + 1;
	utf8_next(&rest);
	return subject->text.len - rest.len;
}

/* The same, where one character became several when it was folded. */
static size_t
after_original(const struct subject *subject, size_t at)
{
	const uint32_t *places = subject->places;
	size_t end = after_character(subject, at);

	while (places != NULL && end < subject->text.len &&
	       places[end] == places[at])
		end++;
	return end;
}

static void
set_capture(struct matching *matching, size_t number, size_t start, size_t end)
{
	if (number < matching->room)
		matching->captures[number] =
		    (struct compare_capture){ start, end };
}

/* One unit forward; false if it does not fit. */
static bool
step(struct matching *matching)
{
	struct attempt *at = &matching->at;
	struct span text = matching->subject->text;
	uint16_t unit = matching->pattern->units[at->unit];

	if (unit == WILDCARD_STAR) {
		set_capture(matching, at->wildcard++, at->text, at->text);
		at->unit++;
		matching->star = *at;
		matching->has_star = true;
		return true;
	}
	if (at->text == text.len)
		return false;
	if (unit == WILDCARD_ANY) {
		size_t end = after_original(matching->subject, at->text);

		set_capture(matching, at->wildcard++, at->text, end);
		at->text = end;
	} else if (unit == (unsigned char)text.ptr[at->text]) {
		at->text++;
	} else {
		return false;
	}
	at->unit++;
	return true;
}

/*
 * Give the last star one character more: those before it are as short as they
 * can be, and longer ones would leave less for what follows.
 */
static bool
go_back(struct matching *matching)
{
	struct attempt *star = &matching->star;
	size_t len = matching->subject->text.len;

	if (!matching->has_star || star->text == len)
		return false;
	star->text = star->unit == matching->pattern->count
			 ? len
			 : after_character(matching->subject, star->text);
	if (star->wildcard - 1 < matching->room)
		matching->captures[star->wildcard - 1].end = star->text;
	matching->at = *star;
	return true;
}

/* Captures were set in the folded text. */
static void
set_places(const struct subject *subject, struct compare_capture *capture)
{
	const uint32_t *places = subject->places;

	if (places == NULL)
		return;
	/* One that begins or ends within a character begins or ends after it.
	 */
	if (capture->start > 0)
		while (capture->start < subject->text.len &&
		       places[capture->start] == places[capture->start - 1])
			capture->start++;
	if (capture->end > 0)
		while (capture->end < subject->text.len &&
		       places[capture->end] == places[capture->end - 1])
			capture->end++;
	if (capture->end < capture->start)
		capture->end = capture->start;
	capture->start = places[capture->start];
	capture->end = places[capture->end];
}

bool
compare_wildcards(const struct wildcards *pattern,
    const struct subject *subject, struct compare_capture *captures,
    size_t *count, uint64_t *steps)
{
	struct matching matching = { .pattern = pattern,
		.subject = subject,
		.captures = captures,
		.room = *count,
		.at = { .wildcard = 1 } };

	for (;;) {
		bool fits;

		if (*steps == 0)
			return false;
		--*steps;
		if (matching.at.unit == pattern->count) {
			if (matching.at.text == subject->text.len)
				break;
			fits = false;
		} else {
			fits = step(&matching);
		}
		if (!fits && !go_back(&matching))
			return false;
	}
	if (matching.at.wildcard < *count)
		*count = matching.at.wildcard;
	for (size_t i = 1; i < *count; i++)
		set_places(subject, &captures[i]);
	captures[0] = (struct compare_capture){ 0, subject->original.len };
	return true;
}
