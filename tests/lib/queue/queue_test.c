/*
 * queue_test - the formats of lib/queue: what one side writes the other reads,
 * and what nobody wrote is refused.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/io.h"
#include "queue/delivery.h"
#include "queue/file.h"
#include "queue/lookup.h"
#include "queue/report.h"
#include "test.h"

static const struct {
	const char *label;
	const char *bytes;
	size_t len;
	enum envelope_status status;
} envelopes[] = {
#define BYTES(text) text, sizeof(text) - 1
	{ "plain", BYTES("Fa@b\0Tc@d\0\0"), ENVELOPE_OK },
	{ "null sender", BYTES("F\0Tc@d\0\0"), ENVELOPE_OK },
	{ "with records", BYTES("Fa\0B8\0U1\0Tc\0M1\0Nf\0Td\0\0"),
	    ENVELOPE_OK },
	{ "empty", BYTES(""), ENVELOPE_TRUNCATED },
	{ "no end", BYTES("Fa@b\0Tc@d\0"), ENVELOPE_TRUNCATED },
	{ "no recipient", BYTES("Fa@b\0\0"), ENVELOPE_NO_RECIPIENT },
	{ "empty recipient", BYTES("Fa@b\0T\0\0"), ENVELOPE_SYNTAX },
	{ "no sender", BYTES("Tc@d\0\0"), ENVELOPE_SYNTAX },
	{ "unknown record", BYTES("Fa\0Zq\0Tc\0\0"), ENVELOPE_SYNTAX },
	{ "sender twice", BYTES("Fa\0Tc\0Fb\0\0"), ENVELOPE_SYNTAX },
	{ "bad uid", BYTES("Fa\0Ix\0Tc\0\0"), ENVELOPE_SYNTAX },
	{ "end inside", BYTES("Fa\0\0Tc\0\0"), ENVELOPE_SYNTAX },
};

static void
test_envelopes(void)
{
	struct envelope envelope;

	for (size_t i = 0; i < sizeof(envelopes) / sizeof(*envelopes); i++)
		CHECK(envelopes[i].label,
		    envelope_parse(
			(struct span){ envelopes[i].bytes, envelopes[i].len },
			&envelope) == envelopes[i].status);
}

static void
test_id(void)
{
	struct queue_id id = queue_id_make();
	struct queue_id again;
	uint64_t now = clock_utc_us();

	CHECK("parses", queue_id_parse(span_of(id.text), &again));
	CHECK("time", now - queue_id_time_us(&id) < 1000000);
	CHECK("derived is stable",
	    strcmp(queue_id_derive(&id, span_of("F 0")).text,
		queue_id_derive(&id, span_of("F 0")).text) == 0);
	CHECK("derived differs",
	    strcmp(queue_id_derive(&id, span_of("F 0")).text,
		queue_id_derive(&id, span_of("F 1")).text) != 0);
	CHECK("upper case is none",
	    !queue_id_parse(span_of("661042329A96B5C10D954B0"), &again));
}

static int
memory_file(const struct buf *bytes)
{
	int fd = memfd_create("queue", 0);

	if (fd == -1 || !write_all(fd, buf_span(bytes)))
		abort();
	return fd;
}

static const char text[] = "Subject: x\n\nhello\n";
static const char full_envelope[] = "Fa@b\0Tc@d\0Te@f\0";

/* A full file, as queue-inject writes it. */
static struct buf
full_file(void)
{
	struct buf file = buf_new(1 << 20);
	struct span envelope_bytes = { full_envelope, sizeof(full_envelope) };
	struct envelope envelope;
	struct queue_sum *sum = queue_sum_new();

	envelope_parse(envelope_bytes, &envelope);
	buf_add_string(&file, text);
	queue_sum_add(sum, span_of(text));
	queue_add_tail(&file, sum, strlen(text), envelope_bytes, &envelope);
	queue_sum_free(sum);
	return file;
}

/* What is written of delays told is what older versions wrote, and read. */
static void
test_told(const struct queue_file *file)
{
	static const struct {
		int64_t told_s;
		const char *bytes;
	} cases[] = { { 0, "n- 1 9 " }, { SLOT_TOLD_BEFORE, "n+ 1 9 " },
		{ 3600, "n+3600 1 9 " } };
	char bytes[QUEUE_SLOT_SIZE];
	struct slot read;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct slot slot = { .state = SLOT_WAITING,
			.told_s = cases[i].told_s,
			.attempts = 1,
			.next_try = 9 };

		slot_format(&slot, bytes);
		CHECK(cases[i].bytes, strncmp(bytes, cases[i].bytes,
					  strlen(cases[i].bytes)) == 0);
		CHECK("is read again",
		    slot_write(file, 1, &slot) && slot_read(file, 1, &read) &&
			read.told_s == cases[i].told_s && read.attempts == 1 &&
			read.next_try == 9);
		CHECK("owed for a later age only",
		    slot_owes_delay(&read, 3600) == (i == 0) &&
			slot_owes_delay(&read, 3601) == (i != 1));
	}
}

