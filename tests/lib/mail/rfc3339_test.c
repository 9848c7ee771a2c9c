/*
 * rfc3339_test - lib/mail/rfc3339.c: date-times that are, and that are not.
 */

#include "mail/rfc3339.h"

#include "test.h"

static const struct {
	const char *text;
	int64_t seconds; /* -1: not one */
} dates[] = {
	{ "1970-01-01T00:00:00Z", 0 },
	{ "2026-11-25T03:14:15Z", 1795576455 },
	{ "2026-11-25t03:14:15z", 1795576455 },
	{ "2026-11-25T04:14:15+01:00", 1795576455 },
	{ "2026-11-24T21:44:15.999999-05:30", 1795576455 },
	{ "2024-02-29T00:00:00Z", 1709164800 },
	{ "2100-03-01T00:00:00Z", 4107542400 },
	{ "2016-12-31T23:59:60Z", 1483228800 },
	{ "9999-12-31T23:59:59-23:59", 253402387139 },
	{ "2023-02-29T00:00:00Z", -1 },
	{ "2026-13-01T00:00:00Z", -1 },
	{ "2026-00-01T00:00:00Z", -1 },
	{ "2026-11-31T00:00:00Z", -1 },
	{ "2026-11-25T24:00:00Z", -1 },
	{ "2026-11-25T03:14:15", -1 },
	{ "2026-11-25T03:14:15.Z", -1 },
	{ "2026-11-25T03:14:15+1:00", -1 },
	{ "2026-11-25T03:14:15+24:00", -1 },
	{ "2026-11-25T03:14:15ZZ", -1 },
	{ "2026-11-25", -1 },
	{ "26-11-25T03:14:15Z", -1 },
	{ "1969-12-31T23:59:59Z", -1 },
	{ "1970-01-01T00:00:00+00:01", -1 },
	{ "+026-11-25T03:14:15Z", -1 },
	{ "", -1 },
};

int
main(void)
{
	struct buf text = buf_new(64);

	for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
		int64_t seconds = -1;
		bool is_date = rfc3339_parse(span_of(dates[i].text), &seconds);

		CHECK(dates[i].text, is_date == (dates[i].seconds != -1) &&
					 seconds == dates[i].seconds);
	}
	rfc3339_add(&text, 1795576455);
	CHECK("written",
	    span_equal(buf_span(&text), span_of("2026-11-25T03:14:15Z")));
	buf_free(&text);
	return test_result();
}
