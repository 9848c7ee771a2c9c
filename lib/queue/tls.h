#ifndef QUEUE_TLS_H
#define QUEUE_TLS_H

/*
 * tls - how a session's process gives its client to tlsd, and how tlsd lets
 * keyd sign: the records of tls(5).
 *
 * Every record has one fixed size and a magic number, and its lengths are
 * checked before anything else is looked at.  Both ends run on one host from
 * one build, so numbers are the machine's own.
 *
 *   session   tls_request BEGIN   ->
 *             tls_answer READY    <-  or FAILED
 *             tls_request CLIENT  ->  with the client's descriptor
 *             tls_answer DONE     <-  with the plain bytes' descriptor, or
 *                                     FAILED: the connection is of no use
 *
 *   client mode (remote-send), for each connection of a session:
 *             tls_connect         ->  with the server's descriptor
 *             tls_answer DONE     <-  as above, or FAILED
 *
 *   tlsd      key_request LIST    ->  on the control pair, index 0, 1, ...
 *             key_certificate     <-  or, after the last, key_answer
 *   a child   key_request SIGN, STORE, FETCH  ->  on a session of its own,
 *             key_answer          <-  at most KEY_REQUESTS_MAX
 *
 * Errors   receive functions: 1, 0 the other end is closed, -1 with errno set
 *          (EBADMSG: not such a record; ETIMEDOUT).
 */

#include "base/packet.h"

enum {
	TLS_TEXT_MAX = 64,
	TLS_NAME_MAX = 320,
	TLS_NAMES_MAX = 1024,
	TLS_RECORDS_MAX = 8192,
	TLS_REASON_MAX = 160,
	TLS_BINDING_LEN = 32,
	TLS_DIGEST_LEN = 32, /* SHA-256 */
	KEY_ID_LEN = 32,
	KEY_REQUESTS_MAX = 8, /* one handshake needs fewer */
	KEY_BYTES_MAX = 8192, /* a session to keep; also what is signed */
	KEY_CHAIN_MAX = 15360 /* a certificate and its chain, DER */
};

enum tls_step {
	TLS_BEGIN = 1,
	TLS_CLIENT
};

/* What TLSA records say of a certificate: RFC 7672 section 2.2. */
enum tls_dane {
	TLS_DANE_NONE,     /* there were none */
	TLS_DANE_UNUSABLE, /* none of them is of use */
	TLS_DANE_REFUSED,  /* it is not that; distrust says why */
	TLS_DANE_VERIFIED
};

enum tls_verdict {
	TLS_READY = 1,
	TLS_DONE,
	TLS_FAILED
};

struct tls_request {
	uint32_t magic;
	uint32_t step;
};

/* What the protocol's process learns; text is printable ASCII, ended by NUL. */
struct tls_facts {
	char protocol[TLS_TEXT_MAX];    /* "TLSv1.3" */
	char cipher[TLS_TEXT_MAX];      /* "TLS_AES_256_GCM_SHA384" */
	char server_name[TLS_NAME_MAX]; /* whom the client asked for, or "" */
	char client_name[TLS_NAME_MAX]; /* of a verified certificate, or "" */
	unsigned char binding[TLS_BINDING_LEN]; /* tls-exporter, RFC 9266 */
	uint32_t is_resumed;

	/* client mode: of the server's certificate */
	uint32_t is_verified; /* by the CA store, for one of the names, or by */
	/* TLSA records if any of them is usable */
	uint32_t dane;               /* enum tls_dane */
	char distrust[TLS_NAME_MAX]; /* why not, '_' for a space */
	unsigned char certificate_digest[TLS_DIGEST_LEN]; /* of its DER */
	unsigned char key_digest[TLS_DIGEST_LEN]; /* of SubjectPublicKeyInfo */
};

