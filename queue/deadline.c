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

bool
deadline_is_delay_due(
    const struct manager *manager, const struct message *message)
{
	const struct deliver_by *by = &envelope_of(message)->by;
	int64_t age = clock_now() - deadline_start(message);

	return (by->mode == 'N' && clock_now() >= by->time) ||
	       (manager->delay_warn_s > 0 &&
		   age >= (int64_t)manager->delay_warn_s);
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
	const struct deliver_by *by = &envelope_of(message)->by;
	int64_t at =
	    manager->delay_warn_s == 0
		? INT64_MAX
		: deadline_start(message) + (int64_t)manager->delay_warn_s;

	return by->mode == 'N' && by->time < at ? by->time : at;
}

int64_t
deadline_next(const struct manager *manager, const struct message *message)
{
	int64_t now = clock_now();

	if (message->warn_at > now && message->warn_at < message->end_at)
		return message->warn_at;
	if (message->end_at > now)
		return message->end_at;
	return now + (int64_t)manager->retry_min_s;
}
