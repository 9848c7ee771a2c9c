/*
 * customers - hosts that ask for the mail of their domains, RFC 2645.
 *
 * What is for a domain of control/odmrdomains is queued for it and never sent
 * on a connection of ours.  A customer's own connection, handed over by smtpd,
 * becomes a channel to one of its domains after another; each message goes on
 * it once.  Where it breaks, what was not answered waits again.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "queue/customers.h"
#include "queue/destinations.h"
#include "queue/dispatch.h"
#include "queue/neighbour.h"

struct customer {
	struct manager *manager;
	struct event *readable;
	int session;
	struct channel *channel; /* while its mail is sent; else NULL */
	struct buf domains;      /* that follow the channel's, commas between */
};

enum {
	CUSTOMER_DOMAINS_MAX = 65536 /* bytes of names */
};

/* ---- its domains ---- */

/* All that the account may have. */
static void
add_all(const struct manager *manager, struct span account, struct buf *domains)
{
	const struct control_list *list = &manager->odmr_domains;
	struct span accounts;

	for (size_t i = 0; i < list->count; i++) {
		struct span domain = odmr_domain_of(list->items[i], &accounts);

		if (!odmr_allows(list, domain, account))
			continue;
		if (domains->len > 0)
			buf_add_char(domains, ',');
		buf_add(domains, domain);
	}
}

/* False: one of them is not the account's, and so it gets nothing. */
static bool
add_named(
    const struct manager *manager, struct span account, struct buf *domains)
{
	struct span rest = buf_span(domains);

	while (rest.len > 0)
		if (!odmr_allows(&manager->odmr_domains,
			span_trim(span_cut(&rest, ',')), account))
			return false;
	return true;
}

/* Is one of them on another connection at the moment? */
static bool
is_served(const struct manager *manager, struct span domains)
{
	while (domains.len > 0) {
		const struct destination *destination = destination_find(
		    manager, span_trim(span_cut(&domains, ',')));

		if (destination != NULL && destination->channels > 0)
			return true;
	}
	return false;
}

/* Cut *domains before the first that has mail, or to nothing; that one. */
static struct destination *
next_with_mail(const struct manager *manager, struct span *domains)
{
	while (domains->len > 0) {
		struct destination *destination = destination_find(
		    manager, span_trim(span_cut(domains, ',')));

		if (destination != NULL && destination->errands > 0 &&
		    destination->channels == 0)
			return destination;
	}
	return NULL;
}

/* What waits for its next try is not to wait: its host is there. */
static void
queue_waiting(struct manager *manager, struct destination *destination)
{
	struct errand **found =
	    calloc(manager->waiting.count + 1, sizeof(struct errand *));
	size_t count = 0;

	if (found == NULL)
		temp_fail("out of memory");
	for (size_t i = 0; i < manager->waiting.count; i++) {
		struct errand *errand = manager->waiting.items[i];

		if (errand->destination == destination &&
		    errand->message != NULL && errand->state == ERRAND_WAITING)
			found[count++] = errand;
	}
	for (size_t i = 0; i < count; i++) {
		heap_remove(&manager->waiting, found[i]);
		errand_queue(manager, found[i]);
	}
	free(found);
}

/* ---- its channel ---- */

/* To the next of its domains that has mail; false if none has. */
static bool
move_on(struct channel *channel)
{
	struct customer *customer = channel->customer;
	struct manager *manager = channel->manager;
	struct destination *before = channel->destination;
	struct span rest = buf_span(&customer->domains);
	struct destination *next = next_with_mail(manager, &rest);

	if (next == NULL)
		return false;
	struct buf domains = buf_new(CUSTOMER_DOMAINS_MAX);
	buf_add(&domains, rest);
	buf_free(&customer->domains);
	customer->domains = domains;
	channel->destination = next;
	next->channels++;
	before->channels--;
	destination_consider(manager, before);
	queue_waiting(manager, next);
	return true;
}

bool
customer_find_jobs(struct channel *channel)
{
	while (!dispatch_find_jobs(channel->manager, channel->destination))
		/* Only some are looked at in one go. */
		if (!destination_has_work(channel->destination) &&
		    !move_on(channel))
			return false;
	return true;
}

static void
close_customer(struct customer *customer)
{
	if (customer->channel != NULL)
		customer->channel->customer = NULL;
	event_free(customer->readable);
	close(customer->session);
	buf_free(&customer->domains);
	free(customer);
}

void
customer_end(struct manager *manager, struct destination *destination,
    struct customer *customer)
{
	/* Made ready, and not sent: they wait, closed. */
	dispatch_fail_over_all(
	    manager, destination, "the connection ended before its turn came");
	if (customer == NULL)
		return;
	customer->channel = NULL;
	close_customer(customer);
}

/* ---- its request ---- */

/* A message that was not read yet may be for it. */
static bool
knows_all(const struct manager *manager)
{
	return manager->scan_folder == -1 && manager->unread.first == NULL;
}

