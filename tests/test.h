#ifndef TESTS_TEST_H
#define TESTS_TEST_H

/*
 * test - all a unit test needs: say what must hold; main returns test_result.
 * Each CHECK prints one line of TAP, which prove(1) reads.
 */

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/span.h"

static int test_count;
static int test_failures;

static inline void
test_check(bool held, const char *file, int line, const char *what)
{
	test_count++;
	if (!held)
		test_failures++;
	printf("%sok %d - ", held ? "" : "not ", test_count);
	for (; *what != '\0'; what++)
		putchar(*what < ' ' || *what == '#' ? '.' : *what);
	putchar('\n');
	if (!held)
		printf("# failed at %s:%d\n", file, line);
}

/* label names the case in a table of cases. */
#define CHECK(label, condition)                                                \
	test_check((condition), __FILE__, __LINE__, (label))

static inline int
test_result(void)
{
	printf("1..%d\n", test_count);
	return test_failures == 0 ? 0 : 1;
}

#endif
