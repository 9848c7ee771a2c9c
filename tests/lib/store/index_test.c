/*
 * index_test - rows in SQLite's file, which may be anything: signatures say no
 * only where they may.
 */

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "lib/store/maildir.h"
#include "scratch.h"
#include "store/index.h"
#include "store/signature.h"
#include "test.h"

static const struct uidlist_header ours = { 7,
	"0123456789abcdef0123456789abcdef" };

static void
store_rows(struct index *index, uint32_t first, uint32_t last)
{
	struct buf row = buf_new(4096);
	struct digest digest = { .numbers = { 5, 6 } };

	if (!index_begin(index))
		exit(1);
	for (uint32_t uid = first; uid <= last; uid++) {
		buf_clear(&row);
		digest_add_row(&row, &digest, DIGEST_SIZES, uid);
		index_store(index, DIGEST_SIZES, uid, buf_span(&row));
	}
	index_commit(index);
	buf_free(&row);
}

static void
count_row(void *context, uint32_t uid, struct span row)
{
	struct digest digest;
	size_t *count = context;

	*count += digest_read_row(&digest, DIGEST_SIZES, uid, row) &&
		  !digest_read_row(&digest, DIGEST_SIZES, uid + 1, row) &&
		  digest.numbers[DIGEST_OCTETS] == 5;
}

static size_t
count_rows(struct index *index)
{
	size_t count = 0;

	index_read(index, DIGEST_SIZES, 1, 100000, count_row, &count);
	return count;
}

static uint32_t
next_live(void *context)
{
	uint32_t *uid = context;

	return ++*uid <= 10 ? *uid : 0;
}

static struct index *
open_index(const struct uidlist_header *header)
{
	char path[4096];
	struct index *index = NULL;

	if (getcwd(path, sizeof(path)) != NULL)
		index = index_open(path, header);
	if (index == NULL)
		exit(1);
	return index;
}

static void
test_index(void)
{
	struct index *index = open_index(&ours);
	uint32_t live = 0;

	store_rows(index, 1, 5000);
	CHECK("rows", count_rows(index) == 5000);
	index_trim(index, 4000, next_live, &live);
	CHECK("few are gone: none goes", count_rows(index) == 5000);
	index_trim(index, 10, next_live, &live);
	CHECK("most are gone", count_rows(index) == 10);
	index_close(index);
	index = open_index(&ours);
	CHECK("again", count_rows(index) == 10);
	struct index *other = open_index(&ours);
	CHECK("one writes", index_begin(index));
	CHECK("another does without", !index_begin(other));
	CHECK("and reads", count_rows(other) == 10);
	index_commit(index);
	index_close(other);
	index_close(index);
	struct uidlist_header changed = ours;
	changed.uid_validity++;
	index = open_index(&changed);
	CHECK("another list, another index", count_rows(index) == 0);
	index_close(index);
}

static void
test_garbage(void)
{
	struct stat status;

	put("estafeta-index", "no database, but long enough for a header to "
			      "be looked for in it, and a little more than "
			      "that, so that it is one hundred bytes");
	struct index *index = open_index(&ours);
	store_rows(index, 1, 3);
	CHECK("garbage is begun anew", count_rows(index) == 3);
	index_close(index);
	store_rows(index = open_index(&ours), 1, 2000);
	index_close(index);
	int fd = open("estafeta-index", O_RDWR | O_CLOEXEC);
	char junk[4096];
	memset(junk, 'j', sizeof(junk));
	if (fd == -1 || fstat(fd, &status) == -1)
		exit(1);
	for (off_t at = 8192; at < status.st_size; at += 16384)
		if (pwrite(fd, junk, sizeof(junk), at) == -1)
			exit(1);
	close(fd);
	index = open_index(&ours);
	CHECK("torn pages give no false rows", count_rows(index) < 2000);
	index_close(index);
	index = open_index(&ours);
	store_rows(index, 1, 3);
	CHECK("and are mended", count_rows(index) >= 3);
	index_close(index);
	CHECK("nobody else may read it", stat("estafeta-index", &status) == 0 &&
					     (status.st_mode & 0777) == 0600);
}

static bool
may_have(const char *text, const char *needle)
{
	struct signature *signature = malloc(sizeof(*signature));
	struct buf bytes = buf_new(SIGNATURE_MAX);

	if (signature == NULL)
		exit(1);
	signature_begin(signature, strlen(text));
	for (size_t i = 0; i < strlen(text); i++)
		signature_add(signature, span_slice(span_of(text), i, 1));
	signature_end(signature, &bytes);
	bool may = signature_may_have(buf_span(&bytes), span_of(needle));
	buf_free(&bytes);
	free(signature);
	return may;
}

int
main(void)
{
	scratch_enter();
	test_index();
	test_garbage();
	CHECK("what is there may be",
	    may_have("the quick brown fox", "quick") &&
		may_have("abc", "abc") && may_have("abc", "ab"));
	CHECK("what is not is not", !may_have("the quick brown fox", "zebra") &&
					!may_have("abd", "abc"));
	CHECK("no signature excludes nothing",
	    signature_may_have((struct span){ "", 0 }, span_of("abc")));
	return test_result();
}
