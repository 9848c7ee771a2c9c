/*
 * extensions_test - the extensions: the examples of their RFCs compile, and
 * what is said of what does not.
 */

#include "lib/sieve/refused.h"

static const struct refused bad[] = {
	/* RFC 5229 */
	{ "set \"a\" \"b\";", "\"set\" needs: require \"variables\";" },
	{ "require \"variables\"; set \"\" \"b\";",
	    "\"\" is no name of a variable" },
	{ "require \"variables\"; set \"a b\" \"c\";",
	    "\"a b\" is no name of a variable" },
	{ "require \"variables\"; set \"1\" \"c\";",
	    "\"1\" is no name of a variable that can be set" },
	{ "require \"variables\"; set \"${a}\" \"c\";",
	    "\"${a}\" has a variable where none can be" },
	{ "require \"variables\"; set \"x.a\" \"c\";",
	    "\"x.a\" is in a namespace that there is not" },
	{ "require \"variables\"; set :lower :upper \"a\" \"c\";",
	    "\":lower\" and \":upper\" exclude each other" },
	{ "require \"variables\"; set :lowerfirst :upperfirst \"a\" \"c\";",
	    "\":lowerfirst\" and \":upperfirst\" exclude each other" },
	{ "require \"variables\"; set :bigger \"a\" \"c\";",
	    "\"set\" has no tag \":bigger\"" },
	{ "require \"variables\"; redirect \"${x.y}\";",
	    "there is no namespace \"x\" of variables" },
	{ "require \"variables\"; redirect \"${33}\";",
	    "there is no match variable above ${32}" },
	{ "require \"variables\"; if string \"a\" { }",
	    "\"string\" needs its keys: a string or a list of them" },
	{ "require \"variables\"; set :encodeurl \"a\" \"c\";",
	    "\":encodeurl\" needs: require \"enotify\";" },
	/* RFC 5230, RFC 6131 */
	{ "require \"vacation\"; vacation :seconds 1 \"a\";",
	    "\":seconds\" needs: require \"vacation-seconds\";" },
	{ "require \"vacation-seconds\"; vacation :days 1 :seconds 1 \"a\";",
	    "\":days\" and \":seconds\" exclude each other" },
	{ "require \"vacation\"; vacation :from \"nobody\" \"a\";",
	    "\"nobody\" is no address" },
	{ "require \"vacation\"; vacation :addresses 1 \"a\";",
	    "\":addresses\" needs its addresses: a string or a list of them" },
	{ "require \"vacation\"; vacation;",
	    "\"vacation\" needs its reason: a string" },
	/* RFC 5231 */
	{ "if header :count \"gt\" \"a\" \"1\" { }",
	    "\":count\" needs: require \"relational\";" },
	{ "require \"relational\"; if header :count \"gr\" \"a\" \"1\" { }",
	    "\"gr\" is no relation: those are \"gt\", \"ge\", \"lt\", \"le\", "
	    "\"eq\" and \"ne\"" },
	{ "require \"relational\"; if header :value \"a\" { }",
	    "\"a\" is no relation: those are \"gt\", \"ge\", \"lt\", \"le\", "
	    "\"eq\" and \"ne\"" },
	/* RFC 5232 */
	{ "setflag \"a\";", "\"setflag\" needs: require \"imap4flags\";" },
	{ "require \"imap4flags\"; setflag \"a\" \"b\";",
	    "\"setflag\" needs: require \"variables\";" },
	{ "require [\"imap4flags\", \"variables\"]; setflag \"a b\" \"c\";",
	    "\"a b\" is no name of a variable" },
	{ "require \"imap4flags\"; addflag;",
	    "\"addflag\" needs its flags: a string or a list of them" },
	{ "require [\"imap4flags\", \"variables\"]; addflag [\"a\", \"b\"] "
	  "\"c\";",
	    "\"addflag\" needs its variable: a string" },
	{ "keep :flags \"a\";", "\":flags\" needs: require \"imap4flags\";" },
	{ "require \"imap4flags\"; if hasflag \"a\" \"b\" { }",
	    "\"hasflag\" needs: require \"variables\";" },
	/* RFC 5233, RFC 5235 */
	{ "if address :user \"from\" \"a\" { }",
	    "\":user\" needs: require \"subaddress\";" },
	{ "require \"subaddress\"; if address :user :domain \"from\" \"a\" { }",
	    "\":user\" and \":domain\" exclude each other" },
	{ "require \"spamtest\"; if spamtest :percent \"1\" { }",
	    "\":percent\" needs: require \"spamtestplus\";" },
	{ "require \"spamtest\"; if spamtest [\"1\"] { }",
	    "\"spamtest\" needs its value: a string" },
	{ "if virustest \"1\" { }",
	    "\"virustest\" needs: require \"virustest\";" },
	/* RFC 5260 */
	{ "require \"date\"; if date \"date\" \"yaer\" \"1\" { }",
	    "\"yaer\" is no part of a date" },
	{ "require \"date\"; if date :zone \"0100\" \"date\" \"year\" \"1\" { "
	  "}",
	    "\"0100\" is no time zone, as \"+0100\" is one" },
	{ "require \"date\"; if date :zone \"+0100\" :originalzone \"date\" "
	  "\"year\" \"1\" { }",
	    "\":zone\" and \":originalzone\" exclude each other" },
	{ "require \"date\"; if currentdate :originalzone \"year\" \"1\" { }",
	    "\"currentdate\" has no tag \":originalzone\"" },
	{ "if header :index 1 \"a\" \"b\" { }",
	    "\":index\" needs: require \"index\";" },
	{ "require \"index\"; if header :last \"a\" \"b\" { }",
	    "\":last\" needs \":index\"" },
	{ "require \"index\"; if header :index 0 \"a\" \"b\" { }",
	    "\":index\" counts from 1 to 2147483647" },
	{ "require \"date\"; if date [\"date\"] \"year\" \"1\" { }",
	    "\"date\" needs its header name: a string" },
	{ "require \"index\"; if exists :index 1 \"a\" { }",
	    "\"exists\" has no tag \":index\"" },
	/* RFC 5293 */
	{ "require \"editheader\"; addheader \"a b\" \"c\";",
	    "\"a b\" is no name of a header field" },
	{ "require \"editheader\"; addheader \"a:\" \"c\";",
	    "\"a:\" is no name of a header field" },
	{ "require \"editheader\"; addheader :index 1 \"a\" \"b\";",
	    "\"addheader\" has no tag \":index\"" },
	{ "require \"editheader\"; deleteheader \"\";",
	    "\"\" is no name of a header field" },
	{ "require \"editheader\"; deleteheader :last \"a\";",
	    "\":last\" needs \":index\"" },
	{ "require \"editheader\"; deleteheader \"a\" \"b\" \"c\";",
	    "\"deleteheader\" has an argument too many" },
	{ "require \"editheader\"; deleteheader;",
	    "\"deleteheader\" needs its field name: a string" },
	/* RFC 5429, RFC 5435 */
	{ "reject \"a\";", "\"reject\" needs: require \"reject\";" },
	{ "require \"reject\"; ereject \"a\";",
	    "\"ereject\" needs: require \"ereject\";" },
	{ "require \"enotify\"; notify :importance \"4\" "
	  "\"mailto:a@example.org\";",
	    "\"4\" is no importance: those are \"1\", \"2\" and \"3\"" },
	{ "require \"enotify\"; notify :options \"a\" "
	  "\"mailto:a@example.org\";",
	    "\"a\" is no option, as \"name=value\" is one" },
	{ "require \"enotify\"; notify :mesage \"a\" \"b\";",
	    "\"notify\" has no tag \":mesage\", did you mean \":message\"?" },
	{ "require \"enotify\"; notify;",
	    "\"notify\" needs its method: a string" },
	/* RFC 5463 */
	{ "if ihave \"copy\" { }", "\"ihave\" needs: require \"ihave\";" },
	{ "require [\"ihave\", \"variables\"]; if ihave \"${a}\" { }",
	    "\"${a}\" has a variable where none can be" },
	{ "require \"ihave\"; fileinto \"a\"; if ihave \"fileinto\" { fileinto "
	  "\"b\"; }",
	    "\"fileinto\" needs: require \"fileinto\";" },
	{ "require \"ihave\"; if ihave \"fileinto\" { frobnicate; }",
	    "unknown command \"frobnicate\"" },
	{ "require \"ihave\"; error;",
	    "\"error\" needs its message: a string" },
	{ "require \"ihave\"; if ihave \"nothing\" { frobnicate; redirect "
	  "\"a\"; }",
	    "\"a\" is no address" },
	{ "error \"a\";", "\"error\" needs: require \"ihave\";" },
	/* RFC 5490, RFC 5173, RFC 5183 */
	{ "require \"fileinto\"; fileinto :create \"a\";",
	    "\":create\" needs: require \"mailbox\";" },
	{ "require \"body\"; if body :raw :text \"a\" { }",
	    "\":raw\" and \":text\" exclude each other" },
	{ "require \"body\"; if body :content \"a\" { }",
	    "\"body\" needs its keys: a string or a list of them" },
	{ "require \"mboxmetadata\"; if metadata \"a\" \"b\" { }",
	    "\"metadata\" needs its keys: a string or a list of them" },
	{ "require \"mboxmetadata\"; if servermetadata \"a\" \"b\" { }",
	    "\"servermetadata\" needs: require \"servermetadata\";" },
	{ "require \"environment\"; if environment [\"a\"] \"b\" { }",
	    "\"environment\" needs its item name: a string" },
	/* RFC 6609 */
	{ "require \"include\"; include :personal :global \"a\";",
	    "\":personal\" and \":global\" exclude each other" },
	{ "require \"include\"; include \"\";", "\"\" is no name of a script" },
	{ "require \"include\"; include \"a\tb\";",
	    "\"a?b\" is no name of a script" },
	{ "require [\"include\", \"variables\"]; include \"${a}\";",
	    "\"${a}\" has a variable where none can be" },
	{ "require \"include\"; global \"a\";",
	    "\"global\" needs: require \"variables\";" },
	{ "require \"variables\"; global \"a\";",
	    "\"global\" needs: require \"include\";" },
	{ "global \"a\";",
	    "\"global\" needs: require [\"include\", \"variables\"];" },
	{ "require [\"include\", \"variables\"]; global \"1\";",
	    "\"1\" is no name of a variable that can be global" },
	{ "require [\"include\", \"variables\"]; global \"global.a\";",
	    "\"global.a\" is no name of a variable that can be global" },
	{ "require [\"include\", \"variables\"]; set \"global.1\" \"a\";",
	    "\"global.1\" is no name of a variable that can be set" },
	{ "require [\"include\", \"variables\"]; set \"global.a.b\" \"a\";",
	    "\"global.a.b\" is in a namespace that there is not" },
	{ "require \"variables\"; set \"global.a\" \"b\";",
	    "\"global.\" needs: require \"include\";" },
	{ "require \"variables\"; redirect \"${global.a}\";",
	    "\"global.\" needs: require \"include\";" },
	{ "return;", "\"return\" needs: require \"include\";" },
	/* RFC 7352 */
	{ "require \"duplicate\"; if duplicate :header \"a\" :uniqueid \"b\" { "
	  "}",
	    "\":header\" and \":uniqueid\" exclude each other" },
	{ "require \"duplicate\"; if duplicate :seconds \"1\" { }",
	    "\":seconds\" needs its value: a number" },
	{ "require \"duplicate\"; if duplicate \"a\" { }",
	    "\"duplicate\" takes no argument" },
	/* draft-murchison-sieve-regex */
	{ "if header :regex \"a\" \"b\" { }",
	    "\":regex\" needs: require \"regex\";" },
	{ "require \"regex\"; if header :regex \"a\" \"(\" { }",
	    "\"(\" is no regular expression: a parenthesis is not "
	    "closed" },
	{ "require \"regex\"; if header :regex \"a\" \"(.)\\\\1\" { }",
	    "\"(.)\\1\" is no regular expression: it refers back" },
	{ "require \"regex\"; if header :regex \"a\" \"((a{99}){99}){99}\" { }",
	    "\"((a{99}){99}){99}\" is no regular expression: it is too long, "
	    "or "
	    "repeats too "
	    "much" },
	{ "require [\"regex\", \"comparator-i;ascii-numeric\"]; if header "
	  ":regex :comparator \"i;ascii-numeric\" \"a\" \"1\" { }",
	    "\"i;ascii-numeric\" compares no parts of strings, as \":regex\" "
	    "does" },
};

