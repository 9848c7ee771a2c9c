/*
 * mtactl trace - the life of one message, from all logs, in order of time.
 *
 * The logs are read once to learn ids (a Message-ID's, and those of reports
 * and forwards that come of a message), as often as that finds more, and then
 * once for the lines.
 */

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "base/paths.h"
#include "queue/id.h"
#include "service/mtactl.h"

enum {
	IDS_MAX = 100,
	LINES_MAX = 100000
};

struct trace {
	const char *message_id; /* NULL: asked by queue id */
	char ids[IDS_MAX][QUEUE_ID_LEN + 1];
	size_t id_count;
	char *lines[LINES_MAX];
	size_t line_count;
};

static void
add_id(struct trace *trace, const char *text)
{
	struct queue_id id;

	if (trace->id_count == IDS_MAX || strlen(text) < QUEUE_ID_LEN ||
	    !queue_id_parse((struct span){ text, QUEUE_ID_LEN }, &id))
		return;
	for (size_t i = 0; i < trace->id_count; i++)
		if (strcmp(trace->ids[i], id.text) == 0)
			return;
	memcpy(trace->ids[trace->id_count++], id.text, sizeof(id.text));
}

static bool
is_about(const struct trace *trace, const char *line)
{
	for (size_t i = 0; i < trace->id_count; i++)
		if (strstr(line, trace->ids[i]) != NULL)
			return true;
	return trace->message_id != NULL &&
	       strstr(line, trace->message_id) != NULL;
}

/* "TIME  PROGRAM: ID ..."; a report's line names its own id as by=ID. */
static void
learn_ids(struct trace *trace, char *line)
{
	const char *first = strstr(line, ": ");
	const char *by = strstr(line, " by=");

	if (!is_about(trace, line))
		return;
	if (first != NULL)
		add_id(trace, first + 2);
	if (by != NULL)
		add_id(trace, by + 4);
}

static void
keep_line(struct trace *trace, char *line)
{
	if (!is_about(trace, line) || trace->line_count == LINES_MAX)
		return;
	trace->lines[trace->line_count] = strdup(line);
	if (trace->lines[trace->line_count++] == NULL)
		temp_fail("out of memory");
}

static void
read_log(struct trace *trace, const char *path,
    void (*take)(struct trace *trace, char *line))
{
	FILE *log = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;

	if (log == NULL) {
		if (errno != ENOENT) /* rotated away meanwhile */
			warn_errno("cannot read %s", path);
		return;
	}
	while (getline(&line, &room, log) > 0)
		take(trace, line);
	free(line);
	fclose(log);
}

/* Every log, and what was rotated away of it. */
static void
read_logs(struct trace *trace, void (*take)(struct trace *trace, char *line))
{
	glob_t found;

	if (glob(MTA_LOG "/*/@*.[su]", 0, NULL, &found) == GLOB_NOSPACE ||
	    glob(MTA_LOG "/*/current", GLOB_APPEND, NULL, &found) ==
		GLOB_NOSPACE)
		temp_fail("out of memory");
	for (size_t i = 0; i < found.gl_pathc; i++)
		read_log(trace, found.gl_pathv[i], take);
	globfree(&found);
}

/* Each line begins with its time, which sorts as text. */
static int
compare_lines(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

static bool
is_waiting(const char *id)
{
	char pattern[128];
	glob_t found;

	snprintf(pattern, sizeof(pattern), MTA_QUEUE "/cur/*/%s*", id);
	bool is_found = glob(pattern, 0, NULL, &found) == 0;
	globfree(&found);
	return is_found;
}

int
mtactl_trace(const char *id)
{
	static struct trace trace;
	size_t known = 0;

	add_id(&trace, id);
	if (trace.id_count == 0)
		trace.message_id = id;
	do {
		known = trace.id_count;
		read_logs(&trace, learn_ids);
	} while (trace.id_count > known);
	read_logs(&trace, keep_line);
	if (trace.line_count > 1)
		qsort(trace.lines, trace.line_count, sizeof(*trace.lines),
		    compare_lines);
	for (size_t i = 0; i < trace.line_count; i++) {
		fputs(trace.lines[i], stdout);
		free(trace.lines[i]);
	}
	for (size_t i = 0; i < trace.id_count; i++)
		if (is_waiting(trace.ids[i]))
			printf("%s is in the queue: see mailq\n", trace.ids[i]);
	if (trace.line_count > 0)
		return EX_OK;
	die(EX_DATAERR,
	    "no line of %s is about %s: a queue id or Message-ID, of what the "
	    "logs still hold",
	    MTA_LOG, id);
}
