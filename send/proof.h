#ifndef SEND_PROOF_H
#define SEND_PROOF_H

/*
 * proof - the client's side of a SASL exchange, by libgsasl.
 *
 * Secrets  user and password are the caller's, and kept only until proof_end.
 */

#include <gsasl.h>

#include "base/buf.h"
#include "queue/remoteauth.h"

struct proof {
	Gsasl_session *sasl; /* NULL: none has begun */
	const char *user;
	const char *password;
	const char *binding; /* base64, or NULL */
	bool is_proven;
};

/* Before the jail; ends the program if it cannot be. */
Gsasl *proof_prepare(void);

/*
 * Begin with the best mechanism that the server offers and we know: SCRAM with
 * channel binding, SCRAM, CRAM-MD5, PLAIN, LOGIN.  The step's texts are
 * response's or constant.
 */
struct remoteauth_step proof_begin(struct proof *proof, Gsasl *library,
    struct span offered, struct buf *response);

/* Answer a challenge, base64 as it came. */
struct remoteauth_step proof_answer(
    struct proof *proof, struct span challenge, struct buf *response);

void proof_end(struct proof *proof);

#endif
