#ifndef FILTER_RSPAMD_H
#define FILTER_RSPAMD_H

/*
 * rspamd - a session's messages before Rspamd; filter-rspamd(8).
 *
 * A message streams through to it; its answer is held, at most
 * SCAN_ANSWER_MAX bytes.  Without an answer the session ends, and smtpd does
 * as control/filters says.
 */

#include "filter/edits.h"
#include "filter/facts.h"
#include "filter/judging.h"
#include "net/dial.h"

struct rspamd {
	struct dial dial;
	int64_t timeout_ms;
	struct facts facts;
	struct edits edits;
};

/* control/rspamd, timeoutrspamd. */
void rspamd_read_settings(struct rspamd *rspamd);

/* The two parts of a filter_role; context is the struct rspamd. */
size_t rspamd_prepare(void *context, int kept[FILTER_KEPT_MAX]);
void rspamd_answer(
    void *context, int session, const struct filter_request *request, int pipe);

#endif
