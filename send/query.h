#ifndef SEND_QUERY_H
#define SEND_QUERY_H

/*
 * query - one question to resolve, from its packet to its answer.
 */

#include "base/buf.h"
#include "net/dns.h"
#include "send/validation.h"

enum {
	QUERY_HOSTS_MAX = 20,    /* mail hosts of a domain that are looked at */
	QUERY_ADDRESSES_MAX = 8, /* of one host */
	QUERY_HOST_LEN = 256
};

struct query_host {
	uint64_t preference;
	uint64_t order; /* random: hosts of one preference take turns */
	char name[QUERY_HOST_LEN];
	char secure[QUERY_HOST_LEN]; /* as dns_hop has it; "": nothing is */
	bool is_insecure;            /* an address of it is */
	bool is_secure_alias;        /* then: that it is an alias is secure */
	bool is_lost;                /* then: nobody knows */
	size_t address_count;
	char addresses[QUERY_ADDRESSES_MAX][64];
};

struct query {
	const struct validation *resolver;
	struct span me;
	void (*answer)(struct query *query, void *context);
	void *context;
	enum dns_question question;
	uint64_t number;  /* of the request */
	struct buf texts; /* records of the answer: names, texts, TLSA */
	enum dns_status status;
	bool had_trouble; /* an address look-up failed, not just found none */
	bool is_secure;   /* the way to the hosts is */
	char alias[QUERY_HOST_LEN]; /* as dns_alias */
	size_t host_count;
	unsigned pending; /* look-ups that are not answered yet */
	struct query_host hosts[QUERY_HOSTS_MAX];
};

/*
 * Begin; answer is called once, later or at once.  The query frees itself
 * after that.
 */
void query_begin(const struct validation *resolver, struct span me,
    const struct dns_request *request,
    void (*answer)(struct query *query, void *context), void *context);

/* The answer's packet, for use in the callback. */
void query_add_answer(struct query *query, struct buf *buf);

#endif
