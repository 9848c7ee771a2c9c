#include "queue/routing.h"

#include <string.h>

#include "mail/domain.h"
#include "net/routes.h"

/* In A-labels: both forms are one destination, and DNS knows only this. */
static struct span
domain_of(struct span address, struct buf *room)
{
	size_t at = span_last_index(address, '@');
	struct span domain = span_slice(address, at + 1, address.len);

	if (span_is_ascii(domain) || !domain_add_ascii(room, domain))
		return domain;
	return buf_span(room);
}

/* ---- local ---- */

/* The local part without its extension. */
static struct span
user_of(const struct manager *manager, struct span address)
{
	struct span user =
	    span_slice(address, 0, span_last_index(address, '@'));

	for (size_t i = 1; i < user.len; i++)
		if (span_index(buf_span(&manager->delimiters), user.ptr[i]) <
		    manager->delimiters.len)
			return span_slice(user, 0, i);
	return user;
}

/* The domains of this host's own users are one. */
static void
find_mailbox(const struct manager *manager, const struct message *message,
    struct span address, struct span domain, struct routing *routing)
{
	struct span user = user_of(manager, address);

	routing->is_local = true;
	if (message != NULL &&
	    message->active->file.envelope.recipient_count > MAILBOXES_APART)
		return;
	routing->name = user;
	if (!control_list_has(&manager->virtualdomains, domain))
		return;
	struct buf mailbox = buf_new(ENVELOPE_ADDRESS_MAX);
	buf_add(&mailbox, user);
	buf_add_char(&mailbox, '@');
	buf_add(&mailbox, domain);
	buf_free(&routing->room);
	routing->room = mailbox;
	routing->name = buf_span(&routing->room);
}

/* ---- remote ---- */

/* Does a line begin with a pattern that covers it? */
static bool
is_named(const struct control_list *list, struct span domain)
{
	for (size_t i = 0; i < list->count; i++) {
		struct span rest = list->items[i];

		if (domain_fits(span_cut_word(&rest), domain))
			return true;
	}
	return false;
}

static bool
has_own_limit(const struct manager *manager, struct span domain)
{
	const struct limit *limit = limit_find(&manager->limits, domain);

	return limit->destination.len > 0 &&
	       !span_equal(limit->destination, span_of("*"));
}

static bool
is_apart(const struct manager *manager, struct span domain)
{
	return odmr_has(&manager->odmr_domains, domain) ||
	       has_own_limit(manager, domain) ||
	       is_named(&manager->tls_policies, domain) ||
	       is_named(&manager->discards, domain) ||
	       is_named(&manager->sources, domain);
}

/* Its sender's, if smtproutes has no line but one for all. */
static struct span
sender_route(const struct manager *manager, const struct message *message,
    struct span domain)
{
	struct route route = { .port = 0 };

	if (message == NULL || manager->sender_routes.count == 0 ||
	    !route_find_sender(&manager->sender_routes,
		message->active->file.envelope.sender, &route) ||
	    odmr_has(&manager->odmr_domains, domain) ||
	    route_is_named(&manager->routes, domain))
		return (struct span){ "", 0 };
	return route.text;
}

static void
find_route(const struct manager *manager, const struct message *message,
    struct span domain, struct routing *routing)
{
	struct span text =
	    message == NULL ? span_of("") : span_of(message->active->route);
	struct route route = { .port = 0 };

	if (text.len == 0)
		text = sender_route(manager, message, domain);
	routing->name = domain;
	routing->route = text;
	if (text.len == 0 && route_find(&manager->routes, domain, &route))
		text = route.text;
	if (text.len == 0 || is_apart(manager, domain) ||
	    !route_parse(text, &route))
		return; /* remote-send says what is wrong with it */
	routing->name = route.host;
	routing->route = text;
}

void
routing_find(const struct manager *manager, const struct message *message,
    struct span address, struct routing *routing)
{
	*routing = (struct routing){ .name = { "", 0 },
		.route = { "", 0 },
		.room = buf_new(ENVELOPE_ADDRESS_MAX) };
	struct span domain = domain_of(address, &routing->room);

	if (settings_is_local(manager, domain))
		find_mailbox(manager, message, address, domain, routing);
	else
		find_route(manager, message, domain, routing);
}

void
routing_free(struct routing *routing)
{
	buf_free(&routing->room);
}

uint32_t
routing_hash(struct span name)
{
	uint32_t hash = 5381;

	for (size_t i = 0; i < name.len; i++)
		hash = hash * 33 ^ (unsigned char)ascii_lower(name.ptr[i]);
	return hash;
}
