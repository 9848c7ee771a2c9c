/*
 * filter-milter - milters, for smtpd: their MTA, in the protocol's version 6.
 *
 * started by  service/smtpd/run, as a neighbour; or by hand
 * uid         mta-milter (by hand: the caller's)
 * fd 0        requests and sessions, filter(5); by hand: the message
 * fd 1        by hand: the edited message
 * fd 2        the log
 * reads       control/milters timeoutmilter timeoutmiltermessage; by hand me
 * writes      nothing; connects to the milters
 * runs        nothing
 * exits       0 when the other end is gone; by hand the verdict, filter(5);
 *             EX_USAGE; EX_TEMPFAIL a broken control file; EX_SOFTWARE after
 *             three crashes
 */

#include <stdio.h>
#include <string.h>

#include "base/die.h"
#include "filter/hand.h"
#include "filter/milter.h"

static const char usage[] =
    "usage: filter-milter   (started by neighbour(8); or by hand: filter(5))";

struct mediation {
	struct milter_settings settings;
	struct milter milters[MILTERS_MAX];
	struct facts facts;
	struct milter_verdict verdict;
	size_t next; /* whose turn it is with the message being shown */
	bool is_quarantined;
	struct buf reason;
};

static size_t
open_milters(void *context, int kept[FILTER_KEPT_MAX])
{
	struct mediation *mediation = context;

	facts_init(&mediation->facts);
	mediation->verdict.text = buf_new(FILTER_REPLY_MAX);
	mediation->reason = buf_new(FILTER_REPLY_MAX);
	for (size_t i = 0; i < mediation->settings.count; i++) {
		milter_open(&mediation->milters[i], &mediation->settings,
		    &mediation->settings.items[i]);
		kept[i] = mediation->milters[i].fd;
	}
	return mediation->settings.count;
}

static void
give_verdict(struct mediation *mediation, int session)
{
	mediation->next = 0;
	judging_verdict(session, mediation->verdict.verdict,
	    buf_span(&mediation->verdict.text));
}

static void
let_pass(struct mediation *mediation, int session)
{
	mediation->next = 0;
	judging_verdict(session, FILTER_ACCEPT, (struct span){ "", 0 });
}

/* One that failed before MAIL speaks at MAIL, unless it is to end all. */
static bool
is_untimely(const struct milter *milter, enum filter_stage stage)
{
	return stage < FILTER_MAIL && milter->state == MILTER_FAILED &&
	       milter->setting->otherwise != MILTER_SHUTDOWN;
}

static void
answer_stage(struct mediation *mediation, int session, enum filter_stage stage)
{
	for (size_t i = 0; i < mediation->settings.count; i++) {
		struct milter *milter = &mediation->milters[i];

		if (milter_step(milter, stage, &mediation->facts,
			&mediation->verdict) ||
		    is_untimely(milter, stage))
			continue;
		if (stage == FILTER_RCPT)
			facts_drop_recipient(&mediation->facts);
		give_verdict(mediation, session);
		return;
	}
	if (stage != FILTER_RESET)
		let_pass(mediation, session);
}

/* The first reason counts; milters to come have their say. */
static void
quarantine(struct mediation *mediation)
{
	if (!mediation->is_quarantined)
		buf_add(&mediation->reason, buf_span(&mediation->verdict.text));
	mediation->is_quarantined = true;
}

static void
conclude(struct mediation *mediation, int session)
{
	if (!mediation->is_quarantined) {
		let_pass(mediation, session);
		return;
	}
	mediation->next = 0;
	judging_verdict(
	    session, FILTER_QUARANTINE, buf_span(&mediation->reason));
}

/* Each milter sees what those before it made of the message: it is shown
 * once for each. */
static void
answer_message(struct mediation *mediation, int session, int pipe)
{
	if (mediation->settings.count == 0) {
		let_pass(mediation, session);
		return;
	}
	if (mediation->next == 0) {
		mediation->is_quarantined = false;
		buf_clear(&mediation->reason);
	}
	if (!milter_message(&mediation->milters[mediation->next++], session,
		pipe, &mediation->facts, &mediation->verdict)) {
		if (mediation->verdict.verdict != FILTER_QUARANTINE) {
			give_verdict(mediation, session);
			return;
		}
		quarantine(mediation);
	}
	if (mediation->next < mediation->settings.count)
		judging_verdict(session, FILTER_AGAIN, (struct span){ "", 0 });
	else
		conclude(mediation, session);
}

static void
answer(
    void *context, int session, const struct filter_request *request, int pipe)
{
	struct mediation *mediation = context;

	facts_take(&mediation->facts, request);
	if (request->stage == FILTER_MESSAGE)
		answer_message(mediation, session, pipe);
	else
		answer_stage(mediation, session, request->stage);
}

int
main(int argc, char **argv)
{
	static struct mediation mediation;
	const struct filter_role role = { .allowed = SANDBOX_CONNECT |
						     SANDBOX_CONNECT_LOCAL,
		.session_allowed = SANDBOX_PIPES,
		.prepare = open_milters,
		.answer = answer,
		.context = &mediation };

	program_name("filter-milter");
	if (argc == 2 && strcmp(argv[1], "-h") == 0)
		return puts(usage) == EOF ? EX_IOERR : EX_OK;
	milters_read(&mediation.settings);
	if (argc == 1 && judging_is_wanted())
		return judging_serve(&role);
	return hand_run(&role, argc, argv);
}
