#include "store/index.h"

#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store/account_state.h"

enum {
	VERSION = 3, /* 3: previews of the first part that has a word */
	BUSY_MS = 50,
	BOOT_TOLERANCE_S = 60,
	TRIES = 2,
	SPARE_ROWS = 1000 /* of messages that are gone */
};

static const char *const tables[DIGEST_GROUPS] = { "sizes", "envelopes",
	"structures", "sorting", "fields", "signatures" };

struct index {
	sqlite3 *db;
	sqlite3_stmt *reads[DIGEST_GROUPS];
	sqlite3_stmt *stores[DIGEST_GROUPS];
	char path[PATH_MAX];
	bool is_broken; /* removed when it is closed */
};

/*
 * Without synced writes a power cut may leave anything: rows have checksums,
 * and what SQLite builds around them is looked at once after each boot.
 */
static int64_t
boot_time_s(void)
{
	struct timespec now;
	struct timespec since;

	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &since);
	return (int64_t)now.tv_sec - (int64_t)since.tv_sec;
}

/* Note damage; everything else is passed by. */
static bool
is_good(struct index *index, int result)
{
	switch (result & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return true;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_SCHEMA:
	case SQLITE_ERROR: /* a table that is not there */
		index->is_broken = true;
		return false;
	default:
		return false;
	}
}

static bool
run(struct index *index, const char *sql)
{
	return is_good(index, sqlite3_exec(index->db, sql, NULL, NULL, NULL));
}

/* ---- opening ---- */

static bool
make_tables(struct index *index, const struct uidlist_header *header)
{
	struct buf sql = buf_new(4096);

	buf_add_string(&sql, "BEGIN IMMEDIATE;"
			     "CREATE TABLE IF NOT EXISTS about("
			     "one INTEGER PRIMARY KEY CHECK (one = 1), "
			     "validity INTEGER, id TEXT, boot INTEGER);");
	for (size_t i = 0; i < DIGEST_GROUPS; i++)
		buf_printf(&sql,
		    "CREATE TABLE IF NOT EXISTS %s("
		    "uid INTEGER PRIMARY KEY, row BLOB);",
		    tables[i]);
	/* id is hexadecimal digits. */
	buf_printf(&sql,
	    "INSERT OR REPLACE INTO about VALUES(1, %u, '%s', %lld);"
	    "PRAGMA user_version=%d; COMMIT;",
	    header->uid_validity, header->id, (long long)boot_time_s(),
	    VERSION);
	const char *text = buf_string(&sql);
	bool is_made = text != NULL && run(index, text);
	buf_free(&sql);
	return is_made;
}

struct about {
	int64_t validity;
	int64_t boot;
	bool is_same_id;
};

static bool
read_about(struct index *index, const struct uidlist_header *header,
    struct about *about)
{
	sqlite3_stmt *query = NULL;
	bool is_read =
	    is_good(index, sqlite3_prepare_v2(index->db,
			       "SELECT validity, boot, id FROM about", -1,
			       &query, NULL)) &&
	    sqlite3_step(query) == SQLITE_ROW;

	if (is_read) {
		const char *id = (const char *)sqlite3_column_text(query, 2);

		about->validity = sqlite3_column_int64(query, 0);
		about->boot = sqlite3_column_int64(query, 1);
		about->is_same_id = id != NULL && strcmp(id, header->id) == 0;
	}
	sqlite3_finalize(query);
	return is_read;
}

static int
take_version(void *context, int columns, char **values, char **names)
{
	int *version = context;

	(void)names;
	if (columns == 1 && values[0] != NULL)
		*version = (int)strtol(values[0], NULL, 10);
	return 0;
}

static int
take_ok(void *context, int columns, char **values, char **names)
{
	bool *is_ok = context;

	(void)names;
	*is_ok =
	    columns == 1 && values[0] != NULL && strcmp(values[0], "ok") == 0;
	return 0;
}

