/* acl_test - the text of folderacl(5): rights, identifiers, and what is none.
 */

#include "store/acl.h"

#include "test.h"

#define FIRST "estafeta-acl 1\n"

static const char file[] = FIRST "lr anyone\nlrswi Joe\nw -joe\ns joe x\n"
				 "a -anyone\nlra bob\nt a@b.example\n";

static const struct {
	const char *user;
	uint32_t rights;
} users[] = {
	{ "joe", ACL_LOOKUP | ACL_READ | ACL_SEEN | ACL_INSERT },
	{ "JOE", ACL_LOOKUP | ACL_READ | ACL_SEEN | ACL_INSERT },
	{ "joe x", ACL_LOOKUP | ACL_READ | ACL_SEEN },
	{ "bob", ACL_LOOKUP | ACL_READ },
	{ "a@b.example", ACL_LOOKUP | ACL_READ | ACL_DELETE_MESSAGES },
	{ "nobody", ACL_LOOKUP | ACL_READ },
	{ "-joe", ACL_LOOKUP | ACL_READ },
};

static const struct {
	const char *user;
	const char *groups;
	uint32_t rights;
} members[] = {
	{ "ann", "", 0 },
	{ "ann", "staff,", ACL_LOOKUP | ACL_READ },
	{ "joe", "users,staff,", ACL_LOOKUP | ACL_READ | ACL_DELETE_MESSAGES },
	{ "ann", "staff,wheel,", ACL_LOOKUP | ACL_READ | ACL_WRITE },
	{ "ann", "guests,staff,", ACL_LOOKUP },
	{ "ann", "staf,staffs,Staff,$staff,", 0 },
	{ "$staff", "", 0 },
	{ "staff", "", 0 },
};

static const char *const bad[] = { "", "\n", "estafeta-acl 1",
	"estafeta-acl 2\n", " " FIRST, FIRST "l", FIRST "l joe", FIRST "l\n",
	FIRST "\n", FIRST " joe\n", FIRST "l \n", FIRST "l -\n",
	FIRST "l --joe\n", FIRST "q joe\n", FIRST "L joe\n",
	FIRST "l joe\nl\tbob\n", FIRST "l joe\x01\n", FIRST "l jo\xff\n",
	FIRST "l joe\r\n", FIRST "l \xc2\x85\n" };

static const struct {
	const char *text;
	const char *prepared; /* NULL: it is none */
} identifiers[] = {
	{ "joe", "joe" }, { "Joe@Example.org", "Joe@Example.org" },
	{ "a b", "a b" }, { "ju\xcc\x88le", "j\xc3\xbcle" },
	{ "\xef\xbc\xaa", "J" }, /* full width */
	{ "", NULL }, { "-joe", NULL },
	{ "\xef\xbc\x8djoe", NULL }, /* full width "-" */
	{ "j\noe", NULL }, { "j\x7f", NULL }, { "j\xff", NULL },
	{ "j\xc2\x85", NULL },
	{ "jo\302\255e", "joe" },     /* soft hyphen: mapped to nothing */
	{ "\xd7\x90j", NULL },        /* two directions */
	{ "\xee\x80\x80", NULL },     /* of private use */
	{ "\xc2\xad", NULL },         /* nothing is left */
	{ "\xf0\x9f\x98\x80", NULL }, /* Unicode 3.2 did not have it */
};

static const struct {
	const char *text;
	bool is_good;
	const char *written;
} rights[] = { { "", true, "" }, { "lrs", true, "lrs" },
	{ "aetxkpiwsrl", true, "lrswipkxtea" }, { "c", true, "kx" },
	{ "d", true, "te" }, { "llr", true, "lr" }, { "l r", false, NULL },
	{ "R", false, NULL }, { "0", false, NULL } };

static void
check_many(size_t count, bool is_good)
{
	struct buf text = buf_new(ACL_FILE_MAX * 2);
	struct span lines;

	buf_add_string(&text, FIRST);
	for (size_t i = 0; i < count; i++)
		buf_printf(&text, "l user%zu\n", i);
	CHECK("so many entries", acl_parse(buf_span(&text), &lines) == is_good);
	buf_free(&text);
}

int
main(void)
{
	struct span lines;

	CHECK("a file", acl_parse(span_of(file), &lines));
	for (size_t i = 0; i < sizeof(users) / sizeof(*users); i++)
		CHECK(users[i].user,
		    acl_rights_of(lines, span_of(users[i].user), span_of("")) ==
			users[i].rights);
	CHECK("a file with groups",
	    acl_parse(span_of(FIRST "lr $staff\nw $wheel\nr -$guests\nt joe\n"),
		&lines));
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
		CHECK(members[i].groups,
		    acl_rights_of(lines, span_of(members[i].user),
			span_of(members[i].groups)) == members[i].rights);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(bad[i], !acl_parse(span_of(bad[i]), &lines));
	for (size_t i = 0; i < sizeof(identifiers) / sizeof(*identifiers);
	     i++) {
		struct buf name = buf_new(ACL_IDENTIFIER_MAX);
		const char *prepared = identifiers[i].prepared;
		bool is_one = acl_prepare(span_of(identifiers[i].text), &name);

		CHECK(identifiers[i].text,
		    is_one == (prepared != NULL) &&
			(prepared == NULL ||
			    span_equal(buf_span(&name), span_of(prepared))));
		buf_free(&name);
	}
	for (size_t i = 0; i < sizeof(rights) / sizeof(*rights); i++) {
		struct buf text = buf_new(100);
		uint32_t got;
		bool is_good = acl_parse_rights(span_of(rights[i].text), &got);

		if (is_good)
			acl_add_rights(&text, got);
		CHECK(rights[i].text,
		    is_good == rights[i].is_good &&
			(!is_good || span_equal(buf_span(&text),
					 span_of(rights[i].written))));
		buf_free(&text);
	}
	check_many(ACL_ENTRIES_MAX, true);
	check_many(ACL_ENTRIES_MAX + 1, false);
	return test_result();
}
