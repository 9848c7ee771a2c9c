#include "service/tls_dane.h"

#include "base/die.h"
#include "net/tlsa.h"

enum {
	USAGE_DANE_TA = 2,
	USAGE_DANE_EE = 3
};

/*
 * Usages PKIX-TA and PKIX-EE are of no use for mail, as nobody can tell which
 * authorities another host trusts (RFC 7672 section 3.1.3); of what else is
 * unknown or broken OpenSSL knows.
 */
static bool
add_record(SSL *ssl, struct span text)
{
	static struct tlsa tlsa;

	if (!tlsa_parse(text, &tlsa) ||
	    (tlsa.usage != USAGE_DANE_TA && tlsa.usage != USAGE_DANE_EE))
		return false;
	int added = SSL_dane_tlsa_add(
	    ssl, tlsa.usage, tlsa.selector, tlsa.matching, tlsa.data, tlsa.len);
	if (added < 0)
		temp_fail("out of memory");
	return added == 1;
}

void
tls_dane_begin(SSL *ssl, const struct tls_connect *connect)
{
	static enum tls_dane records; /* a process has one connection */
	struct span rest = span_of(connect->tlsa);
	const char *base = connect->server_name;

	if (rest.len == 0)
		return;
	if (SSL_dane_enable(ssl, base[0] == '\0' ? NULL : base) != 1)
		temp_fail("out of memory");
	/* DANE-EE is about a key, not about names: RFC 7672 section 3.1.1. */
	SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
	records = TLS_DANE_UNUSABLE;
	while (rest.len > 0)
		if (add_record(ssl, span_cut(&rest, ',')))
			records = TLS_DANE_REFUSED; /* until it is shown */
	SSL_set_app_data(ssl, &records);
}

enum tls_dane
tls_dane_result(SSL *ssl)
{
	const enum tls_dane *records = SSL_get_app_data(ssl);

	if (records == NULL)
		return TLS_DANE_NONE;
	if (*records == TLS_DANE_REFUSED &&
	    SSL_get_verify_result(ssl) == X509_V_OK &&
	    SSL_get0_dane_authority(ssl, NULL, NULL) >= 0)
		return TLS_DANE_VERIFIED;
	return *records;
}
