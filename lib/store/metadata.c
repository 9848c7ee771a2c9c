#include "store/metadata.h"

#include <errno.h>
#include <unistd.h>

#include "store/account_state.h"
#include "store/folder.h"
#include "store/quota.h"
#include "store/special_use.h"

static const char file_name[] = "estafeta-metadata";
static const char version[] = "estafeta-metadata 1";

static struct span
own_name(struct span folder)
{
	return account_is_inbox(folder) ? span_of("INBOX") : folder;
}

/* ---- which folders there are ---- */

struct finding {
	struct span name;
	bool is_found;
};

static bool
find(void *context, const struct account_folder *folder)
{
	struct finding *finding = context;

	finding->is_found = !(folder->attributes & FOLDER_NONEXISTENT) &&
			    span_equal(folder->name, finding->name);
	return !finding->is_found;
}

/* One that is only others' parent may have annotations (section 4.1). */
static enum account_status
look_for(struct account *account, struct span folder)
{
	struct finding finding = { .name = folder };

	if (folder.len == 0)
		return ACCOUNT_OK;
	errno = 0;
	if (!account_list(account, find, &finding) && !finding.is_found &&
	    errno != 0)
		return account_error();
	return finding.is_found ? ACCOUNT_OK : ACCOUNT_NONEXISTENT;
}

/* ---- the file ---- */

/* Its lines; none if it is not there, or none of ours.  False with errno. */
static bool
read_lines(const struct account *account, struct buf *text, struct span *lines)
{
	*lines = (struct span){ NULL, 0 };
	if (!account_read_file(account->root, file_name, text))
		return errno == ENOENT;
	*lines = buf_span(text);
	if (span_equal(span_cut(lines, '\n'), span_of(version)))
		return true;
	*lines = (struct span){ NULL, 0 };
	errno = EBADMSG;
	return false;
}

static enum account_status
save(struct account *account, const struct buf *text)
{
	if (text->overflow)
		return ACCOUNT_LIMIT;
	return account_write_file(account->root, file_name, buf_span(text))
		   ? ACCOUNT_OK
		   : account_error();
}

static struct buf
begin_text(void)
{
	struct buf text = buf_new(METADATA_FILE_MAX);

	buf_add_string(&text, version);
	buf_add_char(&text, '\n');
	return text;
}

static bool
is_use(struct span entry)
{
	return span_equal_nocase(entry, span_of(special_use_entry));
}

/* Append what the folder is for; false if it is for nothing. */
static bool
find_value_of_use(
    const struct account *account, struct span folder, struct buf *value)
{
	struct buf text = special_use_read(account);
	uint32_t uses = special_use_of(account, &text, folder);

	special_use_put(value, uses);
	buf_free(&text);
	return uses != 0;
}

/* False if take wants no more. */
static bool
take_use(struct account *account, struct span folder,
    bool (*take)(void *context, struct span entry, struct span value),
    void *context)
{
	struct buf value = buf_new(256);
	bool goes_on =
	    !find_value_of_use(account, folder, &value) ||
	    take(context, span_of(special_use_entry), buf_span(&value));

	buf_free(&value);
	return goes_on;
}

enum account_status
metadata_list(struct account *account, struct span folder,
    bool (*take)(void *context, struct span entry, struct span value),
    void *context)
{
	struct buf text = buf_new(METADATA_FILE_MAX + 1);
	struct metadata_line line = metadata_line_new();
	struct span name = own_name(folder);
	struct span rest;
	enum account_status status = look_for(account, name);

	if (status == ACCOUNT_OK && !read_lines(account, &text, &rest))
		status = account_error();
	if (status == ACCOUNT_OK && !take_use(account, name, take, context))
		rest.len = 0;
	while (status == ACCOUNT_OK && rest.len > 0)
		if (metadata_line_parse(&line, span_cut(&rest, '\n')) &&
		    span_equal(buf_span(&line.folder), name) &&
		    !is_use(buf_span(&line.entry)) &&
		    !take(
			context, buf_span(&line.entry), buf_span(&line.value)))
			break;
	metadata_line_free(&line);
	buf_free(&text);
	return status;
}

