#include "sieve/match.h"

#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "mail/utf8.h"
#include "sieve/compare.h"

enum {
	FOLDED_GROWTH = 18, /* of a character's decomposition, in bytes each */
	KEPT_MAX = MATCH_PIECES_MAX * FOLDED_GROWTH,
	PIECE_MAX = 64 << 10,
	BYTES_A_STEP = 64 /* of what is compared a machine's word at a time */
};

/* ---- keys ---- */

static struct span
fold(struct match *match, struct span text)
{
	struct sieve_machine *machine = match->machine;
	size_t max = text.len * FOLDED_GROWTH + 1;
	struct buf folded = buf_new(max);
	struct span kept;

	if (match->comparator == COMPARATOR_OCTET ||
	    match->comparator == COMPARATOR_ASCII_NUMERIC)
		return text;
	sieve_spend_text(machine, text);
	compare_add_folded(&folded, match->comparator, text);
	kept = sieve_scratch_copy(machine, buf_span(&folded));
	buf_free(&folded);
	return kept;
}

static void
fold_keys(struct match *match)
{
	size_t count = match->keys.count;
	struct span *items =
	    sieve_scratch(match->machine, count * sizeof(*items));

	for (size_t i = 0; i < count; i++)
		items[i] = fold(match, match->keys.items[i]);
	match->folded = (struct sieve_list){ items, count };
}

/* A backslash makes what follows stand for itself, RFC 5228 section 2.7.1. */
static void
make_pattern(struct match *match, struct wildcards *pattern, struct span text)
{
	uint16_t *units;
	size_t count = 0;

	/* Folding does not touch '*', '?' and '\'. */
	text = fold(match, text);
	units = sieve_scratch(match->machine, (text.len + 1) * sizeof(*units));
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '\\' && i + 1 < text.len)
			units[count++] = (unsigned char)text.ptr[++i];
		else if (c == '*')
			units[count++] = WILDCARD_STAR;
		else if (c == '?')
			units[count++] = WILDCARD_ANY;
		else
			units[count++] = (unsigned char)c;
	}
	*pattern = (struct wildcards){ units, count };
}

static void
make_patterns(struct match *match)
{
	size_t count = match->keys.count;

	match->patterns =
	    sieve_scratch(match->machine, count * sizeof(*match->patterns));
	for (size_t i = 0; i < count; i++)
		make_pattern(match, &match->patterns[i], match->keys.items[i]);
}

static void
make_regexes(struct match *match)
{
	static const enum regex_case cases[] = {
		[COMPARATOR_ASCII_CASEMAP] = REGEX_ASCII_CASE,
		[COMPARATOR_OCTET] = REGEX_EXACT,
		[COMPARATOR_ASCII_NUMERIC] = REGEX_EXACT,
		[COMPARATOR_UNICODE_CASEMAP] = REGEX_UNICODE_CASE,
	};
	size_t count = match->keys.count;

	match->regexes = calloc(count + 1, sizeof(*match->regexes));
	if (match->regexes == NULL)
		temp_fail("out of memory");
	for (size_t i = 0; i < count; i++) {
		struct span key = match->keys.items[i];

		sieve_spend(match->machine, key.len);
		if (!regex_compile(
			&match->regexes[i], key, cases[match->comparator])) {
			sieve_fail(match->machine,
			    "\"%.*s\" is no regular expression: %s",
			    (int)key.len, key.ptr, match->regexes[i].problem);
			return;
		}
		sieve_spend(match->machine, match->regexes[i].count);
	}
}

void
match_begin(struct match *match, struct sieve_machine *machine,
    const struct sieve_node *node, struct sieve_list keys)
{
	match_begin_expanded(
	    match, machine, node, sieve_expand_list(machine, keys));
}

void
match_begin_expanded(struct match *match, struct sieve_machine *machine,
    const struct sieve_node *node, struct sieve_list keys)
{
	*match = (struct match){ .machine = machine,
		.type = node->match,
		.comparator = node->comparator,
		.relation = node->relation,
		.sets_captures = sieve_has(machine, EXTENSION_VARIABLES),
		.keys = keys };

	switch (match->type) {
	case MATCH_IS:
	case MATCH_CONTAINS:
	case MATCH_VALUE:
		fold_keys(match);
		return;
	case MATCH_MATCHES:
		make_patterns(match);
		return;
	case MATCH_REGEX:
		make_regexes(match);
		return;
	case MATCH_COUNT:
		return;
	}
}

/* After the last value: RFC 5231 section 4.2, the count is a number, whatever
 * the comparator. */
