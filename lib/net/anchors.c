#include "net/anchors.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"

enum {
	ANCHORS_MAX = 256 * 1024
};

static bool
read_file(const char *path, struct buf *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = -1;
	char *room;

	while (fd != -1 && (room = buf_room(text, 4096)) != NULL &&
	       (got = read(fd, room, 4096)) > 0)
		buf_grown(text, (size_t)got);
	int error = text->overflow ? EFBIG : errno;
	if (fd != -1)
		close(fd);
	errno = error;
	return got == 0;
}

bool
anchors_next(struct span *rest, struct span *record)
{
	while (rest->len > 0) {
		struct span line = span_cut(rest, '\n');

		*record = span_trim(span_cut(&line, ';'));
		if (record->len > 0)
			return true;
	}
	return false;
}

/* OWNER [TTL] [CLASS] DS or DNSKEY ...; libunbound looks at the rest. */
static bool
is_anchor(struct span record)
{
	while (record.len > 0) {
		struct span word = span_cut_word(&record);

		if (span_equal_nocase(word, span_of("DS")) ||
		    span_equal_nocase(word, span_of("DNSKEY")))
			return record.len > 0;
	}
	return false;
}

static bool
are_anchors(struct span text)
{
	struct span record = { "", 0 };
	bool is_good = false;

	while (anchors_next(&text, &record)) {
		is_good = is_anchor(record);
		if (!is_good)
			return false;
	}
	return is_good;
}

/* The root's: without them mail goes on, as it does without DNSSEC. */
static void
read_default(struct anchors *anchors)
{
	anchors->kind = ANCHORS_DEFAULT;
	if (read_file(ANCHORS_FILE, &anchors->text) &&
	    are_anchors(buf_span(&anchors->text)))
		return;
	log_event("no DNSSEC: there are no keys in " ANCHORS_FILE);
	anchors->kind = ANCHORS_NONE;
}

static void
read_given(struct anchors *anchors, const char *path)
{
	anchors->kind = ANCHORS_GIVEN;
	if (path[0] != '/')
		control_complain_value(
		    "trustanchor", "write a whole path, from / on, or none");
	if (!read_file(path, &anchors->text))
		control_complain_value("trustanchor", strerror(errno));
	if (!are_anchors(buf_span(&anchors->text)))
		control_complain_value("trustanchor",
		    "the file that it names has to have a DS or DNSKEY record "
		    "a line");
}

struct anchors
anchors_read(void)
{
	struct buf path = control_word("trustanchor", "");
	struct anchors anchors = { .kind = ANCHORS_NONE,
		.text = buf_new(ANCHORS_MAX) };

	if (path.len == 0)
		read_default(&anchors);
	else if (!span_equal(buf_span(&path), span_of("none")))
		read_given(&anchors, buf_string(&path));
	buf_free(&path);
	return anchors;
}

void
anchors_check(void)
{
	struct anchors anchors = anchors_read();

	buf_free(&anchors.text);
}
