#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "imapd/bits.h"
#include "imapd/program.h"

/* FUZZY, RFC 6203: as a phrase, or by its words. */

enum {
	SCORE_MAX = 100,
	SCORE_OF_WORDS = 90 /* all of them, but elsewhere */
};

static bool
is_word_char(char c)
{
	return ascii_is_alnum(c) || (unsigned char)c >= 0x80;
}

static size_t
split(struct span text, struct span words[PROGRAM_WORDS_MAX])
{
	size_t count = 0;
	size_t i = 0;

	while (i < text.len && count < PROGRAM_WORDS_MAX) {
		size_t start = i;

		while (i < text.len && is_word_char(text.ptr[i]))
			i++;
		if (i > start)
			words[count++] =
			    (struct span){ text.ptr + start, i - start };
		else
			i++;
	}
	return count;
}

struct fuzzy {
	struct relevancy *relevancy;
	const struct key *key;
	struct folder *folder;
	size_t bytes;   /* of a set of bits */
	uint64_t *hits; /* of what was looked for last */
	uint64_t *left; /* those that have not the phrase */
	uint8_t *found; /* words that each message has */
	struct span words[PROGRAM_WORDS_MAX];
	size_t word_count;
	bool has_unreadable;
};

/* Which of those in wanted have it: hits. */
static enum account_status
look_for(struct fuzzy *fuzzy, struct span text, const uint64_t *wanted)
{
	enum key_kind kind = fuzzy->key->kind;
	enum folder_text where = kind == KEY_FIELD  ? FOLDER_TEXT_FIELD
				 : kind == KEY_BODY ? FOLDER_TEXT_BODY
						    : FOLDER_TEXT_ALL;

	memcpy(fuzzy->hits, wanted, fuzzy->bytes);
	/* Every text has the empty string; a field must be there for that. */
	if (text.len == 0 && kind != KEY_FIELD)
		return ACCOUNT_OK;
	enum account_status status = folder_match(
	    fuzzy->folder, where, fuzzy->key->field, text, fuzzy->hits);
	fuzzy->has_unreadable |= status == ACCOUNT_UNREADABLE;
	return status == ACCOUNT_NONEXISTENT || status == ACCOUNT_UNREADABLE
		   ? ACCOUNT_OK
		   : status;
}

static void
score(struct fuzzy *fuzzy, size_t i, uint32_t points)
{
	fuzzy->relevancy->sums[i] += points;
	fuzzy->relevancy->keys[i]++;
}

static enum account_status
look_for_words(struct fuzzy *fuzzy)
{
	for (size_t w = 0; w < fuzzy->word_count; w++) {
		enum account_status status =
		    look_for(fuzzy, fuzzy->words[w], fuzzy->left);

		if (status != ACCOUNT_OK)
			return status;
		for (size_t i = 0; i < fuzzy->relevancy->count; i++)
			if (bits_have(fuzzy->hits, i))
				fuzzy->found[i]++;
	}
	return ACCOUNT_OK;
}

static enum account_status
run(struct fuzzy *fuzzy, uint64_t *wanted)
{
	size_t count = fuzzy->relevancy->count;
	enum account_status status = look_for(fuzzy, fuzzy->key->text, wanted);

	if (status != ACCOUNT_OK)
		return status;
	memcpy(fuzzy->left, wanted, fuzzy->bytes);
	for (size_t i = 0; i < count; i++)
		if (bits_have(fuzzy->hits, i)) {
			bits_drop(fuzzy->left, i);
			score(fuzzy, i, SCORE_MAX);
		}
	/* One word is the phrase itself. */
	if (fuzzy->words[0].len < fuzzy->key->text.len)
		status = look_for_words(fuzzy);
	for (size_t i = 0; i < count; i++) {
		if (!bits_have(fuzzy->left, i))
			continue;
		size_t found = fuzzy->found[i];
		if (found > 0 && found * 2 >= fuzzy->word_count)
			score(fuzzy, i,
			    (uint32_t)(SCORE_OF_WORDS * found /
				       fuzzy->word_count));
		else
			bits_drop(wanted, i);
	}
	return status;
}

enum account_status
program_match_fuzzy(struct relevancy *relevancy, const struct key *key,
    struct folder *folder, uint64_t *wanted)
{
	size_t words = relevancy->count / 64 + 1;
	struct fuzzy fuzzy = { .relevancy = relevancy,
		.key = key,
		.folder = folder,
		.bytes = words * sizeof(*wanted),
		.hits = calloc(words, sizeof(*wanted)),
		.left = calloc(words, sizeof(*wanted)),
		.found = calloc(relevancy->count + 1, 1) };

	if (fuzzy.hits == NULL || fuzzy.left == NULL || fuzzy.found == NULL)
		temp_fail("out of memory");
	fuzzy.word_count = split(key->text, fuzzy.words);
	enum account_status status = run(&fuzzy, wanted);
	free(fuzzy.hits);
	free(fuzzy.left);
	free(fuzzy.found);
	return status == ACCOUNT_OK && fuzzy.has_unreadable ? ACCOUNT_UNREADABLE
							    : status;
}
