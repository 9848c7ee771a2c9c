/*
 * answers_test - lib/sieve/vacation.c and notify.c: who is answered, and the
 * messages that are written.
 */

#include "sieve/notify.h"

#include "test.h"

static const char usual[] = "From: Ann <ann@example.org>\n"
			    "To: ken@example.com\n"
			    "Message-ID: <1@example.org>\n"
			    "Subject: lunch?\n";

/* ---- who is answered ---- */

static const struct {
	const char *label;
	const char *sender;
	const char *recipient;
	const char *header;
	bool applies;
} cases[] = {
	{ "usual", "ann@example.org", "ken@example.com", usual, true },
	{ "null sender", "", "ken@example.com", usual, false },
	{ "a daemon", "MAILER-DAEMON@example.org", "ken@example.com", usual,
	    false },
	{ "a list's owner", "owner-x@example.org", "ken@example.com", usual,
	    false },
	{ "a list's requests", "x-request@example.org", "ken@example.com",
	    usual, false },
	{ "a list's bounces", "x-bounces+ken=a@example.org", "ken@example.com",
	    usual, false },
	{ "ourselves", "Ken@Example.COM", "ken@example.com", usual, false },
	{ "not to us", "ann@example.org", "other@example.com", usual, false },
	{ "in either case", "ann@example.org", "KEN@example.com", usual, true },
	{ "to one of :addresses", "ann@example.org", "x@example.com",
	    "Cc: b@example.com, \"K\" <also@example.com>\n", true },
	{ "resent to us", "ann@example.org", "ken@example.com",
	    "To: x@example.com\nResent-Bcc: <ken@example.com>\n", true },
	{ "to nobody", "ann@example.org", "ken@example.com",
	    "From: ann@example.org\n", false },
	{ "Auto-Submitted", "ann@example.org", "ken@example.com",
	    "To: ken@example.com\nAuto-submitted: auto-replied (vacation)\n",
	    false },
	{ "Auto-Submitted: no", "ann@example.org", "ken@example.com",
	    "To: ken@example.com\nAuto-submitted: No; x=y\n", true },
	{ "Precedence", "ann@example.org", "ken@example.com",
	    "To: ken@example.com\nPrecedence: bulk\n", false },
	{ "another precedence", "ann@example.org", "ken@example.com",
	    "To: ken@example.com\nPrecedence: first-class\n", true },
	{ "a list", "ann@example.org", "ken@example.com",
	    "To: ken@example.com\nList-Unsubscribe: <mailto:x@y>\n", false },
	{ "Exchange", "ann@example.org", "ken@example.com",
	    "To: ken@example.com\nX-Auto-Response-Suppress: DR, OOF\n", false },
};

static const struct {
	const char *sender;
	bool is_answered;
} senders[] = {
	{ "notifications+noreply@example.org", false },
	{ "x+shop-no-reply@example.org", false },
	{ "do_not_reply@example.org", false },
	{ "news-noreply@example.org", false },
	{ "SRS0=ab=cd=example.net=noreply@example.org", false },
	{ "SRS0+ab=cd=example.net=list-bounces+ken=example.com@example.org",
	    false },
	{ "srs1=ab=example.net==cd=ef=example.com=no-reply@example.org",
	    false },
	{ "SRS0=ab=cd=example.net=ann@example.org", true },
	{ "SRS1=ab=example.net==cd=ef=example.com=ann@example.org", true },
	{ "SRS0=ab@example.org", true },
	{ "srs0@example.org", true },
	{ "ann+bounces@example.org", true },
	{ "ann+freebsd-request@example.org", true },
	{ "bouncer@example.org", true },
	{ "noreplyson@example.org", true },
	{ "norton-reply@example.org", true },
	{ "+@example.org", true },
};

static void
test_senders(void)
{
	const struct sieve_action action = { .kind = SIEVE_VACATION };
	struct sieve_mail mail = { .header = span_of(usual),
		.recipient = span_of("ken@example.com") };

	for (size_t i = 0; i < sizeof(senders) / sizeof(*senders); i++) {
		mail.sender = span_of(senders[i].sender);
		CHECK(senders[i].sender, sieve_vacation_applies(&action,
					     &mail) == senders[i].is_answered);
	}
}

static void
test_applies(void)
{
	const struct span addresses[] = { span_of("Ken <also@example.com>") };
	const struct sieve_action action = { .kind = SIEVE_VACATION,
		.addresses = addresses,
		.address_count = 1 };

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct sieve_mail mail = { .header =
						     span_of(cases[i].header),
			.sender = span_of(cases[i].sender),
			.recipient = span_of(cases[i].recipient) };

		CHECK(cases[i].label,
		    sieve_vacation_applies(&action, &mail) == cases[i].applies);
	}
}

