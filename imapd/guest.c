#include "imapd/guest.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "imapd/output.h"
#include "imapd/sharing.h"

enum {
	ANSWER_MS = 600000,
	PROMPT_MS = 30000,
	SILENT_MAX = 65536,
	ROOM_TRIES = 50,
	ROOM_WAIT_MS = 100
};

/* ---- what it says ---- */

struct taking {
	guest_taker *take;
	void *context;
};

static void
take_octets(void *context, struct span bytes)
{
	const struct taking *taking = context;

	taking->take(taking->context, bytes, false);
}

static bool
is_tagged(struct span line, struct span tag)
{
	return line.len > tag.len && span_starts(line, tag) &&
	       line.ptr[tag.len] == ' ';
}

/* One line and the literal behind it; GUEST_OK is the tagged line. */
static enum guest_result
take_line(struct session *session, struct guest *guest, struct span tag,
    struct taking *taking, struct buf *line)
{
	struct literal literal;

	buf_clear(line);
	if (read_line(&guest->in, line) != IO_OK)
		return GUEST_GONE;
	struct span text = buf_span(line);
	if (!guest->is_in_line && is_tagged(text, tag)) {
		text = span_slice(text, tag.len + 1, SIZE_MAX);
		return span_starts(text, span_of("OK")) ? GUEST_OK
							: GUEST_REFUSED;
	}
	if (!guest->is_in_line && span_starts(text, span_of("* BYE")))
		return GUEST_GONE;
	session->guests->speaking = guest;
	taking->take(taking->context, text, true);
	guest->is_in_line = parse_literal(span_trim(text), &literal);
	if (guest->is_in_line &&
	    !read_octets(&guest->in, literal.octets, take_octets, taking))
		return GUEST_GONE;
	return GUEST_MORE;
}

/* Within a line nothing that came next would be taken for what it is. */
static void
close_gone(struct session *session, struct guest *guest)
{
	if (session->guests->is_half_told) {
		writer_flush(session->out);
		session->out->status = IO_EOF;
		session->is_done = true;
	}
	if (guest->in.status == IO_TIMEOUT) {
		buf_add(&session->guests->silent, buf_span(&guest->owner));
		buf_add_char(&session->guests->silent, '\n');
	}
	guest_close(session, guest);
}

bool
guest_is_silent(const struct session *session, struct span owner)
{
	struct span rest = session->guests != NULL
			       ? buf_span(&session->guests->silent)
			       : span_of("");

	while (rest.len > 0)
		if (span_equal(span_cut(&rest, '\n'), owner))
			return true;
	return false;
}

enum guest_result
guest_answer(struct session *session, struct guest *guest, struct span tag,
    guest_taker *take, void *context, struct buf *final)
{
	struct taking taking = { take, context };
	struct buf line = buf_new(GUEST_LINE_MAX);
	enum guest_result result = GUEST_MORE;

	buf_clear(final);
	while (result == GUEST_MORE && session->out->status == IO_OK)
		result = take_line(session, guest, tag, &taking, &line);
	if (result == GUEST_MORE)
		result = GUEST_GONE; /* the client is: nobody is left */
	if (result == GUEST_GONE)
		close_gone(session, guest);
	else
		buf_add(final, buf_span(&line));
	buf_free(&line);
	return result;
}

/* "* 3 EXPUNGE", "* VANISHED 3": of a folder that is selected. */
static bool
is_of_messages(struct span line)
{
	static const char *const names[] = { "* VANISHED", "* FLAGS",
		"* SEARCH", "* ESEARCH", "* SORT", "* THREAD" };

	if (line.len > 2 && span_starts(line, span_of("* ")) &&
	    line.ptr[2] >= '0' && line.ptr[2] <= '9')
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (span_starts_nocase(line, span_of(names[i])))
			return true;
	return false;
}

/* The guest that speaks has the selected folder, or is to have it. */
static bool
may_tell_of_messages(const struct session *session)
{
	return session->guests->speaking == session->guests->selected ||
	       strcmp(session->verb, "SELECT") == 0 ||
	       strcmp(session->verb, "EXAMINE") == 0;
}

void
guest_tell(void *context, struct span piece, bool is_line)
{
	struct session *session = context;
	struct guests *guests = session->guests;
	struct literal literal;

	if (is_line && !guests->speaking->is_in_line)
		guests->is_dropped =
		    is_of_messages(piece) && !may_tell_of_messages(session);
	if (guests->is_dropped)
		return;
	put_span(session, piece);
	if (is_line)
		guests->is_half_told =
		    parse_literal(span_trim(piece), &literal);
}

