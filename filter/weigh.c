#include "filter/weigh.h"

#include "base/die.h"
#include "filter/hello.h"
#include "filter/reversed.h"
#include "net/network.h"

enum {
	NAMES_MAX = 4 /* of an address that are looked at */
};

static const unsigned char first_test[16] = { [10] = 0xff, 0xff, 127, 0, 0, 1 };
static const unsigned char second_test[16] = {
	[10] = 0xff, 0xff, 127, 0, 0, 2
};

void
weighed_init(struct weighed *weighed)
{
	*weighed = (struct weighed){ .signs = buf_new(WEIGH_SIGNS_MAX),
		.zone = buf_new(REVERSED_MAX),
		.text = buf_new(WEIGH_TEXT_MAX) };
}

static size_t
ask_list(struct inquiry *inquiry, const struct dnsbl *list,
    const unsigned char address[16], enum dns_question question)
{
	struct buf name = buf_new(REVERSED_MAX);

	reversed_add(&name, address, list->zone);
	size_t place = inquiry_ask(inquiry, question, buf_span(&name));
	buf_free(&name);
	return place;
}

/* Is one of its answers among those that its line asks for? */
static bool
is_listed(const struct inquiry *inquiry, size_t place, const struct dnsbl *list)
{
	struct span hops = inquiry_records(inquiry, place);
	struct dns_hop hop;
	struct network answer;

	if (inquiry_status(inquiry, place) != DNS_OK)
		return false;
	while (dns_next_hop(&hops, &hop)) {
		if (!network_parse(hop.address, &answer) ||
		    !reversed_is_ipv4(answer.bytes) ||
		    answer.bytes[12] != 127 || answer.bytes[13] != 0 ||
		    answer.bytes[14] != 0)
			continue;
		if (answer.bytes[15] >= list->low &&
		    answer.bytes[15] <= list->high)
			return true;
	}
	return false;
}

/* ---- the lists' own test ---- */

static void
judge_test(struct dnsbl *list, const struct inquiry *inquiry, size_t first)
{
	const char *why = NULL;

	if (inquiry_status(inquiry, first) == DNS_OK)
		why = "it lists 127.0.0.1, and so everybody";
	else if (inquiry_status(inquiry, first + 1) == DNS_NO_NAME)
		why = "it does not list 127.0.0.2, and so nobody";
	if (why == NULL)
		return;
	list->is_broken = true;
	log_event("list %.*s is not asked: %s: see control/dnsbl",
	    (int)list->zone.len, list->zone.ptr, why);
}

static void
drop_broken(struct dnsbls *lists)
{
	size_t kept = 0;

	for (size_t i = 0; i < lists->count; i++)
		if (!lists->lists[i].is_broken)
			lists->lists[kept++] = lists->lists[i];
	lists->count = kept;
}

void
weigh_test_lists(struct weigh_settings *settings, struct inquiry *inquiry)
{
	struct dnsbls *lists = &settings->lists;
	enum {
		AT_ONCE = INQUIRY_MAX / 2
	};

	for (size_t from = 0; from < lists->count; from += AT_ONCE) {
		inquiry_begin(inquiry, settings->timeout_ms);
		for (size_t i = from; i < lists->count && i < from + AT_ONCE;
		     i++) {
			ask_list(inquiry, &lists->lists[i], first_test,
			    DNS_ADDRESSES);
			ask_list(inquiry, &lists->lists[i], second_test,
			    DNS_ADDRESSES);
		}
		inquiry_wait(inquiry);
		for (size_t i = from; i < lists->count && i < from + AT_ONCE;
		     i++)
			judge_test(&lists->lists[i], inquiry, 2 * (i - from));
	}
	drop_broken(lists);
}

/* ---- one client ---- */

/* Where its questions are among all; those of list i are at i. */
struct asked {
	const unsigned char *client;
	enum hello hello;
	size_t names;    /* of its address */
	size_t hello_at; /* the name in HELO, if it is HELLO_NAME */
};

static void
count(struct weighed *weighed, struct span sign, int weight)
{
	if (weight == 0)
		return;
	weighed->weight += weight;
	if (weighed->signs.len + sign.len + 1 > WEIGH_SIGNS_MAX)
		return;
	if (weighed->signs.len > 0)
		buf_add_char(&weighed->signs, ',');
	buf_add(&weighed->signs, sign);
}

static void
count_sign(const struct weigh_settings *settings, struct weighed *weighed,
    enum sign sign)
{
	count(weighed, span_of(sign_name(sign)), settings->weights[sign]);
}