static const struct {
	const char *header;
	bool is_automatic;
} automatic[] = {
	{ usual, false },
	{ "Auto-Submitted: No\n", false },
	{ "Auto-Submitted: no (comment)\n", false },
	{ "Auto-Submitted: (comment)\n no; x=y\n", false },
	{ "Auto-Submitted: auto-notified; owner-email=x\n", true },
	{ "Auto-Submitted: no\nauto-submitted: auto-replied\n", true },
	{ "Auto-Submitted:\n", true },
};

static void
test_automatic(void)
{
	for (size_t i = 0; i < sizeof(automatic) / sizeof(*automatic); i++)
		CHECK(automatic[i].header,
		    sieve_mail_is_automatic(span_of(automatic[i].header)) ==
			automatic[i].is_automatic);
}

/* ---- replies ---- */

static struct sieve_mail
mail_of(const char *header)
{
	return (struct sieve_mail){ .header = span_of(header),
		.sender = span_of("ann@example.org"),
		.recipient = span_of("ken@example.com"),
		.now = 1133949600,
		.message_id = span_of("<2@mx.example.com>") };
}

static bool
is_text(struct buf *made, const char *wanted)
{
	bool is_right = span_equal(buf_span(made), span_of(wanted));

	if (!is_right)
		fprintf(stderr, "# is:\n%.*s", (int)made->len, made->data);
	buf_clear(made);
	return is_right;
}

static bool
has(const struct buf *made, const char *part)
{
	return memmem(made->data, made->len, part, strlen(part)) != NULL;
}

static void
test_replies(void)
{
	struct buf made = buf_new(1 << 20);
	struct sieve_action action = { .kind = SIEVE_VACATION,
		.text = span_of("I'm away.\r\nUntil Monday.") };
	struct sieve_mail mail = mail_of(usual);

	sieve_vacation_add(&made, &action, &mail);
	CHECK("a reply",
	    is_text(&made, "From: ken@example.com\n"
			   "To: ann@example.org\n"
			   "Subject: Auto: lunch?\n"
			   "Date: Wed, 7 Dec 2005 10:00:00 +0000\n"
			   "Message-ID: <2@mx.example.com>\n"
			   "In-Reply-To: <1@example.org>\n"
			   "References: <1@example.org>\n"
			   "Auto-Submitted: auto-replied (vacation)\n"
			   "MIME-Version: 1.0\n"
			   "Content-Type: text/plain; charset=us-ascii\n"
			   "Content-Transfer-Encoding: 7bit\n"
			   "\n"
			   "I'm away.\n"
			   "Until Monday.\n"));
	mail = mail_of("References: <a@x>\n <b@x> junk\n"
		       "Message-ID: <c@x>\n");
	action.subject = span_of("Gr\xc3\xbc\xc3\x9f\x65 aus\r\nBcc: x@y");
	action.from = span_of("\"K\xc3\xa9n\" <k@example.com>");
	action.text = span_of("Gr\xc3\xbc\xc3\x9f\x65\r\n\r\n");
	sieve_vacation_add(&made, &action, &mail);
	CHECK("text beyond ASCII, and a subject of two lines",
	    is_text(&made, "From: =?UTF-8?B?IkvDqW4i?= <k@example.com>\n"
			   "To: ann@example.org\n"
			   "Subject: =?UTF-8?B?R3LDvMOfZQ==?= aus Bcc: x@y\n"
			   "Date: Wed, 7 Dec 2005 10:00:00 +0000\n"
			   "Message-ID: <2@mx.example.com>\n"
			   "In-Reply-To: <c@x>\n"
			   "References: <a@x> <b@x> <c@x>\n"
			   "Auto-Submitted: auto-replied (vacation)\n"
			   "MIME-Version: 1.0\n"
			   "Content-Type: text/plain; charset=utf-8\n"
			   "Content-Transfer-Encoding: quoted-printable\n"
			   "\n"
			   "Gr=C3=BC=C3=9Fe\n"
			   "\n"));
	mail = mail_of("");
	action = (struct sieve_action){ .kind = SIEVE_VACATION,
		.is_mime = true,
		.text = span_of("Content-Type: text/html\r\n"
				"Bcc: x@example.com\r\n\r\n<p>x") };
	sieve_vacation_add(&made, &action, &mail);
	CHECK("a MIME entity; no subject and no Message-ID",
	    is_text(&made, "From: ken@example.com\n"
			   "To: ann@example.org\n"
			   "Subject: Automated reply\n"
			   "Date: Wed, 7 Dec 2005 10:00:00 +0000\n"
			   "Message-ID: <2@mx.example.com>\n"
			   "Auto-Submitted: auto-replied (vacation)\n"
			   "MIME-Version: 1.0\n"
			   "Content-Type: text/html\n"
			   "\n"
			   "<p>x\n"));
	buf_free(&made);
}

