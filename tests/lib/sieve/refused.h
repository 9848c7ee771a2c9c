#ifndef TESTS_LIB_SIEVE_REFUSED_H
#define TESTS_LIB_SIEVE_REFUSED_H

/*
 * refused - scripts that do not compile, and what is said of them.
 */

#include "sieve/sieve.h"

#include "test.h"

struct refused {
	const char *script;
	const char *error; /* behind "line 1: " */
};

/* Those that have more than one, or are of more lines. */
struct refused_whole {
	const char *script;
	const char *errors;
};

static void
check_refused(struct span script, const char *expected)
{
	struct buf errors = buf_new(SIEVE_ERRORS_MAX);
	struct sieve_script *made = sieve_compile(script, &errors);
	bool is_right =
	    made == NULL && span_equal(buf_span(&errors), span_of(expected));

	CHECK(script.ptr, is_right);
	if (!is_right)
		printf("# %.*s", (int)errors.len,
		    errors.len == 0 ? "" : errors.data);
	sieve_free(made);
	buf_free(&errors);
}

static void
check_all_refused(const struct refused *bad, size_t bad_count,
    const struct refused_whole *worse, size_t worse_count)
{
	struct buf expected = buf_new(1000);

	for (size_t i = 0; i < bad_count; i++) {
		buf_clear(&expected);
		buf_printf(&expected, "line 1: %s\n", bad[i].error);
		check_refused(span_of(bad[i].script), buf_string(&expected));
	}
	for (size_t i = 0; i < worse_count; i++)
		check_refused(span_of(worse[i].script), worse[i].errors);
	buf_free(&expected);
}

#endif
