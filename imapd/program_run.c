#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "imapd/bits.h"
#include "imapd/output.h"
#include "imapd/program.h"

/* Bit i of word i / 64 is message i of the view. */
struct run {
	const struct program *program;
	struct session *session;
	struct folder *folder;
	size_t count;
	size_t words;
	struct relevancy relevancy;
	bool has_unreadable;
	enum account_status status;
};

static uint64_t *
new_bits(const struct run *run)
{
	uint64_t *bits = calloc(run->words, sizeof(*bits));

	if (bits == NULL)
		temp_fail("out of memory");
	return bits;
}

/* RFC 7377 section 2: what no message has is no error. */
static void
add_known(const struct run *run, const struct set *set, uint64_t *named)
{
	struct set merged = set_merged(set, (uint32_t)run->count);

	for (size_t k = 0; k < set_count(&merged); k++) {
		struct set_range range = set_range(&merged, k);

		for (size_t i = range.first; i <= range.last && i <= run->count;
		     i++)
			if (i > 0)
				named[(i - 1) / 64] |= (uint64_t)1
						       << ((i - 1) % 64);
	}
	set_free(&merged);
}

static void
match_set(struct run *run, const struct key *key, uint64_t *wanted)
{
	uint64_t *named = new_bits(run);
	const struct set *set =
	    key->set.is_saved ? &run->program->saved : &key->set;
	struct picks picks = picks_new();

	if (key->kind == KEY_SET && run->program->takes_any_number)
		add_known(run, set, named);
	else if (!set_pick(set, run->folder, key->kind == KEY_UIDS, &picks))
		run->status = ACCOUNT_INVALID;
	for (size_t k = 0; k < picks_count(&picks); k++) {
		size_t i = picks_items(&picks)[k];

		named[i / 64] |= (uint64_t)1 << (i % 64);
	}
	for (size_t w = 0; w < run->words; w++)
		wanted[w] &= named[w];
	picks_free(&picks);
	free(named);
}

/* What is gone or cannot be read does not match. */
static bool
is_read(struct run *run, enum account_status status)
{
	run->has_unreadable |= status == ACCOUNT_UNREADABLE;
	return status == ACCOUNT_OK;
}

static void
match_text(struct run *run, const struct key *key, uint64_t *wanted)
{
	enum folder_text text = key->kind == KEY_FIELD  ? FOLDER_TEXT_FIELD
				: key->kind == KEY_BODY ? FOLDER_TEXT_BODY
							: FOLDER_TEXT_ALL;

	/* Every text has the empty string; a field must be there for that. */
	if (key->text.len == 0 && key->kind != KEY_FIELD)
		return;
	enum account_status status =
	    key->is_fuzzy
		? program_match_fuzzy(&run->relevancy, key, run->folder, wanted)
		: folder_match(
		      run->folder, text, key->field, key->text, wanted);
	if (!is_read(run, status) && status != ACCOUNT_NONEXISTENT &&
	    status != ACCOUNT_UNREADABLE)
		run->status = status;
}

static int64_t
day_of(int64_t seconds)
{
	return seconds >= 0 ? seconds / 86400 : -((86399 - seconds) / 86400);
}

static bool
sent_day(struct run *run, size_t i, int64_t *day)
{
	struct folder_thread_data data;

	if (!is_read(run, folder_thread_data(run->folder, i, &data)))
		return false;
	*day = day_of(data.sent_date_s + data.sent_zone_s);
	return data.has_sent_date;
}

static bool
match_date(struct run *run, const struct key *key, size_t i)
{
	struct folder *folder = run->folder;
	int64_t value = folder_message(folder, i)->save_date_s;

	if (key->date == DATE_SENT) {
		if (!sent_day(run, i, &value))
			return false;
	} else {
		if (key->date == DATE_INTERNAL &&
		    !is_read(run, folder_internal_date(folder, i, &value)))
			return false;
		if (key->kind == KEY_DAY)
			value = day_of(value);
	}
	return value >= key->first && value < key->end;
}

static bool
match_size(struct run *run, const struct key *key, size_t i)
{
	struct folder *folder = run->folder;
	uint64_t octets = folder_message(folder, i)->octets;

	if (octets == FOLDER_OCTETS_UNKNOWN &&
	    !is_read(run, folder_octets(folder, i, &octets)))
		return false;
	return key->kind == KEY_LARGER ? octets > key->number
				       : octets < key->number;
}

