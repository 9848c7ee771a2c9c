/*
 * metadata_test - names of annotations, the lines that keep them, and whose an
 * entry is.
 */

#include "store/metadata.h"

#include <errno.h>

#include "lib/store/maildir.h"
#include "scratch.h"

static const struct {
	const char *entry;
	bool is_entry;
	bool can_be_set;
} names[] = { { "/shared/comment", true, true }, { "/PRIVATE/x y", true, true },
	{ "/private/a/b/c", true, true }, { "/private", true, false },
	{ "/shared", true, false }, { "/private/vendor", true, false },
	{ "/shared/vendor/x", true, false },
	{ "/shared/Vendor/x/y", true, true }, { "/shared/vendors", true, true },
	{ "", false, false }, { "/", false, false },
	{ "/sharedx", false, false }, { "shared/x", false, false },
	{ "/other/x", false, false }, { "/shared/", false, false },
	{ "/shared//x", false, false }, { "/shared/a*", false, false },
	{ "/shared/%", false, false }, { "/shared/a\nb", false, false },
	{ "/shared/\xc3\xa9", false, false } };

static const struct {
	const char *entry;
	const char *name;
	uint32_t depth;
	bool is_within;
} places[] = { { "/private/a", "/private/a", 0, true },
	{ "/private/A", "/Private/a", 0, true },
	{ "/private/a/b", "/private/a", 0, false },
	{ "/private/a/b", "/private/a", 1, true },
	{ "/private/a/b/c", "/private/a", 1, false },
	{ "/private/a/b/c", "/private", UINT32_MAX, true },
	{ "/private/ab", "/private/a", UINT32_MAX, false },
	{ "/private", "/private/a", UINT32_MAX, false } };

static const char *const bad[] = { "", "/private/x", "x value", "/private x",
	"/private/x +", "/private/x +0", "/private/x +0a", "/private/x a=b",
	"/private/x y Folder more", "/private/x\ty", "/private/x y +GG" };

/* ---- a folder's own, or else the account's ---- */

static const struct {
	const char *label;
	const char *lines; /* of the file, behind its version */
	const char *value; /* NULL: there is none */
} owners[] = {
	{ "nobody's", "/shared/x other Else\n/shared/y other F\n", NULL },
	{ "the folder's", "/shared/x own F\n", "own" },
	{ "the account's", "/shared/x all\n", "all" },
	{ "the folder's before the account's",
	    "/shared/x own F\n/shared/x all\n", "own" },
	{ "in either order", "/shared/x all\n/SHARED/X own F\n", "own" },
	{ "also an empty one", "/shared/x all\n/shared/x  F\n", "" },
};

static void
check_owners(void)
{
	const struct span entry = span_of("/shared/x");

	make_maildir("m");
	struct account *account = open_account();
	for (size_t i = 0; i < sizeof(owners) / sizeof(*owners); i++) {
		struct buf text = buf_new(1000);
		struct buf value = buf_new(METADATA_VALUE_MAX);

		buf_add_string(&text, "estafeta-metadata 1\n");
		buf_add_string(&text, owners[i].lines);
		put_bytes("m/estafeta-metadata", buf_span(&text));
		bool is_found = metadata_find_or_accounts(
		    account, span_of("F"), entry, &value);
		CHECK(owners[i].label,
		    owners[i].value == NULL
			? !is_found && errno == 0 && value.len == 0
			: is_found && span_equal(buf_span(&value),
					  span_of(owners[i].value)));
		buf_free(&text);
		buf_free(&value);
	}
	account_close(account);
}

/* ---- what a folder is for: it is not in the file ---- */

static const struct {
	const char *label;
	const char *lines; /* of estafeta-specialuse */
	const char *told;  /* since those before: "FOLDER ENTRY," */
	const char *sent;  /* value of the folder Sent; NULL: it has none */
} uses[] = {
	{ "none to begin with", "", "", NULL },
	{ "a use", "sent Sent\n", "Sent /private/specialuse,", "\\Sent" },
	{ "the same", "sent Sent\n", "", "\\Sent" },
	{ "another's", "sent Sent\njunk A b\n", "A b /private/specialuse,",
	    "\\Sent" },
	{ "two", "junk Sent\nsent Sent\n",
	    "A b /private/specialuse,Sent /private/specialuse,",
	    "\\Junk \\Sent" },
	{ "no word", "nonsense Sent\n", "Sent /private/specialuse,", NULL },
};

static void
take_change(void *context, struct span folder, struct span entry)
{
	buf_add(context, folder);
	buf_add_char(context, ' ');
	buf_add(context, entry);
	buf_add_char(context, ',');
}

static void
check_uses(void)
{
	const struct span entry = span_of("/Private/SpecialUse");
	struct buf told = buf_new(METADATA_TOLD_MAX);

	struct account *account = open_account();
	unlink("m/estafeta-metadata");
	for (size_t i = 0; i < sizeof(uses) / sizeof(*uses); i++) {
		struct buf changes = buf_new(1000);
		struct buf value = buf_new(1000);
		const char *sent = uses[i].sent;

		put_bytes("m/estafeta-specialuse", span_of(uses[i].lines));
		errno = EIO;
		bool has =
		    metadata_find(account, span_of("Sent"), entry, &value);
		CHECK(uses[i].label,
		    sent == NULL
			? !has && errno == 0 && value.len == 0
			: has && span_equal(buf_span(&value), span_of(sent)));
		metadata_changes(account, &told, take_change, &changes);
		CHECK(uses[i].told,
		    span_equal(buf_span(&changes), span_of(uses[i].told)));
		buf_free(&changes);
		buf_free(&value);
	}
	buf_free(&told);
	account_close(account);
}

int
main(void)
{
	struct metadata_line line = metadata_line_new();
	struct buf text = buf_new(1000);
	struct span value = { "a \0+=\n\xff", 7 };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct span entry = span_of(names[i].entry);

		CHECK(names[i].entry,
		    metadata_is_entry(entry) == names[i].is_entry &&
			metadata_can_be_set(entry) == names[i].can_be_set);
	}
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		CHECK(places[i].entry,
		    metadata_is_within(span_of(places[i].entry),
			span_of(places[i].name),
			places[i].depth) == places[i].is_within);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(bad[i], !metadata_line_parse(&line, span_of(bad[i])));
	metadata_line_add(
	    &text, span_of("/private/x y"), value, span_of("A b/\xc3\xa9"));
	text.len--; /* LF */
	CHECK("any bytes",
	    metadata_line_parse(&line, buf_span(&text)) &&
		span_equal(buf_span(&line.entry), span_of("/private/x y")) &&
		span_equal(buf_span(&line.value), value) &&
		span_equal(buf_span(&line.folder), span_of("A b/\xc3\xa9")));
	CHECK("nothing, of the account",
	    metadata_line_parse(&line, span_of("/shared/x ")) &&
		line.value.len == 0 && line.folder.len == 0);
	metadata_line_free(&line);
	buf_free(&text);
	scratch_enter();
	check_owners();
	check_uses();
	return test_result();
}
