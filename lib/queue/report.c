#include "queue/report.h"

void
report_add(struct buf *buf, const struct report *report)
{
	char why = (char)report->why;

	record_add_number(buf, 'N', report->number);
	record_add(buf, 'W', (struct span){ &why, 1 });
	record_add_string(buf, 'J', report->report_id.text);
	record_add(buf, 'P', report->file_name);
	record_add(buf, 'C', report->code);
	record_add(buf, 'R', report->text);
	record_add_number(buf, 'T', (uint64_t)report->retry_until);
	if (report->requires_tls)
		record_add_string(buf, 'Q', "1");
	record_add_number(buf, 'A', (uint64_t)report->age_s);
}

bool
report_parse(struct span packet, struct report *report)
{
	struct span value;
	uint64_t until;
	uint64_t age;

	*report = (struct report){ .why = REPORT_FAILED };
	if (!record_find(packet, 'W', &value) || value.len != 1 ||
	    span_index(span_of("FDS"), value.ptr[0]) == 3)
		return false;
	report->why = (enum report_why)value.ptr[0];
	if (!record_find(packet, 'J', &value) ||
	    !queue_id_parse(value, &report->report_id) ||
	    !record_find_number(packet, 'T', INT64_MAX, &until) ||
	    !record_find_number(packet, 'A', INT64_MAX, &age))
		return false;
	report->retry_until = (int64_t)until;
	report->age_s = (int64_t)age;
	report->requires_tls = record_find(packet, 'Q', &value);
	return record_find_number(packet, 'N', UINT64_MAX, &report->number) &&
	       record_find(packet, 'P', &report->file_name) &&
	       record_find(packet, 'C', &report->code) &&
	       record_find(packet, 'R', &report->text);
}

void
report_add_answer(struct buf *buf, uint64_t number, bool is_done)
{
	record_add_number(buf, 'N', number);
	record_add_string(buf, 'V', is_done ? "K" : "Z");
}

bool
report_parse_answer(struct span packet, uint64_t *number, bool *is_done)
{
	struct span value;

	if (!record_find(packet, 'V', &value) ||
	    !record_find_number(packet, 'N', UINT64_MAX, number))
		return false;
	*is_done = span_equal(value, span_of("K"));
	return true;
}