static bool
holds(struct match *match)
{
	char digits[SPAN_DIGITS_MAX];
	struct span count = span_digits(match->count, digits);

	for (size_t i = 0; match->type == MATCH_COUNT && i < match->keys.count;
	     i++)
		if (compare_holds(match->relation,
			compare_numbers(count, match->keys.items[i])))
			match->holds = true;
	return match->holds && !match->machine->has_failed;
}

bool
match_one(struct match *match, struct span value)
{
	match->holds = false;
	match->count = 0;
	match_value(match, value);
	return holds(match);
}

bool
match_end(struct match *match)
{
	if (match->regexes != NULL)
		for (size_t i = 0; i < match->keys.count; i++)
			regex_free(&match->regexes[i]);
	free(match->regexes);
	buf_free(&match->kept);
	buf_free(&match->cut);
	return holds(match);
}

/* ---- values ---- */

static int
order_of(const struct match *match, struct span value, struct span key)
{
	return match->comparator == COMPARATOR_ASCII_NUMERIC
		   ? compare_numbers(value, key)
		   : span_compare(value, key);
}

static bool
contains(struct span text, struct span part)
{
	return part.len == 0 ||
	       memmem(text.ptr, text.len, part.ptr, part.len) != NULL;
}

/* Of one that is folded already. */
static bool
fits_folded(struct match *match, struct span value, struct span key)
{
	if (!sieve_spend(
		match->machine, 1 + (value.len + key.len) / BYTES_A_STEP))
		return false;
	switch (match->type) {
	case MATCH_IS:
		return order_of(match, value, key) == 0;
	case MATCH_VALUE:
		return compare_holds(
		    match->relation, order_of(match, value, key));
	case MATCH_CONTAINS:
		return contains(value, key);
	case MATCH_MATCHES:
	case MATCH_REGEX:
	case MATCH_COUNT:
		break;
	}
	return false;
}

static bool
match_folded(struct match *match, struct span value)
{
	for (size_t i = 0; i < match->folded.count && !match->holds; i++)
		match->holds =
		    fits_folded(match, value, match->folded.items[i]);
	return match->holds;
}

static void
set_capture(struct match *match, size_t number, struct span text)
{
	struct buf *capture = &match->machine->captures[number];

	buf_clear(capture);
	if (text.len > SIEVE_VALUE_MAX)
		text = utf8_whole(span_slice(text, 0, SIEVE_VALUE_MAX));
	buf_add(capture, text);
}

/* ---- :matches ---- */

/* Folded character by character, each byte with its place in the value. */
static void
fold_with_places(
    struct match *match, struct subject *subject, struct span value)
{
	struct buf folded = buf_new(value.len * FOLDED_GROWTH + 1);
	struct buf places = buf_new((folded.max + 1) * sizeof(uint32_t));
	struct span rest = value;
	struct span all;

	for (;;) {
		uint32_t place = (uint32_t)(value.len - rest.len);
		const struct span bytes = { (const char *)&place,
			sizeof(place) };
		struct span here = rest;

		if (rest.len == 0) {
			buf_add(&places, bytes);
			break;
		}
		utf8_next(&rest);
		compare_add_folded(&folded, match->comparator,
		    span_slice(here, 0, here.len - rest.len));
		while (places.len < folded.len * sizeof(place))
			buf_add(&places, bytes);
	}
	subject->text = sieve_scratch_copy(match->machine, buf_span(&folded));
	all = sieve_scratch_copy(match->machine, buf_span(&places));
	/* The arena's pieces are aligned for anything. */
	subject->places = (const uint32_t *)(const void *)all.ptr;
	buf_free(&folded);
	buf_free(&places);
}

static void
set_captures(struct match *match, struct span value,
    const struct compare_capture *captures, size_t count)
{
	if (!match->sets_captures)
		return;
	for (size_t i = 0; i < count; i++)
		set_capture(match, i,
		    span_slice(value, captures[i].start,
			captures[i].end - captures[i].start));
	match->machine->capture_count = count;
}

static bool
match_patterns(struct match *match, struct span value)
{
	struct sieve_machine *machine = match->machine;
	struct subject subject = { .original = value,
		.is_octets = match->comparator == COMPARATOR_OCTET };
	struct compare_capture captures[SIEVE_CAPTURES_MAX];

	if (match->comparator == COMPARATOR_UNICODE_CASEMAP &&
	    sieve_spend(machine, value.len))
		fold_with_places(match, &subject, value);
	else
		subject.text = fold(match, value);
	for (size_t i = 0; i < match->keys.count && !match->holds; i++) {
		size_t count = SIEVE_CAPTURES_MAX;

		match->holds = compare_wildcards(&match->patterns[i], &subject,
		    captures, &count, &machine->steps);
		if (!sieve_spend(machine, 1))
			match->holds = false;
		if (match->holds)
			set_captures(match, value, captures, count);
	}
	return match->holds;
}

