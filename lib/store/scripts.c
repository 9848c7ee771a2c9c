#include "sieve/sieve.h"
#include "store/scripts_state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/control.h"
#include "base/io.h"
#include "mail/utf8.h"
#include "store/account_state.h"

enum {
	SCRIPT_MAX = 1 << 20, /* what lib/sieve takes at most */
	LINE_SEPARATOR = 0x2028,
	PARAGRAPH_SEPARATOR = 0x2029
};

static const char folder_name[] = "sieve";
static const char suffix[] = SCRIPTS_SUFFIX;

uint64_t
scripts_redirects_max(void)
{
	return control_number("sieveredirects", 4, 0, SIEVE_REDIRECTS_MAX);
}

struct scripts_limits
scripts_limits(void)
{
	return (struct scripts_limits){
		.count = control_number("sievescripts", 100, 1, 10000),
		.size = control_number("sievesize", 65536, 1024, SCRIPT_MAX),
	};
}

/* ---- names ---- */

/* RFC 5804 section 1.6. */
static bool
is_forbidden(uint32_t character)
{
	return character < 0x20 || (character >= 0x7f && character <= 0x9f) ||
	       character == LINE_SEPARATOR ||
	       character == PARAGRAPH_SEPARATOR || character == UTF8_NONE;
}

bool
scripts_is_name(struct span name)
{
	if (name.len == 0 || name.len > SCRIPTS_NAME_MAX ||
	    name.ptr[0] == '.' || span_index(name, '/') < name.len)
		return false;
	while (name.len > 0)
		if (is_forbidden(utf8_next(&name)))
			return false;
	return true;
}

static bool
ends_with(struct span text, struct span end)
{
	return text.len >= end.len &&
	       span_equal(span_slice(text, text.len - end.len, text.len), end);
}

struct scripts_file
scripts_file(struct span name)
{
	struct scripts_file file = { .name = "" };

	if (!scripts_is_name(name))
		return file;
	if (name.len > SCRIPTS_SHORT_MAX) {
		scripts_long_file(name, &file);
		return file;
	}
	memcpy(file.name, name.ptr, name.len);
	memcpy(file.name + name.len, suffix, sizeof(suffix));
	return file;
}

/*
 * The other way.  False: it is none of ours, errno 0; or errno says why that
 * cannot be told.
 */
static bool
find_name(int folder, const char *file, struct buf *name)
{
	struct span end = span_of(suffix);
	struct span text = span_of(file);

	buf_clear(name);
	errno = 0;
	if (ends_with(text, span_of(SCRIPTS_LONG_SUFFIX)))
		return scripts_find_long(folder, file, name);
	if (!ends_with(text, end) || text.len - end.len > SCRIPTS_SHORT_MAX)
		return false;
	text.len -= end.len;
	if (scripts_is_name(text))
		buf_add(name, text);
	return name->len > 0;
}

/* ---- errors ---- */

/* A link, or what else is no file, is no script. */
enum scripts_status
scripts_error(void)
{
	switch (errno) {
	case ENOENT:
	case ENOTDIR: /* the folder is a link */
	case ELOOP:
		return SCRIPTS_NONEXISTENT;
	case EEXIST:
		return SCRIPTS_EXISTS;
	case ENOSPC:
	case EDQUOT:
		return SCRIPTS_QUOTA;
	default:
		return SCRIPTS_ERROR;
	}
}

/* Close it without a change of errno. */
void
scripts_close(int fd)
{
	int error = errno;

	if (fd != -1)
		close(fd);
	errno = error;
}

/* ---- the folder ---- */

