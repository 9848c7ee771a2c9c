#include "service/exchange_state.h"

#include <stdio.h>
#include <string.h>

#include "base/die.h"
#include "base/paths.h"
#include "mail/base64.h"
#include "service/verify.h"

enum {
	ACCOUNT_TIMEOUT_MS = 120000, /* login's child may wait out a delay */
	RESPONSE_TIMEOUT_MS = 120000,
	STEPS_MAX = 8,
	PATH_MAX_LEN = 256
};

/* ---- whose account ---- */

void
exchange_ask_account(struct exchange *exchange, struct span authentication,
    struct span authorization)
{
	if (exchange->has_account)
		return;
	exchange->has_account = true;
	exchange->account.kind = CHECKPW_NOBODY;
	buf_add(&exchange->name, authentication);
	if (sasl_are_names(authentication, authorization) &&
	    (!sasl_send_names(
		 exchange->session, authentication, authorization) ||
		sasl_receive_account(exchange->session, &exchange->account,
		    ACCOUNT_TIMEOUT_MS) != 1)) {
		exchange->is_later = true;
		exchange->account.kind = CHECKPW_NOBODY;
	}
	if (exchange->account.kind == CHECKPW_NOBODY)
		exchange->is_refused = true;
}

void
exchange_ask_owner(struct exchange *exchange, struct span owner)
{
	struct buf wanted = exchange->name;

	exchange->name = buf_new(LOGIN_USER_MAX);
	exchange->has_account = false;
	exchange->is_refused = false;
	exchange_ask_account(exchange, owner, buf_span(&wanted));
	buf_free(&wanted);
}

static struct span
property(Gsasl_session *sasl, Gsasl_property name)
{
	const char *value = gsasl_property_fast(sasl, name);

	return span_of(value == NULL ? "" : value);
}

struct judged
exchange_judged(const struct exchange *exchange)
{
	bool is_nobody = exchange->account.kind == CHECKPW_NOBODY;

	return (
	    struct judged){ .kind = (enum checkpw_kind)exchange->account.kind,
		.account = is_nobody ? buf_span(&exchange->name)
				     : sasl_account_name(&exchange->account),
		.peer = login_peer(&exchange->request->head) };
}

static int
code_of(struct exchange *exchange, enum checkpw_verdict verdict)
{
	if (verdict == CHECKPW_LATER)
		exchange->is_later = true;
	return verdict == CHECKPW_OK ? GSASL_OK : GSASL_AUTHENTICATION_ERROR;
}

/* ---- what the library asks ---- */

/* LOGIN */
static int
check_password(struct exchange *exchange, Gsasl_session *sasl)
{
	return code_of(exchange,
	    exchange_judge_password(exchange, property(sasl, GSASL_AUTHID),
		span_of(""), property(sasl, GSASL_PASSWORD)));
}

static int
check_certificate(struct exchange *exchange, Gsasl_session *sasl)
{
	struct span name = sasl_certificate(exchange->request);

	if (name.len == 0)
		return GSASL_AUTHENTICATION_ERROR;
	exchange_ask_account(exchange, name, property(sasl, GSASL_AUTHZID));
	return exchange->is_refused ? GSASL_AUTHENTICATION_ERROR : GSASL_OK;
}

/* The line that a table has for the account; empty for nobody. */
static struct buf
read_secret(struct exchange *exchange, const char *table)
{
	struct buf value = buf_new(VERIFY_LINE_MAX);
	char path[PATH_MAX_LEN];

	snprintf(path, sizeof(path), "%s/%s", exchange->all->folder, table);
	if (!verify_read(path, sasl_account_name(&exchange->account), &value)) {
		warn_errno("cannot read %s", path);
		exchange->is_later = true;
	}
	return value;
}

/* The keys of one who has none: this host's, but never right. */
static void
fake_keys(struct exchange *exchange, struct span mechanism)
{
	struct buf secret = buf_new(SCRAM_SECRET_BYTES + 1);
	struct buf name = buf_new(LOGIN_USER_MAX);
	char path[PATH_MAX_LEN];

	exchange->is_refused = true;
	for (size_t i = 0; i < exchange->name.len; i++)
		buf_add_char(&name, ascii_lower(exchange->name.data[i]));
	snprintf(path, sizeof(path), "%s/scramsecret", exchange->all->folder);
	if (!scram_read_secret(path, &secret) ||
	    !scram_fake(buf_span(&secret), mechanism, buf_span(&name),
		&exchange->keys)) {
		log_event("no %s of %d bytes: run mtactl init", path,
		    SCRAM_SECRET_BYTES);
		exchange->is_later = true;
	}
	buf_wipe(&secret);
	buf_free(&secret);
	buf_free(&name);
}

/* SCRAM's mechanism without "-PLUS". */
static struct span
base_mechanism(const struct exchange *exchange)
{
	static const char plus[] = "-PLUS";
	struct span name = sasl_mechanism(exchange->request);
	size_t len =
	    name.len < sizeof(plus) ? name.len : name.len - (sizeof(plus) - 1);

	return span_equal(span_slice(name, len, name.len), span_of(plus))
		   ? span_slice(name, 0, len)
		   : name;
}