static void
ask_all(const struct weigh_settings *settings, struct inquiry *inquiry,
    struct span hello, struct asked *asked)
{
	struct buf name = buf_new(REVERSED_MAX);

	inquiry_begin(inquiry, settings->timeout_ms);
	for (size_t i = 0; i < settings->lists.count; i++)
		ask_list(inquiry, &settings->lists.lists[i], asked->client,
		    DNS_ADDRESSES);
	reversed_add_arpa(&name, asked->client);
	asked->names = inquiry_ask(inquiry, DNS_NAMES, buf_span(&name));
	asked->hello_at = 0;
	if (asked->hello == HELLO_NAME)
		asked->hello_at = inquiry_ask(inquiry, DNS_ADDRESSES, hello);
	buf_free(&name);
	inquiry_wait(inquiry);
}

/* The weightiest list that speaks against the client, or NULL. */
static const struct dnsbl *
count_lists(const struct weigh_settings *settings,
    const struct inquiry *inquiry, struct weighed *weighed)
{
	const struct dnsbl *worst = NULL;

	for (size_t i = 0; i < settings->lists.count; i++) {
		const struct dnsbl *list = &settings->lists.lists[i];

		if (!is_listed(inquiry, i, list))
			continue;
		count(weighed, list->zone, list->weight);
		if (list->weight > (worst == NULL ? 0 : worst->weight))
			worst = list;
	}
	return worst;
}

static void
count_hello(const struct weigh_settings *settings,
    const struct inquiry *inquiry, const struct asked *asked,
    struct weighed *weighed)
{
	switch (asked->hello) {
	case HELLO_LITERAL:
		return;
	case HELLO_OWN:
		weighed->says_our_name = true;
		return;
	case HELLO_OTHER_LITERAL:
		count_sign(settings, weighed, SIGN_HELO_LITERAL);
		return;
	case HELLO_NO_FQDN:
		count_sign(settings, weighed, SIGN_HELO_NO_FQDN);
		return;
	case HELLO_NAME:
		if (inquiry_status(inquiry, asked->hello_at) == DNS_NO_NAME)
			count_sign(settings, weighed, SIGN_HELO_UNKNOWN);
		return;
	}
}

/*
 * The second round: are the address's names its own, and what does the worst
 * list say?  It has what the first left of the time.
 */
static void
confirm(const struct weigh_settings *settings, struct inquiry *inquiry,
    const struct asked *asked, const struct dnsbl *worst,
    struct weighed *weighed)
{
	struct span names = inquiry_records(inquiry, asked->names);
	struct span name;
	size_t text_at = 0;
	bool is_confirmed = false;

	if (worst != NULL)
		text_at = ask_list(inquiry, worst, asked->client, DNS_TEXT);
	size_t first = inquiry->count;
	while (inquiry->count < first + NAMES_MAX &&
	       dns_next_text(&names, &name) && name.len > 0)
		inquiry_ask(inquiry, DNS_ADDRESSES, name);
	inquiry_wait(inquiry);
	for (size_t i = first; i < inquiry->count; i++)
		if (inquiry_status(inquiry, i) == DNS_LATER ||
		    inquiry_has_address(inquiry, i, asked->client))
			is_confirmed = true;
	if (inquiry->count > first && !is_confirmed)
		count_sign(settings, weighed, SIGN_UNCONFIRMED);
	if (worst == NULL)
		return;
	struct span texts = inquiry_records(inquiry, text_at);
	if (dns_next_text(&texts, &name))
		buf_add(&weighed->text, name);
	buf_add(&weighed->zone, worst->zone);
}

void
weigh_client(const struct weigh_settings *settings, struct inquiry *inquiry,
    const struct facts *facts, const unsigned char client[16],
    struct weighed *weighed)
{
	const struct hello_facts about = { .client = client,
		.our_name = buf_span(&facts->host),
		.our_address = buf_span(&facts->local) };
	struct asked asked = { .client = client,
		.hello = hello_judge(buf_span(&facts->helo), &about) };

	weighed->weight = 0;
	weighed->says_our_name = false;
	buf_clear(&weighed->signs);
	buf_clear(&weighed->zone);
	buf_clear(&weighed->text);
	ask_all(settings, inquiry, buf_span(&facts->helo), &asked);
	const struct dnsbl *worst = count_lists(settings, inquiry, weighed);
	if (inquiry_status(inquiry, asked.names) == DNS_NO_NAME)
		count_sign(settings, weighed, SIGN_NO_PTR);
	count_hello(settings, inquiry, &asked, weighed);
	confirm(settings, inquiry, &asked, worst, weighed);
}
