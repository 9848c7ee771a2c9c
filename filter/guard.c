#include "filter/guard.h"

#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "filter/reversed.h"
#include "queue/greylist.h"

enum {
	GREYLIST_TIMEOUT_MS = 2000,
	IPV4_NETWORK_BYTES = 12 + 3,
	IPV6_NETWORK_BYTES = 8
};

void
guard_read_settings(struct guard *guard)
{
	struct greylisting greylisting;

	dnsbls_read(&guard->weigh.lists);
	weights_read(guard->weigh.weights);
	guard->weigh.timeout_ms =
	    (int64_t)control_number("timeoutguard", 5, 1, 60) * 1000;
	guard->reject_at =
	    (int)control_number("dnsblreject", 10, 0, WEIGHT_MAX);
	greylisting_read(&greylisting);
	guard->is_greylisting = greylisting.is_on;
	guard->greylist_at =
	    (int)control_number("greylistweight", 0, 0, WEIGHT_MAX);
	guard->known = network_list("relayclients", "127.0.0.0/8 ::1");
}

/* By hand there are none: nobody is asked. */
static int
open_neighbour(int neighbour)
{
	if (!neighbour_is_given(neighbour))
		return -1;
	int session = neighbour_open_session(neighbour);
	if (session == -1)
		temp_fail("a neighbour is gone");
	return session;
}

void
guard_test_lists(struct guard *guard)
{
	int session = open_neighbour(NEIGHBOUR_RESOLVE);

	inquiry_init(&guard->inquiry, session);
	if (session == -1)
		return;
	weigh_test_lists(&guard->weigh, &guard->inquiry);
	close(session);
}

size_t
guard_prepare(void *context, int kept[FILTER_KEPT_MAX])
{
	struct guard *guard = context;
	int resolve = open_neighbour(NEIGHBOUR_RESOLVE);

	guard->greylist = open_neighbour(NEIGHBOUR_GREYLIST);
	inquiry_init(&guard->inquiry, resolve);
	facts_init(&guard->facts);
	weighed_init(&guard->weighed);
	kept[0] = resolve;
	kept[1] = guard->greylist;
	return 2;
}

/* ---- who is judged ---- */

static bool
is_known(const struct guard *guard)
{
	for (size_t i = 0; i < guard->known.count; i++)
		if (network_has(&guard->known.items[i], guard->client))
			return true;
	return false;
}

/* Users, this host itself, and those that may relay are not. */
static void
meet(struct guard *guard)
{
	struct span client = buf_span(&guard->facts.client);
	struct network network;

	guard->is_weighed = false;
	guard->is_stranger = !span_equal(client, span_of("127.0.0.1")) &&
			     !span_equal(client, span_of("::1")) &&
			     !span_equal(buf_span(&guard->facts.service),
				 span_of("submission")) &&
			     span_index(client, '/') == client.len &&
			     network_parse(client, &network);
	if (!guard->is_stranger)
		return;
	memcpy(guard->client, network.bytes, 16);
	guard->is_stranger = !is_known(guard);
}

/* RFC 5321 section 4.5.1, RFC 2142: who is refused wrongly may say so. */
static bool
is_for_postmaster(struct span recipient)
{
	struct span local =
	    span_slice(recipient, 0, span_last_index(recipient, '@'));

	return span_equal_nocase(local, span_of("postmaster")) ||
	       span_equal_nocase(local, span_of("abuse"));
}

/* ---- verdicts ---- */

static void
weigh(struct guard *guard)
{
	struct weighed *weighed = &guard->weighed;

	if (guard->is_weighed)
		return;
	weigh_client(&guard->weigh, &guard->inquiry, &guard->facts,
	    guard->client, weighed);
	guard->is_weighed = true;
	if (weighed->signs.len > 0)
		log_event("weighed client=%.*s weight=%d signs=%.*s",
		    (int)guard->facts.client.len, guard->facts.client.data,
		    weighed->weight, (int)weighed->signs.len,
		    weighed->signs.data);
}

static void
add(struct buf *text, struct span words)
{
	buf_add(text, span_slice(words, 0, FILTER_REPLY_MAX - text->len));
}

/* What it is refused for, or false. */
static bool
add_refusal(const struct guard *guard, struct buf *text)
{
	const struct weighed *weighed = &guard->weighed;

	if (weighed->says_our_name) {
		buf_add_string(text, "550 5.7.1 HELO with this host's own "
				     "name: say yours");
		return true;
	}
	if (guard->reject_at == 0 || weighed->weight < guard->reject_at)
		return false;
	buf_add_string(text, "550 5.7.1 [");
	buf_add(text, buf_span(&guard->facts.client));
	if (weighed->zone.len == 0) {
		buf_add_string(text, "] is not welcome (");
		add(text, span_slice(buf_span(&weighed->signs), 0, 100));
		buf_add_string(text, "): see control/weights");
		return true;
	}
	buf_add_string(text, "] is listed by ");
	buf_add(text, buf_span(&weighed->zone));
	buf_add_string(text, ", see control/dnsbl");
	if (weighed->text.len > 0)
		buf_add_string(text, ": ");
	add(text, buf_span(&weighed->text));
	return true;
}

/* The wait that is left to this client, sender and recipient. */
static uint64_t
wait_left(struct guard *guard)
{
	unsigned char network[16];
	size_t len = reversed_is_ipv4(guard->client) ? IPV4_NETWORK_BYTES
						     : IPV6_NETWORK_BYTES;

	if (!guard->is_greylisting || guard->greylist == -1 ||
	    guard->weighed.weight < guard->greylist_at)
		return 0;
	memcpy(network, guard->client, 16);
	memset(network + len, 0, 16 - len);
	const struct greylist_request request = greylist_request_make(network,
	    buf_span(&guard->facts.sender), buf_span(&guard->facts.recipient));
	return greylist_ask(
	    guard->greylist, &request, GREYLIST_TIMEOUT_MS, &guard->packet);
}

static void
answer_recipient(struct guard *guard, int session)
{
	struct buf text = buf_new(FILTER_REPLY_MAX);
	enum filter_verdict verdict = FILTER_ACCEPT;
	uint64_t wait_s;

	weigh(guard);
	if (add_refusal(guard, &text)) {
		verdict = FILTER_REJECT;
	} else if ((wait_s = wait_left(guard)) > 0) {
		verdict = FILTER_DEFER;
		buf_printf(&text,
		    "451 4.7.1 not seen here before, come again in %llu "
		    "seconds: see control/greylist",
		    (unsigned long long)wait_s);
	}
	judging_verdict(session, verdict, buf_span(&text));
	buf_free(&text);
}

void
guard_answer(void *context, int session, const struct filter_request *request,
    int message)
{
	struct guard *guard = context;

	(void)message;
	facts_take(&guard->facts, request);
	if (request->stage == FILTER_CONNECT)
		meet(guard);
	if (request->stage == FILTER_HELO)
		guard->is_weighed = false;
	if (request->stage == FILTER_RESET)
		return;
	if (request->stage == FILTER_RCPT && guard->is_stranger &&
	    guard->facts.user.len == 0 &&
	    !is_for_postmaster(request->recipient))
		answer_recipient(guard, session);
	else
		judging_verdict(session, FILTER_ACCEPT, (struct span){ "", 0 });
}
