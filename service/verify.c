#include "service/verify.h"

#include <argon2.h>
#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"

enum {
	READ_TIMEOUT_MS = 10000,
	MD5_LEN = 16
};

/* A salt alone: what an unknown name is tried against if the file is empty. */
static const char nobody[] = "$y$j9T$F5Jx5fExrKuPp53xLKQ..1";

struct found {
	struct buf value; /* of the user, or of the first line */
	bool is_there;    /* the user's, and not empty */
};

/* One line of the file, its LF taken off. */
static void
take_line(struct found *found, struct span user, struct span line)
{
	struct span value = line;
	struct span name = span_cut(&value, ':');
	bool is_it = !found->is_there && user.len > 0 && value.len > 0 &&
		     span_equal_nocase(name, user);

	if (is_it || found->value.len == 0) {
		buf_wipe(&found->value);
		buf_add(&found->value, value);
	}
	found->is_there = found->is_there || is_it;
}

/* Read all of the file, however early the line is. */
static bool
find(const char *path, struct span user, struct found *found)
{
	static struct reader in; /* large */
	struct buf line = buf_new(VERIFY_LINE_MAX);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum io_status status;

	*found = (struct found){ .value = buf_new(VERIFY_LINE_MAX) };
	if (fd == -1)
		return errno == ENOENT;
	reader_init(&in, fd, READ_TIMEOUT_MS);
	do {
		status = read_line(&in, &line);
		struct span bytes = buf_span(&line);
		size_t end = span_index(bytes, '\n');

		if (status == IO_OK || status == IO_EOF)
			take_line(found, user, span_slice(bytes, 0, end));
	} while (status == IO_OK || status == IO_TOO_LONG);
	close(fd);
	explicit_bzero(in.bytes, sizeof(in.bytes));
	buf_wipe(&line);
	buf_free(&line);
	return status == IO_EOF;
}

static void
forget(struct found *found)
{
	buf_wipe(&found->value);
	buf_free(&found->value);
}

static bool
matches(const char *hash, const char *password)
{
	static struct crypt_data work; /* large */
	size_t len = strlen(hash);

	if (strncmp(hash, "$argon2id$", 10) == 0)
		return argon2id_verify(hash, password, strlen(password)) ==
		       ARGON2_OK;
	const char *result = crypt_rn(password, hash, &work, (int)sizeof(work));
	/* NULL: no such hash, or one that takes more memory than there is. */
	bool is_same = result != NULL && result[0] == '$' &&
		       strlen(result) == len &&
		       CRYPTO_memcmp(result, hash, len) == 0;
	explicit_bzero(&work, sizeof(work));
	return is_same;
}

enum checkpw_verdict
verify_password(
    const char *path, struct span user, const char *password, bool *is_known)
{
	struct found found;

	*is_known = false;
	if (!find(path, user, &found)) {
		warn_errno("cannot read %s", path);
		forget(&found);
		return CHECKPW_LATER;
	}
	const char *hash =
	    found.value.len == 0 ? nobody : buf_string(&found.value);
	bool is_same = hash != NULL && matches(hash, password);
	bool is_there = *is_known = found.is_there;
	forget(&found);
	return is_same && is_there ? CHECKPW_OK : CHECKPW_NO;
}

bool
verify_read(const char *path, struct span user, struct buf *value)
{
	struct found found;
	bool is_read = find(path, user, &found);

	if (is_read && found.is_there) {
		buf_room(
		    value, found.value.len); /* never moved while it grows */
		buf_add(value, buf_span(&found.value));
	}
	forget(&found);
	return is_read;
}

static bool
md5(struct span first, struct span second, char hex[2 * MD5_LEN + 1])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	bool is_good =
	    digest != NULL && EVP_DigestInit_ex(digest, EVP_md5(), NULL) == 1 &&
	    EVP_DigestUpdate(digest, first.ptr, first.len) == 1 &&
	    EVP_DigestUpdate(digest, second.ptr, second.len) == 1 &&
	    EVP_DigestFinal_ex(digest, bytes, &len) == 1 && len == MD5_LEN;

	EVP_MD_CTX_free(digest);
	for (size_t i = 0; is_good && i < MD5_LEN; i++) {
		hex[2 * i] = digits[bytes[i] >> 4];
		hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	hex[(size_t)2 * MD5_LEN] = '\0';
	explicit_bzero(bytes, sizeof(bytes));
	return is_good;
}

enum checkpw_verdict
verify_apop(const char *path, struct span user, struct span challenge,
    struct span digest)
{
	char want[2 * MD5_LEN + 1] = "";
	struct found found;

	bool is_read = find(path, user, &found);
	bool is_there = found.is_there && found.value.len > 0;
	if (found.value.len == 0)
		buf_add_string(&found.value, nobody);
	bool is_made = md5(challenge, buf_span(&found.value), want);
	forget(&found);
	bool is_same = digest.len == sizeof(want) - 1 &&
		       CRYPTO_memcmp(want, digest.ptr, digest.len) == 0;
	explicit_bzero(want, sizeof(want));
	if (!is_read || !is_made) {
		log_event("cannot read %s, or no MD5 here", path);
		return CHECKPW_LATER;
	}
	return is_same && is_there ? CHECKPW_OK : CHECKPW_NO;
}

void
verify_prepare(void)
{
	char hex[2 * MD5_LEN + 1];
	unsigned char hash[MD5_LEN];

	/* Two lanes are two threads: their end loads a library (libgcc_s). */
	if (argon2id_hash_raw(1, 16, 2, "", 0, "somesalt", 8, hash,
		sizeof(hash)) != ARGON2_OK)
		log_event("argon2 does not work here");

	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	if (!md5(span_of("a"), span_of("b"), hex))
		log_event("this OpenSSL has no MD5: APOP will not work");
}
