/*
 * xclient - XCLIENT and XFORWARD, Postfix's commands by which a proxy before
 * us, or a filter's client, says whom it speaks for.  From control/xclientnets
 * alone: who may say XCLIENT may say that it is anyone.
 */

#include <arpa/inet.h>
#include <string.h>

#include "base/die.h"
#include "mail/header.h"
#include "mail/xtext.h"
#include "smtpd/session.h"

enum {
	VALUE_MAX = 255 /* XCLIENT_README: of one attribute, decoded */
};

struct attribute {
	struct span name;
	struct buf value; /* decoded; empty: unknown */
};

static bool
refuse(struct session *session, const char *text)
{
	reply_error(session, text);
	return false;
}

static bool
may_speak(struct session *session)
{
	if (!session->is_proxy)
		return refuse(
		    session, "550 5.7.0 only from control/xclientnets");
	if (session->has_sender)
		return refuse(session, "503 5.5.1 not within a transaction");
	return true;
}

/* The next NAME=value; false with *is_good unset if it makes no sense. */
static bool
next_attribute(struct span *rest, struct attribute *attribute, bool *is_good)
{
	*rest = span_trim(*rest);
	if (rest->len == 0)
		return false;
	struct span value = span_cut(rest, ' ');
	attribute->name = span_cut(&value, '=');
	buf_clear(&attribute->value);
	*is_good = attribute->name.len > 0 && value.len > 0 &&
		   xtext_decode(&attribute->value, value) &&
		   !attribute->value.overflow &&
		   header_is_safe(buf_span(&attribute->value));
	if (span_equal_nocase(value, span_of("[UNAVAILABLE]")) ||
	    span_equal_nocase(value, span_of("[TEMPUNAVAIL]")))
		buf_clear(&attribute->value);
	return *is_good;
}

static bool
is_named(const struct attribute *attribute, const char *name)
{
	return span_equal_nocase(attribute->name, span_of(name));
}

/* ---- XCLIENT ---- */

bool
peer_set_address(struct peer *peer, struct span text)
{
	char copy[PEER_TEXT_MAX];
	struct sockaddr_in ipv4 = { .sin_family = AF_INET };
	struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6 };

	if (span_starts_nocase(text, span_of("IPV6:")))
		text = span_slice(text, 5, text.len);
	if (text.len == 0)
		return true; /* unknown: the proxy's own stays */
	if (text.len >= sizeof(copy))
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	if (inet_pton(AF_INET, copy, &ipv4.sin_addr) == 1)
		memcpy(&peer->address, &ipv4, sizeof(ipv4));
	else if (inet_pton(AF_INET6, copy, &ipv6.sin6_addr) == 1)
		memcpy(&peer->address, &ipv6, sizeof(ipv6));
	else
		return false;
	memcpy(peer->text, copy, text.len + 1);
	return true;
}

/* What it changes; *hello and *user are the session's when all is good. */
struct claim {
	struct peer peer;
	struct buf hello;
	struct buf user; /* nobody, unless it says who: as in Postfix */
};

static bool
take_claim(struct claim *claim, const struct attribute *attribute)
{
	struct span value = buf_span(&attribute->value);

	if (is_named(attribute, "ADDR"))
		return peer_set_address(&claim->peer, value);
	if (is_named(attribute, "LOGIN")) {
		buf_clear(&claim->user);
		buf_add(&claim->user, value);
		return !claim->user.overflow;
	}
	if (is_named(attribute, "HELO")) {
		buf_clear(&claim->hello);
		buf_add(&claim->hello, value);
		return value.len == 0 || is_greeting(value);
	}
	return is_named(attribute, "NAME") || is_named(attribute, "PORT") ||
	       is_named(attribute, "PROTO") ||
	       is_named(attribute, "DESTADDR") ||
	       is_named(attribute, "DESTPORT");
}

static void
become(struct session *session, struct claim *claim)
{
	log_event("xclient client=%s is=%s login=%.*s", session->peer->text,
	    claim->peer.text, (int)claim->user.len,
	    claim->user.len == 0 ? "" : claim->user.data);
	session_reset(session);
	session->claimed = claim->peer;
	session->peer = &session->claimed;
	session->is_trusted =
	    session->neighbours.lookup == -1 || claim->user.len > 0 ||
	    network_list_has(
		&session->settings->relay_clients, &session->peer->address);
	session->is_known = false;
	buf_clear(&session->user);
	buf_add(&session->user, buf_span(&claim->user));
	buf_clear(&session->helo);
	buf_add(&session->helo, buf_span(&claim->hello));
	greeting(session);
}

void
handle_xclient(struct session *session, struct span argument)
{
	struct attribute attribute = { .value = buf_new(VALUE_MAX) };
	struct claim claim = { .peer = *session->peer,
		.hello = buf_new(ADDR_DOMAIN_MAX),
		.user = buf_new(session->user.max) };
	bool is_good = true;

	if (!may_speak(session))
		return;
	while (is_good && next_attribute(&argument, &attribute, &is_good))
		is_good = take_claim(&claim, &attribute);
	if (is_good)
		become(session, &claim);
	else
		reply_error(session, "501 5.5.4 an attribute makes no sense");
	buf_free(&attribute.value);
	buf_free(&claim.hello);
	buf_free(&claim.user);
}

/* ---- XFORWARD: for the log alone ---- */

static bool
take_forward(struct buf *into, const struct attribute *attribute)
{
	static const char *const known[] = { "NAME", "ADDR", "PORT", "PROTO",
		"HELO", "IDENT", "SOURCE" };
	size_t i = 0;

	while (i < sizeof(known) / sizeof(*known) &&
	       !is_named(attribute, known[i]))
		i++;
	if (i == sizeof(known) / sizeof(*known))
		return false;
	if (attribute->value.len == 0)
		return true;
	buf_add_string(into, " orig_");
	for (size_t j = 0; j < attribute->name.len; j++)
		buf_add_char(into, ascii_lower(attribute->name.ptr[j]));
	buf_add_char(into, '=');
	xtext_encode(into, buf_span(&attribute->value)); /* one word */
	return !into->overflow;
}

void
handle_xforward(struct session *session, struct span argument)
{
	struct attribute attribute = { .value = buf_new(VALUE_MAX) };
	bool is_good = true;

	if (!may_speak(session))
		return;
	while (is_good && next_attribute(&argument, &attribute, &is_good))
		is_good = take_forward(&session->forwarded, &attribute);
	if (is_good) {
		reply(session, "250 2.0.0 noted");
	} else {
		buf_clear(&session->forwarded);
		reply_error(session, "501 5.5.4 an attribute makes no sense");
	}
	buf_free(&attribute.value);
}
