#include "send/inquiry.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "send/policies.h"

enum {
	CRASHES_MAX = 3,
	SWEEP_MS = 60 * 1000, /* between two looks at all that is kept */
	GRACE_MS = 5000       /* for a child that ends by itself */
};

static void
set_state(struct inquirer *inquirer, struct subject *subject,
    enum subject_state state, int64_t time_ms)
{
	inquirer->pending += state != SUBJECT_IDLE ? 1 : 0;
	inquirer->pending -= subject->state != SUBJECT_IDLE ? 1 : 0;
	subject->state = state;
	subject->deadline_ms = clock_ms() + time_ms;
}

/* Nobody else makes such a file: that there is none is remembered. */
static bool
load(struct subject *subject, struct kept *kept)
{
	if (subject->is_unkept)
		return false;
	if (policies_load(subject->name, kept))
		return true;
	subject->is_unkept = !policies_has(subject->name);
	return false;
}

static void
answer_all(
    struct inquirer *inquirer, struct subject *subject, const struct kept *kept)
{
	if (kept != NULL && subject->askers != NULL)
		policies_use(subject->name, kept);
	while (subject->askers != NULL) {
		struct asker *asker = subject->askers;

		asker_leave(asker);
		inquirer->answer(asker, kept == NULL ? NULL : &kept->policy);
	}
}

/* With what is kept, or nothing. */
static void
answer_kept(struct inquirer *inquirer, struct subject *subject)
{
	struct kept kept;
	bool has_policy = load(subject, &kept);

	answer_all(inquirer, subject, has_policy ? &kept : NULL);
	if (has_policy)
		sts_policy_free(&kept.policy);
}

/* ---- fetching ---- */

static void begin_fetch(struct inquirer *inquirer, struct subject *subject);

static void
begin_queued(struct inquirer *inquirer)
{
	struct subject *first = NULL;

	for (size_t i = 0; i < inquirer->subjects.count; i++) {
		struct subject *one = inquirer->subjects.all[i];

		if (one->state == SUBJECT_QUEUED &&
		    (first == NULL || one->deadline_ms < first->deadline_ms))
			first = one;
	}
	if (first != NULL)
		begin_fetch(inquirer, first);
}

static void
give_up(struct inquirer *inquirer, struct subject *subject, struct span why)
{
	subject->failed_until_ms = clock_ms() + inquirer->retry_ms;
	log_event(
	    "domain=%s no policy: %.*s", subject->name, (int)why.len, why.ptr);
	answer_kept(inquirer, subject);
}

/* A policy that is fetched anew is not used by that. */
static int64_t
last_use(struct subject *subject, int64_t now_s)
{
	struct kept before;

	if (!load(subject, &before))
		return now_s;
	sts_policy_free(&before.policy);
	return before.used_s;
}

static void
keep(struct inquirer *inquirer, struct subject *subject, struct kept *kept)
{
	snprintf(kept->id, sizeof(kept->id), "%s", subject->id);
	kept->fetched_s = (int64_t)time(NULL);
	kept->used_s = last_use(subject, kept->fetched_s);
	log_event("domain=%s policy=%s id=%s max_age=%llu", subject->name,
	    sts_mode_name(kept->policy.mode), kept->id,
	    (unsigned long long)kept->policy.max_age_s);
	policies_save(
	    subject->name, kept, inquirer->policies_max, &inquirer->policies);
	subject->failed_until_ms = 0;
	subject->is_unkept = false;
	answer_all(inquirer, subject, kept);
}

/* It has answered, or it has nothing to say any more. */
static void
end_child(struct inquirer *inquirer, struct subject *subject)
{
	int status = 0;

	kill(subject->child, SIGKILL);
	while (waitpid(subject->child, &status, 0) == -1 && errno == EINTR)
		;
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL) {
		log_event("domain=%s a child died of signal %d", subject->name,
		    WTERMSIG(status));
		if (++inquirer->crashes >= CRASHES_MAX)
			die(EX_TEMPFAIL, "%u crashes: starting anew",
			    inquirer->crashes);
	}
	event_free(subject->readable);
	close(subject->fd);
	subject->fd = -1;
	inquirer->fetches--;
	set_state(inquirer, subject, SUBJECT_IDLE, 0);
}

