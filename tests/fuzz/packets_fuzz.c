/*
 * packets_fuzz - the packets that cross a boundary: any bytes are a packet or
 * are refused.
 */

#include <stdint.h>
#include <stdlib.h>

#include "queue/delivery.h"
#include "queue/inject.h"
#include "queue/login.h"
#include "queue/lookup.h"
#include "queue/odmr.h"
#include "queue/report.h"
#include "queue/sharing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = { (const char *)data, size };
	struct delivery delivery;
	struct verdict verdict;
	struct lookup_answer answer;
	struct report report;
	struct odmr_request odmr;
	struct sharing_record sharing;
	struct channel_opening opening;
	struct queue_id id;
	struct span envelope;
	struct span message;
	uint64_t recipients;

	if (delivery_parse(bytes, &delivery) &&
	    delivery_recipient(&delivery).address.len > size)
		abort();
	verdict_parse(bytes, &verdict);
	lookup_parse_answer(bytes, &answer);
	report_parse(bytes, &report);
	if (sharing_parse(bytes, &sharing) &&
	    sharing.text.len > SHARING_TEXT_MAX)
		abort();
	login_parse_message(bytes, &recipients);
	if (odmr_parse_request(bytes, &odmr) && odmr.server.len > size)
		abort();
	odmr_parse_answer(bytes);
	channel_parse_open(bytes, &opening);
	inject_parse_request(bytes, &id);
	if (inject_is_whole(bytes) &&
	    inject_parse_whole(bytes, &id, &envelope, &message) &&
	    envelope.len + message.len > size)
		abort();
	return 0;
}
