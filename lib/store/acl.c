#include "store/acl.h"

#include <errno.h>
#include <unistd.h>

#include "store/account_state.h"

static const char file_name[] = "estafeta-acl";
static const char first_line[] = "estafeta-acl 1\n";

/* Append the lines of the folder that is open; false with errno set. */
static bool
read_lines(int folder, struct buf *lines)
{
	struct buf text = buf_new(ACL_FILE_MAX + 1);
	struct span found;
	bool is_read = account_read_file(folder, file_name, &text);
	bool is_good = is_read && acl_parse(buf_span(&text), &found);

	if (is_good)
		buf_add(lines, found);
	else if (!is_read && errno == ENOENT)
		is_good = true;
	else if (is_read)
		errno = EBADMSG;
	int error = errno;
	buf_free(&text);
	errno = error;
	return is_good;
}

enum account_status
acl_read(struct account *account, struct span folder, struct buf *lines)
{
	int fd = account_open_folder(account, folder);

	if (fd == -1)
		return account_error();
	enum account_status status =
	    read_lines(fd, lines) ? ACCOUNT_OK : ACCOUNT_ERROR;
	int error = errno;
	close(fd);
	errno = error;
	return status;
}

struct setting {
	int folder;
	const struct acl_entry *entry;
	enum acl_change change;
	bool is_full;
};

static uint32_t
changed(uint32_t rights, const struct setting *setting)
{
	switch (setting->change) {
	case ACL_REPLACE:
		return setting->entry->rights;
	case ACL_ADD:
		return rights | setting->entry->rights;
	case ACL_REMOVE:
		return rights & ~setting->entry->rights;
	}
	return rights;
}

static void
add_line(struct buf *text, const struct acl_entry *entry, uint32_t rights)
{
	if (rights == 0)
		return;
	acl_add_rights(text, rights);
	buf_add_string(text, entry->is_negative ? " -" : " ");
	buf_add(text, entry->identifier);
	buf_add_char(text, '\n');
}

static bool
change_lines(void *context, struct buf *text)
{
	struct setting *setting = context;
	struct buf lines = buf_new(ACL_FILE_MAX);
	struct acl_entry entry;
	bool is_found = false;
	size_t count = 0;

	if (!read_lines(setting->folder, &lines)) {
		buf_free(&lines);
		return false;
	}
	buf_add_string(text, first_line);
	for (struct span rest = buf_span(&lines); acl_next(&rest, &entry);) {
		bool is_it = entry.is_negative == setting->entry->is_negative &&
			     span_equal_nocase(
				 entry.identifier, setting->entry->identifier);

		is_found |= is_it;
		count++;
		add_line(text, &entry,
		    is_it ? changed(entry.rights, setting) : entry.rights);
	}
	uint32_t added = is_found ? 0 : changed(0, setting);
	add_line(text, setting->entry, added);
	setting->is_full = (added != 0 && count == ACL_ENTRIES_MAX) ||
			   text->len > ACL_FILE_MAX;
	buf_free(&lines);
	errno = EFBIG;
	return !setting->is_full;
}

enum account_status
acl_set(struct account *account, struct span folder,
    const struct acl_entry *entry, enum acl_change change)
{
	struct setting setting = { .entry = entry, .change = change };

	setting.folder = account_open_folder(account, folder);
	if (setting.folder == -1)
		return account_error();
	bool is_done = account_change_file(
	    setting.folder, file_name, change_lines, &setting);
	int error = errno;
	close(setting.folder);
	errno = error;
	if (is_done)
		return ACCOUNT_OK;
	if (setting.is_full)
		return ACCOUNT_LIMIT;
	return error == EBADMSG ? ACCOUNT_ERROR : account_error();
}

struct span
acl_parent(struct account *account, struct span folder)
{
	for (;;) {
		size_t slash = span_last_index(folder, '/');

		folder = span_slice(folder, 0, slash < folder.len ? slash : 0);
		if (folder.len == 0)
			return folder;
		int fd = account_open_folder(account, folder);
		if (fd != -1) {
			close(fd);
			return folder;
		}
	}
}

enum account_status
acl_inherit(struct account *account, struct span folder)
{
	struct span parent = acl_parent(account, folder);
	struct buf text = buf_new(ACL_FILE_MAX);
	enum account_status status = ACCOUNT_OK;

	buf_add_string(&text, first_line);
	size_t empty = text.len;
	if (parent.len > 0)
		status = acl_read(account, parent, &text);
	if (status == ACCOUNT_OK && text.len > empty) {
		int fd = account_open_folder(account, folder);

		if (fd == -1 ||
		    !account_write_file(fd, file_name, buf_span(&text)))
			status = account_error();
		if (fd != -1)
			close(fd);
	}
	buf_free(&text);
	return status;
}

/* ---- all folders ---- */

struct gathering {
	struct account *account;
	struct buf *names;
};

static bool
has_line(struct span lines, struct span name)
{
	while (lines.len > 0)
		if (span_equal_nocase(span_cut(&lines, '\n'), name))
			return true;
	return false;
}

static bool
gather(void *context, const struct account_folder *folder)
{
	struct gathering *gathering = context;
	struct buf lines = buf_new(ACL_FILE_MAX);
	struct acl_entry entry;

	if ((folder->attributes & (FOLDER_NOSELECT | FOLDER_NONEXISTENT)) !=
		0 ||
	    acl_read(gathering->account, folder->name, &lines) != ACCOUNT_OK)
		buf_clear(&lines);
	for (struct span rest = buf_span(&lines); acl_next(&rest, &entry);) {
		if (entry.is_negative ||
		    has_line(buf_span(gathering->names), entry.identifier))
			continue;
		buf_add(gathering->names, entry.identifier);
		buf_add_char(gathering->names, '\n');
	}
	buf_free(&lines);
	return true;
}

enum account_status
acl_grantees(struct account *account, struct buf *names)
{
	struct gathering gathering = { account, names };

	if (!account_list(account, gather, &gathering))
		return ACCOUNT_ERROR;
	return names->overflow ? ACCOUNT_LIMIT : ACCOUNT_OK;
}
