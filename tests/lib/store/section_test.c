/*
 * section_test - BODY[...] and BINARY[...], whole and in pieces.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "lib/store/maildir.h"
#include "scratch.h"
#include "store/folder.h"
#include "test.h"

static const char message[] =
    "From: a@b\n"
    "Subject: one\n two\n"
    "X-Other: x\n"
    "Content-Type: multipart/mixed; boundary=b\n"
    "\n"
    "prologue\n"
    "--b\n"
    "Content-Type: text/plain; charset=utf-8\n"
    "Content-Transfer-Encoding: quoted-printable\n"
    "\n"
    "caf=C3=A9=\n"
    "x\n"
    "--b\n"
    "Content-Type: message/rfc822\n"
    "\n"
    "Subject: inner\n"
    "Content-Type: multipart/alternative; boundary=c\n"
    "\n"
    "--c\n"
    "\n"
    "deep\n"
    "--c\n"
    "Content-Type: application/octet-stream\n"
    "Content-Transfer-Encoding: base64\n"
    "\n"
    "AAEC\n"
    "--c--\n"
    "--b--\n";

static const struct {
	const char *label;
	enum section_kind kind;
	enum section_form form;
	uint32_t part[4];
	size_t part_count;
	const char *field; /* of FIELDS */
	enum account_status status;
	const char *want;
	size_t want_len;
} cases[] = {
#define TEXT(text) ACCOUNT_OK, text, sizeof(text) - 1
	{ "HEADER", SECTION_HEADER, SECTION_AS_SENT, { 0 }, 0, NULL,
	    TEXT("From: a@b\r\nSubject: one\r\n two\r\nX-Other: x\r\n"
		 "Content-Type: multipart/mixed; boundary=b\r\n\r\n") },
	{ "HEADER.FIELDS", SECTION_FIELDS, SECTION_AS_SENT, { 0 }, 0, "SUBJECT",
	    TEXT("Subject: one\r\n two\r\n\r\n") },
	{ "HEADER.FIELDS, none there", SECTION_FIELDS, SECTION_AS_SENT, { 0 },
	    0, "Cc", TEXT("\r\n") },
	{ "HEADER.FIELDS.NOT", SECTION_FIELDS_NOT, SECTION_AS_SENT, { 0 }, 0,
	    "Content-Type",
	    TEXT("From: a@b\r\nSubject: one\r\n two\r\nX-Other: x\r\n\r\n") },
	{ "1", SECTION_WHOLE, SECTION_AS_SENT, { 1 }, 1, NULL,
	    TEXT("caf=C3=A9=\r\nx") },
	{ "1.MIME", SECTION_MIME, SECTION_AS_SENT, { 1 }, 1, NULL,
	    TEXT("Content-Type: text/plain; charset=utf-8\r\n"
		 "Content-Transfer-Encoding: quoted-printable\r\n\r\n") },
	{ "BINARY[1]", SECTION_WHOLE, SECTION_DECODED, { 1 }, 1, NULL,
	    TEXT("caf\xc3\xa9x") },
	{ "2.HEADER", SECTION_HEADER, SECTION_AS_SENT, { 2 }, 1, NULL,
	    TEXT("Subject: inner\r\n"
		 "Content-Type: multipart/alternative; boundary=c\r\n\r\n") },
	{ "2.HEADER.FIELDS", SECTION_FIELDS, SECTION_AS_SENT, { 2 }, 1,
	    "subject", TEXT("Subject: inner\r\n\r\n") },
	{ "2.TEXT", SECTION_TEXT, SECTION_AS_SENT, { 2 }, 1, NULL,
	    TEXT("--c\r\n\r\ndeep\r\n--c\r\n"
		 "Content-Type: application/octet-stream\r\n"
		 "Content-Transfer-Encoding: base64\r\n\r\nAAEC\r\n--c--") },
	{ "2.1", SECTION_WHOLE, SECTION_AS_SENT, { 2, 1 }, 2, NULL,
	    TEXT("deep") },
	{ "BINARY[2.2]", SECTION_WHOLE, SECTION_DECODED, { 2, 2 }, 2, NULL,
	    TEXT("\0\1\2") },
	{ "3", SECTION_WHOLE, SECTION_AS_SENT, { 3 }, 1, NULL, ACCOUNT_NO_PART,
	    "", 0 },
	{ "1.HEADER", SECTION_HEADER, SECTION_AS_SENT, { 1 }, 1, NULL,
	    ACCOUNT_NO_PART, "", 0 },
};

/* In pieces of step octets, one after another. */
static enum account_status
read_section(struct folder *folder, size_t i, const struct section *section,
    uint64_t step, struct buf *into, uint64_t *octets)
{
	struct folder_section *opened;
	size_t before;
	enum account_status status =
	    folder_section_open(folder, i, section, &opened, octets);

	if (status != ACCOUNT_OK)
		return status;
	do {
		before = into->len;
		status =
		    folder_section_read(opened, into->len, step, collect, into);
	} while (status == ACCOUNT_OK && into->len == before + step);
	folder_section_close(opened);
	return status;
}

static bool
section_is(struct folder *folder, size_t i, const struct section *section,
    enum account_status status, struct span want)
{
	static const uint64_t steps[] = { UINT64_MAX, 1, 3, 7, 100 };
	bool is_same = true;

	for (size_t k = 0; k < sizeof(steps) / sizeof(*steps) && is_same; k++) {
		struct buf text = buf_new(1 << 24);
		uint64_t octets = 0;

		is_same = read_section(folder, i, section, steps[k], &text,
			      &octets) == status &&
			  span_equal(buf_span(&text), want) &&
			  octets == want.len;
		if (!is_same)
			printf("# step %llu: %.*s\n",
			    (unsigned long long)steps[k], (int)text.len,
			    text.data);
		buf_free(&text);
	}
	return is_same;
}

