/*
 * base64_test - the vectors of RFC 4648 section 10, every byte, and what is
 * not the one form of its bytes.
 */

#include <string.h>

#include "mail/base64.h"
#include "test.h"

static const struct {
	const char *bytes;
	const char *text;
} vectors[] = {
	{ "", "" },
	{ "f", "Zg==" },
	{ "fo", "Zm8=" },
	{ "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" },
	{ "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
};

static void
test_vectors(void)
{
	char bytes[16];
	size_t len;

	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
		struct buf text = buf_new(64);

		base64_add(&text, span_of(vectors[i].bytes));
		CHECK(vectors[i].bytes,
		    span_equal(buf_span(&text), span_of(vectors[i].text)));
		CHECK(
		    vectors[i].text, base64_decode(span_of(vectors[i].text),
					 bytes, sizeof(bytes), &len) &&
					 span_equal((struct span){ bytes, len },
					     span_of(vectors[i].bytes)));
		buf_free(&text);
	}
}

static void
test_every_byte(void)
{
	struct buf text = buf_new(1024);
	char all[256];
	char back[256];
	size_t len;

	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (char)i;
	base64_add(&text, (struct span){ all, sizeof(all) });
	CHECK("every byte there and back",
	    base64_decode(buf_span(&text), back, sizeof(back), &len) &&
		len == sizeof(all) && memcmp(all, back, len) == 0);
	CHECK("a byte of room too few",
	    !base64_decode(buf_span(&text), back, sizeof(back) - 1, &len));
	buf_free(&text);
}

static void
test_refused(void)
{
	static const char *const bad[] = { "Z", "Zg", "Zg=", "Zg===", "=",
		"====", "Z===", "Zh==", "Zm9=", "Zg==Zg==", "Zm9v\n", " Zm9v",
		"Zm9-", "Zm9_", "Zm=v", "Zm9v*AAA" };
	char bytes[16];
	size_t len;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(bad[i], !base64_decode(
				  span_of(bad[i]), bytes, sizeof(bytes), &len));
}

int
main(void)
{
	test_vectors();
	test_every_byte();
	test_refused();
	return test_result();
}
