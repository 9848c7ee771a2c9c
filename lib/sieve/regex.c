/*
 * regex - all ways to match at once, one character after the other: a thread is
 * a place in the program with the groups that led there, and there is at most
 * one for each place.
 */

#include "sieve/regex.h"

#include <stdlib.h>
#include <string.h>

#include <unicase.h>
#include <unictype.h>

#include "base/die.h"
#include "mail/utf8.h"
#include "sieve/regex_program.h"

enum {
	PLACES = 2 * REGEX_GROUPS_MAX,
	SETUP_PLACES = 16 /* of a program, made ready in a step */
};

struct thread {
	size_t at;
	size_t places[PLACES];
};

struct threads {
	struct thread *items;
	size_t count;
};

/* What is still to be followed: a place, or one of places to be put back. */
struct task {
	size_t at;
	size_t place; /* SIZE_MAX: follow at */
	size_t value;
};

struct search {
	const struct regex *regex;
	struct span text;
	uint64_t *steps;
	struct threads now;
	struct threads next;
	size_t *seen; /* by place: the position plus one, for which it is */
	struct task *tasks;
	size_t task_count;
	bool has_match;
	size_t match[PLACES];
	uint32_t before; /* the characters around the position, or UTF8_NONE */
	uint32_t behind;
};

/* ---- characters ---- */

static uint32_t
folded(enum regex_case letters, uint32_t c)
{
	if (letters == REGEX_UNICODE_CASE)
		return uc_tolower(uc_toupper(c));
	if (letters == REGEX_ASCII_CASE && c < 0x80)
		return (unsigned char)ascii_lower((char)c);
	return c;
}

static bool
is_in_class(uint32_t class, uint32_t c)
{
	static bool (*const classes[])(ucs4_t) = {
		[REGEX_ALNUM] = uc_is_alnum,
		[REGEX_ALPHA] = uc_is_alpha,
		[REGEX_BLANK] = uc_is_blank,
		[REGEX_CNTRL] = uc_is_cntrl,
		[REGEX_DIGIT] = uc_is_digit,
		[REGEX_GRAPH] = uc_is_graph,
		[REGEX_LOWER] = uc_is_lower,
		[REGEX_PRINT] = uc_is_print,
		[REGEX_PUNCT] = uc_is_punct,
		[REGEX_SPACE] = uc_is_space,
		[REGEX_UPPER] = uc_is_upper,
		[REGEX_XDIGIT] = uc_is_xdigit,
		[REGEX_WORD] = uc_is_alnum,
	};

	return classes[class](c) || (class == REGEX_WORD && c == '_');
}

static bool
is_word(uint32_t c)
{
	return c != UTF8_NONE && is_in_class(REGEX_WORD, c);
}

static bool
is_in_item(const struct regex_instruction *item, uint32_t c)
{
	if (item->operation == REGEX_CLASS)
		return is_in_class(item->low, c);
	return c >= item->low && c <= item->high;
}

/* In either case, where letters may have both. */
static bool
is_in_set(
    const struct regex_instruction *set, enum regex_case letters, uint32_t c)
{
	uint32_t forms[3] = { c, c, c };
	bool is_in = false;

	if (letters == REGEX_UNICODE_CASE ||
	    (letters == REGEX_ASCII_CASE && c < 0x80)) {
		forms[1] = uc_tolower(c);
		forms[2] = uc_toupper(c);
	}
	for (uint32_t i = 1; i <= set->low && !is_in; i++)
		for (size_t k = 0; k < 3 && !is_in; k++)
			is_in = is_in_item(&set[i], forms[k]);
	return is_in != set->is_negated;
}

/* ---- threads ---- */

static bool
spend(struct search *search, size_t steps)
{
	if (*search->steps <= steps) {
		*search->steps = 0;
		return false;
	}
	*search->steps -= steps;
	return true;
}

static void
push(struct search *search, size_t at, size_t place, size_t value)
{
	search->tasks[search->task_count++] = (struct task){ at, place, value };
}

/* Does an instruction that asks where it is hold there? */
static bool
holds(const struct search *search, enum regex_operation operation,
    size_t position)
{
	bool is_word_before = is_word(search->before);
	bool is_word_behind = is_word(search->behind);

	switch (operation) {
	case REGEX_BEGIN:
		return position == 0;
	case REGEX_END:
		return position == search->text.len;
	case REGEX_BOUND:
		return is_word_before != is_word_behind;
	case REGEX_NO_BOUND:
		return is_word_before == is_word_behind;
	case REGEX_WORD_BEGIN:
		return !is_word_before && is_word_behind;
	case REGEX_WORD_END:
		return is_word_before && !is_word_behind;
	default:
		return false;
	}
}

