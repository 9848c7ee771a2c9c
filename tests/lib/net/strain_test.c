/*
 * strain_test - a session sees the page, and can by no means write it.
 */

#include "net/strain.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

enum {
	PAGE = 4096
};

static void *
page_of(const atomic_bool *address)
{
	return (void *)((uintptr_t)address & ~(uintptr_t)(PAGE - 1));
}

/* The bits of what a session can do; all three must fail. */
static int
attack(const struct strain *strain)
{
	unsigned char core;
	int worked = 0;

	if (mprotect(page_of(strain->seen), PAGE, PROT_READ | PROT_WRITE) == 0)
		worked |= 1;
	if (mincore(page_of(strain->written), PAGE, &core) == 0 ||
	    errno != ENOMEM)
		worked |= 2;
	if (!strain_is_on(strain))
		worked |= 4;
	return worked;
}

int
main(void)
{
	struct strain *strain = strain_make(10);
	int status = -1;

	CHECK("none by hand", !strain_is_on(NULL));
	CHECK("none at first", !strain_is_on(strain));
	strain_measure(strain, 7);
	CHECK("some places are left", !strain_is_on(strain));
	strain_measure(strain, 8);
	CHECK("told", strain_is_on(strain));
	pid_t child = fork();
	if (child == 0)
		_exit(attack(strain));
	waitpid(child, &status, 0);
	CHECK("a child sees it, and cannot write it", status == 0);
	strain_measure(strain, 7);
	CHECK("it stays at the number below", strain_is_on(strain));
	strain_measure(strain, 6);
	CHECK("taken back", !strain_is_on(strain));
	return test_result();
}
