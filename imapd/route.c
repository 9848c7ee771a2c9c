#include "imapd/route.h"

#include <poll.h>
#include <string.h>

#include "imapd/across.h"
#include "imapd/guest.h"
#include "imapd/handlers.h"
#include "imapd/list.h"
#include "imapd/notify.h"
#include "imapd/notify_others.h"
#include "imapd/output.h"
#include "imapd/rights.h"
#include "imapd/sharing.h"

static struct guest *
selected_guest(const struct session *session)
{
	return session->guests != NULL ? session->guests->selected : NULL;
}

static bool
is_verb(const struct session *session, const char *verb)
{
	return strcmp(session->verb, verb) == 0;
}

/* ---- which folder is meant: on a copy, for parsing changes the command ----
 */

enum argument {
	ARGUMENT_FIRST,     /* NAME ... */
	ARGUMENT_BEHIND_SET /* SET NAME */
};

/* GETMETADATA's "(DEPTH 1) " */
static void
skip_options(struct parse *parse)
{
	struct span rest = parse_rest(parse);
	size_t end = span_index(rest, ')');

	if (parse_peek(parse) == '(' && end < rest.len)
		parse->next += end + 1;
}

/* Append the name as the client knows it; nothing if there is none. */
static void
find_name(const struct session *session, const struct parse *command,
    enum argument argument, struct buf *name)
{
	struct buf copy = buf_new(SIZE_MAX / 2);
	struct span text;

	buf_add(&copy, parse_rest(command));
	struct parse parse = parse_begin(&copy);
	bool is_good = parse_space(&parse);
	if (argument == ARGUMENT_FIRST && is_good &&
	    parse_peek(&parse) == '(') {
		skip_options(&parse);
		is_good = parse_space(&parse);
	} else if (argument == ARGUMENT_BEHIND_SET) {
		size_t len = span_index(parse_rest(&parse), ' ');

		parse.next += len;
		is_good = is_good && parse_space(&parse);
	}
	if (!is_good || !parse_astring(&parse, &text) ||
	    !take_shown_name(session, text, name))
		buf_clear(name);
	buf_free(&copy);
}

/* ---- passing commands on ---- */

static bool
is_any_literal(struct span so_far)
{
	(void)so_far;
	return true;
}

struct passing {
	struct session *session;
	struct guest *guest;
};

static void
write_octets(void *context, struct span bytes)
{
	const struct passing *passing = context;

	guest_write(passing->session, passing->guest, bytes);
}

/* The messages of APPEND and what is between them; false if the client went. */
static bool
pass_literals(struct session *session, struct guest *guest)
{
	struct input *input = &session->input;
	struct passing passing = { session, guest };
	struct literal literal = *session->stream;
	enum input_status status = INPUT_STREAM;

	session->stream = NULL;
	while (status == INPUT_STREAM) {
		input_ask(input, &literal);
		if (!read_octets(
			session->in, literal.octets, write_octets, &passing))
			return false;
		buf_clear(&input->command);
		status = input_read(input, is_any_literal, &literal);
		guest_write(session, guest, buf_span(&input->command));
		write_string(&guest->out, "\r\n");
	}
	return status == INPUT_OK;
}

static void
finish_gone(struct session *session, bool was_selected)
{
	if (!was_selected) {
		session_reply(session, guest_unavailable);
		return;
	}
	put_reply(session, "* BYE [UNAVAILABLE] the mailbox cannot be read");
	session->is_done = true;
}

/* The whole command, as it came, and its answer. */
static enum guest_result
pass(struct session *session, struct guest *guest)
{
	bool was_selected = selected_guest(session) == guest;
	struct buf tag = buf_new(session->tag.len);
	enum guest_result result = GUEST_GONE;

	buf_add(&tag, session->tag);
	session->tag = buf_span(&tag);
	guest_write(session, guest, buf_span(&session->input.command));
	write_string(&guest->out, "\r\n");
	if (session->stream == NULL || pass_literals(session, guest)) {
		result = guest_forward(session, guest, guest_tell);
		if (result == GUEST_GONE)
			finish_gone(session, was_selected);
	} else {
		guest_close(session, guest);
		session->is_done = true;
	}
	session->tag = span_of("*");
	buf_free(&tag);
	return result;
}

/* One folder is selected at most, whoever's it is. */
static void
pass_select(struct session *session, struct guest *guest)
{
	if (session->folder != NULL)
		put_reply(session, "* OK [CLOSED] the other one");
	session_unselect(session);
	if (selected_guest(session) != guest) {
		if (selected_guest(session) != NULL)
			put_reply(session, "* OK [CLOSED] the other one");
		guest_unselect(session);
	} else {
		session->guests->selected = NULL; /* it tells of that itself */
	}
	if (!notify_others_select(session, guest))
		finish_gone(session, false);
	else if (pass(session, guest) == GUEST_OK)
		session->guests->selected = guest;
}

/* ---- IDLE ---- */

static bool
wait_both(struct session *session, struct guest *guest, int64_t until)
{
	while (!reader_is_ready(session->in) && !reader_is_ready(&guest->in)) {
		struct pollfd fds[] = { { session->in->fd, POLLIN, 0 },
			{ guest->in.fd, POLLIN, 0 } };
		int64_t left = until - clock_ms();

		if (writer_flush(session->out) != IO_OK || left <= 0)
			return false;
		if (poll(fds, 2, (int)(left > 60000 ? 60000 : left)) > 0)
			return true;
	}
	return true;
}

