/*
 * odmr_test - odmr(5): what one side writes the other reads, what nobody wrote
 * is refused, and whose domain is whose.
 */

#include "queue/odmr.h"
#include "test.h"

static struct span
bytes_of(const char *text, size_t len)
{
	return (struct span){ text, len };
}

static void
test_request(void)
{
	const struct odmr_request wrote = { .account = span_of("alice@b.test"),
		.domains = span_of("a.test,b.test"),
		.server = span_of("mx.a.test[192.0.2.1]"),
		.tls = span_of("TLSv1.3") };
	struct odmr_request read;
	struct buf packet = buf_new(4096);

	odmr_add_request(&packet, &wrote);
	CHECK(
	    "a request is read", odmr_parse_request(buf_span(&packet), &read));
	CHECK("its account", span_equal(read.account, wrote.account));
	CHECK("its domains", span_equal(read.domains, wrote.domains));
	CHECK("its server", span_equal(read.server, wrote.server));
	CHECK("its TLS", span_equal(read.tls, wrote.tls));
	buf_free(&packet);
}

static void
test_no_request(void)
{
	static const struct {
		const char *label;
		const char *bytes;
		size_t len;
	} wrong[] = {
#define BYTES(text) text, sizeof(text) - 1
		{ "empty", BYTES("") },
		{ "no account", BYTES("A\0Da.test\0Sx[y]\0T\0") },
		{ "no server", BYTES("Aa\0Da.test\0S\0T\0") },
		{ "a record is missing", BYTES("Aa\0Da.test\0Sx[y]\0") },
		{ "no end", BYTES("Aa\0Da.test\0Sx[y]\0T") },
		{ "a line feed", BYTES("Aa\nb\0Da.test\0Sx[y]\0T\0") },
		{ "one in a domain", BYTES("Aa\0Da\n.test\0Sx[y]\0T\0") },
	};
	struct odmr_request read;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		CHECK(wrong[i].label,
		    !odmr_parse_request(
			bytes_of(wrong[i].bytes, wrong[i].len), &read));
	CHECK("all domains are no domain named",
	    odmr_parse_request(bytes_of(BYTES("Aa\0D\0Sx[y]\0T\0")), &read) &&
		read.domains.len == 0);
}

static void
test_answer(void)
{
	static const enum odmr_verdict all[] = { ODMR_TURNED, ODMR_NO_MAIL,
		ODMR_REFUSED, ODMR_LATER };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct buf packet = buf_new(16);

		odmr_add_answer(&packet, all[i]);
		CHECK("an answer is read",
		    odmr_parse_answer(buf_span(&packet)) == all[i]);
		buf_free(&packet);
	}
	CHECK("no answer turns nothing",
	    odmr_parse_answer(span_of("")) == ODMR_LATER);
	CHECK("nor does a strange one",
	    odmr_parse_answer(bytes_of(BYTES("VX\0"))) == ODMR_LATER);
}

static void
test_turned(void)
{
	struct buf packet = buf_new(64);
	struct odmr_turned turned = { .address = span_of("2001:db8::7"),
		.tls = span_of("TLSv1.3"),
		.cipher = span_of("TLS_AES_256_GCM_SHA384") };

	odmr_add_turned(&packet, &turned);
	turned = (struct odmr_turned){ .address = { NULL, 0 } };
	CHECK("a turned connection is read",
	    odmr_parse_turned(buf_span(&packet), &turned) &&
		span_equal(turned.address, span_of("2001:db8::7")) &&
		span_equal(turned.tls, span_of("TLSv1.3")) &&
		span_equal(turned.cipher, span_of("TLS_AES_256_GCM_SHA384")));
	CHECK("one in clear",
	    odmr_parse_turned(bytes_of(BYTES("A::1\0T\0C\0")), &turned) &&
		turned.tls.len == 0);
	CHECK("none without an address",
	    !odmr_parse_turned(bytes_of(BYTES("A\0T\0C\0")), &turned) &&
		!odmr_parse_turned(bytes_of(BYTES("B1\0T\0C\0")), &turned) &&
		!odmr_parse_turned(span_of(""), &turned));
	CHECK("nor half of TLS",
	    !odmr_parse_turned(bytes_of(BYTES("A::1\0Tx\0C\0")), &turned) &&
		!odmr_parse_turned(bytes_of(BYTES("A::1\0T\0Cx\0")), &turned));
	CHECK("nor what would break Received",
	    !odmr_parse_turned(
		bytes_of(BYTES("A::1\0Tx\0Cx\nTo: y\0")), &turned) &&
		!odmr_parse_turned(
		    bytes_of(BYTES("A::1\0Tx\0Cx y\0")), &turned));
	buf_free(&packet);
}

static void
test_domains(void)
{
	struct span items[] = { span_of("a.test: alice@b.test  joe"),
		span_of("c.test:joe"), span_of("a.test: ann") };
	const struct control_list list = { .items = items, .count = 3 };

	CHECK("a domain that is listed", odmr_has(&list, span_of("A.test")));
	CHECK("one that is not", !odmr_has(&list, span_of("b.a.test")));
	CHECK("nor is an empty one", !odmr_has(&list, span_of("")));
	CHECK("the first account",
	    odmr_allows(&list, span_of("a.test"), span_of("alice@b.test")));
	CHECK("the second",
	    odmr_allows(&list, span_of("a.test"), span_of("joe")));
	CHECK("one of a further line",
	    odmr_allows(&list, span_of("a.test"), span_of("ann")));
	CHECK("another's domain",
	    !odmr_allows(&list, span_of("c.test"), span_of("ann")));
	CHECK("a part of a name",
	    !odmr_allows(&list, span_of("a.test"), span_of("alice")));
}

int
main(void)
{
	test_request();
	test_no_request();
	test_answer();
	test_turned();
	test_domains();
	return test_result();
}
