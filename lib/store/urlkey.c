#include "store/urlkey.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/account_state.h"

static const char file_name[] = "estafeta-urlkey";
static const char first_line[] = "estafeta-urlkey 1\n";

enum {
	FILE_MAX = 256,
	DIGITS = 2 * URLKEY_SIZE
};

/* ---- the text ---- */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
urlkey_parse(struct span text, struct urlkey *key)
{
	struct span first = span_of(first_line);

	if (!span_starts(text, first))
		return false;
	text = span_slice(text, first.len, SIZE_MAX);
	if (text.len != DIGITS + 1 || text.ptr[DIGITS] != '\n')
		return false;
	for (size_t i = 0; i < URLKEY_SIZE; i++) {
		int high = hex_digit(text.ptr[2 * i]);
		int low = hex_digit(text.ptr[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		key->bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static void
add_text(struct buf *text, const struct urlkey *key)
{
	buf_add_string(text, first_line);
	for (size_t i = 0; i < URLKEY_SIZE; i++)
		buf_printf(text, "%02x", key->bytes[i]);
	buf_add_char(text, '\n');
}

/* ---- one folder's ---- */

static bool
read_key(int folder, struct urlkey *key)
{
	struct buf text = buf_new(FILE_MAX);
	bool is_read = account_read_file(folder, file_name, &text);
	bool is_good = is_read && urlkey_parse(buf_span(&text), key);
	int error = is_read && !is_good ? EBADMSG : errno;

	buf_free(&text);
	errno = error;
	return is_good;
}

/* errno, without a folder or a file that one can wait for. */
static enum account_status
failure(int error)
{
	errno = error;
	return error == EBADMSG ? ACCOUNT_ERROR : account_error();
}

enum account_status
urlkey_read(struct account *account, struct span folder, struct urlkey *key)
{
	int fd = account_open_folder(account, folder);

	if (fd == -1)
		return account_error();
	bool is_good = read_key(fd, key);
	int error = errno;
	close(fd);
	return is_good ? ACCOUNT_OK : failure(error);
}

struct making {
	int folder;
	struct urlkey key;
	bool keeps_old;
	bool has_old;
};

static bool
make_key(void *context, struct buf *text)
{
	struct making *making = context;

	if (making->keeps_old) {
		making->has_old = read_key(making->folder, &making->key);
		if (making->has_old || errno != ENOENT)
			return false;
	}
	if (getrandom(making->key.bytes, URLKEY_SIZE, 0) != URLKEY_SIZE)
		return false;
	add_text(text, &making->key);
	return true;
}

static enum account_status
make(struct account *account, struct span folder, struct making *making)
{
	making->folder = account_open_folder(account, folder);
	if (making->folder == -1)
		return account_error();
	bool is_made =
	    account_change_file(making->folder, file_name, make_key, making);
	int error = errno;
	close(making->folder);
	return is_made || making->has_old ? ACCOUNT_OK : failure(error);
}

enum account_status
urlkey_make(struct account *account, struct span folder, struct urlkey *key)
{
	struct making making = { .keeps_old = true };

	/* No file is written, mostly. */
	enum account_status status = urlkey_read(account, folder, key);
	if (status != ACCOUNT_NONEXISTENT)
		return status;
	status = make(account, folder, &making);
	if (status == ACCOUNT_OK)
		*key = making.key;
	return status;
}

enum account_status
urlkey_reset(struct account *account, struct span folder)
{
	struct making making = { .keeps_old = false };

	return make(account, folder, &making);
}

uint64_t
urlkey_stamp(struct account *account, struct span folder)
{
	struct buf path = buf_new(NAME_MAX + sizeof(file_name) + 1);
	struct stat status;
	uint64_t stamp = 0;

	if (account_add_path(&path, folder)) {
		buf_printf(&path, "/%s", file_name);
		if (fstatat(account->root, buf_string(&path), &status,
			AT_SYMLINK_NOFOLLOW) == 0)
			stamp = (uint64_t)status.st_ino ^
				(uint64_t)status.st_ctim.tv_sec << 32 ^
				(uint64_t)status.st_ctim.tv_nsec;
	}
	buf_free(&path);
	return stamp;
}

/* ---- all folders' ---- */

struct removing {
	struct account *account;
	enum account_status status;
};

static bool
remove_key(void *context, const struct account_folder *folder)
{
	struct removing *removing = context;

	if ((folder->attributes & (FOLDER_NOSELECT | FOLDER_NONEXISTENT)) != 0)
		return true;
	int fd = account_open_folder(removing->account, folder->name);
	if (fd == -1) {
		removing->status = account_error();
		if (removing->status == ACCOUNT_NONEXISTENT) /* gone since */
			removing->status = ACCOUNT_OK;
		return removing->status == ACCOUNT_OK;
	}
	if (unlinkat(fd, file_name, 0) == -1 ? errno != ENOENT
					     : fsync(fd) == -1)
		removing->status = account_error();
	int error = errno;
	close(fd);
	errno = error;
	return removing->status == ACCOUNT_OK;
}

enum account_status
urlkey_remove_all(struct account *account)
{
	struct removing removing = { account, ACCOUNT_OK };

	if (!account_list(account, remove_key, &removing) &&
	    removing.status == ACCOUNT_OK)
		return account_error();
	return removing.status;
}