/* The first of some names that has the entry, in one reading of the file. */
static bool
find_first(const struct account *account, const struct span *names,
    size_t count, struct span entry, struct buf *value)
{
	struct buf text = buf_new(METADATA_FILE_MAX + 1);
	struct metadata_line line = metadata_line_new();
	struct span rest = { NULL, 0 };
	size_t found = count;
	int error = read_lines(account, &text, &rest) ? 0 : errno;
	size_t start = value->len;

	while (rest.len > 0 && found > 0) {
		if (!metadata_line_parse(&line, span_cut(&rest, '\n')) ||
		    !span_equal_nocase(buf_span(&line.entry), entry))
			continue;
		for (size_t i = 0; i < found; i++)
			if (span_equal(buf_span(&line.folder), names[i])) {
				value->len = start;
				buf_add(value, buf_span(&line.value));
				found = i;
			}
	}
	metadata_line_free(&line);
	buf_free(&text);
	errno = error;
	return found < count;
}

bool
metadata_find(struct account *account, struct span folder, struct span entry,
    struct buf *value)
{
	const struct span name = own_name(folder);

	if (is_use(entry)) {
		errno = 0;
		return find_value_of_use(account, name, value);
	}
	return find_first(account, &name, 1, entry, value);
}

bool
metadata_find_or_accounts(struct account *account, struct span folder,
    struct span entry, struct buf *value)
{
	const struct span names[] = { own_name(folder), span_of("") };

	return find_first(account, names, 2, entry, value);
}

/* ---- changes ---- */

struct setting {
	struct span folder;
	const struct metadata_change *changes;
	size_t count;
	size_t entries; /* of the folder, in the end */
	bool has_use;   /* and the use it gets */
	uint32_t use;
};

/* The last change of an entry counts. */
static bool
is_changed(const struct setting *setting, size_t first, struct span entry)
{
	for (size_t i = first; i < setting->count; i++)
		if (span_equal_nocase(setting->changes[i].entry, entry))
			return true;
	return false;
}

/* What stays as it is, then what is new. */
static void
write_set(struct setting *setting, struct span old, struct buf *new)
{
	struct metadata_line line = metadata_line_new();

	while (old.len > 0) {
		struct span text = span_cut(&old, '\n');

		if (!metadata_line_parse(&line, text))
			continue;
		if (span_equal(buf_span(&line.folder), setting->folder)) {
			if (is_changed(setting, 0, buf_span(&line.entry)))
				continue;
			setting->entries++;
		}
		buf_add(new, text);
		buf_add_char(new, '\n');
	}
	metadata_line_free(&line);
	for (size_t i = 0; i < setting->count; i++) {
		const struct metadata_change *change = &setting->changes[i];

		if (change->value.ptr == NULL || is_use(change->entry) ||
		    is_changed(setting, i + 1, change->entry))
			continue;
		metadata_line_add(
		    new, change->entry, change->value, setting->folder);
		setting->entries++;
	}
}

/* The last change of it counts. */
static enum account_status
find_use(struct setting *setting)
{
	for (size_t i = 0; i < setting->count; i++) {
		const struct metadata_change *change = &setting->changes[i];

		if (!is_use(change->entry))
			continue;
		setting->has_use = true;
		if (!special_use_parse(change->value, &setting->use) ||
		    (setting->use != 0 &&
			(setting->folder.len == 0 ||
			    account_is_inbox(setting->folder))))
			return ACCOUNT_INVALID;
	}
	return ACCOUNT_OK;
}

static enum account_status
set_locked(struct account *account, struct setting *setting)
{
	struct buf text = buf_new(METADATA_FILE_MAX + 1);
	struct buf new = begin_text();
	struct span old;
	enum account_status status = look_for(account, setting->folder);

	if (status == ACCOUNT_OK)
		status = find_use(setting);
	if (status == ACCOUNT_OK && !read_lines(account, &text, &old))
		status = account_error();
	if (status == ACCOUNT_OK) {
		write_set(setting, old, &new);
		if (setting->entries > METADATA_ENTRIES_MAX)
			status = ACCOUNT_LIMIT;
		else if (new.len > text.len)
			status = quota_check(account, new.len - text.len, 0);
	}
	if (status == ACCOUNT_OK &&
	    !span_equal(buf_span(&new), buf_span(&text)))
		status = save(account, &new);
	if (status == ACCOUNT_OK && setting->has_use &&
	    !special_use_set(account, setting->folder, setting->use))
		status = account_error();
	buf_free(&text);
	buf_free(&new);
	return status;
}

