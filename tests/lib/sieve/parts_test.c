/*
 * parts_test - references to variables, names that are near others, addresses,
 * and the arena.
 */

#include "sieve/suggest.h"
#include "sieve/tree.h"
#include "sieve/values.h"
#include "sieve/variable.h"

#include "test.h"

/* ---- RFC 5229 section 3 ---- */

/* Each reference as <namespace/name>, or <number>. */
static const struct {
	const char *text;
	const char *shown;
} references[] = {
	{ "", "" },
	{ "&%${}!", "&%${}!" },
	{ "${doh!}", "${doh!}" },
	{ "${full}", "</full>" },
	{ "a${b}c${D_1}", "a</b>c</D_1>" },
	{ "${BAD${Company}", "${BAD</Company>" },
	{ "${President, ${Company} Inc.}", "${President, </Company> Inc.}" },
	{ "${fo\\o}", "${fo\\o}" },
	{ "\\${foo}", "\\</foo>" },
	{ "$${a}}", "$</a>}" },
	{ "${1}${0}${007}${32}", "<1><0><7><32>" },
	{ "${33}${99999999999999999999}", "<33><33>" },
	{ "${1a}", "${1a}" },
	{ "${global.a}${a.1.b}${a.b.2}", "<global/a><a.1/b><a.b/2>" },
	{ "${.a}${a.}${a..b}${1.a}", "${.a}${a.}${a..b}${1.a}" },
	{ "${a", "${a" },
	{ "$", "$" },
	{ "${", "${" },
};

static void
test_variables(void)
{
	struct buf shown = buf_new(200);

	for (size_t i = 0; i < sizeof(references) / sizeof(*references); i++) {
		struct span rest = span_of(references[i].text);
		struct variable variable;
		struct span before;
		size_t count = 0;

		buf_clear(&shown);
		for (; variable_next(&rest, &before, &variable); count++) {
			buf_add(&shown, before);
			if (variable.is_match && variable.space.len == 0)
				buf_printf(&shown, "<%u>", variable.match);
			else
				buf_printf(&shown, "<%.*s/%.*s>",
				    (int)variable.space.len, variable.space.ptr,
				    (int)variable.name.len, variable.name.ptr);
		}
		buf_add(&shown, before);
		CHECK(references[i].text,
		    rest.len == 0 &&
			span_equal(
			    buf_span(&shown), span_of(references[i].shown)) &&
			variable_is_in(span_of(references[i].text)) ==
			    (count > 0));
	}
	buf_free(&shown);
}

/* ---- names ---- */

static const struct {
	const char *wrong;
	const char *right; /* NULL: none is near */
} names[] = {
	{ "filinto", "fileinto" },
	{ "FILEINTO", "fileinto" },
	{ "fielinto", "fileinto" },
	{ "fileinot", "fileinto" },
	{ "keeep", "keep" },
	{ "kp", NULL },
	{ "", NULL },
	{ "frobnicate", NULL },
	{ "discrad", "discard" },
	{ "kkeepp", "keep" },
};

static void
test_suggestions(void)
{
	static const char *const all[] = { "keep", "fileinto", "discard" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct suggestion found = suggest_for(span_of(names[i].wrong));

		for (size_t j = 0; j < sizeof(all) / sizeof(*all); j++)
			suggest(&found, all[j]);
		CHECK(names[i].wrong,
		    names[i].right == NULL
			? found.best == NULL
			: found.best != NULL &&
			      strcmp(found.best, names[i].right) == 0);
	}
}

/* ---- addresses ---- */

static const struct {
	const char *text;
	bool is_address;
} addresses[] = {
	{ "tim@example.org", true },
	{ " tim@example.org ", true },
	{ "Tim <tim@example.org>", true },
	{ "\"Tim, \\\"T\\\" <x>\" T. <tim@example.org>", true },
	{ "J\xc3\xbcrgen <j\xc3\xbcrgen@example.org>", true },
	{ "\"a b\"@example.org", true },
	{ "tim", false },
	{ "tim@", false },
	{ "<tim>", false },
	{ "a@example.org b@example.org", false },
	{ "a@example.org,b@example.org", false },
	{ "Tim, T <tim@example.org>", false },
	{ "\"Tim <tim@example.org>", false },
	{ "Tim\r\nBcc: <tim@example.org>", false },
	{ "Tim <tim@example.org> x", false },
	{ ">", false },
	{ "<", false },
};

static void
test_addresses(void)
{
	for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++)
		CHECK(addresses[i].text,
		    values_is_address(span_of(addresses[i].text)) ==
			addresses[i].is_address);
}

/* ---- the arena ---- */

static bool
is_zero(const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

static void
test_arena(void)
{
	struct sieve_arena *arena = sieve_arena_new(100000);
	bool are_right = true;

	for (size_t size = 0; size < 300; size++) {
		char *bytes = sieve_arena_take(arena, size);

		are_right = are_right && bytes != NULL &&
			    (uintptr_t)bytes % _Alignof(max_align_t) == 0 &&
			    is_zero(bytes, size);
		if (bytes != NULL)
			memset(bytes, 'x', size);
	}
	CHECK("pieces are zero and aligned", are_right);
	CHECK("a large one", is_zero(sieve_arena_take(arena, 40000), 40000));
	struct span copy = sieve_arena_copy(arena, span_of("abc"));
	CHECK("a copy", span_equal(copy, span_of("abc")));
	copy = sieve_arena_copy(arena, span_of(""));
	CHECK("a copy of nothing", copy.ptr != NULL && copy.len == 0);
	CHECK("no more room", sieve_arena_take(arena, 100000) == NULL &&
				  sieve_arena_take(arena, SIZE_MAX) == NULL);
	copy = sieve_arena_copy(
	    arena, (struct span){ (const char *)&copy, SIZE_MAX / 2 });
	CHECK("no room for a copy", copy.ptr == NULL);
	CHECK("room for less", sieve_arena_take(arena, 100) != NULL);
	sieve_arena_free(arena);
	sieve_arena_free(NULL);
}

int
main(void)
{
	test_variables();
	test_suggestions();
	test_addresses();
	test_arena();
	return test_result();
}
