#include "send/secure.h"

#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "mail/domain.h"
#include "mail/header.h"
#include "net/starttls.h"

enum {
	STARTTLS_TIMEOUT_MS = 300 * 1000
};

/* ---- what has to hold ---- */

/*
 * Our password goes to nobody but the host it is for, unless an administrator
 * wrote down otherwise; a message has no say in that.
 */
static void
protect_password(struct tls_policy *policy)
{
	if (!policy->is_named) {
		policy->level = TLS_LEVEL_VERIFY;
		policy->words = span_of("");
	} else if (policy->level == TLS_LEVEL_MAY) {
		policy->level = TLS_LEVEL_ENCRYPT;
	}
}

struct security
secure_want(const struct send_settings *settings, struct span domain,
    struct span host, bool is_known, const struct demand *demand)
{
	struct security want = { .host = host, .demand = demand };

	want.policy = tlspolicy_find(&settings->policies, domain, host);
	if (demand->login > 0)
		protect_password(&want.policy);
	else if (demand->need == NEED_OPTIONAL &&
		 want.policy.level > TLS_LEVEL_MAY)
		want.policy.level = TLS_LEVEL_MAY;
	if (want.policy.level == TLS_LEVEL_VERIFY)
		want.names = want.policy.words;
	if (demand->need != NEED_REQUIRED ||
	    want.policy.level == TLS_LEVEL_FINGERPRINT ||
	    want.policy.level == TLS_LEVEL_DANE)
		return want;
	/*
	 * RFC 8689 section 4.2.1: an MX record can be forged; the domain
	 * itself, or what an administrator wrote down, cannot.
	 */
	want.policy.level = TLS_LEVEL_VERIFY;
	if (want.names.len == 0 && !is_known)
		want.names = domain;
	return want;
}

/* RFC 8689 section 3; a header that is longer than that asks for nothing. */
static bool
has_tls_optional(const struct delivery *delivery, int fd)
{
	static char bytes[65536];
	size_t size = delivery->length < sizeof(bytes)
			  ? (size_t)delivery->length
			  : sizeof(bytes);
	ssize_t got = pread(fd, bytes, size, (off_t)delivery->offset);
	struct span value;

	return got > 0 &&
	       header_find(header_of((struct span){ bytes, (size_t)got }),
		   "TLS-Required", &value) &&
	       span_equal_nocase(span_trim(value), span_of("No"));
}

enum need
secure_need(const struct delivery *delivery, int fd, bool has_policies)
{
	/* Its report goes all the same: RFC 8689 section 5. */
	if (delivery->requires_tls)
		return delivery->sender.len > 0 ? NEED_REQUIRED : NEED_POLICY;
	return has_policies && has_tls_optional(delivery, fd) ? NEED_OPTIONAL
							      : NEED_POLICY;
}

static const char *
code_of(const struct security *want, const char *later, const char *failed)
{
	return want->demand->need == NEED_REQUIRED ? failed : later;
}

static bool
is_pinned(const struct connection *connection, const struct security *want)
{
	const struct tls_facts *facts = &connection->facts;

	return tlspolicy_has_digest(&want->policy, facts->certificate_digest) ||
	       tlspolicy_has_digest(&want->policy, facts->key_digest);
}

const char *
secure_fault(const struct connection *connection, const struct security *want,
    const char **why)
{
	const enum tls_level level = want->policy.level;

	if (level >= TLS_LEVEL_ENCRYPT && !connection->is_secure) {
		*why = "TLS is required, and not to be had";
		return code_of(want, "4.7.4", "5.7.10");
	}
	if ((*why = dane_fault(&connection->facts, want)) != NULL)
		return code_of(want, "4.7.5", "5.7.10");
	if ((level == TLS_LEVEL_VERIFY ||
		(want->is_strict &&
		    connection->facts.dane == TLS_DANE_UNUSABLE)) &&
	    !connection->facts.is_verified) {
		*why = connection->facts.distrust;
		return code_of(want, "4.7.5", "5.7.10");
	}
	if (level == TLS_LEVEL_FINGERPRINT && !is_pinned(connection, want)) {
		*why = "the certificate has not the fingerprint that it should";
		return code_of(want, "4.7.5", "5.7.10");
	}
	if (want->demand->need == NEED_REQUIRED &&
	    !connection->client.has_requiretls) {
		*why = "REQUIRETLS is not offered";
		return "5.7.30";
	}
	return NULL;
}

