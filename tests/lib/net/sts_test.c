/*
 * sts_test - MTA-STS's records and policies (RFC 8461), and what is none.
 */

#include "net/sts.h"
#include "net/sts_ask.h"
#include "test.h"

#define HEAD "version: STSv1\nmode: enforce\nmax_age: 86400\n"
#define X50  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct {
	const char *body;
	int mode; /* -1: no policy */
	uint64_t age;
	const char *patterns;
} policies[] = {
	{ HEAD "mx: mx.a.example\n", STS_ENFORCE, 86400, "mx: mx.a.example\n" },
	{ "version: STSv1\r\nmode: testing\r\nmx: A.Example\r\nmx:*.b.example "
	  "\r\nmax_age: 1\r\n",
	    STS_TESTING, 1, "mx: a.example\nmx: *.b.example\n" },
	{ "mode: none\nmax_age: 0\nversion: STSv1", STS_NONE, 0, "" },
	{ HEAD "mode: none\nmax_age: 5\nmx: a\nversion: STSv2\n", STS_ENFORCE,
	    86400, "mx: a\n" },
	{ HEAD "more: and more: \xc3\xa9\nmx: a\n\n", STS_ENFORCE, 86400,
	    "mx: a\n" },
	{ "version:STSv1\nmode:enforce\nmax_age:9999999999\nmx:a", STS_ENFORCE,
	    STS_AGE_MAX, "mx: a\n" },
	{ HEAD, -1, 0, "" },
	{ "", -1, 0, "" },
	{ "<html>", -1, 0, "" },
	{ "mode: enforce\nmax_age: 1\nmx: a\n", -1, 0, "" },
	{ "version: STSv2\nmode: enforce\nmax_age: 1\nmx: a\n", -1, 0, "" },
	{ "version: STSv1\nmax_age: 1\nmx: a\n", -1, 0, "" },
	{ "version: STSv1\nmode: Enforce\nmax_age: 1\nmx: a\n", -1, 0, "" },
	{ "version: STSv1\nmode: enforce\nmx: a\n", -1, 0, "" },
	{ "version: STSv1\nmode: enforce\nmax_age: -1\nmx: a\n", -1, 0, "" },
	{ "version: STSv1\nmode: enforce\nmax_age: 10000000000\nmx: a\n", -1, 0,
	    "" },
	{ HEAD "mx: a\nnonsense\n", -1, 0, "" },
	{ HEAD "mx: *.*.example\n", -1, 0, "" },
	{ HEAD "mx: *\n", -1, 0, "" },
	{ HEAD "mx: m*.example\n", -1, 0, "" },
	{ HEAD "mx:\n", -1, 0, "" },
	{ HEAD "mx: a b\n", -1, 0, "" },
	{ HEAD "mx: a..b\n", -1, 0, "" },
	{ HEAD "mx: \xc3\xa9.example\n", -1, 0, "" },
	{ HEAD "mx: " X50 X50 ".example\n", -1, 0, "" },
};

static const struct {
	const char *patterns;
	const char *host;
	bool is_admitted;
} hosts[] = {
	{ "mx: mx.a.example\n", "mx.a.example", true },
	{ "mx: mx.a.example\n", "MX.a.Example", true },
	{ "mx: mx.a.example\n", "mx.b.example", false },
	{ "mx: mx.a.example\n", "x.mx.a.example", false },
	{ "mx: *.a.example\n", "mx.a.example", true },
	{ "mx: *.a.example\n", "a.example", false },
	{ "mx: *.a.example\n", ".a.example", false },
	{ "mx: *.a.example\n", "x.mx.a.example", false },
	{ "mx: *.a.example\n", "mxa.example", false },
	{ "mx: b.example\nmx: *.a.example\n", "mx.a.example", true },
	{ "mx: b.example\nmx: *.a.example\n", "", false },
	{ "", "mx.a.example", false },
};

static const struct {
	const char *text;
	const char *id; /* NULL: none */
} records[] = {
	{ "v=STSv1; id=20160831085700Z;", "20160831085700Z" },
	{ "v=STSv1;id=1", "1" },
	{ "v=STSv1 ; x=y ; id=a1 ; id=b2;", "a1" },
	{ "v=STSv1; id=a; x=y=z", "a" },
	{ "v=STSv1; id=" X50, NULL },
	{ "v=STSv1; id=", NULL },
	{ "v=STSv1; id=a_b;", NULL },
	{ "v=STSv1; id", NULL },
	{ "v=STSv1;", NULL },
	{ "v=STSv1; x=y", NULL },
	{ "v=STSv1; id=a;; x=y", NULL },
	{ "v=STSv12; id=a", NULL },
	{ "V=STSv1; id=a", NULL },
	{ "id=a; v=STSv1", NULL },
	{ "", NULL },
};

