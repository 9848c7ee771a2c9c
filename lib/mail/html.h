#ifndef MAIL_HTML_H
#define MAIL_HTML_H

/*
 * html - what an HTML document shows, as it comes in pieces of UTF-8: its
 * characters, and the elements that give them a shape.
 *
 * Lenient  as HTML's own standard has it: a tag may be left open, a '<' that
 *          begins none is text, a reference needs no ';'.
 * Hidden   comments, styles, scripts and the title.  Other text in the head is
 *          shown: by HTML's standard it ends the head.
 * Memory   one attribute, of at most HTML_ATTRIBUTE_MAX bytes; nesting is not
 *          kept, so it has no limit.
 */

#include "base/buf.h"

enum {
	HTML_ATTRIBUTE_MAX = 2000,
	HTML_NAME_MAX = 12,
	HTML_REFERENCE_MAX = 12
};

enum html_element {
	HTML_OTHER,     /* it does not shape text; not handed out */
	HTML_SILENT,    /* nor is this; what is in it is no HTML */
	HTML_PARAGRAPH, /* with a line between it and others */
	HTML_BLOCK,     /* on lines of its own */
	HTML_BREAK,
	HTML_RULE,
	HTML_LIST,
	HTML_NUMBERED,
	HTML_ITEM,
	HTML_ROW,
	HTML_CELL,
	HTML_QUOTE,
	HTML_AS_WRITTEN, /* pre */
	HTML_LINK,       /* attribute: href */
	HTML_IMAGE       /* attribute: alt */
};

struct html {
	void (*take_character)(void *context, uint32_t character);
	/* attribute is empty where there is none, and of an end tag. */
	void (*take_element)(void *context, enum html_element element,
	    bool is_end, struct span attribute);
	void *context;

	enum {
		HTML_TEXT,
		HTML_REFERENCE,
		HTML_OPENED, /* behind '<' */
		HTML_NAME,
		HTML_ATTRIBUTES,
		HTML_ATTRIBUTE,
		HTML_AFTER_ATTRIBUTE,
		HTML_BEFORE_VALUE,
		HTML_VALUE,
		HTML_DECLARATION, /* behind "<!" */
		HTML_COMMENT,
		HTML_SKIPPED, /* up to '>' */
		HTML_RAW      /* up to the end tag */
	} state;
	bool is_end;
	char quote; /* of the value, or '\0' */
	unsigned dashes;
	char name[HTML_NAME_MAX]; /* of the element */
	size_t name_len;
	char key[HTML_NAME_MAX]; /* of the attribute */
	size_t key_len;
	bool has_attribute; /* the element, one that is wanted */
	bool is_taken;      /* the value is its */
	char reference[HTML_REFERENCE_MAX]; /* behind '&' */
	size_t reference_len;
	size_t matched; /* of "</" and the name */
	struct buf attribute;
};

void html_begin(struct html *html);

/* No piece ends within a character. */
void html_piece(struct html *html, struct span piece);
void html_end(struct html *html);

/* Append text with its references resolved. */
void html_add_unescaped(struct buf *into, struct span text);

/* The character of a name, "eacute", or 0; html_references.c. */
uint32_t html_named_character(struct span name);

#endif
