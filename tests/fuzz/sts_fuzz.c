/*
 * sts_fuzz - an MTA-STS policy, and the record that goes before it: what is
 * taken is within its limits, and is read again as it is written.
 */

#include <stdint.h>
#include <stdlib.h>

#include "net/sts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_policy(struct span body)
{
	struct sts_policy policy = sts_policy_new();
	struct sts_policy again = sts_policy_new();
	struct buf text = buf_new(STS_TEXT_MAX);

	if (sts_parse_policy(body, &policy)) {
		sts_add_policy(&text, &policy);
		if (text.overflow || policy.max_age_s > STS_AGE_MAX ||
		    !sts_parse_policy(buf_span(&text), &again) ||
		    again.mode != policy.mode ||
		    again.max_age_s != policy.max_age_s ||
		    !span_equal(
			buf_span(&again.patterns), buf_span(&policy.patterns)))
			abort();
		sts_admits(&policy, body);
		sts_admits(&policy, span_of("mx.a.example"));
	}
	buf_free(&text);
	sts_policy_free(&policy);
	sts_policy_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span body = { (const char *)data, size };
	struct span id;
	struct buf domain = buf_new(300);

	try_policy(body);
	if (sts_parse_record(body, &id) &&
	    (id.len == 0 || id.len > STS_ID_MAX || !sts_is_record(body)))
		abort();
	if (sts_add_domain(&domain, body) &&
	    (domain.overflow || domain.data[0] == '.'))
		abort();
	buf_free(&domain);
	return 0;
}
