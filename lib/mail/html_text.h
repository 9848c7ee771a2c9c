#ifndef MAIL_HTML_TEXT_H
#define MAIL_HTML_TEXT_H

/*
 * html_text - an HTML document as plain text (RFC 5259 section 7.2): its lines
 * and paragraphs, lists with their marks, quotes behind "> ", the cells of a
 * row with tabs between them, links behind their text, what images stand for.
 *
 * Lines   end with CRLF; they are as long as the document has them.
 * Limits  HTML_TEXT_DEPTH_MAX levels of quotes and lists are shown, deeper ones
 *         look as the last of these.
 */

#include "mail/html.h"

enum {
	HTML_TEXT_DEPTH_MAX = 8,
	HTML_TEXT_LINES_MAX = 3, /* of line ends that follow each other */
	HTML_TEXT_SPACES_MAX = 80
};

struct html_text {
	struct html html;
	struct buf *out; /* of the call */
	bool has_text;
	bool is_in_line;   /* it has text */
	unsigned newlines; /* owed, before what comes */
	unsigned spaces;
	bool owes_tab;
	bool has_cell; /* the row has one */
	bool has_mark; /* an item's, owed */
	bool has_link;
	bool is_own_name; /* the link's text, so far, is its address */
	size_t link_at;
	unsigned quotes;
	unsigned written; /* levels of pre */
	unsigned lists;
	unsigned numbers[HTML_TEXT_DEPTH_MAX]; /* of a list; 0: not numbered */
	struct buf link;
};

void html_text_begin(struct html_text *text);

/* As html_piece; what is known of the text by now is appended. */
void html_text_piece(
    struct html_text *text, struct buf *out, struct span piece);
void html_text_end(struct html_text *text, struct buf *out);

#endif