/* The client's line, which should be DONE, and the answer; the "+" may come
 * only now. */
static void
end_idle(struct session *session, struct guest *guest)
{
	struct buf line = buf_new(GUEST_LINE_MAX);

	if (read_line(session->in, &line) != IO_OK) {
		session->is_done = true;
	} else {
		write_span(&guest->out, buf_span(&line));
		if (guest_forward(session, guest, guest_tell_idle) ==
		    GUEST_GONE)
			finish_gone(session, true);
		session_leave_idle(session, buf_span(&line));
	}
	buf_free(&line);
}

/* What either says goes to the other, until the client says something or the
 * guest answers without that: it has refused, or ended. */
static void
pass_idle(struct session *session, struct guest *guest)
{
	int64_t until = clock_ms() + session->in->timeout_ms;
	enum guest_result result = GUEST_MORE;

	write_span(&guest->out, buf_span(&session->input.command));
	write_string(&guest->out, "\r\n");
	writer_flush(&guest->out);
	while (result == GUEST_MORE) {
		if (!wait_both(session, guest, until)) {
			put_reply(
			    session, "* BYE you were silent for too long");
			session->is_done = true;
			return;
		}
		if (!guest_is_audible(guest)) {
			end_idle(session, guest);
			return;
		}
		result = guest_forward_line(session, guest);
	}
	if (result == GUEST_GONE)
		finish_gone(session, true);
}

/* ---- which is whose ---- */

/* A folder of another user's: is it there for this one? */
static bool
route_named(struct session *session, const struct parse *parse)
{
	struct buf name = buf_new(ACCOUNT_NAME_MAX);
	bool is_select =
	    is_verb(session, "SELECT") || is_verb(session, "EXAMINE");

	find_name(session, parse, ARGUMENT_FIRST, &name);
	struct span owner = rights_owner(buf_span(&name));
	struct guest *guest = owner.len > 0 ? guest_find(session, owner) : NULL;
	bool is_others = owner.len > 0;
	buf_free(&name);
	if (guest == NULL && is_select) {
		if (selected_guest(session) != NULL)
			put_reply(session, "* OK [CLOSED] the other one");
		guest_unselect(session);
	}
	if (!is_others || (guest == NULL && session->stream != NULL))
		return false; /* append_begin refuses it */
	if (guest == NULL) {
		if (is_select)
			session_unselect(session);
		session_finish(
		    session, session->guests->is_later
				 ? guest_unavailable
				 : session_failure(ACCOUNT_NONEXISTENT));
	} else if (is_select) {
		pass_select(session, guest);
	} else {
		pass(session, guest);
	}
	return true;
}

/* COPY and MOVE: from where, and to where? */
static bool
route_copy(struct session *session, const struct parse *parse)
{
	struct guest *from = selected_guest(session);
	struct buf name = buf_new(ACCOUNT_NAME_MAX);

	find_name(session, parse, ARGUMENT_BEHIND_SET, &name);
	struct span owner = rights_owner(buf_span(&name));
	bool is_routed = from != NULL || owner.len > 0;
	if (from != NULL && span_equal(owner, buf_span(&from->owner)))
		pass(session, from);
	else if (is_routed)
		across_copy(session, parse, from);
	buf_free(&name);
	return is_routed;
}

/* The message to replace and its successor are one account's. */
static bool
route_replace(struct session *session, const struct parse *parse)
{
	struct guest *guest = selected_guest(session);
	struct buf name = buf_new(ACCOUNT_NAME_MAX);

	find_name(session, parse, ARGUMENT_BEHIND_SET, &name);
	struct span owner = rights_owner(buf_span(&name));
	bool is_its =
	    guest != NULL && span_equal(owner, buf_span(&guest->owner));
	if (is_its)
		pass(session, guest);
	buf_free(&name);
	return is_its;
}

/* ESEARCH IN (...) is about our own folders, unless it begins with selected. */
static bool
is_elsewhere(const struct parse *parse)
{
	struct span rest = parse_rest(parse);

	return span_starts_nocase(rest, span_of(" IN (")) &&
	       !span_starts_nocase(rest, span_of(" IN (selected"));
}

static bool
route_selected(
    struct session *session, const struct parse *parse, bool is_in_folder)
{
	struct guest *guest = selected_guest(session);
	bool is_end = is_verb(session, "CLOSE") || is_verb(session, "UNSELECT");

	if (guest == NULL)
		return false;
	if (is_verb(session, "IDLE") && session->notify != NULL &&
	    !session->notify->request.is_none)
		return false; /* it tells in any case, and so do others */
	if (is_verb(session, "IDLE") && parse_is_end(parse)) {
		pass_idle(session, guest);
		return true;
	}
	if (!is_in_folder && !is_verb(session, "NOOP") &&
	    (!is_verb(session, "ESEARCH") || is_elsewhere(parse)))
		return false;
	/* Another process has not the folder selected. */
	if (!guest_keep(session, guest))
		finish_gone(session, true);
	else if (pass(session, guest) == GUEST_OK && is_end)
		session->guests->selected = NULL;
	return true;
}

bool
route_command(struct session *session, const struct parse *parse,
    bool names_folder, bool is_in_folder)
{
	if (!session->settings->can_share)
		return false;
	if (names_folder)
		return route_named(session, parse);
	if (is_verb(session, "COPY") || is_verb(session, "MOVE"))
		return route_copy(session, parse);
	if (is_verb(session, "REPLACE"))
		return route_replace(session, parse);
	return route_selected(session, parse, is_in_folder);
}
