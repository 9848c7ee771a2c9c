#include "store/scripts_state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "store/account_state.h"

enum {
	COPY_MAX =
	    16 << 20 /* by hand it may be larger than control/sievesize */
};

/* ---- one after another ---- */

static int
make_folder(int maildir)
{
	int folder = scripts_open_folder(maildir);

	if (folder != -1 || errno != ENOENT)
		return folder;
	if ((mkdirat(maildir, "sieve", ACCOUNT_MODE) == -1 &&
		errno != EEXIST) ||
	    fsync(maildir) == -1)
		return -1;
	return scripts_open_folder(maildir);
}

/* For who changes something, one after another. */
struct place {
	int folder;
	int lock;
};

static void
leave(struct place *place)
{
	scripts_close(place->lock);
	scripts_close(place->folder);
}

static bool
enter(struct place *place, int maildir, bool is_made)
{
	*place =
	    (struct place){ .folder = is_made ? make_folder(maildir)
					      : scripts_open_folder(maildir),
		    .lock = -1 };
	if (place->folder == -1)
		return false;
	place->lock = account_lock(place->folder);
	if (place->lock == -1)
		leave(place);
	return place->lock != -1;
}

/* Is it that one? False with *status set if that cannot be told. */
static bool
is_active(int folder, struct span name, enum scripts_status *status)
{
	struct buf active = buf_new(SCRIPTS_NAME_MAX);

	*status = scripts_read_active(folder, &active);
	bool is_it =
	    *status == SCRIPTS_OK && span_equal(buf_span(&active), name);
	if (*status == SCRIPTS_NONEXISTENT)
		*status = SCRIPTS_OK;
	int error = errno;
	buf_free(&active);
	errno = error;
	return is_it;
}

/* ---- limits ---- */

static bool
count_one(void *context, struct span name)
{
	uint64_t *count = context;

	(void)name;
	++*count;
	return true;
}

/* One that replaces another is not counted (RFC 5804 section 2.5). */
static enum scripts_status
check_limits(int folder, const struct scripts_limits *limits,
    const struct scripts_file *file, uint64_t size)
{
	struct stat status;
	uint64_t count = 0;

	if (size > limits->size)
		return SCRIPTS_LIMIT;
	if (folder == -1 || scripts_is_there(folder, file->name, &status))
		return SCRIPTS_OK;
	if (!scripts_walk(folder, count_one, &count))
		return SCRIPTS_ERROR;
	return count < limits->count ? SCRIPTS_OK : SCRIPTS_LIMIT;
}

enum scripts_status
scripts_have_space(int maildir, const struct scripts_limits *limits,
    struct span name, uint64_t size)
{
	struct scripts_file file = scripts_file(name);

	if (file.name[0] == '\0')
		return SCRIPTS_INVALID;
	int folder = scripts_open_folder(maildir);
	if (folder == -1 && errno != ENOENT)
		return SCRIPTS_ERROR;
	enum scripts_status status = check_limits(folder, limits, &file, size);
	scripts_close(folder);
	return status;
}

/* ---- changes ---- */

/* What a full disk left unfinished would go on taking its room. */
static bool
write_file(int folder, const char *name, struct span text)
{
	struct buf unfinished = buf_new(NAME_MAX);

	if (account_write_file(folder, name, text))
		return true;
	int error = errno;
	buf_printf(&unfinished, "%s.new", name);
	unlinkat(folder, buf_string(&unfinished), 0);
	buf_free(&unfinished);
	errno = error;
	return false;
}

static bool
write_script(int folder, const struct scripts_file *file, struct span name,
    struct span text)
{
	struct buf whole = buf_new(SIZE_MAX / 2);

	if (!file->is_long)
		return write_file(folder, file->name, text);
	scripts_add_long(&whole, name, text);
	bool is_written = write_file(folder, file->name, buf_span(&whole));
	int error = errno;
	buf_free(&whole);
	errno = error;
	return is_written;
}

enum scripts_status
scripts_put(int maildir, const struct scripts_limits *limits, struct span name,
    struct span text)
{
	struct scripts_file file = scripts_file(name);
	struct place place;

	if (file.name[0] == '\0')
		return SCRIPTS_INVALID;
	if (text.len > limits->size)
		return SCRIPTS_LIMIT;
	if (!enter(&place, maildir, true))
		return errno == ENOSPC || errno == EDQUOT ? SCRIPTS_QUOTA
							  : SCRIPTS_ERROR;
	enum scripts_status status =
	    check_limits(place.folder, limits, &file, text.len);
	if (status == SCRIPTS_OK &&
	    !write_script(place.folder, &file, name, text))
		status = scripts_error();
	leave(&place);
	return status;
}

static enum scripts_status
delete_locked(int folder, struct span name, const struct scripts_file *file)
{
	struct stat there;
	enum scripts_status status;

	if (!scripts_is_there(folder, file->name, &there))
		return SCRIPTS_NONEXISTENT;
	if (is_active(folder, name, &status))
		return SCRIPTS_ACTIVE;
	if (status == SCRIPTS_OK &&
	    (unlinkat(folder, file->name, 0) == -1 || fsync(folder) == -1))
		status = scripts_error();
	return status;
}

