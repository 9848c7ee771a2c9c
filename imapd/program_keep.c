#include <stdlib.h>

#include "base/die.h"
#include "imapd/program.h"

/* A program that stays: RFC 5267. */

void
program_shrink(struct program *program)
{
	struct key *keys =
	    realloc(program->keys, program->count * sizeof(*keys));

	if (keys == NULL)
		temp_fail("out of memory");
	program->keys = keys;
}

/* What no message has names none. */
static void
fix_key(struct key *key, const struct folder *folder)
{
	const size_t count = folder_count(folder);
	struct set merged = set_merged(&key->set, (uint32_t)count);
	struct set uids = { .ranges =
				buf_new(count * sizeof(struct set_range)) };

	for (size_t k = 0; k < set_count(&merged); k++) {
		struct set_range range = set_range(&merged, k);

		for (size_t i = range.first > 0 ? range.first : 1;
		     i <= range.last && i <= count; i++) {
			uint32_t uid = folder_message(folder, i - 1)->uid;

			set_add(&uids, uid, uid);
		}
	}
	set_free(&merged);
	set_free(&key->set);
	key->set = set_merged(&uids, UINT32_MAX);
	set_free(&uids);
	key->kind = KEY_UIDS;
}

void
program_fix_numbers(struct program *program, const struct folder *folder)
{
	for (size_t i = 0; i < program->count; i++)
		if (program->keys[i].kind == KEY_SET)
			fix_key(&program->keys[i], folder);
}

/* As the parser made them: OLDER has no first, YOUNGER no end. */
void
program_set_now(struct program *program, int64_t now_s)
{
	program->now_s = now_s;
	for (size_t i = 0; i < program->count; i++) {
		struct key *key = &program->keys[i];
		int64_t then = now_s - (int64_t)key->number;

		if (key->kind != KEY_SECOND)
			continue;
		if (key->first == INT64_MIN)
			key->end = then + 1;
		else
			key->first = then;
	}
}
