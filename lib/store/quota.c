#include "store/quota.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "store/account_state.h"

/*
 * maildirsize: a first line "OCTETSs,MESSAGESC" of limits, then a line "OCTETS
 * MESSAGES" for each change, to be summed up.  Above QUOTA_FILE_MAX it is
 * counted anew, as Maildir++ has it.
 */

enum {
	QUOTA_FILE_MAX = 5120
};

static const char file_name[] = "maildirsize";

static bool
take_number(struct span *rest, int64_t *number)
{
	bool is_negative = rest->len > 0 && rest->ptr[0] == '-';
	size_t len = 0;
	uint64_t value;

	if (is_negative)
		*rest = span_slice(*rest, 1, rest->len);
	while (
	    len < rest->len && rest->ptr[len] >= '0' && rest->ptr[len] <= '9')
		len++;
	if (!span_number(span_slice(*rest, 0, len), 10, INT64_MAX, &value))
		return false;
	*rest = span_slice(*rest, len, rest->len);
	while (rest->len > 0 && rest->ptr[0] == ' ')
		*rest = span_slice(*rest, 1, rest->len);
	*number = is_negative ? -(int64_t)value : (int64_t)value;
	return true;
}

bool
quota_parse(struct span text, int64_t *octets, int64_t *messages)
{
	struct span limits = span_cut(&text, '\n');

	*octets = *messages = 0;
	if (limits.len == 0 || limits.ptr[0] < '0' || limits.ptr[0] > '9')
		return false;
	while (text.len > 0) {
		struct span line = span_trim(span_cut(&text, '\n'));
		int64_t more_octets;
		int64_t more_messages;

		if (line.len == 0)
			continue;
		if (!take_number(&line, &more_octets) ||
		    !take_number(&line, &more_messages) ||
		    __builtin_add_overflow(*octets, more_octets, octets) ||
		    __builtin_add_overflow(*messages, more_messages, messages))
			return false;
	}
	return *octets >= 0 && *messages >= 0;
}

/* ---- counting ---- */

struct sum {
	struct account *account;
	int64_t octets;
	int64_t messages;
};

static uint64_t
sum_files(int folder, int64_t *messages)
{
	const struct dirent *entry;
	uint64_t octets = 0;
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fd == -1 ? NULL : fdopendir(fd);

	while (list != NULL && (entry = readdir(list)) != NULL) {
		struct stat status;

		if (entry->d_name[0] == '.' ||
		    fstatat(folder, entry->d_name, &status,
			AT_SYMLINK_NOFOLLOW) == -1 ||
		    !S_ISREG(status.st_mode))
			continue;
		octets += (uint64_t)status.st_size;
		++*messages;
	}
	if (list != NULL)
		closedir(list);
	return octets;
}

uint64_t
quota_folder_octets(int folder)
{
	int64_t ignored = 0;

	return sum_files(folder, &ignored);
}

static bool
count_folder(void *context, const struct account_folder *folder)
{
	static const char *const parts[] = { "cur", "new" };
	struct sum *sum = context;
	int root = account_open_folder(sum->account, folder->name);

	for (size_t i = 0; i < 2 && root != -1; i++) {
		int part = openat(root, parts[i],
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (part == -1)
			continue;
		sum->octets += (int64_t)sum_files(part, &sum->messages);
		close(part);
	}
	if (root != -1)
		close(root);
	return true;
}

static bool
count_all(struct account *account, struct sum *sum)
{
	*sum = (struct sum){ .account = account };
	return account_list(account, count_folder, sum);
}

/* ---- the file ---- */

bool
quota_is_kept(const struct account *account)
{
	return account->settings.octets_max != 0 ||
	       account->settings.messages_max != 0 ||
	       faccessat(account->root, file_name, F_OK, 0) == 0;
}

static bool
write_anew(const struct account *account, const struct sum *sum)
{
	struct buf text = buf_new(QUOTA_FILE_MAX);

	buf_printf(&text, "%lluS,%lluC\n%lld %lld\n",
	    (unsigned long long)account->settings.octets_max,
	    (unsigned long long)account->settings.messages_max,
	    (long long)sum->octets, (long long)sum->messages);
	bool is_written =
	    account_write_file(account->root, file_name, buf_span(&text));
	buf_free(&text);
	return is_written;
}

/* What the file says, or what is there. */
static bool
read_sum(struct account *account, struct sum *sum)
{
	struct buf text = buf_new(QUOTA_FILE_MAX);

	*sum = (struct sum){ .account = account };
	bool is_good =
	    account_read_file(account->root, file_name, &text) &&
	    quota_parse(buf_span(&text), &sum->octets, &sum->messages);
	buf_free(&text);
	if (is_good)
		return true;
	return count_all(account, sum) &&
	       (!quota_is_kept(account) || write_anew(account, sum));
}

static bool
is_over(const struct account *account, const struct sum *sum, uint64_t octets,
    uint64_t messages)
{
	return (account->settings.octets_max != 0 &&
		   (uint64_t)sum->octets + octets >
		       account->settings.octets_max) ||
	       (account->settings.messages_max != 0 &&
		   (uint64_t)sum->messages + messages >
		       account->settings.messages_max);
}

/* A file that says no may be wrong: then it is counted. */
enum account_status
quota_check(struct account *account, uint64_t octets, uint64_t messages)
{
	struct sum sum;

	if (account->settings.octets_max == 0 &&
	    account->settings.messages_max == 0)
		return ACCOUNT_OK;
	if (!read_sum(account, &sum))
		return account_error();
	if (!is_over(account, &sum, octets, messages))
		return ACCOUNT_OK;
	if (!count_all(account, &sum) || !write_anew(account, &sum))
		return account_error();
	return is_over(account, &sum, octets, messages) ? ACCOUNT_OVER_QUOTA
							: ACCOUNT_OK;
}

/* It is a hint that can be counted anew: nothing is synced. */
void
quota_add(struct account *account, int64_t octets, int64_t messages)
{
	struct buf line = buf_new(64);
	int fd;

	if (!quota_is_kept(account))
		return;
	fd = openat(account->root, file_name,
	    O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return;
	buf_printf(
	    &line, "%lld %lld\n", (long long)octets, (long long)messages);
	if (!write_all(fd, buf_span(&line)))
		errno = 0;
	close(fd);
	buf_free(&line);
}

enum account_status
account_quota(struct account *account, struct account_quota *quota)
{
	struct sum sum;

	if (!read_sum(account, &sum))
		return account_error();
	*quota = (struct account_quota){ .octets = (uint64_t)sum.octets,
		.octets_max = account->settings.octets_max,
		.messages = (uint64_t)sum.messages,
		.messages_max = account->settings.messages_max };
	return ACCOUNT_OK;
}
