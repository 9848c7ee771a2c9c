#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "store/folder_state.h"
#include "store/foreign_list.h"
#include "store/store_kind.h"

/*
 * A folder's first list: UIDs and UIDVALIDITY of Dovecot or Courier are kept
 * where they left any.
 */

/* Lines for the new list; each UID and each name once. */
static void
take_foreign(struct folder *folder, const struct foreign_list *foreign,
    struct buf *uidls)
{
	uint32_t last = 0;
	struct buf ids = buf_new(UIDLIST_LINE_MAX);

	folder->header.uid_validity = foreign->uid_validity;
	for (size_t i = 0; i < foreign->count; i++) {
		const struct uidlist_foreign *line = &foreign->lines[i];
		struct span base = maildir_base(line->name);

		if (line->uid == last || !maildir_is_base(base))
			continue;
		last = line->uid;
		struct folder_item *item =
		    folder_add_item(folder, line->uid, base);
		item->message.modseq = 1;
		item->message.save_date_s =
		    maildir_seconds(base, (int64_t)time(NULL));
		buf_clear(&ids);
		uidlist_add_ids(&ids, line);
		const struct uidlist_line uidl = { .kind = UIDLIST_UIDL,
			.uid = line->uid,
			.text = buf_span(&ids) };

		uidlist_add(uidls, &uidl);
	}
	buf_free(&ids);
	folder->uid_next =
	    foreign->uid_next > last ? foreign->uid_next : last + 1;
}

static bool
read_foreign(struct folder *folder, struct buf *uidls)
{
	struct foreign_list foreign;

	if (!foreign_list_read(&foreign, folder->root))
		return false;
	if (foreign.count > 0)
		qsort(foreign.lines, foreign.count, sizeof(*foreign.lines),
		    foreign_list_compare_uids);
	take_foreign(folder, &foreign, uidls);
	foreign_list_free(&foreign);
	return true;
}

static bool
make_id(char id[ACCOUNT_ID_LEN + 1])
{
	unsigned char bytes[ACCOUNT_ID_LEN / 2];
	static const char digits[] = "0123456789abcdef";

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return false;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		id[2 * i] = digits[bytes[i] >> 4];
		id[2 * i + 1] = digits[bytes[i] & 15];
	}
	id[ACCOUNT_ID_LEN] = '\0';
	return true;
}

/* What is there and is no list is kept for who wants to know. */
static void
set_aside(const struct folder *folder)
{
	renameat(folder->root, "estafeta-uidlist", folder->root,
	    "estafeta-uidlist.bad");
}

bool
folder_list_make(struct folder *folder)
{
	struct buf uidls = buf_new((size_t)UINT32_MAX);
	bool is_bad = errno == EBADMSG;

	if (!make_id(folder->header.id))
		return false;
	if (is_bad)
		set_aside(folder);
	if (is_bad || !read_foreign(folder, &uidls))
		folder->header.uid_validity =
		    account_is_inbox(buf_span(&folder->name))
			? account_begin_uid_validity(
			      folder->account, &folder->validity)
			: account_next_uid_validity(folder->account);
	folder_read_keywords(folder);
	folder->is_list_due = folder->header.uid_validity != 0;
	bool is_made = folder->is_list_due &&
		       (uidls.len == 0 || (folder_list_rewrite(folder) &&
					      folder_list_append(folder,
						  buf_span(&uidls), true)));
	buf_free(&uidls);
	return is_made;
}

/* ---- dovecot-keywords ---- */

static const char keywords_name[] = "dovecot-keywords";

static bool
is_keyword(struct span text)
{
	if (text.len == 0 || text.len > FOLDER_KEYWORD_MAX)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] <= ' ' || text.ptr[i] == 0x7f)
			return false;
	return true;
}

void
folder_read_keywords(struct folder *folder)
{
	struct buf text = buf_new(ACCOUNT_SMALL_MAX);
	int error = errno;

	if (account_read_file(folder->root, keywords_name, &text))
		for (struct span rest = buf_span(&text); rest.len > 0;) {
			struct span line = span_cut(&rest, '\n');
			struct span number = span_cut(&line, ' ');
			uint64_t bit;

			if (span_number(
				number, 10, MAILDIR_KEYWORDS - 1, &bit) &&
			    is_keyword(line))
				folder_set_keyword(folder, bit, line);
		}
	buf_free(&text);
	errno = error;
}