static void
drop(void *context, struct span piece, bool is_line)
{
	(void)context;
	(void)piece;
	(void)is_line;
}

enum guest_result
guest_forward(struct session *session, struct guest *guest)
{
	struct buf final = buf_new(GUEST_LINE_MAX);
	enum guest_result result = guest_answer(
	    session, guest, session->tag, guest_tell, session, &final);

	put_span(session, buf_span(&final));
	buf_free(&final);
	return result;
}

enum guest_result
guest_forward_line(struct session *session, struct guest *guest)
{
	struct taking taking = { guest_tell, session };
	struct buf line = buf_new(GUEST_LINE_MAX);
	enum guest_result result =
	    take_line(session, guest, session->tag, &taking, &line);

	if (result == GUEST_GONE)
		close_gone(session, guest);
	else if (result != GUEST_MORE)
		put_span(session, buf_span(&line));
	buf_free(&line);
	return result;
}

enum guest_result
guest_ask(struct session *session, struct guest *guest, struct span command,
    guest_taker *take, void *context)
{
	struct buf final = buf_new(GUEST_LINE_MAX);

	guest->in.timeout_ms = PROMPT_MS;
	write_string(&guest->out, GUEST_TAG " ");
	write_span(&guest->out, command);
	write_string(&guest->out, "\r\n");
	enum guest_result result = guest_answer(
	    session, guest, span_of(GUEST_TAG), take, context, &final);
	if (result != GUEST_GONE)
		guest->in.timeout_ms = ANSWER_MS;
	buf_free(&final);
	return result;
}

enum guest_result
guest_say(struct session *session, struct guest *guest, const char *command)
{
	return guest_ask(session, guest, span_of(command), drop, NULL);
}

/* ---- beginning and end ---- */

void
guest_close(struct session *session, struct guest *guest)
{
	struct guests *guests = session->guests;

	for (size_t i = 0; i < GUESTS_MAX; i++)
		if (guests->items[i] == guest)
			guests->items[i] = NULL;
	if (guests->selected == guest)
		guests->selected = NULL;
	close(guest->in.fd);
	buf_free(&guest->owner);
	free(guest);
}

void
guests_free(struct session *session)
{
	if (session->guests == NULL)
		return;
	for (size_t i = 0; i < GUESTS_MAX; i++)
		if (session->guests->items[i] != NULL)
			guest_close(session, session->guests->items[i]);
	buf_free(&session->guests->silent);
	free(session->guests);
	session->guests = NULL;
}

static struct guest *
find_open(struct guests *guests, struct span owner)
{
	for (size_t i = 0; i < GUESTS_MAX; i++)
		if (guests->items[i] != NULL &&
		    !guests->items[i]->is_url_reader &&
		    span_equal(buf_span(&guests->items[i]->owner), owner))
			return guests->items[i];
	return NULL;
}

/* The one that was not used for longest; false if there is none but that whose
 * folder is selected. */
static bool
close_oldest(struct session *session)
{
	struct guests *guests = session->guests;
	struct guest *oldest = NULL;

	for (size_t i = 0; i < GUESTS_MAX; i++) {
		struct guest *guest = guests->items[i];

		if (guest != NULL && guest != guests->selected &&
		    (oldest == NULL || guest->used < oldest->used))
			oldest = guest;
	}
	if (oldest != NULL)
		guest_close(session, oldest);
	return oldest != NULL;
}

static struct guest **
find_place(struct session *session)
{
	for (;;) {
		for (size_t i = 0; i < GUESTS_MAX; i++)
			if (session->guests->items[i] == NULL)
				return &session->guests->items[i];
		close_oldest(session);
	}
}

/* login counts one until it has ended. */
static int
open_pair(struct session *session, enum sharing_kind kind, struct span owner)
{
	bool *is_later = &session->guests->is_later;
	int fd = sharing_open(session, kind, owner, is_later);

	if (fd != -1 || !*is_later || session->has_lost_login)
		return fd;
	close_oldest(session);
	for (int i = 0; i < ROOM_TRIES && fd == -1 && *is_later &&
			!session->has_lost_login;
	     i++) {
		poll(NULL, 0, ROOM_WAIT_MS);
		fd = sharing_open(session, kind, owner, is_later);
	}
	return fd;
}

