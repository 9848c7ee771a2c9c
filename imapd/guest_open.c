#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/die.h"
#include "imapd/guest.h"
#include "imapd/output.h"
#include "imapd/sharing.h"

/* The beginning and the end of guests. */

enum {
	SILENT_MAX = 65536,
	ROOM_TRIES = 50,
	ROOM_WAIT_MS = 100
};

const char guest_unavailable[] =
    "NO [UNAVAILABLE] the other user's mailbox cannot be reached now";

void
guest_close(struct session *session, struct guest *guest)
{
	struct guests *guests = session->guests;

	for (size_t i = 0; i < GUESTS_MAX; i++)
		if (guests->items[i] == guest)
			guests->items[i] = NULL;
	if (guests->selected == guest)
		guests->selected = NULL;
	if (guest->is_notifying && guests->lost == GUESTS_LOST_NONE)
		guests->lost = GUESTS_LOST_CLOSED;
	close(guest->in.fd);
	buf_free(&guest->owner);
	buf_free(&guest->notices);
	free(guest);
}

void
guest_close_gone(struct session *session, struct guest *guest)
{
	/* Within a line nothing that came next would be taken for what it
	   is. */
	if (session->guests->is_half_told) {
		writer_flush(session->out);
		session->out->status = IO_EOF;
		session->is_done = true;
	}
	if (guest->in.status == IO_TIMEOUT) {
		buf_add(&session->guests->silent, buf_span(&guest->owner));
		buf_add_char(&session->guests->silent, '\n');
	}
	if (guest->is_notifying)
		session->guests->lost = GUESTS_LOST_ENDED;
	guest_close(session, guest);
}

bool
guest_is_silent(const struct session *session, struct span owner)
{
	struct span silent = session->guests != NULL
				 ? buf_span(&session->guests->silent)
				 : span_of("");

	return span_has_line(silent, owner);
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

/* Should this one make room, rather than the other? */
static bool
is_older(const struct guest *guest, const struct guest *other)
{
	return guest->is_notifying != other->is_notifying
		   ? other->is_notifying
		   : guest->used < other->used;
}

/* The one that was not used for longest, of those that do not notify if there
 * are such; false if there is none but that whose folder is selected. */
static bool
close_oldest(struct session *session)
{
	struct guests *guests = session->guests;
	struct guest *oldest = NULL;

	for (size_t i = 0; i < GUESTS_MAX; i++) {
		struct guest *guest = guests->items[i];

		if (guest != NULL && guest != guests->selected &&
		    (oldest == NULL || is_older(guest, oldest)))
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

	session->guests->has_ended = false;
	if (fd == -1)
		return NULL;
	struct guest *guest = calloc(1, sizeof(*guest));
	if (guest == NULL)
		temp_fail("out of memory");
	fd_set_nonblocking(fd);
	reader_init(&guest->in, fd, GUEST_PROMPT_MS);
	writer_init(&guest->out, fd, GUEST_PROMPT_MS);
	guest->in.peer = &guest->out;
	guest->owner = buf_new(ACCOUNT_NAME_MAX);
	buf_add(&guest->owner, owner);
	guest->notices = buf_new(SIZE_MAX / 2);
	guest->is_url_reader = kind == SHARING_READ_URLS;
	*place = guest;
	if (!take_greeting(guest)) {
		guest_close_gone(session, guest);
		/* A reader of URLs ends so where there is no mailbox. */
		session->guests->is_later = kind == SHARING_OPEN;
		session->guests->has_ended = true;
		return NULL;
	}
	guest->in.timeout_ms = GUEST_ANSWER_MS;
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
	if (guest == NULL)
		return NULL;
	if (!tell_state(session, guest)) {
		session->guests->is_later = true;
		session->guests->has_ended = true;
		return NULL;
	}
	session->guests->has_new = true;
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