enum scripts_status
scripts_delete(int maildir, struct span name)
{
	struct scripts_file file = scripts_file(name);
	struct place place;

	if (file.name[0] == '\0')
		return SCRIPTS_INVALID;
	if (!enter(&place, maildir, false))
		return scripts_error();
	enum scripts_status status = delete_locked(place.folder, name, &file);
	leave(&place);
	return status;
}

static bool
write_active(int folder, struct span name)
{
	struct buf line = buf_new(SCRIPTS_NAME_MAX + 1);

	buf_add(&line, name);
	buf_add_char(&line, '\n');
	bool is_written =
	    write_file(folder, SCRIPTS_ACTIVE_NAME, buf_span(&line));
	int error = errno;
	buf_free(&line);
	errno = error;
	return is_written;
}

/* The script has both names; of a failure only the old one is left. */
static bool
move_active(int folder, struct span from, struct span to, const char *new_file)
{
	enum scripts_status status;

	if (fsync(folder) == 0 && write_active(folder, to))
		return true;
	int error = errno;
	if (is_active(folder, from, &status))
		unlinkat(folder, new_file, 0);
	errno = error;
	return false;
}

/* Give the script its new name as well.  Both are there if one such change
 * broke off, and then this ends it. */
static enum scripts_status
link_new(
    int folder, const struct scripts_file *old, const struct scripts_file *new)
{
	struct stat old_status;
	struct stat new_status;

	if (linkat(folder, old->name, folder, new->name, 0) == 0)
		return SCRIPTS_OK;
	if (errno != EEXIST)
		return scripts_error();
	return strcmp(old->name, new->name) != 0 &&
		       scripts_is_there(folder, old->name, &old_status) &&
		       scripts_is_there(folder, new->name, &new_status) &&
		       new_status.st_dev == old_status.st_dev &&
		       new_status.st_ino == old_status.st_ino
		   ? SCRIPTS_OK
		   : SCRIPTS_EXISTS;
}

/* A file that has the script's name in it is written anew for another. */
static enum scripts_status
copy_new(int folder, struct span from, struct span to,
    const struct scripts_file *new)
{
	struct scripts_file old = scripts_file(from);
	struct buf text = buf_new(COPY_MAX);
	struct stat there;
	enum scripts_status status = SCRIPTS_EXISTS;

	if (!scripts_is_there(folder, new->name, &there))
		status = old.is_long
			     ? scripts_read_long(folder, &old, &text)
			     : scripts_read_file(folder, old.name, &text);
	if (status == SCRIPTS_OK &&
	    !write_script(folder, new, to, buf_span(&text)))
		status = scripts_error();
	int error = errno;
	buf_free(&text);
	errno = error;
	return status;
}

/*
 * At no moment does the active name lead nowhere: a delivery, and a power cut,
 * find the script by its old name or by its new one.
 */
static enum scripts_status
rename_locked(int folder, struct span from, struct span to)
{
	struct scripts_file old = scripts_file(from);
	struct scripts_file new = scripts_file(to);
	struct stat there;
	enum scripts_status status;

	if (!scripts_is_there(folder, old.name, &there))
		return SCRIPTS_NONEXISTENT;
	bool was_active = is_active(folder, from, &status);
	if (status == SCRIPTS_OK)
		status = old.is_long || new.is_long
			     ? copy_new(folder, from, to, &new)
			     : link_new(folder, &old, &new);
	if (status != SCRIPTS_OK)
		return status;
	if (was_active && !move_active(folder, from, to, new.name))
		return scripts_error();
	if (unlinkat(folder, old.name, 0) == -1 || fsync(folder) == -1)
		return scripts_error();
	return SCRIPTS_OK;
}

enum scripts_status
scripts_rename(int maildir, struct span from, struct span to)
{
	struct place place;

	if (!scripts_is_name(from) || !scripts_is_name(to))
		return SCRIPTS_INVALID;
	if (!enter(&place, maildir, false))
		return scripts_error();
	enum scripts_status status = rename_locked(place.folder, from, to);
	leave(&place);
	return status;
}

static enum scripts_status
set_active_locked(int folder, struct span name)
{
	struct scripts_file file = scripts_file(name);
	struct stat there;

	if (name.len == 0) {
		if (unlinkat(folder, SCRIPTS_ACTIVE_NAME, 0) == -1)
			return errno == ENOENT ? SCRIPTS_OK : SCRIPTS_ERROR;
		return fsync(folder) == 0 ? SCRIPTS_OK : SCRIPTS_ERROR;
	}
	if (!scripts_is_there(folder, file.name, &there))
		return SCRIPTS_NONEXISTENT;
	return write_active(folder, name) ? SCRIPTS_OK : scripts_error();
}

enum scripts_status
scripts_set_active(int maildir, struct span name)
{
	struct place place;

	if (name.len > 0 && !scripts_is_name(name))
		return SCRIPTS_INVALID;
	if (!enter(&place, maildir, false))
		return name.len == 0 && errno == ENOENT ? SCRIPTS_OK
							: scripts_error();
	enum scripts_status status = set_active_locked(place.folder, name);
	leave(&place);
	return status;
}
