/*
 * syntax_test - what is no script, rule by rule of RFC 5228, and what is said
 * of it; limits.
 */

#include "lib/sieve/refused.h"

static const struct refused bad[] = {
	/* section 2.1, 8.1: words */
	{ "keep;\rstop;", "a CR without its LF: \"?\"" },
	{ "redirect \"\xff"
	  "\";",
	    "text that is not UTF-8: \"?\"" },
	{ "# \xff"
	  "\nkeep;",
	    "text that is not UTF-8: \"# ?\"" },
	{ "keep; $", "unexpected \"$\"" },
	{ "keep; /* open", "a comment that is not ended: \"/* open\"" },
	{ "redirect \"open;\nkeep;",
	    "a string that is not ended: \"\"open;?keep;\"" },
	{ "require \"variables\"; set \"a\" text: x\n.\n;",
	    "more on the line of \"text:\": \" x\"" },
	{ "require \"variables\"; set \"a\" text:\nx\n",
	    "a text without the line \".\" that ends it: \"x?\"" },
	{ "if size :over 1X { stop; }", "this is no number: \"1X\"" },
	{ "if size :over 99999999999999999999 { stop; }",
	    "a number that is too large: \"99999999999999999999\"" },
	{ "if size :over 9007199254740992K { stop; }",
	    "a number that is too large: \"9007199254740992K\"" },
	{ "if size : over 1 { stop; }", "a colon without a tag's name: \":\"" },
	{ "if size :over -1 { stop; }", "unexpected \"-\"" },
	/* section 8.2: grammar */
	{ "keep", "\";\" is missing at the end of the script" },
	{ "keep\nstop;", "\";\" is missing between \"keep\" and \"stop\"" },
	{ "keep\nif true { stop; }",
	    "\";\" is missing between \"keep\" and \"if\"" },
	{ "keep;;", "unexpected \";\"" }, { "}", "unexpected \"}\"" },
	{ "if true { keep;", "this block's \"}\" is missing" },
	{ "if true { keep }", "\";\" is missing before \"}\"" },
	{ "if true { } ;", "unexpected \";\"" },
	{ "keep { }", "\"keep\" ends with \";\", and takes no braces" },
	{ "\"a\";", "a command is missing before the string \"a\"" },
	{ "fileinto [\"a\" \"b\"];",
	    "\"]\" or \",\" is missing before the string \"b\"" },
	{ "fileinto [];", "a string is missing before \"]\"" },
	{ "fileinto [\"a\";", "\"]\" or \",\" is missing before \";\"" },
	{ "if anyof (true false) { }",
	    "\"true\" takes no test, but \"false\" follows" },
	{ "if anyof () { }", "a test is missing before \")\"" },
	{ "if anyof (true { }", "\")\" or \",\" is missing before \"{\"" },
	{ "if anyof true { }", "\"anyof\" needs its tests in parentheses" },
	{ "if (true) { }", "\"if\" takes one test: allof (...) and anyof (...) "
			   "make one of many" },
	{ "if not (true, false) { }", "\"not\" takes one test: allof (...) and "
				      "anyof (...) make one of many" },
	{ "if { }", "\"if\" needs a test" },
	{ "if true, false { }", "\";\" is missing before \",\"" },
	{ "keep true;", "\"keep\" takes no test, but \"true\" follows" },
	/* section 2.6: arguments */
	{ "redirect;", "\"redirect\" needs its address: a string" },
	{ "redirect \"a@example.org\" \"b\";",
	    "\"redirect\" has an argument too many" },
	{ "keep \"a\";", "\"keep\" takes no argument" },
	{ "redirect 1;", "\"redirect\" needs its address: a string" },
	{ "redirect [\"a@example.org\"];",
	    "\"redirect\" needs its address: a string" },
	{ "require \"copy\"; redirect :copy :copy \"a@example.org\";",
	    "\":copy\" is given twice" },
	{ "if header :is :contains \"a\" \"b\" { }",
	    "\":is\" and \":contains\" exclude each other" },
	{ "if header :comparator \"i;octet\" :comparator \"i;octet\" \"a\" "
	  "\"b\" { }",
	    "\":comparator\" is given twice" },
	{ "if address :all :domain \"a\" \"b\" { }",
	    "\":all\" and \":domain\" exclude each other" },
	{ "if header :foo \"a\" \"b\" { }", "\"header\" has no tag \":foo\"" },
	{ "if header :contians \"a\" \"b\" { }",
	    "\"header\" has no tag \":contians\", did you mean "
	    "\":contains\"?" },
	{ "if header :comparator 1 \"a\" \"b\" { }",
	    "\":comparator\" needs its name: a string" },
	{ "if header :comparator { }",
	    "\":comparator\" needs its name: a string" },
	{ "if header \"a\" { }",
	    "\"header\" needs its keys: a string or a list of them" },
	{ "if exists { }",
	    "\"exists\" needs its header names: a string or a list of them" },
	{ "if header :over 1 \"a\" \"b\" { }",
	    "\"header\" has no tag \":over\"" },
	/* section 2.7: match types and comparators */
	{ "if header :comparator \"i;nothing\" \"a\" \"b\" { }",
	    "there is no comparator \"i;nothing\"" },
	{ "if header :comparator \"i;ascii-numeric\" \"a\" \"b\" { }",
	    "\"i;ascii-numeric\" needs: require "
	    "\"comparator-i;ascii-numeric\";" },
	{ "require \"comparator-i;ascii-numeric\"; if header :contains "
	  ":comparator \"i;ascii-numeric\" \"a\" \"b\" { }",
	    "\"i;ascii-numeric\" compares no parts of strings, as "
	    "\":contains\" does" },
	{ "require \"comparator-i;unicode-casmap\";",
	    "there is no extension \"comparator-i;unicode-casmap\", did you "
	    "mean \"comparator-i;unicode-casemap\"?" },
	/* section 2.4.2.4: encoded characters */
	{ "require \"encoded-character\"; redirect \"${unicode:200000}\";",
	    "\"${unicode:...}\" of a character that there is not" },
	{ "require \"encoded-character\"; redirect \"${Unicode:DF01}\";",
	    "\"${unicode:...}\" of a character that there is not" },
	{ "require [\"encoded-character\", \"${hex:63}opy\"];",
	    "there is no extension \"${hex:63}opy\"" },
	/* section 2.10.5, 3.2: require */
	{ "require \"nothing\";", "there is no extension \"nothing\"" },
	{ "require \"Copy\";",
	    "there is no extension \"Copy\", did you mean \"copy\"?" },
	{ "require \"filinto\";",
	    "there is no extension \"filinto\", did you mean \"fileinto\"?" },
	{ "keep; require \"copy\";",
	    "\"require\" stands after another command: it must come first" },
	{ "require [\"copy\", 1];", "a string is missing before the number 1" },
	{ "fileinto \"a\";", "\"fileinto\" needs: require \"fileinto\";" },
	{ "redirect :copy \"a@example.org\";",
	    "\":copy\" needs: require \"copy\";" },
	{ "if true { require \"copy\"; }",
	    "\"require\" stands after another command: it must come first" },
	/* section 3.1: if */
	{ "else { }", "\"else\" without \"if\" before it" },
	{ "elsif true { }", "\"elsif\" without \"if\" before it" },
	{ "if true { } keep; else { }", "\"else\" without \"if\" before it" },
	{ "if true { } else { } else { }",
	    "\"else\" without \"if\" before it" },
	{ "if true { } else { } elsif true { }",
	    "\"elsif\" without \"if\" before it" },
	{ "if true { } else if true { }",
	    "\";\" is missing between \"else\" and \"if\"" },
	/* names */
	{ "kep;", "unknown command \"kep\", did you mean \"keep\"?" },
	{ "frobnicate :x [\"a\"] { }", "unknown command \"frobnicate\"" },
	{ "if headr \"a\" \"b\" { }",
	    "unknown test \"headr\", did you mean \"header\"?" },
	{ "if keep { }", "\"keep\" is a command and no test" },
	{ "header \"a\" \"b\";",
	    "\"header\" is a test and no command: it stands after \"if\"" },
	{ "if qqqqq { }", "unknown test \"qqqqq\"" },
	/* section 4.2, 5.4, 5.9 */
	{ "redirect \"a\";", "\"a\" is no address" },
	{ "redirect \"Coyote <coyote@example.org\";",
	    "\"Coyote <coyote@example.org\" is no address" },
	{ "redirect \"a@example.org, b@example.org\";",
	    "\"a@example.org, b@example.org\" is no address" },
	{ "redirect \"group: a@example.org;\";",
	    "\"group: a@example.org;\" is no address" },
	{ "redirect \"<@relay:a@example.org>\";",
	    "\"<@relay:a@example.org>\" is no address" },
	{ "redirect \"\";", "\"\" is no address" },
	{ "require \"envelope\"; if envelope \"auth\" \"a\" { }",
	    "\"auth\" is no part of an envelope: those are \"from\" and "
	    "\"to\"" },
	{ "if size 1 { }", "\"size\" needs \":over\" or \":under\"" },
	{ "if size :over { }", "\"size\" needs its limit: a number" },
	{ "if size :over :under 1 { }",
	    "\":over\" and \":under\" exclude each other" },
	{ "if size :over \"1\" { }", "\"size\" needs its limit: a number" },
	/* many */
};