static const struct refused_whole worse[] = {
	{ "require \"relational\"; if header :value :is \"gt\" \"a\" \"b\" { }",
	    "line 1: \":value\" needs its relation: a string\n"
	    "line 1: \":value\" and \":is\" exclude each other\n" },
};

static void
test_tables(void)
{
	check_all_refused(bad, sizeof(bad) / sizeof(*bad), worse,
	    sizeof(worse) / sizeof(*worse));
}

/* An example as it stands, and with the line ends that ManageSieve has. */
static void
check_example(const char *label, struct span script)
{
	struct buf errors = buf_new(SIEVE_ERRORS_MAX);
	struct buf crlf = buf_new(2 * script.len);

	for (size_t i = 0; i < script.len; i++) {
		if (script.ptr[i] == '\n')
			buf_add_char(&crlf, '\r');
		buf_add_char(&crlf, script.ptr[i]);
	}
	struct sieve_script *first = sieve_compile(script, &errors);
	struct sieve_script *second = sieve_compile(buf_span(&crlf), &errors);
	CHECK(label, first != NULL && second != NULL && errors.len == 0);
	sieve_free(first);
	sieve_free(second);
	buf_free(&crlf);
	buf_free(&errors);
}

static void
test_examples(void)
{
	FILE *file = fopen("tests/vectors/sieve", "re");
	struct buf script = buf_new(SIEVE_SCRIPT_MAX);
	char label[200] = "";
	char line[1024];

	CHECK("tests/vectors/sieve", file != NULL);
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		if (line[0] != '@') {
			buf_add_string(&script, line);
			continue;
		}
		if (label[0] != '\0')
			check_example(label, buf_span(&script));
		buf_clear(&script);
		snprintf(label, sizeof(label), "%.*s", (int)strcspn(line, "\n"),
		    line);
	}
	check_example(label, buf_span(&script));
	if (file != NULL)
		fclose(file);
	buf_free(&script);
}

