#include <stdlib.h>

#include "imapd/across.h"
#include "imapd/events.h"
#include "imapd/output.h"
#include "mail/utf7.h"
#include "store/flag_names.h"

enum {
	ANSWER_MAX = 4096
};

void
across_fail(struct across_target *target, const char *answer)
{
	if (target->has_failed)
		return;
	target->has_failed = true;
	buf_add_string(&target->answer, answer);
}

static void
fail_if(struct across_target *target, enum account_status status)
{
	if (status == ACCOUNT_NONEXISTENT)
		across_fail(target, "NO [TRYCREATE] there is no such folder");
	else if (status != ACCOUNT_OK)
		across_fail(target, session_failure(status));
}

/* The name, as the client could write it, in a literal. */
static void
write_name(struct across_target *target)
{
	struct buf text = buf_new((size_t)ACCOUNT_NAME_MAX * 8);
	struct buf head = buf_new(ANSWER_MAX);

	if (session_is_utf8(target->session) ||
	    !utf7_encode(&text, target->name, "")) {
		buf_clear(&text);
		buf_add(&text, target->name);
	}
	buf_printf(&head, "{%zu+}\r\n", text.len);
	guest_write(target->session, target->guest, buf_span(&head));
	guest_write(target->session, target->guest, buf_span(&text));
	buf_free(&head);
	buf_free(&text);
}

void
across_begin(struct across_target *target, struct session *session,
    struct span name, struct span owner)
{
	*target = (struct across_target){ .session = session,
		.name = name,
		.answer = buf_new(ANSWER_MAX),
		.uids = buf_new(SIZE_MAX / 2) };
	if (owner.len == 0) {
		fail_if(target, folder_append_begin(
				    &target->append, session->account, name));
		return;
	}
	target->guest = guest_find(session, owner);
	if (target->guest == NULL) {
		if (session->guests->is_later)
			across_fail(target, guest_unavailable);
		else
			fail_if(target, ACCOUNT_NONEXISTENT);
		return;
	}
	write_string(&target->guest->out, GUEST_TAG " APPEND ");
	write_name(target);
}

static void
write_head(struct across_target *target, const struct across_message *message)
{
	const uint32_t storable = ~(uint32_t)MESSAGE_RECENT;
	const struct flag_name *name = flag_names;
	struct buf head = buf_new(SIZE_MAX / 2);
	const char *space = "";

	buf_add_string(&head, " (");
	for (; name->text != NULL; name++)
		if ((message->flags & name->flag & storable) != 0) {
			buf_printf(&head, "%s%s", space, name->text);
			space = " ";
		}
	for (size_t i = 0; i < message->keyword_count; i++) {
		buf_add_string(&head, space);
		buf_add(&head, message->keywords[i]);
		space = " ";
	}
	buf_add_string(&head, ") ");
	output_add_date_time(&head, message->date_s);
	buf_printf(&head, " {%llu+}\r\n", (unsigned long long)message->octets);
	guest_write(target->session, target->guest, buf_span(&head));
	buf_free(&head);
}

void
across_add_message(
    struct across_target *target, const struct across_message *message)
{
	if (target->has_failed)
		return;
	target->count++;
	if (target->guest != NULL) {
		write_head(target, message);
		return;
	}
	fail_if(target,
	    folder_append_message(target->append, message->flags,
		message->keywords, message->keyword_count, message->date_s));
	if (!target->has_failed)
		fail_if(target,
		    folder_append_room(target->append, message->octets));
}

void
across_add_octets(struct across_target *target, struct span octets)
{
	if (target->has_failed)
		return;
	if (target->guest != NULL)
		guest_write(target->session, target->guest, octets);
	else
		fail_if(target, folder_append_bytes(target->append, octets));
}

static void
commit_own(struct across_target *target)
{
	struct folder_copied copied = { 0 };
	struct set_text uids = set_text_new();

	fail_if(target, folder_append_commit(target->append, &copied));
	for (size_t i = 0; !target->has_failed && i < target->count; i++)
		set_text_add(&uids, copied.uids[i]);
	target->uid_validity = copied.uid_validity;
	buf_free(&target->uids);
	target->uids = set_text_end(&uids);
	if (!target->has_failed)
		events_run_new(target->session, target->name, SIEVE_COPY,
		    copied.uids, target->count);
	free(copied.uids);
}

/* "OK [APPENDUID VALIDITY UIDS] ..." */
static bool
parse_uids(struct across_target *target, const struct buf *answer)
{
	struct span rest = buf_span(answer);
	uint64_t validity = 0;

	span_cut(&rest, '[');
	struct span code = span_cut(&rest, ']');
	if (!span_equal(span_cut(&code, ' '), span_of("APPENDUID")) ||
	    !span_number(span_cut(&code, ' '), 10, UINT32_MAX, &validity))
		return false;
	target->uid_validity = (uint32_t)validity;
	buf_add(&target->uids, code);
	return code.len > 0;
}

static void
commit_guest(struct across_target *target)
{
	struct buf answer = buf_new(GUEST_LINE_MAX);
	enum guest_result result;

	write_string(&target->guest->out, "\r\n");
	result = guest_answer(target->session, target->guest,
	    span_of(GUEST_TAG), guest_tell_notices, target->session, &answer);
	if (result == GUEST_GONE) {
		target->guest = NULL;
		across_fail(target, guest_unavailable);
	} else if (result == GUEST_REFUSED) {
		struct span text = span_trim(buf_span(&answer));

		target->has_failed = true;
		buf_add(&target->answer,
		    span_slice(text, sizeof(GUEST_TAG), SIZE_MAX));
	} else if (!parse_uids(target, &answer)) {
		fail_if(target, ACCOUNT_ERROR);
	}
	buf_free(&answer);
}

bool
across_end(struct across_target *target)
{
	if (target->has_failed || target->count == 0)
		return false;
	if (target->guest != NULL)
		commit_guest(target);
	else
		commit_own(target);
	if (target->has_failed)
		return false;
	/* What is told of is there, so it was not undone. */
	target->guest = NULL;
	return true;
}

void
across_free(struct across_target *target)
{
	if (target->append != NULL)
		folder_append_free(target->append);
	/* A command that is not whole is undone by its end. */
	if (target->guest != NULL)
		guest_close(target->session, target->guest);
	buf_free(&target->answer);
	buf_free(&target->uids);
}
