/*
 * dates - the tests date and currentdate, RFC 5260.
 */

#include <time.h>

#include "mail/date.h"
#include "sieve/match.h"

enum {
	MINUTE_S = 60,
	HOUR_S = 60 * MINUTE_S,
	DAY_S = 24 * HOUR_S,
	JULIAN_1970 = 40587, /* days from 17 November 1858 to 1970 */
	FIRST_YEAR = 1900
};

/* ---- zones ---- */

/* "+0100"; false if it is none. */
static bool
read_zone(struct span text, int32_t *zone_s)
{
	uint64_t number;

	if (text.len != 5 || (text.ptr[0] != '+' && text.ptr[0] != '-') ||
	    !span_number(span_slice(text, 1, 4), 10, 9999, &number) ||
	    number % 100 >= 60)
		return false;
	*zone_s = (int32_t)(number / 100 * HOUR_S + number % 100 * MINUTE_S);
	if (text.ptr[0] == '-')
		*zone_s = -*zone_s;
	return true;
}

static int32_t
local_zone(int64_t seconds)
{
	time_t when = (time_t)seconds;
	struct tm date;

	return localtime_r(&when, &date) == NULL ? 0 : (int32_t)date.tm_gmtoff;
}

/* What the node asks for; original is what the field had. */
static int32_t
zone_of(struct sieve_machine *machine, const struct sieve_node *node,
    int64_t seconds, int32_t original)
{
	struct span text =
	    sieve_expand_one(machine, node->options[OPTION_ZONE]);
	int32_t zone_s = original;

	if (text.ptr != NULL && !read_zone(text, &zone_s))
		sieve_fail(
		    machine, "\"%.*s\" is no zone", (int)text.len, text.ptr);
	else if (text.ptr == NULL && (node->flags & FLAG_ORIGINAL_ZONE) == 0)
		zone_s = local_zone(seconds);
	return zone_s;
}

static void
add_zone(struct buf *into, int32_t zone_s, const char *between)
{
	int32_t minutes = (zone_s < 0 ? -zone_s : zone_s) / MINUTE_S;

	buf_printf(into, "%c%02d%s%02d", zone_s < 0 ? '-' : '+', minutes / 60,
	    between, minutes % 60);
}

/* ---- parts ---- */

struct moment {
	struct tm date;
	int64_t local_s; /* seconds since 1970 on the zone's clock */
	int32_t zone_s;
};

static void
add_year(struct buf *into, const struct moment *moment)
{
	buf_printf(into, "%04d", moment->date.tm_year + FIRST_YEAR);
}

static void
add_month(struct buf *into, const struct moment *moment)
{
	buf_printf(into, "%02d", moment->date.tm_mon + 1);
}

static void
add_day(struct buf *into, const struct moment *moment)
{
	buf_printf(into, "%02d", moment->date.tm_mday);
}

static void
add_date(struct buf *into, const struct moment *moment)
{
	add_year(into, moment);
	buf_add_char(into, '-');
	add_month(into, moment);
	buf_add_char(into, '-');
	add_day(into, moment);
}

/* Of the day that it is in that zone. */
static void
add_julian(struct buf *into, const struct moment *moment)
{
	int64_t days = moment->local_s / DAY_S - (moment->local_s % DAY_S < 0);

	buf_printf(into, "%lld", (long long)days + JULIAN_1970);
}

static void
add_hour(struct buf *into, const struct moment *moment)
{
	buf_printf(into, "%02d", moment->date.tm_hour);
}

static void
add_minute(struct buf *into, const struct moment *moment)
{
	buf_printf(into, "%02d", moment->date.tm_min);
}

static void
add_second(struct buf *into, const struct moment *moment)
{
	buf_printf(into, "%02d", moment->date.tm_sec);
}

static void
add_time(struct buf *into, const struct moment *moment)
{
	buf_printf(into, "%02d:%02d:%02d", moment->date.tm_hour,
	    moment->date.tm_min, moment->date.tm_sec);
}

