#include "store/special_use.h"

#include "store/store_kind.h"

const char special_use_entry[] = "/private/specialuse";

static const char file_name[] = "estafeta-specialuse";

enum account_status
special_use_make(struct account *account)
{
	for (size_t i = 0; i < account->settings.special_count; i++) {
		struct span name = span_of(account->settings.specials[i].name);
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
	for (size_t i = 0; i < account->settings.special_count; i++)
		buf_printf(&text, "%s %s\n",
		    special_use_word(account->settings.specials[i].use),
		    account->settings.specials[i].name);
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
		uint32_t use = special_use_of_word(span_cut(&line, ' '));

		if (span_equal(line, name))
			uses |= use;
	}
	return uses;
}

void
special_use_put(struct buf *text, uint32_t uses)
{
	const char *space = "";

	for (uint32_t use = 1; use != 0; use <<= 1) {
		const char *word = special_use_word(uses & use);

		if (word == NULL)
			continue;
		buf_printf(
		    text, "%s\\%c%s", space, word[0] - 'a' + 'A', word + 1);
		space = " ";
	}
}

bool
special_use_parse(struct span text, uint32_t *use)
{
	*use = 0;
	if (span_starts(text, span_of("\\")))
		*use = special_use_of_word(span_slice(text, 1, text.len));
	return text.len == 0 || *use != 0;
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
	if (use != 0) {
		buf_printf(&new, "%s ", special_use_word(use));
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