static const struct {
	const char *text;
	const char *end; /* of the reply */
} entities[] = {
	{ "hi", "\nMIME-Version: 1.0\n"
		"Content-Type: text/plain; charset=us-ascii\n"
		"Content-Transfer-Encoding: 7bit\n\nhi\n" },
	{ "hi \xc3\xbc\r\n\r\nKen",
	    "Content-Transfer-Encoding: quoted-printable\n\n"
	    "hi =C3=BC\n\nKen\n" },
	{ "\r\nhi: there", "7bit\n\nhi: there\n" },
	{ "Content-Type: text/html\nhi: there",
	    "\nMIME-Version: 1.0\nContent-Type: text/html\n\n" },
	{ "Content-Type: text/html;\r\n charset=utf-8\r\n<p>hi\r\n",
	    "Content-Type: text/html; charset=utf-8\n\n<p>hi\n" },
	{ "Content-Language: de\n\nh\xc3\xbc",
	    "\nMIME-Version: 1.0\nContent-Language: de\n\nh\xc3\xbc\n" },
	{ "", "7bit\n\n" },
};

static void
test_entities(void)
{
	struct buf made = buf_new(1 << 20);
	struct sieve_mail mail = mail_of(usual);

	for (size_t i = 0; i < sizeof(entities) / sizeof(*entities); i++) {
		const struct sieve_action action = { .kind = SIEVE_VACATION,
			.is_mime = true,
			.text = span_of(entities[i].text) };
		struct span end = span_of(entities[i].end);

		buf_clear(&made);
		sieve_vacation_add(&made, &action, &mail);
		CHECK(entities[i].text,
		    made.len > end.len &&
			span_equal(span_slice(buf_span(&made),
				       made.len - end.len, end.len),
			    end));
	}
	buf_free(&made);
}

/* RFC 6532: no encoded word is in an address. */
static void
test_addresses(void)
{
	struct buf made = buf_new(1 << 20);
	struct sieve_action action = { .kind = SIEVE_VACATION };
	struct sieve_mail mail = mail_of(usual);

	mail.sender = span_of("\xc3\xa4nn@example.org");
	mail.recipient = span_of("k\xc3\xa9n@example.com");
	sieve_vacation_add(&made, &action, &mail);
	CHECK("a reply's addresses",
	    span_starts(
		buf_span(&made), span_of("From: k\xc3\xa9n@example.com\n"
					 "To: \xc3\xa4nn@example.org\n")));
	buf_clear(&made);
	action.from = span_of("Bob M\xc3\xbcller<bob@example.org>");
	sieve_vacation_add(&made, &action, &mail);
	CHECK(":from without a space",
	    span_starts(
		buf_span(&made), span_of("From: Bob =?UTF-8?B?TcO8bGxlcg==?= "
					 "<bob@example.org>\n")));
	buf_clear(&made);
	action.address = span_of("mailto:%C3%A4@example.org");
	sieve_notify_add(&made, &action, &mail);
	CHECK("a notification's addresses",
	    span_starts(buf_span(&made),
		span_of("Auto-Submitted: auto-notified; "
			"owner-email=\"k\xc3\xa9n@example.com\"\n")) &&
		has(&made, "\nFrom: Bob =?UTF-8?B?TcO8bGxlcg==?= "
			   "<bob@example.org>\nTo: \xc3\xa4@example.org\n"));
	buf_free(&made);
}

/* RFC 5322 section 2.1.1. */
static void
test_long_lines(void)
{
	struct buf made = buf_new(1 << 20);
	struct buf subject = buf_new(10000);
	struct sieve_mail mail = mail_of(usual);
	size_t longest = 0;

	for (size_t i = 0; i < 5000; i++)
		buf_add_char(&subject, 'a');
	const struct sieve_action action = { .kind = SIEVE_VACATION,
		.subject = buf_span(&subject),
		.text = span_of("x") };
	sieve_vacation_add(&made, &action, &mail);
	for (struct span rest = buf_span(&made); rest.len > 0;) {
		size_t len = span_cut(&rest, '\n').len;

		longest = len > longest ? len : longest;
	}
	CHECK("no line is too long", longest <= 998);
	buf_free(&subject);
	buf_free(&made);
}

/* ---- what is remembered ---- */

static struct sieve_list
list_of(const struct span *text)
{
	return (struct sieve_list){ text, 1 };
}