static void
take_policy(evutil_socket_t fd, short what, void *context)
{
	static struct packet packet;
	struct subject *subject = context;
	struct inquirer *inquirer = subject->owner;
	struct kept kept = { .policy = sts_policy_new() };
	struct span why = span_of("the child ended");

	(void)what;
	int got = packet_receive(fd, &packet);
	if (got == 1)
		packet_close_fds(&packet);
	end_child(inquirer, subject);
	if (got == 1 && fetch_parse(packet_span(&packet), &kept.policy, &why))
		keep(inquirer, subject, &kept);
	else
		give_up(inquirer, subject, why);
	sts_policy_free(&kept.policy);
	begin_queued(inquirer);
}

static void
begin_fetch(struct inquirer *inquirer, struct subject *subject)
{
	if (inquirer->fetches >= inquirer->fetches_max) {
		set_state(inquirer, subject, SUBJECT_QUEUED, INQUIRY_QUEUE_MS);
		return;
	}
	subject->child =
	    fetch_begin(&inquirer->fetch, subject->name, &subject->fd);
	if (subject->child == -1) {
		set_state(inquirer, subject, SUBJECT_IDLE, 0);
		answer_kept(inquirer, subject);
		return;
	}
	inquirer->fetches++;
	subject->owner = inquirer;
	subject->readable = event_new(
	    inquirer->base, subject->fd, EV_READ, take_policy, subject);
	if (subject->readable == NULL ||
	    event_add(subject->readable, NULL) == -1)
		temp_fail("out of memory");
	set_state(inquirer, subject, SUBJECT_FETCHED,
	    inquirer->fetch.timeout_ms + GRACE_MS);
}

/* ---- what is known ---- */

/*
 * The record is known.  RFC 8461 section 5.1: without one, a policy that is
 * kept counts until it expires; and so it does while a new one is not to be
 * had.
 */
static void
decide(struct inquirer *inquirer, struct subject *subject)
{
	struct kept kept;
	bool has_policy = load(subject, &kept);
	bool is_same = has_policy && strcmp(kept.id, subject->id) == 0;

	set_state(inquirer, subject, SUBJECT_IDLE, 0);
	bool is_wanted = subject->id[0] != '\0' &&
			 subject->failed_until_ms <= clock_ms() &&
			 (!is_same || policies_is_due(&kept));
	if (is_same || !is_wanted)
		answer_all(inquirer, subject, has_policy ? &kept : NULL);
	if (has_policy)
		sts_policy_free(&kept.policy);
	subject->is_needless = is_same;
	if (is_wanted)
		begin_fetch(inquirer, subject);
}

static void
ask_for_record(struct inquirer *inquirer, struct subject *subject)
{
	char name[STS_DOMAIN_MAX + sizeof("_mta-sts.")];
	struct dns_request request = { .question = DNS_TEXT };

	snprintf(name, sizeof(name), "_mta-sts.%s", subject->name);
	if (++inquirer->asked == 0)
		++inquirer->asked;
	subject->number = inquirer->asked;
	request.number = inquirer->asked;
	request.domain = span_of(name);
	if (!dns_send(inquirer->resolve, &request))
		temp_fail("resolve is gone");
	set_state(inquirer, subject, SUBJECT_TEXT, INQUIRY_TEXT_MS);
}

/* RFC 8461 section 3.1: one, or none. */
static bool
find_id(struct span texts, struct span *id)
{
	struct span record = { "", 0 };
	struct span text;
	unsigned count = 0;

	while (dns_next_text(&texts, &text))
		if (sts_is_record(text)) {
			record = text;
			count++;
		}
	return count == 1 && sts_parse_record(record, id);
}

static struct subject *
find_asked(struct inquirer *inquirer, uint64_t number)
{
	for (size_t i = 0; i < inquirer->subjects.count; i++) {
		struct subject *one = inquirer->subjects.all[i];

		if (one->state == SUBJECT_TEXT && one->number == number)
			return one;
	}
	return NULL;
}

