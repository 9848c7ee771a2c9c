#include "send/query.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/die.h"
#include "net/tlsa.h"

enum {
	TYPE_A = 1,
	TYPE_CNAME = 5,
	TYPE_PTR = 12,
	TYPE_MX = 15,
	TYPE_TXT = 16,
	TYPE_AAAA = 28,
	TYPE_TLSA = 52,
	CLASS_IN = 1,
	TEXTS_MAX = DNS_TLSA_LEN,
	HOP_MAX = 2 * QUERY_HOST_LEN + 64 + 8 /* bytes in an answer */
};

/* One look-up for the addresses of one host. */
struct lookup {
	struct query *query;
	size_t host;
	int type;
};

static void
finish(struct query *query)
{
	query->answer(query, query->context);
	buf_free(&query->texts);
	free(query);
}

static void
end_one(struct query *query)
{
	if (--query->pending == 0)
		finish(query);
}

/* No answer, or one that DNSSEC shows to be forged: RFC 7672 section 2.1.1. */
static bool
is_lost(const struct query *query, int error, const struct ub_result *result)
{
	return error != 0 || (result->rcode != 0 && result->rcode != 3) ||
	       (result->bogus && query->resolver->is_strict);
}

/* The last name of an answer's aliases, or its own. */
static void
set_name(char name[QUERY_HOST_LEN], const struct ub_result *result)
{
	const char *last =
	    result->canonname == NULL ? result->qname : result->canonname;
	size_t len = strlen(last);

	if (len > 1 && last[len - 1] == '.')
		len--;
	snprintf(name, QUERY_HOST_LEN, "%.*s", (int)len, last);
}

/* A name in wire form, labels of visible bytes only; false if it is odd. */
static bool
expand_name(const unsigned char *wire, size_t len, char name[QUERY_HOST_LEN])
{
	size_t at = 0;
	size_t used = 0;

	while (at < len && wire[at] != 0) {
		size_t label = wire[at++];

		if (label > 63 || at + label > len ||
		    used + label + 2 > QUERY_HOST_LEN)
			return false;
		if (used > 0)
			name[used++] = '.';
		for (size_t i = 0; i < label; i++, at++) {
			if (wire[at] <= ' ' || wire[at] >= 0x7f)
				return false;
			name[used++] = (char)wire[at];
		}
	}
	name[used] = '\0';
	return at < len;
}

static bool
is_before(const struct query_host *left, const struct query_host *right)
{
	if (left->preference != right->preference)
		return left->preference < right->preference;
	return left->order < right->order;
}

/*
 * Put a host in its place; beyond QUERY_HOSTS_MAX the best are kept.  (qsort
 * asks the kernel for the size of its memory, which the jail does not allow.)
 */
static void
add_host(struct query *query, uint64_t preference, const char *name)
{
	struct query_host host = { .preference = preference };
	size_t at = query->host_count;

	snprintf(host.name, sizeof(host.name), "%s", name);
	if (getrandom(&host.order, sizeof(host.order), 0) == -1)
		host.order = at;
	while (at > 0 && is_before(&host, &query->hosts[at - 1]))
		at--;
	if (at == QUERY_HOSTS_MAX)
		return;
	if (query->host_count < QUERY_HOSTS_MAX)
		query->host_count++;
	memmove(&query->hosts[at + 1], &query->hosts[at],
	    (query->host_count - at - 1) * sizeof(host));
	query->hosts[at] = host;
}

static void look_up_host(struct query *query, size_t index, int type);

static bool
is_alias(const struct ub_result *result)
{
	char name[QUERY_HOST_LEN];

	set_name(name, result);
	return !span_equal_nocase(span_of(name), span_of(result->qname));
}

/*
 * Where a host's TLSA records may be: below its name, or the one that this is
 * an alias for if all on the way there is secure (RFC 7672 section 2.2.2).  If
 * it is not, the first step may still be, which a look-up of its own tells.
 */
static void
take_security(struct query *query, size_t index, const struct ub_result *result)
{
	struct query_host *host = &query->hosts[index];

	if (result->secure) {
		set_name(host->secure, result);
		return;
	}
	if (query->is_secure && !host->is_insecure && is_alias(result))
		look_up_host(query, index, TYPE_CNAME);
	host->is_insecure = true;
}

