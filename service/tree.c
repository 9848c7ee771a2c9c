#include "service/tree.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>

#include "base/die.h"
#include "base/paths.h"

const char *const tree_users[] = { "mta-smtpd", "mta-submit", "mta-lookup",
	"mta-resolve", "mta-tls-smtp", "mta-tls-pop3", "mta-tls-imap",
	"mta-tls-sieve", "mta-tls-client", "mta-key", "mta-auth", "mta-checker",
	"mta-inject", "mta-queue", "mta-bounce", "mta-local", "mta-remote",
	"mta-remote-auth", "mta-sts", "mta-pop3", "mta-imap", "mta-sieve",
	"mta-fetch", "mta-list", "mta-listweb", "mta-alias", "mta-milter",
	"mta-rspamd", "mta-guard", "mta-greylist", "mta-log" };
const size_t tree_user_count = sizeof(tree_users) / sizeof(*tree_users);

/* The one table: DESIGN's uids and the queue's modes, queue(5). */
const struct tree_entry tree_entries[] = {
	{ "", "root", "root", 0755, 'd' },
	{ "bin", "root", "root", 0755, 'd' },
	{ "control", "root", "root", 0755, 'd' },
	{ "users", "root", "root", 0755, 'd' },
	{ "users/scramsecret", "root", "mta-auth", 0640, 's' },
	{ "tables", "root", "root", 0755, 'd' },
	{ "tls", "root", "mta-key", 0750, 'd' },
	{ "guard", "mta-greylist", "mta-greylist", 0700, 'd' },
	{ "sts", "mta-sts", "mta-sts", 0700, 'd' },
	{ "sieve", "root", "root", 0755, 'd' },
	{ "mail", "root", "root", 0755, 'd' },
	{ "mail/postmaster", "mta-alias", "mta-alias", 0700, 'd' },
	{ "service", "root", "root", 0755, 'd' },
	{ "log", "root", "root", 0755, 'd' },
	{ "log/smtpd", "mta-log", "mta-admin", 02750, 'd' },
	{ "log/fetch", "mta-log", "mta-admin", 02750, 'd' },
	{ "log/lmtp", "mta-log", "mta-admin", 02750, 'd' },
	{ "log/queue", "mta-log", "mta-admin", 02750, 'd' },
	{ "log/submission", "mta-log", "mta-admin", 02750, 'd' },
	{ "log/pop3d", "mta-log", "mta-admin", 02750, 'd' },
	{ "log/imapd", "mta-log", "mta-admin", 02750, 'd' },
	{ "log/sieved", "mta-log", "mta-admin", 02750, 'd' },
	{ "queue", "mta-queue", "mta-inject", 0710, 'd' },
	{ "queue/new", "mta-queue", "mta-inject", 03730, 'd' },
	{ "queue/tmp", "mta-queue", "mta-inject", 03730, 'd' },
	{ "queue/broken", "mta-queue", "mta-queue", 0700, 'd' },
	{ "queue/hold", "mta-queue", "mta-queue", 0700, 'd' },
	{ "queue/cur", "mta-queue", "mta-queue", 0700, 'd' },
	{ "queue/cur/0", "mta-queue", "mta-queue", 0700, 'd' },
	{ "queue/cur/1", "mta-queue", "mta-queue", 0700, 'd' },
	{ "queue/cur/2", "mta-queue", "mta-queue", 0700, 'd' },
	{ "queue/cur/3", "mta-queue", "mta-queue", 0700, 'd' },
	{ "queue/cur/4", "mta-queue", "mta-queue", 0700, 'd' },
	{ "queue/cur/5", "mta-queue", "mta-queue", 0700, 'd' },
	{ "queue/cur/6", "mta-queue", "mta-queue", 0700, 'd' },
	{ "queue/cur/7", "mta-queue", "mta-queue", 0700, 'd' },
	{ "queue/cur/8", "mta-queue", "mta-queue", 0700, 'd' },
	{ "queue/cur/9", "mta-queue", "mta-queue", 0700, 'd' },
	{ "queue/cur/a", "mta-queue", "mta-queue", 0700, 'd' },
	{ "queue/cur/b", "mta-queue", "mta-queue", 0700, 'd' },
	{ "queue/cur/c", "mta-queue", "mta-queue", 0700, 'd' },
	{ "queue/cur/d", "mta-queue", "mta-queue", 0700, 'd' },
	{ "queue/cur/e", "mta-queue", "mta-queue", 0700, 'd' },
	{ "queue/cur/f", "mta-queue", "mta-queue", 0700, 'd' },
	{ "queue/trigger", "mta-queue", "mta-inject", 0660, 'p' },
	{ "queue/command", "mta-queue", "mta-queue", 0600, 'p' },
	{ "bin/queue-inject", "mta-inject", "mta-inject", 06755, 'f' },
	{ "bin/mailq", "mta-queue", "mta-inject", 06755, 'f' },
	{ "bin/queue", "mta-queue", "mta-inject", 06755, 'f' },
};
const size_t tree_entry_count = sizeof(tree_entries) / sizeof(*tree_entries);

void
tree_path(const struct tree_entry *entry, char *path, size_t size)
{
	snprintf(path, size, "%s%s%s", MTA_HOME,
	    entry->path[0] == '\0' ? "" : "/", entry->path);
}

uid_t
tree_owner(const struct tree_entry *entry)
{
	const struct passwd *user = getpwnam(entry->owner);

	if (user == NULL)
		die(EX_NOUSER, "no user %s: run mtactl init", entry->owner);
	return user->pw_uid;
}

gid_t
tree_group(const struct tree_entry *entry)
{
	const struct group *group = getgrnam(entry->group);

	if (group == NULL)
		die(EX_NOUSER, "no group %s: run mtactl init", entry->group);
	return group->gr_gid;
}
