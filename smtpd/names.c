/*
 * names - VRFY and EXPN, RFC 5321 section 3.5: who is here, and who is on a
 * list.  Strangers learn nothing, section 7.3.
 */

#include "mail/addr.h"
#include "mail/aliasitems.h"
#include "mail/header.h"
#include "queue/lookup.h"
#include "smtpd/session.h"

enum {
	LOOKUP_TIMEOUT_MS = 30000
};

static const char nothing[] = "252 2.1.5 try RCPT: it is checked there";
static const char unknown[] = "550 5.1.1 no such mailbox here";

static bool
may_ask(const struct session *session)
{
	return session->is_trusted && session->neighbours.lookup != -1;
}

/* Whom lookup fails, it may fail again: no next client is to have it. */
static void
look_up(struct session *session, struct span name, struct packet *packet,
    struct lookup_answer *answer)
{
	lookup_ask(session->neighbours.lookup, name, LOOKUP_TIMEOUT_MS, packet,
	    answer);
	session->has_refused |= answer->kind == LOOKUP_LATER;
}

/* With or without its brackets. */
static struct span
name_of(struct span argument)
{
	struct span name = span_trim(argument);

	if (name.len > 1 && name.ptr[0] == '<' && name.ptr[name.len - 1] == '>')
		name = span_slice(name, 1, name.len - 2);
	return name;
}

void
handle_vrfy(struct session *session, struct span argument)
{
	static struct packet packet;
	struct lookup_answer answer;
	struct span name = name_of(argument);

	if (name.len == 0) {
		reply_error(session, "501 5.5.4 say VRFY with a name");
		return;
	}
	if (!may_ask(session)) {
		reply(session, nothing);
		return;
	}
	look_up(session, name, &packet, &answer);
	if (answer.kind == LOOKUP_UNKNOWN) {
		reply_error(session, unknown);
		return;
	}
	if (answer.kind != LOOKUP_MAILBOX && answer.kind != LOOKUP_ALIAS) {
		reply(session, nothing);
		return;
	}
	write_string(&session->out, "250 2.1.5 <");
	write_span(&session->out, name);
	if (span_index(name, '@') == name.len) {
		write_string(&session->out, "@");
		write_span(&session->out, buf_span(&session->settings->me));
	}
	reply(session, ">");
}

/* ---- EXPN ---- */

bool
session_offers_expn(const struct session *session)
{
	return may_ask(session) && !session->settings->is_lmtp;
}

/* A name of this host as an address, quoted if it must be. */
static void
add_name(const struct session *session, struct buf *address, struct span name)
{
	struct addr unused;

	buf_add(address, name);
	buf_add_string(address, "@");
	buf_add(address, buf_span(&session->settings->me));
	if (addr_parse_mailbox(buf_span(address), &unused) == ADDR_OK)
		return;
	buf_clear(address);
	header_add_quoted(address, name);
	buf_add_string(address, "@");
	buf_add(address, buf_span(&session->settings->me));
}

/* False if it is no mailbox: files and programs are nobody's business. */
static bool
add_member(const struct session *session, struct buf *address,
    const struct alias_item *item)
{
	struct addr unused;

	buf_clear(address);
	switch (item->kind) {
	case ALIAS_ADDRESS:
		buf_add(address, item->text);
		break;
	case ALIAS_NAME:
	case ALIAS_FINAL_NAME:
		add_name(session, address, item->text);
		break;
	case ALIAS_FILE:
	case ALIAS_PROGRAM:
	case ALIAS_INCLUDE:
		return false;
	}
	return span_is_ascii(buf_span(address)) &&
	       addr_parse_mailbox(buf_span(address), &unused) == ADDR_OK;
}

/* Each line is held until it is known not to be the last. */
static void
expand(struct session *session, struct span target)
{
	struct buf text = buf_new(COMMAND_MAX);
	struct buf address = buf_new(COMMAND_MAX);
	struct buf held = buf_new(COMMAND_MAX);
	struct alias_item item;
	enum alias_item_status status;

	while ((status = alias_item_next(&target, &text, &item)) !=
	       ALIAS_ITEM_END) {
		if (status != ALIAS_ITEM_OK ||
		    !add_member(session, &address, &item))
			continue;
		if (held.len > 0) {
			write_string(&session->out, "250-2.1.5 ");
			reply(session, buf_string(&held));
		}
		buf_clear(&held);
		buf_add_char(&held, '<');
		buf_add(&held, buf_span(&address));
		buf_add_char(&held, '>');
	}
	if (held.len > 0) {
		write_string(&session->out, "250 2.1.5 ");
		reply(session, buf_string(&held));
	} else {
		reply(session, "252 2.1.5 no mailbox is on that list");
	}
	buf_free(&text);
	buf_free(&address);
	buf_free(&held);
}

void
handle_expn(struct session *session, struct span argument)
{
	static struct packet packet;
	struct lookup_answer answer;
	struct span name = name_of(argument);

	if (!session_offers_expn(session)) {
		reply_error(session, "502 5.5.1 not offered here");
		return;
	}
	if (name.len == 0) {
		reply_error(session, "501 5.5.4 say EXPN with a list's name");
		return;
	}
	look_up(session, name, &packet, &answer);
	switch (answer.kind) {
	case LOOKUP_ALIAS:
		expand(session, answer.target);
		return;
	case LOOKUP_MAILBOX:
		reply_error(session, "550 5.2.4 that is a user, not a list");
		return;
	case LOOKUP_UNKNOWN:
		reply_error(session, unknown);
		return;
	case LOOKUP_REMOTE:
	case LOOKUP_RELAY:
	case LOOKUP_LATER:
		break;
	}
	reply(session, nothing);
}
