/*
 * tlspolicy_fuzz - lines of control/tlspolicy: what is taken can be looked up,
 * and its words lie within the line.
 */

#include <stdint.h>
#include <stdlib.h>

#include "net/tlspolicy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span line = { (const char *)data, size };
	struct control_list list = { .items = &line, .count = 1 };
	const unsigned char digest[32] = { 0 };
	struct tls_policy policy;
	struct span pattern;

	if (!tlspolicy_parse(line, &pattern, &policy))
		return 0;
	struct tls_policy found = tlspolicy_find(&list, pattern, pattern);
	if (found.level != policy.level && pattern.ptr[0] != '.')
		abort();
	if (policy.words.len > size)
		abort();
	tlspolicy_has_digest(&policy, digest);
	return 0;
}