static void
take_answer(struct query *query, size_t index, const struct ub_result *result)
{
	struct query_host *host = &query->hosts[index];
	int family = result->qtype == TYPE_A ? AF_INET : AF_INET6;
	int size = result->qtype == TYPE_A ? 4 : 16;

	if (result->qtype == TYPE_CNAME) {
		host->is_secure_alias = result->secure;
		return;
	}
	take_security(query, index, result);
	for (int i = 0; result->data[i] != NULL &&
			host->address_count < QUERY_ADDRESSES_MAX;
	     i++)
		if (result->len[i] == size &&
		    inet_ntop(family, result->data[i],
			host->addresses[host->address_count],
			sizeof(*host->addresses)) != NULL)
			host->address_count++;
}

static void
take_host(void *context, int error, struct ub_result *result)
{
	struct lookup *lookup = context;
	struct query *query = lookup->query;
	size_t index = lookup->host;
	int type = lookup->type;

	free(lookup);
	if (!is_lost(query, error, result)) {
		take_answer(query, index, result);
	} else {
		query->had_trouble = true;
		query->hosts[index].is_lost |= type == TYPE_CNAME;
	}
	ub_resolve_free(result);
	end_one(query);
}

static void
look_up(struct query *query, const char *name, int type, void *context,
    ub_callback_type callback)
{
	int id;

	if (ub_resolve_async(query->resolver->unbound, name, type, CLASS_IN,
		context, callback, &id) == 0)
		return;
	query->pending--;
	query->had_trouble = true;
	if (callback == take_host) {
		const struct lookup *lookup = context;

		query->hosts[lookup->host].is_lost |= type == TYPE_CNAME;
		free(context);
	}
}

static void
look_up_host(struct query *query, size_t index, int type)
{
	struct lookup *lookup = malloc(sizeof(*lookup));

	if (lookup == NULL)
		temp_fail("out of memory");
	*lookup =
	    (struct lookup){ .query = query, .host = index, .type = type };
	query->pending++;
	look_up(query, query->hosts[index].name, type, lookup, take_host);
}

/* RFC 5321 section 5.1: never to ourselves, nor to those behind us. */
static void
drop_ourselves(struct query *query)
{
	for (size_t i = 0; i < query->host_count; i++) {
		if (!span_equal_nocase(
			span_of(query->hosts[i].name), query->me))
			continue;
		uint64_t ours = query->hosts[i].preference;
		while (i > 0 && query->hosts[i - 1].preference == ours)
			i--;
		query->host_count = i;
		if (i == 0)
			query->status = DNS_LOOP;
		return;
	}
}

static void
look_up_hosts(struct query *query)
{
	if (query->question == DNS_ROUTE)
		drop_ourselves(query);
	query->pending++; /* ours, until all are begun */
	for (size_t i = 0; i < query->host_count; i++) {
		look_up_host(query, i, TYPE_AAAA);
		look_up_host(query, i, TYPE_A);
	}
	end_one(query);
}

static void
take_mx(void *context, int error, struct ub_result *result)
{
	struct query *query = context;
	char name[QUERY_HOST_LEN];

	query->pending--;
	if (is_lost(query, error, result)) {
		query->status = DNS_LATER;
	} else if (result->rcode == 3) {
		query->status = DNS_NO_NAME;
	} else if (!result->havedata) {
		add_host(query, 0, result->qname); /* the implicit MX */
	} else {
		for (int i = 0; result->data[i] != NULL; i++) {
			const unsigned char *data =
			    (const unsigned char *)result->data[i];
			size_t len = (size_t)result->len[i];

			if (len < 3 || !expand_name(data + 2, len - 2, name))
				continue;
			if (name[0] == '\0')
				query->status = DNS_NULL_MX;
			else
				add_host(query,
				    (uint64_t)data[0] << 8 | data[1], name);
		}
		if (query->host_count > 0)
			query->status = DNS_OK;
		else if (query->status == DNS_OK)
			query->status = DNS_LATER;
	}
	if (query->status == DNS_OK && result->secure) {
		query->is_secure = true;
		if (is_alias(result))
			set_name(query->alias, result);
	}
	ub_resolve_free(result);
	if (query->status == DNS_OK)
		look_up_hosts(query);
	else
		finish(query);
}

/* Strings of one text belong together: RFC 1035 section 3.3.14. */
static void
add_strings(struct buf *texts, const char *data, size_t len)
{
	struct buf text = buf_new(DNS_TEXT_LEN);
	size_t at = 0;

	while (at < len && !text.overflow) {
		size_t string = (unsigned char)data[at++];

		if (string > len - at)
			break;
		buf_add(&text, (struct span){ data + at, string });
		at += string;
	}
	dns_add_text(texts, buf_span(&text));
	buf_free(&text);
}