void
inquiry_take_record(struct inquirer *inquirer, struct span packet)
{
	struct dns_answer answer;
	struct span id;

	dns_parse_answer(packet, &answer);
	struct subject *subject = find_asked(inquirer, answer.number);
	if (subject == NULL)
		return;
	subject->id[0] = '\0';
	if (answer.status == DNS_OK && find_id(answer.hops, &id))
		snprintf(subject->id, sizeof(subject->id), "%.*s", (int)id.len,
		    id.ptr);
	subject->known_until_ms = clock_ms() + inquirer->recheck_ms;
	decide(inquirer, subject);
}

void
inquiry_ask(struct inquirer *inquirer, const char *domain, struct asker *asker)
{
	struct subject *subject = subjects_find(&inquirer->subjects, domain);

	if (subject == NULL) {
		struct kept kept;
		bool is_kept = policies_load(domain, &kept);

		inquirer->answer(asker, is_kept ? &kept.policy : NULL);
		if (is_kept)
			sts_policy_free(&kept.policy);
		return;
	}
	subject_add(subject, asker);
	if (subject->state != SUBJECT_IDLE) {
		if (subject->is_needless && subject->state != SUBJECT_TEXT)
			answer_kept(inquirer, subject);
		return;
	}
	if (clock_ms() < subject->known_until_ms)
		decide(inquirer, subject);
	else
		ask_for_record(inquirer, subject);
}

/* ---- time ---- */

static void
end_wait(struct inquirer *inquirer, struct subject *subject)
{
	switch (subject->state) {
	case SUBJECT_IDLE:
		return;
	case SUBJECT_TEXT:
		subject->id[0] = '\0';
		subject->known_until_ms = clock_ms() + INQUIRY_TEXT_MS;
		decide(inquirer, subject);
		return;
	case SUBJECT_QUEUED:
		set_state(inquirer, subject, SUBJECT_IDLE, 0);
		log_event("domain=%s no policy: too many are fetched at once",
		    subject->name);
		answer_kept(inquirer, subject);
		return;
	case SUBJECT_FETCHED:
		end_child(inquirer, subject);
		give_up(inquirer, subject, span_of("no answer in time"));
		begin_queued(inquirer);
		return;
	}
}

/* Those that are used are kept fresh (section 3.3), those that are over go. */
static bool
freshen(const char *domain, void *context)
{
	struct inquirer *inquirer = context;
	struct kept kept;

	if (!policies_load(domain, &kept)) {
		if (kept.is_read && policies_drop(domain) &&
		    inquirer->policies > 0)
			inquirer->policies--;
		return true;
	}
	bool is_due = policies_is_due(&kept) &&
		      (int64_t)time(NULL) - kept.used_s < POLICIES_IDLE_S;
	sts_policy_free(&kept.policy);
	struct subject *subject =
	    is_due ? subjects_find(&inquirer->subjects, domain) : NULL;
	if (subject != NULL && subject->state == SUBJECT_IDLE &&
	    subject->failed_until_ms <= clock_ms())
		ask_for_record(inquirer, subject);
	/* The rest later: not all at once. */
	return inquirer->pending < inquirer->fetches_max;
}

void
inquiry_tick(struct inquirer *inquirer)
{
	int64_t now = clock_ms();

	for (size_t i = 0;
	     inquirer->pending > 0 && i < inquirer->subjects.count; i++) {
		struct subject *one = inquirer->subjects.all[i];

		if (one->state != SUBJECT_IDLE && one->deadline_ms <= now)
			end_wait(inquirer, one);
	}
	if (now < inquirer->sweep_ms || inquirer->pending > 0)
		return;
	inquirer->sweep_ms = now + INQUIRY_SWEEP_MS;
	policies_each(freshen, inquirer);
	if (inquirer->pending >= inquirer->fetches_max)
		inquirer->sweep_ms = now + SWEEP_MS;
}
