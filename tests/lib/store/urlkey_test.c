/* urlkey_test - what is a folder's key, and what not. */

#include "store/urlkey.h"

#include "test.h"

#define FIRST "estafeta-urlkey 1\n"
#define HALF  "00112233445566778899aabbccddeeff"

static const char *const bad[] = { "", FIRST, FIRST "\n", FIRST HALF "\n",
	FIRST HALF HALF, FIRST HALF HALF "\n\n", FIRST HALF HALF "0\n",
	FIRST HALF "00112233445566778899AABBCCDDEEFF\n",
	FIRST HALF "00112233445566778899aabbccddeefg\n",
	"estafeta-urlkey 2\n" HALF HALF "\n", FIRST "\n" HALF HALF,
	HALF HALF "\n" };

int
main(void)
{
	struct urlkey key;

	CHECK("a key", urlkey_parse(span_of(FIRST HALF HALF "\n"), &key) &&
			   key.bytes[0] == 0 && key.bytes[1] == 0x11 &&
			   key.bytes[31] == 0xff);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(bad[i], !urlkey_parse(span_of(bad[i]), &key));
	return test_result();
}