static const struct refused_whole worse[] = {
	{ "if true keep;",
	    "line 1: \"if\" needs its commands in braces\n"
	    "line 1: \"true\" takes no test, but \"keep\" follows\n" },
	{ "else (true) { }", "line 1: \"else\" takes no tests\n"
			     "line 1: \"else\" without \"if\" before it\n" },
	{ "keep; 1; keep \"a\" 1; stop",
	    "line 1: a command is missing before the number 1\n"
	    "line 1: \";\" is missing at the end of the script\n"
	    "line 1: \"keep\" takes no argument\n" },
	{ "redirect \"a@example.org\" :copy;",
	    "line 1: tags come before the other arguments of \"redirect\"\n"
	    "line 1: \":copy\" needs: require \"copy\";\n" },
	{ "require \"copi\";\nfileinto \"a\";\nif headr { kep; }\nelse { "
	  "discard \"a\"; }\nredirect \"a\"",
	    "line 1: there is no extension \"copi\", did you mean \"copy\"?\n"
	    "line 2: \"fileinto\" needs: require \"fileinto\";\n"
	    "line 3: unknown test \"headr\", did you mean \"header\"?\n"
	    "line 3: unknown command \"kep\", did you mean \"keep\"?\n"
	    "line 4: \"discard\" takes no argument\n"
	    "line 5: \";\" is missing at the end of the script\n" },
};