bool
folder_write_keywords(struct folder *folder)
{
	struct buf text = buf_new(ACCOUNT_SMALL_MAX);

	for (size_t i = 0; i < MAILDIR_KEYWORDS; i++)
		if (folder->keywords_known >> i & 1) {
			buf_printf(&text, "%zu ", i);
			buf_add(&text, folder->keywords[i]);
			buf_add_char(&text, '\n');
		}
	bool is_written =
	    account_write_file(folder->root, keywords_name, buf_span(&text));
	buf_free(&text);
	return is_written;
}

static size_t
find_keyword(const struct folder *folder, struct span keyword)
{
	size_t i = 0;

	while (i < FOLDER_KEYWORDS_MAX &&
	       !(folder->keywords_known >> i & 1 &&
		   span_equal_nocase(folder->keywords[i], keyword)))
		i++;
	return i;
}

/* Of more than MAILDIR_KEYWORDS only the list knows. */
static bool
add_keyword(struct folder *folder, struct span keyword, size_t *bit)
{
	struct buf line = buf_new(UIDLIST_LINE_MAX);
	bool is_added;

	for (*bit = 0; folder->keywords_known >> *bit & 1; ++*bit)
		if (*bit == FOLDER_KEYWORDS_MAX - 1)
			return false;
	folder_set_keyword(folder, *bit, keyword);
	if (*bit < MAILDIR_KEYWORDS) {
		is_added = folder_write_keywords(folder);
	} else {
		const struct uidlist_line added = { .kind = UIDLIST_KEYWORD,
			.uid = (uint32_t)*bit,
			.text = keyword };

		uidlist_add(&line, &added);
		is_added = folder_list_append(folder, buf_span(&line), true);
	}
	if (!is_added)
		folder->keywords_known &= ~((uint64_t)1 << *bit);
	buf_free(&line);
	return is_added;
}

uint64_t
folder_keyword_bit(struct folder *folder, struct span keyword, bool may_add)
{
	size_t bit = find_keyword(folder, keyword);

	if (bit < FOLDER_KEYWORDS_MAX)
		return (uint64_t)1 << bit;
	if (!may_add || !is_keyword(keyword) ||
	    folder_lock(folder) != ACCOUNT_OK)
		return 0;
	/* Others may have made it meanwhile. */
	bool is_made = folder_list_read(folder);
	folder_read_keywords(folder);
	bit = find_keyword(folder, keyword);
	if (is_made && bit == FOLDER_KEYWORDS_MAX)
		is_made = add_keyword(folder, keyword, &bit);
	folder_unlock(folder);
	return is_made && bit < FOLDER_KEYWORDS_MAX ? (uint64_t)1 << bit : 0;
}

/* How many of them have no bit yet, each counted once. */
static size_t
count_unknown(
    const struct folder *folder, const struct span *keywords, size_t count)
{
	size_t unknown = 0;

	for (size_t i = 0; i < count; i++) {
		size_t before = 0;

		while (before < i &&
		       !span_equal_nocase(keywords[before], keywords[i]))
			before++;
		unknown += before == i && find_keyword(folder, keywords[i]) ==
					      FOLDER_KEYWORDS_MAX;
	}
	return unknown;
}

bool
folder_keyword_bits(struct folder *folder, const struct span *keywords,
    size_t count, uint64_t *bits)
{
	size_t room = FOLDER_KEYWORDS_MAX;
	bool is_good = true;

	*bits = 0;
	if (count_unknown(folder, keywords, count) > 0) {
		if (folder_lock(folder) != ACCOUNT_OK)
			return false;
		/* Others may have made some meanwhile. */
		is_good = folder_list_read(folder);
		folder_read_keywords(folder);
		folder_unlock(folder);
	}
	for (size_t i = 0; i < FOLDER_KEYWORDS_MAX; i++)
		room -= folder->keywords_known >> i & 1;
	is_good &= count_unknown(folder, keywords, count) <= room;
	for (size_t i = 0; i < count; i++)
		is_good &= is_keyword(keywords[i]);
	for (size_t i = 0; i < count && is_good; i++) {
		uint64_t bit = folder_keyword_bit(folder, keywords[i], true);

		is_good = bit != 0;
		*bits |= bit;
	}
	return is_good;
}