static struct folder *
open_inbox(struct account **account)
{
	char path[4096] = "maildir:";
	struct folder *folder = NULL;

	if (getcwd(path + 8, sizeof(path) - 16) == NULL)
		exit(1);
	strncat(path, "/m", 3);
	if (account_open(account, path) != ACCOUNT_OK)
		exit(1);
	put_bytes("m/cur/1.a.host:2,", span_of(message));
	put_bytes(
	    "m/cur/2.b.host:2,", (struct span){ "A: b\n\n\0x\ny\r\nz", 13 });
	struct buf large = buf_new(1 << 24);
	buf_add_string(&large, "Subject: large\n\n");
	for (int i = 0; i < 50000; i++)
		buf_printf(&large, "line %d%s\n", i, i % 3 == 0 ? "\r" : "");
	put_bytes("m/cur/3.c.host:2,", buf_span(&large));
	buf_free(&large);
	put_bytes("m/cur/4.d.host:2,",
	    (struct span){ "From: a\nA: \0x\0\n \0\r\n\n", 20 });
	if (folder_open(&folder, *account, span_of("INBOX"), false) !=
	    ACCOUNT_OK)
		exit(1);
	return folder;
}

/* 64 KiB at a time, as clients fetch what is large. */
static void
test_large(struct folder *folder)
{
	const struct section whole = { .kind = SECTION_WHOLE };
	struct buf once = buf_new(1 << 24);
	struct buf pieces = buf_new(1 << 24);
	struct folder_section *section;
	uint64_t octets = 0;

	read_section(folder, 2, &whole, UINT64_MAX, &once, &octets);
	read_section(folder, 2, &whole, 65536, &pieces, &octets);
	CHECK("in pieces as at once",
	    once.len > 500000 &&
		span_equal(buf_span(&once), buf_span(&pieces)) &&
		folder_octets(folder, 2, &octets) == ACCOUNT_OK &&
		octets == once.len);
	buf_clear(&pieces);
	if (folder_section_open(folder, 2, &whole, &section, &octets) !=
	    ACCOUNT_OK)
		exit(1);
	folder_section_read(section, 400000, 1000, collect, &pieces);
	buf_clear(&pieces);
	folder_section_read(section, 1000, 1000, collect, &pieces);
	CHECK(
	    "forwards and back", span_equal(buf_span(&pieces),
				     span_slice(buf_span(&once), 1000, 1000)));
	buf_clear(&pieces);
	CHECK("past the end is nothing",
	    folder_section_read(section, 1 << 24, 10, collect, &pieces) ==
		    ACCOUNT_OK &&
		pieces.len == 0);
	folder_section_close(section);
	buf_free(&once);
	buf_free(&pieces);
}

/* Another session expunges what is being read. */
static void
test_gone(struct folder *folder)
{
	const struct section whole = { .kind = SECTION_WHOLE };
	const struct section third = { .part = (const uint32_t[]){ 3 },
		.part_count = 1 };
	struct buf text = buf_new(1 << 16);
	struct folder_section *section;
	uint64_t octets = 0;

	if (folder_section_open(folder, 0, &whole, &section, &octets) !=
		ACCOUNT_OK ||
	    unlink("m/cur/1.a.host:2,") == -1)
		exit(1);
	CHECK("what is open is read to its end",
	    folder_section_read(section, 0, UINT64_MAX, collect, &text) ==
		    ACCOUNT_OK &&
		text.len == octets);
	folder_section_close(section);
	CHECK("a message that is gone is not one without the part",
	    folder_section_open(folder, 0, &third, &section, &octets) ==
		    ACCOUNT_NONEXISTENT &&
		folder_message(folder, 0)->is_expunged);
	buf_free(&text);
}

int
main(void)
{
	struct account *account = NULL;

	scratch_enter();
	struct folder *folder = open_inbox(&account);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct span field =
		    span_of(cases[i].field == NULL ? "" : cases[i].field);
		const struct section section = { .kind = cases[i].kind,
			.form = cases[i].form,
			.part = cases[i].part,
			.part_count = cases[i].part_count,
			.fields = &field,
			.field_count = cases[i].field != NULL };

		CHECK(cases[i].label,
		    section_is(folder, 0, &section, cases[i].status,
			(struct span){ cases[i].want, cases[i].want_len }));
	}
	const struct section whole = { .kind = SECTION_WHOLE };
	CHECK("NUL, LF, CRLF, an open last line",
	    section_is(folder, 1, &whole, ACCOUNT_OK,
		span_of("A: b\r\n\r\n\x80x\r\ny\r\nz")));
	const struct section not_from = { .kind = SECTION_FIELDS_NOT,
		.fields = &(const struct span){ "From", 4 },
		.field_count = 1 };
	CHECK("NUL in a field that is picked",
	    section_is(folder, 3, &not_from, ACCOUNT_OK,
		span_of("A: \x80x\x80\r\n \x80\r\n\r\n")));
	const struct section binary = { .kind = SECTION_WHOLE,
		.form = SECTION_DECODED };
	CHECK("BINARY[] of it has the NUL, and its lines end with CRLF",
	    section_is(folder, 1, &binary, ACCOUNT_OK,
		(struct span){ "A: b\r\n\r\n\0x\r\ny\r\nz", 16 }));
	test_large(folder);
	test_gone(folder);
	folder_close(folder);
	account_close(account);
	return test_result();
}