/* Follow one instruction that takes no character; false: it takes one. */
static bool
follow(struct search *search, size_t at, size_t position, size_t places[PLACES])
{
	const struct regex_instruction *here = &search->regex->program[at];

	switch (here->operation) {
	case REGEX_JUMP:
		push(
		    search, (size_t)((ptrdiff_t)at + here->first), SIZE_MAX, 0);
		return true;
	case REGEX_SPLIT:
		push(search, (size_t)((ptrdiff_t)at + here->second), SIZE_MAX,
		    0);
		push(
		    search, (size_t)((ptrdiff_t)at + here->first), SIZE_MAX, 0);
		return true;
	case REGEX_SAVE:
		push(search, 0, here->low, places[here->low]);
		places[here->low] = position;
		push(search, at + 1, SIZE_MAX, 0);
		return true;
	case REGEX_BEGIN:
	case REGEX_END:
	case REGEX_BOUND:
	case REGEX_NO_BOUND:
	case REGEX_WORD_BEGIN:
	case REGEX_WORD_END:
		if (holds(search, here->operation, position))
			push(search, at + 1, SIZE_MAX, 0);
		return true;
	case REGEX_CHARACTER:
	case REGEX_ANY:
	case REGEX_SET:
	case REGEX_RANGE:
	case REGEX_CLASS:
	case REGEX_MATCH:
		return false;
	}
	return false;
}

/* Add a thread, and all that it becomes without a character. */
static void
add_thread(struct search *search, struct threads *threads, size_t at,
    const size_t from[PLACES], size_t position)
{
	size_t places[PLACES];

	memcpy(places, from, sizeof(places));
	push(search, at, SIZE_MAX, 0);
	while (search->task_count > 0) {
		struct task task = search->tasks[--search->task_count];

		if (task.place != SIZE_MAX) {
			places[task.place] = task.value;
			continue;
		}
		if (search->seen[task.at] == position + 1)
			continue;
		search->seen[task.at] = position + 1;
		if (!spend(search, 1))
			continue;
		if (!follow(search, task.at, position, places)) {
			struct thread *thread =
			    &threads->items[threads->count++];

			thread->at = task.at;
			memcpy(thread->places, places, sizeof(places));
		}
	}
}

/* Of those that begin first the longest. */
static void
take_match(struct search *search, const size_t places[PLACES])
{
	if (search->has_match && (places[0] > search->match[0] ||
				     (places[0] == search->match[0] &&
					 places[1] <= search->match[1])))
		return;
	search->has_match = true;
	memcpy(search->match, places, sizeof(search->match));
}

static void
advance(struct search *search, const struct thread *thread, uint32_t c,
    size_t after)
{
	const struct regex *regex = search->regex;
	const struct regex_instruction *here = &regex->program[thread->at];
	size_t next = thread->at + 1;
	bool fits = here->operation == REGEX_ANY;

	if (search->has_match && thread->places[0] > search->match[0])
		return;
	if (here->operation == REGEX_CHARACTER)
		fits = folded(regex->letters, here->low) ==
		       folded(regex->letters, c);
	if (here->operation == REGEX_SET) {
		fits = is_in_set(here, regex->letters, c);
		next += here->low;
		spend(search, here->low);
	}
	if (fits)
		add_thread(search, &search->next, next, thread->places, after);
}

static void
take_matches(struct search *search)
{
	for (size_t i = 0; i < search->now.count; i++) {
		const struct thread *thread = &search->now.items[i];

		if (search->regex->program[thread->at].operation == REGEX_MATCH)
			take_match(search, thread->places);
	}
}

/* What is before what is left of the text, and what that begins with. */
static void
set_around(struct search *search, uint32_t before, struct span rest)
{
	search->before = before;
	search->behind = rest.len > 0 ? utf8_next(&rest) : UTF8_NONE;
}

static void
search_all(struct search *search)
{
	size_t none[PLACES];
	struct span rest = search->text;

	for (size_t i = 0; i < PLACES; i++)
		none[i] = SIZE_MAX;
	set_around(search, UTF8_NONE, rest);
	for (;;) {
		size_t position = search->text.len - rest.len;
		struct threads now;

		if (!search->has_match)
			add_thread(search, &search->now, 0, none, position);
		take_matches(search);
		if (rest.len == 0 || *search->steps == 0 ||
		    (search->has_match && search->now.count == 0))
			return;
		uint32_t c = utf8_next(&rest);
		set_around(search, c, rest);
		position = search->text.len - rest.len;
		for (size_t i = 0; i < search->now.count; i++)
			advance(search, &search->now.items[i], c, position);
		now = search->now;
		search->now = search->next;
		search->next = (struct threads){ now.items, 0 };
	}
}

bool
regex_search(const struct regex *regex, struct span text,
    struct regex_group groups[REGEX_GROUPS_MAX], uint64_t *steps)
{
	struct search search = { .regex = regex, .text = text, .steps = steps };
	size_t count = regex->count;

	search.now.items = calloc(count, sizeof(struct thread));
	search.next.items = calloc(count, sizeof(struct thread));
	search.seen = calloc(count, sizeof(size_t));
	/* At a place that was not seen at most three are pushed. */
	search.tasks = calloc(3 * count + 1, sizeof(struct task));
	if (search.now.items == NULL || search.next.items == NULL ||
	    search.seen == NULL || search.tasks == NULL)
		temp_fail("out of memory");
	if (spend(&search, 1 + count / SETUP_PLACES))
		search_all(&search);
	for (size_t i = 0; search.has_match && i < regex->groups; i++)
		groups[i] = (struct regex_group){ search.match[2 * i],
			search.match[2 * i + 1] };
	free(search.now.items);
	free(search.next.items);
	free(search.seen);
	free(search.tasks);
	return search.has_match && *steps > 0;
}
