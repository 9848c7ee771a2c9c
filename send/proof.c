#include "send/proof.h"

#include <string.h>

#include "base/die.h"
#include "mail/base64.h"

/* The best first. */
static const struct mechanism {
	const char *name;
	bool is_bound;      /* to the TLS connection */
	bool begins;        /* the client does */
	bool proves_itself; /* the server must show that it knows the secret */
} known[] = {
	{ "SCRAM-SHA-256-PLUS", true, true, true },
	{ "SCRAM-SHA-256", false, true, true },
	{ "SCRAM-SHA-1-PLUS", true, true, true },
	{ "SCRAM-SHA-1", false, true, true },
	{ "CRAM-MD5", false, false, false },
	{ "PLAIN", false, true, false },
	{ "LOGIN", false, false, false },
};

static int
call_back(Gsasl *library, Gsasl_session *sasl, Gsasl_property name)
{
	const struct proof *proof = gsasl_session_hook_get(sasl);

	(void)library;
	switch ((int)name) {
	case GSASL_AUTHID:
		return gsasl_property_set(sasl, name, proof->user);
	case GSASL_PASSWORD:
		return gsasl_property_set(sasl, name, proof->password);
	case GSASL_CB_TLS_EXPORTER:
		return proof->binding == NULL
			   ? GSASL_NO_CALLBACK
			   : gsasl_property_set(sasl, name, proof->binding);
	default:
		return GSASL_NO_CALLBACK;
	}
}

Gsasl *
proof_prepare(void)
{
	Gsasl *library;

	if (gsasl_init(&library) != GSASL_OK)
		temp_fail("cannot set libgsasl up");
	gsasl_callback_set(library, call_back);
	return library;
}

static bool
is_offered(struct span offered, const char *name)
{
	while (offered.len > 0)
		if (span_equal_nocase(span_cut_word(&offered), span_of(name)))
			return true;
	return false;
}

static struct remoteauth_step
failed(const char *why)
{
	return (struct remoteauth_step){ .why = span_of(why) };
}

/* One step of the library; its answer as base64 in *response. */
static struct remoteauth_step
step(struct proof *proof, struct span input, struct buf *response)
{
	char *bytes = NULL;
	size_t len = 0;
	int code = gsasl_step(proof->sasl, input.ptr, input.len, &bytes, &len);

	buf_wipe(response);
	if (code != GSASL_OK && code != GSASL_NEEDS_MORE) {
		gsasl_free(bytes);
		return failed(gsasl_strerror(code));
	}
	base64_add(response, (struct span){ bytes == NULL ? "" : bytes, len });
	if (bytes != NULL)
		explicit_bzero(bytes, len);
	gsasl_free(bytes);
	proof->is_proven = code == GSASL_OK;
	if (response->overflow || response->len > REMOTEAUTH_TEXT_MAX)
		return failed("a response is too long");
	return (struct remoteauth_step){ .has_response = true,
		.response = buf_span(response),
		.is_proven = proof->is_proven };
}

struct remoteauth_step
proof_begin(struct proof *proof, Gsasl *library, struct span offered,
    struct buf *response)
{
	const struct mechanism *found = NULL;
	struct remoteauth_step begun = { .has_response = false };

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (found == NULL && is_offered(offered, known[i].name) &&
		    (proof->binding != NULL || !known[i].is_bound) &&
		    gsasl_client_support_p(library, known[i].name) == 1)
			found = &known[i];
	if (found == NULL)
		return failed("it offers no mechanism that we have");
	if (gsasl_client_start(library, found->name, &proof->sasl) != GSASL_OK)
		return failed("libgsasl cannot begin");
	gsasl_session_hook_set(proof->sasl, proof);
	/* libgsasl 2.2 refuses to begin unbound where it could bind. */
	if (!found->is_bound)
		proof->binding = NULL;
	if (found->begins)
		begun = step(proof, (struct span){ NULL, 0 }, response);
	begun.is_proven |= !found->proves_itself;
	begun.mechanism = span_of(found->name);
	return begun;
}

struct remoteauth_step
proof_answer(struct proof *proof, struct span challenge, struct buf *response)
{
	static char bytes[REMOTEAUTH_TEXT_MAX];
	size_t len;

	if (proof->sasl == NULL)
		return failed("no exchange has begun");
	if (!base64_decode(challenge, bytes, sizeof(bytes), &len))
		return failed("a challenge is no base64");
	if (proof->is_proven && len > 0)
		return failed("it asks for more than the mechanism has");
	if (proof->is_proven) { /* an empty line is what is left to say */
		buf_wipe(response);
		return (struct remoteauth_step){ .has_response = true,
			.response = span_of(""),
			.is_proven = true };
	}
	return step(proof, (struct span){ bytes, len }, response);
}

void
proof_end(struct proof *proof)
{
	if (proof->sasl != NULL)
		gsasl_finish(proof->sasl);
	*proof = (struct proof){ .sasl = NULL };
}
