#ifndef NET_DNS_H
#define NET_DNS_H

/*
 * dns - asking the resolve program where mail for a domain goes, and what
 * else names say; resolve(5).
 *
 * Request  Q "route", "addresses", "names", "text" or "tlsa"; D the domain or
 *          host; I a number that the answer repeats, so that it is known for
 *          what it is.
 * Answer   S status, then for each address, best first, M: preference, host
 *          and address, and the host's secure name if it has one, separated by
 *          spaces; C the secure name of a domain that is an alias; for each
 *          name or text, T; for each TLSA record, R, as net/tlsa.h.
 *
 * A name is secure if DNSSEC vouches for all that led to it (RFC 7672 2.2).
 */

#include "base/record.h"
#include "queue/neighbour.h"

enum dns_status {
	DNS_OK,
	DNS_NO_NAME, /* no such domain */
	DNS_NULL_MX, /* it receives no mail: RFC 7505 */
	DNS_LOOP,    /* we are its best mail host, but do not serve it */
	DNS_LATER    /* no answer now */
};

enum dns_question {
	DNS_ROUTE,
	DNS_ADDRESSES,
	DNS_NAMES, /* PTR */
	DNS_TEXT,  /* TXT */
	DNS_TLSA   /* only secure ones: what is insecure is not there */
};

enum {
	DNS_TEXT_LEN = 255, /* of one name or text in an answer */
	DNS_TEXTS_MAX = 8,
	DNS_TLSA_LEN = 8000 /* of all TLSA records in an answer */
};

struct dns_request {
	enum dns_question question;
	struct span domain;
	uint64_t number; /* 0: none */
};

struct dns_answer {
	enum dns_status status;
	uint64_t number;
	struct span hops; /* dns_next_hop, dns_next_text */
};

struct dns_hop {
	uint64_t preference;
	struct span host;
	struct span address;
	struct span secure; /* where TLSA records may be; empty: nowhere */
};

/*
 * Ask and wait.  *hops then walks the answer in *packet with dns_next_hop.
 * A neighbour that is gone or silent is DNS_LATER.
 */
enum dns_status dns_route(int session, struct span domain, int64_t timeout_ms,
    struct packet *packet, struct span *hops);
enum dns_status dns_addresses(int session, struct span host, int64_t timeout_ms,
    struct packet *packet, struct span *hops);
bool dns_next_hop(struct span *hops, struct dns_hop *hop);

/* The secure name of the domain asked for, an alias; empty: it is none. */
struct span dns_alias(struct span hops);

/* The same for TLSA records, of a whole name with port and protocol. */
enum dns_status dns_tlsa(int session, struct span name, int64_t timeout_ms,
    struct packet *packet, struct span *records);
bool dns_next_tlsa(struct span *records, struct span *text);

/* Visible bytes and spaces, at most DNS_TEXT_LEN. */
bool dns_next_text(struct span *hops, struct span *text);

/* The same in two steps, for several at once; false if it is no answer. */
bool dns_send(int session, const struct dns_request *request);
bool dns_parse_answer(struct span packet, struct dns_answer *answer);

/* The other end. */
bool dns_parse_request(struct span packet, struct dns_request *request);
void dns_add_number(struct buf *buf, uint64_t number);
void dns_add_text(struct buf *buf, struct span text);
void dns_add_alias(struct buf *buf, struct span alias);
void dns_add_tlsa(struct buf *buf, struct span text);
void dns_add_status(struct buf *buf, enum dns_status status);
void dns_add_hop(struct buf *buf, const struct dns_hop *hop);

#endif