/* Text is printable ASCII, ended by NUL. */
struct tls_connect {
	uint32_t magic;
	char server_name[TLS_NAME_MAX]; /* SNI, RFC 6066 section 3; "" none */
	/*
	 * The names of which the certificate has to have one, with a ' '
	 * between; ".example.org" is any below example.org.  None: no
	 * certificate is right.
	 */
	char names[TLS_NAMES_MAX];
	/*
	 * TLSA records of the host, as net/tlsa.h has their text, with a ','
	 * between; "": there are none.  The usable ones count, and not the CA
	 * store: RFC 7672 section 3.1.
	 */
	char tlsa[TLS_RECORDS_MAX];
};

struct tls_answer {
	uint32_t magic;
	uint32_t verdict;
	char reason[TLS_REASON_MAX]; /* of TLS_FAILED, printable */
	struct tls_facts facts;      /* of TLS_DONE */
};

bool tls_send_request(int session, enum tls_step step, int client);

/* The client is the caller's; -1 for TLS_BEGIN. */
int tls_receive_request(
    int session, enum tls_step step, int *client, int64_t timeout_ms);

bool tls_send_answer(int session, const struct tls_answer *answer, int plain);
struct tls_answer tls_answer_new(enum tls_verdict verdict, const char *reason);

/* The plain descriptor is the caller's; -1 but for TLS_DONE. */
int tls_receive_answer(
    int session, struct tls_answer *answer, int *plain, int64_t timeout_ms);

bool tls_send_connect(
    int session, const struct tls_connect *connect, int server);

/* False if the packet is none with its one descriptor, which stays in it. */
bool tls_parse_connect(
    const struct packet *packet, struct tls_connect *connect);

/* Copy what may stand in a log line or a header field; the rest is '?'. */
void tls_set_text(char *place, size_t size, const char *text);

/* ---- tlsd and keyd ---- */

enum key_operation {
	KEY_LIST = 1, /* generation: what the asker has; 0: nothing */
	KEY_SIGN_RSA_PKCS1,
	KEY_SIGN_RSA_PSS, /* encoded already: EMSA-PSS, RFC 8017 9.1.1 */
	KEY_SIGN_ECDSA,
	KEY_STORE, /* a session under the name that id is; no answer */
	KEY_FETCH  /* and forget it */
};

/*
 * Where keyd is asked.  An answer names its request, and a session that once
 * failed to answer is closed: what comes too late is never taken for what was
 * asked afterwards.
 */
struct key_channel {
	int session; /* -1: closed */
	uint32_t serial;
};

struct key_request {
	uint32_t magic;
	uint32_t operation;
	uint32_t serial;
	uint64_t generation;
	unsigned char id[KEY_ID_LEN]; /* SHA-256 of the public key; a session */
	uint32_t index;               /* of LIST */
	uint32_t len;
	unsigned char bytes[KEY_BYTES_MAX];
};

struct key_answer {
	uint32_t magic;
	uint32_t operation; /* the request's, as is serial */
	uint32_t serial;
	uint32_t is_good;
	uint64_t generation; /* of LIST */
	uint32_t len;
	unsigned char bytes[KEY_BYTES_MAX];
};

struct key_certificate {
	uint32_t magic;
	uint32_t len;
	unsigned char chain[KEY_CHAIN_MAX]; /* DER, the leaf first */
};

/* Only the bytes that len counts travel. */
bool key_send_request(int session, const struct key_request *request);
bool key_send_answer(int session, const struct key_answer *answer);
bool key_send_certificate(
    int session, const struct key_certificate *certificate);

/* What a packet holds; false if it is no such record. */
bool key_parse_request(struct span bytes, struct key_request *request);
bool key_parse_answer(struct span bytes, struct key_answer *answer);
bool key_parse_certificate(
    struct span bytes, struct key_certificate *certificate);

/*
 * Ask, and wait for the answer; the request gets its serial here.  False if it
 * is no, or none: then the channel is closed.
 */
bool key_ask(struct key_channel *channel, struct key_request *request,
    struct key_answer *answer, int64_t timeout_ms);

/* The same where there is no answer to wait for. */
bool key_tell(struct key_channel *channel, struct key_request *request);

#endif