static void
find_keys(struct exchange *exchange, Gsasl_session *sasl)
{
	struct span mechanism = base_mechanism(exchange);

	if (exchange->has_keys)
		return;
	exchange->has_keys = true;
	exchange_ask_account(exchange, property(sasl, GSASL_AUTHID),
	    property(sasl, GSASL_AUTHZID));
	struct buf line = read_secret(exchange, "scram");
	if (!scram_parse(buf_span(&line), mechanism, &exchange->keys))
		fake_keys(exchange, mechanism);
	buf_wipe(&line);
	buf_free(&line);
}

static int
give_keys(struct exchange *exchange, Gsasl_session *sasl, Gsasl_property name)
{
	const struct scram_keys *keys = &exchange->keys;

	find_keys(exchange, sasl);
	if (exchange->is_later)
		return GSASL_AUTHENTICATION_ERROR;
	return gsasl_property_set(sasl, name,
	    name == GSASL_SCRAM_ITER        ? keys->iterations
	    : name == GSASL_SCRAM_SALT      ? keys->salt
	    : name == GSASL_SCRAM_STOREDKEY ? keys->stored_key
					    : keys->server_key);
}

/* CRAM-MD5: the secret itself; for those without one, one that is refused. */
static int
give_secret(struct exchange *exchange, Gsasl_session *sasl)
{
	if (!span_equal(sasl_mechanism(exchange->request), span_of("CRAM-MD5")))
		return GSASL_NO_CALLBACK;
	exchange_ask_account(
	    exchange, property(sasl, GSASL_AUTHID), span_of(""));
	struct buf secret = read_secret(exchange, "apop");
	if (secret.len == 0) {
		exchange->is_refused = true;
		buf_add_string(&secret, "nobody");
	}
	int code = gsasl_property_set_raw(
	    sasl, GSASL_PASSWORD, secret.data, secret.len);
	buf_wipe(&secret);
	buf_free(&secret);
	return exchange->is_later ? GSASL_AUTHENTICATION_ERROR : code;
}

/* Could the client have bound this exchange to its channel? */
static bool
offers_plus(const struct exchange *exchange)
{
	const struct mechanisms_channel channel = { .has_binding = true,
		.offers = LOGIN_OFFERS_SCRAM };
	struct buf plus = buf_new(2 * (size_t)SASL_MECHANISM_MAX);

	buf_add(&plus, base_mechanism(exchange));
	buf_add_string(&plus, "-PLUS");
	bool is_offered = sasl_binding(exchange->request).len > 0 &&
			  mechanisms_has(&exchange->all->mechanisms, &channel,
			      buf_span(&plus));
	buf_free(&plus);
	return is_offered;
}

static int
give_binding(struct exchange *exchange, Gsasl_session *sasl)
{
	struct buf text = buf_new(2 * (size_t)SASL_BINDING_MAX);
	int code = GSASL_NO_CALLBACK;

	base64_add(&text, sasl_binding(exchange->request));
	if (offers_plus(exchange))
		code = gsasl_property_set(
		    sasl, GSASL_CB_TLS_EXPORTER, buf_string(&text));
	buf_free(&text);
	return code;
}

static int
call_back(Gsasl *library, Gsasl_session *sasl, Gsasl_property name)
{
	struct exchange *exchange = gsasl_session_hook_get(sasl);

	(void)library;
	switch ((int)name) {
	case GSASL_VALIDATE_SIMPLE:
		return check_password(exchange, sasl);
	case GSASL_VALIDATE_EXTERNAL:
		return check_certificate(exchange, sasl);
	case GSASL_SCRAM_ITER:
	case GSASL_SCRAM_SALT:
	case GSASL_SCRAM_STOREDKEY:
	case GSASL_SCRAM_SERVERKEY:
		return give_keys(exchange, sasl, name);
	case GSASL_PASSWORD:
		return give_secret(exchange, sasl);
	case GSASL_CB_TLS_EXPORTER:
		return give_binding(exchange, sasl);
	default:
		return GSASL_NO_CALLBACK;
	}
}

/* ---- steps ---- */

enum checkpw_verdict
exchange_challenge(
    struct exchange *exchange, struct span bytes, struct sasl_message *response)
{
	if (!sasl_send(exchange->session, SASL_CHALLENGE, bytes) ||
	    sasl_receive(exchange->session, response, RESPONSE_TIMEOUT_MS) != 1)
		return CHECKPW_LATER;
	if (response->kind == SASL_CANCEL)
		return CHECKPW_CANCELLED;
	return response->kind == SASL_RESPONSE ? CHECKPW_OK : CHECKPW_LATER;
}

/* LOGIN has no standard; these are the words that its clients know. */
static struct span
words_of(const struct exchange *exchange, struct span output)
{
	if (!span_equal(sasl_mechanism(exchange->request), span_of("LOGIN")) ||
	    output.len == 0)
		return output;
	return span_of(output.ptr[0] == 'U' ? "Username:" : "Password:");
}