/* ---- STARTTLS ---- */

/* An address literal is no name: RFC 6066 section 3. */
static bool
is_name(struct span host)
{
	return host.len > 0 && host.ptr[0] != '[' && host.len < TLS_NAME_MAX &&
	       span_index(host, '.') < host.len && span_is_ascii(host) &&
	       header_is_safe(host);
}

static void
set_names(struct tls_connect *connect, const struct security *want)
{
	struct span host = domain_without_dot(want->host);
	struct span names = domain_without_dot(want->names);

	if (is_name(host))
		memcpy(connect->server_name, host.ptr, host.len);
	if (names.len == 0 && is_name(host))
		names = host;
	if (names.len > 0 && names.len < sizeof(connect->names) &&
	    span_is_ascii(names) &&
	    (want->names.len == 0 || header_is_safe(names)))
		memcpy(connect->names, names.ptr, names.len);
	if (want->tlsa.len < sizeof(connect->tlsa))
		memcpy(connect->tlsa, want->tlsa.ptr, want->tlsa.len);
}

static const char *
verified(const struct tls_facts *facts)
{
	if (!facts->is_verified)
		return facts->distrust;
	return facts->dane == TLS_DANE_VERIFIED ? "dane" : "yes";
}

void
secure_log(const struct connection *connection, const struct queue_id *id)
{
	const struct tls_facts *facts = &connection->facts;

	const char *has_login =
	    connection->mechanism[0] == '\0' ? "" : " auth=";

	if (connection->is_secure)
		log_event("%s tls=%s cipher=%s verified=%s%s%s%s server=%s",
		    id->text, facts->protocol, facts->cipher, verified(facts),
		    facts->dane == TLS_DANE_UNUSABLE ? " dane=unusable" : "",
		    has_login, connection->mechanism, connection->server);
	else
		log_event("%s tls=none%s%s server=%s", id->text, has_login,
		    connection->mechanism, connection->server);
}

static enum secure_result
no_tls(struct connection *connection, const char *reason)
{
	log_event("no tls server=%s reason=%s", connection->server, reason);
	connection->client.code = 0;
	buf_clear(&connection->client.text);
	buf_add_string(&connection->client.text, reason);
	return SECURE_BROKEN;
}

enum secure_result
secure_handshake(struct connection *connection, const struct helpers *helpers,
    const struct security *want)
{
	struct smtp_client *client = &connection->client;
	struct tls_connect connect = { 0 };
	char reason[TLS_REASON_MAX];

	if (helpers->tls == -1)
		return no_tls(connection, "there is no tlsd");
	set_names(&connect, want);
	switch (starttls_connect(helpers->tls, &connect, &client->in,
	    &client->out, &connection->facts, reason)) {
	case STARTTLS_NO_ANSWER:
		temp_fail("tlsd does not answer");
	case STARTTLS_FAILED:
		return no_tls(connection, reason);
	case STARTTLS_DONE:
		break;
	}
	connection->fd = client->in.fd;
	connection->is_secure = true;
	return SECURE_DONE;
}

enum secure_result
secure_start(struct connection *connection, const struct helpers *helpers,
    const struct security *want)
{
	struct smtp_client *client = &connection->client;

	if (helpers->tls == -1 || !client->has_starttls ||
	    want->policy.level == TLS_LEVEL_NONE)
		return SECURE_NOT;
	smtp_write(client, "STARTTLS");
	unsigned code = smtp_read(client, STARTTLS_TIMEOUT_MS);
	if (code == 0)
		return no_tls(connection, "no answer to STARTTLS");
	if (code != 220) {
		connection->is_fallback = true;
		return SECURE_NOT;
	}
	/* Nobody says more than 220 before the handshake: RFC 3207, 5. */
	if (reader_has_buffered(&client->in))
		return no_tls(connection, "bytes after the 220");
	return secure_handshake(connection, helpers, want);
}
