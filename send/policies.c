#include "send/policies.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/die.h"
#include "base/file.h"
#include "base/paths.h"

enum {
	PATH_SIZE = sizeof(MTA_STS) + STS_DOMAIN_MAX + 8,
	FILE_SIZE = STS_TEXT_MAX + 256
};

/* No domain begins with a dot. */
static const char temporary[] = MTA_STS "/.new";

static void
path_of(const char *domain, char path[PATH_SIZE])
{
	snprintf(path, PATH_SIZE, "%s/%s", MTA_STS, domain);
}

size_t
policies_open(void)
{
	DIR *folder = opendir(MTA_STS);
	struct dirent *entry;
	size_t count = 0;

	if (folder == NULL)
		temp_fail("cannot read %s", MTA_STS);
	while ((entry = readdir(folder)) != NULL)
		count += entry->d_name[0] == '.' ? 0 : 1;
	closedir(folder);
	unlink(temporary);
	return count;
}

static bool
read_file(const char *domain, struct buf *text, struct kept *kept)
{
	char path[PATH_SIZE];
	struct stat status = { .st_size = 0 };

	path_of(domain, path);
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1) {
		if (errno != ENOENT)
			warn_errno("cannot open %s", path);
		return false;
	}
	char *room = buf_room(text, FILE_SIZE);
	ssize_t got = fstat(fd, &status) == 0 ? read(fd, room, FILE_SIZE) : -1;
	close(fd);
	if (got > 0)
		buf_grown(text, (size_t)got);
	kept->used_s = status.st_mtim.tv_sec;
	return got > 0;
}

static bool
parse(struct span text, struct kept *kept)
{
	struct span id;
	struct span fetched;
	uint64_t at;

	if (!sts_parse_policy(text, &kept->policy) ||
	    !sts_find_field(text, "id", &id) || id.len > STS_ID_MAX ||
	    !sts_find_field(text, "fetched", &fetched) ||
	    !span_number(fetched, 10, INT64_MAX / 2, &at))
		return false;
	snprintf(kept->id, sizeof(kept->id), "%.*s", (int)id.len, id.ptr);
	kept->fetched_s = (int64_t)at;
	return true;
}

/* One from the future, by a clock that was wrong, counts as new. */
static int64_t
age_s(const struct kept *kept)
{
	int64_t age = (int64_t)time(NULL) - kept->fetched_s;

	return age < 0 ? 0 : age;
}

bool
policies_load(const char *domain, struct kept *kept)
{
	struct buf text = buf_new(FILE_SIZE);
	bool is_read = false;

	*kept = (struct kept){ .policy = sts_policy_new() };
	if (read_file(domain, &text, kept)) {
		kept->is_read = true;
		is_read = parse(buf_span(&text), kept);
		if (!is_read)
			log_event("%s/%s is no policy", MTA_STS, domain);
	}
	buf_free(&text);
	if (is_read && age_s(kept) < (int64_t)kept->policy.max_age_s)
		return true;
	sts_policy_free(&kept->policy);
	return false;
}

bool
policies_has(const char *domain)
{
	char path[PATH_SIZE];

	path_of(domain, path);
	return access(path, F_OK) == 0 || errno != ENOENT;
}

void
policies_use(const char *domain, const struct kept *kept)
{
	char path[PATH_SIZE];

	if ((int64_t)time(NULL) - kept->used_s < POLICIES_DAY_S)
		return;
	path_of(domain, path);
	utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW);
}

bool
policies_is_due(const struct kept *kept)
{
	uint64_t after_s = kept->policy.max_age_s / 2;

	if (after_s > POLICIES_DAY_S)
		after_s = POLICIES_DAY_S;
	return kept->fetched_s > (int64_t)time(NULL) ||
	       age_s(kept) >= (int64_t)after_s;
}

