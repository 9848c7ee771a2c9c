#include "queue/guarding.h"

enum {
	ZONE_MAX = 180, /* the digits of an IPv6 address go before it */
	LOW_DEFAULT = 1,
	HIGH_DEFAULT = 255
};

static const char *const sign_names[] = {
	[SIGN_NO_PTR] = "noptr",
	[SIGN_UNCONFIRMED] = "unconfirmed",
	[SIGN_HELO_NO_FQDN] = "helonotfqdn",
	[SIGN_HELO_LITERAL] = "heloliteral",
	[SIGN_HELO_UNKNOWN] = "helounknown",
};

const char *
sign_name(enum sign sign)
{
	return sign_names[sign];
}

static bool
parse_weight(struct span text, int *weight)
{
	bool is_negative = text.len > 0 && text.ptr[0] == '-';
	uint64_t number;

	if (!span_number(span_slice(text, is_negative, text.len), 10,
		WEIGHT_MAX, &number))
		return false;
	*weight = is_negative ? -(int)number : (int)number;
	return true;
}

static bool
is_zone(struct span zone)
{
	if (zone.len == 0 || zone.len > ZONE_MAX || zone.ptr[0] == '.' ||
	    zone.ptr[zone.len - 1] == '.')
		return false;
	for (size_t i = 0; i < zone.len; i++) {
		char c = ascii_lower(zone.ptr[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '-' && c != '_' && c != '.')
			return false;
		if (c == '.' && zone.ptr[i - 1] == '.')
			return false;
	}
	return true;
}

/* "127.0.0.x" or "127.0.0.x-y". */
static bool
parse_answers(struct span text, struct dnsbl *list)
{
	struct span prefix = span_of("127.0.0.");
	uint64_t low;
	uint64_t high;

	if (!span_starts(text, prefix))
		return false;
	struct span rest = span_slice(text, prefix.len, text.len);
	bool has_high = span_index(rest, '-') < rest.len;
	struct span first = span_cut(&rest, '-');
	if (!span_number(first, 10, UINT8_MAX, &low))
		return false;
	high = low;
	if (has_high && !span_number(rest, 10, UINT8_MAX, &high))
		return false;
	list->low = (unsigned)low;
	list->high = (unsigned)high;
	return low <= high;
}

bool
dnsbl_parse(struct span line, struct dnsbl *list)
{
	struct span weight = line;
	struct span zone = span_cut(&weight, ' ');
	bool has_answers = span_index(zone, '=') < zone.len;

	*list = (struct dnsbl){ .low = LOW_DEFAULT, .high = HIGH_DEFAULT };
	struct span answers = zone;
	list->zone = span_cut(&answers, '=');
	return is_zone(list->zone) &&
	       parse_weight(span_trim(weight), &list->weight) &&
	       (!has_answers || parse_answers(answers, list));
}

void
dnsbls_read(struct dnsbls *lists)
{
	lists->text = control_list("dnsbl");
	lists->count = 0;
	for (size_t i = 0; i < lists->text.count; i++) {
		if (lists->count == DNSBL_MAX)
			control_complain("dnsbl", lists->text.lines[i],
			    "32 lists are the most: take some out");
		if (!dnsbl_parse(
			lists->text.items[i], &lists->lists[lists->count++]))
			control_complain("dnsbl", lists->text.lines[i],
			    "write ZONE WEIGHT or ZONE=127.0.0.2-9 WEIGHT");
	}
}

static bool
set_weight(struct span item, int weights[SIGN_COUNT])
{
	struct span weight = item;
	struct span name = span_cut(&weight, ' ');

	for (size_t i = 0; i < SIGN_COUNT; i++)
		if (span_equal(name, span_of(sign_names[i])))
			return parse_weight(span_trim(weight), &weights[i]);
	return false;
}

void
weights_read(int weights[SIGN_COUNT])
{
	static const int defaults[SIGN_COUNT] = {
		[SIGN_NO_PTR] = 2,
		[SIGN_UNCONFIRMED] = 1,
		[SIGN_HELO_NO_FQDN] = 2,
		[SIGN_HELO_LITERAL] = 3,
		[SIGN_HELO_UNKNOWN] = 2,
	};
	struct control_list list = control_list("weights");

	for (size_t i = 0; i < SIGN_COUNT; i++)
		weights[i] = defaults[i];
	for (size_t i = 0; i < list.count; i++)
		if (!set_weight(list.items[i], weights))
			control_complain("weights", list.lines[i],
			    "write noptr, unconfirmed, helonotfqdn, "
			    "heloliteral or helounknown, then a number");
	control_list_free(&list);
}

void
greylisting_read(struct greylisting *greylisting)
{
	struct control_list list = control_list("greylist");

	*greylisting = (struct greylisting){ .is_on = list.count > 0 };
	if (list.count > 0) {
		struct span rest = list.items[0];
		struct span minutes = span_cut(&rest, ' ');
		rest = span_trim(rest);
		struct span hours = span_cut(&rest, ' ');

		if (!span_number(
			minutes, 10, 1440, &greylisting->wait_minutes) ||
		    !span_number(hours, 10, 720, &greylisting->expire_hours) ||
		    !span_number(
			span_trim(rest), 10, 366, &greylisting->keep_days))
			control_complain("greylist", list.lines[0],
			    "write minutes to wait, hours to expire, days to "
			    "keep: 5 48 35");
	}
	control_list_free(&list);
}