static bool
is_whole(struct index *index)
{
	bool is_ok = false;

	return is_good(index, sqlite3_exec(index->db, "PRAGMA quick_check(1)",
				  take_ok, &is_ok, NULL)) &&
	       is_ok;
}

/* False: it is to be begun anew (is_broken), or cannot be used now. */
static bool
check(struct index *index, const struct uidlist_header *header)
{
	struct about about = { .boot = 0 };
	int version = -1;

	if (!is_good(index, sqlite3_exec(index->db, "PRAGMA user_version",
				take_version, &version, NULL)))
		return false;
	if (version == 0)
		return make_tables(index, header);
	index->is_broken =
	    version != VERSION || !read_about(index, header, &about) ||
	    about.validity != header->uid_validity || !about.is_same_id;
	if (index->is_broken)
		return false;
	if (llabs(about.boot - boot_time_s()) <= BOOT_TOLERANCE_S)
		return true;
	index->is_broken = !is_whole(index);
	return !index->is_broken && make_tables(index, header);
}

static bool
open_file(struct index *index)
{
	/* SQLite would give it to all who may look into the folder. */
	int fd = open(index->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
	    ACCOUNT_FILE_MODE);

	if (fd == -1)
		return false;
	close(fd);
	/* Fails, harmlessly, when SQLite is in use already. */
	sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
	if (sqlite3_open_v2(index->path, &index->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
		    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
		NULL) != SQLITE_OK)
		return false;
	sqlite3_busy_timeout(index->db, BUSY_MS);
	struct buf sql = buf_new(512);
	buf_printf(&sql,
	    "PRAGMA page_size=8192; PRAGMA synchronous=OFF; PRAGMA "
	    "journal_mode=TRUNCATE;"
	    "PRAGMA cache_size=-%d; PRAGMA temp_store=MEMORY;"
	    "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;",
	    INDEX_CACHE_KIB);
	const char *text = buf_string(&sql);
	bool is_set = text != NULL && run(index, text);
	buf_free(&sql);
	return is_set;
}

static void
finalize(struct index *index)
{
	for (size_t i = 0; i < DIGEST_GROUPS; i++) {
		sqlite3_finalize(index->reads[i]);
		sqlite3_finalize(index->stores[i]);
		index->reads[i] = index->stores[i] = NULL;
	}
	sqlite3_close(index->db);
	index->db = NULL;
}

static void
remove_file(const struct index *index)
{
	char journal[PATH_MAX + sizeof("-journal")];
	size_t len = strlen(index->path);

	memcpy(journal, index->path, len);
	memcpy(journal + len, "-journal", sizeof("-journal"));
	unlink(index->path);
	unlink(journal);
}

struct index *
index_open(const char *path, const struct uidlist_header *header)
{
	static const char name[] = "/estafeta-index";
	struct index *index = account_allocate(1, sizeof(*index));
	size_t len = strlen(path);

	if (len + sizeof(name) <= sizeof(index->path)) {
		memcpy(index->path, path, len);
		memcpy(index->path + len, name, sizeof(name));
		for (int try = 0; try < TRIES; try++) {
			index->is_broken = false;
			if (open_file(index) && check(index, header))
				return index;
			finalize(index);
			if (!index->is_broken)
				break;
			remove_file(index);
		}
	}
	free(index);
	return NULL;
}

void
index_close(struct index *index)
{
	if (index == NULL)
		return;
	finalize(index);
	if (index->is_broken)
		remove_file(index);
	free(index);
}

/* ---- rows ---- */

static sqlite3_stmt *
statement(struct index *index, sqlite3_stmt **kept, const char *before,
    enum digest_group group, const char *after)
{
	struct buf sql = buf_new(256);

	if (*kept != NULL)
		return *kept;
	buf_printf(&sql, "%s %s %s", before, tables[group], after);
	const char *text = buf_string(&sql);
	if (text == NULL || !is_good(index, sqlite3_prepare_v2(index->db, text,
						-1, kept, NULL)))
		*kept = NULL;
	buf_free(&sql);
	return *kept;
}

