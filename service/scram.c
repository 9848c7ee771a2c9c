#include "service/scram.h"

#include <fcntl.h>
#include <gsasl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/die.h"
#include "base/io.h"
#include "mail/base64.h"
#include "mail/saslprep.h"
#include "queue/login.h"

static const struct hash {
	const char *mechanism;
	Gsasl_hash hash;
	const EVP_MD *(*digest)(void);
	size_t size;
} hashes[] = {
	{ "SCRAM-SHA-256", GSASL_HASH_SHA256, EVP_sha256,
	    GSASL_HASH_SHA256_SIZE },
	{ "SCRAM-SHA-1", GSASL_HASH_SHA1, EVP_sha1, GSASL_HASH_SHA1_SIZE },
};

enum {
	HASHES = sizeof(hashes) / sizeof(*hashes),
	READ_TIMEOUT_MS = 10000
};

static const struct hash *
find_hash(struct span mechanism)
{
	for (size_t i = 0; i < HASHES; i++)
		if (span_equal(mechanism, span_of(hashes[i].mechanism)))
			return &hashes[i];
	return NULL;
}

void
scram_wipe(struct scram_keys *keys)
{
	explicit_bzero(keys, sizeof(*keys));
}

/* ---- reading ---- */

static bool
set_text(char place[SCRAM_TEXT_MAX], struct span text)
{
	if (text.len == 0 || text.len >= SCRAM_TEXT_MAX)
		return false;
	memcpy(place, text.ptr, text.len);
	place[text.len] = '\0';
	return true;
}

/* A part in base64; size 0: of any size. */
static bool
set_base64(char place[SCRAM_TEXT_MAX], struct span text, size_t size)
{
	char bytes[SCRAM_TEXT_MAX];
	size_t len = 0;
	bool is_good = base64_decode(text, bytes, sizeof(bytes), &len) &&
		       len > 0 && (size == 0 || len == size);

	explicit_bzero(bytes, sizeof(bytes));
	return is_good && set_text(place, text);
}

static bool
parse_keys(struct span text, const struct hash *hash, struct scram_keys *keys)
{
	struct span iterations = span_cut(&text, '$');
	uint64_t count;

	return span_number(iterations, 10, SCRAM_ITERATIONS_MAX, &count) &&
	       count > 0 && set_text(keys->iterations, iterations) &&
	       set_base64(keys->salt, span_cut(&text, '$'), 0) &&
	       set_base64(keys->stored_key, span_cut(&text, '$'), hash->size) &&
	       set_base64(keys->server_key, text, hash->size);
}

bool
scram_parse(struct span line, struct span mechanism, struct scram_keys *keys)
{
	const struct hash *hash = find_hash(mechanism);

	memset(keys, 0, sizeof(*keys));
	while (hash != NULL && line.len > 0) {
		struct span text = span_cut(&line, ' ');

		if (span_equal(span_cut(&text, '$'), mechanism))
			return parse_keys(text, hash, keys);
	}
	return false;
}

/* ---- making ---- */

static void
encode(char place[SCRAM_TEXT_MAX], const unsigned char *bytes, size_t len)
{
	struct buf text = buf_new(SCRAM_TEXT_MAX - 1);

	base64_add(&text, (struct span){ (const char *)bytes, len });
	set_text(place, buf_span(&text));
	buf_wipe(&text);
	buf_free(&text);
}

/* HMAC-SHA-256 of a label, the mechanism and the name. */
static bool
derive(struct span secret, const char *label, struct span mechanism,
    struct span name, unsigned char out[EVP_MAX_MD_SIZE])
{
	struct buf text = buf_new(1024);
	unsigned len = 0;

	buf_add_string(&text, label);
	buf_add_char(&text, '\0');
	buf_add(&text, mechanism);
	buf_add_char(&text, '\0');
	buf_add(&text, name);
	bool is_made = !text.overflow &&
		       HMAC(EVP_sha256(), secret.ptr, (int)secret.len,
			   (const unsigned char *)text.data, text.len, out,
			   &len) != NULL &&
		       len == GSASL_HASH_SHA256_SIZE;
	buf_free(&text);
	return is_made;
}

bool
scram_fake(struct span secret, struct span mechanism, struct span name,
    struct scram_keys *keys)
{
	const struct hash *hash = find_hash(mechanism);
	unsigned char bytes[EVP_MAX_MD_SIZE];

	memset(keys, 0, sizeof(*keys));
	if (hash == NULL || secret.len != SCRAM_SECRET_BYTES ||
	    !derive(secret, "salt", mechanism, name, bytes))
		return false;
	encode(keys->salt, bytes, SCRAM_SALT_BYTES);
	if (!derive(secret, "stored", mechanism, name, bytes))
		return false;
	encode(keys->stored_key, bytes, hash->size);
	if (!derive(secret, "server", mechanism, name, bytes))
		return false;
	encode(keys->server_key, bytes, hash->size);
	explicit_bzero(bytes, sizeof(bytes));
	struct buf count = buf_new(SCRAM_TEXT_MAX - 1);
	buf_printf(&count, "%d", SCRAM_ITERATIONS);
	set_text(keys->iterations, buf_span(&count));
	buf_free(&count);
	return true;
}

bool
scram_read_secret(const char *path, struct buf *secret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool is_read =
	    fd != -1 && read_all(fd, secret, READ_TIMEOUT_MS) == IO_OK;

	if (fd != -1)
		close(fd);
	return is_read && secret->len == SCRAM_SECRET_BYTES;
}

static bool
add_keys(struct buf *line, const struct hash *hash, const char *password)
{
	char salt[SCRAM_SALT_BYTES];
	char salted[GSASL_HASH_MAX_SIZE];
	char client_key[GSASL_HASH_MAX_SIZE];
	char server_key[GSASL_HASH_MAX_SIZE];
	char stored_key[GSASL_HASH_MAX_SIZE];

	if (getrandom(salt, sizeof(salt), 0) != sizeof(salt))
		temp_fail("cannot get random bytes");
	/* The library would prepare it, and refuse what a query may have. */
	bool is_made =
	    PKCS5_PBKDF2_HMAC(password, (int)strlen(password),
		(const unsigned char *)salt, sizeof(salt), SCRAM_ITERATIONS,
		hash->digest(), (int)hash->size,
		(unsigned char *)salted) == 1 &&
	    gsasl_scram_secrets_from_salted_password(hash->hash, salted,
		client_key, server_key, stored_key) == GSASL_OK;
	buf_printf(line, "%s$%d$", hash->mechanism, SCRAM_ITERATIONS);
	base64_add(line, (struct span){ salt, sizeof(salt) });
	buf_add_char(line, '$');
	base64_add(line, (struct span){ stored_key, hash->size });
	buf_add_char(line, '$');
	base64_add(line, (struct span){ server_key, hash->size });
	explicit_bzero(salted, sizeof(salted));
	explicit_bzero(client_key, sizeof(client_key));
	explicit_bzero(server_key, sizeof(server_key));
	explicit_bzero(stored_key, sizeof(stored_key));
	return is_made;
}

bool
scram_add_keys(struct buf *line, const char *password)
{
	char prepared[LOGIN_SECRET_MAX + 1];
	bool is_good =
	    saslprep_query(span_of(password), prepared, sizeof(prepared)) &&
	    strcmp(password, prepared) == 0;

	explicit_bzero(prepared, sizeof(prepared));
	if (!is_good)
		return false;
	for (size_t i = 0; i < HASHES; i++) {
		if (i > 0)
			buf_add_char(line, ' ');
		if (!add_keys(line, &hashes[i], password))
			return false;
	}
	return !line->overflow;
}
