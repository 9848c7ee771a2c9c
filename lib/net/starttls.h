#ifndef NET_STARTTLS_H
#define NET_STARTTLS_H

/*
 * starttls - a session's process gives its client to tlsd and goes on with
 * plain bytes: tls(5).  A client's process does the same with its server.
 */

#include "base/io.h"
#include "queue/tls.h"

/*
 * Is there a TLS to be had? Ask before the client is told to begin.  False
 * after a log line.
 */
bool starttls_begin(int tls, const char *peer);

/*
 * Give the client away.  What was read from it before is thrown away: it was
 * not protected, and must not be taken for what is (RFC 3207 section 4.2).  On
 * success in and out are the plain bytes', with their timeouts as before, and
 * *facts tells of the session.  False after a log line: the connection is of
 * no use any more.
 */
bool starttls_take(int tls, const char *peer, struct reader *in,
    struct writer *out, struct tls_facts *facts);

enum starttls_result {
	STARTTLS_DONE,
	STARTTLS_FAILED,   /* the handshake; the connection is of no use */
	STARTTLS_NO_ANSWER /* nor is the session with tlsd */
};

/*
 * The same from the client's side, on a session with tlsd's client mode that
 * stays open for further connections; an own certificate is not shown.  On
 * failure *reason is what it says, and in and out are as they were.
 */
enum starttls_result starttls_connect(int tls,
    const struct tls_connect *connect, struct reader *in, struct writer *out,
    struct tls_facts *facts, char reason[TLS_REASON_MAX]);

/*
 * The channel binding data that SASL may use (RFC 9266): empty where there is
 * no TLS, or a client of TLS 1.2 whose session does not bind (RFC 7627).
 */
struct span starttls_binding(const struct tls_facts *facts);

#endif
