/* token_test - tokens of URLs, RFC 4467 section 2.5: test case 1 of RFC 4231,
 * whose key ends with zeros here, which HMAC adds itself. */

#include "imapd/urlauth.h"

#include "test.h"

static const char right[] =
    "01b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7";

static const char *const wrong[] = { "", "01",
	"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
	"02b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
	"01b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff6",
	"01b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cf",
	"01b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff700",
	"01b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff ",
	"000000000000000000000000000000000000000000000000000000000000000000" };

int
main(void)
{
	struct urlkey key = { { 0 } };
	struct buf text = buf_new(100);
	struct span rump = span_of("Hi There");

	memset(key.bytes, 0x0b, 20);
	urlauth_add(&text, &key, rump);
	CHECK("made", span_starts(buf_span(&text), span_of(":internal:")) &&
			  span_equal(span_slice(buf_span(&text), 10, SIZE_MAX),
			      span_of(right)));
	CHECK("right", urlauth_is_token(span_of(right), &key, rump));
	CHECK("of another rump",
	    !urlauth_is_token(span_of(right), &key, span_of("Hi there")));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		CHECK(
		    wrong[i], !urlauth_is_token(span_of(wrong[i]), &key, rump));
	key.bytes[31] = 1;
	CHECK("of another key", !urlauth_is_token(span_of(right), &key, rump));
	buf_free(&text);
	return test_result();
}