/*
 * RFC 5802 section 6: "y" is a client that could bind but saw no -PLUS among
 * the mechanisms; if there was one, somebody has taken it off the list.
 */
static bool
is_downgraded(const struct exchange *exchange, struct span input)
{
	return input.len > 1 && span_starts(input, span_of("y,")) &&
	       span_starts(base_mechanism(exchange), span_of("SCRAM-")) &&
	       offers_plus(exchange);
}

/*
 * The steps of the library, from the client's first bytes, which may be none.
 * After success there may be words left for the client: it answers with an
 * empty line.
 */
static enum checkpw_verdict
run_steps(struct exchange *exchange, Gsasl_session *sasl, struct span input)
{
	static struct sasl_message response; /* large */
	enum checkpw_verdict got = CHECKPW_OK;
	int code = GSASL_NEEDS_MORE;

	for (int i = 0; i < STEPS_MAX && code == GSASL_NEEDS_MORE; i++) {
		char *bytes = NULL;
		size_t len = 0;

		if (is_downgraded(exchange, input))
			return CHECKPW_NO;
		code = gsasl_step(sasl, input.ptr, input.len, &bytes, &len);
		struct span output = words_of(
		    exchange, (struct span){ bytes == NULL ? "" : bytes, len });
		bool is_due = code == GSASL_NEEDS_MORE ||
			      (code == GSASL_OK && output.len > 0);
		if (is_due && !exchange->is_later)
			got = exchange_challenge(exchange, output, &response);
		gsasl_free(bytes);
		if (got != CHECKPW_OK || exchange->is_later)
			break;
		input = sasl_bytes(&response);
	}
	sasl_message_wipe(&response);
	if (exchange->is_later)
		return CHECKPW_LATER;
	if (got != CHECKPW_OK)
		return got;
	return code == GSASL_OK && exchange->has_account &&
		       !exchange->is_refused
		   ? CHECKPW_OK
		   : CHECKPW_NO;
}

/* Old clients send LOGIN's name at once: pass over the question for it. */
static bool
skip_question(Gsasl_session *sasl)
{
	char *bytes = NULL;
	size_t len;
	int code = gsasl_step(sasl, NULL, 0, &bytes, &len);

	gsasl_free(bytes);
	return code == GSASL_NEEDS_MORE;
}

/* May the client begin with this? The library would ask once more. */
static bool
is_good_beginning(const struct sasl_request *request)
{
	struct span mechanism = sasl_mechanism(request);

	if (request->has_response == 0 ||
	    span_equal(mechanism, span_of("EXTERNAL")))
		return true;
	return request->response_len > 0 &&
	       !span_equal(mechanism, span_of("CRAM-MD5"));
}

static enum checkpw_verdict
run_library(struct exchange *exchange)
{
	const struct sasl_request *request = exchange->request;
	struct span mechanism = sasl_mechanism(request);
	bool has_response = request->has_response != 0;
	struct span input = { has_response ? request->response : NULL,
		request->response_len };
	char name[SASL_MECHANISM_MAX + 1] = "";
	enum checkpw_verdict verdict = CHECKPW_NO;
	Gsasl_session *sasl;

	memcpy(name, mechanism.ptr, mechanism.len);
	if (gsasl_server_start(exchange->all->library, name, &sasl) !=
	    GSASL_OK) {
		log_event("this libgsasl has no %s", name);
		return CHECKPW_LATER;
	}
	gsasl_session_hook_set(sasl, exchange);
	if (is_good_beginning(request) &&
	    (!has_response || !span_equal(mechanism, span_of("LOGIN")) ||
		skip_question(sasl)))
		verdict = run_steps(exchange, sasl, input);
	gsasl_finish(sasl);
	return verdict;
}

/* ---- all of it ---- */

void
exchanges_prepare(struct exchanges *exchanges)
{
	exchanges->folder = MTA_USERS;
	mechanisms_read(&exchanges->mechanisms);
	judge_prepare(&exchanges->judge);
	if (gsasl_init(&exchanges->library) != GSASL_OK)
		temp_fail("cannot set libgsasl up");
	gsasl_callback_set(exchanges->library, call_back);
}

enum checkpw_verdict
exchange_run(const struct exchanges *exchanges, int session,
    const struct sasl_request *request)
{
	static struct exchange exchange; /* large */
	struct span mechanism = sasl_mechanism(request);
	const struct mechanisms_channel channel = {
		.has_binding = request->binding_len > 0,
		.has_certificate = request->certificate_len > 0,
		.offers = LOGIN_OFFERS_SCRAM | LOGIN_OFFERS_DIGEST
	};
	exchange = (struct exchange){ .all = exchanges,
		.request = request,
		.session = session,
		.name = buf_new(LOGIN_USER_MAX) };
	if (!mechanisms_has(&exchanges->mechanisms, &channel, mechanism))
		return CHECKPW_NO;
	enum checkpw_verdict verdict = exchange_is_direct(mechanism)
					   ? exchange_run_direct(&exchange)
					   : run_library(&exchange);
	scram_wipe(&exchange.keys);
	buf_free(&exchange.name);
	return verdict;
}
