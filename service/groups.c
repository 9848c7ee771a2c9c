#include "service/groups.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>

enum {
	GROUPS_MAX = 65536 /* the kernel's */
};

/* A number that has no name is none that an ACL could name. */
static bool
add_names(const gid_t *gids, int count, struct buf *groups)
{
	for (int i = 0; i < count; i++) {
		errno = 0;
		const struct group *group = getgrgid(gids[i]);
		if (group == NULL && errno != 0 && errno != ENOENT)
			return false;
		if (group == NULL || span_index(span_of(group->gr_name), ',') <
					 span_of(group->gr_name).len)
			continue;
		buf_add_string(groups, group->gr_name);
		buf_add_char(groups, ',');
	}
	errno = E2BIG;
	return !groups->overflow;
}

static bool
add_groups(const struct passwd *entry, struct buf *groups)
{
	int count = GROUPS_MAX;
	gid_t *gids = calloc(GROUPS_MAX, sizeof(*gids));

	if (gids == NULL)
		return false;
	errno = E2BIG;
	bool is_good =
	    getgrouplist(entry->pw_name, entry->pw_gid, gids, &count) != -1 &&
	    add_names(gids, count, groups);
	int error = errno;
	free(gids);
	errno = error;
	return is_good;
}

bool
groups_of(struct span user, struct buf *groups)
{
	struct buf name = buf_new(user.len + 1);

	if (span_index(user, '@') < user.len)
		return true;
	buf_add(&name, user);
	errno = 0;
	const struct passwd *entry =
	    buf_string(&name) != NULL ? getpwnam(buf_string(&name)) : NULL;
	if (entry == NULL && errno == 0)
		errno = ENOENT;
	bool is_good = entry != NULL && add_groups(entry, groups);
	int error = errno;
	buf_free(&name);
	errno = error;
	return is_good;
}
