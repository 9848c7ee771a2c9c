#include "store/special_use.h"

#include <stdlib.h>

#include "base/control.h"
#include "store/store_kind.h"

static const char file_name[] = "estafeta-specialuse";

static const struct {
	const char *word;
	uint32_t use;
} words[] = { { "all", FOLDER_ALL }, { "archive", FOLDER_ARCHIVE },
	{ "drafts", FOLDER_DRAFTS }, { "flagged", FOLDER_FLAGGED_USE },
	{ "junk", FOLDER_JUNK }, { "sent", FOLDER_SENT },
	{ "trash", FOLDER_TRASH }, { "important", FOLDER_IMPORTANT } };

static const char *const usual[] = { "drafts Drafts", "sent Sent", "junk Junk",
	"trash Trash", "archive Archive" };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static uint32_t
use_of_word(struct span word)
{
	for (size_t i = 0; i < COUNT(words); i++)
		if (span_equal_nocase(word, span_of(words[i].word)))
			return words[i].use;
	return 0;
}

/* "USE NAME"; false if it is no such line. */
static bool
parse_line(struct span line, uint32_t *use, struct span *name)
{
	struct buf path = buf_new((size_t)4 * ACCOUNT_NAME_MAX);

	*use = use_of_word(span_cut(&line, ' '));
	*name = span_trim(line);
	bool is_good = *use != 0 && !account_is_inbox(*name) &&
		       account_add_path(&path, *name);
	buf_free(&path);
	return is_good;
}

static void
add_special(struct account *account, uint32_t use, struct span name)
{
	account->specials = store_allocate(account->specials,
	    account->special_count + 1, sizeof(*account->specials));
	account->specials[account->special_count++] =
	    (struct special_folder){ use, store_copy(name) };
}

void
special_use_load(struct account *account)
{
	struct control_list list = control_list("specialfolders");
	struct span name;
	uint32_t use;

	for (size_t i = 0; i < list.count; i++) {
		if (!parse_line(list.items[i], &use, &name))
			control_complain("specialfolders", list.lines[i],
			    "say what for and the name, as in `sent Sent`");
		add_special(account, use, name);
	}
	for (size_t i = 0; i < COUNT(usual) && list.count == 0; i++)
		if (parse_line(span_of(usual[i]), &use, &name))
			add_special(account, use, name);
	control_list_free(&list);
}

void
special_use_free(struct account *account)
{
	for (size_t i = 0; i < account->special_count; i++)
		free(account->specials[i].name);
	free(account->specials);
}

enum account_status
special_use_make(struct account *account)
{
	for (size_t i = 0; i < account->special_count; i++) {
		struct span name = span_of(account->specials[i].name);
		enum account_status status = account_create(account, name, 0);

		if (status == ACCOUNT_OK)
			status = account_subscribe(account, name, true);
		if (status != ACCOUNT_OK && status != ACCOUNT_EXISTS)
			return status;
	}
	return ACCOUNT_OK;
}

/* ---- the file ---- */

struct buf
special_use_read(const struct account *account)
{
	struct buf text = buf_new(ACCOUNT_SMALL_MAX);
	struct buf file = buf_new(ACCOUNT_SMALL_MAX);

	if (account_read_file(account->root, file_name, &file)) {
		buf_free(&text);
		return file;
	}
	buf_free(&file);
	for (size_t i = 0; i < account->special_count; i++)
		for (size_t k = 0; k < COUNT(words); k++)
			if (words[k].use == account->specials[i].use)
				buf_printf(&text, "%s %s\n", words[k].word,
				    account->specials[i].name);
	return text;
}

uint32_t
special_use_of(
    const struct account *account, const struct buf *text, struct span name)
{
	struct span rest = buf_span(text);
	uint32_t uses = 0;

	(void)account;
	while (rest.len > 0) {
		struct span line = span_cut(&rest, '\n');
		uint32_t use = use_of_word(span_cut(&line, ' '));

		if (span_equal(line, name))
			uses |= use;
	}
	return uses;
}

static bool
save(struct account *account, struct buf *text)
{
	bool is_saved = !text->overflow && account_write_file(account->root,
					       file_name, buf_span(text));

	buf_free(text);
	return is_saved;
}

bool
special_use_set(struct account *account, struct span name, uint32_t use)
{
	struct buf old = special_use_read(account);
	struct buf new = buf_new(ACCOUNT_SMALL_MAX);

	if (special_use_of(account, &old, name) == use) {
		buf_free(&old);
		return true;
	}
	for (struct span rest = buf_span(&old); rest.len > 0;) {
		struct span line = span_cut(&rest, '\n');
		struct span target = line;

		span_cut(&target, ' ');
		if (span_equal(target, name))
			continue;
		buf_add(&new, line);
		buf_add_char(&new, '\n');
	}
	for (size_t k = 0; k < COUNT(words); k++)
		if (words[k].use & use) {
			buf_printf(&new, "%s ", words[k].word);
			buf_add(&new, name);
			buf_add_char(&new, '\n');
		}
	buf_free(&old);
	return save(account, &new);
}

bool
account_is_below(struct span name, struct span from, struct span *rest)
{
	*rest = span_slice(name, from.len, name.len);
	return span_starts(name, from) &&
	       (rest->len == 0 || rest->ptr[0] == '/');
}

bool
special_use_rename(struct account *account, struct span from, struct span to)
{
	struct buf old = special_use_read(account);
	struct buf new = buf_new(ACCOUNT_SMALL_MAX);
	bool is_changed = false;

	for (struct span rest = buf_span(&old); rest.len > 0;) {
		struct span line = span_cut(&rest, '\n');
		struct span word = span_cut(&line, ' ');
		struct span below;

		buf_add(&new, word);
		buf_add_char(&new, ' ');
		if (account_is_below(line, from, &below)) {
			buf_add(&new, to);
			line = below;
			is_changed = true;
		}
		buf_add(&new, line);
		buf_add_char(&new, '\n');
	}
	buf_free(&old);
	if (is_changed)
		return save(account, &new);
	buf_free(&new);
	return true;
}
