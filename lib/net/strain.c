#include "net/strain.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/die.h"

enum {
	PAGE = 4096,
	BEGINS = 80, /* percent of the places that are taken */
	ENDS = 70
};

struct strain *
strain_make(uint64_t max)
{
	struct strain *strain = malloc(sizeof(*strain));
	int fd = memfd_create("strain", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (strain == NULL || fd == -1 || ftruncate(fd, PAGE) == -1)
		temp_fail("cannot make a page to share");
	void *written =
	    mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (written == MAP_FAILED ||
	    madvise(written, PAGE, MADV_DONTFORK) == -1 ||
	    fcntl(fd, F_ADD_SEALS,
		F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_FUTURE_WRITE) == -1)
		temp_fail("cannot keep a page from being written");
	void *seen = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	if (seen == MAP_FAILED)
		temp_fail("cannot share a page");
	close(fd);
	*strain =
	    (struct strain){ .max = max, .written = written, .seen = seen };
	return strain;
}

void
strain_measure(struct strain *strain, uint64_t taken)
{
	bool was_on = strain_is_on(strain);
	bool is_on = taken * 100 / strain->max >= (was_on ? ENDS : BEGINS);

	if (is_on == was_on)
		return;
	atomic_store_explicit(strain->written, is_on, memory_order_relaxed);
	log_event(is_on ? "strain begins connections=%llu"
			: "strain ends connections=%llu",
	    (unsigned long long)taken);
}

bool
strain_is_on(const struct strain *strain)
{
	return strain != NULL &&
	       atomic_load_explicit(strain->seen, memory_order_relaxed);
}
