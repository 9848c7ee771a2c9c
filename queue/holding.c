#include "queue/holding.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "base/paths.h"
#include "queue/handling.h"

static void
look(const struct manager *manager, struct stat *file)
{
	if (fstatat(manager->spool.top, "holdrules", file,
		AT_SYMLINK_NOFOLLOW) == -1)
		*file = (struct stat){ .st_ino = 0 };
}

/* It is replaced whole, or edited by hand. */
static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

void
holding_start(struct manager *manager)
{
	look(manager, &manager->holdrules_file);
	holdrules_read(&manager->holdrules, manager->spool.top);
}

void
holding_refresh(struct manager *manager)
{
	struct holdrules rules;
	struct stat now;

	look(manager, &now);
	if (is_same(&now, &manager->holdrules_file))
		return;
	if (!holdrules_load(&rules, manager->spool.top)) {
		warn_errno("the rules of before stay: cannot read %s/holdrules",
		    MTA_QUEUE);
		return;
	}
	holdrules_free(&manager->holdrules);
	manager->holdrules = rules;
	manager->holdrules_file = now;
	log_event("holdrules changed: %zu of them", manager->holdrules.count);
}

void
holding_told(struct manager *manager, struct span verb, struct span what)
{
	struct buf text = buf_new(HOLDRULE_TEXT_MAX);

	holding_refresh(manager);
	buf_add(&text, what);
	handling_log(manager,
	    span_equal(verb, span_of("suppress")) ? "suppress" : "holdrule",
	    buf_string(&text));
	buf_free(&text);
}

static bool
was_tried(const struct active *active)
{
	for (uint64_t i = 0; i < active->file.slot_count; i++)
		if (active->slots[i].state != SLOT_WAITING ||
		    active->slots[i].attempts > 0)
			return true;
	return false;
}

/* The rule that is to hold it, or NULL. */
static const struct holdrule *
rule_for(const struct manager *manager, const struct message *message)
{
	const struct active *active = message->active;
	char why[QUEUE_WHY_MAX + 1];

	if (manager->holdrules.count == 0 || message->is_forced)
		return NULL;
	if (!message->is_retry)
		return holdrules_find(
		    &manager->holdrules, &active->file.envelope, UINT64_MAX);
	if (was_tried(active))
		return NULL;
	const struct holdrule *rule = holdrules_find(&manager->holdrules,
	    &active->file.envelope, queue_id_time_us(&message->name.id));
	if (rule == NULL)
		return NULL;
	queue_file_why_held(active->fd, why);
	return strcmp(why, QUEUE_RELEASED) == 0 ? NULL : rule;
}

bool
holding_take(struct manager *manager, struct message *message)
{
	const struct holdrule *rule = rule_for(manager, message);
	struct buf why = buf_new(QUEUE_WHY_MAX);

	if (rule == NULL)
		return false;
	buf_printf(&why, "rule %llu, ", (unsigned long long)rule->number);
	holdrule_add_text(&why, rule);
	if (!queue_file_set_why_held(message->active->fd, buf_span(&why)) &&
	    errno != EOPNOTSUPP)
		warn_errno("%s cannot be marked with why it is held",
		    message->name.id.text);
	active_close(manager, message);
	if (!handling_hold(manager, message, buf_string(&why)))
		schedule_again(manager, message);
	buf_free(&why);
	return true;
}

void
holding_let_go(const struct manager *manager, const char *path)
{
	char why[QUEUE_WHY_MAX + 1];
	int fd =
	    openat(manager->spool.top, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd == -1)
		return;
	queue_file_why_held(fd, why);
	if ((why[0] != '\0' || manager->holdrules.count > 0) &&
	    !queue_file_set_why_held(fd, span_of(QUEUE_RELEASED)) &&
	    errno != EOPNOTSUPP)
		warn_errno("%s: a rule may hold it again", path);
	close(fd);
}
