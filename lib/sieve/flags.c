/*
 * flags - the flags that a message is to have: RFC 5232.
 */

#include <string.h>

#include "sieve/match.h"

enum {
	BYTES_A_STEP = 64
};

/* A flag that can be kept: a keyword (an atom), or a system flag but \Recent,
 * RFC 9051 section 2.3.2. */
static bool
is_flag(struct span flag)
{
	static const char *const system_flags[] = { "\\Answered", "\\Flagged",
		"\\Deleted", "\\Seen", "\\Draft" };

	if (flag.len > 0 && flag.ptr[0] == '\\')
		return span_is_one_of(flag, system_flags,
		    sizeof(system_flags) / sizeof(*system_flags));
	for (size_t i = 0; i < flag.len; i++)
		if (flag.ptr[i] <= ' ' || flag.ptr[i] >= 0x7f ||
		    strchr("(){%*\"\\]", flag.ptr[i]) != NULL)
			return false;
	return flag.len > 0;
}

/* The flag in flags; ptr NULL: it is not there. */
static struct span
find(struct span flags, struct span flag)
{
	while (flags.len > 0) {
		struct span one = span_cut_word(&flags);

		if (span_equal_nocase(one, flag))
			return one;
	}
	return (struct span){ NULL, 0 };
}

static void
add(struct buf *flags, struct span flag)
{
	if (!is_flag(flag) || find(buf_span(flags), flag).ptr != NULL ||
	    flags->max - flags->len <= flag.len)
		return;
	if (flags->len > 0)
		buf_add_char(flags, ' ');
	buf_add(flags, flag);
}

void
sieve_flags_add(
    struct sieve_machine *machine, struct buf *flags, struct sieve_list strings)
{
	for (size_t i = 0; i < strings.count; i++) {
		struct span rest = strings.items[i];
		size_t most = flags->len + rest.len;

		/* Each is looked for among those that are there. */
		most = most < flags->max ? most : flags->max;
		if (!sieve_spend(machine,
			1 + (uint64_t)rest.len * (1 + most / BYTES_A_STEP)))
			return;
		while (rest.len > 0)
			add(flags, span_cut_word(&rest));
	}
}

/* What is in old and in none of the strings. */
static void
add_rest(struct buf *flags, struct span old, struct sieve_list strings)
{
	while (old.len > 0) {
		struct span flag = span_cut_word(&old);
		bool is_there = false;

		for (size_t i = 0; i < strings.count && !is_there; i++)
			is_there = find(strings.items[i], flag).ptr != NULL;
		if (!is_there)
			add(flags, flag);
	}
}

void
sieve_run_flags(struct sieve_machine *machine, const struct sieve_node *node)
{
	struct span variable = sieve_expand_one(machine, node->arguments[0]);
	struct sieve_list strings =
	    sieve_expand_list(machine, node->arguments[1]);
	struct span old = variable.ptr == NULL
			      ? buf_span(&machine->flags)
			      : sieve_variable_get(machine, variable);
	struct buf flags = buf_new(SIEVE_FLAGS_MAX);

	for (size_t i = 0; i < strings.count; i++)
		sieve_spend(machine, (uint64_t)strings.items[i].len *
					 (1 + old.len / BYTES_A_STEP));
	if (node->word != WORD_SETFLAG && !machine->has_failed)
		add_rest(&flags, old,
		    node->word == WORD_REMOVEFLAG
			? strings
			: (struct sieve_list){ NULL, 0 });
	if (node->word != WORD_REMOVEFLAG)
		sieve_flags_add(machine, &flags, strings);
	if (variable.ptr != NULL) {
		sieve_variable_set(machine, variable, buf_span(&flags));
	} else {
		buf_clear(&machine->flags);
		buf_add(&machine->flags, buf_span(&flags));
		machine->has_flags = true;
	}
	sieve_trace(machine, node, "%.*s", (int)flags.len,
	    flags.len == 0 ? "" : flags.data);
	buf_free(&flags);
}

struct span
sieve_flags_now(struct sieve_machine *machine, const struct sieve_node *node)
{
	struct sieve_list given = node->options[OPTION_FLAGS];
	struct buf flags = buf_new(SIEVE_FLAGS_MAX);
	struct span kept = { NULL, 0 };

	if (given.items != NULL)
		sieve_flags_add(
		    machine, &flags, sieve_expand_list(machine, given));
	else if (machine->has_flags)
		buf_add(&flags, buf_span(&machine->flags));
	if (given.items != NULL || machine->has_flags)
		kept = sieve_keep_buf(machine, &flags);
	buf_free(&flags);
	return kept;
}

/* ---- hasflag ---- */

/* Each flag by itself is a key, RFC 5232 section 4; but numbers are not
 * flags. */
static struct sieve_list
split_keys(struct sieve_machine *machine, const struct sieve_node *node,
    struct sieve_list keys)
{
	struct span *items;
	size_t max = 0;
	size_t count = 0;

	if (node->match == MATCH_COUNT || node->match == MATCH_VALUE)
		return keys;
	for (size_t i = 0; i < keys.count; i++)
		max += keys.items[i].len / 2 + 1;
	items = sieve_scratch(machine, max * sizeof(*items));
	for (size_t i = 0; i < keys.count; i++) {
		struct span rest = keys.items[i];

		while (rest.len > 0) {
			struct span key = span_cut_word(&rest);

			if (key.len > 0)
				items[count++] = key;
		}
	}
	return (struct sieve_list){ items, count };
}

/* Of the distinct flags of one variable; a string that set left there may have
 * others. */
static void
match_flags(struct match *match, struct span text)
{
	struct buf flags = buf_new(SIEVE_FLAGS_MAX);
	struct span rest;

	sieve_flags_add(
	    match->machine, &flags, (struct sieve_list){ &text, 1 });
	rest = buf_span(&flags);
	while (rest.len > 0 && !match_value(match, span_cut_word(&rest)))
		;
	buf_free(&flags);
}

bool
sieve_test_hasflag(struct sieve_machine *machine, const struct sieve_node *node)
{
	struct sieve_list names =
	    sieve_expand_list(machine, node->arguments[0]);
	struct sieve_list keys = sieve_expand_list(machine, node->arguments[1]);
	struct match match;

	keys = split_keys(machine, node, keys);
	/* They were expanded: a '$' in them is no variable's. */
	match_begin_expanded(&match, machine, node, keys);
	if (names.items == NULL)
		match_flags(&match, buf_span(&machine->flags));
	for (size_t i = 0;
	     names.items != NULL && i < names.count && !match.holds; i++)
		match_flags(
		    &match, sieve_variable_get(machine, names.items[i]));
	return match_end(&match);
}
