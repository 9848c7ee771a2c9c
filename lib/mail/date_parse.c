#include "mail/date.h"

enum {
	MINUTE = 60,
	HOUR = 3600,
	DAY = 86400,
	YEAR_MIN = 1900,
	YEAR_MAX = 9999,
	TOKENS_MAX = 16,
	MONTH_LETTERS = 3
};

struct date {
	uint64_t day, month, year;
	uint64_t hour, minute, second;
	int32_t zone_s;
	bool has_day, has_month, has_year, has_time;
};

static const char month_names[] = "janfebmaraprmayjunjulaugsepoctnovdec";

/* RFC 5322 section 4.3; the letters of the military mean nothing. */
static const struct {
	const char *name;
	int hours;
} zones[] = { { "EST", -5 }, { "EDT", -4 }, { "CST", -6 }, { "CDT", -5 },
	{ "MST", -7 }, { "MDT", -6 }, { "PST", -8 }, { "PDT", -7 },
	{ "CET", 1 }, { "CEST", 2 }, { "MET", 1 }, { "MEST", 2 }, { "BST", 1 },
	{ "EET", 2 }, { "EEST", 3 }, { "JST", 9 } };

static bool
is_separator(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',';
}

/* The next word; comments are passed over. */
static struct span
next_word(struct span *rest)
{
	size_t depth = 0;
	size_t len = 0;

	while (rest->len > 0 && (depth > 0 || is_separator(rest->ptr[0]) ||
				    rest->ptr[0] == '(')) {
		if (rest->ptr[0] == '(')
			depth++;
		else if (rest->ptr[0] == ')')
			depth--;
		*rest = span_slice(*rest, 1, rest->len);
	}
	while (len < rest->len && !is_separator(rest->ptr[len]) &&
	       rest->ptr[len] != '(')
		len++;
	struct span word = span_slice(*rest, 0, len);
	*rest = span_slice(*rest, len, rest->len);
	return word;
}

static void
take_month(struct date *date, struct span word)
{
	for (size_t i = 0; i < sizeof(month_names) - 1; i += MONTH_LETTERS) {
		struct span name = { month_names + i, MONTH_LETTERS };

		if (!date->has_month && span_starts_nocase(word, name)) {
			date->month = i / MONTH_LETTERS + 1;
			date->has_month = true;
		}
	}
}

static void
take_time(struct date *date, struct span word)
{
	struct span hour = span_cut(&word, ':');
	struct span minute = span_cut(&word, ':');

	word.len = span_index(word, '.');
	date->second = 0;
	date->has_time =
	    span_number(hour, 10, 23, &date->hour) &&
	    span_number(minute, 10, 59, &date->minute) &&
	    (word.len == 0 || span_number(word, 10, 60, &date->second));
}

static void
take_zone(struct date *date, struct span word)
{
	uint64_t number;

	for (size_t i = 0; i < sizeof(zones) / sizeof(*zones); i++)
		if (span_equal_nocase(word, span_of(zones[i].name)))
			date->zone_s = zones[i].hours * HOUR;
	if (word.len == 5 && (word.ptr[0] == '+' || word.ptr[0] == '-') &&
	    span_number(span_slice(word, 1, 4), 10, 2359, &number)) {
		date->zone_s =
		    (int32_t)(number / 100 * HOUR + number % 100 * MINUTE);
		if (word.ptr[0] == '-')
			date->zone_s = -date->zone_s;
	}
}

static void
take_number(struct date *date, size_t digits, uint64_t number)
{
	if (!date->has_day && digits <= 2 && number >= 1 && number <= 31) {
		date->day = number;
		date->has_day = true;
	} else if (!date->has_year) {
		/* RFC 5322 section 4.3: years of two and three digits. */
		date->year = digits == 2 && number < 50 ? number + 2000
			     : digits <= 3              ? number + 1900
							: number;
		date->has_year =
		    date->year >= YEAR_MIN && date->year <= YEAR_MAX;
	}
}

static void
take_word(struct date *date, struct span word)
{
	uint64_t number;

	if (span_number(word, 10, YEAR_MAX, &number))
		take_number(date, word.len, number);
	else if (!date->has_time && span_index(word, ':') < word.len)
		take_time(date, word);
	else if (!date->has_month && !date->has_time && word.len > 7 &&
		 span_index(word, '-') < word.len) /* 24-Nov-2026 */
		while (word.len > 0)
			take_word(date, span_cut(&word, '-'));
	else if (date->has_time &&
		 (word.ptr[0] == '+' || word.ptr[0] == '-' || date->has_month))
		take_zone(date, word);
	else
		take_month(date, word);
}

/* Days since 1970 of a day of the Gregorian calendar. */
static int64_t
days_of(const struct date *date)
{
	/* Years begin in March, so that the leap day is the last. */
	int64_t year = (int64_t)date->year - (date->month <= 2);
	int64_t month = ((int64_t)date->month + 9) % 12;
	int64_t day_of_year = (153 * month + 2) / 5 + (int64_t)date->day - 1;

	return year * 365 + year / 4 - year / 100 + year / 400 + day_of_year -
	       719468;
}

/* Is there such a day: in its month, the next begins after it? */
static bool
exists(const struct date *date)
{
	struct date next = { .day = 1,
		.month = date->month % 12 + 1,
		.year = date->year + date->month / 12 };

	return days_of(date) < days_of(&next);
}

bool
date_parse(struct span value, int64_t *seconds, int32_t *zone_s)
{
	struct date date = { 0 };

	for (int i = 0; i < TOKENS_MAX; i++) {
		struct span word = next_word(&value);

		if (word.len == 0)
			break;
		take_word(&date, word);
	}
	if (!date.has_day || !date.has_month || !date.has_year ||
	    !exists(&date))
		return false;
	*seconds = days_of(&date) * DAY + (int64_t)date.hour * HOUR +
		   (int64_t)date.minute * MINUTE + (int64_t)date.second -
		   date.zone_s;
	*zone_s = date.zone_s;
	return true;
}
