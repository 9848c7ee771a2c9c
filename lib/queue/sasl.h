#ifndef QUEUE_SASL_H
#define QUEUE_SASL_H

/*
 * sasl - a SASL exchange (RFC 4422) as it passes from a protocol's acceptor
 * through login's child to checkpw, which alone knows a mechanism; login(5).
 *
 *   acceptor   sasl_request        ->  once; login's child sends the same on
 *              CHALLENGE           <-  \  as often as the mechanism has steps
 *              RESPONSE, CANCEL    ->  /
 *              login_answer        <-  at the end, from login's parent
 *   checkpw    NAMES               ->  once: whom the client says it is
 *              sasl_account        <-  login's child: whose account that is
 *              checkpw_answer      ->  at the end
 *
 * Records have one fixed size, as those of login.h, but for sasl_message,
 * which ends where its bytes end.
 *
 * Secrets  a request's response and a message may hold one: wipe them, at
 *          once after their last use.
 * Errors   as login.h.
 */

#include "queue/login.h"

enum {
	SASL_LINE_MAX = 12288,   /* RFC 4954 section 4: base64, without CRLF */
	SASL_MESSAGE_MAX = 9216, /* what it holds */
	SASL_MECHANISM_MAX = 20, /* RFC 4422 section 3.1 */
	SASL_BINDING_MAX = 64    /* tls-exporter has 32 bytes: RFC 9266 */
};

struct sasl_request {
	struct login_head head; /* method LOGIN_SASL; no user yet */
	uint16_t mechanism_len;
	uint16_t binding_len;
	uint16_t certificate_len;
	uint16_t response_len;
	uint32_t has_response; /* the initial one: it may be empty */
	char mechanism[SASL_MECHANISM_MAX];
	char binding[SASL_BINDING_MAX];   /* channel binding data */
	char certificate[LOGIN_USER_MAX]; /* whom TLS showed it to be */
	char response[SASL_MESSAGE_MAX];
};

enum sasl_kind {
	SASL_CHALLENGE = 1,
	SASL_RESPONSE,
	SASL_CANCEL, /* empty: the client gave up */
	SASL_NAMES,  /* authentication name, NUL, authorization name or "" */
	SASL_TOKEN   /* checkpw's own: a bearer token for the checker */
};

struct sasl_message {
	uint32_t magic;
	uint16_t kind;
	uint16_t len;
	char bytes[SASL_MESSAGE_MAX];
};

struct sasl_account {
	uint32_t magic;
	uint16_t kind; /* enum checkpw_kind */
	uint16_t name_len;
	char name[LOGIN_USER_MAX]; /* "" for CHECKPW_NOBODY */
};

/* False if a part is longer than its place or no such thing. */
bool sasl_request_init(struct sasl_request *request, enum login_service service,
    struct span mechanism);
bool sasl_request_set_channel(
    struct sasl_request *request, struct span binding, struct span certificate);
bool sasl_request_set_response(
    struct sasl_request *request, struct span response);
void sasl_request_wipe(struct sasl_request *request);

struct span sasl_mechanism(const struct sasl_request *request);
struct span sasl_binding(const struct sasl_request *request);
struct span sasl_certificate(const struct sasl_request *request);
struct span sasl_response(const struct sasl_request *request);

bool sasl_send_request(int session, const struct sasl_request *request);
int sasl_receive_request(
    int session, struct sasl_request *request, int64_t timeout_ms);
bool sasl_parse_request(struct span bytes, struct sasl_request *request);

/* False with EMSGSIZE if bytes are over SASL_MESSAGE_MAX. */
bool sasl_send(int session, enum sasl_kind kind, struct span bytes);
int sasl_receive(int session, struct sasl_message *message, int64_t timeout_ms);
bool sasl_parse_message(struct span bytes, struct sasl_message *message);
struct span sasl_bytes(const struct sasl_message *message);
void sasl_message_wipe(struct sasl_message *message);

/* Are these such as a log and a path may have, and not too long? */
bool sasl_are_names(struct span authentication, struct span authorization);

/* The two names of SASL_NAMES; false if they are none. */
bool sasl_names(const struct sasl_message *message, struct span *authentication,
    struct span *authorization);
bool sasl_send_names(
    int session, struct span authentication, struct span authorization);

/* What the acceptor hears: a challenge, or the end. */
struct sasl_reply {
	bool is_answer;
	struct login_answer answer;
	struct sasl_message challenge;
};
int sasl_receive_reply(
    int session, struct sasl_reply *reply, int64_t timeout_ms);

/* What login's child hears of checkpw: names, a challenge, or the end. */
struct sasl_step {
	bool is_verdict;
	enum checkpw_verdict verdict;
	struct sasl_message message;
};
int sasl_receive_step(int session, struct sasl_step *step, int64_t timeout_ms);

bool sasl_send_account(int session, enum checkpw_kind kind, struct span name);
int sasl_receive_account(
    int session, struct sasl_account *account, int64_t timeout_ms);
bool sasl_parse_account(struct span bytes, struct sasl_account *account);
struct span sasl_account_name(const struct sasl_account *account);

#endif