static void
test_policies(void)
{
	for (size_t i = 0; i < sizeof(policies) / sizeof(*policies); i++) {
		struct sts_policy policy = sts_policy_new();
		struct sts_policy again = sts_policy_new();
		struct buf text = buf_new(STS_TEXT_MAX);
		bool is_one =
		    sts_parse_policy(span_of(policies[i].body), &policy);

		CHECK(policies[i].body, is_one == (policies[i].mode != -1));
		if (is_one) {
			CHECK(policies[i].body,
			    (int)policy.mode == policies[i].mode &&
				policy.max_age_s == policies[i].age &&
				span_equal(buf_span(&policy.patterns),
				    span_of(policies[i].patterns)));
			sts_add_policy(&text, &policy);
			CHECK("it is read as it is written",
			    sts_parse_policy(buf_span(&text), &again) &&
				again.mode == policy.mode &&
				again.max_age_s == policy.max_age_s &&
				span_equal(buf_span(&policy.patterns),
				    buf_span(&again.patterns)));
		}
		buf_free(&text);
		sts_policy_free(&policy);
		sts_policy_free(&again);
	}
}

static void
test_limits(void)
{
	struct sts_policy policy = sts_policy_new();
	struct buf body = buf_new(2 * STS_BODY_MAX);

	buf_add_string(&body, HEAD "mx: a\n");
	while (body.len < STS_BODY_MAX - 60)
		buf_add_string(&body, "x: " X50 "\n");
	CHECK("64 KiB", sts_parse_policy(buf_span(&body), &policy));
	buf_add_string(&body, "x: " X50 "\nx: " X50 "\n");
	CHECK("more than that", !sts_parse_policy(buf_span(&body), &policy));
	buf_clear(&body);
	buf_add_string(&body, HEAD);
	for (int i = 0; i < 200; i++)
		buf_add_string(&body, "mx: " X50 "\n");
	CHECK("patterns beyond 8 KiB",
	    !sts_parse_policy(buf_span(&body), &policy));
	buf_free(&body);
	sts_policy_free(&policy);
}

static void
test_hosts(void)
{
	for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++) {
		struct sts_policy policy = sts_policy_new();

		buf_add_string(&policy.patterns, hosts[i].patterns);
		CHECK(hosts[i].host,
		    sts_admits(&policy, span_of(hosts[i].host)) ==
			hosts[i].is_admitted);
		sts_policy_free(&policy);
	}
}

static void
test_records(void)
{
	for (size_t i = 0; i < sizeof(records) / sizeof(*records); i++) {
		struct span id = { "", 0 };
		bool has_id = sts_parse_record(span_of(records[i].text), &id);

		CHECK(records[i].text,
		    records[i].id == NULL
			? !has_id
			: has_id && span_equal(id, span_of(records[i].id)));
	}
}

static void
test_domains(void)
{
	static const char *const bad[] = { "", ".", "..", "a/b", "../x", ".a",
		"a.", "a..b", "\xc3\xa9.example", "[192.0.2.1]", "a b" };
	struct buf name = buf_new(300);

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(bad[i],
		    !sts_add_domain(&name, span_of(bad[i])) && name.len == 0);
	CHECK(
	    "a domain", sts_add_domain(&name, span_of("A.Example")) &&
			    span_equal(buf_span(&name), span_of("a.example")));
	buf_free(&name);
}

static void
test_asking(void)
{
	static struct packet packet;
	struct sts_policy policy = sts_policy_new();
	struct sts_request request = { span_of("a.example"), 7 };
	struct sts_request got;
	struct buf answer = buf_new(PACKET_MAX);
	int ends[2];

	CHECK("a pair", packet_pair(ends));
	CHECK("asked", sts_send(ends[0], &request) &&
			   packet_receive(ends[1], &packet) == 1 &&
			   sts_parse_request(packet_span(&packet), &got) &&
			   got.number == 7 &&
			   span_equal(got.domain, request.domain));
	sts_add_answer(&answer, 6, NULL);
	packet_send(ends[1], buf_span(&answer), NULL, 0);
	CHECK("a policy",
	    sts_parse_policy(span_of(HEAD "mx: a.example\n"), &policy));
	buf_clear(&answer);
	sts_add_answer(&answer, 7, &policy);
	packet_send(ends[1], buf_span(&answer), NULL, 0);
	CHECK("the answer to another question is passed over",
	    sts_hear(ends[0], 7, 1000, &packet, &policy) &&
		policy.mode == STS_ENFORCE &&
		sts_admits(&policy, span_of("a.example")));
	buf_clear(&answer);
	sts_add_answer(&answer, 8, NULL);
	packet_send(ends[1], buf_span(&answer), NULL, 0);
	CHECK("none", sts_hear(ends[0], 8, 1000, &packet, &policy) &&
			  policy.mode == STS_NONE);
	CHECK("no answer", !sts_hear(ends[0], 9, 10, &packet, &policy));
	sts_policy_free(&policy);
	buf_free(&answer);
}

int
main(void)
{
	test_policies();
	test_limits();
	test_hosts();
	test_records();
	test_domains();
	test_asking();
	return test_result();
}
