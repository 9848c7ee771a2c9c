#ifndef NET_SMTP_CLIENT_H
#define NET_SMTP_CLIENT_H

/*
 * smtp_client - the client's half of the SMTP wire: RFC 5321 section 4.2.
 *
 * Limits  a reply has at most SMTP_REPLY_LINES lines of SMTP_LINE_MAX bytes;
 *         of its text the first SMTP_TEXT_MAX bytes are kept.
 * Time    a reply has one deadline, however many lines it comes in.
 * Errors  smtp_read returns 0 when there is no reply: the connection is of no
 *         further use, and text says why.
 */

#include "base/io.h"

enum {
	SMTP_REPLY_LINES = 100,
	SMTP_LINE_MAX = 4096,
	SMTP_COMMAND_MAX = 2048,
	SMTP_TEXT_MAX = 400,
	SMTP_MECHANISMS_MAX = 1000
};

struct smtp_client {
	struct reader in;
	struct writer out;
	struct buf line;
	unsigned code;       /* of the last reply */
	char status[12];     /* its enhanced status code, "" if it has none */
	struct buf text;     /* the reply on one line, code included */
	int64_t deadline_ms; /* the caller's: of any reply, clock_ms; 0: none */
	bool is_lmtp;        /* the caller's: LHLO, RFC 2033 section 4.1 */
	bool is_hello;       /* the reply awaited is EHLO's: keywords follow */
	bool has_pipelining;
	bool has_8bitmime;
	bool has_chunking;
	bool has_smtputf8;
	bool has_size;
	bool has_dsn;
	bool has_deliverby;
	bool has_mt_priority;
	bool has_no_soliciting;
	bool has_starttls;
	bool has_requiretls;
	struct buf mechanisms; /* of AUTH, RFC 4954, spaces between */
	uint64_t size_max;     /* 0: none told; the same for those of LIMITS */
	uint64_t by_min_s;     /* DELIVERBY */
	uint64_t mails_max;
	uint64_t recipients_max;
};

void smtp_open(struct smtp_client *client, int fd);
void smtp_free(struct smtp_client *client);

/* Read one reply within timeout_ms: its code, 200 to 599, or 0. */
unsigned smtp_read(struct smtp_client *client, int64_t timeout_ms);

/* Put a command into the buffer; it goes out with the next smtp_read. */
void smtp_write(struct smtp_client *client, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * EHLO, or HELO where that is refused; sets what the server has.  Code of the
 * last reply, 0 if the connection failed.
 */
unsigned smtp_hello(
    struct smtp_client *client, const char *name, int64_t timeout_ms);

/*
 * Forget what hello said of this keyword; false if it is none of those that are
 * used.
 */
bool smtp_discard(struct smtp_client *client, struct span keyword);

/* The enhanced code of the last reply, or "CLASS.0.0" made from its code. */
const char *smtp_status(struct smtp_client *client);

#endif
