#include "imapd/language.h"

#include "imapd/handlers.h"
#include "imapd/output.h"

static void
put_tags(enum language first, enum language last,
    void (*take)(void *context, const char *text), void *context)
{
	take(context, "* LANGUAGE (");
	for (unsigned i = first; i <= last; i++) {
		take(context, i == first ? "" : " ");
		take(context, language_tag((enum language)i));
	}
	take(context, ")\r\n");
}

/* The first one that is spoken. */
const char *
language_command(struct parse *parse, enum language *language,
    void (*take)(void *context, const char *text), void *context)
{
	enum language found = LANGUAGE_DEFAULT;
	bool is_found = false;
	struct span range;

	if (parse_is_end(parse)) {
		put_tags(LANGUAGE_DEFAULT, LANGUAGE_COUNT - 1, take, context);
		return "OK done";
	}
	while (parse_space(parse)) {
		if (!parse_astring(parse, &range))
			return "BAD LANGUAGE RANGE ...";
		if (is_found)
			continue;
		/* What the administrator prefers is what there is at first. */
		is_found = span_equal_nocase(range, span_of("default")) ||
			   span_equal(range, span_of("*")) ||
			   language_find(range, &found);
	}
	if (!parse_is_end(parse))
		return "BAD LANGUAGE RANGE ...";
	if (!is_found)
		return "NO there is no such language";
	*language = found;
	put_tags(found, found, take, context);
	return "OK now speaking this language";
}

static void
put_text(void *context, const char *text)
{
	put(context, text);
}

void
handle_language(struct session *session, struct parse *parse)
{
	const char *answer =
	    language_command(parse, &session->language, put_text, session);

	if (answer[0] == 'B')
		session_bad(session, answer);
	else
		session_finish(session, answer);
}
