#include "imapd/output.h"
#include "imapd/program.h"
#include "store/metadata.h"

/* Filters that are kept as annotations of the account, RFC 5466. */

enum {
	REPLY_MAX = METADATA_ENTRY_MAX + 200
};

struct finding {
	struct buf private_entry;
	struct buf shared_entry;
	struct buf *value;
	bool is_found;
	bool is_private;
};

/* A private one hides the shared one of its name. */
static bool
take_entry(void *context, struct span entry, struct span value)
{
	struct finding *finding = context;
	bool is_private =
	    span_equal_nocase(entry, buf_span(&finding->private_entry));

	if (!is_private &&
	    (finding->is_private ||
		!span_equal_nocase(entry, buf_span(&finding->shared_entry))))
		return true;
	finding->is_found = true;
	finding->is_private = is_private;
	buf_clear(finding->value);
	buf_add(finding->value, value);
	return true;
}

static enum filter_fault
find(struct session *session, struct span name, struct buf *value)
{
	struct finding finding = { .private_entry = buf_new(METADATA_ENTRY_MAX),
		.shared_entry = buf_new(METADATA_ENTRY_MAX),
		.value = value };

	buf_add_string(&finding.private_entry, "/private/filters/values/");
	buf_add(&finding.private_entry, name);
	buf_add_string(&finding.shared_entry, "/shared/filters/values/");
	buf_add(&finding.shared_entry, name);
	enum account_status status = ACCOUNT_OK;
	if (!finding.private_entry.overflow)
		status = metadata_list(
		    session->account, span_of(""), take_entry, &finding);
	buf_free(&finding.private_entry);
	buf_free(&finding.shared_entry);
	return status != ACCOUNT_OK ? FILTER_UNREADABLE
	       : finding.is_found   ? FILTER_GOOD
				    : FILTER_UNDEFINED;
}

bool
program_open_filter(struct program *program, struct session *session,
    struct span name, struct parse *value)
{
	enum filter_fault fault = FILTER_UNDEFINED;

	program->has_filter = true;
	/* Whoever comes round in a loop finds nothing there, section 3.1. */
	if (program->passes < PROGRAM_PASSES_MAX &&
	    program->filter_count < PROGRAM_FILTERS_MAX) {
		struct buf *text = &program->filters[program->filter_count++];

		*text = buf_new(METADATA_VALUE_MAX);
		fault = find(session, name, text);
		*value = parse_begin(text);
	}
	if (fault == FILTER_GOOD)
		return true;
	program->fault = fault;
	program->faulty = name;
	return false;
}

static void
refuse_filter(const struct program *program, struct session *session)
{
	struct buf text = buf_new(REPLY_MAX);
	const char *line = NULL;

	if (program->fault == FILTER_UNDEFINED)
		buf_add_string(&text, "NO [UNDEFINED-FILTER ");
	else
		buf_printf(&text, "NO %s ",
		    language_say(
			session->language, "the value is no search of filter"));
	buf_add(&text, program->faulty);
	if (program->fault == FILTER_UNDEFINED)
		buf_add_string(&text, "] there is no such filter");
	if (!text.overflow)
		line = buf_string(&text);
	session_finish(session, line != NULL ? line : "NO no such filter");
	buf_free(&text);
}

bool
program_refuse(const struct program *program, struct session *session,
    const char *failure, const char *usage)
{
	bool is_bad = failure != NULL ? program->has_filter
				      : program->fault == FILTER_GOOD;

	if (is_bad && failure != NULL)
		session_bad(session, "BAD [BADCHARSET (UTF-8 US-ASCII)] a "
				     "filter is in UTF-8");
	else if (failure != NULL)
		session_reply(session, failure);
	else if (program->fault == FILTER_UNREADABLE)
		session_fail(session, ACCOUNT_ERROR);
	else if (!is_bad)
		refuse_filter(program, session);
	else if (program->has_number &&
		 (session->enabled & ENABLED_UIDONLY) != 0)
		session_bad(session, "BAD [UIDREQUIRED] UID goes before a set");
	else
		session_bad(session, usage);
	return !is_bad;
}