void
index_read(struct index *index, enum digest_group group, uint32_t first_uid,
    size_t count, void (*take)(void *context, uint32_t uid, struct span row),
    void *context)
{
	sqlite3_stmt *query =
	    index->is_broken
		? NULL
		: statement(index, &index->reads[group], "SELECT uid, row FROM",
		      group, "WHERE uid >= ?1 ORDER BY uid LIMIT ?2");
	int result = SQLITE_DONE;

	if (query == NULL)
		return;
	sqlite3_bind_int64(query, 1, first_uid);
	sqlite3_bind_int64(query, 2, (sqlite3_int64)count);
	while ((result = sqlite3_step(query)) == SQLITE_ROW) {
		sqlite3_int64 uid = sqlite3_column_int64(query, 0);
		const void *bytes = sqlite3_column_blob(query, 1);
		int len = sqlite3_column_bytes(query, 1);

		if (uid > 0 && uid < UINT32_MAX && bytes != NULL && len > 0)
			take(context, (uint32_t)uid,
			    (struct span){ bytes, (size_t)len });
	}
	is_good(index, result);
	sqlite3_reset(query);
}

bool
index_begin(struct index *index)
{
	return !index->is_broken && run(index, "BEGIN IMMEDIATE");
}

void
index_store(
    struct index *index, enum digest_group group, uint32_t uid, struct span row)
{
	sqlite3_stmt *store = statement(index, &index->stores[group],
	    "INSERT OR REPLACE INTO", group, "VALUES(?1, ?2)");

	if (store == NULL || row.len > DIGEST_ROW_MAX)
		return;
	sqlite3_bind_int64(store, 1, uid);
	sqlite3_bind_blob64(store, 2, row.ptr, row.len, SQLITE_STATIC);
	is_good(index, sqlite3_step(store));
	sqlite3_reset(store);
	sqlite3_clear_bindings(store);
}

void
index_commit(struct index *index)
{
	if (!run(index, "COMMIT"))
		run(index, "ROLLBACK");
}

/* ---- what is gone ---- */

static int
take_count(void *context, int columns, char **values, char **names)
{
	uint64_t *count = context;

	(void)names;
	if (columns == 1 && values[0] != NULL)
		*count = strtoull(values[0], NULL, 10);
	return 0;
}

static bool
fill_live(struct index *index, uint32_t (*next)(void *context), void *context)
{
	sqlite3_stmt *insert = NULL;
	bool is_filled =
	    run(index, "CREATE TEMP TABLE live(uid INTEGER PRIMARY KEY)") &&
	    is_good(
		index, sqlite3_prepare_v2(index->db,
			   "INSERT INTO live VALUES(?1)", -1, &insert, NULL));
	uint32_t uid;

	while (is_filled && (uid = next(context)) != 0) {
		sqlite3_bind_int64(insert, 1, uid);
		is_filled = is_good(index, sqlite3_step(insert));
		sqlite3_reset(insert);
	}
	sqlite3_finalize(insert);
	return is_filled;
}

void
index_trim(struct index *index, size_t count, uint32_t (*next)(void *context),
    void *context)
{
	struct buf sql = buf_new(1024);
	uint64_t rows = 0;

	if (!is_good(
		index, sqlite3_exec(index->db, "SELECT count(*) FROM sizes",
			   take_count, &rows, NULL)) ||
	    rows < 2 * (uint64_t)count + SPARE_ROWS || !index_begin(index))
		return;
	for (size_t i = 0; i < DIGEST_GROUPS; i++)
		buf_printf(&sql,
		    "DELETE FROM %s WHERE uid NOT IN (SELECT uid FROM live);",
		    tables[i]);
	const char *text = buf_string(&sql);
	if (fill_live(index, next, context) && text != NULL)
		run(index, text);
	run(index, "DROP TABLE IF EXISTS live");
	index_commit(index);
	buf_free(&sql);
}
