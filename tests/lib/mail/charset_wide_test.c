#include "mail/charset_wide.h"

#include <iconv.h>
#include <string.h>

#include "mail/charset.h"
#include "test.h"

/* What glibc makes of a text in a set is that text again. */
static const struct {
	const char *set;
	const char *iconv; /* its name there */
	const char *text;
} texts[] = {
	{ "Shift_JIS", "CP932", "ASCII 日本語のテキスト ｶﾅ ①纊～表" },
	{ "x-sjis", "CP932", "ソ能\\十" },
	{ "EUC-JP", "EUC-JP", "日本語のテキスト ｶﾅ 丂侄龥 end" },
	{ "ISO-2022-JP", "ISO-2022-JP", "件名: 日本語\nのテキスト, end" },
	{ "iso-2022-jp-1", "ISO-2022-JP-2", "日本 丂侄 x" },
	{ "EUC-KR", "EUC-KR", "한국어 텍스트, 韓國 x" },
	{ "ks_c_5601-1987", "CP949", "똠방각하 펲시콜라" },
	{ "ISO-2022-KR", "ISO-2022-KR", "한국어 텍스트\n둘째 줄" },
	{ "GB2312", "GB2312", "简体中文 text" },
	{ "GBK", "GBK", "繁體 镕 朱鎔基 €" },
	{ "gb18030", "GB18030", "简 éàü ẞ 한 ᠠ 𠀀 😀 ﷼" },
	{ "HZ-GB-2312", "", "~{<:Ky2;S{#,NpJ)l6HK!#~}By~~e.~\nx" },
	{ "Big5", "BIG5", "繁體中文 許功蓋 x" },
	{ "big5-hkscs", "BIG5-HKSCS", "啫𨋢邨 x" },
	{ "UTF-16", "UTF-16", "Straße 日本 𠀀😀 x\n" },
	{ "UTF-16LE", "UTF-16LE", "Straße 日本 𠀀😀 x\n" },
	{ "UTF-16BE", "UTF-16BE", "Straße 日本 𠀀😀 x\n" },
	{ "UTF-16", "UTF-16BE", "without a mark: é" },
	{ "UTF-7", "UTF-7", "Straße 日本語é 𠀀😀, 1+1=2 +é-\nx é" },
	{ "unicode-1-1-utf-7", "UTF-7", "éé" },
};

static size_t
encode(const char *set, const char *text, char *out, size_t room)
{
	char *in = (char *)(uintptr_t)text;
	char *at = out;
	size_t left = strlen(text);
	iconv_t to = iconv_open(set, "UTF-8");

	if (to == (iconv_t)-1 ||
	    iconv(to, &in, &left, &at, &room) == (size_t)-1 ||
	    iconv(to, NULL, NULL, &at, &room) == (size_t)-1)
		return 0;
	iconv_close(to);
	return (size_t)(at - out);
}

static struct buf
decode(const char *set, struct span bytes, size_t piece)
{
	struct charset_stream stream;
	struct buf out = buf_new(4096);

	charset_begin(&stream, span_of(set));
	for (size_t i = 0; i < bytes.len; i += piece)
		charset_piece(&stream, &out, span_slice(bytes, i, piece));
	charset_end(&stream, &out);
	return out;
}

static void
check_decoded(const char *set, struct span bytes, const char *wanted)
{
	for (size_t piece = 1; piece < 6; piece++) {
		struct buf out = decode(set, bytes, piece);

		CHECK(set, span_equal(buf_span(&out), span_of(wanted)));
		buf_free(&out);
	}
}

static void
test_texts(void)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		char bytes[512];
		struct span encoded = span_of(texts[i].text);
		const char *wanted = texts[i].text;

		if (*texts[i].iconv == '\0') {
			wanted = "己所不欲，勿施於人。By~e.x";
		} else {
			size_t len = encode(texts[i].iconv, texts[i].text,
			    bytes, sizeof(bytes));

			CHECK(texts[i].iconv, len > 0);
			encoded = (struct span){ bytes, len };
		}
		check_decoded(texts[i].set, encoded, wanted);
	}
}

/* What is broken spoils nothing behind it. */
static void
test_broken(void)
{
#define BYTES(text) ((struct span){ text, sizeof(text) - 1 })
	check_decoded("shift_jis", BYTES("a\x81 b\x93\xfa"), "a� b日");
	check_decoded("shift_jis", BYTES("a\xff\xfe\x93"), "a��");
	check_decoded("euc-jp", BYTES("\xa0\xa0z\x8f\xa1"), "�z�");
	check_decoded("euc-jp", BYTES("\x8e\x20q"), "� q");
	check_decoded("euc-kr", BYTES("\xc7\xd1\xc7"), "한�");
	check_decoded("gb18030", BYTES("\x81\x30\x20y"), "�0 y");
	check_decoded("gb18030", BYTES("\xff\x80\xfe\x39\xfe\x39"), "�€�");
	check_decoded("big5", BYTES("\xa4\x40\xa4\x20"), "一� ");
	check_decoded("iso-2022-jp", BYTES("\x1b$BF|K\nx"), "日�\nx");
	check_decoded("iso-2022-jp", BYTES("\x1b(Zx\xc1"), "\x1b(Zx�");
	check_decoded("iso-2022-jp", BYTES("\x1b(I6\x1b(B6\x1b$"), "ｶ6�");
	check_decoded("utf-16", BYTES("\xfe\xff\x00z\x00"), "z�");
	check_decoded("utf-16", BYTES("\xff\xfez\0\xff\xfe"), "z\xef\xbb\xbf");
	check_decoded("utf-16le", BYTES("\xff\xfez\0"), "z");
	check_decoded("utf-16be", BYTES("\xd8\x00\x00z\xdc\x00"), "�z�");
	check_decoded("utf-16le", BYTES("\x00\xd8\x00"), "�");
	check_decoded("utf-7", BYTES("+2AA-a+2ABhYQ-b+3AA-"), "�a�慡b�");
	check_decoded(
	    "utf-7", BYTES("1 + 1 +- \xff+AOkA\n+AO"), "1 + 1 + �é�\n�");
	check_decoded("utf-7", BYTES("caf+AOk. +AOkA6Q--"), "café. éé-");
	check_decoded("iso-2022-kr", BYTES("\x1b$)C\x0eGQ\nGQ"), "한\nGQ");
}

static void
test_names(void)
{
	CHECK("known", charset_is_known(span_of("cp949")) &&
			   charset_is_known(span_of("GB18030")));
	CHECK("not known", !charset_is_known(span_of("big55")));
	CHECK("whole name", charset_wide_find(span_of("iso-2022-jp-ms")) ==
				    CHARSET_WIDE_ISO_2022_JP &&
				charset_wide_find(span_of("ks_c_5601-1987")) ==
				    CHARSET_WIDE_KOREAN);
}

int
main(void)
{
	test_texts();
	test_broken();
	test_names();
	return test_result();
}
