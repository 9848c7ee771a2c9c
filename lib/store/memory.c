#include <stdlib.h>
#include <string.h>

#include "base/die.h"
#include "store/store_kind.h"

void *
store_allocate(void *old, size_t count, size_t size)
{
	void *memory = reallocarray(old, count, size);

	if (memory == NULL)
		temp_fail("out of memory");
	return memory;
}

char *
store_copy(struct span text)
{
	char *copy = store_allocate(NULL, text.len + 1, 1);

	if (text.len > 0)
		memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	return copy;
}
