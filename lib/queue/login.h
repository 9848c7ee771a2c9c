#ifndef QUEUE_LOGIN_H
#define QUEUE_LOGIN_H

/*
 * login - how a client becomes a user: the records between a protocol's
 * acceptor, login and checkpw; login(5).
 *
 * Every record has one fixed size, a magic number, and lengths that are
 * checked before anything else is looked at; what is not used is zero.  Both
 * ends run on one host from one build, so numbers are the machine's own.
 *
 *   acceptor   login_hello    <-  login, when the session opens, and again
 *                                 when a relayed client's user has ended
 *              login_request  ->  with one descriptor, the client; none if the
 *                                 acceptor relays it
 *              login_answer   <-  then LOGIN_OK comes with one
 *              login_message  ->  SMTP only: before each message
 *              login_answer   <-
 *              SHARING_READ_URLS  ->  SMTP only: for BURL, queue/sharing.h
 *              sasl_request   ->  SMTP only: another log-in, after XCLIENT
 *   login      checkpw_request ->  one on each session with checkpw
 *              checkpw_answer  <-
 *
 * Secrets  a request holds one: login_request_wipe and checkpw_request_wipe,
 *          at once after its last use.
 * Errors   receive functions: 1, 0 the other end is closed, -1 with errno set
 *          (EBADMSG: not such a record; ETIMEDOUT).
 */

#include "base/buf.h"
#include "base/packet.h"

enum {
	LOGIN_USER_MAX = 320,
	LOGIN_SECRET_MAX = 512,
	LOGIN_CHALLENGE_MAX = 320,
	LOGIN_PEER_MAX = 64,
	LOGIN_INPUT_MAX = 4096,
	LOGIN_INPUT_FD = 3 /* unread input, as the logged-in program finds it */
};

enum login_service {
	LOGIN_POP3 = 1,
	LOGIN_IMAP = 2,
	LOGIN_SMTP = 3,
	LOGIN_SIEVE = 4,
	LOGIN_SERVICE_LAST = LOGIN_SIEVE
};

enum login_method {
	LOGIN_PASSWORD = 1, /* the secret is the password */
	LOGIN_APOP = 2,     /* RFC 1939 section 7: 32 hex digits */
	LOGIN_SASL = 3,     /* an exchange follows: queue/sasl.h */
	LOGIN_TOKEN = 4     /* between checkpw's parts: a bearer token */
};

enum login_verdict {
	LOGIN_OK = 1, /* the client is served by now: let go of it */
	LOGIN_NO,     /* wrong user, password or digest */
	LOGIN_LATER,  /* cannot tell now */
	LOGIN_FULL,   /* that account has too many sessions, or sent too much */
	LOGIN_PROVEN, /* after SASL: now hand the client over */
	LOGIN_CANCELLED, /* the client gave up */
	LOGIN_VERDICT_LAST = LOGIN_CANCELLED
};

/* What accounts of this host could use, bits of login_hello.offers. */
enum login_offer {
	LOGIN_OFFERS_SCRAM = 1, /* some account has SCRAM keys */
	LOGIN_OFFERS_DIGEST = 2 /* some account has a secret for CRAM-MD5 */
};

struct login_hello {
	uint32_t magic;
	uint32_t offers;
	uint32_t challenge_len; /* 0: APOP is not offered */
	char challenge[LOGIN_CHALLENGE_MAX];
};

/* The part without secret, which login's parent may look at. */
struct login_head {
	uint32_t magic;
	uint16_t service;
	uint16_t method;
	uint16_t user_len;
	uint16_t secret_len;
	uint16_t input_len;
	uint16_t peer_len;
	uint32_t is_relayed; /* the acceptor keeps the client: IMAP, SIEVE */
	unsigned char network[16]; /* the client's address, IPv4 mapped */
	char peer[LOGIN_PEER_MAX]; /* the same as text */
	char user[LOGIN_USER_MAX];
};

struct login_request {
	struct login_head head;
	char secret[LOGIN_SECRET_MAX];
	char input[LOGIN_INPUT_MAX]; /* read behind the log-in, not used */
};

struct login_answer {
	uint32_t magic;
	uint16_t verdict;
	uint16_t account_len;
	char account[LOGIN_USER_MAX]; /* of LOGIN_OK for SMTP; else empty */
};

/* SMTP after the log-in: may the account send this message? */
struct login_message {
	uint32_t magic;
	uint32_t recipients;
};

