#include "store/crlf.h"

#include <string.h>

enum {
	BLOCK = 8192
};

/* Lines that are handed out together: each piece costs its takers a call. */
struct block {
	struct crlf *crlf;
	size_t used;
	char bytes[BLOCK];
};

static bool
empty(struct block *block)
{
	struct span piece = { block->bytes, block->used };

	block->used = 0;
	return piece.len == 0 || block->crlf->take(block->crlf->context, piece);
}

static bool
add(struct block *block, struct span bytes)
{
	while (bytes.len > 0) {
		size_t room = sizeof(block->bytes) - block->used;
		size_t take = bytes.len < room ? bytes.len : room;

		memcpy(block->bytes + block->used, bytes.ptr, take);
		block->used += take;
		bytes = span_slice(bytes, take, bytes.len);
		if (block->used == sizeof(block->bytes) && !empty(block))
			return false;
	}
	return true;
}

bool
crlf_add(struct crlf *crlf, struct span bytes)
{
	struct block block;

	block.crlf = crlf;
	block.used = 0;
	while (bytes.len > 0) {
		size_t end = span_index(bytes, '\n');
		char before = end > 0 ? bytes.ptr[end - 1] : crlf->last;

		if (!add(&block, span_slice(bytes, 0, end)))
			return false;
		crlf->last = before;
		if (end == bytes.len)
			break;
		if (!add(&block, span_of(before == '\r' ? "\n" : "\r\n")))
			return false;
		crlf->last = '\n';
		bytes = span_slice(bytes, end + 1, bytes.len);
	}
	return empty(&block);
}

bool
crlf_end(struct crlf *crlf)
{
	return crlf->last == '\n' || crlf_add(crlf, span_of("\n"));
}