static void
test_tables(void)
{
	check_all_refused(bad, sizeof(bad) / sizeof(*bad), worse,
	    sizeof(worse) / sizeof(*worse));
}

/* A script of one byte many times, within others. */
static struct span
script_of(struct buf *script, const char *before, const char *repeated,
    size_t times, const char *after)
{
	buf_clear(script);
	buf_add_string(script, before);
	for (size_t i = 0; i < times; i++)
		buf_add_string(script, repeated);
	buf_add_string(script, after);
	return buf_span(script);
}

static bool
compiles(struct span text, const char *error)
{
	struct buf errors = buf_new(SIEVE_ERRORS_MAX);
	struct sieve_script *script = sieve_compile(text, &errors);
	bool is_right = error == NULL ? script != NULL && errors.len == 0
				      : script == NULL && !errors.overflow &&
					    strstr(buf_string(&errors), error);

	sieve_free(script);
	buf_free(&errors);
	return is_right;
}

/* RFC 5228 section 2.10.7 wants fifteen levels of blocks and of tests. */
static void
test_depth(struct buf *script)
{
	script_of(script, "", "if true { ", 15, "if ");
	for (size_t i = 0; i < 15; i++)
		buf_add_string(script, "anyof (");
	buf_add_string(script, "true");
	for (size_t i = 0; i < 15; i++)
		buf_add_string(script, ")");
	buf_add_string(script, " { keep; }");
	for (size_t i = 0; i < 15; i++)
		buf_add_string(script, " }");
	CHECK(
	    "fifteen blocks, fifteen tests", compiles(buf_span(script), NULL));
	CHECK("too many blocks",
	    compiles(script_of(script, "", "if true { ", 100000, ""),
		"line 1: more than 32 blocks or tests within each other\n"));
	CHECK("too many tests",
	    compiles(script_of(script, "if ", "not ", 100000, "true { }"),
		"line 1: more than 32 blocks or tests within each other\n"));
	CHECK("tests as deep as can be",
	    compiles(script_of(script, "if ", "not ", 31, "true { }"), NULL));
}

static void
test_sizes(struct buf *script)
{
	CHECK("nothing", compiles(span_of(""), NULL));
	CHECK("as large as can be",
	    compiles(script_of(script, "", "#", SIEVE_SCRIPT_MAX, ""), NULL));
	CHECK("larger",
	    compiles(script_of(script, "", "#", SIEVE_SCRIPT_MAX + 1, ""),
		"the script has more than 1048576 bytes\n"));
	CHECK("many commands",
	    compiles(script_of(script, "", "keep; ", 10000, ""), NULL));
	CHECK("too many commands",
	    compiles(script_of(script, "", "keep;", 200000, ""),
		"the script is too large\n"));
	CHECK("too many tests", compiles(script_of(script, "if anyof (true",
					     ",true", 200000, ") { keep; }"),
				    "the script is too large\n"));
	CHECK("a long string", compiles(script_of(script, "if header \"a\" \"",
					    "x", 256 << 10, "\" { }"),
				   NULL));
	CHECK(
	    "a longer string", compiles(script_of(script, "if header \"a\" \"",
					    "x", (256 << 10) + 1, "\" { }"),
				   "line 1: a string that is too long: "));
	CHECK("many errors",
	    compiles(script_of(script, "", "frobnicate;\n", 1000, ""),
		"there are more errors\n"));
}

/* Lines are those of the error, and in order, though those of grammar are found
 * before others. */
static void
test_lines(void)
{
	check_refused(span_of("# one\r\n/* two\r\n */ frob;\r\nredirect\r\n\r\n"
			      "\"x\";\r\nkeep\r\n\"text\r\n\" }"),
	    "line 3: unknown command \"frob\"\n"
	    "line 6: \"x\" is no address\n"
	    "line 9: \";\" is missing before \"}\"\n"
	    "line 9: unexpected \"}\"\n");
	check_refused(
	    (struct span){ "keep; \0", 7 }, "line 1: a NUL byte: \"?\"\n");
	check_refused((struct span){ "redirect \"\0\";", 13 },
	    "line 1: a NUL byte: \"?\"\n");
}

int
main(void)
{
	struct buf script = buf_new(2 << 20);

	test_tables();
	test_depth(&script);
	test_sizes(&script);
	test_lines();
	buf_free(&script);
	return test_result();
}