int
scripts_open_folder(int maildir)
{
	return openat(maildir, folder_name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

bool
scripts_is_there(int folder, const char *file, struct stat *status)
{
	return fstatat(folder, file, status, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(status->st_mode);
}

/* ---- reading ---- */

enum scripts_status
scripts_read_file(int folder, const char *file, struct buf *text)
{
	struct stat status;
	int fd = openat(
	    folder, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd == -1)
		return scripts_error();
	enum scripts_status result = SCRIPTS_OK;
	if (!fd_status(fd, &status)) {
		result = SCRIPTS_ERROR;
	} else if (!S_ISREG(status.st_mode)) {
		result = SCRIPTS_NONEXISTENT;
	} else {
		switch (read_all(fd, text, ACCOUNT_READ_MS)) {
		case IO_OK:
		case IO_EOF:
			break;
		case IO_TOO_LONG:
			result = SCRIPTS_LIMIT;
			break;
		case IO_TIMEOUT:
		case IO_ERROR:
			errno = EIO;
			result = SCRIPTS_ERROR;
		}
	}
	scripts_close(fd);
	return result;
}

enum scripts_status
scripts_read(int maildir, struct span name, struct buf *text)
{
	struct scripts_file file = scripts_file(name);

	if (file.name[0] == '\0')
		return SCRIPTS_INVALID;
	int folder = scripts_open_folder(maildir);
	if (folder == -1)
		return scripts_error();
	enum scripts_status status =
	    file.is_long ? scripts_read_long(folder, &file, text)
			 : scripts_read_file(folder, file.name, text);
	scripts_close(folder);
	return status;
}

/* One line; another text than a name tells nobody which script is meant. */
enum scripts_status
scripts_read_active(int folder, struct buf *name)
{
	/* A byte more than may be: to see that there is none. */
	struct buf text = buf_new(SCRIPTS_NAME_MAX + 2);
	enum scripts_status status =
	    scripts_read_file(folder, SCRIPTS_ACTIVE_NAME, &text);
	struct span line = buf_span(&text);

	if (status == SCRIPTS_OK && line.len == 0) {
		status = SCRIPTS_NONEXISTENT;
	} else if (status == SCRIPTS_OK || status == SCRIPTS_LIMIT) {
		struct span active = span_cut(&line, '\n');

		errno = EBADMSG;
		status = status == SCRIPTS_OK && line.len == 0 &&
				 scripts_is_name(active)
			     ? SCRIPTS_OK
			     : SCRIPTS_ERROR;
		if (status == SCRIPTS_OK)
			buf_add(name, active);
	}
	int error = errno;
	buf_free(&text);
	errno = error;
	return status;
}

enum scripts_status
scripts_active(int maildir, struct buf *name)
{
	int folder = scripts_open_folder(maildir);

	if (folder == -1)
		return scripts_error();
	enum scripts_status status = scripts_read_active(folder, name);
	scripts_close(folder);
	return status;
}

/* ---- all of them ---- */

/* Is it a script? One that is gone by now, or may not be read, is none. */
static bool
is_script(int folder, const char *file, struct buf *name)
{
	struct stat status;

	if (!scripts_is_there(folder, file, &status)) {
		errno = 0;
		return false;
	}
	if (find_name(folder, file, name))
		return true;
	if (errno == ENOENT || errno == ELOOP || errno == EACCES)
		errno = 0;
	return false;
}

bool
scripts_walk(
    int folder, bool (*take)(void *context, struct span name), void *context)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fd == -1 ? NULL : fdopendir(fd);
	struct buf name = buf_new(SCRIPTS_NAME_MAX);
	const struct dirent *entry;
	bool goes_on = true;

	if (list == NULL) {
		scripts_close(fd);
		return false;
	}
	while (goes_on && (errno = 0, entry = readdir(list)) != NULL)
		if (is_script(folder, entry->d_name, &name))
			goes_on = take(context, buf_span(&name));
		else
			goes_on = errno == 0;
	int error = errno;
	closedir(list);
	buf_free(&name);
	errno = error;
	return goes_on && error == 0;
}

struct listing {
	struct buf active;
	bool (*take)(void *context, struct span name, bool is_active);
	void *context;
};

static bool
hand_out(void *context, struct span name)
{
	const struct listing *listing = context;

	return listing->take(listing->context, name,
	    span_equal(name, buf_span(&listing->active)));
}

bool
scripts_list(int maildir,
    bool (*take)(void *context, struct span name, bool is_active),
    void *context)
{
	int folder = scripts_open_folder(maildir);
	struct listing listing = { .active = buf_new(SCRIPTS_NAME_MAX),
		.take = take,
		.context = context };

	if (folder == -1)
		return errno == ENOENT;
	enum scripts_status status =
	    scripts_read_active(folder, &listing.active);
	bool is_listed =
	    (status == SCRIPTS_OK || status == SCRIPTS_NONEXISTENT) &&
	    scripts_walk(folder, hand_out, &listing);
	scripts_close(folder);
	int error = errno;
	buf_free(&listing.active);
	errno = error;
	return is_listed;
}