static bool
take_greeting(struct guest *guest)
{
	struct buf line = buf_new(READER_SIZE);
	bool is_good = read_line(&guest->in, &line) == IO_OK &&
		       !span_starts(buf_span(&line), span_of("* BYE"));

	buf_free(&line);
	return is_good;
}

static struct guest *
open_guest(struct session *session, enum sharing_kind kind, struct span owner)
{
	struct guest **place = find_place(session);
	int fd = open_pair(session, kind, owner);

	if (fd == -1)
		return NULL;
	struct guest *guest = calloc(1, sizeof(*guest));
	if (guest == NULL)
		temp_fail("out of memory");
	fd_set_nonblocking(fd);
	reader_init(&guest->in, fd, PROMPT_MS);
	writer_init(&guest->out, fd, ANSWER_MS);
	guest->in.peer = &guest->out;
	guest->owner = buf_new(ACCOUNT_NAME_MAX);
	buf_add(&guest->owner, owner);
	guest->is_url_reader = kind == SHARING_READ_URLS;
	*place = guest;
	if (!take_greeting(guest)) {
		close_gone(session, guest);
		return NULL;
	}
	guest->in.timeout_ms = ANSWER_MS;
	return guest;
}

/* ENABLE, LANGUAGE and COMPARATOR are of the whole session. */
static bool
tell_state(struct session *session, struct guest *guest)
{
	static const struct {
		unsigned bit;
		const char *command;
	} all[] = {
		{ ENABLED_REV2, "ENABLE IMAP4rev2" },
		{ ENABLED_CONDSTORE, "ENABLE CONDSTORE" },
		{ ENABLED_QRESYNC, "ENABLE QRESYNC" },
		{ ENABLED_UTF8, "ENABLE UTF8=ACCEPT" },
		{ ENABLED_UIDONLY, "ENABLE UIDONLY" },
	};
	unsigned missing = session->enabled & ~guest->enabled;

	guest->enabled |= missing;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if ((missing & all[i].bit) != 0 &&
		    guest_say(session, guest, all[i].command) == GUEST_GONE)
			return false;
	if (guest->language != session->language) {
		struct buf command = buf_new(READER_SIZE);

		guest->language = session->language;
		buf_printf(
		    &command, "LANGUAGE %s", language_tag(session->language));
		enum guest_result result =
		    guest_say(session, guest, buf_string(&command));
		buf_free(&command);
		if (result == GUEST_GONE)
			return false;
	}
	if (guest->is_collation_inverted == session->is_collation_inverted)
		return true;
	guest->is_collation_inverted = session->is_collation_inverted;
	return guest_say(session, guest,
		   guest->is_collation_inverted
		       ? "COMPARATOR -i;unicode-casemap"
		       : "COMPARATOR default") != GUEST_GONE;
}

bool
guest_keep(struct session *session, struct guest *guest)
{
	if (!tell_state(session, guest))
		return false;
	guest->used = ++session->guests->count;
	return true;
}

static void
make_table(struct session *session)
{
	if (session->guests == NULL)
		session->guests = calloc(1, sizeof(*session->guests));
	if (session->guests == NULL)
		temp_fail("out of memory");
	if (session->guests->silent.max == 0)
		session->guests->silent = buf_new(SILENT_MAX);
}

struct guest *
guest_open_reader(struct session *session, struct span owner)
{
	make_table(session);
	struct guest *guest = open_guest(session, SHARING_READ_URLS, owner);
	if (guest != NULL)
		guest->used = ++session->guests->count;
	return guest;
}

struct guest *
guest_find(struct session *session, struct span owner)
{
	make_table(session);
	struct guest *guest = find_open(session->guests, owner);
	if (guest != NULL && !tell_state(session, guest))
		guest = NULL; /* it had ended: another one */
	else if (guest != NULL)
		guest->used = ++session->guests->count;
	if (guest != NULL)
		return guest;
	guest = open_guest(session, SHARING_OPEN, owner);
	if (guest == NULL || !tell_state(session, guest))
		return NULL;
	guest->used = ++session->guests->count;
	return guest;
}

void
guest_unselect(struct session *session)
{
	struct guest *guest =
	    session->guests != NULL ? session->guests->selected : NULL;

	if (guest == NULL)
		return;
	session->guests->selected = NULL;
	guest_say(session, guest, "UNSELECT");
}