enum account_status
metadata_set(struct account *account, struct span folder,
    const struct metadata_change *changes, size_t count)
{
	struct setting setting = {
		.folder = own_name(folder), .changes = changes, .count = count
	};

	for (size_t i = 0; i < count; i++)
		if (changes[i].value.len > METADATA_VALUE_MAX)
			return ACCOUNT_LIMIT;
	/*
	 * RFC 7162 section 3.2.  First, for who watches for annotations asks
	 * for this then; not under the lock, which INBOX has, too.
	 */
	enum account_status status =
	    setting.folder.len > 0
		? folder_raise_modseq(account, setting.folder)
		: ACCOUNT_OK;
	if (status != ACCOUNT_OK)
		return status;
	int lock = account_lock(account->root);
	if (lock == -1)
		return account_error();
	status = set_locked(account, &setting);
	close(lock);
	return status;
}

/* ---- folders come and go ---- */

struct renaming {
	struct account *account;
	struct span from;
	struct span to; /* empty: from is deleted */
	bool is_copy;
	bool is_changed;
	struct buf known; /* the last parent looked for */
	bool is_known_lost;
};

/* A parent that was there for the sake of what is deleted. */
static bool
is_lost(struct renaming *renaming, struct span folder)
{
	struct span rest;

	if (renaming->to.len > 0 || folder.len == 0 ||
	    !account_is_below(renaming->from, folder, &rest) || rest.len == 0)
		return false;
	if (!span_equal(buf_span(&renaming->known), folder)) {
		buf_clear(&renaming->known);
		buf_add(&renaming->known, folder);
		renaming->is_known_lost =
		    look_for(renaming->account, folder) == ACCOUNT_NONEXISTENT;
	}
	return renaming->is_known_lost;
}

/* A line that is to stay, or to have another name. */
static void
rename_line(struct renaming *renaming, struct span text,
    const struct metadata_line *line, struct buf *new)
{
	struct buf name = buf_new((size_t)2 * ACCOUNT_NAME_MAX);
	struct span folder = buf_span(&line->folder);
	struct span below;
	bool is_named =
	    account_is_below(folder, renaming->from, &below) &&
	    (below.len == 0 || (renaming->to.len > 0 && !renaming->is_copy));
	bool is_gone = !is_named && is_lost(renaming, folder);

	if ((!is_named && !is_gone) || renaming->is_copy) {
		buf_add(new, text);
		buf_add_char(new, '\n');
	}
	if (is_named && renaming->to.len > 0) {
		buf_add(&name, renaming->to);
		buf_add(&name, below);
		metadata_line_add(new, buf_span(&line->entry),
		    buf_span(&line->value), buf_span(&name));
	}
	renaming->is_changed |= is_named || is_gone;
	buf_free(&name);
}

/* What cannot be read is in nobody's way. */
static bool
rename_lines(struct renaming *renaming)
{
	struct account *account = renaming->account;
	struct buf text = buf_new(METADATA_FILE_MAX + 1);
	struct buf new = begin_text();
	struct metadata_line line = metadata_line_new();
	struct span old;
	bool is_good = true;

	renaming->known = buf_new(ACCOUNT_NAME_MAX);
	read_lines(account, &text, &old);
	while (old.len > 0) {
		struct span one = span_cut(&old, '\n');

		if (metadata_line_parse(&line, one))
			rename_line(renaming, one, &line, &new);
	}
	if (renaming->is_changed) {
		errno = ENOSPC;
		is_good = save(account, &new) == ACCOUNT_OK;
	}
	metadata_line_free(&line);
	buf_free(&renaming->known);
	buf_free(&text);
	buf_free(&new);
	return is_good;
}

bool
metadata_forget(struct account *account, struct span folder)
{
	struct renaming renaming = { .account = account, .from = folder };

	return rename_lines(&renaming);
}

bool
metadata_rename(
    struct account *account, struct span from, struct span to, bool is_copy)
{
	struct renaming renaming = { .account = account,
		.from = own_name(from),
		.to = to,
		.is_copy = is_copy };

	return rename_lines(&renaming);
}
