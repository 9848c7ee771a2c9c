#include "store/maildir_name.h"

#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/io.h"
#include "store/uidlist.h"

enum {
	LETTERS_MAX = 64,
	SECOND_US = 1000000
};

#define YEAR_3000_S 32503680000LL

static const struct {
	char letter;
	uint32_t flag;
} letters_of_flags[] = { { 'D', MESSAGE_DRAFT }, { 'F', MESSAGE_FLAGGED },
	{ 'P', MAILDIR_PASSED }, { 'R', MESSAGE_ANSWERED },
	{ 'S', MESSAGE_SEEN }, { 'T', MESSAGE_DELETED } };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct span
maildir_base(struct span name)
{
	return span_slice(name, 0, span_index(name, ':'));
}

bool
maildir_is_base(struct span base)
{
	if (base.len == 0 || base.len > MAILDIR_BASE_MAX || base.ptr[0] == '.')
		return false;
	return memchr(base.ptr, '/', base.len) == NULL &&
	       memchr(base.ptr, ':', base.len) == NULL &&
	       memchr(base.ptr, '\n', base.len) == NULL &&
	       memchr(base.ptr, '\0', base.len) == NULL;
}

static bool
read_letter(char c, uint32_t *flags, uint64_t *keywords)
{
	if (c >= 'a' && c <= 'z') {
		*keywords |= (uint64_t)1 << (c - 'a');
		return true;
	}
	for (size_t i = 0; i < COUNT(letters_of_flags); i++)
		if (letters_of_flags[i].letter == c) {
			*flags |= letters_of_flags[i].flag;
			return true;
		}
	return false;
}

bool
maildir_read_letters(struct span letters, uint32_t *flags, uint64_t *keywords)
{
	bool is_good = letters.len <= LETTERS_MAX;

	*flags = 0;
	*keywords = 0;
	for (size_t i = 0; i < letters.len; i++) {
		is_good &= read_letter(letters.ptr[i], flags, keywords);
		is_good &= i == 0 || letters.ptr[i - 1] < letters.ptr[i];
	}
	return is_good;
}

void
maildir_add_letters(struct buf *into, uint32_t flags, uint64_t keywords)
{
	for (size_t i = 0; i < COUNT(letters_of_flags); i++)
		if (flags & letters_of_flags[i].flag)
			buf_add_char(into, letters_of_flags[i].letter);
	for (unsigned i = 0; i < MAILDIR_KEYWORDS; i++)
		if (keywords >> i & 1)
			buf_add_char(into, (char)('a' + (char)i));
}

bool
maildir_merge_letters(
    struct buf *into, struct span name, uint32_t flags, uint64_t keywords)
{
	struct span base = maildir_base(name);
	struct span info = span_slice(name, base.len, name.len);
	struct buf ours = buf_new(LETTERS_MAX);
	bool has[UINT8_MAX + 1] = { false };
	bool has_others = false;

	if (!span_starts(info, span_of(":2,")))
		info.len = 0;
	for (size_t i = 3; i < info.len; i++) {
		uint32_t flag = 0;
		uint64_t keyword = 0;

		if (read_letter(info.ptr[i], &flag, &keyword))
			continue;
		has[(unsigned char)info.ptr[i]] = has_others = true;
	}
	maildir_add_letters(&ours, flags, keywords);
	for (size_t i = 0; i < ours.len; i++)
		has[(unsigned char)ours.data[i]] = true;
	buf_free(&ours);
	for (unsigned c = 1; c <= UINT8_MAX; c++)
		if (has[c])
			buf_add_char(into, (char)c);
	return has_others;
}

bool
maildir_read_name(struct span name, uint32_t *flags, uint64_t *keywords)
{
	struct span base = maildir_base(name);
	struct span info = span_slice(name, base.len, name.len);

	if (!span_starts(info, span_of(":2,"))) {
		*flags = 0;
		*keywords = 0;
		return false;
	}
	return maildir_read_letters(
	    span_slice(info, 3, info.len), flags, keywords);
}

void
maildir_host(char host[MAILDIR_HOST_MAX + 1])
{
	if (gethostname(host, MAILDIR_HOST_MAX) == -1)
		memcpy(host, "localhost", sizeof("localhost"));
	host[MAILDIR_HOST_MAX] = '\0';
	for (char *c = host; *c != '\0'; c++)
		if (*c == '/' || *c == ':' || *c == '\n')
			*c = '_';
}

/* Time, process and chance: as maildir(5) has it, sorted by the first. */
void
maildir_add_unique(struct buf *into, const char *host)
{
	uint64_t now_us = clock_utc_us();
	uint64_t chance = 0;

	if (getrandom(&chance, sizeof(chance), 0) != (ssize_t)sizeof(chance))
		chance = now_us ^ (uint64_t)getpid() << 32;
	buf_printf(into, "%llu.M%lluR%016llx.%s",
	    (unsigned long long)(now_us / SECOND_US),
	    (unsigned long long)(now_us % SECOND_US),
	    (unsigned long long)chance, host);
}

int64_t
maildir_seconds(struct span base, int64_t fallback)
{
	uint64_t seconds;

	base.len = span_index(base, '.');
	return span_number(base, 10, YEAR_3000_S, &seconds) ? (int64_t)seconds
							    : fallback;
}
