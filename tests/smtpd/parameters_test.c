/*
 * parameters_test - smtpd/parameters.c: what needs TLS or a user, which no
 * wire test can have without them.
 */

#include "smtpd/session.h"

#include "test.h"

static const struct settings settings = { .size_max = 1000,
	.errors_max = UINT64_MAX,
	.hold_max_s = 86400,
	.by_min_s = 60,
	.priority_max = 4 };

static const struct {
	const char *parameters;
	bool is_tls;
	bool is_known;
	bool is_taken;
	const char *record; /* that it leaves, or NULL */
} cases[] = {
	{ "REQUIRETLS", true, false, true, "Q1" },
	{ "requiretls", true, true, true, "Q1" },
	{ "REQUIRETLS=1", true, false, false, NULL },
	{ "REQUIRETLS REQUIRETLS", true, false, false, NULL },
	{ "REQUIRETLS", false, true, false, NULL },
	{ "MT-PRIORITY=2", false, true, true, "P2" },
	{ "MT-PRIORITY=9", false, true, true, "P4" },
	{ "MT-PRIORITY=2", true, false, false, NULL },
	{ "HOLDFOR=5", true, false, false, NULL },
	{ "HOLDFOR=5", false, true, true, NULL },
	{ "BY=5;N", true, false, false, NULL },
	{ "BODY=BINARYMIME", false, false, true, "B8" },
	{ "RET=HDRS", false, false, true, "RH" },
};

static bool
is_as_told(size_t i)
{
	static struct session session;

	session = (struct session){ .settings = &settings,
		.is_tls = cases[i].is_tls,
		.records = buf_new(RECORDS_MAX),
		.user = buf_new(100) };
	writer_init(&session.out, -1, 1000);
	session.out.status = IO_ERROR; /* replies go nowhere */
	if (cases[i].is_known)
		buf_add_string(&session.user, "joe");
	bool is_taken =
	    take_mail_parameters(&session, span_of(cases[i].parameters));
	const char *record = cases[i].record;
	bool has_record =
	    record == NULL ||
	    (session.records.len == strlen(record) + 1 &&
		memcmp(session.records.data, record, strlen(record) + 1) == 0);
	buf_free(&session.records);
	buf_free(&session.user);
	return is_taken == cases[i].is_taken && has_record;
}

static void
test_bdat(void)
{
	uint64_t size = 0;
	bool is_last = false;

	CHECK("BDAT 0 LAST",
	    bdat_parse(span_of("0 LAST"), &size, &is_last) && is_last);
	CHECK("the largest",
	    bdat_parse(span_of("9223372036854775807"), &size, &is_last) &&
		size == INT64_MAX && !is_last);
	CHECK("one more",
	    !bdat_parse(span_of("9223372036854775808"), &size, &is_last));
	CHECK("nothing", !bdat_parse(span_of(""), &size, &is_last));
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK(cases[i].parameters, is_as_told(i));
	test_bdat();
	return test_result();
}