/* ---- :regex ---- */

static bool
match_regexes(struct match *match, struct span value)
{
	struct sieve_machine *machine = match->machine;
	struct regex_group groups[REGEX_GROUPS_MAX];
	struct compare_capture captures[REGEX_GROUPS_MAX];

	for (size_t i = 0;
	     i < match->keys.count && !match->holds && !machine->has_failed;
	     i++) {
		const struct regex *regex = &match->regexes[i];

		match->holds =
		    regex_search(regex, value, groups, &machine->steps);
		if (!sieve_spend(machine, 1))
			match->holds = false;
		if (!match->holds)
			continue;
		for (size_t k = 0; k < regex->groups; k++)
			captures[k] =
			    groups[k].start == SIZE_MAX ||
				    groups[k].end == SIZE_MAX
				? (struct compare_capture){ 0, 0 }
				: (struct compare_capture){ groups[k].start,
					  groups[k].end };
		set_captures(match, value, captures, regex->groups);
	}
	return match->holds;
}

bool
match_value(struct match *match, struct span value)
{
	if (match->machine->has_failed || match->holds)
		return match->holds;
	switch (match->type) {
	case MATCH_IS:
	case MATCH_VALUE:
	case MATCH_CONTAINS:
		return match_folded(match, fold(match, value));
	case MATCH_MATCHES:
		return match_patterns(match, value);
	case MATCH_REGEX:
		return match_regexes(match, value);
	case MATCH_COUNT:
		match->count++;
		return false;
	}
	return false;
}

/* ---- a value in pieces ---- */

static size_t
longest_key(const struct match *match)
{
	size_t longest = 0;

	for (size_t i = 0; i < match->folded.count; i++)
		if (match->folded.items[i].len > longest)
			longest = match->folded.items[i].len;
	return longest;
}

void
match_begin_pieces(struct match *match)
{
	buf_free(&match->kept);
	buf_free(&match->cut);
	match->kept = buf_new(KEPT_MAX);
	match->cut = buf_new(MATCH_PIECES_MAX);
	/* What is empty is in all of them, also in an empty one. */
	if (match->type == MATCH_CONTAINS && !match->machine->has_failed)
		match_folded(match, (struct span){ "", 0 });
}

/* Folded behind what is left of the piece before. */
static bool
contains_in_piece(struct match *match, struct span piece)
{
	size_t longest = longest_key(match);
	struct span whole;

	buf_add(&match->cut, piece);
	whole = utf8_whole(buf_span(&match->cut));
	sieve_spend_text(match->machine, whole);
	compare_add_folded(&match->kept, match->comparator, whole);
	buf_drop(&match->cut, whole.len);
	match_folded(match, buf_span(&match->kept));
	if (longest > 0 && match->kept.len >= longest)
		buf_drop(&match->kept, match->kept.len - (longest - 1));
	return match->holds;
}

bool
match_wants_pieces(const struct match *match)
{
	return !match->holds && !match->machine->has_failed &&
	       match->type != MATCH_COUNT &&
	       (match->type == MATCH_CONTAINS ||
		   match->kept.len < MATCH_PIECES_MAX);
}

bool
match_piece(struct match *match, struct span piece)
{
	if (match->holds || match->machine->has_failed ||
	    match->type == MATCH_COUNT)
		return match->holds;
	if (match->type != MATCH_CONTAINS) {
		buf_add(&match->kept,
		    span_slice(piece, 0, MATCH_PIECES_MAX - match->kept.len));
		return false;
	}
	while (piece.len > 0 && !match->holds && !match->machine->has_failed) {
		struct span part = span_slice(piece, 0, PIECE_MAX);

		contains_in_piece(match, part);
		piece = span_slice(piece, part.len, piece.len);
	}
	return match->holds;
}

bool
match_end_pieces(struct match *match)
{
	if (match->type != MATCH_CONTAINS)
		return match_value(match, buf_span(&match->kept));
	if (!match->holds && match->cut.len > 0) {
		compare_add_folded(
		    &match->kept, match->comparator, buf_span(&match->cut));
		match_folded(match, buf_span(&match->kept));
	}
	return match->holds;
}