static enum odmr_verdict
turn(struct customer *customer, const struct odmr_request *request,
    struct buf *domains, int connection)
{
	struct manager *manager = customer->manager;
	const bool is_all = request->domains.len == 0;

	buf_add(domains, request->domains);
	if (is_all)
		add_all(manager, request->account, domains);
	if (domains->len == 0 || !add_named(manager, request->account, domains))
		return ODMR_REFUSED;
	struct span rest = buf_span(domains);
	if (manager->is_ending || !knows_all(manager) ||
	    is_served(manager, rest))
		return ODMR_LATER;
	struct destination *first = next_with_mail(manager, &rest);
	if (first == NULL)
		return ODMR_NO_MAIL;
	customer->channel =
	    channel_open_turned(manager, first, request, connection);
	if (customer->channel == NULL)
		return ODMR_LATER;
	customer->channel->customer = customer;
	buf_add(&customer->domains, rest);
	queue_waiting(manager, first);
	return ODMR_TURNED;
}

static const char *
word_of(enum odmr_verdict verdict)
{
	return verdict == ODMR_TURNED    ? "turned"
	       : verdict == ODMR_NO_MAIL ? "no-mail"
	       : verdict == ODMR_REFUSED ? "refused"
					 : "later";
}

/* The customer may be gone then. */
static void
take_request(struct customer *customer, int connection)
{
	struct manager *manager = customer->manager;
	struct odmr_request request;
	struct buf domains = buf_new(CUSTOMER_DOMAINS_MAX);
	struct buf answer = buf_new(16);

	if (connection == -1 || customer->channel != NULL ||
	    !odmr_parse_request(packet_span(&manager->packet), &request)) {
		log_event("smtpd asks nonsense");
		close_customer(customer);
		return;
	}
	settings_refresh(manager);
	enum odmr_verdict verdict =
	    turn(customer, &request, &domains, connection);
	log_event("atrn client=%.*s user=%.*s domains=%.*s verdict=%s",
	    (int)request.server.len, request.server.ptr,
	    (int)request.account.len, request.account.ptr,
	    (int)request.domains.len, request.domains.ptr, word_of(verdict));
	odmr_add_answer(&answer, verdict);
	bool is_sent =
	    packet_send(customer->session, buf_span(&answer), NULL, 0);
	buf_free(&domains);
	buf_free(&answer);
	struct channel *channel = customer->channel;
	if (!is_sent) /* nobody says 250: it is sent nothing */
		close_customer(customer);
	if (channel != NULL)
		channel_begin(channel);
}

static void
handle_customer(evutil_socket_t fd, short what, void *context)
{
	struct customer *customer = context;
	struct manager *manager = customer->manager;

	(void)what;
	int got = packet_receive(fd, &manager->packet);
	if (got == -1 && errno == EAGAIN)
		return;
	int connection = got == 1 ? packet_take_fd(&manager->packet, 0) : -1;
	packet_close_fds(&manager->packet);
	if (got == 1)
		take_request(customer, connection);
	else
		close_customer(customer);
	if (connection != -1)
		close(connection);
	schedule_run(manager);
}

static void
open_customer(struct manager *manager, int session)
{
	struct customer *customer = calloc(1, sizeof(*customer));

	if (customer == NULL)
		temp_fail("out of memory");
	fd_set_nonblocking(session);
	customer->manager = manager;
	customer->session = session;
	customer->domains = buf_new(CUSTOMER_DOMAINS_MAX);
	customer->readable = event_new(manager->base, session,
	    EV_READ | EV_PERSIST, handle_customer, customer);
	if (customer->readable == NULL ||
	    event_add(customer->readable, NULL) == -1)
		temp_fail("out of memory");
}

/* Mail goes on without it; a restart of the service brings it back. */
static void
handle_odmr(evutil_socket_t fd, short what, void *context)
{
	struct manager *manager = context;

	(void)what;
	int got = packet_receive(fd, &manager->packet);
	if (got == -1 && errno == EAGAIN)
		return;
	int session =
	    got == 1 ? neighbour_accept_session(&manager->packet) : -1;
	packet_close_fds(&manager->packet);
	if (session != -1)
		open_customer(manager, session);
	else if (got != 0)
		log_event("smtpd asks nonsense");
	else {
		log_event("odmr has ended: nobody can say ATRN");
		event_del(manager->odmr);
	}
}

void
customers_start(struct manager *manager)
{
	if (!neighbour_is_given(NEIGHBOUR_ODMR))
		return;
	fd_set_nonblocking(NEIGHBOUR_ODMR);
	manager->odmr = event_new(manager->base, NEIGHBOUR_ODMR,
	    EV_READ | EV_PERSIST, handle_odmr, manager);
	if (manager->odmr == NULL || event_add(manager->odmr, NULL) == -1)
		temp_fail("out of memory");
}