static void
test_full(void)
{
	struct queue_name name = { .id = queue_id_make() };
	struct buf bytes = full_file();
	int fd = memory_file(&bytes);
	struct queue_file file;
	struct slot slot = { .state = SLOT_FAILED,
		.attempts = 3,
		.next_try = 12345,
		.code = "5.1.1",
		.text = "no such user" };
	struct slot read;

	CHECK("read", queue_file_read(&file, fd, &name));
	CHECK("length", file.message_length == strlen(text));
	CHECK("recipients", file.envelope.recipient_count == 2);
	CHECK("checksum", queue_file_check(&file));
	CHECK("fresh slot", slot_read(&file, 1, &read) &&
				read.state == SLOT_WAITING &&
				read.attempts == 0);
	CHECK("write slot", slot_write(&file, 1, &slot));
	CHECK("read slot", slot_read(&file, 1, &read) &&
			       read.state == SLOT_FAILED &&
			       read.attempts == 3 && read.next_try == 12345 &&
			       strcmp(read.code, "5.1.1") == 0 &&
			       strcmp(read.text, "no such user") == 0);
	test_told(&file);
	CHECK("the other is untouched",
	    slot_read(&file, 0, &read) && read.state == SLOT_WAITING);
	CHECK("slots are not summed", queue_file_check(&file));
	CHECK("torn slot", pwrite(fd, "k", 1, (off_t)file.slots_offset) == 1 &&
			       slot_read(&file, 0, &read) &&
			       read.state == SLOT_WAITING);
	CHECK("torn message", pwrite(fd, "X", 1, 3) == 1 &&
				  !queue_file_check(&file) && errno == EBADMSG);
	queue_file_free(&file);
	for (size_t cut = 1; cut < bytes.len; cut += 7) {
		if (ftruncate(fd, (off_t)(bytes.len - cut)) == -1 ||
		    queue_file_read(&file, fd, &name)) {
			CHECK("a file cut short is refused", false);
			break;
		}
	}
	close(fd);
	buf_free(&bytes);
}

static void
test_plain(void)
{
	struct queue_name name = { .id = queue_id_make(), .is_plain = true };
	struct buf bytes = buf_new(1000);
	static const char envelope_bytes[] = "Fa@b\0Tc@d\0M1\0";
	struct envelope envelope;
	struct queue_file file;
	char text_name[QUEUE_NAME_MAX];
	struct queue_name parsed;

	envelope_parse(
	    (struct span){ envelope_bytes, sizeof(envelope_bytes) }, &envelope);
	CHECK("may be plain", queue_add_plain_head(&bytes, &envelope));
	size_t head = bytes.len;
	buf_add_string(&bytes, text);
	struct queue_sum *sum = queue_sum_new();
	queue_sum_add(sum, buf_span(&bytes));
	name.checksum = queue_sum_value(sum);
	name.length = bytes.len;
	queue_sum_free(sum);
	queue_name_format(&name, text_name);
	CHECK("name", queue_name_parse(span_of(text_name), &parsed) &&
			  parsed.length == name.length &&
			  parsed.checksum == name.checksum);
	int fd = memory_file(&bytes);
	CHECK("read", queue_file_read(&file, fd, &name));
	CHECK("offset", file.message_offset == head);
	CHECK("sender", span_equal(file.envelope.sender, span_of("a@b")));
	CHECK("whole", queue_file_check(&file));
	queue_file_free(&file);
	CHECK("cut",
	    ftruncate(fd, 20) == 0 && !queue_file_read(&file, fd, &name));
	close(fd);
	buf_free(&bytes);
}

static void
test_packets(void)
{
	struct buf buf = buf_new(PACKET_MAX);
	struct delivery delivery = { .number = 7,
		.id = queue_id_make(),
		.sender = span_of("a@b"),
		.recipients = { "Tc@d\0Te@f\0", 10 },
		.length = 5,
		.is_8bit = true };
	struct delivery parsed;
	struct verdict verdict = { .number = 3,
		.kind = VERDICT_FAILED,
		.code = span_of("5.1.1"),
		.text = span_of("no") };
	struct verdict parsed_verdict;
	struct lookup_answer answer = { .kind = LOOKUP_MAILBOX,
		.uid = 1000,
		.gid = 100,
		.mailbox = span_of("maildir:/x") };
	struct lookup_answer parsed_answer;

	delivery_add(&buf, &delivery);
	CHECK("delivery", delivery_parse(buf_span(&buf), &parsed) &&
			      parsed.number == 7 && parsed.is_8bit &&
			      !parsed.is_plain && parsed.recipients.len == 10);
	CHECK("cut", !delivery_parse(
			 span_slice(buf_span(&buf), 0, buf.len - 1), &parsed));
	buf_clear(&buf);
	verdict_add(&buf, &verdict);
	CHECK("verdict", verdict_parse(buf_span(&buf), &parsed_verdict) &&
			     parsed_verdict.kind == VERDICT_FAILED &&
			     parsed_verdict.number == 3);
	buf_clear(&buf);
	lookup_add_answer(&buf, &answer);
	CHECK("lookup",
	    lookup_parse_answer(buf_span(&buf), &parsed_answer) &&
		parsed_answer.uid == 1000 &&
		span_equal(parsed_answer.mailbox, span_of("maildir:/x")));
	CHECK("garbage",
	    !lookup_parse_answer(span_of("garbage"), &parsed_answer) &&
		!verdict_parse(span_of("VK"), &parsed_verdict));
	buf_free(&buf);
}

int
main(void)
{
	test_envelopes();
	test_id();
	test_full();
	test_plain();
	test_packets();
	return test_result();
}
