/*
 * keyd - hold the private keys and the sessions to resume; sign for tlsd.
 *
 * started by  service/NAME/run, as a neighbour of tlsd
 * uid         mta-key; refuses to be root
 * fd 0        the control pair with tlsd, tls(5); sessions open over it
 * fd 2        the log
 * reads       /var/mta/tls/NAME.pem, each again when it changes
 * writes      nothing
 * runs        nothing
 * exits       0 the control pair closed; EX_USAGE; EX_NOPERM if root
 */

#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/die.h"
#include "base/paths.h"
#include "base/sandbox.h"
#include "queue/neighbour.h"
#include "queue/sessions.h"
#include "service/keyring.h"
#include "service/resumption.h"

static const char usage[] =
    "usage: keyd   (by service/NAME/run, as a neighbour of tlsd)";

struct keyd {
	struct keyring ring;
	struct keyring before;
	struct resumption sessions;
	struct key_request request;
	struct key_answer answer;
};

/*
 * The certificate that is asked for; true when there is none of that number,
 * or the asker has them all: then an answer ends the list.
 */
static bool
list(struct keyd *keyd, int session)
{
	const struct keyring *ring = &keyd->ring;
	uint32_t index = keyd->request.index;

	if (index == 0)
		keyring_refresh(&keyd->ring, &keyd->before, MTA_TLS);
	keyd->answer.is_good = 1;
	keyd->answer.generation = ring->generation;
	if (index >= ring->count ||
	    keyd->request.generation == ring->generation)
		return true;
	key_send_certificate(session, &ring->entries[index]->certificate);
	return false;
}

static void
answer_request(struct keyd *keyd)
{
	switch ((enum key_operation)keyd->request.operation) {
	case KEY_LIST:
		break;
	case KEY_SIGN_RSA_PKCS1:
	case KEY_SIGN_RSA_PSS:
	case KEY_SIGN_ECDSA:
		keyring_sign(&keyd->ring, &keyd->request, &keyd->answer);
		if (!keyd->answer.is_good)
			keyring_sign(
			    &keyd->before, &keyd->request, &keyd->answer);
		break;
	case KEY_STORE:
		resumption_store(&keyd->sessions, &keyd->request);
		break;
	case KEY_FETCH:
		resumption_fetch(
		    &keyd->sessions, keyd->request.id, &keyd->answer);
		break;
	}
}

/* Certificates go to tlsd's parent alone: sessions are its children's. */
static bool
handle(void *context, int session, struct packet *packet, uint64_t before)
{
	struct keyd *keyd = context;

	if (!key_parse_request(packet_span(packet), &keyd->request))
		return false;
	keyd->answer =
	    (struct key_answer){ .operation = keyd->request.operation,
		    .serial = keyd->request.serial };
	bool is_list = keyd->request.operation == KEY_LIST;
	if (is_list != (session == NEIGHBOUR_SELF) ||
	    (!is_list && before >= KEY_REQUESTS_MAX))
		return false;
	if (is_list && !list(keyd, session))
		return true;
	answer_request(keyd);
	/* Nobody waits to hear that a session was stored. */
	bool is_sent = keyd->request.operation == KEY_STORE ||
		       key_send_answer(session, &keyd->answer);
	explicit_bzero(keyd->request.bytes, keyd->request.len);
	explicit_bzero(keyd->answer.bytes, keyd->answer.len);
	explicit_bzero(packet->bytes, packet->len);
	return is_sent;
}

int
main(int argc, char **argv)
{
	static struct keyd keyd;
	int type;
	socklen_t len = sizeof(type);

	program_name("keyd");
	if (argc == 2 && strcmp(argv[1], "-h") == 0)
		return puts(usage) == EOF ? EX_IOERR : EX_OK;
	if (argc != 1 ||
	    getsockopt(NEIGHBOUR_SELF, SOL_SOCKET, SO_TYPE, &type, &len) == -1)
		die(EX_USAGE, "%s", usage);
	require_unprivileged();
	signal(SIGPIPE, SIG_IGN);
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	struct sessions *sessions = sessions_open(handle, &keyd);
	sandbox_enter(SANDBOX_READ_FILES);
	keyring_refresh(&keyd.ring, &keyd.before, MTA_TLS);
	sessions_serve(sessions);
	keyring_free(&keyd.ring);
	keyring_free(&keyd.before);
	return EX_OK;
}
