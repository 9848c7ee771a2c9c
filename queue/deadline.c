/*
 * deadline - how long a message may wait, and when it is tried again.
 *
 * Its life begins with its arrival, or when its sender said that it may go
 * (FUTURERELEASE, RFC 4865), and ends with control/queuelifetime, or when its
 * sender said (DELIVERBY, RFC 2852).
 */

#include "queue/deadline.h"

enum {
	EXPIRE_ATTEMPTS_MIN = 6 /* a wrong clock alone expires nothing */
};

static const struct envelope *
envelope_of(const struct message *message)
{
	return &message->active->file.envelope;
}

int64_t
deadline_start(const struct message *message)
{
	int64_t made = (int64_t)(queue_id_time_us(&message->name.id) / 1000000);
	int64_t hold_until = envelope_of(message)->hold_until;

	return hold_until > made ? hold_until : made;
}

int64_t
deadline_end(const struct manager *manager, const struct message *message)
{
	int64_t end = deadline_start(message) + (int64_t)manager->lifetime_s;
	const struct deliver_by *by = &envelope_of(message)->by;

	return by->mode == 'R' && by->time < end ? by->time : end;
}

bool
deadline_is_over(const struct message *message)
{
	const struct deliver_by *by = &envelope_of(message)->by;

	return by->mode == 'R' && clock_now() >= by->time;
}

/*
 * Its age at the i-th warning, 0 if that is none: those of control/ and, behind
 * them, DELIVERBY's.  A message that ends before needs no warning.
 */
static int64_t
warning_age(
    const struct manager *manager, const struct message *message, size_t i)
{
	const struct deliver_by *by = &envelope_of(message)->by;
	int64_t start = deadline_start(message);
	int64_t age = 0;

	if (i < manager->delays.count)
		age = manager->delays.ages_s[i];
	else if (by->mode == 'N')
		age = by->time > start ? by->time - start : 1;
	return start + age < deadline_end(manager, message) ? age : 0;
}

int64_t
deadline_delay_age(const struct manager *manager, const struct message *message)
{
	int64_t age = clock_now() - deadline_start(message);
	int64_t latest = 0;

	for (size_t i = 0; i <= manager->delays.count; i++) {
		int64_t warning = warning_age(manager, message, i);

		if (warning <= age && warning > latest)
			latest = warning;
	}
	return latest;
}

/* Postfix's way: wait as long as the message is old, within bounds. */
int64_t
deadline_next_try(const struct manager *manager, const struct message *message)
{
	int64_t now = clock_now();
	int64_t age = now - deadline_start(message);
	const struct deliver_by *by = &envelope_of(message)->by;

	if (age < (int64_t)manager->retry_min_s)
		age = (int64_t)manager->retry_min_s;
	if (age > (int64_t)manager->retry_max_s)
		age = (int64_t)manager->retry_max_s;
	if (by->mode != 0 && by->time > now && by->time < now + age)
		return by->time; /* when its sender is to be told */
	return now + age;
}

bool
deadline_has_expired(const struct manager *manager,
    const struct message *message, uint64_t attempts)
{
	int64_t age = clock_now() - deadline_start(message);

	return deadline_is_over(message) ||
	       (age > (int64_t)manager->lifetime_s &&
		   attempts >= EXPIRE_ATTEMPTS_MIN);
}

int64_t
deadline_warn(const struct manager *manager, const struct message *message)
{
	int64_t age = clock_now() - deadline_start(message);
	int64_t next = INT64_MAX;

	for (size_t i = 0; i <= manager->delays.count; i++) {
		int64_t warning = warning_age(manager, message, i);

		if (warning > age && warning < next)
			next = warning;
	}
	return next == INT64_MAX ? next : deadline_start(message) + next;
}

int64_t
deadline_next(const struct manager *manager, struct message *message)
{
	int64_t now = clock_now();

	if (message->warn_at <= now && message->active != NULL)
		message->warn_at = deadline_warn(manager, message);
	/* It came while the message waited: whoever opens it tells it. */
	if (message->warn_at <= now && now < message->end_at)
		return now;
	if (message->warn_at > now && message->warn_at < message->end_at)
		return message->warn_at;
	if (message->end_at > now)
		return message->end_at;
	return now + (int64_t)manager->retry_min_s;
}