static bool
match_id(struct run *run, const struct key *key, size_t i)
{
	char email_id[FOLDER_EMAIL_ID_MAX + 1];
	char thread_id[FOLDER_EMAIL_ID_MAX + 1];

	return is_read(run,
		   folder_object_ids(run->folder, i, email_id, thread_id)) &&
	       span_equal(key->text,
		   span_of(key->kind == KEY_EMAIL_ID ? email_id : thread_id));
}

static bool
match_one(
    struct run *run, const struct key *key, uint64_t keyword_bit, size_t i)
{
	const struct folder_message *message = folder_message(run->folder, i);

	switch (key->kind) {
	case KEY_FLAG:
		return (message->flags & key->flag) != 0;
	case KEY_KEYWORD:
		return (message->keywords & keyword_bit) != 0;
	case KEY_MODSEQ:
		return message->modseq >= key->number;
	case KEY_LARGER:
	case KEY_SMALLER:
		return match_size(run, key, i);
	case KEY_DAY:
	case KEY_SECOND:
		return match_date(run, key, i);
	case KEY_EMAIL_ID:
	case KEY_THREAD_ID:
		return match_id(run, key, i);
	case KEY_ALL:
	case KEY_OR:
	case KEY_NOT:
	case KEY_SET:
	case KEY_UIDS:
	case KEY_FIELD:
	case KEY_BODY:
	case KEY_TEXT:
		break;
	}
	return false;
}

static void
match_each(struct run *run, const struct key *key, uint64_t *wanted)
{
	uint64_t bit = key->kind == KEY_KEYWORD
			   ? folder_keyword_bit(run->folder, key->text, false)
			   : 0;

	bool is_slow = key_needs_content(key);
	for (size_t i = 0; i < run->count; i++) {
		if (bits_have(wanted, i) && !match_one(run, key, bit, i))
			bits_drop(wanted, i);
		if (is_slow)
			progress_tick(run->session);
	}
}

static void match(struct run *run, const struct key *key, uint64_t *wanted);

static void
match_not(struct run *run, const struct key *key, uint64_t *wanted)
{
	uint64_t *hits = new_bits(run);

	memcpy(hits, wanted, run->words * sizeof(*hits));
	match(run, &run->program->keys[key->child], hits);
	for (size_t w = 0; w < run->words; w++)
		wanted[w] &= ~hits[w];
	free(hits);
}

/* The second is asked only about those that the first left out. */
static void
match_or(struct run *run, const struct key *key, uint64_t *wanted)
{
	const struct key *first = &run->program->keys[key->child];
	uint64_t *hits = new_bits(run);

	memcpy(hits, wanted, run->words * sizeof(*hits));
	match(run, first, hits);
	for (size_t w = 0; w < run->words; w++)
		wanted[w] &= ~hits[w];
	match(run, &run->program->keys[first->next], wanted);
	for (size_t w = 0; w < run->words; w++)
		wanted[w] |= hits[w];
	free(hits);
}

static bool
is_set(const struct key *key)
{
	return key->kind == KEY_SET || key->kind == KEY_UIDS;
}

bool
key_needs_content(const struct key *key)
{
	return !is_set(key) && key->kind != KEY_FLAG &&
	       key->kind != KEY_KEYWORD && key->kind != KEY_MODSEQ;
}

static bool
is_list(const struct key *key)
{
	return key->kind == KEY_ALL || key->kind == KEY_OR ||
	       key->kind == KEY_NOT;
}

/* Each key of a tree is asked once, a fuzzy one also for its words. */
uint64_t
program_goal(const struct program *program, size_t messages)
{
	uint64_t keys = 0;

	for (size_t i = 0; i < program->count; i++) {
		const struct key *key = &program->keys[i];

		if (key_needs_content(key) && !is_list(key))
			keys += key->is_fuzzy ? 1 + PROGRAM_WORDS_MAX : 1;
	}
	return keys * messages;
}

