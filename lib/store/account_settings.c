#include "store/account_settings.h"

#include <stdlib.h>

#include "base/control.h"
#include "store/account_state.h"
#include "store/store_kind.h"

enum {
	FOLDERS_DEFAULT = 10000,
	FOLDERS_MAX = 1000000
};

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

uint32_t
special_use_of_word(struct span word)
{
	for (size_t i = 0; i < COUNT(words); i++)
		if (span_equal_nocase(word, span_of(words[i].word)))
			return words[i].use;
	return 0;
}

const char *
special_use_word(uint32_t use)
{
	for (size_t i = 0; i < COUNT(words); i++)
		if (words[i].use == use)
			return words[i].word;
	return NULL;
}

/* "USE NAME"; false if it is no such line. */
static bool
parse_line(struct span line, uint32_t *use, struct span *name)
{
	struct buf path = buf_new((size_t)4 * ACCOUNT_NAME_MAX);

	*use = special_use_of_word(span_cut(&line, ' '));
	*name = span_trim(line);
	bool is_good = *use != 0 && !account_is_inbox(*name) &&
		       account_add_path(&path, *name);
	buf_free(&path);
	return is_good;
}

static void
add_special(struct account_settings *settings, uint32_t use, struct span name)
{
	settings->specials = store_allocate(settings->specials,
	    settings->special_count + 1, sizeof(*settings->specials));
	settings->specials[settings->special_count++] =
	    (struct special_folder){ use, store_copy(name) };
}

void
account_settings_read_limits(struct account_settings *settings)
{
	struct control_list quota = control_list("quota");

	for (size_t i = 0; i < quota.count; i++) {
		uint64_t *limit =
		    i == 0 ? &settings->octets_max : &settings->messages_max;

		if (i > 1 || !span_number(quota.items[i], 10, INT64_MAX, limit))
			control_complain("quota", quota.lines[i],
			    "the first line is octets, the second messages");
	}
	control_list_free(&quota);
	settings->folders_max =
	    control_number("maxfolders", FOLDERS_DEFAULT, 1, FOLDERS_MAX);
}

void
account_settings_read_specials(struct account_settings *settings)
{
	struct control_list list = control_list("specialfolders");
	struct span name;
	uint32_t use;

	for (size_t i = 0; i < list.count; i++) {
		if (!parse_line(list.items[i], &use, &name))
			control_complain("specialfolders", list.lines[i],
			    "say what for and the name, as in `sent Sent`");
		add_special(settings, use, name);
	}
	for (size_t i = 0; i < COUNT(usual) && list.count == 0; i++)
		if (parse_line(span_of(usual[i]), &use, &name))
			add_special(settings, use, name);
	control_list_free(&list);
}

void
account_settings_read(struct account_settings *settings)
{
	*settings = (struct account_settings){ .specials = NULL };
	account_settings_read_limits(settings);
	account_settings_read_specials(settings);
}

void
account_settings_free(struct account_settings *settings)
{
	for (size_t i = 0; i < settings->special_count; i++)
		free(settings->specials[i].name);
	free(settings->specials);
	*settings = (struct account_settings){ .specials = NULL };
}