bool login_send_hello(int session, struct span challenge, unsigned offers);
int login_receive_hello(
    int session, struct login_hello *hello, int64_t timeout_ms);

/*
 * Start a request: false if a part is longer than its place.  secret and
 * input are added the same way.
 */
bool login_request_init(struct login_request *request,
    enum login_service service, enum login_method method, struct span user);
bool login_head_set_peer(
    struct login_head *head, struct span peer, const unsigned char network[16]);
bool login_request_set_secret(
    struct login_request *request, struct span secret);
bool login_request_set_input(struct login_request *request, struct span input);
void login_request_wipe(struct login_request *request);

struct span login_user(const struct login_head *head);
struct span login_peer(const struct login_head *head);
struct span login_secret(const struct login_request *request);
struct span login_input(const struct login_request *request);
struct span login_account(const struct login_answer *answer);

/* client is -1 if it is relayed. */
bool login_send_request(
    int session, const struct login_request *request, int client);

/*
 * After LOGIN_PROVEN: the client, and what it had sent already.  No client,
 * -1, if it is relayed, which the receiver compares with its request.
 */
bool login_send_handover(int session, struct span input, int client);
int login_receive_handover(
    int session, struct buf *input, int *client, int64_t timeout_ms);

bool login_send_message(int session, uint64_t recipients);
bool login_parse_message(struct span bytes, uint64_t *recipients);

/* The head alone, left in the session; never the secret.  As receive. */
int login_peek(int session, struct login_head *head);

/* The whole, and the client, which is the caller's then; -1 if relayed. */
int login_receive_request(
    int session, struct login_request *request, int *client);

/* Are the bytes a request? For login_receive_request and for tests. */
bool login_parse_request(struct span bytes, struct login_request *request);

bool login_send_answer(int session, enum login_verdict verdict);
bool login_send_account(int session, struct span account); /* LOGIN_OK */
int login_receive_answer(
    int session, enum login_verdict *verdict, int64_t timeout_ms);

/*
 * LOGIN_OK for who relays: the end of a pair whose other end the user's process
 * has for its client.  *connection is the caller's, -1 if none came.
 */
bool login_send_connection(int session, int connection);
int login_receive_connection(int session, enum login_verdict *verdict,
    int *connection, int64_t timeout_ms);

/* ---- login and checkpw ---- */

/* The kind of a session that checkpw's part that is mta-auth passes on. */
#define CHECKPW_FOR_PAM " pam"

enum checkpw_kind {
	CHECKPW_SYSTEM = 1, /* a user of this host: PAM */
	CHECKPW_VIRTUAL,    /* users/passwords */
	CHECKPW_NOBODY      /* no such user: refused, but as slowly */
};

enum checkpw_verdict {
	CHECKPW_OK = 1,
	CHECKPW_NO,
	CHECKPW_LATER,
	CHECKPW_CANCELLED /* the client gave up: SASL */
};

struct checkpw_request {
	uint32_t magic;
	uint16_t kind;
	uint16_t method; /* enum login_method */
	uint16_t user_len;
	uint16_t secret_len;
	uint16_t challenge_len;
	uint16_t peer_len;
	char peer[LOGIN_PEER_MAX];
	char user[LOGIN_USER_MAX]; /* the account's name, as lookup has it */
	char secret[LOGIN_SECRET_MAX];
	char challenge[LOGIN_CHALLENGE_MAX]; /* login's own */
};

struct checkpw_answer {
	uint32_t magic;
	uint32_t verdict;
};

bool checkpw_request_init(struct checkpw_request *request,
    enum checkpw_kind kind, enum login_method method, struct span user);
bool checkpw_request_set(struct checkpw_request *request, struct span secret,
    struct span challenge, struct span peer);
void checkpw_request_wipe(struct checkpw_request *request);

struct span checkpw_user(const struct checkpw_request *request);
struct span checkpw_peer(const struct checkpw_request *request);
struct span checkpw_secret(const struct checkpw_request *request);
struct span checkpw_challenge(const struct checkpw_request *request);

bool checkpw_send_request(int session, const struct checkpw_request *request);
int checkpw_receive_request(
    int session, struct checkpw_request *request, int64_t timeout_ms);
bool checkpw_parse_request(struct span bytes, struct checkpw_request *request);
bool checkpw_send_answer(int session, enum checkpw_verdict verdict);
int checkpw_receive_answer(
    int session, enum checkpw_verdict *verdict, int64_t timeout_ms);

#endif
