/*
 * handling - what queue(1) asks for is done to messages.
 *
 * One that is on its way is dealt with when it is back; the manager alone
 * moves files between cur/ and hold/, so nothing is done twice.
 */

#include "queue/handling.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/die.h"
#include "queue/altering.h"
#include "queue/holding.h"
#include "queue/marks.h"
#include "queue/withdraw.h"

void
handling_log(
    const struct manager *manager, const char *subject, const char *what)
{
	if (manager->asker == UINT32_MAX)
		log_event("%s %s by=unknown", subject, what);
	else
		log_event("%s %s by=%u", subject, what, manager->asker);
}

void
handling_hold_path(const struct queue_name *name, char path[96])
{
	char text[QUEUE_NAME_MAX];

	queue_name_format(name, text);
	snprintf(path, 96, "hold/%s", text);
}

bool
handling_hold(struct manager *manager, struct message *message, const char *why)
{
	char from[96];
	char to[96];

	spool_cur_path(&message->name, from);
	handling_hold_path(&message->name, to);
	if (renameat2(manager->spool.top, from, manager->spool.top, to,
		RENAME_NOREPLACE) == -1) {
		/* A report has its id of what it tells: it is the same. */
		if (errno == EEXIST &&
		    unlinkat(manager->spool.top, from, 0) == 0) {
			log_event("%s came twice: one is held already",
			    message->name.id.text);
			message_remove(manager, message);
			return true;
		}
		warn_errno("%s cannot be held", message->name.id.text);
		return false;
	}
	if (why == NULL)
		handling_log(manager, message->name.id.text, "held");
	else
		log_event("%s held by %s", message->name.id.text, why);
	message_remove(manager, message);
	return true;
}

static void
log_removal(const struct manager *manager, const struct queue_name *name)
{
	handling_log(manager, name->id.text, "removed, undelivered: asked for");
}

static bool
take_away(struct manager *manager, struct message *message)
{
	char path[96];

	spool_cur_path(&message->name, path);
	if (unlinkat(manager->spool.top, path, 0) == -1 && errno != ENOENT) {
		warn_errno("%s cannot be removed", message->name.id.text);
		return false;
	}
	log_removal(manager, &message->name);
	message_remove(manager, message);
	return true;
}

/* False: what becomes of this recipient is settled. */
static bool
give_up(struct slot *slot)
{
	if (slot->state != SLOT_WAITING)
		return false;
	slot->state = SLOT_FAILED;
	snprintf(slot->code, sizeof(slot->code), "5.0.0");
	snprintf(
	    slot->text, sizeof(slot->text), "given up by an administrator");
	return true;
}

static void
log_failure(const struct manager *manager, const struct queue_name *name)
{
	handling_log(manager, name->id.text, "failed: asked for");
}

/* Back to the sender, as if it could not be delivered. */
static bool
fail(struct manager *manager, struct message *message)
{
	if (!active_open(manager, message)) {
		warn_errno("%s cannot be read", message->name.id.text);
		return false;
	}
	struct active *active = message->active;
	bool is_news = false; /* unless it was marked in hold/ */
	for (uint64_t i = 0; i < active->file.slot_count; i++)
		if (give_up(&active->slots[i])) {
			marks_set(message, i);
			is_news = true;
		}
	while (message->errands != NULL)
		errand_remove(manager, message->errands);
	if (is_news)
		log_failure(manager, &message->name);
	message->order = ORDER_FAIL; /* if its report must wait */
	active->jobs = 1;
	collect_release(manager, message);
	return true;
}

bool
handling_sort_anew(struct manager *manager, struct message *message)
{
	while (message->errands != NULL)
		errand_remove(manager, message->errands);
	message->is_forced = true;
	message_list_add(&manager->fresh, message);
	return true;
}

void
handling_carry_out(struct manager *manager, struct message *message)
{
	enum order order = (enum order)message->order;

	manager->asker = message->asker;
	message->order = ORDER_NONE;
	bool is_done =
	    order == ORDER_HOLD     ? handling_hold(manager, message, NULL)
	    : order == ORDER_REMOVE ? take_away(manager, message)
	    : order == ORDER_FAIL   ? fail(manager, message)
	    : order == ORDER_SORT   ? handling_sort_anew(manager, message)
				    : true;

	if (!is_done && message->errands == NULL)
		schedule_again(manager, message); /* it must not be forgotten */
}