static void
test_names(void)
{
	struct buf names = buf_new(2000);
	struct buf errors = buf_new(SIEVE_ERRORS_MAX);

	sieve_add_extensions(&names);
	CHECK("the names",
	    span_starts(buf_span(&names), span_of("body comparator-")) &&
		strstr(buf_string(&names), " fileinto ihave imap4flags ") &&
		strstr(buf_string(&names), " vacation-seconds variables "));
	buf_clear(&errors);
	buf_printf(&errors, "require [");
	struct span rest = buf_span(&names);
	while (rest.len > 0) {
		struct span name = span_cut(&rest, ' ');

		buf_printf(&errors, "\"%.*s\"%s", (int)name.len, name.ptr,
		    rest.len > 0 ? ", " : "];");
	}
	check_example("all of them", buf_span(&errors));
	buf_free(&errors);
	buf_free(&names);
}

static void
test_requires(void)
{
	struct buf errors = buf_new(SIEVE_ERRORS_MAX);
	struct sieve_script *script = sieve_compile(
	    span_of("require [\"copy\", \"vacation-seconds\"];"), &errors);

	CHECK("requires",
	    script != NULL && sieve_requires(script, span_of("copy")) &&
		sieve_requires(script, span_of("vacation-seconds")) &&
		sieve_requires(script, span_of("vacation")) &&
		!sieve_requires(script, span_of("fileinto")) &&
		!sieve_requires(script, span_of("nothing")));
	sieve_free(script);
	buf_free(&errors);
}

int
main(void)
{
	test_tables();
	test_examples();
	test_names();
	test_requires();
	return test_result();
}
