#include "service/quota.h"

#include <stddef.h>

static struct quota_slot *
find_slot(struct quota *quota, uint64_t account, int64_t now_ms)
{
	size_t group = (size_t)(account % (QUOTA_SLOTS / QUOTA_WAYS));
	struct quota_slot *slots = &quota->slots[group * QUOTA_WAYS];
	struct quota_slot *oldest = slots;

	for (size_t i = 0; i < QUOTA_WAYS; i++) {
		if (slots[i].account == account &&
		    now_ms - slots[i].begun_ms < QUOTA_HOUR_MS)
			return &slots[i];
		if (slots[i].account == account) {
			oldest = &slots[i];
			break;
		}
		if (oldest->account != 0 &&
		    (slots[i].account == 0 ||
			slots[i].begun_ms < oldest->begun_ms))
			oldest = &slots[i];
	}
	*oldest = (struct quota_slot){ .account = account, .begun_ms = now_ms };
	return oldest;
}

bool
quota_take(
    struct quota *quota, uint64_t account, uint64_t recipients, int64_t now_ms)
{
	if (quota->messages_max == 0 && quota->recipients_max == 0)
		return true;
	account += account == 0;
	struct quota_slot *slot = find_slot(quota, account, now_ms);
	if (quota->messages_max > 0 && slot->messages >= quota->messages_max)
		return false;
	if (quota->recipients_max > 0 &&
	    slot->recipients + recipients > quota->recipients_max)
		return false;
	slot->messages++;
	slot->recipients += recipients;
	return true;
}
