#include "queue/guarding.h"

#include "test.h"

static const struct {
	const char *line;
	bool is_good;
	const char *zone;
	unsigned low;
	unsigned high;
	int weight;
} cases[] = {
	{ "zen.example 10", true, "zen.example", 1, 255, 10 },
	{ "zen.example -3", true, "zen.example", 1, 255, -3 },
	{ "zen.example    7", true, "zen.example", 1, 255, 7 },
	{ "zen.example=127.0.0.2 7", true, "zen.example", 2, 2, 7 },
	{ "zen.example=127.0.0.4-11 7", true, "zen.example", 4, 11, 7 },
	{ "a_b-c.example 0", true, "a_b-c.example", 1, 255, 0 },
	{ .line = "zen.example" },
	{ .line = "zen.example ten" },
	{ .line = "zen.example 1001" },
	{ .line = "zen.example +1" },
	{ .line = "zen.example=127.0.0.256 7" },
	{ .line = "zen.example=127.0.0.9-4 7" },
	{ .line = "zen.example=127.0.0. 7" },
	{ .line = "zen.example=127.0.0.4- 7" },
	{ .line = "zen.example=10.0.0.2 7" },
	{ .line = "zen..example 7" },
	{ .line = ".example 7" },
	{ .line = "example. 7" },
	{ .line = "zen/example 7" },
	{ .line = " 7" },
	{ .line = "" },
};

int
main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dnsbl list;
		bool is_good = dnsbl_parse(span_of(cases[i].line), &list);

		CHECK(cases[i].line,
		    is_good == cases[i].is_good &&
			(!is_good ||
			    (span_equal(list.zone, span_of(cases[i].zone)) &&
				list.low == cases[i].low &&
				list.high == cases[i].high &&
				list.weight == cases[i].weight)));
	}
	return test_result();
}