static void
add_iso8601(struct buf *into, const struct moment *moment)
{
	add_date(into, moment);
	buf_add_char(into, 'T');
	add_time(into, moment);
	if (moment->zone_s == 0)
		buf_add_char(into, 'Z');
	else
		add_zone(into, moment->zone_s, ":");
}

static void
add_zone_part(struct buf *into, const struct moment *moment)
{
	add_zone(into, moment->zone_s, "");
}

/* As a Date field has it, in that zone. */
static void
add_std11(struct buf *into, const struct moment *moment)
{
	struct buf text = buf_new(64);

	date_add(&text, moment->local_s);
	buf_add(into, span_slice(buf_span(&text), 0,
			  span_last_index(buf_span(&text), ' ') + 1));
	add_zone_part(into, moment);
	buf_free(&text);
}

static void
add_weekday(struct buf *into, const struct moment *moment)
{
	buf_printf(into, "%d", moment->date.tm_wday);
}

static const struct {
	const char *name;
	void (*add)(struct buf *into, const struct moment *moment);
} parts[] = {
	{ "year", add_year },
	{ "month", add_month },
	{ "day", add_day },
	{ "date", add_date },
	{ "julian", add_julian },
	{ "hour", add_hour },
	{ "minute", add_minute },
	{ "second", add_second },
	{ "time", add_time },
	{ "iso8601", add_iso8601 },
	{ "std11", add_std11 },
	{ "zone", add_zone_part },
	{ "weekday", add_weekday },
};

static void
add_part(struct sieve_machine *machine, struct buf *into, struct span name,
    const struct moment *moment)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		if (!span_equal_nocase(name, span_of(parts[i].name)))
			continue;
		parts[i].add(into, moment);
		return;
	}
	sieve_fail(machine, "a date has no \"%.*s\"", (int)name.len, name.ptr);
}

static void
match_moment(
    struct match *match, struct span part, int64_t seconds, int32_t zone_s)
{
	struct moment moment = { .local_s = seconds + zone_s,
		.zone_s = zone_s };
	time_t local = (time_t)moment.local_s;
	struct buf text = buf_new(64);

	if (gmtime_r(&local, &moment.date) != NULL) {
		add_part(match->machine, &text, part, &moment);
		match_value(match, buf_span(&text));
	}
	buf_free(&text);
}

/* ---- the tests ---- */

/* At the end, behind a semicolon, or all of it; the last date there is. */
static bool
read_date(struct span value, int64_t *seconds, int32_t *zone_s)
{
	size_t semicolon = span_last_index(value, ';');

	return (semicolon < value.len &&
		   date_parse(span_slice(value, semicolon + 1, value.len),
		       seconds, zone_s)) ||
	       date_parse(value, seconds, zone_s);
}

bool
sieve_test_date(struct sieve_machine *machine, const struct sieve_node *node)
{
	struct span name = sieve_expand_one(machine, node->arguments[0]);
	struct span part = sieve_expand_one(machine, node->arguments[1]);
	int64_t index = node->index == 0 ? 1 : node->index;
	struct match match;
	struct span value;
	int64_t seconds;
	int32_t zone_s;

	match_begin(&match, machine, node, node->arguments[2]);
	if (sieve_field_find(
		machine, name, index, (node->flags & FLAG_LAST) != 0, &value) &&
	    read_date(value, &seconds, &zone_s))
		match_moment(&match, part, seconds,
		    zone_of(machine, node, seconds, zone_s));
	return match_end(&match);
}

bool
sieve_test_currentdate(
    struct sieve_machine *machine, const struct sieve_node *node)
{
	struct span part = sieve_expand_one(machine, node->arguments[0]);
	int64_t now = machine->run->now;
	struct match match;

	match_begin(&match, machine, node, node->arguments[1]);
	match_moment(
	    &match, part, now, zone_of(machine, node, now, local_zone(now)));
	return match_end(&match);
}