/* In cur/, but the scan at the start has not come to it. */
bool
handling_is_unread(const struct manager *manager, const struct queue_name *name)
{
	struct stat status;
	char path[96];

	spool_cur_path(name, path);
	return fstatat(
		   manager->spool.top, path, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

static void
set_order(
    const struct manager *manager, struct message *message, enum order order)
{
	message->order = (uint8_t)order;
	message->asker = manager->asker;
}

/* ---- one that is held ---- */

/* Out of hold/ into cur/; false if it is not there. */
static bool
move_out(const struct manager *manager, const struct queue_name *name)
{
	char from[96];
	char to[96];

	handling_hold_path(name, from);
	spool_cur_path(name, to);
	if (renameat2(manager->spool.top, from, manager->spool.top, to,
		RENAME_NOREPLACE) == -1) {
		if (errno != ENOENT)
			warn_errno("%s cannot be released", name->id.text);
		return false;
	}
	return true;
}

static bool
release(const struct manager *manager, const struct queue_name *name)
{
	char path[96];

	handling_hold_path(name, path);
	holding_let_go(manager, path);
	bool is_released = move_out(manager, name);
	if (is_released)
		handling_log(manager, name->id.text, "released");
	return is_released;
}

/* From where it is: once in cur/ a restart would send it.  False: it is not
 * held. */
static bool
take_away_held(const struct manager *manager, const struct queue_name *name)
{
	char path[96];

	handling_hold_path(name, path);
	if (unlinkat(manager->spool.top, path, 0) == 0)
		log_removal(manager, name);
	else if (errno == ENOENT)
		return false;
	else
		warn_errno("%s cannot be removed", name->id.text);
	return true;
}

static bool
mark_all(const struct queue_file *file)
{
	struct slot slot;

	for (uint64_t i = 0; i < file->slot_count; i++)
		if (!slot_read(file, i, &slot) ||
		    (give_up(&slot) && !slot_write(file, i, &slot)))
			return false;
	return true;
}

/* False with errno set; ENOENT: it is not held. */
static bool
mark_held(const struct manager *manager, const struct queue_name *name)
{
	struct queue_file file;
	char path[96];

	handling_hold_path(name, path);
	int fd =
	    openat(manager->spool.top, path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return false;
	bool is_marked = queue_file_read(&file, fd, name);
	if (is_marked) {
		is_marked = mark_all(&file);
		queue_file_free(&file);
	}
	int error = errno;
	close(fd);
	errno = error;
	return is_marked;
}

/*
 * It stays in hold/ until a sync has seen its marks, so that nothing that comes
 * between can send it.  The order is kept besides, for a plain file where the
 * file system has no attributes.  False: it is not held.
 */
static bool
fail_held(struct manager *manager, const struct queue_name *name)
{
	if (!mark_held(manager, name)) {
		if (errno == ENOENT)
			return false;
		warn_errno("%s cannot be marked; it stays held", name->id.text);
		return true;
	}
	struct message *message = message_add(manager, name);
	if (message == NULL)
		return true;
	log_failure(manager, name);
	message->is_retry = true;
	set_order(manager, message, ORDER_FAIL);
	collect_sync_marks(manager, message);
	return true;
}

void
handling_let_go(struct manager *manager, struct message *message, int error)
{
	errno = error;
	if (error != 0)
		warn_errno("%s cannot be synced; it stays held",
		    message->name.id.text);
	if (error == 0 && move_out(manager, &message->name))
		message_list_add(&manager->fresh, message);
	else
		message_remove(manager, message);
}

/* One that is not known: it is held, or not read yet, or not taken yet. */
static void
take_in(
    struct manager *manager, const struct queue_name *name, enum order order)
{
	struct message *message = NULL;

	if ((order == ORDER_REMOVE && take_away_held(manager, name)) ||
	    (order == ORDER_FAIL && fail_held(manager, name)))
		return;
	bool is_released = order == ORDER_NONE && release(manager, name);
	if (is_released || handling_is_unread(manager, name)) {
		message = message_add(manager, name);
		if (message == NULL)
			return;
		message->is_retry = true;
		message->is_forced = is_released;
		message_list_add(&manager->fresh, message);
	} else if (intake_take(manager, name)) {
		message = message_find(manager, span_of(name->id.text));
	}
	if (message != NULL)
		set_order(manager, message, order);
}

static bool
find_order(struct span verb, enum order *order)
{
	static const struct {
		const char *verb;
		enum order order;
	} orders[] = { { "release", ORDER_NONE }, { "hold", ORDER_HOLD },
		{ "remove", ORDER_REMOVE }, { "fail", ORDER_FAIL } };

	for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++)
		if (span_equal(verb, span_of(orders[i].verb))) {
			*order = orders[i].order;
			return true;
		}
	return false;
}

void
handling_give(
    struct manager *manager, const struct queue_name *name, enum order order)
{
	struct message *message = message_find(manager, span_of(name->id.text));

	if (message == NULL) {
		take_in(manager, name, order);
		return;
	}
	set_order(manager, message, order);
	/* Open, or not read yet: it is looked at when it is put back. */
	if (message->active == NULL && message->errands != NULL)
		handling_carry_out(manager, message);
	else
		withdraw_message(manager, message);
}

bool
handling_command(struct manager *manager, struct span verb, struct span text)
{
	struct queue_name name;
	enum order order;

	if (altering_is_verb(verb))
		return altering_command(manager, verb, text);
	if (span_equal(verb, span_of("holdrule")) ||
	    span_equal(verb, span_of("suppress"))) {
		holding_told(manager, verb, text);
		return true;
	}
	if (!find_order(verb, &order) || !queue_name_parse(text, &name))
		return false;
	handling_give(manager, &name, order);
	return true;
}