/* What costs nothing first: less is left to be read. */
static void
match_all(struct run *run, const struct key *key, uint64_t *wanted)
{
	const struct key *keys = run->program->keys;

	for (int is_second = 0; is_second < 2; is_second++)
		for (size_t at = key->child; at != 0; at = keys[at].next)
			if (key_needs_content(&keys[at]) == is_second)
				match(run, &keys[at], wanted);
}

static void
match(struct run *run, const struct key *key, uint64_t *wanted)
{
	switch (key->kind) {
	case KEY_ALL:
		match_all(run, key, wanted);
		return;
	case KEY_OR:
		match_or(run, key, wanted);
		return;
	case KEY_NOT:
		match_not(run, key, wanted);
		return;
	case KEY_SET:
	case KEY_UIDS:
		match_set(run, key, wanted);
		return;
	case KEY_FIELD:
	case KEY_BODY:
	case KEY_TEXT:
		match_text(run, key, wanted);
		return;
	case KEY_FLAG:
	case KEY_KEYWORD:
	case KEY_LARGER:
	case KEY_SMALLER:
	case KEY_MODSEQ:
	case KEY_DAY:
	case KEY_SECOND:
	case KEY_EMAIL_ID:
	case KEY_THREAD_ID:
		match_each(run, key, wanted);
	}
}

static void
begin_relevancy(struct run *run)
{
	run->relevancy.count = run->count;
	run->relevancy.sums = calloc(run->count + 1, sizeof(uint32_t));
	run->relevancy.keys = calloc(run->count + 1, sizeof(uint32_t));
	if (run->relevancy.sums == NULL || run->relevancy.keys == NULL)
		temp_fail("out of memory");
}

/* The mean of what its fuzzy keys gave; what has no text is as it should be. */
static uint8_t *
end_relevancy(struct run *run)
{
	struct relevancy *relevancy = &run->relevancy;
	uint8_t *scores = calloc(run->count + 1, 1);

	if (scores == NULL)
		temp_fail("out of memory");
	for (size_t i = 0; i < run->count; i++) {
		uint32_t keys = relevancy->keys[i];
		uint32_t mean = keys == 0 ? 100 : relevancy->sums[i] / keys;

		scores[i] = (uint8_t)mean;
	}
	free(relevancy->sums);
	free(relevancy->keys);
	return scores;
}

/* RFC 9738: what is searched is what the sets beside the other keys name. */
static void
apply_limit(struct run *run, struct program *program, uint64_t *wanted)
{
	uint64_t left = program->limit;

	program->limited_uid = 0;
	if (left == 0)
		return;
	for (size_t at = program->keys[0].child; at != 0;
	     at = program->keys[at].next)
		if (is_set(&program->keys[at]))
			match_set(run, &program->keys[at], wanted);
	uint32_t lowest = 0;
	for (size_t i = run->count; i > 0; i--) {
		if (!bits_have(wanted, i - 1))
			continue;
		if (left > 0) {
			left--;
			lowest = folder_message(run->folder, i - 1)->uid;
		} else {
			bits_drop(wanted, i - 1);
			program->limited_uid = lowest;
		}
	}
}

enum account_status
program_run(struct program *program, struct session *session,
    struct folder *folder, struct picks *picks)
{
	struct run run = { .program = program,
		.session = session,
		.folder = folder,
		.count = folder_count(folder) };

	run.words = run.count / 64 + 1;
	uint64_t *wanted = new_bits(&run);
	for (size_t i = 0; i < run.count; i++)
		if (!folder_message(folder, i)->is_expunged &&
		    folder_message(folder, i)->modseq > program->above_modseq)
			wanted[i / 64] |= (uint64_t)1 << (i % 64);
	apply_limit(&run, program, wanted);
	if (program->has_fuzzy)
		begin_relevancy(&run);
	match(&run, &program->keys[0], wanted);
	if (program->has_fuzzy) {
		free(program->scores);
		program->scores = end_relevancy(&run);
	}
	*picks = picks_new();
	for (size_t i = 0; i < run.count; i++)
		if (bits_have(wanted, i))
			picks_add(picks, i);
	free(wanted);
	program->has_unreadable |= run.has_unreadable;
	return run.status;
}

void
program_warn(const struct program *program, struct session *session)
{
	if (program->has_unreadable)
		put_reply(session,
		    "* NO [CONTACTADMIN] some messages cannot be read");
}