void
policies_each(bool (*visit)(const char *domain, void *context), void *context)
{
	DIR *folder = opendir(MTA_STS);
	struct dirent *entry;

	if (folder == NULL) {
		warn_errno("cannot read %s", MTA_STS);
		return;
	}
	while ((entry = readdir(folder)) != NULL)
		if (entry->d_name[0] != '.' &&
		    strlen(entry->d_name) <= STS_DOMAIN_MAX &&
		    !visit(entry->d_name, context))
			break;
	closedir(folder);
}

/* ---- changes ---- */

bool
policies_drop(const char *domain)
{
	char path[PATH_SIZE];

	path_of(domain, path);
	return unlink(path) == 0;
}

struct oldest {
	char domain[STS_DOMAIN_MAX + 1];
	struct timespec used;
};

static bool
is_before(const struct timespec *left, const struct timespec *right)
{
	return left->tv_sec < right->tv_sec ||
	       (left->tv_sec == right->tv_sec &&
		   left->tv_nsec < right->tv_nsec);
}

static bool
find_oldest(const char *domain, void *context)
{
	struct oldest *oldest = context;
	char path[PATH_SIZE];
	struct stat status;

	path_of(domain, path);
	if (lstat(path, &status) == 0 &&
	    (oldest->domain[0] == '\0' ||
		is_before(&status.st_mtim, &oldest->used))) {
		snprintf(oldest->domain, sizeof(oldest->domain), "%s", domain);
		oldest->used = status.st_mtim;
	}
	return true;
}

static void
make_room(size_t max, size_t *count)
{
	while (*count >= max) {
		struct oldest oldest = { .domain = "" };

		policies_each(find_oldest, &oldest);
		if (oldest.domain[0] == '\0' || !policies_drop(oldest.domain))
			return;
		log_event(
		    "domain=%s forgotten: control/stspolicies", oldest.domain);
		(*count)--;
	}
}

static bool
write_file(struct span text, const char *path)
{
	int fd = open(temporary,
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);

	if (fd == -1)
		return false;
	bool is_kept = write(fd, text.ptr, text.len) == (ssize_t)text.len &&
		       file_commit(fd, temporary, path);
	int error = errno;
	close(fd);
	if (!is_kept)
		unlink(temporary);
	errno = error;
	return is_kept;
}

/* When it was written says nothing: it may be fetched anew and not used. */
static void
set_used(const char *path, int64_t used_s)
{
	const struct timespec times[2] = { { .tv_sec = used_s },
		{ .tv_sec = used_s } };

	utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
}

bool
policies_save(
    const char *domain, const struct kept *kept, size_t max, size_t *count)
{
	struct buf text = buf_new(FILE_SIZE);
	char path[PATH_SIZE];

	path_of(domain, path);
	bool is_new = !policies_has(domain);
	if (is_new)
		make_room(max, count);
	sts_add_policy(&text, &kept->policy);
	buf_printf(&text, "id: %s\nfetched: %lld\n", kept->id,
	    (long long)kept->fetched_s);
	bool is_kept = write_file(buf_span(&text), path);
	if (!is_kept)
		warn_errno("cannot keep the policy of %s", domain);
	else if (kept->used_s < kept->fetched_s)
		set_used(path, kept->used_s);
	if (is_kept && is_new)
		(*count)++;
	buf_free(&text);
	return is_kept;
}

/* ---- for a person ---- */

static bool
print(const char *domain, void *context)
{
	struct kept kept;

	(void)context;
	if (!policies_load(domain, &kept))
		return true;
	printf("%s mode=%s id=%s expires_s=%lld", domain,
	    sts_mode_name(kept.policy.mode), kept.id,
	    (long long)((int64_t)kept.policy.max_age_s - age_s(&kept)));
	struct span rest = buf_span(&kept.policy.patterns);
	while (rest.len > 0) {
		struct span line = span_cut(&rest, '\n');

		span_cut(&line, ' ');
		printf(" %.*s", (int)line.len, line.ptr);
	}
	putchar('\n');
	sts_policy_free(&kept.policy);
	return true;
}

int
policies_print(void)
{
	policies_each(print, NULL);
	return fflush(stdout) == EOF ? EX_IOERR : EX_OK;
}
