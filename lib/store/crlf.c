#include "store/crlf.h"

bool
crlf_add(struct crlf *crlf, struct span bytes)
{
	while (bytes.len > 0) {
		size_t end = span_index(bytes, '\n');
		char before = end > 0 ? bytes.ptr[end - 1] : crlf->last;

		if (end > 0 &&
		    !crlf->take(crlf->context, span_slice(bytes, 0, end)))
			return false;
		crlf->last = before;
		if (end == bytes.len)
			return true;
		if (!crlf->take(
			crlf->context, span_of(before == '\r' ? "\n" : "\r\n")))
			return false;
		crlf->last = '\n';
		bytes = span_slice(bytes, end + 1, bytes.len);
	}
	return true;
}

bool
crlf_end(struct crlf *crlf)
{
	return crlf->last == '\n' || crlf_add(crlf, span_of("\n"));
}