static void
take_texts(void *context, int error, struct ub_result *result)
{
	struct query *query = context;
	char name[QUERY_HOST_LEN];

	if (is_lost(query, error, result))
		query->status = DNS_LATER;
	else if (!result->havedata)
		query->status = DNS_NO_NAME;
	for (int i = 0; query->status == DNS_OK && result->data[i] != NULL &&
			i < DNS_TEXTS_MAX;
	     i++)
		if (result->qtype == TYPE_TXT)
			add_strings(&query->texts, result->data[i],
			    (size_t)result->len[i]);
		else if (expand_name((const unsigned char *)result->data[i],
			     (size_t)result->len[i], name))
			dns_add_text(&query->texts, span_of(name));
	ub_resolve_free(result);
	end_one(query);
}

/* Those that are not secure say nothing: RFC 7672 section 2.2.3. */
static void
take_tlsa(void *context, int error, struct ub_result *result)
{
	struct query *query = context;
	struct buf text = buf_new(TLSA_TEXT_MAX);

	if (is_lost(query, error, result))
		query->status = DNS_LATER;
	else if (!result->havedata || !result->secure)
		query->status = DNS_NO_NAME;
	for (int i = 0; query->status == DNS_OK && result->data[i] != NULL;
	     i++) {
		const struct span wire = { result->data[i],
			(size_t)result->len[i] };
		const size_t room = DNS_TLSA_LEN - query->texts.len;

		buf_clear(&text);
		/* A part of one is there, too, and as little use. */
		if (!tlsa_add_text(&text, wire, room))
			buf_add_string(&text, "0 0 0 ");
		if (text.len + 2 <= room)
			dns_add_tlsa(&query->texts, buf_span(&text));
	}
	buf_free(&text);
	ub_resolve_free(result);
	end_one(query);
}

static void
begin_lookup(struct query *query, const char *name)
{
	switch (query->question) {
	case DNS_ADDRESSES:
		query->is_secure = true; /* there is no way to it */
		add_host(query, 0, name);
		look_up_hosts(query);
		return;
	case DNS_ROUTE:
		look_up(query, name, TYPE_MX, query, take_mx);
		break;
	case DNS_NAMES:
		look_up(query, name, TYPE_PTR, query, take_texts);
		break;
	case DNS_TEXT:
		look_up(query, name, TYPE_TXT, query, take_texts);
		break;
	case DNS_TLSA:
		look_up(query, name, TYPE_TLSA, query, take_tlsa);
		break;
	}
	if (query->pending > 0)
		return;
	query->status = DNS_LATER;
	finish(query);
}

void
query_begin(const struct validation *resolver, struct span me,
    const struct dns_request *request,
    void (*answer)(struct query *query, void *context), void *context)
{
	struct query *query = calloc(1, sizeof(*query));
	char name[QUERY_HOST_LEN];

	if (query == NULL)
		temp_fail("out of memory");
	query->resolver = resolver;
	query->me = me;
	query->question = request->question;
	query->number = request->number;
	query->texts = buf_new(TEXTS_MAX);
	query->answer = answer;
	query->context = context;
	query->pending = request->question == DNS_ADDRESSES ? 0 : 1;
	snprintf(name, sizeof(name), "%.*s", (int)request->domain.len,
	    request->domain.ptr);
	begin_lookup(query, name);
}

static size_t
addresses_of(const struct query_host *host)
{
	return host->is_lost ? 0 : host->address_count;
}

static const char *
secure_name(const struct query *query, const struct query_host *host)
{
	if (!query->is_secure)
		return "";
	if (!host->is_insecure)
		return host->secure;
	return host->is_secure_alias ? host->name : "";
}

void
query_add_answer(struct query *query, struct buf *buf)
{
	size_t found = 0;

	for (size_t i = 0; i < query->host_count; i++)
		found += addresses_of(&query->hosts[i]);
	if (query->status == DNS_OK && found == 0 && query->texts.len == 0)
		query->status = query->had_trouble ? DNS_LATER : DNS_NO_NAME;
	dns_add_number(buf, query->number);
	dns_add_status(buf, query->status);
	if (query->status != DNS_OK)
		return;
	buf_add(buf, buf_span(&query->texts));
	dns_add_alias(buf, span_of(query->alias));
	for (size_t i = 0; i < query->host_count; i++) {
		const struct query_host *host = &query->hosts[i];

		for (size_t j = 0; j < addresses_of(host); j++) {
			const struct dns_hop hop = {
				.preference = host->preference,
				.host = span_of(host->name),
				.address = span_of(host->addresses[j]),
				.secure = span_of(secure_name(query, host)),
			};

			if (buf->max - buf->len < HOP_MAX)
				return; /* the best ones are there */
			dns_add_hop(buf, &hop);
		}
	}
}
