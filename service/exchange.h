#ifndef SERVICE_EXCHANGE_H
#define SERVICE_EXCHANGE_H

/*
 * exchange - the server's side of a SASL exchange, in a worker of checkpw: it
 * alone has the secrets, libgsasl alone knows the mechanisms.
 *
 * The other end of the session is login's child: it passes challenges and
 * responses on, and says whose account a name is.
 */

#include <gsasl.h>

#include "net/mechanisms.h"
#include "queue/sasl.h"
#include "service/judge.h"

struct exchanges {
	Gsasl *library;
	struct mechanisms mechanisms; /* control/authmechanisms */
	struct judge judge;
	const char *folder; /* of scram, scramsecret and apop */
};

/* Set the library up and read the settings: before the jail. */
void exchanges_prepare(struct exchanges *exchanges);

/*
 * Hold the exchange that request begins; the verdict is the caller's to send.
 * What is left in memory is to end with the process.
 */
enum checkpw_verdict exchange_run(const struct exchanges *exchanges,
    int session, const struct sasl_request *request);

#endif