static void
test_keys(void)
{
	const struct span a = span_of("a");
	const struct span b = span_of("b");
	struct sieve_node one = { .word = WORD_VACATION,
		.arguments = { list_of(&a) } };
	struct sieve_node other = one;
	struct buf handle = buf_new(1000);
	struct buf second = buf_new(1000);
	struct sieve_action action = { .kind = SIEVE_VACATION };

	other.arguments[0] = list_of(&b);
	sieve_vacation_add_handle(&handle, &one);
	sieve_vacation_add_handle(&second, &other);
	CHECK("another reason is another reply",
	    !span_equal(buf_span(&handle), buf_span(&second)));
	buf_clear(&second);
	other = one;
	other.options[OPTION_SUBJECT] = list_of(&b);
	sieve_vacation_add_handle(&second, &other);
	CHECK("and so is another subject",
	    !span_equal(buf_span(&handle), buf_span(&second)));
	buf_clear(&second);
	other.options[OPTION_HANDLE] = one.options[OPTION_HANDLE] = list_of(&a);
	buf_clear(&handle);
	sieve_vacation_add_handle(&handle, &one);
	sieve_vacation_add_handle(&second, &other);
	CHECK("a handle is all that counts",
	    span_equal(buf_span(&handle), buf_span(&second)));
	action.handle = buf_span(&handle);
	buf_clear(&second);
	sieve_vacation_add_key(&second, &action, span_of("Ann@Example.org"));
	CHECK("a key", is_text(&second, "vacation 8:handle a ann@example.org"));
	buf_free(&handle);
	buf_free(&second);
}

/* ---- notifications ---- */

static const struct {
	const char *uri;
	bool is_right;
} methods[] = {
	{ "mailto:a@example.com", true },
	{ "MailTo:a@example.com,b@example.com?cc=c@example.com&to=d@e.example",
	    true },
	{ "mailto:a%40example.com", true },
	{ "mailto:", false },
	{ "mailto:?subject=x", false },
	{ "mailto:a@example.com?subject", true },
	{ "mailto:a@example.com?=x", false },
	{ "mailto:a@example.com?x%20y=z", false },
	{ "mailto:a@example.com?body=%C3%BC", true },
	{ "mailto:a@example.com?body=%C3", false },
	{ "mailto:a@example.com?body=%00", false },
	{ "mailto:a@example.com?body=%0", false },
	{ "mailto:a", false },
	{ "mailto:a@b@c", false },
	{ "mailto:a b@example.com", false },
	{ "mailto:1@x.example,2@x.example,3@x.example,4@x.example,5@x.example,"
	  "6@x.example,7@x.example,8@x.example,9@x.example",
	    false },
	{ "http://example.com", false },
	{ "", false },
};

static void
test_methods(void)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++)
		CHECK(methods[i].uri,
		    sieve_notify_is_method(span_of(methods[i].uri)) ==
			methods[i].is_right);
}

static void
test_notification(void)
{
	struct buf made = buf_new(1 << 20);
	struct sieve_mail mail = mail_of(usual);
	struct sieve_action action = { .kind = SIEVE_NOTIFY,
		.importance = 1,
		.address = span_of("mailto:0123456789@sms.example.net"
				   "?to=backup@example.com&cc=c@EXAMPLE.com"
				   "&from=evil@example.com&received=x&x-a=1%0Ab"
				   "&body=line%0D%0Atwo&subject=not%20this"),
		.text = span_of("From Knitting list: A new sweater") };

	sieve_notify_add(&made, &action, &mail);
	CHECK("a notification",
	    is_text(&made,
		"Auto-Submitted: auto-notified; "
		"owner-email=\"ken@example.com\"\n"
		"Date: Wed, 7 Dec 2005 10:00:00 +0000\n"
		"Message-ID: <2@mx.example.com>\n"
		"From: ken@example.com\n"
		"To: 0123456789@sms.example.net, backup@example.com\n"
		"Cc: c@example.com\n"
		"Subject: From Knitting list: A new sweater\n"
		"References: <1@example.org>\n"
		"Importance: high\n"
		"X-a: 1 b\n"
		"MIME-Version: 1.0\n"
		"Content-Type: text/plain; charset=us-ascii\n"
		"Content-Transfer-Encoding: 7bit\n"
		"\n"
		"line\n"
		"two\n"));
	sieve_notify_add_recipients(&made, &action);
	CHECK("its recipients",
	    is_text(&made, "0123456789@sms.example.net\nbackup@example.com\n"
			   "c@example.com\n"));
	sieve_notify_add_sender(&made, &action, &mail);
	CHECK("its sender", is_text(&made, "ken@example.com"));
	action.from = span_of("K <k@example.com>");
	sieve_notify_add_sender(&made, &action, &mail);
	CHECK("its sender is :from", is_text(&made, "k@example.com"));
	mail.sender = span_of("");
	sieve_notify_add_sender(&made, &action, &mail);
	CHECK("nobody gets reports about reports", is_text(&made, ""));
	buf_free(&made);
}

int
main(void)
{
	test_applies();
	test_senders();
	test_automatic();
	test_replies();
	test_entities();
	test_addresses();
	test_long_lines();
	test_keys();
	test_methods();
	test_notification();
	return test_result();
}
